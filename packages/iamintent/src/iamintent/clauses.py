"""A request cut into its clauses, one for each thing that it asks for, without the words that lead up to it.

What is named once ("... in Amazon SQS") counts for every clause of its sentence, which stands beside each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from iamintent.words import TABLES, stem
from iampolicy import catalogue
from iampolicy.words import readable, split_name

_LEAD_UP = re.compile("|".join(TABLES.leading_up), re.IGNORECASE)
_SMALL_TALK = re.compile(rf"\W*(?:{TABLES.small_talk})\W*", re.IGNORECASE)
_ABOUT_PERMISSIONS = re.compile(TABLES.about_permissions, re.IGNORECASE)
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


def clauses(request: str) -> list[Clause]:
    """Cut a request into its clauses.

    A piece without a verb belongs to the piece before it ("the queues orders, and refunds"), a verb without an object
    takes the next one. What is beyond LONGEST characters or MOST clauses is left out, and what cannot be printed
    counts as a blank.

    >>> [clause.text for clause in clauses("Let ops read and delete messages, and the intern may list the queues")]
    ['Let ops read messages', 'delete messages', 'list the queues']
    """
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    def show(text: str) -> str:
        return re.sub("\x00(\\d+)\x00", lambda m: kept[int(m[1])], text)

    found = [
        Clause(_core(show(piece)), show(sentence))
        for sentence in _SENTENCE.split(_WHOLE.sub(hide, readable(request[:LONGEST])))
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
        if position not in whole and not _object(_core(piece)):
            after = filter(None, map(_object, pieces[position + 1 :]))
            yield f"{_core(piece)} {next(after, '')}"
        else:
            yield piece


def _core(piece: str) -> str:
    """The piece from where it says what is asked: the words that lead up to it are of no service."""
    ends = [m.end() for m in _LEAD_UP.finditer(piece) if m.start() < LEAD_UP and m.end() < len(piece) - 3]
    return piece[ends[-1] :] if ends else piece


def _object(piece: str) -> str:
    """What follows the verb: "describe the queue" -> "the queue", "let them look up" -> ""; all of it without one."""
    verb = leading_verb(piece)
    found = _from_verb(verb).search(piece) if verb else None
    rest = piece[found.end() :].strip() if found else piece
    return rest if not found or re.search(r"\w", rest) else ""


@lru_cache(maxsize=4_096)
def _from_verb(verb: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(verb)}\b{_PARTICLE}")


def leading_verb(text: str) -> str | None:
    """The first verb of a clause as it stands there, or None.

    >>> leading_verb("the intern lists queues")
    'lists'
    """
    _, stems, _ = _of_operations()
    return next((w for w in re.findall(r"[A-Za-z]+", text)[:8] if stem(w.lower()) in stems), None)


def _is_object(piece: str) -> bool:
    """Whether a piece only names more of what the verb before it speaks of: "see users, *roles* and *policies*"."""
    verbs, stems, objects = _of_operations()
    words = re.sub(r"[.?!]+$", "", piece).split()
    if not 1 <= len(words) <= 3 or _NO_OBJECT.match(piece):
        return False
    first, last = words[0].lower(), words[-1].lower()
    if first in verbs or first.endswith("ing") and stem(first) in stems:  # but "lists" may be a noun
        return False
    return last in objects and all(w.isalpha() for w in words)


@cache
def _of_operations() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The first verbs of operations and those of requests, the stems of both, and plurals that operations end in."""
    names = [split_name(action.operation) for action in catalogue.load().actions.values()]
    verbs = frozenset({name[0].lower() for name in names} | set(TABLES.verbs))
    objects = frozenset(name[-1].lower() for name in names if name[-1].endswith("s") and name[-1].isalpha())
    return verbs, frozenset(map(stem, verbs)), objects
