"""The first ranking: what shares words ranks first, and what is written out before all; the same in every process."""

import os
import subprocess
import sys

import numpy as np
import pytest

from iamintent.clauses import Clause, clauses
from iamintent.ranking import FEATURES, LIKELY, QUICK, ActionRanker, Index, postings, vocabulary
from iamintent.words import terms
from iampolicy import catalogue

WORDS = vocabulary()


def test_an_index_ranks_documents_by_shared_terms():
    scores = Index([["a", "b"], ["b"], [], ["c"]], k1=1.2, b=0.5).scores(["a", "b", "nowhere"])
    assert scores.shape == (4,) and scores.argmax() == 0
    assert scores[1] > 0 and scores[2] == scores[3] == 0


@pytest.mark.parametrize(("documents", "query"), [([], ["a"]), ([["a"]], []), ([["a"]], ["b"]), ([[]], ["a"])])
def test_an_index_without_the_terms_scores_nothing(documents, query):
    assert Index(documents, k1=1.2, b=0.5).scores(query).tolist() == [0.0] * len(documents)


def test_postings_are_positions_in_order_each_once():
    found = postings([["a", "b", "a"], [], ["a"]])
    assert {term: positions.tolist() for term, positions in found.items()} == {"a": [0, 2], "b": [0]}


def test_everything_is_in_the_catalogues_order():
    actions = list(catalogue.load().actions.values())
    prefixes = list(catalogue.load().services)
    assert WORDS.names == [a.name for a in actions]
    assert all(WORDS.names[position] == name for name, position in WORDS.positions.items())
    assert [prefixes[i] for i in WORDS.service_of] == [a.service for a in actions]
    assert vocabulary() is WORDS


@pytest.mark.parametrize("operation", ["s3:GetObject", "ec2:DescribeInstances", "sqs:SendMessage"])
def test_a_name_covers_itself(operation):
    position = WORDS.positions[operation]
    query = list(dict.fromkeys(terms(operation.partition(":")[2])))
    assert WORDS.name_cover(query)[position] == pytest.approx(1, abs=1e-5)
    assert WORDS.query_cover(query)[position] == pytest.approx(1, abs=1e-5)
    assert WORDS.by_words.scores(query)[position] > 0


@pytest.mark.parametrize("query", [[], ["nosuchterm"], ["bucket"], ["creat", "=create", "bucket", "nosuchterm"]])
def test_covers_are_shares(query):
    everywhere = np.arange(len(WORDS.names))
    best = WORDS.type_cover(query, everywhere)
    for cover in (WORDS.name_cover(query), WORDS.query_cover(query), best):
        assert cover.shape == (len(WORDS.names),) and cover.dtype == np.float32
        assert cover.min() >= 0 and cover.max() <= 1 + 1e-5


def test_a_type_is_covered_for_the_actions_that_take_it():
    names = ("s3:DeleteBucket", "s3:ListAllMyBuckets", "sqs:SendMessage")  # the second takes no resource
    positions = np.array([WORDS.positions[name] for name in names])
    assert WORDS.type_cover(terms("bucket"), positions).tolist() == pytest.approx([1, 0, 0])


def test_verbs_have_their_actions():
    delete = WORDS.positions["s3:DeleteBucket"]
    assert delete in WORDS.verbs["delet"] and delete in WORDS.alike["=delete"] and delete not in WORDS.alike["=create"]


RANKER = ActionRanker()


def best(request: str, ranker: ActionRanker = RANKER, count: int = 3) -> list[str]:
    """The likeliest actions of a request's first clause."""
    positions, _, _ = ranker.scored(clauses(request), request)
    return [WORDS.names[p] for p in positions[0][:count]]


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
        positions, _, _ = RANKER.scored([Clause(clause, sentence)], request or sentence)
        assert WORDS.names[positions[0][0]] == action


def test_what_training_said_counts():
    taught = ActionRanker({"sqs:PurgeQueue": ["defenestr", "queue"]})
    assert "sqs:PurgeQueue" not in best("defenestrate it", count=1)
    assert best("defenestrate it", taught, count=1) == ["sqs:PurgeQueue"]


def test_popular_actions_count():
    plain = RANKER.scored(clauses("use DynamoDB"), "use DynamoDB")
    position = int(plain[0][0][5])
    taught = ActionRanker(popularity={WORDS.names[position]: 500})
    rank = taught.scored(clauses("use DynamoDB"), "use DynamoDB")[0][0].tolist().index(position)
    assert rank < 5


def test_features_and_scores_have_their_shapes():
    found = clauses("List the topics in SNS. Start the builds in CodeBuild.")
    positions, rows = RANKER.features(found, "List the topics in SNS. Start the builds in CodeBuild.")
    assert positions.shape == (2, LIKELY) and rows.shape == (2, LIKELY, len(FEATURES)) and rows.dtype == np.float32
    assert np.isfinite(rows).all()
    ranked, scores, _ = RANKER.scored(found, "")
    assert ranked.shape == scores.shape == (2, LIKELY)
    assert all(len(set(row)) == LIKELY for row in ranked.tolist())
    assert (np.diff(scores, axis=1) <= 0).all()


def test_what_is_looked_at_first_is_known_of_every_action():
    assert QUICK.keys() < set(FEATURES)


def test_no_clauses_no_ranks():
    assert RANKER.scored([], "")[0].shape == (0, LIKELY)


SAY = """
import hashlib
from iamintent.ranking import ActionRanker
from iamintent.clauses import clauses
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
