"""Principals: who makes a request, and whether a Principal element means them.

An ARN, an account, a service or "*" comes in as a Caller; how a Principal element reaches it goes out as a number, for
a grant to a session, to a user or role, and to an account weigh differently (IAM User Guide, "AWS JSON policy
elements: Principal").
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from iampolicy.conditions import values_of

# How a Principal element reaches a caller, weakest first.
NOT_MEANT, ACCOUNT, ENTITY, ITSELF = range(4)

_ARN = re.compile(r"arn:[\w-]+:(?P<service>iam|sts)::(?P<account>\d{12}):(?P<kind>[\w-]+)(?:/(?P<name>.+))?")
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True)
class Caller:
    """Who makes the request; `account` is None for services, identity providers and anonymous callers."""

    arn: str
    account: str | None = None
    kind: str = "other"  # user, role, assumed-role, federated-user, root or other
    name: str = ""  # of the user or role, without its path

    @property
    def is_root(self) -> bool:
        return self.kind == "root"

    @property
    def is_role(self) -> bool:
        """A role or a session of one: an ARN of the role grants within the session's limits."""
        return self.kind in ("role", "assumed-role")

    @property
    def is_service(self) -> bool:
        """A service principal, such as lambda.amazonaws.com."""
        return self.account is None and re.fullmatch(r"[\w.-]+\.amazonaws\.com(\.cn)?", self.arn) is not None

    @property
    def is_service_linked(self) -> bool:
        """A service-linked role or a session of one."""
        return ":role/aws-service-role/" in self.arn or (self.is_role and self.name.startswith("AWSServiceRoleFor"))

    def keys(self) -> dict[str, str]:
        """The condition keys that follow from the caller, in lower case."""
        if self.account is None:
            known = {"aws:principalisawsservice": "true", "aws:principalservicename": self.arn}
            return known if self.is_service else {}
        found = {"aws:principalaccount": self.account, "aws:principalarn": self.arn}
        found["aws:principalisawsservice"] = "false"
        if self.kind == "assumed-role":  # the role's ARN, not the session's, is the value of aws:PrincipalArn
            found["aws:principalarn"] = f"arn:{self.arn.split(':')[1]}:iam::{self.account}:role/{self.name}"
        if self.kind == "user":
            found["aws:username"] = self.name
        types = {"user": "User", "root": "Account", "federated-user": "FederatedUser"}
        found["aws:principaltype"] = types.get(self.kind, "AssumedRole")
        return found


@lru_cache(maxsize=4096)
def caller(principal: str) -> Caller:
    """Read a principal: an ARN, an account id, a service or "*"."""
    if _ACCOUNT.fullmatch(principal):
        return Caller(f"arn:aws:iam::{principal}:root", principal, "root")
    match = _ARN.fullmatch(principal)
    if match is None or match["kind"] not in ("user", "role", "assumed-role", "federated-user", "root"):
        return Caller(principal)
    parts = (match["name"] or "").split("/")
    name = parts[0] if match["kind"] == "assumed-role" else parts[-1]
    return Caller(principal, match["account"], match["kind"], name)


def reach(element: Any, who: Caller) -> int:
    """How a Principal element means a caller: NOT_MEANT, by its ACCOUNT, as an ENTITY (user or role), or ITSELF."""
    if isinstance(element, str):
        return ITSELF if element == "*" else NOT_MEANT
    if not isinstance(element, dict):
        return NOT_MEANT
    return max((_reach(kind, value, who) for kind, value in _pairs(element)), default=NOT_MEANT)


def excluded(element: Any, who: Caller) -> bool:
    """Whether a NotPrincipal element names the caller; its account alone excludes only the account's root user."""
    how = reach(element, who)
    return how >= ENTITY or (how == ACCOUNT and who.is_root)


def _pairs(element: dict[str, Any]) -> Iterable[tuple[str, str]]:
    return ((kind, value) for kind, values in element.items() for value in values_of(values))


def _reach(kind: str, value: str, who: Caller) -> int:
    if kind != "AWS":
        named = who.arn != "*" and value in ("*", who.arn)  # an anonymous caller is of no kind
        return ITSELF if who.account is None and named else NOT_MEANT
    if value == "*":
        return ITSELF
    if value == who.arn:
        return ENTITY if who.kind == "role" else ITSELF
    named = caller(value)
    if named.account is None or named.account != who.account:
        return NOT_MEANT
    if named.is_root:
        return ITSELF if who.is_root else ACCOUNT
    same_role = named.kind == "role" and who.is_role and named.name == who.name
    return ENTITY if same_role and who.kind == "assumed-role" else NOT_MEANT
