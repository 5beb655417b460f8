"""Dormant grants: what policies allow and the evidence never used, the riskiest first.

A trail without data events says nothing of reading and writing data, so there a dormant s3:GetObject may well be in
use.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iampolicy import catalogue
from iampolicy.compare import NOT, classes, rules_of, ways_of
from iampolicy.document import Policy, PolicyLike, as_list, as_policy
from iampolicy.review import risks
from iamtrail.mapping import actions_for
from iamtrail.observed import Observed, first_of
from iamtrail.tables import UNRECORDED

if TYPE_CHECKING:
    import pandas

MANAGEMENT = "Permissions management"
LEVELS = (MANAGEMENT, "Write", "Tagging", "Read", "List")  # worst first, where nothing else tells
# Risk classes that say more than the access level does, worst first (iampolicy/review/risks.py).
FLAGS = ("privilege escalation", "credentials exposure", "data exfiltration", "resource exposure")
SHOWN = 3  # names in a cell


@dataclass(frozen=True)
class Dormant:
    """Actions of one service and access level that are allowed and were not used."""

    service: str  # prefix
    level: str  # access level
    actions: tuple[str, ...]  # sorted
    risk: str | None  # the class of FLAGS that all of them are in
    resources: tuple[str, ...]  # as the statements that grant them have them; "!" begins a NotResource
    used: bool  # whether other actions of the service were used


def dormant(policy: PolicyLike | Sequence[PolicyLike], observed: Iterable[Observed]) -> list[Dormant]:
    """The actions that identity policies allow and no call needed, permissions management and flagged actions first.

    Wildcards are expanded in the catalogue; what a Deny takes off whole is not allowed. A call that failed for another
    reason than a missing permission has used its permission. Actions of calls whose mapping is not certain count as
    used; those that CloudTrail never records (unrecorded.txt) are left out, as no log shows whether they were.

    Raises:
        PolicySyntaxError: if a policy is text that is not one.
    """
    several = [policy] if isinstance(policy, str | dict | Policy) else policy
    policies = [as_policy(each) for each in several]
    used = _used(observed)
    services = {name.partition(":")[0] for name in used}
    known, flags = catalogue.load().actions, _flags(policies)
    used |= catalogue.load().expand_all(UNRECORDED)
    groups: dict[tuple[str, str, str | None], tuple[list[str], dict[str, None]]] = {}
    for name, resources in _granted(policies):
        if name not in used:
            action = known[name]
            key = (action.service, action.access_level, flags.get(name))
            actions, places = groups.setdefault(key, ([], {}))
            actions.append(name)
            places |= dict.fromkeys(resources)
    rows = [
        Dormant(service, level, tuple(sorted(actions)), risk, tuple(sorted(places)), service in services)
        for (service, level, risk), (actions, places) in groups.items()
    ]
    return sorted(rows, key=_order)


def _granted(policies: Sequence[Policy]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every action that is allowed on something, with the resources of the statements that allow it."""
    rules = [rule for policy in policies for rule in rules_of(policy)]
    for bits, formats in classes(rules):
        ways = ways_of(rules, bits, formats)
        resources = tuple(dict.fromkeys(way.resource for way in ways if way.effect == "Allow"))
        if resources:
            shown = tuple(NOT + ", ".join(r[1:].splitlines()) if r.startswith(NOT) else r for r in resources)
            yield from ((name, shown) for name in catalogue.load().names_of(bits))


def _used(observed: Iterable[Observed]) -> frozenset[str]:
    calls = {(row.source, row.event, row.parameters) for row in observed if row.used}
    return frozenset(action for call in calls for action in actions_for(*call).actions)


def _flags(policies: Sequence[Policy]) -> dict[str, str]:
    """The worst class of FLAGS of each action that is in one, as all policies together carry it."""
    statements = [each for policy in policies for each in as_list(policy.data.get("Statement"))]
    found = {risk.name: risk.actions for risk in risks({"Version": "2012-10-17", "Statement": statements})}
    known = catalogue.load()
    named = ((known.action(name), flag) for flag in reversed(FLAGS) for name in found.get(flag, ()))
    return {action.name: flag for action, flag in named if action}


def _order(row: Dormant) -> tuple[int, int, int, bool, str]:
    level = LEVELS.index(row.level)
    flag = FLAGS.index(row.risk) if row.risk else len(FLAGS)
    first = 0 if row.level == MANAGEMENT else 1 if row.risk else 2
    return first, flag, level, not row.used, row.service


def table(rows: Sequence[Dormant], most: int = 20) -> "pandas.DataFrame":
    """Dormant grants for people: services in use by themselves, those never used put together by level and risk.

    Columns: service, level, risk, used (whether the service is), actions (how many), examples, resources. If there are
    more than `most` rows, the last one counts the rest.
    """
    import pandas  # loads slowly, and only this needs it

    alike: dict[tuple[Any, ...], list[Dormant]] = {}
    for row in rows:
        alike.setdefault((row.level, row.risk, row.used, row.service if row.used else ""), []).append(row)
    lines = [_line(group) for group in alike.values()]
    if len(lines) > most:
        rest = lines[most:]
        lines = lines[:most] + [
            {"service": f"and {len(rest):,} rows more", "actions": sum(line["actions"] for line in rest)}
        ]
    columns = ["service", "level", "risk", "used", "actions", "examples", "resources"]
    return pandas.DataFrame(lines, columns=columns).fillna("")


def _line(group: Sequence[Dormant]) -> dict[str, Any]:
    first = group[0]
    actions = [name for row in group for name in row.actions]
    services = [row.service for row in group]
    return {
        "service": first_of(services, SHOWN) + ("" if first.used else " (never used)"),
        "level": first.level,
        "risk": first.risk or "",
        "used": "yes" if first.used else "no",
        "actions": len(actions),
        "examples": first_of(actions, SHOWN),
        "resources": first_of(list(dict.fromkeys(r for row in group for r in row.resources)), SHOWN),
    }
