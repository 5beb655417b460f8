"""A draft as it goes to the user: in order, what it lost is asked, and what it turned round is withheld."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamintent import Intent
from iampolicy.document import PolicyLike, as_policy, parse
from lib.model import finish
from lib.model.finish import Generated, finished

FOUND = (("s3:GetObject", "s3:PutObject"),)


def drafted(*statements: dict) -> Generated:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))
    return Generated(text, parse(text), (), (), True, 9, 0.1)


READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-in/*"}


def test_names_without_a_statement_are_asked_first_and_what_was_offered_is_told():
    draft = finished(drafted(READS), Intent("read acme-in and write acme-out_2", FOUND))
    assert draft.retrieved == ("s3:GetObject", "s3:PutObject") and draft.refusal is None
    assert draft.questions[0].startswith("The request names acme-out_2, of which no statement speaks")
    assert finished(drafted(READS), Intent("read the objects in acme-in", FOUND)).questions == ()


def test_a_draft_that_turns_an_exception_round_is_withheld():
    draft = finished(
        drafted(READS | {"Action": "iam:*", "Resource": "*"}), Intent("Let it do anything except IAM", FOUND)
    )
    assert (draft.text, draft.policy, draft.findings, draft.questions) == ("", None, (), ())
    assert "excepts (iam)" in draft.refusal and draft.retrieved


def test_on_which_resources_is_asked_only_where_the_request_does_not_say_any():
    wide = drafted(READS | {"Resource": "*"})
    assert finished(wide, Intent("read objects in a bucket", FOUND)).questions
    assert not finished(wide, Intent("read objects in any bucket", FOUND)).questions


def test_what_was_cut_is_said():
    assert "Only the first 4,000" in finished(drafted(READS), Intent("read it", FOUND, cut=True)).questions[0]


def test_a_name_is_asked_about():
    titled = finished(drafted(READS), Intent("AmazonS3ReadOnlyAccess", FOUND, title="Amazon S3 Read Only Access"))
    assert "meant as a name" in titled.questions[0]


def unused(request: str, drafted: PolicyLike) -> list[str]:
    return finish.unused(Intent(request), as_policy(drafted))


def turned_round(request: str, drafted: PolicyLike) -> list[str]:
    return finish.turned_round(Intent(request), as_policy(drafted))


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
