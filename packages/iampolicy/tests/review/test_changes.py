"""Differences between policies in English, redundancy and risks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.compare import compare
from iampolicy.document import PolicySyntaxError
from iampolicy.review import diff, redundancy, risks


def policy(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action="s3:GetObject", resource="arn:aws:s3:::photos/*", effect="Allow", **more) -> dict:
    return {"Effect": effect, "Action": action, "Resource": resource} | more


MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
PART = "arn:aws:s3:::photos/2026/*"
CASES = [  # old, new, (kind, severity) of the changes
    (policy(allow()), policy(allow()), []),
    (policy(), policy(allow()), [("gained", "low")]),
    (policy(allow()), policy(), [("lost", "none")]),
    (policy(allow(resource=PART)), policy(allow()), [("widened", "low")]),
    (policy(allow()), policy(allow(resource=PART)), [("narrowed", "none")]),
    (policy(allow(**MFA)), policy(allow()), [("widened", "low")]),
    (policy(allow()), policy(allow(**MFA)), [("narrowed", "none")]),
    (policy(allow()), policy(allow("s3:PutObject")), [("gained", "medium"), ("lost", "none")]),
    (policy(allow("s3:*")), policy(allow("s3:*"), allow(effect="Deny")), [("lost", "none"), ("narrowed", "none")]),
    (policy(allow("s3:*"), allow(effect="Deny")), policy(allow("s3:*")), [("gained", "low"), ("widened", "low")]),
    (policy(), policy(allow("iam:PassRole", "*")), [("gained", "high")]),
    (policy(), policy(allow("s3:PutBucketPolicy", "*")), [("gained", "high")]),
    (policy(), policy(allow(["s3:GetObject", "sqs:ReceiveMessage", "ec2:DescribeVpcs"], "*")), [("gained", "high")]),
    (policy(), policy(allow(Principal="*")), [("gained", "high")]),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_changes(old: dict, new: dict, expected: list) -> None:
    assert [(change.kind, change.severity) for change in diff(old, new)] == expected


def test_a_change_is_an_english_sentence() -> None:
    (change,) = diff(policy(allow(resource=PART)), policy(allow()))
    assert change.sentence == (
        "Allows more widely the caller to retrieve objects from Amazon S3 (s3:GetObject) on the object photos/*; "
        "before, only on the object photos/2026/*."
    )
    (change,) = diff(policy(), policy(allow("s3:*", "*")))
    assert change.sentence == "Now allows the caller to use every action of Amazon S3 on any resource."
    (change,) = diff(policy(allow()), policy(allow(**MFA)))
    assert change.sentence.endswith("only if multi-factor authentication (MFA) is used.")


ACTIONS = st.lists(st.sampled_from(["s3:*", "s3:Get*", "s3:GetObject", "ec2:StopInstances"]), min_size=1, max_size=2)
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::photos/*", PART])
STATEMENTS = st.builds(
    lambda a, r, e, c: allow(a, r, e, **c),
    ACTIONS,
    RESOURCES,
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from([{}, MFA]),
)
POLICIES = st.lists(STATEMENTS, max_size=3).map(lambda statements: policy(*statements))


@given(POLICIES, POLICIES)
def test_there_are_changes_where_compare_finds_a_difference(old: dict, new: dict) -> None:
    changes = diff(old, new)
    assert bool(changes) == (compare(old, new).relation != "equal")
    assert {"gained": "lost", "lost": "gained", "widened": "narrowed", "narrowed": "widened"}.keys() >= {
        change.kind for change in changes
    }


@given(POLICIES, POLICIES)
def test_what_one_way_gains_the_other_way_loses(old: dict, new: dict) -> None:
    back = {"gained": "down", "widened": "down", "lost": "up", "narrowed": "up"}
    there = sorted((back[c.kind], c.actions) for c in diff(old, new))
    again = sorted(({"down": "up", "up": "down"}[back[c.kind]], c.actions) for c in diff(new, old))
    assert there == again


def test_text_that_is_no_policy_is_refused() -> None:
    with pytest.raises(PolicySyntaxError):
        diff("{", policy())
    with pytest.raises(PolicySyntaxError):
        risks("{")


def test_redundancy_names_statements_actions_and_resources() -> None:
    given = policy(allow("s3:Get*"), allow(), allow(["s3:PutObject", "s3:Put*"], [PART, "arn:aws:s3:::photos/*"]))
    assert {(f.code, f.path) for f in redundancy(given)} == {
        ("REDUNDANT_STATEMENT", "Statement[1]"),
        ("REDUNDANT_ACTION", "Statement[2].Action[0]"),
        ("REDUNDANT_RESOURCE", "Statement[2].Resource[0]"),
    }


def test_risk_classes() -> None:
    given = policy(allow(["iam:CreatePolicyVersion", "s3:GetObject", "iam:CreateAccessKey"], "*"), allow("sqs:*", "*"))
    found = {risk.name: risk.actions for risk in risks(given)}
    assert "iam:createpolicyversion" in found["privilege escalation"]
    assert found["data exfiltration"] == ("s3:GetObject",)
    assert found["credentials exposure"] == ("iam:CreateAccessKey",)
    assert found["service wildcard"] == ("sqs",)
    assert risks(policy(allow())) == []
    assert risks(policy({"Effect": "Allow"}, allow("s3:GetObject", []))) == []


@pytest.mark.parametrize("action", ["NoColon", "a:b:c", "", "s3:" + "*a" * 10_000, "é:x"])
def test_actions_that_are_none_carry_no_risk(action: str) -> None:
    assert risks(policy(allow(action, "*"), allow(resource="*", NotAction=1))) is not None
