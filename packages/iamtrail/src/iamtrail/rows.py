"""Rows of an aggregation, whichever database made them, to a Reading or a list of Denied.

Rows come in with request parameters as JSON text; what the mapping does not need of them is dropped here.
"""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from iamtrail.observed import REFUSED, Denied, Observed, Reading, printable
from iamtrail.parameters import flatten, kept

MOST = 1_000  # rows that are kept apart of one principal, account, Region, source and event
LONGEST = 65_536  # characters of one request parameter, and of an error's message
# Parameters that name what lives for one run; lower-case. Where they are too many, nothing is lost with them.
PASSING = (
    *("rolesessionname", "logstreamname", "changesetname", "queryexecutionid", "executionarn", "uploadid"),
    *("clientrequesttoken", "jobid", "jobrunid", "taskid", "task", "tasks", "commandid", "operationid", "sessionid"),
    *("receipthandle", "messageid", "imagetag", "imagedigest", "versionid", "requestid", "traceid", "eventid"),
)


@dataclass(frozen=True)
class Row:
    """Alike calls as a database counts them."""

    principal: str
    account: str
    region: str
    source: str
    event: str
    parameters: Mapping[str, str | None]  # name -> JSON text
    resources: tuple[str, ...]  # ARNs, in the record's order
    via: str | None
    mfa: str | None
    tls: str | None
    endpoint: str | None
    error: str | None
    calls: int
    first: datetime  # UTC, without a zone
    last: datetime
    message: str | None  # of the last call that was refused
    shortened: bool  # paths are cut: see `reading`
    beyond: bool  # parameters and resources are lost

    @property
    def key(self) -> tuple[Any, ...]:
        """The fields of Observed as far as `context`."""
        context = {"invokedBy": self.via, "mfa": self.mfa, "tlsVersion": self.tls, "vpcEndpointId": self.endpoint}
        return (
            *(self.principal, self.account, self.region, self.source, self.event),
            flatten({name: _parsed(text) for name, text in self.parameters.items()}),
            tuple(sorted(set(self.resources))),
            tuple((name, value) for name, value in context.items() if value),
        )


FIELDS = tuple(field.name for field in dataclasses.fields(Row))


def names() -> list[str]:
    """The request parameters that are kept: their names at the top level, lower-case, sorted."""
    return sorted({name.partition(".")[0].lower() for name in kept()})


def reading(rows: Iterable[Row], skipped: Counter[str], files: int = 0, most: int = MOST) -> Reading:
    """Put rows together, sorted.

    Where one principal's calls to one event in one Region have more than `most` rows, `shortened` of the Reading says
    so: values of PASSING are literal.CUT, paths are cut after their first part, and what is then still beyond is one
    row.
    """
    alike: dict[tuple, list[Row]] = {}
    for row in rows:
        alike.setdefault(row.key, []).append(row)
    observed = [_observed(key, found) for key, found in sorted(alike.items())]
    every = [row for found in alike.values() for row in found]
    return Reading(
        observed=observed,
        events=sum(row.calls for row in every),
        skipped=dict(sorted(skipped.items())),
        files=files,
        shortened=_shortened(every, most),
        denied=_refused(every),
    )


def _refused(rows: Iterable[Row]) -> list[Denied]:
    alike: dict[tuple, list[Row]] = {}
    for row in rows:
        if row.error and re.search(REFUSED, row.error):
            alike.setdefault((*row.key[:7], row.error), []).append(row)
    return [_denied(key, found) for key, found in sorted(alike.items())]


def _denied(key: tuple, rows: list[Row]) -> Denied:
    last = max(rows, key=lambda row: (row.last, row.message or ""))
    return Denied(*key, last.message or "", _moment(last.last), sum(row.calls for row in rows))


def _observed(key: tuple, rows: list[Row]) -> Observed:
    errors: Counter[str | None] = Counter()
    for row in rows:
        errors[row.error] += row.calls
    calls = errors.pop(None, 0)
    first, last = min(row.first for row in rows), max(row.last for row in rows)
    return Observed(*key, calls, _moment(first), _moment(last), tuple(sorted(errors.items())))


def _shortened(rows: list[Row], most: int) -> tuple[str, ...]:
    lost: Counter[str] = Counter()
    for row in rows:
        if row.shortened:
            name = printable(f"{row.source} {row.event} by {row.principal} in {row.region}")
            lost[name] += row.calls if row.beyond else 0
    return tuple(
        f"{name}: more than {most:,} different calls, so paths are cut after their first part"
        + (f", and {count:,} calls have lost their parameters and resources" if count else "")
        for name, count in sorted(lost.items())
    )


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):  # a number of thousands of digits, or nested without end: names no resource
        return None


def _moment(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC)
