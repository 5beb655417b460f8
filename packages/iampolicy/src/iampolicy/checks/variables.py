"""Policy variables: their form, and the places where AWS replaces them (IAM User Guide, "IAM policy elements:
Variables and tags")."""

import re
from collections.abc import Iterator

from iampolicy.checks.finding import Said, shown
from iampolicy.checks.view import Value, View

REPLACED_FROM = "2012-10-17"  # older versions take ${...} as it stands
FAMILIES = ("String", "Arn")  # of the condition operators whose values may hold variables
_VARIABLE = re.compile(r"\$\{([^}]*)(\}?)")
_NAME_AND_DEFAULT = re.compile(r"(?P<name>[^,]*)(?:,(?P<default>.*))?", re.DOTALL)


def check_variables(view: View) -> Iterator[Said]:
    """Every value of a statement in which "${" stands."""
    for value in (*view.actions, *view.not_actions, *(v for _, v in view.principals)):
        if "${" in value.text:
            what = f"{shown(value.text)}: variables work in Resource and Condition only. Name it in full."
            yield Said("VARIABLE_UNSUPPORTED_IN_ELEMENT", what, value.path)
    for value in (*view.resources, *view.not_resources):
        if "${" in value.text:
            yield from _variables(value, view.version)
    for test in view.tests:
        for value in (Value(text, test.path) for text in test.texts if "${" in text):
            yield from _variables(value, view.version)
            if test.family and test.family not in FAMILIES:
                what = f"{test.operator} does not replace variables: use an operator for strings or ARNs."
                yield Said("INVALID_VARIABLE_FOR_OPERATOR", what, value.path)


def _variables(value: Value, version: object) -> Iterator[Said]:
    named = False
    for inside, closed in _VARIABLE.findall(value.text):
        name, default = _NAME_AND_DEFAULT.fullmatch(inside).group("name", "default")
        named |= name.strip() not in ("*", "?", "$")
        if not closed:
            yield Said("MISSING_BRACE_IN_VARIABLE", f"Close the variable in {shown(value.text)} with '}}'.", value.path)
        elif not inside.strip():
            what = f"The variable in {shown(value.text)} is empty: write the key inside the braces."
            yield Said("EMPTY_VARIABLE", what, value.path)
        elif re.search(r"\s", name):
            what = f"{shown(name)}: a variable holds no space. Remove it."
            yield Said("UNSUPPORTED_SPACE_IN_VARIABLE", what, value.path)
        elif default is not None and not re.fullmatch(r"\s*'[^']*'\s*", default):
            what = f"The default {shown(default.strip())} must stand in single quotes."
            yield Said("MISSING_QUOTE_IN_VARIABLE", what, value.path)
    if named and version != REPLACED_FROM:
        what = f"{shown(value.text)}: variables are replaced from Version {REPLACED_FROM} on. Set it."
        yield Said("VARIABLE_UNSUPPORTED_IN_VERSION", what, value.path)
