"""The reviewer's verdict: usable only if nothing more, nothing less and nothing else is granted."""

import json

import pandas as pd
import pytest

from lib.evaluation import metrics, rows, verdict
from lib.evaluation.rows import RowsError
from lib.evaluation.verdict import NARROWER, NO_POLICY, OTHER, USABLE, WIDER

NOTHING = '{"Version": "2012-10-17", "Statement": []}'


def policy(*statements: dict) -> str:
    filled = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"} | s for s in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": filled})


TLS = {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
}


@pytest.mark.parametrize(
    ("wanted", "given", "said"),
    [
        ({}, {}, USABLE),
        ({}, {"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a/*"]}, USABLE),
        ({}, {"Action": "s3:Get*"}, WIDER),
        ({}, {"Resource": "*"}, WIDER),
        ({}, {"Resource": "arn:aws:s3:::a/x/*"}, NARROWER),
        ({}, TLS, NARROWER),
        (TLS, {}, WIDER),
        ({}, {"Action": "s3:PutObject"}, OTHER),
        ({}, {"Effect": "Deny"}, NARROWER),
        ({"Effect": "Deny"}, {}, WIDER),
        ({}, {"Action": ["s3:GetObject", "s3:NoSuchThing"]}, NO_POLICY),  # AWS's validator: ERROR
        ({}, {"Resource": ["arn:aws:s3:::a/*", "arn:aws:nope"]}, NO_POLICY),
        ({}, {"Principal": "*"}, OTHER),
        (
            {"Action": "lambda:InvokeFunction", "Resource": "*"},
            {"Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:*:*:function:*"},
            USABLE,
        ),
        (
            {"Action": "sqs:SendMessage", "Resource": "*"},
            {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:*"},
            USABLE,
        ),
        (
            {"Action": "ec2:StopInstances", "Resource": "*"},
            {"Action": "ec2:StopInstances", "Resource": "arn:aws:ec2:*:*:instance/*"},
            USABLE,
        ),
        (
            {"Action": "ec2:StopInstances", "Resource": "*"},
            {"Action": "ec2:StopInstances", "Resource": "arn:aws:ec2:eu-west-1:*:instance/*"},
            NARROWER,
        ),
    ],
)
def test_one_statement(wanted, given, said):
    assert verdict.verdict(policy(wanted), policy(given)) == said


def test_prose_around_a_policy_does_not_count_against_it():
    assert verdict.verdict(policy({}), f"Here you are:\n```json\n{policy({})}\n```") == USABLE


@pytest.mark.parametrize(
    "text", ["", "Which bucket?", "{", "[]", "5", NOTHING, '{"Statement": [{}]}', policy({"Action": []})]
)
def test_what_is_no_policy(text):
    assert verdict.verdict(policy({}), text) == NO_POLICY


def test_a_trust_policy_has_no_resource():
    text = json.dumps(TRUST)
    assert verdict.verdict(text, text) == USABLE
    assert verdict.verdict(text, text.replace("ec2.", "lambda.")) == OTHER
    assert (
        verdict.verdict(
            policy({}),
            json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject"}}),
        )
        == NO_POLICY
    )


@pytest.mark.parametrize(
    ("answer", "refuses", "said"),
    [
        ("", True, USABLE),
        ("", False, NO_POLICY),
        ("", None, NO_POLICY),
        ("Which bucket do you mean?", None, USABLE),
        ("Which bucket do you mean?", False, NO_POLICY),  # an arm that cannot refuse has only gone astray
        ('{"Version": ', None, NO_POLICY),
        (policy({}), True, WIDER),
        (policy({}), None, WIDER),
        (policy({"Effect": "Deny"}), None, NO_POLICY),
        (NOTHING, None, NO_POLICY),
    ],
)
def test_a_request_without_a_policy(answer, refuses, said):
    assert verdict.verdict(NOTHING, answer, refuses) == said


def test_a_wanted_policy_that_nobody_can_read_is_met_by_nothing():
    assert verdict.verdict("garbage", "no way") == verdict.verdict("garbage", policy({})) == NO_POLICY
    old = policy({}).replace('"Version": "2012-10-17", ', "")
    assert verdict.verdict(old, "no way") == NO_POLICY and verdict.verdict(old, old) == NO_POLICY


def test_an_error_that_the_wanted_policy_has_too_is_no_fault():
    odd = policy({"Action": "s3:NoSuchThing"})
    assert verdict.verdict(odd, odd) == USABLE


def row(arm, id, generated, **more):
    whole = {
        "arm": arm,
        "id": id,
        "complexity": "simple",
        "source": "field",
        "expected": policy({}),
        "generated": generated,
    }
    return whole | {"outcome": "draft", "refuses": False} | more


ROWS = [
    row("one", "a", policy({})),
    row("one", "b", policy({"Resource": "*"})),
    row("one", "c", "", expected=NOTHING, outcome="ask", refuses=True),
    row("two", "a", "no"),
    row("two", "b", policy({"Action": "s3:PutObject"})),
    row("two", "c", policy({}), expected=NOTHING, outcome="ask"),
]


def test_verdicts_and_shares_of_arms():
    scores = metrics.score_rows(ROWS)
    assert list(scores["verdict"]) == [USABLE, WIDER, USABLE, NO_POLICY, OTHER, WIDER]
    shares = verdict.shares(scores).set_index("arm")
    assert shares.loc["one", "usable"] == pytest.approx(2 / 3) and shares.loc["two", "wider"] == pytest.approx(2 / 3)
    for name in ("usable", "wider"):
        assert (shares[f"{name}_low"] <= shares[name]).all() and (shares[name] <= shares[f"{name}_high"]).all()


def test_shares_as_text_have_people_first():
    found = verdict.shares(
        metrics.score_rows([*ROWS, *(r | {"source": "written"} | {"id": r["id"] * 2} for r in ROWS)]), ("source", "arm")
    )
    table = verdict.with_intervals(found)
    assert list(table.columns) == ["one", "two"] and table.loc[("usable", "field"), "one"] == "66.7 [20.8, 93.9]"
    assert list(table.index) == [(m, s) for m in ("usable", "wider") for s in ("field", "written")]


def test_what_is_to_be_refused_counts_in_no_other_measure():
    scores = metrics.score_rows(ROWS)
    assert list(rows.drafted(scores)["id"]) == ["a", "b", "a", "b"]
    assert [r["id"] for r in rows.drafted(ROWS)] == ["a", "b", "a", "b"]
    assert set(metrics.summarise(rows.drafted(scores))["n"]) == {2}
    assert rows.drafted([{"id": "x"}]) == [{"id": "x"}]  # rows of other models say nothing of outcomes


def test_shares_are_among_the_means_of_a_summary():
    summary = metrics.summarise(rows.drafted(metrics.score_rows(ROWS))).set_index("arm")
    assert summary.loc["one", "usable"] == 0.5 and summary.loc["one", "wider"] == 0.5


def test_answers_to_questions_replace_first_answers():
    scores = metrics.score_rows(ROWS)
    again = metrics.score_rows([row("one", "b", policy({})), row("one", "c", policy({"Resource": "*"}))])
    told = verdict.told(scores, again)
    assert told[told["arm"] == "one"]["usable_after_questions"].tolist() == [True, True, False]
    assert told[told["arm"] == "two"]["usable_after_questions"].tolist() == [False, False, False]
    table = verdict.unanswerable(told).set_index("arm")
    assert table.loc["one", ["n", "right", "granted something", "usable after the reply"]].tolist() == [1, 1, 0, 0]
    assert table.loc["two", ["n", "right", "granted something", "usable after the reply"]].tolist() == [1, 0, 1, 0]
    assert verdict.unanswerable(told[told["id"] == "a"]).empty


def test_without_second_answers_only_drafts_stay_usable():
    told = verdict.told(metrics.score_rows(ROWS), pd.DataFrame())
    assert told["usable_after_questions"].tolist() == [True, False, False, False, False, False]


def test_shares_of_any_groups_come_in_order_of_appearance():
    scores = metrics.score_rows(ROWS).query("arm == 'one'")
    tagged = scores.assign(tag=[["plain"], ["plain", "condition"], ["question"]]).explode("tag")
    table = verdict.shares(tagged, ("tag",))
    assert table[["tag", "n", "usable"]].to_numpy().tolist() == [
        ["plain", 2, 0.5],
        ["condition", 1, 0.0],
        ["question", 1, 1.0],
    ]
    with pytest.raises(RowsError, match="no rows"):
        verdict.shares(tagged[:0], ("tag",))


def test_sources_come_apart_with_people_first():
    scores = metrics.score_rows([row("one", str(n), "no", source=s) for n, s in enumerate(["report", "field", "own"])])
    parts = rows.by_source(scores)
    assert list(parts) == ["field", "report", "own"] and [len(part) for part in parts.values()] == [1, 1, 1]
