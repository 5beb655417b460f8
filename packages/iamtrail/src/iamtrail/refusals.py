"""What is known of a refused call: what AWS's message says, and how far each statement of a policy came with it.

A message is read in the forms of the IAM User Guide, "Troubleshoot access denied error messages"; in any other form it
says nothing, as parts of it may be somebody else's words. Near misses are measured by the same rules as decisions: a
policy is made into probes, statements with parts left out, and the simulator says which of them a request passes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from iampolicy import catalogue
from iampolicy.conditions import satisfied
from iampolicy.document import Policy, Statement, as_list
from iampolicy.simulate import Request, consenting, simulate
from iamtrail import tables

IDENTITY = "identity-based policy"
OF_RESOURCE, PUBLIC = "resource-based policy", "Block Public Access setting"
LAKE = "Lake Formation grant"  # AWS Lake Formation Developer Guide, "Troubleshooting Lake Formation"
SOMEWHERE = "policy"  # an explicit deny of which the message does not say where it stands
WHERE_TO_LOOK = {  # kind of policy, in AWS's words -> where to look
    IDENTITY: "look at the other policies that are attached to the principal and its groups",
    OF_RESOURCE: "look at the policy of the resource itself, in the account that owns it",
    "role trust policy": "look at the trust policy of the role, which names who may assume it",
    "permissions boundary": "look at the permissions boundary of the principal",
    "session policy": "look at the policies that were passed when the session began",
    "service control policy": "look at the organization's service control policies for the account and the units above",
    "resource control policy": "look at the organization's resource control policies for the resource's account",
    "VPC endpoint policy": "look at the policy of the VPC endpoint that the call went through",
    PUBLIC: "look at the S3 Block Public Access settings of the bucket and the account",
    LAKE: "look at the grants of AWS Lake Formation on the database, the table and its columns",
    SOMEWHERE: "look at the policy of the resource, the permissions boundary and the organization's policies",
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
_KINDS = "|".join(re.escape(kind) for kind in WHERE_TO_LOOK if kind not in (PUBLIC, LAKE, SOMEWHERE))
_REFUSAL = re.compile(
    r"(?:You are not authorized to perform this operation\. )?User: \S+ is not authorized to perform: "
    r"(?P<action>[\w-]{1,64}:\w{1,128})(?P<rest>.*)",
    re.DOTALL | re.ASCII,
)
_RESOURCE = re.compile(r" on resource: (?P<arn>.*)", re.DOTALL)
_ENCODED = re.compile(r"Encoded authorization failure message: [\w+/=-]+$", re.ASCII)
_TAILS = (  # the end of a message -> the kind of policy, where it has no group of that name
    (re.compile(rf"because no (?P<kind>{_KINDS}) allows the \S+ action\.?$", re.IGNORECASE), None),
    (re.compile(rf"with an explicit deny in (?:an?|the) (?P<kind>{_KINDS})(?:: arn:\S+)?\.?$", re.IGNORECASE), None),
    (re.compile(r"with an explicit deny\.?$", re.IGNORECASE), SOMEWHERE),
    (re.compile(r"on this resource because the resource does not exist in this Region[^:]{1,200}$"), OF_RESOURCE),
    (re.compile(r"because public [^:]{1,80}block public access[^:]{0,80}$", re.IGNORECASE), PUBLIC),
)

# The first part that a request does not meet. UNSURE: a condition asks for keys that the request's context lacks.
ACTION, RESOURCE, CONDITION, UNSURE, WHOLE = "action", "resource", "condition", "unsure", "whole"
ORDER = (ACTION, RESOURCE, CONDITION, UNSURE, WHOLE)  # nearer and nearer


@dataclass(frozen=True)
class Message:
    """What a message says; None where it does not."""

    action: str | None = None  # of the catalogue, in its spelling
    resource: str | None = None  # as it stands, unquoted; nothing about it is checked
    kind: str | None = None  # of policy, a key of WHERE_TO_LOOK
    explicit: bool = False  # a Deny decided
    encoded: bool = False  # more is in an encoded part
    cure: str = ""  # what helps in the place of a policy

    @property
    def implicit(self) -> bool:
        """Whether the message says that an Allow is missing."""
        return self.kind is not None and not self.explicit


def read(message: str) -> Message:
    """Read an errorMessage.

    The resource may have a name that somebody chose to look like the rest of a message: only what AWS writes before
    and after it counts, and S3 puts it in quotes.
    """
    text = message.rstrip()
    bare = _ENCODED.sub("", text).rstrip()
    encoded = bare != text
    if re.match(r"Insufficient Lake Formation permission", bare):
        return Message(kind=LAKE, encoded=encoded)
    if not (found := _REFUSAL.match(bare)):
        cure = next((cure for form, cure in _SETTINGS if len(bare) <= LONGEST and form.fullmatch(bare)), "")
        return Message(encoded=encoded, cure=cure)
    known = catalogue.load().action(found["action"])
    rest, kind, explicit = _without_tail(found["rest"])
    resource = _RESOURCE.fullmatch(rest)
    arn = resource["arn"].strip() if resource else ""
    quoted = len(arn) > 1 and arn[0] == arn[-1] == '"'
    if quoted:
        arn = arn[1:-1]
    elif re.search(r"\s", arn):  # the end has a form of its own, and is no part of a name
        arn = ""
    return Message(known.name if known else None, arn or None, kind, explicit, encoded)


def _without_tail(rest: str) -> tuple[str, str | None, bool]:
    """The text before its end, the kind of policy that the end names, and whether that denies."""
    for form, kind in _TAILS:
        if found := form.search(rest):
            named = kind or next(each for each in WHERE_TO_LOOK if each.lower() == found["kind"].lower())
            return rest[: found.start()].rstrip(), named, found[0].lower().startswith("with an")
    return rest, None, False


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
