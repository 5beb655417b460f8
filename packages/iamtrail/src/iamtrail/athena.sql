-- A table over an organisation's trail, and how calls are counted there (athena.py): two statements, each ended by a
-- semicolon at the end of a line. Names in braces are constants and names that were checked; everything else from
-- outside is an execution parameter (?). duckdb.sql says the same for files, and a test runs both on the same records.

-- 1. The columns of "Create a table for an organization wide trail using manual partitioning" and "Create a table for a
-- CloudTrail trail in Athena using partition projection" (Athena User Guide); the second has the properties.
CREATE EXTERNAL TABLE IF NOT EXISTS `{table.database}`.`{table.name}` (
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
    'projection.timestamp.range' = '{first_day},NOW',
    'storage.location.template' = '{table.location}${{account}}/CloudTrail/${{region}}/${{timestamp}}');

-- 2. The calls that the filters leave, counted; what stands for a cut value is replaced wherever it comes from outside.
WITH events AS (
    SELECT regexp_replace(coalesce({principal}, '{unknown}'), '(?s){session}', 'arn:$1:iam::$2:role/$3') AS principal,
        coalesce(recipientaccountid, useridentity.accountid, '') AS account, coalesce(awsregion, '') AS region,
        eventsource AS source, eventname AS event,
        map_filter(coalesce(
            try(CAST(json_parse(regexp_replace(replace(requestparameters, '{cut}', '{lost}'), '(?i)\\ue000', '\\ufffd'))
                AS MAP(VARCHAR, JSON))),
            CAST(MAP() AS MAP(VARCHAR, JSON))),
            (name, value) -> (contains(ARRAY[{kept}], lower(name)) OR name LIKE '%Request')
                AND length(json_format(value)) <= {longest}
            ) AS parameters,
        array_sort(array_distinct(filter(coalesce(transform(resources, each -> replace(each.arn, '{cut}', '{lost}')),
            CAST(ARRAY[] AS ARRAY(VARCHAR))), arn -> arn LIKE 'arn:%'))) AS resources,
        useridentity.invokedby AS via, useridentity.sessioncontext.attributes.mfaauthenticated AS mfa,
        tlsdetails.tlsversion AS tls,
        CASE WHEN vpcendpointaccountid <> recipientaccountid THEN NULL
            WHEN NOT regexp_like(coalesce(useragent, '') || ' ' || coalesce(sourceipaddress, ''), '(?i){through_aws}')
            THEN vpcendpointid END AS endpoint,
        nullif(errorcode, '') AS error,
        try(date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ')) AS time, substr(errormessage, 1, {longest}) AS said
    FROM "{table.database}"."{table.name}"
    WHERE {partitions} AND coalesce(eventcategory, '') NOT IN ('Insight', 'NetworkActivity')
        AND coalesce(eventtype, '') <> 'AwsServiceEvent'
        AND eventsource <> '' AND eventname <> ''
        AND regexp_like(coalesce(awsregion, ''), '^({region})$')
        AND regexp_like(coalesce(recipientaccountid, useridentity.accountid, ''), '^({account})$')),
counted AS (
    SELECT {group}, parameters, resources, via, mfa, tls, endpoint, error,
        count(*) AS calls, min(time) AS first, max(time) AS last,
        max_by(CASE WHEN regexp_like(error, '{refused}') THEN said END, time) AS message
    FROM events WHERE time IS NOT NULL AND NOT (principal LIKE 'arn:%' AND NOT regexp_like(principal, '(?s)^{caller}$'))
        AND {conditions} GROUP BY {row}),
measured AS (SELECT *, count(*) OVER (PARTITION BY {group}) > {most} AS shortened FROM counted),
cut AS (
    SELECT {group}, shortened, via, mfa, tls, endpoint, error, calls, first, last, message,
        json_format(CAST(CASE WHEN shortened THEN transform_values(parameters, (name, value) ->
            CASE WHEN contains(ARRAY[{passing}], lower(name)) THEN JSON '"{cut}"' ELSE json_parse(
                regexp_replace(json_format(value), '{path}', '"$1{cut}"')) END)
            ELSE parameters END AS JSON)) AS parameters,
        json_format(CAST(CASE WHEN shortened THEN array_sort(array_distinct(transform(resources,
            arn -> regexp_replace(arn, '(?s)^([^/]*/[^/]+/).*$', '$1{cut}'))))
            ELSE resources END AS JSON)) AS resources
    FROM measured),
again AS (SELECT {row}, shortened, {put_together} FROM cut GROUP BY {row}, shortened),
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY {group} ORDER BY parameters, resources, via, mfa, tls, endpoint, error) > {most} AS beyond
    FROM again),
bare AS (
    SELECT {group}, CASE WHEN beyond THEN '{{}}' ELSE parameters END AS parameters,
        CASE WHEN beyond THEN '[]' ELSE resources END AS resources,
        via, mfa, tls, endpoint, error, calls, first, last, message, shortened, beyond
    FROM ranked),
told AS (SELECT {row}, shortened, beyond, {put_together} FROM bare GROUP BY {row}, shortened, beyond)
SELECT {fields} FROM told;
