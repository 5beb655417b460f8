"""Who is in a log, whom a name means, and tables that fit the terminal."""

import json
from datetime import UTC, datetime, timedelta

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamtrail import draft
from iamtrail.__main__ import main
from iamtrail.aggregate import Aggregate, document
from iamtrail.evidence import reading_of
from iamtrail.observed import Filters, asked_for, is_called, kind_of, name_of, near
from iamtrail.terminal import fitted
from iamtrail.trail_error import TrailError
from iamtrail.who import ago, who

A, B = "111122223333", "444455556666"
PATH = "aws-reserved/sso.amazonaws.com/eu-west-1/"


def record(arn, account=A, **more):
    return {
        "userIdentity": {"arn": arn},
        "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketAcl",
        "awsRegion": "eu-west-1",
        "requestParameters": {"bucketName": "b"},
        "recipientAccountId": account,
    } | more


def session(account=A, name="AWSReservedSSO_DevOps_0123456789abcdef", path=PATH, **more):
    issuer = f"arn:aws:iam::{account}:role/{path}{name}"
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/jane@example.com"
    identity = {"type": "AssumedRole", "arn": arn, "sessionContext": {"sessionIssuer": {"type": "Role", "arn": issuer}}}
    return record(arn, account, userIdentity=identity, **more)


TWO = [session(), session(B, "AWSReservedSSO_DevOps_fedcba9876543210"), record(f"arn:aws:iam::{A}:role/app")]


@pytest.mark.parametrize(
    ("wanted", "accounts"),
    [
        (f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_DevOps_0123456789abcdef/jane@example.com", [A]),
        (f"arn:aws:iam::{A}:role/AWSReservedSSO_DevOps_0123456789abcdef", [A]),
        (f"arn:aws:iam::{A}:role/{PATH}AWSReservedSSO_DevOps_0123456789abcdef", [A]),
        ("AWSReservedSSO_DevOps_0123456789abcdef", [A]),
        ("assumed-role/AWSReservedSSO_DevOps_0123456789abcdef/jane@example.com", [A]),
        ("DevOps", [A, B]),
        (f"{A}:role/app", [A]),
        ("Dev", []),
        ("Ops", []),
        (f"arn:aws:iam::{B}:role/AWSReservedSSO_DevOps_0123456789abcdef", []),
    ],
)
def test_the_reader_and_the_draft_find_the_same_people(tmp_path, capsys, wanted, accounts):
    (tmp_path / "a.json").write_text(json.dumps({"Records": TWO}))
    assert main(["draft", str(tmp_path), "--role", wanted]) == (0 if accounts else 2)
    if accounts:
        assert sorted({row.account for row in reading_of(TWO, wanted).observed}) == accounts
    else:
        with pytest.raises(TrailError, match="no events of"):
            draft(TWO, wanted)


@given(st.text(max_size=12), st.sampled_from(["role/", "role/a/b/", "user/", f"role/{PATH}AWSReservedSSO_"]), st.data())
def test_sql_finds_whom_python_finds(name, before, data):
    principal = f"arn:aws:iam::{A}:{before}{name}" + ("_0123456789abcdef" if "SSO" in before else "")
    wanted = data.draw(
        st.sampled_from([name, principal, f"arn:aws:iam::{A}:role/{name}", f"{before}{name}", name[1:], f"/{name}"])
    )
    filters = Filters(wanted)
    with Aggregate(filters) as aggregate:
        aggregate.add([document([record(principal)])])
        read = aggregate.reading()
    if wanted and name:
        assert bool(read.observed) == is_called(principal, asked_for(wanted))


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [("devops", "DevOps"), ("DevOp", "DevOps"), ("ap", "app"), ("AWSReservedSSO_DevOps", "DevOps")],
)
def test_a_name_that_is_not_there_gives_near_ones(tmp_path, capsys, wanted, offered):
    (tmp_path / "a.json").write_text(json.dumps({"Records": TWO}))
    for command in ("draft", "who", "read"):
        assert main([command, str(tmp_path), "--role", wanted]) == 2
        assert f"is it {offered}?" in capsys.readouterr().err
    with pytest.raises(TrailError, match=f"is it {offered}"):
        draft(TWO, wanted)


def test_near_names_are_few_and_distinct():
    assert near("role", [f"arn:aws:iam::{A}:role/role{n}" for n in range(50)]).__len__() == 5
    assert near("app", [f"arn:aws:iam::{account}:role/apps" for account in (A, B)]) == ["apps"]
    assert near("zzz", [f"arn:aws:iam::{A}:role/app"]) == []


KINDS = {
    f"arn:aws:iam::{A}:root": "root user",
    f"arn:aws:iam::{A}:role/app": "role",
    f"arn:aws:iam::{A}:role/{PATH}AWSReservedSSO_DevOps_0123456789abcdef": "permission set",
    f"arn:aws-cn:iam::{A}:user/team/ada": "user",
    f"arn:aws:sts::{A}:federated-user/ada": "federated user",
    f"arn:aws:iam::{A}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A:sub": "identity provider",
    "lambda.amazonaws.com": "service",
    B: "account",
    "unknown": "other",
    f"arn:aws:iam::{A}:user/x.amazonaws.com": "user",
}


@pytest.mark.parametrize(("principal", "kind"), KINDS.items(), ids=KINDS.values())
def test_what_a_principal_is(principal, kind):
    assert kind_of(principal) == kind


def test_who_counts_everybody_and_tells_accounts_apart(tmp_path, capsys):
    later = {"eventTime": "2026-03-05T10:00:00Z", "errorCode": "AccessDenied"}
    (tmp_path / "a.json").write_text(json.dumps({"Records": [*TWO, session(**later)]}))
    assert main(["who", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["who", "kind", "account", "events", "failed", "first", "seen", "last", "seen"]
    assert lines[2].startswith("DevOps") and A in lines[2] and " ago" in lines[2]
    assert {line.split()[0] for line in lines[2:]} == {"DevOps", "app"} and len(lines) == 5
    assert main(["who", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["kind"], each["account"], each["events"], each["failed"]) for each in told] == [
        ("DevOps", "permission set", A, 2, 1),
        ("app", "role", A, 1, 0),
        ("DevOps", "permission set", B, 1, 0),
    ]
    assert (told[0]["first"], told[0]["last"]) == ("2026-03-01T10:00:00+00:00", "2026-03-05T10:00:00+00:00")


def test_a_service_belongs_to_the_account_of_its_trail():
    service = {"userIdentity": {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}}
    seen = who(reading_of([record("", A, **service), record("", B, **service)]).observed)
    assert [(each.name, each.account) for each in seen] == [("lambda.amazonaws.com", A), ("lambda.amazonaws.com", B)]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        *(
            (0, "today"),
            (1, "yesterday"),
            (2, "2 days ago"),
            (7, "1 week ago"),
            (29, "4 weeks ago"),
            (30, "1 month ago"),
        ),
        *((364, "12 months ago"), (365, "1 year ago"), (800, "2 years ago"), (-1, "2026-03-01")),
    ],
)
def test_times_are_as_long_ago_as_they_are(days, said):
    moment = datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert ago(moment, moment + timedelta(days=days)) == said


@given(st.lists(st.lists(st.text("ab -/", max_size=60), min_size=3, max_size=3), max_size=5), st.integers(30, 150))
def test_a_table_is_as_wide_as_its_terminal(rows, width):
    frame = pandas.DataFrame(rows, columns=["principal", "action", "resources"])
    assert max(map(len, fitted(frame, width).splitlines())) <= width


def test_numbers_stand_to_the_right_and_narrow_columns_stay_whole():
    frame = pandas.DataFrame({"who": ["app", "x" * 100], "events": ["1", "2,000"], "last seen": ["today", "yesterday"]})
    lines = fitted(frame, 50).splitlines()
    assert lines[2].split() == ["app", "1", "today"] and "    1  today" in lines[2]
    assert max(map(len, lines)) <= 50 and "2,000  yesterday" in lines[3]


@pytest.mark.parametrize("command", ["read", "who"])
def test_the_commands_ask_for_the_width(tmp_path, capsys, monkeypatch, command):
    (tmp_path / "a.json").write_text(
        json.dumps({"Records": [record(f"arn:aws:iam::{A}:role/{'long-' * 12}{n}") for n in range(2)]})
    )
    for width in (70, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        assert main([command, str(tmp_path)]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= width


def test_names_are_those_that_people_use():
    assert (
        name_of(f"arn:aws:iam::{A}:role/team/app") == "app"
        and name_of("lambda.amazonaws.com") == "lambda.amazonaws.com"
    )
