"""The values of conditions, and policy variables.

JSON types and forms, addresses, tests that do not depend on the key's value; and the places where AWS replaces
variables (IAM User Guide, "IAM policy elements: Variables and tags").
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from iampolicy.checks.resources import FIELDS, is_region
from iampolicy.checks.view import REPLACED_FROM, Findings, Test, Value, View, finding, shown
from iampolicy.conditions import Network, date_of, holds, network_of, within
from iampolicy.patterns import has_wildcard

IDENTIFIERS = {  # key -> prefix and code ("Invalid VPC identifier format")
    "aws:sourcevpc": ("vpc", "INVALID_VPC_FORMAT"),
    "aws:ec2instancesourcevpc": ("vpc", "INVALID_VPC_FORMAT"),
    "aws:sourcevpce": ("vpce", "INVALID_VPCE_FORMAT"),
}
KMS_KEYS = {"s3:x-amz-server-side-encryption-aws-kms-key-id"}  # S3 compares the whole ARN of the key
# RFC 1918, RFC 4193, loopback and link-local; ranges for documentation are public to AWS
PRIVATE_NETWORKS = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8 169.254.0.0/16 fc00::/7 ::1/128"
PRIVATE = {  # whether the operator is negated -> code if all addresses are private, code if some are
    False: ("PRIVATE_IP_ADDRESS", "PRIVATE_IP_ADDRESS_SUBSET"),
    True: ("PRIVATE_NOT_IP_ADDRESS", "PRIVATE_NOT_IP_ADDRESS_SUBSET"),
}
CONSTANT = {  # holds with the key, holds without it -> code
    (True, False): "EQUIVALENT_TO_NULL_FALSE",
    (False, True): "EQUIVALENT_TO_NULL_TRUE",
    (True, True): "REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION",
    (False, False): "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION",
}
LIKE = ("stringlike", "stringnotlike", "arnlike", "arnnotlike", "arnequals", "arnnotequals")  # take "*" as a wildcard
WITH_VARIABLES = ("String", "Arn")  # families of operators whose values may hold variables
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_EPOCH = re.compile(r"\d{9,10}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_VARIABLE = re.compile(r"\$\{([^}]*)(\}?)")


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"-?\d+(\.\d+)?", str(value)) is not None


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or str(value).lower() in ("true", "false")


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


VALUES: dict[str, tuple[Callable[[Any], bool], str, str]] = {  # family -> what holds of a value, code, in words
    "Bool": (_is_boolean, "TYPE_MISMATCH_BOOLEAN", "true or false"),
    "Null": (_is_boolean, "TYPE_MISMATCH_BOOLEAN", "true or false"),
    "Numeric": (_is_number, "TYPE_MISMATCH_NUMBER", "a number"),
    "Date": (lambda v: re.search(r"\d", str(v)) is not None, "TYPE_MISMATCH_DATE", "a date such as 2026-01-31T00:00Z"),
    "IpAddress": (
        lambda v: isinstance(v, str) and network_of(v) is not None,
        "TYPE_MISMATCH_IP_RANGE",
        "an address or range such as 203.0.113.0/24",
    ),
    "String": (_is_string, "TYPE_MISMATCH_STRING", "a string"),
    "Arn": (_is_string, "TYPE_MISMATCH_STRING", "a string"),
    "Binary": (lambda v: isinstance(v, str) and bool(_BASE64.fullmatch(v)), "TYPE_MISMATCH_STRING", "base64 text"),
}


def check_values(test: Test) -> Findings:
    """The values of one test, and what they make of it."""
    yield from _values(test)
    yield from _constant(test)
    yield from _addresses(test)
    yield from _forms(test)


def _values(test: Test) -> Findings:
    kinds = {bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in test.values}
    if len(kinds) > 1 or not kinds <= {str, bool, float}:
        yield finding("INVALID_CONDITION_DATA_TYPE", test.path, test.key)
        return
    fits, code, words = VALUES[test.family]
    for value in test.values:
        if isinstance(value, str) and "${" in value:
            continue
        if not fits(value):
            yield finding(code, test.path, test.operator, words, shown(value))
        elif test.family == "Date" and not _is_clear(test.key, str(value)):
            yield finding("INVALID_DATE_VALUE", test.path, shown(value))
        elif test.family == "Arn" and not has_wildcard(value):
            if not value.startswith("arn:"):
                yield finding("INVALID_ARN_PREFIX", test.path, shown(value), case="condition")
            elif value.count(":") < len(FIELDS) - 1:
                yield finding("MISSING_ARN_FIELD", test.path, shown(value), ":".join(FIELDS), case="condition")
    literal = test.family == "String" and "like" not in test.name
    if literal and any(has_wildcard(re.sub(r"\$\{[^}]*\}", "", value)) for value in test.texts):
        yield finding("WILDCARD_WITHOUT_LIKE_OPERATOR", test.path, test.operator)
    if len(test.values) > 1 and test.name.startswith(("numericless", "numericgreater")):
        yield finding("REDUNDANT_CONDITION_VALUE_NUM", test.path, len(test.values), test.operator)


def _is_clear(key: str, date: str) -> bool:
    """Whether a date is read as it is meant: seconds since 1970 may not be, but where the key has them itself."""
    if _EPOCH.fullmatch(date):
        return key.lower() == "aws:epochtime"
    return _DATE.fullmatch(date) is not None and date_of(date) is not None


def _constant(test: Test) -> Findings:
    """A test against "*" alone depends on nothing but the presence of its key."""
    if test.name in LIKE and "*" in test.texts:
        present = holds(test.operator, test.key, test.texts, {test.key.lower(): "x"})
        absent = holds(test.operator, test.key, test.texts, {})
        yield finding(CONSTANT[present, absent], test.path, test.operator)


def _addresses(test: Test) -> Findings:
    if test.family != "IpAddress":
        return
    networks = [(value, network) for value in test.texts if (network := network_of(value))]
    for value, network in networks:
        if ipaddress.ip_interface(value).ip != network.network_address:
            yield finding("IMPROVE_IP_RANGE", test.path, value, network)
    if test.key.lower() == "aws:sourceip" and networks:
        inner = [value for value, network in networks if _is_private(network)]
        if inner:
            code = PRIVATE[test.negated][len(inner) < len(networks)]
            yield finding(code, test.path, ", ".join(inner[:3]))


def _is_private(network: Network) -> bool:
    return any(within(private, str(network)) for private in PRIVATE_NETWORKS.split())


def _forms(test: Test) -> Findings:
    key = test.key.lower()
    plain = [v for v in test.texts if not has_wildcard(v) and "${" not in v] if test.family == "String" else []
    for value in plain:
        if key == "aws:requestedregion" and not is_region(value):
            yield finding("INVALID_REGION", test.path, shown(value))
        if key in IDENTIFIERS:
            prefix, code = IDENTIFIERS[key]
            if not re.fullmatch(rf"{prefix}-([0-9a-z]{{8}}|[0-9a-z]{{17}})", value):
                yield finding(code, test.path, shown(value))
    if key in KMS_KEYS and test.family in ("String", "Arn"):
        for value in test.texts:
            if not re.match(r"arn:[\w*-]+:kms:[^:]*:[^:]*:key/|.*[*$]", value):
                yield finding("INVALID_KMS_KEY_VALUE", test.path, shown(value))


def check_variables(view: View) -> Findings:
    """Every value of a statement in which "${" stands."""
    for value in (*view.actions, *view.not_actions, *(v for _, v in view.principals)):
        if "${" in value.text:
            yield finding("VARIABLE_UNSUPPORTED_IN_ELEMENT", value.path, shown(value.text))
    for value in (*view.resources, *view.not_resources):
        if "${" in value.text:
            yield from _variables(value, view.version)
    for test in view.tests:
        for value in (Value(text, test.path) for text in test.texts if "${" in text):
            yield from _variables(value, view.version)
            if test.family and test.family not in WITH_VARIABLES:
                yield finding("INVALID_VARIABLE_FOR_OPERATOR", value.path, test.operator)


def _variables(value: Value, version: object) -> Findings:
    named, text = False, shown(value.text)
    for inside, closed in _VARIABLE.findall(value.text):
        name, comma, default = inside.partition(",")
        named |= name.strip() not in ("*", "?", "$")
        if not closed:
            yield finding("MISSING_BRACE_IN_VARIABLE", value.path, text)
        elif not inside.strip():
            yield finding("EMPTY_VARIABLE", value.path, text)
        elif re.search(r"\s", name):
            yield finding("UNSUPPORTED_SPACE_IN_VARIABLE", value.path, shown(name))
        elif comma and not re.fullmatch(r"\s*'[^']*'\s*", default):
            yield finding("MISSING_QUOTE_IN_VARIABLE", value.path, shown(default.strip()))
    if named and version != REPLACED_FROM:
        yield finding("VARIABLE_UNSUPPORTED_IN_VERSION", value.path, text, REPLACED_FROM)
