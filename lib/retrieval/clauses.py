"""A request cut into clauses, one for each thing that it asks for.

Text comes in; clauses go out in its order, each with the sentence that it stands in: what is named once ("... in
Amazon SQS") counts for every clause of its sentence.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from iampolicy import catalogue
from lib.data.written.words import split_name
from lib.retrieval.terms import stem

# How a request leads up to what it asks for: "a policy that allows the billing team to ...", "they must not ...".
_FRAME = re.compile(
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
FRAME = 80  # characters within which a lead-up begins
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
_MORE_VERBS = (
    "remove destroy see look view upload download write read retrieve fetch obtain enumerate browse modify change "
    "edit adjust initiate kick launch empty inspect check find append rename access drop manage administer "
    "monitor query pull push post scale fire spin make take trigger save store hand pass power switch turn set"
)


@dataclass(frozen=True)
class Clause:
    """A piece of the request that can ask for something, and the sentence around it."""

    text: str  # without the words that lead up to it
    sentence: str


@cache
def _base_verbs() -> frozenset[str]:
    return frozenset({split_name(a.operation)[0].lower() for a in catalogue.load().actions.values()})


@cache
def _verbs() -> frozenset[str]:
    return frozenset(stem(verb) for verb in (*_base_verbs(), *_MORE_VERBS.split()))


def _is_verb(word: str) -> bool:
    """Whether a word has the form of a verb: "list" or "listing", no "lists", which may be a noun."""
    low = word.lower()
    return low in _base_verbs() or low in _MORE_VERBS.split() or low.endswith("ing") and stem(low) in _verbs()


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
    text = _WHOLE.sub(hide, plain)
    found = []
    for sentence in _SENTENCE.split(text):
        pieces: list[str] = []
        whole: set[int] = set()  # positions of pieces that are not for others to complete
        for piece in _CLAUSE.split(sentence):
            if not piece.strip() or _ABOUT_PERMISSIONS.match(piece):
                continue
            if pieces and _is_object(piece) and (verb := leading_verb(_core(pieces[-1]))):
                pieces.append(f"{verb} {piece}")
                whole.add(len(pieces) - 1)
            elif pieces and leading_verb(piece) is None:
                pieces[-1] += f", {piece}"
            else:
                pieces.append(piece)
        for position, piece in enumerate(pieces):
            core = _core(piece)
            if position not in whole and _lacks_object(core):
                after = (p for p in pieces[position + 1 :] if not _lacks_object(p))
                piece = f"{core} {_object(next(after, ''))}"
            found.append(Clause(_core(show(piece)), show(sentence)))
    telling = [c for c in found if leading_verb(c.text) or not _SMALL_TALK.fullmatch(c.text)]
    return (telling or found)[:MOST]


def _core(piece: str) -> str:
    """The piece from where it says what is asked: the words that lead up to it are of no service."""
    ends = [m.end() for m in _FRAME.finditer(piece) if m.start() < FRAME and m.end() < len(piece) - 3]
    return piece[ends[-1] :] if ends else piece


def _lacks_object(piece: str) -> bool:
    """Whether a piece ends with its verb: "delete", "let the developers look up"."""
    verb = leading_verb(piece)
    found = verb and _from_verb(verb).search(piece)
    return bool(found) and not re.search(r"\w", piece[found.end() :])


def _object(piece: str) -> str:
    """What follows the verb of a piece: "describe the queue" -> "the queue"."""
    verb = leading_verb(piece)
    return _from_verb(verb).split(piece, maxsplit=1)[1].strip() if verb else piece


@lru_cache(maxsize=4_096)
def _from_verb(verb: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(verb)}\b{_PARTICLE}")


def leading_verb(text: str) -> str | None:
    """The first verb of a clause as it stands there, or None."""
    return next((w for w in re.findall(r"[A-Za-z]+", text)[:8] if stem(w.lower()) in _verbs()), None)


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
