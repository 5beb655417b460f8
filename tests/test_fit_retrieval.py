"""What fits retrieval's weights: networks of the shapes that ship, which prefer what their examples want."""

import json

import numpy as np
import pytest

from iamintent.network import Network
from iamintent.ranking import FEATURES, ActionRanker
from iamintent.rerank import WEIGHTS as RERANK
from iamintent.rerank import features
from iamintent.titles import WEIGHTS as TITLES
from iamintent.titles import TitleRanker
from iamintent.training import Taught
from tools import fit_retrieval as tool

ASKED = {
    "send messages to the SQS queue jobs": "sqs:SendMessage",
    "start and stop EC2 instances": "ec2:StartInstances ec2:StopInstances",
    "publish to the SNS topic alerts": "sns:Publish",
}
NAMED = {"Amazon SQS Full Access": "sqs:*", "Amazon SNS Full Access": "sns:*", "Amazon SQS Read Only": "sqs:List*"}


def taught(instruction: str, actions: str, worded: bool) -> Taught:
    statement = {"Effect": "Allow", "Action": actions.split(), "Resource": "*"}
    return Taught(instruction, instruction, json.dumps({"Version": "2012-10-17", "Statement": [statement]}), worded)


WORDED = [taught(request, actions, worded=True) for request, actions in ASKED.items()]


def shapes(network: Network) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in vars(network).items()}


def test_a_network_that_reranks_has_the_shape_of_that_which_ships(tmp_path):
    network = tool.fit_rerank([(ActionRanker(), example) for example in WORDED], epochs=1)
    tool.save(network, tmp_path / RERANK.name)
    again = Network.load(tmp_path / RERANK.name)
    assert shapes(again) == shapes(Network.load(RERANK))
    request = WORDED[0].instruction
    _, _, rows = features(ActionRanker(), tool.clauses(request), request)
    assert np.isfinite(again.logits(rows)).all()


def test_a_network_of_titles_has_the_shape_of_that_which_ships():
    ranker = TitleRanker([taught(title, actions, worded=False) for title, actions in NAMED.items()], ActionRanker())
    assert shapes(tool.fit_titles(ranker, epochs=1)) == shapes(Network.load(TITLES))


def test_weights_of_the_first_ranking_are_one_a_feature_and_rank_what_is_wanted_first():
    ranker = ActionRanker(weights=dict.fromkeys(FEATURES, 0.0) | {"words of the clause": 0.01})
    weights = tool.fit_actions(ranker, WORDED, rounds=1)
    assert tuple(weights) == FEATURES and all(map(np.isfinite, weights.values()))
    positions, _, _ = ranker.scored(tool.clauses(WORDED[0].instruction), WORDED[0].instruction, 1)
    assert tool.vocabulary().names[positions[0][0]] == "sqs:SendMessage"


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_without_a_folder_nothing_is_fitted(monkeypatch, capsys, arguments):
    monkeypatch.setattr("sys.argv", ["fit_retrieval", *arguments])
    monkeypatch.setattr(tool.managed, "fetch", lambda: pytest.fail("it began"))
    with pytest.raises(SystemExit):
        tool.main()
    assert "folder" in "".join(capsys.readouterr())
