"""What a policy refused, and why: each denied call held against the statements of the policy; and the cure.

Denied calls and a policy come in; Explained rows go out, with a sentence for people each. `extend` is in extension.py,
what a policy allows and nobody used in dormant.py, the sentences in reasons.py.
"""

from collections.abc import Sequence
from datetime import UTC

from iampolicy.document import PolicyLike, as_policy
from iampolicy.principals import Caller, caller
from iampolicy.simulate import Request
from iamtrail import messages
from iamtrail.dormant import Dormant, dormant, table
from iamtrail.drafting import FILL_IN, placeholder
from iamtrail.extension import Extension, extend
from iamtrail.literal import CUT
from iamtrail.mapping import Mapping, actions_for
from iamtrail.messages import Said
from iamtrail.nearest import ACTION, CONDITION, ORDER, UNSURE, WHOLE, Probe, probes
from iamtrail.observed import Denied, printable
from iamtrail.reasons import (
    ALLOWED,
    ELSEWHERE,
    EXPLICIT_DENY,
    UNKNOWN,
    Explained,
    Needs,
    elsewhere,
    reason,
    row,
)
from iamtrail.resources import resources_for
from iamtrail.roles import PASS_ROLE

__all__ = ["Dormant", "Explained", "Extension", "dormant", "explain", "extend", "table"]

HOLDERS = ("user", "role", "assumed-role", "federated-user")  # whom identity policies speak for


def explain(denied: Sequence[Denied], policy: PolicyLike) -> list[Explained]:
    """Say of each denied call which statement of an identity policy nearly matched, and what was not met.

    Action and resource are those of the error message where it names them, else those of the mapping. A call that
    needed several actions gives a row for each reason; what was allowed is left out, unless all of it was.

    Args:
        denied: calls of the principals to whom the policy is attached.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    tried = probes(as_policy(policy))
    return [found for each in denied for found in _explained(each, tried)]


def _explained(denied: Denied, tried: tuple[Probe, ...]) -> list[Explained]:
    said = messages.read(denied.message)
    needs, why = _needs(denied, said)
    who = caller(denied.principal)
    if said.kind and said.kind != messages.IDENTITY and not (said.kind == messages.SOMEWHERE and tried):
        return [row(denied, said, ELSEWHERE, needs, None, elsewhere(said))]
    if who.kind not in HOLDERS:
        why = f"{printable(denied.principal)} is no role or user, to which an identity policy could be attached"
    if why:
        return [row(denied, said, UNKNOWN, needs, None, why)]
    verdicts: dict[tuple[str, Probe | None], dict[str, list[str]]] = {}
    for action, arns in needs:
        for arn in arns:
            verdict = _verdict(_request(denied, who, action, arn), tried, said)
            verdicts.setdefault(verdict, {}).setdefault(action, []).append(arn)
    groups = [
        (kind, probe, group)
        for (kind, probe), by_action in verdicts.items()
        if kind != ALLOWED
        for group in _rectangles(by_action)
    ]
    return [
        row(denied, said, kind, group, probe, reason(kind, probe, said, _request(denied, who, *_first(group))))
        for kind, probe, group in groups or [(*next(iter(verdicts)), needs)]
    ]


def _needs(denied: Denied, said: Said) -> tuple[Needs, str]:
    """What a call needed; or, with whatever is known, why that is not certain."""
    if said.action:
        mapping = Mapping((said.action,), True, "the message names it")
    else:
        mapping = actions_for(denied.source, denied.event, denied.parameters)
    needs = tuple((action, _arns(action, denied, said)) for action in mapping.actions)
    if not mapping.certain:
        return needs, f"which permission the call needs is not certain: {printable(mapping.reason)}"
    if not needs:
        return needs, f"IAM asks for no permission here: {printable(mapping.reason)}"
    lacking = [action for action, arns in needs if not arns]
    return needs, f"nothing says on which resource {lacking[0]} was asked for" if lacking else ""


def _arns(action: str, denied: Denied, said: Said) -> tuple[str, ...]:
    """The ARNs that an action was asked for on; a wildcard of the event's own is literal."""
    first = denied.principal.split(":")
    partition = first[1] if first[0] == "arn" and len(first) > 1 else "aws"
    place = (denied.region, denied.account, partition, denied.event)
    named = resources_for(action, denied.parameters, denied.resources, *place)
    whole = (*named.arns, *map(placeholder, named.missing))
    # Where a reader cut paths to keep rows few, the message is that of one call among many.
    cut = any(value.endswith(f"/{CUT}") for _, value in denied.parameters)
    if action != said.action or not said.resource or cut:
        return whole
    if said.resource in named.arns:
        return (said.resource,)
    roles = (("roleArn", said.resource),) if action == PASS_ROLE else ()
    return resources_for(action, roles, (said.resource,), *place).arns or whole


def _request(denied: Denied, who: Caller, action: str, arn: str) -> Request:
    """The request as far as the event tells it; its context holds every key that is known, in lower case."""
    owner = arn.split(":")[4:5]
    context = who.keys() | {
        "aws:requestedregion": denied.region,
        "aws:currenttime": denied.when.astimezone(UTC).isoformat(),
        "aws:epochtime": str(int(denied.when.timestamp())),
    }
    if owner and owner[0].isdigit():
        context["aws:resourceaccount"] = owner[0]
    for variable in "*?$":  # a request's own text has no variables
        arn = arn.replace(f"${{{variable}}}", variable)
    # A name to fill in is nobody's yet: the policy's own placeholder must not match it.
    arn = arn.replace(FILL_IN, "not-named-")
    return Request(action, arn, denied.principal, context, resource_account=who.account)


def _verdict(request: Request, tried: tuple[Probe, ...], said: Said) -> tuple[str, Probe | None]:
    unmet = [(probe, probe.unmet(request)) for probe in tried]
    denying = {
        how: next((p for p, found in unmet if p.statement.effect == "Deny" and found == how), None)
        for how in (WHOLE, UNSURE)
    }
    if sure := denying[WHOLE]:
        return EXPLICIT_DENY, sure
    if said.explicit:
        return (EXPLICIT_DENY, denying[UNSURE]) if denying[UNSURE] else (ELSEWHERE, None)
    allowing = [(probe, found) for probe, found in unmet if probe.statement.effect == "Allow"]
    probe, nearest = max(allowing, key=lambda pair: ORDER.index(pair[1]), default=(None, ACTION))
    if nearest == WHOLE:
        maybe = denying[UNSURE] if not said.implicit else None
        return (EXPLICIT_DENY, maybe) if maybe else (ALLOWED, probe)
    if nearest == ACTION:
        return ACTION, None
    return (CONDITION if nearest == UNSURE else nearest), probe


def _first(needs: Needs) -> tuple[str, str]:
    return needs[0][0], needs[0][1][0]


def _rectangles(by_action: dict[str, Sequence[str]]) -> list[Needs]:
    """Actions that were asked for on the same ARNs, together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for action, arns in by_action.items():
        alike.setdefault(tuple(arns), []).append(action)
    return [tuple((action, arns) for action in actions) for arns, actions in alike.items()]
