-- How calls are counted in DuckDB (aggregate.py): seven statements, each ended by a semicolon at the end of a line. Names
-- in braces are constants of this package; what comes from outside is a parameter ($) or a table. athena.sql says the
-- same for Athena, and a test runs both on the same records.

-- 1. What is counted so far.
CREATE TABLE calls (
    principal VARCHAR, account VARCHAR, region VARCHAR, source VARCHAR, event VARCHAR,
    parameters STRUCT("key" VARCHAR, "value" VARCHAR)[], resources VARCHAR[],
    via VARCHAR, mfa VARCHAR, tls VARCHAR, endpoint VARCHAR, error VARCHAR,
    calls BIGINT, first TIMESTAMP, last TIMESTAMP, message VARCHAR, shortened BOOLEAN, beyond BOOLEAN);

-- 2. The texts of a batch, as rows of alike calls, each with the reason why it does not count. Of a record the fields
-- that are named are read; a MAP, as request parameters differ from event to event. Of the answers of a few events the
-- names that their requests lack are put beside these.
CREATE OR REPLACE TEMP TABLE batch AS
WITH records AS (SELECT unnest(from_json(text, '{{"Records": [{{
    "eventTime": "VARCHAR", "eventSource": "VARCHAR", "eventName": "VARCHAR", "awsRegion": "VARCHAR",
    "recipientAccountId": "VARCHAR", "eventCategory": "VARCHAR", "eventType": "VARCHAR", "errorCode": "VARCHAR",
    "errorMessage": "VARCHAR", "vpcEndpointId": "VARCHAR", "vpcEndpointAccountId": "VARCHAR", "userAgent": "VARCHAR",
    "sourceIPAddress": "VARCHAR", "sessionCredentialFromConsole": "VARCHAR",
    "userIdentity": {{
        "arn": "VARCHAR", "accountId": "VARCHAR", "principalId": "VARCHAR", "invokedBy": "VARCHAR",
        "sessionContext": {{"sessionIssuer": {{"arn": "VARCHAR"}}, "attributes": {{"mfaAuthenticated": "VARCHAR"}}}},
        "onBehalfOf": {{"userId": "VARCHAR"}}}},
    "tlsDetails": {{"tlsVersion": "VARCHAR"}},
    "resources": [{{"ARN": "VARCHAR"}}],
    "requestParameters": "MAP(VARCHAR, JSON)", "responseElements": "JSON",
    "serviceEventDetails": "JSON"}}]}}').Records) AS r FROM documents),
events AS (
    -- CloudTrail's own form first; others have parts of seconds, an offset or a blank, or are in UTC without saying so.
    SELECT r, coalesce(try_strptime(r.eventTime, '%Y-%m-%dT%H:%M:%SZ'), CASE WHEN regexp_full_match(
            r.eventTime, '\s*[12]\d{{3}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)? ?(Z|UTC|[+-]\d\d(:?\d\d)?)?\s*')
            THEN make_timestamp(epoch_us(try_cast(regexp_replace(replace(r.eventTime, ',', '.'),
                '([T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*$', '\1Z') AS TIMESTAMPTZ))) END) AS time,
        regexp_replace(coalesce({principal}, '{unknown}'), '{session}', '{role}', 's') AS principal,
        coalesce(r.recipientAccountId, r.userIdentity.accountId, '') AS account,
        coalesce(r.awsRegion, '') AS region, r.eventSource AS source, r.eventName AS event
    FROM records),
told AS (
    SELECT *, CASE
        WHEN r IS NULL OR (r.eventTime IS NULL AND source IS NULL AND event IS NULL AND r.userIdentity IS NULL)
            THEN 'record that is no object of CloudTrail'
        WHEN r.eventCategory = 'Insight' THEN 'Insights event'
        WHEN r.eventCategory = 'NetworkActivity' THEN 'network activity event'
        WHEN coalesce(r.eventTime, '') = '' OR coalesce(source, '') = '' OR coalesce(event, '') = ''
            THEN 'record without eventTime, eventSource or eventName'
        WHEN time IS NULL THEN 'record whose eventTime is no time'
        -- They go into the policy's ARNs as they are, where no wildcard and no variable may come from outside.
        WHEN NOT regexp_full_match(region, '{region}') THEN 'record whose awsRegion is no Region'
        WHEN NOT regexp_full_match(account, '{account}') THEN 'record whose account is no number'
        WHEN starts_with(principal, 'arn:') AND NOT regexp_full_match(principal, '{caller}', 's')
            THEN 'record whose userIdentity is no ARN of AWS'
        WHEN r.eventType = 'AwsServiceEvent' AND lower(event) NOT IN ({serving})
            THEN 'event of a service itself, which nobody called'
        WHEN time < $start OR time >= $end THEN 'outside the time range'
        WHEN len($regions) > 0 AND NOT list_contains($regions, region) THEN 'other Region'
        WHEN len($accounts) > 0 AND NOT list_contains($accounts, account) THEN 'other account'
        -- As `is_called` of observed.py has it.
        WHEN starts_with($principal, 'arn:')
            AND regexp_replace(principal, '{path_of}', ':\1/', 's')
                <> regexp_replace($principal, '{path_of}', ':\1/', 's')
            THEN 'other principal'
        WHEN NOT starts_with($principal, 'arn:') AND principal <> $principal
            AND NOT ends_with(principal, '/' || $principal) AND NOT ends_with(principal, ':' || $principal)
            AND regexp_extract(principal, '{permission_set}', 1, 's') <> $principal THEN 'other principal'
        END AS reason
    FROM events)
SELECT reason, {group}, CASE WHEN event IN ({answering}) AND r.responseElements IS NOT NULL
        THEN map_concat(coalesce(r.requestParameters, MAP {{}}), MAP {{'responseElements': {answer}}})
        WHEN r.eventType = 'AwsServiceEvent' AND r.serviceEventDetails IS NOT NULL
        THEN map_concat(coalesce(r.requestParameters, MAP {{}}), MAP {{'{details}': r.serviceEventDetails}})
        ELSE r.requestParameters END AS parameters, r.resources AS resources,
    r.userIdentity.invokedBy AS via, r.userIdentity.sessionContext.attributes.mfaAuthenticated AS mfa,
    r.tlsDetails.tlsVersion AS tls,
    -- The console has endpoints of AWS's own, which no policy of the caller should ask for.
    CASE WHEN r.vpcEndpointId IS NULL OR r.sessionCredentialFromConsole = 'true' OR r.vpcEndpointAccountId <> account
        THEN NULL WHEN NOT regexp_matches(concat_ws(' ', r.userAgent, r.sourceIPAddress), '{through_aws}', 'i')
        THEN r.vpcEndpointId END AS endpoint,
    nullif(r.errorCode, '') AS error,
    count(*) AS calls, min(time) AS first, max(time) AS last,
    max_by(left(r.errorMessage, {longest}), {{'time': time, 'message': r.errorMessage}})
        FILTER (regexp_matches(r.errorCode, '{refused}')) AS message
FROM told GROUP BY ALL;

-- 3. What of the batch does not count.
SELECT reason, sum(calls) FROM batch WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason;

-- 4. Who is in the batch beside whom is asked for.
SELECT DISTINCT principal FROM batch WHERE reason = 'other principal' ORDER BY principal LIMIT {most_others};

-- 5. The names of its parameters: those that occur are few, those that are kept are many.
SELECT DISTINCT unnest(map_keys(parameters)) FROM batch WHERE reason IS NULL;

-- 6. The batch added. What stands for a cut value must not come from outside, neither as it is nor as JSON can write
-- it. It is replaced, not taken out: what is left of "\\\\ue000ue000" without its middle would be the sign again.
INSERT INTO calls SELECT {group},
    list_transform(list_filter(coalesce(map_entries(parameters), []),
        lambda pair: list_contains($keys, pair.key) AND len(pair.value) <= {longest}),
        lambda pair: struct_pack("key" := pair.key, "value" :=
            regexp_replace(replace(pair.value, '{cut}', '{lost}'), '\\ue000', '\\ufffd', 'gi'))),
    list_filter(list_transform(coalesce(resources, []), lambda each: replace(each.ARN, '{cut}', '{lost}')),
        lambda arn: starts_with(arn, 'arn:')),
    via, mfa, tls, endpoint, error, calls, first, last, message, false, false
FROM batch WHERE reason IS NULL;

-- 7. Alike calls put together again. Too many rows of an operation are made fewer in two steps, which leave the same
-- rows in whatever order events come. First, names that live for one run become the sign of a cut value, and paths are cut
-- after their first part ("sales/2026/a" becomes "sales/" and the sign), in parameters and in ARNs. If that is not
-- enough, rows beyond the first $most lose both.
CREATE OR REPLACE TABLE calls AS
WITH merged AS (SELECT {row}, {put_together} FROM calls GROUP BY {row}, beyond),
counted AS (
    SELECT * REPLACE (bool_or(shortened) OVER same OR count(*) OVER same > $most AS shortened)
    FROM merged WINDOW same AS (PARTITION BY {group})),
cut AS (
    SELECT * REPLACE (
        CASE WHEN shortened THEN list_transform(parameters, lambda pair: struct_pack(
            "key" := pair.key,
            "value" := CASE WHEN list_contains($passing, lower(pair.key)) THEN '"{cut}"'
                ELSE regexp_replace(pair.value, '{path}', '"\1{cut}"', 'g') END))
            ELSE parameters END AS parameters,
        CASE WHEN shortened THEN list_sort(list_distinct(list_transform(
            resources, lambda arn: regexp_replace(arn, '^([^/]*/[^/]+/).*$', '\1{cut}', 's'))))
            ELSE resources END AS resources)
    FROM counted),
again AS (SELECT {row}, {put_together} FROM cut GROUP BY {row}, beyond),
ranked AS (
    SELECT * REPLACE (beyond OR row_number() OVER same > $most AS beyond)
    FROM again WINDOW same AS (
        PARTITION BY {group}, beyond ORDER BY parameters, resources, via, mfa, tls, endpoint, error)),
bare AS (
    SELECT * REPLACE (
        CASE WHEN beyond THEN [] ELSE parameters END AS parameters,
        CASE WHEN beyond THEN [] ELSE resources END AS resources)
    FROM ranked)
SELECT {row}, {put_together} FROM bare GROUP BY {row}, beyond;
