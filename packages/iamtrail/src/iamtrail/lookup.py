"""The event history of the reader's account: management events of the last 90 days, through LookupEvents.

The history has no data events (such as s3:GetObject), and belongs to one account; a Region is asked at most twice a
second. Needed is cloudtrail:LookupEvents.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tqdm.auto import tqdm

from iampolicy import live
from iamtrail.aggregate import Aggregate, document, parsed
from iamtrail.live import client
from iamtrail.observed import EVERYTHING, Filters, Reading, utc
from iamtrail.trail_error import TrailError

KEPT = timedelta(days=90)  # CloudTrail API reference, "LookupEvents"
PAUSE = 0.5  # seconds between requests: two a second are allowed for an account and Region (same page)
PAGE = 50  # events a request (same page)
NEEDS = "cloudtrail:LookupEvents"
NOT_JSON = "event that is not JSON"
_USER = re.compile(r"arn:[^:]*:iam::\d{12}:user/(?:.*/)?(?P<name>[^/]+)", re.DOTALL)


def lookup_events(
    filters: Filters = EVERYTHING,
    event: str | None = None,
    limit: int = 50_000,
    clients: dict[str | None, Any] | None = None,
    progress: bool = True,
) -> Reading:
    """Read the event history and count what principals did.

    LookupEvents takes one attribute: the event name, if one is asked for, else the name of a user, if the filters
    have a user's ARN (a role's events carry the names of its sessions). All other filters work on what comes back.

    Args:
        event: the one event name that is wanted, such as "PutRolePolicy".
        limit: events that are asked for in each Region; where there are more, `skipped` says so.
        clients: a boto3 client for cloudtrail for each Region; None makes them for the filters' Regions, or for the
            Region of boto3's configuration.
        progress: show a bar over the events.

    Raises:
        TrailError: if the filters begin more than 90 days ago, and when AWS refuses or cannot be reached.
    """
    if filters.start and utc(filters.start) < datetime.now(UTC) - KEPT:
        raise TrailError(
            f"the event history has 90 days, and {filters.start} is before: start later, or read log files"
        )
    clients = clients or {region: client("cloudtrail", region) for region in filters.regions or (None,)}
    skipped: Counter[str] = Counter()
    with Aggregate(filters) as aggregate, tqdm(desc="CloudTrail events", unit="event", disable=not progress) as bar:
        for region, asked in clients.items():
            count = 0
            for page in _pages(asked, _question(filters, event)):
                records = [parsed(row.get("CloudTrailEvent") or "") for row in page]
                skipped[NOT_JSON] += records.count(None)
                aggregate.add([document(record for record in records if record is not None)])
                count += len(page)
                bar.update(len(page))
                if count >= limit:
                    skipped[f"later events of {region or 'the Region'}, not asked for: over {limit:,}"] += 1
                    break
        return aggregate.reading(+skipped)


def _question(filters: Filters, event: str | None) -> dict[str, Any]:
    user = _USER.fullmatch(filters.principal or "")
    attributes = [("EventName", event), ("Username", user and user["name"])]
    attribute = next(((key, value) for key, value in attributes if value), None)
    return {
        "MaxResults": PAGE,
        **({"StartTime": utc(filters.start)} if filters.start else {}),
        **({"EndTime": utc(filters.end)} if filters.end else {}),
        **({"LookupAttributes": [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}]} if attribute else {}),
    }


def _pages(asked: Any, question: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """The events page by page, newest first, as slowly as the quota wants."""
    while True:
        with live.asking("CloudTrail", NEEDS, TrailError):
            answer = asked.lookup_events(**question)
        yield answer.get("Events", [])
        if not (token := answer.get("NextToken")):
            return
        question = question | {"NextToken": token}
        time.sleep(PAUSE)
