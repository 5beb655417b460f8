"""Rank the catalogue's actions for a clause of a request: services first, then actions by their words and verb.

Clauses come in, a score for every action goes out. The score is a weighted sum of FEATURES: BM25 over names and
descriptions, BM25 over what training examples said where they wanted the action, how much of the action's name the
clause covers, whether the verbs agree, and which services are named. The weights are fitted on training examples.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import bm25s
import numpy as np

from iamintent.clauses import Clause, leading_verb
from iamintent.mentions import actions_named, evidence, order
from iamintent.words import TABLES, distinct, nouns, stem, terms, verb_terms
from iampolicy import catalogue, words
from iampolicy.catalogue import ACCESS_LEVELS
from iampolicy.words import split_name

FEATURES = tuple(TABLES.weights)
TYPE = "resource type in the sentence"
LIKELY = 300  # actions that are looked at for a clause: those that are first by QUICK, weights by hand
QUICK = {
    "words of the clause": 1,
    "words of the sentence": 0.3,
    "said in training, clause": 0.5,
    "name covered by the clause": 5,
    "service named in the request": 4,
    "named": 20,
}
WHOLE = 0.99  # of a name that is said; sums of shares are not exact

Postings = dict[str, np.ndarray]  # term -> positions of the documents that have it
Columns = dict[str, np.ndarray]  # feature -> its value for every action


class Index:
    """BM25 over documents of terms; the one place that calls bm25s."""

    def __init__(self, documents: Sequence[Sequence[str]], k1: float, b: float) -> None:
        self.size = len(documents)
        self._index = bm25s.BM25(k1=k1, b=b)
        if any(documents):  # bm25s cannot index nothing
            self._index.index([list(d) or [""] for d in documents], show_progress=False)
        self._known = self._index.vocab_dict if any(documents) else {}

    def scores(self, query: Sequence[str]) -> np.ndarray:
        """How well each document answers the query: float32 of shape (documents,), 0 where they share no term."""
        known = [term for term in query if term in self._known]
        return np.asarray(self._index.get_scores(known) if known else np.zeros(self.size), dtype=np.float32)


def postings(documents: Iterable[Iterable[str]]) -> Postings:
    """The positions of the documents that have each term, in order."""
    found: dict[str, list[int]] = {}
    for position, document in enumerate(documents):
        for term in dict.fromkeys(document):
            found.setdefault(term, []).append(position)
    return {term: np.array(positions) for term, positions in found.items()}


class Vocabulary:
    """Where the catalogue says which words; actions are in its order. Get it from `vocabulary()`."""

    def __init__(self) -> None:
        actions = catalogue.load().actions
        self.names = list(actions)
        self.positions = {name: position for position, name in enumerate(actions)}
        self.service_of = np.array([order()[a.service] for a in actions.values()])
        self.access = np.array([ACCESS_LEVELS.index(a.access_level) for a in actions.values()])
        operations = [terms(a.operation) for a in actions.values()]
        purposes = [terms(a.purpose.partition(". ")[0]) for a in actions.values()]
        documents = [2 * name + purpose for name, purpose in zip(operations, purposes, strict=True)]
        count = Counter(term for document in documents for term in set(document))
        # What a term tells of an action: the log of one in how many actions has it
        self._rarity = {term: math.log(1 + len(documents) / (1 + n)) for term, n in count.items()}
        of_services = [self._of_service(prefix) for prefix in order()]
        self.by_words = Index(documents, k1=1.2, b=0.5)  # names and descriptions
        self.services_by_words = Index(of_services, k1=1.0, b=0.3)  # titles, aliases and resource types
        self._names, self._name_mass = postings(operations), self._total(operations)
        self._purposes, self._purpose_mass = postings(purposes), self._total(purposes)
        self._anywhere = postings((*d, *of_services[s]) for d, s in zip(documents, self.service_of, strict=True))
        self.name_lengths = self._name_mass / 10  # the sum of the rarities of each name's words, in tens
        verbs = [stem(split_name(a.operation)[0].lower()) for a in actions.values()]
        self.verbs = postings([verb] for verb in verbs)  # the actions of each verb
        self.alike = postings(map(verb_terms, verbs))  # and of each group of verbs
        self._read_types()

    @staticmethod
    def _of_service(prefix: str) -> list[str]:
        service, known = catalogue.load().services[prefix], words.services().get(prefix)
        called = [service.title, *(known.names if known and known.asked else ()), *(known.also if known else ())]
        called += [telling for (of, _), (_, telling) in nouns().items() if of == prefix]
        return [*terms(" ".join([*called, *service.resource_types, *prefix.split("-")])), stem(prefix)]

    def _read_types(self) -> None:
        """The resource types by their words, and for each action its types' positions, padded with that after all."""
        of_types: dict[tuple[str, str], Sequence[str]] = {}
        for service in catalogue.load().services.values():
            for kind in service.resource_types.values():
                noun = nouns().get((service.prefix, kind.name), ("", ""))[0]
                of_types[service.prefix, kind.name] = terms(noun) or terms(kind.name)
        places = {kind: place for place, kind in enumerate(of_types)}
        actions = catalogue.load().actions.values()
        found = [[places[a.service, t] for t in a.resource_types if (a.service, t) in places] for a in actions]
        self.types_of = np.full((len(found), max(map(len, found))), len(places))
        for row, positions in zip(self.types_of, found, strict=True):
            row[: len(positions)] = positions
        self._types, self._type_mass = postings(of_types.values()), self._total(of_types.values())

    def _total(self, documents: Iterable[Sequence[str]]) -> np.ndarray:
        total = [sum(self._rarity.get(t, 1.0) for t in dict.fromkeys(document)) or 1.0 for document in documents]
        return np.array(total, dtype=np.float32)

    def _mass(self, having: Postings, query: Iterable[str], size: int, unknown: float = 0.0) -> np.ndarray:
        found = np.zeros(size, dtype=np.float32)
        for term in query:
            if term in having:
                found[having[term]] += self._rarity.get(term, unknown)
        return found

    def name_cover(self, query: Iterable[str]) -> np.ndarray:
        """The share of each action's name that the query has, by rarity; float32 of shape (actions,)."""
        return np.asarray(self._mass(self._names, query, len(self.names)) / self._name_mass)

    def purpose_cover(self, query: Iterable[str]) -> np.ndarray:
        """The share of each action's description that the query has, by rarity; float32 of shape (actions,)."""
        return np.asarray(self._mass(self._purposes, query, len(self.names)) / self._purpose_mass)

    def query_cover(self, query: Sequence[str]) -> np.ndarray:
        """The share of the query that each action's name, description and service have; float32 of shape (actions,)."""
        whole = sum(self._rarity.get(term, 0.0) for term in query) or 1.0
        return self._mass(self._anywhere, query, len(self.names)) / whole

    def type_cover(self, query: Iterable[str], positions: np.ndarray) -> np.ndarray:
        """For the actions at some positions the share of the words of their type that fits best; 0 without types."""
        size = len(self._type_mass)
        cover = self._mass(self._types, query, size + 1, 1.0)  # the last stands for no type
        cover[:size] /= self._type_mass
        return np.asarray(cover[self.types_of[positions]].max(1))

    def having(self, verbs: Iterable[str], of: Postings) -> np.ndarray:
        """1 for the actions of the verbs, or of the groups of verbs; float32 of shape (actions,)."""
        found = np.zeros(len(self.names), dtype=np.float32)
        for verb in verbs:
            found[of.get(verb, [])] = 1
        return found


@cache
def vocabulary() -> Vocabulary:
    """The words of the installed catalogue, read once a process."""
    return Vocabulary()


@dataclass
class ActionRanker:
    """Scores every action of the catalogue for clauses."""

    expansions: dict[str, list[str]] = field(default_factory=dict)  # action -> terms that training examples give it
    popularity: dict[str, int] = field(default_factory=dict)  # action -> managed training policies that name it
    weights: dict[str, float] = field(default_factory=lambda: dict(TABLES.weights))

    @cached_property
    def _by_training(self) -> Index:
        return Index([self.expansions.get(name, ()) for name in vocabulary().names], k1=1.2, b=0.3)

    @cached_property
    def _services_by_training(self) -> Index:
        documents: list[list[str]] = [[] for _ in order()]
        for name, said in self.expansions.items():
            documents[order()[name.partition(":")[0]]] += said
        return Index(documents, k1=1.2, b=0.6)

    @cached_property
    def _popular(self) -> Columns:
        service_of = vocabulary().service_of
        counts = np.array([self.popularity.get(name, 0) for name in vocabulary().names], dtype=np.float32)
        of_services = np.log1p(np.bincount(service_of, counts, minlength=len(order()))).astype(np.float32)
        return {"action in managed policies": np.log1p(counts), "service in managed policies": of_services[service_of]}

    def features(self, clauses: Sequence[Clause], request: str) -> tuple[np.ndarray, np.ndarray]:
        """What is known of the likeliest actions for each clause.

        Args:
            request: the text that the clauses were cut from.

        Returns:
            positions of actions, int of shape (clauses, LIKELY), and float32 of shape (clauses, LIKELY, FEATURES).
        """
        rows = np.zeros((len(clauses), LIKELY, len(FEATURES)), dtype=np.float32)
        likely = np.zeros((len(clauses), LIKELY), dtype=np.int64)
        asked = evidence(request)[vocabulary().service_of]
        # The types are set below: to look at those of all actions takes too long
        common = self._popular | {"service named in the request": asked, TYPE: asked}
        sentences = {s: self._of_text(s, "sentence") for s in dict.fromkeys(c.sentence for c in clauses)}
        for row, clause in enumerate(clauses):
            near, far = self._of_text(clause.text, "clause"), sentences[clause.sentence]
            columns = common | near | far | self._of_clause(clause.text)
            quick = np.sum([weight * columns[feature] for feature, weight in QUICK.items()], axis=0)
            likely[row] = np.argpartition(-quick, LIKELY)[:LIKELY]
            rows[row] = np.stack([columns[feature][likely[row]] for feature in FEATURES], axis=1)
            types = vocabulary().type_cover(distinct(clause.sentence), likely[row])
            rows[row, :, FEATURES.index(TYPE)] = types
        return likely, rows

    def _of_text(self, text: str, part: str) -> Columns:
        """What a clause or a sentence tells of every action."""
        known, query, name = vocabulary(), terms(text), vocabulary().name_cover(distinct(text))
        return {
            f"words of the {part}": known.by_words.scores(query),
            f"said in training, {part}": self._by_training.scores(query),
            f"name covered by the {part}": name,
            f"whole name in the {part}": name > WHOLE,
            f"service named in the {part}": evidence(text)[known.service_of],
            f"service's words in the {part}": known.services_by_words.scores(query)[known.service_of],
        }

    def _of_clause(self, text: str) -> Columns:
        """What only a clause is asked: its verbs, how much of it an action covers, and what it writes out."""
        known, query = vocabulary(), distinct(text)
        verb = stem((leading_verb(text) or "").lower())
        written = np.zeros(len(known.names), dtype=np.float32)
        written[[known.positions[name] for name in actions_named(text)]] = 1
        return {
            "clause covered by the action": known.query_cover(query),
            "same verb": known.having(query, known.verbs),
            "alike verb": known.having(query, known.alike),
            "same leading verb": known.having([verb], known.verbs),
            "alike leading verb": known.having(verb_terms(verb), known.alike),
            "service said in training": self._services_by_training.scores(terms(text))[known.service_of],
            "named": written,
        }

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
