"""Validate a policy as IAM Access Analyzer does, offline and with its codes.

A policy and its type come in, findings go out. Each module holds the rules of one part of a document as tables and
small functions; codes.txt lists all codes.
"""

from collections.abc import Callable, Iterator

from iampolicy.checks.actions import check_actions
from iampolicy.checks.conditions import check_conditions
from iampolicy.checks.finding import CODES, SEVERITIES, Finding, Said
from iampolicy.checks.principals import check_principals
from iampolicy.checks.redundancy import check_redundancy
from iampolicy.checks.resources import check_one_service, check_resources
from iampolicy.checks.structure import check_document, check_statement
from iampolicy.checks.variables import check_variables
from iampolicy.checks.view import View, as_list
from iampolicy.document import POLICY_TYPES, Policy, PolicyLike, PolicySyntaxError, as_policy

__all__ = ["CODES", "SEVERITIES", "Finding", "validate"]

STATEMENT_CHECKS: tuple[Callable[[View], Iterator[Said]], ...] = (
    check_statement,
    check_actions,
    check_resources,
    check_variables,
    check_conditions,
    check_principals,
)


def validate(policy: PolicyLike, policy_type: str = "identity", live: bool = False) -> list[Finding]:
    """Find what is wrong with a policy, in the order of the document.

    Text that does not parse is a finding, too (JSON_SYNTAX_ERROR, its path the line and column).

    Args:
        policy_type: identity, resource, trust (a role's), scp or rcp (an organization's).

        live: ask IAM Access Analyzer instead, with the credentials that boto3 finds (iampolicy.live).

    Raises:
        ValueError: if there is no such policy type.
        botocore.exceptions.BotoCoreError, ClientError: with live, if AWS cannot be asked.
    """
    if policy_type not in POLICY_TYPES:
        raise ValueError(f"policy_type is {policy_type!r}: use one of {', '.join(POLICY_TYPES)}")
    try:
        read = as_policy(policy)
    except PolicySyntaxError as error:
        return [_finding(Said("JSON_SYNTAX_ERROR", error.message, f"line {error.line}, column {error.column}"))]
    if live:
        from iampolicy import live as aws  # brings boto3, which only this needs

        return aws.validate(read, policy_type)
    return [_finding(said) for said in _said(read, policy_type)]


def _said(policy: Policy, kind: str) -> Iterator[Said]:
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


def _finding(said: Said) -> Finding:
    return Finding(said.code, CODES[said.code], said.message, said.path)
