"""One request against policies: allowed or denied, by which statements, and what was assumed.

The order is AWS's own (IAM User Guide, "Policy evaluation logic"): an explicit deny anywhere ends it; then resource
control policies, each level of service control policies, the VPC endpoint's policy, the resource policy, identity
policies, the permissions boundary and the session policies have their say. Whatever is in doubt is not allowed; what is
not given and would decide is assumed, and said. `live.simulate` asks AWS instead.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from iampolicy import fixed
from iampolicy.callers import ENTITY, ITSELF, NOT_MEANT, Caller, caller
from iampolicy.document import PolicyLike, as_policy
from iampolicy.matching import OF_RESOURCES, Found, Matched, Policies, Request, RequestContext, levels_of, policies_of

__all__ = ["Caller", "Decision", "Matched", "Policies", "Request", "caller", "consenting", "policies_of", "simulate"]

_NO_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*::.")  # an ARN that does not say whose the resource is
ALLOWED, EXPLICITLY_DENIED, IMPLICITLY_DENIED = "Allowed", "ExplicitlyDenied", "ImplicitlyDenied"

NAMES = {  # kind of policy -> in a reason
    "identity": "an identity policy",
    "resource": "the resource policy",
    "boundary": "the permissions boundary",
    "session": "the session policy",
    "service_control": "a service control policy",
    "resource_control": "a resource control policy",
    "endpoint": "the policy of the VPC endpoint",
}


@dataclass(frozen=True)
class Decision:
    """What AWS would say. `statements` are those that denied, or those that together allowed; `reason` says why."""

    result: str  # Allowed, ExplicitlyDenied or ImplicitlyDenied
    statements: tuple[Matched, ...]
    reason: str  # with what is assumed
    assumed: tuple[str, ...] = ()  # what was not given and would decide, a clause each
    kind: str = ""  # of the policies that decided, "aws" where none does; of a denial: those that would have to allow
    level: int = 0  # from 0, of the service control policies that do not allow


def consenting(request: Request) -> dict[str, Any] | None:
    """The resource policy with which identity policies decide within an account, where none is given: a trust policy.

    It trusts the whole account of the caller; None where a request needs no such consent.
    """
    own, account = fixed.consent(request.action, request.resource, given=False), caller(request.principal).account
    if not (own and own.needed and account) or request.owner not in (None, account):
        return None
    given = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": request.action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [given]}


def simulate(
    request: Request,
    identity: Policies = (),
    resource: PolicyLike | None = None,
    boundary: Policies = None,
    session: Policies = None,
    service_control: Policies | Sequence[Policies] = (),
    resource_control: Policies | Sequence[Policies] = (),
    endpoint: Policies = None,
    block_public_access: bool | None = None,
) -> Decision:
    """Decide one request as AWS does; what is in doubt is not allowed.

    >>> policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
    >>> request = Request("s3:GetObject", "arn:aws:s3:::photos/a", "arn:aws:iam::111122223333:user/ada")
    >>> decision = simulate(request, identity=policy)
    >>> decision.result, decision.reason
    ('Allowed', 'identity policies allow it; assumed: the resource is of account 111122223333, as the caller is')

    Args:
        identity: policies attached to the principal.
        resource: the policy attached to the resource, for a role its trust policy; None if it has none. A key policy
            that is not given is assumed to leave the key to its account; without its trust policy nobody assumes a
            role.
        boundary: the permissions boundary; several policies count as one. None: there is no boundary.
        session: the policies passed when the session began; several count as one. None: there are none.
        service_control: the service control policies of each level of the organisation, root first. Each level must
            allow; no level means that the account is under no organisation, or manages it.
        resource_control: the resource control policies of each level that the resource's account is under, likewise;
            RCPFullAWSAccess, which is always there, allows, so that only a Deny matters.
        endpoint: the policy of the VPC endpoint that the request goes through; None: the default one, or no endpoint.
        block_public_access: whether S3 Block Public Access restricts public buckets; None: not known, taken as off.

    Raises:
        PolicySyntaxError: if a policy is text that is not one.
    """
    who = caller(request.principal)
    if who.account is None or who.is_service_linked:  # service control policies reach users and roles of accounts
        service_control = ()
    if resource_control and not fixed.controlled(request.action, who):
        resource_control = ()
    asked = RequestContext(request, who, boundary is not None)
    scps = [asked.matched("service_control", p, n) for n, p in enumerate(levels_of(service_control))]
    rcps = [asked.matched("resource_control", p, n) for n, p in enumerate(levels_of(resource_control))]
    limits = {k: asked.matched(k, p) for k, p in (("boundary", boundary), ("session", session)) if p is not None}
    if who.kind == "federated-user":  # without a session policy it has what resource policies give it alone
        limits.setdefault("session", [])
    passage = None if endpoint is None else asked.matched("endpoint", endpoint)
    by_identity = asked.matched("identity", identity) if who.account else []
    by_resource = [] if resource is None else asked.matched("resource", resource)
    if who.is_root and request.owner == who.account and request.action.lower() in fixed.UNLOCKS:
        by_resource = []

    law = fixed.decided(request.action, request.resource, who)
    if law and law.allowed:  # an endpoint alone can keep such a request from arriving
        scps, rcps, limits, by_identity, by_resource = [], [], {}, [], []
    everything = [*scps, *rcps, *limits.values(), passage or [], by_identity, by_resource]
    if denied := tuple(m for found in everything for m, _ in found if m.effect == "Deny"):
        return _decided(asked, EXPLICITLY_DENIED, denied, _why_denied(denied[0], asked), denied[0].kind)
    if law and not law.allowed:
        return _decided(asked, IMPLICITLY_DENIED, (), law.why, "aws")
    if not all(scps):
        level = scps.index([])
        why = f"no service control policy allows it at level {level + 1}"
        return _decided(asked, IMPLICITLY_DENIED, (), why, "service_control", level)
    if passage == []:
        return _decided(asked, IMPLICITLY_DENIED, (), f"{NAMES['endpoint']} does not allow it", "endpoint")
    above = [m for found in (*scps, passage or []) for m, _ in found]
    if law:
        return _decided(asked, ALLOWED, above, law.why, "aws")
    if resource is not None and asked.kept_out(as_policy(resource), block_public_access):
        why = "S3 Block Public Access keeps everybody but the bucket's account out of a public bucket"
        return _decided(asked, IMPLICITLY_DENIED, (), why, "aws")
    return _weighed(asked, above, limits, by_identity, by_resource, resource is not None)


def _weighed(
    asked: RequestContext,
    above: list[Matched],
    limits: dict[str, Found],
    by_identity: Found,
    by_resource: Found,
    has_policy: bool,
) -> Decision:
    """Whether what is left, all of it Allow statements, is enough."""
    request, who = asked.request, asked.who
    narrow = next((kind for kind, found in limits.items() if not found), None)
    within = [*above, *(m for found in limits.values() for m, _ in found)]
    mine, theirs = [m for m, _ in by_identity], [m for m, _ in by_resource]
    own = fixed.consent(request.action, request.resource, has_policy)

    def allowed(statements: Iterable[Matched], reason: str, kind: str) -> Decision:
        return _decided(asked, ALLOWED, statements, reason, kind)

    def no(reason: str, kind: str) -> Decision:
        return _decided(asked, IMPLICITLY_DENIED, (), reason, kind)

    if own and own.needed and not has_policy:
        return no(own.missing, "resource")
    if who.account is None:  # a service, an identity provider or an anonymous caller has no policies of its own
        reason = "the resource policy allows it"
        return allowed([*above, *theirs], reason, "resource") if theirs else no("nobody allows it", "resource")
    if asked.foreign:
        if not theirs:
            return no(f"no resource policy of account {request.owner} allows it", "resource")
        if not mine and not who.is_root:
            return no(f"no identity policy in account {who.account} allows it", "identity")
        if narrow:
            return no(f"{NAMES[narrow]} does not allow it", narrow)
        return allowed([*within, *mine, *theirs], "both accounts allow it", "resource")
    if not request.resource_account and _NO_ACCOUNT.match(request.resource):
        asked.assume(f"the resource is of account {who.account}, as the caller is")
    # Within the account, a grant to the caller itself passes by the implicit denies of identity policies and limits; a
    # grant to its role passes by those of identity policies only; a grant to the account leaves it to these.
    direct = [m for m, how in by_resource if how >= ENTITY]
    strongest = max((how for _, how in by_resource), default=NOT_MEANT)
    if strongest == ITSELF:
        return allowed([*above, *direct], "the resource policy allows it to the caller itself", "resource")
    if narrow:
        return no(f"{NAMES[narrow]} does not allow it", narrow)
    if direct:
        return allowed([*within, *direct], "the resource policy allows it to the caller's role", "resource")
    if own and has_policy and not theirs:
        return no(f"the {own.called} must allow it, too, and does not", "resource")
    if not mine and not who.is_root:
        return no("no policy allows it", "identity")
    if own and not has_policy:
        asked.assume(own.missing)
    reason = "identity policies allow it" if mine else "the root user needs no policy"
    return allowed([*within, *mine], reason, "identity")


def _why_denied(first: Matched, asked: RequestContext) -> str:
    said = f"{NAMES[first.kind]} denies it explicitly"
    if asked.not_principal is None or first.kind not in OF_RESOURCES:
        return said
    if asked.not_principal:
        return f"{said}: its NotPrincipal does not name {' and '.join(asked.not_principal)}"
    return f"{said}: NotPrincipal with Deny spares nobody who has a permissions boundary"


def _decided(
    asked: RequestContext, result: str, statements: Iterable[Matched], reason: str, kind: str, level: int = 0
) -> Decision:
    assumed = tuple(asked.assumed)
    said = f"{reason}; assumed: {'; '.join(assumed)}" if assumed else reason
    return Decision(result, tuple(statements), said, assumed, kind, level)
