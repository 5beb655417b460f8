"""JSON as models write it, read as far as it can be read, and the elements of a policy under the names they give them.

Objects and lists come out that know whether their end was reached. Repeated keys stay, numbers stay as they were
written, and what is not JSON but can be read (comments, other quotes, a comma too many) is noted in a sentence each.
Keys that only describe are known, too; any other key that is no element may have been meant to limit something.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from iampolicy import tables
from iampolicy.checks import view
from iampolicy.document import DEEPEST, EFFECTS, POLICY_ELEMENTS, STATEMENT_ELEMENTS

UNREADABLE = object()  # stands for a value that cannot be read, or that was cut

_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff\u200b]+)
    | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<fence>```)
    | (?P<mark>[{}\[\]:,])
    | (?P<string>"(?:[^"\\\n]|\\.)*+")
    | (?P<single>'(?:[^'\\\n]|\\.)*+')
    | (?P<smart>[“”„‟][^“”„‟\n]*+[“”„‟]|[‘’‚‛][^‘’‚‛\n]*+[‘’‚‛])
    | (?P<word>[\w$.+-]+)
    | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_SCALARS = ("string", "single", "smart", "word")  # kinds of tokens that are a key or a value
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: it cannot be written to a file
_QUOTES = re.compile(r"""\\(.)|["]""", re.DOTALL)
CLOSE_ELEMENT = 0.8  # how much a key must look like the element that it is taken for
MOST_ELEMENTS = 30  # of one object; with more, misspelt names are not guessed

WRITTEN = {  # kind of name -> as models write it -> what is meant
    kind: {row["written"]: row["meant"] for row in tables.rows("as_models_write.tsv") if row["kind"] == kind}
    for kind in ("element", "describing")
}
ELEMENTS = (*POLICY_ELEMENTS, *STATEMENT_ELEMENTS)
OTHER_NAMES = (  # element as models write it, in lower case without marks -> element
    {name.lower(): name for name in ELEMENTS}
    | {f"{name.lower()}s": name for name in ELEMENTS if name not in ("Id", "Sid")}
    | WRITTEN["element"]
)


@dataclass
class Object:
    """A JSON object with its repeated keys; not whole if its end was not reached."""

    pairs: list[tuple[str, Any]] = field(default_factory=list)
    whole: bool = False


class List(list[Any]):
    """A JSON list; not whole if its end was not reached."""

    whole = False


class Number(str):
    """A number as it was written, so that none is too long or rounded."""


@dataclass
class Read:
    """What was read from a place in a text."""

    value: Any
    end: int
    notes: dict[str, None]  # what was not JSON and could be read
    inside: Object | List | None = None  # the innermost one that is open where reading stopped; None if all are closed
    stopped_by: str = ""  # the kind of token that does not fit; empty at the end of the text


def items(value: Any) -> list[Any]:
    """What a list holds, or the value itself as the only one."""
    return value if isinstance(value, list) else [value]


def read(text: str, start: int) -> Read:
    """Read the object or list that begins at `start`, as far as it can be read."""
    root = List()
    stack: list[Any] = [root]
    notes: dict[str, None] = {}
    key, wanted, previous = "", "value", ""

    def put(value: Any) -> None:
        if isinstance(stack[-1], List):
            stack[-1].append(value)
        else:
            stack[-1].pairs.append((key, value))

    for token in _TOKEN.finditer(text, start):
        kind, said = token.lastgroup or "", token[0]
        if kind == "space":
            continue
        if kind == "comment":
            notes["removed comments from the JSON"] = None
            continue
        in_list = isinstance(stack[-1], List)
        item, closing = ("value", "]") if in_list else ("key", "}")
        if wanted == "comma" and (_begins_entry(kind, said, previous) if in_list else kind in _SCALARS):
            notes["added a missing comma to the JSON"] = None
            wanted = item
        if wanted in ("comma", item) and said == closing:
            if previous == ",":
                notes["removed a comma before a closing bracket"] = None
            stack.pop().whole = True
            wanted = "comma"
            if len(stack) == 1:
                return Read(root[0], token.end(), notes)
        elif wanted == "comma" and said == ",":
            wanted = item
        elif wanted == "colon" and said == ":":
            wanted = "value"
        elif wanted == "key" and kind == "word":
            notes["put quotes around keys"] = None
            key, wanted = said, "colon"
        elif wanted == "key" and kind in _SCALARS and (value := _scalar(kind, said, notes)) is not UNREADABLE:
            key, wanted = value, "colon"
        elif wanted == "value" and said in ("{", "[") and len(stack) <= DEEPEST:
            opened, wanted = (Object(), "key") if said == "{" else (List(), "value")
            put(opened)
            stack.append(opened)
        elif wanted == "value" and kind in _SCALARS:
            put(_scalar(kind, said, notes))
            wanted = "comma"
        else:
            return Read(root[0], token.start(), notes, stack[-1], "" if kind == "fence" else kind)
        previous = said
    return Read(root[0], len(text), notes, stack[-1])


def _begins_entry(kind: str, said: str, previous: str) -> bool:
    """Whether a token begins the next entry of a list though no comma stands before it.

    A string after a string may be the rest of one that its author broke; not so if it begins as names and ARNs do.
    """
    return said == "{" or kind == "string" and previous.endswith('"') and re.match(r'"(\*|[\w-]+:)', said) is not None


def _scalar(kind: str, said: str, notes: dict[str, None]) -> Any:
    if kind == "word":
        if said in ("True", "False", "None"):
            notes["replaced Python's literals by JSON's"] = None
        return Number(said) if _NUMBER.fullmatch(said) else _WORDS.get(said, UNREADABLE)
    if kind != "string":
        notes["replaced single or typographic quotes by double ones"] = None
        said = '"' + _QUOTES.sub(lambda m: "'" if m[1] == "'" else m[0] if m[1] else '\\"', said[1:-1]) + '"'
    try:
        value = json.loads(said, strict=False)
    except ValueError:
        return UNREADABLE
    return UNREADABLE if _SURROGATE.search(value) else value


def shown(value: Any) -> str:
    """A value for a sentence."""
    if value is UNREADABLE:
        value = "(unreadable)"
    elif isinstance(value, Object | List):
        value = f"({type(value).__name__.lower()})"
    return view.shown(value)


@dataclass
class Elements:
    """The elements of one object."""

    known: dict[str, Any] = field(default_factory=dict)  # element -> its last value
    earlier: list[tuple[str, Any]] = field(default_factory=list)  # elements and values that a later one took over
    unknown: dict[str, str | None] = field(default_factory=dict)  # key -> the element of another place, if it is one


def elements_of(value: Object, names: tuple[str, ...], place: str, say: Callable[[str], None]) -> Elements:
    """Sort the pairs of an object by the elements that its place can have."""
    found = Elements()
    for key, name, held in _named(value):
        if name == "Id" and "Sid" in names:
            name = "Sid"
        if name not in names:
            found.unknown[key] = name
            continue
        if key != name:
            say(f"wrote the element {shown(key)} of {place} as {name}")
        if name in found.known:
            say(f"kept the last {name} of several in {place}")
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
    return len(key) <= 40 and re.sub(r"[^a-z]", "", key.lower()) in WRITTEN["describing"]


def _named(value: Object) -> list[tuple[str, str | None, Any]]:
    """Keys, the elements that they stand for, and values."""
    guess = len(value.pairs) <= MOST_ELEMENTS
    return [(key, _element(key, guess), held) for key, held in value.pairs]


def _element(key: str, guess: bool) -> str | None:
    """The element that a key stands for, None if it is no element or if several can be meant."""
    plain = re.sub(r"[\s_-]", "", key).lower() if len(key) <= 40 else key
    if plain in OTHER_NAMES or not guess or not 4 <= len(plain) <= 20 or plain in WRITTEN["describing"]:
        return OTHER_NAMES.get(plain)
    return _guessed(plain)


@lru_cache(maxsize=4_096)
def _guessed(plain: str) -> str | None:
    # A typo is seldom in the first letter, and a name that begins with "no" must not lose its Not.
    likely = [k for k in OTHER_NAMES if k[0] == plain[0] and k.startswith("no") == plain.startswith("no")]
    found = {OTHER_NAMES[k] for k in get_close_matches(plain, likely, 3, CLOSE_ELEMENT)}
    return found.pop() if len(found) == 1 else None
