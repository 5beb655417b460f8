"""The tables of this package: what AWS's services do that follows from no rule, to be read without Python.

Each file says at its top where it comes from and what its rows mean; here they get names and types.
"""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

ALWAYS, NONE, EVERY_EVENT = "always", "none", "*"  # words of exceptions.txt

Names = dict[str, list[str]]


def text(name: str) -> str:
    """A file of this folder."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def structure(name: str) -> Any:
    """A YAML file of this folder; parsed by C code where libyaml is there."""
    return yaml.load(text(name), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def lines(name: str) -> list[str]:
    """The rows of a table of lines; those that begin with # are for readers."""
    return [line for line in text(name).splitlines() if line.strip() and not line.startswith("#")]


def _pairs(name: str) -> dict[str, str]:
    return {left: right for left, right in map(str.split, lines(name))}


PREFIXES = _pairs("sources.txt")  # event source, or endpoint prefix -> service prefix, where they differ
CLIENTS = _pairs("clients.txt")  # name of a client in boto3, or service id -> endpoint prefix
PARAMETERS = frozenset(lines("names.txt"))  # request parameters that name a resource or a role, dotted
UNRECORDED = tuple(line.partition(" | ")[0] for line in lines("unrecorded.txt"))  # actions that no event shows
ALWAYS_PASSING = frozenset(lines("passing.txt"))  # actions whose requests cannot do without a role
API_PATHS: dict[str, tuple[str, ...]] = {}  # event of API Gateway, lower-case -> paths of its request
for _event, _path in map(str.split, lines("apis.txt")):
    API_PATHS[_event.lower()] = (*API_PATHS.get(_event.lower(), ()), _path)

# Source and event of a call that passes roles -> the services that take them.
TAKERS: dict[tuple[str, str], tuple[str, ...]] = {
    (source, event): tuple(f"{name}.amazonaws.com" for name in names)
    for source, event, *names in map(str.split, lines("takers.txt"))
}

_SERVICES = structure("services.yaml")
ALIASES: Names = _SERVICES["aliases"]
OWN: Names = _SERVICES["own"]
PRESENT: list[str] = _SERVICES["present"]
DEEP: list[str] = _SERVICES["deep"]
OBJECTS: Names = _SERVICES["objects"]
ANSWERS: Names = _SERVICES["answers"]
ANSWER = "responseElements"
DETAILS = "serviceEventDetails"  # of an event that a service writes of somebody's doing, put beside its parameters
ANSWERED = frozenset(f"{ANSWER}.{path.replace('[*]', '')}" for paths in ANSWERS.values() for path in paths)
ALTERNATIVES: Names = _SERVICES["alternatives"]
ALONE: dict[str, str] = _SERVICES["alone"]
EVERYWHERE: dict[str, str] = _SERVICES["everywhere"]
ONE_RUN: Names = _SERVICES["one_run"]
SSM_TYPES: dict[str, str] = _SERVICES["ssm_types"]
WHOLE: list[str] = _SERVICES["whole"]
READ: list[str] = _SERVICES["read"]
FOR_ONE_RUN: list[str] = _SERVICES["for_one_run"]
TOGETHER = frozenset(_SERVICES["together"])
FIXED: Names = _SERVICES["fixed"]
CREATED: Names = _SERVICES["created"]
NEEDED: Names = _SERVICES["needed"]
DEFAULTS: dict[str, str] = _SERVICES["defaults"]
PINNED: Names = _SERVICES["pinned"]
EC2_KINDS: dict[str, str] = _SERVICES["ec2_kinds"]
API_ROOTS: dict[str, str] = _SERVICES["api_roots"]
IAM_KINDS: dict[str, str] = _SERVICES["iam_kinds"]
OWNERS: dict[str, str] = _SERVICES["owners"]
OF_ITSELF = frozenset(_SERVICES["of_itself"])
WITHOUT_PASSING = frozenset(_SERVICES["without_passing"])
PASSING = frozenset(_SERVICES["passing"])
PASSED_LATER = frozenset(_SERVICES["passed_later"])


@dataclass(frozen=True)
class EventRule:
    """A row of exceptions.txt: under a condition on the parameters, an event needs these actions."""

    sources: tuple[str, ...]  # event sources without their domain, or service prefixes
    events: tuple[str, ...]  # lower case
    when: str  # "always", "name", "name=pattern", each of the last two perhaps after "!"
    actions: tuple[str, ...]  # empty: IAM asks for nothing
    adds: bool  # to the action of the event's own name
    certain: bool
    asks: bool  # the actions are not of the call for certain enough to be allowed: a question
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
def event_rules() -> tuple[EventRule, ...]:
    """Every row of exceptions.txt, in its order."""
    return tuple(_rule([cell.strip() for cell in line.split("|")]) for line in lines("exceptions.txt"))


@cache
def serving() -> tuple[str, ...]:
    """Events, in lower case, that a service writes and somebody causes: their details decide which actions it needs."""
    rules = (rule for rule in event_rules() if (rule.parameter or "").startswith(f"{DETAILS}."))
    return tuple(sorted({event for rule in rules for event in rule.events}))


def _rule(cells: list[str]) -> EventRule:
    sources, events, when, actions, certain, why = cells
    return EventRule(
        sources=tuple(sources.split()),
        events=tuple(events.lower().split()),
        when=when,
        actions=() if actions == NONE else tuple(actions.removeprefix("+").split()),
        adds=actions.startswith("+"),
        certain={"yes": True, "no": False, "ask": True}[certain],
        asks=certain == "ask",
        why=why,
    )


def named(source: str, event: str) -> tuple[EventRule, ...]:
    """The rules of a source that have the very name of the event (lower case); EVERY_EVENT: that add to any."""
    return _by_name().get((source, event), ())


def like(source: str, event: str) -> tuple[EventRule, ...]:
    """The rules of a source one of whose patterns the event's name (lower case) fits."""
    return tuple(rule for rule, pattern in _patterns().get(source, ()) if fnmatch.fnmatchcase(event, pattern))


@cache
def _by_name() -> dict[tuple[str, str], tuple[EventRule, ...]]:
    found: dict[tuple[str, str], tuple[EventRule, ...]] = {}
    for rule in event_rules():
        for key in ((source, event) for source in rule.sources for event in rule.events):
            found[key] = (*found.get(key, ()), rule)
    return found


@cache
def _patterns() -> dict[str, tuple[tuple[EventRule, str], ...]]:
    found: dict[str, tuple[tuple[EventRule, str], ...]] = {}
    for rule in event_rules():
        patterns = [(rule, event) for event in rule.events if "*" in event and event != EVERY_EVENT]
        for source in rule.sources:
            found[source] = (*found.get(source, ()), *patterns)
    return found
