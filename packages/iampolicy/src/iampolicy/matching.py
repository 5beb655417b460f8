"""Which statements of the given policies apply to a request, and what has to be assumed to tell.

A request and policies come in; pairs go out, of a statement and of how its Principal element reaches the caller.
Whether that is enough is for `simulate` to say. An Allow of which it is not sure does not apply, a Deny does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from iampolicy import fixed
from iampolicy.callers import ACCOUNT, ENTITY, ITSELF, NOT_MEANT, Caller, missing, reach
from iampolicy.conditions import satisfied, substituted, tests_of
from iampolicy.document import Policy, PolicyLike, Statement, as_policy, parse
from iampolicy.patterns import glob, resource_matches
from iampolicy.public import is_public

OF_RESOURCES = ("resource", "resource_control", "endpoint")  # kinds whose statements name principals
# Every request carries them (IAM User Guide, "AWS global condition context keys"; the address but through an endpoint):
# one without them is not what AWS would see, and the reason says so.
ALWAYS = {
    key.lower(): key
    for key in ("aws:SecureTransport", "aws:SourceIp", "aws:CurrentTime", "aws:EpochTime", "aws:userid")
}

_ACCOUNT = re.compile(r"\d{12}")

Policies = PolicyLike | Iterable[PolicyLike] | None


@dataclass(frozen=True)
class Request:
    """Who wants to do what to which resource.

    `principal` is an ARN (user, role, assumed-role session, root), an account id, a service ("ec2.amazonaws.com"), an
    identity provider or "*" for an anonymous caller. `context` maps condition keys to scalars, or to lists for
    multivalued keys; what follows from the principal and the resource (aws:PrincipalArn, aws:PrincipalAccount,
    aws:PrincipalType, aws:username, aws:ResourceAccount, aws:ViaAWSService) is added where it is missing.
    """

    action: str
    resource: str
    principal: str
    context: Mapping[str, Any] = field(default_factory=dict)
    resource_account: str | None = None  # None: the account in the resource's ARN, else the principal's own

    @property
    def owner(self) -> str | None:
        """The account that owns the resource, as far as the request says."""
        fields = self.resource.split(":", 5)
        named = fields[4] if len(fields) == 6 and _ACCOUNT.fullmatch(fields[4]) else None
        return self.resource_account or named


@dataclass(frozen=True)
class Matched:
    """A statement that had a part in the decision: the kind of policy, and which statement of which policy."""

    kind: str  # identity, resource, boundary, session, service_control, resource_control or endpoint
    policy: int  # from 0, within its kind and level
    statement: int  # from 0
    sid: str | None
    effect: str
    level: int = 0  # of the organisation, from 0, of service and resource control policies


Found = list[tuple[Matched, int]]  # statements that apply, each with how its Principal element reaches the caller


class RequestContext:
    """A request with what follows from it; what has to be assumed is collected on the way."""

    def __init__(self, request: Request, who: Caller, bounded: bool) -> None:
        self.request, self.who, self.bounded = request, who, bounded
        self.owner = request.owner or who.account
        self.context = _context(request, who, self.owner)
        self.action = request.action.lower()
        self.foreign = self.owner != who.account
        self.assumed: dict[str, None] = {}
        self.not_principal: tuple[str, ...] | None = None  # what a NotPrincipal that denies does not name

    def assume(self, clause: str) -> None:
        self.assumed[clause] = None

    def kept_out(self, policy: Policy, block_public_access: bool | None) -> bool:
        """Whether S3 Block Public Access keeps the caller out ("Blocking public access to your Amazon S3 storage")."""
        outside = self.who.is_anonymous or (self.who.account is not None and self.foreign)
        if not self.action.startswith("s3:") or not outside or not is_public(policy):
            return False
        if block_public_access is None:
            self.assume("S3 Block Public Access is off")
        return bool(block_public_access)

    def matched(self, kind: str, policies: Policies, level: int = 0) -> Found:
        return list(self._matched(kind, policies_of(policies), level))

    def _matched(self, kind: str, policies: Iterable[Policy], level: int) -> Iterator[tuple[Matched, int]]:
        for number, policy in enumerate(policies):
            variables = policy.data.get("Version") == "2012-10-17"
            for place, statement in enumerate(policy.statements):
                denies = statement.effect == "Deny"
                if not (denies or statement.effect == "Allow") or not _has_action(statement, self.action):
                    continue
                how = self._reach(statement, kind, denies) if kind in OF_RESOURCES else ITSELF
                if (
                    how != NOT_MEANT
                    and self._has_resource(statement, variables, optional=kind == "resource", unclear=denies)
                    and (not statement.condition or self._satisfied(statement, variables, denies))
                ):
                    if denies and statement.not_principal is not None and self.not_principal is None:
                        self.not_principal = missing(statement.not_principal, self.who)
                    yield Matched(kind, number, place, statement.sid, statement.effect or "", level), how

    def unmet(self, statement: Statement, kind: str, variables: bool) -> tuple[str, ...]:
        """The parts of a statement that keep it from applying: Action, Principal, Resource, Condition."""
        denies = statement.effect == "Deny"
        met = {
            "Action": _has_action(statement, self.action),
            "Principal": kind not in OF_RESOURCES or self._reach(statement, kind, denies) != NOT_MEANT,
            "Resource": self._has_resource(statement, variables, optional=kind == "resource", unclear=denies),
            "Condition": satisfied(statement.condition, self.context, variables, unclear=denies),
        }
        return tuple(part for part, holds in met.items() if not holds)

    def _reach(self, statement: Statement, kind: str, denies: bool) -> int:
        who = self.who
        if statement.principal is None:
            if statement.not_principal is None:  # which AWS refuses: it grants nothing, and keeps everybody out
                return ITSELF if denies else NOT_MEANT
            # With Allow AWS does not support it; with Deny it spares whom it names by every ARN, but never somebody
            # with a permissions boundary (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
            spared = not denies or not (missing(statement.not_principal, who) or (self.bounded and who.account))
            return NOT_MEANT if spared else ITSELF
        how = reach(statement.principal, who)
        if denies:
            return how
        if how == ITSELF and who.is_role and _by_arn(statement):
            return ENTITY
        # At a gateway endpoint an account is its root user alone (VPC User Guide, "Gateway endpoints").
        gateway = kind == "endpoint" and self.action.partition(":")[0] in fixed.GATEWAYS
        return NOT_MEANT if gateway and how == ACCOUNT else how

    def _has_resource(self, statement: Statement, variables: bool, optional: bool, unclear: bool) -> bool:
        patterns = statement.not_resources if statement.resources is None else statement.resources
        if patterns is None:
            return optional  # a trust policy has no Resource: it is attached to what it speaks of
        unknown = False
        for pattern in patterns:
            replaced = substituted(pattern, self.context) if variables and "${" in pattern else pattern
            if replaced is None:
                unknown = True
            elif resource_matches(replaced, self.request.resource):
                return statement.resources is not None
        # A variable without a value might have named it, in a NotResource.
        return statement.resources is None and (unclear or not unknown)

    def _satisfied(self, statement: Statement, variables: bool, denies: bool) -> bool:
        for _, key, _ in tests_of(statement.condition):
            lower = key.lower()
            if lower in ALWAYS and lower not in self.context:
                self.assume(f"{ALWAYS[lower]} is not in the request")
            elif lower == "aws:principalarn" and self.who.guessed and not self._given(lower):
                self.assume(self.who.guessed)
        return satisfied(statement.condition, self.context, variables, unclear=denies)

    def _given(self, lower: str) -> bool:
        return any(key.lower() == lower for key in self.request.context)


def _has_action(statement: Statement, action: str) -> bool:
    negated = statement.actions is None
    for pattern in (statement.not_actions if negated else statement.actions) or ():
        if glob(pattern.lower(), action):
            return not negated
    return negated and statement.not_actions is not None


def _by_arn(statement: Statement) -> bool:
    """Whether a condition names the caller by ARN: that grants to the role, as its ARN in Principal does."""
    return any(key.lower() == "aws:principalarn" for _, key, _ in tests_of(statement.condition))


def _context(request: Request, who: Caller, owner: str | None) -> dict[str, Any]:
    context = {key.lower(): value for key, value in request.context.items()}
    via = any(key.startswith("aws:calledvia") for key in context)
    known = {**who.keys(), "aws:viaawsservice": "true" if via else "false"}
    if owner:
        known["aws:resourceaccount"] = owner
    return known | context


def levels_of(given: Policies | Sequence[Policies]) -> list[Policies]:
    """Policies by level of the organisation; a policy alone is a level."""
    if given is None:
        return []
    return [given] if isinstance(given, str | dict | Policy) else list(given)


def policies_of(given: Policies) -> list[Policy]:
    """One policy or several, in any form, as a list."""
    if given is None:
        return []
    several = given if isinstance(given, Iterable) and not isinstance(given, str | dict) else [given]
    return [_parsed(policy) if isinstance(policy, str) else as_policy(policy) for policy in several]


_parsed = lru_cache(maxsize=1024)(parse)  # many requests are decided against few texts
