"""What a request tells for principals and conditions: addresses, dates, spans of time, accounts, roles, services.

A request comes in; the strings that a policy may take from it go out, in the form in which policies write them
("15 April 2028" -> "2028-04-15T00:00:00Z", "the role etl of account 1111..." -> its ARN).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from ipaddress import ip_network

from lib.retrieval.clauses import LONGEST
from lib.retrieval.resources import ACCOUNT
from lib.retrieval.services import mentions

MOST = 50  # accounts, and roles, that a policy may name: each account with each role is a principal
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAY = re.compile(
    r"\b(?:(?P<day>[0-9]{1,2})(?:st|nd|rd|th)? (?P<month>[A-Z][a-z]{2,8}),? (?P<year>[0-9]{4})"
    r"|(?P<month2>[A-Z][a-z]{2,8}) (?P<day2>[0-9]{1,2})(?:st|nd|rd|th)?,? (?P<year2>[0-9]{4})"
    r"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2})(?P<time>T[0-9:]{5,8}Z)?(?!\d))"
)
MOMENT = re.sub(r"\?P<\w+>", "?:", _DAY.pattern)  # a date as part of another expression
_ADDRESS = re.compile(
    r"(?<![\w.:/-])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?=[0-9a-f:]*:[0-9a-f]*:)[0-9a-f:]{2,39})(?:/[0-9]{1,3})?(?![\w:]|\.\d)"
)
_SPAN = re.compile(
    r"\b([0-9]{1,9}|an?|one|two|three|four|six|eight|twelve) (hour|minute|day|second)s?\b", re.IGNORECASE | re.ASCII
)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "six": 6, "eight": 8, "twelve": 12}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_ROLE_NAME = r"[\"'`“]?([A-Za-z0-9_+=,.@/-]*[A-Za-z0-9_])[\"'`”]?"
_KIND = r"(?P<kind>role|user)s?"
_ROLES = (
    re.compile(rf"\b{_KIND} (?:named |called )?{_ROLE_NAME}(?:(?:, | and | or ){_ROLE_NAME})?"),
    re.compile(rf"\b{_ROLE_NAME} (?:IAM )?{_KIND}\b"),
)
_AND = r"(?:, | and | or )"
_LETTER = r"[A-Za-z0-9_+=.@-]"
_ROLES_OF = re.compile(rf"(?<!{_LETTER})((?:{_LETTER}+{_AND}){{1,12}}{_LETTER}+),? (?:both |all )?roles (?:of|in)\b")
_NO_ROLES = frozenset(("the", "a", "an", "this", "that", "of", "in", "and", "iam", "or", "our"))
_PRINCIPAL = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::[0-9]{12}:[A-Za-z0-9_+=,.@/*-]*[A-Za-z0-9_*]")
HOST = re.compile(r"(?<![\w.-])[a-z0-9.-]+\.amazonaws\.com")
_RESOURCE_POLICY = re.compile(
    r"\b(?:bucket|queue|topic|key|resource(?:-based)?|repository) (?:access )?polic(?:y|ies)\b"
    r"|\bpolicy (?:on|to|for) the (?:S3 )?bucket\b"
    r"|, by bucket policy",
    re.IGNORECASE,
)
_ABOUT = re.compile(  # a permission that is about policies is no such policy
    r"(?:read|view|change|set|delete|get|put|see|check|manage|edit|update|remov)\w* "
    r"(?:the |its |a )?(?:bucket |queue |key |resource )?polic"
)


def addresses(text: str) -> tuple[str, ...]:
    """The IP addresses and networks of a text, in CIDR notation."""
    found = []
    for address in _ADDRESS.findall(text):
        with suppress(ValueError):
            network = address if "/" in address else address + ("/128" if ":" in address else "/32")
            ip_network(network, strict=False)
            found.append(network)
    return tuple(dict.fromkeys(found))


def moments(text: str) -> tuple[str, ...]:
    """The dates of a text as the moments at which their days begin, or that are written out."""
    days = ((match, _iso(match)) for match in _DAY.finditer(text))
    return tuple(f"{day}{match['time'] or 'T00:00:00Z'}" for match, day in days if day)


def spans(text: str) -> tuple[str, ...]:
    """The spans of time of a text, in seconds."""
    found = _SPAN.findall(text)
    return tuple(str((int(n) if n.isdigit() else _NUMBERS[n.lower()]) * _SECONDS[unit.lower()]) for n, unit in found)


def _services(text: str) -> Iterator[str]:
    """The principals of the services that a text names."""
    for said, prefixes in mentions(text):
        if not said.islower():
            yield from (f"{prefix}.amazonaws.com" for prefix in prefixes)


def _iso(match: re.Match[str]) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        month = (match["month"] or match["month2"]).lower()
        number = next((i for i, name in enumerate(_MONTHS, 1) if name.startswith(month)), 0)
        return date(int(match["year"] or match["year2"]), number, int(match["day"] or match["day2"]))
    except ValueError:
        return None


def is_resource_policy(request: str) -> bool:
    """Whether the request asks for a policy that is attached to a resource, as a bucket policy is."""
    return bool(_RESOURCE_POLICY.search(_ABOUT.sub(" ", request[:LONGEST])))


def principals(request: str) -> tuple[str, ...]:
    """Whom a resource policy may name: ARNs, account roots, services, and "*" for everybody.

    Each of the first MOST accounts may have each of the first MOST roles and users that are named.
    """
    text = request[:LONGEST]
    accounts = tuple(dict.fromkeys(ACCOUNT.findall(text)))[:MOST]
    named = tuple(dict.fromkeys(_named(text)))[:MOST]
    listed = tuple(dict.fromkeys(f"role/{n}" for run in _ROLES_OF.findall(text) for n in re.split(_AND, run)))[:MOST]
    found = dict.fromkeys(_PRINCIPAL.findall(text))
    found |= dict.fromkeys(f"arn:aws:iam::{account}:{name}" for account in accounts for name in named)
    for account in accounts:
        found |= dict.fromkeys(f"arn:aws:iam::{account}:{name}" for name in (*listed, "root"))
    found |= dict.fromkeys(HOST.findall(text))
    found |= dict.fromkeys(_services(text))
    if re.search(r"log delivery", text, re.IGNORECASE):
        found |= dict.fromkeys(("delivery.logs.amazonaws.com", "logging.s3.amazonaws.com"))
    found.pop("s3.amazonaws.com", None)  # a bucket's policy names S3, and hardly ever as who may do something
    return ("*",) if _EVERYBODY.search(text) else (*found, "*")


_EVERYBODY = re.compile(
    r"\b(?:everyone|everybody|anyone|anybody|the public|all principals|any principal)\b", re.IGNORECASE
)


def _named(text: str) -> Iterator[str]:
    """The roles and users that a text names, as the ends of their ARNs: "role/etl"."""
    for finder in _ROLES:
        for match in finder.finditer(text):
            names = [g for key, g in enumerate(match.groups(), 1) if key != finder.groupindex["kind"]]
            yield from (f"{match['kind']}/{n}" for n in names if n and n.lower() not in _NO_ROLES)
