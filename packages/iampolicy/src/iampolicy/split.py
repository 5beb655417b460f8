"""A policy over its quota as several that fit, to be attached together.

AWS counts the characters of each policy ("IAM and AWS STS quotas", "Quotas for AWS Organizations"). A request meets all
the policies that are attached, so statements may move between them, and a long list of actions or resources may be cut:
each combination of the two stays in one statement.
"""

from collections.abc import Iterator
from typing import Any

from iampolicy.document import POLICY_TYPES, Policy, PolicyLike, as_list, as_policy

SEVERAL = ("identity", "scp", "rcp")  # types of which several can be attached; a resource or role has one of its own


class SplitError(ValueError):
    """A policy that cannot be cut into parts that fit; the message says which statement is too long and why."""


def split(policy: PolicyLike, policy_type: str = "identity") -> list[Policy]:
    """Policies within their quota that together say what one says; the policy itself where it fits.

    Statements stay in their order within a service, and those of one service stay together as far as they fit.

    >>> objects = [f"arn:aws:s3:::b/{number:0200}" for number in range(50)]
    >>> long = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}
    >>> [part.size() for part in split({"Version": "2012-10-17", "Statement": [long]})]
    [5544, 5544]

    Raises:
        PolicySyntaxError: if the policy is text that does not parse.
        SplitError: if there can be only one policy of its type, or if one action on one resource is too long by itself.
    """
    whole = as_policy(policy)
    if whole.size(policy_type) <= POLICY_TYPES[policy_type].most:
        return [whole]
    if policy_type not in SEVERAL:
        raise SplitError(f"a {policy_type} policy cannot be split: there is one, and it may have "
                         f"{POLICY_TYPES[policy_type].most:,} characters")  # fmt: skip
    head = {key: value for key, value in whole.data.items() if key != "Statement"}
    parts: list[list[Any]] = []
    for group in _by_service(whole):
        pieces = [piece for statement in group for piece in _fitting(statement, head, policy_type)]
        if parts and _fits([*parts[-1], *pieces], head, policy_type):
            parts[-1] += pieces
            continue
        parts.append([])
        for piece in pieces:
            if parts[-1] and not _fits([*parts[-1], piece], head, policy_type):
                parts.append([])
            parts[-1].append(piece)
    return [Policy(head | {"Statement": statements}) for statements in parts]


def _by_service(policy: Policy) -> list[list[Any]]:
    """The statements by the services that they speak of, in the order of their first."""
    groups: dict[frozenset[str], list[Any]] = {}
    written = [s for s in as_list(policy.data.get("Statement")) if isinstance(s, dict)]
    for statement, read in zip(written, policy.statements, strict=True):
        groups.setdefault(read.services, []).append(statement)
    return list(groups.values())


def _fits(statements: list[Any], head: dict[str, Any], policy_type: str) -> bool:
    made = Policy(head | {"Statement": statements})
    return made.size(policy_type) <= POLICY_TYPES[policy_type].most


def _fitting(statement: dict[str, Any], head: dict[str, Any], policy_type: str) -> Iterator[dict[str, Any]]:
    """The statement, halved along its longest list of actions or resources until each piece fits alone."""
    if _fits([statement], head, policy_type):
        yield statement
        return
    lists = [key for key in ("Action", "Resource") if len(as_list(statement.get(key))) > 1]
    if not lists:
        named = f"the statement {statement['Sid']!r}" if statement.get("Sid") else "a statement"
        raise SplitError(f"{named} is too long by itself, and has no list of actions or resources that could be cut")
    longest = max(lists, key=lambda key: len(str(statement[key])))
    values = statement[longest]
    for number, half in enumerate((values[: len(values) // 2], values[len(values) // 2 :]), 1):
        sid = {"Sid": f"{statement['Sid']}{number}"} if statement.get("Sid") else {}
        yield from _fitting(statement | sid | {longest: half}, head, policy_type)
