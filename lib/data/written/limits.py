"""A limit: the words for a condition in each position of a sentence, and the condition blocks that mean it.

A Row of a table and a random source come in; a Limit goes out, with its words (in the clause, as a sentence, as a
tag of a few words, after "deny ...") and two blocks: the one under which to allow and the one under which to deny.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from lib.data.written.words import upper_first

KEY = "key"  # the name of the limits of services' own condition keys
Block = tuple[tuple[str, str, object], ...]  # (operator, key, value)


@dataclass(frozen=True)
class Limit:
    """A drawn condition. An empty `unless` means that it is not used for denying."""

    name: str
    clause: str  # follows a verb phrase: "only from 203.0.113.0/24"
    sentence: str  # stands alone, without the full stop
    tag: str  # "MFA required"
    unless: str  # follows a forbidden verb phrase: "unless MFA is used"
    allow: Block
    deny: Block


@dataclass(frozen=True)
class Row:
    """A kind of condition. `draw` gives words and value; the words stand in the texts as {v} or {o} (`filled`)."""

    name: str
    draw: Callable[[Random], tuple[str, object]]
    clauses: tuple[str, ...]
    sentences: tuple[str, ...]
    tags: tuple[str, ...]
    unless: tuple[str, ...]
    allow: Callable[[object], Block]
    deny: Callable[[object], Block]
    weight: int = 4


def scalar(values: list[str] | tuple[str, ...]) -> str | list[str]:
    """One value as a string, several as a list: the shorter of the forms that IAM takes."""
    return values[0] if len(values) == 1 else list(values)


def merged(*blocks: Block) -> dict[str, dict[str, object]]:
    """The Condition element of several blocks, all of which must hold."""
    condition: dict[str, dict[str, object]] = {}
    for operator, key, value in (triple for block in blocks for triple in block):
        condition.setdefault(operator, {})[key] = value
    return condition


def filled(text: str, words: str) -> str:
    """The text with the words of the values: {v} "a and b", {o} "a or b"."""
    return text.replace("{v}", words).replace("{o}", words.replace(" and ", " or "))


def draw(rng: Random, row: Row) -> Limit:
    """One condition of the row, with values and words drawn."""
    words, value = row.draw(rng)

    def said(texts: tuple[str, ...]) -> str:
        return filled(rng.choice(texts), words) if texts else ""

    return Limit(
        row.name,
        said(row.clauses),
        said(row.sentences),
        said(row.tags),
        said(row.unless),
        row.allow(value),
        row.deny(value),
    )


def key_limit(clause: str, block: Block) -> Limit:
    """The limit of a service's own condition key, which has one wording and is not turned round."""
    return Limit(KEY, clause, upper_first(clause), clause, "", block, ())
