"""Permissions: a planted fault moves the measure that it should, and no other."""

import json

import pytest

from iampolicy.document import as_policy
from lib.evaluation import metrics
from lib.evaluation.metrics import OF_PERMISSIONS
from lib.evaluation.permissions import agreement, decide, sample

TWINS = [name for name in metrics.TWINS if name in OF_PERMISSIONS]

BASE = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::docs/*"}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def text(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def score(wanted: str, given: str) -> dict:
    """The columns of a score row that are about permissions."""
    row = metrics.score(wanted, given)
    return {name: row[name] for name in (*OF_PERMISSIONS, *(f"{name}_all" for name in TWINS))}


WANTED = text(BASE | {"Condition": MFA})
PERFECT = score(WANTED, WANTED)


def test_the_wanted_policy_is_perfect():
    assert {
        **{name: 1.0 for twin in TWINS for name in (twin, f"{twin}_all")},
        **dict.fromkeys(("over_granted", "under_granted", "flipped", "unscoped", "errors", "security_warnings"), 0),
        **dict.fromkeys(("warnings", "risks_added"), 0),
        "conditions_match": True,
        "resources_match": True,
    } == PERFECT


@pytest.mark.parametrize(
    ("change", "worse"),
    [
        ({"Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]}, "over_granted permission_precision"),
        ({"Action": "s3:GetObject"}, "under_granted permission_recall"),
        ({"Resource": "*"}, "over_granted unscoped resources_match"),
        ({"Resource": "arn:aws:s3:::other/*"}, "over_granted under_granted"),
        ({"Condition": {}}, "over_granted conditions_match requests_alike"),
        (
            {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}},
            "over_granted conditions_match requests_alike",
        ),
        ({"Effect": "Deny"}, "under_granted requests_alike"),
        ({"Action": ["s3:GetObject", "s3:PutObject", "s3:FetchObject"]}, "errors"),
        ({"Action": "*", "Resource": "*", "Condition": {}}, "over_granted unscoped risks_added requests_alike"),
    ],
)
def test_a_planted_fault_changes_its_measures(change, worse):
    found = score(WANTED, text(BASE | {"Condition": MFA} | change))
    for name in worse.split():
        assert found[name] != PERFECT[name], (name, found)
    if "over_granted" not in worse:
        assert found["over_granted"] == 0


def test_a_deny_that_is_missing_grants_too_much():
    deny = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
    found = score(text(BASE, deny), text(BASE))
    assert found["over_granted"] == 1 and found["under_granted"] == 0


@pytest.mark.parametrize("answer", ["", "no idea", "{", "[]", '{"Version":"2012-10-17","Statement":[]}', "NaN"])
def test_what_is_no_policy_has_no_permissions(answer):
    assert score(WANTED, answer) == dict.fromkeys(OF_PERMISSIONS) | {f"{name}_all": 0 for name in TWINS}


@pytest.mark.parametrize("answer", [WANTED.replace('"true"', "1e999"), WANTED.replace('"true"', "[" * 200 + "]" * 200)])
def test_what_no_reader_takes_grants_nothing_and_is_an_error(answer):
    found = score(WANTED, answer)
    assert found["permission_recall"] == 0 == found["over_granted"] and found["under_granted"] == 2
    assert found["errors"] >= 1


def alike(one: str, two: str) -> float:
    return agreement(as_policy(one), as_policy(two))


def test_requests_are_the_same_each_time_and_reach_beyond_the_policy():
    policy = as_policy(WANTED)
    asked = sample(policy, policy)
    assert asked == sample(policy, policy)
    assert {r.context.get("aws:MultiFactorAuthPresent") for r in asked} == {"true", "true-another", None}
    assert any(r.action not in ("s3:GetObject", "s3:PutObject") for r in asked)
    assert alike(WANTED, text(BASE)) < 1 == alike(text(), text())
    deny = {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}
    assert alike(text(deny), text(deny | {"Action": "ec2:RunInstances"})) < 1


def test_each_value_of_a_condition_and_each_principal_is_asked_about():
    allow = BASE | {"Action": "s3:GetObject", "Principal": {"AWS": ["arn:aws:iam::111122223333:role/a"]}}
    vpcs = [f"vpc-{n}" for n in range(8)]
    wanted = text(*(allow | {"Condition": {"StringEquals": {"aws:SourceVpc": vpcs}}} for _ in range(8)))
    given = wanted.replace(json.dumps(vpcs), json.dumps(vpcs[:1]))
    assert alike(wanted, given) < 1
    assert {r.principal for r in sample(as_policy(wanted), as_policy(given))} == {"arn:aws:iam::111122223333:role/a"}
    assert alike(wanted, wanted.replace("role/a", "role/b")) < 1


def test_a_pair_that_is_both_lost_and_denied_counts_once():
    found = score(text(BASE), text(BASE | {"Effect": "Deny"}))
    assert found["under_granted"] == 2


def test_the_first_sampled_request_meets_the_conditions_of_its_policy():
    conditions = {"StringLike": {"s3:prefix": "home/*"}, "Bool": {"aws:SecureTransport": ["true"]}}
    listing = as_policy(
        text(BASE | {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::a-?", "Condition": conditions})
    )
    request = sample(listing, as_policy(WANTED))[0]
    assert request.resource == "arn:aws:s3:::a-x" and request.context["s3:prefix"] == "home/x"
    assert [decide(p, request).result for p in (listing, as_policy(WANTED))] == ["Allowed", "ImplicitlyDenied"]
    assert sample(as_policy(text()), as_policy(text())) == []


def test_a_policy_with_principals_decides_as_the_resource_does():
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"}, "Action": "sts:AssumeRole"}
    policy = as_policy(text(trust))
    request = sample(policy, policy)[0]
    assert request.principal == trust["Principal"]["AWS"] and decide(policy, request).result == "Allowed"
