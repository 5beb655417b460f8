"""Findings of our own: what is no fault of the language, and yet does not do what it seems to do.

Access Analyzer says nothing of these; findings.tsv marks their codes as ours. They never are errors, and a case that
the documentation leaves open is none of them.
"""

import re
from collections.abc import Callable

from iampolicy.checks.reach import check_reach
from iampolicy.checks.view import Findings, Test, Value, View, finding, shown
from iampolicy.conditions import KEY_GROUPS, holds, network_of
from iampolicy.patterns import glob, has_wildcard
from iampolicy.public import WIDEST

FIXING = KEY_GROUPS["fixing"] | KEY_GROUPS["fixing in S3"]
TRUE_FIXES = frozenset({"aws:principalisawsservice", "elasticfilesystem:accessedviamounttarget"})
NETWORK = KEY_GROUPS["network"]
CALLER = {  # keys that a service acting by itself lacks -> what it is in none of
    "aws:principalorgid": "organization",
    "aws:principalorgpaths": "organization",
    "aws:principalaccount": "account",
}
SOURCE = KEY_GROUPS["source"]
SERVICES_EXEMPT = KEY_GROUPS["of services"]
MFA = ("aws:multifactorauthpresent", "aws:multifactorauthage")
FEDERATED = ("sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
TAGGED_AT_ONCE = {"secretsmanager"}  # services that take a request's tags for those of what it makes
GLOBAL_REGION = "us-east-1"  # where the endpoints of services without regions are
_CREATING = re.compile(r"(create|run|allocate)(?P<made>[a-z0-9]+?)s?")
_ROLE = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):(role|user)/.+")


def _everybody(view: View) -> bool:
    return any(kind in ("*", "AWS") and value.text == "*" for kind, value in view.principals)


def _holds_without(test: Test) -> bool:
    return holds(test.operator, test.key, test.texts or [str(v).lower() for v in test.values], {})


def _public(view: View) -> Findings:
    if view.kind not in ("resource", "trust") or not view.allows or "NotPrincipal" in view.data:
        return
    if _everybody(view) and not any(map(_fixes, view.tests)):
        actions = ", ".join(value.text for value in view.actions[:3]) or "everything but what NotAction names"
        yield finding("PUBLIC_ACCESS", view.path, actions, case="trust" if view.kind == "trust" else "")


def lets_in_anybody(view: View) -> bool:
    """Whether a statement of a resource's or a role's policy lets in anybody."""
    return next(_public(view), None) is not None


def _fixes(test: Test) -> bool:
    """Whether a test says who is meant."""
    if test.negated or _holds_without(test) or not test.values or test.quantifier == "forallvalues":
        return False
    key = test.key.lower()
    if key in TRUE_FIXES:
        return [str(value).lower() for value in test.values] == ["true"]
    if key in ("aws:sourceip", "aws:vpcsourceip"):
        ranges = [network_of(text) for text in test.texts]
        return all(r is not None and (r.is_private or r.prefixlen >= WIDEST[r.version]) for r in ranges)
    return key in FIXING and all(_is_fixed(text) for text in test.texts)


def _is_fixed(value: str) -> bool:
    """Whether a value names an account, an organization or a thing, whatever it leaves open behind that."""
    if value.startswith("arn:") and value.count(":") >= 5:
        fields = value.split(":", 5)
        nameless = has_wildcard(fields[5].partition("/")[0]) or "${" in value
        of_all = fields[2] == "s3"  # the name of a bucket is one in all accounts
        return re.fullmatch(r"\d{12}", fields[4]) is not None or ((of_all or not fields[4]) and not nameless)
    open_at = re.search(r"[*?]|\$\{", value)
    return open_at is None or re.match(r"o-[a-z0-9]{10,32}/|A[A-Z0-9]{15,}:", value) is not None


def _not_principal(view: View) -> Findings:
    """Who is denied beside those that NotPrincipal means (IAM User Guide, "NotPrincipal")."""
    if view.effect != "Deny" or "NotPrincipal" not in view.data or view.kind != "resource":
        return
    listed = [value.text for kind, value in view.principals if kind == "AWS"]
    for text in listed:
        if match := _ROLE.fullmatch(text):
            roots = {match["account"], f"arn:{match['partition']}:iam::{match['account']}:root"}
            role = text.rpartition("/")[2]
            sessions = f"arn:{match['partition']}:sts::{match['account']}:assumed-role/{role}/"
            lacking = [] if roots & set(listed) else ["its account"]
            if ":role/" in text and not any(other.startswith(sessions) for other in listed):
                lacking.append("each of its sessions")
            if lacking:
                yield finding("DENY_WITH_NOT_PRINCIPAL", view.path, text, " and ".join(lacking))
                return
    yield finding("DENY_WITH_NOT_PRINCIPAL", view.path, case="complete")


def _lockout(view: View) -> Findings:
    if view.kind != "resource" or view.effect != "Deny" or not _everybody(view) or view.data.get("Condition"):
        return
    whole = next((v.text for v in view.actions if v.text == "*" or v.text.endswith(":*")), None)
    if whole and "NotPrincipal" not in view.data:
        yield finding("LOCKS_OUT", view.path, shown(whole))


def _cut_off(view: View) -> Findings:
    """Calls of AWS services that a Deny takes in unsaid.

    Source: IAM User Guide, "Establish permissions guardrails using data perimeters", and the keys' own sections.
    """
    if view.effect != "Deny" or view.kind == "trust":
        return
    negated = [test for test in view.tests if test.negated and test.family != "Null"]
    exempt = not view.keys.isdisjoint(SERVICES_EXEMPT)
    for test in negated:
        key = test.key.lower()
        if key in NETWORK and not exempt and view.kind != "endpoint":
            yield finding("DENY_CUTS_OFF_SERVICES", test.path)
            return
        if key in CALLER and not exempt and view.kind == "resource" and _everybody(view):
            yield finding("DENY_CUTS_OFF_SERVICES", test.path, CALLER[key], case="principal")
            return
        if key == "aws:requestedregion" and any(v.text == "*" for v in view.actions):
            if not any(glob(text, GLOBAL_REGION) for text in test.texts):
                yield finding("DENY_CUTS_OFF_SERVICES", test.path, case="region")
            return


def _mfa(view: View) -> Findings:
    """Tests of MFA that a request without the key passes; access keys alone send none.

    Source: IAM User Guide, "AWS global condition context keys", aws:MultiFactorAuthPresent.
    """
    for test in view.tests:
        if test.key.lower() not in MFA or test.family == "Null" or test.negated:
            continue
        others = [t for t in view.tests if t.key.lower() == test.key.lower()]
        free = _holds_without(test)
        asks = str(test.values[:1] and test.values[0]).lower()
        if len(others) == 1 and view.allows and free and asks != "false":
            words = "holds all the same", f"write {test.operator.removesuffix('IfExists')}."
        elif len(others) == 1 and view.effect == "Deny" and not free and (asks == "false" or "greater" in test.name):
            words = "does not hold, so that nothing is denied", f"write {test.operator}IfExists."
        else:
            continue
        yield finding("MFA_TEST_WITHOUT_KEY", test.path, "A request", test.key, *words)


def _made(view: View) -> Findings:
    """Tests of the tags of a resource that the action is about to make: it has none yet.

    Source: IAM User Guide, "Controlling access to AWS resources using tags", "Controlling access during AWS requests".
    """
    asked = [
        test
        for test in view.tests
        if ":resourcetag/" in test.key.lower()
        and test.family != "Null"
        and not test.negated
        and not _holds_without(test)
    ]
    made = [_made_by(value.text, view.resources) for value in view.actions]
    if asked and view.allows and made and all(made):
        why = f"as the {made[0]} does not exist yet and has no tags"
        advice = f" Test aws:RequestTag/{asked[0].key.partition('/')[2]}."
        yield finding("CONDITION_KEY_NEVER_PRESENT", asked[0].path, shown(asked[0].key), why, "never holds", advice)


def _made_by(action: str, resources: list[Value]) -> str:
    """The kind of resource that an action makes, if it is among those that the statement names; else ""."""
    prefix, _, operation = action.lower().partition(":")
    match = _CREATING.fullmatch(operation)
    for resource in resources if match and prefix not in TAGGED_AT_ONCE else ():
        kind = resource.text.split(":", 5)[-1].partition("/")[0].partition(":")[0]
        if match and re.sub(r"[^a-z0-9]", "", kind.lower()) == match["made"] and f":{prefix}:" in resource.text:
            return kind
    return ""


def _of_services(view: View) -> Findings:
    """Keys that only calls of services for themselves carry, in a policy that judges no service.

    Source: IAM User Guide, "AWS global condition context keys", aws:SourceArn and its like, "Availability".
    """
    if view.kind != "identity" or not view.allows:
        return
    for test in view.tests:
        if test.key.lower() in SOURCE and test.family != "Null" and not _holds_without(test):
            why = "as services alone send it, and a policy of an identity judges none"
            advice = " Test it in the policy of the resource."
            yield finding("CONDITION_KEY_NEVER_PRESENT", test.path, shown(test.key), why, "never holds", advice)


def _federation(view: View) -> Findings:
    """Resource control policies that deny whoever comes by SAML or a web identity: they are in no organization."""
    if view.kind != "rcp" or view.effect != "Deny":
        return
    named = [a for a in FEDERATED if any(glob(value.text.lower(), a) for value in view.actions)]
    if not named or any("federatedprovider" in key or "." in key.partition(":")[0] for key in view.keys):
        return
    key = next((test.key for test in view.tests if test.key.lower() in CALLER), "")
    if key and all(_holds_without(t) or t.key.lower() == "aws:principalisawsservice" for t in view.tests):
        yield finding("RCP_BREAKS_FEDERATION", view.path, key, " and ".join(_SPELT[a] for a in named))


_SPELT = {
    "sts:assumerolewithsaml": "sts:AssumeRoleWithSAML",
    "sts:assumerolewithwebidentity": "sts:AssumeRoleWithWebIdentity",
}
OWN_CHECKS: tuple[Callable[[View], Findings], ...] = (
    _public,
    _not_principal,
    _lockout,
    _cut_off,
    _mfa,
    _made,
    _of_services,
    _federation,
    check_reach,
)
