"""JSON as models write it, read as far as it can be read.

A text and a place in it come in, objects and lists go out that know whether their end was reached. Repeated keys stay,
numbers stay as they were written, and what is not JSON but can be read (comments, other quotes, a comma too many) is
noted in a sentence each.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from iampolicy.document import DEEPEST

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


@dataclass
class Object:
    """A JSON object with its repeated keys; not whole if its end was not reached."""

    pairs: list[tuple[str, Any]] = field(default_factory=list)
    whole: bool = False


class List(list):
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
        if wanted == "comma" and (said == "{" if in_list else kind in _SCALARS):
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
