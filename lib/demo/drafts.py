"""The drafts that the exercises of 05_demo are about, and what an answer about them still lacks.

An answer comes in, of whatever kind; a hint goes out, or an empty text if the answer is right.
"""

from collections.abc import Callable, Sequence
from typing import Any

from iampolicy.document import PolicySyntaxError, Statement, parse
from iampolicy.grammar import structure_faults
from lib.demo.result import shortened
from lib.evaluation.reading import read

# What code that is still being written raises.
READERS_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError),
)

# A draft that the token budget cut: all that was written can stay, only its end is missing.
CUT_DRAFT = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],'
    '"Resource":["arn:aws:s3:::acme-invoices","arn:aws:s3:::acme-invoices/*"'
)

# A draft that is valid and still must not be approved. The request: read the objects of one bucket.
WIDE_DRAFT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
WANTED_ACTION = "s3:GetObject"
WANTED_RESOURCE = "arn:aws:s3:::acme-invoices/*"


SAME = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
COUNTED = (  # why, texts, how many different drafts they are
    ("no text is no draft", [], 0),
    ("the same text twice is one draft", [SAME, SAME], 1),
    ("white space in JSON changes no policy", [SAME, SAME.replace(":[", ": [\n  ")], 1),
    (
        "the order of elements changes no policy",
        [SAME, '{"Statement":[{"Resource":"*","Action":"s3:GetObject","Effect":"Allow"}],"Version":"2012-10-17"}'],
        1,
    ),
    ("another action is another draft", [SAME, SAME.replace("GetObject", "PutObject")], 2),
    ("what is no JSON counts by its text", [SAME, SAME[:-1], SAME[:-1], "sorry"], 3),
)


def repair_lacks(answer: Any) -> str:
    """The answer is CUT_DRAFT with its end added: a policy, and nothing that was written before has changed."""
    if not isinstance(answer, str):
        return f"the answer is text, not {type(answer).__name__}"
    if not answer.startswith(CUT_DRAFT):
        return "only add to the end of the cut draft; what it has already stays"
    return _fault(answer)


def review_lacks(answer: Any) -> str:
    """The answer is a policy that allows WANTED_ACTION on WANTED_RESOURCE, and nothing else."""
    if not isinstance(answer, str):
        return f"the answer is the text of a policy, not {type(answer).__name__}"
    if fault := _fault(answer):
        return fault
    granted = read(answer).granted
    if WANTED_ACTION not in granted:
        return f"it does not allow {WANTED_ACTION}"
    if more := sorted(granted - {WANTED_ACTION}):
        return f"it allows {len(more)} actions that were not asked for, such as {more[0]}"
    for index, statement in enumerate(parse(answer).statements):
        if not _only_the_objects(statement):
            return f"Statement[{index}] should be an Allow on {WANTED_RESOURCE} and on nothing else"
    return ""


def _only_the_objects(statement: Statement) -> bool:
    plain = statement.effect == "Allow" and not statement.condition and statement.principal is None
    return plain and statement.not_principal is None and statement.resources == (WANTED_RESOURCE,)


def count_lacks(answer: Any) -> str:
    """The answer is a function that counts how many different drafts there are in a list of texts."""
    if not callable(answer):
        return f"the answer is a function of a list of texts, not {type(answer).__name__}"
    for why, texts, wanted in COUNTED:
        found, error = _called(answer, list(texts))
        if error:
            return f"{error} (in the case: {why})"
        if not isinstance(found, int) or isinstance(found, bool) or found != wanted:
            return f"{shortened(repr(found), 60)} where {wanted} is right: {why}"
    return ""


def _called(function: Callable[[Sequence[str]], Any], texts: list[str]) -> tuple[Any, str]:
    """What a reader's function gives, or the error it ends with."""
    try:
        return function(texts), ""
    except READERS_ERRORS as error:
        return None, shortened(f"{type(error).__name__}: {error}", 200)


def _fault(text: str) -> str:
    """Why a text is no well-formed policy; empty if it is one."""
    try:
        faults = structure_faults(parse(text))
    except PolicySyntaxError as error:
        return f"not JSON that can be a policy: {shortened(str(error), 200)}"
    return shortened(faults[0], 200) if faults else ""
