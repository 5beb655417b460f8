"""What an answer grants beyond what was wanted, permission by permission, and what AWS would object to in it.

An expected and a generated text come in, a row of counts and shares goes out. All is undefined (None) for an answer
that is not schema valid, but for the shares with `_all`, which are 0 there. Schema valid text that no reader of
policies takes (a number without an end, a tower of brackets) grants nothing.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from iampolicy import catalogue
from iampolicy.checks import validate
from iampolicy.compare import Permission, compare
from iampolicy.conditions import values_of
from iampolicy.document import Policy, PolicySyntaxError, as_policy
from iampolicy.review import risks
from lib.evaluation.reading import policy_text, policy_type, read
from lib.evaluation.requests import agreement

NOTHING = Policy({"Version": "2012-10-17", "Statement": []})
TWINS = ("permission_precision", "permission_recall", "permission_f1", "requests_alike")  # with `_all`: failures are 0
COLUMNS = (
    "permission_precision",
    "permission_recall",
    "permission_f1",
    "over_granted",
    "under_granted",
    "flipped",
    "requests_alike",
    "resources_match",
    "conditions_match",
    "unscoped",
    "errors",
    "security_warnings",
    "warnings",
    "risks_added",
)


def score(expected: str, generated: str) -> dict:
    """Compare one answer with what was wanted.

    Returns:
        permission_precision, permission_recall: shares of what the answer, and of what was wanted, that the other says,
            too, by action, resource, principal and conditions (`iampolicy.compare`); permission_f1: the harmonic mean.
        over_granted: pairs of an action and a resource that the answer allows and should not, or fails to deny.
        under_granted: those that it should allow and does not, or denies.
        requests_alike: share of sampled requests that both policies decide alike (`lib.evaluation.requests`).
        flipped: actions that one of them allows and the other denies.
        resources_match: every action that both allow, both allow on the same resources; None if both allow none.
        conditions_match: the same comparisons of keys with values are made, wherever they stand.
        unscoped: actions that the answer allows on every resource though a narrower one was wanted and is supported.
        errors, security_warnings, warnings: findings of the answer by severity (`iampolicy.checks`), as a policy of the
            wanted one's type.
        risks_added: classes of risk that the wanted policy does not carry (`iampolicy.review.risks`).
        permission_precision_all and so on for TWINS: the same, and 0 for an answer that is not schema valid.
    """
    valid = read(generated, policy_type(expected) == "trust").schema_valid
    row = _compare(expected, policy_text(generated)) if valid else dict.fromkeys(COLUMNS)
    return row | {f"{name}_all": row[name] or 0.0 for name in TWINS}


def _compare(expected: str, generated: str) -> dict:
    wanted, given = _policy(expected), _policy(generated)
    found = compare(wanted, given)
    severities = [finding.severity for finding in validate(generated, policy_type(expected))]
    lost, gained = (_actions(side, "Allow") for side in (found.missing, found.extra))
    denied, spared = (_actions(side, "Deny") for side in (found.extra, found.missing))
    return {
        "permission_precision": found.precision,
        "permission_recall": found.recall,
        "permission_f1": found.f1,
        "over_granted": len(_pairs(found.extra, "Allow") | _pairs(found.missing, "Deny")),
        "under_granted": len(_pairs(found.missing, "Allow") | _pairs(found.extra, "Deny")),
        "flipped": len((lost & denied) | (gained & spared)),
        "requests_alike": agreement(wanted, given),
        "resources_match": _resources_match(wanted, given, found.precision == found.recall == 1),
        "conditions_match": _comparisons(wanted) == _comparisons(given),
        "unscoped": len(_on_everything(given) & _scoped(wanted)),
        "errors": severities.count("ERROR"),
        "security_warnings": severities.count("SECURITY_WARNING"),
        "warnings": severities.count("WARNING"),
        "risks_added": len(_risks(generated) - _risks(expected)),
    }


@lru_cache(maxsize=4_096)
def _policy(text: str) -> Policy:
    try:
        return as_policy(text)
    except PolicySyntaxError:
        return NOTHING


def _unbounded(resources: Sequence[str]) -> bool:
    """Whether one of the patterns matches whatever there is of its service."""
    return any(_EVERYTHING.fullmatch(pattern) for pattern in resources)


_EVERYTHING = re.compile(r"\*+|arn:[^:]*(?::[^:]*){3}:[*/]+")


def _pairs(permissions: Sequence[Permission], effect: str) -> set[tuple[str, str]]:
    return {(action, p.resource) for p in permissions if p.effect == effect for action in p.actions}


def _comparisons(policy: Policy) -> frozenset[tuple[str, str, frozenset[str]]]:
    return frozenset(
        (operator.lower(), key.lower(), frozenset(values_of(values)))
        for statement in policy.statements
        for operator, keys in statement.condition.items()
        if isinstance(keys, dict)
        for key, values in keys.items()
    )


def _actions(permissions: Sequence[Permission], effect: str) -> set[str]:
    return {action for p in permissions if p.effect == effect for action in p.actions}


def _resources_match(wanted: Policy, given: Policy, same: bool) -> bool | None:
    """Whether the shared actions have the same resources; `same`: the policies say the same, however they spell it."""
    shared = _allowed(wanted) & _allowed(given)
    if not shared:
        return None
    return same or _resources(wanted, shared) == _resources(given, shared)


def _allowed(policy: Policy) -> frozenset[str]:
    """The actions of the Allow statements that have Action."""
    return catalogue.load().expand_all(p for s in policy.statements if s.effect == "Allow" for p in s.actions or ())


def _resources(policy: Policy, actions: frozenset[str]) -> dict[str, set[str]]:
    """The resources on which a policy allows each of the actions; those of a NotResource begin with "!"."""
    found: dict[str, set[str]] = {name: set() for name in actions}
    for statement in policy.statements:
        on = {*(statement.resources or ()), *(f"!{r}" for r in statement.not_resources or ())}
        named = catalogue.load().expand_all(statement.actions or ()) if statement.effect == "Allow" else frozenset()
        for name in actions & named:
            found[name] |= on
    return found


def _on_everything(policy: Policy) -> frozenset[str]:
    patterns = (
        p for s in policy.statements if s.effect == "Allow" and _unbounded(s.resources or ()) for p in s.actions or ()
    )
    return catalogue.load().expand_all(patterns)


def _scoped(policy: Policy) -> frozenset[str]:
    """The actions that a policy allows on named resources only, and that the catalogue says can be so."""
    patterns = (
        p
        for s in policy.statements
        if s.effect == "Allow" and s.resources and not _unbounded(s.resources)
        for p in s.actions or ()
    )
    named = catalogue.load().expand_all(patterns) - _on_everything(policy)
    return frozenset(name for name in named if catalogue.load().actions[name].resource_types)


@lru_cache(maxsize=8_192)
def _risks(text: str) -> frozenset[str]:
    return frozenset(risk.name for risk in risks(_policy(text)))
