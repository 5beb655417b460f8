"""What a request forbids: for each of its clauses, how likely it is to be denied and not allowed.

A request cut into clauses comes in, a probability for each clause goes out. A word that forbids counts from where it
stands to the end of its sentence, or for the whole sentence if it stands at its end ("... must stay forbidden").
"""

import re
from collections.abc import Sequence

from lib.retrieval.clauses import Clause

BEGINS = 60  # characters of a clause in which a word that forbids is about all of it
DENIED, ALLOWED = 0.95, 0.03  # what the words say; they are not always right
_FORBIDDING = (  # words that forbid what follows
    r"den(?:y|ies|ied|ying)|forbid\w*|prohibit\w*|prevent\w*|disallow\w*|refuse\w*|ban(?:s|ned)?|explicit deny",
    r"(?<!a )(?<!the )block(?:s|ed|ing)?(?! public)",  # a "public access block" is a thing
    # "must not delete it", but not "must not come from" and other conditions
    r"(?:can|must|may|shall|should|will)(?:not|n't| not| never)"
    r"(?! (?:only|be sent|sent|come|coming|from|over|in|have|the case|blocked|break|work))",
    r"never|nobody|no ?one|stop [\w' -]{1,40} from|keep [\w ' -]{1,40} from",
    r"(?:don't|do not|does not|doesn't) (?:let|allow|permit|give|want)|off[- ]limits|not allowed",
    r"(?:is|are|be) not (?:allowed|permitted|able|to)|not be (?:able|allowed)|(?:but|though|only) not",
)
_EXCEPT = r"apart from(?! that)|with the exception of|except(?: for)?|excluding|without the right to|other than"
_EXCEPTS = re.compile(rf"\W*(?:{_EXCEPT})\b", re.IGNORECASE)
_DENY = re.compile(rf"(?<!not )(?<!n't )(?<!access )\b(?:{'|'.join(_FORBIDDING)})\b", re.IGNORECASE)
_AFTER = re.compile(rf"{_DENY.pattern}|\b(?:{_EXCEPT})\b", re.IGNORECASE)  # what forbids, to what stands after it
_ENDINGS = (  # what a sentence ends in that forbids what it began with
    r"(?:must|shall|should|is|are|stays?|remains?|to be|be)(?: \w+){0,2} "
    r"(?:forbidden|denied|prohibited|blocked|off[- ]limits)",
    r"(?:is|are) not (?:allowed|permitted|to be (?:allowed|possible))|must not (?:work|be possible)",
)
_AT_THE_END = re.compile(rf"\b(?:{'|'.join(_ENDINGS)})\b", re.IGNORECASE)
_PURPOSE = re.compile(r"\bso that (?!nobody|no ?one|none)", re.IGNORECASE)  # "... so that the release is not blocked"
_TURN = re.compile(r"\b(?:but|however|though|although|while|yet)\b,?", re.IGNORECASE)
_CONDITION = re.compile(r"\b(?:unless|if|when|as long as|provided|whose|until)\b", re.IGNORECASE)
_WANTED = re.compile(  # "... cannot view it. Please add the permission": what does not work is to work
    r"\b(?:add|grant|fix|give|sort out|provide)\b[^.]{0,30}\b(?:permissions?|access|rights?)\b", re.IGNORECASE
)
_LACKING = re.compile(r"\b(?:cannot|can't|can not|unable|access ?denied|lack\w*)\b", re.IGNORECASE)


def denied(clauses: Sequence[Clause], request: str) -> list[float]:
    """For each clause the probability that it says what is forbidden."""
    lacking = _LACKING.search(request)
    if lacking and _WANTED.search(request, lacking.end()):
        return [ALLOWED] * len(clauses)
    odds = []
    heading, place, sentence = False, 0, None
    for clause in clauses:
        if clause.sentence != sentence:
            place, sentence = 0, clause.sentence
        place = max(place, _place(clause, place))
        forbidden = heading or _is_denied(clause, place)
        odds.append(DENIED if forbidden else ALLOWED)
        if clause.sentence.rstrip().endswith((":", " to")):  # what follows are its items
            heading = bool(_forbids(clause.sentence))
    return odds


def _place(clause: Clause, least: int) -> int:
    """Where in its sentence a clause begins; its verb may stand apart from the rest."""
    for start in (clause.text[:30], clause.text.partition(" ")[0]):
        found = clause.sentence.find(start, least)
        if found >= 0:
            return found
    return least


def _is_denied(clause: Clause, place: int) -> bool:
    begins = clause.text.rpartition(": ")[2]  # "a policy for the bucket reports: deny everyone reading ..."
    if _forbids(clause.sentence[:place], _AFTER) or _EXCEPTS.match(begins):
        return True
    if _forbids(begins[: max(BEGINS, len(begins) // 2)]):
        return True
    end = next(
        (m for m in _AT_THE_END.finditer(_PURPOSE.split(clause.sentence)[0]) if not _in_condition(clause.sentence, m)),
        None,
    )
    turns = [m.start() for m in _TURN.finditer(clause.sentence) if end and m.end() < end.start()]
    return bool(end) and place >= (turns[-1] if turns else 0)


def _forbids(text: str, words: re.Pattern[str] = _DENY) -> bool:
    text = _PURPOSE.split(text)[0]
    return any(not _in_condition(text, match) for match in words.finditer(text))


def _in_condition(text: str, match: re.Match[str]) -> bool:
    """Whether the word stands in a condition ("when the request is not ...") and so forbids nothing itself."""
    return bool(_CONDITION.search(text[: match.start()]))
