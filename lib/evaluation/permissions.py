"""What an answer grants beyond what was wanted: permission by permission, and request by request.

Two Answers come in, a row of counts and shares goes out. All is undefined (None) for an answer that is not schema
valid. One that no reader of policies takes (a number without an end, a tower of brackets) grants nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random

from iampolicy import catalogue
from iampolicy.compare import Comparison, Permission
from iampolicy.conditions import values_of
from iampolicy.document import Policy, Statement
from iampolicy.simulate import Decision, Request, consenting, simulate
from lib.evaluation.answer import Answer

CALLER = "arn:aws:iam::111122223333:role/app"  # who asks in a simulation
PER_POLICY = 8  # sampled requests that a policy speaks of; each has its neighbours
OTHER = "-another"  # ends the resource of a neighbour
EVERYTHING = re.compile(r"\*+|arn:[^:]*(?::[^:]*){3}:[*/]+")  # a resource that matches whatever there is of a service


def score(wanted: Answer, answer: Answer, found: Comparison) -> dict:
    """The permissions of a schema valid answer beside those that were wanted: what metrics.tsv has over such."""
    severities = [finding.severity for finding in answer.findings]
    lost, gained = (_pairs(side, "Allow") for side in (found.missing, found.extra))
    denied, spared = (_pairs(side, "Deny") for side in (found.extra, found.missing))
    return {
        "permission_precision": found.precision,
        "permission_recall": found.recall,
        "permission_f1": found.f1,
        "over_granted": len(gained | spared),
        "under_granted": len(lost | denied),
        "flipped": len((_names(lost) & _names(denied)) | (_names(gained) & _names(spared))),
        "requests_alike": agreement(wanted.taken, answer.taken),
        "resources_match": _resources_match(wanted, answer, found.precision == found.recall == 1),
        "conditions_match": _comparisons(wanted.taken) == _comparisons(answer.taken),
        "unscoped": len(_on_everything(answer.taken) & _scoped(wanted.taken)),
        "errors": severities.count("ERROR"),
        "security_warnings": severities.count("SECURITY_WARNING"),
        "warnings": severities.count("WARNING"),
        "risks_added": len(answer.risks - wanted.risks),
    }


def _pairs(permissions: Sequence[Permission], effect: str) -> set[tuple[str, str]]:
    return {(action, p.resource) for p in permissions if p.effect == effect for action in p.actions}


def _names(pairs: set[tuple[str, str]]) -> set[str]:
    return {action for action, _ in pairs}


def _comparisons(policy: Policy) -> frozenset[tuple[str, str, frozenset[str]]]:
    return frozenset(
        (operator.lower(), key.lower(), frozenset(values_of(values)))
        for statement in policy.statements
        for operator, keys in statement.condition.items()
        if isinstance(keys, dict)
        for key, values in keys.items()
    )


def _resources_match(wanted: Answer, answer: Answer, same: bool) -> bool | None:
    """Whether the shared actions have the same resources; `same`: the policies say the same, however they spell it.

    Of actions that one of them allows by a NotAction only a whole equality says so.
    """
    if not wanted.granted & answer.granted:
        return None
    shared = _named(_allows(wanted.taken)) & _named(_allows(answer.taken))
    return same or bool(shared) and _resources(wanted.taken, shared) == _resources(answer.taken, shared)


def _resources(policy: Policy, actions: frozenset[str]) -> dict[str, set[str]]:
    """The resources on which a policy allows each of the actions; those of a NotResource begin with "!"."""
    found: dict[str, set[str]] = {name: set() for name in actions}
    for statement in _allows(policy):
        for name in actions & _named([statement]):
            found[name].update(statement.resources or (), (f"!{r}" for r in statement.not_resources or ()))
    return found


def _on_everything(policy: Policy) -> frozenset[str]:
    return _named(s for s in _allows(policy) if _unbounded(s))


def _scoped(policy: Policy) -> frozenset[str]:
    """The actions that a policy allows on named resources only, and that the catalogue says can be so."""
    named = _named(s for s in _allows(policy) if s.resources and not _unbounded(s)) - _on_everything(policy)
    return frozenset(name for name in named if catalogue.load().actions[name].resource_types)


def _allows(policy: Policy) -> list[Statement]:
    return [statement for statement in policy.statements if statement.effect == "Allow"]


def _named(statements: Iterable[Statement]) -> frozenset[str]:
    """The catalogue's actions that stand in the statements' Action."""
    return catalogue.load().expand_all(pattern for s in statements for pattern in s.actions or ())


def _unbounded(statement: Statement) -> bool:
    return any(EVERYTHING.fullmatch(pattern) for pattern in statement.resources or ())


def agreement(wanted: Policy, given: Policy) -> float:
    """The share of sampled requests on which two policies decide alike, from 0 to 1; 1 if they speak of none.

    Allowed, denied explicitly and not allowed are three decisions: beside another policy the last two differ.
    """
    asked = sample(wanted, given)
    alike = sum(decide(wanted, request).result == decide(given, request).result for request in asked)
    return alike / len(asked) if asked else 1.0


def sample(one: Policy, two: Policy) -> list[Request]:
    """Requests that the policies speak of, each followed by its neighbours; each once, and always the same."""
    rng = Random(0)
    found: dict[tuple, Request] = {}
    for policy in (one, two):
        spoken = list(_spoken(policy, rng))
        for request in rng.sample(spoken, min(PER_POLICY, len(spoken))):
            for asked in (request, *_neighbours(request, rng)):
                found.setdefault((asked.action, asked.resource, asked.principal, repr(asked.context)), asked)
    return list(found.values())


def decide(policy: Policy, request: Request) -> Decision:
    """What a policy alone says of a request: as the resource's if it names principals, else as the caller's."""
    if any(statement.principal or statement.not_principal for statement in policy.statements):
        return simulate(request, resource=policy)
    return simulate(request, identity=policy, resource=consenting(request))


def _spoken(policy: Policy, rng: Random) -> Iterator[Request]:
    """A request for each action pattern and resource of each statement."""
    for statement in policy.statements:
        for resource in statement.resources or ("arn:aws:s3:::unnamed",):
            for pattern in statement.action_patterns:
                names = sorted(catalogue.load().expand(pattern))
                if names:
                    who = rng.choice(_callers(statement))
                    yield Request(rng.choice(names), _filled(resource), who, _context(statement, rng))


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


def _context(statement: Statement, rng: Random) -> dict[str, str]:
    """Circumstances that meet the simple conditions of a statement: of each comparison one value, if it has any."""
    tests = [t for keys in statement.condition.values() if isinstance(keys, dict) for t in keys.items()]
    return {key: _filled(rng.choice(found)) for key, values in tests if (found := values_of(values))}


def _filled(pattern: str) -> str:
    """A pattern as one text that it matches."""
    return pattern.replace("*", "x").replace("?", "x")
