"""Values and principals: what a request tells, as policies write it."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.retrieval.clauses import LONGEST
from lib.retrieval.values import FIXED, MOST, is_resource_policy, principals, values

ONE, TWO = "111122223333", "444455556666"


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        ("only from 203.0.113.7", "203.0.113.7/32"),
        ("only from 10.0.0.0/8.", "10.0.0.0/8"),
        ("only from 2001:db8::/32", "2001:db8::/32"),
        ("until 15 April 2028", "2028-04-15T00:00:00Z"),
        ("until April 15th, 2028", "2028-04-15T00:00:00Z"),
        ("until 1 Sept 2028", "2028-09-01T00:00:00Z"),
        ("until 2028-04-15", "2028-04-15T00:00:00Z"),
        ("within an hour", "3600"),
        ("at most 15 minutes", "900"),
        ("tagged team=payments", "payments"),
        ("where the tag env is staging", "staging"),
        ("where the tag env is staging or test", "test"),
        ("in the region eu-west-1", "eu-west-1"),
        ("only through AWS Lambda", "lambda.amazonaws.com"),
        ("below the prefix home/anna", "home/anna/*"),
        ("from vpc-0abc", "vpc-0abc"),
        ("with TLS", "1.2"),
    ],
)
def test_values_as_policies_write_them(request_, value):
    assert value in values(request_)


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        ("from 999.1.1.1", "999.1.1.1/32"),
        ("from ١٠.٠.٠.١", "١٠.٠.٠.١/32"),
        ("until 31 February 2028", "2028-02-31T00:00:00Z"),
        ("until 15 Nonsense 2028", "2028-00-15T00:00:00Z"),
    ],
)
def test_what_is_no_address_and_no_day_gives_none(request_, value):
    assert value not in values(request_)


@pytest.mark.parametrize("request_", ["1 ſecond", "ſix hours", "9" * 5_000 + " hours", "², ٣ hours", "0 January 0000"])
def test_odd_numbers_and_letters_are_no_error(request_):
    assert set(FIXED) <= set(values(request_))


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
    assert values("x " * LONGEST + "10.0.0.1") == values("x " * LONGEST)
    assert principals("x " * LONGEST + ONE) == principals("x " * LONGEST) == ("*",)
    assert not is_resource_policy("x " * LONGEST + "bucket policy")


HOSTILE = ("$" * 100_000, "a." * 50_000, "a and " * 20_000, f"{ONE} " * 8_000, "role a " * 10_000, "is " * 30_000)


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_end(request_):
    assert set(FIXED) <= set(values(request_)) and principals(request_)[-1] == "*"


@given(
    st.text() | st.lists(st.sampled_from([ONE, "role", "a", "and", "is", "1 hour", "10.0.0.1", "/", "="])).map(" ".join)
)
@settings(max_examples=150)
def test_what_any_text_tells_can_stand_in_a_policy(text):
    for told in (values(text), principals(text)):
        assert len(told) == len(set(told)) and all(told)
        json.dumps(told, ensure_ascii=False).encode()
    account = r"arn:aws[\w-]*:(iam|sts)::[0-9]{12}:.+"
    assert all(re.fullmatch(rf"\*|[a-z0-9.-]+\.amazonaws\.com|{account}", p, re.ASCII) for p in principals(text))
