"""What an access-denied message of AWS says: the action, the resource, and which kind of policy decided.

An event's errorMessage comes in, a Said goes out. The forms are those of the IAM User Guide, "Troubleshoot access
denied error messages"; a message in any other form says nothing, as parts of it may be somebody else's words.
"""

import re
from dataclasses import dataclass

from iampolicy import catalogue

IDENTITY = "identity-based policy"
OF_RESOURCE, PUBLIC = "resource-based policy", "Block Public Access setting"
LAKE = "Lake Formation grant"  # AWS Lake Formation Developer Guide, "Troubleshooting Lake Formation"
SOMEWHERE = "policy"  # an explicit deny of which the message does not say where it stands
ELSEWHERE = {  # kind of policy, in AWS's words -> where to look
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
DECODE = (
    "More of it is in the encoded part of the message, which `aws sts decode-authorization-message` reads "
    "(sts:DecodeAuthorizationMessage)."
)

_KINDS = "|".join(re.escape(kind) for kind in ELSEWHERE if kind not in (PUBLIC, LAKE, SOMEWHERE))
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


@dataclass(frozen=True)
class Said:
    """What a message says; None where it does not."""

    action: str | None = None  # of the catalogue, in its spelling
    resource: str | None = None  # as it stands, unquoted; nothing about it is checked
    kind: str | None = None  # of policy, a key of ELSEWHERE
    explicit: bool = False  # a Deny decided
    encoded: bool = False  # more is in an encoded part

    @property
    def implicit(self) -> bool:
        """Whether the message says that an Allow is missing."""
        return self.kind is not None and not self.explicit


def read(message: str) -> Said:
    """Read an errorMessage.

    The resource may have a name that somebody chose to look like the rest of a message: only what AWS writes before
    and after it counts, and S3 puts it in quotes.
    """
    text = message.rstrip()
    bare = _ENCODED.sub("", text).rstrip()
    encoded = bare != text
    if re.match(r"Insufficient Lake Formation permission", bare):
        return Said(kind=LAKE, encoded=encoded)
    if not (found := _REFUSAL.match(bare)):
        return Said(encoded=encoded)
    known = catalogue.load().action(found["action"])
    rest, kind, explicit = _without_tail(found["rest"])
    resource = _RESOURCE.fullmatch(rest)
    arn = resource["arn"].strip() if resource else ""
    quoted = len(arn) > 1 and arn[0] == arn[-1] == '"'
    if quoted:
        arn = arn[1:-1]
    elif re.search(r"\s", arn):  # the end has a form of its own, and is no part of a name
        arn = ""
    return Said(known.name if known else None, arn or None, kind, explicit, encoded)


def _without_tail(rest: str) -> tuple[str, str | None, bool]:
    """The text before its end, the kind of policy that the end names, and whether that denies."""
    for form, kind in _TAILS:
        if found := form.search(rest):
            named = kind or next(each for each in ELSEWHERE if each.lower() == found["kind"].lower())
            return rest[: found.start()].rstrip(), named, found[0].lower().startswith("with an")
    return rest, None, False
