"""The table of conditions: how people say a limit, and the IAM condition blocks that mean it.

A Desk comes in; a Limit goes out with its words in several positions (in the clause, as a sentence, as a tag of a
few words, after "deny ...") and with two blocks: the one under which to allow and the one under which to deny.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from lib.data.written import vocabulary
from lib.data.written.resources import hexadecimal
from lib.data.written.wants import Desk
from lib.data.written.words import listed

Block = tuple[tuple[str, str, object], ...]  # (operator, key, value)


@dataclass(frozen=True)
class Limit:
    """A drawn condition. An empty `unless` means that it is not used for denying."""

    name: str
    clause: str  # follows a verb phrase: "only from 203.0.113.0/24"
    sentence: str  # stands alone, without the full stop
    tag: str  # "MFA required"
    unless: str  # follows a forbidden verb phrase: "unless MFA is used"
    allow: Block
    deny: Block


@dataclass(frozen=True)
class Row:
    """A kind of condition. `draw` gives the words and the value; both stand in the texts and blocks as {v} and v."""

    name: str
    draw: Callable[[Random], tuple[str, object]]
    clauses: tuple[str, ...]
    sentences: tuple[str, ...]
    tags: tuple[str, ...]
    unless: tuple[str, ...]
    allow: Callable[[object], Block]
    deny: Callable[[object], Block]
    weight: int = 4


def scalar(values: list[str] | tuple[str, ...]) -> str | list[str]:
    """One value as a string, several as a list: the shorter of the forms that IAM takes."""
    return values[0] if len(values) == 1 else list(values)


def _some(pool: tuple[str, ...], most: int) -> Callable[[Random], tuple[str, object]]:
    def draw(rng: Random) -> tuple[str, object]:
        values = rng.sample(pool, rng.choices(range(1, most + 1), (5, 2, 1)[:most])[0])
        return listed(values), scalar(values)

    return draw


def _made(prefix: str, length: int) -> Callable[[Random], tuple[str, object]]:
    def draw(rng: Random) -> tuple[str, object]:
        value = prefix + hexadecimal(rng, length)
        return value, value

    return draw


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _date(rng: Random, year: int) -> tuple[str, str]:
    month, day = rng.randint(1, 12), rng.choice((1, 1, 15, 28, rng.randint(1, 28)))
    stamp = f"{year}-{month:02}-{day:02}"
    said = rng.choice(
        (
            stamp,
            stamp,
            f"{day} {_MONTHS[month - 1]} {year}",
            f"{_MONTHS[month - 1]} {day}, {year}",
            f"{stamp}T00:00:00Z",
        )
    )
    return said, f"{stamp}T00:00:00Z"


def _one_date(rng: Random) -> tuple[str, object]:
    return _date(rng, rng.randint(2026, 2029))


def _two_dates(rng: Random) -> tuple[str, object]:
    year = rng.randint(2026, 2028)
    (first, start), (last, end) = _date(rng, year), _date(rng, year + 1)
    return f"{first} and {last}", (start, end)


def _tag(rng: Random) -> tuple[str, object]:
    key, values = rng.choice(vocabulary.TAGS)
    value = rng.choice(values)
    return rng.choice((f"{key}={value}", f"{key}={value}", f"{key} = {value}")), (key, value)


_VIA = (
    ("CloudFormation", "cloudformation.amazonaws.com"),
    ("Athena", "athena.amazonaws.com"),
    ("DynamoDB", "dynamodb.amazonaws.com"),
    ("KMS", "kms.amazonaws.com"),
)
_AGES = ((900, "15 minutes"), (1800, "30 minutes"), (3600, "hour"), (7200, "2 hours"), (14400, "4 hours"))


def _any_organisation(rng: Random) -> tuple[str, object]:
    value = "o-" + "".join(rng.choices("abcdefghijkmnpqrstuvwxyz0123456789", k=10))
    return value, value


def _equal(key: str) -> Callable[[object], Block]:
    return lambda v: (("StringEquals", key, v),)


def _differ(key: str) -> Callable[[object], Block]:
    return lambda v: (("StringNotEquals", key, v),)


ROWS: tuple[Row, ...] = (
    Row(
        "mfa",
        lambda r: ("", None),
        (
            "only with MFA",
            "as long as MFA was used to sign in",
            "provided that the session is authenticated with MFA",
            "only if MFA is present",
            "but only after signing in with multi-factor authentication",
            "when MFA is used",
        ),
        (
            "MFA must be used",
            "Require MFA for this",
            "This needs a session with MFA",
            "Multi-factor authentication is mandatory",
            "Without MFA nothing of this may work",
        ),
        ("MFA required", "with MFA only", "MFA only"),
        (
            "unless MFA is used",
            "without MFA",
            "when MFA is not present",
            "for sessions without multi-factor authentication",
        ),
        lambda v: (("Bool", "aws:MultiFactorAuthPresent", "true"),),
        lambda v: (("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),),
        9,
    ),
    Row(
        "mfa_age",
        lambda r: (lambda a: (a[1], str(a[0])))(r.choice(_AGES)),
        ("if MFA was used within the last {v}", "as long as the MFA sign-in happened within the last {v}"),
        ("The MFA sign-in must have happened within the last {v}", "MFA must have been used within the last {v}"),
        ("MFA within the last {v}",),
        (),
        lambda v: (("NumericLessThan", "aws:MultiFactorAuthAge", v),),
        lambda v: (),
        2,
    ),
    Row(
        "source_ip",
        _some(vocabulary.CIDRS, 3),
        (
            "only from {v}",
            "from {v} only",
            "as long as the request comes from {v}",
            "when the source IP is in {v}",
            "but only from the IP range {v}",
            "provided the call originates from {v}",
        ),
        (
            "Requests must come from {v}",
            "Only accept calls from {v}",
            "Limit this to source addresses in {v}",
            "Access is restricted to {v}",
            "It has to come from {v}",
        ),
        ("source IP {v}", "only from {v}", "IP range {v}"),
        ("unless the request comes from {v}", "from outside {v}", "when the source IP is not in {v}"),
        lambda v: (("IpAddress", "aws:SourceIp", v),),
        lambda v: (("NotIpAddress", "aws:SourceIp", v),),
        10,
    ),
    Row(
        "vpc_endpoint",
        _made("vpce-0", 16),
        ("only through the VPC endpoint {v}", "via VPC endpoint {v} only", "as long as the traffic goes through {v}"),
        ("Requests must arrive through the VPC endpoint {v}", "All calls have to go through {v}"),
        ("only via {v}", "VPC endpoint {v}"),
        ("unless the request comes through the VPC endpoint {v}", "when not coming through {v}"),
        _equal("aws:SourceVpce"),
        _differ("aws:SourceVpce"),
        6,
    ),
    Row(
        "vpc",
        _made("vpc-0", 16),
        ("only from the VPC {v}", "from inside {v} only", "as long as the request comes from the VPC {v}"),
        ("Requests must come from the VPC {v}", "Only calls from within {v} are fine"),
        ("VPC {v} only",),
        ("unless the request comes from the VPC {v}", "from outside the VPC {v}"),
        _equal("aws:SourceVpc"),
        _differ("aws:SourceVpc"),
        4,
    ),
    Row(
        "until",
        _one_date,
        ("until {v}", "only before {v}", "up to {v}, not later", "but only until {v}"),
        ("This access ends on {v}", "The permission expires on {v}", "It is needed only until {v}"),
        ("expires {v}", "until {v}"),
        ("after {v}", "starting after {v}"),
        lambda v: (("DateLessThan", "aws:CurrentTime", v),),
        lambda v: (("DateGreaterThan", "aws:CurrentTime", v),),
        5,
    ),
    Row(
        "from_date",
        _one_date,
        ("starting after {v}", "only after {v}"),
        ("This must not work before {v}", "Access begins after {v}"),
        ("after {v}",),
        ("before {v}",),
        lambda v: (("DateGreaterThan", "aws:CurrentTime", v),),
        lambda v: (("DateLessThan", "aws:CurrentTime", v),),
        2,
    ),
    Row(
        "window",
        _two_dates,
        ("between {v}", "only between {v}", "during the time between {v}"),
        ("This is valid only between {v}", "Access is limited to the time between {v}"),
        ("between {v}",),
        (),
        lambda v: (("DateGreaterThan", "aws:CurrentTime", v[0]), ("DateLessThan", "aws:CurrentTime", v[1])),
        lambda v: (),
        5,
    ),
    Row(
        "tls",
        lambda r: ("", None),
        (
            "only over TLS",
            "over HTTPS only",
            "as long as the connection is encrypted with TLS",
            "over secure transport only",
        ),
        (
            "Connections must use TLS",
            "Plain HTTP is not acceptable; only HTTPS counts",
            "Only HTTPS requests may succeed",
        ),
        ("TLS only", "HTTPS only"),
        ("unless TLS is used", "over plain HTTP", "when the request is not sent over HTTPS"),
        lambda v: (("Bool", "aws:SecureTransport", "true"),),
        lambda v: (("Bool", "aws:SecureTransport", "false"),),
        5,
    ),
    Row(
        "organisation",
        _any_organisation,
        (
            "only for principals of our organization {v}",
            "as long as the caller belongs to organization {v}",
            "when the caller's account is in the organization {v}",
        ),
        ("The caller must belong to our organization {v}", "Only principals from organization {v} qualify"),
        ("org {v} only",),
        ("when the caller is outside the organization {v}", "unless the caller is in our organization {v}"),
        _equal("aws:PrincipalOrgID"),
        _differ("aws:PrincipalOrgID"),
        4,
    ),
    Row(
        "region",
        _some(vocabulary.REGIONS, 3),
        (
            "in {v} only",
            "but only in {v}",
            "only when the request goes to {v}",
            "as long as the requested region is {v}",
        ),
        ("It must stay within {v}", "Restrict this to {v}", "No other regions than {v}"),
        ("{v} only", "regions: {v}"),
        ("outside {v}", "in any region other than {v}"),
        _equal("aws:RequestedRegion"),
        _differ("aws:RequestedRegion"),
        7,
    ),
    Row(
        "principal_tag",
        _tag,
        (
            "if the caller is tagged {v}",
            "only for principals with the tag {v}",
            "when the principal carries the tag {v}",
        ),
        ("The calling principal must have the tag {v}", "Only principals tagged {v} get this"),
        ("principal tag {v}",),
        ("unless the caller is tagged {v}", "when the caller lacks the tag {v}"),
        lambda v: (("StringEquals", f"aws:PrincipalTag/{v[0]}", v[1]),),
        lambda v: (("StringNotEquals", f"aws:PrincipalTag/{v[0]}", v[1]),),
        4,
    ),
    Row(
        "called_via",
        lambda r: r.choice(_VIA),
        ("only when the call is made through {v}", "as long as {v} makes the call on the caller's behalf"),
        ("It should only work when called via {v}", "The call has to be made through {v}"),
        ("via {v} only",),
        (),
        lambda v: (("ForAnyValue:StringEquals", "aws:CalledVia", v),),
        lambda v: (),
        2,
    ),
)

# These need actions that know the key; kinds.py sees to it.
RESOURCE_TAG = Row(
    "resource_tag",
    _tag,
    (
        "only on resources tagged {v}",
        "as long as the resource has the tag {v}",
        "if the resource is tagged {v}",
        "but only for resources that carry the tag {v}",
    ),
    (
        "The resource must be tagged {v}",
        "Only resources with the tag {v} may be touched",
        "Leave resources without the tag {v} alone",
    ),
    ("resource tag {v}", "only resources tagged {v}"),
    ("on resources tagged {v}", "when the resource carries the tag {v}"),
    lambda v: (("StringEquals", f"aws:ResourceTag/{v[0]}", v[1]),),
    lambda v: (("StringEquals", f"aws:ResourceTag/{v[0]}", v[1]),),
)
REQUEST_TAG = Row(
    "request_tag",
    _tag,
    (
        "only if the request sets the tag {v}",
        "as long as it is tagged {v} in the same request",
        "provided the tag {v} is part of the request",
    ),
    ("The request has to carry the tag {v}", "Every such request must set the tag {v}"),
    ("request tag {v}",),
    (),
    lambda v: (("StringEquals", f"aws:RequestTag/{v[0]}", v[1]),),
    lambda v: (),
)


def _tag_keys(rng: Random) -> tuple[str, object]:
    keys = rng.sample([key for key, _ in vocabulary.TAGS], rng.randint(1, 3))
    return listed(keys), scalar(keys)


TAG_KEYS = Row(
    "tag_keys",
    _tag_keys,
    ("using no other tag keys than {v}", "with only the tag keys {v} in the request"),
    ("The only tag keys allowed in the request are {v}", "No tag keys other than {v} may be set"),
    ("tag keys: {v}",),
    (),
    lambda v: (("ForAllValues:StringEquals", "aws:TagKeys", v),),
    lambda v: (),
)


def draw(desk: Desk, row: Row) -> Limit:
    """One condition of the row, with values and words drawn."""
    words, value = row.draw(desk.rng)

    def said(texts: tuple[str, ...]) -> str:
        return desk.rng.choice(texts).replace("{v}", words) if texts else ""

    return Limit(
        row.name,
        said(row.clauses),
        said(row.sentences),
        said(row.tags),
        said(row.unless),
        row.allow(value),
        row.deny(value),
    )


def draw_some(desk: Desk, count: int = 1, deny: bool = False, but: tuple[str, ...] = ()) -> list[Limit]:
    """Different conditions from the table; with `deny`, such as can be turned round; none of the names in `but`."""
    clash = {
        "until": "time",
        "from_date": "time",
        "window": "time",
        "mfa": "mfa",
        "mfa_age": "mfa",
        "vpc": "net",
        "vpc_endpoint": "net",
        "source_ip": "net",
    }
    rows = [r for r in ROWS if r.name not in but and (r.unless or not deny)]
    limits: list[Limit] = []
    taken: set[str] = set()
    while len(limits) < count:
        row = desk.rng.choices(rows, [r.weight for r in rows])[0]
        group = clash.get(row.name, row.name)
        if group not in taken:
            taken.add(group)
            limits.append(draw(desk, row))
    return limits


def merged(*blocks: Block) -> dict[str, dict[str, object]]:
    """The Condition element of several blocks, all of which must hold."""
    condition: dict[str, dict[str, object]] = {}
    for operator, key, value in (triple for block in blocks for triple in block):
        condition.setdefault(operator, {})[key] = value
    return condition
