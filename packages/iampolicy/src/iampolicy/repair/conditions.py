"""Condition elements: operators by the names that AWS knows, values as texts.

A Condition as it was read comes in and one of plain data goes out. It stands in a statement whose end was reached, so
all of it was read or is UNREADABLE; one part that cannot be read spoils it, for every test limits the statement.
"""

from collections.abc import Callable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from iampolicy.conditions import OPERATORS
from iampolicy.repair.loose import List, Object, items
from iampolicy.repair.work import Draft, shown

CLOSE = 0.9  # how much an operator must look like the one that it is taken for
OPERATOR_NAMES = tuple(  # of iampolicy.conditions, in AWS's spelling
    family + test
    for family, tests in {
        "String": "Equals NotEquals EqualsIgnoreCase NotEqualsIgnoreCase Like NotLike",
        "Numeric": "Equals NotEquals LessThan LessThanEquals GreaterThan GreaterThanEquals",
        "Date": "Equals NotEquals LessThan LessThanEquals GreaterThan GreaterThanEquals",
        "Arn": "Equals NotEquals Like NotLike",
        "Binary": "Equals",
    }.items()
    for test in tests.split()
) + ("Bool", "IpAddress", "NotIpAddress", "Null")


class _Unreadable(Exception):
    """A part of a Condition cannot be read."""


def condition(draft: Draft, name: str, value: Any) -> dict[str, Any]:
    """The Condition, as an object of one, or of none if it holds nothing or a Deny loses it.

    Raises:
        Drop: if it cannot be read, and the statement is an Allow.
    """
    if value is None or value == []:
        draft.say(f"removed the Condition of {draft.place}, which holds nothing")
        return {}
    if isinstance(value, List) and len(value) == 1:
        draft.say(f"took the Condition of {draft.place} out of its list")
        (value,) = value
    changes: list[str] = []
    try:
        made = _tests(value, draft.place, draft.allows, changes.append)
    except _Unreadable:
        change = f"dropped the Condition of {draft.place}, which cannot be read: it denies more"
        draft.cannot_keep("its Condition cannot be read", change)
        return {}
    for change in changes:
        draft.say(change)
    return {name: made}


def _tests(value: Any, place: str, merge: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """A Condition as plain data.

    Args:
        merge: whether operators that stand there twice may become one, which then demands all their tests.
    """
    made: dict[str, Any] = {}
    for name, tests in _pairs(value):
        operator = _operator(name)
        if operator is None or (operator in made and not merge):
            raise _Unreadable
        if operator != name:
            say(f"wrote the operator {shown(name)} of {place} as {operator}")
        if operator in made:
            say(f"put the tests of {operator}, which stands twice in {place}, together")
        block = made.setdefault(operator, {})
        for key, values in _pairs(tests):
            where = f"{place}.Condition.{operator}"
            texts = [_text(v, f"{shown(key)} in {where}", say) for v in items(values)]
            wanted = texts if isinstance(values, List) else texts[0]
            if key in block:
                if block[key] != wanted:
                    raise _Unreadable
                say(f"removed {shown(key)} from {where}: it stands there twice")
            block[key] = wanted
    return made


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Object):
        raise _Unreadable
    return value.pairs


def _text(value: Any, where: str, say: Callable[[str], None]) -> str:
    if not isinstance(value, str | bool):
        raise _Unreadable
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if type(value) is not str:
        say(f'wrote {text} of {where} as "{text}"')
    return text


@lru_cache(maxsize=4_096)
def _operator(name: str) -> str | None:
    """A condition operator as it stands if AWS knows it, else the one that is meant, else None."""
    quantifier, colon, bare = name.rpartition(":")
    lower = bare.lower()
    plain = lower.removesuffix("ifexists")
    if quantifier.lower() not in ("", "forallvalues", "foranyvalue") or len(bare) > 60:
        return None
    if plain in OPERATORS or lower == "null":
        return name
    rest = "IfExists" if plain != lower else ""
    # "Not" must neither come nor go.
    likely = [o for o in OPERATOR_NAMES if o[:1].lower() == plain[:1] and ("Not" in o) == ("not" in plain)]
    best = sorted(((SequenceMatcher(None, plain, o.lower()).ratio(), o) for o in likely), reverse=True)
    if not best or best[0][0] < CLOSE or (len(best) > 1 and best[1][0] >= best[0][0]):
        return None
    return f"{quantifier}{colon}{best[0][1]}{rest}"
