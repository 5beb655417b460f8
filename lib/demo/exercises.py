"""The checks of the exercises in 05_demo: an answer in, one line out that says whether it is right, and if not, why.

A line begins with one of NOT_ATTEMPTED, NOT_YET and RIGHT, and a wrong answer raises nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

from lib.demo.result import shortened
from lib.evaluation.reading import read
from lib.iam.document import PolicySyntaxError, Statement, parse, structure_faults

NOT_ATTEMPTED = "not attempted"
NOT_YET = "not yet"
RIGHT = "right"

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


def repaired(answer: Any, cut: str = CUT_DRAFT) -> str:
    """Check that `answer` is the cut draft with its end added: a policy, nothing written before changed."""
    if answer is None:
        return NOT_ATTEMPTED
    if not isinstance(answer, str):
        return _not_yet(f"the answer is text, not {type(answer).__name__}")
    if not answer.startswith(cut):
        return _not_yet("only add to the end of the cut draft; what it has already stays")
    fault = _fault(answer)
    if fault:
        return _not_yet(fault)
    return f"{RIGHT}: {len(answer) - len(cut)} characters were missing"


def narrowed(answer: Any) -> str:
    """Check that `answer` is a policy that allows reading the objects of acme-invoices, and nothing else."""
    if answer is None:
        return NOT_ATTEMPTED
    if not isinstance(answer, str):
        return _not_yet(f"the answer is text, not {type(answer).__name__}")
    fault = _fault(answer)
    if fault:
        return _not_yet(fault)
    granted, statements = read(answer).granted, parse(answer).statements
    if WANTED_ACTION not in granted:
        return _not_yet(f"it does not allow {WANTED_ACTION}")
    if len(granted) > 1:
        more = sorted(granted - {WANTED_ACTION})
        return _not_yet(f"it allows {len(more)} actions that were not asked for, such as {more[0]}")
    for index, statement in enumerate(statements):
        if not _only_the_objects(statement):
            return _not_yet(f"Statement[{index}] should be an Allow on {WANTED_RESOURCE} and on nothing else")
    return f"{RIGHT}: one action on the objects of one bucket"


def _only_the_objects(statement: Statement) -> bool:
    plain = statement.effect == "Allow" and not statement.condition and statement.principal is None
    return plain and statement.not_principal is None and statement.resources == (WANTED_RESOURCE,)


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


def counted(answer: Any) -> str:
    """Check that `answer` is a function that counts how many different drafts there are in a list of texts."""
    if answer is None:
        return NOT_ATTEMPTED
    if not callable(answer):
        return _not_yet(f"the answer is a function of a list of texts, not {type(answer).__name__}")
    for why, texts, wanted in COUNTED:
        found, error = _called(answer, list(texts))
        if error:
            return _not_yet(f"{error} (where {why})")
        if not isinstance(found, int) or isinstance(found, bool) or found != wanted:
            return _not_yet(f"{shortened(repr(found), 60)} where {wanted} is right: {why}")
    return f"{RIGHT}: {len(COUNTED)} cases counted"


def _called(function: Callable[[Sequence[str]], Any], texts: list[str]) -> tuple[Any, str]:
    """What a reader's function gives, or the error it ends with: Run All must go on."""
    try:
        return function(texts), ""
    except READERS_ERRORS as error:
        return None, shortened(f"{type(error).__name__}: {error}", 200)


def _fault(text: str) -> str:
    """Why a text is no well-formed policy; empty if it is one."""
    try:
        faults = structure_faults(parse(text))
    except PolicySyntaxError as error:
        return f"not JSON that can be a policy: {error}"
    return faults[0] if faults else ""


def _not_yet(reason: str) -> str:
    return f"{NOT_YET}: {reason}"
