"""A close look at answers: findings as rows, what changes, worked examples, and what repair and other cures mend."""

import json

import pandas as pd
import pytest

from lib.evaluation import errors, findings, metrics
from lib.evaluation.rows import RowsError

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}


def policy(**changes) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": GOOD | changes})


def answers(*rows: tuple) -> pd.DataFrame:
    columns = ["arm", "id", "schema_valid", "expected", "generated"]
    return pd.DataFrame(rows, columns=columns)


WRONG = policy(Action=["s3:Nope", "s3:Nada"])


def test_a_row_a_finding_of_policies() -> None:
    found = findings.of_policies({"good": policy(), "wrong": WRONG})
    assert list(found.columns) == list(findings.COLUMNS)
    assert found[["policy", "code", "severity"]].values.tolist() == [["wrong", "INVALID_ACTION", "ERROR"]] * 2


def test_only_schema_valid_answers_are_judged_and_prose_around_them_is_not() -> None:
    table = answers(
        ("a", "1", True, policy(), f"Here it is: {WRONG} Good luck!"),
        ("a", "2", False, policy(), "{"),
        ("b", "1", True, policy(), policy()),
    )
    found = findings.of_answers(table)
    assert found[["arm", "policy"]].values.tolist() == [["a", "1"]] * 2
    assert findings.of_answers(table[1:2]).empty


READS = policy(Resource="*")
ANSWERS = {  # category -> an answer to READS that has it, and what its sentence says
    "no_json": ("I would rather not.", "no object: there is no { in 19 characters"),
    "invalid_schema": ('{"Version":"2012-10-17"}', "Statement is missing"),
    "wrong_effect": (policy(Resource="*", Effect="Deny"), "generated effect Deny; wanted Allow"),
    "wrong_services": (
        policy(Resource="*", Action=["s3:GetObject", "ec2:RunInstances", "sqs:SendMessage"]),
        "generated services ec2, s3 and sqs; wanted s3: Jaccard 0.33",
    ),
    "correct": (
        policy(Resource="*", Action="s3:PutObject"),
        "counts as correct: Jaccard 1.00, action F1 0.00; what it allows is incomparable",
    ),
}


def output(answer, number=0, arm="zero_shot", complexity="simple", expected=READS, **more):
    return {
        **{"arm": arm, "id": f"x{number:03}", "complexity": complexity, "instruction": "Read the bucket."},
        **{"expected": expected, "generated": answer, **more},
    }


def labelled(rows):
    return errors.label(metrics.score_rows(rows), rows)


def one_of_each():
    return [output(answer, number) for number, (answer, _) in enumerate(ANSWERS.values())]


@pytest.mark.parametrize("category", ANSWERS)
def test_worked_examples_say_what_went_wrong_in_figures(category):
    (example,) = findings.examples(labelled(one_of_each()), "zero_shot", category)
    assert example.lines[-1][1].startswith(ANSWERS[category][1])
    assert example.title == f"zero_shot: {errors.TITLES[category]}" and ANSWERS[category][0] in example.lines[1][1]
    assert example.instruction and READS in example.lines[0][1]


@pytest.mark.parametrize(
    ("answer", "more", "sentence"),
    [
        (
            READS[:40],
            {"complete": False, "tokens": 12, "expected_tokens": 31},
            "cut off: the answer ended with its budget of 12 tokens; the wanted one has 31",
        ),
        (READS[:40], {"complete": False}, "cut off: the answer ended with its budget of tokens"),
        ('ok {"a": }', {"complete": True}, "no JSON: the 7 characters from { to } do not parse: Expecting value"),
        ("} so {", {}, "no object: no } follows the { at character 6 of 6"),
        ("{" * 9, {}, "no object: no } follows the { at character 1 of 9"),
    ],
)
def test_a_failed_parse_is_explained_by_its_kind(answer, more, sentence):
    (example,) = findings.examples(labelled([output(answer, **more)]), "zero_shot", "no_json")
    assert example.lines[-1][1].startswith(sentence)


def test_examples_show_every_complexity_the_shortest_first_and_always_the_same():
    rows = [output("no" + "!" * number, number, complexity="simple") for number in range(5)]
    rows += [output("never" + "!" * number, 10 + number, complexity="complex") for number in range(2)]
    table = labelled(rows)
    found = [example.id for example in findings.examples(table, "zero_shot", "no_json", most=3)]
    assert found == ["x000", "x010", "x001"]
    assert found == [e.id for e in findings.examples(table[::-1], "zero_shot", "no_json", most=3)]
    assert len(findings.examples(table, "zero_shot", "no_json", most=99)) == 7
    assert findings.examples(table, "zero_shot", "correct") == []


def test_examples_name_what_does_not_exist():
    table = labelled(one_of_each())
    with pytest.raises(RowsError, match="no arm is called 'grounded': there are zero_shot"):
        findings.examples(table, "grounded", "correct")
    with pytest.raises(RowsError, match="category 'wrong' is unknown"):
        findings.examples(table, "zero_shot", "wrong")
    with pytest.raises(RowsError, match="no column instruction, expected, generated"):
        findings.examples(errors.label(metrics.score_rows(one_of_each())), "zero_shot", "correct")


CUT, PROSE, WIDE = READS[:-1], f"Here it is: {READS}", policy(Resource="*", Action="s3:*")


def test_the_ablation_follows_the_same_requests_through_the_cures():
    outputs = [
        output(t, n, arm) for arm in ("zero_shot", "fine_tuned", "grammar") for n, t in enumerate((CUT, PROSE, WIDE))
    ]
    steps = findings.ablation(outputs)
    assert [row["arm"] for row in steps[::3]] == ["fine_tuned", findings.REPAIRED, findings.UNBOUNDED, "grammar"]
    table = findings.by_step(labelled(steps))
    assert list(table.columns) == ["fine-tuned", "repaired", "grammar", "+ budget"] and (table.sum() == 3).all()
    assert table.loc["right"].tolist() == [1, 2, 1, 1]


def test_the_budget_is_what_keeps_a_long_answer_whole():
    closed = [output(READS, arm="grammar", complete=False)]
    table = findings.by_step(labelled(findings.ablation(closed)))
    assert table.loc["truncated", "grammar"] == 1 and table.loc["truncated", "+ budget"] == 0


def test_examples_of_faults_are_a_diff_of_permissions_and_nothing_of_them_is_html():
    hostile = "<script>alert(1)</script>\x1b[31m"
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    rows = [output(policy(Resource="arn:aws:s3:::docs/*"), 1, expected=policy(Condition=mfa)), output(READS, 2)]
    judged = labelled([*rows, output(hostile, 3), output(READS.replace("*", hostile), 4)])
    ((other,), (right,), (prose, _)) = (
        findings.examples(judged, "zero_shot", name, "fault") for name in ("wrong_resource", "right", "not_json")
    )
    assert other.lines == (
        ("-", "Allow s3:GetObject on arn:aws:s3:::photos/* if bool aws:multifactorauthpresent is true"),
        ("+", "Allow s3:GetObject on arn:aws:s3:::docs/*"),
    )
    assert prose.lines[0] == (" ", "the answer: <script>alert(1)</script>\\u001b[31m")
    assert right.lines == ((" ", "every permission is the same"),)
    for rule in errors.FAULTS:
        for example in findings.examples(judged, "zero_shot", rule.name, "fault"):
            assert "<script" not in example._repr_html_() and "\x1b" not in f"{example}{example._repr_html_()}"


def test_an_example_names_the_other_faults_of_its_answer():
    other = labelled([output(policy(Resource="*", Action="sqs:SendMessage"))])
    (example,) = findings.examples(other, "zero_shot", "wrong_services", "fault")
    assert example.title == "zero_shot: wrong services (also: missing actions and extra actions)"
