"""What retrieval expects, beside what the model wants: a bias for the tokens that decide which actions a policy names.

The candidates with their odds come in; for a policy as far as it is written, and tokens that may follow, biases go
out. Taking an action counts log p, passing it over log(1 - p), where p is how likely retrieval finds it; the model's
own log-probabilities are added to that, as in a product of two experts.
"""

import math
import re
from collections.abc import Mapping, Sequence

from lib.retrieval.retrieve import Group

AGAIN = -8.0  # for naming an action a second time under the same effect
_SURE = 0.02  # no candidate is surer than one minus this, nor less sure
_ACTIONS = re.compile(r'"Effect":"(Allow|Deny)"(?:(?!"Effect":).)*?"Action":')
_EFFECT = re.compile(r'"Effect":"([AD])')
_NAME = re.compile(r'"([^"]*)"')


class Prior:
    """The odds of one request's candidates."""

    def __init__(
        self,
        groups: Sequence[Group],
        odds: Mapping[str, float],
        weight: float = 1.0,
        denials: Mapping[str, float] | None = None,
    ) -> None:
        """Take the groups of the grammar, and for each of their actions how likely it is to be allowed.

        Args:
            odds: an action that is missing is as likely as not.
            denials: for each action how likely it is to be denied; an action that is missing hardly is.
            weight: what a log-probability of retrieval counts beside one of the model; 0: nothing.
        """
        self.weight = weight
        self._groups = [list(group.actions) for group in groups]
        self._group_of = {name: i for i, names in enumerate(self._groups) for name in names}
        chances = {("Allow", name): odds.get(name, 0.5) for name in self._group_of}
        chances |= {("Deny", name): (denials or {}).get(name, 0.0) for name in self._group_of}
        sure = {key: min(1 - _SURE, max(_SURE, chance)) for key, chance in chances.items()}
        self._take = {key: math.log(p) for key, p in sure.items()}
        self._skip = {key: math.log(1 - p) for key, p in sure.items()}

    def biases(self, text: str, tokens: Sequence[str]) -> list[float]:
        """What to add to the logit of each token that may follow the text; empty where none decides about an action.

        A token decides within a list of actions, and where it may end a statement.
        """
        listing = text.rfind('"Action":') > text.rfind('"Resource":')
        if not listing and not any(c in token for token in tokens for c in "}{AD"):
            return []
        here = self.value(text)
        return [self.weight * (self.value(text + token) - here) for token in tokens]

    def value(self, text: str) -> float:
        """The log-probability of what a text decides; for a name half written, of the best name that it may become."""
        starts = [(match.end(), match[1]) for match in _ACTIONS.finditer(text)]
        ends = [start for start, _ in starts[1:]] + [len(text)] * bool(starts)
        taken: dict[tuple[str, str], None] = {}
        skipped: set[tuple[str, str]] = set()
        total, unfinished = 0.0, 0.0
        for (start, effect), end in zip(starts, ends, strict=True):
            part = text[start:end].partition(',"Resource"')[0]
            names = [name for name in _NAME.findall(part) if name in self._group_of]
            for name in names:
                total += AGAIN if (effect, name) in taken else self._take[effect, name]
                taken[effect, name] = None
            open_ = part.count('"') % 2
            whole = not open_ and not part.startswith("[") and bool(names) or part.endswith("]")
            if open_ or not names:
                begun = part.rpartition('"')[2] if open_ else ""
                unfinished = self._best(begun, names, effect, taken, part[:1])
            skipped |= {(effect, name) for name in self._passed(names, whole)}
        opened = max(text.rfind(",{"), text.rfind("[{"))
        if opened > text.rfind('"Action":'):  # a statement that has no action yet
            told = _EFFECT.search(text, opened)
            effects = [e for e in ("Allow", "Deny") if not told or e[0] == told[1]]
            unfinished = max(self._best("", [], effect, taken) for effect in effects)
        if text.endswith("]}"):
            skipped = set(self._skip)
        return total + unfinished + sum(self._skip[key] for key in skipped - taken.keys())

    def _passed(self, names: list[str], whole: bool) -> set[str]:
        """The names of a group before its last that was taken; all others if the list is whole."""
        if not names:
            return set()
        group = self._groups[self._group_of[names[-1]]]
        last = len(group) if whole else group.index(names[-1])
        return set(group[:last]) - set(names)

    def _best(
        self, begun: str, names: list[str], effect: str, taken: Mapping[tuple[str, str], None], form: str = ""
    ) -> float:
        """The best that a half written name can come to, with what is passed over for it.

        Args:
            form: how the actions begin: with "[" two or more follow, with a quote this one is all; empty: either.
        """
        groups = [self._groups[self._group_of[names[-1]]]] if names else self._groups
        best = -math.inf
        for group in groups if form != "[" else [g for g in groups if len(g) > 1]:
            after = group.index(names[-1]) + 1 if names else 0
            costs = [0.0 if (effect, name) in taken else self._skip[effect, name] for name in group]
            for position, name in enumerate(group[after:], after):
                if name.startswith(begun):
                    told = AGAIN if (effect, name) in taken else self._take[effect, name]
                    passed = sum(costs) - costs[position] if form == '"' else sum(costs[after:position])
                    best = max(best, passed + told)
        return best if best > -math.inf else 0.0
