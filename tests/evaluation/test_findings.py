"""Findings as rows, shares an arm, and what an answer changes."""

import json

import pandas as pd
import pytest

from lib.evaluation import findings, plots
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
    shares = findings.summary(found, {"a": 1, "b": 1, "c": 0})
    assert shares.loc[("ERROR", "INVALID_ACTION")].to_dict() == {"a": 1.0, "b": 0.0}
    assert findings.of_answers(table[1:2]).empty


def test_changes_of_an_answer_are_sentences() -> None:
    row = {"expected": policy(), "generated": policy(Action="s3:*")}
    assert findings.changes(row)[0].startswith("[high] Now allows the caller to use")


def test_the_first_request_is_allowed_by_its_own_policy_and_decided_by_the_answer() -> None:
    conditions = {"StringLike": {"s3:prefix": "home/*"}, "Bool": {"aws:SecureTransport": ["true"]}}
    wanted = policy(Action="s3:List*", Resource="arn:aws:s3:::photos-?", Condition=conditions)
    request, ours, theirs = findings.decide({"expected": wanted, "generated": policy()})
    assert request.resource == "arn:aws:s3:::photos-x" and request.context["s3:prefix"] == "home/x"
    assert (ours.result, theirs.result) == ("Allowed", "ImplicitlyDenied")
    assert findings.decide({"expected": policy(Effect="Deny"), "generated": policy()}) is None


def test_the_figure_counts_policies_and_says_how_many_are_without_error() -> None:
    found = findings.of_policies({"good": policy(), "wrong": WRONG, "twice": policy(Action=["s3:*", "s3:Get*"])})
    picture = plots.findings(found, 4)
    assert picture.title.startswith("75% of 4 policies have no error")
    assert "100% of 4" in plots.findings(found[:0], 4).title
    with pytest.raises(RowsError):
        plots.findings(pd.DataFrame({"code": ["A"]}), 1)
