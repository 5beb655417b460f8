"""The words of a request: terms to search with, and clauses, one for each thing that it asks for.

English or the name of an operation comes in. "Setting up queues" and "CreateQueue" have their terms in common; what is
named once ("... in Amazon SQS") counts for every clause of its sentence. Tables of words stand in words.yaml.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated

import Stemmer
import yaml
from pydantic import BaseModel, BeforeValidator, field_validator

from iampolicy import catalogue
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
    verbs: Words
    in_titles: Words
    levels: dict[str, tuple[str, ...]]
    reading: Words
    reading_too: Words
    places: dict[str, str]
    refusals: tuple[Refusal, ...]
    weights: dict[str, float]


TABLES = Tables.model_validate(yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8")))
LONGEST_WORD = 100  # characters; no name of an operation is longer, and splitting costs their square
_PHRASES = [(re.compile(rf"\b(?:{said})\b", re.IGNORECASE), meant) for said, meant in TABLES.phrases.items()]
_FILLER = frozenset(TABLES.filler)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_stemmer = Stemmer.Stemmer("english")


@cache
def nouns() -> dict[tuple[str, str], tuple[str, str]]:
    """What people call a resource type of a service: beside a name, and so that it tells the service (nouns.tsv)."""
    lines = Path(__file__).with_name("nouns.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {(r["service"], r["type"]): (r["noun"], r["telling"]) for r in csv.DictReader(lines, delimiter="\t")}


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of one word in lower case: "queues" -> "queue"."""
    return _stemmer.stemWord(word)


@cache
def verb_terms(word: str) -> tuple[str, ...]:
    """The groups of verbs that a stem belongs to, as terms."""
    return tuple(f"={group}" for group, verbs in TABLES.alike.items() if word in map(stem, verbs))


@lru_cache(maxsize=4_096)
def terms(text: str) -> tuple[str, ...]:
    """The search terms of an English text, in its order; names in CamelCase are split into their words.

    Words of more than LONGEST_WORD characters are left out.
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


# How a request leads up to what it asks for: "a policy that allows the billing team to ...", "they must not ...".
_LEAD_UP = re.compile(
    r"\b(?:(?:able|needs?|wants?|ha[sv]e?|allowed|permitted|permissions?|like|authori[sz]ed|required|possible)"
    r"(?: for (?:[\w'/-]+ ){1,6}?)? ?"
    r"|(?:allow|permit|enable|authori[sz]e|grant|give|deny|denie|forbid)\w* (?!\w+ing\b)"
    r"(?:[\w'/:-]+ ){0,8}?(?:the ability |permissions? |access )?)to (?=\w)"
    r"|\b(?:deny|denie|forbid|prevent|stop|(?<!a )(?<!the )block|keep)\w* (?!\w+ing\b)"
    r"(?:[\w'/:-]+ ){0,8}?from (?=\w+ing\b)"
    r"|\b(?:may|can|cannot|can't|must|should|shall|might)(?: not)?(?: also)?(?: only)? (?!be )",
    re.IGNORECASE,
)
_SMALL_TALK = re.compile(
    r"\W*(?:hey|hi|hello|thanks|thank you|please|pls|however|but|besides|furthermore|also|ok)\W*", re.IGNORECASE
)
_ABOUT_PERMISSIONS = re.compile(  # "Please add the permissions.": asks for nothing by itself
    r"^\s*(?:please |pls |kindly )?(?:add|grant|give|update|fix)\b[\w ]{0,20}\b(?:permissions?|access|policy|iam)\W*$",
    re.IGNORECASE,
)
LEAD_UP = 80  # characters within which a lead-up begins
LONGEST = 4000  # characters of a request that are read; what is asked stands at the beginning
MOST = 40  # clauses of a request
_SENTENCE = re.compile(
    r"(?<=[.;!?])\s+|\s*[\r\n]+\s*|,? plus |(?:^|\s)[-*•]\s|(?:^|\s)\d{1,2}[.)]\s"
    r"|\s+(?=(?:But|However|Make sure|Explicitly|Deny|Never|Nobody)\b,? [a-z])"  # after an item without a full stop
)
_EXCEPT = r"except|apart from|other than|with the exception of|but (?:explicitly )?(?:den|never|block|forbid)"
_NO_OBJECT = re.compile(rf"{_EXCEPT}|(?:for|in|on|of|to|by|at) ")
_CLAUSE = re.compile(
    rf",? (?:and/or|and|or|as well as|then|but(?: not)?(?! explicitly| den| never| block| forbid)) |,? (?={_EXCEPT})"
    r"|, (?!region)"
)
# Parts that hold dots, slashes and commas of their own: ARNs, quoted names, names with a path.
_WHOLE = re.compile(r"arn:[^\s,;]*[^\s,;.?!)]|\"[^\"]{1,200}\"|(?<!\w)[\w-]*/[\w/.-]*\w")
_PARTICLE = r"(?: (?:up|off|on|out|down|in|at|back|from|into)\b)?"


@dataclass(frozen=True)
class Clause:
    """A piece of the request that can ask for something, and the sentence around it."""

    text: str  # without the words that lead up to it
    sentence: str


@cache
def _base_verbs() -> frozenset[str]:
    first = {split_name(a.operation)[0].lower() for a in catalogue.load().actions.values()}
    return frozenset(first | set(TABLES.verbs))


@cache
def _verb_stems() -> frozenset[str]:
    return frozenset(map(stem, _base_verbs()))


def _is_verb(word: str) -> bool:
    """Whether a word has the form of a verb: "list" or "listing", no "lists", which may be a noun."""
    low = word.lower()
    return low in _base_verbs() or low.endswith("ing") and stem(low) in _verb_stems()


def leading_verb(text: str) -> str | None:
    """The first verb of a clause as it stands there, or None."""
    return next((w for w in re.findall(r"[A-Za-z]+", text)[:8] if stem(w.lower()) in _verb_stems()), None)


def clauses(request: str) -> list[Clause]:
    """Cut a request into its clauses.

    A piece without a verb belongs to the piece before it ("the queues orders, and refunds"), a verb without an object
    takes the next one ("read and delete messages"). What is beyond LONGEST characters or MOST clauses is left out, and
    what cannot be printed counts as a blank.
    """
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    def show(text: str) -> str:
        return re.sub("\x00(\\d+)\x00", lambda m: kept[int(m[1])], text)

    plain = "".join(c if c.isprintable() or c.isspace() else " " for c in request[:LONGEST])
    found = [
        Clause(_core(show(piece)), show(sentence))
        for sentence in _SENTENCE.split(_WHOLE.sub(hide, plain))
        for piece in _pieces(sentence)
    ]
    telling = [c for c in found if leading_verb(c.text) or not _SMALL_TALK.fullmatch(c.text)]
    return (telling or found)[:MOST]


def _pieces(sentence: str) -> Iterator[str]:
    """The clauses of a sentence, each with its verb and its object."""
    pieces: list[str] = []
    whole: set[int] = set()  # positions of pieces that are not for others to complete
    for piece in _CLAUSE.split(sentence):
        if not piece.strip() or _ABOUT_PERMISSIONS.match(piece):
            continue
        if pieces and _is_object(piece) and (verb := leading_verb(_core(pieces[-1]))):
            whole.add(len(pieces))
            pieces.append(f"{verb} {piece}")
        elif pieces and leading_verb(piece) is None:
            pieces[-1] += f", {piece}"
        else:
            pieces.append(piece)
    for position, piece in enumerate(pieces):
        if position not in whole and _lacks_object(_core(piece)):
            after = (p for p in pieces[position + 1 :] if not _lacks_object(p))
            yield f"{_core(piece)} {_object(next(after, ''))}"
        else:
            yield piece


def _core(piece: str) -> str:
    """The piece from where it says what is asked: the words that lead up to it are of no service."""
    ends = [m.end() for m in _LEAD_UP.finditer(piece) if m.start() < LEAD_UP and m.end() < len(piece) - 3]
    return piece[ends[-1] :] if ends else piece


def _lacks_object(piece: str) -> bool:
    """Whether a piece ends with its verb: "delete", "let the developers look up"."""
    verb = leading_verb(piece)
    found = _from_verb(verb).search(piece) if verb else None
    return found is not None and not re.search(r"\w", piece[found.end() :])


def _object(piece: str) -> str:
    """What follows the verb of a piece: "describe the queue" -> "the queue"."""
    verb = leading_verb(piece)
    return _from_verb(verb).split(piece, maxsplit=1)[1].strip() if verb else piece


@lru_cache(maxsize=4_096)
def _from_verb(verb: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(verb)}\b{_PARTICLE}")


@cache
def _objects() -> frozenset[str]:
    last = {split_name(a.operation)[-1] for a in catalogue.load().actions.values()}
    return frozenset(word.lower() for word in last if word.endswith("s") and word.isalpha())


def _is_object(piece: str) -> bool:
    """Whether a piece only names more of what the verb before it speaks of: "see users, *roles* and *policies*"."""
    words = re.sub(r"[.?!]+$", "", piece).split()
    if not 1 <= len(words) <= 3 or _is_verb(words[0]) or _NO_OBJECT.match(piece):
        return False
    return words[-1].lower() in _objects() and all(w.isalpha() for w in words)
