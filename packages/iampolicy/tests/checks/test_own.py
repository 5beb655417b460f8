"""Findings of our own: each where it belongs, none beside it, none an error, and none where only AWS's are wanted."""

import pytest

from iampolicy.checks import CODES, OURS, validate
from iampolicy.review import redundancy, risks

ACCOUNT = "111122223333"
ROLE, ROOT = f"arn:aws:iam::{ACCOUNT}:role/app", f"arn:aws:iam::{ACCOUNT}:root"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s"
BUCKET, OBJECTS = "arn:aws:s3:::quince", "arn:aws:s3:::quince/*"
DEFAULTS = {
    "identity": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS},
    "resource": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": OBJECTS},
    "trust": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    "scp": {"Effect": "Deny", "Action": "*", "Resource": "*"},
    "rcp": {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"},
    "endpoint": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
IN_ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}}


def when(operator: str, key: str, *values: str) -> dict:
    return {"Condition": {operator: {key: values[0] if len(values) == 1 else list(values)}}}


def both(*conditions: dict) -> dict:
    return {"Condition": {name: tests for each in conditions for name, tests in each["Condition"].items()}}


NOT_OFFICE = when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24")
NOT_ORG = when("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-abcde12345")
NO_SERVICE = when("BoolIfExists", "aws:PrincipalIsAWSService", "false")
DIRECT = when("Bool", "aws:ViaAWSService", "false")
TAGGED = when("StringEquals", "aws:ResourceTag/team", "jam")
INSTANCE = "arn:aws:ec2:*:*:instance/*"
CASES = [  # code, policy type, trigger, clean
    ("PUBLIC_ACCESS", "resource", {}, {"Condition": IN_ORG}),
    ("PUBLIC_ACCESS", "resource", {"Principal": "*", "Action": "kms:*", "Resource": "*"}, {"Principal": {"AWS": ROLE}}),
    ("PUBLIC_ACCESS", "resource", when("StringLike", "aws:PrincipalOrgID", "*"), {"Effect": "Deny"}),
    ("PUBLIC_ACCESS", "resource", when("StringEqualsIfExists", "aws:SourceVpce", "vpce-12345678"), DENY),
    ("PUBLIC_ACCESS", "resource", when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), NOT_OFFICE | {"Effect": "Deny"}),
    (
        "PUBLIC_ACCESS",
        "resource",
        when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT),
        when("StringEquals", "kms:CallerAccount", ACCOUNT),
    ),
    (
        "PUBLIC_ACCESS",
        "resource",
        when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/app"),
        when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*"),
    ),
    (
        "PUBLIC_ACCESS",
        "resource",
        when("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:*"),
        when("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:quince"),
    ),
    (
        "PUBLIC_ACCESS",
        "resource",
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "*/r-ab12/*"),
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abcde12345/*"),
    ),
    ("PUBLIC_ACCESS", "trust", {}, {"Principal": {"AWS": ROOT}}),
    ("PUBLIC_ACCESS", "trust", when("StringEquals", "sts:ExternalId", "7"), {"Condition": IN_ORG}),
    (
        "DENY_WITH_NOT_PRINCIPAL",
        "resource",
        {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": [ROLE]}},
        {"Effect": "Deny"},
    ),
    ("LOCKS_OUT", "resource", {"Effect": "Deny", "Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:*"} | NOT_ORG),
    ("ACTION_WITHOUT_MATCHING_RESOURCE", "identity", {"Action": "s3:ListBucket"}, {}),
    ("ACTION_WITHOUT_MATCHING_RESOURCE", "identity", {"Resource": BUCKET}, {"Resource": [BUCKET, OBJECTS]}),
    (
        "ACTION_WITHOUT_MATCHING_RESOURCE",
        "identity",
        {"Action": ["s3:GetObject", "s3:ListBucket"]},
        {"Action": ["s3:GetObject", "s3:Get*Acl"]},
    ),
    (
        "ACTION_WITHOUT_MATCHING_RESOURCE",
        "identity",
        {"Action": "sqs:ListQueues", "Resource": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"},
        {"Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"},
    ),
    (
        "ACTION_WITHOUT_MATCHING_RESOURCE",
        "resource",
        {"Action": "kms:Decrypt", "Resource": f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/app"},
        {"Action": "kms:Decrypt", "Resource": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/app"},
    ),
    (
        "ACTION_WITHOUT_MATCHING_RESOURCE",
        "identity",
        {"Effect": "Deny", "Action": "s3:PutBucketPolicy"},
        {"Action": "*"},
    ),
    (
        "CONDITION_KEY_NEVER_PRESENT",
        "identity",
        {"Action": "ec2:RunInstances", "Resource": INSTANCE} | TAGGED,
        {"Action": "ec2:StartInstances", "Resource": INSTANCE} | TAGGED,
    ),
    (
        "CONDITION_KEY_NEVER_PRESENT",
        "identity",
        {"Action": "dynamodb:CreateTable", "Resource": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/jam"} | TAGGED,
        {"Action": "ec2:RunInstances", "Resource": INSTANCE} | when("StringEquals", "aws:RequestTag/team", "jam"),
    ),
    (
        "CONDITION_KEY_NEVER_PRESENT",
        "identity",
        when("ArnLike", "aws:SourceArn", BUCKET),
        when("ArnLikeIfExists", "aws:SourceArn", BUCKET),
    ),
    (
        "CONDITION_KEY_NEVER_PRESENT",
        "identity",
        when("StringEquals", "aws:SourceAccount", ACCOUNT),
        DENY | when("StringNotEquals", "aws:SourceAccount", ACCOUNT),
    ),
    ("DENY_CUTS_OFF_SERVICES", "identity", DENY | NOT_OFFICE, DENY | both(NOT_OFFICE, DIRECT)),
    ("DENY_CUTS_OFF_SERVICES", "scp", NOT_OFFICE, when("IpAddress", "aws:SourceIp", "203.0.113.0/24")),
    (
        "DENY_CUTS_OFF_SERVICES",
        "identity",
        DENY | when("StringNotEquals", "aws:SourceVpc", "vpc-12345678"),
        when("StringNotEquals", "aws:SourceVpc", "vpc-12345678"),
    ),
    ("DENY_CUTS_OFF_SERVICES", "resource", DENY | NOT_ORG, DENY | both(NOT_ORG, NO_SERVICE)),
    (
        "DENY_CUTS_OFF_SERVICES",
        "scp",
        when("StringNotEquals", "aws:RequestedRegion", "eu-central-1"),
        when("StringNotEquals", "aws:RequestedRegion", "eu-central-1", "us-east-1"),
    ),
    (
        "MFA_TEST_WITHOUT_KEY",
        "identity",
        DENY | when("Bool", "aws:MultiFactorAuthPresent", "false"),
        DENY | when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
    ),
    (
        "MFA_TEST_WITHOUT_KEY",
        "identity",
        when("BoolIfExists", "aws:MultiFactorAuthPresent", "true"),
        when("Bool", "aws:MultiFactorAuthPresent", "true"),
    ),
    (
        "MFA_TEST_WITHOUT_KEY",
        "identity",
        DENY | when("NumericGreaterThan", "aws:MultiFactorAuthAge", "3600"),
        when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
    ),
    (
        "RCP_BREAKS_FEDERATION",
        "rcp",
        both(NOT_ORG, NO_SERVICE),
        {"Action": "sts:AssumeRole"} | both(NOT_ORG, NO_SERVICE),
    ),
    (
        "RCP_BREAKS_FEDERATION",
        "rcp",
        {"Action": "sts:AssumeRoleWith*"} | NOT_ORG,
        both(NOT_ORG, when("Null", "aws:PrincipalOrgID", "false")),
    ),
]
ELSEWHERE = {  # codes whose cases stand in other files
    "CLAIM_VALUE_NEVER_SENT",
    "MISSING_TENANT_CLAIM_FOR_OIDC_PRINCIPAL",
    "SUB_CLAIM_EXPECTED",
    "REDUNDANT_NARROWER_STATEMENT",
}


def policy(kind: str, *changes: dict) -> dict:
    merged = [{k: v for k, v in (DEFAULTS[kind] | change).items() if v is not None} for change in changes]
    return {"Version": "2012-10-17", "Statement": merged}


@pytest.mark.parametrize(("code", "kind", "trigger", "clean"), CASES)
def test_a_trigger_has_the_finding_and_its_neighbour_has_not(code: str, kind: str, trigger: dict, clean: dict) -> None:
    assert code in {f.code for f in validate(policy(kind, trigger), kind)}
    assert code not in {f.code for f in validate(policy(kind, clean), kind)}


def test_every_code_of_ours_has_a_case_and_is_no_error() -> None:
    assert {case[0] for case in CASES} | ELSEWHERE == OURS
    assert "ERROR" not in {CODES[code] for code in OURS}


@pytest.mark.parametrize(("code", "kind", "trigger", "_"), CASES)
def test_whoever_wants_access_analyzers_alone_gets_them(code: str, kind: str, trigger: dict, _: dict) -> None:
    every = validate(policy(kind, trigger), kind)
    alone = validate(policy(kind, trigger), kind, own=False)
    assert alone == [f for f in every if f.source == "access-analyzer"]
    assert OURS.isdisjoint(f.code for f in alone)


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ([ROLE], "its account and each of its sessions"),
        ([ROLE, SESSION], "its account"),
        ([ROLE, ROOT], "each of its sessions"),
        ([ROLE, SESSION, ACCOUNT], "permissions boundary"),
        ([f"arn:aws:iam::{ACCOUNT}:user/ada", ROOT], "permissions boundary"),
    ],
)
def test_not_principal_says_which_arn_is_missing(listed: list[str], words: str) -> None:
    denied = {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": listed}}
    (found,) = [f for f in validate(policy("resource", denied), "resource") if f.code == "DENY_WITH_NOT_PRINCIPAL"]
    assert words in found.message


def test_an_endpoint_is_open_to_all_by_nature() -> None:
    assert validate(policy("endpoint", {}), "endpoint") == []


@pytest.mark.parametrize("kind", ["resource", "trust"])
def test_public_access_is_a_risk_too(kind: str) -> None:
    found = {risk.name: risk.actions for risk in risks(policy(kind, {}))}
    assert found["public access"] == (DEFAULTS[kind]["Action"],)
    assert "public access" not in {risk.name for risk in risks(policy(kind, {"Principal": {"AWS": ROLE}}))}
    assert "public access" not in {risk.name for risk in risks(policy("endpoint", {}), "endpoint")}


@pytest.mark.parametrize(
    "resource", ["?", "${", "}", "\ud800", "arn:aws:nosuch:::x", "arn:aws:s3", "arn:::::", "a:b:c:d:e:f"]
)
def test_a_resource_that_cannot_be_scanned_hides_no_risk(resource: str) -> None:
    odd = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    rest = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    names = {risk.name for risk in risks({"Version": "2012-10-17", "Statement": [odd, rest]})}
    assert "privilege escalation" in names


def test_a_narrower_statement_is_ours_and_an_equal_one_is_access_analyzers() -> None:
    given = policy("identity", {"Action": "s3:Get*"}, {}, {"Sid": "Again"})
    found = [(f.code, f.path) for f in validate(given) if f.code.startswith("REDUNDANT_")]
    assert found == [("REDUNDANT_STATEMENT", "Statement[2]"), ("REDUNDANT_NARROWER_STATEMENT", "Statement[1]")]
    assert {f.code for f in redundancy(given)} == {"REDUNDANT_STATEMENT"}


def test_thousands_of_statements_are_held_against_each_other_once() -> None:
    many = [{"Resource": f"arn:aws:s3:::b{i % 1_500}/*"} for i in range(3_000)]
    found = [f for f in validate(policy("identity", *many)) if f.code == "REDUNDANT_STATEMENT"]
    assert [f.path for f in found] == [f"Statement[{i}]" for i in range(1_500, 3_000)]
