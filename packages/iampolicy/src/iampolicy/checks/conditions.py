"""Condition blocks: operators, keys, and tests that say less or more than they seem to; values are in values.py."""

from collections.abc import Callable, Iterator

from iampolicy import catalogue
from iampolicy.catalogue import has_wildcard
from iampolicy.checks.finding import Said, shown
from iampolicy.checks.keys import FAMILIES_OF, TAGGED, is_federated, look_up, may_exist
from iampolicy.checks.values import check_values
from iampolicy.checks.view import QUANTIFIERS, Test, View

UNSUPPORTED_KEYS = {"aws:arn": "aws:PrincipalArn or aws:SourceArn"}  # "Unsupported global condition key"
DEPRECATED_KEYS = {  # "Deprecated global condition key"
    "aws:sourceowner": "aws:SourceAccount",
    "aws:principalorgmasteraccountid": "aws:PrincipalOrgID",
}
UNTRUSTWORTHY_KEYS = {"aws:referer", "aws:useragent"}  # the caller chooses the value ("Untrustworthy condition key")
PAIRED_KEYS = {  # key -> keys of which one must stand beside it: alone the address says little
    "aws:vpcsourceip": ("aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpceaccount", "aws:vpceorgid"),
    "aws:ec2instancesourceprivateipv4": ("aws:ec2instancesourcevpc",),
}
FEW_SERVICES = {  # key -> services known to send it ("Use condition key only with supported services")
    key: ("s3", "kms", "sts", "ecr", "athena", "firehose", "datasync", "lambda", "dynamodb", "sqs", "logs")
    for key in ("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths")
}
IRRELEVANT_KEYS = {  # policy type -> keys that say nothing there: the policy hangs on the resource already
    "resource": {"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths"},
    "trust": {"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths", "aws:requestedregion"},
}
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
ALWAYS_SENT = {"ec2:sourceinstancearn"}  # with every request from an instance, whatever the service's tables say


def check_conditions(view: View) -> Iterator[Said]:
    """Every test of the statement's Condition, and what the tests say together."""
    written: dict[tuple[str, str], str] = {}
    for test in view.tests:
        first = written.setdefault((test.operator, test.key.lower()), test.key)
        if first != test.key:
            what = f"{test.key} stands in one block with {first}: keys ignore case. Merge them."
            yield Said("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", what, test.path)
        yield from _operator(test)
        yield from _key(test, view)
        if test.family:
            yield from check_values(test)
            yield from _type(test, view)
            for check in BY_KEY:
                yield from check(test, view)
    yield from _tags(view)


def _operator(test: Test) -> Iterator[Said]:
    if not test.family or test.quantifier not in QUANTIFIERS:
        what = f"The condition operator {shown(test.operator)} does not exist."
        yield Said("INVALID_CONDITION_OPERATOR", what, test.path)
    if test.family == "Null" and test.if_exists:
        yield Said("NULL_WITH_IF_EXISTS", "Null takes no IfExists: it asks for the key itself.", test.path)
    if test.family == "Null" and test.quantifier:
        yield Said("NULL_WITH_QUALIFIER", f"Null takes no quantifier: remove {test.quantifier}.", test.path)
    if test.family in ("Bool", "Null") and len(test.values) > 1 and not test.quantifier:
        what = f"{test.operator} compares with one value, not {len(test.values)}."
        yield Said("INVALID_CONDITION_MULTIPLE_BOOLEAN", what, test.path)


def _key(test: Test, view: View) -> Iterator[Said]:
    key, prefix = test.key.lower(), test.key.lower().partition(":")[0]
    name = shown(test.key)
    if ":" not in key:
        yield Said("INVALID_CONDITION_KEY_FORMAT", f"{name} is no condition key: write service:key.", test.path)
    elif key in UNSUPPORTED_KEYS:
        what = f"{name} is not supported: use {UNSUPPORTED_KEYS[key]}."
        yield Said("UNSUPPORTED_GLOBAL_CONDITION_KEY", what, test.path)
    elif key.rstrip("/") + "/" in TAGGED or key.endswith("/"):
        yield Said("MISSING_TAG_KEY_IN_CONDITION", f"{name} needs a tag: write {test.key.rstrip('/')}/tag.", test.path)
    elif prefix == "aws" and look_up(test.key) is None:
        yield Said("INVALID_GLOBAL_CONDITION_KEY", f"The condition key {name} does not exist.", test.path)
    elif prefix != "aws" and not is_federated(test.key) and not may_exist(test.key):
        if may_exist(f"{test.key.rstrip('/')}/x"):
            what = f"{name} needs a name after its slash: write {test.key.rstrip('/')}/name."
            yield Said("MISSING_TAG_KEY_IN_CONDITION", what, test.path)
        elif prefix in catalogue.load().services:
            what = f"The service {prefix} has no condition key {name}."
            yield Said("INVALID_SERVICE_CONDITION_KEY", what, test.path)
        else:
            yield Said("INVALID_SERVICE", f"{name}: the service {shown(prefix)} does not exist.", test.path)
    if key in DEPRECATED_KEYS:
        what = f"{name} is deprecated: use {DEPRECATED_KEYS[key]}."
        yield Said("DEPRECATED_GLOBAL_CONDITION_KEY", what, test.path)
    if key in UNTRUSTWORTHY_KEYS:
        what = f"Callers choose the value of {name} themselves: it keeps nobody out."
        yield Said("UNTRUSTWORTHY_CONDITION_KEY", what, test.path)
    if key in PAIRED_KEYS and view.keys.isdisjoint(PAIRED_KEYS[key]):
        what = f"{name} says little alone: add one of {', '.join(PAIRED_KEYS[key])}."
        yield Said("MISSING_PAIRED_CONDITION_KEYS", what, test.path)
    if key in IRRELEVANT_KEYS.get(view.kind, ()):
        what = f"{name} says nothing in a {view.kind} policy, which hangs on one resource: remove it."
        yield Said("IRRELEVANT_CONDITION_KEY_IN_POLICY", what, test.path)
    if key in FEW_SERVICES:
        odd = [v.text for v in view.actions if v.text.partition(":")[0].lower() not in FEW_SERVICES[key]]
        if odd or view.not_actions:
            what = f"{name} is sent with few services' requests, not with {', '.join(odd[:3]) or 'all others'}."
            yield Said("USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", what, test.path)
    found = look_up(test.key)
    if found and found.multivalued and not test.quantifier and test.family not in ("", "Null"):
        what = f"{name} has several values: write ForAnyValue: or ForAllValues: before {test.operator}."
        yield Said("MISSING_QUALIFIER", what, test.path)
    audience = is_federated(test.key) and key.endswith(":aud")  # has findings of its own
    if found and not found.multivalued and not audience and test.quantifier == "forallvalues" and test.family != "Null":
        what = f"{name} has one value, and ForAllValues holds without it: remove ForAllValues."
        yield Said("FORALLVALUES_WITH_SINGLE_VALUED_KEY", what, test.path)


def _type(test: Test, view: View) -> Iterator[Said]:
    found = look_up(test.key)
    families = FAMILIES_OF.get(found.type) if found else None
    if families and test.family not in (*families, "Null"):
        what = f"{test.key} is of type {found.type}: use an operator {' or '.join(families)}..., not {test.operator}."
        yield Said("TYPE_MISMATCH", what, test.path)
    # Reaching further is permissive for a test that lets in: of an Allow, or a negated one of a Deny.
    permissive = test.name in ("stringlike", "stringnotlike") and test.negated == view.denies
    if found and found.type == "ARN" and permissive and any(map(has_wildcard, test.texts)):
        what = f"{test.key} holds ARNs; in StringLike a wildcard runs across their fields: use ArnLike."
        yield Said("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", what, test.path)


def _audience(test: Test, view: View) -> Iterator[Said]:
    if is_federated(test.key) and test.key.lower().endswith(":aud"):
        if test.quantifier == "foranyvalue":
            what = f"{test.key} of several audiences needs one match only: remove ForAnyValue, or use ForAllValues."
            yield Said("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", what, test.path)
        if test.quantifier == "forallvalues":
            what = f"Make sure that the provider sends {test.key} as a list; for one value remove ForAllValues."
            yield Said("CONFIRM_AUDIENCE_CLAIM_TYPE", what, test.path)


def _dynamodb(test: Test, view: View) -> Iterator[Said]:
    if test.key.lower() == "dynamodb:attributes" and view.allows and "dynamodb:select" not in view.keys:
        what = "Without dynamodb:Select a request for all attributes passes by dynamodb:Attributes: add it."
        yield Said("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", what, test.path)


def _prefix(test: Test, view: View) -> Iterator[Said]:
    if test.key.lower() == "s3:prefix" and test.family == "String" and test.negated != view.denies:
        what = "A shorter prefix lists the forbidden one, too: allow the wanted prefixes instead."
        yield Said("S3_PREFIX_IN_NEGATIVE_CONTEXT", what, test.path)


def _actions_of_key(test: Test, view: View) -> Iterator[Said]:
    """Actions whose requests never carry a service's key; wildcards are not judged, nor tests that hold without it."""
    prefix, known = test.key.lower().partition(":")[0], catalogue.load()
    if view.kind == "trust":
        wanted = next((ACTIONS_OF_KEY[k] for k in (test.key.lower(), _head(test.key)) if k in ACTIONS_OF_KEY), None)
        if wanted and view.allows and not any(v.text.lower() in (wanted.lower(), "sts:*", "*") for v in view.actions):
            what = f"{test.key} can be set only with {wanted}: add the action."
            yield Said("MISSING_ACTION_FOR_CONDITION_KEY", what, test.path)
    if prefix not in known.services or look_up(test.key) is None or test.family == "Null" or test.if_exists:
        return
    if test.key.lower() in ALWAYS_SENT:
        return
    named = [action for value in view.actions if (action := known.action(value.text)) and action.service == prefix]
    odd = [action.name for action in named if not known.supports_key(action, test.key)]
    if odd and test.quantifier != "forallvalues" and not test.negated:
        what = f"Requests of {', '.join(odd[:3])} do not carry {test.key}: move them to another statement."
        yield Said("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", what, test.path)


BY_KEY: tuple[Callable[[Test, View], Iterator[Said]], ...] = (
    _audience,
    _dynamodb,
    _prefix,
    _actions_of_key,
)


def _tags(view: View) -> Iterator[Said]:
    """Tests of resource tags beside services whose resources have none; tests that hold without the key are right."""
    asked = [t for t in view.tests if _head(t.key) == "aws:resourcetag/" and not t.if_exists and t.family != "Null"]
    if not asked:
        return
    for element in ("Action", "NotAction"):
        code = TAG_CODES.get((str(view.data.get("Effect")), element))
        named = {v.text.lower().partition(":")[0] for v in view.texts(element)}
        services = [s for s in catalogue.load().services.values() if s.prefix in named]
        untagged = sorted(s.prefix for s in services if "aws:ResourceTag/${TagKey}" not in s.condition_keys)
        if code and (untagged or (element == "NotAction" and named)):
            words = ", ".join(untagged) if element == "Action" else "many services that are not excluded"
            what = f"Resources of {words} have no tags to test: {asked[0].key} never holds for them."
            yield Said(code, what, asked[0].path)


def _head(key: str) -> str:
    return key.lower().partition("/")[0] + "/"
