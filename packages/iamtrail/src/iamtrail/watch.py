"""What a policy refused, and why: each denied call held against AWS's message and the statements of the policy.

The cure is in extension.py, what a policy allows and nobody used in dormant.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from iampolicy import words
from iampolicy.conditions import text_of
from iampolicy.document import PolicyLike, Statement, as_policy
from iampolicy.review import describe_condition
from iampolicy.simulate import Caller, Request, caller
from iamtrail import refusals
from iamtrail.drafting import FILL_IN, placeholder
from iamtrail.mapping import Mapping, actions_for
from iamtrail.naming import PASS_ROLE
from iamtrail.observed import Denied, one_line
from iamtrail.parameters import CUT
from iamtrail.refusals import ACTION, CONDITION, RESOURCE, UNSURE, WHOLE, Message, Probe
from iamtrail.resources import resources_for

HOLDERS = ("user", "role", "assumed-role", "federated-user")  # whom identity policies speak for
EXPLICIT_DENY, ELSEWHERE, ALLOWED, UNKNOWN = "explicit deny", "elsewhere", "allowed", "unknown"  # kinds of reasons
CURABLE = (ACTION, RESOURCE)  # by an extension of the policy
SHOWN = 3  # names in a sentence

Needs = tuple[tuple[str, tuple[str, ...]], ...]  # actions, each with the ARNs that it was asked for on


@dataclass(frozen=True)
class Explained:
    """Why a denied call, or some of the actions that it needed, was refused."""

    denied: Denied
    kind: str  # ACTION, RESOURCE or CONDITION, which was not met, or one of the above
    actions: tuple[str, ...]  # of the catalogue; if the kind is in CURABLE, each was asked for on each ARN
    arns: tuple[str, ...]  # FILL-IN- where the event does not name the resource, "*" where actions support none
    statement: int | None  # from 0: the one that nearly matched, that denies, or that allows
    sid: str | None
    why: str  # the end of the sentence: what was not met, or where to look
    sentence: str


def explain(denied: Sequence[Denied], policy: PolicyLike) -> list[Explained]:
    """Say of each denied call which statement of an identity policy nearly matched, and what was not met.

    Action and resource are those of the error message where it names them, else those of the mapping. A call that
    needed several actions gives a row for each reason; what was allowed is left out, unless all of it was.

    Args:
        denied: calls of the principals to whom the policy is attached.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    tried = refusals.probes(as_policy(policy))
    return [found for each in denied for found in _explained(each, tried)]


def _explained(denied: Denied, tried: tuple[Probe, ...]) -> list[Explained]:
    said = refusals.read(denied.message)
    needs, why = _needs(denied, said)
    who = caller(denied.principal)
    if said.cure:
        return [_row(denied, said, ELSEWHERE, needs, None, f"no policy can cure that: {said.cure}")]
    if said.kind and said.kind != refusals.IDENTITY and not (said.kind == refusals.SOMEWHERE and tried):
        return [_row(denied, said, ELSEWHERE, needs, None, _elsewhere(said))]
    if who.kind not in HOLDERS:
        why = f"{one_line(denied.principal)} is no role or user, to which an identity policy could be attached"
    if why:
        return [_row(denied, said, UNKNOWN, needs, None, why)]
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
        _row(denied, said, kind, group, probe, _reason(kind, probe, said, _request(denied, who, *_first(group))))
        for kind, probe, group in groups or [(*next(iter(verdicts)), needs)]
    ]


def _needs(denied: Denied, said: Message) -> tuple[Needs, str]:
    """What a call needed; or, with whatever is known, why that is not certain."""
    if said.action:
        mapping = Mapping((said.action,), True, "the message names it")
    else:
        mapping = actions_for(denied.source, denied.event, denied.parameters)
    needs = tuple((action, _arns(action, denied, said)) for action in mapping.actions)
    if not mapping.certain:
        return needs, f"which permission the call needs is not certain: {one_line(mapping.reason)}"
    if not needs:
        return needs, f"IAM asks for no permission here: {one_line(mapping.reason)}"
    lacking = [action for action, arns in needs if not arns]
    return needs, f"nothing says on which resource {lacking[0]} was asked for" if lacking else ""


def _arns(action: str, denied: Denied, said: Message) -> tuple[str, ...]:
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


def _verdict(request: Request, tried: tuple[Probe, ...], said: Message) -> tuple[str, Probe | None]:
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
    probe, nearest = max(allowing, key=lambda pair: refusals.ORDER.index(pair[1]), default=(None, ACTION))
    if nearest == WHOLE:
        maybe = denying[UNSURE] if not said.implicit else None
        return (EXPLICIT_DENY, maybe) if maybe else (ALLOWED, probe)
    if nearest == ACTION:
        return ACTION, None
    return (CONDITION if nearest == UNSURE else nearest), probe


def _first(needs: Needs) -> tuple[str, str]:
    return needs[0][0], needs[0][1][0]


def _rectangles(by_action: dict[str, list[str]]) -> list[Needs]:
    """Actions that were asked for on the same ARNs, together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for action, arns in by_action.items():
        alike.setdefault(tuple(arns), []).append(action)
    return [tuple((action, arns) for action in actions) for arns, actions in alike.items()]


def _row(denied: Denied, said: Message, kind: str, needs: Needs, probe: Probe | None, why: str) -> Explained:
    """The row of a verdict; `why` ends its sentence."""
    actions = tuple(dict.fromkeys(action for action, _ in needs))
    arns = tuple(dict.fromkeys(arn for _, arns in needs for arn in arns))
    why = f"{why}."
    if kind in CURABLE and any(FILL_IN in arn for arn in arns):
        why += " The event does not name the resource: replace what begins with FILL-IN-."
    if said.encoded:
        why += f" {refusals.DECODE}"
    sid = probe.statement.sid if probe and isinstance(probe.statement.sid, str) else None
    row = Explained(denied, kind, actions, arns, probe.place if probe else None, sid, why, "")
    return replace(row, sentence=_sentence([row]))


def told(rows: Iterable[Explained]) -> list[str]:
    """A sentence for each kind of refusal: what differs only in resources and times is one, with its count."""
    alike: dict[tuple[object, ...], list[Explained]] = {}
    for row in rows:
        what = row.actions or (row.denied.source, row.denied.event)
        alike.setdefault((row.denied.principal, row.kind, what, row.statement, row.why), []).append(row)
    return [_sentence(group) for group in alike.values()]


def _sentence(alike: Sequence[Explained]) -> str:
    first, last = alike[0], max(row.denied.when for row in alike)
    arns = tuple(dict.fromkeys(arn for row in alike for arn in row.arns))
    calls = sum(row.denied.calls for row in alike)
    what = _listed(first.actions) or f"{one_line(first.denied.source)} {one_line(first.denied.event)}"
    where = f" on {_listed(arns)}" if arns and arns != ("*",) else ""
    times = f"{calls:,} times, last" if calls > 1 else "once,"
    refused = f"{one_line(first.denied.principal)} was refused {what}{where}"
    return f"{refused} ({times} on {last:%d %B %Y at %H:%M}): {first.why}"


def _elsewhere(said: Message) -> str:
    """That a policy which the message speaks of decided, and where to look."""
    kind = said.kind or refusals.SOMEWHERE
    words, look = refusals.KINDS[kind]
    which = "another" if kind in (refusals.IDENTITY, refusals.SOMEWHERE) else "a"
    if kind == refusals.PUBLIC or said.explicit:
        decided = f"{which} {words} denies it explicitly"
    else:
        decided = f"no {words} allows it"
    return f"{decided}; no extension of this policy can cure that: look at {look}"


def _reason(kind: str, probe: Probe | None, said: Message, request: Request) -> str:
    """What of a policy was not met, or denies."""
    if kind == ELSEWHERE:
        return _elsewhere(said)
    if probe is None:
        return "no statement allows the action"
    name, statement = _name(probe), probe.statement
    if kind == RESOURCE:
        return f"{name} allows {request.action}, but only on {_scope(statement)}"
    when = _when(statement, request)
    if kind == CONDITION:
        return f"{name} allows it, but only if {when}"
    if kind == EXPLICIT_DENY:
        may = f" if {when}" if when else ""
        return f"{name} denies it{may}; no Allow can cure that: narrow this Deny, or leave the call refused"
    return (
        f"{name} allows it already: the call was before a change of the policy, or a policy elsewhere decides, such as "
        "a permissions boundary, a service control policy or the policy of the resource"
    )


def _name(probe: Probe) -> str:
    sid = probe.statement.sid
    return f"statement {probe.place + 1}" + (f" ({one_line(sid)})" if isinstance(sid, str) and sid else "")


def _scope(statement: Statement) -> str:
    if statement.not_resources is not None:
        return f"what is not {_listed(statement.not_resources, 'or')}"
    return _listed(statement.resources or ()) or "no resource"


def _when(statement: Statement, request: Request) -> str:
    """A condition in words, with what the event says about its keys; empty if there is none."""
    tests = [(op, keys) for op, keys in statement.condition.items() if isinstance(keys, dict)]
    if len(tests) < len(statement.condition):
        return "a condition holds that AWS cannot read"
    said = [one_line(describe_condition(op, key, value)) for op, keys in tests for key, value in keys.items()]
    keys = dict.fromkeys(key for _, keys in tests for key in keys)
    _, unknown = refusals.split(statement.condition, request.context)
    facts = [
        f"{one_line(key)} was {one_line(text_of(request.context[key.lower()]))}" for key in keys if key not in unknown
    ]
    facts += [f"the event does not say {_listed(unknown)}"] if unknown else []
    return " and ".join(said) + (f" ({'; '.join(facts)})" if facts else "")


def _listed(names: Iterable[str], last: str = "and") -> str:
    return words.listed(map(one_line, names), last, most=SHOWN)
