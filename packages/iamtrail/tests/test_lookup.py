"""The event history: what is asked, page by page, what comes back, and one clear line where AWS refuses."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import ANY, Stubber

from iamtrail import lookup
from iamtrail.lookup import lookup_events
from iamtrail.observed import Filters
from iamtrail.trail_error import TrailError

USER = "arn:aws:iam::111122223333:user/team/ada"
ROLE = "arn:aws:iam::111122223333:role/app"
KEYS = {"aws_access_key_id": "AKIAPLANTED", "aws_secret_access_key": "planted-secret"}


@pytest.fixture(scope="module")
def planted():
    return boto3.client("cloudtrail", region_name="eu-west-1", **KEYS)


@pytest.fixture
def account(planted, monkeypatch):
    """A Stubber of a client; nobody waits."""
    monkeypatch.setattr(lookup, "PAUSE", 0)
    with Stubber(planted) as stub:
        yield stub


def record(event="ListRoles", arn=ROLE, **more):
    return {
        "userIdentity": {"arn": arn},
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "iam.amazonaws.com",
        "eventName": event,
        "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333",
    } | more


def page(*records, token=None):
    texts = [each if isinstance(each, str) else json.dumps(each) for each in records]
    rows = [{"EventId": str(n), "CloudTrailEvent": text} for n, text in enumerate(texts)]
    return {"Events": rows} | ({"NextToken": token} if token else {})


def quiet(account, filters=None, **more):
    return lookup_events(filters or Filters(), clients={"eu-west-1": account.client}, progress=False, **more)


def test_all_pages_are_counted(account):
    account.add_response("lookup_events", page(record(), record(), token="t"), {"MaxResults": 50})
    account.add_response("lookup_events", page(record(errorCode="AccessDenied")), {"MaxResults": 50, "NextToken": "t"})
    reading = quiet(account)
    (row,) = reading.observed
    assert (row.principal, row.event, row.calls, row.errors) == (ROLE, "ListRoles", 2, (("AccessDenied", 1),))
    assert (reading.events, reading.files, reading.skipped) == (3, 0, {})
    account.assert_no_pending_responses()


@pytest.mark.parametrize(
    "filters, event, attribute",
    [
        ({}, None, None),
        ({}, "PutRolePolicy", ("EventName", "PutRolePolicy")),
        ({"principal": USER}, None, ("Username", "ada")),
        ({"principal": USER}, "PutRolePolicy", ("EventName", "PutRolePolicy")),
        # A role's events carry the names of its sessions, and a bare name may be a role's.
        ({"principal": ROLE}, None, None),
        ({"principal": "ada"}, None, None),
        ({"principal": "arn:aws:sts::111122223333:assumed-role/app/s"}, None, None),
    ],
)
def test_one_attribute_at_most_is_asked_for(account, filters, event, attribute):
    question = {"MaxResults": 50}
    if attribute:
        question["LookupAttributes"] = [{"AttributeKey": attribute[0], "AttributeValue": attribute[1]}]
    account.add_response("lookup_events", page(), question)
    assert quiet(account, Filters(**filters), event=event).observed == []
    account.assert_no_pending_responses()


def test_the_other_filters_work_on_what_comes_back(account):
    events = [record(), record(arn=USER), record(awsRegion="eu-west-1"), record(recipientAccountId="444455556666")]
    account.add_response("lookup_events", page(*events), {"MaxResults": 50})
    reading = quiet(account, Filters(principal=ROLE, regions=("us-east-1",), accounts=("111122223333",)))
    assert reading.events == 1
    assert reading.skipped == {"other Region": 1, "other account": 1, "other principal": 1}


def test_times_are_asked_for_in_utc(account):
    now = datetime.now(UTC)
    start, end = now - timedelta(days=2), now - timedelta(days=1)
    account.add_response("lookup_events", page(), {"MaxResults": 50, "StartTime": start, "EndTime": end})
    quiet(account, Filters(start=start, end=end))
    account.assert_no_pending_responses()


def test_a_start_before_the_history_is_refused_before_aws_is_asked(account):
    with pytest.raises(TrailError, match="the event history has 90 days"):
        quiet(account, Filters(start=datetime.now(UTC) - timedelta(days=91)))


def test_a_limit_ends_the_questions_and_is_said(account):
    account.add_response("lookup_events", page(record(), record(), token="t"), ANY_QUESTION)
    reading = quiet(account, limit=2)
    assert reading.events == 2
    assert list(reading.skipped) == ["later events of eu-west-1, not asked for: over 2"]


ANY_QUESTION = {"MaxResults": ANY}


def test_events_that_are_not_json_are_counted(account):
    account.add_response("lookup_events", page("{oops", "", "[" * 100_000, "5", record()), ANY_QUESTION)
    reading = quiet(account)
    assert reading.events == 1
    assert reading.skipped == {"event that is not JSON": 3, "record that is no object of CloudTrail": 1}


@pytest.mark.parametrize(
    "code, said",
    [
        ("AccessDeniedException", "your identity needs cloudtrail:LookupEvents"),
        ("ThrottlingException", "throttling"),
        ("ExpiredTokenException", "sign in again"),
        ("SomethingNew", "the words of AWS {needs}"),
    ],
)
def test_a_refusal_is_one_clear_line(account, code, said):
    account.add_client_error("lookup_events", code, "the words of\nAWS {needs}")
    with pytest.raises(TrailError) as refused:
        quiet(account)
    text = str(refused.value)
    assert said in text and code in text and "\n" not in text and "planted" not in text


@pytest.mark.parametrize(
    "error, said",
    [(NoCredentialsError(), "aws configure"), (EndpointConnectionError(endpoint_url="https://x"), "check the network")],
)
def test_no_answer_is_one_clear_line(planted, error, said):
    def refuse(**kwargs):
        raise error

    planted.meta.events.register("before-call", refuse)
    try:
        with pytest.raises(TrailError, match=f"CloudTrail cannot be asked.*{said}"):
            lookup_events(clients={None: planted}, progress=False)
    finally:
        planted.meta.events.unregister("before-call", refuse)


def test_each_region_of_the_filters_is_asked(monkeypatch, planted):
    monkeypatch.setattr(lookup, "PAUSE", 0)
    asked = []

    def client(service, region):
        asked.append((service, region))
        return planted

    monkeypatch.setattr(lookup, "client", client)
    with Stubber(planted) as stub:
        stub.add_response("lookup_events", page(record(awsRegion="eu-west-1")), ANY_QUESTION)
        stub.add_response("lookup_events", page(record(awsRegion="us-east-1")), ANY_QUESTION)
        reading = lookup_events(Filters(regions=("eu-west-1", "us-east-1")), progress=False)
    assert asked == [("cloudtrail", "eu-west-1"), ("cloudtrail", "us-east-1")]
    assert reading.events == 2
