"""Reading log files: layouts, counts, what is left out and why, hostile content, a bounded number of rows."""

import gzip
import json
import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamtrail import aggregate, draft, files
from iamtrail.files import read
from iamtrail.observed import Filters
from iamtrail.parameters import CUT
from iamtrail.trail_error import TrailError

ROLE = "arn:aws:iam::111122223333:role/app"
BUCKET = "arn:aws:s3:::photos"


def record(event="GetObject", time="2026-09-01T10:00:00Z", key="a.jpg", **more):
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": ROLE}}},
        "eventTime": time,
        "eventSource": "s3.amazonaws.com",
        "eventName": event,
        "awsRegion": "eu-west-1",
        "requestParameters": {"bucketName": "photos", "key": key, "Host": "photos.s3.amazonaws.com"},
        "resources": [{"type": "AWS::S3::Object", "ARN": f"{BUCKET}/{key}"}, {"ARN": BUCKET}],
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    } | more


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def quiet(paths, **filters):
    return read(paths, Filters(**filters), progress=False)


def bucket_path(root, account="111122223333", region="eu-west-1", day="2026/09/01", kind="CloudTrail", name="a"):
    return root / f"AWSLogs/o-exampleorg/{account}/{kind}/{region}/{day}/{account}_{kind}_{region}_{name}.json.gz"


# What is counted


def test_alike_calls_are_one_row_and_failed_ones_are_kept_apart(tmp_path):
    times = ["2026-09-01T10:00:00Z", "2026-09-03T10:00:00Z", "2026-09-02T10:00:00Z"]
    events = [record(time=time) for time in times]
    events += [record(time="2026-09-04T10:00:00Z", errorCode="NoSuchKey"), record(errorCode="AccessDenied")]
    reading = quiet(put(tmp_path / "a.json.gz", {"Records": events}))
    (row,) = reading.observed
    assert (row.principal, row.account, row.region) == (ROLE, "111122223333", "eu-west-1")
    assert (row.source, row.event, row.calls) == ("s3.amazonaws.com", "GetObject", 3)
    assert row.errors == (("AccessDenied", 1), ("NoSuchKey", 1))
    assert (row.first, row.last) == (datetime(2026, 9, 1, 10, tzinfo=UTC), datetime(2026, 9, 4, 10, tzinfo=UTC))
    assert row.parameters == (("bucketName", "photos"), ("key", "a.jpg"))
    assert row.resources == (BUCKET, f"{BUCKET}/a.jpg")
    assert (reading.events, reading.files, reading.skipped, reading.shortened) == (5, 1, {}, ())


def test_evidence_for_conditions_is_kept_and_addresses_are_not(tmp_path):
    event = record(
        sourceIPAddress="192.0.2.7",
        vpcEndpointId="vpce-1",
        tlsDetails={"tlsVersion": "TLSv1.3", "cipherSuite": "x"},
    )
    event["userIdentity"] |= {"invokedBy": "athena.amazonaws.com"}
    event["userIdentity"]["sessionContext"]["attributes"] = {"mfaAuthenticated": "true"}
    (row,) = quiet(put(tmp_path / "a.json", event)).observed
    assert row.context == (
        *(("invokedBy", "athena.amazonaws.com"), ("mfa", "true")),
        *(("tlsVersion", "TLSv1.3"), ("vpcEndpointId", "vpce-1")),
    )
    assert "192.0.2.7" not in repr(row)


def test_the_order_of_events_and_files_does_not_matter(tmp_path):
    events = [record(key=f"{n % 7}", time=f"2026-09-{n % 28 + 1:02d}T10:00:00Z") for n in range(200)]
    one, two = tmp_path / "one", tmp_path / "two"
    put(one / "a.json", {"Records": events})
    random.Random(1).shuffle(events)
    for n in range(4):
        put(two / f"{n}.json", {"Records": events[n * 50 : n * 50 + 50]})
    assert quiet(one).observed == quiet(two).observed


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 28), st.sampled_from([None, "NoSuchKey"])), max_size=30)
)
def test_counts_are_those_of_counting_by_hand(tmp_path_factory, drawn):
    events = [record(key=k, time=f"2026-09-{d:02d}T00:00:00Z", errorCode=e) for k, d, e in drawn]
    reading = quiet(put(tmp_path_factory.mktemp("logs") / "a.json", {"Records": events}))
    assert reading.events == len(drawn)
    by_key = Counter(key for key, _, error in drawn if not error)
    for row in reading.observed:
        key = dict(row.parameters)["key"]
        assert row.calls == by_key[key]
        assert row.last.day == max(day for k, day, _ in drawn if k == key)


# Layouts


SHAPES = {
    "Records": lambda events: json.dumps({"Records": events}),
    "Records, printed": lambda events: json.dumps({"Records": events}, indent=4),
    "Records behind another field": lambda events: json.dumps({"version": 1, "Records": events}),
    "a list": json.dumps,
    "a list, printed": lambda events: "\n " + json.dumps(events, indent=2),
    "lines": lambda events: "\n".join(map(json.dumps, events)) + "\n",
    "lines of Windows, with empty ones": lambda events: "\r\n\r\n".join(map(json.dumps, events)),
    "with a byte order mark": lambda events: "\ufeff" + json.dumps({"Records": events}),
}


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_file_is_read(tmp_path, shape, suffix):
    events = [record(), record(), record("PutObject")]
    reading = quiet(put(tmp_path / f"a{suffix}", shape(events).encode()))
    assert [(row.event, row.calls) for row in reading.observed] == [("GetObject", 2), ("PutObject", 1)]
    assert reading.skipped == {}


@pytest.mark.parametrize("indent", [None, 2])
def test_one_record_is_read(tmp_path, indent):
    assert quiet(put(tmp_path / "a.json", json.dumps(record(), indent=indent).encode())).events == 1


def test_what_is_compressed_is_seen_by_its_content(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(gzip.compress(json.dumps({"Records": [record()]}).encode()))
    assert quiet(path).events == 1


def test_lines_longer_than_a_batch_are_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BATCH", 1_000)
    lines = [record(key=f"{n}", errorMessage="x" * (n * 100)) for n in range(20)]
    assert quiet(put(tmp_path / "a.json", "\n".join(map(json.dumps, lines)).encode())).events == 20


def test_a_bucket_is_read_without_digests_insights_and_what_the_filters_leave_out(tmp_path):
    put(bucket_path(tmp_path), {"Records": [record()]})
    put(bucket_path(tmp_path, kind="CloudTrail-Digest"), {"digestStartTime": "x"})
    put(bucket_path(tmp_path, kind="CloudTrail-Insight"), {"Records": [record(eventCategory="Insight")]})
    put(bucket_path(tmp_path, region="us-east-1"), {"Records": [record(awsRegion="us-east-1")]})
    put(bucket_path(tmp_path, account="444455556666"), {"Records": [record(recipientAccountId="444455556666")]})
    put(bucket_path(tmp_path, day="2026/09/20"), {"Records": [record(time="2026-09-20T00:00:00Z")]})
    (tmp_path / "notes.txt").write_text("not a log")
    assert quiet(tmp_path).events == 4
    reading = quiet(
        tmp_path,
        accounts=("111122223333",),
        regions=("eu-west-1",),
        start=datetime(2026, 9, 1),
        end=datetime(2026, 9, 2),
    )
    assert (reading.events, reading.files) == (1, 1)
    assert reading.skipped == {
        "Insights file": 1,
        "digest file": 1,
        "file of another Region": 1,
        "file of another account": 1,
        "file of another day": 1,
    }


def test_an_event_that_is_delivered_after_midnight_is_found(tmp_path):
    put(bucket_path(tmp_path, day="2026/09/02"), {"Records": [record(time="2026-09-01T23:59:00Z")]})
    assert quiet(tmp_path, start=datetime(2026, 9, 1), end=datetime(2026, 9, 2)).events == 1


# Filters


def test_events_are_filtered_and_what_is_left_out_is_counted(tmp_path):
    other = {"userIdentity": {"arn": "arn:aws:iam::111122223333:user/ada"}}
    events = [
        record(),
        record(time="2026-08-31T23:59:59Z"),
        record(time="2026-09-02T00:00:00Z"),
        record(awsRegion="us-east-1"),
        record(recipientAccountId="444455556666"),
        record(**other),
        record(eventCategory="Insight"),
        record(eventType="AwsServiceEvent"),
        record(eventCategory="NetworkActivity"),
    ]
    reading = quiet(
        put(tmp_path / "a.json", {"Records": events}),
        principal="app",
        start=datetime(2026, 9, 1),
        end=datetime(2026, 9, 2, tzinfo=UTC),
        regions=("eu-west-1",),
        accounts=("111122223333",),
    )
    assert reading.events == 1
    assert reading.skipped == {
        "Insights event": 1,
        "event of a service itself, which nobody called": 1,
        "network activity event": 1,
        "other Region": 1,
        "other account": 1,
        "other principal": 1,
        "outside the time range": 2,
    }


def test_a_time_range_without_events_gives_no_rows_and_says_so(tmp_path):
    path = put(tmp_path / "a.json", {"Records": [record(), record()]})
    reading = quiet(path, start=datetime(2027, 1, 1))
    assert (reading.observed, reading.events) == ([], 0)
    assert reading.summary.endswith("Left out: outside the time range: 2")


def test_times_are_in_utc_whatever_zone_the_filter_has(tmp_path):
    path = put(tmp_path / "a.json", {"Records": [record(time="2026-09-01T10:00:00Z")]})
    assert quiet(path, start=datetime.fromisoformat("2026-09-01T12:00:00+02:00")).events == 1
    assert quiet(path, start=datetime.fromisoformat("2026-09-01T12:00:01+02:00")).events == 0


# Bad input


BAD = {
    "truncated gzip": lambda path: path.write_bytes(gzip.compress(json.dumps([record()] * 50).encode())[:-20]),
    "damaged gzip": lambda path: path.write_bytes(b"\x1f\x8b" + b"no gzip at all" * 9),
    "not JSON": lambda path: path.write_bytes(gzip.compress(b"<html>no such bucket</html>")),
    "not JSON ": lambda path: path.write_bytes(gzip.compress(b'{"Records": [{"eventName": "x"}, ')),
    "not JSON  ": lambda path: path.write_bytes(b""),
    "not JSON   ": lambda path: path.write_bytes(b'{"Records":' * 100_000),
    "no records of CloudTrail": lambda path: path.write_bytes(gzip.compress(b'{"Records": 5}')),
    "no records of CloudTrail ": lambda path: path.write_bytes(b"7"),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_file_is_named_and_the_rest_is_read(tmp_path, reason):
    BAD[reason](tmp_path / "bad.json.gz")
    put(tmp_path / "before.json.gz", {"Records": [record()]})
    put(tmp_path / "zz-after.json.gz", {"Records": [record()]})
    reading = quiet(tmp_path)
    assert reading.events == 2
    ((said, count),) = reading.skipped.items()
    assert said.startswith(f"{reason.strip()}: ") and said.endswith("bad.json.gz") and count == 1


def test_records_that_are_no_objects_or_lack_what_matters_are_counted(tmp_path):
    events = [
        1,
        None,
        "text",
        [record()],
        {},
        {"eventName": "x"},
        record(eventTime=None),
        record(eventTime="yesterday"),
    ]
    events += [record(eventName=""), record(eventSource=None), record()]
    reading = quiet(put(tmp_path / "a.json", {"Records": events}))
    assert reading.events == 1
    assert reading.skipped == {
        "record that is no object of CloudTrail": 5,
        "record whose eventTime is no time": 1,
        "record without eventTime, eventSource or eventName": 4,
    }


def test_lines_that_are_not_json_are_counted_and_the_others_read(tmp_path):
    lines = [json.dumps(record()), "{oops", json.dumps(record()), "5"]
    reading = quiet(put(tmp_path / "a.json", "\n".join(lines).encode()))
    assert reading.events == 2
    assert list(reading.skipped.values()) == [1, 1]


@pytest.mark.parametrize(
    "odd",
    [
        {"requestParameters": None, "resources": None},
        {"requestParameters": "text", "resources": "text"},
        {"requestParameters": [1], "resources": [None, 5, {"ARN": None}, {"ARN": 7}, {"arn": "x"}]},
        {"requestParameters": {"key": None, "bucketName": {"deep": [1, {"x": None}]}}, "resources": []},
        {"requestParameters": {"key": "x" * 100_000}, "resources": {}},
        {"requestParameters": {"key": 10**400}, "resources": []},
        {"userIdentity": None, "recipientAccountId": None, "awsRegion": None, "tlsDetails": 5},
    ],
)
def test_odd_fields_do_no_harm(tmp_path, odd):
    reading = quiet(put(tmp_path / "a.json", {"Records": [record(), record(**odd)]}))
    assert reading.events == 2 and reading.skipped == {}
    assert all(arn.startswith("arn:") for row in reading.observed for arn in row.resources)


HOSTILE = (
    "'; DROP TABLE calls; --",
    "$1' || chr(0) || \"",
    "<img src=x onerror=alert(1)>",
    "nul\0inside",
    "line\nbreak\u2028",
    "\ud800 half a pair",
    "{}%s?$principal",
    "*/../..",
    "x" * 50_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(tmp_path, text):
    arn = f"arn:aws:iam::111122223333:role/{text}"
    identity = {"sessionContext": {"sessionIssuer": {"arn": arn}}}
    event = record(userIdentity=identity, userAgent=text, errorCode=text, key=text, vpcEndpointId=text)
    path = put(tmp_path / "a.json", {"Records": [event, record()]})
    reading = quiet(path)
    assert reading.events == 2 and reading.skipped == {}
    whole = text.replace("\ud800", "?")
    assert {row.principal for row in reading.observed} == {ROLE, f"arn:aws:iam::111122223333:role/{whole}"}
    assert quiet(path, principal=f"arn:aws:iam::111122223333:role/{whole}").events == 1
    assert quiet(path, principal=whole).events == 1


@pytest.mark.parametrize(
    "key", ["\\ue000ue000", "x/\\ue000ue000", "x/\\UE000ue000", "\\\\ue000", "a/\ue000", "\ue000", "a\\u\ue000e000"]
)
def test_no_name_becomes_the_sign_of_a_cut_value(tmp_path, key):
    """What is taken out of a text may leave behind what was to be taken out."""
    put(tmp_path / "a.json", {"Records": [record(key=key, resources=[])]})
    (row,) = quiet(tmp_path).observed
    assert not [value for _, value in row.parameters if CUT in value]
    put(tmp_path / "b.json", {"Records": [record(resources=[{"ARN": f"{BUCKET}/{key}"}], requestParameters=None)]})
    arns = [arn for row in quiet(tmp_path / "b.json").observed for arn in row.resources]
    assert arns and not [arn for arn in arns if CUT in arn]
    for statement in draft(quiet(tmp_path)).policy.statements:
        assert not [arn for arn in statement.resources or () if "*" in arn.replace("${*}", "")]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_filter_finds_nobody(tmp_path, text):
    path = put(tmp_path / "a.json", {"Records": [record()]})
    assert quiet(path, principal=text.replace("\ud800", ""), regions=("eu-west-1",)).events == 0


def test_a_hostile_file_name_stays_one_line(tmp_path):
    put(tmp_path / "a\n<b>'\".json", b"no JSON")
    put(tmp_path / "b.json", record())
    (said,) = quiet(tmp_path).skipped
    assert "\n" not in said


def test_a_missing_path_is_named_and_the_others_read(tmp_path):
    put(tmp_path / "a.json", record())
    reading = quiet([tmp_path / "a.json", tmp_path / "typo"])
    assert reading.events == 1
    assert [said.endswith("typo") for said in reading.skipped] == [True]


@pytest.mark.parametrize("path", ["missing", "empty"])
def test_nothing_to_read_is_an_error_that_says_what_to_give(tmp_path, path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrailError) as refused:
        quiet(tmp_path / path)
    assert path in str(refused.value) and "the folder that holds AWSLogs" in str(refused.value)


def test_a_document_that_would_not_fit_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 10_000)
    monkeypatch.setattr(files, "BATCH", 1_000)
    put(tmp_path / "large.json.gz", {"Records": [record()] * 100})
    put(tmp_path / "one-line.jsonl.gz", json.dumps(record()).encode() + b"\n" + b"x" * 50_000)
    put(tmp_path / "small.json.gz", {"Records": [record()]})
    reading = quiet(tmp_path)
    assert reading.events == 1 and len(reading.skipped) == 2
    assert all(said.startswith("one document of more than") for said in reading.skipped)


# Many different calls


def few(path):
    """Read with a low limit of rows."""
    return read(path, progress=False, most=10)


def test_many_keys_become_their_first_folder(tmp_path):
    keys = [f"raw/{n}/x.csv" for n in range(40)] + [f"out/{n}" for n in range(5)]
    events = [record(key=key) for key in keys] + [record("PutObject", key=f"few/{n}") for n in range(10)]
    reading = few(put(tmp_path / "a.json", {"Records": events}))
    assert reading.events == 55
    found = {(row.event, dict(row.parameters)["key"]): row for row in reading.observed}
    assert found["GetObject", f"raw/{CUT}"].calls == 40 and found["GetObject", f"out/{CUT}"].calls == 5
    assert found["GetObject", f"raw/{CUT}"].resources == (BUCKET, f"{BUCKET}/raw/{CUT}")
    assert (
        len([key for event, key in found if event == "PutObject" and key.startswith("few/") and CUT not in key]) == 10
    )
    (said,) = reading.shortened
    assert "GetObject" in said and ROLE in said and "paths are cut" in said


def test_what_lives_for_one_run_gives_way_first(tmp_path):
    def assumed(n):
        return record("AssumeRole", requestParameters={"roleArn": f"{ROLE}{n % 2}", "roleSessionName": f"s{n}"})

    reading = few(put(tmp_path / "a.json", {"Records": [assumed(n) | {"resources": None} for n in range(50)]}))
    assert {dict(row.parameters)["roleArn"]: row.calls for row in reading.observed} == {f"{ROLE}0": 25, f"{ROLE}1": 25}


def test_what_is_still_too_much_is_counted_without_names(tmp_path):
    events = [record(key=f"{n:02d}") for n in range(30)]
    for size in (30, 7):  # in one batch, and in several that are put together one after the other
        folder = tmp_path / str(size)
        for n in range(0, 30, size):
            put(folder / f"{n:02d}.json", {"Records": events[n : n + size]})
        reading = few(folder)
        assert (reading.events, len(reading.observed)) == (30, 11)
        (bare,) = [row for row in reading.observed if not row.parameters]
        assert (bare.calls, bare.resources) == (20, ())
        assert "20 calls have lost" in reading.shortened[0]


def test_the_limit_gives_the_same_rows_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(aggregate, "WAITING", 5)
    monkeypatch.setattr(files, "BATCH", 2_000)
    events = [record(key=f"{n % 3}/{n % 29}") for n in range(120)] + [
        record("PutObject", key=f"{n}") for n in range(40)
    ]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(events)
        for n in range(0, len(events), 20):
            put(tmp_path / str(seed) / f"{n}.json", {"Records": events[n : n + 20]})
        found.append(few(tmp_path / str(seed)))
    assert found[0].observed == found[1].observed == found[2].observed
    assert found[0].shortened == found[1].shortened == found[2].shortened


def test_paths_stay_cut_when_few_more_come(tmp_path, monkeypatch):
    monkeypatch.setattr(aggregate, "WAITING", 0)
    monkeypatch.setattr(files, "BATCH", 1)
    put(tmp_path / "a.json", {"Records": [record(key=f"raw/{n}") for n in range(11)]})
    put(tmp_path / "b.json", {"Records": [record(key="raw/late")]})
    (row,) = few(tmp_path).observed
    assert (row.calls, dict(row.parameters)["key"]) == (12, f"raw/{CUT}")


# Denied calls


def test_denied_calls_keep_their_last_message(tmp_path):
    refused = [
        record(errorCode="AccessDenied", errorMessage=f"message {n}", time=f"2026-09-0{n}T00:00:00Z") for n in (2, 3, 1)
    ]
    others = [
        record(errorCode="NoSuchKey", errorMessage="x"),
        record(),
        record("RunInstances", eventSource="ec2.amazonaws.com", errorCode="Client.UnauthorizedOperation"),
        record("Publish", eventSource="sns.amazonaws.com", errorCode="AuthorizationErrorException", errorMessage="y"),
    ]
    found = read(put(tmp_path / "a.json", {"Records": refused + others}), progress=False).denied
    assert [(each.event, each.code, each.calls) for each in found] == [
        ("RunInstances", "Client.UnauthorizedOperation", 1),
        ("GetObject", "AccessDenied", 3),
        ("Publish", "AuthorizationErrorException", 1),
    ]
    first = found[1]
    assert (first.message, first.when) == ("message 3", datetime(2026, 9, 3, tzinfo=UTC))
    assert (first.principal, first.resources) == (ROLE, (BUCKET, f"{BUCKET}/a.jpg"))


def test_denied_calls_are_filtered(tmp_path):
    path = put(tmp_path / "a.json", record(errorCode="AccessDenied"))
    assert len(read(path, Filters(principal="app"), progress=False).denied) == 1
    assert read(path, Filters(principal="other"), progress=False).denied == []
