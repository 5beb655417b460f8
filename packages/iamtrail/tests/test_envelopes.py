"""Records as people have them: commands' output, envelopes, rows of queries, one document behind the other."""

import csv
import gzip
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamtrail import envelopes, files
from iamtrail.files import read

ISSUER = {"type": "Role", "arn": "arn:aws:iam::111122223333:role/app", "accountId": "111122223333"}
IDENTITY = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::111122223333:assumed-role/app/s",
    "accountId": "111122223333",
    "sessionContext": {"sessionIssuer": ISSUER},
}
GET = {
    "eventVersion": "1.08",
    "userIdentity": IDENTITY,
    "eventTime": "2026-03-01T10:00:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetBucketAcl",
    "awsRegion": "eu-west-1",
    "requestParameters": {"bucketName": "photos"},
    "recipientAccountId": "111122223333",
    "eventType": "AwsApiCall",
}
PUT = GET | {"eventName": "PutBucketAcl"}
BOTH = [GET, PUT]


def texts(indent=None):
    return [json.dumps(each, indent=indent) for each in BOTH]


def bridge(record):
    about = {
        "version": "0",
        "id": "1",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3",
        "resources": [],
    }
    return about | {"time": "2026-03-01T10:00:00Z", "region": "eu-west-1", "detail": record}


def looked_up(record):
    return {"EventId": "1", "EventName": record["eventName"], "Resources": [], "CloudTrailEvent": json.dumps(record)}


def subscribed(records):
    events = [{"id": "1", "timestamp": 1, "message": json.dumps(each)} for each in records]
    return {"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logEvents": events}


def row(record):
    """A record as CloudTrail Lake and Athena print its columns."""
    return {name: printed(value) for name, value in record.items()}


def printed(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={printed(inside)}" for name, inside in value.items()) + "}"
    return "[" + ", ".join(map(printed, value)) + "]" if isinstance(value, list) else str(value)


def table(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


ATHENA = [
    {
        name.lower(): value
        for name, value in (row(each) | {"requestParameters": json.dumps(each["requestParameters"])}).items()
    }
    for each in BOTH
]
FORMS = {
    "two log files": "".join(json.dumps({"Records": [each]}) for each in BOTH),
    "two log files, a line each": "\n".join(json.dumps({"Records": [each]}) for each in BOTH),
    "two log files, printed": "\n".join(json.dumps({"Records": [each]}, indent=2) for each in BOTH),
    "log files with a version": "".join(json.dumps({"version": 1, "Records": [each]}) for each in BOTH),
    "records behind each other": "".join(texts()),
    "records, printed": "\n".join(texts(2)),
    "lists behind each other": "".join(json.dumps([each]) for each in BOTH),
    "records on one line, and on the next": "".join(texts()) + "\n",
    "lookup-events": json.dumps({"Events": [looked_up(each) for each in BOTH]}, indent=4),
    "pages of lookup-events": "\n".join(json.dumps({"Events": [looked_up(each)], "NextToken": "x"}) for each in BOTH),
    "lookup-events --query": json.dumps([json.dumps(each) for each in BOTH], indent=4),
    "lookup-events --query --output text": "\t".join(texts()) + "\n",
    "events of lookup-events": "\n".join(json.dumps(looked_up(each)) for each in BOTH),
    "EventBridge, a line each": "\n".join(json.dumps(bridge(each)) for each in BOTH),
    "EventBridge through Firehose": "".join(json.dumps(bridge(each)) for each in BOTH),
    "EventBridge, a list": json.dumps([bridge(each) for each in BOTH]),
    "EventBridge, one printed": json.dumps(bridge({"Records": BOTH}), indent=2),
    "CloudWatch Logs, a subscription": json.dumps(subscribed(BOTH)),
    "CloudWatch Logs through Firehose": "".join(json.dumps(subscribed([each])) for each in BOTH),
    "EventBridge in CloudWatch Logs": json.dumps(subscribed([bridge(each) for each in BOTH])),
    "filter-log-events": json.dumps({"events": [{"message": text, "eventId": "1"} for text in texts()]}, indent=4),
    "an export of CloudWatch Logs": "".join(f"2026-03-01T10:00:00.000Z {text}\n" for text in texts()),
    "Insights, JSON": json.dumps({"results": [[{"field": "@message", "value": t}] for t in texts()], "status": "x"}),
    "Insights, CSV": table([{"@timestamp": "2026-03-01 10:00:00.000", "@message": text} for text in texts()]),
    "Lake, CSV with eventJson": table([{"eventID": "1", "eventJson": text} for text in texts()]),
    "Lake, CSV of columns": table([row(each) | {"eventTime": "2026-03-01 10:00:00.000"} for each in BOTH]),
    "Lake, JSON with eventJson": json.dumps({"QueryResultRows": [[{"eventJson": t}, {"x": "1"}] for t in texts()]}),
    "Lake, JSON of columns": json.dumps({"QueryResultRows": [[{n: v} for n, v in row(each).items()] for each in BOTH]}),
    "Lake, a row a line": "\n".join(json.dumps(row(each)) for each in BOTH),
    "Athena, CSV": table(ATHENA),
    "Athena, JSON": json.dumps(ATHENA),
    "SQS": json.dumps({"Messages": [{"Body": json.dumps(bridge(each))} for each in BOTH]}),
    "SNS in SQS": json.dumps({"Messages": [{"Body": json.dumps({"Type": "x", "Message": t})} for t in texts()]}),
}  # fmt: skip
SUFFIX = {name: ".csv" if "CSV" in name else ".json" for name in FORMS}


def quiet(path, **options):
    return read(path, progress=False, **options)


def found(reading):
    assert {row.principal for row in reading.observed} == {ISSUER["arn"]}
    assert {row.parameters for row in reading.observed} == {(("bucketName", "photos"),)}
    assert {row.first.isoformat() for row in reading.observed} == {"2026-03-01T10:00:00+00:00"}
    return sorted((row.event, row.calls) for row in reading.observed)


@pytest.mark.parametrize("packed", [0, 1, 2], ids=["plain", "gz", "gz in gz"])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_calls(tmp_path, name, packed):
    data = FORMS[name].encode()
    for _ in range(packed):
        data = gzip.compress(data)
    path = tmp_path / f"a{SUFFIX[name]}{'.gz' if packed else ''}"
    path.write_bytes(data)
    reading = quiet(tmp_path)
    assert found(reading) == [("GetBucketAcl", 1), ("PutBucketAcl", 1)]
    assert reading.skipped == {} and reading.unread == {}


@pytest.mark.parametrize("name", FORMS)
def test_batches_end_between_documents(tmp_path, monkeypatch, name):
    monkeypatch.setattr(files, "BATCH", 700)
    monkeypatch.setattr(files, "ROWS", 1)
    (tmp_path / f"a{SUFFIX[name]}").write_text(FORMS[name])
    assert found(quiet(tmp_path)) == [("GetBucketAcl", 1), ("PutBucketAcl", 1)]


@pytest.mark.parametrize("name", ["lookup-events", "two log files", "Lake, CSV of columns"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_powershell_writes_is_read(tmp_path, name, encoding):
    (tmp_path / f"a{SUFFIX[name]}").write_bytes(FORMS[name].encode(encoding))
    assert found(quiet(tmp_path)) == [("GetBucketAcl", 1), ("PutBucketAcl", 1)]


def test_several_gz_files_behind_each_other_are_read(tmp_path):
    packed = [gzip.compress(json.dumps({"Records": [each]}).encode()) for each in BOTH]
    (tmp_path / "all.json.gz").write_bytes(b"".join(packed))
    assert found(quiet(tmp_path)) == [("GetBucketAcl", 1), ("PutBucketAcl", 1)]


def test_a_file_without_an_ending_is_read_if_it_begins_like_a_log(tmp_path):
    (tmp_path / "stream-1-2026-03-01-10-00-00").write_text(FORMS["EventBridge through Firehose"])
    (tmp_path / "LICENSE").write_text("no log")
    (tmp_path / "000000.gz").write_bytes(gzip.compress(FORMS["an export of CloudWatch Logs"].encode()))
    reading = quiet(tmp_path)
    assert reading.events == 4 and reading.files == 2 and reading.skipped == {}


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b'{"Events": 5}', "a.json", "no records of CloudTrail"),
        (b'{"Items": [{"a": 1}]}', "a.json", "no records of CloudTrail"),
        (b"eventName,x\n,\n", "a.csv", "row without a record of CloudTrail"),
        (b"Event name,Event time,User name\nGetObject,2026,ada\n", "a.csv", "row without a record of CloudTrail"),
        (b"id,price\n1,2\n", "a.csv", "not JSON"),
        (b'"eventName","x"\n"' + b"y" * 2**20, "a.csv", "damaged CSV"),
    ],
)
def test_what_holds_no_record_is_named(tmp_path, monkeypatch, content, name, reason):
    monkeypatch.setattr(envelopes, "LONGEST_CELL", 10_000)
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.json").write_text(json.dumps(GET))
    reading = quiet(tmp_path)
    assert reading.events == 1
    assert [said.partition(":")[0] for said in reading.unread] == [reason] and list(reading.unread.values()) == [1]


def test_one_bad_line_spoils_no_other(tmp_path):
    lines = [json.dumps(bridge(GET)), '{"detail-type": ', json.dumps({"detail-type": "EC2", "detail": {}}), texts()[1]]
    (tmp_path / "a.json").write_text("\n".join(lines))
    reading = quiet(tmp_path)
    assert found(reading) == [("GetBucketAcl", 1), ("PutBucketAcl", 1)]
    assert Counter(said.partition(":")[0] for said in reading.unread) == {NO: 1 for NO in REASONS}


REASONS = ("line that is not JSON", "no records of CloudTrail")


def test_what_a_name_adds_to_a_printed_row_is_no_second_bucket():
    """A key that looks like the next field of the row: neither of the two buckets is taken."""
    text = "{bucketName=photos, key=a, bucketName=other}"
    (record,) = envelopes.records(row(GET) | {"requestParameters": text})
    assert record["requestParameters"] == {"key": "a"}


def test_envelopes_without_end_are_no_records():
    value = GET
    for _ in range(50):
        value = {"detail": value}
    assert list(envelopes.records(value)) == []


@given(st.text(alphabet='ab"\\{}[], \n', max_size=30), st.text(alphabet='{}"', max_size=6))
def test_documents_are_cut_only_between_them(text, key):
    whole = [{"eventName": text}, {"a": {key: text}}, {"b": [text, {"c": key}]}]
    for between in ("", "\n", " \r\n"):
        joined = between.join(json.dumps(each, ensure_ascii=False) for each in whole).encode()
        assert [json.loads(each) for each in envelopes.documents(joined)] == whole
        assert json.loads(joined[envelopes.last_joint(joined) :]) == whole[-1]
