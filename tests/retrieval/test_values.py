"""Values and principals: what a request tells, as policies write it."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.retrieval.clauses import LONGEST
from lib.retrieval.values import MOST, addresses, is_resource_policy, moments, principals, spans

ONE, TWO = "111122223333", "444455556666"


@pytest.mark.parametrize(
    ("read", "request_", "value"),
    [
        (addresses, "only from 203.0.113.7", "203.0.113.7/32"),
        (addresses, "only from 10.0.0.0/8.", "10.0.0.0/8"),
        (addresses, "only from 2001:db8::/32", "2001:db8::/32"),
        (addresses, "only from 2001:db8::1", "2001:db8::1/128"),
        (moments, "until 15 April 2028", "2028-04-15T00:00:00Z"),
        (moments, "until April 15th, 2028", "2028-04-15T00:00:00Z"),
        (moments, "until 1 Sept 2028", "2028-09-01T00:00:00Z"),
        (moments, "until 2028-04-15", "2028-04-15T00:00:00Z"),
        (moments, "until 2028-04-15T12:30:00Z", "2028-04-15T12:30:00Z"),
        (spans, "within an hour", "3600"),
        (spans, "at most 15 minutes", "900"),
    ],
)
def test_values_as_policies_write_them(read, request_, value):
    assert read(request_) == (value,)


@pytest.mark.parametrize(
    ("read", "request_"),
    [
        (addresses, "from 999.1.1.1"),
        (addresses, "from ١٠.٠.٠.١"),
        (moments, "until 31 February 2028"),
        (moments, "until 15 Nonsense 2028"),
        (moments, "0 January 0000"),
        (spans, "1 ſecond"),
        (spans, "9" * 5_000 + " hours"),
        (spans, "², ٣ hours"),
    ],
)
def test_what_is_no_value_gives_none(read, request_):
    assert read(request_) == ()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("Write a bucket policy for the bucket photos", True),
        ("a key policy that lets another account use it", True),
        ("the policy on the bucket photos", True),
        ("allow anna to read the bucket policy", False),
        ("change bucket policies", False),
        ("read objects", False),
        ("", False),
    ],
)
def test_policies_of_resources(request_, expected):
    assert is_resource_policy(request_) is expected


@pytest.mark.parametrize(
    ("request_", "principal"),
    [
        ("everybody", "*"),
        (f"account {ONE}", f"arn:aws:iam::{ONE}:root"),
        (f"the role etl of account {ONE}", f"arn:aws:iam::{ONE}:role/etl"),
        (f"the etl role in account {ONE}", f"arn:aws:iam::{ONE}:role/etl"),
        (f"the IAM user anna of account {ONE}", f"arn:aws:iam::{ONE}:user/anna"),
        (f"the roles etl and ci of account {ONE}", f"arn:aws:iam::{ONE}:role/ci"),
        (f"the etl, audit and ci roles of {ONE}", f"arn:aws:iam::{ONE}:role/audit"),
        (f"arn:aws:sts::{ONE}:assumed-role/x/y.", f"arn:aws:sts::{ONE}:assumed-role/x/y"),
        (f"accounts {ONE} and {TWO}", f"arn:aws:iam::{TWO}:root"),
        ("CloudFront", "cloudfront.amazonaws.com"),
        ("the service events.amazonaws.com", "events.amazonaws.com"),
        ("S3 log delivery", "logging.s3.amazonaws.com"),
    ],
)
def test_principals(request_, principal):
    assert principal in principals(request_)


def test_principals_are_told_once_and_of_few_accounts():
    assert principals(f"{ONE} {ONE} {ONE}") == (f"arn:aws:iam::{ONE}:root", "*")
    crowd = " ".join(f"role r{i} of account {i:012}," for i in range(200))
    assert len(principals(crowd)) <= MOST * (2 * MOST + 1) + 1


def test_a_long_request_is_cut():
    assert principals("x " * LONGEST + ONE) == principals("x " * LONGEST) == ("*",)
    assert not is_resource_policy("x " * LONGEST + "bucket policy")


HOSTILE = ("$" * 100_000, "a." * 50_000, "a and " * 20_000, f"{ONE} " * 8_000, "role a " * 10_000, "is " * 30_000)


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_end(request_):
    assert principals(request_)[-1] == "*"
    for read in (addresses, moments, spans):
        read(request_[:LONGEST])


@given(
    st.text() | st.lists(st.sampled_from([ONE, "role", "a", "and", "is", "1 hour", "10.0.0.1", "/", "="])).map(" ".join)
)
@settings(max_examples=150)
def test_what_any_text_tells_can_stand_in_a_policy(text):
    for told in (addresses(text), moments(text), principals(text)):
        assert len(told) == len(set(told)) and all(told)
        json.dumps(told, ensure_ascii=False).encode()
    account = r"arn:aws[\w-]*:(iam|sts)::[0-9]{12}:.+"
    assert all(re.fullmatch(rf"\*|[a-z0-9.-]+\.amazonaws\.com|{account}", p, re.ASCII) for p in principals(text))
