"""Why a denied call was refused, in a row and in one sentence for people.

A verdict about a call comes in, with the statement that it is about; an Explained goes out. Names of the event and of
the policy stand in the sentence as `printable` shows them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from iampolicy.conditions import text_of
from iampolicy.document import Statement
from iampolicy.review import describe_condition
from iampolicy.simulate import Request
from iamtrail import messages
from iamtrail.drafting import FILL_IN
from iamtrail.messages import Said
from iamtrail.nearest import ACTION, CONDITION, RESOURCE, Probe, split
from iamtrail.observed import Denied, printable

EXPLICIT_DENY, ELSEWHERE, ALLOWED, UNKNOWN = "explicit deny", "elsewhere", "allowed", "unknown"
KINDS = (ACTION, RESOURCE, CONDITION, EXPLICIT_DENY, ELSEWHERE, ALLOWED, UNKNOWN)
CURABLE = (ACTION, RESOURCE)  # by an extension of the policy
SHOWN = 3  # names in a sentence

Needs = tuple[tuple[str, tuple[str, ...]], ...]  # actions, each with the ARNs that it was asked for on


@dataclass(frozen=True)
class Explained:
    """Why a denied call, or some of the actions that it needed, was refused."""

    denied: Denied
    kind: str  # one of KINDS
    actions: tuple[str, ...]  # of the catalogue; if the kind is in CURABLE, each was asked for on each ARN
    arns: tuple[str, ...]  # FILL-IN- where the event does not name the resource, "*" where actions support none
    statement: int | None  # from 0: the one that nearly matched, that denies, or that allows
    sid: str | None
    sentence: str


def row(denied: Denied, said: Said, kind: str, needs: Needs, probe: Probe | None, why: str) -> Explained:
    """The row of a verdict; `why` ends its sentence."""
    actions = tuple(dict.fromkeys(action for action, _ in needs))
    arns = tuple(dict.fromkeys(arn for _, arns in needs for arn in arns))
    what = _listed(actions) or f"{printable(denied.source)} {printable(denied.event)}"
    where = f" on {_listed(arns)}" if arns and arns != ("*",) else ""
    times = f"{denied.calls:,} times, last" if denied.calls > 1 else "once,"
    sentence = (
        f"{printable(denied.principal)} was refused {what}{where} ({times} on {denied.when:%d %B %Y at %H:%M}): {why}."
    )
    if any(FILL_IN in arn for arn in arns):
        sentence += " The event does not name the resource: replace what begins with FILL-IN-."
    if said.encoded:
        sentence += f" {messages.DECODE}"
    sid = probe.statement.sid if probe and isinstance(probe.statement.sid, str) else None
    return Explained(denied, kind, actions, arns, probe.place if probe else None, sid, sentence)


def elsewhere(said: Said) -> str:
    """That a policy which the message speaks of decided, and where to look."""
    kind = said.kind or messages.SOMEWHERE
    which = "another" if kind in (messages.IDENTITY, messages.SOMEWHERE) else "a"
    if kind == messages.PUBLIC or said.explicit:
        decided = f"{which} {kind} denies it explicitly"
    else:
        decided = f"no {kind} allows it"
    return f"{decided}; no extension of this policy can cure that: {messages.ELSEWHERE[kind]}"


def reason(kind: str, probe: Probe | None, said: Said, request: Request) -> str:
    """What of a policy was not met, or denies."""
    if kind == ELSEWHERE:
        return elsewhere(said)
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
    return f"statement {probe.place + 1}" + (f" ({printable(sid)})" if isinstance(sid, str) and sid else "")


def _scope(statement: Statement) -> str:
    if statement.not_resources is not None:
        return f"what is not {_listed(statement.not_resources, 'or')}"
    return _listed(statement.resources or ()) or "no resource"


def _when(statement: Statement, request: Request) -> str:
    """A condition in words, with what the event says about its keys; empty if there is none."""
    tests = [(op, keys) for op, keys in statement.condition.items() if isinstance(keys, dict)]
    if len(tests) < len(statement.condition):
        return "a condition holds that AWS cannot read"
    words = [printable(describe_condition(op, key, value)) for op, keys in tests for key, value in keys.items()]
    keys = dict.fromkeys(key for _, keys in tests for key in keys)
    _, unknown = split(statement.condition, request.context)
    facts = [
        f"{printable(key)} was {printable(text_of(request.context[key.lower()]))}" for key in keys if key not in unknown
    ]
    facts += [f"the event does not say {_listed(unknown)}"] if unknown else []
    return " and ".join(words) + (f" ({'; '.join(facts)})" if facts else "")


def _listed(names: Iterable[str], last: str = "and") -> str:
    shown = [printable(name) for name in names]
    if len(shown) > SHOWN:
        shown = [*shown[: SHOWN - 1], f"{len(shown) - SHOWN + 1} more"]
    return f" {last} ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)
