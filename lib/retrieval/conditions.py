"""What a request says about the circumstances of a call: "only with MFA", "from 10.0.0.0/8", "until 1 May 2027".

A request comes in; comparisons go out, as the Condition element has them: operator, key and values. One way of
limiting is a row of `lib.retrieval.limits`; tags, keys that are written out, encryption of uploads and services that
act for somebody are read here. What is said of a denial is turned round, because "deny it unless MFA is used" denies
where the test for MFA fails.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lib.iam import catalogue
from lib.iam.catalogue import ConditionKey
from lib.retrieval.clauses import LONGEST
from lib.retrieval.limits import Row, rows
from lib.retrieval.resources import ACCOUNT

MOST = 8  # comparisons of a request

Value = str | tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One comparison of a Condition element, for statements of one effect."""

    effect: str
    operator: str
    key: str
    value: Value


def comparisons(request: str) -> tuple[Comparison, ...]:
    """The comparisons that a request asks for, those of allowing statements first, each once."""
    text = " ".join(request[:LONGEST].split())
    found = [test for row, said in rows() for test in _of_row(row, said, text)]
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


def seems_limited(request: str) -> bool:
    """Whether the request seems to say under which circumstances, in words that `comparisons` may not know."""
    return bool(_LIMITS.search(request[:LONGEST]))


_LIMITS = re.compile(
    r"\bonly (?:if|when|with|within|from|for|through|via|during|between|over|in the)\b|\bas long as\b"
    r"|\bprovided\b|\bunless\b|\bon condition\b|\brestricted to\b|\bwhose\b|\bwhere the\b|,? (?:if|when) the\b",
    re.IGNORECASE,
)


def _of_row(row: Row, said: re.Pattern[str], text: str) -> Iterator[Comparison]:
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
        key = catalogue.learned().condition_key(match["key"])
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
