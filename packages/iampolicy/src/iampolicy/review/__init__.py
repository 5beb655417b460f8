"""A policy reviewed: in English, what changed, what is needless, its risks, and the S3 bucket checklist."""

import re
from dataclasses import dataclass, replace
from typing import Any

from iampolicy.checks import Finding, validate
from iampolicy.checks.own import lets_in_anybody
from iampolicy.checks.view import View
from iampolicy.document import Policy, PolicyLike, as_list, as_policy
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


# cloudsplaining ends in an error at anything else.
_ACTION = re.compile(r"\*|[\w-]{1,64}:[\w*?]{1,128}", re.ASCII)
_RESOURCE = re.compile(r"\*|arn:[\w*?-]+:[\w*?-]+:[\w*?-]*:[\w*?-]*:[^\ud800-\udfff]+", re.ASCII)


@dataclass(frozen=True)
class Risk:
    """A class of risk that a policy carries, with the actions (or services) that carry it."""

    name: str
    meaning: str
    actions: tuple[str, ...]


def risks(policy: PolicyLike, policy_type: str = "") -> list[Risk]:
    """The risk classes of a policy, worst first: whether anybody may use it, and what cloudsplaining finds.

    cloudsplaining judges policies of identities; whom a policy of a resource lets in is ours (`checks.own`).

    Args:
        policy_type: as for `validate`; empty: as the policy looks.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    whole, found = _complete(policy), _public(as_policy(policy), policy_type)
    rows = _scanned(whole)
    if rows is None:  # a statement that cloudsplaining cannot read must not hide the others
        readable = [s for s in whole["Statement"] if _scanned(whole | {"Statement": [s]}) is not None]
        rows = _scanned(whole | {"Statement": readable}) or {}
    return found + [Risk(*CLASSES[attribute], named) for attribute, named in rows.items() if named]


def _scanned(document: dict[str, Any]) -> dict[str, tuple[str, ...]] | None:
    """The actions (or services) of each class of risk; None if cloudsplaining cannot read the document."""
    from cloudsplaining.scan.policy_document import PolicyDocument  # loads slowly, and only this needs it

    try:
        scanned = PolicyDocument(document)
        found = {attribute: getattr(scanned, attribute) for attribute in CLASSES}
    except Exception:  # noqa: BLE001 - it raises bare Exceptions at ARNs and services that it does not know
        return None
    return {
        attribute: tuple(dict.fromkeys(a for row in rows for a in (row["actions"] if isinstance(row, dict) else [row])))
        for attribute, rows in found.items()
    }


def _public(policy: Policy, policy_type: str) -> list[Risk]:
    """Whether a policy of a resource or a role lets in anybody."""
    kind = policy_type or ("trust" if policy.services == {"sts"} else "resource")
    given = [data for data in as_list(policy.data.get("Statement")) if isinstance(data, dict)]
    views = [View(data, "", kind, policy.data.get("Version")) for data in given]
    named = [value.text for view in views if lets_in_anybody(view) for value in (*view.actions, *view.not_actions)]
    return [Risk("public access", "lets in anybody", tuple(dict.fromkeys(named)))] if named else []


def redundancy(policy: PolicyLike, policy_type: str = "identity") -> list[Finding]:
    """The statements, actions, resources and other parts that could go without changing what the policy allows.

    Here a statement that another one covers is a REDUNDANT_STATEMENT, too, which is no code of Access Analyzer's.
    """
    found = [finding for finding in validate(policy, policy_type) if finding.code.startswith("REDUNDANT_")]
    narrower = "REDUNDANT_NARROWER_STATEMENT"
    return [replace(f, code="REDUNDANT_STATEMENT") if f.code == narrower else f for f in found]


def _complete(policy: PolicyLike) -> dict[str, Any]:
    """The statements that can be scanned; those without an effect, an action or a resource allow nothing anyhow."""
    whole = []
    for statement in as_policy(policy).statements:
        actions = [a for a in statement.action_patterns if _ACTION.fullmatch(a)]
        given = statement.resources or statement.not_resources or ()
        resources = [text for text in given if _RESOURCE.fullmatch(text)]
        if statement.effect in ("Allow", "Deny") and actions and resources:
            element = "Action" if statement.actions else "NotAction"
            place = "Resource" if statement.resources else "NotResource"
            scanned = {"Effect": statement.effect, element: actions, place: resources}
            whole.append(scanned | ({"Condition": statement.condition} if statement.condition else {}))
    return {"Version": "2012-10-17", "Statement": whole}
