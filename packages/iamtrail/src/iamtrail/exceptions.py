"""The rows of exceptions.txt: calls whose permission is not the action of the same name.

The table comes in once a process; rows go out by event source and event name, for mapping.py to weigh against a
request's parameters.
"""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

ALWAYS = "always"
NONE = "none"
EVERY_EVENT = "*"


@dataclass(frozen=True)
class Row:
    """One row: under a condition on the parameters, an event needs these actions."""

    sources: tuple[str, ...]  # event sources without their domain, or service prefixes
    events: tuple[str, ...]  # lower case
    when: str  # "always", "name", "name=pattern", each of the last two perhaps after "!"
    actions: tuple[str, ...]  # empty: IAM asks for nothing
    adds: bool  # to the action of the event's own name
    certain: bool
    why: str

    def holds(self, parameters: Iterable[tuple[str, str]]) -> bool:
        """Whether the request's parameters, flattened, meet the condition; names and values in any case."""
        if self.when == ALWAYS:
            return True
        name, _, value = self.when.lower().removeprefix("!").partition("=")
        found = any(
            fnmatch.fnmatchcase(key.lower(), name) and fnmatch.fnmatchcase(text.strip().lower(), value or "*")
            for key, text in parameters
        )
        return found != self.when.startswith("!")

    @property
    def parameter(self) -> str | None:
        """The name, or pattern of names, of the parameter that the condition reads."""
        return None if self.when == ALWAYS else self.when.removeprefix("!").partition("=")[0]


@cache
def rows() -> tuple[Row, ...]:
    """Every row, in the table's order."""
    text = resources.files("iamtrail").joinpath("exceptions.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return tuple(_row([cell.strip() for cell in line.split("|")]) for line in lines)


def _row(cells: list[str]) -> Row:
    sources, events, when, actions, certain, why = cells
    return Row(
        sources=tuple(sources.split()),
        events=tuple(events.lower().split()),
        when=when,
        actions=() if actions == NONE else tuple(actions.removeprefix("+").split()),
        adds=actions.startswith("+"),
        certain={"yes": True, "no": False}[certain],
        why=why,
    )


def named(source: str, event: str) -> tuple[Row, ...]:
    """The rows of a source that have the very name of the event (lower case)."""
    return _named().get((source, event), ())


def like(source: str, event: str) -> tuple[Row, ...]:
    """The rows of a source one of whose patterns the event's name (lower case) fits."""
    return tuple(row for row, pattern in _patterns().get(source, ()) if fnmatch.fnmatchcase(event, pattern))


def adding(source: str) -> tuple[Row, ...]:
    """The rows of a source that add to any of its events."""
    return _named().get((source, EVERY_EVENT), ())


@cache
def _named() -> dict[tuple[str, str], tuple[Row, ...]]:
    found: dict[tuple[str, str], tuple[Row, ...]] = {}
    for row in rows():
        for key in ((source, event) for source in row.sources for event in row.events):
            found[key] = (*found.get(key, ()), row)
    return found


@cache
def _patterns() -> dict[str, tuple[tuple[Row, str], ...]]:
    found: dict[str, tuple[tuple[Row, str], ...]] = {}
    for row in rows():
        patterns = [event for event in row.events if "*" in event and event != EVERY_EVENT]
        for source in row.sources if patterns else ():
            found[source] = (*found.get(source, ()), *((row, pattern) for pattern in patterns))
    return found
