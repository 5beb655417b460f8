"""The grammar for a model that reads: what the request names and AWS documents can be written, and nothing else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamintent import Intent
from iampolicy.document import as_list, canonical, parse
from iampolicy.statements import parted
from lib.data import field
from lib.data.field import frozen, load
from lib.model.grammar import grounded
from lib.model.matcher import Compiler, GrammarError
from lib.model.prompt import minified
from tests.tiny import tokenizer

COMPILER = Compiler(tokenizer())
REQUEST = (
    "the worker in eu-west-1, account 123456789012, reads jobs-prod and writes to s3://acme-out/daily/, only for "
    "team=blue; role ci-deploy may be passed to ${aws:username}"
)
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:jobs-prod"


def statement(**elements) -> dict:
    given = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE} | elements
    order = ("Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition")
    return {name: given[name] for name in order if given.get(name) is not None}


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


def asked(request: str, *services: str) -> Intent:
    """A request for which some action of these services was found."""
    return Intent(request, (tuple(f"{service}:*" for service in services),))


def accepts(text: str, request: str = REQUEST, services=("sqs", "s3", "ec2", "iam")) -> bool:
    matcher = COMPILER.matcher(grounded(asked(request, *services)))
    tokens = matcher.close(text.encode())
    return tokens is not None and matcher.text_of(tokens).decode() == text


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"Resource": "*"},
        {"Effect": "Deny"},
        {"Resource": [f"{QUEUE}*", QUEUE]},
        {"Action": ["sqs:SendMessage", "sqs:List*"]},
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme-out/daily/*"},
        {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::acme-out", "Condition": {"Null": {"s3:prefix": "true"}}},
        {"Action": ["s3:ListAllMyBuckets", "sqs:ListQueues"], "Resource": "*"},
        {"Action": None, "NotAction": "iam:*", "Resource": "*"},
        {"Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/ci-deploy"},
        {"Action": "iam:GetUser", "Resource": "arn:aws:iam::123456789012:user/${aws:username}"},
        {"Action": "iam:GetUser", "Resource": "arn:aws:iam::123456789012:user/ci-deploy-${aws:username}"},
        {"Action": "ec2:RunInstances", "Resource": "*", "Condition": {"StringLike": {"aws:RequestTag/team": "blue"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {"Condition": {"Null": {"aws:MultiFactorAuthAge": "false"}}},
        {"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "blue"]}}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/ci-deploy"}},
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", "Resource": None},
    ],
)
def test_what_a_request_may_ask_for_can_be_written(elements):
    assert accepts(policy(statement(**elements)))


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": "sqs:SendMessages"},  # no such action
        {"Action": "lambda:InvokeFunction", "Resource": "*"},  # a service that was not found
        {"Resource": QUEUE.replace("jobs-prod", "orders")},  # a name that the request does not say
        {"Resource": QUEUE.replace("jobs-prod", "jobs-pr")},  # half a name
        {"Resource": QUEUE.replace("jobs-prod", "jobs-prodworker")},  # two words that do not stand together
        {"Resource": QUEUE.replace("eu-west-1", "us-east-1")},  # a region that it does not say
        {"Resource": QUEUE.replace("123456789012", "999999999999")},
        {"Resource": QUEUE.replace("eu-west-1", "*")},  # wider than what it says
        {"Resource": QUEUE.replace("123456789012", "*")},
        {"Resource": "arn:aws:s3:::acme-out"},  # no action on queues is on buckets
        {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::acme-out/daily/*"},  # listing is on the bucket
        {"Action": "sqs:ListQueues"},  # is on no queue
        {"Action": ["sqs:SendMessage", "s3:PutObject"]},  # two services on a queue
        {"Condition": {"StringEquals": {"aws:SecureTransport": "true"}}},  # not the operator of its type
        {"Condition": {"StringEquals": {"sqs:Colour": "blue"}}},  # no such key
        {"Condition": {"StringEquals": {"aws:ResourceTag/green": "blue"}}},  # a tag that it does not say
        {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
    ],
)
def test_nothing_else_can(elements):
    assert not accepts(policy(statement(**elements)))


def test_any_region_is_any_region_where_the_request_says_so():
    text = policy(statement(Resource="arn:aws:sqs:*:*:jobs"))
    assert accepts(text, "send messages to the queue jobs", ["sqs"])
    assert accepts(text, "send messages to the queue jobs, wherever it lies, not only that of eu-west-1", ["sqs"])
    assert not accepts(text, "send messages to the queue jobs in eu-west-1", ["sqs"])


def test_a_service_principal_that_is_named_is_the_one_that_is_meant():
    text = policy(statement(Principal={"Service": "eks.amazonaws.com"}, Action="sts:AssumeRole", Resource=None))
    assert accepts(text, "trust policy for EKS", ["sts"])
    assert not accepts(text, "trust policy for pods.eks.amazonaws.com", ["sts"])
    assert accepts(text.replace("eks", "pods.eks"), "trust policy for pods.eks.amazonaws.com", ["sts"])


def test_names_that_begin_with_something_said():
    text = policy(statement(Resource="arn:aws:sqs:*:*:lab-*"))
    assert accepts(text, "send messages to the queues called lab-something", ["sqs"])


def test_policies_with_and_without_principal_do_not_mix():
    assert not accepts(policy(statement(Principal="*"), statement()))
    assert accepts(policy(statement(Principal="*"), statement(Principal="*", Effect="Deny")))


def test_a_request_may_get_no_statement_at_all():
    assert accepts(policy())


@pytest.mark.parametrize(
    ("said", "region"), [("Ireland", "eu-west-1"), ("in Frankfurt!", "eu-central-1"), ("eu-west-3_aB", "eu-west-3")]
)
def test_a_city_stands_for_its_region(said, region):
    text = policy(statement(Resource=f"arn:aws:sqs:{region}:*:jobs"))
    assert accepts(text, f"send to queue jobs, {said}") and not accepts(text, "send comparisons to queue jobs")


def test_no_service_is_an_error_that_names_what_was_given():
    with pytest.raises(GrammarError, match="nosuch"):
        grounded(asked("x", "nosuch"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
@settings(max_examples=40)
def test_no_text_of_a_request_breaks_out_of_the_form(text):
    matcher = COMPILER.matcher(grounded(asked(text, "sqs")))
    assert parse(matcher.text_of(matcher.close()).decode()).statements == ()
    begun = b'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:'
    written = matcher.text_of(matcher.close(begun)).decode()
    assert canonical(parse(written)).statements


def test_nearly_all_policies_that_people_wanted_can_be_written():
    rows = frozen()
    asked = [field.example(a) for a in load() if rows[a.id][0] == "validation" and a.outcome == "draft"]
    written = 0
    for example in asked:
        text = minified(parted(json.loads(example.policy)))
        patterns = [p for s in json.loads(text)["Statement"] for p in as_list(s.get("Action", s.get("NotAction")))]
        written += accepts(text, example.instruction, [p.partition(":")[0] for p in patterns] + ["s3"])
    assert written >= 0.95 * len(asked)
