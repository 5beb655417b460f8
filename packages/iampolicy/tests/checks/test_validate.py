"""validate() as a whole: hostile documents, where findings point, and AWS's own policies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.catalogue import load
from iampolicy.checks import CODES, SEVERITIES, validate
from iampolicy.compare import compare
from iampolicy.document import POLICY_TYPES, STATEMENT_ELEMENTS, Policy, PolicySyntaxError, canonical, parse
from iampolicy.review import audit_bucket, explain, risks
from iampolicy.simulate import Request, simulate
from lib.data import managed
from tools import newer_actions

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["*", "s3:*", "s3:GetObject", "arn:aws:s3:::b", "arn:aws:s3", "${", "${aws:username}", "aws:SourceIp", "10.0.0.0/8"]
    + ["Allow", "Deny", "StringLike", "ForAllValues:StringLikeIfExists", "Null", "AWS", "Service", "\0", "\ud800", ":"]
)
CONDITIONS = st.dictionaries(WORDS | st.text(max_size=5), st.dictionaries(WORDS, WORDS | JSON, max_size=2) | JSON)
VALUES = WORDS | st.lists(WORDS | JSON, max_size=3) | CONDITIONS | JSON
STATEMENTS = st.dictionaries(st.sampled_from(STATEMENT_ELEMENTS) | st.text(max_size=5), VALUES, max_size=6)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "Version": VALUES,
        "Id": VALUES,
        "Statement": STATEMENTS | st.lists(STATEMENTS | JSON, max_size=3) | JSON,
    },
)


@given(DOCUMENTS, st.sampled_from(list(POLICY_TYPES)))
def test_any_document_has_findings_with_known_codes_and_no_exception(document: dict, kind: str) -> None:
    for finding in validate(document, kind):
        assert CODES[finding.code] == finding.severity
        assert finding.severity in SEVERITIES
        assert "\n" not in finding.message


@given(st.text(max_size=40) | DOCUMENTS.map(json.dumps))
def test_text_is_read_or_is_a_syntax_error(text: str) -> None:
    assert isinstance(validate(text), list)


HOSTILE = {
    "nested": "[" * 100_000 + "]" * 100_000,
    "nested objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "NUL": '{"Version": "2012-10-17", "Statement": "\x00"}',
    "lone surrogate": '{"Version": "2012-10-17", "Statement": {"Sid": "\\ud800"}}',
    "numbers for strings": '{"Version": 1, "Id": 2, "Statement": [{"Sid": 3, "Effect": 4, "Action": 5}]}',
    "10 MB": json.dumps({"Version": "2012-10-17", "Statement": GOOD | {"Action": ["s3:GetObject"] * 700_000}}),
    "a long pattern": json.dumps({"Version": "2012-10-17", "Statement": GOOD | {"Action": "s3:" + "*a" * 20_000}}),
    "repeated keys": '{"Version": "2012-10-17", ' + '"Id": "1", ' * 200_000 + '"Statement": []}',
    "a long resource": json.dumps(
        {"Version": "2012-10-17", "Statement": GOOD | {"Resource": "arn:aws:s3:::" + "?*" * 200_000}}
    ),
    "many patterns": json.dumps({"Statement": GOOD | {"Action": [f"s3:{i}a*" for i in range(10_000)]}}),
    "a list": "[]",
    "nothing": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_text_is_a_finding(text: str) -> None:
    assert [finding for finding in validate(text) if finding.severity == "ERROR"] or len(text) > 1_000_000


NO_JSON = {
    "circular": (lambda d: d.update(a=d) or d)({}),
    "a number as key": {"Statement": GOOD | {"Condition": {1: {2: 3}}}},
    "a set": {"Statement": GOOD | {"Action": {"s3:GetObject"}}},
    "bytes": {"Statement": GOOD | {"Action": b"s3:GetObject"}},
    "a huge number": {"Statement": GOOD | {"Sid": 10**5000}},
}


@pytest.mark.parametrize("data", NO_JSON.values(), ids=list(NO_JSON))
def test_a_dict_that_is_no_json_is_a_syntax_error_everywhere(data: dict) -> None:
    assert [f.code for f in validate(data)] == ["JSON_SYNTAX_ERROR"]
    request = Request("s3:GetObject", "*", "111122223333")
    for ask in (explain, audit_bucket, risks, canonical, lambda p: compare(p, p), lambda p: simulate(request, p)):
        with pytest.raises(PolicySyntaxError):
            ask(data)


def test_a_syntax_error_says_line_and_column() -> None:
    (finding,) = validate('{"Version": "2012-10-17",\n "Statement": [}')
    assert (finding.code, finding.path) == ("JSON_SYNTAX_ERROR", "line 2, column 16")


def test_a_repeated_key_is_found_where_it_stands() -> None:
    text = '{"Version": "2012-10-17",\n "Statement": [{"Effect": "Allow", "Effect": "Deny", "Action": "*"}]}'
    finding = validate(text)[0]
    assert (finding.code, finding.path) == ("JSON_SYNTAX_ERROR", "line 2, column 36")
    assert parse(text).repeated[0].key == "Effect"


def test_a_string_that_looks_like_a_key_is_none() -> None:
    assert parse('{"a": "\\"a\\": {", "b": ["a", "a"], "c": {"a": 1}, "d": {"a": 1}}').repeated == ()


def test_findings_point_to_their_place() -> None:
    document = {"Version": "2012-10-17", "Statement": [GOOD, GOOD | {"Action": ["s3:GetObject", "s3:Nope"]}]}
    assert [f.path for f in validate(document) if f.code == "INVALID_ACTION"] == ["Statement[1].Action[1]"]


def test_an_unknown_action_comes_with_near_ones() -> None:
    (finding,) = validate({"Version": "2012-10-17", "Statement": GOOD | {"Action": "s3:GetObjects"}})
    assert "s3:GetObject" in finding.message


def test_an_unknown_policy_type_is_refused() -> None:
    with pytest.raises(ValueError, match="identity, resource, trust"):
        validate(GOOD, "user")


def test_white_space_counts_where_aws_counts_it() -> None:
    spaced = json.dumps({"Version": "2012-10-17", "Statement": GOOD | {"Effect": "Deny"}}, indent=400)
    assert parse(spaced).size("identity") < 200 < parse(spaced).size("scp") == len(spaced)
    assert [f.code for f in validate(spaced, "scp")] == ["POLICY_SIZE_EXCEEDS_SCP_QUOTA"] * (len(spaced) > 5120)
    assert Policy(parse(spaced).data).size("scp") == parse(spaced).size("identity")


@pytest.fixture(scope="module")
def documents() -> list[dict]:
    return [policy.document for policy in managed.fetch()]


def test_aws_managed_policies_are_nearly_clean(documents: list[dict]) -> None:
    """What AWS publishes has few errors, and those that it has are slips in ARNs or keys, not in the language."""
    faulty = [{f.code for f in validate(d) if f.severity == "ERROR"} for d in documents]
    assert sum(map(bool, faulty)) < 0.05 * len(documents)
    assert set().union(*faulty) <= {
        *("INVALID_ARN_RESOURCE", "MISSING_ARN_ACCOUNT", "MISSING_QUALIFIER", "UNSUPPORTED_ACTION_FOR_CONDITION_KEY"),
        "INVALID_ACTION",
    }
    warned = [d for d in documents if any(f.severity == "SECURITY_WARNING" for f in validate(d))]
    assert len(warned) < 0.02 * len(documents)


def test_names_newer_than_the_catalogue_are_up_to_date(documents: list[dict]) -> None:
    listed = newer_actions.TARGET.read_text(encoding="utf-8").splitlines()
    assert [line for line in newer_actions.lines(documents) if not line.startswith("key:")] == [
        line for line in listed if not line.startswith("key:")
    ]
    assert not [line for line in listed if load().action(line)]
