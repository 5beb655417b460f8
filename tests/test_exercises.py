"""Exercises: the notebooks' own solutions are right, and no answer stops Run All."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.document import canonical, parse
from iampolicy.grammar import structure_faults
from lib.course import exercises
from lib.course.exercises import CUT_DRAFT, WANTED_RESOURCE, WIDE_DRAFT
from lib.data import overlap
from lib.files import ROOT

CHECK = re.compile(r'^exercises\.check\("([\d.]+)", answer\)$', re.MULTILINE)
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """An exercise as a notebook has it: the cell that a reader fills in, and the solution folded under it."""

    number: str
    cell: str
    solution: str


def found_in(path) -> list[Found]:
    cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    out = []
    for (kind, cell), (_, after) in zip(cells, cells[1:], strict=False):
        if kind == "code" and (check := CHECK.search(cell)):
            fence = FENCE.search(after)
            out.append(Found(check.group(1), cell, fence.group(1) if fence else ""))
    return out


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FOUND = {path.stem: found_in(path) for path in NOTEBOOKS}
ALL = [found for listed in FOUND.values() for found in listed]
each = pytest.mark.parametrize("found", ALL, ids=lambda found: found.number)


def said(capsys, number, answer):
    exercises.check(number, answer)
    return capsys.readouterr().out


def namespace(found):
    """What a reader has at hand in the exercise's cell, as far as the solutions use it."""
    return {"exercises": exercises, "known": catalogue.load(), "overlap": overlap, "CUT_DRAFT": CUT_DRAFT}


def test_every_stage_has_two_or_three_exercises_with_its_number():
    assert len(FOUND) == 5
    for stage, listed in FOUND.items():
        assert [f.number for f in listed] == [f"{int(stage[:2])}.{i}" for i in range(1, len(listed) + 1)], stage
        assert 2 <= len(listed) <= 3, stage


def test_the_exercises_are_those_of_the_notebooks():
    assert sorted(exercises.EXERCISES) == sorted(f.number for f in ALL)
    assert {f.number[0] for f in ALL} == {"1", "2", "3", "4", "5"}


@each
def test_the_cell_as_it_ships_is_not_attempted(capsys, found):
    exec(found.cell, namespace(found))
    assert capsys.readouterr().out == f"Exercise {found.number}: not attempted yet\n"


@each
def test_the_folded_solution_is_right(capsys, found):
    assert "answer" in found.solution
    here = namespace(found)
    exec(found.solution, here)
    here["exercises"].check(found.number, here["answer"])
    assert capsys.readouterr().out == f"Exercise {found.number}: right\n"


ODD = [
    *(0, 1, -1, True, False, 0.0, 1.5, float("nan"), float("inf"), 10**400, -(10**400), 1 + 2j, Decimal("0.5")),
    *("", "x", "\ud800", "\0", "{}", "[]", "null", "NaN", "1e400", "[" * 119, "{" * 50, '{"Statement":[[[]]]}', b"x"),
    *([], [1], (), (1,), (1, 2), (None, None), (10**400, 1), (2 / 3, "x"), {}, {1: 2}, set(), object(), len, lambda: 1),
    *(np.array([1, 2]), np.array([]), np.float64("nan"), pd.DataFrame({"a": [1, 2]}), pd.Series([1, 2]), pd.NA, pd.NaT),
    *((2 / 3, pd.NA), (2 / 3, np.array([1, 2])), ("C", np.array([1, 2])), (np.array([1, 2]), True)),
]


@pytest.mark.parametrize("number", exercises.EXERCISES)
def test_an_answer_of_another_kind_gets_a_hint(capsys, number):
    for answer in ODD:
        if number == "4.2" and answer is True:
            continue
        printed = said(capsys, number, answer)
        assert printed.startswith(f"Exercise {number}: not yet. Hint: ") and len(printed.splitlines()) == 1


json_like = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(exercises.EXERCISES)), json_like)
def test_no_answer_raises(number, answer):
    exercises.check(number, answer)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.1", "medium"),
        ("1.2", 0),
        ("1.3", (2 / 3, False)),
        ("1.3", (0.5, True)),
        ("2.1", 4096 * 16),
        ("2.2", 1189 / 16),
        ("2.3", ("C", True)),
        ("2.3", ("A", True)),
        ("3.1", 0.6),
        ("3.2", 0.5),
        ("4.1", "wrong_services"),
        ("4.2", False),
        ("4.3", 44),
        # of 3.3: a policy that allows less than everything, or is none
        ("3.3", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s*:*","Resource":"*"}}'),
        ("3.3", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}'),
        ("3.3", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::a"}}'),
        ("3.3", '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'),
        ("3.3", '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'),
        ("3.3", 'policy: {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'),
    ],
)
def test_a_wrong_answer_gets_a_hint(capsys, number, answer):
    assert said(capsys, number, answer).startswith(f"Exercise {number}: not yet. Hint: ")


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.3", (0.667, True)),
        ("1.3", (Fraction(2, 3), np.True_)),
        ("2.1", 131_072.0),
        ("2.1", np.int64(131_072)),
        ("2.2", 223),
        ("3.1", np.float64(0.24)),
        ("3.2", 0.333),
        ("3.3", '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*"],"Resource":["*"]}]}'),
        ("3.3", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*:*","Resource":"*"}}'),
        ("4.3", 73),
    ],
)
def test_a_right_answer_in_another_form_is_right(capsys, number, answer):
    assert said(capsys, number, answer) == f"Exercise {number}: right\n"


def test_an_unknown_exercise_is_an_error():
    with pytest.raises(KeyError):
        exercises.check("9.9", None)


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


def assert_says(printed, line):
    assert line in printed and len(printed.splitlines()) == 1
    assert (": right" in printed) != (": not yet. Hint: " in printed)


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
def test_a_cut_draft_is_repaired(capsys, answer, line):
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
