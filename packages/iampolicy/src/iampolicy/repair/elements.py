"""The elements of a policy and of a statement, under the names that models give them.

A key comes in and the element that it stands for goes out, or an object and its elements. Keys that only describe are
known, too; any other key may have been meant to limit something.
"""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from iampolicy.document import EFFECTS, POLICY_ELEMENTS, STATEMENT_ELEMENTS
from iampolicy.repair.loose import Object, items
from iampolicy.repair.work import Work, shown

CLOSE = 0.8  # how much a key must look like the element that it is taken for
MOST_ELEMENTS = 30  # of one object; with more, misspelt names are not guessed

OTHER_NAMES = {  # element as models write it, in lower case without marks -> element
    **{name.lower(): name for name in (*POLICY_ELEMENTS, *STATEMENT_ELEMENTS)},
    **{f"{name.lower()}s": name for name in (*POLICY_ELEMENTS, *STATEMENT_ELEMENTS) if name not in ("Id", "Sid")},
    "statementid": "Sid",
    "policyid": "Id",
}
# Elements of no meaning to AWS that only describe; whatever else is unknown may have been meant to limit something.
DESCRIBING = {
    *("description", "descriptions", "comment", "comments", "name", "policyname", "title", "note", "notes", "schema"),
    *("explanation", "purpose", "reason", "summary", "metadata", "tags", "label", "policytype", "policyarn"),
}


@dataclass
class Elements:
    """The elements of one object."""

    known: dict[str, Any] = field(default_factory=dict)  # element -> its last value
    earlier: list[tuple[str, Any]] = field(default_factory=list)  # elements and values that a later one took over
    unknown: dict[str, str | None] = field(default_factory=dict)  # key -> the element of another place, if it is one


def elements_of(work: Work, value: Object, names: tuple[str, ...], place: str) -> Elements:
    """Sort the pairs of an object by the elements that its place can have."""
    found = Elements()
    for key, name, held in _named(value):
        if name == "Id" and "Sid" in names:
            name = "Sid"
        if name not in names:
            found.unknown[key] = name
            continue
        if key != name:
            work.say(f"wrote the element {shown(key)} of {place} as {name}")
        if name in found.known:
            work.say(f"kept the last {name} of several in {place}")
            found.earlier.append((name, found.known[name]))
        found.known[name] = held
    return found


def is_statement(value: Any) -> bool:
    """Whether an object has an element that only statements have."""
    return isinstance(value, Object) and any(n in ("Effect", "Action", "NotAction") for _, n, _ in _named(value))


def is_policy(value: Any) -> bool:
    """Whether an object has a Statement."""
    return isinstance(value, Object) and any(name == "Statement" for _, name, _ in _named(value))


def effect_of(value: Any) -> str | None:
    """Allow or Deny in whatever case, None for all else."""
    if len(items(value)) == 1:
        (value,) = items(value)
    word = value.strip().capitalize() if isinstance(value, str) else None
    return word if word in EFFECTS else None


def describes(key: str) -> bool:
    """Whether a key that is no element only describes."""
    return len(key) <= 40 and re.sub(r"[^a-z]", "", key.lower()) in DESCRIBING


def _named(value: Object) -> list[tuple[str, str | None, Any]]:
    """Keys, the elements that they stand for, and values."""
    guess = len(value.pairs) <= MOST_ELEMENTS
    return [(key, _element(key, guess), held) for key, held in value.pairs]


def _element(key: str, guess: bool) -> str | None:
    """The element that a key stands for, None if it is no element or if several can be meant."""
    plain = re.sub(r"[\s_-]", "", key).lower() if len(key) <= 40 else key
    if plain in OTHER_NAMES or not guess or not 4 <= len(plain) <= 20 or plain in DESCRIBING:
        return OTHER_NAMES.get(plain)
    return _guessed(plain)


@lru_cache(maxsize=4_096)
def _guessed(plain: str) -> str | None:
    # A typo is seldom in the first letter, and a name that begins with "no" must not lose its Not.
    likely = [k for k in OTHER_NAMES if k[0] == plain[0] and k.startswith("no") == plain.startswith("no")]
    found = {OTHER_NAMES[k] for k in get_close_matches(plain, likely, 3, CLOSE)}
    return found.pop() if len(found) == 1 else None
