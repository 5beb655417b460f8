"""Where the catalogue says which words: indexes over its actions, services and resource types.

The catalogue comes in, arrays go out: positions of actions, and scores for every action. All of it follows from the
catalogue alone, so it is made once a process (`load`); what training examples say is in lib.retrieval.actions.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, cached_property

import bm25s
import numpy as np

from iampolicy import catalogue
from lib.data.written.nouns import NOUNS
from lib.data.written.services import POPULAR
from lib.data.written.words import split_name
from lib.retrieval.services import MORE_NAMES, order
from lib.retrieval.terms import stem, terms, verb_terms

Postings = dict[str, np.ndarray]  # term -> positions of the documents that have it


class Index:
    """BM25 over documents of terms; the one place that calls bm25s."""

    def __init__(self, documents: Sequence[Sequence[str]], k1: float, b: float) -> None:
        self.size = len(documents)
        self._index = bm25s.BM25(k1=k1, b=b)
        if documents:  # bm25s cannot index nothing
            self._index.index([list(d) or [""] for d in documents], show_progress=False)

    def scores(self, query: Sequence[str]) -> np.ndarray:
        """How well each document answers the query: float32 of shape (documents,), 0 where they share no term."""
        known = [term for term in query if term in self._index.vocab_dict] if self.size else []
        return self._index.get_scores(known) if known else np.zeros(self.size, dtype=np.float32)


def postings(documents: Iterable[Iterable[str]]) -> Postings:
    """The positions of the documents that have each term, in order."""
    found: dict[str, list[int]] = {}
    for position, document in enumerate(documents):
        for term in dict.fromkeys(document):
            found.setdefault(term, []).append(position)
    return {term: np.array(positions) for term, positions in found.items()}


class Words:
    """The words of every action, in the catalogue's order. Build it with `load()`."""

    @cached_property
    def names(self) -> list[str]:
        """The actions by name."""
        return list(catalogue.load().actions)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each action by its name."""
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def service_of(self) -> np.ndarray:
        """The position of each action's service; int of shape (actions,)."""
        return np.array([order()[a.service] for a in catalogue.load().actions.values()])

    @cached_property
    def by_words(self) -> Index:
        """The actions by the words of their names and descriptions."""
        return Index(self._documents, k1=1.2, b=0.5)

    @cached_property
    def services_by_words(self) -> Index:
        """The services by their titles, aliases and resource types."""
        return Index(self._service_documents, k1=1.0, b=0.3)

    def name_cover(self, query: Iterable[str]) -> np.ndarray:
        """The share of each action's name that the query has, by rarity; float32 of shape (actions,)."""
        in_name, total = self._in_name
        return self._mass(in_name, query) / total

    def purpose_cover(self, query: Iterable[str]) -> np.ndarray:
        """The share of each action's description that the query has, by rarity; float32 of shape (actions,)."""
        in_purpose, total = self._in_purpose
        return self._mass(in_purpose, query) / total

    @property
    def name_lengths(self) -> np.ndarray:
        """The sum of the rarities of each name's words, in tens; float32 of shape (actions,)."""
        return self._in_name[1] / 10

    def query_cover(self, query: Sequence[str]) -> np.ndarray:
        """The share of the query that each action's name, description and service have; float32 of shape (actions,)."""
        whole = sum(self._rarity.get(term, 0.0) for term in query) or 1.0
        return self._mass(self._anywhere, query) / whole

    def type_cover(self, query: Iterable[str]) -> np.ndarray:
        """The share of each resource type's words that the query has; float32 of shape (types + 1,), the last is 0."""
        in_type, total, _ = self._types
        cover = np.zeros(len(total) + 1, dtype=np.float32)  # the last stands for no type
        for term in query:
            if term in in_type:
                cover[in_type[term]] += self._rarity.get(term, 1.0)
        cover[:-1] /= total
        return cover

    def best_type(self, cover: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """For the actions at some positions the cover of their resource type that fits best, 0 without types."""
        return cover[self.types_of[positions]].max(1)

    @property
    def types_of(self) -> np.ndarray:
        """The positions of each action's resource types, padded with the one after the last; int (actions, most)."""
        return self._types[2]

    @cached_property
    def verbs(self) -> tuple[Postings, Postings]:
        """The positions of the actions of each verb, and of each group of verbs."""
        exact: dict[str, list[int]] = {}
        alike: dict[str, list[int]] = {}
        for position, action in enumerate(catalogue.load().actions.values()):
            verb = stem(split_name(action.operation)[0].lower())
            exact.setdefault(verb, []).append(position)
            for group in verb_terms(verb):
                alike.setdefault(group, []).append(position)
        return {v: np.array(p) for v, p in exact.items()}, {v: np.array(p) for v, p in alike.items()}

    @cached_property
    def _operations(self) -> list[list[str]]:
        return [terms(a.operation) for a in catalogue.load().actions.values()]

    @cached_property
    def _purposes(self) -> list[list[str]]:
        return [terms(a.purpose.partition(". ")[0]) for a in catalogue.load().actions.values()]

    @cached_property
    def _documents(self) -> list[list[str]]:
        return [2 * name + purpose for name, purpose in zip(self._operations, self._purposes, strict=True)]

    @cached_property
    def _service_documents(self) -> list[list[str]]:
        documents = []
        for prefix, service in catalogue.load().services.items():
            called = [service.title, *POPULAR.get(prefix, (0, ()))[1], *MORE_NAMES.get(prefix, ())]
            called += [noun for (of, _), (_, noun) in NOUNS.items() if of == prefix]
            called += [*service.resource_types, *prefix.split("-")]
            documents.append([*terms(" ".join(called)), stem(prefix)])
        return documents

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """What a term tells of an action: the log of one in how many actions has it."""
        count = Counter(term for document in self._documents for term in set(document))
        return {term: math.log(1 + len(self._documents) / (1 + n)) for term, n in count.items()}

    @cached_property
    def _in_name(self) -> tuple[Postings, np.ndarray]:
        """The actions whose name has a term, and for each action the sum of its name's rarities."""
        return postings(self._operations), self._total(self._operations)

    @cached_property
    def _in_purpose(self) -> tuple[Postings, np.ndarray]:
        """The same of the descriptions."""
        return postings(self._purposes), self._total(self._purposes)

    def _total(self, documents: Sequence[Sequence[str]]) -> np.ndarray:
        total = [sum(self._rarity[t] for t in dict.fromkeys(document)) or 1.0 for document in documents]
        return np.array(total, dtype=np.float32)

    @cached_property
    def _anywhere(self) -> Postings:
        """The actions whose name, description or service has a term."""
        services = self._service_documents
        return postings(d + services[s] for d, s in zip(self._documents, self.service_of, strict=True))

    def _mass(self, having: Postings, query: Iterable[str]) -> np.ndarray:
        found = np.zeros(len(self.names), dtype=np.float32)
        for term in query:
            if term in having:
                found[having[term]] += self._rarity.get(term, 0.0)
        return found

    @cached_property
    def _types(self) -> tuple[Postings, np.ndarray, np.ndarray]:
        """The resource types that a term names; the sum of rarities of each; for each action its types' positions.

        The table of positions is padded with the position after the last type.
        """
        kinds: dict[tuple[str, str], int] = {}
        words: list[list[str]] = []
        for service in catalogue.load().services.values():
            for kind in service.resource_types.values():
                kinds[service.prefix, kind.name] = len(words)
                noun = NOUNS.get((service.prefix, kind.name), ("", ""))[0]
                words.append(terms(noun) or terms(kind.name))
        actions = catalogue.load().actions.values()
        found = [[kinds[a.service, t] for t in a.resource_types if (a.service, t) in kinds] for a in actions]
        table = np.full((len(found), max(map(len, found))), len(words))
        for row, positions in zip(table, found, strict=True):
            row[: len(positions)] = positions
        total = [sum(self._rarity.get(t, 1.0) for t in dict.fromkeys(w)) or 1.0 for w in words]
        return postings(words), np.array(total, dtype=np.float32), table


@cache
def load() -> Words:
    """The words of the installed catalogue, made once a process."""
    return Words()
