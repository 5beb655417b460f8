"""Reranking: what the clauses around tell decides between actions of like names."""

import numpy as np
import pytest

from iamintent import rerank
from iamintent.clauses import clauses
from iamintent.network import Network, sigmoid, stacked
from iamintent.ranking import FEATURES, ActionRanker, vocabulary
from iampolicy import catalogue

RANKER = ActionRanker()


def best(request: str) -> list[str]:
    ranked = rerank.rank(RANKER, clauses(request), request)
    return [vocabulary().names[row[0]] for row in ranked.positions]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("list SNS topics and create SQS queues", ["sns:ListTopics", "sqs:CreateQueue"]),
        (
            "Start and stop instances in EC2, reboot them.",
            ["ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances"],
        ),
        ("delete the policy arn:aws:iam::123456789012:policy/reports", ["iam:DeletePolicy"]),
    ],
)
def test_the_best_action_of_each_clause(request_, expected):
    assert best(request_) == expected


def test_shapes_order_and_odds():
    found = clauses("list topics and create queues. Stop instances.")
    ranked = rerank.rank(RANKER, found, "list topics and create queues. Stop instances.")
    assert ranked.positions.shape == ranked.scores.shape == ranked.odds.shape == (3, rerank.KEPT)
    assert (np.diff(ranked.scores) <= 0).all() and (ranked.odds >= 0).all() and (ranked.odds <= 1).all()
    assert all(len(set(row)) == rerank.KEPT for row in ranked.positions.tolist())
    assert ranked.odds[0, 0] > 10 * ranked.odds[0, 20]


def test_features_are_finite():
    _, _, rows = rerank.features(RANKER, clauses("list topics"), "list topics")
    assert rows.shape[:2] == (1, rerank.KEPT) and rows.shape[2] > len(FEATURES) and np.isfinite(rows).all()


def test_an_arn_tells_the_type():
    request = "view arn:aws:iam::999988887777:policy/returns"
    (clause,) = clauses(request)
    positions, scores, rows = (of[0] for of in rerank.features(RANKER, [clause], request))
    told = rerank.further(clause, request, positions, rows, scores)["ARN of its type in the clause"]
    actions = [catalogue.load().action(vocabulary().names[p]) for p in positions]
    assert told == ["policy" in a.resource_types and a.service == "iam" for a in actions]


def test_a_network_is_read_as_it_was_written(tmp_path):
    shapes = ((3,), (3,), (4, 3), (4,), (2, 4), (2,))
    network = Network(*(np.ones(shape, dtype=np.float32) for shape in shapes))
    np.savez_compressed(tmp_path / "n.npz", **vars(network))
    again = Network.load(tmp_path / "n.npz")
    rows = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    assert again.logits(rows).shape == (1, 2) and (again.logits(rows) == network.logits(rows)).all()
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_columns_stand_in_their_order_and_a_number_in_every_row():
    table = stacked({"a": np.array([1, 2]), "b": 0.5, "c": [True, False]}, 2)
    assert table.tolist() == [[1, 0.5, 1], [2, 0.5, 0]] and table.dtype == np.float32
    assert stacked({"a": np.array([]), "b": 1}, 0).shape == (0, 2)
