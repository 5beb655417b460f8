"""Requests that get a reason instead of a draft: they ask for no policy, or for nothing that AWS has.

A request, and how surely the catalogue answers it, come in; a sentence goes out that says what is wrong and what to
write instead, or None.
"""

import re

from lib.retrieval.clauses import LONGEST
from lib.retrieval.services import evidence

# How surely a service is named -> the score of the likeliest action from which on a request is taken as one. Low on
# purpose: the model has learnt to refuse, too, and of what people want nothing should be lost here.
SURE = ((0.9, 0.0), (0.3, 8.0), (0.0, 11.0))
_JSON = re.compile(r"\s*(?:\{|\[\s*[\[\]{\"])|.*\"Statement\"", re.DOTALL)  # and not "[Urgent] let Ana read ..."
_EVERYTHING = re.compile(
    r"\b(?:allow|grant|permit|give|enable|do|access|full access)\w*\b[^.]{0,60}?"
    r"(?:\*:\*|\b(?:everything|anything|all actions?|every action|all (?:aws )?(?:services|resources|permissions)"
    r"|unlimited|root access|administrator ?access|admin (?:access|rights)))"
    r"|\b(?:allow|permit|grant)\s+(?:all|\*)\s*[.!]?$",
    re.IGNORECASE,
)
_IGNORE = re.compile(
    r"\b(?:ignore|disregard|forget)\b[^.]{0,40}\b(?:above|previous|instructions?|rules|prompt)\b", re.IGNORECASE
)

_ELSEWHERE = re.compile(
    r"\b(?:Azure|GCP|Google (?:Cloud|Drive|Docs|Sheets)|Gmail|GitHub|GitLab|Facebook|Twitter|Slack"
    r"|Dropbox|Oracle Cloud)\b",
    re.IGNORECASE,
)
_NO_POLICY = re.compile(
    r"\b(?:write|tell|compose|sing|give)\b[^.]{0,30}\b(?:poem|haiku|joke|song|essay|recipe|limerick)s?\b", re.IGNORECASE
)


def readable(request: str) -> str:
    """The request on one line: control characters and runs of white space are one space, what is too long is cut."""
    printable = "".join(c if c.isprintable() else " " for c in request)
    return " ".join(printable.split())[:LONGEST]


def is_json(request: str) -> bool:
    """Whether the request is a document, as a policy is, and no English."""
    return bool(_JSON.match(request))


def refusal(request: str, best: float) -> str | None:
    """Why a request gets no draft, or None.

    Args:
        request: as `readable` leaves it.
        best: the score of the likeliest action.
    """
    named = float(evidence(request).max(initial=0))
    if not re.search(r"\w", request):
        return "The request is empty: say who may do what, for example 'read objects in the bucket reports'."
    if is_json(request):
        return (
            "This is JSON, not a request: say in English what the policy is to allow, or give it to iampolicy to check."
        )
    if _IGNORE.search(request) and named < SURE[0][0]:
        return "The request gives instructions to the model and asks for no access to AWS: say who may do what."
    if _EVERYTHING.search(request) and named < 0.5:
        return "The request asks for everything: name the services and what is to be done with them."
    elsewhere = _ELSEWHERE.search(request)
    if elsewhere and named < SURE[1][0]:
        return f"{elsewhere[0]} is not a service of AWS: name the AWS service and what is to be done."
    if not _asks(best, named) or _NO_POLICY.search(request) and named < SURE[0][0]:
        return (
            "Nothing in the request is an action or a service of AWS: name the service and what is to be done, "
            "for example 'start the EC2 instance i-0abc'."
        )
    return None


def _asks(best: float, named: float) -> bool:
    return best >= next(score for least, score in SURE if named >= least)
