"""A policy in English: what each statement allows or denies, to whom, where and when.

A policy comes in, sentences go out, one a statement. The words of an action are the catalogue's description of it,
those of a resource its type and the names in its ARN.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from iampolicy import catalogue
from iampolicy.catalogue import ResourceType
from iampolicy.conditions import values_of
from iampolicy.document import PolicyLike, Statement, as_policy

OPERATORS = {  # operator without its prefix and suffix -> how a value is compared (IAM condition operators reference)
    "StringEquals": "is",
    "StringNotEquals": "is not",
    "StringEqualsIgnoreCase": "is, in any case,",
    "StringNotEqualsIgnoreCase": "is not, in any case,",
    "StringLike": "matches",
    "StringNotLike": "does not match",
    "NumericEquals": "is",
    "NumericNotEquals": "is not",
    "NumericLessThan": "is less than",
    "NumericLessThanEquals": "is at most",
    "NumericGreaterThan": "is more than",
    "NumericGreaterThanEquals": "is at least",
    "DateEquals": "is",
    "DateNotEquals": "is not",
    "DateLessThan": "is before",
    "DateLessThanEquals": "is not after",
    "DateGreaterThan": "is after",
    "DateGreaterThanEquals": "is not before",
    "Bool": "is",
    "BinaryEquals": "is",
    "IpAddress": "is in",
    "NotIpAddress": "is not in",
    "ArnEquals": "is",
    "ArnLike": "matches",
    "ArnNotEquals": "is not",
    "ArnNotLike": "does not match",
}
KEYS = {  # lower-case global condition key -> its name in a sentence (AWS global condition context keys)
    "aws:currenttime": "the time",
    "aws:multifactorauthpresent": "multi-factor authentication (MFA)",
    "aws:multifactorauthage": "the age of the MFA sign-in in seconds",
    "aws:principalarn": "the calling principal",
    "aws:principalorgid": "the caller's organization",
    "aws:requestedregion": "the requested region",
    "aws:securetransport": "TLS",
    "aws:sourcearn": "the calling resource",
    "aws:sourceip": "the source IP address",
    "aws:sourcevpc": "the source VPC",
    "aws:sourcevpce": "the source VPC endpoint",
    "aws:viaawsservice": "a call through an AWS service",
}
QUANTIFIERS = {"forallvalues": "every value of ", "foranyvalue": "some value of "}
_WORDS = {operator.lower(): words for operator, words in OPERATORS.items()}


def explain(policy: PolicyLike) -> list[str]:
    """Say each statement in one English sentence, in order.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    return [sentence(statement) for statement in as_policy(policy).statements]


def sentence(statement: Statement, named: bool = True) -> str:
    """One statement in English.

    Args:
        named: whether an action's name stands in parentheses after its description.
    """
    verb = {"Allow": "Allows", "Deny": "Forbids"}.get(str(statement.effect), "Neither allows nor forbids")
    who, what, where = _principals(statement), _actions(statement, named), _resources(statement)
    place = f" on {where}" if where else ""
    return f"{verb} {who} to {what}{place}{_conditions(statement.condition)}."


def describe_action(pattern: str, named: bool = True) -> str:
    """An Action value in words: "retrieve objects from Amazon S3 (s3:GetObject)"."""
    if action := catalogue.load().action(pattern):
        purpose = action.purpose.partition(". ")[0]
        return f"{purpose} ({action.name})" if named else purpose
    if pattern == "*":
        return "use every action of every service"
    prefix, _, operation = pattern.partition(":")
    service = catalogue.load().services.get(prefix.lower())
    if service is None or not catalogue.has_wildcard(pattern):
        return f"use {pattern} (which does not exist)"
    title = service.title if not named else f"{service.title} ({pattern})"
    if operation == "*":
        return f"use every action of {title}"
    if operation.endswith("*") and not catalogue.has_wildcard(operation[:-1]):
        return f"use every {operation[:-1]} action of {title}"
    return f"use every action of {title} that matches {operation}"


def describe_resource(arn: str, services: Iterable[str]) -> str:
    """A Resource value in words: "the table orders in us-east-1", or the ARN itself where no format of these fits."""
    if arn == "*":
        return "any resource"
    fits = [(kind, match) for kind in _types(tuple(sorted(services))) if (match := _format(kind.arn).fullmatch(arn))]
    if not fits:
        return arn
    # Of several formats that fit, the one with most fixed text says most.
    kind, match = max(fits, key=lambda fit: len(re.sub(r"\$\{\w+\}", "", fit[0].arn)))
    found = [(name.rpartition("_")[0].lower(), value) for name, value in match.groupdict().items()]
    values = dict(found)
    names = "/".join(value for name, value in found if name not in ("partition", "region", "account"))
    words = f"the {kind.name} {names}" if names else f"the {kind.name}"
    if values.get("region", "*") not in ("*", ""):
        words += f" in {values['region']}"
    if values.get("account", "*") not in ("*", ""):
        words += f" of account {values['account']}"
    return words


def describe_condition(operator: str, key: str, values: Any) -> str:
    """One condition in words: "the source IP address is in 10.0.0.0/8"."""
    head, _, bare = operator.lower().rpartition(":")
    optional = bare.endswith("ifexists")
    bare = bare.removesuffix("ifexists")
    name = QUANTIFIERS.get(head, "") + KEYS.get(key.lower(), _spelled(key))
    listed = values_of(values)
    true = any(value.lower() == "true" for value in listed)
    if bare == "null":
        words = f"{name} is {'absent' if true else 'present'}"
    elif bare == "bool" and key.lower() in KEYS:
        words = f"{name} is {'used' if true else 'not used'}"
    else:
        words = f"{name} {_WORDS.get(bare, operator)} {joined(listed, 'or') or 'nothing'}"
    return words + (" or absent" if optional else "")


def _spelled(key: str) -> str:
    """A key as AWS writes it, where it came in lower case and takes no tag key."""
    known = catalogue.load().condition_key(key) if key.islower() and "/" not in key else None
    return known.name if known else key


def _principals(statement: Statement) -> str:
    given = statement.principal if statement.principal is not None else statement.not_principal
    if given is None:
        return "the caller"
    kinds = given if isinstance(given, dict) else {"AWS": given}
    named = [value for values in kinds.values() for value in values_of(values)]
    words = "anyone" if named == ["*"] else joined(named) or "nobody"
    return words if statement.principal is not None else f"everyone except {words}"


def _actions(statement: Statement, named: bool) -> str:
    by_service: dict[str, list[str]] = {}
    for pattern in statement.action_patterns:
        by_service.setdefault(pattern.partition(":")[0].lower(), []).append(describe_action(pattern, named))
    parts = []
    for prefix, words in by_service.items():
        service = catalogue.load().services.get(prefix)
        known = service is None or any(service.title in word for word in words)
        parts.append(joined(words) + ("" if known else f" in {service.title}"))
    everything = "do everything except " if statement.not_actions is not None else ""
    return everything + ("; ".join(parts) or "do nothing")


def _resources(statement: Statement) -> str:
    services = statement.services
    words = joined([describe_resource(r, services) for r in (statement.resources or statement.not_resources or ())])
    if statement.not_resources is not None:
        return f"everything except {words}"
    return words or ("" if statement.resources is None else "no resource")


def _conditions(condition: dict[str, Any]) -> str:
    if not all(isinstance(keys, dict) for keys in condition.values()):
        return ", if a condition holds that AWS cannot read"
    tests = [
        describe_condition(operator, key, values)
        for operator, keys in condition.items()
        if isinstance(keys, dict)
        for key, values in keys.items()
    ]
    return f", if {joined(tests)}" if tests else ""


def joined(words: list[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


@lru_cache(maxsize=4096)
def _types(services: tuple[str, ...]) -> tuple[ResourceType, ...]:
    known = catalogue.load().services
    return tuple(kind for prefix in services if prefix in known for kind in known[prefix].resource_types.values())


@lru_cache(maxsize=4096)
def _format(arn: str) -> re.Pattern[str]:
    """An ARN format as a pattern; a group is named after its variable and a number, for some occur twice."""
    parts = re.split(r"\$\{(\w+)\}", arn)
    pattern = re.escape(parts[0])
    for number, (name, text) in enumerate(zip(parts[1::2], parts[2::2], strict=True)):
        rest = number == (len(parts) - 3) // 2 and not text
        pattern += f"(?P<{name}_{number}>{'.+' if rest else '[^:/]*'})" + re.escape(text)
    return re.compile(pattern)
