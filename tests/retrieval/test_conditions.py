"""Conditions: what requests say about the circumstances of a call, as tests of a Condition element."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.iam import catalogue
from lib.retrieval.conditions import MOST, Comparison, block, comparisons, seems_limited

MAY = "2027-05-01T00:00:00Z"
REQUESTS = {  # -> operator, key and value for what is allowed
    "read the table, only with MFA": ("Bool", "aws:MultiFactorAuthPresent", "true"),
    "stop it if MFA was used within the last 2 hours": ("NumericLessThan", "aws:MultiFactorAuthAge", "7200"),
    "stop it if MFA was used within the last hour": ("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
    "read it from 10.0.0.0/8 only": ("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
    "read it from 192.0.2.7 or 2001:db8::/32": ("IpAddress", "aws:SourceIp", ("192.0.2.7/32", "2001:db8::/32")),
    "list queues via VPC endpoint vpce-0a1b2c": ("StringEquals", "aws:SourceVpce", "vpce-0a1b2c"),
    "list queues from inside vpc-0a1b2c only": ("StringEquals", "aws:SourceVpc", "vpc-0a1b2c"),
    "list queues until 1 May 2027": ("DateLessThan", "aws:CurrentTime", MAY),
    "list queues. This must not work before May 1, 2027": ("DateGreaterThan", "aws:CurrentTime", MAY),
    "list queues over HTTPS only": ("Bool", "aws:SecureTransport", "true"),
    "only for principals of organization o-a1b2c3d4e5": ("StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5"),
    "list queues in eu-west-1 and eu-west-3 only": (
        "StringEquals",
        "aws:RequestedRegion",
        ("eu-west-1", "eu-west-3"),
    ),
    "delete them when the caller carries the tag Team = web": ("StringEquals", "aws:PrincipalTag/Team", "web"),
    "delete them if the resource is tagged Team=web": ("StringEquals", "aws:ResourceTag/Team", "web"),
    "tag queues, provided the tag Team=web is part of the request": ("StringEquals", "aws:RequestTag/Team", "web"),
    "no tag keys other than Team may be set": ("ForAllValues:StringEquals", "aws:TagKeys", "Team"),
    "pass the role etl to Glue": ("StringEquals", "iam:PassedToService", "glue.amazonaws.com"),
    "pass the role web to ECS tasks": ("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com"),
    "decrypt via sqs in eu-west-1": ("StringEquals", "kms:ViaService", "sqs.eu-west-1.amazonaws.com"),
    "list the folder home/ana in the bucket docs": ("StringLike", "s3:prefix", "home/ana/*"),
    "call it only when rds:MultiAz is true": ("Bool", "rds:MultiAz", "true"),
    "start it if the instance type is t3.micro": ("StringEquals", "ec2:InstanceType", "t3.micro"),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_is_said_of_the_circumstances_is_a_test(request_):
    found = [(t.operator, t.key, t.value) for t in comparisons(request_) if t.effect == "Allow"]
    assert found == [REQUESTS[request_]]


@pytest.mark.parametrize(
    ("request_", "operator", "value"),
    [
        ("deny it unless MFA is used", "BoolIfExists", "false"),
        ("deny it without TLS", "Bool", "false"),
        ("deny it from outside 10.0.0.0/8", "NotIpAddress", "10.0.0.0/8"),
        ("deny it outside eu-west-1", "StringNotEquals", "eu-west-1"),
    ],
)
def test_what_is_said_of_a_denial_is_turned_round(request_, operator, value):
    assert [(t.operator, t.value) for t in comparisons(request_) if t.effect == "Deny"] == [(operator, value)]


@pytest.mark.parametrize(
    "request_",
    [
        "read the queue jobs in eu-west-1",  # where it is, no test of where the call goes
        "list the MFA devices of users",
        "create the VPC endpoint policy of vpce-0a1b2c",
        "describe vpc-0a1b2c",
        "set load balancer SSL certificates",
        "delete the namespace orders",
        "tag the queue jobs",
        "update the code, so that the release is not blocked",
        "give the role etl permission to read the bucket docs",
    ],
)
def test_things_are_no_circumstances(request_):
    assert comparisons(request_) == ()


def test_uploads_must_be_encrypted():
    both = "Uploads with any encryption other than SSE-KMS (aws:kms) must be denied, as must those with no header"
    lax = "Deny uploads that ask for any encryption other than AES256; uploads without the header may pass"
    assert [(t.operator, t.value) for t in comparisons(both) if t.effect == "Deny"] == [
        ("StringNotEquals", "aws:kms"),
        ("Null", "true"),
    ]
    assert ("Null", "false") in [(t.operator, t.value) for t in comparisons(lax)]


def test_a_block_holds_its_tests():
    one = Comparison("Allow", "StringEquals", "aws:SourceVpc", "vpc-1")
    two = Comparison("Allow", "StringEquals", "aws:PrincipalOrgID", ("o-1", "o-2"))
    assert block([one, two]) == {"StringEquals": {"aws:SourceVpc": "vpc-1", "aws:PrincipalOrgID": ["o-1", "o-2"]}}
    assert block([]) == {}


def test_words_that_limit_are_noticed_where_no_test_is_known():
    assert seems_limited("read it only when the moon is full") and not seems_limited("read the queue")


@given(st.text(max_size=200))
def test_any_text_has_tests_of_known_keys(text):
    found = comparisons(text + " only with MFA from 10.0.0.0/8")
    assert 1 <= len(found) <= MOST and len(set(found)) == len(found)
    for test in found:
        assert test.effect in ("Allow", "Deny") and test.value
        assert test.key.startswith("aws:") or "/" in test.key or catalogue.learned().condition_key(test.key)
