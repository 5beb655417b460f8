"""The words of a request as terms to search with, and the tables of words by which everything here reads (words.yaml).

English or the name of an operation comes in: "setting up queues" and "CreateQueue" have their terms in common.
"""

import csv
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated

import Stemmer
import yaml
from pydantic import BaseModel, BeforeValidator, field_validator

from iampolicy.words import split_name

Words = Annotated[tuple[str, ...], BeforeValidator(str.split)]


class Refusal(BaseModel, frozen=True, extra="forbid"):
    """What a request says that gets a reason instead of a draft, unless a service is named so surely."""

    said: re.Pattern[str]
    unless: float
    why: str

    _any_case = field_validator("said", mode="before")(lambda said: re.compile(said, re.IGNORECASE))


class Tables(BaseModel, frozen=True, extra="forbid"):
    """What stands in words.yaml; each table is explained there."""

    phrases: dict[str, str]
    alike: dict[str, Words]
    filler: Words
    leading_up: tuple[str, ...]
    small_talk: str
    about_permissions: str
    verbs: Words
    in_titles: Words
    title_lead_up: str
    title_levels: dict[str, str]
    levels: dict[str, tuple[str, ...]]
    reading: Words
    reading_too: Words
    places: dict[str, str]
    refusals: tuple[Refusal, ...]
    weights: dict[str, float]


FOLDER = Path(__file__).parent
TABLES = Tables.model_validate(yaml.safe_load((FOLDER / "words.yaml").read_text(encoding="utf-8")))
LONGEST_WORD = 100  # characters; no name of an operation is longer, and splitting costs their square
_PHRASES = [(re.compile(rf"\b(?:{said})\b", re.IGNORECASE), meant) for said, meant in TABLES.phrases.items()]
_FILLER = frozenset(TABLES.filler)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_stemmer = Stemmer.Stemmer("english")


@cache
def nouns() -> dict[tuple[str, str], tuple[str, str]]:
    """What people call a resource type of a service: beside a name, and so that it tells the service (nouns.tsv)."""
    lines = (FOLDER / "nouns.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {(r["service"], r["type"]): (r["noun"], r["telling"]) for r in csv.DictReader(lines, delimiter="\t")}


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of one word in lower case.

    >>> stem("queues"), stem("creating")
    ('queue', 'creat')
    """
    return str(_stemmer.stemWord(word))


@cache
def verb_terms(word: str) -> tuple[str, ...]:
    """The groups of verbs that a stem belongs to, as terms."""
    return tuple(f"={group}" for group, verbs in TABLES.alike.items() if word in map(stem, verbs))


@lru_cache(maxsize=4_096)
def terms(text: str) -> tuple[str, ...]:
    """The search terms of an English text, in its order; names in CamelCase are split into their words.

    Words of more than LONGEST_WORD characters are left out.

    >>> terms("setting up queues") == terms("CreateQueue")
    True
    """
    for said, meant in _PHRASES:
        text = said.sub(meant, text)
    found: list[str] = []
    for word in _WORD.findall(text):
        if len(word) > LONGEST_WORD:
            continue
        for part in split_name(word) if any(c.isupper() for c in word[1:]) else (word,):
            if (low := part.lower()) not in _FILLER:
                found += [stem(low), *verb_terms(stem(low))]
    return tuple(found)


def distinct(text: str) -> tuple[str, ...]:
    """The terms of a text, each once; in a set their order, and with it the last bits of a sum, varies by process."""
    return tuple(dict.fromkeys(terms(text)))
