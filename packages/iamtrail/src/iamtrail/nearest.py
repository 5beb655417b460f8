"""How far each statement of an identity policy comes with a request: to its action, resource, condition, or all of it.

A policy comes in and is made into probes, statements with parts left out; the simulator says which of them a request
passes, so that near misses are measured by the same rules as decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from iampolicy.conditions import satisfied
from iampolicy.document import Policy, Statement, as_list
from iampolicy.simulate import Request, simulate

# The first part that a request does not meet. UNSURE: a condition asks for keys that the request's context lacks.
ACTION, RESOURCE, CONDITION, UNSURE, WHOLE = "action", "resource", "condition", "unsure", "whole"
ORDER = (ACTION, RESOURCE, CONDITION, UNSURE, WHOLE)  # nearer and nearer


@dataclass(frozen=True, eq=False)
class Probe:
    """A statement, and what it would allow without its condition, and on any resource."""

    place: int  # from 0
    statement: Statement
    unconditional: Policy
    anywhere: Policy
    variables: bool

    def unmet(self, request: Request) -> str:
        """The first part of the statement that a request does not meet; context keys of the request in lower case."""
        if not _has(self, request.action):
            return ACTION
        if not _allows(self.unconditional, request):
            return RESOURCE
        known, unknown = split(self.statement.condition, request.context)
        if not satisfied(known, request.context, self.variables):
            return CONDITION
        return UNSURE if unknown else WHOLE


def probes(policy: Policy) -> tuple[Probe, ...]:
    """A probe for each statement of a policy, in order."""
    version = policy.data.get("Version")
    raw = [each for each in as_list(policy.data.get("Statement")) if isinstance(each, dict)]

    def allowing(parts: Mapping[str, Any]) -> Policy:
        return Policy({"Version": version, "Statement": [{**parts, "Effect": "Allow"}]})

    found = []
    for place, (data, statement) in enumerate(zip(raw, policy.statements, strict=True)):
        free = {element: value for element, value in data.items() if element != "Condition"}
        scoped = "Resource" in free or "NotResource" in free  # without either it applies to nothing
        anywhere = {element: value for element, value in free.items() if element not in ("Resource", "NotResource")}
        found.append(
            Probe(
                place=place,
                statement=statement,
                unconditional=allowing(free),
                anywhere=allowing(anywhere | ({"Resource": "*"} if scoped else {})),
                variables=version == "2012-10-17",
            )
        )
    return tuple(found)


def split(condition: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tests of a condition that a context can decide, and the keys that it does not have, as they are written.

    Tests that are no object stay among the former: they are never satisfied.
    """
    known: dict[str, Any] = {}
    unknown: dict[str, None] = {}
    for operator, tests in condition.items():
        if not isinstance(tests, Mapping):
            known[operator] = tests
            continue
        decided = {key: value for key, value in tests.items() if key.lower() in context}
        unknown |= dict.fromkeys(key for key in tests if key.lower() not in context)
        if decided:
            known[operator] = decided
    return known, tuple(unknown)


@lru_cache(maxsize=65_536)
def _has(probe: Probe, action: str) -> bool:
    """Whether the statement speaks of an action at all, whoever asks for it; asked again for each of many calls."""
    return _allows(probe.anywhere, Request(action, "*", "arn:aws:iam::111122223333:role/anybody"))


def _allows(policy: Policy, request: Request) -> bool:
    return bool(simulate(request, identity=policy).statements)
