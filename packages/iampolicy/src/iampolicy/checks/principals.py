"""Principals: their form, and what trust policies, resource policies and resource control policies ask of them."""

import re
from collections.abc import Iterator

from iampolicy.catalogue import has_wildcard
from iampolicy.checks.finding import Said, shown
from iampolicy.checks.resources import arn_faults
from iampolicy.checks.view import Test, View

KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
REFERENCES = {  # beginning of a unique id -> code, what it stands for ("Invalid role reference")
    "AROA": ("INVALID_ROLE_REFERENCE", "role"),
    "AIDA": ("INVALID_USER_REFERENCE", "user"),
}
SOURCE_KEYS = {"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"}
CALLER_KEYS = {  # a service principal has no account, organization or name of its own
    *("aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:username"),
    *("aws:principaltype", "aws:userid", "aws:principalorgmasteraccountid"),
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


def check_principals(view: View) -> Iterator[Said]:
    """Every principal of a statement, and what its policy's type asks of them together."""
    for element in ("Principal", "NotPrincipal"):
        given, path = view.data.get(element), f"{view.path}.{element}"
        if isinstance(given, list) or (isinstance(given, str) and given != "*"):
            what = f'{shown(given)} has no kind: write "*", or an object such as {{"AWS": ...}}.'
            yield Said("INVALID_PRINCIPAL_FORMAT", what, path)
        for kind in given if isinstance(given, dict) else ():
            if kind not in KINDS:
                what = f"{shown(kind)} is no kind of principal: use one of {', '.join(KINDS)}."
                yield Said("INVALID_PRINCIPAL_KEY", what, f"{path}.{kind}")
    for kind, value in view.principals:
        if kind in FORMS:
            yield from (Said(code, what, value.path) for code, what in FORMS[kind](value.text, view))
    if view.allows and "NotPrincipal" in view.data and view.kind == "resource":
        what = "Allow with NotPrincipal lets in everybody else, anonymous callers too: name them in Principal."
        yield Said("ALLOW_WITH_NOT_PRINCIPAL", what, view.path)
    yield from BY_TYPE.get(view.kind, lambda view: ())(view)


def _aws(text: str, view: View) -> Iterator[tuple[str, str]]:
    if text == "*" or re.fullmatch(r"\d{12}", text) or "${" in text:
        return
    if has_wildcard(text):
        what = f"{shown(text)}: a wildcard stands alone as a principal; name it, or test aws:PrincipalArn."
        yield "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", what
    elif text[:4] in REFERENCES and re.fullmatch(r"[A-Z0-9]{16,}", text):
        code, word = REFERENCES[text[:4]]
        yield code, f"{text} is the id of a {word}, perhaps of a deleted one: write its ARN."
    else:
        faults = [fault for fault in arn_faults(text) if fault[0] != "INVALID_ARN_RESOURCE"]
        yield from faults
        if not faults and not _ENTITY.fullmatch(text):
            what = f"{shown(text)} is no account, user, role or session: write the ARN of one."
            yield "INVALID_PRINCIPAL_FORMAT", what


def _service(text: str, view: View) -> Iterator[tuple[str, str]]:
    if has_wildcard(text):
        yield "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", f"{shown(text)}: name each service, without a wildcard."
    elif not _SERVICE.fullmatch(text) and "${" not in text:
        what = f"{shown(text)} is no service principal: write it as in lambda.amazonaws.com."
        yield "INVALID_SERVICE_PRINCIPAL_FORMAT", what


def _federated(text: str, view: View) -> Iterator[tuple[str, str]]:
    if view.kind != "trust":
        what = f"{shown(text)}: only a role's trust policy can name an identity provider."
        yield "FEDERATED_PRINCIPAL_NOT_SUPPORTED", what
    elif has_wildcard(text):
        yield "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", f"{shown(text)}: name each provider, without a wildcard."
    elif not provider(text):
        what = f"{shown(text)} is neither a domain nor the ARN of a SAML or OIDC provider."
        yield "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", what


FORMS = {"AWS": _aws, "Service": _service, "Federated": _federated}


def provider(text: str) -> str:
    """The kind of an identity provider: SAML, OIDC or ""."""
    return "SAML" if _SAML.fullmatch(text) else "OIDC" if _OIDC.fullmatch(text) else ""


def _resource(view: View) -> Iterator[Said]:
    services = view.principals_of("Service")
    others = [kind for kind, _ in view.principals if kind != "Service"]
    if not services or not view.allows:
        return
    named = shown(services[0])
    if view.keys.isdisjoint(SOURCE_KEYS):
        what = f"{named} may act here for anybody: add one of {', '.join(sorted(SOURCE_KEYS))}."
        yield Said("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", what, view.path)
        if view.tests:
            what = f"{', '.join(sorted(view.keys))} do not say for whom {named} acts: prefer aws:SourceArn."
            yield Said("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", what, view.path)
    asked = [t for t in view.tests if t.key.lower() in CALLER_KEYS or t.key.lower().startswith("aws:principaltag/")]
    if asked and not others and not any(t.if_exists or t.family == "Null" for t in asked):
        what = f"Requests of {named} do not carry {asked[0].key}: test aws:SourceArn or aws:SourceAccount."
        yield Said("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", what, asked[0].path)


def _trust(view: View) -> Iterator[Said]:
    if view.data.get("Principal") == "*":
        what = 'Principal "*" has no place in a trust policy: name who may assume the role.'
        yield Said("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", what, f"{view.path}.Principal")
    roles = view.principals_of("AWS")
    for text in roles:
        role = re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", text)
        if role != text and role in roles:
            what = f"{text} is a session of {role}, which stands here, too: remove the session."
            yield Said("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", what, f"{view.path}.Principal")
    if not view.allows:
        return
    kinds = {k for k, _ in view.principals if k != "Federated"} | {
        provider(text) for text in view.principals_of("Federated")
    }
    actions = [value.text.lower() for value in view.actions]
    for value in view.actions:
        fits = ASSUMING.get(value.text.lower())
        odd = [kind for kind in sorted(kinds) if fits and kind and kind not in fits and kind in _ALL_KINDS]
        if odd and not _served(kinds, actions, odd):
            what = f"{value.text} cannot be called by a principal of kind {', '.join(odd)}."
            yield Said("MISMATCHED_ACTION_FOR_PRINCIPAL", what, value.path)
    service, needed = ROLES_ANYWHERE
    missing = [] if {"sts:*", "*"} & set(actions) else [action for action in needed if action not in actions]
    if missing and service in view.principals_of("Service"):
        what = f"{service} needs {', '.join(needed)}: add {', '.join(missing)}."
        yield Said("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", what, view.path)
    for text in view.principals_of("Federated"):
        if provider(text) == "OIDC":
            yield from _claims(_OIDC.fullmatch(text)["domain"].lower(), view)


_ALL_KINDS = {kind for kinds in ASSUMING.values() for kind in kinds}


def _served(kinds: set[str], actions: list[str], odd: list[str]) -> bool:
    """Whether other actions of the statement serve the principals that this one does not, and it serves others."""
    return len(kinds) > len(odd) and all(any(kind in ASSUMING.get(a, ()) for a in actions) for kind in odd)


def _claims(domain: str, view: View) -> Iterator[Said]:
    """What a trust policy asks of the tokens of an OIDC provider."""
    tests = [t for t in view.tests if t.key.lower().rpartition(":")[0] == domain]
    if not tests:
        what = f"Any token of {domain} would do: add a condition on {domain}:sub or {domain}:aud."
        yield Said("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", what, view.path)
    subjects = [t for t in tests if t.key.lower().endswith(":sub")]
    if domain == GITHUB and not any(t.family in ("String", "Arn") for t in subjects):
        what = f"Any repository of GitHub could assume the role: add a condition on {GITHUB}:sub."
        yield Said("MISSING_GITHUB_REPO_CONDITION_KEY", what, view.path)
    for test in tests:
        for value in test.texts:
            yield from _claim(domain, test, value)


def _claim(domain: str, test: Test, value: str) -> Iterator[Said]:
    subject = test.key.lower().endswith(":sub")
    if re.fullmatch(r"(\$\{[^}]*\}|[*?:/])+", value) and "${" in value:
        what = f"{test.key} is compared with a variable alone, which the caller's token fills: write the value."
        yield Said("VARIABLE_USAGE_TOO_PERMISSIVE", what, test.path)
    elif test.name == "stringlike" and (
        not value.strip("*?:/") or (subject and domain == GITHUB and _any_owner(value))
    ):
        what = f"{shown(value)} fits tokens of anybody: name the owner in {test.key}."
        yield Said("WILDCARD_USAGE_TOO_PERMISSIVE", what, test.path)
    if domain == GITHUB and subject and test.name == "stringlike" and has_wildcard(value):
        what = f"{shown(value)} takes in more than one repository or branch: write repo:owner/name:ref:refs/heads/main."
        yield Said("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", what, test.path)


def _any_owner(subject: str) -> bool:
    """Whether a pattern for GitHub's subject leaves the owner of the repository open."""
    return has_wildcard(subject) and re.match(r"repo:[^*?/]+/", subject) is None


def _rcp(view: View) -> Iterator[Said]:
    given = view.data.get("Principal")
    if given is not None and given not in ("*", {"AWS": "*"}):
        what = 'A resource control policy speaks of everybody: write "Principal": "*" and test the caller.'
        yield Said("RCP_SYNTAX_ERROR_PRINCIPAL", what, f"{view.path}.Principal")
    if view.keys & RCP_CALLER and IS_SERVICE not in view.keys:
        what = "AWS services would be denied, too: add aws:PrincipalIsAWSService false, with BoolIfExists."
        yield Said("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", what, view.path)
    if view.keys & RCP_SOURCE:
        if IS_SERVICE not in view.keys:
            what = "Callers that are no service have no source: add aws:PrincipalIsAWSService true."
            yield Said("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", what, view.path)
        if not any(t.family == "Null" and t.key.lower() in ("aws:sourceaccount", "aws:sourcearn") for t in view.tests):
            what = 'Not every call of a service has a source account: add "Null": {"aws:SourceAccount": "false"}.'
            yield Said("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", what, view.path)


BY_TYPE = {"resource": _resource, "trust": _trust, "rcp": _rcp}
