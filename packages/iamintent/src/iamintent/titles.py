"""What a policy that has only a name grants: "Amazon MSK Full Access".

A title comes in, a probability for each action of the catalogue goes out, learnt from the managed policies of the
training split: from the policies whose titles are near, from the services that the title names, and from the level of
access that it speaks of. `cover` says a set of actions in few patterns.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import ArrayLike

from iamintent.clauses import Clause
from iamintent.mentions import Prefixes, bearers, longest_runs, order, titles
from iamintent.network import Network, sigmoid, stacked
from iamintent.ranking import ActionRanker, Index, vocabulary
from iamintent.training import TrainingExample
from iamintent.words import FOLDER, TABLES, terms
from iampolicy import catalogue
from iampolicy.catalogue import ACCESS_LEVELS
from iampolicy.document import as_policy

WEIGHTS = FOLDER / "titles.npz"  # fitted as tools/fit_retrieval.py does it
NEAREST = 20  # titles that are looked at
FIRST = 30  # actions that are looked at because the ranking of clauses has them first
USUAL = 0.03  # share of the policies of a level from which on an action is looked at
LEVELS = ("full", "read", "service role", "execution", "other")
_SAID = {level: re.compile(said, re.IGNORECASE) for level, said in TABLES.title_levels.items()}
_LEAD_UP = re.compile(TABLES.title_lead_up, re.IGNORECASE)
_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z])|[_-]")
_WORD = re.compile(r"[A-Za-z0-9]+")


def title_of(request: str) -> str | None:
    """The name that a request consists of, in words, or None where it says more than a name.

    >>> title_of("Provide an IAM policy for AWS App Mesh Read Only"), title_of("AmazonS3FullAccess")
    ('AWS App Mesh Read Only', 'Amazon S3 Full Access')
    """
    name = _LEAD_UP.sub("", request.strip()).strip(" .\"'`")
    if re.fullmatch(r"[A-Za-z0-9_-]{6,128}", name) and len(_JOINT.findall(name)) > 1:
        name = " ".join(_JOINT.sub(" ", name).split())
    words = _WORD.findall(name)
    capital = sum(word[0].isupper() or word[0].isdigit() for word in words)
    small = sum(word.lower() in TABLES.in_titles for word in words if word[0].islower())
    if not 1 <= len(words) <= 16 or capital + small < len(words) or capital < 0.6 * len(words) or ":" in name:
        return None
    return _JOINT.sub(" ", name)


def level_of(title: str) -> str:
    """The level of access that a title speaks of, one of LEVELS."""
    return next((level for level, said in _SAID.items() if said.search(title)), "other")


@cache
def _joined() -> dict[str, Prefixes]:
    """Names of services without blanks or maker: "appmesh" -> appmesh."""
    joined = ((re.sub(r"[^a-z0-9]|^aws|^amazon", "", "".join(words)), of) for words, of in titles().items())
    return bearers((name, prefix) for name, prefixes in joined for prefix in prefixes if len(name) > 1)


def services_in(title: str) -> dict[str, float]:
    """The services that a title names, by prefix: 1 for the first, a little less for later ones."""
    words = [word.lower() for word in _WORD.findall(title)]
    found: dict[str, float] = {}
    for _, prefixes in longest_runs(words, 6, lambda run: _joined().get(re.sub(r"^(aws|amazon)", "", "".join(run)))):
        weight = (0.8 if found else 1.0) / len(prefixes) ** 0.5
        found |= {prefix: max(found.get(prefix, 0.0), weight) for prefix in prefixes}
    return found


def title_terms(title: str) -> list[str]:
    """Search terms of a title: its words, its neighbouring words as one, and the words that speak of access."""
    plain = re.sub(r"\b(AWS|Amazon|Aws)\b", "", title)
    words = [word.lower() for word in _WORD.findall(plain)]
    pairs = [a + b for a, b in zip(words, words[1:], strict=False)]
    return [*terms(plain), *pairs, *(w for w in words if w in TABLES.in_titles)]


@dataclass
class TitleRanker:
    """Probabilities of actions for a title. `examples` are the managed policies of the training split."""

    examples: Sequence[TrainingExample]
    actions: ActionRanker

    @cached_property
    def titles(self) -> list[str]:
        """The title of each example."""
        return [title_of(e.instruction) or e.instruction for e in self.examples]

    @cached_property
    def granted(self) -> list[np.ndarray]:
        """For each example the positions of the actions that it allows."""
        return [allowed(e.policy) for e in self.examples]

    @cached_property
    def _levels(self) -> list[str]:
        return [level_of(title) for title in self.titles]

    @cached_property
    def _services(self) -> list[np.ndarray]:
        return [np.unique(vocabulary().service_of[actions]) for actions in self.granted]

    @cached_property
    def _index(self) -> tuple[Index, dict[str, float]]:
        """The examples by the terms of their titles, and what a term tells of an example."""
        documents = [title_terms(title) for title in self.titles]
        count = Counter(term for document in documents for term in set(document))
        rarity = {term: 1.2 * np.log(1 + len(documents) / (1 + n)) for term, n in count.items()}
        return Index(documents, k1=1.2, b=0.4), rarity

    @cached_property
    def _by_level(self) -> dict[str, np.ndarray]:
        """How many policies of each level allow each action."""
        found = {level: np.zeros(len(vocabulary().names), dtype=np.float32) for level in LEVELS}
        for level, actions in zip(self._levels, self.granted, strict=True):
            found[level][actions] += 1
        return found

    @cached_property
    def _service_share(self) -> np.ndarray:
        every = np.concatenate(self._services) if self._services else np.array([], dtype=int)
        return np.bincount(every, minlength=len(order())) / max(1, len(self.examples))

    @cached_property
    def _network(self) -> Network:
        return Network.load(WEIGHTS)

    def nearest(self, title: str, leave_out: int | None = None) -> list[tuple[int, float]]:
        """Positions of the examples with the nearest titles, best first, with a similarity of about 0 to 1."""
        query, (index, rarity) = title_terms(title), self._index
        scores = index.scores(query)
        if leave_out is not None:
            scores[leave_out] = 0
        whole = max(1e-6, sum(rarity.get(t, 1.2 * np.log(1 + len(self.examples))) for t in dict.fromkeys(query)))
        best = np.argsort(-scores, kind="stable")[:NEAREST]
        return [(int(i), float(scores[i] / whole)) for i in best if scores[i] > 0]

    def features(self, title: str, leave_out: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What is known of the actions that a title may mean.

        Args:
            leave_out: position of an example to look away from: its own, when it is asked about.

        Returns:
            positions of actions, and float32 of shape (positions, features).
        """
        known, level, found = vocabulary(), level_of(title), services_in(title)
        near = self.nearest(title, leave_out)
        alike = [(i, similarity) for i, similarity in near if self._levels[i] == level]
        vote, of_alike = _votes(near, self.granted, len(known.names)), _votes(alike, self.granted, len(known.names))
        named = np.array([found.get(prefix, 0.0) for prefix in order()], dtype=np.float32)
        rank, usual = self._ranks(title), self._usual(level, leave_out)
        chosen = np.flatnonzero((vote > 0) | (named[known.service_of] > 0) | (rank > 0) | (usual > USUAL))
        service, access = known.service_of[chosen], known.access[chosen]
        columns: dict[str, ArrayLike] = {
            **{f"title of level {of}": of == level for of in LEVELS},
            **{f"level {of}": access == i for i, of in enumerate(ACCESS_LEVELS)},
            "service named": named[service],
            "no other service named": named[service] * (len(found) == 1),
            **{f"level {of}, service named": (access == i) * named[service] for i, of in enumerate(ACCESS_LEVELS)},
            "in near policies": vote[chosen],
            "in near policies of the level": of_alike[chosen],
            "in the nearest policy that has it": _nearest(near, self.granted, len(known.names))[chosen],
            "service in near policies": _votes(near, self._services, len(order()))[service],
            "service in near policies of the level": _votes(alike, self._services, len(order()))[service],
            "service in the nearest policy that has it": _nearest(near, self._services, len(order()))[service],
            "rank as a clause": rank[chosen],
            "in policies of the level": usual[chosen],
            "in all policies": np.log1p(np.sum(list(self._by_level.values()), axis=0)[chosen]),
            "service in all policies": self._service_share[service],
            "nearest title": max((similarity for _, similarity in near), default=0.0),
            "services named": min(len(found), 3) / 3,
            "terms of the title": len(title_terms(title)) / 20,
        }
        return chosen, stacked(columns, len(chosen))

    def _ranks(self, title: str) -> np.ndarray:
        """One for the action that a clause with the words of the title has first, a half for the second, and so on."""
        positions, _, _ = self.actions.scored([Clause(title, title)], title, FIRST)
        rank = np.zeros(len(vocabulary().names), dtype=np.float32)
        rank[positions[0]] = 1 / np.arange(1, FIRST + 1)
        return rank

    def _usual(self, level: str, leave_out: int | None) -> np.ndarray:
        """The share of the policies of a level that allow each action."""
        usual, count = self._by_level[level].copy(), self._levels.count(level)
        if leave_out is not None and self._levels[leave_out] == level:
            usual[self.granted[leave_out]] -= 1
            count -= 1
        return usual / max(count, 1)

    def probabilities(self, title: str, leave_out: int | None = None) -> dict[str, float]:
        """How likely each action is granted by a policy of this title; actions that are left out are not likely."""
        chosen, features = self.features(title, leave_out)
        likely = sigmoid(self._network.logits(features)[:, 0])
        return {vocabulary().names[i]: float(p) for i, p in zip(chosen, likely, strict=True)}


def _votes(near: Sequence[tuple[int, float]], having: Sequence[np.ndarray], size: int) -> np.ndarray:
    """The share of near examples that have each action or service, by similarity; float32 of shape (size,)."""
    found = np.zeros(size, dtype=np.float32)
    whole = sum(similarity**3 for _, similarity in near) + 1e-9
    for i, similarity in reversed(near):
        found[having[i]] += similarity**3 / whole
    return found


def _nearest(near: Sequence[tuple[int, float]], having: Sequence[np.ndarray], size: int) -> np.ndarray:
    """The similarity of the nearest example that has each action or service; float32 of shape (size,)."""
    found = np.zeros(size, dtype=np.float32)
    for i, similarity in reversed(near):
        found[having[i]] = similarity
    return found


def allowed(policy: str) -> np.ndarray:
    """The positions of the actions that the Allow statements of a policy match, in order."""
    granting = (s for s in as_policy(policy).statements if s.effect == "Allow")
    found = catalogue.load().expand_all(pattern for s in granting for pattern in s.action_patterns)
    return np.array(sorted(vocabulary().positions[name] for name in found), dtype=np.int64)


def cover(likely: Mapping[str, float], most: int = 28, least: float = 0.35) -> dict[str, float]:
    """Patterns for the likely actions with how likely they are, those that grant most first.

    A wildcard ("svc:*", "svc:Verb*") stands for its actions where nearly all of them are likely. Patterns under
    `least` are left out, and so is what goes beyond `most`.
    """
    groups: dict[str, list[float]] = {}
    for name, probability in likely.items():
        for pattern in wildcards(name):
            groups.setdefault(pattern, []).append(probability)
    sizes = {pattern: len(catalogue.load().expand(pattern)) for pattern in groups}
    sure = {
        pattern: sum(found) / sizes[pattern]
        for pattern, found in groups.items()
        if len(found) > 1 and sum(p >= least for p in found) >= 0.85 * sizes[pattern]
    }
    chosen: dict[str, float] = {}
    for name, probability in sorted(likely.items(), key=lambda item: -item[1]):
        if probability >= least:
            pattern = next((p for p in wildcards(name) if p in sure), name)
            chosen.setdefault(pattern, sure.get(pattern, probability))
    mass = {p: v * sizes.get(p, 1) for p, v in chosen.items()}
    return {p: chosen[p] for p in sorted(chosen, key=lambda p: (-mass[p], p))[:most]}


@cache
def wildcards(name: str) -> tuple[str, ...]:
    """The wildcards that a name falls under, the widest first: svc:*, svc:Verb*."""
    service, _, operation = name.partition(":")
    verb = re.match(r"[A-Z]?[a-z]*", operation)
    return (f"{service}:*", f"{service}:{verb[0]}*") if verb and verb[0] else (f"{service}:*",)


def by_service(patterns: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Patterns of one service together, services in the order of their first."""
    found: dict[str, list[str]] = {}
    for pattern in patterns:
        found.setdefault(pattern.partition(":")[0], []).append(pattern)
    return tuple(map(tuple, found.values()))
