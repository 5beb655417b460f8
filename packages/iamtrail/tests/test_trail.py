"""The made-up trail: the real record format, the same for a seed, and what its three people do in it."""

import gzip
import json
import re
from datetime import datetime

import pytest

from iamtrail import trail
from iamtrail.files import read
from iamtrail.observed import Filters
from iamtrail.parameters import HIDDEN
from iamtrail.trail_error import TrailError
from lib.files import checksums

STAGING, DATA = "111122223333", "444455556666"
DEPLOY = f"arn:aws:iam::{STAGING}:role/ci/staging-deploy"
PIPELINE = f"arn:aws:iam::{DATA}:role/data-pipeline"
NEEDED = {  # fields of every record (CloudTrail User Guide, "CloudTrail record contents")
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "requestParameters",
    "responseElements",
    "requestID",
    "eventID",
    "readOnly",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "logs"
    trail.write(path, 4_000)
    return path


@pytest.fixture(scope="module")
def records(folder):
    files = [json.loads(gzip.decompress(path.read_bytes())) for path in sorted(folder.rglob("*.json.gz"))]
    return [record for file in files for record in file["Records"]]


def test_there_are_as_many_events_as_asked_for(folder, records):
    assert len(records) == 4_000
    assert read(folder, progress=False).events == 4_000


@pytest.mark.parametrize("events", [1, 2, 9, 101])
def test_small_trails_are_whole(tmp_path, events):
    trail.write(tmp_path / "logs", events)
    assert read(tmp_path, progress=False).events == events


def test_a_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trail.write(tmp_path / name, 300, seed)
    a, b, c = (checksums(tmp_path / name) for name in "abc")
    assert a == b and not set(a.values()) & set(c.values())


def test_every_record_has_the_fields_and_forms_of_cloudtrail(records):
    for record in records:
        assert set(record) >= NEEDED
        assert re.fullmatch(r"1\.\d+", record["eventVersion"]) and float(record["eventVersion"][2:]) >= 8
        assert re.fullmatch(r"2026-09-0[1-7]T\d\d:\d\d:\d\dZ", record["eventTime"])
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", record["eventID"])
        assert record["eventSource"].endswith(".amazonaws.com")
        assert record["managementEvent"] == (record["eventCategory"] == "Management")
        assert {"ARN", "type"} <= {key for each in record.get("resources", [{"ARN": 1, "type": 1}]) for key in each}
    assert len({record["eventID"] for record in records}) == len(records)
    assert not re.search(r"<\w+>|%s|\\u0000", json.dumps(records))


def test_who_appears_in_which_way(records):
    kinds = {record["userIdentity"]["type"] for record in records}
    assert kinds == {"AssumedRole", "IAMUser", "AWSService", "AWSAccount", "Root"}
    assert {record["eventType"] for record in records} == {"AwsApiCall", "AwsConsoleSignIn"}
    assert any("vpcEndpointId" in record for record in records)
    assert any(record.get("errorCode") == "AccessDenied" and record["errorMessage"] for record in records)


def test_no_two_records_share_secrets_or_tell_one(records):
    text = json.dumps(records)
    assert HIDDEN in text
    assert set(re.findall(r"\bA[KS]IA\w+", text)) == {"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"}


def test_files_lie_as_in_a_bucket_in_the_order_of_time(folder):
    for path in folder.rglob("*.json.gz"):
        place = re.fullmatch(
            r"AWSLogs/o-\w+/(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4}/\d\d/\d\d)/\1_CloudTrail_\2_\d{8}T\d{4}Z_\w{16}.json.gz",
            path.relative_to(folder).as_posix(),
        )
        events = json.loads(gzip.decompress(path.read_bytes()))["Records"]
        times = [event["eventTime"] for event in events]
        assert times == sorted(times)
        assert times[0][:10].replace("-", "/") == place[3]
        assert {(e["recipientAccountId"], e["awsRegion"]) for e in events} == {(place[1], place[2])}


@pytest.mark.parametrize(
    "principal, services",
    [
        (DEPLOY, {"cloudformation", "lambda", "s3", "ecr", "ecs", "logs", "ssm", "iam", "sts"}),
        (PIPELINE, {"s3", "glue", "athena", "dynamodb", "kms", "sqs", "kinesis"}),
        (f"arn:aws:iam::{STAGING}:user/ada", {"ec2", "iam", "s3", "signin", "cloudtrail", "health"}),
    ],
)
def test_what_the_three_do(folder, principal, services):
    reading = read(folder, Filters(principal=principal), progress=False)
    assert {row.principal for row in reading.observed} == {principal}
    assert {row.source.removesuffix(".amazonaws.com") for row in reading.observed} >= services


def test_the_deploy_role_passes_roles_and_is_refused_some_calls(folder):
    reading = read(folder, Filters(principal="staging-deploy"), progress=False)
    passed = [dict(r.parameters) for r in reading.observed if r.event == "RegisterTaskDefinition"]
    assert passed and all(any("role" in name.lower() for name in each) for each in passed)
    refused = {each.event: each for each in read(folder, Filters(principal="staging-deploy"), progress=False).denied}
    assert set(refused) == {"GetParametersByPath", "AddPermission20150331v2"}
    assert "is not authorized to perform: ssm:GetParametersByPath" in refused["GetParametersByPath"].message


def test_filters_find_a_day_of_it(folder):
    reading = read(folder, Filters(start=datetime(2026, 9, 3), end=datetime(2026, 9, 4)), progress=False)
    assert 0 < reading.events < 1_000
    assert {row.first.day for row in reading.observed} == {3}


def test_every_call_of_every_actor_comes_up_in_a_larger_trail(tmp_path):
    trail.write(tmp_path / "logs", 20_000)
    seen = {(r.principal, r.event) for r in read(tmp_path, progress=False).observed}
    for actor in trail.actors():
        issuer = actor.identity.get("sessionContext", {}).get("sessionIssuer", {})
        names = (issuer.get("arn"), *map(actor.identity.get, ("arn", "accountId", "invokedBy")))
        mine = {event for principal, event in seen if principal == next(filter(None, names))}
        assert mine >= {call.event for call in actor.calls}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(TrailError, match="name a new folder"):
        trail.write(tmp_path)
    with pytest.raises(TrailError, match="name a new folder"):
        trail.write(tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_writes_or_says_why_not(tmp_path, capsys):
    assert trail.main([str(tmp_path / "logs"), "--events", "50"]) == 0
    assert "50 events" in capsys.readouterr().out
    assert trail.main([str(tmp_path / "logs")]) == 1
    assert "name a new folder" in capsys.readouterr().err
    assert trail.main([str(tmp_path / "other"), "--events", "0"]) == 1
    assert not (tmp_path / "other").exists()
