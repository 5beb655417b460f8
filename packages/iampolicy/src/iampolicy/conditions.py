"""Condition blocks: whether the context of a request satisfies them.

A Condition element and a request's context come in, True or False goes out. The operators are rows of a table; what
IfExists, ForAllValues and ForAnyValue add is written once, for all of them (IAM User Guide, "IAM JSON policy elements:
Condition operators" and "Conditions with multiple context keys or values").
"""

import ipaddress
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

Context = Mapping[str, Any]  # condition keys in lower case -> a scalar, or a list for a multivalued key

_VARIABLE = re.compile(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}  # "${*}" is a star that is no wildcard


@dataclass(frozen=True)
class Operator:
    """One comparison: does `test(wanted, given)` hold; a negated one holds if it does not, for any wanted value."""

    test: Callable[[str, str], bool]
    negated: bool = False
    variables: bool = True  # policy variables are replaced in its values


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
    if not isinstance(condition, Mapping):
        return False
    return all(
        isinstance(tests, Mapping)
        and all(holds(operator, key, values_of(wanted), context, variables) for key, wanted in tests.items())
        for operator, tests in condition.items()
    )


def holds(name: str, key: str, wanted: list[str], context: Context, variables: bool = True) -> bool:
    """Whether one test holds, such as holds("StringLike", "s3:prefix", ["home/*"], {"s3:prefix": "home/a"})."""
    quantifier, _, bare = name.rpartition(":")
    bare, quantifier = bare.lower(), quantifier.lower()
    values = values_of(context.get(key.lower()))  # none: absent, or a multivalued key without a value
    if bare == "null":
        return any((value.lower() == "true") != bool(values) for value in wanted)
    if optional := bare.endswith("ifexists"):
        bare = bare.removesuffix("ifexists")
    operator = OPERATORS.get(bare)
    if operator is None or quantifier not in ("", "forallvalues", "foranyvalue"):
        return False
    if not values:
        if quantifier:
            return optional or quantifier == "forallvalues"
        return optional or operator.negated
    patterns = [p for value in wanted if (p := _replaced(value, operator, context, variables)) is not None]

    def matches(value: str) -> bool:
        return any(operator.test(pattern, value) for pattern in patterns) != operator.negated

    if quantifier == "forallvalues":
        return all(map(matches, values))
    # Several values without a quantifier: a positive test wants one that fits, a negated one wants none.
    return all(map(matches, values)) if operator.negated and not quantifier else any(map(matches, values))


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
            parts.append(_literal(name))
            continue
        found = values_of(context.get(name.lower()))
        if len(found) != 1 and default is None:
            return None
        parts.append(_literal(found[0] if len(found) == 1 else default))
    return "".join([*parts, value[end:]])


def glob(pattern: str, text: str, fold: bool = False) -> bool:
    """Whether the text matches a pattern of `*` and `?`; characters marked by `substituted` are literal."""
    if pattern == "*" or pattern == text:
        return True
    stars = pattern.count("*")
    if not stars and "?" not in pattern and not fold:
        return False
    if len(pattern) - stars > len(text) + pattern.count(_MARK):  # each other character takes one of the text
        return False
    if stars == 1 and pattern[-1] == "*" and "?" not in pattern and _MARK not in pattern and not fold:
        return text.startswith(pattern[:-1])
    return _compiled(pattern, fold).fullmatch(text) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN matches a pattern, field by field: a wildcard of one field does not reach into the next.

    The last field may hold colons, as the resource of an ARN does.
    """
    if pattern == "*":
        return True
    wanted = pattern.split(":", 5)
    given = arn.split(":", len(wanted) - 1)
    return len(wanted) == len(given) and all(w == g or glob(w, g) for w, g in zip(wanted, given, strict=True))


def resource_matches(pattern: str, arn: str) -> bool:
    """Whether a Resource value matches an ARN: field by field, but a star that ends a field may run over the next.

    Source: IAM User Guide, "IAM JSON policy elements: Resource". ARN operators of conditions have no such rule.
    """
    return arn_matches(pattern, arn) or ("*:" in pattern and glob(pattern, arn))


_MARK = "\ue000"  # a private character before one that is literal, whatever it is


def _literal(text: str) -> str:
    return "".join(_MARK + c if c in "*?" else c for c in text)


def plain(pattern: str) -> str:
    """A substituted pattern as the text that it stands for, for comparisons without wildcards."""
    return pattern.replace(_MARK, "")


@lru_cache(maxsize=65_536)
def _compiled(pattern: str, fold: bool) -> re.Pattern[str]:
    # Runs of stars are one star, and each star but the last is an atomic lazy group: matching never goes back over
    # an earlier star, so a hostile pattern costs no more than pattern times text.
    pieces: list[str] = [""]
    position = 0
    while position < len(pattern):
        c = pattern[position]
        if c == _MARK and position + 1 < len(pattern):
            position += 1
            pieces[-1] += re.escape(pattern[position])
        elif c == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        else:
            pieces[-1] += "." if c == "?" else re.escape(c)
        position += 1
    if len(pieces) == 1:
        text = pieces[0]
    else:
        first, *middle, last = pieces
        text = first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"
    return re.compile(text, re.DOTALL | (re.IGNORECASE if fold else 0))


def _replaced(value: str, operator: Operator, context: Context, variables: bool) -> str | None:
    return substituted(value, context) if variables and operator.variables else value


def _number(test: Callable[[Decimal, Decimal], bool]) -> Callable[[str, str], bool]:
    def compare(wanted: str, given: str) -> bool:
        try:
            return test(Decimal(wanted), Decimal(given))
        except InvalidOperation:
            return False

    return compare


def _date(test: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    def compare(wanted: str, given: str) -> bool:
        left, right = date_of(wanted), date_of(given)
        return left is not None and right is not None and test(left, right)

    return compare


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
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _in_network(wanted: str, given: str) -> bool:
    network, address = _network(wanted), _network(given)
    return (
        network is not None
        and address is not None
        and network.version == address.version
        and address.subnet_of(network)  # type: ignore[arg-type]
    )


def _binary(wanted: str, given: str) -> bool:
    try:
        return b64decode(wanted, validate=True) == b64decode(given, validate=True)
    except ValueError:
        return False


def _equal(wanted: str, given: str) -> bool:
    return plain(wanted) == given


def _equal_folded(wanted: str, given: str) -> bool:
    return plain(wanted).casefold() == given.casefold()


def _bool(wanted: str, given: str) -> bool:
    return wanted.lower() == given.lower()


OPERATORS = {  # in lower case, for IAM ignores the case of an operator's name
    "stringequals": Operator(_equal),
    "stringnotequals": Operator(_equal, negated=True),
    "stringequalsignorecase": Operator(_equal_folded),
    "stringnotequalsignorecase": Operator(_equal_folded, negated=True),
    "stringlike": Operator(glob),
    "stringnotlike": Operator(glob, negated=True),
    "numericequals": Operator(_number(lambda w, g: g == w), variables=False),
    "numericnotequals": Operator(_number(lambda w, g: g == w), negated=True, variables=False),
    "numericlessthan": Operator(_number(lambda w, g: g < w), variables=False),
    "numericlessthanequals": Operator(_number(lambda w, g: g <= w), variables=False),
    "numericgreaterthan": Operator(_number(lambda w, g: g > w), variables=False),
    "numericgreaterthanequals": Operator(_number(lambda w, g: g >= w), variables=False),
    "dateequals": Operator(_date(lambda w, g: g == w), variables=False),
    "datenotequals": Operator(_date(lambda w, g: g == w), negated=True, variables=False),
    "datelessthan": Operator(_date(lambda w, g: g < w), variables=False),
    "datelessthanequals": Operator(_date(lambda w, g: g <= w), variables=False),
    "dategreaterthan": Operator(_date(lambda w, g: g > w), variables=False),
    "dategreaterthanequals": Operator(_date(lambda w, g: g >= w), variables=False),
    "bool": Operator(_bool, variables=False),
    "binaryequals": Operator(_binary, variables=False),
    "ipaddress": Operator(_in_network, variables=False),
    "notipaddress": Operator(_in_network, negated=True, variables=False),
    "arnequals": Operator(arn_matches),
    "arnlike": Operator(arn_matches),
    "arnnotequals": Operator(arn_matches, negated=True),
    "arnnotlike": Operator(arn_matches, negated=True),
}
