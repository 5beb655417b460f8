"""Rank the likeliest actions of a clause again, knowing what the clauses around it are likely about.

What `iamintent.ranking` scored comes in; for each clause actions, best first, with the odds that the clause asks for
them go out. A small network weighs the features of the first ranking together with further ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from iamintent.clauses import Clause
from iamintent.mentions import order
from iamintent.network import Network, sigmoid, stacked
from iamintent.ranking import FEATURES, ActionRanker, vocabulary
from iamintent.words import FOLDER, distinct
from iampolicy import catalogue
from iampolicy.catalogue import ACCESS_LEVELS

WEIGHTS = FOLDER / "rerank.npz"  # fitted as tools/fit_retrieval.py does it
KEPT = 60  # actions of a clause
_ARN = re.compile(r"\barn:aws[\w-]*:[a-z0-9-]*:[^\s,;\"'`()]*")
_OF_THE_MOST = ("words of the clause", "said in training, clause", "said in training, sentence")
_NEIGHBOURS = ("the clause", "the clause before", "the sentence's other clauses", "all other clauses")


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
    about = {  # what an action is about -> its positions for each action, and how many there are
        "service": (known.service_of[positions][..., None], len(order())),
        "resource type": (known.types_of[positions], int(known.types_of.max())),
    }
    masses = {what: _masses(share, of, size) for what, (of, size) in about.items()}
    sentences = [clause.sentence for clause in clauses]
    tables = []
    for i, clause in enumerate(clauses):
        around = {
            f"{what} of {which}": mass[about[what][0][i]].max(1)
            for what, every in masses.items()
            for which, mass in zip(_NEIGHBOURS, _around(every, sentences, i), strict=True)
        }
        columns = around | further(clause, request, positions[i], rows[i], scores[i])
        tables.append(stacked(columns, KEPT))
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
    clause: Clause, request: str, positions: np.ndarray, rows: np.ndarray, scores: np.ndarray
) -> dict[str, ArrayLike]:
    """What the first ranking does not know of a clause's actions, by name."""
    known = vocabulary()
    here, around, everywhere = map(distinct, (clause.text, clause.sentence, request))
    in_clause, in_sentence = _types_of_arns(clause.text), _types_of_arns(clause.sentence)
    actions = [catalogue.load().actions[known.names[p]] for p in positions]
    kinds = [{(a.service, t) for t in a.resource_types} for a in actions]
    of_most = {f"{feature}, of the most": rows[:, FEATURES.index(feature)] for feature in _OF_THE_MOST}
    return {
        "purpose covered by the clause": known.purpose_cover(here)[positions],  # by the rarity of its words
        "purpose covered by the sentence": known.purpose_cover(around)[positions],
        "resource type in the clause": known.type_cover(here, positions),
        "resource type in the request": known.type_cover(everywhere, positions),
        "ARN of its type in the clause": [not in_clause.isdisjoint(kind) for kind in kinds],
        "ARN of its type in the sentence": [not in_sentence.isdisjoint(kind) for kind in kinds],
        "score behind the best": scores - scores[0],
        **{name: column / (column.max() + 1e-6) for name, column in of_most.items()},
        "length of the name": known.name_lengths[positions],
        "any ARN in the clause": bool(in_clause),
        "any action named in the clause": rows[:, FEATURES.index("named")].max(),
        "length of the clause": len(here) / 10,
        **{f"level {level}": known.access[positions] == i for i, level in enumerate(ACCESS_LEVELS)},
    }


def _types_of_arns(text: str) -> set[tuple[str, str]]:
    written_out = (told.rstrip(".:?!") for told in _ARN.findall(text))  # without the punctuation after it
    found = (kind for arn in written_out for kind in catalogue.load().resource_types(arn))
    return {(kind.service, kind.name) for kind in found}
