"""Condition operators against AWS's documented rules, a row a case."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.conditions import OPERATORS, holds, satisfied, substituted
from iampolicy.patterns import arn_matches, glob, plain

IP, ARN = "aws:sourceip", "aws:sourcearn"

EMPTY = [
    "StringNotEquals",
    "StringNotEqualsIfExists",
    "ForAllValues:StringEquals",
    "ForAnyValue:StringNotEquals",
    "NotIpAddress",
    "ArnNotLike",
    "Null",
]  # with no value to compare with, none of them lets anybody in

CASES = [  # operator, wanted, context value (None: absent), holds
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", ["a"], "A", False),
    ("StringEquals", ["a*"], "ab", False),
    ("StringEquals", ["a"], None, False),
    ("StringEqualsIfExists", ["a"], None, True),
    ("StringEqualsIfExists", ["a"], "b", False),
    ("StringNotEquals", ["a", "b"], "c", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", ["a"], None, True),
    ("StringEqualsIgnoreCase", ["Ärger"], "äRGER", True),
    ("StringEqualsIgnoreCase", ["Straße"], "STRASSE", False),
    ("StringEqualsIgnoreCase", ["ſ"], "s", False),
    ("StringNotEqualsIgnoreCase", ["straße"], "STRASSE", True),
    ("StringNotEqualsIgnoreCase", ["a"], "A", False),
    ("StringLike", ["home/*"], "home/a/b", True),
    ("StringLike", ["home/?"], "home/ab", False),
    ("StringLike", ["HOME/*"], "home/a", False),
    ("StringNotLike", ["home/*"], "etc/a", True),
    ("StringNotLike", ["home/*"], None, True),
    ("stringlike", ["x"], "x", True),
    ("NumericEquals", ["10"], 10.0, True),
    ("NumericNotEquals", ["10"], 11, True),
    ("NumericLessThan", ["10"], "9.5", True),
    ("NumericLessThan", ["10"], "10", False),
    ("NumericLessThanEquals", ["10"], 10, True),
    ("NumericGreaterThan", ["10"], 11, True),
    ("NumericGreaterThanEquals", ["10"], 10, True),
    ("NumericEquals", ["ten"], "ten", False),
    ("NumericLessThanIfExists", ["3600"], None, True),
    ("DateGreaterThan", ["2026-01-01T00:00:00Z"], "2026-06-01T00:00:00Z", True),
    ("DateLessThan", ["2026-01-01T00:00:00Z"], "2026-06-01T00:00:00Z", False),
    ("DateLessThanEquals", ["2026-01-01"], "2026-01-01T00:00:00Z", True),
    ("DateGreaterThan", ["0"], "2026-01-01T00:00:00+02:00", True),
    ("DateEquals", ["1767225600"], "2026-01-01T00:00:00Z", True),
    ("DateGreaterThan", ["soon"], "2026-01-01", False),
    ("Bool", ["true"], True, True),
    ("Bool", ["true"], "True", True),
    ("Bool", ["false"], "true", False),
    ("Bool", ["false"], None, False),
    ("BoolIfExists", ["false"], None, True),
    ("BinaryEquals", ["aGk="], "aGk=", True),
    ("BinaryEquals", ["aGk="], "no base64!", False),
    ("IpAddress", ["10.0.0.0/8", "192.0.2.1"], "192.0.2.1", True),
    ("IpAddress", ["10.0.0.0/8"], "11.0.0.1", False),
    ("IpAddress", ["2001:db8::/32"], "2001:db8::1", True),
    ("IpAddress", ["10.0.0.0/8"], "2001:db8::1", False),
    ("IpAddress", ["not an ip"], "10.0.0.1", False),
    ("NotIpAddress", ["10.0.0.0/8"], "11.0.0.1", True),
    ("NotIpAddress", ["10.0.0.0/8"], "10.1.1.1", False),
    ("NotIpAddress", ["10.0.0.0/8"], None, True),
    ("ArnLike", ["arn:aws:sns:*:123456789012:t*"], "arn:aws:sns:eu-west-1:123456789012:topic", True),
    ("ArnEquals", ["arn:aws:sns:*:123456789012:t*"], "arn:aws:sns:eu-west-1:123456789012:topic", True),
    ("ArnLike", ["arn:aws:*:123456789012:t"], "arn:aws:sns:eu-west-1:123456789012:t", False),
    ("ArnNotLike", ["arn:aws:sns:*:*:t*"], "arn:aws:sns:eu-west-1:123456789012:x", True),
    ("Null", ["true"], None, True),
    ("Null", ["true"], "x", False),
    ("Null", ["false"], "x", True),
    ("Null", [True], None, True),
    ("Null", ["true"], [], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b", "a"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a"], None, True),
    ("ForAllValues:StringEquals", ["a"], [], True),
    ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
    ("ForAllValues:StringNotEquals", ["a"], ["a", "c"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["x", "b"], True),
    ("ForAnyValue:StringEquals", ["a"], ["x"], False),
    ("ForAnyValue:StringEquals", ["a"], None, False),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a"], None, False),
    ("ForAnyValue:StringEqualsIfExists", ["a"], None, True),
    ("StringEquals", ["a"], ["a", "b"], False),  # a set of values is compared by ForAllValues and ForAnyValue alone
    ("StringEquals", ["a"], ["a"], False),
    ("StringNotEquals", ["a"], ["a", "b"], False),
    ("StringNotEquals", ["a"], ["b"], False),
    ("StringLike", ["*"], ["b"], False),
    ("Null", ["false"], ["b"], True),
    ("NoSuchOperator", ["a"], "a", False),
    ("ForSome:StringEquals", ["a"], "a", False),
    ("StringEquals", [], "a", False),
    *((operator, [], value, False) for operator in EMPTY for value in ("a", None)),
    ("Null", ["maybe"], "a", False),
    ("NullIfExists", ["true"], None, False),
    ("Bool", ["yes"], "yes", False),
    # what cannot be read proves nothing
    ("NotIpAddress", ["203.0.113.0/24"], "nonsense", False),
    ("NotIpAddress", ["nonsense"], "203.0.113.9", False),
    ("NotIpAddress", ["nonsense", "203.0.113.0/24"], "198.51.100.1", False),
    ("IpAddress", ["nonsense", "203.0.113.0/24"], "203.0.113.9", True),
    ("NumericNotEquals", ["5"], "five", False),
    ("NumericNotEquals", ["five"], "5", False),
    ("DateNotEquals", ["2026-01-01"], "soon", False),
    ("ArnNotLike", ["arn:aws:iam::*:role/x"], "nonsense", False),
    ("ArnNotEquals", ["x"], "arn:aws:iam::111122223333:role/y", False),
    ("ForAllValues:NotIpAddress", ["203.0.113.0/24"], ["198.51.100.1", "nonsense"], False),
    ("StringNotEquals", ["${aws:PrincipalTag/team}"], "a", False),
    ("StringNotLike", ["a", "${missing}"], "b", False),
    ("StringEquals", ["a", "${missing}"], "a", True),
]


@pytest.mark.parametrize(("operator", "wanted", "given_", "expected"), CASES, ids=lambda v: str(v)[:40])
def test_one_test(operator, wanted, given_, expected):
    context = {} if given_ is None else {"the:key": given_}
    assert satisfied({operator: {"The:Key": wanted}}, context) is expected


@pytest.mark.parametrize(
    ("condition", "context"),
    [
        ({"NotIpAddress": {"k": "203.0.113.0/24"}}, {"k": "nonsense"}),
        ({"NotIpAddress": {"k": "nonsense"}}, {"k": "203.0.113.9"}),
        ({"StringEquals": {"aws:TagKeys": "a"}}, {"aws:tagkeys": ["b"]}),
        ({"StringNotEquals": {"k": "${aws:PrincipalTag/team}"}}, {"k": "a"}),
        ({"StringEquals": {"k": []}}, {"k": "a"}),
        ({"StringEqual": {"k": "a"}}, {"k": "b"}),
        ({"ForSome:StringEquals": {"k": "a"}}, {"k": "b"}),
        ({"Null": {"k": "maybe"}}, {}),
        ({"Null": {"k": []}}, {}),
        ({"StringEquals": "x"}, {}),
        ("x", {}),
    ],
)
def test_what_aws_would_not_say_is_the_callers_to_decide(condition, context):
    assert satisfied(condition, context) is False and satisfied(condition, context, unclear=True) is True


@pytest.mark.parametrize(
    ("condition", "context"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": "b"}),
        ({"StringEquals": {"k": "a"}}, {}),
        ({"IpAddress": {"k": "203.0.113.0/24"}}, {"k": "nonsense"}),
        ({"Null": {"k": "true"}}, {"k": "a"}),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {"k": ["b"]}),
    ],
)
def test_what_is_clear_is_clear(condition, context):
    assert satisfied(condition, context) is satisfied(condition, context, unclear=True) is False


def test_a_key_of_one_value_may_be_given_as_a_list_of_one():
    assert satisfied({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, {"aws:sourcevpc": ["vpc-1"]})
    assert not satisfied({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, {"aws:sourcevpc": ["vpc-1", "vpc-2"]})
    assert not satisfied({"StringEquals": {"aws:TagKeys": "a"}}, {"aws:tagkeys": "a"})


def test_every_test_of_an_element_must_hold():
    both = {"StringEquals": {"a:x": "1", "a:y": "2"}, "Bool": {"a:z": True}}
    assert satisfied(both, {"a:x": "1", "a:y": "2", "a:z": "true"})
    assert not satisfied(both, {"a:x": "1", "a:y": "3", "a:z": "true"})
    assert not satisfied(both, {"a:x": "1", "a:y": "2"})
    assert satisfied({}, {})
    assert not satisfied({"StringEquals": "x"}, {}) and not satisfied("x", {})


CONTEXT = {"aws:username": "ann", "tag": ["one", "two"], "odd": "a*b"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("home/${aws:username}/*", "home/ann/*"),
        ("home/${AWS:UserName}", "home/ann"),
        ("${missing, 'nobody'}", "nobody"),
        ("${aws:username, 'nobody'}", "ann"),
        ("${missing}", None),
        ("${tag}", None),
        ("no variable", "no variable"),
        ("open ${brace", "open ${brace"),
    ],
)
def test_policy_variables(value, text):
    found = substituted(value, CONTEXT)
    assert (found if found is None else plain(found)) == text


def test_what_a_variable_brings_is_no_wildcard():
    assert glob(substituted("x/${odd}", CONTEXT), "x/a*b")
    assert not glob(substituted("x/${odd}", CONTEXT), "x/aZZb")
    assert glob(substituted("${*}${?}", {}), "*?") and not glob(substituted("${*}", {}), "anything")
    assert satisfied({"StringLike": {"k": "${odd}"}}, {"k": "a*b", "odd": "a*b"})
    assert satisfied({"StringEquals": {"k": "${odd}"}}, {"k": "a*b", "odd": "a*b"})


def test_variables_are_text_in_the_old_version_and_in_numbers():
    assert satisfied({"StringEquals": {"k": "${aws:username}"}}, {"k": "${aws:username}"}, variables=False)
    assert not holds("NumericEquals", "k", ["${n}"], {"k": 1, "n": 1})


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("*", "anything", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::B", "arn:aws:s3:::b", False),
        ("arn:aws:*:*:*:x", "arn:aws:sqs:eu-west-1:123456789012:x", True),
        ("arn:aws:sqs:*:x", "arn:aws:sqs:eu-west-1:123456789012:x", False),
        ("arn:aws:logs:*:*:log-group:a:*", "arn:aws:logs:r:1:log-group:a:log-stream:b", True),
        ("arn:*", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b", "*", False),
    ],
)
def test_arns_are_matched_field_by_field(pattern, arn, expected):
    assert arn_matches(pattern, arn) is expected


@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=8))
def test_patterns_match_as_their_definition_says(pattern, text):
    meaning = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    assert glob(pattern, text) == bool(re.fullmatch(meaning, text, re.DOTALL))


def test_a_hostile_pattern_ends():
    assert not glob("*a" * 400 + "b", "a" * 4000)


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)


@given(
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:", "Odd:"]),
    st.sampled_from([*OPERATORS, "null", "odd"]),
    st.sampled_from(["", "IfExists"]),
    st.lists(SCALAR, max_size=3) | SCALAR,
    st.lists(SCALAR, max_size=3) | SCALAR,
)
def test_whatever_stands_there_the_answer_is_yes_or_no(quantifier, name, suffix, wanted, value):
    assert satisfied({f"{quantifier}{name}{suffix}": {"k": wanted}}, {"k": value}) in (True, False)
