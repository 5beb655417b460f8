"""The action ranker: what is written out comes first, what training said counts, and ranks are the same everywhere."""

import os
import subprocess
import sys

import numpy as np
import pytest

from iampolicy import catalogue
from lib.retrieval.actions import FEATURES, LIKELY, WEIGHTS, ActionRanker, named
from lib.retrieval.clauses import Clause, clauses

RANKER = ActionRanker()


def best(request: str, ranker: ActionRanker = RANKER, count: int = 3) -> list[str]:
    """The likeliest actions of a request's first clause."""
    positions, _ = ranker.scores(clauses(request), request)
    return [ranker.names[p] for p in positions[0][:count]]


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
    assert named(text) == expected


@pytest.mark.parametrize(
    ("request_", "action"),
    [
        ("send messages to the SQS queue", "sqs:SendMessage"),
        ("invoke the Lambda function", "lambda:InvokeFunction"),
        ("publish to an SNS topic", "sns:Publish"),
        ("call kms:Decrypt", "kms:Decrypt"),
        ("reboot EC2 instances", "ec2:RebootInstances"),
        ("send a command in Systems Manager", "ssm:SendCommand"),
    ],
)
def test_the_action_that_is_asked_for_is_among_the_first(request_, action):
    assert action in best(request_)


@pytest.mark.parametrize(
    ("service", "action"), [("MediaLive", "medialive:ListChannels"), ("Interactive Video Service", "ivs:ListChannels")]
)
def test_sentence_and_request_name_the_service_of_a_clause(service, action):
    clause = "list the channels"
    for sentence, request in ((f"{clause} in {service}", ""), (clause, f"They work with {service} and {clause}.")):
        positions, _ = RANKER.scores([Clause(clause, sentence)], request or sentence)
        assert RANKER.names[positions[0][0]] == action


def test_what_training_said_counts():
    taught = ActionRanker({"sqs:PurgeQueue": ["defenestr", "queue"]})
    assert "sqs:PurgeQueue" not in best("defenestrate it", count=1)
    assert best("defenestrate it", taught, count=1) == ["sqs:PurgeQueue"]


def test_popular_actions_count():
    plain = RANKER.scores(clauses("use DynamoDB"), "use DynamoDB")
    position = int(plain[0][0][5])
    taught = ActionRanker(popularity={RANKER.names[position]: 500})
    rank = taught.scores(clauses("use DynamoDB"), "use DynamoDB")[0][0].tolist().index(position)
    assert rank < 5


def test_features_and_scores_have_their_shapes():
    found = clauses("List the topics in SNS. Start the builds in CodeBuild.")
    positions, rows = RANKER.features(found, "List the topics in SNS. Start the builds in CodeBuild.")
    assert positions.shape == (2, LIKELY) and rows.shape == (2, LIKELY, len(FEATURES)) and rows.dtype == np.float32
    assert np.isfinite(rows).all() and tuple(WEIGHTS) == FEATURES
    ranked, scores = RANKER.scores(found, "")
    assert ranked.shape == scores.shape == (2, LIKELY)
    assert all(len(set(row)) == LIKELY for row in ranked.tolist())
    assert (np.diff(scores, axis=1) <= 0).all()


def test_no_clauses_no_ranks():
    assert RANKER.scores([], "")[0].shape == (0, LIKELY)


def test_names_are_the_catalogues():
    assert RANKER.names == list(catalogue.load().actions)
    assert all(RANKER.names[p] == name for name, p in RANKER.index.items())
    assert RANKER.service_of.shape == (len(RANKER.names),)


SAY = """
import hashlib
from lib.retrieval.actions import ActionRanker
from lib.retrieval.clauses import clauses
said = "see the dashboards and tag the alarms, all the resources and the log groups of our company in CloudWatch"
rows = ActionRanker({"s3:GetObject": ["object", "read"]}).features(clauses(said), said)
found = hashlib.sha256(b"".join(array.tobytes() for array in rows)).hexdigest()
"""


def test_ranks_do_not_depend_on_the_process():
    """Sets of strings come in another order in every process; sums of floats must not follow it."""
    here: dict[str, str] = {}
    exec(SAY, here)
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    there = subprocess.run(
        [sys.executable, "-c", SAY + "print(found)"], env=environment, capture_output=True, text=True
    )
    assert there.stdout.strip() == here["found"], there.stderr
