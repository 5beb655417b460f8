"""What a request says about the circumstances of a call: "only with MFA", "from 10.0.0.0/8", "until 1 May 2027".

A request comes in; comparisons go out, as the Condition element has them: operator, key and values. One row of _ROWS
is one way of limiting; how it is said is a regular expression, and what is said of a denial is turned round, because
"deny it unless MFA is used" denies where the test for MFA fails.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from lib.iam import catalogue
from lib.iam.catalogue import ConditionKey
from lib.retrieval import values
from lib.retrieval.clauses import LONGEST
from lib.retrieval.resources import ACCOUNT, REGION
from lib.retrieval.services import mentions
from lib.retrieval.values import MOMENT

MOST = 8  # comparisons of a request

Value = str | tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One comparison of a Condition element, for statements of one effect."""

    effect: str
    operator: str
    key: str
    value: Value


@dataclass(frozen=True)
class _Row:
    """A way to limit: how it is said, what is compared, and the operators for what is allowed and what is denied."""

    key: str
    said: str  # a regular expression; upper and lower case are the same to it
    found: Callable[[re.Match[str]], Sequence[str]]  # the values of the test, in a match
    allow: str | None
    deny: str | None


def comparisons(request: str) -> tuple[Comparison, ...]:
    """The comparisons that a request asks for, those of allowing statements first, each once."""
    text = " ".join(request[:LONGEST].split())
    found = [test for row, said in _rows() for test in _of_row(row, said, text)]
    found += [*_tags(text), *_named_keys(text), *_encryption(text), *_on_behalf(text)]
    return tuple(dict.fromkeys(sorted(found, key=lambda test: test.effect)))[:MOST]


def block(chosen: Iterable[Comparison]) -> dict[str, dict[str, str | list[str]]]:
    """The Condition element that makes these comparisons."""
    found: dict[str, dict[str, str | list[str]]] = {}
    for test in chosen:
        found.setdefault(test.operator, {})[test.key] = (
            list(test.value) if isinstance(test.value, tuple) else test.value
        )
    return found


def limits(request: str) -> bool:
    """Whether the request seems to say under which circumstances, in words that `comparisons` may not know."""
    return bool(_LIMITS.search(request[:LONGEST]))


_LIMITS = re.compile(
    r"\bonly (?:if|when|with|within|from|for|through|via|during|between|over|in the)\b|\bas long as\b"
    r"|\bprovided\b|\bunless\b|\bon condition\b|\brestricted to\b|\bwhose\b|\bwhere the\b|,? (?:if|when) the\b",
    re.IGNORECASE,
)


def _of_row(row: _Row, said: re.Pattern[str], text: str) -> Iterator[Comparison]:
    for match in said.finditer(text):
        found = tuple(dict.fromkeys(row.found(match)))
        for effect, operator in (("Allow", row.allow), ("Deny", row.deny)):
            if operator and found:
                fails = effect == "Deny" and operator.startswith("Bool")
                yield Comparison(
                    effect, operator, row.key, "false" if fails else found[0] if len(found) == 1 else found
                )


def _value(found: Sequence[str]) -> Value:
    return found[0] if len(found) == 1 else tuple(found)


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
_ROWS = (
    _Row(  # "MFA devices" are things; the age of a sign-in has a row of its own
        "aws:MultiFactorAuthPresent",
        rf"(?<!preferred ){_MFA}(?! devices?| tokens?| methods?| settings?| config\w*)(?![^.;]{{0,60}}within the last)",
        _true,
        "Bool",
        "BoolIfExists",
    ),
    _Row(
        "aws:MultiFactorAuthAge",
        rf"{_MFA}[^.;]{{0,60}}within the last(?P<span> [\w ]{{0,20}}?(?:second|minute|hour|day)s?)",
        _span,
        "NumericLessThan",
        "NumericGreaterThanIfExists",
    ),
    _Row(
        "aws:SourceIp",
        r"(?:\bfrom\b|\bIPs?\b|\baddress(?:es)?\b|\branges?\b|\brestricted to\b|\boutside\b|\bnetworks?\b|\bover\b)"
        r"[^;]{0,40}?(?<![\w.:])[0-9a-f]*[.:][0-9a-f.:]+(?:/[0-9]{1,3})?"
        r"(?:(?:,? and |,? or |, )(?:outside )?[0-9a-f.:]+(?:/[0-9]{1,3})?)*",
        _of(values.addresses),
        "IpAddress",
        "NotIpAddress",
    ),
    _Row(
        "aws:SourceVpce",
        r"(?:\b(?:through|via|from|over)\b|(?<!the )(?<!a )\bVPC endpoint\b)[^.;,]{0,25}?\bvpce-[0-9a-f]+",
        _each(r"vpce-[0-9a-f]+"),
        *_EQUAL,
    ),
    _Row(
        "aws:SourceVpc",
        r"\b(?:from|inside|within|outside)\b[^.;,]{0,20}?\bvpc-[0-9a-f]+|\bvpc-[0-9a-f]+ only",
        _each(r"vpc-[0-9a-f]+"),
        *_EQUAL,
    ),
    _Row(
        "aws:CurrentTime",
        rf"\bbetween (?:the )?(?:{MOMENT}) and (?:{MOMENT})",
        _of(values.moments, slice(0, 1)),
        "DateGreaterThan",
        None,
    ),
    _Row(
        "aws:CurrentTime",
        rf"\bbetween (?:the )?(?:{MOMENT}) and (?:{MOMENT})",
        _of(values.moments, slice(1, 2)),
        "DateLessThan",
        None,
    ),
    _Row(
        "aws:CurrentTime",
        rf"(?:\b(?:until|till|up to|expir\w+(?: on)?|ends?(?: on)?)|(?<!not work )\bbefore) (?:the )?(?:{MOMENT})",
        _of(values.moments),
        "DateLessThan",
        "DateLessThan",
    ),
    _Row(
        "aws:CurrentTime",
        rf"\b(?:after|not work before|starting(?: on| from)?|as of|since) (?:the )?(?:{MOMENT})",
        _of(values.moments),
        "DateGreaterThan",
        "DateGreaterThan",
    ),
    _Row(
        "aws:SecureTransport",
        r"\b(?:TLS|SSL|HTTPS?|secure transport)\b(?! version| 1|://| cert| polic| listener| endpoint)"
        r"|\bencrypted in transit\b",
        _true,
        "Bool",
        "Bool",
    ),
    _Row("aws:PrincipalOrgID", r"\b(o-[a-z0-9]{10,32})\b", _named, *_EQUAL),
    _Row(
        "aws:RequestedRegion",
        r"(?:\bonly (?:in|when the request goes to)|\brequested regions? (?:is|are)|\bstay(?:s|ing)? within"
        r"|\brestrict(?:ed)? (?:this |it |all of it )?to|\bother regions? than|\bregions:|\bregions? other than"
        rf"|\boutside(?: of)?) (?:the )?(?:regions? )?{_REGIONS}|{_REGIONS} only\b",
        _each(REGION.pattern),
        *_EQUAL,
    ),
    _Row(
        "aws:CalledVia",
        r"\b(?:called|call has to be|call is|made|only)\b[^.;]{0,20}?\b(?:via|through|by) (CloudFormation|Athena)\b",
        _called_via,
        "ForAnyValue:StringEquals",
        None,
    ),
    _Row(
        "aws:CalledVia",
        r"\b(CloudFormation|Athena) makes the call\b|^via (CloudFormation|Athena) only",
        _called_via,
        "ForAnyValue:StringEquals",
        None,
    ),
    _Row(
        "kms:ViaService",
        rf"\b(?:via|through|by way of) (?P<service>[a-z][a-z0-9-]+)(?: in |\.)(?P<region>{REGION.pattern})",
        _via_service,
        *_EQUAL,
    ),
    _Row(
        "iam:PassedToService",
        r"\b(?:pass|hand)\w*\b[^;]{0,140}?(?:\broles?\b|:role/)[^;]{0,100}? to (?:the )?(?P<service>[^;,]{2,60})",
        _passed_to,
        *_EQUAL,
    ),
    _Row("iam:PermissionsBoundary", rf"\bpermissions? boundary\b[^;]{{0,20}}?({_ARN_OF_POLICY})", _named, *_EQUAL),
    _Row(
        "iam:PolicyARN",
        rf"\b(?:policy|policies) (?:is |are )?{_ARN_OF_POLICY}(?:(?:,? and |,? or |, ){_ARN_OF_POLICY})*",
        _each(_ARN_OF_POLICY),
        *_SAME,
    ),
    _Row(
        "iam:AWSServiceName",
        r"\b(?:only for|service is) (?:[a-z0-9.-]+\.amazonaws\.com(?:,? and |,? or |, )?)+",
        _each(values.HOST.pattern),
        *_EQUAL,
    ),
    _Row(
        "ec2:InstanceType",
        r"\b(?:instance types?|of type) (?:is |are |of )?"
        r"(?:(?!db\.)[a-z][a-z0-9-]*\.[a-z0-9-]+(?:,? and |,? or |, )?)+",
        _each(r"\b[a-z][a-z0-9-]*\.[a-z0-9-]*[a-z]\b"),
        *_EQUAL,
    ),
    _Row(
        "rds:DatabaseClass",
        r"\binstance class(?:es)? (?:is |are )?(?:db\.[a-z0-9.]+\w(?:,? and |,? or |, )?)+",
        _each(r"\bdb\.[a-z0-9-]+\.[a-z0-9]+"),
        *_EQUAL,
    ),
    _Row(
        "dynamodb:LeadingKeys",
        r"\bpartition key (?:is |of |equals? |= ?)?[\"'`“]?(\$\{[\w:/-]+\}|[\w-]*\w)",
        _named,
        "ForAllValues:StringEquals",
        None,
    ),
    _Row(
        "s3:prefix",
        r"\b(?:list|brows)\w* (?:the (?:objects|files) in )?s3://[\w.-]+/([\w./-]+)",
        _folder,
        "StringLike",
        None,
    ),
    _Row(
        "s3:prefix",
        r"\b(?:list|brows|see|look)\w* (?:into )?(?:(?:the )?(?:objects|files|contents?) (?:in|of|under) )?(?:the )?"
        r"(?:(?:the )?(?:folder|prefix|path|directory) ([\w./-]*\w)/?"
        r"|([\w.-]+(?:/[\w.-]+)*/)(?=,? (?:in|of|prefix)\b))",
        _folder,
        "StringLike",
        None,
    ),
    _Row(
        "s3:TlsVersion",
        r"\bTLS (?:version )?(1\.[0-3]) or (?:newer|higher|later|above)",
        _named,
        "NumericGreaterThanEquals",
        "NumericLessThan",
    ),
    _Row(
        "s3:x-amz-storage-class",
        r"\bstorage class (?:is )?(STANDARD(?:_IA)?|GLACIER(?:_IR)?|INTELLIGENT_TIERING|DEEP_ARCHIVE|ONEZONE_IA)\b",
        _named,
        *_EQUAL,
    ),
    _Row("s3:x-amz-acl", r"\bcanned ACL (?:is )?([a-z][a-z-]+)\b", _named, *_EQUAL),
    _Row("s3:ExistingObjectTag/classification", r"\bobject's classification tag is (\w+)", _named, *_EQUAL),
    _Row(
        "sns:Protocol",
        r"\bprotocol (?:is )?(https?|email|sqs|lambda|sms)\b|\bfor (https?|email|sqs|lambda|sms) subscriptions",
        _named,
        *_EQUAL,
    ),
    _Row("secretsmanager:VersionStage", r"\bstage (AWS[A-Z]+)\b", _named, *_EQUAL),
    _Row("cloudwatch:namespace", r"\b(?:metrics?|in the) namespace (?:is )?[\"'`“]?([\w./#:-]*\w)", _named, *_EQUAL),
    _Row("ses:FromAddress", r"([\w.+-]+@[\w.-]+\.\w+)", _named, *_EQUAL),
    _Row("ecs:cluster", r"\bcluster (arn:aws[\w-]*:ecs:[\w:/-]+\w)", _named, *_SAME),
    _Row(
        "lambda:FunctionArn",
        r"\bonly for the function (arn:aws[\w-]*:lambda:[\w:/-]+\w)",
        _named,
        "ArnLike",
        "ArnNotLike",
    ),
    _Row("sts:ExternalId", r"\b(?:with|when)(?: the)? external ID (?:is )?[\"'`“]?([\w+=,.@:/-]*\w)", _named, *_EQUAL),
    _Row("events:source", r"\bsource (?:of the events )?(?:is )?([a-z]+(?:\.[\w-]+)+)", _named, *_EQUAL),
    _Row(
        "codecommit:References",
        r"\b(?:on|is|to) refs/heads/[\w./-]*\w(?:(?:,? and |,? or |, )refs/heads/[\w./-]*\w)*",
        _each(r"refs/heads/[\w./-]*\w"),
        "StringEqualsIfExists",
        "StringNotEqualsIfExists",
    ),
    _Row(
        "route53:ChangeResourceRecordSetsRecordTypes",
        r"(?:\brecords of type|\blimited to) (?:(?:TXT|CNAME|AAAA|A|MX)(?:,? and |,? or |, )?)+",
        _each(r"\b(?:TXT|CNAME|AAAA|A|MX)\b"),
        "ForAllValues:StringEquals",
        None,
    ),
    _Row("ec2:VolumeSize", r"\b(?:up to|at most) (\d+) ?Gi?B\b", _named, "NumericLessThanEquals", "NumericGreaterThan"),
    _Row(
        "autoscaling:MaxSize", r"\bmaximum size of at most (\d+)", _named, "NumericLessThanEquals", "NumericGreaterThan"
    ),
)


@cache
def _rows() -> tuple[tuple[_Row, re.Pattern[str]], ...]:
    return tuple((row, re.compile(row.said, re.IGNORECASE)) for row in _ROWS)


_TAG = re.compile(r"(?<![\w/.:-])([A-Za-z][\w:.-]*?) ?= ?[\"'`“]?([\w.@/+-]*\w)")
_TAG_KEYS = re.compile(
    r"\btag keys?(?: other than| allowed in the request (?:are|is)| than|:)? ?"
    r"(?P<keys>(?!in\b|other\b|allowed\b)[\w-]+(?:(?:, and |, | and | or )(?!no\b)[\w-]+)*)",
    re.IGNORECASE,
)


def _tags(text: str) -> Iterator[Comparison]:
    """Tags as name=value; of whom or what they are is told by the words around."""
    for match in _TAG.finditer(text):
        before = text[max(0, match.start() - 80) : match.start()]
        before = re.split(r"[.;]\s", before)[-1]
        after = text[match.end() : match.end() + 40]
        kind = _kind_of_tag(before, after)
        if kind:
            yield Comparison("Allow", "StringEquals", f"{kind}/{match[1]}", match[2])
            yield Comparison("Deny", "StringNotEquals", f"{kind}/{match[1]}", match[2])
    for match in _TAG_KEYS.finditer(text):
        keys = re.findall(r"[\w-]+", re.sub(r"\b(?:and|or)\b", " ", match["keys"]))
        yield Comparison(
            "Allow", "ForAllValues:StringEquals", "aws:TagKeys", keys[0] if len(keys) == 1 else tuple(keys)
        )


def _kind_of_tag(before: str, after: str) -> str | None:
    if not re.search(r"\btag", before + after, re.IGNORECASE):
        return None
    if re.match(r" (?:is |as )?(?:a )?part of the request", after):
        return "aws:RequestTag"
    near = [(match.start(), kind) for said, kind in _TAGGED for match in re.finditer(said, before, re.IGNORECASE)]
    return max(near)[1] if near else "aws:ResourceTag"  # the nearest tells


_TAGGED = (  # what stands before a tag -> whose tag it is
    (r"\bobject'?s?\b", "s3:ExistingObjectTag"),
    (r"\b(?:callers?|principals?|users?|roles?|identity|who)\b(?=[^,;]*$)", "aws:PrincipalTag"),
    (r"\brequests?\b", "aws:RequestTag"),
    (r"\bresources?\b", "aws:ResourceTag"),
)

_KEY = re.compile(
    r"(?<![\w:/.-])(?P<key>[a-z][a-z0-9-]*:[A-Za-z][\w.-]*(?:/[\w.-]+)?)"
    r" (?P<how>is at most|is at least|no higher than|no lower than|set to|is not|is|contains|includes|=|equals"
    r"|true|false)"
    r"(?: [\"'`“]?(?P<value>[\w./:@*+-]*\w)(?:,? or (?P<other>[\w./:@*+-]*\w))?)?"
)
_NUMERIC = {"is at least": "NumericGreaterThanEquals", "no lower than": "NumericGreaterThanEquals"}
_OF_TYPE = {
    "Bool": ("Bool", "Bool"),
    "Numeric": ("NumericLessThanEquals", "NumericGreaterThan"),
    "ArrayOfString": ("ForAnyValue:StringEquals", "ForAllValues:StringNotEquals"),
    "ARN": ("ArnLike", "ArnNotLike"),
    "ArrayOfARN": ("ForAnyValue:ArnLike", "ForAllValues:ArnNotLike"),
    "Date": ("DateLessThan", "DateGreaterThan"),
    "IPAddress": ("IpAddress", "NotIpAddress"),
}


def _named_keys(text: str) -> Iterator[Comparison]:
    """Tests of keys that are written out: "only when rds:MultiAz is true"."""
    for match in _KEY.finditer(text):
        key = catalogue.load().condition_key(match["key"])
        found = match["how"] if match["how"] in ("true", "false") else match["value"]
        if key and found:
            allow, deny = _operators(key, match["how"])
            value: Value = (found, match["other"]) if match["other"] and key.type != "Bool" else found
            turned = {"true": "false", "false": "true"}.get(found, found) if key.type == "Bool" else value
            yield Comparison("Allow", allow, match["key"], value)
            yield Comparison("Deny", deny, match["key"], turned)


def _operators(key: ConditionKey, how: str) -> tuple[str, str]:
    if how in _NUMERIC and key.type == "Numeric":
        return _NUMERIC[how], "NumericLessThan"
    return _OF_TYPE.get(key.type, ("StringEquals", "StringNotEquals"))


_SSE = "s3:x-amz-server-side-encryption"
_UPLOAD = re.compile(r"\b(?:upload|encrypt|header)", re.IGNORECASE)
_METHOD = re.compile(r"\b(aws:kms(?::dsse)?|AES256)\b")
_ARNS = re.compile(r"arn:\S+")
_WITHOUT = re.compile(r"\b(?:no|without|missing)\b[^.;]{0,20}\b(?:header|encryption)", re.IGNORECASE)
_MAY_PASS = re.compile(r"\b(?:may pass|is fine|are fine|is allowed|are allowed|default encryption)\b", re.IGNORECASE)
_KMS_KEY = re.compile(
    r"(?:not encrypted with|must use|be encrypted with) the KMS key (arn:aws[\w-]*:kms:[\w:/-]+\w)", re.IGNORECASE
)


def _encryption(text: str) -> Iterator[Comparison]:
    """How uploads to S3 must be encrypted, and whether one may leave it to the bucket's default."""
    for match in _KMS_KEY.finditer(text):
        yield Comparison("Deny", "StringNotEquals", f"{_SSE}-aws-kms-key-id", match[1])
    method = _METHOD.search(_ARNS.sub(" ", text))
    if method and _UPLOAD.search(text):
        yield Comparison("Allow", "StringEquals", _SSE, method[1])
        yield Comparison("Deny", "StringNotEquals", _SSE, method[1])
        if _WITHOUT.search(text):
            yield Comparison("Deny", "Null", _SSE, "false" if _MAY_PASS.search(text) else "true")


_BEHALF = re.compile(r"\bon behalf of (?:the )?account ([0-9]{12})\b", re.IGNORECASE)
_DISTRIBUTION = re.compile(r"\bdistribution (E[A-Z0-9]{10,14})\b")


def _on_behalf(text: str) -> Iterator[Comparison]:
    """For whom a service acts that a resource policy names: an account, or a distribution of CloudFront."""
    for match in _BEHALF.finditer(text):
        yield Comparison("Allow", "StringEquals", "aws:SourceAccount", match[1])
    sources = re.findall(r"arn:aws[\w-]*:cloudfront::[0-9]{12}:distribution/\w+", text)
    accounts = ACCOUNT.findall(text)
    if accounts:
        sources += [f"arn:aws:cloudfront::{accounts[0]}:distribution/{name}" for name in _DISTRIBUTION.findall(text)]
    if sources and "CloudFront" in text:
        yield Comparison("Allow", "StringEquals", "aws:SourceArn", sources[0])
