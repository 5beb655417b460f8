"""Statements as a model is to write them, and what it says twice or too widely set in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy.compare import compare
from iampolicy.statements import parted, tidied


def allow(action, resource="*", **more) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


QUEUE = "arn:aws:sqs:*:*:jobs"
HOME = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
TAGGED = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}


@pytest.mark.parametrize(
    ("drafted", "wanted"),
    [
        ([allow(["sqs:SendMessage", "sqs:SendMessage"], [QUEUE, QUEUE])], [allow("sqs:SendMessage", QUEUE)]),
        ([allow("sqs:SendMessage", QUEUE)] * 2, [allow("sqs:SendMessage", QUEUE)]),
        (  # what is on one queue is not on all
            [allow(["sqs:SendMessage", "sqs:ListQueues"]), allow("sqs:SendMessage", QUEUE)],
            [allow("sqs:ListQueues"), allow("sqs:SendMessage", QUEUE)],
        ),
        ([allow("sqs:SendMessage"), allow("sqs:SendMessage", QUEUE)], [allow("sqs:SendMessage", QUEUE)]),
        (  # what is on no queue stays where it says something
            [allow("sqs:ListQueues"), allow(["sqs:SendMessage", "sqs:ListQueues"], QUEUE)],
            [allow("sqs:ListQueues"), allow(["sqs:SendMessage", "sqs:ListQueues"], QUEUE)],
        ),
        (  # describing instances cannot meet a tag's condition
            [allow(["ec2:StopInstances", "ec2:DescribeInstances"], **TAGGED)],
            [allow("ec2:StopInstances", **TAGGED), allow("ec2:DescribeInstances")],
        ),
        (  # where both stand, the source address limits them still
            [allow(["ec2:StopInstances", "ec2:DescribeInstances"], Condition=HOME["Condition"] | TAGGED["Condition"])],
            [
                allow("ec2:StopInstances", Condition=HOME["Condition"] | TAGGED["Condition"]),
                allow("ec2:DescribeInstances", **HOME),
            ],
        ),
        (  # a source address it can meet
            [allow(["ec2:StopInstances", "ec2:DescribeInstances"], **HOME)],
            [allow(["ec2:StopInstances", "ec2:DescribeInstances"], **HOME)],
        ),
    ],
)
def test_what_a_model_says_twice_or_too_widely(drafted, wanted):
    assert tidied(document(*drafted)) == document(*wanted)


def test_a_deny_stays_on_everything():
    deny = allow("sqs:SendMessage") | {"Effect": "Deny"}
    assert tidied(document(deny, allow("sqs:SendMessage", QUEUE))) == document(deny, allow("sqs:SendMessage", QUEUE))


STATEMENTS = st.builds(
    lambda effect, actions, resource: {"Effect": effect, "Action": actions, "Resource": resource},
    st.sampled_from(["Allow", "Deny"]),
    st.lists(st.sampled_from(["sqs:SendMessage", "sqs:ListQueues", "sqs:*", "s3:GetObject"]), min_size=1, max_size=4),
    st.sampled_from(["*", QUEUE, [QUEUE, "arn:aws:sqs:*:*:other"]]),
)


@given(st.lists(STATEMENTS, min_size=1, max_size=5))
@settings(max_examples=150)
def test_without_conditions_nothing_is_allowed_that_was_not(statements):
    drafted = document(*statements)
    found = tidied(drafted)
    assert found == tidied(found)
    if found["Statement"]:
        assert not [p for p in compare(drafted, found).extra if p.effect == "Allow"]


@pytest.mark.parametrize(
    "statement",
    [
        allow(["sqs:SendMessage", "sqs:ListQueues"]),
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::a/*"]},
        allow("s3:GetObject", ["arn:aws:s3:::a/*", "arn:aws:sqs:*:*:b"]),
    ],
)
def test_what_cannot_be_parted_stays_as_it_was_written(statement):
    assert parted(document(statement)) == document(statement)


@given(st.lists(STATEMENTS, min_size=1, max_size=5))
def test_parted_statements_say_what_they_said_together(statements):
    whole, parts = document(*statements), parted(document(*statements))
    same = compare(whole, parts)
    assert not same.extra and not same.missing and parted(parts) == parts
