"""The values of conditions: their JSON types and forms, addresses, and tests that do not depend on the key's value."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from iampolicy.catalogue import has_wildcard
from iampolicy.checks.finding import Said, shown
from iampolicy.checks.resources import FIELDS, is_region
from iampolicy.checks.view import Test
from iampolicy.conditions import date_of, holds

IDENTIFIERS = {  # key -> prefix and code ("Invalid VPC identifier format")
    "aws:sourcevpc": ("vpc", "INVALID_VPC_FORMAT"),
    "aws:ec2instancesourcevpc": ("vpc", "INVALID_VPC_FORMAT"),
    "aws:sourcevpce": ("vpce", "INVALID_VPCE_FORMAT"),
}
KMS_KEYS = {"s3:x-amz-server-side-encryption-aws-kms-key-id"}  # S3 compares the whole ARN of the key
PRIVATE_NETWORKS = [  # RFC 1918, RFC 4193, loopback and link-local; ranges for documentation are public to AWS
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "::1/128",
    )
]
PRIVATE = {  # family and whether it is negated -> code if all addresses are private, code if some are
    False: ("PRIVATE_IP_ADDRESS", "PRIVATE_IP_ADDRESS_SUBSET"),
    True: ("PRIVATE_NOT_IP_ADDRESS", "PRIVATE_NOT_IP_ADDRESS_SUBSET"),
}
CONSTANT = {  # holds with the key, holds without it -> code, what the test comes to
    (True, False): ("EQUIVALENT_TO_NULL_FALSE", "only asks for the key to be present: Null false says so"),
    (False, True): ("EQUIVALENT_TO_NULL_TRUE", "only asks for the key to be absent: Null true says so"),
    (True, True): ("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", "always holds: remove the key"),
    (False, False): ("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", "never holds, nor does the statement"),
}
STRING, NUMBER, BOOLEAN = "a string", "a number", "true or false"
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?|\d{9,10}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"-?\d+(\.\d+)?", str(value)) is not None


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or str(value).lower() in ("true", "false")


def _is_network(value: Any) -> bool:
    return isinstance(value, str) and _network(value) is not None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


VALUES = {  # family -> what holds of a value, code, in words ("Type mismatch ...")
    "Bool": (_is_boolean, "TYPE_MISMATCH_BOOLEAN", BOOLEAN),
    "Null": (_is_boolean, "TYPE_MISMATCH_BOOLEAN", BOOLEAN),
    "Numeric": (_is_number, "TYPE_MISMATCH_NUMBER", NUMBER),
    "Date": (lambda v: re.search(r"\d", str(v)) is not None, "TYPE_MISMATCH_DATE", "a date such as 2026-01-31T00:00Z"),
    "IpAddress": (_is_network, "TYPE_MISMATCH_IP_RANGE", "an address or range such as 203.0.113.0/24"),
    "String": (lambda v: isinstance(v, str), "TYPE_MISMATCH_STRING", STRING),
    "Arn": (lambda v: isinstance(v, str), "TYPE_MISMATCH_STRING", STRING),
    "Binary": (lambda v: isinstance(v, str) and bool(_BASE64.fullmatch(v)), "TYPE_MISMATCH_STRING", "base64 text"),
}


def check_values(test: Test) -> Iterator[Said]:
    """The values of one test, and what they make of it."""
    yield from _values(test)
    yield from _constant(test)
    yield from _addresses(test)
    yield from _forms(test)


def _values(test: Test) -> Iterator[Said]:
    kinds = {bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in test.values}
    if len(kinds) > 1 or not kinds <= {str, bool, float}:
        what = f"The values of {test.key} are of different or wrong JSON types: write them all as strings."
        yield Said("INVALID_CONDITION_DATA_TYPE", what, test.path)
        return
    fits, code, words = VALUES[test.family]
    for value in test.values:
        if isinstance(value, str) and "${" in value:
            continue
        if not fits(value):
            yield Said(code, f"{test.operator} compares with {words}, not {shown(value)}.", test.path)
        elif test.family == "Date" and (not _DATE.fullmatch(str(value)) or date_of(str(value)) is None):
            what = f"{shown(value)} may be read otherwise than meant: write YYYY-MM-DDThh:mm:ssZ."
            yield Said("INVALID_DATE_VALUE", what, test.path)
        elif test.family == "Arn" and not has_wildcard(value):
            yield from _arn(value, test)
    literal = test.family == "String" and "like" not in test.name
    if literal and any(has_wildcard(re.sub(r"\$\{[^}]*\}", "", value)) for value in test.texts):
        what = f"{test.operator} takes * and ? literally: use StringLike or StringNotLike for a pattern."
        yield Said("WILDCARD_WITHOUT_LIKE_OPERATOR", what, test.path)
    if len(test.values) > 1 and test.name.startswith(("numericless", "numericgreater")) and not test.negated:
        what = f"One of the {len(test.values)} numbers decides for {test.operator}: keep that one."
        yield Said("REDUNDANT_CONDITION_VALUE_NUM", what, test.path)


def _arn(value: str, test: Test) -> Iterator[Said]:
    if not value.startswith("arn:"):
        yield Said("INVALID_ARN_PREFIX", f"{shown(value)} does not begin with arn.", test.path)
    elif value.count(":") < len(FIELDS) - 1:
        yield Said("MISSING_ARN_FIELD", f"{shown(value)} has fewer than 6 fields: {':'.join(FIELDS)}.", test.path)


def _constant(test: Test) -> Iterator[Said]:
    """A test against "*" alone depends on nothing but the presence of its key."""
    if test.name not in ("stringlike", "stringnotlike") or "*" not in test.texts:
        return
    present = holds(test.operator, test.key, test.texts, {test.key.lower(): "x"})
    code, words = CONSTANT[present, holds(test.operator, test.key, test.texts, {})]
    yield Said(code, f"{test.operator} with '*' {words}.", test.path)


def _addresses(test: Test) -> Iterator[Said]:
    if test.family != "IpAddress":
        return
    networks = [(value, network) for value in test.texts if (network := _network(value))]
    for value, network in networks:
        if ipaddress.ip_interface(value).ip != network.network_address:
            what = f"The bits of {value} behind the mask are ignored: write {network}."
            yield Said("IMPROVE_IP_RANGE", what, test.path)
    if test.key.lower() == "aws:sourceip" and networks:
        inner = [value for value, network in networks if _is_private(network)]
        if inner:
            code = PRIVATE[test.negated][len(inner) < len(networks)]
            what = f"aws:SourceIp is a public address; {', '.join(inner[:3])} is private: use aws:VpcSourceIp for it."
            yield Said(code, what, test.path)


def _forms(test: Test) -> Iterator[Said]:
    key = test.key.lower()
    plain = [v for v in test.texts if not has_wildcard(v) and "${" not in v] if test.family == "String" else []
    for value in plain:
        if key == "aws:requestedregion" and not is_region(value):
            yield Said("INVALID_REGION", f"There is no region {shown(value)}.", test.path)
        if key in IDENTIFIERS:
            prefix, code = IDENTIFIERS[key]
            if not re.fullmatch(rf"{prefix}-([0-9a-z]{{8}}|[0-9a-z]{{17}})", value):
                what = f"{shown(value)} is no identifier: write {prefix}- and 8 or 17 letters and digits."
                yield Said(code, what, test.path)
    if key in KMS_KEYS and test.family in ("String", "Arn"):
        for value in test.texts:
            if not re.match(r"arn:[\w*-]+:kms:[^:]*:[^:]*:key/|.*[*$]", value):
                what = f"{shown(value)}: S3 compares the ARN of the key, so give arn:aws:kms:region:account:key/id."
                yield Said("INVALID_KMS_KEY_VALUE", what, test.path)


def _is_private(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return any(network.version == other.version and network.subnet_of(other) for other in PRIVATE_NETWORKS)
