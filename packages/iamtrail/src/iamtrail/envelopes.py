"""What people have around CloudTrail's records: other services' envelopes, the output of commands, rows of queries.

A parsed JSON value or a row comes in, records go out as CloudTrail writes them; what holds none gives none. Several
documents one behind the other, as `zcat` and Amazon Data Firehose write them, are taken apart as text.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from iamtrail.aggregate import parsed

DEEPEST = 8  # envelopes in envelopes
HEADER = 8_192  # bytes at the beginning of a file that hold the header of a table
LONGEST_CELL = 16 * 2**20  # characters of a cell of a CSV file
# Where an envelope has its records, as objects or as text, and whose it is. The first that is there counts.
INSIDE = (
    "Records",  # log files (CloudTrail User Guide, "CloudTrail log event reference"); events of SQS and SNS for Lambda
    "Events",  # aws cloudtrail lookup-events
    "CloudTrailEvent",  # each of its events (CloudTrail API Reference, "Event")
    "QueryResultRows",  # aws cloudtrail get-query-results (CloudTrail API Reference, "GetQueryResults")
    "detail",  # EventBridge ("AWS service events delivered via AWS CloudTrail")
    "logEvents",  # a subscription of CloudWatch Logs ("Real-time processing of log data with subscriptions")
    "events",  # aws logs filter-log-events, get-log-events
    "results",  # aws logs get-query-results
    "@message",  # a row of CloudWatch Logs Insights
    "message",  # an event of CloudWatch Logs
    "Messages",  # aws sqs receive-message
    "Body",
    "body",
    "Sns",
    "Message",  # a notification of SNS
)
# A batch with "eventName" and without any of these has no envelope: keys with their quotes, which no text inside JSON
# can have, and an identity that is text.
_SIGNS = (
    *(b'"CloudTrailEvent"', b'"detail-type"', b'"logEvents"', b'"@message"', b'"eventJson"'),
    *(b'"userIdentity":"', b'"userIdentity": "'),
)
# Fields of a record by their name in lower case, as Athena and CloudTrail Lake have them (CloudTrail User Guide,
# "CloudTrail record contents" and "Supported SQL schemas for event data stores").
_FIELDS = """
    eventVersion eventTime eventSource eventName eventType eventCategory awsRegion recipientAccountId sourceIPAddress
    userAgent errorCode errorMessage requestParameters responseElements serviceEventDetails resources vpcEndpointId
    vpcEndpointAccountId tlsDetails tlsVersion sessionCredentialFromConsole eventJson userIdentity type principalId
    arn accountId invokedBy userName sessionContext sessionIssuer attributes mfaAuthenticated onBehalfOf userId
"""
FIELDS = {name.lower(): name for name in _FIELDS.split()}
TEXTS = ("requestParameters", "responseElements", "serviceEventDetails")  # whose inside is as services name it
# The end of a document and the beginning of another: no JSON has "}{" but in a text, where no quote can follow.
_JOINT = re.compile(rb'\}(\s*)(?=\{\s*"\w)')
_BEGIN = re.compile(rb'[{\[]\s*"')
_STEP = 2**16  # bytes at the end of a text that are searched first


def last_joint(text: bytes) -> int:
    """Where the last document of several begins; 0 if there is only one."""
    size = _STEP
    while True:
        *_, found = (None, *_JOINT.finditer(text, max(0, len(text) - size)))
        if found or size >= len(text):
            return found.end() if found else 0
        size *= 8


def documents(text: bytes) -> list[bytes]:
    """The documents that stand in a text one behind the other.

    >>> documents(b'{"a": "}{"}{"b": 1}')
    [b'{"a": "}{"}', b'{"b": 1}']
    """
    starts = [0, *(found.end() for found in _JOINT.finditer(text))]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def lines(text: bytes) -> list[bytes]:
    """The documents of a text that has one in each line."""
    return [line for each in text.split(b"\n") if (line := bare(each))]


def bare(line: bytes) -> bytes:
    """A line without what stands before its document, such as the time in an export of CloudWatch Logs."""
    line = line.strip()
    begins = _BEGIN.search(line) if line[:1] not in (b"{", b"[") else None
    return line[begins.start() :] if begins else line


def values(text: bytes) -> tuple[list[Any], bool]:
    """The JSON values of a text up to the first that is none, whatever is between them; whether that is all."""
    whole, decoder, opening = text.decode("utf-8", "replace"), json.JSONDecoder(), re.compile(r"[\[{]")
    found: list[Any] = []
    place = 0
    while begins := opening.search(whole, place):
        try:
            value, place = decoder.raw_decode(whole, begins.start())
        except (ValueError, RecursionError):
            return found, False
        found.append(value)
    return found, bool(found)


def is_enveloped(text: bytes) -> bool:
    """Whether there may be more in a text than records as CloudTrail writes them."""
    return b'"eventName"' not in text or any(sign in text for sign in _SIGNS)


def is_plain(value: Any) -> bool:
    """Whether a value is a record as CloudTrail writes it."""
    return isinstance(value, Mapping) and "eventName" in value and not _is_row(value)


def _is_row(value: Mapping[str, Any]) -> bool:
    """Whether a record came as a row of a query: names in lower case, objects as text."""
    return (
        "eventName" not in value
        or isinstance(value.get("userIdentity"), str)
        or any(isinstance(value.get(name), str) and value[name][:1] in "{[" for name in TEXTS if value.get(name))
        or "eventJson" in value
    )


def records(value: Any, depth: int = 0) -> Iterator[Any]:
    """The records in a value, in its order."""
    if depth > DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        yield from records(parsed(value), depth + 1)
    elif isinstance(value, list):
        row = _cells(value)
        for each in [row] if row else value:
            within = list(records(each, depth + 1))
            yield from within or [each]  # which is counted as no record
    elif isinstance(value, Mapping):
        names = {str(name).lower() for name in value}
        if is_plain(value):
            yield value
        elif "eventjson" in names or {"eventname", "eventsource"} <= names:
            yield from _of_row(value, depth)
        elif name := next((name for name in INSIDE if name in value), None):
            yield from records(value[name], depth + 1)


def _cells(value: list[Any]) -> dict[str, Any] | None:
    """A list that is a row: [{"eventName": "GetObject"}, ...], or [{"field": "@message", "value": "{...}"}, ...]."""
    if not value or not all(isinstance(cell, Mapping) for cell in value):
        return None
    if all(cell.keys() >= {"field", "value"} for cell in value):
        return {str(cell["field"]): cell["value"] for cell in value}
    alone = all(len(cell) == 1 for cell in value)
    row = {str(name): text for cell in value for name, text in cell.items()} if alone else {}
    return row if {name.lower() for name in row} & {"eventname", "eventjson"} else None


def _of_row(row: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """The record of a row; the whole record as text, which CloudTrail Lake has, goes before the columns."""
    by_name = {str(name).lower(): value for name, value in row.items()}
    whole = parsed(by_name["eventjson"]) if isinstance(by_name.get("eventjson"), str) else by_name.get("eventjson")
    if isinstance(whole, Mapping):
        yield from records(whole, depth + 1)
        return
    record: dict[str, Any] = {}
    for name, value in by_name.items():
        *above, last = [FIELDS.get(part, part) for part in name.split(".")]
        place = record
        for part in above:
            place = place.setdefault(part, {}) if isinstance(place.setdefault(part, {}), dict) else {}
        inside = _structured(value)
        place[last] = inside if last in TEXTS else _named(inside)
    yield record


def _named(value: Any) -> Any:
    """An object's fields in CloudTrail's spelling; "ARN" is that of resources."""
    if isinstance(value, list):
        return [
            {("ARN" if k == "arn" else k): v for k, v in _named(e).items()} if isinstance(e, dict) else e for e in value
        ]
    if not isinstance(value, Mapping):
        return value
    return {FIELDS.get(str(name).lower(), name): _named(inside) for name, inside in value.items()}


def _structured(value: Any) -> Any:
    """What a cell holds: text, or an object as JSON or as Athena and CloudTrail Lake print it."""
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return value or None
    known = parsed(value)
    return _printed(value.strip()) if known is None else known


def _printed(text: str) -> Any:
    """An object as Trino prints it: "{type=AssumedRole, arn=arn:..., sessioncontext={...}}", "[{arn=...}, null]".

    A value may have what looks like the next name. Where a name comes twice, neither value is taken, as one of them is
    made up.
    """
    if text in ("", "null"):
        return None
    if text[0] + text[-1] == "[]":
        return [_printed(part) for part in _parts(text[1:-1])]
    if text[0] + text[-1] != "{}":
        return text
    found: dict[str, list[str]] = {}
    for part in _parts(text[1:-1]):
        name, sign, value = part.partition("=")
        found.setdefault(name, []).extend([value] if sign else [])
    return {name: _printed(given[0]) for name, given in found.items() if len(given) == 1}


def _parts(text: str) -> list[str]:
    """The entries between ", " that are in no braces; what names nothing belongs to the entry before."""
    found, depth, start = [], 0, 0
    for sign in re.finditer(r"[{\[}\]]|, (?=[{\[]|null|[\w.-]+=)", text):
        if sign[0] == ", ":
            if not depth:
                found.append(text[start : sign.start()])
                start = sign.end()
        else:
            depth += 1 if sign[0] in "{[" else -1
    return [*found, text[start:]] if text else []


def is_table(beginning: bytes) -> bool:
    """Whether a file is CSV whose header names an event, or a message that holds one."""
    header = beginning.decode("utf-8", "replace").lstrip("\ufeff").split("\n", 1)[0].lower()
    names = {name.strip().strip('"') for name in header.split(",")}
    return bool(names & {"eventname", "event name", "eventjson", "@message", "message"}) and "{" not in header


def rows(file: IO[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by the names of its header.

    Raises:
        csv.Error: if a cell is too long, as where a quote is never closed.
    """
    csv.field_size_limit(LONGEST_CELL)
    for row in csv.DictReader(file):
        yield {name: cell for name, cell in row.items() if name and cell}
