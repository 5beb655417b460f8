"""Action and NotAction: what exists, what is said twice, and the two actions that hand on permissions."""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib import resources

from iampolicy import catalogue
from iampolicy.catalogue import has_wildcard
from iampolicy.checks.finding import Said, shown
from iampolicy.checks.view import Test, Value, View
from iampolicy.conditions import glob

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
EVERY_ROLE = ("*", "role/*", "role*")  # resource fields of an ARN
MOST_PATTERNS = 500  # that a value is held against; a policy within the quotas has fewer
RCP_SERVICES = {  # "Resource control policies (RCPs)", list of services that support them
    *("s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "cognito-idp", "cognito-identity", "logs"),
    "dynamodb",
}


@cache
def newer() -> dict[str, frozenset[str]]:
    """What AWS's managed policies name and the catalogue does not, by service, in lower case.

    A name that AWS itself uses exists or did: newer.txt lists such actions, under
    "arn:service" such ARN patterns, and under "key:service" condition keys. `python -m tools.newer_actions` makes it.
    """
    found: dict[str, set[str]] = {}
    for line in resources.files(__package__).joinpath("newer.txt").read_text(encoding="utf-8").splitlines():
        first, second, *rest = line.split(":", 3)
        if first == "key":
            found.setdefault(f"key:{second}", set()).add(line.removeprefix("key:"))
        else:
            found.setdefault(f"arn:{rest[0]}" if first == "arn" else first, set()).add(line)
    return {service: frozenset(names) for service, names in found.items()}


def check_actions(view: View) -> Iterator[Said]:
    """Every value of Action and NotAction, and what they say together."""
    for value in (*view.actions, *view.not_actions):
        if (fault := _fault(value.text)) is not None:
            yield Said(*fault, value.path)
        yield from _by_type(view, value)
    for values in (view.actions, view.not_actions):
        yield from redundant(values, "ACTION", covers_action, field=0, fold=True)
    if view.allows and view.kind == "identity":
        for action, (family, key) in SENSITIVE.items():
            how = _named(view, action.lower()), _scope(view)
            if how in WIDE and not any(_limits(test, key) for test in view.tests):
                code, words = WIDE[how]
                what = f"The statement allows {action} {words}: name the roles, or add the condition key {key}."
                yield Said(f"{family}_WITH_{code}", what, view.path)


def redundant(
    values: list[Value], what: str, covers: Callable[[str, str], bool], field: int, fold: bool = False
) -> Iterator[Said]:
    """One finding for the values that another value of the list covers; of equal ones the first stays.

    Args:
        what: ACTION or RESOURCE.
        field: place of the service between the colons; only values of one service are held against each other.
        fold: whether case does not count.
    """
    texts = [value.text.lower() if fold else value.text for value in values]
    starts: dict[str, int] = {}  # what stands before a star that is the only wildcard, the last character
    inner: dict[str, list[int]] = {}  # service -> other patterns
    for place, text in enumerate(texts):
        if text.endswith("*") and not has_wildcard(text[:-1]):
            starts.setdefault(text[:-1], place)
        elif has_wildcard(text):
            service = _field(text, field)
            inner.setdefault("*" if has_wildcard(service) else service, []).append(place)
    lengths = sorted({len(start) for start in starts})
    first: dict[str, int] = {}
    needless: list[tuple[int, int]] = []  # place of the value, place of what makes it needless
    for place, text in enumerate(texts):
        if text in first:
            needless.append((place, first[text]))
            continue
        first[text] = place
        rivals = [starts[text[:n]] for n in lengths if n < len(text) and text[:n] in starts]
        rivals += [*inner.get(_field(text, field), ()), *inner.get("*", ())][:MOST_PATTERNS]
        over = next((p for p in rivals if texts[p] != text and covers(texts[p], text)), None)
        if over is not None:
            needless.append((place, over))
    if needless:
        place, other = needless[0]
        twice = texts[place] == texts[other]
        why = "stands here twice" if twice else f"is covered by {shown(values[other].text)}"
        more = f" ({len(needless) - 1} more like it)" if len(needless) > 1 else ""
        yield Said(f"REDUNDANT_{what}", f"{shown(values[place].text)} {why}{more}: remove it.", values[place].path)


def _field(text: str, place: int) -> str:
    fields = text.split(":", place + 1)
    return fields[place] if len(fields) > place else ""


def covers_action(wide: str, narrow: str) -> bool:
    """Whether an Action value takes in all that another one does, both read without regard to case."""
    wide, narrow = wide.lower(), narrow.lower()
    return not ("?" in wide and "*" in narrow) and glob(wide, narrow)


@lru_cache(maxsize=65_536)
def _fault(pattern: str) -> tuple[str, str] | None:
    """What is wrong with one Action value whatever the statement: code and sentence."""
    if pattern == "*" or "${" in pattern:  # variables have a finding of their own
        return None
    prefix, colon, operation = pattern.partition(":")
    known, lower = catalogue.load(), pattern.lower()
    if not colon:
        return "INVALID_ACTION", f"{shown(pattern)} names no service: write it as service:action."
    if has_wildcard(prefix):
        what = f"{shown(pattern)}: a wildcard in the service may reach services of a like name. Name the service."
        return "WILDCARD_IN_SERVICE_NAME", what
    if any(name == lower or glob(lower, name) for name in newer().get(prefix.lower(), ())):
        return None
    if prefix.lower() not in known.services:
        return "INVALID_SERVICE_IN_ACTION", f"The service {shown(prefix)} does not exist{_hint(pattern)}"
    if operation != "*" and not known.expand(pattern):
        word = "No action matches" if has_wildcard(operation) else "There is no action"
        return "INVALID_ACTION", f"{word} {shown(pattern)}{_hint(pattern)}"
    return None


def _hint(pattern: str) -> str:
    near = [] if has_wildcard(pattern) else catalogue.load().near(pattern)
    return f": did you mean {' or '.join(near)}?" if near else "."


def _by_type(view: View, value: Value) -> Iterator[Said]:
    prefix, _, operation = value.text.lower().partition(":")
    if view.kind == "trust" and prefix != "sts" and not has_wildcard(prefix):
        what = f"{shown(value.text)} has no effect in a trust policy: only actions of sts have."
        yield Said("UNSUPPORTED_ACTION_IN_POLICY", what, value.path)
    if view.kind == "scp" and ("*" in value.text[:-1] or "?" in value.text) and value.text != "*":
        what = f"{shown(value.text)}: in a service control policy a wildcard stands alone or at the end."
        yield Said("SCP_SYNTAX_ERROR_ACTION_WILDCARD", what, value.path)
    if view.kind == "rcp" and ".Action" in value.path and prefix not in RCP_SERVICES:
        what = f"{shown(value.text)}: resource control policies reach {', '.join(sorted(RCP_SERVICES))} only."
        yield Said("RCP_SYNTAX_ERROR_ACTION", what, value.path)


def _limits(test: Test, key: str) -> bool:
    """Whether a test says which services are meant: a negated one, or one with "*", leaves nearly all."""
    return test.key.lower() == key.lower() and not test.negated and test.family != "Null" and "*" not in test.texts


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
