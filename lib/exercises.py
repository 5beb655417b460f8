"""The exercises' checks: an answer comes in, one printed line goes out, and Run All always goes on.

An exercise is a row of EXERCISES: its number in the notebook, whose first figure is the stage, and the function that
says what an answer still lacks.
"""

import json
import math
import numbers
from collections.abc import Callable
from typing import Any

from iampolicy import catalogue
from iampolicy.document import Policy, parse
from lib.data.dataset import complexity
from lib.data.overlap import NEAR
from lib.demo import drafts
from lib.evaluation import errors, metrics, report

Lacks = Callable[[Any], str]  # an answer -> a hint, or nothing if it is right


def _asks(right: Callable[[Any], bool], hint: str) -> Lacks:
    """An exercise with one hint for every wrong answer, an answer of another kind than asked for included."""

    def lacks(answer: Any) -> str:
        try:
            return "" if right(answer) else hint
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return hint

    return lacks


def _near(value: Any, wanted: float, tolerance: float = 0.01) -> bool:
    return isinstance(value, numbers.Real) and math.isclose(value, wanted, rel_tol=tolerance)


def _two_s3_statements() -> Policy:
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    return Policy({"Version": "2012-10-17", "Statement": [allow, allow | {"Condition": {"Bool": {"a": "true"}}}]})


def _allows_everything(answer: Any) -> bool:
    if not isinstance(answer, str) or len(answer) > 120:
        return False
    row = metrics.score(answer, answer)
    if not (row["json_valid"] and row["schema_valid"]):
        return False
    everything = catalogue.load().names
    return any(
        s.effect == "Allow"
        and "*" in (s.resources or ())
        and not s.condition
        and catalogue.load().expand_all(s.actions or ()) == everything
        for s in parse(answer).statements
    )


def _wrong_effect() -> str:
    def policy(effect: str, action: str) -> str:
        statement = {"Effect": effect, "Action": action, "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    return errors.categorise(policy("Deny", "s3:GetObject"), policy("Allow", "sqs:SendMessage"))


EXERCISES: dict[str, Lacks] = {
    "1.1": _asks(lambda a: a == complexity(_two_s3_statements()), "look for the word Condition in the definition"),
    "1.2": _asks(lambda a: a == len(catalogue.load().expand("s3:Get*Acl")), "len() of what known.expand() returns"),
    "1.3": _asks(
        lambda a: isinstance(a, tuple) and len(a) == 2 and _near(a[0], 2 / 3) and a[1] == (NEAR > 2 / 3),
        "two shared actions, three in the union; we drop one of two examples from an overlap of 0.9",
    ),
    "2.1": _asks(lambda a: _near(a, 2 * 4096 * 16), "two matrices, each 4,096 x 16"),
    "2.2": _asks(lambda a: _near(a, 3 * 1189 / 16, 0.02), "16 examples make one step"),
    "2.3": _asks(
        lambda a: isinstance(a, tuple) and a == _lowest_training_loss(),
        "compare the two loss columns of the report's table, row by row",
    ),
    "3.1": _asks(lambda a: _near(a, 0.24), "the 60 answers without JSON count 0"),
    "3.2": _asks(lambda a: _near(a, 1 / 3), "shared services, divided by all that either names"),
    "3.3": _asks(_allows_everything, "one statement, Action and Resource both a star; keep it JSON with a Version"),
    "4.1": _asks(lambda a: a == _wrong_effect(), "the rules are tried in their order"),
    "4.2": _asks(lambda a: a is True, "two shared of four: is 0.5 under 0.5?"),
    "4.3": _asks(lambda a: _near(a, 44 / 91 * 151), "44 of the 91 with JSON were correct"),
    "5.1": drafts.repair_lacks,
    "5.2": drafts.review_lacks,
    "5.3": drafts.count_lacks,
}


def _lowest_training_loss() -> tuple[str, bool]:
    table = report.sweep().set_index("config")
    lowest = table["train_loss"].idxmin()
    return lowest, lowest == table["eval_loss"].idxmin()


def check(number: str, answer: Any) -> None:
    """Say whether an answer is right. `None` is "not attempted"; a wrong answer gets a hint, never an exception.

    Raises:
        KeyError: if there is no such exercise.
    """
    lacks = EXERCISES[number]
    if answer is None:
        print(f"Exercise {number}: not attempted yet")
        return
    hint = lacks(answer)
    print(f"Exercise {number}: not yet. Hint: {hint}" if hint else f"Exercise {number}: right")
