"""Who makes a request, and how a Principal or NotPrincipal element reaches them.

A principal comes in as an ARN, an account id, a service or "*"; a Caller goes out, with the condition keys that AWS
derives from it. How an element reaches the caller is a number, for a grant to a session, to a user or role, and to an
account weigh differently (IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from iampolicy.conditions import values_of

# How a Principal element reaches a caller, weakest first.
NOT_MEANT, ACCOUNT, ENTITY, ITSELF = range(4)
_ARN = re.compile(r"arn:[\w-]+:(?P<service>iam|sts)::(?P<account>\d{12}):(?P<kind>[\w-]+)(?:/(?P<name>.+))?")
_ACCOUNT = re.compile(r"\d{12}")
_SERVICE = re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?")
_SSO_ROLE = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")
SSO_REGION = "region"  # stands for the Region of IAM Identity Center, which no session tells
TYPES = {"user": "User", "root": "Account", "federated-user": "FederatedUser"}  # kind -> aws:PrincipalType


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
    def is_anonymous(self) -> bool:
        return self.arn == "*"

    @property
    def is_service(self) -> bool:
        """A service principal, such as lambda.amazonaws.com."""
        return self.account is None and _SERVICE.fullmatch(self.arn) is not None

    @property
    def is_service_linked(self) -> bool:
        """A service-linked role or a session of one."""
        return ":role/aws-service-role/" in self.arn or (self.is_role and self.name.startswith("AWSServiceRoleFor"))

    @property
    def role_arn(self) -> str:
        """The ARN of the role, for a role or a session; a session does not tell the path, but that of Identity Center.

        Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies".
        """
        if self.kind != "assumed-role":
            return self.arn if self.kind == "role" else ""
        path = f"aws-reserved/sso.amazonaws.com/{SSO_REGION}/" if _SSO_ROLE.fullmatch(self.name) else ""
        return f"arn:{self.partition}:iam::{self.account}:role/{path}{self.name}"

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1] if self.arn.startswith("arn:") else "aws"

    @property
    def guessed(self) -> str:
        """What is assumed of aws:PrincipalArn, as a session does not say it."""
        if self.kind != "assumed-role":
            return ""
        if _SSO_ROLE.fullmatch(self.name):
            return f"the role is {self.role_arn}, with the Region of IAM Identity Center (none, if that is us-east-1)"
        return f"the role of the session has no path: {self.role_arn}"

    def keys(self) -> dict[str, str]:
        """The condition keys that follow from the caller, in lower case ("AWS global condition context keys")."""
        return dict(self._keys)

    @cached_property
    def _keys(self) -> dict[str, str]:
        if self.is_anonymous:
            keys = ("aws:principalaccount", "aws:principaltype", "aws:userid")
            return dict.fromkeys(keys, "anonymous") | {"aws:principaltype": "Anonymous"}
        if self.account is None:
            known = {"aws:principalisawsservice": "true", "aws:principalservicename": self.arn}
            return known if self.is_service else {"aws:principalisawsservice": "false"}
        found = {"aws:principalaccount": self.account, "aws:principalarn": self.role_arn or self.arn}
        found["aws:principalisawsservice"] = "false"
        found["aws:principaltype"] = TYPES.get(self.kind, "AssumedRole")
        if self.kind == "user":
            found["aws:username"] = self.name
        if self.kind == "root":
            found["aws:userid"] = self.account
        if self.kind == "federated-user":
            found["aws:userid"] = f"{self.account}:{self.name}"
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


def meaning(who: Caller) -> dict[str, Any]:
    """The Principal element, and for a permission set the Condition, that mean a caller; for a session, its role.

    The ARN of a permission set's role ends in letters of AWS's, and its Region is not known (IAM Identity Center User
    Guide, "Referencing permission sets in resource policies").
    """
    if who.is_anonymous:
        return {"Principal": "*"}
    if who.account is None:
        return {"Principal": {"Service" if who.is_service else "Federated": who.arn}}
    if f"/{SSO_REGION}/" in who.role_arn:
        arn = who.role_arn.replace(f"/{SSO_REGION}/", "/*")[:-16] + "*"
        trusted = {"AWS": f"arn:{who.partition}:iam::{who.account}:root"}
        return {"Principal": trusted, "Condition": {"ArnLike": {"aws:PrincipalArn": arn}}}
    return {"Principal": {"AWS": who.role_arn or who.arn}}


def reach(element: Any, who: Caller) -> int:
    """How a Principal element means a caller: NOT_MEANT, by its ACCOUNT, as an ENTITY (user or role), or ITSELF."""
    return max((_reach(kind, value, who) for kind, value in _pairs(element)), default=NOT_MEANT)


def exempt(element: Any, who: Caller) -> bool:
    """Whether a NotPrincipal element spares a caller from a Deny: it names every ARN by which AWS sees the caller.

    These are a session, its role and its account, or a user and its account ("AWS JSON policy elements: NotPrincipal").
    """
    return not missing(element, who)


def missing(element: Any, who: Caller) -> tuple[str, ...]:
    """The ARNs of the caller that a NotPrincipal element does not name."""
    named = [(caller(value) if kind == "AWS" else None, kind, value) for kind, value in _pairs(element)]
    if any(kind == "AWS" and value == "*" for _, kind, value in named):
        return ()
    if who.account is None:
        return () if any(_reach(kind, value, who) for _, kind, value in named) else (who.arn,)
    principals = [principal for principal, _, _ in named if principal and principal.account == who.account]
    role = Caller(who.role_arn, who.account, "role", who.name) if who.kind == "assumed-role" else None
    account = Caller(f"arn:{who.partition}:iam::{who.account}:root", who.account, "root")
    wanted = dict.fromkeys(filter(None, (who, role, account)))
    return tuple(each.arn for each in wanted if not any(_same(each, principal) for principal in principals))


def _same(one: Caller, other: Caller) -> bool:
    """Whether two are one principal: names of roles are unique in an account, whatever their path."""
    alike = one.kind == other.kind == "root" or (one.kind == other.kind == "role" and one.name == other.name)
    return one.arn == other.arn or alike


def _pairs(element: Any) -> Iterator[tuple[str, str]]:
    """The kinds and values of an element; "*" alone is everybody."""
    if element == "*":
        yield "AWS", "*"
    for kind, values in element.items() if isinstance(element, dict) else ():
        yield from ((kind, value) for value in values_of(values))


def _reach(kind: str, value: str, who: Caller) -> int:
    if kind != "AWS":  # an anonymous caller is of no kind
        right = who.account is None and not who.is_anonymous and (kind == "Service") <= who.is_service
        return ITSELF if right and value in ("*", who.arn) else NOT_MEANT
    if value == "*":
        return ITSELF
    if value == who.arn:
        return ENTITY if who.kind == "role" else ITSELF
    named = caller(value)
    if named.account is None or named.account != who.account:
        return NOT_MEANT
    if named.is_root:
        return ITSELF if who.is_root else ACCOUNT
    same_role = named.kind == "role" and who.kind == "assumed-role" and named.name == who.name
    return ENTITY if same_role else NOT_MEANT
