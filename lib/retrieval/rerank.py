"""Rank the likeliest actions of a clause again, knowing what the clauses around it are likely about.

What `lib.retrieval.actions` scored comes in; for each clause actions, best first, with the odds that the clause asks
for them go out. A small network weighs the features of the first ranking together with FURTHER.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from iampolicy import catalogue
from iampolicy.catalogue import ACCESS_LEVELS
from lib.retrieval import index
from lib.retrieval.actions import FEATURES, ActionRanker
from lib.retrieval.clauses import Clause
from lib.retrieval.network import Network, sigmoid
from lib.retrieval.services import order
from lib.retrieval.terms import terms

WEIGHTS = Path(__file__).parent / "rerank.npz"  # made by `python -m tools.fit_retrieval`
KEPT = 60  # actions of a clause
FURTHER = (
    # how much of the first ranking of these clauses is about the same service or resource type
    *(
        f"{what} of {which}"
        for what in ("service", "resource type")
        for which in ("the clause", "the clause before", "the sentence's other clauses", "all other clauses")
    ),
    "purpose covered by the clause",  # share of the words of the action's description, by their rarity
    "purpose covered by the sentence",
    "resource type in the clause",
    "resource type in the request",
    "ARN of its type in the clause",
    "ARN of its type in the sentence",
    "score behind the best",
    "words of the clause, of the most",
    "said in training, clause, of the most",
    "said in training, sentence, of the most",
    "length of the name",
    "any ARN in the clause",
    "any action named in the clause",
    "length of the clause",
    *(f"level {level}" for level in ACCESS_LEVELS),
)
_ARN = re.compile(r"\barn:aws[\w-]*:[a-z0-9-]*:[^\s,;\"'`()]*")
_OF_THE_MOST = tuple(
    map(FEATURES.index, ("words of the clause", "said in training, clause", "said in training, sentence"))
)


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


def features(
    ranker: ActionRanker, clauses: Sequence[Clause], request: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is known of the KEPT likeliest actions of each clause.

    Returns:
        positions of actions and their scores in the first ranking, best first, both of shape (clauses, KEPT), and
        float32 of shape (clauses, KEPT, FEATURES + FURTHER).
    """
    positions, scores, rows = ranker.scored(clauses, request, KEPT)
    share = np.exp(scores - scores[:, :1])
    share /= share.sum(1, keepdims=True)
    about = (ranker.service_of[positions][..., None], index.load().types_of[positions])
    masses = [_masses(share, of, size) for of, size in zip(about, (len(order()), _types_count()), strict=True)]
    sentences = [clause.sentence for clause in clauses]
    further = []
    for i, clause in enumerate(clauses):
        around = [
            near[of[i]].max(1) for mass, of in zip(masses, about, strict=True) for near in _around(mass, sentences, i)
        ]
        further.append(_further(clause, request, positions[i], rows[i], scores[i], around))
    return positions, scores, np.concatenate([rows, np.stack(further)], axis=2)


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


def _further(
    clause: Clause,
    request: str,
    positions: np.ndarray,
    rows: np.ndarray,
    scores: np.ndarray,
    about: list[np.ndarray],
) -> np.ndarray:
    words = index.load()
    here, around, everywhere = (_distinct_terms(text) for text in (clause.text, clause.sentence, request))
    arns = [_types_of_arns(text) for text in (clause.text, clause.sentence)]
    columns = [
        *about,
        words.purpose_cover(here)[positions],
        words.purpose_cover(around)[positions],
        words.best_type(words.type_cover(here), positions),
        words.best_type(words.type_cover(everywhere), positions),
        *(np.array([not types.isdisjoint(_types()[p]) for p in positions]) for types in arns),
        scores - scores[0],
        *(rows[:, column] / (rows[:, column].max() + 1e-6) for column in _OF_THE_MOST),
        words.name_lengths[positions],
    ]
    constant = [bool(arns[0]), rows[:, FEATURES.index("named")].max(), len(here) / 10]
    columns += [np.full(len(positions), value) for value in constant]
    access = np.eye(len(ACCESS_LEVELS))[_levels()[positions]]
    return np.concatenate([np.stack(columns, axis=1), access], axis=1).astype(np.float32)


@lru_cache(maxsize=256)
def _distinct_terms(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(terms(text)))


def _types_of_arns(text: str) -> set[tuple[str, str]]:
    written_out = (told.rstrip(".:?!") for told in _ARN.findall(text))  # without the punctuation after it
    found = (kind for arn in written_out for kind in catalogue.load().resource_types(arn))
    return {(kind.service, kind.name) for kind in found}


def _types_count() -> int:
    return int(index.load().types_of.max())


@cache
def _types() -> list[frozenset[tuple[str, str]]]:
    return [frozenset((a.service, t) for t in a.resource_types) for a in catalogue.load().actions.values()]


@cache
def _levels() -> np.ndarray:
    return np.array([ACCESS_LEVELS.index(a.access_level) for a in catalogue.load().actions.values()])


@cache
def _network() -> Network:
    return Network.load(WEIGHTS)
