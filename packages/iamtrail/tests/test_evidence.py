"""The tidy table: a row for each principal, event and action, everything counted once."""

import json

import pytest

from iamtrail.__main__ import main
from iamtrail.evidence import shown, table
from iamtrail.files import read
from iamtrail.trail import write
from iamtrail.trail_error import TrailError


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    write(folder, events=1_000, seed=0)
    return folder


def test_each_event_and_action_is_a_row(logs):
    reading = read(logs, progress=False)
    found = table(reading)
    assert list(found.columns) == [
        "principal",
        "source",
        "event",
        "action",
        "resources",
        "calls",
        "first",
        "last",
        "errors",
        "certain",
    ]
    assert not found.duplicated(["principal", "source", "event", "action"]).any()
    once = found.drop_duplicates(["principal", "source", "event"])
    failed = sum(sum(errors.values()) for errors in once["errors"])
    assert once["calls"].sum() + failed == reading.events
    (passed,) = found[(found["event"] == "RegisterTaskDefinition") & (found["action"] == "iam:PassRole")].itertuples()
    assert passed.resources == tuple(f"arn:aws:iam::111122223333:role/shop-{name}" for name in ("execution", "task"))
    assert (found[found["event"] == "GetCallerIdentity"]["action"] == "").all()
    assert (found["first"] <= found["last"]).all()


def test_what_was_refused_is_no_resource_of_what_was_done(logs):
    found = table(read(logs, progress=False), "data-pipeline")
    (put,) = found[found["event"] == "PutObject"].itertuples()
    assert put.calls and put.errors["AccessDenied"] and not [arn for arn in put.resources if "sales-archive" in arn]
    (asked,) = table(read(logs, progress=False), "staging-deploy").query("event == 'GetParametersByPath'").itertuples()
    assert not asked.calls and asked.resources == ("arn:aws:ssm:eu-west-1:111122223333:parameter/production/shop",)


def test_one_principal_can_be_chosen(logs):
    reading = read(logs, progress=False)
    assert {name.rpartition("/")[2] for name in table(reading, "staging-deploy")["principal"]} == {"staging-deploy"}
    with pytest.raises(TrailError, match="no events of nobody"):
        table(reading, "nobody")


def test_what_is_not_certain_is_marked(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    alike = {"eventTime": "2026-09-01T00:00:00Z", "eventSource": "dynamodb.amazonaws.com", "awsRegion": "eu-west-1"}
    writes = alike | {"eventName": "TransactWriteItems", "requestParameters": {}}
    reads = alike | {"eventName": "GetItem", "requestParameters": {"tableName": "orders"}}
    unknown, free = alike | {"eventName": "Frobnicate"}, alike | {"eventSource": "sts.amazonaws.com"}
    found = table([writes, reads, unknown, free | {"eventName": "GetCallerIdentity"}])
    assert dict(zip(found["event"], found["certain"], strict=True)) == {
        "TransactWriteItems": False,
        "GetItem": True,
        "Frobnicate": False,
        "GetCallerIdentity": True,
    }
    (tmp_path / "a.json").write_text(json.dumps([writes, reads, unknown, free | {"eventName": "GetCallerIdentity"}]))
    assert main(["read", str(tmp_path)]) == 0
    out, said = capsys.readouterr()
    for line in out.splitlines()[3:]:
        assert ("(?)" in line) == ("TransactWriteItems" in line or "Frobnicate" in line)
    assert "not known (?)" in out and "none needed" in out and "not certain which permission" in said


def test_hostile_names_stay_one_line():
    record = {"eventTime": "2026-09-01T00:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "a\nb\x1b[31m"}
    found = shown(table([record]))
    assert "\n" not in found["event"][0] and "\x1b" not in found["event"][0]


def test_the_command_shows_and_writes_it(logs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["read", str(logs), "--most", "5"]) == 0
    out, said = capsys.readouterr()
    assert "s3:GetObject" in out and "5 of " in said
    path = tmp_path / "calls.jsonl"
    assert main(["read", str(logs), "--out", str(path)]) == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == len(table(read(logs, progress=False)))
    assert {"principal", "action", "resources", "first"} <= set(rows[0])
