"""What is known of a refused call: what AWS's message says, and how far each statement of a policy came with it.

A message is read by `iampolicy.denials`; in any other form it says nothing, as parts of it may be somebody else's
words. Near misses are measured by the same rules as decisions: a policy is made into probes, statements with parts
left out, and the simulator says which of them a request passes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from iampolicy import catalogue, denials
from iampolicy.conditions import satisfied
from iampolicy.denials import Kind
from iampolicy.document import Policy, Statement, as_list
from iampolicy.simulate import Request, consenting, simulate
from iamtrail import tables

IDENTITY, PUBLIC = "identity", "public_access"
LAKE = "lake"  # AWS Lake Formation Developer Guide, "Troubleshooting Lake Formation"
SOMEWHERE = "somewhere"  # an explicit deny of which the message does not say where it stands
KINDS = denials.KINDS | {  # kind of policy -> its name, and where to look
    LAKE: Kind("Lake Formation grant", "the grants of AWS Lake Formation on the database, the table and its columns"),
    SOMEWHERE: Kind("policy", "the policy of the resource, the permissions boundary and the organization's policies"),
}
LONGEST = 1_000  # characters of a message that a form of settings.txt is tried on
DECODE = (
    "More of it is in the encoded part of the message, which `aws sts decode-authorization-message` reads "
    "(sts:DecodeAuthorizationMessage)."
)
_SETTINGS = [  # form of a message -> what cures the refusal, where that is no policy
    (re.compile(form, re.IGNORECASE | re.DOTALL), cure)
    for form, cure, _ in (line.rsplit(" | ", 2) for line in tables.lines("settings.txt"))
]

# The first part that a request does not meet. UNSURE: a condition asks for keys that the request's context lacks.
ACTION, RESOURCE, CONDITION, UNSURE, WHOLE = "action", "resource", "condition", "unsure", "whole"
ORDER = (ACTION, RESOURCE, CONDITION, UNSURE, WHOLE)  # nearer and nearer


@dataclass(frozen=True)
class Message:
    """What a message says; None where it does not."""

    action: str | None = None  # of the catalogue, in its spelling
    resource: str | None = None  # as it stands, unquoted; nothing about it is checked
    kind: str | None = None  # of policy, a key of KINDS
    explicit: bool = False  # a Deny decided
    encoded: bool = False  # more is in an encoded part
    cure: str = ""  # what helps in the place of a policy

    @property
    def implicit(self) -> bool:
        """Whether the message says that an Allow is missing."""
        return self.kind is not None and not self.explicit


def read(message: str) -> Message:
    """Read an errorMessage; what AWS did not write itself, from its beginning on, says nothing."""
    said = denials.read(message)
    if said is None:
        bare = message.strip()
        if bare.startswith("Insufficient Lake Formation permission"):
            return Message(kind=LAKE)
        cure = next((cure for form, cure in _SETTINGS if len(bare) <= LONGEST and form.fullmatch(bare)), "")
        return Message(encoded=denials.is_encoded(bare), cure=cure)
    known = catalogue.load().action(said.action or "")
    kind = said.kind or (SOMEWHERE if said.explicit else None)
    return Message(known.name if known else None, said.resource, kind, bool(said.explicit), said.encoded)


@dataclass(frozen=True, eq=False)
class Probe:
    """A statement, and what it would allow without its condition, and on any resource."""

    place: int  # from 0
    statement: Statement
    unconditional: Policy
    anywhere: Policy
    variables: bool

    def unmet(self, request: Request) -> str:
        """The first part of the statement that a request does not meet; context keys of the request in lower case."""
        if not _has(self, request.action):
            return ACTION
        if not _allows(self.unconditional, request):
            return RESOURCE
        known, unknown = split(self.statement.condition, request.context)
        if not satisfied(known, request.context, self.variables):
            return CONDITION
        return UNSURE if unknown else WHOLE


def probes(policy: Policy) -> tuple[Probe, ...]:
    """A probe for each statement of a policy, in order."""
    version = policy.data.get("Version")
    raw = [each for each in as_list(policy.data.get("Statement")) if isinstance(each, dict)]

    def allowing(parts: Mapping[str, Any]) -> Policy:
        return Policy({"Version": version, "Statement": [{**parts, "Effect": "Allow"}]})

    found = []
    for place, (data, statement) in enumerate(zip(raw, policy.statements, strict=True)):
        free = {element: value for element, value in data.items() if element != "Condition"}
        scoped = "Resource" in free or "NotResource" in free  # without either it applies to nothing
        anywhere = {element: value for element, value in free.items() if element not in ("Resource", "NotResource")}
        found.append(
            Probe(
                place=place,
                statement=statement,
                unconditional=allowing(free),
                anywhere=allowing(anywhere | ({"Resource": "*"} if scoped else {})),
                variables=version == "2012-10-17",
            )
        )
    return tuple(found)


def split(condition: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tests of a condition that a context can decide, and the keys that it does not have, as they are written.

    Tests that are no object stay among the former: they are never satisfied.
    """
    known: dict[str, Any] = {}
    unknown: dict[str, None] = {}
    for operator, tests in condition.items():
        if not isinstance(tests, Mapping):
            known[operator] = tests
            continue
        decided = {key: value for key, value in tests.items() if key.lower() in context}
        unknown |= dict.fromkeys(key for key in tests if key.lower() not in context)
        if decided:
            known[operator] = decided
    return known, tuple(unknown)


@lru_cache(maxsize=65_536)
def _has(probe: Probe, action: str) -> bool:
    """Whether the statement speaks of an action at all, whoever asks for it; asked again for each of many calls."""
    return _allows(probe.anywhere, Request(action, "*", "arn:aws:iam::111122223333:role/anybody"))


def _allows(policy: Policy, request: Request) -> bool:
    return bool(simulate(request, identity=policy, resource=consenting(request)).statements)
