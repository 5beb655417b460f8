"""Baselines: answers that need no model, from the training split alone."""

import json

import pytest

from lib.data.dataset import Example
from lib.evaluation.baselines import EVERYTHING, NOTHING, Baselines, winners
from lib.evaluation.metrics import score_rows, summarise


def example(number: int, instruction: str, *actions: str) -> Example:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    return Example(f"written/{number}", "written", instruction, policy, "simple")


TRAIN = [
    example(1, "Read messages from the SQS queue", "sqs:ReceiveMessage"),
    example(2, "List the topics in SNS", "sns:ListTopics"),
    example(3, "See the topics in SNS", "sns:ListTopics"),
    example(4, "Delete the topics in SNS", "sns:DeleteTopic"),
]
BASELINES = Baselines(TRAIN)


def test_the_nearest_policy_is_copied():
    assert BASELINES.nearest("delete a topic") == TRAIN[3].policy


def test_the_usual_policy_of_the_service_that_is_named():
    assert BASELINES.usual("do something with Amazon SNS") == TRAIN[1].policy
    assert BASELINES.usual("do something with Amazon SQS") == TRAIN[0].policy
    assert BASELINES.usual("hello") == TRAIN[1].policy  # the commonest of all


def test_every_baseline_answers_every_request():
    rows = BASELINES.answer(TRAIN[:2])
    assert [row["arm"] for row in rows] == [
        arm for arm in ("empty", "everything", "nearest", "usual") for _ in range(2)
    ]
    assert {row["generated"] for row in rows[:4]} == {NOTHING, EVERYTHING}
    assert all(row["expected"] == TRAIN[i % 2].policy for i, row in enumerate(rows))


def test_without_training_examples_there_is_nothing_to_copy():
    with pytest.raises(ValueError, match="empty"):
        Baselines([])


def test_a_metric_that_a_baseline_wins_is_shown_so():
    rows = BASELINES.answer(TRAIN[:2])
    ours = [row | {"arm": "ours", "generated": TRAIN[3].policy} for row in rows if row["arm"] == "empty"]
    verdicts = winners(summarise(score_rows(ours + rows))).set_index("metric")
    assert verdicts.loc["action_f1_all", "not better"] == "ours"
    assert verdicts.loc["action_f1_all", "baseline"] in ("nearest", "usual")
    best = [row | {"generated": row["expected"]} for row in ours]
    again = winners(summarise(score_rows(best + [r for r in rows if r["arm"] == "everything"]))).set_index("metric")
    assert again.loc["action_f1_all", "not better"] == "" and again.loc["action_recall_all", "not better"] == "ours"
