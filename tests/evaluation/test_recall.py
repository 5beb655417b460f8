"""Recall of retrieval, and what repair makes of answers: tables whose numbers are known beforehand."""

import pandas as pd
import pytest

from lib.data.dataset import Example
from lib.evaluation import recall, repairs
from lib.retrieval.retrieve import Retrieved


class Fixed:
    """Retrieves the same for every request."""

    def retrieve(self, request: str) -> Retrieved:
        return Retrieved((("s3:GetObject", "s3:PutObject"), ("sqs:SendMessage", "sqs:Receive*")))


def example(source: str, *actions: str) -> Example:
    action = ",".join(f'"{a}"' for a in actions)
    policy = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{action}],"Resource":"*"}}]}}'
    return Example(f"{source}/{actions}", source, "x", policy, "simple")


def test_recall_counts_the_first_of_each_line_and_wildcards_by_what_they_match():
    examples = [
        example("written", "s3:GetObject", "s3:PutObject"),  # one of two first
        example("written", "sqs:ReceiveMessage", "ec2:RunInstances"),  # half, by the wildcard, and half the services
        example("report", "sqs:SendMessage"),
    ]
    table = recall.table(Fixed(), examples)
    written = table.loc["written"]
    assert written["actions@1"] == pytest.approx(0.25) and written["actions@3"] == pytest.approx(0.75)
    assert written["services"] == pytest.approx(0.75) and written["candidates"] == 4 and written["examples"] == 2
    assert table.loc["report", "actions@1"] == 1.0


def test_an_example_that_allows_nothing_does_not_count():
    denial = Example("d", "written", "x", example("written", "s3:GetObject").policy.replace("Allow", "Deny"), "simple")
    assert recall.table(Fixed(), [denial, example("written", "s3:GetObject")]).loc["written", "examples"] == 1


def test_repair_is_counted_by_arm():
    wanted = example("written", "s3:GetObject").policy
    rows = pd.DataFrame(
        [
            {"arm": "a", "expected": wanted, "generated": wanted, "schema_valid": True, "action_f1_all": 1.0},
            {"arm": "a", "expected": wanted, "generated": f"Sure:\n```json\n{wanted}\n```", "schema_valid": False}
            | {"action_f1_all": 0.0},
            {"arm": "b", "expected": wanted, "generated": "no", "schema_valid": False, "action_f1_all": 0.0},
        ]
    )
    table = repairs.table(rows)
    assert table.loc["a", ["valid", "valid_after", "changed"]].tolist() == [1, 2, 1]
    assert table.loc["a", ["f1", "f1_after"]].tolist() == [0.5, 1.0]
    assert table.loc["b", ["valid", "valid_after", "changed"]].tolist() == [0, 0, 0]
    assert repairs.changes(rows, "a") and not [c for c, _ in repairs.changes(rows, "b") if "fence" in c]
