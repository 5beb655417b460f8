"""Statements that another statement of the same policy makes needless."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from json import dumps

from iampolicy import catalogue
from iampolicy.checks.actions import covers_action
from iampolicy.checks.finding import Said
from iampolicy.checks.view import Value, View
from iampolicy.patterns import covers


class _Reach:
    """What a statement reaches, in a form that is quick to compare."""

    def __init__(self, view: View) -> None:
        self.view = view

    @cached_property
    def actions(self) -> int:
        return _bits(tuple(value.text for value in self.view.actions))

    @cached_property
    def rest(self) -> str:
        """Everything but Sid, Action and Resource, which must be the same in both statements."""
        kept = {k: v for k, v in self.view.data.items() if k not in ("Sid", "Action", "Resource")}
        return dumps(kept, sort_keys=True, default=str)


def check_redundancy(views: list[View]) -> Iterator[Said]:
    """One finding a statement that another one covers; of two equal ones the later is needless."""
    by_rest: dict[str, list[_Reach]] = {}
    for view in views:
        if view.actions or view.not_actions:
            reach = _Reach(view)
            by_rest.setdefault(reach.rest, []).append(reach)
    for group in by_rest.values():
        for place, narrow in enumerate(group):
            for other, wide in enumerate(group):
                if place != other and _within(narrow, wide) and not (place < other and _within(wide, narrow)):
                    what = f"{wide.view.path} says all that this statement says: remove this one."
                    yield Said("REDUNDANT_STATEMENT", what, narrow.view.path)
                    break


def _within(narrow: _Reach, wide: _Reach) -> bool:
    return (
        not narrow.actions & ~wide.actions
        and _all_covered(narrow.view.resources, wide.view.resources, covers)
        and _all_covered(narrow.view.actions, wide.view.actions, covers_action)
    )


def _all_covered(narrow: list[Value], wide: list[Value], covers) -> bool:
    texts = {value.text for value in wide}
    return all(n.text in texts or any(covers(w, n.text) for w in texts) for n in narrow)


@lru_cache(maxsize=4096)
def _bits(patterns: tuple[str, ...]) -> int:
    found = 0
    for pattern in patterns:
        found |= catalogue.load().bits(pattern)
    return found
