"""AWS's messages about a denied request: who wanted what, which kind of policy refused, and the least that would help.

A message comes in as it was copied, from the AWS CLI, an SDK, Terraform or a log; a Denial goes out. The forms are
those of the IAM User Guide, "Troubleshoot access denied error messages", and of the Amazon S3 User Guide, "Troubleshoot
access denied errors". Only what AWS writes before and after the name of a resource counts: the name may be anybody's.
"""

import html
import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

from iampolicy import catalogue, fixed, tables
from iampolicy.callers import Caller, caller, meaning
from iampolicy.document import PolicySyntaxError

LONGEST = 20_000  # characters; AWS's messages, with an encoded part, have some thousand
DECODE = "aws sts decode-authorization-message --encoded-message ..."
_CALL = re.compile(
    r"User: (?P<who>\S+) is not authorized to perform: (?P<action>[\w-]{1,64}:\w{1,128})(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_BEFORE = "You are not authorized to perform this operation. "
_RESOURCE = re.compile(r" on (?:the )?resource: (?P<arn>.+)", re.DOTALL)
_ENCODED = re.compile(r"\s*Encoded authorization failure message: \S+(?: .*)?$", re.IGNORECASE)
_SDK_END = re.compile(r"\s*\((?:Service|SDK|Status Code|HTTP)[^()]*(?:\([^()]*\)[^()]*)*\)[^)]*$")
_OPERATION = re.compile(r"(?:when calling the (?P<cli>\w+) operation|operation error (?P<service>[\w ]+): (?P<go>\w+))")
_EXPLICIT = re.compile(
    r"\s*with an explicit deny(?: in (?:an?|the) (?P<words>[A-Za-z -]+?)(?:: (?P<arn>arn:\S+))?)?\.?$"
)
_TRANSITIVE = re.compile(r"(?P<first>.+) transitively through an? (?P<second>.+)")
_IMPLICIT = re.compile(r"\s*because (?:no|the) (?P<words>[A-Za-z -]+?)s? (?:allows?|does not allow) the \S+ action\.?$")
_NEITHER = re.compile(r"\s*on (?:this|the) resource\b[^:]*? because the resource does not exist in this Region.*$")
_PUBLIC = re.compile(r"\s*because public [^:]*(?:BlockPublic|block public access)[^:]*$", re.IGNORECASE)
_IAM_KINDS = ("user", "role", "group", "policy", "instance-profile", "mfa")
_FRAME = re.compile(r"^[ \t│╷╵|>]+", re.MULTILINE)
_PLACE = re.compile(r"\n+with \S+,\s+on \S+ line \d+.*", re.DOTALL)  # Terraform says where it happened


@dataclass(frozen=True)
class Denial:
    """What a message says; None where it does not."""

    caller: str | None = None
    action: str | None = None  # in the catalogue's spelling
    resource: str | None = None  # as it stands, nothing about it is checked
    kind: str | None = None  # of policy, of KINDS
    explicit: bool | None = None  # a Deny decided; None: it is not said
    policy: str | None = None  # the ARN of the policy, where it is named
    encoded: bool = False  # more is in an encoded part
    sentences: tuple[str, ...] = ()
    statements: dict[str, dict[str, Any]] = field(default_factory=dict)  # kind of policy -> the least that allows it
    understood: bool = False  # it is a message about a denied request

    @property
    def statement(self) -> dict[str, Any] | None:
        """The least statement that would allow it, None if none can."""
        return next(iter(self.statements.values()), None)


def explain_denial(message: str) -> Denial:
    """Say which policy refused and what would help, from a message as AWS wrote it.

    >>> said = "User: arn:aws:iam::111122223333:user/ada is not authorized to perform: s3:GetObject on resource: "
    >>> said += '"arn:aws:s3:::photos/a" because no identity-based policy allows the s3:GetObject action'
    >>> denial = explain_denial(said)
    >>> denial.kind, denial.statement
    ('identity', {'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::photos/a'})

    Raises:
        PolicySyntaxError: if it is longer than any message of AWS.
    """
    if len(message) > LONGEST:
        raise PolicySyntaxError(f"a message of AWS has no more than {LONGEST:,} characters")
    bare = _PLACE.sub("", _FRAME.sub("", re.sub(r"</?\w+>", " ", message)))
    text = re.sub(r"\s+", " ", html.unescape(bare)).strip(" '`")
    encoded = is_encoded(text)
    text = _SDK_END.sub("", _ENCODED.sub("", text)).rstrip()
    call = _CALL.search(text)
    said = read(call[0]) if call else None
    if said is None:
        return _without_call(text, encoded)
    of_role = said.kind == "resource" and (said.action or "").lower().startswith("sts:assumerole")
    return _advised(replace(said, encoded=encoded, kind="trust" if of_role else said.kind))


def read(message: str) -> Denial | None:
    """What a message says, as AWS writes it with nothing around it; None if it does not say who wanted what."""
    text = message.rstrip()
    bare = _ENCODED.sub("", text).rstrip()
    found = _CALL.fullmatch(bare.removeprefix(_BEFORE))
    if found is None:
        return None
    rest, kind, explicit, policy = _without_end(found["rest"])
    named = _RESOURCE.fullmatch(rest.rstrip())
    resource = _resource(named["arn"].strip(), caller(found["who"])) if named else None
    known = catalogue.load().action(found["action"])
    action = known.name if known else found["action"]
    return Denial(found["who"], action, resource, kind, explicit, policy, encoded=bare != text, understood=True)


def is_encoded(message: str) -> bool:
    """Whether a message has an encoded part, which says more."""
    return _ENCODED.search(message) is not None


def _resource(text: str, who: Caller) -> str | None:
    """The ARN of a resource as a message has it: S3 quotes it, IAM writes "role NAME" or "policy ARN"."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    kind, _, name = text.rpartition(" ")
    if kind in _IAM_KINDS:
        return name if name.startswith("arn:") else f"arn:{who.partition}:iam::{who.account}:{kind}/{name}"
    return None if kind else text


def _without_end(rest: str) -> tuple[str, str | None, bool | None, str | None]:
    """The text before its end, the kind of policy that the end names, whether that denies, and the policy's ARN."""
    for form, explicit in ((_EXPLICIT, True), (_IMPLICIT, False)):
        if end := form.search(rest):
            words = (end["words"] or "").lower()
            if through := _TRANSITIVE.fullmatch(words):  # the last one decided
                words = through["second"]
            kind = _kinds().get(words) or _kinds().get(words.removesuffix("s"))
            if kind or not words:
                arn = end["arn"] if form is _EXPLICIT else None
                return rest[: end.start()], kind, explicit, arn
    if end := _NEITHER.search(rest):
        return rest[: end.start()], "resource", None, None
    if end := _PUBLIC.search(rest):
        return rest[: end.start()], "public_access", True, None
    return rest, None, None, None


def _without_call(text: str, encoded: bool) -> Denial:
    """A message that does not say who wanted what."""
    action = _operation(text)
    refused = encoded or re.search(
        r"access ?denied|unauthorized ?operation|not authorized|forbidden", text, re.IGNORECASE
    )
    if not refused:
        return Denial(sentences=("This is no message of AWS about a denied request.",))
    told = f"It was {action}. " if action else ""
    if encoded:
        said = f"{told}The message does not say what was denied; its encoded part does: {DECODE} reads it."
    else:
        said = (
            f"{told}The message does not say who was denied what, nor by which policy: AWS says it only within an "
            "account or organization. The record of the call in CloudTrail says more."
        )
    return Denial(action=action, encoded=encoded, sentences=(said,), understood=True)


def _operation(text: str) -> str | None:
    """The action that an SDK names as an operation, where one of that name is the only one."""
    found = _OPERATION.search(text)
    if found is None:
        return None
    operation, service = found["cli"] or found["go"], (found["service"] or "").lower().replace(" ", "")
    names = [name for name in catalogue.load().names if name.partition(":")[2] == operation]
    named = [name for name in names if name.startswith(f"{service}:")] if service else names
    return named[0] if len(named) == 1 else None


def _advised(said: Denial) -> Denial:
    """The denial with its sentences and the statements that would help."""
    who = caller(said.caller or "")
    action, resource = said.action or "", said.resource or "*"
    on = f" on {said.resource}" if said.resource else ""
    sentences = [f"{said.caller} may not do {action}{on}.", _decided_by(said)]
    statements: dict[str, dict[str, Any]] = {}
    law = fixed.decided(action, resource, who)
    if law and not law.allowed:
        sentences.append(f"No statement can help: {law.why}.")
    elif said.kind == "public_access":
        sentences.append("No statement can help: S3 Block Public Access of the bucket and of its account decides.")
    elif said.explicit:
        place = f"that policy, {said.policy}" if said.policy else "it"
        why = f"a Deny counts before every Allow. Find the Deny in {place}, and spare the caller there"
        sentences.append(f"No statement can help: {why}.")
        if said.kind == "service_control":
            sentences.append("If there is none, some level does not allow it: AWS writes of a Deny then, too.")
    elif said.kind == "resource_control":
        sentences.append("No statement can help: RCPFullAWSAccess allows everything already, so that a Deny refused.")
    else:
        statements = {kind: _statement(kind, action, resource, who) for kind in _lacking(said, who)}
        sentences.extend(_helping(said, statements, who))
    if said.kind:
        sentences.append("Other kinds of policies may refuse it, too: AWS names one.")
    if said.encoded:
        sentences.append(f"More is in the encoded part of the message: {DECODE} reads it.")
    return replace(said, sentences=tuple(sentences), statements=statements)


def _decided_by(said: Denial) -> str:
    if said.kind == "public_access":
        return "S3 Block Public Access refused."
    if said.kind is None:
        where = "the message does not say in which policy"
        return (
            f"An explicit Deny refused; {where}." if said.explicit else "The message does not say which policy refused."
        )
    name = KINDS[said.kind].words
    article = "an" if name[0] in "aeiou" else "a"
    how = {True: f"{article.capitalize()} {name} denies it explicitly", False: f"No {name} allows it"}
    either = f"{article.capitalize()} {name} refused it, by a Deny or for want of an Allow"
    named = f" ({said.policy})" if said.policy else ""
    return f"{how[said.explicit] if said.explicit is not None else either}{named}: look at {KINDS[said.kind].look}."


def _lacking(said: Denial, who: Caller) -> list[str]:
    """The kinds of policies that have to allow it, as far as the message tells."""
    if said.kind:
        return [said.kind]
    assumes = (said.action or "").lower().startswith("sts:assumerole") and who.account
    return ["identity", "trust"] if assumes else ["identity"]


def _statement(kind: str, action: str, resource: str, who: Caller) -> dict[str, Any]:
    """The least statement that allows it in a kind of policy."""
    known = catalogue.load().action(action)
    on = "*" if known and not known.resource_types and kind not in ("resource", "trust") else resource
    meant = meaning(who) if kind in ("resource", "trust") else {"Principal": "*"} if kind == "endpoint" else {}
    named = {"Principal": meant["Principal"]} if meant else {}
    limits = {"Condition": meant["Condition"]} if "Condition" in meant else {}
    return {"Effect": "Allow", **named, "Action": action, **({} if kind == "trust" else {"Resource": on}), **limits}


def _helping(said: Denial, statements: dict[str, dict[str, Any]], who: Caller) -> list[str]:
    places = " and ".join(f"the {KINDS[kind].words}" for kind in statements)
    one = len(statements) == 1
    sentences = [f"{'The least that would help is this' if one else 'It needs a'} statement in {places}."]
    if not said.resource and "trust" not in statements:
        sentences.append('The message names no resource: put its ARN in the place of "*", if the action has one.')
    owner = (said.resource or "").split(":")[4:5]
    if said.kind == "identity" and who.account and owner and owner[0].isdigit() and owner[0] != who.account:
        sentences.append(f"The resource is of account {owner[0]}, whose own policy must allow it, too.")
    if said.explicit is None and said.kind:
        sentences.append("Look for a Deny first: no Allow helps against it.")
    return sentences


class Kind(NamedTuple):
    """A kind of policy: AWS's words for it, and where to look for it."""

    words: str
    look: str


# The first row of a kind has the words in which we speak of it; the others are AWS's, too.
KINDS = {row["kind"]: Kind(row["words"], row["look"]) for row in reversed(tables.rows("denials.tsv"))}


@cache
def _kinds() -> dict[str, str]:
    """AWS's words for a kind of policy, in lower case -> the kind."""
    return {row["words"].lower(): row["kind"] for row in tables.rows("denials.tsv")}
