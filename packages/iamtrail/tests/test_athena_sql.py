"""The SQL for Athena, run: put into DuckDB's dialect, it gives the rows that reading the files gives."""

import gzip
import json
from datetime import UTC, datetime

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from iamtrail import athena, files
from iamtrail.__main__ import main
from iamtrail.athena import TrailTable, create
from iamtrail.observed import Filters
from iamtrail.trail import write

TABLE = TrailTable(
    "logs",
    "trail",
    "s3://trail-logs/AWSLogs/o-exampleorgid/",
    accounts=("111122223333", "444455556666"),
    regions=("eu-west-1", "us-east-1"),
)
SSO = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_DevOps_0123456789abcdef"
TEXTS = ("requestparameters", "responseelements", "additionaleventdata", "serviceeventdetails")  # JSON, as text


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A made-up trail, and beside it what it does not have: many keys, odd names, and records to leave out."""
    folder = tmp_path_factory.mktemp("athena") / "logs"
    write(folder, events=1_500)
    base = {
        "eventVersion": "1.08",
        "eventTime": "2026-09-01T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": "arn:aws:sts::111122223333:assumed-role/o'brien/$1",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/team/o'brien"}},
        },
    }
    many = [
        base
        | {
            "requestParameters": {"bucketName": "b", "key": f"{n % 40}/{n}"},
            "resources": [{"ARN": f"arn:aws:s3:::b/{n % 40}/{n}"}],
        }
        for n in range(1_200)
    ]
    streams = [
        base
        | {
            "eventSource": "logs.amazonaws.com",
            "eventName": "PutLogEvents",
            "requestParameters": {"logGroupName": "/app", "logStreamName": f"2026/{n}"},
        }
        for n in range(1_100)
    ]
    odd = [
        base | {"requestParameters": None, "resources": None},
        base
        | {"requestParameters": {"key": "\ue000/?'\"\\$1", "other": "x" * 70_000}, "resources": [{"ARN": None}, {}]},
        base | {"userIdentity": {"type": "AWSAccount", "accountId": "999988887777"}, "eventName": "PutObject"},
        base
        | {
            "userIdentity": None,
            "eventName": "CreateNatGateway",
            "requestParameters": {"CreateNatGatewayRequest": {"SubnetId": "s"}},
        },
        base | {"errorCode": "AccessDenied", "errorMessage": "not authorized to perform: s3:GetObject"},
        base | {"eventCategory": "Insight"},
        base | {"eventType": "AwsServiceEvent"},
        base | {"eventTime": "yesterday"},
        base | {"awsRegion": "eu-west-?"},
        base | {"recipientAccountId": "*"},
        base | {"userIdentity": {"arn": "arn:*:iam::111122223333:role/x"}},
        base | {"vpcEndpointId": "vpce-1", "userAgent": "[S3Console/0.4]"},
        base | {"vpcEndpointId": "vpce-1", "vpcEndpointAccountId": "999988887777"},
        base | {"userIdentity": {"arn": f"arn:aws:iam::111122223333:role/{SSO}"}},
    ]
    (folder / "more.json").write_text(json.dumps({"Records": many + streams + odd}))
    return folder


@pytest.fixture(scope="module")
def database(logs, tmp_path_factory):
    """The table of `create` in DuckDB, with every record of the logs as the format of CloudTrail's logs gives it."""
    made = sqlglot.parse_one(create(TABLE), read="athena")
    columns = {column.name: column.args["kind"].sql("duckdb") for column in made.this.expressions}
    partitions = {column.name: "VARCHAR" for column in made.find(exp.PartitionedByProperty).find_all(exp.ColumnDef)}
    assert set(partitions) == {"account", "region", "timestamp"}
    columns |= partitions
    lines = tmp_path_factory.mktemp("records") / "records.jsonl"
    lines.write_text("".join(f"{json.dumps(_as_columns(record))}\n" for record in _records(logs)))
    database = duckdb.connect()
    database.execute("CREATE SCHEMA logs")
    database.execute(f"CREATE TABLE logs.trail ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    database.execute(
        "INSERT INTO logs.trail BY NAME SELECT * FROM read_json(?, columns=?, format='newline_delimited')",
        [str(lines), columns],
    )
    return database


def _records(logs):
    for file in sorted(path for path in logs.rglob("*") if path.is_file()):
        data = file.read_bytes()
        yield from json.loads(gzip.decompress(data) if file.suffix == ".gz" else data)["Records"]


def _as_columns(record):
    partitions = {"account": record["recipientAccountId"], "region": record["awsRegion"]}
    return _lower(record) | partitions | {"timestamp": record["eventTime"][:10].replace("-", "/")}


def _lower(value):
    if isinstance(value, list):
        return [_lower(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    texts = {name.lower(): json.dumps(inside) for name, inside in value.items() if name.lower() in TEXTS and inside}
    return {name.lower(): _lower(inside) for name, inside in value.items() if name.lower() not in TEXTS} | texts


def _in_duckdb(sql):
    return sqlglot.parse_one(sql, read="athena").transform(_groups).transform(_maps).sql("duckdb")


def _groups(node):
    """A group in a replacement: $1 for Athena, \\1 for DuckDB."""
    if isinstance(node, exp.RegexpReplace):
        text = node.args["replacement"]
        text.set("this", text.this.replace("$", "\\"))
    return node


def _maps(node):
    """Functions of maps, which DuckDB has for lists only."""
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    if name not in ("map_filter", "transform_values"):
        return node
    of, function = node.expressions
    fields = dict(zip((each.name for each in function.expressions), ("pair.key", "pair.value"), strict=True))
    body = function.this.transform(lambda inner: _named(inner, fields)).sql("duckdb")
    pairs = f"map_entries({of.sql('duckdb')})"
    if name == "map_filter":
        text = f"map_from_entries(list_filter({pairs}, lambda pair: {body}))"
    else:
        text = f"map_from_entries(list_transform({pairs}, lambda pair: struct_pack(key := pair.key, value := {body})))"
    return sqlglot.parse_one(text, read="duckdb")


def _named(node, fields):
    if (
        isinstance(node, exp.Column | exp.Identifier)
        and node.name in fields
        and not isinstance(node.parent, exp.Column)
    ):
        return sqlglot.parse_one(fields[node.name], read="duckdb")
    return node


class DuckDB:
    """A client of Athena that answers from DuckDB, 500 rows a page."""

    def __init__(self, database):
        self._database = database

    def start_query_execution(self, QueryString, ExecutionParameters=(), **place):
        parameters = [text[1:-1].replace("''", "'") for text in ExecutionParameters]
        asked = self._database.execute(_in_duckdb(QueryString), parameters)
        self._rows = [[column[0] for column in asked.description], *asked.fetchall()]
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, QueryExecutionId):
        return {"QueryExecution": {"QueryExecutionId": QueryExecutionId, "Status": {"State": "SUCCEEDED"}}}

    def get_query_results(self, QueryExecutionId, MaxResults, NextToken="0"):
        start = int(NextToken)
        rows = [{"Data": [_cell(value) for value in row]} for row in self._rows[start : start + 500]]
        more = {"NextToken": str(start + 500)} if start + 500 < len(self._rows) else {}
        return {"ResultSet": {"Rows": rows}} | more


def _cell(value):
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {} if value is None else {"VarCharValue": text}


def test_the_command_asks_athena_and_says_what_it_costs(logs, database, monkeypatch, capsys):
    monkeypatch.setattr(athena, "client", lambda service, region: DuckDB(database))
    main(["draft", str(logs), "--role", "staging-deploy"])
    from_files = capsys.readouterr()
    assert main(["draft", "--athena", "logs.trail", "--role", "staging-deploy"]) == 0
    from_athena = capsys.readouterr()
    assert from_athena.out == from_files.out and "Athena scanned 0.0 MB: about USD" in from_athena.err


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters("staging-deploy"),
        Filters("arn:aws:iam::444455556666:role/data-pipeline"),
        Filters("o'brien"),
        Filters("arn:aws:iam::111122223333:role/o'brien"),
        Filters("DevOps"),
        Filters(f"arn:aws:sts::111122223333:assumed-role/{SSO.rpartition('/')[2]}/jane@example.com"),
        Filters(regions=("eu-west-1",), accounts=("111122223333",)),
        Filters(start=datetime(2026, 9, 1, 10, tzinfo=UTC), end=datetime(2026, 9, 3, tzinfo=UTC)),
    ],
    ids=str,
)
def test_athena_counts_what_reading_the_files_counts(logs, database, filters):
    of_athena = athena.run(TABLE, filters, athena=DuckDB(database), progress=False).reading
    of_files = files.read(logs, filters, progress=False)
    assert of_athena.events == of_files.events > 0
    assert of_athena.observed == of_files.observed
    assert of_athena.shortened == of_files.shortened
