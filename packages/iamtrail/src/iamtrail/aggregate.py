"""Events to rows, in DuckDB: the one place that knows it.

Texts of {"Records": [...]} come in batch by batch, are parsed, filtered and counted in SQL, and Rows go out. What is
kept in memory does not grow with the number of events: alike calls are one row, and there is a limit to the rows of
one event name that are kept apart.
"""

import json
import os
import struct
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from iamtrail.errors import TrailError
from iamtrail.literal import CUT, LOST, PATH
from iamtrail.observed import PRINCIPAL, REFUSED, ROLE, SESSION, UNKNOWN, Filters, utc
from iamtrail.rows import FIELDS, LONGEST, MOST, PASSING, Row, names

MEMORY = "768MB"  # of DuckDB; what is beyond goes to a temporary folder
WAITING = 200_000  # rows that are added before alike ones are put together again

SHAPE = {  # the fields of a record that are read; MAP: request parameters differ from event to event
    **dict.fromkeys(("eventTime", "eventSource", "eventName", "awsRegion", "recipientAccountId"), "VARCHAR"),
    **dict.fromkeys(("eventCategory", "eventType", "errorCode", "errorMessage", "vpcEndpointId"), "VARCHAR"),
    "userIdentity": {
        **dict.fromkeys(("arn", "accountId", "principalId", "invokedBy"), "VARCHAR"),
        "sessionContext": {"sessionIssuer": {"arn": "VARCHAR"}, "attributes": {"mfaAuthenticated": "VARCHAR"}},
        "onBehalfOf": {"userId": "VARCHAR"},
    },
    "tlsDetails": {"tlsVersion": "VARCHAR"},
    "resources": [{"ARN": "VARCHAR"}],
    "requestParameters": "MAP(VARCHAR, JSON)",
}
GROUP = "principal, account, region, source, event"
ROW = f"{GROUP}, parameters, resources, via, mfa, tls, endpoint, error"

CALLS = """CREATE TABLE calls (
    principal VARCHAR, account VARCHAR, region VARCHAR, source VARCHAR, event VARCHAR,
    parameters STRUCT("key" VARCHAR, "value" VARCHAR)[], resources VARCHAR[],
    via VARCHAR, mfa VARCHAR, tls VARCHAR, endpoint VARCHAR, error VARCHAR,
    calls BIGINT, first TIMESTAMP, last TIMESTAMP, message VARCHAR, shortened BOOLEAN, beyond BOOLEAN)"""

# Only constants of this project stand in the SQL; what comes from outside is a parameter ($) or a table.
_SHAPE = json.dumps({"Records": [SHAPE]})
_PRINCIPAL = ", ".join(f"nullif(r.userIdentity.{'.'.join(path)}, '')" for path in PRINCIPAL)
BATCH = f"""CREATE OR REPLACE TEMP TABLE batch AS
WITH records AS (SELECT unnest(from_json(text, '{_SHAPE}').Records) AS r FROM documents),
events AS (
    SELECT r, try_strptime(r.eventTime, '%Y-%m-%dT%H:%M:%SZ') AS time,
        regexp_replace(coalesce({_PRINCIPAL}, '{UNKNOWN}'), '{SESSION}', '{ROLE}', 's') AS principal,
        coalesce(r.recipientAccountId, r.userIdentity.accountId, '') AS account,
        coalesce(r.awsRegion, '') AS region, r.eventSource AS source, r.eventName AS event
    FROM records),
told AS (
    SELECT *, CASE
        WHEN r IS NULL OR (r.eventTime IS NULL AND source IS NULL AND event IS NULL AND r.userIdentity IS NULL)
            THEN 'record that is no object of CloudTrail'
        WHEN time IS NULL OR coalesce(source, '') = '' OR coalesce(event, '') = ''
            THEN 'record without eventTime, eventSource or eventName'
        WHEN r.eventCategory = 'Insight' THEN 'Insights event'
        WHEN r.eventCategory = 'NetworkActivity' THEN 'network activity event'
        WHEN r.eventType = 'AwsServiceEvent' THEN 'event of a service itself, which nobody called'
        WHEN time < $start OR time >= $end THEN 'outside the time range'
        WHEN len($regions) > 0 AND NOT list_contains($regions, region) THEN 'other Region'
        WHEN len($accounts) > 0 AND NOT list_contains($accounts, account) THEN 'other account'
        -- A session's ARN has no path, its role's may have one.
        WHEN starts_with($principal, 'arn:') AND principal <> $principal
            AND regexp_replace(principal, ':role/.*/', ':role/') <> $principal THEN 'other principal'
        WHEN NOT starts_with($principal, 'arn:') AND principal <> $principal
            AND NOT ends_with(principal, '/' || $principal) AND NOT ends_with(principal, ':' || $principal)
            THEN 'other principal'
        END AS reason
    FROM events)
SELECT reason, {GROUP}, r.requestParameters AS parameters, r.resources AS resources,
    r.userIdentity.invokedBy AS via, r.userIdentity.sessionContext.attributes.mfaAuthenticated AS mfa,
    r.tlsDetails.tlsVersion AS tls, r.vpcEndpointId AS endpoint, nullif(r.errorCode, '') AS error,
    count(*) AS calls, min(time) AS first, max(time) AS last,
    max_by(left(r.errorMessage, {LONGEST}), {{'time': time, 'message': r.errorMessage}})
        FILTER (regexp_matches(r.errorCode, '{REFUSED}')) AS message
FROM told GROUP BY ALL"""
SKIPPED = "SELECT reason, sum(calls) FROM batch WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"
# The names that occur are few, and those that are kept are many: looked for are only the kept ones that occur.
KEYS = "SELECT DISTINCT unnest(map_keys(parameters)) FROM batch WHERE reason IS NULL"
# What stands for a cut value must not come from outside, neither as it is nor as JSON can write it. It is replaced, not
# taken out: what is left of "\\\\ue000ue000" without its middle would be the sign again.
_SAFE = rf"regexp_replace(replace(pair.value, '{CUT}', '{LOST}'), '\\ue000', '\\ufffd', 'gi')"
ADD = rf"""INSERT INTO calls SELECT {GROUP},
    list_transform(list_filter(coalesce(map_entries(parameters), []),
        lambda pair: list_contains($keys, pair.key) AND len(pair.value) <= {LONGEST}),
        lambda pair: struct_pack("key" := pair.key, "value" := {_SAFE})),
    list_filter(list_transform(coalesce(resources, []), lambda each: replace(each.ARN, '{CUT}', '{LOST}')),
        lambda arn: starts_with(arn, 'arn:')),
    via, mfa, tls, endpoint, error, calls, first, last, message, false, false
FROM batch WHERE reason IS NULL"""
# Too many rows of an operation are made fewer in two steps, which leave the same rows in whatever order events come.
# First, names that live for one run become CUT, and paths are cut after their first part ("sales/2026/a" becomes
# "sales/" and CUT), in parameters and in ARNs. If that is not enough, rows beyond the first $most lose both.
_PUT_TOGETHER = """sum(calls)::BIGINT AS calls, min(first) AS first, max(last) AS last,
        max_by(message, {'last': last, 'message': message}) AS message, bool_or(shortened) AS shortened, beyond"""
MERGE = rf"""CREATE OR REPLACE TABLE calls AS
WITH merged AS (SELECT {ROW}, {_PUT_TOGETHER} FROM calls GROUP BY {ROW}, beyond),
counted AS (
    SELECT * REPLACE (bool_or(shortened) OVER same OR count(*) OVER same > $most AS shortened)
    FROM merged WINDOW same AS (PARTITION BY {GROUP})),
cut AS (
    SELECT * REPLACE (
        CASE WHEN shortened THEN list_transform(parameters, lambda pair: struct_pack(
            "key" := pair.key,
            "value" := CASE WHEN list_contains($passing, lower(pair.key)) THEN '"{CUT}"'
                ELSE regexp_replace(pair.value, '{PATH}', '"\1{CUT}"', 'g') END))
            ELSE parameters END AS parameters,
        CASE WHEN shortened THEN list_sort(list_distinct(list_transform(
            resources, lambda arn: regexp_replace(arn, '^([^/]*/[^/]+/).*$', '\1{CUT}', 's'))))
            ELSE resources END AS resources)
    FROM counted),
again AS (SELECT {ROW}, {_PUT_TOGETHER} FROM cut GROUP BY {ROW}, beyond),
ranked AS (
    SELECT * REPLACE (beyond OR row_number() OVER same > $most AS beyond)
    FROM again WINDOW same AS (
        PARTITION BY {GROUP}, beyond ORDER BY parameters, resources, via, mfa, tls, endpoint, error)),
bare AS (
    SELECT * REPLACE (
        CASE WHEN beyond THEN [] ELSE parameters END AS parameters,
        CASE WHEN beyond THEN [] ELSE resources END AS resources)
    FROM ranked)
SELECT {ROW}, {_PUT_TOGETHER} FROM bare GROUP BY {ROW}, beyond"""


class NotJsonError(TrailError):
    """A text is no JSON document; nothing of its batch was counted."""


class Aggregate:
    """Counts calls, batch by batch; use it in a `with` block.

    Args:
        filters: which events count.
        most: rows that are kept apart of one principal, account, Region, source and event.
    """

    def __init__(self, filters: Filters, most: int = MOST) -> None:
        self.skipped: Counter[str] = Counter()
        self._parameters = {
            "start": utc(filters.start).replace(tzinfo=None) if filters.start else None,
            "end": utc(filters.end).replace(tzinfo=None) if filters.end else None,
            "regions": list(filters.regions),
            "accounts": list(filters.accounts),
            "principal": filters.wanted,
        }
        self._names, self._most, self._waiting = frozenset(names()), most, 0

    def __enter__(self) -> Self:
        self._spill = tempfile.TemporaryDirectory(prefix="cloudtrail-")
        settings = {"threads": os.cpu_count() or 1, "memory_limit": MEMORY, "temp_directory": self._spill.name}
        closed = dict.fromkeys(("autoinstall_known_extensions", "autoload_known_extensions"), False)
        # Nothing outside of this process is reached: texts come in as tables.
        self._database = duckdb.connect(":memory:", config=settings | closed | {"preserve_insertion_order": False})
        self._database.execute("SET enable_external_access = false")
        self._database.execute(CALLS)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._database.close()
        self._spill.cleanup()

    def add(self, documents: Sequence[bytes]) -> None:
        """Count the events of texts that are {"Records": [...]}.

        Raises:
            NotJsonError: if one of them is no JSON; then none was counted, and they can be tried one by one.
            TrailError: if memory and temporary space do not suffice.
        """
        self._database.register("documents", pa.Table.from_batches([_batch(text) for text in documents]))
        try:
            (rows,) = self._database.execute(BATCH, self._parameters).fetchone()
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise NotJsonError("a text is no JSON document: leave it out") from error
        except duckdb.Error as error:
            raise _failed(error) from error
        finally:
            self._database.unregister("documents")
        self.skipped.update(dict(self._database.execute(SKIPPED).fetchall()))
        occurring = [key for (key,) in self._database.execute(KEYS).fetchall()]
        # Newer calls of EC2 wrap their parameters: {"CreateNatGatewayRequest": {...}}.
        keys = [key for key in occurring if key.lower() in self._names or key.endswith("Request")]
        self._database.execute(ADD, {"keys": keys})
        self._waiting += rows
        if self._waiting > WAITING:
            self._merge()

    def rows(self) -> Iterator[Row]:
        """Everything that was counted, in no order that means something."""
        self._merge()
        found = self._database.execute(f"SELECT {', '.join(FIELDS)} FROM calls")
        while rows := found.fetchmany(10_000):
            for row in rows:
                values = dict(zip(FIELDS, row, strict=True))
                parameters = {pair["key"]: pair["value"] for pair in values.pop("parameters")}
                yield Row(parameters=parameters, resources=tuple(values.pop("resources")), **values)

    def _merge(self) -> None:
        try:
            self._database.execute(MERGE, {"most": self._most, "passing": list(PASSING)})
        except duckdb.Error as error:
            raise _failed(error) from error
        self._waiting = 0


def document(records: Iterable[Any]) -> bytes:
    """Parsed records as a text that `add` takes; half of a surrogate pair, which JSON can hold, becomes "?"."""
    return json.dumps({"Records": list(records)}, ensure_ascii=False).encode("utf-8", "replace")


def _batch(text: bytes) -> pa.RecordBatch:
    """One text as a table of one row, without a copy; DuckDB gives each to one thread."""
    offsets = pa.py_buffer(struct.pack("=qq", 0, len(text)))
    return pa.record_batch([pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(text)])], ["text"])


def _failed(error: duckdb.Error) -> TrailError:
    return TrailError(f"DuckDB could not count the events ({' '.join(str(error).split())}): read fewer at a time")
