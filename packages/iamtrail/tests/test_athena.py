"""Athena: SQL without a place for injection, a query that is waited for or stopped, and rows as of files."""

import re
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from iamtrail import athena
from iamtrail.aggregate import FIELDS, kept_names
from iamtrail.athena import LEAST, QueryResult, QuerySettings, TrailTable, count, create, create_table, literal, run
from iamtrail.observed import Filters, Reading
from iamtrail.trail_error import TrailError

TABLE = TrailTable(
    "logs",
    "trail",
    "s3://trail-logs/AWSLogs/o-exampleorgid/",
    accounts=("111122223333", "444455556666"),
    regions=("eu-west-1", "us-gov-west-1"),
)
ROLE = "arn:aws:iam::111122223333:role/app"


@pytest.fixture(scope="module")
def planted():
    keys = {"aws_access_key_id": "AKIAPLANTED", "aws_secret_access_key": "planted-secret"}
    return boto3.client("athena", region_name="eu-west-1", **keys)


@pytest.fixture
def account(planted, monkeypatch):
    """A Stubber of a client; nobody waits."""
    monkeypatch.setattr(athena, "POLL", 0)
    with Stubber(planted) as stub:
        yield stub


def outside_of_quotes(sql):
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "", sql)


# SQL


def test_the_table_finds_its_partitions_by_itself():
    sql = create(TABLE)
    assert sql.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `logs`.`trail` (")
    assert "'projection.account.values' = '111122223333,444455556666'" in sql
    assert "'projection.region.values' = 'eu-west-1,us-gov-west-1'" in sql
    assert "'projection.timestamp.range' = '2020/01/01,NOW'" in sql
    assert (
        "'storage.location.template' = "
        "'s3://trail-logs/AWSLogs/o-exampleorgid/${account}/CloudTrail/${region}/${timestamp}'"
    ) in sql
    assert sql.count("(") == sql.count(")") and sql.count("<") == sql.count(">")


@pytest.mark.parametrize(
    "field, wrong",
    [
        *[("database", wrong) for wrong in ("", "a b", 'a"', "a`", "A", "a;b", "ä", "a\n", None)],
        *[("name", wrong) for wrong in ("", "1a", "a-b", "a'", "x" * 256)],
        *[
            ("location", wrong)
            for wrong in ("s3://bucket", "s3://bucket/x'/AWSLogs/", "https://b/AWSLogs/", "s3://bucket/AWSLogs")
        ],
        *[("accounts", wrong) for wrong in (("1",), ("11112222333'",), ("111122223333", None), ("1111222233334",))],
        *[("regions", wrong) for wrong in (("eu-west",), ("eu-west-1,x",), ("EU-WEST-1",))],
    ],
)
def test_names_that_are_none_are_refused(field, wrong):
    with pytest.raises(TrailError) as refused:
        TrailTable(
            **{"database": "a", "name": "a", **{f: getattr(TABLE, f) for f in ("location", "accounts", "regions")}}
            | {field: wrong}
        )
    assert str(refused.value).startswith(f"{field} of the table is ") and "\n" not in str(refused.value)


def test_a_table_is_asked_by_its_name_and_made_of_all():
    table = TrailTable("a", "b")
    assert '"a"."b"' in count(table, Filters()).sql
    with pytest.raises(TrailError, match="location and accounts and regions of the table b: empty"):
        create(table)


@pytest.mark.parametrize("location", ["s3://abc/AWSLogs/", "s3://abc/org/trail/AWSLogs/o-abcdefghij/"])
def test_places_of_logs_are_taken(location):
    assert location in create(TrailTable("a", "b", location, ("111122223333",), ("eu-west-1",)))


@pytest.mark.parametrize(
    "filters, parameters",
    [
        ({}, ()),
        ({"principal": ROLE}, (f"'{ROLE}'",)),
        ({"principal": "arn:aws:sts::111122223333:assumed-role/app/s"}, (f"'{ROLE}'",)),
        ({"principal": "o'x"}, ("'o''x'", "'/o''x'", "':o''x'", "'o''x'")),
        (
            {"start": datetime(2026, 9, 1, 10), "end": datetime(2026, 9, 30, tzinfo=UTC)},
            ("'2026/09/01'", "'2026/10/01'", "'2026-09-01T10:00:00'", "'2026-09-30T00:00:00'"),
        ),
        (
            {"accounts": ("111122223333",), "regions": ("eu-west-1", "x'y")},
            ("'111122223333'", "'eu-west-1'", "'x''y'") * 2,
        ),
    ],
)
def test_what_is_asked_for_goes_in_as_parameters(filters, parameters):
    question = count(TABLE, Filters(**filters))
    assert question.parameters == parameters
    assert outside_of_quotes(question.sql).count("?") == len(parameters)
    assert question.sql.count("(") == question.sql.count(")")
    assert "{" not in question.sql.replace("'{}'", "")


@given(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1))
def test_no_filter_gets_into_the_sql(text):
    question = count(TABLE, Filters(principal=text, regions=(text,)))
    assert (
        question.sql
        == count(TABLE, Filters(principal="x" if not text.startswith("arn:") else "arn:", regions=("x",))).sql
    )
    for parameter in question.parameters:
        assert re.fullmatch(r"'(?:[^']|'')*'", parameter, re.DOTALL)
    assert literal(text)[1:-1].replace("''", "'") == text


def test_a_nul_has_no_place_in_sql():
    with pytest.raises(TrailError, match="NUL"):
        count(TABLE, Filters(principal="a\0b"))


def test_the_query_fits_and_gives_the_columns_of_rows():
    sql = count(TABLE, Filters()).sql
    assert len(sql) < 262_144  # the quota of Athena
    assert sql.endswith(f"SELECT {', '.join(FIELDS)} FROM told")
    assert all(f"'{name}'" in sql for name in kept_names())


# Queries


VALUES = {
    "principal": ROLE,
    "account": "111122223333",
    "region": "eu-west-1",
    "source": "s3.amazonaws.com",
    "event": "GetObject",
    "parameters": '{"bucketName":"photos","key":"a.jpg"}',
    "resources": '["arn:aws:s3:::photos","arn:aws:s3:::photos/a.jpg"]',
    "tls": "TLSv1.3",
    "calls": "3",
    "first": "2026-09-01 10:00:00.000",
    "last": "2026-09-02 10:00:00.000",
    "shortened": "false",
    "beyond": "false",
}


def result(*rows, header=True, token=None):
    found = [FIELDS] * header + [[(VALUES | row).get(name) for name in FIELDS] for row in rows]
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in found]
    return {"ResultSet": {"Rows": data}} | ({"NextToken": token} if token else {})


def state(name, **more):
    status = {"State": name} | ({"StateChangeReason": more["reason"]} if "reason" in more else {})
    return {
        "QueryExecution": {"QueryExecutionId": "q1", "Status": status, "Statistics": {"DataScannedInBytes": 2 * 10**9}}
    }


def start(account, **expected):
    account.add_response("start_query_execution", {"QueryExecutionId": "q1"}, expected)


def asked(**more):
    return {"QueryString": ANY, "QueryExecutionContext": {"Database": "logs"}, "WorkGroup": "primary"} | more


def test_a_query_is_waited_for_and_read_page_by_page(account):
    start(account, **asked(ExecutionParameters=[f"'{ROLE}'"], ResultConfiguration={"OutputLocation": "s3://out/x/"}))
    for name in ("QUEUED", "RUNNING", "SUCCEEDED"):
        account.add_response("get_query_execution", state(name), {"QueryExecutionId": "q1"})
    pages = {"QueryExecutionId": "q1", "MaxResults": 1000}
    account.add_response("get_query_results", result({}, {"error": "NoSuchKey", "calls": "1"}, token="t"), pages)
    second = result({"event": "PutObject", "shortened": "true"}, header=False)
    account.add_response("get_query_results", second, pages | {"NextToken": "t"})
    answer = run(TABLE, Filters(principal=ROLE), QuerySettings(output="s3://out/x/"), account.client, progress=False)
    account.assert_no_pending_responses()
    first, last = answer.reading.observed
    assert (first.calls, first.errors, last.event) == (3, (("NoSuchKey", 1),), "PutObject")
    assert first.parameters == (("bucketName", "photos"), ("key", "a.jpg"))
    assert first.resources == ("arn:aws:s3:::photos", "arn:aws:s3:::photos/a.jpg")
    assert first.context == (("tlsVersion", "TLSv1.3"),)
    assert first.first == datetime(2026, 9, 1, 10, tzinfo=UTC)
    assert (answer.reading.events, answer.query, answer.scanned) == (7, "q1", 2 * 10**9)
    assert answer.cost == pytest.approx(0.01)
    assert len(answer.reading.shortened) == 1


def test_the_cost_is_shown_and_has_a_least():
    assert QueryResult(Reading([], 0), "q", 0).cost == pytest.approx(LEAST / 10**12 * 5)
    assert "Athena scanned 1,000,000.0 MB: about USD 5.00000" in QueryResult(Reading([], 0), "q", 10**12).bill


@pytest.mark.parametrize("name", ["FAILED", "CANCELLED"])
def test_a_query_that_fails_says_why(account, name):
    start(account, **asked())
    reason = "TABLE_NOT_FOUND: line 1:1\n<b>"
    account.add_response("get_query_execution", state(name, reason=reason), {"QueryExecutionId": "q1"})
    with pytest.raises(TrailError) as refused:
        run(TABLE, athena=account.client, progress=False)
    assert "TABLE_NOT_FOUND" in str(refused.value) and name.lower() in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_query_is_stopped_when_nobody_waits_for_it(account, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(athena.time, "sleep", interrupt)
    start(account, **asked())
    account.add_response("get_query_execution", state("RUNNING"), {"QueryExecutionId": "q1"})
    account.add_response("stop_query_execution", {}, {"QueryExecutionId": "q1"})
    with pytest.raises(KeyboardInterrupt):
        run(TABLE, athena=account.client, progress=False)
    account.assert_no_pending_responses()


def test_a_refusal_names_the_permissions(account):
    account.add_client_error("start_query_execution", "AccessDeniedException", "no")
    with pytest.raises(TrailError, match="athena:StartQueryExecution"):
        run(TABLE, athena=account.client, progress=False)


def test_a_table_is_made(account):
    start(account, **asked(QueryString=create(TABLE)))
    account.add_response("get_query_execution", state("SUCCEEDED"), {"QueryExecutionId": "q1"})
    assert create_table(TABLE, athena=account.client) == "q1"
    account.assert_no_pending_responses()


@pytest.mark.parametrize(
    "wrong", [{"calls": "many"}, {"parameters": "{oops"}, {"parameters": "[1]"}, {"first": None}, {"resources": "["}]
)
def test_a_row_that_is_none_of_ours_is_an_error(account, wrong):
    start(account, **asked())
    account.add_response("get_query_execution", state("SUCCEEDED"), {"QueryExecutionId": "q1"})
    account.add_response("get_query_results", result(wrong), {"QueryExecutionId": "q1", "MaxResults": 1000})
    with pytest.raises(TrailError, match="is not as the query makes them"):
        run(TABLE, athena=account.client, progress=False)
