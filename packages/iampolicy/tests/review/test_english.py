"""A policy in English: a sentence a statement, in which nothing of the statement is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import PolicySyntaxError
from iampolicy.review import describe_action, describe_condition, describe_resource, explain


def policy(**statement) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | statement],
    }


def test_each_statement_is_one_sentence_in_order():
    document = policy(Resource="arn:aws:s3:::photos/*")
    document["Statement"].append({"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "arn:aws:s3:::photos"})
    first, second = explain(document)
    assert first == "Allows the caller to retrieve objects from Amazon S3 (s3:GetObject) on the object photos/*."
    assert second.startswith("Forbids the caller to delete") and second.endswith("on the bucket photos.")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("s3:GetObject", "retrieve objects from Amazon S3 (s3:GetObject)"),
        ("S3:getobject", "retrieve objects from Amazon S3 (s3:GetObject)"),
        ("s3:*", "use every action of Amazon S3 (s3:*)"),
        ("s3:Get*", "use every Get action of Amazon S3 (s3:Get*)"),
        ("s3:*Object", "use every action of Amazon S3 (s3:*Object) that matches *Object"),
        ("*", "use every action of every service"),
        ("s3:GetObjekt", "use s3:GetObjekt (which does not exist)"),
        ("nosuch:*", "use nosuch:* (which does not exist)"),
        ("", "use  (which does not exist)"),
    ],
)
def test_actions(pattern, words):
    assert describe_action(pattern) == words


@pytest.mark.parametrize(
    ("arn", "services", "words"),
    [
        ("*", {"s3"}, "any resource"),
        ("arn:aws:s3:::photos", {"s3"}, "the bucket photos"),
        ("arn:aws:s3:::photos/2026/*", {"s3"}, "the object photos/2026/*"),
        ("arn:aws:dynamodb:us-east-1:*:table/orders", {"dynamodb"}, "the table orders in us-east-1"),
        ("arn:aws:sqs:*:123456789012:jobs", {"sqs"}, "the queue jobs of account 123456789012"),
        ("arn:aws:sqs:*:*:jobs", {"s3"}, "arn:aws:sqs:*:*:jobs"),
        ("no arn", {"s3"}, "no arn"),
    ],
)
def test_resources(arn, services, words):
    assert describe_resource(arn, services) == words


@pytest.mark.parametrize(
    ("operator", "key", "values", "words"),
    [
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "the source IP address is in 10.0.0.0/8"),
        ("Bool", "aws:SecureTransport", "false", "TLS is not used"),
        ("Bool", "aws:MultiFactorAuthPresent", True, "multi-factor authentication (MFA) is used"),
        ("Bool", "s3:x", "true", "s3:x is true"),
        ("StringEqualsIfExists", "aws:RequestTag/Team", ["a", "b"], "aws:RequestTag/Team is a or b or absent"),
        ("ForAllValues:StringLike", "aws:TagKeys", "x*", "every value of aws:TagKeys matches x*"),
        ("Null", "aws:TagKeys", "true", "aws:TagKeys is absent"),
        ("Null", "aws:TagKeys", "false", "aws:TagKeys is present"),
        ("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", "the time is after 2026-01-01T00:00:00Z"),
        ("Unheard", "k", "v", "k Unheard v"),
        ("Null", "k", [], "k is present"),
        ("Bool", "aws:SecureTransport", [], "TLS is not used"),
        ("StringEquals", "k", [], "k is nothing"),
    ],
)
def test_conditions(operator, key, values, words):
    assert describe_condition(operator, key, values) == words


def test_principals_and_the_not_elements_are_said():
    assert explain(policy(Principal="*"))[0].startswith("Allows anyone to ")
    assert explain(policy(Principal={"Service": ["a.amazonaws.com", "b"]}))[0].startswith(
        "Allows a.amazonaws.com and b to"
    )
    assert "everyone except arn:x" in explain(policy(Effect="Deny", NotPrincipal={"AWS": "arn:x"}))[0]
    document = policy(NotResource="arn:aws:s3:::b/*")
    del document["Statement"][0]["Resource"]
    assert explain(document)[0].endswith("on everything except the object b/*.")
    document = policy(NotAction="s3:DeleteBucket")
    del document["Statement"][0]["Action"]
    assert "do everything except delete the bucket" in explain(document)[0]


def test_conditions_of_a_statement_are_all_said():
    condition = {"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::1"]}}
    said = explain(policy(Condition=condition))[0]
    assert said.endswith(", if TLS is used and the source IP address is in 10.0.0.0/8 or ::1.")


def test_text_that_is_no_policy_is_refused():
    with pytest.raises(PolicySyntaxError):
        explain("{")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = ("Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")


@given(st.lists(st.dictionaries(st.sampled_from(ELEMENTS), JSON, max_size=6), max_size=3))
def test_whatever_the_elements_hold_each_statement_gets_a_sentence(statements):
    said = explain({"Statement": statements})
    assert len(said) == len(statements) and all(s.endswith(".") for s in said)
