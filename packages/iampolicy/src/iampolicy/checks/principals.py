"""Principals: their form, and what trust policies, resource policies and resource control policies ask of them."""

import re
from collections.abc import Callable

from iampolicy.checks.resources import arn_faults
from iampolicy.checks.view import Findings, Test, View, finding, shown
from iampolicy.patterns import has_wildcard

KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
REFERENCES = {"AROA": "INVALID_ROLE_REFERENCE", "AIDA": "INVALID_USER_REFERENCE"}  # beginning of a unique id -> code
SOURCE_KEYS = {"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"}
CALLER_KEYS = {  # a service principal has no account, organization or name of its own
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgmasteraccountid",
    "aws:principalorgpaths",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
}
GITHUB = "token.actions.githubusercontent.com"
ROLES_ANYWHERE = ("rolesanywhere.amazonaws.com", ("sts:assumerole", "sts:setsourceidentity", "sts:tagsession"))
ASSUMING = {  # action -> kinds of principals that can call it ("Mismatched action for principal")
    "sts:assumerole": ("AWS", "Service", "*"),
    "sts:assumerolewithsaml": ("SAML",),
    "sts:assumerolewithwebidentity": ("OIDC",),
}
RCP_CALLER = {"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount"}
RCP_SOURCE = {"aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceaccount"}
IS_SERVICE = "aws:principalisawsservice"
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal|api\.aws)")
_ENTITY = re.compile(r"arn:[\w-]+:(iam|sts)::(\w+):(root|user/.+|role/.+|assumed-role/.+/.+|federated-user/.+)")
_SAML = re.compile(r"arn:[\w-]+:iam::\d{12}:saml-provider/.+")
_OIDC = re.compile(r"(arn:[\w-]+:iam::\d{12}:oidc-provider/)?(?P<domain>[\w-]+(\.[\w-]+)+(/.*)?)")


def check_principals(view: View) -> Findings:
    """Every principal of a statement, and what its policy's type asks of them together."""
    for element in ("Principal", "NotPrincipal"):
        given, path = view.data.get(element), f"{view.path}.{element}"
        if isinstance(given, list) or (isinstance(given, str) and given != "*"):
            yield finding("INVALID_PRINCIPAL_FORMAT", path, shown(given), case="kind")
        for kind in given if isinstance(given, dict) else ():
            if kind not in KINDS:
                yield finding("INVALID_PRINCIPAL_KEY", f"{path}.{kind}", shown(kind), ", ".join(KINDS))
    for kind, value in view.principals:
        if kind in FORMS:
            yield from FORMS[kind](value.text, value.path, view.kind)
    if view.allows and "NotPrincipal" in view.data and view.kind == "resource":
        yield finding("ALLOW_WITH_NOT_PRINCIPAL", view.path)
    if view.kind in BY_TYPE:
        yield from BY_TYPE[view.kind](view)


def _aws(text: str, path: str, policy_type: str) -> Findings:
    if text == "*" or re.fullmatch(r"\d{12}", text) or "${" in text:
        return
    if has_wildcard(text):
        yield finding("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", path, shown(text))
    elif text[:4] in REFERENCES and re.fullmatch(r"[A-Z0-9]{16,}", text):
        yield finding(REFERENCES[text[:4]], path, text)
    else:
        faults = [fault for fault in arn_faults(text, path) if fault.code != "INVALID_ARN_RESOURCE"]
        yield from faults
        if not faults and not _ENTITY.fullmatch(text):
            yield finding("INVALID_PRINCIPAL_FORMAT", path, shown(text))


def _service(text: str, path: str, policy_type: str) -> Findings:
    if has_wildcard(text):
        yield finding("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", path, shown(text), "service", case="each")
    elif not _SERVICE.fullmatch(text) and "${" not in text:
        yield finding("INVALID_SERVICE_PRINCIPAL_FORMAT", path, shown(text))


def _federated(text: str, path: str, policy_type: str) -> Findings:
    if policy_type != "trust":
        yield finding("FEDERATED_PRINCIPAL_NOT_SUPPORTED", path, shown(text))
    elif has_wildcard(text):
        yield finding("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", path, shown(text), "provider", case="each")
    elif not provider(text):
        yield finding("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", path, shown(text))


FORMS = {"AWS": _aws, "Service": _service, "Federated": _federated}


def provider(text: str) -> str:
    """The kind of an identity provider: SAML, OIDC or ""."""
    return "SAML" if _SAML.fullmatch(text) else "OIDC" if _OIDC.fullmatch(text) else ""


def _resource(view: View) -> Findings:
    services = view.principals_of("Service")
    others = [kind for kind, _ in view.principals if kind != "Service"]
    if not services or not view.allows:
        return
    named = shown(services[0])
    if view.keys.isdisjoint(SOURCE_KEYS):
        yield finding("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", view.path, named, ", ".join(sorted(SOURCE_KEYS)))
        if view.tests:
            keys = ", ".join(sorted(view.keys))
            yield finding("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", view.path, keys, named)
    asked = [t for t in view.tests if t.key.lower() in CALLER_KEYS or t.key.lower().startswith("aws:principaltag/")]
    if asked and not others and not any(t.if_exists or t.family == "Null" for t in asked):
        yield finding("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", asked[0].path, named, asked[0].key)


def _trust(view: View) -> Findings:
    if view.data.get("Principal") == "*":
        yield finding("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", f"{view.path}.Principal")
    roles = view.principals_of("AWS")
    for text in roles:
        role = re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", text)
        if role != text and role in roles:
            yield finding("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", f"{view.path}.Principal", text, role)
    if not view.allows:
        return
    federated = [(text, provider(text)) for text in view.principals_of("Federated")]
    kinds = {kind for kind, _ in view.principals if kind != "Federated"} | {kind for _, kind in federated}
    actions = [value.text.lower() for value in view.actions]
    for value in view.actions:
        fits = ASSUMING.get(value.text.lower())
        odd = [kind for kind in sorted(kinds) if fits and kind and kind not in fits and kind in _ALL_KINDS]
        if odd and not _served(kinds, actions, odd):
            yield finding("MISMATCHED_ACTION_FOR_PRINCIPAL", value.path, value.text, ", ".join(odd))
    service, needed = ROLES_ANYWHERE
    missing = [] if {"sts:*", "*"} & set(actions) else [action for action in needed if action not in actions]
    if missing and service in view.principals_of("Service"):
        lacks = service, ", ".join(needed), ", ".join(missing)
        yield finding("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", view.path, *lacks)
    for text, _ in federated:
        if oidc := None if _SAML.fullmatch(text) else _OIDC.fullmatch(text):
            yield from _claims(oidc["domain"].lower(), view)


_ALL_KINDS = {kind for kinds in ASSUMING.values() for kind in kinds}


def _served(kinds: set[str], actions: list[str], odd: list[str]) -> bool:
    """Whether other actions of the statement serve the principals that this one does not, and it serves others."""
    return len(kinds) > len(odd) and all(any(kind in ASSUMING.get(a, ()) for a in actions) for kind in odd)


def _claims(domain: str, view: View) -> Findings:
    """What a trust policy asks of the tokens of an OIDC provider."""
    tests = [t for t in view.tests if t.key.lower().rpartition(":")[0] == domain]
    if not tests:
        yield finding("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", view.path, domain)
    subjects = [t for t in tests if t.key.lower().endswith(":sub")]
    if domain == GITHUB and not any(t.family in ("String", "Arn") for t in subjects):
        yield finding("MISSING_GITHUB_REPO_CONDITION_KEY", view.path, GITHUB)
    for test in tests:
        for value in test.texts:
            yield from _claim(domain, test, value)


def _claim(domain: str, test: Test, value: str) -> Findings:
    of_github = domain == GITHUB and test.key.lower().endswith(":sub")
    if re.fullmatch(r"(\$\{[^}]*\}|[*?:/])+", value) and "${" in value:
        yield finding("VARIABLE_USAGE_TOO_PERMISSIVE", test.path, test.key)
    elif test.name == "stringlike" and (not value.strip("*?:/") or (of_github and _any_owner(value))):
        yield finding("WILDCARD_USAGE_TOO_PERMISSIVE", test.path, shown(value), test.key)
    if of_github and test.name == "stringlike" and has_wildcard(value):
        yield finding("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", test.path, shown(value))


def _any_owner(subject: str) -> bool:
    """Whether a pattern for GitHub's subject leaves the owner of the repository open."""
    return has_wildcard(subject) and re.match(r"repo:[^*?/]+/", subject) is None


def _rcp(view: View) -> Findings:
    given = view.data.get("Principal")
    if given is not None and given not in ("*", {"AWS": "*"}):
        yield finding("RCP_SYNTAX_ERROR_PRINCIPAL", f"{view.path}.Principal", case="everybody")
    if view.keys & RCP_CALLER and IS_SERVICE not in view.keys:
        yield finding("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", view.path)
    if view.keys & RCP_SOURCE:
        if IS_SERVICE not in view.keys:
            yield finding("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", view.path)
        if not any(t.family == "Null" and t.key.lower() in ("aws:sourceaccount", "aws:sourcearn") for t in view.tests):
            yield finding("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", view.path)


BY_TYPE: dict[str, Callable[[View], Findings]] = {"resource": _resource, "trust": _trust, "rcp": _rcp}
