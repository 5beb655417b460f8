"""Ground a request in the catalogue: which actions it may mean, on which resources, for whom, under what values.

Requests come in as English; `Retrieved` goes out, and is all that prompt and grammar know of the catalogue. What a
Retriever counts comes from a training split alone, never from validation or test policies. Its rules and phrase tables
are written by hand, by authors who knew the composer's phrases: on composed requests it looks better than it is.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from lib.data.dataset import Example
from lib.files import writing
from lib.iam import catalogue
from lib.iam.catalogue import Action
from lib.iam.document import as_policy
from lib.retrieval import keys, levels, rerank, resources, tasks, values
from lib.retrieval.actions import ActionRanker, named
from lib.retrieval.clauses import LONGEST, Clause, clauses
from lib.retrieval.conditions import Comparison, comparisons, seems_limited
from lib.retrieval.effects import denied
from lib.retrieval.network import Network
from lib.retrieval.refusals import is_json, refusal
from lib.retrieval.terms import terms
from lib.retrieval.titles import TitleRanker, by_service, cover, title_of

SHOWN = 6  # candidates of a clause at most
LEAST = 0.008  # probability of a candidate among those of its clause
LIKELY = 0.2  # odds from which on a candidate may be granted
OUTRIGHT = 0.9  # how likely an action or a wildcard is wanted that a clause says in so many words
BESIDE = 0.2  # what the odds of an action are worth beside a wildcard of the same clause
FORBIDDEN = 0.7  # how likely, at least, the likeliest action of a clause that forbids is meant
WORDED = ("written", "field")  # the sources whose instructions say in words what is wanted; others are names
FOLDS = 2  # for training examples: what they themselves say is not known when they are asked


@dataclass(frozen=True)
class Group:
    """Actions that a statement may grant together, and the resources that the request names for them."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]  # ("*",): it names none


@dataclass(frozen=True)
class Retrieved:
    """What the catalogue and the training examples have to say about a request."""

    lines: tuple[tuple[str, ...], ...]  # likely actions or wildcards of each clause, the likeliest first
    scoped: dict[str, tuple[str, ...]] = field(default_factory=dict)  # action -> ARNs that the request names for it
    policy_type: str = "identity"  # or "resource"
    principals: tuple[str, ...] = ()
    title: str | None = None  # the request is only a name
    odds: dict[str, float] = field(default_factory=dict)  # candidate -> how likely it is to be allowed
    denials: dict[str, float] = field(default_factory=dict)  # candidate -> how likely it is to be denied
    comparisons: tuple[Comparison, ...] = ()  # what conditions may test
    limited: bool = False  # no comparison was found, though the request seems to limit
    surest: float = 0.0  # score of the likeliest action of any clause; 0 for a name
    keys: tuple[str, ...] = ()  # of services' own condition keys those that the request may mean
    bare: bool = False  # for a model that reads resources and conditions for itself

    @property
    def actions(self) -> tuple[str, ...]:
        """All candidates, each once."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line))

    @property
    def ranked(self) -> "Retrieved":
        """The candidates alone: what a model is shown that reads resources and conditions for itself."""
        of_clauses = {"lines": self.lines, "odds": self.odds, "surest": self.surest, "keys": self.keys}
        return Retrieved(**of_clauses, policy_type=self.policy_type, title=self.title, bare=True)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The candidates that may be granted, by the resources that the request names for them, in its order.

        Those that are shown but hardly likely are left out, unless none is likelier.
        """
        found: dict[tuple[str, ...], list[str]] = {}
        wanted = {n: max(self.odds.get(n, 0.0), self.denials.get(n, 0.0)) for n in self.actions}
        least = min(LIKELY, max(wanted.values(), default=0.0))
        for name in (n for n, chance in wanted.items() if chance >= least):
            found.setdefault(self.scoped.get(name, ("*",)), []).append(name)
        return tuple(Group(tuple(actions), arns) for arns, actions in found.items())


class Retriever:
    """Retrieves for requests. Build it with `fit`."""

    def __init__(
        self,
        actions: ActionRanker,
        titles: TitleRanker,
        examples: Sequence[Example] = (),
        network: Network | None = None,
        tested: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self._actions, self._titles, self._network, self._tested = actions, titles, network, tested or {}
        self.examples = tuple(examples)
        self._by_name = catalogue.learned().actions

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
            "network": self._network.lists() if self._network else None,
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
        known = catalogue.learned().actions
        expansions = {name: said.split() for name, said in learnt["expansions"].items() if name in known}
        ranker = ActionRanker(expansions, learnt["popularity"])
        network = Network.of_lists(learnt["network"]) if learnt.get("network") else None
        titles = TitleRanker([Example(**example) for example in learnt["titles"]], ranker)
        return cls(ranker, titles, network=network, tested=learnt.get("tested"))

    @classmethod
    def fit(cls, train: Sequence[Example], network: Network | None = None) -> "Retriever":
        """Learn from a training split what people say where they want an action, and what titles mean.

        Args:
            network: see `rerank.rank`.
        """
        managed = [e for e in train if e.source not in WORDED]
        popularity = Counter(name for e in managed for name in wanted(e))
        ranker = ActionRanker({}, dict(popularity))
        ranker = ActionRanker(expansions(ranker, train), dict(popularity))
        tested = keys.tested_in(e.policy for e in train if e.source in WORDED)
        return cls(ranker, TitleRanker(managed, ranker), train, network, tested)

    def retrieve(self, request: str) -> Retrieved:
        """Ground one request, of which LONGEST characters are read."""
        request = request[:LONGEST]
        title = title_of(request)
        if title:
            likely = self._titles.probabilities(title)
            patterns = cover(likely)
            if patterns:
                return Retrieved(tuple(by_service(patterns)), title=title, odds=_mean_odds(patterns, likely))
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
        retrievers = [Retriever(r, self._titles, network=self._network, tested=self._tested) for r in rankers]
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
        ranked = rerank.rank(self._actions, found, request, self._network)
        likely = [self._likely(*row) for row in zip(ranked.positions, ranked.scores, ranked.odds, strict=True)]
        first = [_first(found, position, request) for position in range(len(found))]
        odds, denials = _odds(likely, first, denied(found, request))
        lines = [list(dict.fromkeys((*sure, *line))) for sure, line in zip(first, _once(likely), strict=True)]
        of_resource = values.is_resource_policy(request)
        if of_resource:
            lines = _of_one_service(lines)
        asked = comparisons(request)
        return Retrieved(
            tuple(tuple(line) for line in lines if line),
            self._scoped(found, lines),
            "resource" if of_resource else "identity",
            values.principals(request) if of_resource else (),
            odds=odds,
            denials=denials,
            comparisons=asked,
            limited=not asked and seems_limited(request),
            surest=float(ranked.first.max()),
            keys=keys.likely(request, lines, self._tested),
        )

    def _likely(self, positions: np.ndarray, scores: np.ndarray, odds: np.ndarray) -> dict[str, float]:
        """The actions to show for a clause, best first, with the odds that it asks for them."""
        shares = np.exp(scores - scores[0])
        shown = [i for i in range(SHOWN) if shares[i] >= LEAST * shares.sum()]
        return {self._actions.names[positions[i]]: float(odds[i]) for i in shown}

    def _scoped(self, found: Sequence[Clause], lines: Sequence[Sequence[str]]) -> dict[str, tuple[str, ...]]:
        expanded = [[(name, self._matching(name)) for name in line] for line in lines]
        arns_of = resources.named(found, [[a for _, actions in line for a in actions] for line in expanded])
        scoped: dict[str, tuple[str, ...]] = {}
        for line, arns in zip(expanded, arns_of, strict=True):
            for name, actions in line:
                together = tuple(dict.fromkeys(arn for a in actions for arn in arns.get(a.name, ())))
                if together and name not in scoped:
                    scoped[name] = together
        return scoped

    def _matching(self, name: str) -> list[Action]:
        if "*" not in name:
            return [self._by_name[name]]
        return [self._by_name[a] for a in sorted(catalogue.learned().expand(name))]


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


def _odds(
    likely: Sequence[Mapping[str, float]], first: Sequence[Sequence[str]], forbidden: Sequence[float]
) -> tuple[dict[str, float], dict[str, float]]:
    """How likely some clause allows each candidate, and how likely some clause denies it."""
    missed: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for line, sure, chance in zip(likely, first, forbidden, strict=True):
        wild = any("*" in name for name in sure)
        asked = {name: BESIDE * odds if wild else odds for name, odds in line.items()}
        if chance > 0.5 and asked:  # that something is to be denied is said outright
            likeliest = max(asked, key=asked.__getitem__)
            asked[likeliest] = max(asked[likeliest], FORBIDDEN)
        for name, odds in (asked | dict.fromkeys(sure, OUTRIGHT)).items():
            for told, share in zip(missed, (1 - chance, chance), strict=True):
                told[name] = told.get(name, 1.0) * (1 - odds * share)
    allowed, denied_ = ({name: 1 - none for name, none in told.items()} for told in missed)
    return allowed, denied_


def _of_one_service(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """The candidates of the service that most lines begin with: a resource's policy is about that resource."""
    first = Counter(line[0].partition(":")[0] for line in lines if line)
    service = first.most_common(1)[0][0] if first else ""
    return [[name for name in line if name.partition(":")[0] == service] for line in lines]


def _mean_odds(patterns: Sequence[str], likely: Mapping[str, float]) -> dict[str, float]:
    matched = {p: catalogue.learned().expand(p) for p in patterns}
    return {p: sum(likely.get(name, 0.0) for name in names) / len(names) for p, names in matched.items()}


def _first(found: Sequence[Clause], position: int, request: str) -> list[str]:
    """What a clause asks for in so many words: names, tasks and wildcards; those of a sentence in its first clause."""
    clause = found[position]
    sentences = [c.sentence for c in found]
    names = [*_by_place(named(clause.text), clause.text), *tasks.actions(clause.text, request)]
    wild = levels.wildcards(clause.text, request)
    if not wild and sentences.index(clause.sentence) == position:
        wild = levels.wildcards(clause.sentence, request)
        names += _by_place(named(clause.sentence) - set(names), clause.sentence)
    return [*wild, *names]


def _by_place(names: Iterable[str], text: str) -> list[str]:
    """Names of actions by the place at which the text has their operations, and by themselves where it is one."""
    return sorted(names, key=lambda name: (text.find(name.partition(":")[2]), name))


def wanted(example: Example) -> set[str]:
    """The single actions that an example's policy names."""
    known = catalogue.learned().actions
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
