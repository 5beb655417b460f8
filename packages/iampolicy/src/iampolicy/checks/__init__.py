"""Validate a policy as IAM Access Analyzer does, offline and with its codes.

A policy and its type come in, findings go out. Each module holds the rules of one part of a document as tables and
small functions; findings.tsv lists all codes with what they say. To add a check: its row there, and a `yield` here.
"""

from collections.abc import Callable

from iampolicy.checks.actions import check_actions
from iampolicy.checks.conditions import check_conditions
from iampolicy.checks.own import OWN_CHECKS
from iampolicy.checks.principals import check_principals
from iampolicy.checks.providers import check_providers
from iampolicy.checks.redundancy import check_redundancy
from iampolicy.checks.resources import check_one_service, check_resources
from iampolicy.checks.structure import check_document, check_statement
from iampolicy.checks.values import check_variables
from iampolicy.checks.view import CODES, OURS, SEVERITIES, Finding, Findings, View, finding
from iampolicy.document import POLICY_TYPES, Policy, PolicyLike, PolicySyntaxError, as_list, as_policy

__all__ = ["CODES", "OURS", "SEVERITIES", "Finding", "validate"]

STATEMENT_CHECKS: tuple[Callable[[View], Findings], ...] = (
    check_statement,
    check_actions,
    check_resources,
    check_variables,
    check_conditions,
    check_principals,
    check_providers,
    *OWN_CHECKS,
)


def validate(policy: PolicyLike, policy_type: str = "identity", own: bool = True) -> list[Finding]:
    """Find what is wrong with a policy, in the order of the document; `live.validate` asks AWS instead.

    Text that does not parse is a finding, too (JSON_SYNTAX_ERROR, its path the line and column).

    >>> statement = {"Effect": "Allow", "Action": ["s3:Get*", "s3:GetObject"], "Resource": "*"}
    >>> for found in validate({"Version": "2012-10-17", "Statement": statement}):
    ...     print(found.severity, found.code, found.path, found.message)
    SUGGESTION REDUNDANT_ACTION Statement[0].Action[1] 's3:GetObject' is covered by 's3:Get*': remove it.

    Args:
        policy_type: identity, resource, trust (a role's), scp or rcp (an organization's), endpoint (a VPC endpoint's).
        own: whether to add what Access Analyzer says nothing of, under codes of our own (`Finding.source`).

    Raises:
        ValueError: if there is no such policy type.
    """
    if policy_type not in POLICY_TYPES:
        raise ValueError(f"policy_type is {policy_type!r}: use one of {', '.join(POLICY_TYPES)}")
    try:
        return [found for found in _findings(as_policy(policy), policy_type) if own or found.code not in OURS]
    except PolicySyntaxError as error:
        return [finding("JSON_SYNTAX_ERROR", f"line {error.line}, column {error.column}", error.message)]


def _findings(policy: Policy, kind: str) -> Findings:
    yield from check_document(policy, kind)
    version = policy.data.get("Version")
    given = as_list(policy.data.get("Statement"))
    views = [View(s, f"Statement[{i}]", kind, version) for i, s in enumerate(given) if isinstance(s, dict)]
    for view in views:
        for check in STATEMENT_CHECKS:
            yield from check(view)
    yield from check_redundancy(views)
    if kind == "resource":
        yield from check_one_service(policy, views)
