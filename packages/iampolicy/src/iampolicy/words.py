"""English, and text as a terminal shows it: lists, plurals, CamelCase names as words, names of services.

Everything that says something in a sentence asks here: messages, explanations, questions, composed requests.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from iampolicy import catalogue, tables

if TYPE_CHECKING:
    import inflect

_WORDS = {row["kind"]: frozenset(row["words"].split()) for row in tables.rows("words.tsv")}
_PLURALS = {"index": "indexes", "person": "people", "proxy": "proxies"}  # where inflect is learned or dignified
_SPELLED = {word.lower(): word for word in _WORDS["acronym"] | _WORDS["brand"]}
_JOINTS = (
    (re.compile(r"[-_./:\s]+"), " "),
    (re.compile(r"([a-z0-9])([A-Z])"), r"\1 \2"),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1 \2"),
)
_CAPITALS = re.compile(r"[A-Z0-9]{2,}s?")


@dataclass(frozen=True)
class Called:
    """What people call a service: a row of services.tsv."""

    prefix: str
    asked: int  # how often requests speak of it; 0: rarely
    names: tuple[str, ...]  # what requests call it, the usual name first
    also: tuple[str, ...]  # other names that a reader understands
    word: str  # the name in one word, as in a Sid, where it is not just the prefix with a capital


@cache
def services() -> dict[str, Called]:
    """The services that are called other than their title in the reference, by prefix, the best known first."""
    return {
        row["prefix"]: Called(
            row["prefix"], int(row["asked"]), _several(row["names"]), _several(row["also"]), row["word"]
        )
        for row in tables.rows("services.tsv")
    }


def service_name(prefix: str) -> str:
    """What people call a service: the usual name, or the title in the reference, or the prefix itself.

    >>> service_name("states"), service_name("appmesh")
    ('Step Functions', 'AWS App Mesh')
    """
    called, known = services().get(prefix), catalogue.load().services.get(prefix)
    return called.names[0] if called and called.names else known.title if known else prefix


def split_name(name: str) -> tuple[str, ...]:
    """The words of a CamelCase or dashed name, acronyms and brands as they are spelled.

    >>> split_name("DescribeDBInstances"), split_name("log-group")
    (('describe', 'DB', 'instances'), ('log', 'group'))
    """
    return _split(name)


def listed(words: Iterable[str], last: str = "and", most: int | None = None) -> str:
    """The words as an English list; of more than `most` the first ones, and how many more there are.

    >>> listed(["a", "b", "c"]), listed(["a", "b"], "or"), listed(["a", "b", "c", "d"], most=2)
    ('a, b and c', 'a or b', 'a, b and 2 more')
    """
    shown = list(words)
    if most is not None and len(shown) > most:
        shown[most:] = [f"{len(shown) - most:,} more"]
    return f" {last} ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def plural(noun: str) -> str:
    """The plural of a noun phrase, by its last word; mass nouns and plurals stay as they are.

    >>> plural("log group"), plural("policy"), plural("access"), plural("tags")
    ('log groups', 'policies', 'access', 'tags')
    """
    head, blank, last = noun.rpartition(" ")
    low = last.lower()
    counted = low in _WORDS["counted"] or not low.endswith("ing")
    ended = low.endswith("s") and not low.endswith(("ss", "us", "alias", "analysis"))
    if low in _WORDS["mass"] or not counted or ended or not last.isalpha():
        return noun
    if _CAPITALS.fullmatch(last):
        return f"{noun}s"
    return (
        head + blank + (_PLURALS.get(low) or (f"{last}es" if low.endswith("alias") else _english().plural_noun(last)))
    )


def printable(text: str, keep: str = "", longest: int | None = None) -> str:
    r"""The text as a terminal or a page may show it: what cannot be seen as its JSON escape, cut where it is too long.

    A name in a policy or a log may hold what a terminal would obey.

    >>> print(printable("a\x1b[31m\n"), printable("a\n", keep="\n\t"), printable("abcdef", longest=3), sep="|")
    a\u001b[31m\n|a
    |abc...
    """
    shown = "".join(c if c.isprintable() or c in keep else json.dumps(c)[1:-1] for c in text)
    return shown if longest is None or len(shown) <= longest else f"{shown[:longest]}..."


def readable(text: str) -> str:
    r"""The text line by line as a person wrote it, without what surrounds it; a blank for what cannot be printed.

    >>> readable(" read\tobjects\x00\r\nwrite objects\n")
    'read objects \nwrite objects'
    """
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text.replace("\r\n", "\n")).strip()


@cache
def _split(name: str) -> tuple[str, ...]:
    for brand in _WORDS["brand"]:
        name = name.replace(brand, brand.title())
    for joint, blank in _JOINTS:
        name = joint.sub(blank, name)
    words = name.split()
    return tuple(word if _CAPITALS.fullmatch(word) else _SPELLED.get(word.lower(), word.lower()) for word in words)


@cache
def _english() -> "inflect.engine":
    import inflect  # takes more than a second, and most who ask for a list need no plural

    return inflect.engine()


def _several(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()
