"""The exercises' checks: an answer comes in, one printed line goes out, and Run All always goes on.

An exercise is a row of EXERCISES: its number in the notebook, whose first figure is the stage, and the function that
says what an answer still lacks. The texts that 05_demo's exercises are about stand in exercises.yaml.
"""

import json
import math
import numbers
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from iampolicy import catalogue
from iampolicy.compare import compare
from iampolicy.document import PolicySyntaxError, parse
from iampolicy.grammar import structure_faults
from lib.data.dataset import complexity
from lib.data.overlap import NEAR
from lib.demo.result import shortened
from lib.evaluation import errors, published
from lib.evaluation.answer import read

TEXTS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
CUT_DRAFT, WIDE_DRAFT, WANTED_RESOURCE = TEXTS["cut_draft"], TEXTS["wide_draft"], TEXTS["wanted_resource"]

Lacks = Callable[[Any], str]  # an answer -> a hint, or nothing if it is right


def check(number: str, answer: Any) -> None:
    """Say whether an answer is right. `None` is "not attempted"; a wrong answer gets a hint, never an exception.

    Raises:
        KeyError: if there is no such exercise.
    """
    lacks = EXERCISES[number]
    if answer is None:
        print(f"Exercise {number}: not attempted yet")
    else:
        hint = lacks(answer)
        print(f"Exercise {number}: not yet. Hint: {hint}" if hint else f"Exercise {number}: right")


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


def _policy(*statements: dict[str, Any]) -> str:
    whole = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | given for given in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def _lowest_training_loss() -> tuple[str, bool]:
    table = published.sweep().set_index("config")
    lowest = str(table["train_loss"].idxmin())
    return lowest, lowest == table["eval_loss"].idxmin()


def _allows_everything(answer: Any) -> bool:
    if not isinstance(answer, str) or len(answer) > 120 or structure_faults(parse(answer)):
        return False
    return compare(_policy({"Action": "*"}), answer).relation == "equal"


def _repaired(answer: Any) -> str:
    """The answer is CUT_DRAFT with its end added: a policy, and nothing that was written before has changed."""
    if not isinstance(answer, str):
        return f"the answer is text, not {type(answer).__name__}"
    if not answer.startswith(CUT_DRAFT):
        return "only add to the end of the cut draft; what it has already stays"
    return _fault(answer)


def _narrowed(answer: Any) -> str:
    """The answer is a policy that allows one action on WANTED_RESOURCE, and nothing else."""
    if not isinstance(answer, str):
        return f"the answer is the text of a policy, not {type(answer).__name__}"
    if fault := _fault(answer):
        return fault
    granted, wanted = read(answer).granted, TEXTS["wanted_action"]
    if wanted not in granted:
        return f"it does not allow {wanted}"
    if more := sorted(granted - {wanted}):
        return f"it allows {len(more)} actions that were not asked for, such as {more[0]}"
    wide = compare(_policy({"Action": wanted, "Resource": WANTED_RESOURCE}), answer).relation != "equal"
    return f"it should be an Allow on {WANTED_RESOURCE} and on nothing else" if wide else ""


def _counted(answer: Any) -> str:
    """The answer is a function that counts how many different drafts there are in a list of texts."""
    if not callable(answer):
        return f"the answer is a function of a list of texts, not {type(answer).__name__}"
    for case in TEXTS["counted"]:
        try:
            found = answer(list(case["texts"]))
        except Exception as error:  # noqa: BLE001 - whatever a reader's function raises is a hint
            return f"{shortened(f'{type(error).__name__}: {error}', 200)} (in the case: {case['why']})"
        if not isinstance(found, int) or isinstance(found, bool) or found != case["drafts"]:
            return f"{shortened(repr(found), 60)} where {case['drafts']} is right: {case['why']}"
    return ""


def _fault(text: str) -> str:
    """Why a text is no well-formed policy; empty if it is one."""
    try:
        faults = structure_faults(parse(text))
    except PolicySyntaxError as error:
        return f"not JSON that can be a policy: {shortened(str(error), 200)}"
    return shortened(faults[0], 200) if faults else ""


EXERCISES: dict[str, Lacks] = {
    "1.1": _asks(
        lambda a: a == complexity(parse(_policy({}, {"Condition": {"Bool": {"a": "true"}}}))),
        "look for the word Condition in the definition",
    ),
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
    "4.1": _asks(
        lambda a: a == errors.categorise(_policy({"Effect": "Deny"}), _policy({"Action": "sqs:SendMessage"})),
        "the rules are tried in their order",
    ),
    "4.2": _asks(lambda a: a is True, "two shared of four: is 0.5 under 0.5?"),
    "4.3": _asks(lambda a: _near(a, 44 / 91 * 151), "44 of the 91 with JSON were correct"),
    "5.1": _repaired,
    "5.2": _narrowed,
    "5.3": _counted,
}
