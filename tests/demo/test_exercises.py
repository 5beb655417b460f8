"""The exercises' checks: silent about None, right for right answers only, and never raising."""

import json
import re

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import canonical, parse
from iampolicy.grammar import structure_faults
from lib.demo.drafts import CUT_DRAFT, WANTED_RESOURCE, WIDE_DRAFT
from lib.exercises import EXERCISES, check
from lib.files import ROOT


def policy(action="s3:GetObject", resource=WANTED_RESOURCE, effect="Allow", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def count(texts):
    def form(text):
        try:
            return canonical(text).to_json()
        except ValueError:
            return text

    return len({form(text) for text in texts})


RIGHT = ": right"
NUMBERS = [number for number in EXERCISES if number.startswith("5.")]


def said(capsys, number, answer):
    check(number, answer)
    return capsys.readouterr().out


def assert_says(printed, line):
    assert line in printed and len(printed.splitlines()) == 1
    assert (": right" in printed) != (": not yet. Hint: " in printed)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_answer_is_not_attempted(capsys, number):
    assert said(capsys, number, None) == f"Exercise {number}: not attempted yet\n"


def test_the_folded_solutions_are_right(capsys):
    cells = nbformat.read(ROOT / "notebooks" / "05_demo.ipynb", as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    solutions = re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", prose, flags=re.DOTALL)
    for number, solution in zip(NUMBERS, solutions, strict=True):
        exec(solution, names := {"CUT_DRAFT": CUT_DRAFT})
        assert_says(said(capsys, number, names["answer"]), RIGHT)


def test_an_unknown_exercise_is_an_error():
    with pytest.raises(KeyError):
        check("5.9", None)


def test_the_drafts_of_the_exercises_are_what_they_claim():
    with pytest.raises(ValueError):
        parse(CUT_DRAFT)
    assert structure_faults(WIDE_DRAFT) == []


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (CUT_DRAFT + "]}]}", RIGHT),
        (CUT_DRAFT + "]\n}  ]}", RIGHT),
        (CUT_DRAFT, "not JSON"),
        (CUT_DRAFT + "]}]", "not JSON"),
        (CUT_DRAFT.replace("2012-10-17", "2012") + "]}]}", "only add"),
        (WIDE_DRAFT, "only add"),
        (CUT_DRAFT + '],"Effect":"allow"}]}', "Effect is 'allow'"),
        (7, "text, not int"),
    ],
)
def test_repaired(capsys, answer, line):
    assert_says(said(capsys, "5.1", answer), line)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (policy(), RIGHT),
        (policy(action=["s3:getobject"], resource=[WANTED_RESOURCE]), RIGHT),
        (WIDE_DRAFT, "actions that were not asked for"),
        (policy(resource="*"), "on nothing else"),
        (policy(resource="arn:aws:s3:::acme-invoices"), "on nothing else"),
        (policy(action="s3:GetObject*"), "actions that were not asked for"),
        (policy(action="s3:PutObject"), "does not allow s3:GetObject"),
        (policy(effect="Deny"), "does not allow"),
        (policy(Condition={"Bool": {"aws:SecureTransport": "true"}}), "on nothing else"),
        (policy(Principal="*"), "on nothing else"),
        ("read only", "not JSON"),
        ({"Version": "2012-10-17"}, "not dict"),
    ],
)
def test_narrowed(capsys, answer, line):
    assert_says(said(capsys, "5.2", answer), line)


def raising(_):
    raise KeyError("oops")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (count, RIGHT),
        (len, "twice is one draft"),
        (lambda texts: len(set(texts)), "white space"),
        (lambda texts: len({json.dumps(json.loads(t)) for t in texts}), "order of elements"),
        (lambda texts: len({json.dumps(json.loads(t), sort_keys=True) for t in texts}), "JSONDecodeError"),
        (raising, "KeyError"),
        (lambda: 1, "TypeError"),
        (lambda _: "1", "is right"),
        (lambda texts: bool(texts), "is right"),
        (3, "not int"),
    ],
)
def test_counted(capsys, answer, line):
    assert_says(said(capsys, "5.3", answer), line)


@given(st.text() | st.integers() | st.lists(st.text()))
def test_no_answer_raises(answer):
    for lacking in EXERCISES.values():
        assert isinstance(lacking(answer), str)  # empty where a number happens to be right
