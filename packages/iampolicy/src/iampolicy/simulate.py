"""One request against policies: allowed or denied, and by which statements.

The order is AWS's own (IAM User Guide, "Policy evaluation logic"): an explicit deny anywhere ends it; then each level
of service control policies, the resource policy, identity policies, the permissions boundary and the session policies
have their say. How a Principal element reaches the caller is a number, for a grant to a session, to a user or role, and
to an account weigh differently ("AWS JSON policy elements: Principal"). `live.simulate` asks AWS instead.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from iampolicy.conditions import Context, satisfied, substituted, tests_of, values_of
from iampolicy.document import Policy, PolicyLike, Statement, as_policy, parse
from iampolicy.patterns import glob, resource_matches

ALLOWED, EXPLICITLY_DENIED, IMPLICITLY_DENIED = "Allowed", "ExplicitlyDenied", "ImplicitlyDenied"

# Within an account, too, these need the consent of the resource's own policy: an identity policy alone is not enough
# (KMS Developer Guide, "Key policies"; IAM User Guide, "Role trust policies").
OWN_CONSENT = re.compile(r"kms:.*|sts:assumerole.*", re.IGNORECASE)

NAMES = {  # kind of policy -> in a reason
    "identity": "an identity policy",
    "resource": "the resource policy",
    "boundary": "the permissions boundary",
    "session": "the session policy",
    "service_control": "a service control policy",
}

# How a Principal element reaches a caller, weakest first.
NOT_MEANT, ACCOUNT, ENTITY, ITSELF = range(4)
_ARN = re.compile(r"arn:[\w-]+:(?P<service>iam|sts)::(?P<account>\d{12}):(?P<kind>[\w-]+)(?:/(?P<name>.+))?")
_ACCOUNT = re.compile(r"\d{12}")

Policies = PolicyLike | Iterable[PolicyLike] | None


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


@dataclass(frozen=True)
class Request:
    """Who wants to do what to which resource.

    `principal` is an ARN (user, role, assumed-role session, root), an account id, a service ("ec2.amazonaws.com"), an
    identity provider or "*" for an anonymous caller. `context` maps condition keys to scalars, or to lists for
    multivalued keys; what follows from the principal and the resource (aws:PrincipalArn, aws:PrincipalAccount,
    aws:PrincipalType, aws:username, aws:ResourceAccount) is added where it is missing.
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
        named = fields[4] if len(fields) == 6 and re.fullmatch(r"\d{12}", fields[4]) else None
        return self.resource_account or named


@dataclass(frozen=True)
class Matched:
    """A statement that had a part in the decision: the kind of policy, and which statement of which policy."""

    kind: str  # identity, resource, boundary, session or service_control
    policy: int  # from 0, within its kind and level
    statement: int  # from 0
    sid: str | None
    effect: str


@dataclass(frozen=True)
class Decision:
    """What AWS would say. `statements` are those that denied, or those that together allowed; `reason` says why."""

    result: str  # Allowed, ExplicitlyDenied or ImplicitlyDenied
    statements: tuple[Matched, ...]
    reason: str


def simulate(
    request: Request,
    identity: Policies = (),
    resource: PolicyLike | None = None,
    boundary: Policies = None,
    session: Policies = None,
    service_control: Sequence[Policies] = (),
) -> Decision:
    """Decide one request as AWS does.

    >>> policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
    >>> request = Request("s3:GetObject", "arn:aws:s3:::photos/a", "arn:aws:iam::111122223333:user/ada")
    >>> decision = simulate(request, identity=policy)
    >>> decision.result, decision.reason
    ('Allowed', 'identity policies allow it')

    Args:
        identity: policies attached to the principal.
        resource: the policy attached to the resource; None if it has none.
        boundary: the permissions boundary; several policies count as one. None: there is no boundary.
        session: the policies passed when the session began; several count as one. None: there are none.
        service_control: the service control policies of each level of the organisation, root first. Each level must
            allow; no level means that the account is under no organisation.

    Raises:
        PolicySyntaxError: if a policy is text that is not one.
    """
    who = caller(request.principal)
    context = _context(request, who)

    if isinstance(service_control, str | dict | Policy):
        service_control = [service_control]
    if who.account is None or who.is_service_linked:  # service control policies reach users and roles of accounts
        service_control = ()

    def said(kind: str, policies: Policies) -> list[tuple[Matched, int]]:
        return list(_matched(kind, policies_of(policies), request, who, context))

    levels = [said("service_control", level) for level in service_control]
    limits = {
        kind: said(kind, given) for kind, given in (("boundary", boundary), ("session", session)) if given is not None
    }
    by_identity, by_resource = said("identity", identity), said("resource", resource)
    everything = [*levels, *limits.values(), by_identity, by_resource]
    if denied := tuple(m for found in everything for m, _ in found if m.effect == "Deny"):
        return Decision(EXPLICITLY_DENIED, denied, f"{NAMES[denied[0].kind]} denies it explicitly")
    if not all(levels):
        return Decision(IMPLICITLY_DENIED, (), f"no service control policy allows it at level {levels.index([]) + 1}")
    scps = [m for found in levels for m, _ in found]
    narrow = [kind for kind, found in limits.items() if not found]
    within = [*scps, *(m for found in limits.values() for m, _ in found)]
    mine, theirs = [m for m, _ in by_identity], [m for m, _ in by_resource]

    def allowed(statements: Iterable[Matched], reason: str) -> Decision:
        return Decision(ALLOWED, tuple(statements), reason)

    def denied_for(reason: str) -> Decision:
        return Decision(IMPLICITLY_DENIED, (), reason)

    if who.account is None:  # a service, an identity provider or an anonymous caller has no policies of its own
        return allowed([*scps, *theirs], "the resource policy allows it") if theirs else denied_for("nobody allows it")
    if (request.owner or who.account) != who.account:
        if not theirs:
            return denied_for(f"no resource policy of account {request.owner} allows it")
        if not mine and not who.is_root:
            return denied_for(f"no identity policy in account {who.account} allows it")
        if narrow:
            return denied_for(f"{NAMES[narrow[0]]} does not allow it")
        return allowed([*within, *mine, *theirs], "both accounts allow it")
    # Within the account, a grant to the caller itself passes by the implicit denies of identity policies and limits; a
    # grant to its role passes by those of identity policies only; a grant to the account leaves it to these.
    direct = [m for m, how in by_resource if how >= ENTITY]
    strongest = max((how for _, how in by_resource), default=NOT_MEANT)
    if strongest == ITSELF:
        return allowed([*scps, *direct], "the resource policy allows it to the caller itself")
    if narrow:
        return denied_for(f"{NAMES[narrow[0]]} does not allow it")
    if direct:
        return allowed([*within, *direct], "the resource policy allows it to the caller's role")
    if resource is not None and not theirs and OWN_CONSENT.fullmatch(request.action):
        return denied_for("the policy of the resource itself must allow it, and does not")
    if mine or who.is_root:
        return allowed([*within, *mine], "identity policies allow it" if mine else "the root user needs no policy")
    return denied_for("no policy allows it")


def _matched(
    kind: str, policies: Iterable[Policy], request: Request, who: Caller, context: Context
) -> Iterator[tuple[Matched, int]]:
    """The statements that apply to the request, each with how its Principal element reaches the caller."""
    action = request.action.lower()
    for number, policy in enumerate(policies):
        variables = policy.data.get("Version") == "2012-10-17"
        for place, statement in enumerate(policy.statements):
            if statement.effect not in ("Allow", "Deny") or not _has_action(statement, action):
                continue
            how = _reach_of(statement, who) if kind == "resource" else ITSELF
            if how == ITSELF and kind == "resource" and who.is_role and _by_arn(statement):
                how = ENTITY
            if (
                how != NOT_MEANT
                and _has_resource(statement, request.resource, context, variables, optional=kind == "resource")
                and (not statement.condition or satisfied(statement.condition, context, variables))
            ):
                yield Matched(kind, number, place, statement.sid, statement.effect), how


def _has_action(statement: Statement, action: str) -> bool:
    negated = statement.actions is None
    for pattern in (statement.not_actions if negated else statement.actions) or ():
        if glob(pattern.lower(), action):
            return not negated
    return negated and statement.not_actions is not None


def _has_resource(statement: Statement, arn: str, context: Context, variables: bool, optional: bool) -> bool:
    def named(patterns: Iterable[str]) -> bool:
        replaced = (substituted(p, context) if variables else p for p in patterns)
        return any(p is not None and resource_matches(p, arn) for p in replaced)

    if statement.resources is not None:
        return named(statement.resources)
    if statement.not_resources is not None:
        return not named(statement.not_resources)
    return optional  # a trust policy has no Resource: it is attached to what it speaks of


def _reach_of(statement: Statement, who: Caller) -> int:
    if statement.principal is not None:
        return reach(statement.principal, who)
    if statement.not_principal is None:
        return NOT_MEANT
    return NOT_MEANT if excluded(statement.not_principal, who) else ITSELF


def _by_arn(statement: Statement) -> bool:
    """Whether a condition names the caller by ARN: that grants to the role, as its ARN in Principal does."""
    return any(key.lower() == "aws:principalarn" for _, key, _ in tests_of(statement.condition))


def reach(element: Any, who: Caller) -> int:
    """How a Principal element means a caller: NOT_MEANT, by its ACCOUNT, as an ENTITY (user or role), or ITSELF."""
    if isinstance(element, str):
        return ITSELF if element == "*" else NOT_MEANT
    if not isinstance(element, dict):
        return NOT_MEANT
    pairs = ((kind, value) for kind, values in element.items() for value in values_of(values))
    return max((_reach(kind, value, who) for kind, value in pairs), default=NOT_MEANT)


def excluded(element: Any, who: Caller) -> bool:
    """Whether a NotPrincipal element names the caller; its account alone excludes only the account's root user."""
    how = reach(element, who)
    return how >= ENTITY or (how == ACCOUNT and who.is_root)


def _reach(kind: str, value: str, who: Caller) -> int:
    if kind != "AWS":  # an anonymous caller is of no kind
        return ITSELF if who.account is None and who.arn != "*" and value in ("*", who.arn) else NOT_MEANT
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


def _context(request: Request, who: Caller) -> dict[str, Any]:
    context = {key.lower(): value for key, value in request.context.items()}
    owner = request.owner or who.account
    known = who.keys() | ({"aws:resourceaccount": owner} if owner else {})
    return known | context


def policies_of(given: Policies) -> list[Policy]:
    """One policy or several, in any form, as a list."""
    if given is None:
        return []
    several = given if isinstance(given, Iterable) and not isinstance(given, str | dict) else [given]
    return [_parsed(policy) if isinstance(policy, str) else as_policy(policy) for policy in several]


_parsed = lru_cache(maxsize=1024)(parse)  # many requests are decided against few texts
