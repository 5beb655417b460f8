"""Condition blocks: operators, keys, and tests that say less or more than they seem to; values are in values.py."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from iampolicy import catalogue
from iampolicy.checks.permissive import check_openness
from iampolicy.checks.providers import is_federated
from iampolicy.checks.values import check_values
from iampolicy.checks.view import Findings, Test, View, finding, shown
from iampolicy.conditions import GLOBAL_KEYS, QUANTIFIERS, GlobalKey
from iampolicy.patterns import has_wildcard
from iampolicy.words import listed

FAMILIES_OF = {  # type of a key -> operator families that compare it ("Type mismatch"); Null fits all
    "String": ("String",),
    "ARN": ("Arn", "String"),
    "Bool": ("Bool",),
    "Date": ("Date", "Numeric"),
    "Numeric": ("Numeric",),
    "IPAddress": ("IpAddress",),
    "Binary": ("Binary",),
}
UNKNOWN = GlobalKey("", "", "")
TAGGED = {key for key in GLOBAL_KEYS if key.endswith("/")}
OPEN_PREFIXES = ("kms:encryptioncontext:",)  # any name may follow (AWS KMS condition keys)
UNSUPPORTED_KEYS = {"aws:arn": "aws:PrincipalArn or aws:SourceArn"}  # "Unsupported global condition key"
TAG_CODES = {  # effect, element -> code for services whose resources carry no tags
    ("Allow", "Action"): "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
    ("Allow", "NotAction"): "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
    ("Deny", "Action"): "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
    ("Deny", "NotAction"): "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
}
ACTIONS_OF_KEY = {  # key -> action without which a trust policy cannot set it ("Missing action for condition key")
    "sts:sourceidentity": "sts:SetSourceIdentity",
    "sts:transitivetagkeys": "sts:TagSession",
    "aws:requesttag/": "sts:TagSession",
    "aws:tagkeys": "sts:TagSession",
}
SERVICE_VALUES = (
    {  # key whose values are service principals -> their form, an example ("Invalid service principal format")
        "kms:viaservice": (
            re.compile(r"[a-z0-9-]+\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"),
            "s3.eu-central-1.amazonaws.com",
        ),
    }
    | {
        key: (
            re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal|api\.aws)"),
            "lambda.amazonaws.com",
        )
        for key in (
            "iam:passedtoservice",
            "iam:awsservicename",
            "aws:calledvia",
            "aws:calledviafirst",
            "aws:calledvialast",
            "aws:principalservicename",
            "aws:principalservicenameslist",
        )
    }
)


@dataclass(frozen=True)
class Key:
    """A condition key that exists."""

    type: str  # the reference's word, without "ArrayOf"
    multivalued: bool


@lru_cache(maxsize=16_384)
def look_up(name: str) -> Key | None:
    """A key by its name as written, in any case; None if nobody documents it."""
    known = next((GLOBAL_KEYS[s] for s in catalogue.spellings(name) if s in GLOBAL_KEYS), None)
    kind = (known or catalogue.load().condition_key(name) or UNKNOWN).type
    if not kind and is_federated(name) and name.lower().rpartition(":")[2] in ("sub", "email"):
        kind = "String"  # every provider has these, the reference lists them for some
    return Key(kind.removeprefix("ArrayOf"), kind.startswith("ArrayOf")) if kind else None


@lru_cache(maxsize=16_384)
def may_exist(name: str) -> bool:
    """Whether a service's key is documented, takes any name, or is one that AWS uses without a word on it."""
    lower = name.lower()
    return is_documented(lower) or lower in catalogue.newer().get(f"key:{lower.partition(':')[0]}", ())


def is_documented(name: str) -> bool:
    """Whether a key stands in a reference, or takes any name."""
    return look_up(name) is not None or name.lower().startswith(OPEN_PREFIXES)


def check_conditions(view: View) -> Findings:
    """Every test of the statement's Condition, and what the tests say together."""
    written: dict[tuple[str, str], str] = {}
    for test in view.tests:
        first = written.setdefault((test.operator, test.key.lower()), test.key)
        if first != test.key:
            yield finding("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", test.path, test.key, first)
        yield from _operator(test)
        yield from _key(test)
        yield from _key_in(test, view)
        if test.family:
            yield from check_values(test)
            yield from check_openness(test, view)
            yield from _type(test, view)
            for check in BY_KEY:
                yield from check(test, view)
    yield from _tags(view)


def _operator(test: Test) -> Findings:
    if not test.family or test.quantifier not in QUANTIFIERS:
        yield finding("INVALID_CONDITION_OPERATOR", test.path, shown(test.operator))
    if test.family == "Null" and test.if_exists:
        yield finding("NULL_WITH_IF_EXISTS", test.path)
    if test.family == "Null" and test.quantifier:
        yield finding("NULL_WITH_QUALIFIER", test.path, test.quantifier)
    if test.family in ("Bool", "Null") and len(test.values) > 1 and not test.quantifier:
        yield finding("INVALID_CONDITION_MULTIPLE_BOOLEAN", test.path, test.operator, len(test.values))


def _key(test: Test) -> Findings:
    """Whether the key exists."""
    key, prefix, bare = test.key.lower(), test.key.lower().partition(":")[0], test.key.rstrip("/")
    name = shown(test.key)
    if ":" not in key:
        yield finding("INVALID_CONDITION_KEY_FORMAT", test.path, name)
    elif key in UNSUPPORTED_KEYS:
        yield finding("UNSUPPORTED_GLOBAL_CONDITION_KEY", test.path, name, UNSUPPORTED_KEYS[key])
    elif key.rstrip("/") + "/" in TAGGED or key.endswith("/"):
        yield finding("MISSING_TAG_KEY_IN_CONDITION", test.path, name, bare)
    elif prefix == "aws" and look_up(test.key) is None:
        yield finding("INVALID_GLOBAL_CONDITION_KEY", test.path, name)
    elif prefix != "aws" and not is_federated(test.key) and not may_exist(test.key):
        if may_exist(f"{bare}/x"):
            yield finding("MISSING_TAG_KEY_IN_CONDITION", test.path, name, bare, case="name")
        elif prefix in catalogue.load().services:
            yield finding("INVALID_SERVICE_CONDITION_KEY", test.path, prefix, name)
        else:
            yield finding("INVALID_SERVICE", test.path, name, shown(prefix))


def _key_in(test: Test, view: View) -> Findings:
    """Whether the key says there what it seems to say."""
    key, name = test.key.lower(), shown(test.key)
    known = GLOBAL_KEYS.get(key, UNKNOWN)
    if known.instead:
        yield finding("DEPRECATED_GLOBAL_CONDITION_KEY", test.path, name, known.instead)
    if known.chosen:
        yield finding("UNTRUSTWORTHY_CONDITION_KEY", test.path, name)
    if known.beside and view.keys.isdisjoint(known.beside.lower().split()):
        yield finding("MISSING_PAIRED_CONDITION_KEYS", test.path, name, listed(known.beside.split(), "or"))
    if view.kind in known.idle.split() and not any(value.text == "*" for value in view.resources):
        yield finding("IRRELEVANT_CONDITION_KEY_IN_POLICY", test.path, name, view.kind)
    if known.services:
        odd = [v.text for v in view.actions if v.text.partition(":")[0].lower() not in known.services.split()]
        if odd or view.not_actions:
            named = ", ".join(odd[:3]) or "all others"
            yield finding("USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", test.path, name, named)
    found = look_up(test.key)
    if found and found.multivalued and not test.quantifier and test.family not in ("", "Null"):
        yield finding("MISSING_QUALIFIER", test.path, name, test.operator)
    audience = is_federated(test.key) and key.endswith(":aud")  # has findings of its own
    if found and not found.multivalued and not audience and test.quantifier == "forallvalues" and test.family != "Null":
        yield finding("FORALLVALUES_WITH_SINGLE_VALUED_KEY", test.path, name)


def _type(test: Test, view: View) -> Findings:
    found = look_up(test.key)
    families = FAMILIES_OF.get(found.type) if found else None
    if found and families and test.family not in (*families, "Null"):
        yield finding("TYPE_MISMATCH", test.path, test.key, found.type, " or ".join(families), test.operator)
    # Reaching further is permissive for a test that lets in: of an Allow, or a negated one of a Deny.
    permissive = test.name in ("stringlike", "stringnotlike") and test.negated == (view.effect == "Deny")
    if found and found.type == "ARN" and permissive and any(map(has_wildcard, test.texts)):
        yield finding("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", test.path, test.key)


def _audience(test: Test, view: View) -> Findings:
    if is_federated(test.key) and test.key.lower().endswith(":aud"):
        if test.quantifier == "foranyvalue":
            yield finding("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", test.path, test.key)
        if test.quantifier == "forallvalues":
            yield finding("CONFIRM_AUDIENCE_CLAIM_TYPE", test.path, test.key)


def _dynamodb(test: Test, view: View) -> Findings:
    if test.key.lower() == "dynamodb:attributes" and view.allows and "dynamodb:select" not in view.keys:
        yield finding("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", test.path)


def _prefix(test: Test, view: View) -> Findings:
    if test.key.lower() == "s3:prefix" and test.family == "String" and test.negated != (view.effect == "Deny"):
        yield finding("S3_PREFIX_IN_NEGATIVE_CONTEXT", test.path)


def _actions_of_key(test: Test, view: View) -> Findings:
    """Actions whose requests never carry a service's key; wildcards are not judged, nor tests that hold without it."""
    prefix, known = test.key.lower().partition(":")[0], catalogue.load()
    if view.kind == "trust":
        wanted = next((ACTIONS_OF_KEY[k] for k in (test.key.lower(), _head(test.key)) if k in ACTIONS_OF_KEY), None)
        if wanted and view.allows and not any(v.text.lower() in (wanted.lower(), "sts:*", "*") for v in view.actions):
            yield finding("MISSING_ACTION_FOR_CONDITION_KEY", test.path, test.key, wanted)
    if prefix not in known.services or look_up(test.key) is None or test.family == "Null" or test.if_exists:
        return
    if GLOBAL_KEYS.get(test.key.lower(), UNKNOWN).session or test.quantifier == "forallvalues" or test.negated:
        return
    named = [action for value in view.actions if (action := known.action(value.text)) and action.service == prefix]
    if odd := [action.name for action in named if not known.supports_key(action, test.key)]:
        yield finding("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", test.path, ", ".join(odd[:3]), test.key)


def _services(test: Test, view: View) -> Findings:
    form, example = SERVICE_VALUES.get(test.key.lower(), (None, ""))
    for value in test.texts if form and test.family == "String" else ():
        if form and not has_wildcard(value) and "${" not in value and not form.fullmatch(value):
            yield finding("INVALID_SERVICE_PRINCIPAL_FORMAT", test.path, shown(value), example)


BY_KEY: tuple[Callable[[Test, View], Findings], ...] = (_audience, _dynamodb, _prefix, _actions_of_key, _services)


def _tags(view: View) -> Findings:
    """Tests of resource tags beside services whose resources have none; tests that hold without the key are right."""
    tests = [t for t in view.tests if _head(t.key) == "aws:resourcetag/" and t.family != "Null"]
    asked = [t for t in tests if not t.if_exists and not t.negated and t.quantifier != "forallvalues"]
    if not asked or not view.effect:
        return
    for element in ("Action", "NotAction"):
        named = {v.text.lower().partition(":")[0] for v in view.texts(element)}
        services = [s for s in catalogue.load().services.values() if s.prefix in named]
        untagged = sorted(s.prefix for s in services if "aws:ResourceTag/${TagKey}" not in s.condition_keys)
        if untagged or (element == "NotAction" and named):
            words = ", ".join(untagged) if element == "Action" else "many services that are not excluded"
            yield finding(TAG_CODES[view.effect, element], asked[0].path, words, asked[0].key)


def _head(key: str) -> str:
    return key.lower().partition("/")[0] + "/"
