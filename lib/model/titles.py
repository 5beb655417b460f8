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
from pathlib import Path

import numpy as np

from iampolicy import catalogue
from iampolicy.catalogue import ACCESS_LEVELS
from iampolicy.document import as_policy
from lib.data.dataset import Example
from lib.data.managed import words_of
from lib.model.actions import ActionRanker, Index, vocabulary
from lib.model.rerank import Network, sigmoid
from lib.model.services import order, titles
from lib.model.words import TABLES, Clause, terms

WEIGHTS = Path(__file__).with_name("titles.npz")  # made by `python -m tools.fit_retrieval`
NEAREST = 20  # titles that are looked at
LEVELS = ("full", "read", "service role", "execution", "other")
_SAID = {  # what a title says of its level; the first that is said counts
    "read": re.compile(r"read[ -]?only|view[ -]?only|\bviewer|\breader", re.IGNORECASE),
    "full": re.compile(r"full ?access|\badmin|power ?user", re.IGNORECASE),
    "service role": re.compile(r"service ?role|service[ -]linked", re.IGNORECASE),
    "execution": re.compile(r"\bexecution\b", re.IGNORECASE),
}
_LEAD_UP = re.compile(
    r"^\s*(?:please )?(?:(?:provide|create|write|generate|give me|draft|make)(?: me)?|i need|i want)? ?"
    r"(?:an?|the)? ?(?:aws )?(?:iam )?(?:managed )?policy(?: document)?(?: for| named| called|:)? ",
    re.IGNORECASE,
)
_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z])|[_-]")
_WORD = re.compile(r"[A-Za-z0-9]+")


def title_of(request: str) -> str | None:
    """The name that a request consists of, in words, or None where it says more than a name.

    "Provide an IAM policy for AWS App Mesh Read Only" -> "AWS App Mesh Read Only"; "AmazonS3FullAccess" -> "Amazon S3
    Full Access".
    """
    name = _LEAD_UP.sub("", request.strip()).strip(" .\"'`")
    if re.fullmatch(r"[A-Za-z0-9_-]{6,128}", name) and len(_JOINT.findall(name)) > 1:
        name = words_of(name)
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
def _joined() -> dict[str, tuple[str, ...]]:
    """Names of services without blanks or maker: "appmesh" -> appmesh."""
    found: dict[str, set[str]] = {}
    for words, prefixes in titles().items():
        key = re.sub(r"[^a-z0-9]|^aws|^amazon", "", "".join(words))
        if len(key) > 1:
            found.setdefault(key, set()).update(prefixes)
    return {key: tuple(sorted(prefixes)) for key, prefixes in found.items()}


def services_in(title: str) -> dict[str, float]:
    """The services that a title names, by prefix: 1 for the first, a little less for later ones."""
    words = [word.lower() for word in _WORD.findall(title)]
    found: dict[str, float] = {}
    position = 0
    while position < len(words):
        for size in range(min(6, len(words) - position), 0, -1):
            prefixes = _joined().get(re.sub(r"^(aws|amazon)", "", "".join(words[position : position + size])))
            if prefixes:
                weight = (0.8 if found else 1.0) / len(prefixes) ** 0.5
                found |= {prefix: max(found.get(prefix, 0.0), weight) for prefix in prefixes}
                position += size
                break
        else:
            position += 1
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

    examples: Sequence[Example]
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
        level, near = level_of(title), self.nearest(title, leave_out)
        actions, services = len(vocabulary().names), len(order())
        vote, alike, most = (np.zeros(actions, dtype=np.float32) for _ in range(3))
        of_service, of_alike, most_service = (np.zeros(services, dtype=np.float32) for _ in range(3))
        whole = sum(s**3 for _, s in near) + 1e-9
        same = sum(s**3 for i, s in near if self._levels[i] == level) + 1e-9
        for i, similarity in reversed(near):
            share = similarity**3
            vote[self.granted[i]] += share / whole
            most[self.granted[i]] = similarity
            of_service[self._services[i]] += share / whole
            most_service[self._services[i]] = similarity
            if self._levels[i] == level:
                alike[self.granted[i]] += share / same
                of_alike[self._services[i]] += share / same
        named = np.zeros(services, dtype=np.float32)
        found = services_in(title)
        for prefix, weight in found.items():
            named[order()[prefix]] = weight
        positions, _, _ = self.actions.scored([Clause(title, title)], title, 30)
        rank = np.zeros(actions, dtype=np.float32)
        rank[positions[0]] = 1 / np.arange(1, 31)
        usual, count = self._by_level[level].copy(), self._levels.count(level)
        if leave_out is not None and self._levels[leave_out] == level:
            usual[self.granted[leave_out]] -= 1
            count -= 1
        usual /= max(count, 1)
        chosen = np.flatnonzero((vote > 0) | (named[vocabulary().service_of] > 0) | (rank > 0) | (usual > 0.03))
        service = vocabulary().service_of[chosen]
        of_level = np.zeros((len(chosen), len(LEVELS)), dtype=np.float32)
        of_level[:, LEVELS.index(level)] = 1
        access = np.eye(len(ACCESS_LEVELS), dtype=np.float32)[vocabulary().access[chosen]]
        name = named[service][:, None]
        constant = [max((s for _, s in near), default=0.0), min(len(found), 3) / 3, len(title_terms(title)) / 20]
        columns = [vote[chosen], alike[chosen], most[chosen], of_service[service], of_alike[service]]
        columns += [most_service[service], rank[chosen], usual[chosen]]
        columns += [np.log1p(np.sum(list(self._by_level.values()), axis=0)[chosen]), self._service_share[service]]
        columns += [np.full(len(chosen), value) for value in constant]
        rest = np.stack(columns, axis=1).astype(np.float32)
        return chosen, np.concatenate([of_level, access, name, name * (len(found) == 1), access * name, rest], axis=1)

    def probabilities(self, title: str, leave_out: int | None = None) -> dict[str, float]:
        """How likely each action is granted by a policy of this title; actions that are left out are not likely."""
        chosen, features = self.features(title, leave_out)
        likely = sigmoid(self._network.logits(features)[:, 0])
        return {vocabulary().names[i]: float(p) for i, p in zip(chosen, likely, strict=True)}


def allowed(policy: str) -> np.ndarray:
    """The positions of the actions that the Allow statements of a policy match, in order."""
    granting = (s for s in as_policy(policy).statements if s.effect == "Allow")
    found = catalogue.load().expand_all(pattern for s in granting for pattern in s.action_patterns)
    return np.array(sorted(vocabulary().positions[name] for name in found), dtype=np.int64)


def cover(likely: Mapping[str, float], most: int = 28, least: float = 0.35) -> list[str]:
    """Patterns for the likely actions, the surest first.

    A wildcard ("svc:*", "svc:Verb*") stands for its actions where nearly all of them are likely. Patterns under
    `least` are left out, and so is what goes beyond `most`.
    """
    groups: dict[str, list[float]] = {}
    for name, probability in likely.items():
        for pattern in wildcards(name):
            groups.setdefault(pattern, []).append(probability)
    sure: dict[str, float] = {}
    for pattern, found in groups.items():
        size = len(catalogue.load().expand(pattern))
        if len(found) > 1 and sum(p >= least for p in found) >= 0.85 * size:
            sure[pattern] = sum(found) / size
    chosen: dict[str, float] = {}
    for name, probability in sorted(likely.items(), key=lambda item: -item[1]):
        if probability < least:
            break
        widest = next((p for p in wildcards(name) if p in sure), None)
        chosen.setdefault(widest or name, sure[widest] if widest else probability)
    mass = {p: v * len(catalogue.load().expand(p)) for p, v in chosen.items()}
    return sorted(chosen, key=lambda p: (-mass[p], p))[:most]


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
