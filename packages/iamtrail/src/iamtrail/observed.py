"""What a principal was seen doing: the rows that every way of reading CloudTrail gives, and the filters they share.

Observed, Denied and Reading are what files, lookup and Athena hand on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from iampolicy.words import printable
from iamtrail.errors import TrailError
from iamtrail.parameters import Pairs

# A session of a role, and the role it is one of (IAM User Guide, "IAM identifiers"); the session's ARN has no path.
SESSION = r"^arn:([^:]*):sts::([^:]*):assumed-role/([^/]+)/.*$"
ROLE = r"arn:\1:iam::\2:role/\3"
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

# Error codes with which services refuse for want of a permission: "AccessDenied", "Client.UnauthorizedOperation" ...
REFUSED = r"(AccessDenied|Unauthorized(Operation|Access)?|AuthorizationError|NotAuthorized)(Exception)?$"


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
        return fold_session(self.principal) if self.principal else None


EVERYTHING = Filters()


@dataclass(frozen=True)
class Reading:
    """What was read, and what was left out and why."""

    observed: list[Observed]
    events: int  # that `observed` and its errors count
    skipped: dict[str, int] = field(default_factory=dict)  # reason -> files, records or events
    files: int = 0
    shortened: tuple[str, ...] = ()  # where values were too many to be kept apart; a line each
    denied: list[Denied] = field(default_factory=list)  # calls that were refused for want of a permission, sorted

    @property
    def summary(self) -> str:
        """One line for people: how much was read and what was left out."""
        text = counted(self.events, "event") + (f" in {counted(self.files, 'file')}" if self.files else "")
        skipped = "; ".join(grouped(self.skipped))
        return f"{text}, {len(self.observed):,} different calls" + (f". Left out: {skipped}" if skipped else "")


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


def fold_session(arn: str) -> str:
    """The role of an assumed-role session; any other text as it is."""
    return re.sub(SESSION, ROLE, arn, flags=re.DOTALL)


def utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken as UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def counted(number: int, noun: str) -> str:
    """ "1 call", "2,000 calls"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_of(names: Sequence[str], most: int) -> str:
    """The first names of many as one line of a message, between commas, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return one_line(", ".join(names[:most])) + more


def one_line(text: str) -> str:
    """The text as one line of a message holds it: no control characters, and an end where it is very long."""
    return printable(text, longest=LONGEST_SHOWN)
