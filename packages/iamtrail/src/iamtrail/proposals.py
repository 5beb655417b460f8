"""Conditions that the evidence supports, proposed and not imposed; `add` puts those that a person chose in."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from iampolicy.document import Policy, PolicyLike, as_list, as_policy
from iamtrail.evidence import Use
from iamtrail.naming import PASS_ROLE

MOST = 3  # different values; more than these are no habit
GLOBAL = frozenset({"iam", "sts", "route53", "cloudfront", "organizations", "support", "budgets", "ce", "health"})
# Services that make their callers' requests under aws:CalledVia (IAM User Guide, "AWS global condition context keys").
CALLING = frozenset(f"{name}.amazonaws.com" for name in ("athena", "cloudformation", "dynamodb", "kms"))
# Services whose requests to KMS have kms:ViaService (AWS KMS Developer Guide, "AWS KMS condition keys", the table).
_VIA = """
    airflow athena auditmanager backup backup-gateway bedrock cassandra codeartifact comprehend connect dms dynamodb ec2
    ecr elasticache elasticfilesystem es aoss events finspace forecast fsx geo glue guardduty healthlake kafka kendra
    kinesis kinesisvideo lambda lex license-manager m2 macie memorydb mq omics profile rds redshift redshift-serverless
    rekognition s3 secretsmanager ses sns sqs ssm ssm-incidents storagegateway timestream translate workmail workspaces
    xray
"""
VIA = frozenset(f"{name}.amazonaws.com" for name in _VIA.split())


@dataclass(frozen=True)
class Proposal:
    """A condition for a statement, and the evidence for it."""

    sid: str
    operator: str
    key: str
    values: tuple[str, ...]
    because: str  # a sentence


def of(statements: Sequence[dict[str, Any]], uses: Iterable[Use]) -> tuple[Proposal, ...]:
    """What all calls behind a statement have in common, statement by statement."""
    by_action = {use.action: use for use in uses}
    called = {f"{action.partition(':')[0]}.amazonaws.com" for action in by_action}
    return tuple(
        proposal
        for statement in statements
        for proposal in _of_statement(statement["Sid"], [by_action[a] for a in as_list(statement["Action"])], called)
    )


def _of_statement(sid: str, uses: list[Use], called: Set[str]) -> Iterable[Proposal]:
    """The proposals for a statement; `called` are the services of all actions that were used."""
    contexts = [dict(context) for use in uses for context in use.contexts]
    total = sum(use.calls for use in uses)
    calls, were = (f"all {total:,} calls", "were") if total > 1 else ("the one call", "was")

    def values(name: str) -> tuple[str, ...]:
        """The few values that a circumstance had in all calls; none if one call lacks it."""
        found = {context.get(name, "") for context in contexts}
        return tuple(sorted(found)) if "" not in found and len(found) <= MOST else ()

    def proposal(operator: str, key: str, values: Iterable[str], because: str) -> Proposal:
        return Proposal(sid, operator, key, tuple(values), because)

    # Where a service calls for somebody, the endpoint and the connection are the service's.
    direct = not any("invokedBy" in context for context in contexts)
    if direct and (endpoints := values("vpcEndpointId")):
        because = f"{calls} came through {' or '.join(endpoints)}"
        yield proposal("StringEquals", "aws:SourceVpce", endpoints, because)
    callers = tuple(name for name in values("invokedBy") if name.endswith((".amazonaws.com", ".amazonaws.com.cn")))
    if len(callers) < len(values("invokedBy")):  # "AWS Internal" is no service that a condition could name
        callers = ()
    because = f"{calls} {were} made by {' or '.join(callers)}"
    if callers and set(callers) <= VIA and all(use.action.startswith("kms:") for use in uses):
        through = sorted({via_service(s, region) for s in callers for use in uses for region in use.regions})
        yield proposal("StringEquals", "kms:ViaService", through, because)
    elif callers and set(callers) <= CALLING & called:  # a role of the service's own is not called via it
        yield proposal("ForAnyValue:StringEquals", "aws:CalledVia", callers, because)
    if direct and values("tlsVersion"):
        yield proposal("Bool", "aws:SecureTransport", ("true",), f"{calls} used TLS")
    if direct and values("mfa") == ("true",):
        yield proposal("Bool", "aws:MultiFactorAuthPresent", ("true",), f"{calls} {were} made with MFA")
    regions = sorted({region for use in uses for region in use.regions if region})
    services = {use.action.partition(":")[0] for use in uses}
    if 0 < len(regions) <= MOST and any("*" in use.arns for use in uses) and not services & GLOBAL:
        yield proposal("StringEquals", "aws:RequestedRegion", regions, f"{calls} {were} in {' or '.join(regions)}")
    if [use.action for use in uses] == [PASS_ROLE]:
        because = f"the roles were passed in calls of {', '.join(uses[0].takers)}"
        yield proposal("StringEquals", "iam:PassedToService", uses[0].takers, because)


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
