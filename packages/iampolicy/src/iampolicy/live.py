"""AWS's own validator and simulator through boto3, with results in the same types as ours; and what its refusals mean.

Policies and requests are sent to the account whose credentials boto3 finds, and Findings and Decisions come back.
Nothing in the account is changed; needed are access-analyzer:ValidatePolicy and iam:SimulateCustomPolicy. boto3 comes
with the extra `iampolicy[aws]`, and is loaded when it is needed.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from iampolicy import checks, tables
from iampolicy.checks import Finding
from iampolicy.conditions import text_of
from iampolicy.document import PolicyLike, as_list, as_policy
from iampolicy.simulate import (
    ALLOWED,
    EXPLICITLY_DENIED,
    IMPLICITLY_DENIED,
    Decision,
    Matched,
    Policies,
    Request,
    policies_of,
)
from iampolicy.words import printable

POLICY_TYPES = {  # ours -> the parameters of ValidatePolicy (IAM Access Analyzer API reference)
    "identity": {"policyType": "IDENTITY_POLICY"},
    "resource": {"policyType": "RESOURCE_POLICY"},
    "trust": {
        "policyType": "RESOURCE_POLICY",
        "validatePolicyResourceType": "AWS::IAM::AssumeRolePolicyDocument",
    },
    "scp": {"policyType": "SERVICE_CONTROL_POLICY"},
    "rcp": {"policyType": "RESOURCE_CONTROL_POLICY"},
    "endpoint": {"policyType": "RESOURCE_POLICY"},
}
RESULTS = {"allowed": ALLOWED, "explicitDeny": EXPLICITLY_DENIED, "implicitDeny": IMPLICITLY_DENIED}
KINDS = {  # beginning of a matched statement's SourcePolicyId -> our name
    "PolicyInputList": "identity",
    "PermissionsBoundaryPolicyInputList": "boundary",
    "ResourcePolicy": "resource",
}
CONTEXT_TYPES = ((bool, "boolean"), (int | float, "numeric"), (datetime, "date"))  # else a string


def validate(policy: PolicyLike, policy_type: str = "identity", client: Any = None) -> list[Finding]:
    """Ask IAM Access Analyzer for its findings.

    Args:
        client: a boto3 client for accessanalyzer; None makes one.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
        botocore.exceptions.BotoCoreError, ClientError: if AWS cannot be asked.
    """
    client = client or _client("accessanalyzer")
    question = POLICY_TYPES[policy_type] | {"policyDocument": as_policy(policy).to_json()}
    pages = client.get_paginator("validate_policy").paginate(**question)
    return [_finding(row) for page in pages for row in page["findings"]]


def simulate(
    request: Request,
    identity: Policies = (),
    resource: PolicyLike | None = None,
    boundary: Policies = None,
    client: Any = None,
) -> Decision:
    """Ask IAM's policy simulator for its decision; it knows no session and no service control policies.

    Args:
        client: a boto3 client for iam; None makes one.

    Raises:
        PolicySyntaxError: if a policy is text that is not one.
        botocore.exceptions.BotoCoreError, ClientError: if AWS cannot be asked.
    """
    client = client or _client("iam")
    lists = {"PolicyInputList": _texts(identity), "PermissionsBoundaryPolicyInputList": _texts(boundary)}
    question: dict[str, Any] = {
        "ActionNames": [request.action],
        "ResourceArns": [request.resource],
        "ContextEntries": [_entry(key, value) for key, value in request.context.items()],
        **{name: [text for text, _ in texts] for name, texts in lists.items() if texts or name == "PolicyInputList"},
    }
    if request.principal.startswith("arn:") and not request.principal.endswith(":root"):
        question["CallerArn"] = request.principal
    if resource is not None:
        lists["ResourcePolicy"] = _texts(resource)
        question["ResourcePolicy"] = lists["ResourcePolicy"][0][0]
    if request.resource_account:
        question["ResourceOwner"] = f"arn:aws:iam::{request.resource_account}:root"
    (answer,) = client.simulate_custom_policy(**question)["EvaluationResults"]
    matched = tuple(_matched(row, lists) for row in answer.get("MatchedStatements", ()))
    result = RESULTS[answer["EvalDecision"]]
    return Decision(result, matched, f"AWS's simulator says {answer['EvalDecision']}")


def beside(policy: PolicyLike, policy_type: str = "identity", client: Any = None) -> list[dict[str, Any]]:
    """Our findings and AWS's side by side: a row a code with its severity, how often we and AWS found it.

    Codes of our own, which AWS has not, are left out.
    """
    found = {"ours": checks.validate(policy, policy_type, own=False), "aws": validate(policy, policy_type, client)}
    severities = {finding.code: finding.severity for findings in found.values() for finding in findings}
    return [
        {"code": code, "severity": severity}
        | {who: sum(finding.code == code for finding in findings) for who, findings in found.items()}
        for code, severity in severities.items()
    ]


@contextmanager
def asking(service: str, needs: str, raised: Callable[[str], Exception]) -> Iterator[None]:
    """Turn what boto3 raises in the block into an error of the caller's, in one sentence that says what to do.

    Args:
        service: who is asked, as the sentence names it.
        needs: the permissions to name if AWS refuses.
        raised: makes the error of the sentence.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # as slow as boto3
    from botocore.parsers import ResponseParserError

    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise raised(advice(error, service, needs)) from error


@cache
def _advice() -> dict[str, str]:
    return {row["error"]: row["advice"] for row in tables.rows("aws_errors.tsv")}


def advice(error: Exception, service: str = "AWS", needs: str = "more permissions") -> str:
    """What an error of boto3's means and what to do about it, in one sentence."""
    answer = getattr(error, "response", None)
    if told := answer.get("Error", {}) if isinstance(answer, dict) else {}:
        code, said = told.get("Code", "unknown"), told.get("Message") or "no reason is given"
        what = _advice()[code].format(needs=needs) if code in _advice() else said
        return f"{service} refused ({code}): {printable(' '.join(what.split()))}"
    what = next((_advice()[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _advice()), "{}")
    said = " ".join(str(error).split()).rstrip(".")
    return f"{service} cannot be asked: {printable(what.format(said))}"


def _client(service: str) -> Any:
    """A boto3 client for the account and Region that boto3 finds."""
    import boto3  # loads slowly, and only this module needs it

    return boto3.client(service)


def _finding(row: Mapping[str, Any]) -> Finding:
    path = _path(row["locations"][0]["path"]) if row.get("locations") else ""
    return Finding(row["issueCode"], row["findingType"], row["findingDetails"], path)


def _path(elements: Iterable[Mapping[str, Any]]) -> str:
    """A location as our paths write it: [{"value": "Statement"}, {"index": 0}] is "Statement[0]"."""
    text = ""
    for element in elements:
        if "index" in element:
            text += f"[{element['index']}]"
        elif name := element.get("value") or element.get("key"):
            text += f".{name}" if text else name
    return text


def _texts(policies: Policies) -> list[tuple[str, list[int]]]:
    """Each policy as text, with the columns at which its statements begin."""
    found = []
    for policy in policies_of(policies):
        head = {k: v for k, v in policy.data.items() if k != "Statement"}
        statements = [json.dumps(s) for s in as_list(policy.data.get("Statement", [])) if isinstance(s, dict)]
        text, starts = json.dumps(head)[:-1] + (", " if head else "") + '"Statement": [', []
        for statement in statements:
            starts.append(len(text) + 1)
            text += statement + ", "
        found.append((text.removesuffix(", ") + "]}", starts))
    return found


def _matched(row: Mapping[str, Any], lists: Mapping[str, list[tuple[str, list[int]]]]) -> Matched:
    name, _, number = row["SourcePolicyId"].partition(".")
    policy = int(number) - 1 if number.isdigit() else 0
    text, starts = lists[name][policy]
    statement = max(0, bisect_right(starts, row["StartPosition"]["Column"]) - 1)
    data = as_list(json.loads(text)["Statement"])[statement]
    return Matched(KINDS[name], policy, statement, data.get("Sid"), data.get("Effect", ""))


def _entry(key: str, value: Any) -> dict[str, Any]:
    values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    kind = next((name for types, name in CONTEXT_TYPES if values and isinstance(values[0], types)), "string")
    return {
        "ContextKeyName": key,
        "ContextKeyValues": [text_of(v) for v in values],
        "ContextKeyType": f"{kind}List" if len(values) != 1 or values != [value] else kind,
    }
