"""A policy reviewed: in English, what changed, what is needless, its risks, and the S3 bucket checklist."""

import re
from dataclasses import dataclass
from typing import Any

from iampolicy.checks import Finding, validate
from iampolicy.document import PolicyLike, as_policy
from iampolicy.review.bucket import Control, audit_bucket
from iampolicy.review.changes import Change, diff
from iampolicy.review.english import (
    describe_action,
    describe_condition,
    describe_resource,
    explain,
    questions,
    sentence,
)

__all__ = [
    "Change",
    "Control",
    "Risk",
    "audit_bucket",
    "describe_action",
    "describe_condition",
    "describe_resource",
    "diff",
    "explain",
    "questions",
    "redundancy",
    "risks",
    "sentence",
]

CLASSES = {  # attribute of cloudsplaining's PolicyDocument -> class, what it means (cloudsplaining, "Glossary")
    "allows_privilege_escalation": ("privilege escalation", "can give itself more permissions"),
    "permissions_management_without_constraints": ("resource exposure", "can change who may use resources"),
    "allows_data_exfiltration_actions": ("data exfiltration", "can read data of any resource"),
    "credentials_exposure": ("credentials exposure", "receives credentials in answers"),
    "service_wildcard": ("service wildcard", "can do everything in a service"),
    "infrastructure_modification": ("infrastructure modification", "can change any resource"),
}


_ACTION = re.compile(r"\*|[\w-]{1,64}:[\w*?]{1,128}")  # cloudsplaining ends in an error at anything else


@dataclass(frozen=True)
class Risk:
    """A class of risk that a policy carries, with the actions (or services) that carry it."""

    name: str
    meaning: str
    actions: tuple[str, ...]


def risks(policy: PolicyLike) -> list[Risk]:
    """The risk classes of an identity policy, worst first, as cloudsplaining finds them.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    from cloudsplaining.scan.policy_document import PolicyDocument  # loads slowly, and only this needs it

    scanned = PolicyDocument(_complete(policy))
    found = []
    for attribute, (name, meaning) in CLASSES.items():
        rows = getattr(scanned, attribute)
        named = [action for row in rows for action in (row["actions"] if isinstance(row, dict) else [row])]
        if named:
            found.append(Risk(name, meaning, tuple(dict.fromkeys(named))))
    return found


def redundancy(policy: PolicyLike, policy_type: str = "identity") -> list[Finding]:
    """The statements, actions, resources and other parts that could go without changing what the policy allows."""
    return [finding for finding in validate(policy, policy_type) if finding.code.startswith("REDUNDANT_")]


def _complete(policy: PolicyLike) -> dict[str, Any]:
    """The statements that can be scanned; those without an effect, an action or a resource allow nothing anyhow."""
    whole = []
    for statement in as_policy(policy).statements:
        actions = [a for a in statement.action_patterns if _ACTION.fullmatch(a)]
        resources = statement.resources or statement.not_resources
        if statement.effect in ("Allow", "Deny") and actions and resources:
            element = "Action" if statement.actions else "NotAction"
            place = "Resource" if statement.resources else "NotResource"
            scanned = {"Effect": statement.effect, element: actions, place: list(resources)}
            whole.append(scanned | ({"Condition": statement.condition} if statement.condition else {}))
    return {"Version": "2012-10-17", "Statement": whole}
