"""Principals: whose policies allowed a call, said by Python and by SQL alike; filters that cannot be meant."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamtrail.aggregate import Aggregate, document
from iamtrail.observed import Filters, Reading, fold_session, one_line
from iamtrail.trail_error import TrailError

ROLE = "arn:aws:iam::111122223333:role/ci/staging-deploy"
ISSUER = {"type": "Role", "arn": ROLE, "accountId": "111122223333", "userName": "staging-deploy"}
SESSION = "arn:aws:sts::111122223333:assumed-role/staging-deploy/github-4711"
IDENTITIES = {
    "a role": ({"type": "AssumedRole", "arn": SESSION, "sessionContext": {"sessionIssuer": ISSUER}}, ROLE),
    "a role without issuer": (
        {"type": "AssumedRole", "arn": SESSION, "sessionContext": {"sessionIssuer": {}}},
        "arn:aws:iam::111122223333:role/staging-deploy",
    ),
    "a role of China": (
        {"type": "AssumedRole", "arn": "arn:aws-cn:sts::111122223333:assumed-role/a/b"},
        "arn:aws-cn:iam::111122223333:role/a",
    ),
    "a user": (
        {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada", "sessionContext": {"sessionIssuer": {}}},
        "arn:aws:iam::111122223333:user/ada",
    ),
    "root": (
        {"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root"},
        "arn:aws:iam::111122223333:root",
    ),
    "a federated user": (
        {
            "type": "FederatedUser",
            "arn": "arn:aws:sts::111122223333:federated-user/guest",
            "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/broker"}},
        },
        "arn:aws:iam::111122223333:user/broker",
    ),
    "another account": ({"type": "AWSAccount", "principalId": "AIDAX", "accountId": "999988887777"}, "999988887777"),
    "a service": ({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}, "lambda.amazonaws.com"),
    "a SAML user": ({"type": "SAMLUser", "principalId": "hash=:ada", "userName": "ada"}, "hash=:ada"),
    "a web identity": (
        {"type": "WebIdentityUser", "principalId": "accounts.google.com:app:42", "identityProvider": "x"},
        "accounts.google.com:app:42",
    ),
    "a user of the Identity Center": (
        {"type": "IdentityCenterUser", "accountId": "111122223333", "onBehalfOf": {"userId": "544894e8"}},
        "544894e8",
    ),
    "nobody": (None, "unknown"),
    "an empty object": ({}, "unknown"),
    "a text": ("root", "unknown"),
    "a list": ([{"arn": ROLE}], "unknown"),
    "empty fields": ({"arn": "", "sessionContext": None, "accountId": ""}, "unknown"),
    "a line break in the session": (
        {"arn": "arn:aws:sts::111122223333:assumed-role/a/b\nc"},
        "arn:aws:iam::111122223333:role/a",
    ),
    "SQL in the name": (
        {"arn": "arn:aws:iam::1:user/'; DROP TABLE calls; --"},
        "arn:aws:iam::1:user/'; DROP TABLE calls; --",
    ),
}


def read(records, **filters):
    with Aggregate(Filters(**filters)) as aggregate:
        aggregate.add([document(records)])
        return aggregate.reading().observed


def record(identity):
    return {
        "userIdentity": identity,
        "eventTime": "2026-09-01T00:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "ListBuckets",
    }


@pytest.mark.parametrize("identity, principal", IDENTITIES.values(), ids=IDENTITIES)
def test_who_is_behind_an_identity(identity, principal):
    (row,) = read([record(identity)])
    assert row.principal == principal


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1), st.sampled_from(["", "arn:aws:sts::1:assumed-role/"])
)
def test_sql_folds_any_text_as_python_does(text, before):
    (row,) = read([record({"arn": before + text})])
    assert row.principal == fold_session(before + text)


@pytest.mark.parametrize("wanted", [ROLE, "staging-deploy", SESSION, "ci/staging-deploy"])
def test_a_role_is_found_by_its_name_its_arn_and_its_sessions(wanted):
    others = [
        {"arn": "arn:aws:iam::111122223333:user/not-staging-deploy"},
        {"arn": "arn:aws:iam::111122223333:role/staging-deploy/other"},
        {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"},
    ]
    records = [record({"arn": SESSION, "sessionContext": {"sessionIssuer": ISSUER}}), *map(record, others)]
    assert [row.principal for row in read(records, principal=wanted)] == [ROLE]


def test_an_arn_finds_no_other_account_and_no_other_kind():
    same = [
        record({"arn": f"arn:aws:iam::{account}:{kind}/a"})
        for account in ("111122223333", "444455556666")
        for kind in ("role", "user")
    ]
    (row,) = read(same, principal="arn:aws:iam::444455556666:role/a")
    assert row.principal == "arn:aws:iam::444455556666:role/a"
    assert len(read(same, principal="a")) == 4


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"start": "2026-09-01"}, "give a datetime"),
        ({"start": datetime(2026, 9, 2), "end": datetime(2026, 9, 1, tzinfo=UTC)}, "give a start before the end"),
        ({"start": datetime(2026, 9, 2), "end": datetime(2026, 9, 2)}, "give a start before the end"),
        ({"regions": "eu-west-1"}, "give a tuple"),
        ({"accounts": "111122223333"}, "give a tuple"),
    ],
)
def test_filters_that_cannot_be_meant_are_refused(wrong, said):
    with pytest.raises(TrailError) as refused:
        Filters(**wrong)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_reading_is_one_line():
    reading = Reading([], 3, {"other principal": 1_200, "digest file": 1}, 2)
    assert reading.summary == "3 events in 2 files, 0 different calls. Left out: other principal: 1,200; digest file: 1"
    assert Reading([], 0).summary == "0 events, 0 different calls"
    many = Reading([], 0, {f"truncated gzip: {n}.gz": 1 for n in range(1_000)} | {"other Region": 7}).summary
    assert many.endswith("Left out: truncated gzip (0.gz, 1.gz, 2.gz and 997 more): 1,000; other Region: 7")


@given(st.text())
def test_what_is_printed_stays_on_one_line(text):
    assert one_line(text).isprintable() and len(one_line(text)) <= 303
