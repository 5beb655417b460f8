"""Principals: their form, and what trust policies, resource policies and resource control policies ask of them."""

import re
from collections.abc import Callable

from iampolicy.checks.providers import kind_of, listed
from iampolicy.checks.resources import arn_faults
from iampolicy.checks.view import Findings, View, finding, shown
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
_ACCOUNT = re.compile(r"\d{12}")
_CANONICAL = re.compile(r"[0-9a-f]{64}")
_PROVIDER = re.compile(r"arn:[\w-]+:iam::\d{12}:(saml|oidc)-provider/.+")
PLACE_CODES = {  # kind of principal under which something else stands -> code
    "AWS": "INVALID_PRINCIPAL_FORMAT",
    "Service": "INVALID_SERVICE_PRINCIPAL_FORMAT",
    "Federated": "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY",
}


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
        place = _place(value.text)
        if place and kind in PLACE_CODES and place[0] != kind:
            yield finding(PLACE_CODES[kind], value.path, shown(value.text), place[1], place[0], kind, case="place")
        elif kind in FORMS:
            yield from FORMS[kind](value.text, value.path, view.kind)
    if view.allows and "NotPrincipal" in view.data and view.kind == "resource":
        yield finding("ALLOW_WITH_NOT_PRINCIPAL", view.path)
    if view.kind in BY_TYPE:
        yield from BY_TYPE[view.kind](view)


def _place(text: str) -> tuple[str, str] | None:
    """The kind under which a principal stands, and what it is in words; None if its form does not tell."""
    if _ACCOUNT.fullmatch(text) or _ENTITY.fullmatch(text):
        return "AWS", "an account, a role or a user"
    if _PROVIDER.fullmatch(text) or listed(text):
        return "Federated", "an identity provider"
    if _SERVICE.fullmatch(text):
        return "Service", "an AWS service"
    return ("CanonicalUser", "a canonical user id") if _CANONICAL.fullmatch(text) else None


def _aws(text: str, path: str, policy_type: str) -> Findings:
    if text == "*" or _ACCOUNT.fullmatch(text) or "${" in text:
        return
    if has_wildcard(text):
        yield finding("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", path, shown(text))
    elif not text.startswith("arn:") and not re.fullmatch(r"A[A-Z0-9]{15,}", text):
        yield finding("INVALID_ARN_PREFIX", path, shown(text), case="principal")
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
        yield finding("INVALID_SERVICE_PRINCIPAL_FORMAT", path, shown(text), "lambda.amazonaws.com")


def _federated(text: str, path: str, policy_type: str) -> Findings:
    if policy_type != "trust":
        yield finding("FEDERATED_PRINCIPAL_NOT_SUPPORTED", path, shown(text))
    elif has_wildcard(text):
        yield finding("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", path, shown(text), "provider", case="each")
    elif not kind_of(text):
        yield finding("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", path, shown(text))


FORMS = {"AWS": _aws, "Service": _service, "Federated": _federated}


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
    federated = [(text, kind_of(text)) for text in view.principals_of("Federated")]
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


_ALL_KINDS = {kind for kinds in ASSUMING.values() for kind in kinds}


def _served(kinds: set[str], actions: list[str], odd: list[str]) -> bool:
    """Whether other actions of the statement serve the principals that this one does not, and it serves others."""
    return len(kinds) > len(odd) and all(any(kind in ASSUMING.get(a, ()) for a in actions) for kind in odd)


def _rcp(view: View) -> Findings:
    given = view.data.get("Principal")
    if given is not None and given not in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
        yield finding("RCP_SYNTAX_ERROR_PRINCIPAL", f"{view.path}.Principal", case="everybody")
    if view.keys & RCP_CALLER and IS_SERVICE not in view.keys:
        yield finding("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", view.path)
    if view.keys & RCP_SOURCE:
        if IS_SERVICE not in view.keys:
            yield finding("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", view.path)
        if not any(t.family == "Null" and t.key.lower() in ("aws:sourceaccount", "aws:sourcearn") for t in view.tests):
            yield finding("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", view.path)


BY_TYPE: dict[str, Callable[[View], Findings]] = {"resource": _resource, "trust": _trust, "rcp": _rcp}
