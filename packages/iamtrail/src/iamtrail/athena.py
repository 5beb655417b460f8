"""An organisation's trail, counted by Amazon Athena where it lies.

Filters and the place of the logs come in; the same Reading goes out as of files, with what the query scanned and
costs. The SQL that makes the table and the SQL that counts are in athena_sql.py.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tqdm.auto import tqdm

from iamtrail import rows
from iamtrail.account import asking, client
from iamtrail.athena_sql import Question, Table, count, create
from iamtrail.errors import TrailError
from iamtrail.observed import EVERYTHING, Filters, Reading, printable
from iamtrail.rows import FIELDS, Row

NEEDS = (
    "athena:StartQueryExecution, athena:GetQueryExecution, athena:GetQueryResults, glue:GetTable, s3:GetObject and "
    "s3:ListBucket on the logs, and s3:PutObject on the place of results"
)
PRICE = 5.0  # USD for 10^12 bytes scanned, most Regions ("Amazon Athena pricing"; yours may differ)
TERABYTE = 10**12
LEAST = 10 * 10**6  # bytes that a query is charged for at least (same page)
POLL = 1.0  # seconds between questions after a query's state
DONE = ("SUCCEEDED", "FAILED", "CANCELLED")  # states in which a query ends (Athena API, "QueryExecutionStatus")


@dataclass(frozen=True)
class Place:
    """Where queries run, and where Athena writes their results."""

    workgroup: str = "primary"
    output: str | None = None  # "s3://bucket/prefix/"; None: the workgroup's own
    region: str | None = None  # None: that of boto3's configuration


@dataclass(frozen=True)
class Answer:
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

    @property
    def summary(self) -> str:
        """One line for people: how much was read, and the bill."""
        return f"{self.reading.summary}. {self.bill}"


def create_table(table: Table, place: Place = Place(), athena: Any = None) -> str:
    """Make the table over the logs, if it is not there yet; nothing is scanned. Returns Athena's id of the query.

    Raises:
        TrailError: if the query fails, or Athena refuses or cannot be reached.
    """
    athena = athena or client("athena", place.region)
    return _finished(athena, Question(create(table), ()), table, place)["QueryExecutionId"]


def run(
    table: Table,
    filters: Filters = EVERYTHING,
    place: Place = Place(),
    athena: Any = None,
    progress: bool = True,
) -> Answer:
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
    found = [_row(values) for values in tqdm(_results(athena, query), desc="rows of Athena", disable=not progress)]
    return Answer(rows.reading(found, Counter()), query, scanned)


def _finished(athena: Any, question: Question, table: Table, place: Place) -> dict[str, Any]:
    """Start a query and wait until it has succeeded; returns Athena's QueryExecution."""
    asked = {
        "QueryString": question.sql,
        "QueryExecutionContext": {"Database": table.database},
        "WorkGroup": place.workgroup,
        **({"ExecutionParameters": list(question.parameters)} if question.parameters else {}),
        **({"ResultConfiguration": {"OutputLocation": place.output}} if place.output else {}),
    }
    with asking("Athena", NEEDS):
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
        reason = printable(status.get("StateChangeReason") or "no reason is given")
        raise TrailError(f"the query {query} of Athena {status['State'].lower()}: {reason}; mend it and run it again")
    return execution | {"QueryExecutionId": query}


def _results(athena: Any, query: str) -> Iterator[list[str | None]]:
    """The rows page by page, without the header, which is the first row of the first page."""
    question, header = {"QueryExecutionId": query, "MaxResults": 1_000}, True
    while True:
        with asking("Athena", NEEDS):
            answer = athena.get_query_results(**question)
        for row in answer["ResultSet"]["Rows"][1 if header else 0 :]:
            yield [cell.get("VarCharValue") for cell in row["Data"]]
        if not (token := answer.get("NextToken")):
            return
        question, header = question | {"NextToken": token}, False


def _row(values: list[str | None]) -> Row:
    cells = dict(zip(FIELDS, values, strict=True))
    try:
        parameters = json.loads(cells["parameters"] or "{}")
        resources = json.loads(cells["resources"] or "[]")
        return Row(
            **{
                **cells,
                "parameters": {name: json.dumps(value) for name, value in parameters.items()},
                "resources": tuple(resources),
                "calls": int(cells["calls"] or 0),
                "first": datetime.fromisoformat(cells["first"] or "").replace(tzinfo=None),
                "last": datetime.fromisoformat(cells["last"] or "").replace(tzinfo=None),
                "shortened": cells["shortened"] == "true",
                "beyond": cells["beyond"] == "true",
            }
        )
    except (ValueError, AttributeError, RecursionError) as error:
        raise TrailError(f"a row of Athena's answer is not as the query makes them ({error}): run it again") from error
