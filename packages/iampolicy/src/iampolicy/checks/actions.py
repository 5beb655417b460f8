"""Action and NotAction: what exists, what a policy's type takes, and the two actions that hand on permissions.

Also what is said twice: values that another value of their list covers, and statements that another one covers.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache
from json import dumps

from iampolicy import catalogue
from iampolicy.checks.view import Findings, Test, Value, View, finding, shown
from iampolicy.patterns import covers, glob, has_wildcard
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
EVERY_ROLE = ("*", "role/*", "role*")  # resource fields of an ARN
MOST_PATTERNS = 500  # that a value is held against; a policy within the quotas has fewer
# "Resource control policies (RCPs)", list of services that support them
RCP_SERVICES = frozenset(
    ("s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "cognito-idp", "cognito-identity", "logs", "dynamodb")
)


def check_actions(view: View) -> Findings:
    """Every value of Action and NotAction, and what they say together."""
    for value in (*view.actions, *view.not_actions):
        if (fault := _fault(value.text)) is not None:
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
    near = () if has_wildcard(pattern) else catalogue.load().near(pattern)
    return f": did you mean {listed(near, 'or')}?" if near else "."


def _by_type(view: View, value: Value) -> Findings:
    prefix = value.text.lower().partition(":")[0]
    if view.kind == "trust" and prefix != "sts" and not has_wildcard(prefix):
        yield finding("UNSUPPORTED_ACTION_IN_POLICY", value.path, shown(value.text), case="trust")
    if view.kind == "scp" and ("*" in value.text[:-1] or "?" in value.text) and value.text != "*":
        yield finding("SCP_SYNTAX_ERROR_ACTION_WILDCARD", value.path, shown(value.text))
    if view.kind == "rcp" and ".Action" in value.path and prefix not in RCP_SERVICES:
        yield finding("RCP_SYNTAX_ERROR_ACTION", value.path, shown(value.text), ", ".join(sorted(RCP_SERVICES)))


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


def redundant(
    values: list[Value], what: str, covers: Callable[[str, str], bool], field: int, fold: bool = False
) -> Findings:
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
        why = "stands here twice" if texts[place] == texts[other] else f"is covered by {shown(values[other].text)}"
        more = f" ({len(needless) - 1} more like it)" if len(needless) > 1 else ""
        yield finding(f"REDUNDANT_{what}", values[place].path, shown(values[place].text), why, more)


def _field(text: str, place: int) -> str:
    fields = text.split(":", place + 1)
    return fields[place] if len(fields) > place else ""


def covers_action(wide: str, narrow: str) -> bool:
    """Whether an Action value takes in all that another one does, both read without regard to case."""
    wide, narrow = wide.lower(), narrow.lower()
    return not ("?" in wide and "*" in narrow) and glob(wide, narrow)


class _Reach:
    """What a statement reaches, in a form that is quick to compare."""

    def __init__(self, view: View) -> None:
        self.view = view
        kept = {k: v for k, v in view.data.items() if k not in ("Sid", "Action", "Resource")}
        self.rest = dumps(kept, sort_keys=True, default=str)  # must be the same in both statements

    @cached_property
    def actions(self) -> int:
        return catalogue.load().bits_of(tuple(value.text for value in self.view.actions))

    def within(self, wide: "_Reach") -> bool:
        return (
            not self.actions & ~wide.actions
            and _all_covered(self.view.resources, wide.view.resources, covers)
            and _all_covered(self.view.actions, wide.view.actions, covers_action)
        )


def check_redundancy(views: list[View]) -> Findings:
    """One finding a statement that another one covers; of two equal ones the later is needless."""
    by_rest: dict[str, list[_Reach]] = {}
    for view in views:
        if view.actions or view.not_actions:
            reach = _Reach(view)
            by_rest.setdefault(reach.rest, []).append(reach)
    for group in by_rest.values():
        for place, narrow in enumerate(group):
            for other, wide in enumerate(group):
                if place != other and narrow.within(wide) and not (place < other and wide.within(narrow)):
                    yield finding("REDUNDANT_STATEMENT", narrow.view.path, wide.view.path)
                    break


def _all_covered(narrow: list[Value], wide: list[Value], covers: Callable[[str, str], bool]) -> bool:
    texts = {value.text for value in wide}
    return all(n.text in texts or any(covers(w, n.text) for w in texts) for n in narrow)
