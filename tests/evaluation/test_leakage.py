"""Leakage: what is shared is counted, in whatever form, and scores fall into bins of distance; recall of retrieval."""

import json

import pytest

from iamintent import Intent
from lib.data.dataset import Example
from lib.evaluation.leakage import recall, shape_seen, shared


def example(id: str, instruction: str, *actions: str, sid: str | None = None) -> Example:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"} | ({"Sid": sid} if sid else {})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return Example(id, "written", instruction, policy, "simple")


SEEN = [
    example("1", "Read the queue", "sqs:ReceiveMessage"),
    example("2", "Do much", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"),
]


def test_nothing_is_shared_by_different_examples():
    assert shared([example("3", "List topics", "sns:ListTopics")], SEEN).to_dict() == {
        "instruction": 0,
        "policy": 0,
        "near duplicate": 0,
        "shape": 0,
    }


def test_what_is_planted_is_found_in_other_words_and_order():
    planted = [
        example("4", "read  the Queue", "sns:ListTopics"),
        example("5", "Other", "s3:ListBucket", "s3:DeleteObject", "s3:PutObject", "s3:GetObject", sid="A"),
    ]
    assert shared(planted, SEEN).to_dict() == {"instruction": 1, "policy": 1, "near duplicate": 1, "shape": 1}


def test_a_sentence_with_other_names_numbers_and_verbs_has_the_same_shape():
    seen = [example("1", "Let the role app-1 read from orders_2", "sqs:ReceiveMessage")]
    test = [
        example("2", "Let the role web-7 write from jobs_3", "s3:PutObject"),
        example("3", "Who is it?", "s3:GetObject"),
    ]
    assert shape_seen(test, seen).to_dict() == {"2": True, "3": False}


class Fixed:
    """Retrieves the same for every request."""

    def read(self, request: str) -> Intent:
        return Intent(request, (("s3:GetObject", "s3:PutObject"), ("sqs:SendMessage", "sqs:Receive*")))


def allows(source: str, *actions: str) -> Example:
    action = ",".join(f'"{a}"' for a in actions)
    policy = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{action}],"Resource":"*"}}]}}'
    return Example(f"{source}/{actions}", source, "x", policy, "simple")


def test_recall_counts_the_first_of_each_line_and_wildcards_by_what_they_match():
    examples = [
        allows("written", "s3:GetObject", "s3:PutObject"),  # one of two first
        allows("written", "sqs:ReceiveMessage", "ec2:RunInstances"),  # half, by the wildcard, and half the services
        allows("report", "sqs:SendMessage"),
    ]
    table = recall(Fixed(), examples)
    written = table.loc["written"]
    assert written["actions@1"] == pytest.approx(0.25) and written["actions@3"] == pytest.approx(0.75)
    assert written["services"] == pytest.approx(0.75) and written["candidates"] == 4 and written["examples"] == 2
    assert table.loc["report", "actions@1"] == 1.0


def test_an_example_that_allows_nothing_does_not_count():
    denial = Example("d", "written", "x", allows("written", "s3:GetObject").policy.replace("Allow", "Deny"), "simple")
    assert recall(Fixed(), [denial, allows("written", "s3:GetObject")]).loc["written", "examples"] == 1
