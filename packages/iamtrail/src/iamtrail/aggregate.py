"""Calls counted, in DuckDB: the one place that knows it. Alike calls are one row, whichever database counts them.

Texts of {"Records": [...]} are parsed, filtered and counted in SQL (duckdb.sql), batch by batch. What is kept in memory
does not grow with the number of events, as there is a limit to the rows of one event name that are kept apart.
"""

import dataclasses
import json
import os
import re
import struct
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from iamtrail import observed, tables
from iamtrail.failures import REFUSED
from iamtrail.observed import Call, Denied, Filters, Observed, Reading, one_line, utc
from iamtrail.parameters import CUT, LOST, Pairs, flatten, kept
from iamtrail.trail_error import TrailError

MEMORY = "768MB"  # of DuckDB; what is beyond goes to a temporary folder
WAITING = 200_000  # rows that are added before alike ones are put together again
MOST = 1_000  # rows that are kept apart of one principal, account, Region, source and event
OTHERS = 1_000  # names that are kept of those whose calls are left out
# In the userAgent or sourceIPAddress of calls that the console or a service makes for somebody (CloudTrail User Guide,
# "CloudTrail record contents").
THROUGH_AWS = r"amazonaws\.com|aws[- ]internal|s3console|mozilla/"
LONGEST = 65_536  # characters of one request parameter, and of an error's message
# A path of JSON text, with its first part: what stands behind that becomes CUT.
PATH = r'"(/?[^"/:\\]+/)(?:[^"\\]|\\.)*"'
GROUP = "principal, account, region, source, event"
ROW = f"{GROUP}, parameters, resources, via, mfa, tls, endpoint, error"
CONSTANTS = {  # what stands in braces in duckdb.sql and athena.sql
    "cut": CUT,
    "lost": LOST,
    "path": PATH,
    "longest": LONGEST,
    "unknown": observed.UNKNOWN,
    "session": observed.SESSION,
    "refused": REFUSED,
    "group": GROUP,
    "row": ROW,
    "region": observed.REGION,
    "account": observed.ACCOUNT,
    "caller": observed.CALLER,
    "path_of": observed.PATH_OF,
    "permission_set": observed.PERMISSION_SET,
    "through_aws": THROUGH_AWS,
    "most_others": OTHERS,
    "details": tables.DETAILS,
    "serving": ", ".join(f"'{event}'" for event in tables.serving()),
    "answering": ", ".join(f"'{event}'" for event in tables.ANSWERS),
    "answer": "json_object({})".format(
        ", ".join(
            f"'{path.replace('[*]', '')}', json_extract(r.responseElements, '$.{path}')"
            for path in dict.fromkeys(path for paths in tables.ANSWERS.values() for path in paths)
        )
    ),
}


def statements(name: str) -> list[str]:
    """The statements of an SQL file of this package, with their places in braces still open."""
    text = resources.files("iamtrail").joinpath(name).read_text(encoding="utf-8")
    return [statement.strip() for statement in re.sub(r"^--.*\n", "", text, flags=re.MULTILINE).split(";\n")[:-1]]


CALLS, BATCH, SKIPPED, BESIDE, KEYS, ADD, MERGE = (
    statement.format(
        **CONSTANTS,
        role=observed.ROLE,
        principal=", ".join(f"nullif(r.userIdentity.{'.'.join(path)}, '')" for path in observed.PRINCIPAL),
        put_together="sum(calls)::BIGINT AS calls, min(first) AS first, max(last) AS last, max_by(message, "
        "{'last': last, 'message': message}) AS message, bool_or(shortened) AS shortened, beyond",
    )
    for statement in statements("duckdb.sql")
)


@dataclass(frozen=True)
class Counted:
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
    def call(self) -> Call:
        """The call without its circumstances; of the parameters only what the mapping needs."""
        parameters = flatten({name: parsed(value or "null") for name, value in self.parameters.items()})
        resources = tuple(sorted(set(self.resources)))
        return Call(self.principal, self.account, self.region, self.source, self.event, parameters, resources)

    @property
    def context(self) -> Pairs:
        """The circumstances that are evidence for conditions."""
        told = {"invokedBy": self.via, "mfa": self.mfa, "tlsVersion": self.tls, "vpcEndpointId": self.endpoint}
        return tuple((name, value) for name, value in told.items() if value)


FIELDS = tuple(field.name for field in dataclasses.fields(Counted))


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
        self._names, self._most, self._waiting = frozenset(kept_names()), most, 0
        self._others: set[str] = set()

    def __enter__(self) -> Self:
        self._spill = tempfile.TemporaryDirectory(prefix="cloudtrail-")
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": os.cpu_count() or 1,
            "memory_limit": MEMORY,
            "temp_directory": self._spill.name,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
        self._database = duckdb.connect(":memory:", config=settings)
        self._database.execute("SET enable_external_access = false")  # texts come in as tables
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
        self._database.register("documents", pa.Table.from_batches([_batch(document) for document in documents]))
        try:
            added = self._database.execute(BATCH, self._parameters).fetchall()
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise NotJsonError("a text is no JSON document: leave it out") from error
        except duckdb.Error as error:
            raise _failed(error) from error
        finally:
            self._database.unregister("documents")
        self.skipped.update(dict(self._database.execute(SKIPPED).fetchall()))
        if len(self._others) < OTHERS and self._parameters["principal"]:
            self._others.update(name for (name,) in self._database.execute(BESIDE).fetchall())
        occurring = [key for (key,) in self._database.execute(KEYS).fetchall()]
        # Newer calls of EC2 wrap their parameters: {"CreateNatGatewayRequest": {...}}.
        keys = [key for key in occurring if key.lower() in self._names or key.endswith("Request")]
        self._database.execute(ADD, {"keys": keys})
        self._waiting += added[0][0]
        if self._waiting > WAITING:
            self._merge()

    def reading(self, skipped: Counter[str] | None = None, files: int = 0) -> Reading:
        """Everything that was counted, with what else was left out."""
        self._merge()
        found = reading(self._counted(), self.skipped + (skipped or Counter()), files, self._most)
        return dataclasses.replace(found, others=tuple(sorted(self._others)[:OTHERS]))

    def _counted(self) -> Iterator[Counted]:
        found = self._database.execute(f"SELECT {', '.join(FIELDS)} FROM calls")
        while rows := found.fetchmany(10_000):
            for row in rows:
                values = dict(zip(FIELDS, row, strict=True))
                parameters = {pair["key"]: pair["value"] for pair in values.pop("parameters")}
                yield Counted(parameters=parameters, resources=tuple(values.pop("resources")), **values)

    def _merge(self) -> None:
        try:
            self._database.execute(MERGE, {"most": self._most, "passing": tables.FOR_ONE_RUN})
        except duckdb.Error as error:
            raise _failed(error) from error
        self._waiting = 0


def kept_names() -> list[str]:
    """The request parameters that are kept: their names at the top level, lower-case, sorted."""
    return sorted({name.partition(".")[0].lower() for name in kept()})


def parsed(text: str | bytes) -> Any:
    """The JSON value; None if it is none: no JSON, a number of thousands of digits, or nested without end."""
    try:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def document(records: Iterable[Any]) -> bytes:
    """Parsed records as a text that `add` takes; half of a surrogate pair, which JSON can hold, becomes "?"."""
    return json.dumps({"Records": list(records)}, ensure_ascii=False).encode("utf-8", "replace")


def reading(rows: Iterable[Counted], skipped: Counter[str], files: int = 0, most: int = MOST) -> Reading:
    """Put rows together, sorted.

    Where one principal's calls to one event in one Region have more than `most` rows, `shortened` of the Reading says
    so: what lives for one run is CUT, paths are cut after their first part, and what is then still beyond is one row.
    """
    seen: dict[tuple[Call, Pairs], list[Counted]] = {}
    denied: dict[tuple[Call, str], list[Counted]] = {}
    lost: Counter[str] = Counter()
    for row in rows:
        call = row.call
        seen.setdefault((call, row.context), []).append(row)
        if row.error and re.search(REFUSED, row.error):
            denied.setdefault((call, row.error), []).append(row)
        if row.shortened:
            name = one_line(f"{row.source} {row.event} by {row.principal} in {row.region}")
            lost[name] += row.calls if row.beyond else 0
    return Reading(
        observed=[_observed(*key, seen[key]) for key in sorted(seen)],
        events=sum(row.calls for alike in seen.values() for row in alike),
        skipped=dict(sorted(skipped.items())),
        files=files,
        shortened=tuple(
            f"{name}: more than {most:,} different calls, so paths are cut after their first part"
            + (f", and {count:,} calls have lost their parameters and resources" if count else "")
            for name, count in sorted(lost.items())
        ),
        denied=[_denied(*key, denied[key]) for key in sorted(denied)],
    )


def _observed(call: Call, context: Pairs, rows: list[Counted]) -> Observed:
    errors: Counter[str] = Counter()
    for row in rows:
        errors[row.error or ""] += row.calls
    return Observed(
        **vars(call),
        context=context,
        calls=errors.pop("", 0),
        first=min(row.first for row in rows).replace(tzinfo=UTC),
        last=max(row.last for row in rows).replace(tzinfo=UTC),
        errors=tuple(sorted(errors.items())),
    )


def _denied(call: Call, code: str, rows: list[Counted]) -> Denied:
    last = max(rows, key=lambda row: (row.last, row.message or ""))
    when, calls = last.last.replace(tzinfo=UTC), sum(row.calls for row in rows)
    return Denied(**vars(call), code=code, message=last.message or "", when=when, calls=calls)


def _batch(document: bytes) -> pa.RecordBatch:
    """One text as a table of one row, without a copy; DuckDB gives each to one thread."""
    offsets = pa.py_buffer(struct.pack("=qq", 0, len(document)))
    column = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(document)])
    return pa.record_batch([column], ["text"])


def _failed(error: duckdb.Error) -> TrailError:
    return TrailError(f"DuckDB could not count the events ({' '.join(str(error).split())}): read fewer at a time")
