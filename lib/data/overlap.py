"""How much of their actions two policies share, fast enough for every pair of a data set.

Action sets become integers with one bit an action, so that an intersection is one machine operation; pairs whose
sizes alone rule an overlap out are never looked at.
"""

from bisect import bisect_left
from collections.abc import Sequence

from iampolicy import catalogue
from iampolicy.document import EFFECTS, Policy, parse

NEAR = 0.9  # overlap of expanded actions from which two policies are near duplicates
COUNTED = (EFFECTS, ("Allow",))  # near in what two policies name, or in what they allow: a deny makes nothing new


class ActionIndex:
    """Numbers the actions that it meets: the catalogue's first, then names that the catalogue does not have."""

    def __init__(self) -> None:
        self._catalogue = catalogue.load()
        self._all = self._catalogue.bits("*")
        self._unknown: dict[str, int] = {}

    def actions(self, policy: Policy, effects: Sequence[str] = EFFECTS) -> int:
        """The actions that the statements of these effects name, as a set of bits."""
        bits = 0
        for statement in (s for s in policy.statements if s.effect in effects):
            bits |= self._bits(statement.actions or ())
            if statement.not_actions is not None:
                bits |= self._all & ~self._bits(statement.not_actions)
        return bits

    def _bits(self, patterns: Sequence[str]) -> int:
        bits = 0
        for pattern in patterns:
            known = self._catalogue.bits(pattern)
            unknown = 1 << (self._all.bit_length() + len(self._unknown))
            bits |= known or self._unknown.setdefault(pattern.lower(), unknown)
        return bits


def near_pairs(sets: Sequence[int], threshold: float = NEAR) -> list[list[int]]:
    """For each set, the positions of the others whose Jaccard overlap reaches the threshold; an empty set has none."""
    near: list[list[int]] = [[] for _ in sets]
    by_value: dict[int, list[int]] = {}
    for position, bits in enumerate(sets):
        if bits:
            by_value.setdefault(bits, []).append(position)
    values = sorted(by_value, key=int.bit_count)
    sizes = [value.bit_count() for value in values]
    for i, (value, size) in enumerate(zip(values, sizes, strict=True)):
        alike = by_value[value]
        for j in range(bisect_left(sizes, size * threshold), i):
            shared = (value & values[j]).bit_count()
            if shared and shared >= threshold * (size + sizes[j] - shared):
                alike_j = by_value[values[j]]
                for a in alike:
                    near[a] += alike_j
                for b in alike_j:
                    near[b] += alike
        for a in alike:
            near[a] += [b for b in alike if b != a]
    return near


def nearest(policies: Sequence[str], others: Sequence[str]) -> list[float]:
    """For each policy, the largest overlap of expanded actions with any of the others.

    It is taken over what two policies name, whatever the effect, and over what they allow; the larger counts.
    """
    index = ActionIndex()
    best = [0.0] * len(policies)
    for effects in COUNTED:
        known = sorted({bits for p in others if (bits := index.actions(parse(p), effects))}, key=int.bit_count)
        sizes = [bits.bit_count() for bits in known]
        for position, policy in enumerate(policies):
            if bits := index.actions(parse(policy), effects):
                best[position] = _largest(bits, known, sizes, best[position])
    return best


def _largest(bits: int, known: Sequence[int], sizes: Sequence[int], least: float) -> float:
    """The largest overlap with one of `known` if it is more than `least`; `known` is sorted by its `sizes`."""
    size = bits.bit_count()
    middle = bisect_left(sizes, size)
    for outwards in (range(middle, len(known)), range(middle - 1, -1, -1)):
        for i in outwards:
            if min(size, sizes[i]) <= least * max(size, sizes[i]):
                break  # from here on the sizes alone rule a larger overlap out
            least = max(least, overlap(bits, known[i]))
    return least


def overlap(a: int, b: int) -> float:
    """The Jaccard overlap of two sets of bits; two empty sets are alike."""
    union = (a | b).bit_count()
    return (a & b).bit_count() / union if union else 1.0


def clusters(near: Sequence[Sequence[int]]) -> list[int]:
    """The smallest position that each position is connected with, over any number of near pairs."""
    label = [-1] * len(near)
    for start in range(len(near)):
        waiting = [start]
        while waiting:
            position = waiting.pop()
            if label[position] < 0:
                label[position] = start
                waiting += near[position]
    return label
