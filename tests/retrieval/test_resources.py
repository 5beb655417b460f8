"""Resources: names and ARNs that requests tell become ARNs of their type's format, in the place that is told."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.written import write
from lib.data.written.resources import COMPLETED, Scene, arn
from lib.iam import catalogue
from lib.iam.patterns import overlaps
from lib.retrieval import resources
from lib.retrieval.clauses import LONGEST, clauses

ACTIONS = catalogue.learned().actions
USUAL = ("s3:GetObject", "s3:ListBucket", "sqs:SendMessage", "ssm:GetParameter", "logs:PutLogEvents", "iam:PassRole")
ONE, TWO = "111122223333", "444455556666"


def named(request: str, action: str) -> tuple[str, ...]:
    """The ARNs on which a request of one clause asks for an action."""
    found = clauses(request)
    return resources.named(found, [[ACTIONS[action]]] * len(found))[0].get(action, ())


@pytest.mark.parametrize(
    ("request_", "action", "arns"),
    [
        ("send to the queue orders", "sqs:SendMessage", ["arn:aws:sqs:*:*:orders"]),
        ("send to the orders queue", "sqs:SendMessage", ["arn:aws:sqs:*:*:orders"]),
        ('send to the queue "orders"', "sqs:SendMessage", ["arn:aws:sqs:*:*:orders"]),
        ("send to the queue named orders", "sqs:SendMessage", ["arn:aws:sqs:*:*:orders"]),
        ("send to queues jobs-1 and jobs-2", "sqs:SendMessage", ["arn:aws:sqs:*:*:jobs-1", "arn:aws:sqs:*:*:jobs-2"]),
        (
            "send to the jobs-1 or jobs-2 queues",
            "sqs:SendMessage",
            ["arn:aws:sqs:*:*:jobs-1", "arn:aws:sqs:*:*:jobs-2"],
        ),
        ("send to a.com, and to the job-1 queue", "sqs:SendMessage", ["arn:aws:sqs:*:*:job-1"]),
        ("send to queues whose name starts with job-", "sqs:SendMessage", ["arn:aws:sqs:*:*:job-*"]),
        ("send to any queue matching job-*", "sqs:SendMessage", ["arn:aws:sqs:*:*:job-*"]),
        ("send to the job-* queues", "sqs:SendMessage", ["arn:aws:sqs:*:*:job-*"]),
        ("send to the queue orders in eu-west-1", "sqs:SendMessage", ["arn:aws:sqs:eu-west-1:*:orders"]),
        (f"send to the queue orders of account {ONE}", "sqs:SendMessage", [f"arn:aws:sqs:*:{ONE}:orders"]),
        ("list the bucket photos-1", "s3:ListBucket", ["arn:aws:s3:::photos-1"]),
        ("list the bucket photos/2026", "s3:ListBucket", ["arn:aws:s3:::photos"]),
        ("read the bucket photos/2026", "s3:GetObject", ["arn:aws:s3:::photos/2026/*"]),
        ("read the bucket photos-1", "s3:GetObject", ["arn:aws:s3:::photos-1/*"]),
        ("read arn:aws:s3:::photos", "s3:GetObject", ["arn:aws:s3:::photos/*"]),
        ("read arn:aws:s3:::photos/a.jpg.", "s3:GetObject", ["arn:aws:s3:::photos/a.jpg"]),
        ("read arn:aws-cn:s3:::photos", "s3:ListBucket", ["arn:aws-cn:s3:::photos"]),
        ("read the parameter db-host", "ssm:GetParameter", ["arn:aws:ssm:*:*:parameter/db-host"]),
        ("read the parameter /app/db", "ssm:GetParameter", ["arn:aws:ssm:*:*:parameter/app/db"]),
        ("write the log group /app/x", "logs:PutLogEvents", ["arn:aws:logs:*:*:log-group:/app/x:*"]),
        ("start the instance i-0abc", "ec2:StartInstances", ["arn:aws:ec2:*:*:instance/i-0abc"]),
        ("pass the role etl-1", "iam:PassRole", ["arn:aws:iam::*:role/etl-1"]),
        (f"pass arn:aws:iam::{ONE}:role/x/etl", "iam:PassRole", [f"arn:aws:iam::{ONE}:role/x/etl"]),
    ],
)
def test_a_name_beside_its_noun_is_an_arn(request_, action, arns):
    found = named(request_, action)
    assert found[: len(arns)] == tuple(arns)
    if action != "logs:PutLogEvents":  # which has log groups and their streams
        assert len(found) == len(arns)


@pytest.mark.parametrize(
    ("request_", "action"),
    [
        ("send to queues", "sqs:SendMessage"),
        ("send to the queue in eu-west-1", "sqs:SendMessage"),
        (f"send to the queue of {ONE}", "sqs:SendMessage"),
        ("send to all of our queues", "sqs:SendMessage"),
        ("change the queue settings", "sqs:SendMessage"),
        ("send through the Simple Queue Service", "sqs:SendMessage"),
        ("read the Parameter Store", "ssm:GetParameter"),
        ("read arn:aws:sqs:*:*:x", "s3:GetObject"),
        ("read arn:aws:s3", "s3:GetObject"),
        ("read arn:aws::", "s3:GetObject"),
        ("list the bucket /", "s3:ListBucket"),
        ("list all buckets in the account", "s3:ListAllMyBuckets"),
    ],
)
def test_what_is_no_name_is_no_arn(request_, action):
    assert named(request_, action) == ()


def test_a_clause_that_names_nothing_takes_what_is_named_before_it_or_after_it():
    found = clauses("read messages from the queue orders-1, then delete each of them.")
    actions = [[ACTIONS["sqs:ReceiveMessage"]], [ACTIONS["sqs:DeleteMessage"]]]
    assert [list(f.values()) for f in resources.named(found, actions)] == [[("arn:aws:sqs:*:*:orders-1",)]] * 2
    found = clauses("Send a message now, and read messages from the queue orders-1.")
    assert len(resources.named(found, actions)[0]) == 1


def test_a_place_that_the_request_tells_once_is_of_all_its_resources():
    request = f"Send to the queue a-1. Read the queue b-1. All of it is in {ONE}, eu-west-1."
    found = resources.named(clauses(request), [[ACTIONS["sqs:SendMessage"]]] * len(clauses(request)))
    assert found[0]["sqs:SendMessage"] == (f"arn:aws:sqs:eu-west-1:{ONE}:a-1",)
    request = f"Send to the queue a-1. Accounts are {ONE} and {TWO}."
    assert named(request, "sqs:SendMessage") == ("arn:aws:sqs:*:*:a-1",)


def test_places_are_told_in_ascii():
    assert named("send to the queue a-1 in us-east-١", "sqs:SendMessage") == ("arn:aws:sqs:*:*:a-1",)
    assert named("send to the queue a-1 of account ١١١١٢٢٢٢٣٣٣٣", "sqs:SendMessage") == ("arn:aws:sqs:*:*:a-1",)


def test_what_stands_beyond_the_cut_is_not_read():
    assert named("send now " + "x" * LONGEST + " to the queue orders-1", "sqs:SendMessage") == ()


@pytest.mark.parametrize(("service", "type_"), COMPLETED)
def test_completed_formats_are_of_their_type(service, type_):
    kind = catalogue.learned().services[service].resource_types[type_]
    assert overlaps(arn(kind, "/x" if type_ == "parameter" else "x", Scene()), kind.pattern)


def fits(arn_: str, action: str) -> bool:
    """Whether an ARN has the format of one of the types that an action takes."""
    kinds = catalogue.learned().services[ACTIONS[action].service].resource_types
    return any(overlaps(arn_, kinds[t].pattern) for t in ACTIONS[action].resource_types if t in kinds)


WORDS = st.sampled_from(
    [
        "the queue",
        "bucket",
        "parameter",
        "log group",
        "role",
        "orders",
        "a/b",
        "/",
        ":",
        "*",
        "named",
        "arn:aws:s3:::x",
        ONE,
    ]
    + ["arn:aws:", "eu-west-1", "matching", "and", '"', "=", "?", "${aws:username}", "\ud800", "x" * 300, "ı", "\x00"]
)


@given(st.text() | st.lists(WORDS, max_size=12).map(" ".join))
@settings(max_examples=150)
def test_every_arn_of_any_text_has_its_types_format(text):
    found = clauses(text)
    for scoped in resources.named(found, [[ACTIONS[a] for a in USUAL]] * len(found)):
        for action, arns in scoped.items():
            assert arns and len(set(arns)) == len(arns)
            assert all(fits(a, action) and not re.search(r"\s", a) and a.isprintable() for a in arns)


def test_written_requests_give_arns_of_their_types_format():
    for example in write(60, seed=3):
        found = clauses(example.instruction)
        wanted = [a for s in example.policy["Statement"] for a in s.get("Action", ()) if a in ACTIONS]
        for scoped in resources.named(found, [[ACTIONS[a] for a in wanted]] * len(found)):
            assert all(fits(a, action) for action, arns in scoped.items() for a in arns)


HOSTILE = (":" * LONGEST, "queue " * 700, "arn:aws:s3:::" + "*?" * 1_900, "a=" * 2_000, "the queue " + "a, " * 1_300)


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_end(request_):
    found = clauses(request_)
    assert len(resources.named(found, [[ACTIONS[a] for a in USUAL]] * len(found))) == len(found)
