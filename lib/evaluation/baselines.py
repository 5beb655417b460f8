"""Answers that need no model: a metric that one of them wins says little about a model.

Requests and the training examples come in, output rows as an arm writes them go out, an arm a baseline.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from iamintent.mentions import evidence, order
from iamintent.ranking import Index
from iamintent.words import terms
from iampolicy.document import as_policy
from lib.data.dataset import Example
from lib.evaluation.metrics import ALL, COUNT, SCORED
from lib.evaluation.rows import of_example

# "empty": a policy must have a statement, and this one gives what everybody has without it (STS API Reference).
NOTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}}'
EVERYTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
NAMES = ("empty", "everything", "nearest", "usual")
SHARES = [m.name for m in SCORED if m.over == ALL and m.kind != COUNT and m.name != "wider"]


class Baselines:
    """Baselines that know a training split."""

    def __init__(self, train: Sequence[Example]) -> None:
        """Take the training split.

        Raises:
            ValueError: if it is empty.
        """
        if not train:
            raise ValueError("baselines copy from a training split: it is empty")
        self._train = tuple(train)

    def answer(self, examples: Sequence[Example]) -> list[dict]:
        """Output rows of every baseline, in the order of NAMES and of the examples."""
        answers = (lambda request: NOTHING, lambda request: EVERYTHING, self.nearest, self.usual)
        return [
            {**of_example(arm, example), "generated": answer(example.instruction), "complete": True}
            for arm, answer in zip(NAMES, answers, strict=True)
            for example in examples
        ]

    def nearest(self, request: str) -> str:
        """The policy of the training example whose instruction is nearest by BM25."""
        return self._train[int(np.argmax(self._index.scores(terms(request))))].policy

    def usual(self, request: str) -> str:
        """The commonest training policy among those of the service that the request names; of all if it names none."""
        weights = evidence(request)
        service = int(np.argmax(weights)) if weights.max(initial=0) else None
        return self._commonest.get(service, self._commonest[None])

    @cached_property
    def _index(self) -> Index:
        return Index([terms(example.instruction) for example in self._train], k1=1.2, b=0.5)

    @cached_property
    def _commonest(self) -> dict[int | None, str]:
        """For the position of each service the commonest policy that is about it alone; under None that of all."""
        counts: dict[int | None, Counter[str]] = {None: Counter(example.policy for example in self._train)}
        for example in self._train:
            services = {service for s in as_policy(example.policy).statements for service in s.services}
            for service in services & order().keys() if len(services) == 1 else ():
                counts.setdefault(order()[service], Counter())[example.policy] += 1
        # Of several that are as common the shortest, then the first by its text: the same on every machine.
        return {key: min(found, key=lambda p: (-found[p], len(p), p)) for key, found in counts.items()}


def winners(summary: pd.DataFrame) -> pd.DataFrame:
    """The best baseline of each share that counts every answer, beside the arms that are no better than it.

    Args:
        summary: what `metrics.summarise` returns for arms and baselines together.

    Returns:
        metric, best (arm), value, baseline (the best one), its value, not better (the arms that it beats or equals).
    """
    models = summary[~summary["arm"].isin(NAMES)].set_index("arm")
    simple = summary[summary["arm"].isin(NAMES)].set_index("arm")
    found = []
    for name in (name for name in SHARES if name in summary):
        ours, theirs = models[name], simple[name]
        row = {"metric": name, "best": ours.idxmax(), "value": ours.max()}
        row |= {"baseline": theirs.idxmax(), "its value": theirs.max()}
        found.append(row | {"not better": ", ".join(ours.index[ours <= theirs.max()])})
    return pd.DataFrame(found)
