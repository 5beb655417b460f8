"""Fit what retrieval has learnt: weights of the action ranker's features, and the title ranker's small network.

`python -m lib.model.fit_retrieval` reads the training split of the default parameters and writes lib/retrieval's
weights; validation examples are only measured on. A developer's command: the course uses what it wrote.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from lib import profiles
from lib.data import dataset, managed, written
from lib.data.dataset import Example
from lib.retrieval.actions import FEATURES, ActionRanker
from lib.retrieval.clauses import clauses
from lib.retrieval.retrieve import Retriever, wanted
from lib.retrieval.titles import WEIGHTS, TitleRanker

HIDDEN = 32
RIVALS = 45  # other actions of a clause that a wanted one is to outrank


def fit_titles(ranker: TitleRanker, epochs: int = 20, seed: int = 0) -> dict[str, np.ndarray]:
    """Train the network of `TitleRanker.probabilities` on its examples, each asked with its own policy left out.

    The loss of an example is one minus the F1 of the probabilities over the actions that its policy allows.
    """
    rows = []
    for position, title in enumerate(ranker.titles):
        chosen, features = ranker.features(title, leave_out=position)
        wanted = ranker.granted[position]
        if len(wanted):
            rows.append((torch.tensor(features), torch.tensor(np.isin(chosen, wanted)).float(), len(wanted)))
    every = torch.cat([features for features, _, _ in rows])
    mean, deviation = every.mean(0), every.std(0) + 1e-3
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(every.shape[1], HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, 1))
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(rows)).split(16):
            loss = torch.zeros(())
            for position in batch.tolist():
                features, wanted, count = rows[position]
                logits = net((features - mean) / deviation).squeeze(1)
                likely = torch.sigmoid(logits)
                loss = loss + 1 - 2 * (likely * wanted).sum() / (likely.sum() + count)
                loss = loss + 0.3 * binary_cross_entropy_with_logits(logits, wanted)
            optimizer.zero_grad()
            (loss / len(batch)).backward()
            optimizer.step()
    weights = {"mean": mean, "deviation": deviation, "inner": net[0].weight, "inner_bias": net[0].bias}
    weights |= {"outer": net[3].weight[0], "outer_bias": net[3].bias}
    return {name: tensor.detach().numpy().astype(np.float32) for name, tensor in weights.items()}


def fit_actions(ranker: ActionRanker, examples: Sequence[Example], rounds: int = 2) -> dict[str, float]:
    """Weights with which a wanted action ranks before the others that are likely in its clause.

    A wanted action belongs to the clause in which it ranks best, so weights and clauses are found in turn. The
    examples must not be among those that gave the ranker its expansions: what they say would weigh too much.
    """
    for _ in range(rounds):
        rows = torch.tensor(np.stack([row for e in examples for row in _rivals(ranker, e)]))
        ranker.weights = dict(zip(FEATURES, _softmax_regression(rows, list(ranker.weights.values())), strict=True))
    return ranker.weights


def _softmax_regression(rows: torch.Tensor, start: list[float]) -> list[float]:
    """Weights under which the first of each row's alternatives scores highest; rows: (rows, alternatives, features)."""
    scale = rows.std((0, 1)) + 1e-3
    weights = (torch.tensor(start) * scale).requires_grad_()
    optimizer = torch.optim.LBFGS([weights], max_iter=100)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        scores = (rows / scale) @ weights
        value = (scores.logsumexp(1) - scores[:, 0]).mean() + 1e-4 * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return (weights / scale).tolist()


def _rivals(ranker: ActionRanker, example: Example) -> list[np.ndarray]:
    """For each wanted action the features of it and of RIVALS others in its clause; float32 (1 + RIVALS, FEATURES)."""
    found = clauses(example.instruction)
    names = wanted(example)
    if not found or not names:
        return []
    likely, features = ranker.features(found, example.instruction)
    scores = features @ np.array([ranker.weights[f] for f in FEATURES], dtype=np.float32)
    positions = {ranker.index[name] for name in names}
    rows = []
    for position in sorted(positions):
        clause, place = np.nonzero(likely == position)
        if len(clause):
            best = int(np.argmax(scores[clause, place] - scores[clause].max(1)))
            row, column = clause[best], place[best]
            others = [i for i in np.argsort(-scores[row], kind="stable") if likely[row, i] not in positions][:RIVALS]
            rows.append(np.concatenate([features[row, [column]], features[row, others]]))
    return rows


def main() -> None:
    """The command line: print the weights for lib/retrieval/actions.py, write those of lib/retrieval/titles.py."""
    data = dataset.build(managed.fetch(), written.write(profiles.load("nano").examples, 0))
    held_in = [e for e in data.train if e.source == "written"]
    cut = len(held_in) * 4 // 5
    titles = [e for e in data.train if e.source != "written"]
    ranker = Retriever.fit([*titles, *held_in[:cut]]).actions
    for feature, weight in fit_actions(ranker, held_in[cut:]).items():
        print(f'    "{feature}": {weight:.3f},')
    np.savez_compressed(WEIGHTS, **fit_titles(TitleRanker(titles, ranker)))
    print(f"written: {WEIGHTS.name}")


if __name__ == "__main__":
    main()
