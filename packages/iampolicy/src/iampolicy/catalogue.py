"""The actions, resource types and condition keys of AWS, as one read-only catalogue.

The records of reference.py come in and go out by name, by ARN and by pattern, and as sets of action names
("s3:GetObject", in AWS's own spelling).
"""

import difflib
import fnmatch
import re
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from typing import Any

from iampolicy import reference
from iampolicy.patterns import overlaps
from iampolicy.reference import ACCESS_LEVELS, Action, ConditionKey, ResourceType, Service

__all__ = ["ACCESS_LEVELS", "Action", "Catalogue", "ConditionKey", "ResourceType", "Service", "load"]

# Two pages of the reference, API Gateway Management and Management V2, share the same few verbs, which reach whatever
# either page knows; the packages keep the resource types of the second page for them.
OF_TWO_PAGES = ("apigateway",)
LONGEST = 200  # characters; no name of a service or an operation is longer
_NOT_ZERO = re.compile(rb"[^\0]", re.DOTALL)
_SET_BITS = [[i for i in range(8) if byte >> i & 1] for byte in range(256)]


class Catalogue:
    """Every service, by prefix. Build it with `load()`; instances are never changed."""

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services

    @cached_property
    def actions(self) -> dict[str, Action]:
        """Every action by its name in AWS's spelling, services and actions in the reference's order."""
        return {action.name: action for service in self.services.values() for action in service.actions.values()}

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all actions."""
        return frozenset(self.actions)

    def action(self, name: str) -> Action | None:
        """Look up one action by name, in any case; None if the catalogue does not have it."""
        prefix, _, operation = name.partition(":")
        service = self.services.get(prefix.lower())
        return service.actions.get(operation.lower()) if service else None

    def formats(self, action: Action) -> tuple[str, ...]:
        """The formats of the ARNs that an action can be used on, as patterns, sorted; none: it is asked for on "*"."""
        kinds = self.services[action.service].resource_types
        named = kinds if action.service in OF_TWO_PAGES else action.resource_types
        return tuple(sorted({kinds[name].pattern for name in named if name in kinds}))

    def near(self, name: str, count: int = 3) -> tuple[str, ...]:
        """Names of actions that look like one that does not exist, best first: "s3:GetObjects" -> "s3:GetObject", ...

        The operation is looked for in its own service; failing that in services of a like name, and everywhere.
        """
        prefix, _, operation = name.lower().partition(":")
        likely = [prefix] if prefix in self.services else _close(prefix, list(self.services), count, 0.7)
        services = [self.services[found] for found in likely]
        found = [s.actions[o].name for s in services for o in _close(operation, list(s.actions), count, 0.6)]
        if not found and prefix not in self.services:
            found = [action.name for action in self._by_operation.get(operation, ())]
        return tuple(found[:count])

    def resource_types(self, arn: str) -> tuple[ResourceType, ...]:
        """The resource types whose ARN format the ARN, or some ARN that the pattern matches, has."""
        service = arn.split(":", 3)[2].lower() if arn.count(":") >= 2 else ""
        return tuple(kind for kind in self.by_arn_service.get(service, ()) if overlaps(arn, kind.pattern))

    @cached_property
    def by_arn_service(self) -> dict[str, tuple[ResourceType, ...]]:
        """Every resource type by what stands in the service field of its ARNs."""
        found: dict[str, list[ResourceType]] = {}
        for service in self.services.values():
            for kind in service.resource_types.values():
                found.setdefault(kind.arn.split(":")[2], []).append(kind)
        return {service: tuple(kinds) for service, kinds in found.items()}

    @cached_property
    def _by_operation(self) -> dict[str, list[Action]]:
        found: dict[str, list[Action]] = {}
        for action in self.actions.values():
            found.setdefault(action.operation.lower(), []).append(action)
        return found

    def condition_key(self, name: str) -> ConditionKey | None:
        """Look up a service's condition key, in any case, with a tag key filled in ("iam:ResourceTag/team")."""
        return next((self._condition_keys[k] for k in spellings(name) if k in self._condition_keys), None)

    @cached_property
    def _condition_keys(self) -> dict[str, ConditionKey]:
        return {_folded(k.name): k for service in self.services.values() for k in service.condition_keys.values()}

    def supports_key(self, action: Action, name: str) -> bool:
        """Whether requests of an action can carry a condition key: the action's row names it, or its resources' do."""
        return not self._keys_of(action.name).isdisjoint(spellings(name))

    @lru_cache(maxsize=65_536)  # noqa: B019 - one catalogue lives as long as the process
    def _keys_of(self, name: str) -> frozenset[str]:
        action = self.actions[name]
        kinds = self.services[action.service].resource_types
        of_resources = (key for kind in action.resource_types if kind in kinds for key in kinds[kind].condition_keys)
        return frozenset(map(_folded, (*action.condition_keys, *of_resources)))

    def expand(self, pattern: str) -> frozenset[str]:
        """The names of the actions that an Action element matches.

        Matching ignores case, `*` stands for any run of characters and `?` for one, in the service too
        (IAM User Guide, "IAM JSON policy elements: Action"). "*" is every action; no match is an empty set.
        """
        return self._expand(pattern.lower())

    def expand_all(self, patterns: Iterable[str]) -> frozenset[str]:
        """The union of `expand` over several patterns."""
        return frozenset().union(*(self.expand(pattern) for pattern in patterns))

    @lru_cache(maxsize=65_536)  # noqa: B019 - one catalogue lives as long as the process
    def bits(self, pattern: str) -> int:
        """What `expand` finds, as an integer with one bit an action, for quick unions and intersections."""
        places = self._places
        if pattern == "*":
            return (1 << len(places)) - 1
        found = 0
        for name in self.expand(pattern):
            found |= 1 << places[name]
        return found

    def names_of(self, bits: int) -> tuple[str, ...]:
        """The names that `bits` stands for, sorted."""
        # Whole bytes at a time: an integer of 20,000 bits is slow to take apart bit by bit.
        data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        places = (8 * byte.start() + i for byte in _NOT_ZERO.finditer(data) for i in _SET_BITS[byte[0][0]])
        return tuple([self._sorted[place] for place in places])

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.actions)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._sorted)}

    @lru_cache(maxsize=65_536)  # noqa: B019 - one catalogue lives as long as the process
    def _expand(self, pattern: str) -> frozenset[str]:
        if pattern == "*":
            return self.names
        service_pattern, colon, operation_pattern = pattern.partition(":")
        if not colon:
            return frozenset()
        return frozenset(
            action.name
            for service in _matching(self.services, service_pattern)
            for action in _matching(service.actions, operation_pattern)
        )


def _matching(named: dict[str, Any], pattern: str) -> list[Any]:
    """The values whose names match; a compiled expression only where a wildcard stands inside the pattern."""
    if not has_wildcard(pattern):
        return [named[pattern]] if pattern in named else []
    if len(pattern) - pattern.count("*") > LONGEST:
        return []
    if not has_wildcard(start := pattern[:-1]) and pattern[-1] == "*":
        return [value for name, value in named.items() if name.startswith(start)]
    matches = _regex(pattern).fullmatch
    return [value for name, value in named.items() if matches(name)]


def _close(word: str, words: list[str], count: int, cutoff: float) -> list[str]:
    return difflib.get_close_matches(word, words, count, cutoff)


def spellings(name: str) -> tuple[str, str]:
    """A condition key in lower case as it stands, and as the reference's key that takes a tag key after its slash."""
    lower = name.lower()
    return lower, lower.partition("/")[0] + "/"


def _folded(name: str) -> str:
    """A documented key in lower case, with nothing after the slash where a reader fills in a tag key."""
    return re.sub(r"/(\$\{.*|<.*|tag-key)$", "/", name).lower()


def has_wildcard(text: str) -> bool:
    """Whether IAM reads the text as a pattern."""
    return "*" in text or "?" in text


@lru_cache(maxsize=65_536)
def _regex(pattern: str) -> re.Pattern[str]:
    # fnmatch's translation never backtracks over an earlier star, so a hostile "*?*?*?..." costs nothing; its
    # character classes are no part of IAM's language, so a bracket stands for itself.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


@cache
def load() -> Catalogue:
    """Everything that is known, read once a process (about 0.5 s)."""
    return Catalogue(reference.newest())
