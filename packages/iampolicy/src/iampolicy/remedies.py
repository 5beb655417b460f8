"""Values of condition keys that make a test hold or fail, and what a person does to send them.

A test and the context of a request come in; a value that turns the test goes out, or ABSENT for a key that must be left
out. Each value is tried with `conditions.holds` before it is given.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from iampolicy import tables
from iampolicy.callers import Caller
from iampolicy.conditions import OPERATORS, date_of, holds, multivalued, network_of, read_operator, substituted, text_of
from iampolicy.patterns import plain

ABSENT = None
ANY = "any-value"  # of a key that only must be there
STAR = "x"  # in the place of a wildcard


def turned(operator: str, key: str, wanted: list[str], context: Mapping[str, Any], to: bool) -> tuple[Any] | None:
    """A value of the key with which a test holds (or does not), in a tuple; None if none is known.

    Args:
        context: of the request, with keys in lower case.
    """
    quantifier, _, _ = read_operator(operator)
    several = bool(quantifier) or multivalued(key, context.get(key.lower()))
    for value in _values(operator, wanted, context, to):
        given = [value] if several and value is not ABSENT else value
        tried = {k: v for k, v in context.items() if k != key.lower()} | (
            {} if given is ABSENT else {key.lower(): given}
        )
        if all(holds(operator, key, wanted, tried, unclear=unclear) == to for unclear in (True, False)):
            return (given,)
    return None


def _values(operator: str, wanted: list[str], context: Mapping[str, Any], to: bool) -> Iterator[Any]:
    """Values to try, the likeliest first."""
    _, bare, _ = read_operator(operator)
    known = OPERATORS.get(bare)
    for text in wanted if known else ():
        replaced = substituted(text, context)
        if replaced is not None and known is not None:
            yield from _near(known.family, plain(replaced))
    yield ABSENT
    if bare == "null" or to:
        yield ANY


def _near(family: str, text: str) -> Iterator[str]:
    if family == "Bool":
        yield from ("true", "false")
    elif family == "IpAddress" and (network := network_of(text)):
        yield str(network[min(1, network.num_addresses - 1)])
        yield from (str(ipaddress.ip_address(address)) for address in ("198.51.100.7", "2001:db8::7"))
    elif family == "Numeric":
        for step in (0, -1, 1):
            yield str(Decimal(text) + step) if _is_number(text) else text
    elif family == "Date" and (date := date_of(text)):
        for days in (0, -1, 1):
            yield (date + timedelta(days=days)).isoformat().replace("+00:00", "Z")
    else:
        yield text.replace("*", STAR).replace("?", STAR)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def advice(key: str, value: Any) -> str:
    """What to do so that the request has this value."""
    if value is ABSENT:
        return f"send it without {key}"
    said = text_of(value[0] if isinstance(value, list) and value else value)
    lower = key.lower()
    found = _rows().get((lower, said.lower())) or _rows().get((lower, ""))
    if found:
        return found.replace("{}", said)
    for prefix, sentence in (
        ("aws:principaltag/", "give the caller the tag {} = {}"),
        ("aws:resourcetag/", "give the resource the tag {} = {}"),
        ("aws:requesttag/", "send the tag {} = {}"),
    ):
        if lower.startswith(prefix):
            return sentence.format(key[len(prefix) :], said)
    return f"send it with {key} = {said}"


def changeable(key: str, who: Caller) -> bool:
    """Whether a request may have another value of the key: what AWS derives of the caller goes with the caller."""
    return key.lower() not in FIXED | set(who.keys())


FIXED = {"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths", "aws:userid", "aws:principalorgpaths"}


@cache
def _rows() -> dict[tuple[str, str], str]:
    return {(row["key"].lower(), row["value"]): row["advice"] for row in tables.rows("remedies.tsv")}
