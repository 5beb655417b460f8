"""The SQL of athena.py: a table over the logs, and the counting of calls, the same as aggregate.py does.

A Table and Filters come in, and SQL with its execution parameters goes out. Names of databases, tables and buckets
cannot be parameters, so they are checked; everything else from outside is one.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from iamtrail.errors import TrailError
from iamtrail.literal import CUT, LOST, PATH
from iamtrail.observed import PRINCIPAL, REFUSED, SESSION, UNKNOWN, Filters, utc
from iamtrail.rows import FIELDS, LONGEST, MOST, PASSING, names

FIRST_DAY = "2020/01/01"  # partitions begin here
CHECKS = {  # field of Table -> what it may be ("Name databases, tables, and columns" of Athena; "Bucket naming rules")
    "database": re.compile(r"[a-z0-9_]{1,255}"),
    "name": re.compile(r"[a-z_][a-z0-9_]{0,254}"),
    "location": re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?:[\w.=!*-]+/)*AWSLogs/(?:o-[a-z0-9]{10,32}/)?"),
    "accounts": re.compile(r"\d{12}"),
    "regions": re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d"),
}
EXAMPLES = {
    **{"database": "logs", "name": "cloudtrail_2026", "accounts": "111122223333", "regions": "eu-west-1"},
    "location": "s3://bucket/AWSLogs/o-abcdefghij/, or s3://bucket/AWSLogs/ for the trail of one account",
}
FOR_MAKING = ("location", "accounts", "regions")  # what only a table that is to be made must have


@dataclass(frozen=True)
class Table:
    """A table over an organisation's trail, or over the trail of one account. To ask one, its name is enough."""

    database: str
    name: str
    location: str = ""  # the folder of the accounts, "s3://bucket/AWSLogs/o-abcdefghij/"
    accounts: tuple[str, ...] = ()  # whose folders are looked into
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, pattern in CHECKS.items():
            value = getattr(self, field)
            values = value if isinstance(value, tuple) else (value,)
            bad = [v for v in values if not isinstance(v, str) or not pattern.fullmatch(v)]
            if bad and not (field in FOR_MAKING and value == ""):
                raise TrailError(f"{field} of the table is {repr(bad[0])[:100]}: it must be like {EXAMPLES[field]}")


@dataclass(frozen=True)
class Question:
    """A query with the values of its question marks, as Athena wants them: text in single quotes."""

    sql: str
    parameters: tuple[str, ...]


# The columns of "Create a table for an organization wide trail using manual partitioning" and "Create a table for a
# CloudTrail trail in Athena using partition projection" (Athena User Guide); the second has the properties.
CREATE = """CREATE EXTERNAL TABLE IF NOT EXISTS `{table.database}`.`{table.name}` (
    eventversion STRING,
    useridentity STRUCT<
        type: STRING, principalid: STRING, arn: STRING, accountid: STRING, invokedby: STRING, accesskeyid: STRING,
        username: STRING,
        onbehalfof: STRUCT<userid: STRING, identitystorearn: STRING>,
        sessioncontext: STRUCT<
            attributes: STRUCT<mfaauthenticated: STRING, creationdate: STRING>,
            sessionissuer: STRUCT<
                type: STRING, principalid: STRING, arn: STRING, accountid: STRING, username: STRING>,
            ec2roledelivery: STRING,
            webidfederationdata: STRUCT<federatedprovider: STRING, attributes: MAP<STRING, STRING>>>>,
    eventtime STRING,
    eventsource STRING,
    eventname STRING,
    awsregion STRING,
    sourceipaddress STRING,
    useragent STRING,
    errorcode STRING,
    errormessage STRING,
    requestparameters STRING,
    responseelements STRING,
    additionaleventdata STRING,
    requestid STRING,
    eventid STRING,
    readonly STRING,
    resources ARRAY<STRUCT<arn: STRING, accountid: STRING, type: STRING>>,
    eventtype STRING,
    apiversion STRING,
    recipientaccountid STRING,
    serviceeventdetails STRING,
    sharedeventid STRING,
    vpcendpointid STRING,
    vpcendpointaccountid STRING,
    eventcategory STRING,
    tlsdetails STRUCT<tlsversion: STRING, ciphersuite: STRING, clientprovidedhostheader: STRING>)
PARTITIONED BY (`account` STRING, `region` STRING, `timestamp` STRING)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{table.location}'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.account.type' = 'enum',
    'projection.account.values' = '{accounts}',
    'projection.region.type' = 'enum',
    'projection.region.values' = '{regions}',
    'projection.timestamp.type' = 'date',
    'projection.timestamp.format' = 'yyyy/MM/dd',
    'projection.timestamp.interval' = '1',
    'projection.timestamp.interval.unit' = 'DAYS',
    'projection.timestamp.range' = '{first},NOW',
    'storage.location.template' = '{table.location}${{account}}/CloudTrail/${{region}}/${{timestamp}}')"""

_GROUP = "principal, account, region, source, event"
_ROW = f"{_GROUP}, parameters, resources, via, mfa, tls, endpoint, error"
_PRINCIPAL = ", ".join(f"nullif(useridentity.{'.'.join(path).lower()}, '')" for path in PRINCIPAL)
_ROLE = "arn:$1:iam::$2:role/$3"
_NAMES = ", ".join(f"'{name}'" for name in names() if re.fullmatch(r"[\w.-]+", name))
_PASSING = ", ".join(f"'{name}'" for name in PASSING)
_PUT_TOGETHER = "sum(calls) AS calls, min(first) AS first, max(last) AS last, max_by(message, last) AS message"
# As in aggregate.py: what stands for a cut value is replaced wherever it comes from outside.
_SAFE = rf"regexp_replace(replace(requestparameters, '{CUT}', '{LOST}'), '(?i)\\ue000', '\\ufffd')"
COUNT = rf"""WITH events AS (
    SELECT regexp_replace(coalesce({_PRINCIPAL}, '{UNKNOWN}'), '(?s){SESSION}', '{_ROLE}') AS principal,
        coalesce(recipientaccountid, useridentity.accountid, '') AS account, coalesce(awsregion, '') AS region,
        eventsource AS source, eventname AS event,
        map_filter(coalesce(
            try(CAST(json_parse({_SAFE}) AS MAP(VARCHAR, JSON))),
            CAST(MAP() AS MAP(VARCHAR, JSON))),
            (name, value) -> (contains(ARRAY[{_NAMES}], lower(name)) OR name LIKE '%Request')
                AND length(json_format(value)) <= {LONGEST}
            ) AS parameters,
        array_sort(array_distinct(filter(coalesce(transform(resources, each -> replace(each.arn, '{CUT}', '{LOST}')),
            CAST(ARRAY[] AS ARRAY(VARCHAR))), arn -> arn LIKE 'arn:%'))) AS resources,
        useridentity.invokedby AS via, useridentity.sessioncontext.attributes.mfaauthenticated AS mfa,
        tlsdetails.tlsversion AS tls, vpcendpointid AS endpoint, nullif(errorcode, '') AS error,
        try(date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ')) AS time, substr(errormessage, 1, {LONGEST}) AS said
    FROM "{{table.database}}"."{{table.name}}"
    WHERE {{partitions}} AND coalesce(eventcategory, '') NOT IN ('Insight', 'NetworkActivity')
        AND coalesce(eventtype, '') <> 'AwsServiceEvent'
        AND eventsource <> '' AND eventname <> ''),
counted AS (
    SELECT {_GROUP}, parameters, resources, via, mfa, tls, endpoint, error,
        count(*) AS calls, min(time) AS first, max(time) AS last,
        max_by(CASE WHEN regexp_like(error, '{REFUSED}') THEN said END, time) AS message
    FROM events WHERE time IS NOT NULL AND {{conditions}} GROUP BY {_ROW}),
measured AS (SELECT *, count(*) OVER (PARTITION BY {_GROUP}) > {MOST} AS shortened FROM counted),
cut AS (
    SELECT {_GROUP}, shortened, via, mfa, tls, endpoint, error, calls, first, last, message,
        json_format(CAST(CASE WHEN shortened THEN transform_values(parameters, (name, value) ->
            CASE WHEN contains(ARRAY[{_PASSING}], lower(name)) THEN JSON '"{CUT}"' ELSE json_parse(
                regexp_replace(json_format(value), '{PATH}', '"$1{CUT}"')) END)
            ELSE parameters END AS JSON)) AS parameters,
        json_format(CAST(CASE WHEN shortened THEN array_sort(array_distinct(transform(resources,
            arn -> regexp_replace(arn, '(?s)^([^/]*/[^/]+/).*$', '$1{CUT}'))))
            ELSE resources END AS JSON)) AS resources
    FROM measured),
again AS (SELECT {_ROW}, shortened, {_PUT_TOGETHER} FROM cut GROUP BY {_ROW}, shortened),
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY {_GROUP} ORDER BY parameters, resources, via, mfa, tls, endpoint, error) > {MOST} AS beyond
    FROM again),
bare AS (
    SELECT {_GROUP}, CASE WHEN beyond THEN '{{{{}}}}' ELSE parameters END AS parameters,
        CASE WHEN beyond THEN '[]' ELSE resources END AS resources,
        via, mfa, tls, endpoint, error, calls, first, last, message, shortened, beyond
    FROM ranked),
told AS (SELECT {_ROW}, shortened, beyond, {_PUT_TOGETHER} FROM bare GROUP BY {_ROW}, shortened, beyond)
SELECT {", ".join(FIELDS)} FROM told"""

# A session's ARN has no path, its role's may have one; a name stands at the end, after a slash or a colon.
BY_ARN = "? IN (principal, regexp_replace(principal, ':role/.*/', ':role/'))"
_TIME = "date_parse(?, '%Y-%m-%dT%H:%i:%s')"
BY_NAME = "(principal = ? OR strpos(reverse(principal), reverse(?)) = 1 OR strpos(reverse(principal), reverse(?)) = 1)"


def create(table: Table) -> str:
    """The statement that makes the table, with partitions by account, Region and day that need no loading.

    Raises:
        TrailError: if the table lacks its location, accounts or Regions.
    """
    if lacking := [field for field in FOR_MAKING if not getattr(table, field)]:
        raise TrailError(
            f"{' and '.join(lacking)} of the table {table.name}: empty; give them, as the table is made of them"
        )
    joined = {"accounts": ",".join(table.accounts), "regions": ",".join(table.regions)}
    return CREATE.format(table=table, first=FIRST_DAY, **joined)


def count(table: Table, filters: Filters) -> Question:
    """The query that counts, with its columns in the order of rows.FIELDS.

    Partitions are chosen by the names of folders: days from the start to one after the end, as `files.find` does.
    """
    partitions = [(f"{column} IN ({', '.join('?' * len(values))})", values) for column, values in _listed(filters)]
    conditions = list(partitions)
    if filters.start:
        start = utc(filters.start)
        partitions.append(('"timestamp" >= ?', [f"{start:%Y/%m/%d}"]))
        conditions.append((f"time >= {_TIME}", [f"{start:%Y-%m-%dT%H:%M:%S}"]))
    if filters.end:
        end = utc(filters.end)
        partitions.append(('"timestamp" <= ?', [f"{end + timedelta(days=1):%Y/%m/%d}"]))
        conditions.append((f"time < {_TIME}", [f"{end:%Y-%m-%dT%H:%M:%S}"]))
    if who := filters.wanted:
        conditions.append((BY_ARN, [who]) if who.startswith("arn:") else (BY_NAME, [who, f"/{who}", f":{who}"]))
    sql = COUNT.format(table=table, partitions=_all(partitions), conditions=_all(conditions))
    return Question(sql, tuple(literal(value) for _, values in (*partitions, *conditions) for value in values))


def _listed(filters: Filters) -> list[tuple[str, tuple[str, ...]]]:
    listed = (("account", filters.accounts), ("region", filters.regions))
    return [(column, values) for column, values in listed if values]


def _all(conditions: list[tuple[str, Any]]) -> str:
    return " AND ".join(condition for condition, _ in conditions) or "true"


def literal(text: str) -> str:
    """The text as an SQL literal, which is what an execution parameter must be.

    Raises:
        TrailError: for text with a NUL, which SQL has no place for.
    """
    if "\0" in text:
        raise TrailError(f"{text[:50]!r} has a NUL: leave it out of the filter")
    return "'" + text.replace("'", "''") + "'"
