"""Who is in a log: each role, user and service with what it is, how much it did, and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from iamtrail.observed import Observed, counted, kind_of, name_of, one_line

if TYPE_CHECKING:
    import pandas

STEPS = ((365, "year"), (30, "month"), (7, "week"), (1, "day"))  # days of a word, longest first


@dataclass(frozen=True)
class Seen:
    """A principal of one account's trail."""

    name: str  # of the role or user, or the permission set; of others as the log has it
    kind: str  # "role", "user", "service" (see observed.kind_of)
    account: str  # its own; that of the trail, where the log does not say
    principal: str  # the ARN
    events: int  # also those that failed
    failed: int  # of them
    first: datetime  # UTC
    last: datetime


def who(observed: Iterable[Observed]) -> list[Seen]:
    """Everybody whose calls are among the rows, who did most first."""
    found: dict[tuple[str, str], list[Observed]] = {}
    for row in observed:
        fields = row.principal.split(":")
        own = fields[4] if len(fields) > 5 and fields[0] == "arn" else ""
        found.setdefault((row.principal, own or row.account), []).append(row)
    seen = [_seen(principal, account, rows) for (principal, account), rows in found.items()]
    return sorted(seen, key=lambda each: (-each.events, each.principal, each.account))


def _seen(principal: str, account: str, rows: list[Observed]) -> Seen:
    failed = sum(calls for row in rows for _, calls in row.errors)
    return Seen(
        name=name_of(principal),
        kind=kind_of(principal),
        account=account,
        principal=principal,
        events=sum(row.calls for row in rows) + failed,
        failed=failed,
        first=min(row.first for row in rows),
        last=max(row.last for row in rows),
    )


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, in the longest word that fits: "3 weeks ago"; the day itself if that is still to come.

    >>> ago(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 24, tzinfo=UTC))
    '3 weeks ago'
    """
    days = (now.astimezone(UTC).date() - moment.astimezone(UTC).date()).days
    if days < 0:
        return f"{moment:%Y-%m-%d}"
    if days < 2:
        return "yesterday" if days else "today"
    length, word = next((length, word) for length, word in STEPS if days >= length)
    return f"{counted(days // length, word)} ago"


def table(seen: Iterable[Seen], now: datetime | None = None) -> "pandas.DataFrame":
    """The same for people; columns: who, kind, account, events, failed, first seen, last seen."""
    import pandas  # loads slowly, and only this needs it

    at = now or datetime.now(UTC)
    return pandas.DataFrame(
        {
            "who": one_line(each.name),
            "kind": each.kind,
            "account": each.account,
            "events": f"{each.events:,}",
            "failed": f"{each.failed:,}" if each.failed else "",
            "first seen": ago(each.first, at),
            "last seen": ago(each.last, at),
        }
        for each in seen
    )
