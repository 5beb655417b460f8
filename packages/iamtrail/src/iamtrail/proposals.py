"""Conditions that the evidence supports, proposed and not imposed.

Statements of a draft and the uses behind them come in; Proposals go out, and `add` puts those that a person chose into
a policy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from iampolicy.document import Policy, PolicyLike, as_list, as_policy
from iamtrail.evidence import Use

MOST = 3  # different values; more than these are no habit
GLOBAL = frozenset({"iam", "sts", "route53", "cloudfront", "organizations", "support", "budgets", "ce", "health"})
# Services that make their callers' requests under aws:CalledVia (IAM User Guide, "AWS global condition context keys").
CALLING = frozenset(f"{name}.amazonaws.com" for name in ("athena", "cloudformation", "dynamodb", "kms"))
PASSED_TO = {  # event source of a call that passes a role -> the service that the role is for, where it differs
    "ecs.amazonaws.com": "ecs-tasks.amazonaws.com",
    "autoscaling.amazonaws.com": "ec2.amazonaws.com",
}


@dataclass(frozen=True)
class Proposal:
    """A condition for a statement, and the evidence for it."""

    sid: str
    operator: str
    key: str
    values: tuple[str, ...]
    because: str  # a sentence


def of(statements: Sequence[dict], uses: Iterable[Use]) -> tuple[Proposal, ...]:
    """What all calls behind a statement have in common, statement by statement."""
    by_action = {use.action: use for use in uses}
    return tuple(
        proposal
        for statement in statements
        for proposal in _of_statement(statement["Sid"], [by_action[a] for a in as_list(statement["Action"])])
    )


def _of_statement(sid: str, uses: list[Use]) -> Iterable[Proposal]:
    contexts = [dict(context) for use in uses for context in use.contexts]
    total = sum(use.calls for use in uses)
    calls, were = (f"all {total:,} calls", "were") if total > 1 else ("the one call", "was")

    def values(name: str) -> tuple[str, ...]:
        """The few values that a circumstance had in all calls; none if one call lacks it."""
        found = {context.get(name) for context in contexts}
        return tuple(sorted(found)) if found and None not in found and len(found) <= MOST else ()

    if endpoints := values("vpcEndpointId"):
        yield Proposal(
            sid,
            "StringEquals",
            "aws:SourceVpce",
            endpoints,
            f"{calls} came through {' or '.join(endpoints)}",
        )
    callers = tuple(name for name in values("invokedBy") if name.endswith((".amazonaws.com", ".amazonaws.com.cn")))
    if len(callers) < len(values("invokedBy")):  # "AWS Internal" is no service that a condition could name
        callers = ()
    if callers and all(use.action.startswith("kms:") for use in uses):
        named = tuple(sorted({via_service(s, region) for s in callers for use in uses for region in use.regions}))
        yield Proposal(
            *(sid, "StringEquals", "kms:ViaService", named),
            because=f"{calls} {were} made by {' or '.join(callers)}",
        )
    elif callers and set(callers) <= CALLING:
        services = callers
        because = f"{calls} {were} made by {' or '.join(services)}"
        yield Proposal(sid, "ForAnyValue:StringEquals", "aws:CalledVia", services, because)
    if values("tlsVersion"):
        yield Proposal(sid, "Bool", "aws:SecureTransport", ("true",), f"{calls} used TLS")
    if values("mfa") == ("true",):
        yield Proposal(sid, "Bool", "aws:MultiFactorAuthPresent", ("true",), f"{calls} {were} made with MFA")
    regions = tuple(sorted({region for use in uses for region in use.regions if region}))
    services = {use.action.partition(":")[0] for use in uses}
    if 0 < len(regions) <= MOST and any("*" in use.arns for use in uses) and not services & GLOBAL:
        yield Proposal(sid, "StringEquals", "aws:RequestedRegion", regions, f"{calls} {were} in {' or '.join(regions)}")
    if [use.action for use in uses] == ["iam:PassRole"]:
        takers = tuple(sorted(set(map(passed_to, uses[0].sources))))
        yield Proposal(
            sid, "StringEquals", "iam:PassedToService", takers, f"the roles were passed in calls of {', '.join(takers)}"
        )


def passed_to(source: str) -> str:
    """The service that a role is for, by the event source of the call that passes it."""
    return PASSED_TO.get(source, source)


def via_service(service: str, region: str) -> str:
    """A service as kms:ViaService has it: "s3.eu-west-1.amazonaws.com" (AWS KMS Developer Guide, "Condition keys")."""
    return service.replace(".amazonaws.com", f".{region}.amazonaws.com") if region else service


def add(policy: PolicyLike, chosen: Iterable[Proposal]) -> Policy:
    """The policy with the conditions that were chosen; a statement's other conditions stay."""
    data = as_policy(policy).data
    statements = [dict(statement) for statement in as_list(data["Statement"])]
    for proposal in chosen:
        for statement in statements:
            if statement.get("Sid") == proposal.sid:
                condition = {operator: dict(keys) for operator, keys in statement.get("Condition", {}).items()}
                values = proposal.values[0] if len(proposal.values) == 1 else list(proposal.values)
                condition.setdefault(proposal.operator, {})[proposal.key] = values
                statement["Condition"] = condition
    return Policy({**data, "Statement": statements})
