"""What a role's trust policy asks of the tokens of OpenID Connect and SAML providers.

oidc.tsv lists providers with the claim that says whose tokens are meant; the claims that AWS reads are those of the
Service Authorization Reference ("Actions, resources, and condition keys for AWS Security Token Service"). Of a provider
that nobody lists nothing is said but what Access Analyzer says.
"""

import re
from functools import cache
from typing import NamedTuple

from iampolicy import catalogue, tables
from iampolicy.checks.permissive import open_values
from iampolicy.checks.view import Finding, Findings, Test, View, finding, shown
from iampolicy.conditions import holds
from iampolicy.patterns import glob, has_wildcard, overlaps

STANDARD = frozenset({"amr", "aud", "email", "oaud", "sub"})  # claims that AWS reads of every provider
GITHUB = "token.actions.githubusercontent.com"
_SAML = re.compile(r"arn:[\w-]+:iam::\d{12}:saml-provider/.+")
_OIDC = re.compile(r"(arn:[\w-]+:iam::\d{12}:oidc-provider/)?(?P<host>[\w-]+(\.[\w-]+)+(/.*)?)")
_TENANT = r"[^*?$:/@]+([:/@]|$)"  # a name, and what ends it
_SEPARATOR = "\ue002"  # in place of a colon, which is no border of fields here


class Provider(NamedTuple):
    """A row of oidc.tsv."""

    host: str
    name: str
    tenant: tuple[str, ...]  # empty: the host says whose tokens are meant
    also: tuple[str, ...]
    before: tuple[str, ...]
    sub: tuple[str, ...]

    def names_tenant(self, value: str) -> bool:
        """Whether a value of the tenant's claim names it."""
        return any(re.match(re.escape(start) + _TENANT, value) for start in self.before)


@cache
def _listed() -> tuple[Provider, ...]:
    def split(cell: str) -> tuple[str, ...]:
        return tuple("" if word == "-" else word for word in cell.split())

    return tuple(
        Provider(
            host=row["host"],
            name=row["name"],
            tenant=split(row["tenant"]),
            also=split(row["also"]),
            before=split(row["before"]),
            sub=tuple(filter(None, split(row["sub"]))),
        )
        for row in tables.rows("oidc.tsv")
    )


@cache
def listed(host: str) -> Provider | None:
    """What is known of a provider, by its host as written."""
    return next((provider for provider in _listed() if glob(provider.host, host.lower())), None)


@cache
def _read() -> tuple[tuple[str, str], ...]:
    """The claims that AWS reads of some providers alone: pattern of the host, and the claim in lower case."""
    keys = (name.partition(":") for name in catalogue.load().services["sts"].condition_keys)
    return tuple((re.sub(r"\$\{\w+\}", "*", host), claim.lower()) for host, _, claim in keys if "." in host)


def reads(host: str, claim: str) -> bool:
    """Whether AWS makes a condition key of a provider's claim."""
    lower = claim.lower()
    return lower in STANDARD or any(lower == read and glob(pattern, host.lower()) for pattern, read in _read())


def kind_of(text: str) -> str:
    """The kind of an identity provider: SAML, OIDC or ""."""
    return "SAML" if _SAML.fullmatch(text) else "OIDC" if _OIDC.fullmatch(text) else ""


def is_federated(name: str) -> bool:
    """Whether a key belongs to an identity provider: "accounts.google.com:aud", "oidc.eks.../id/X:sub", "saml:sub"."""
    prefix = name.rpartition(":")[0].lower()
    return "." in prefix or prefix.startswith("saml")


def check_providers(view: View) -> Findings:
    """The identity providers that a trust policy lets in, and the claims that it tests."""
    if view.kind != "trust" or not view.allows:
        return
    named = view.principals_of("Federated")
    hosts = [m["host"] for text in named if not _SAML.fullmatch(text) and (m := _OIDC.fullmatch(text))]
    yield from _foreign(view, hosts, saml=any(map(_SAML.fullmatch, named)))
    for host in hosts:
        tests = [t for t in view.tests if _host_of(t.key) == host.lower()]
        provider = listed(host)
        if not tests:
            yield finding("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", view.path, host)
        yield from _tenant(view, host, provider, tests)
        for test in tests:
            yield from _claim(view, host, provider, test)


def _host_of(key: str) -> str:
    """The provider's host in a key: claims may hold a colon or a slash, a host holds no colon."""
    return key.lower().partition(":")[0]


def _claim_of(key: str) -> str:
    return key.partition(":")[2].lower()


def _foreign(view: View, hosts: list[str], saml: bool) -> Findings:
    """Keys of no provider that the statement names: they are in no request that it is asked about."""
    known = {host.lower() for host in hosts}
    for test in view.tests:
        host, claim = _host_of(test.key), test.key.rpartition(":")[2]
        mine = host in known or (saml and host == "saml") or host.startswith("aws") or not is_federated(test.key)
        if not mine:
            advice = f" Write {hosts[0]}:{claim}." if len(hosts) == 1 else ""
            why = "as it is of no provider that the statement names"
            yield _never(test, why, advice)


def _never(test: Test, why: str, advice: str) -> Finding:
    always = holds(test.operator, test.key, test.texts, {})
    words = "holds for everybody" if always else "never holds, and nobody can assume the role by it"
    return finding("CONDITION_KEY_NEVER_PRESENT", test.path, shown(test.key), why, words, advice)


def _tenant(view: View, host: str, provider: Provider | None, tests: list[Test]) -> Findings:
    """Whether something says whose tokens are meant, where others use the provider, too."""
    if provider is None or not provider.tenant:
        return
    limiting = {_claim_of(test.key) for test in tests if _limits(test)}
    if limiting.intersection(provider.tenant):
        return
    claim = provider.tenant[0]
    if limiting.intersection(provider.also):
        yield finding("SUB_CLAIM_EXPECTED", view.path, host, claim)
    elif host.lower() == GITHUB:
        yield finding("MISSING_GITHUB_REPO_CONDITION_KEY", view.path, host)
    else:
        yield finding("MISSING_TENANT_CLAIM_FOR_OIDC_PRINCIPAL", view.path, host, claim)


def _limits(test: Test) -> bool:
    """Whether a test keeps tokens out that lack its claim, or have another one."""
    positive = not test.negated and not test.if_exists and test.quantifier != "forallvalues"
    return positive and test.family in ("String", "Arn", "Numeric") and bool(test.values)


def _claim(view: View, host: str, provider: Provider | None, test: Test) -> Findings:
    """One claim: whether AWS reads it, whether its values can be, and whether they leave open whose token it is."""
    claim = _claim_of(test.key)
    if provider and not reads(host, claim):
        yield _never(test, "as AWS makes no condition key of this claim", f" Test {host}:sub.")
    naming = provider is not None and provider.tenant[:1] == (claim,)
    if claim == "sub" or (naming and claim != "aud"):
        told = list(open_values(test, "six", variables=True))
        yield from told
        if provider is not None and naming and not told:  # a pattern that names nobody is told once
            yield from _open_tenant(provider, test)
    if provider and test.family in ("String", "Arn") and not test.negated:
        yield from _forms(host, provider, claim, test)
    if host.lower() == GITHUB and claim == "sub" and test.name == "stringlike":
        for value in filter(has_wildcard, test.texts):
            yield finding("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", test.path, shown(value))


def _open_tenant(provider: Provider, test: Test) -> Findings:
    if "like" not in test.name or test.negated:
        return
    if value := next((v for v in test.texts if has_wildcard(v) and not provider.names_tenant(v)), None):
        start = f"{provider.before[0]}NAME"
        yield finding("WILDCARD_USAGE_TOO_PERMISSIVE", test.path, shown(value), test.key, start, case="tenant")


def _forms(host: str, provider: Provider, claim: str, test: Test) -> Findings:
    """Values that no token has: a subject of another form, and a subject that is compared with the audience."""
    for value in test.texts:
        if "${" in value or not provider.sub:
            continue
        if claim == "sub" and not any(_can_be(value, form, "like" in test.name) for form in provider.sub):
            advice = f"they look like {provider.sub[0]}."
            yield finding("CLAIM_VALUE_NEVER_SENT", test.path, provider.name, shown(value), claim, advice)
        elif claim == "aud" and any(_begins(value, form) for form in provider.sub):
            advice = f"that is a form of the subject, so test {host}:sub."
            yield finding("CLAIM_VALUE_NEVER_SENT", test.path, provider.name, shown(value), claim, advice)


def _can_be(value: str, form: str, pattern: bool) -> bool:
    if pattern and has_wildcard(value):
        return overlaps(value.replace(":", _SEPARATOR), form.replace(":", _SEPARATOR))
    return glob(form, value)


def _begins(value: str, form: str) -> bool:
    start = form.partition("*")[0]
    return bool(start) and value.startswith(start)
