"""Ground a request in the catalogue: which actions and which condition keys it may mean.

Requests come in as English; `Retrieved` goes out: candidates, ranked. Which of them are granted or denied, on which
resources and under what conditions, a model reads out of the request. What a Retriever counts comes from a training
split alone, never from validation or test policies.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iampolicy import catalogue
from iampolicy.document import as_policy
from lib.data.dataset import Example
from lib.files import writing
from lib.retrieval import keys, levels, rerank
from lib.retrieval.actions import ActionRanker, named
from lib.retrieval.clauses import LONGEST, Clause, clauses
from lib.retrieval.refusals import is_json, refusal
from lib.retrieval.terms import terms
from lib.retrieval.titles import TitleRanker, by_service, cover, title_of

SHOWN = 6  # candidates of a clause at most
LEAST = 0.008  # probability of a candidate among those of its clause
WORDED = ("written", "field")  # the sources whose instructions say in words what is wanted; others are names
FOLDS = 2  # for training examples: what they themselves say is not known when they are asked


@dataclass(frozen=True)
class Retrieved:
    """What the catalogue and the training examples have to say about a request."""

    lines: tuple[tuple[str, ...], ...]  # likely actions or wildcards of each clause, the likeliest first
    title: str | None = None  # the request is only a name
    surest: float = 0.0  # score of the likeliest action of any clause; 0 for a name
    keys: tuple[str, ...] = ()  # of services' own condition keys those that the request may mean

    @property
    def actions(self) -> tuple[str, ...]:
        """All candidates, each once."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line))


class Retriever:
    """Retrieves for requests. Build it with `fit`."""

    def __init__(
        self,
        actions: ActionRanker,
        titles: TitleRanker,
        examples: Sequence[Example] = (),
        tested: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self._actions, self._titles, self._tested = actions, titles, tested or {}
        self.examples = tuple(examples)

    @property
    def actions(self) -> ActionRanker:
        """What ranks the catalogue's actions first."""
        return self._actions

    def save(self, path: Path) -> None:
        """Write what was learnt as gzipped JSON; the examples of clauses are not part of it, those of titles are."""
        learnt = {
            "expansions": {name: " ".join(said) for name, said in self._actions.expansions.items()},
            "popularity": self._actions.popularity,
            "titles": [asdict(example) for example in self._titles.examples],
            "tested": self._tested,
        }
        data = gzip.compress(json.dumps(learnt, sort_keys=True).encode(), mtime=0)
        with writing(path) as aside:
            aside.write_bytes(data)

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
        tested = keys.tested_in(e.policy for e in train if e.source in WORDED)
        return cls(ranker, TitleRanker(managed, ranker), train, tested)

    def retrieve(self, request: str) -> Retrieved:
        """Ground one request, of which LONGEST characters are read."""
        request = request[:LONGEST]
        title = title_of(request)
        if title:
            patterns = cover(self._titles.probabilities(title))
            if patterns:
                return Retrieved(tuple(by_service(patterns)), title=title)
        return self._ground(request)

    def answerable(self, request: str) -> Retrieved | str:
        """Ground one request, or say in a sentence why there is no policy for it."""
        if is_json(request):
            return str(refusal(request, 0.0))
        found = self.retrieve(request)
        reason = None if found.title else refusal(request[:LONGEST], found.surest)
        return reason or found

    def of_training(self, chosen: Sequence[Example] | None = None) -> list[Retrieved]:
        """Ground training examples, each as if it and the rest of its fold had not been seen.

        Args:
            chosen: some of the examples that the retriever was fitted on; None: all, in their order.
        """
        folds, rankers = self.folds()
        retrievers = [Retriever(r, self._titles, tested=self._tested) for r in rankers]
        own = {e.id: position for position, e in enumerate(self._titles.examples)}
        found = []
        for example in self.examples if chosen is None else chosen:
            if example.id in own:
                title = title_of(example.instruction) or example.instruction
                patterns = cover(self._titles.probabilities(title, leave_out=own[example.id]))
                found.append(Retrieved(tuple(by_service(patterns)), title=title))
            else:
                found.append(retrievers[folds[example.id]]._ground(example.instruction))
        return found

    def folds(self) -> tuple[dict[str, int], list[ActionRanker]]:
        """The fold of each worded training example, by id, and for each fold a ranker that has not seen it."""
        worded = [e for e in self.examples if e.source in WORDED]
        folds = {e.id: position % FOLDS for position, e in enumerate(worded)}
        rests = ([e for e in worded if folds[e.id] != fold] for fold in range(FOLDS))
        return folds, [ActionRanker(expansions(self._actions, rest), self._actions.popularity) for rest in rests]

    def _ground(self, request: str) -> Retrieved:
        found = clauses(request)
        if not found:
            return Retrieved(())
        ranked = rerank.rank(self._actions, found, request)
        likely = [self._likely(*row) for row in zip(ranked.positions, ranked.scores, ranked.odds, strict=True)]
        first = [_first(found, position, request) for position in range(len(found))]
        lines = [list(dict.fromkeys((*sure, *line))) for sure, line in zip(first, _once(likely), strict=True)]
        return Retrieved(
            tuple(tuple(line) for line in lines if line),
            surest=float(ranked.first.max()),
            keys=keys.likely(request, lines, self._tested),
        )

    def _likely(self, positions: np.ndarray, scores: np.ndarray, odds: np.ndarray) -> dict[str, float]:
        """The actions to show for a clause, best first, with the odds that it asks for them."""
        shares = np.exp(scores - scores[0])
        shown = [i for i in range(SHOWN) if shares[i] >= LEAST * shares.sum()]
        return {self._actions.names[positions[i]]: float(odds[i]) for i in shown}


def _once(likely: Sequence[Mapping[str, float]]) -> list[list[str]]:
    """Each action in the line where it is likeliest; the first of a line always stays there."""
    best: dict[str, float] = {}
    for line in likely:
        for name, chance in line.items():
            best[name] = max(best.get(name, 0.0), chance)
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
    wild = levels.wildcards(clause.text, request)
    if sentences.index(clause.sentence) == position:  # "read access to" may lead up to a clause "everything in S3"
        wild = levels.wildcards(clause.sentence, request) or wild
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
    """The terms of the clauses that ask for each action, as far as written examples show it.

    A wanted action belongs to the clause in which it ranks best.
    """
    found: dict[str, list[str]] = {}
    for example in examples:
        names = wanted(example) if example.source in WORDED else ()
        if not names:
            continue
        pieces = clauses(example.instruction)
        positions, scores = ranker.scores(pieces, example.instruction)
        for name in sorted(names):
            rows, columns = np.nonzero(positions == ranker.index[name])
            if len(rows):
                best = int(np.argmax(scores[rows, columns] - scores[rows, 0]))
                found.setdefault(name, []).extend(terms(pieces[rows[best]].text))
    return found
