"""The table of conditions: how people say a limit, and the IAM condition blocks that mean it.

A Desk comes in; Limits drawn from the table go out. Keys of single services are in keys.py and named_keys.py.
"""

from collections.abc import Callable, Iterable

from lib.data.written import values, vocabulary
from lib.data.written.desk import Desk
from lib.data.written.limits import Block, Limit, Row, draw
from lib.data.written.services import GLOBAL
from lib.data.written.wants import Want


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
        lambda r: (lambda a: (a[1], str(a[0])))(r.choice(values.AGES)),
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
        values.some(vocabulary.CIDRS, 3),
        (
            "only from {o}",
            "from {v} only",
            "as long as the request comes from {o}",
            "when the source IP is in {o}",
            "but only from the IP range {v}",
            "provided the call originates from {o}",
        ),
        (
            "Requests must come from {o}",
            "Only accept calls from {v}",
            "Limit this to source addresses in {o}",
            "Access is restricted to {v}",
            "It has to come from {o}",
        ),
        ("source IP {v}", "only from {o}", "IP range {v}"),
        ("unless the request comes from {o}", "from outside {v}", "when the source IP is not in {o}"),
        lambda v: (("IpAddress", "aws:SourceIp", v),),
        lambda v: (("NotIpAddress", "aws:SourceIp", v),),
        10,
    ),
    Row(
        "vpc_endpoint",
        values.made("vpce-0", 16),
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
        values.made("vpc-0", 16),
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
        values.one_date,
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
        values.one_date,
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
        values.two_dates,
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
        values.organisation,
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
        values.some(vocabulary.REGIONS, 3),
        (
            "in {v} only",
            "but only in {v}",
            "only when the request goes to {o}",
            "as long as the requested region is {o}",
        ),
        ("It must stay within {v}", "Restrict this to {v}", "No other regions than {v}"),
        ("{v} only", "regions: {v}"),
        ("outside {v}", "in any region other than {o}"),
        _equal("aws:RequestedRegion"),
        _differ("aws:RequestedRegion"),
        7,
    ),
    Row(
        "principal_tag",
        values.tag,
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
        lambda r: ("CloudFormation", "cloudformation.amazonaws.com"),
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
    values.tag,
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
    (),
    lambda v: (("StringEquals", f"aws:ResourceTag/{v[0]}", v[1]),),
    lambda v: (),
)
REQUEST_TAG = Row(
    "request_tag",
    values.tag,
    (
        "only if the request sets the tag {v}",
        "as long as the same request sets the tag {v}",
        "provided the tag {v} is part of the request",
    ),
    ("The request has to carry the tag {v}", "Every such request must set the tag {v}"),
    ("request tag {v}",),
    (),
    lambda v: (("StringEquals", f"aws:RequestTag/{v[0]}", v[1]),),
    lambda v: (),
)


TAG_KEYS = Row(
    "tag_keys",
    values.tag_keys,
    ("using no other tag keys than {v}", "with only the tag keys {v} in the request"),
    ("The only tag keys allowed in the request are {v}", "No tag keys other than {v} may be set"),
    ("tag keys: {v}",),
    (),
    lambda v: (("ForAllValues:StringEquals", "aws:TagKeys", v),),
    lambda v: (),
)


_GROUPS = {  # conditions of one group do not stand together
    "until": "time",
    "from_date": "time",
    "window": "time",
    "mfa": "mfa",
    "mfa_age": "mfa",
    "vpc": "network",
    "vpc_endpoint": "network",
    "source_ip": "network",
}


def draw_some(
    desk: Desk, wants: Iterable[Want], count: int = 1, deny: bool = False, but: tuple[str, ...] = ()
) -> list[Limit]:
    """Different conditions from the table; with `deny`, such as can be turned round; none of the names in `but`.

    No region is drawn where the scene has one already; none and no network of AWS for services without regions.
    """
    if any(action.split(":")[0] in GLOBAL for want in wants for action in want.actions):
        but = (*but, "region", "vpc", "vpc_endpoint")
    elif desk.scene.region:
        but = (*but, "region")
    rows = [r for r in ROWS if r.name not in but and (r.unless or not deny)]
    limits: list[Limit] = []
    taken: set[str] = set()
    while len(limits) < count:
        row = desk.rng.choices(rows, [r.weight for r in rows])[0]
        group = _GROUPS.get(row.name, row.name)
        if group not in taken:
            taken.add(group)
            limits.append(draw(desk.rng, row))
    return limits
