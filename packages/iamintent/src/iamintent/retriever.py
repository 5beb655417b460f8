"""Read a request once: which actions and which condition keys it may mean, or why it gets no policy.

A request comes in as English; an Intent goes out, from which prompt, grammar and questions are made. Which of its
candidates are granted or denied, on which resources and under what conditions, a model reads out of the request. What
a Retriever counts comes from a training split alone, never from validation or test policies.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from iamintent import rerank
from iamintent.clauses import LONGEST, Clause, clauses
from iamintent.condition_keys import keys_tested_in, likely_keys
from iamintent.intent import Intent
from iamintent.mentions import actions_named, wildcards
from iamintent.ranking import ActionRanker, vocabulary
from iamintent.refusals import refusal
from iamintent.titles import TitleRanker, by_service, cover, title_of
from iamintent.training import Taught, TrainingExample, expansions, wanted
from iampolicy import catalogue
from iampolicy.words import readable

RETRIEVER = "retriever.json.gz"  # beside the adapter that was trained with it
SHOWN = 6  # candidates of a clause at most
LEAST = 0.008  # probability of a candidate among those of its clause
FOLDS = 2  # for training examples: what they themselves say is not known when they are asked

Line = dict[str, float]  # candidates of a clause, the likeliest first -> the odds that it asks for them


class Retriever:
    """Reads requests. Build it with `fit`, or `load` what was saved; without either it knows the catalogue alone."""

    def __init__(
        self,
        actions: ActionRanker | None = None,
        titles: TitleRanker | None = None,
        examples: Sequence[TrainingExample] = (),
        tested: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self.actions = actions or ActionRanker()
        self._titles = titles or TitleRanker((), self.actions)
        self.examples, self._tested = tuple(examples), tested or {}

    def save(self, path: Path) -> None:
        """Write what was learnt as gzipped JSON; the examples of clauses are not part of it, those of titles are."""
        learnt = {
            "expansions": {name: " ".join(said) for name, said in self.actions.expansions.items()},
            "popularity": self.actions.popularity,
            "titles": [{"id": e.id, "instruction": e.instruction, "policy": e.policy} for e in self._titles.examples],
            "tested": self._tested,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".aside-{path.name}")
        aside.write_bytes(gzip.compress(json.dumps(learnt, sort_keys=True).encode(), mtime=0))
        os.replace(aside, path)

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
        examples = [Taught(e["id"], e["instruction"], e["policy"], worded=False) for e in learnt["titles"]]
        return cls(ranker, TitleRanker(examples, ranker), tested=learnt.get("tested"))

    @classmethod
    def fit(cls, train: Sequence[TrainingExample]) -> "Retriever":
        """Learn from a training split what people say where they want an action, and what titles mean."""
        managed = [e for e in train if not e.worded]
        popularity = dict(Counter(name for e in managed for name in wanted(e)))
        ranker = ActionRanker(expansions(ActionRanker({}, popularity), train), popularity)
        tested = keys_tested_in(e.policy for e in train if e.worded)
        return cls(ranker, TitleRanker(managed, ranker), train, tested)

    def read(self, request: str) -> Intent:
        """Read a request, of which LONGEST characters count."""
        whole = readable(request)
        request = whole[:LONGEST].rstrip()
        title = title_of(request)
        found, surest = (self._by_title(request, title), np.inf) if title else (Intent(request), 0.0)
        if not found.lines:
            found, surest = self._by_clauses(request)
        return replace(found, refusal=refusal(request, surest), cut=len(whole) > LONGEST)

    def of_training(self, chosen: Sequence[TrainingExample] | None = None) -> list[Intent]:
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
                found.append(self._by_title(request, title_of(request) or request, leave_out=own[example.id]))
            else:
                found.append(retrievers[folds[example.id]]._by_clauses(request)[0])
        return found

    def folds(self) -> tuple[dict[str, int], list[ActionRanker]]:
        """The fold of each worded training example, by id, and for each fold a ranker that has not seen it."""
        worded = [e for e in self.examples if e.worded]
        folds = {e.id: position % FOLDS for position, e in enumerate(worded)}
        rests = ([e for e in worded if folds[e.id] != fold] for fold in range(FOLDS))
        return folds, [ActionRanker(expansions(self.actions, rest), self.actions.popularity) for rest in rests]

    def _by_title(self, request: str, title: str, leave_out: int | None = None) -> Intent:
        """What policies of like names grant."""
        patterns = cover(self._titles.probabilities(title, leave_out))
        lines = by_service(patterns)
        odds = tuple(tuple(patterns[name] for name in line) for line in lines)
        return Intent(request, lines, title=title, odds=odds)

    def _by_clauses(self, request: str) -> tuple[Intent, float]:
        """What is found for the clauses of a request, and the score of the likeliest action of any clause."""
        found = clauses(request)
        if not found:
            return Intent(request), 0.0
        ranked = rerank.rank(self.actions, found, request)
        likely = _once([_likely(*row) for row in zip(ranked.positions, ranked.scores, ranked.odds, strict=True)])
        sure = [dict.fromkeys(_first(found, position, request), 1.0) for position in range(len(found))]
        lines = [(c.text, first | line | first) for c, first, line in zip(found, sure, likely, strict=True)]
        shown = [(text, tuple(line), tuple(line.values())) for text, line in lines if line]
        texts, names, odds = zip(*shown, strict=True) if shown else ((), (), ())
        keys = likely_keys(request, names, self._tested)
        return Intent(request, names, keys, clauses=texts, odds=odds), float(ranked.first.max())


def _likely(positions: np.ndarray, scores: np.ndarray, odds: np.ndarray) -> Line:
    """The actions to show for a clause."""
    shares = np.exp(scores - scores[0])
    shown = [i for i in range(SHOWN) if shares[i] >= LEAST * shares.sum()]
    return {vocabulary().names[positions[i]]: float(odds[i]) for i in shown}


def _once(likely: Sequence[Line]) -> list[Line]:
    """Each action in the line where it is likeliest; the first of a line always stays there."""
    best: Line = {}
    for line in likely:
        best |= {name: max(best.get(name, 0.0), chance) for name, chance in line.items()}
    seen: set[str] = set()
    lines = []
    for line in likely:
        first = next(iter(line), None)
        kept = {n: c for n, c in line.items() if (c >= best[n] or n == first) and n not in seen}
        seen.update(kept)
        lines.append(kept)
    return lines


def _first(found: Sequence[Clause], position: int, request: str) -> list[str]:
    """What a clause asks for in so many words: names and wildcards; those of a sentence in its first clause."""
    clause = found[position]
    names = _by_place(actions_named(clause.text), clause.text)
    wild = wildcards(clause.text, request)
    if [c.sentence for c in found].index(clause.sentence) == position:
        # "read access to" may lead up to a clause "everything in S3"
        wild = wildcards(clause.sentence, request) or wild
        names += _by_place(actions_named(clause.sentence) - set(names), clause.sentence)
    return [*wild, *names]


def _by_place(names: Iterable[str], text: str) -> list[str]:
    """Names of actions by the place at which the text has their operations, and by themselves where it is one."""
    return sorted(names, key=lambda name: (text.find(name.partition(":")[2]), name))
