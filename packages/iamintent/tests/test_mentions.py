"""Services: every way to name one counts, a plain word counts less; and wildcards for all of one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamintent.mentions import WEAK, actions_named, evidence, mentions, names, order, wildcards
from iampolicy import catalogue

PREFIXES = list(catalogue.load().services)


def weights(text: str) -> dict[str, float]:
    return {PREFIXES[i]: float(w) for i, w in enumerate(evidence(text)) if w}


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("objects in Amazon S3", "s3"),
        ("objects in S3", "s3"),
        ("Simple Queue Service", "sqs"),
        ("AWS Lambda functions", "lambda"),
        ("a state machine of Step Functions", "states"),
        ("CloudWatch Logs", "logs"),
        ("the Parameter Store", "ssm"),
        ("EventBridge Pipes", "pipes"),
        ("DynamoDB", "dynamodb"),
        ("s3:GetObject", "s3"),
        ("every sqs:* action", "sqs"),
        ("arn:aws:sns:eu-west-1:123456789012:alerts", "sns"),
        ("arn:aws-cn:kms:*:*:key/1", "kms"),
        ("from delivery.logs.amazonaws.com", "logs"),
        ("log groups", "logs"),
        ("security groups", "ec2"),
    ],
)
def test_a_service_is_known_by_its_names(text, prefix):
    found = weights(text)
    assert found[prefix] == max(found.values())


@pytest.mark.parametrize("text", ["", "read all of it", "note: This", "https://x.example/s3:Get"])
def test_a_text_that_names_no_service(text):
    assert weights(text) == {} or max(weights(text).values()) <= WEAK


def test_the_longest_name_wins_and_names_do_not_overlap():
    found = list(mentions("EventBridge Pipes and EventBridge"))
    assert [said for said, _ in found] == ["EventBridge Pipes", "EventBridge"]
    assert "pipes" in found[0][1] and "pipes" not in found[1][1]


def test_a_name_in_lower_case_may_be_an_ordinary_word():
    assert weights("AWS Backup")["backup"] == 1.0
    assert weights("a backup")["backup"] == pytest.approx(WEAK, abs=1e-6)


def test_a_name_of_several_services_counts_less_for_each():
    both = weights("Cognito")
    assert both["cognito-idp"] == both["cognito-identity"] < 1


def test_the_arn_of_a_role_names_rather_who_asks():
    assert weights("arn:aws:iam::123456789012:role/etl")["iam"] == pytest.approx(WEAK)


def test_names_and_order_are_of_services_that_exist():
    assert set().union(*names().values()) <= set(PREFIXES)
    assert list(order()) == PREFIXES and list(order().values()) == list(range(len(PREFIXES)))


@given(st.text())
@settings(max_examples=200)
def test_any_text_is_weighed(text):
    found = evidence(text)
    assert found.shape == (len(PREFIXES),) and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1 and (found == evidence(text)).all()


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("full access to SQS", ["sqs:*"]),
        ("Developers may do anything in DynamoDB", ["dynamodb:*"]),
        ("administer Amazon SNS", ["sns:*"]),
        ("read-only access to SQS", ["sqs:Get*", "sqs:List*"]),
        ("view SQS without being able to change it", ["sqs:Get*", "sqs:List*"]),
        ("list-only access to SQS", ["sqs:List*"]),
        ("call every Describe action of ECS", ["ecs:Describe*"]),
        ("Describe and List calls of ECS", ["ecs:Describe*", "ecs:List*"]),
        ("All Describe calls of EC2", ["ec2:Describe*"]),  # and not ec2:All*, which matches AllocateAddress
        ("Allow List and Describe operations in ECS", ["ecs:List*", "ecs:Describe*"]),
        ("ECS operations whose names start with Run or Stop", ["ecs:Run*", "ecs:Stop*"]),
        ("s3:Get* and sqs:* please", ["s3:Get*", "sqs:*"]),
        ("start an instance of EC2", []),
        ("everything", []),  # in which service?
        ("nosuch:* and s3:Xyz*", []),
        ("", []),
    ],
)
def test_wildcards(sentence, expected):
    assert wildcards(sentence) == expected


def test_the_whole_request_may_name_the_service():
    assert wildcards("They get full access.", "They work with SQS. They get full access.") == ["sqs:*"]
    assert wildcards("full access to SNS", "full access to SNS and to SQS") == ["sns:*"]


def test_the_narrowest_level_counts():
    assert wildcards("read-only permissions, not full access, to SQS") == ["sqs:Get*", "sqs:List*"]


HOSTILE = ("A" * 4_000, "Aa" * 2_000, "Aa, " * 1_000, "starting with " + "Ab" * 2_000, "x:" * 2_000, "all the " * 500)


@pytest.mark.parametrize("sentence", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_sentences_end(sentence):
    assert wildcards(sentence) == []


@given(st.text() | st.lists(st.sampled_from(["S3", "Get", "calls", "full access", "*", "s3:", "and"])).map(" ".join))
@settings(max_examples=150)
def test_every_wildcard_matches_something(text):
    found = wildcards(text)
    assert all(catalogue.load().expand(pattern) for pattern in found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call s3:GetObject and sqs:SendMessage", {"s3:GetObject", "sqs:SendMessage"}),
        ("call GetObject of S3", {"s3:GetObject"}),
        ("call GetObject", set()),
        ("call s3:GetObjekt", set()),
        ("call SendMessage in S3", set()),
        ("pass the role etl to Glue", {"iam:PassRole"}),
        ("hand over roles to ECS tasks", {"iam:PassRole"}),
        ("the role that passed", set()),
        ("https://s3:GetObject", set()),
        ("", set()),
        ("A" * 100_000, set()),
    ],
)
def test_actions_that_are_written_out(text, expected):
    assert actions_named(text) == expected
