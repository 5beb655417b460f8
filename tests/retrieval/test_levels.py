"""Levels and families: wildcards where a sentence asks for them, and none where it does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from lib.retrieval.levels import wildcards


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
