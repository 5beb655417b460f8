"""Rank the catalogue's actions for a clause of a request: services first, then actions by their words and verb.

Clauses come in, a score for every action goes out. The score is a weighted sum of FEATURES: BM25 over names and
descriptions, BM25 over what training examples said where they wanted the action, how much of the action's name the
clause covers, whether the verbs agree, and which services are named. The weights are fitted on training examples.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from iampolicy import catalogue
from lib.retrieval import index
from lib.retrieval.clauses import Clause, leading_verb
from lib.retrieval.index import Index
from lib.retrieval.services import evidence, order
from lib.retrieval.terms import stem, terms, verb_terms

# feature -> its weight, fitted on training examples by `python -m tools.fit_retrieval`
WEIGHTS = {
    "words of the clause": 0.365,  # BM25 over names and descriptions
    "words of the sentence": 0.059,
    "said in training, clause": 0.153,  # BM25 over what training examples said where they wanted the action
    "said in training, sentence": 0.037,
    "name covered by the clause": 2.101,  # share of the name's words, by their rarity
    "name covered by the sentence": 3.494,
    "whole name in the clause": 2.021,
    "whole name in the sentence": 0.22,
    "clause covered by the action": 4.749,  # share of the clause's words that name, description and service have
    "same verb": -1.154,
    "alike verb": 1.228,
    "same leading verb": -0.259,
    "alike leading verb": 2.295,
    "resource type in the sentence": 1.8,  # share of the words of the type that fits best
    "service named in the clause": -0.505,
    "service named in the sentence": 2.571,
    "service named in the request": 6.094,
    "service's words in the clause": -0.32,  # BM25 over titles, aliases and resource types
    "service's words in the sentence": 0.008,
    "service said in training": 0.247,
    "action in managed policies": 0.496,  # log of how often
    "service in managed policies": -0.226,
    "named": 24.928,  # written out: "s3:GetObject"
}
FEATURES = tuple(WEIGHTS)
TYPE = "resource type in the sentence"
LIKELY = 300  # actions that are looked at for a clause
WHOLE = 0.99  # of a name that is said; sums of shares are not exact
LEAST = 0.5  # evidence of a service beside which an operation alone names an action

_NAMED = re.compile(r"(?<![\w:/.-])([a-z][a-z0-9-]*:[A-Z]\w+)")
_OPERATION = re.compile(r"(?<![\w:/.-])[A-Z][a-z]+[A-Z]\w+(?![\w:/.-])")
_PASS = re.compile(r"\b(?:pass|hand|giv)\w* .{0,80}\broles?\b.{0,80}\bto\b", re.IGNORECASE)


def named(text: str) -> frozenset[str]:
    """The actions that a text writes out: "s3:GetObject", or "GetObject" beside the name of its service.

    Passing a role counts as writing out iam:PassRole.
    """
    found = {a.name for name in _NAMED.findall(text) if (a := catalogue.load().action(name))}
    operations = _OPERATION.findall(text)
    if operations:
        weights = evidence(text)
        likely = [service for service, i in order().items() if weights[i] >= LEAST]
        found |= {a.name for s in likely for o in operations if (a := catalogue.load().action(f"{s}:{o}"))}
    return frozenset(found | {"iam:PassRole"} if _PASS.search(text) else found)


class _Seen(NamedTuple):
    """What a text tells of every action; each field is of shape (actions,)."""

    words: np.ndarray
    said: np.ndarray
    name: np.ndarray
    covered: np.ndarray
    same_verb: np.ndarray
    alike_verb: np.ndarray
    service: np.ndarray
    service_words: np.ndarray
    service_said: np.ndarray
    written: np.ndarray
    type: np.ndarray


@dataclass
class ActionRanker:
    """Scores every action of the catalogue for clauses."""

    expansions: dict[str, list[str]] = field(default_factory=dict)  # action -> terms that training examples give it
    popularity: dict[str, int] = field(default_factory=dict)  # action -> managed training policies that name it
    weights: dict[str, float] = field(default_factory=lambda: dict(WEIGHTS))

    @property
    def names(self) -> list[str]:
        """The actions by name, in the catalogue's order."""
        return index.load().names

    @property
    def index(self) -> dict[str, int]:
        """The position of each action by its name."""
        return index.load().positions

    @property
    def service_of(self) -> np.ndarray:
        """The position of each action's service; int of shape (actions,)."""
        return index.load().service_of

    @cached_property
    def _by_training(self) -> Index | None:
        return Index([self.expansions.get(n, ()) for n in self.names], k1=1.2, b=0.3) if self.expansions else None

    @cached_property
    def _services_by_training(self) -> Index | None:
        documents: list[list[str]] = [[] for _ in order()]
        for name, said in self.expansions.items():
            documents[order()[name.partition(":")[0]]] += said
        return Index(documents, k1=1.2, b=0.6) if self.expansions else None

    @cached_property
    def _popular(self) -> tuple[np.ndarray, np.ndarray]:
        counts = np.array([self.popularity.get(name, 0) for name in self.names], dtype=np.float32)
        services = np.bincount(self.service_of, counts, minlength=len(order()))
        return np.log1p(counts), np.log1p(services).astype(np.float32)[self.service_of]

    def features(self, clauses: Sequence[Clause], request: str) -> tuple[np.ndarray, np.ndarray]:
        """What is known of the likeliest actions for each clause.

        Args:
            request: the text that the clauses were cut from.

        Returns:
            positions of actions, int of shape (clauses, LIKELY), and float32 of shape (clauses, LIKELY, FEATURES).
        """
        rows = np.zeros((len(clauses), LIKELY, len(FEATURES)), dtype=np.float32)
        likely = np.zeros((len(clauses), LIKELY), dtype=np.int64)
        asked = evidence(request)[self.service_of]
        sentences = {sentence: self._of_text(sentence) for sentence in dict.fromkeys(c.sentence for c in clauses)}
        for row, clause in enumerate(clauses):
            near, far = self._of_text(clause.text), sentences[clause.sentence]
            quick = near.words + 0.3 * far.words + 0.5 * near.said + 5 * near.name + 4 * asked + 20 * near.written
            likely[row] = np.argpartition(-quick, LIKELY)[:LIKELY]
            verb = stem((leading_verb(clause.text) or "").lower())
            columns = {
                "words of the clause": near.words,
                "words of the sentence": far.words,
                "said in training, clause": near.said,
                "said in training, sentence": far.said,
                "name covered by the clause": near.name,
                "name covered by the sentence": far.name,
                "whole name in the clause": near.name > WHOLE,
                "whole name in the sentence": far.name > WHOLE,
                "clause covered by the action": near.covered,
                "same verb": near.same_verb,
                "alike verb": near.alike_verb,
                "same leading verb": self._having([verb], alike=False),
                "alike leading verb": self._having(verb_terms(verb), alike=True),
                TYPE: asked,  # set below: to look at the types of all actions takes too long
                "service named in the clause": near.service,
                "service named in the sentence": far.service,
                "service named in the request": asked,
                "service's words in the clause": near.service_words,
                "service's words in the sentence": far.service_words,
                "service said in training": near.service_said,
                "action in managed policies": self._popular[0],
                "service in managed policies": self._popular[1],
                "named": near.written,
            }
            rows[row] = np.stack([columns[feature][likely[row]] for feature in FEATURES], axis=1)
            rows[row, :, FEATURES.index(TYPE)] = index.load().best_type(far.type, likely[row])
        return likely, rows

    def scored(
        self, clauses: Sequence[Clause], request: str, count: int = LIKELY
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The actions with the highest scores for each clause, best first.

        Returns:
            their positions and scores, both of shape (clauses, count), and features as `features` has them.
        """
        likely, rows = self.features(clauses, request)
        scores = rows @ np.array([self.weights[f] for f in FEATURES], dtype=np.float32)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        positions, scores = (np.take_along_axis(of, best, 1) for of in (likely, scores))
        return positions, scores, np.take_along_axis(rows, best[:, :, None], 1)

    def scores(self, clauses: Sequence[Clause], request: str) -> tuple[np.ndarray, np.ndarray]:
        """Positions of actions, best first, and their scores; both of shape (clauses, LIKELY)."""
        return self.scored(clauses, request)[:2]

    def _of_text(self, text: str) -> _Seen:
        query = terms(text)
        different = tuple(dict.fromkeys(query))  # the order of a set, and with it the last bits, varies by process
        words, zeros = index.load(), np.zeros(len(self.names), dtype=np.float32)
        trained, services = self._by_training, self._services_by_training
        written = zeros.copy()
        written[[self.index[name] for name in named(text)]] = 1
        return _Seen(
            words=words.by_words.scores(query),
            said=trained.scores(query) if trained else zeros,
            name=words.name_cover(different),
            covered=words.query_cover(different),
            same_verb=self._having(different, alike=False),
            alike_verb=self._having(different, alike=True),
            service=evidence(text)[self.service_of],
            service_words=words.services_by_words.scores(query)[self.service_of],
            service_said=services.scores(query)[self.service_of] if services else zeros,
            written=written,
            type=words.type_cover(different),
        )

    def _having(self, verbs: Sequence[str], alike: bool) -> np.ndarray:
        """1 for the actions of the verbs, or of the groups of verbs; float32 of shape (actions,)."""
        found = np.zeros(len(self.names), dtype=np.float32)
        for verb in verbs:
            found[index.load().verbs[alike].get(verb, [])] = 1
        return found
