"""What a draft lost of its request: names and operations, but no ordinary words; and what it turned round."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.model.heard import turned_round, unused


def policy(*actions: str, resource: str = "*", **more) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


READ = policy("s3:GetObject", resource="arn:aws:s3:::acme-in/*")


@pytest.mark.parametrize(
    ("request_", "lost"),
    [
        ("Let it read acme-in and write to acme-out_2", ["acme-out_2"]),
        ("Read the bucket 'acme-in' and publish to the topic 'alerts'", ["alerts"]),
        ("write to acme-out_2, then to the topic 'alerts'", ["acme-out_2", "alerts"]),
        ("GetObject and PutObject on the S3 bucket acme-in", ["PutObject"]),
        ("Read s3://acme-in/ from 10.1.0.0/16 only", ["10.1.0.0/16"]),
        ("OPS-4711: read-only, on-call, 24h a day: the role deploy-7 reads acme-in/*, 2026-01-31", []),
        ("read acme-in", []),
    ],
)
def test_names_and_operations_without_a_statement_are_found(request_, lost):
    assert unused(request_, READ) == lost


def test_what_is_denied_excepted_or_compared_is_used():
    assert unused("all of S3 but DeleteBucket in S3", policy("s3:*")) == []
    compared = {"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}, "StringEquals": {"aws:PrincipalTag/team": "x-1"}}
    assert unused("GetObject of S3 from 10.1.0.0/16 for team x-1", policy("s3:GetObject", Condition=compared)) == []
    account = "arn:aws:sqs:*:123456789012:jobs-1"
    assert unused("the queue jobs-1 of 1234-5678-9012", policy("sqs:SendMessage", resource=account)) == []


@given(st.text(max_size=200))
def test_any_text_can_be_asked(request_):
    assert all(name in request_ for name in unused(request_, READ))


PAYROLL = policy("s3:Get*", resource="arn:aws:s3:::payroll-1/*")
PARTLY = json.loads(policy("s3:DeleteObject"))  # and the Deny reaches a part of it only
PARTLY["Statement"].append({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::x/*"})
DENIES = {"Effect": "Deny", "Action": "s3:*", "Resource": ["arn:aws:s3:::payroll-1", "arn:aws:s3:::payroll-1/*"]}


@pytest.mark.parametrize(
    ("request_", "draft", "found"),
    [
        ("Allow the ci role to do anything except IAM", policy("iam:*"), ["iam"]),
        ("Allow the ci role to do anything except IAM", policy("s3:*"), []),
        (
            "Read all of S3 except the bucket payroll-1",
            policy("s3:Get*", resource="arn:aws:s3:::payroll-1/*"),
            ["payroll-1"],
        ),
        ("all of S3 apart from DeleteObject in S3", policy("s3:DeleteObject"), ["s3:DeleteObject"]),
        ("let it read payroll-1", PAYROLL, []),
        ("everything in S3, with the exception of AI", policy("s3:*"), []),
        ("Allow anything except IAM, S3 included", policy("s3:*"), []),
        ("Except on weekends, let ci read the bucket logs", policy("s3:Get*", resource="arn:aws:s3:::logs/*"), []),
        ("Apart from reading S3, it may write to SQS", policy("s3:GetObject", "sqs:SendMessage"), []),
        ("Delete all except backups older than a month in x-1", policy("s3:*", resource="arn:aws:s3:::x-1/*"), []),
        (
            "all of S3 but not X, all but the bucket my.data",
            policy("s3:*", resource="arn:aws:s3:::my.data/*"),
            ["my.data"],
        ),
    ],
)
def test_an_exception_that_is_granted_is_turned_round(request_, draft, found):
    assert turned_round(request_, draft) == found


def test_what_is_denied_or_excluded_is_not_turned_round():
    request = "Read all of S3 except the bucket payroll-1"
    both = json.loads(policy("s3:*"))
    both["Statement"].append(DENIES)
    assert turned_round(request, both) == []
    assert turned_round("all of S3 except DeleteObject in S3", PARTLY) == ["s3:DeleteObject"]
    limited = json.loads(policy("iam:*"))
    limited["Statement"].append({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"})
    assert turned_round("anything except IAM", limited) == ["iam"]
    excluded = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert turned_round("anything except IAM", {"Version": "2012-10-17", "Statement": [excluded]}) == []
