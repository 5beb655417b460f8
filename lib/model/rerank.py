"""Rank the likeliest actions of a clause again, knowing what the clauses around it are likely about.

What `lib.model.actions` scored comes in; for each clause actions, best first, with the odds that the clause asks for
them go out. A small network weighs the features of the first ranking together with further ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from iampolicy import catalogue
from iampolicy.catalogue import ACCESS_LEVELS
from lib.model.actions import FEATURES, ActionRanker, vocabulary
from lib.model.services import order
from lib.model.words import Clause, distinct

WEIGHTS = Path(__file__).with_name("rerank.npz")  # made by `python -m tools.fit_retrieval`
KEPT = 60  # actions of a clause
_ARN = re.compile(r"\barn:aws[\w-]*:[a-z0-9-]*:[^\s,;\"'`()]*")
_OF_THE_MOST = ("words of the clause", "said in training, clause", "said in training, sentence")
_ABOUT = [  # how much of the first ranking of these clauses is about the same service or resource type
    f"{what} of {which}"
    for what in ("service", "resource type")
    for which in ("the clause", "the clause before", "the sentence's other clauses", "all other clauses")
]


@dataclass(frozen=True)
class Network:
    """A network of one hidden layer, run with numpy: features in, logits out; all arrays are float32."""

    mean: np.ndarray  # (features,)
    deviation: np.ndarray  # (features,)
    inner: np.ndarray  # (hidden, features)
    inner_bias: np.ndarray  # (hidden,)
    outer: np.ndarray  # (outputs, hidden)
    outer_bias: np.ndarray  # (outputs,)

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Read what `tools.fit_retrieval` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[field.name] for field in fields(cls)))

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Shape (..., features) in, shape (..., outputs) out."""
        hidden = (features - self.mean) / self.deviation @ self.inner.T + self.inner_bias
        with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
            hidden = hidden / (1 + np.exp(-1.702 * hidden))  # GELU, near enough
        return hidden @ self.outer.T + self.outer_bias


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))


@dataclass(frozen=True)
class Ranked:
    """The actions of each clause, best first; each field is of shape (clauses, KEPT)."""

    positions: np.ndarray  # int, of actions
    scores: np.ndarray  # float32; only their differences within a clause tell something
    odds: np.ndarray  # float32, from 0 to 1: that the clause asks for the action
    first: np.ndarray  # float32, the scores of the first ranking, which can be compared across requests


def rank(ranker: ActionRanker, clauses: Sequence[Clause], request: str) -> Ranked:
    """Rank the actions for each clause of a request.

    Args:
        clauses: at least one.
    """
    positions, first, rows = features(ranker, clauses, request)
    logits = _network().logits(rows)
    best = np.argsort(-logits[..., 0], axis=1, kind="stable")
    taken = [np.take_along_axis(of, best, 1) for of in (positions, logits[..., 0], sigmoid(logits[..., 1]), first)]
    return Ranked(*taken)


@cache
def _network() -> Network:
    return Network.load(WEIGHTS)


def features(
    ranker: ActionRanker, clauses: Sequence[Clause], request: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is known of the KEPT likeliest actions of each clause.

    Returns:
        positions of actions and their scores in the first ranking, best first, both of shape (clauses, KEPT), and
        float32 of shape (clauses, KEPT, FEATURES and further ones).
    """
    positions, scores, rows = ranker.scored(clauses, request, KEPT)
    share = np.exp(scores - scores[:, :1])
    share /= share.sum(1, keepdims=True)
    known = vocabulary()
    about = (known.service_of[positions][..., None], known.types_of[positions])
    masses = [_masses(share, *of) for of in zip(about, (len(order()), int(known.types_of.max())), strict=True)]
    sentences = [clause.sentence for clause in clauses]
    tables = []
    for i, clause in enumerate(clauses):
        around = [
            near[of[i]].max(1) for mass, of in zip(masses, about, strict=True) for near in _around(mass, sentences, i)
        ]
        columns = further(clause, request, positions[i], rows[i], scores[i], around)
        tables.append(np.stack(list(columns.values()), axis=1).astype(np.float32))
    return positions, scores, np.concatenate([rows, np.stack(tables)], axis=2)


def _masses(share: np.ndarray, of: np.ndarray, size: int) -> np.ndarray:
    """How much of each clause's first ranking is about each service or type; float32 of shape (clauses, size + 1)."""
    mass = np.zeros((len(share), size + 1), dtype=np.float32)
    np.add.at(mass, (np.arange(len(share))[:, None, None], of), share[..., None])
    mass[:, size] = 0  # what actions without a type are about
    return mass


def _around(mass: np.ndarray, sentences: Sequence[str], i: int) -> list[np.ndarray]:
    """What a clause, the one before it, the others of its sentence and all others are about."""
    others = [j for j in range(len(sentences)) if j != i]
    near = [j for j in others if sentences[j] == sentences[i]]
    before = [j for j in others if j == i - 1]
    return [mass[i], *(mass[some].mean(0) if some else np.zeros_like(mass[i]) for some in (before, near, others))]


def further(
    clause: Clause,
    request: str,
    positions: np.ndarray,
    rows: np.ndarray,
    scores: np.ndarray,
    about: list[np.ndarray],
) -> dict[str, np.ndarray]:
    """What the first ranking does not know of a clause's actions, by name; `about` are the columns of _ABOUT."""
    known = vocabulary()
    here, around, everywhere = map(distinct, (clause.text, clause.sentence, request))
    arns = [_types_of_arns(text) for text in (clause.text, clause.sentence)]
    actions = [catalogue.load().actions[known.names[p]] for p in positions]
    kinds = [{(a.service, t) for t in a.resource_types} for a in actions]
    of_most = {f"{feature}, of the most": rows[:, FEATURES.index(feature)] for feature in _OF_THE_MOST}
    return {
        **dict(zip(_ABOUT, about, strict=True)),
        "purpose covered by the clause": known.purpose_cover(here)[positions],  # by the rarity of its words
        "purpose covered by the sentence": known.purpose_cover(around)[positions],
        "resource type in the clause": known.type_cover(here, positions),
        "resource type in the request": known.type_cover(everywhere, positions),
        "ARN of its type in the clause": np.array([not arns[0].isdisjoint(kind) for kind in kinds]),
        "ARN of its type in the sentence": np.array([not arns[1].isdisjoint(kind) for kind in kinds]),
        "score behind the best": scores - scores[0],
        **{name: column / (column.max() + 1e-6) for name, column in of_most.items()},
        "length of the name": known.name_lengths[positions],
        "any ARN in the clause": np.full(len(positions), bool(arns[0])),
        "any action named in the clause": np.full(len(positions), rows[:, FEATURES.index("named")].max()),
        "length of the clause": np.full(len(positions), len(here) / 10),
        **{f"level {level}": known.access[positions] == i for i, level in enumerate(ACCESS_LEVELS)},
    }


def _types_of_arns(text: str) -> set[tuple[str, str]]:
    written_out = (told.rstrip(".:?!") for told in _ARN.findall(text))  # without the punctuation after it
    found = (kind for arn in written_out for kind in catalogue.load().resource_types(arn))
    return {(kind.service, kind.name) for kind in found}
