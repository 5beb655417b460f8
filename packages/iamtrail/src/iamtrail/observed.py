"""What a principal was seen doing: the rows that every way of reading CloudTrail gives, and the filters they share.

Observed, Denied and Reading are what files, lookup and Athena hand on.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from iampolicy.words import printable
from iamtrail.failures import used_permission
from iamtrail.parameters import Pairs
from iamtrail.trail_error import TrailError

# A session of a role, and the role it is one of (IAM User Guide, "IAM identifiers"); the session's ARN has no path.
SESSION = r"^arn:([^:]*):sts::([^:]*):assumed-role/([^/]+)/.*$"
ROLE = r"arn:\1:iam::\2:role/\3"
# What goes into ARNs as it is: no wildcard and no variable fits these (AWS General Reference, "AWS service endpoints";
# IAM User Guide, "IAM identifiers"). Of S3's anonymous callers and of services' own calls no account is recorded.
REGION = r"([a-z]+(-[a-z]+)+(-\d\d?)?)?"
ACCOUNT = r"\d*|ANONYMOUS_PRINCIPAL"
CALLER = r"arn:aws[a-z-]*:(iam|sts)::\d*:.+"
PATH_OF = r":(role|user)/.*/"  # of a role or a user, with its path
# The role of a permission set in an account (IAM Identity Center User Guide, "Referencing permission sets in resource
# policies").
PERMISSION_SET = r"/AWSReservedSSO_(.+)_[0-9a-f]+$"
# What a principal is, by how its ARN, number or name looks (same page; CloudTrail User Guide, "CloudTrail userIdentity
# element").
ROOT, SERVICE, PROVIDER = "root user", "service", "identity provider"
KINDS = (
    (r"arn:[^:]*:iam::\d*:root", ROOT),
    (r"arn:.*:role/.*AWSReservedSSO_.+_[0-9a-f]+", "permission set"),
    (r"arn:[^:]*:iam::\d*:role/.+", "role"),
    (r"arn:[^:]*:iam::\d*:user/.+", "user"),
    (r"arn:[^:]*:sts::\d*:federated-user/.+", "federated user"),
    (r"arn:[^:]*:iam::\d*:(oidc|saml)-provider/.+", PROVIDER),
    (r"\d{12}", "account"),
    (r".+\.amazonaws\.com(\.cn)?|AWS Internal", SERVICE),
)
NEAR = 5  # names that are offered in the place of one that nobody has
# Where a userIdentity names its principal, best first (CloudTrail User Guide, "CloudTrail userIdentity element").
PRINCIPAL = (
    ("sessionContext", "sessionIssuer", "arn"),  # AssumedRole: the role, with its path; FederatedUser: the user
    ("arn",),  # IAMUser, Root
    ("onBehalfOf", "userId"),  # IdentityCenterUser
    ("accountId",),  # AWSAccount: somebody of another account
    ("principalId",),  # SAMLUser, WebIdentityUser
    ("invokedBy",),  # AWSService
)
UNKNOWN = "unknown"  # a record that names nobody
FILES = 3  # names of files in a line
LONGEST_SHOWN = 300  # characters of a name in a message


@dataclass(frozen=True, order=True)
class Call:
    """What alike calls have in common, as far as permissions are concerned."""

    principal: str  # ARN of the role or user; an account's number, a service's name where no ARN is recorded
    account: str  # the one whose trail it is (recipientAccountId)
    region: str
    source: str  # "s3.amazonaws.com"
    event: str  # "GetObject"
    parameters: Pairs  # request parameters that decide an action or name a resource, dotted, sorted
    resources: tuple[str, ...]  # ARNs that the record lists, sorted


@dataclass(frozen=True)
class Observed(Call):
    """Calls of one principal that are alike but for their time."""

    context: Pairs  # evidence for conditions: invokedBy, mfa, tlsVersion, vpcEndpointId; sorted
    calls: int  # that succeeded
    first: datetime  # UTC, of all calls, failed ones too
    last: datetime
    errors: tuple[tuple[str, int], ...] = ()  # errorCode -> calls that failed with it; sorted

    @property
    def used(self) -> int:
        """The calls that used their permission: those that succeeded, and those that failed for another reason."""
        return self.calls + sum(calls for code, calls in self.errors if used_permission(code))


@dataclass(frozen=True)
class Denied(Call):
    """Calls that were refused for want of a permission, alike but for their time."""

    code: str
    message: str  # of the last one
    when: datetime  # UTC, of the last one
    calls: int


@dataclass(frozen=True)
class Filters:
    """Which events are read; what is None or empty lets everything through."""

    principal: str | None = None  # name or ARN of a role or user, or ARN of a session of the role
    start: datetime | None = None  # the first moment; UTC where no zone is given
    end: datetime | None = None  # the first moment after
    regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()  # whose trail it is

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, datetime):
                raise TrailError(f"{name} is {value!r}: give a datetime, such as datetime(2026, 9, 1, tzinfo=UTC)")
        if self.start and self.end and utc(self.start) >= utc(self.end):
            raise TrailError(f"the time from {self.start} to {self.end} is empty: give a start before the end")
        for name in ("regions", "accounts"):
            if isinstance(getattr(self, name), str):
                raise TrailError(f"{name} is {getattr(self, name)!r}: give a tuple, such as ({getattr(self, name)!r},)")

    @property
    def wanted(self) -> str | None:
        """The principal with a session folded into its role."""
        return asked_for(self.principal) if self.principal else None


EVERYTHING = Filters()
# Reasons for which something is left out as it was not asked for, or is no call: the others mean that it was not read.
NOT_ASKED = frozenset(
    {
        "digest file",
        "Insights file",
        "network activity file",
        "file of another service's log",
        "file of another account",
        "file of another Region",
        "file of another day",
        "Insights event",
        "network activity event",
        "event of a service itself, which nobody called",
        "outside the time range",
        "other Region",
        "other account",
        "other principal",
    }
)


@dataclass(frozen=True)
class Reading:
    """What was read, and what was left out and why."""

    observed: list[Observed]
    events: int  # that `observed` and its errors count
    skipped: dict[str, int] = field(default_factory=dict)  # reason -> files, records or events
    files: int = 0
    shortened: tuple[str, ...] = ()  # where values were too many to be kept apart; a line each
    denied: list[Denied] = field(default_factory=list)  # calls that were refused for want of a permission, sorted
    others: tuple[str, ...] = ()  # principals beside the one that was asked for; many only in part

    @property
    def unread(self) -> dict[str, int]:
        """What was left out though nobody asked for that: files and records that could not be read."""
        return {reason: count for reason, count in self.skipped.items() if reason.partition(": ")[0] not in NOT_ASKED}

    @property
    def summary(self) -> str:
        """One line for people: how much was read and what was left out."""
        text = counted(self.events, "event") + (f" in {counted(self.files, 'file')}" if self.files else "")
        skipped = "; ".join(grouped(self.skipped))
        text += f", {counted(len(self.observed), 'different call')}"
        return f"{text}. Left out: {skipped}" if skipped else text


def grouped(skipped: Mapping[str, int]) -> list[str]:
    """Reasons with their counts; those that name a file ("truncated gzip: a.json.gz") together, with a few names."""
    found: dict[str, list[tuple[str, int]]] = {}
    for reason, count in skipped.items():
        kind, _, name = reason.partition(": ")
        found.setdefault(kind, []).append((name, count))
    lines = []
    for kind, each in found.items():
        named = [name for name, _ in each if name]
        where = f" ({first_of(named, FILES)})" if named else ""
        lines.append(f"{kind}{where}: {sum(count for _, count in each):,}")
    return lines


def asked_for(name: str) -> str:
    """Whom somebody means who writes a name, an ARN, or the end of an ARN; the role, if it is a session of one."""
    short = re.fullmatch(r"assumed-role/([^/]+)(?:/.*)?", name, re.DOTALL)
    return short[1] if short else fold_session(name)


def fold_session(arn: str) -> str:
    """The role of an assumed-role session; any other text as it is."""
    return re.sub(SESSION, ROLE, arn, flags=re.DOTALL)


def is_called(principal: str, wanted: str) -> bool:
    """Whether a principal is the one that is wanted: by ARN, its path left out or not, or by name.

    A name is that of the role or user, with as much of the ARN before it as one likes, or of a permission set of IAM
    Identity Center. A session must be folded into its role.

    >>> is_called("arn:aws:iam::111122223333:role/team/app", "arn:aws:iam::111122223333:role/app")
    True
    """
    if wanted.startswith("arn:"):
        return without_path(principal) == without_path(wanted)
    return wanted in (principal, permission_set(principal)) or principal.endswith((f"/{wanted}", f":{wanted}"))


def without_path(arn: str) -> str:
    """The ARN of a role or user without its path, as a session's has none."""
    return re.sub(PATH_OF, r":\1/", arn, count=1, flags=re.DOTALL)


def permission_set(principal: str) -> str | None:
    """The name of the permission set of IAM Identity Center whose role in an account this is."""
    found = re.search(PERMISSION_SET, principal, re.DOTALL)
    return found[1] if found else None


def name_of(principal: str) -> str:
    """What people call a principal: its permission set, or the last part of its ARN."""
    return permission_set(principal) or principal.rpartition("/")[2] or principal


def kind_of(principal: str) -> str:
    """What a principal is, in a word or two: "role", "user", "service", "root user"; "other" where nothing says it.

    >>> kind_of("arn:aws:iam::111122223333:role/app"), kind_of("lambda.amazonaws.com")
    ('role', 'service')
    """
    return next((kind for form, kind in KINDS if re.fullmatch(form, principal, re.DOTALL)), "other")


def near(wanted: str, principals: Iterable[str]) -> list[str]:
    """The names, of those that there are, which are spelled like one that is not there; the nearest first."""
    names = {name_of(each).lower(): name_of(each) for each in principals}
    asked = name_of(wanted).lower()
    alike = difflib.get_close_matches(asked, names, NEAR, 0.6)
    alike += [name for name in sorted(names) if (asked in name or name in asked) and name not in alike]
    return [names[name] for name in alike[:NEAR]]


def utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken as UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def counted(number: int, noun: str) -> str:
    """ "1 call", "2,000 calls": a noun whose plural has an "s"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_of(names: Sequence[str], most: int) -> str:
    """The first names of many as one line of a message, between commas, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return one_line(", ".join(names[:most])) + more


def one_line(text: str) -> str:
    """The text as one line of a message holds it: no control characters, and an end where it is very long."""
    return printable(text, longest=LONGEST_SHOWN)
