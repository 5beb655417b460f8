"""Fit what retrieval has learnt: the weights of the first ranking, and the small networks of reranking and titles.

`python -m tools.fit_retrieval FOLDER` reads the training split of the default parameters, people's requests included,
and composed requests that the course does not use. It writes rerank.npz and titles.npz into the folder and prints the
weights for words.yaml; whoever wants them copies them into packages/iamintent.

It does not give again the weights that ship. These were fitted with the large composer that version 0.2.0 replaced, and
with rankers of the folds that still had the weights before; of their fit nothing else is left. The adapter that ships
learnt from the candidates of these weights: with others its prompts are not those that it was trained on, so train it
anew (`python -m tools.smollm2_adapter`) or keep both.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from iamintent import rerank, titles
from iamintent.clauses import clauses
from iamintent.network import Network
from iamintent.ranking import FEATURES, ActionRanker, vocabulary
from iamintent.retriever import Retriever
from iamintent.titles import TitleRanker
from iamintent.training import TrainingExample, wanted
from lib import profiles
from lib.data import composed, dataset, field, managed, overlap
from lib.data.dataset import DRAFT, Example
from lib.data.field import load
from lib.data.overlap import NEAR
from lib.files import writing

SEED = 3_000_017  # of composed examples; the course's is another
UNSEEN = 2_500
SHOWN = 3  # times that a person's request is seen where a composed one is seen once
HIDDEN = 32
RIVALS = 45  # other actions of a clause that a wanted one is to outrank


def fit_titles(ranker: TitleRanker, epochs: int = 20, seed: int = 0) -> Network:
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
    net = _net(every.shape[1], HIDDEN, 1)
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
    return _network(mean, deviation, net)


def fit_rerank(pairs: Iterable[tuple[ActionRanker, TrainingExample]], epochs: int = 10, seed: int = 0) -> Network:
    """Train the network of `iamintent.rerank` on examples, each with a ranker that has learnt nothing from it.

    Of its two outputs the first ranks a wanted action before the others of its clause, and the second tells whether
    the clause asks for an action. The clause of a wanted action is the one in which it ranks best, so clauses and
    network are found in turn.
    """
    seen = []
    for ranker, example in pairs:
        found, names = clauses(example.instruction), wanted(example)
        if found and names:
            positions, scores, rows = rerank.features(ranker, found, example.instruction)
            places = sorted(vocabulary().positions[name] for name in names)
            seen.append(_Seen(positions, scores, rows, np.array(places)))
    every = torch.tensor(np.concatenate([s.rows.reshape(-1, s.rows.shape[-1])[::7] for s in seen]))
    mean, deviation = every.mean(0), every.std(0) + 1e-3
    for _ in range(2):
        rows, asked = _asked(seen)
        network = _train_rerank((rows - mean) / deviation, asked, epochs, seed)
        found = _network(mean, deviation, network)
        seen = [replace(s, scores=found.logits(s.rows)[..., 0]) for s in seen]
    return found


@dataclass(frozen=True)
class _Seen:
    """The ranked actions of one example's clauses, as `rerank.features` has them, and the positions of the wanted."""

    positions: np.ndarray
    scores: np.ndarray
    rows: np.ndarray
    wanted: np.ndarray


def _asked(seen: Sequence[_Seen]) -> tuple[torch.Tensor, torch.Tensor]:
    """The features of all clauses, and which of their actions they ask for: float of shape (clauses, KEPT)."""
    every = []
    for example in seen:
        asked = np.zeros(example.positions.shape, dtype=np.float32)
        for position in example.wanted:
            row, column = np.nonzero(example.positions == position)
            if len(row):
                best = np.argmax(example.scores[row, column] - example.scores[row].max(1))
                asked[row[best], column[best]] = 1
        every.append(asked)
    rows = np.concatenate([example.rows for example in seen])
    return torch.tensor(rows), torch.tensor(np.concatenate(every))


def _train_rerank(rows: torch.Tensor, asked: torch.Tensor, epochs: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    net = _net(rows.shape[-1], 2 * HIDDEN, 2)
    batches = len(rows) // 256 + 1
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * batches)
    for _ in range(epochs):
        for batch in torch.randperm(len(rows)).tensor_split(batches):
            ranks, odds = net(rows[batch]).unbind(-1)
            wanted = asked[batch]
            others = ranks.masked_fill(wanted > 0, -torch.inf).logsumexp(1, keepdim=True)
            lost = torch.logaddexp(ranks, others) - ranks  # each wanted one against those that are not
            loss = (lost * wanted).sum() / wanted.sum().clamp(min=1)
            loss = loss + binary_cross_entropy_with_logits(odds, wanted, reduction="sum") / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def _net(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, outputs))


def _network(mean: torch.Tensor, deviation: torch.Tensor, net: nn.Sequential) -> Network:
    tensors = (mean, deviation, net[0].weight, net[0].bias, net[3].weight, net[3].bias)
    return Network(*(tensor.detach().numpy().astype(np.float32) for tensor in tensors))


def save(network: Network, path: Path) -> None:
    """Write the arrays as .npz, as Network.load reads them."""
    with writing(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, **vars(network))


def fit_actions(ranker: ActionRanker, examples: Sequence[TrainingExample], rounds: int = 2) -> dict[str, float]:
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


def _rivals(ranker: ActionRanker, example: TrainingExample) -> list[np.ndarray]:
    """For each wanted action the features of it and of RIVALS others in its clause; float32 (1 + RIVALS, FEATURES)."""
    found = clauses(example.instruction)
    names = wanted(example)
    if not found or not names:
        return []
    likely, features = ranker.features(found, example.instruction)
    scores = features @ np.array([ranker.weights[f] for f in FEATURES], dtype=np.float32)
    positions = {vocabulary().positions[name] for name in names}
    rows = []
    for position in sorted(positions):
        clause, place = np.nonzero(likely == position)
        if len(clause):
            best = int(np.argmax(scores[clause, place] - scores[clause].max(1)))
            row, column = clause[best], place[best]
            others = [i for i in np.argsort(-scores[row], kind="stable") if likely[row, i] not in positions][:RIVALS]
            rows.append(np.concatenate([features[row, [column]], features[row, others]]))
    return rows


def unseen_examples(held_out: Sequence[str]) -> list[Example]:
    """Composed examples that the course does not use, each policy once, apart from the policies that are held out."""
    examples = {e.policy: e for e in dataset.from_written(composed.write(UNSEEN, SEED))}
    return [e for e, near in zip(examples.values(), overlap.nearest([*examples], held_out), strict=True) if near < NEAR]


def main() -> None:
    """The command line: print the weights for words.yaml, write the networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are written")
    folder = parser.parse_args().folder
    data = dataset.with_field(
        dataset.build(managed.fetch(), composed.write(profiles.load("laptop").examples, 0)), field.examples(load())
    )
    unseen = unseen_examples([e.policy for e in (*data.validation, *data.test)])
    retriever = Retriever.fit(data.train)
    for feature, weight in fit_actions(retriever.actions, unseen).items():
        print(f"  {feature}: {weight:.3f}", flush=True)
    folds, rankers = retriever.folds()
    for ranker in rankers:
        ranker.weights = retriever.actions.weights
    people = [(rankers[folds[e.id]], e) for e in data.train if e.source == "field" and e.outcome == DRAFT]
    save(fit_rerank([*people * SHOWN, *((retriever.actions, e) for e in unseen)]), folder / rerank.WEIGHTS.name)
    names = [e for e in data.train if not e.worded]
    save(fit_titles(TitleRanker(names, retriever.actions)), folder / titles.WEIGHTS.name)
    print(f"written: {folder / rerank.WEIGHTS.name}, {folder / titles.WEIGHTS.name}")


if __name__ == "__main__":
    main()
