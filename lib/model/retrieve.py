"""Read a request once: which actions and which condition keys it may mean, or why it gets no policy.

A request comes in as English; an Intent goes out, from which prompt, grammar and questions are made. Which of its
candidates are granted or denied, on which resources and under what conditions, a model reads out of the request. What
a Retriever counts comes from a training split alone, never from validation or test policies.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from iampolicy import catalogue
from iampolicy.document import as_policy
from lib.data.dataset import Example
from lib.files import writing
from lib.model import rerank
from lib.model.actions import ActionRanker, named, vocabulary
from lib.model.services import evidence, wildcards
from lib.model.titles import TitleRanker, by_service, cover, title_of
from lib.model.words import LONGEST, TABLES, Clause, clauses, stem, terms

RETRIEVER = "retriever.json.gz"  # beside the adapter that was trained with it
SHOWN = 6  # candidates of a clause at most
LEAST = 0.008  # probability of a candidate among those of its clause
WORDED = ("written", "field")  # the sources whose instructions say in words what is wanted; others are names
FOLDS = 2  # for training examples: what they themselves say is not known when they are asked


@dataclass(frozen=True)
class Intent:
    """A request, and what the catalogue and the training examples have to say about it."""

    request: str
    lines: tuple[tuple[str, ...], ...] = ()  # likely actions or wildcards of each clause, the likeliest first
    keys: tuple[str, ...] = ()  # of services' own condition keys those that the request may mean
    title: str | None = None  # the request is only a name
    refusal: str | None = None  # why there is no policy for it
    cut: bool = False  # the request was longer than what is read of one

    @property
    def actions(self) -> tuple[str, ...]:
        """All candidates, each once."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line))

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the candidates, each once."""
        return tuple(dict.fromkeys(name.partition(":")[0] for name in self.actions))


class Retriever:
    """Reads requests. Build it with `fit`, or `load` what was saved."""

    def __init__(
        self,
        actions: ActionRanker,
        titles: TitleRanker,
        examples: Sequence[Example] = (),
        tested: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self.actions, self._titles, self._tested = actions, titles, tested or {}
        self.examples = tuple(examples)

    def save(self, path: Path) -> None:
        """Write what was learnt as gzipped JSON; the examples of clauses are not part of it, those of titles are."""
        learnt = {
            "expansions": {name: " ".join(said) for name, said in self.actions.expansions.items()},
            "popularity": self.actions.popularity,
            "titles": [asdict(example) for example in self._titles.examples],
            "tested": self._tested,
        }
        with writing(path) as aside:
            aside.write_bytes(gzip.compress(json.dumps(learnt, sort_keys=True).encode(), mtime=0))

    @classmethod
    def load(cls, path: Path) -> "Retriever":
        """Read what `save` wrote; an action that the catalogue no longer has is left out.

        Raises:
            FileNotFoundError: if there is no such file.
            gzip.BadGzipFile: if the file is none that `save` wrote.
        """
        learnt = json.loads(gzip.decompress(path.read_bytes()))
        known = catalogue.load().actions
        expansions = {name: said.split() for name, said in learnt["expansions"].items() if name in known}
        ranker = ActionRanker(expansions, learnt["popularity"])
        titles = TitleRanker([Example(**example) for example in learnt["titles"]], ranker)
        return cls(ranker, titles, tested=learnt.get("tested"))

    @classmethod
    def fit(cls, train: Sequence[Example]) -> "Retriever":
        """Learn from a training split what people say where they want an action, and what titles mean."""
        managed = [e for e in train if e.source not in WORDED]
        popularity = Counter(name for e in managed for name in wanted(e))
        ranker = ActionRanker({}, dict(popularity))
        ranker = ActionRanker(expansions(ranker, train), dict(popularity))
        tested = keys_tested_in(e.policy for e in train if e.source in WORDED)
        return cls(ranker, TitleRanker(managed, ranker), train, tested)

    def read(self, request: str) -> Intent:
        """Read a request, of which LONGEST characters count."""
        whole, request = request, request[:LONGEST]
        title = title_of(request)
        patterns = cover(self._titles.probabilities(title)) if title else []
        if patterns:
            found, surest = Intent(request, by_service(patterns), title=title), np.inf
        else:
            found, surest = self._grounded(request)
        return replace(found, refusal=refusal(request, surest), cut=len(whole) > LONGEST)

    def of_training(self, chosen: Sequence[Example] | None = None) -> list[Intent]:
        """Read training examples, each as if it and the rest of its fold had not been seen.

        Args:
            chosen: some of the examples that the retriever was fitted on; None: all, in their order.
        """
        folds, rankers = self.folds()
        retrievers = [Retriever(r, self._titles, tested=self._tested) for r in rankers]
        own = {e.id: position for position, e in enumerate(self._titles.examples)}
        found = []
        for example in self.examples if chosen is None else chosen:
            request = example.instruction
            if example.id in own:
                title = title_of(request) or request
                patterns = cover(self._titles.probabilities(title, leave_out=own[example.id]))
                found.append(Intent(request, by_service(patterns), title=title))
            else:
                found.append(retrievers[folds[example.id]]._grounded(request)[0])
        return found

    def folds(self) -> tuple[dict[str, int], list[ActionRanker]]:
        """The fold of each worded training example, by id, and for each fold a ranker that has not seen it."""
        worded = [e for e in self.examples if e.source in WORDED]
        folds = {e.id: position % FOLDS for position, e in enumerate(worded)}
        rests = ([e for e in worded if folds[e.id] != fold] for fold in range(FOLDS))
        return folds, [ActionRanker(expansions(self.actions, rest), self.actions.popularity) for rest in rests]

    def _grounded(self, request: str) -> tuple[Intent, float]:
        """What is found for the clauses of a request, and the score of the likeliest action of any clause."""
        found = clauses(request)
        if not found:
            return Intent(request), 0.0
        ranked = rerank.rank(self.actions, found, request)
        likely = [_likely(*row) for row in zip(ranked.positions, ranked.scores, ranked.odds, strict=True)]
        first = [_first(found, position, request) for position in range(len(found))]
        lines = [list(dict.fromkeys((*sure, *line))) for sure, line in zip(first, _once(likely), strict=True)]
        shown = tuple(tuple(line) for line in lines if line)
        return Intent(request, shown, likely_keys(request, lines, self._tested)), float(ranked.first.max())


def _likely(positions: np.ndarray, scores: np.ndarray, odds: np.ndarray) -> dict[str, float]:
    """The actions to show for a clause, best first, with the odds that it asks for them."""
    shares = np.exp(scores - scores[0])
    shown = [i for i in range(SHOWN) if shares[i] >= LEAST * shares.sum()]
    return {vocabulary().names[positions[i]]: float(odds[i]) for i in shown}


def _once(likely: Sequence[Mapping[str, float]]) -> list[list[str]]:
    """Each action in the line where it is likeliest; the first of a line always stays there."""
    best: dict[str, float] = {}
    for line in likely:
        best |= {name: max(best.get(name, 0.0), chance) for name, chance in line.items()}
    seen: set[str] = set()
    lines = []
    for line in likely:
        kept = [n for i, (n, chance) in enumerate(line.items()) if (chance >= best[n] or not i) and n not in seen]
        seen.update(kept)
        lines.append(kept)
    return lines


def _first(found: Sequence[Clause], position: int, request: str) -> list[str]:
    """What a clause asks for in so many words: names and wildcards; those of a sentence in its first clause."""
    clause = found[position]
    sentences = [c.sentence for c in found]
    names = _by_place(named(clause.text), clause.text)
    wild = wildcards(clause.text, request)
    if sentences.index(clause.sentence) == position:  # "read access to" may lead up to a clause "everything in S3"
        wild = wildcards(clause.sentence, request) or wild
        names += _by_place(named(clause.sentence) - set(names), clause.sentence)
    return [*wild, *names]


def _by_place(names: Iterable[str], text: str) -> list[str]:
    """Names of actions by the place at which the text has their operations, and by themselves where it is one."""
    return sorted(names, key=lambda name: (text.find(name.partition(":")[2]), name))


def wanted(example: Example) -> set[str]:
    """The single actions that an example's policy names."""
    known = catalogue.load().actions
    return {p for s in as_policy(example.policy).statements for p in s.action_patterns if p in known}


def expansions(ranker: ActionRanker, examples: Sequence[Example]) -> dict[str, list[str]]:
    """The terms of the clauses that ask for each action, as far as worded examples show it.

    A wanted action belongs to the clause in which it ranks best.
    """
    found: dict[str, list[str]] = {}
    for example in examples:
        names = wanted(example) if example.source in WORDED else ()
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


# Condition keys that a request may mean; global ones are not among them: a model learns those by heart

MOST_KEYS = 6
SAID = 0.5  # share of a key's words that a request must say
OFTEN = 2  # times that training policies limit an action by a key which is shown though no word of it is said
FEW = 2  # keys of an action that are shown though no word of them is said
_OPEN = re.compile(r"(?<=[/:])(\$\{.*|<.*|tag-key)$")  # where a reader fills in a name
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def likely_keys(
    request: str, lines: Sequence[Sequence[str]], tested: Mapping[str, Mapping[str, int]]
) -> tuple[str, ...]:
    """At most MOST_KEYS keys of the services' own, for the actions of each clause, likeliest first.

    Args:
        lines: actions or wildcards of each clause, the likeliest first.
        tested: for an action, how often training policies limit it by a key: see `keys_tested_in`.
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", request)
    said = {stem(word.lower()) for word in re.findall(r"[A-Za-z]+|\d+", apart)}
    scores: dict[str, float] = {}
    for line in lines:
        for place, name in enumerate(line):
            own = _keys(name)
            for key in own:
                words = _key_words(key)
                share = sum(word in said for word in words) / len(words)
                times = tested.get(name, {}).get(key, 0)
                if not place and len(own) <= FEW or times >= OFTEN:
                    share = max(share, SAID)
                if share >= SAID:
                    weight = share * (1 + 0.1 * len(words)) + 0.1 * min(times, 5) - 0.03 * place
                    scores[key] = max(scores.get(key, 0.0), weight)
    return tuple(sorted(scores, key=lambda key: -scores[key])[:MOST_KEYS])


def keys_tested_in(policies: Iterable[str]) -> dict[str, dict[str, int]]:
    """For each action how many statements of the policies limit it by which key of its service's own."""
    found: dict[str, Counter[str]] = {}
    for policy in policies:
        for statement in as_policy(policy).statements:
            said = {_OPEN.sub("", key).lower() for tests in statement.condition.values() for key in tests}
            for name in statement.action_patterns if said else ():
                for key in _keys(name):
                    begun = _OPEN.sub("", key).lower()
                    if begun in said or begun.endswith(("/", ":")) and any(k.startswith(begun) for k in said):
                        found.setdefault(name, Counter())[key] += 1
    return {name: dict(counts) for name, counts in sorted(found.items())}


@cache
def _keys(name: str) -> tuple[str, ...]:
    """The keys of an action that are its service's own; of a wildcard none, they would be too many."""
    known = catalogue.load()
    action = known.action(name) if "*" not in name else None
    if action is None:
        return ()
    kinds = known.services[action.service].resource_types
    of_kinds = (key for kind in action.resource_types if kind in kinds for key in kinds[kind].condition_keys)
    return tuple(dict.fromkeys(key for key in (*action.condition_keys, *of_kinds) if not key.startswith("aws:")))


@cache
def _key_words(key: str) -> tuple[str, ...]:
    name = _OPEN.sub("", key.partition(":")[2])
    return tuple(stem(word.lower()) for word in _WORD.findall(name)) or (name.lower(),)


# Requests that get a reason instead of a draft: they ask for no policy, or for nothing that AWS has

# How surely a service is named -> the score of the likeliest action from which on a request is taken as one. Low on
# purpose: the model has learnt to refuse, too, and of what people want nothing should be lost here.
SURE = ((0.9, 0.0), (0.3, 8.0), (0.0, 11.0))
_JSON = re.compile(r"\s*(?:\{|\[\s*[\[\]{\"])|.*\"Statement\"", re.DOTALL)  # and not "[Urgent] let Ana read ..."


def readable(request: str) -> str:
    """The request as training has it, line by line; any other control character is a space."""
    lines = request.replace("\r\n", "\n")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in lines).strip()


def refusal(request: str, surest: float) -> str | None:
    """Why a request gets no draft: what is wrong with it and what to write instead; or None.

    Args:
        surest: the score of the likeliest action; infinite if the request is a known name.
    """
    if _JSON.match(request):
        return (
            "This is JSON, not a request: say in English what the policy is to allow, or give it to iampolicy to check."
        )
    if surest == np.inf:
        return None
    if not re.search(r"\w", request):
        return "The request is empty: say who may do what, for example 'read objects in the bucket reports'."
    sure = float(evidence(request).max(initial=0))
    for rule in TABLES.refusals:
        if sure < rule.unless and (said := rule.said.search(request)):
            return rule.why.format(said[0])
    asks = surest >= next(score for least, score in SURE if sure >= least)
    return None if asks else TABLES.refusals[-1].why
