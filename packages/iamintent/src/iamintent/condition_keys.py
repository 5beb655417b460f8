"""The condition keys that a request may mean, of the services' own; global ones a model learns by heart.

A key is likely if the request says its words, if it is one of few of the action that a clause asks for, or if training
policies often limit the action by it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from iamintent.words import stem
from iampolicy import catalogue
from iampolicy.document import as_policy

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

    >>> likely_keys("put metrics", [["cloudwatch:PutMetricData"]], {})
    ('cloudwatch:namespace',)
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
