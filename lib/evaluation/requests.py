"""Requests on which two policies are asked: those that either speaks of, and their neighbourhood.

Two policies come in; requests, and the share on which the policies decide alike, go out. The same policies always give
the same requests.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from iampolicy import catalogue
from iampolicy.conditions import values_of
from iampolicy.document import Policy, PolicyLike, Statement, as_policy
from iampolicy.simulate import Request, simulate
from lib.evaluation.findings import CALLER, context_of, filled

PER_POLICY = 8  # requests that a policy speaks of; each has its neighbours
OTHER = "-another"  # ends the resource of a neighbour


def agreement(expected: PolicyLike, actual: PolicyLike) -> float:
    """The share of sampled requests on which two policies decide alike, from 0 to 1; 1 if they speak of none.

    Allowed, denied explicitly and not allowed are three decisions: beside another policy the last two differ.

    Raises:
        PolicySyntaxError: if either is text that is not a policy.
    """
    wanted, given = as_policy(expected), as_policy(actual)
    asked = sample(wanted, given)
    alike = sum(_decide(wanted, request) == _decide(given, request) for request in asked)
    return alike / len(asked) if asked else 1.0


def sample(one: Policy, two: Policy) -> list[Request]:
    """Requests that the policies speak of, each followed by its neighbours; each once."""
    rng = Random(0)
    found: dict[tuple, Request] = {}
    for policy in (one, two):
        spoken = list(_spoken(policy, rng))
        for request in rng.sample(spoken, min(PER_POLICY, len(spoken))):
            for asked in (request, *_neighbours(request, rng)):
                found.setdefault((asked.action, asked.resource, asked.principal, repr(asked.context)), asked)
    return list(found.values())


def _decide(policy: Policy, request: Request) -> str:
    if any(statement.principal or statement.not_principal for statement in policy.statements):
        return simulate(request, resource=policy).result
    return simulate(request, identity=policy).result


def _spoken(policy: Policy, rng: Random) -> Iterator[Request]:
    """A request for each action pattern and resource of each statement."""
    for statement in policy.statements:
        for resource in statement.resources or ("arn:aws:s3:::unnamed",):
            for pattern in statement.action_patterns:
                names = sorted(catalogue.load().expand(pattern))
                if names:
                    who = rng.choice(_callers(statement))
                    yield Request(rng.choice(names), filled(resource), who, context_of(statement, rng.choice))


def _callers(statement: Statement) -> list[str]:
    named = statement.principal.values() if isinstance(statement.principal, dict) else ()
    return [who for values in named for who in values_of(values) if who != "*"] or [CALLER]


def _neighbours(request: Request, rng: Random) -> Iterator[Request]:
    """The same under other circumstances, on another resource, and another action of the service."""
    if request.context:
        yield replace(request, context={})
        key = rng.choice(sorted(request.context))
        yield replace(request, context={**request.context, key: request.context[key] + OTHER})
    yield replace(request, resource=request.resource + OTHER)
    service = catalogue.load().services.get(request.action.partition(":")[0])
    if service and len(service.actions) > 1:
        yield replace(request, action=rng.choice(sorted(a.name for a in service.actions.values())))
