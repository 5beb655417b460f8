"""Condition blocks: their operators and keys, and whether the context of a request satisfies them.

operators.tsv and global_keys.tsv hold the names; what IfExists, ForAllValues and ForAnyValue add is written once, for
all operators (IAM User Guide, "IAM JSON policy elements: Condition operators" and "Conditions with multiple context
keys or values").
"""

import ipaddress
import operator
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from iampolicy import tables
from iampolicy.patterns import arn_matches, glob, literal, plain

Context = Mapping[str, Any]  # condition keys in lower case -> a scalar, or a list for a multivalued key
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

KEY_GROUPS = {row["kind"]: frozenset(row["keys"].split()) for row in tables.rows("key_groups.tsv")}  # in lower case
QUANTIFIERS = ("", "forallvalues", "foranyvalue")
_VARIABLE = re.compile(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}  # "${*}" is a star that is no wildcard


class ParsedOperator(NamedTuple):
    """The name of an operator taken apart: "ForAllValues:StringLikeIfExists"."""

    quantifier: str  # one of QUANTIFIERS, if it exists, in lower case
    bare: str  # the operator alone, in lower case: "stringlike"
    if_exists: bool


def read_operator(name: str) -> ParsedOperator:
    """Take the name of an operator apart; it need not exist."""
    quantifier, _, rest = name.lower().rpartition(":")
    bare = rest.removesuffix("ifexists")
    return ParsedOperator(quantifier, bare, bare != rest)


def tests_of(condition: Any) -> Iterator[tuple[str, str, Any]]:
    """The tests of a Condition as operator, key and values; what is no object is left out."""
    for name, keys in condition.items() if isinstance(condition, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            yield name, key, values


def text_of(value: Any) -> str:
    """A JSON scalar as IAM compares it: booleans and numbers as their text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def values_of(value: Any) -> list[str]:
    """The values of a context key or of a condition: none for None, one for a scalar."""
    if value is None:
        return []
    return [text_of(v) for v in value] if isinstance(value, list | tuple | set | frozenset) else [text_of(value)]


def satisfied(condition: Any, context: Context, variables: bool = True, unclear: bool = False) -> bool:
    """Whether every test of a Condition element holds.

    Args:
        context: keys in lower case.
        variables: whether `${...}` is a variable, as it is in documents of Version 2012-10-17.
        unclear: what a test counts for that AWS refuses or cannot evaluate: False for an Allow, which then grants
            nothing, True for a Deny, which then keeps out.
    """
    if not isinstance(condition, Mapping) or not all(isinstance(tests, Mapping) for tests in condition.values()):
        return unclear
    return all(
        holds(name, key, values_of(wanted), context, variables, unclear) for name, key, wanted in tests_of(condition)
    )


def holds(
    name: str, key: str, wanted: list[str], context: Context, variables: bool = True, unclear: bool = False
) -> bool:
    """Whether one test holds; `unclear` if AWS would not say.

    >>> holds("StringLike", "s3:prefix", ["home/*"], {"s3:prefix": "home/a"})
    True
    >>> holds("StringNotEquals", "aws:SourceVpc", ["vpc-1"], {})  # a negated test holds without the key
    True
    >>> holds("NotIpAddress", "aws:SourceIp", ["203.0.113.0/24"], {"aws:sourceip": "nonsense"})
    False
    """
    quantifier, bare, optional = read_operator(name)
    given = context.get(key.lower())
    values = values_of(given)  # none: absent, or a multivalued key without a value
    if bare == "null" and not optional:
        asked = {value.lower() for value in wanted}
        return (("true" if not values else "false") in asked) if asked and asked <= {"true", "false"} else unclear
    if bare not in OPERATORS or quantifier not in QUANTIFIERS or not wanted:
        return unclear
    known = OPERATORS[bare]
    if not values:
        return optional or (quantifier == "forallvalues" if quantifier else known.negated)
    if not quantifier and multivalued(key, given):
        return unclear
    replaced = [substituted(w, context) if variables and known.variables else w for w in wanted]
    patterns = [pattern for pattern in replaced if pattern is not None]
    # What cannot be read does not fit, and is no proof that the opposite holds either.
    proof = unclear or not known.negated or (len(patterns) == len(wanted) and all(map(known.reads, patterns)))

    def matches(value: str) -> bool:
        if any(known.test(pattern, value) for pattern in patterns):
            return not known.negated
        return known.negated and (unclear or (proof and known.reads(value)))

    return all(map(matches, values)) if quantifier == "forallvalues" else any(map(matches, values))


def multivalued(key: str, given: Any) -> bool:
    """Whether a key has a set of values, which only ForAllValues and ForAnyValue compare.

    Source: IAM User Guide, "Single-valued vs. multivalued context keys". A list for a key that is known to have one
    value, with no more than that, is the value.
    """
    several = not isinstance(given, str) and isinstance(given, list | tuple | set | frozenset)
    known = GLOBAL_KEYS.get(key.lower())
    if known:
        return known.type.startswith("ArrayOf") or (several and len(given) > 1)
    return several


def substituted(value: str, context: Context) -> str | None:
    """A value with its policy variables replaced, as a pattern in which what came from the context is literal.

    None if a variable has no value and no default: then nothing matches (IAM User Guide, "Policy variables").
    """
    if "${" not in value:
        return value
    parts, end = [], 0
    for match in _VARIABLE.finditer(value):
        parts.append(value[end : match.start()])
        end = match.end()
        name, default = match.groups()
        if name in _LITERALS:
            parts.append(literal(name))
            continue
        found = values_of(context.get(name.lower()))
        if len(found) != 1 and default is None:
            return None
        parts.append(literal(found[0] if len(found) == 1 else default))
    return "".join([*parts, value[end:]])


@lru_cache(maxsize=4096)
def date_of(text: str) -> datetime | None:
    """A date as IAM reads it, ISO 8601 or seconds since 1970, in UTC; None for anything else."""
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?", text) and not re.fullmatch(r"\d{4}|\d{8}", text):
            return datetime.fromtimestamp(float(text), UTC)
        if re.fullmatch(r"\d{4}", text):
            return datetime(int(text), 1, 1, tzinfo=UTC)
        date = datetime.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d\d", text) else text)
    except (ValueError, OverflowError, OSError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


@lru_cache(maxsize=65_536)
def network_of(text: str) -> Network | None:
    """A range of addresses in CIDR notation, or one address; None for anything else."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def within(wide: str, narrow: str) -> bool:
    """Whether a range of addresses lies within another one; False if either is none."""
    outer, inner = network_of(wide), network_of(narrow)
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def number_of(text: str) -> Decimal | None:
    """A number as IAM reads it; None for anything else."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return None if number.is_nan() else number


def _binary(wanted: str, given: str) -> bool:
    try:
        return b64decode(wanted, validate=True) == b64decode(given, validate=True)
    except ValueError:
        return False


def _ordered(read: Callable[[str], Any], order: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    def compare(wanted: str, given: str) -> bool:
        left, right = read(wanted), read(given)
        return left is not None and right is not None and order(right, left)

    return compare


def _truth(wanted: str, given: str) -> bool:
    return wanted.lower() == given.lower() and _is_truth(given)


def _is_truth(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_arn(text: str) -> bool:
    return text.startswith(("arn:", "*", "?"))


TESTS: dict[str, Callable[[str, str], bool]] = {  # word of operators.tsv -> does test(wanted, given) hold
    "text": lambda wanted, given: plain(wanted) == given,
    "folded": lambda wanted, given: plain(wanted).lower() == given.lower(),  # "straße" and "STRASSE" are two
    "truth": _truth,
    "pattern": glob,
    "base64": _binary,
    "network": within,
    "arn": arn_matches,
}
ORDERS = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
READERS: dict[str, Callable[[str], Any]] = {"Numeric": number_of, "Date": date_of}
READABLE: dict[str, Callable[[str], bool]] = {  # family -> is a text a value of it; the others take any text
    "Numeric": lambda text: number_of(text) is not None,
    "Date": lambda text: date_of(text) is not None,
    "Bool": _is_truth,
    "IpAddress": lambda text: network_of(text) is not None,
    "Arn": _is_arn,
}


@dataclass(frozen=True)
class Operator:
    """One comparison: does `test(wanted, given)` hold; a negated one holds if it does not, for any wanted value."""

    name: str  # in AWS's spelling
    family: str  # String, Numeric, Date, Bool, Binary, IpAddress or Arn
    test: Callable[[str, str], bool]
    words: str  # between a key and a value

    @property
    def negated(self) -> bool:
        return "Not" in self.name

    @property
    def variables(self) -> bool:
        """Whether policy variables are replaced in its values."""
        return self.family in ("String", "Arn")

    def reads(self, text: str) -> bool:
        """Whether a text is a value of the operator's type."""
        return self.family not in READABLE or READABLE[self.family](text)


def _operator(row: Mapping[str, str]) -> Operator:
    family, test = row["family"], row["test"]
    compare = _ordered(READERS[family], ORDERS[test]) if test in ORDERS else TESTS[test]
    return Operator(row["operator"], family, compare, row["words"])


# By their names in lower case, for IAM ignores the case of an operator; Null compares no values and is not here.
OPERATORS = {row["operator"].lower(): _operator(row) for row in tables.rows("operators.tsv")}
FAMILIES = {name: known.family for name, known in OPERATORS.items()} | {"null": "Null"}


class GlobalKey(NamedTuple):
    """A condition key of all services; one that ends in "/" takes a tag key, or another name."""

    key: str  # "aws:SourceIp"
    type: str  # "ArrayOfString" if it has several values
    words: str  # what a sentence calls it, or empty
    chosen: str = ""  # "yes": the caller chooses the value
    instead: str = ""  # the key that is to be used
    beside: str = ""  # keys of which one must stand beside it
    services: str = ""  # the ones known to send it, if they are few
    idle: str = ""  # policy types in which it says nothing
    strict: str = ""  # "no" wildcard or variable in its values, "six" characters before one, or a "colon"
    session: str = ""  # "yes": a key of another prefix, which a session has whatever it asks for


GLOBAL_KEYS = {row["key"].lower(): GlobalKey(**row) for row in tables.rows("global_keys.tsv")}
