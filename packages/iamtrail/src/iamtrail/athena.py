"""An organisation's trail, counted by Amazon Athena where it lies: the same Reading as of files, with its cost.

The SQL is in athena.sql. Names of databases, tables and buckets cannot be parameters of a query, so they are checked;
everything else from outside is one.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tqdm.auto import tqdm

from iampolicy import live
from iamtrail import tables
from iamtrail.aggregate import CONSTANTS, FIELDS, MOST, Counted, kept_names, reading, statements
from iamtrail.live import client
from iamtrail.observed import (
    EVERYTHING,
    PATH_OF,
    PERMISSION_SET,
    PRINCIPAL,
    Filters,
    Reading,
    one_line,
    utc,
    without_path,
)
from iamtrail.trail_error import TrailError

NEEDS = (
    "athena:StartQueryExecution, athena:GetQueryExecution, athena:GetQueryResults, glue:GetTable, s3:GetObject and "
    "s3:ListBucket on the logs, and s3:PutObject on the place of results"
)
PRICE = 5.0  # USD for 10^12 bytes scanned, most Regions ("Amazon Athena pricing"; yours may differ)
TERABYTE = 10**12
LEAST = 10 * 10**6  # bytes that a query is charged for at least (same page)
POLL = 1.0  # seconds between questions after a query's state
DONE = ("SUCCEEDED", "FAILED", "CANCELLED")  # states in which a query ends (Athena API, "QueryExecutionStatus")

FIRST_DAY = "2020/01/01"  # partitions begin here
NAMES = {  # field of TrailTable -> what it may be ("Name databases, tables, and columns"; "Bucket naming rules")
    "database": (r"[a-z0-9_]{1,255}", "logs"),
    "name": (r"[a-z_][a-z0-9_]{0,254}", "cloudtrail_2026"),
    "location": (
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?:[\w.=!*-]+/)*AWSLogs/(?:o-[a-z0-9]{10,32}/)?",
        "s3://bucket/AWSLogs/o-abcdefghij/, or s3://bucket/AWSLogs/ for the trail of one account",
    ),
    "accounts": (r"\d{12}", "111122223333"),
    "regions": (r"[a-z]{2,4}(?:-[a-z]+)+-\d", "eu-west-1"),
}
FOR_MAKING = ("location", "accounts", "regions")  # what only a table that is to be made must have
CREATE, COUNT = statements("athena.sql")
# As `is_called` of observed.py has it.
BY_ARN = f"regexp_replace(principal, '(?s){PATH_OF}', ':$1/') = ?"
BY_NAME = (
    "(principal = ? OR strpos(reverse(principal), reverse(?)) = 1 OR strpos(reverse(principal), reverse(?)) = 1 "
    f"OR regexp_extract(principal, '(?s){PERMISSION_SET}', 1) = ?)"
)
_TIME = "date_parse(?, '%Y-%m-%dT%H:%i:%s')"


@dataclass(frozen=True)
class TrailTable:
    """A table over an organisation's trail, or over the trail of one account. To ask one, its name is enough."""

    database: str
    name: str
    location: str = ""  # the folder of the accounts, "s3://bucket/AWSLogs/o-abcdefghij/"
    accounts: tuple[str, ...] = ()  # whose folders are looked into
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, (pattern, example) in NAMES.items():
            value = getattr(self, field)
            values = value if isinstance(value, tuple) else (value,)
            bad = [v for v in values if not isinstance(v, str) or not re.fullmatch(pattern, v)]
            if bad and not (field in FOR_MAKING and value == ""):
                raise TrailError(f"{field} of the table is {repr(bad[0])[:100]}: it must be like {example}")


@dataclass(frozen=True)
class Query:
    """A query with the values of its question marks, as Athena wants them: text in single quotes."""

    sql: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuerySettings:
    """Where queries run, and where Athena writes their results."""

    workgroup: str = "primary"
    output: str | None = None  # "s3://bucket/prefix/"; None: the workgroup's own
    region: str | None = None  # None: that of boto3's configuration


@dataclass(frozen=True)
class QueryResult:
    """What a query gave and what it costs."""

    reading: Reading
    query: str  # Athena's id of it
    scanned: int  # bytes

    @property
    def cost(self) -> float:
        """US dollars at PRICE."""
        return max(self.scanned, LEAST) / TERABYTE * PRICE

    @property
    def bill(self) -> str:
        """One line for people: what was scanned and what it costs."""
        return f"Athena scanned {self.scanned / 10**6:,.1f} MB: about USD {self.cost:,.5f}"


def create(table: TrailTable) -> str:
    """The statement that makes the table, with partitions by account, Region and day that need no loading.

    Raises:
        TrailError: if the table lacks its location, accounts or Regions.
    """
    if lacking := [field for field in FOR_MAKING if not getattr(table, field)]:
        raise TrailError(
            f"{' and '.join(lacking)} of the table {table.name}: empty; give them, as the table is made of them"
        )
    listed = {"accounts": ",".join(table.accounts), "regions": ",".join(table.regions)}
    return CREATE.format(table=table, first_day=FIRST_DAY, **listed)


def count(table: TrailTable, filters: Filters) -> Query:
    """The query that counts, with its columns in the order of FIELDS.

    Partitions are chosen by the names of folders: days from the start to one after the end, as `files.find` does.
    """
    listed = (("account", filters.accounts), ("region", filters.regions))
    partitions = [(f"{column} IN ({', '.join('?' * len(values))})", values) for column, values in listed if values]
    conditions = list(partitions)
    if filters.start:
        start = utc(filters.start)
        partitions.append(('"timestamp" >= ?', (f"{start:%Y/%m/%d}",)))
        conditions.append((f"time >= {_TIME}", (f"{start:%Y-%m-%dT%H:%M:%S}",)))
    if filters.end:
        end = utc(filters.end)
        partitions.append(('"timestamp" <= ?', (f"{end + timedelta(days=1):%Y/%m/%d}",)))
        conditions.append((f"time < {_TIME}", (f"{end:%Y-%m-%dT%H:%M:%S}",)))
    if who := filters.wanted:
        by_name = (BY_NAME, (who, f"/{who}", f":{who}", who))
        conditions.append((BY_ARN, (without_path(who),)) if who.startswith("arn:") else by_name)
    sql = COUNT.format(
        **CONSTANTS,
        table=table,
        partitions=" AND ".join(condition for condition, _ in partitions) or "true",
        conditions=" AND ".join(condition for condition, _ in conditions) or "true",
        principal=", ".join(f"nullif(useridentity.{'.'.join(path).lower()}, '')" for path in PRINCIPAL),
        kept=", ".join(f"'{name}'" for name in kept_names() if re.fullmatch(r"[\w.-]+", name)),
        passing=", ".join(f"'{name}'" for name in tables.FOR_ONE_RUN),
        most=MOST,
        fields=", ".join(FIELDS),
        put_together="sum(calls) AS calls, min(first) AS first, max(last) AS last, max_by(message, last) AS message",
    )
    return Query(sql, tuple(literal(value) for _, values in (*partitions, *conditions) for value in values))


def literal(text: str) -> str:
    """The text as an SQL literal, which is what an execution parameter must be.

    Raises:
        TrailError: for text with a NUL, which SQL has no place for.
    """
    if "\0" in text:
        raise TrailError(f"{text[:50]!r} has a NUL: leave it out of the filter")
    return "'" + text.replace("'", "''") + "'"


def create_table(table: TrailTable, place: QuerySettings = QuerySettings(), athena: Any = None) -> str:
    """Make the table over the logs, if it is not there yet; nothing is scanned. Returns Athena's id of the query.

    Raises:
        TrailError: if the query fails, or Athena refuses or cannot be reached.
    """
    athena = athena or client("athena", place.region)
    return str(_finished(athena, Query(create(table)), table, place)["QueryExecutionId"])


def run(
    table: TrailTable,
    filters: Filters = EVERYTHING,
    place: QuerySettings = QuerySettings(),
    athena: Any = None,
    progress: bool = True,
) -> QueryResult:
    """Count what principals did. The query is stopped if you interrupt it.

    Args:
        table: as `create_table` made it.
        filters: start and end save most, as days outside are not scanned; then accounts and Regions.
        athena: a boto3 client; None makes one.
        progress: show a bar over the rows.

    Raises:
        TrailError: if the query fails, with Athena's reason, or Athena refuses or cannot be reached.
    """
    athena = athena or client("athena", place.region)
    execution = _finished(athena, count(table, filters), table, place)
    scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    query = execution["QueryExecutionId"]
    found = [_counted(values) for values in tqdm(_results(athena, query), desc="rows of Athena", disable=not progress)]
    return QueryResult(reading(found, Counter()), query, scanned)


def _finished(athena: Any, question: Query, table: TrailTable, place: QuerySettings) -> dict[str, Any]:
    """Start a query and wait until it has succeeded; returns Athena's QueryExecution."""
    asked = {
        "QueryString": question.sql,
        "QueryExecutionContext": {"Database": table.database},
        "WorkGroup": place.workgroup,
        **({"ExecutionParameters": list(question.parameters)} if question.parameters else {}),
        **({"ResultConfiguration": {"OutputLocation": place.output}} if place.output else {}),
    }
    with live.asking("Athena", NEEDS, TrailError):
        query = athena.start_query_execution(**asked)["QueryExecutionId"]
        over = False
        try:
            while not over:
                execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
                over = execution["Status"]["State"] in DONE
                if not over:
                    time.sleep(POLL)
        finally:
            if not over:  # interrupted, or nobody answers: a query that nobody waits for costs all the same
                athena.stop_query_execution(QueryExecutionId=query)
    status = execution["Status"]
    if status["State"] != "SUCCEEDED":
        reason = one_line(status.get("StateChangeReason") or "no reason is given")
        raise TrailError(f"the query {query} of Athena {status['State'].lower()}: {reason}; mend it and run it again")
    return {**execution, "QueryExecutionId": query}


def _results(athena: Any, query: str) -> Iterator[list[str | None]]:
    """The rows page by page, without the header, which is the first row of the first page."""
    question, header = {"QueryExecutionId": query, "MaxResults": 1_000}, True
    while True:
        with live.asking("Athena", NEEDS, TrailError):
            answer = athena.get_query_results(**question)
        for row in answer["ResultSet"]["Rows"][1 if header else 0 :]:
            yield [cell.get("VarCharValue") for cell in row["Data"]]
        if not (token := answer.get("NextToken")):
            return
        question, header = question | {"NextToken": token}, False


def _counted(values: list[str | None]) -> Counted:
    try:
        cells: dict[str, Any] = dict(zip(FIELDS, values, strict=True))
        parameters = json.loads(cells["parameters"] or "{}")
        cells["parameters"] = {name: json.dumps(value) for name, value in parameters.items()}
        cells["resources"] = tuple(json.loads(cells["resources"] or "[]"))
        cells["calls"] = int(cells["calls"])
        cells |= {name: datetime.fromisoformat(cells[name]).replace(tzinfo=None) for name in ("first", "last")}
        cells |= {name: cells[name] == "true" for name in ("shortened", "beyond")}
        return Counted(**cells)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise TrailError(f"a row of Athena's answer is not as the query makes them ({error}): run it again") from error
