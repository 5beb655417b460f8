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

QUANTIFIERS = ("", "forallvalues", "foranyvalue")
_VARIABLE = re.compile(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}  # "${*}" is a star that is no wildcard


class Named(NamedTuple):
    """The name of an operator taken apart: "ForAllValues:StringLikeIfExists"."""

    quantifier: str  # one of QUANTIFIERS, if it exists, in lower case
    bare: str  # the operator alone, in lower case: "stringlike"
    if_exists: bool


def read_operator(name: str) -> Named:
    """Take the name of an operator apart; it need not exist."""
    quantifier, _, rest = name.lower().rpartition(":")
    bare = rest.removesuffix("ifexists")
    return Named(quantifier, bare, bare != rest)


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


def satisfied(condition: Any, context: Context, variables: bool = True) -> bool:
    """Whether every test of a Condition element holds; an element that is no object is never satisfied.

    Args:
        context: keys in lower case.
        variables: whether `${...}` is a variable, as it is in documents of Version 2012-10-17.
    """
    if not isinstance(condition, Mapping) or not all(isinstance(tests, Mapping) for tests in condition.values()):
        return False
    return all(holds(name, key, values_of(wanted), context, variables) for name, key, wanted in tests_of(condition))


def holds(name: str, key: str, wanted: list[str], context: Context, variables: bool = True) -> bool:
    """Whether one test holds.

    >>> holds("StringLike", "s3:prefix", ["home/*"], {"s3:prefix": "home/a"})
    True
    >>> holds("StringNotEquals", "aws:SourceVpc", ["vpc-1"], {})  # a negated test holds without the key
    True
    """
    quantifier, bare, optional = read_operator(name)
    values = values_of(context.get(key.lower()))  # none: absent, or a multivalued key without a value
    if bare == "null" and not optional:
        return any((value.lower() == "true") != bool(values) for value in wanted)
    if bare not in OPERATORS or quantifier not in QUANTIFIERS:
        return False
    known = OPERATORS[bare]
    if not values:
        return optional or (quantifier == "forallvalues" if quantifier else known.negated)
    replaced = [substituted(w, context) if variables and known.variables else w for w in wanted]
    patterns = [pattern for pattern in replaced if pattern is not None]

    def matches(value: str) -> bool:
        return any(known.test(pattern, value) for pattern in patterns) != known.negated

    if quantifier == "forallvalues":
        return all(map(matches, values))
    # Several values without a quantifier: a positive test wants one that fits, a negated one wants none.
    return all(map(matches, values)) if known.negated and not quantifier else any(map(matches, values))


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


def _number(text: str) -> Decimal | None:
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


TESTS: dict[str, Callable[[str, str], bool]] = {  # word of operators.tsv -> does test(wanted, given) hold
    "text": lambda wanted, given: plain(wanted) == given,
    "folded": lambda wanted, given: plain(wanted).casefold() == given.casefold(),
    "pattern": glob,
    "base64": _binary,
    "network": within,
    "arn": arn_matches,
}
ORDERS = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
READERS: dict[str, Callable[[str], Any]] = {"Numeric": _number, "Date": date_of}


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


def _operator(row: Mapping[str, str]) -> Operator:
    family, test = row["family"], row["test"]
    compare = _ordered(READERS[family], ORDERS[test]) if test in ORDERS else TESTS[test]
    return Operator(row["operator"], family, compare, row["words"])


# By their names in lower case, for IAM ignores the case of an operator; Null compares no values and is not here.
OPERATORS = {row["operator"].lower(): _operator(row) for row in tables.rows("operators.tsv")}
FAMILIES = {name: known.family for name, known in OPERATORS.items()} | {"null": "Null"}


class GlobalKey(NamedTuple):
    """A condition key of all services; one that ends in "/" takes a tag key."""

    key: str  # "aws:SourceIp"
    type: str  # "ArrayOfString" if it has several values
    words: str  # what a sentence calls it, or empty
    chosen: str = ""  # "yes": the caller chooses the value
    instead: str = ""  # the key that is to be used
    beside: str = ""  # keys of which one must stand beside it
    services: str = ""  # the ones known to send it, if they are few
    idle: str = ""  # policy types in which it says nothing


GLOBAL_KEYS = {row["key"].lower(): GlobalKey(**row) for row in tables.rows("global_keys.tsv")}
