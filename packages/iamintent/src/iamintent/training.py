"""What a training split teaches: the words with which people ask for an action."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from iamintent.clauses import clauses
from iamintent.ranking import ActionRanker, vocabulary
from iamintent.words import terms
from iampolicy import catalogue
from iampolicy.document import as_policy


class TrainingExample(Protocol):
    """A request in English and the policy that answers it, as JSON.

    It is `worded` if the instruction says in words what is wanted; if not, it is the name of a policy.
    """

    @property
    def id(self) -> str: ...
    @property
    def instruction(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def worded(self) -> bool: ...


@dataclass(frozen=True)
class Taught:
    """A training example, by itself."""

    id: str
    instruction: str
    policy: str
    worded: bool = True


def wanted(example: TrainingExample) -> set[str]:
    """The single actions that an example's policy names."""
    known = catalogue.load().actions
    return {p for s in as_policy(example.policy).statements for p in s.action_patterns if p in known}


def expansions(ranker: ActionRanker, examples: Iterable[TrainingExample]) -> dict[str, list[str]]:
    """The terms of the clauses that ask for each action, as far as worded examples show it.

    A wanted action belongs to the clause in which it ranks best.
    """
    found: dict[str, list[str]] = {}
    for example in examples:
        names = wanted(example) if example.worded else ()
        if not names:
            continue
        pieces = clauses(example.instruction)
        positions, scores, _ = ranker.scored(pieces, example.instruction)
        for name in sorted(names):
            rows, columns = np.nonzero(positions == vocabulary().positions[name])
            if len(rows):
                best = int(np.argmax(scores[rows, columns] - scores[rows, 0]))
                found.setdefault(name, []).extend(terms(pieces[rows[best]].text))
    return found
