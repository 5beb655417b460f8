"""The ways in which requests limit what they allow, one a row: how it is said, and the comparison that it means.

A text comes in through `rows`, whose expressions find what is said; `lib.retrieval.conditions` makes comparisons of it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from lib.retrieval import values
from lib.retrieval.resources import REGION
from lib.retrieval.services import mentions
from lib.retrieval.values import MOMENT


@dataclass(frozen=True)
class Row:
    """A way to limit: how it is said, what is compared, and the operators for what is allowed and what is denied."""

    key: str
    said: str  # a regular expression; upper and lower case are the same to it
    found: Callable[[re.Match[str]], Sequence[str]]  # the values of the test, in a match
    allow: str | None
    deny: str | None


def _true(match: re.Match[str]) -> Sequence[str]:
    return ["true"]


def _named(match: re.Match[str]) -> Sequence[str]:
    """What the group of the expression has that matched."""
    return [next(group for group in match.groups() if group)]


def _each(pattern: str) -> Callable[[re.Match[str]], Sequence[str]]:
    """Everything of a form that stands in the match."""
    form = re.compile(pattern)
    return lambda match: form.findall(match[0])


def _of(read: Callable[[str], Sequence[str]], part: slice = slice(None)) -> Callable[[re.Match[str]], Sequence[str]]:
    """What a reader of texts finds in the match."""
    return lambda match: read(match[0])[part]


def _span(match: re.Match[str]) -> Sequence[str]:
    """Seconds; "the last hour" is one hour."""
    return values.spans(match["span"]) or values.spans(f"one {match['span'].strip()}")


def _via_service(match: re.Match[str]) -> Sequence[str]:
    return [f"{match['service']}.{match['region']}.amazonaws.com"]


def _called_via(match: re.Match[str]) -> Sequence[str]:
    return [f"{_named(match)[0].lower()}.amazonaws.com"]


def _passed_to(match: re.Match[str]) -> Sequence[str]:
    """The principal of the service that a role is passed to."""
    said = match["service"]
    known = [host for name, host in _PRINCIPALS.items() if name in said.lower()]
    named = [f"{prefixes[0]}.amazonaws.com" for _, prefixes in mentions(said)]
    return [*values.HOST.findall(said), *known, *named][:1]


def _folder(match: re.Match[str]) -> Sequence[str]:
    return [f"{_named(match)[0].strip('/')}/*"]


# Service principals that are not spelled as the prefix of the service's actions.
_PRINCIPALS = {
    "ecs task": "ecs-tasks.amazonaws.com",
    "rds monitoring": "monitoring.rds.amazonaws.com",
    "spot fleet": "spotfleet.amazonaws.com",
}
_EQUAL, _SAME = ("StringEquals", "StringNotEquals"), ("ArnEquals", "ArnNotEquals")
_ARN_OF_POLICY = r"arn:aws[\w-]*:iam::(?:[0-9]{12}|aws):policy/[\w+=,.@/-]*\w"
_REGIONS = rf"{REGION.pattern}(?:(?:,? and |,? or |, ){REGION.pattern})*"
_MFA = r"\b(?:MFA|(?:multi|two)-?factor(?: authentication)?|2FA)\b"
ROWS = (
    Row(  # "MFA devices" are things; the age of a sign-in has a row of its own
        "aws:MultiFactorAuthPresent",
        rf"(?<!preferred ){_MFA}(?! devices?| tokens?| methods?| settings?| config\w*)(?![^.;]{{0,60}}within the last)",
        _true,
        "Bool",
        "BoolIfExists",
    ),
    Row(
        "aws:MultiFactorAuthAge",
        rf"{_MFA}[^.;]{{0,60}}within the last(?P<span> [\w ]{{0,20}}?(?:second|minute|hour|day)s?)",
        _span,
        "NumericLessThan",
        "NumericGreaterThanIfExists",
    ),
    Row(
        "aws:SourceIp",
        r"(?:\bfrom\b|\bIPs?\b|\baddress(?:es)?\b|\branges?\b|\brestricted to\b|\boutside\b|\bnetworks?\b|\bover\b)"
        r"[^;]{0,40}?(?<![\w.:])[0-9a-f]*[.:][0-9a-f.:]+(?:/[0-9]{1,3})?"
        r"(?:(?:,? and |,? or |, )(?:outside )?[0-9a-f.:]+(?:/[0-9]{1,3})?)*",
        _of(values.addresses),
        "IpAddress",
        "NotIpAddress",
    ),
    Row(
        "aws:SourceVpce",
        r"(?:\b(?:through|via|from|over)\b|(?<!the )(?<!a )\bVPC endpoint\b)[^.;,]{0,25}?\bvpce-[0-9a-f]+",
        _each(r"vpce-[0-9a-f]+"),
        *_EQUAL,
    ),
    Row(
        "aws:SourceVpc",
        r"\b(?:from|inside|within|outside)\b[^.;,]{0,20}?\bvpc-[0-9a-f]+|\bvpc-[0-9a-f]+ only",
        _each(r"vpc-[0-9a-f]+"),
        *_EQUAL,
    ),
    Row(
        "aws:CurrentTime",
        rf"\bbetween (?:the )?(?:{MOMENT}) and (?:{MOMENT})",
        _of(values.moments, slice(0, 1)),
        "DateGreaterThan",
        None,
    ),
    Row(
        "aws:CurrentTime",
        rf"\bbetween (?:the )?(?:{MOMENT}) and (?:{MOMENT})",
        _of(values.moments, slice(1, 2)),
        "DateLessThan",
        None,
    ),
    Row(
        "aws:CurrentTime",
        rf"(?:\b(?:until|till|up to|expir\w+(?: on)?|ends?(?: on)?)|(?<!not work )\bbefore) (?:the )?(?:{MOMENT})",
        _of(values.moments),
        "DateLessThan",
        "DateLessThan",
    ),
    Row(
        "aws:CurrentTime",
        rf"\b(?:after|not work before|starting(?: on| from)?|as of|since) (?:the )?(?:{MOMENT})",
        _of(values.moments),
        "DateGreaterThan",
        "DateGreaterThan",
    ),
    Row(
        "aws:SecureTransport",
        r"\b(?:TLS|SSL|HTTPS?|secure transport)\b(?! version| 1|://| cert| polic| listener| endpoint)"
        r"|\bencrypted in transit\b",
        _true,
        "Bool",
        "Bool",
    ),
    Row("aws:PrincipalOrgID", r"\b(o-[a-z0-9]{10,32})\b", _named, *_EQUAL),
    Row(
        "aws:RequestedRegion",
        r"(?:\bonly (?:in|when the request goes to)|\brequested regions? (?:is|are)|\bstay(?:s|ing)? within"
        r"|\brestrict(?:ed)? (?:this |it |all of it )?to|\bother regions? than|\bregions:|\bregions? other than"
        rf"|\boutside(?: of)?) (?:the )?(?:regions? )?{_REGIONS}|{_REGIONS} only\b",
        _each(REGION.pattern),
        *_EQUAL,
    ),
    Row(
        "aws:CalledVia",
        r"\b(?:called|call has to be|call is|made|only)\b[^.;]{0,20}?\b(?:via|through|by) (CloudFormation|Athena)\b",
        _called_via,
        "ForAnyValue:StringEquals",
        None,
    ),
    Row(
        "aws:CalledVia",
        r"\b(CloudFormation|Athena) makes the call\b|^via (CloudFormation|Athena) only",
        _called_via,
        "ForAnyValue:StringEquals",
        None,
    ),
    Row(
        "kms:ViaService",
        rf"\b(?:via|through|by way of) (?P<service>[a-z][a-z0-9-]+)(?: in |\.)(?P<region>{REGION.pattern})",
        _via_service,
        *_EQUAL,
    ),
    Row(
        "iam:PassedToService",
        r"\b(?:pass|hand)\w*\b[^;]{0,140}?(?:\broles?\b|:role/)[^;]{0,100}? to (?:the )?(?P<service>[^;,]{2,60})",
        _passed_to,
        *_EQUAL,
    ),
    Row("iam:PermissionsBoundary", rf"\bpermissions? boundary\b[^;]{{0,20}}?({_ARN_OF_POLICY})", _named, *_EQUAL),
    Row(
        "iam:PolicyARN",
        rf"\b(?:policy|policies) (?:is |are )?{_ARN_OF_POLICY}(?:(?:,? and |,? or |, ){_ARN_OF_POLICY})*",
        _each(_ARN_OF_POLICY),
        *_SAME,
    ),
    Row(
        "iam:AWSServiceName",
        r"\b(?:only for|service is) (?:[a-z0-9.-]+\.amazonaws\.com(?:,? and |,? or |, )?)+",
        _each(values.HOST.pattern),
        *_EQUAL,
    ),
    Row(
        "ec2:InstanceType",
        r"\b(?:instance types?|of type) (?:is |are |of )?"
        r"(?:(?!db\.)[a-z][a-z0-9-]*\.[a-z0-9-]+(?:,? and |,? or |, )?)+",
        _each(r"\b[a-z][a-z0-9-]*\.[a-z0-9-]*[a-z]\b"),
        *_EQUAL,
    ),
    Row(
        "rds:DatabaseClass",
        r"\binstance class(?:es)? (?:is |are )?(?:db\.[a-z0-9.]+\w(?:,? and |,? or |, )?)+",
        _each(r"\bdb\.[a-z0-9-]+\.[a-z0-9]+"),
        *_EQUAL,
    ),
    Row(
        "dynamodb:LeadingKeys",
        r"\bpartition key (?:is |of |equals? |= ?)?[\"'`“]?(\$\{[\w:/-]+\}|[\w-]*\w)",
        _named,
        "ForAllValues:StringEquals",
        None,
    ),
    Row(
        "s3:prefix",
        r"\b(?:list|brows)\w* (?:the (?:objects|files) in )?s3://[\w.-]+/([\w./-]+)",
        _folder,
        "StringLike",
        None,
    ),
    Row(
        "s3:prefix",
        r"\b(?:list|brows|see|look)\w* (?:into )?(?:(?:the )?(?:objects|files|contents?) (?:in|of|under) )?(?:the )?"
        r"(?:(?:the )?(?:folder|prefix|path|directory) ([\w./-]*\w)/?"
        r"|([\w.-]+(?:/[\w.-]+)*/)(?=,? (?:in|of|prefix)\b))",
        _folder,
        "StringLike",
        None,
    ),
    Row(
        "s3:TlsVersion",
        r"\bTLS (?:version )?(1\.[0-3]) or (?:newer|higher|later|above)",
        _named,
        "NumericGreaterThanEquals",
        "NumericLessThan",
    ),
    Row(
        "s3:x-amz-storage-class",
        r"\bstorage class (?:is )?(STANDARD(?:_IA)?|GLACIER(?:_IR)?|INTELLIGENT_TIERING|DEEP_ARCHIVE|ONEZONE_IA)\b",
        _named,
        *_EQUAL,
    ),
    Row("s3:x-amz-acl", r"\bcanned ACL (?:is )?([a-z][a-z-]+)\b", _named, *_EQUAL),
    Row("s3:ExistingObjectTag/classification", r"\bobject's classification tag is (\w+)", _named, *_EQUAL),
    Row(
        "sns:Protocol",
        r"\bprotocol (?:is )?(https?|email|sqs|lambda|sms)\b|\bfor (https?|email|sqs|lambda|sms) subscriptions",
        _named,
        *_EQUAL,
    ),
    Row("secretsmanager:VersionStage", r"\bstage (AWS[A-Z]+)\b", _named, *_EQUAL),
    Row("cloudwatch:namespace", r"\b(?:metrics?|in the) namespace (?:is )?[\"'`“]?([\w./#:-]*\w)", _named, *_EQUAL),
    Row("ses:FromAddress", r"([\w.+-]+@[\w.-]+\.\w+)", _named, *_EQUAL),
    Row("ecs:cluster", r"\bcluster (arn:aws[\w-]*:ecs:[\w:/-]+\w)", _named, *_SAME),
    Row(
        "lambda:FunctionArn",
        r"\bonly for the function (arn:aws[\w-]*:lambda:[\w:/-]+\w)",
        _named,
        "ArnLike",
        "ArnNotLike",
    ),
    Row("sts:ExternalId", r"\b(?:with|when)(?: the)? external ID (?:is )?[\"'`“]?([\w+=,.@:/-]*\w)", _named, *_EQUAL),
    Row("events:source", r"\bsource (?:of the events )?(?:is )?([a-z]+(?:\.[\w-]+)+)", _named, *_EQUAL),
    Row(
        "codecommit:References",
        r"\b(?:on|is|to) refs/heads/[\w./-]*\w(?:(?:,? and |,? or |, )refs/heads/[\w./-]*\w)*",
        _each(r"refs/heads/[\w./-]*\w"),
        "StringEqualsIfExists",
        "StringNotEqualsIfExists",
    ),
    Row(
        "route53:ChangeResourceRecordSetsRecordTypes",
        r"(?:\brecords of type|\blimited to) (?:(?:TXT|CNAME|AAAA|A|MX)(?:,? and |,? or |, )?)+",
        _each(r"\b(?:TXT|CNAME|AAAA|A|MX)\b"),
        "ForAllValues:StringEquals",
        None,
    ),
    Row("ec2:VolumeSize", r"\b(?:up to|at most) (\d+) ?Gi?B\b", _named, "NumericLessThanEquals", "NumericGreaterThan"),
    Row(
        "autoscaling:MaxSize", r"\bmaximum size of at most (\d+)", _named, "NumericLessThanEquals", "NumericGreaterThan"
    ),
)


@cache
def rows() -> tuple[tuple[Row, re.Pattern[str]], ...]:
    """The rows, each with its compiled expression."""
    return tuple((row, re.compile(row.said, re.IGNORECASE)) for row in ROWS)
