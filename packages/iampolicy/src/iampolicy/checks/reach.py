"""Whether the actions of a statement and its resources meet: what no resource that is named can be asked for."""

from functools import lru_cache

from iampolicy import catalogue
from iampolicy.checks.view import Findings, View, finding, shown
from iampolicy.patterns import NO_SLASH, overlaps
from iampolicy.words import listed

MOST = 50  # actions or resources of a statement that are held against each other; a policy within the quotas has fewer


def check_reach(view: View) -> Findings:
    """One finding for a statement some of whose actions are for none of its resources."""
    if view.kind == "trust" or not view.effect or not view.actions or not view.resources:
        return
    resources = tuple(dict.fromkeys(value.text for value in view.resources))
    if any(_is_anything(text) for text in resources) or len(resources) > MOST:
        return
    known = [value for value in view.actions[:MOST] if _formats(value.text) is not None]
    lost = [value for value in known if not _meets(value.text, resources)]
    if len(lost) < len(view.actions):  # one that is for "*" alone beside others is a slip, and a common one
        lost = [value for value in lost if _formats(value.text)]
    if not lost:
        return
    formats = _formats(lost[0].text) or ()
    named = listed([shown(text) for text in resources[:2]], "or")
    case = "" if formats else "none"
    right = listed([form.replace(NO_SLASH, "*") for form in formats[:2]], "or")
    words = (lost[0].text, named, right) if formats else (lost[0].text, named)
    yield finding("ACTION_WITHOUT_MATCHING_RESOURCE", lost[0].path, *words, case=case)


def _is_anything(text: str) -> bool:
    """Whether a resource stands for all of a service's, "arn:aws:s3:::*", or has a form that nobody lists."""
    return text.split(":", 5)[-1] == "*" or "${" in text.split(":", 5)[-1][:2] or not _kinds(text)


@lru_cache(maxsize=16_384)
def _kinds(text: str) -> bool:
    return bool(catalogue.load().resource_types(text))


@lru_cache(maxsize=16_384)
def _formats(pattern: str) -> tuple[str, ...] | None:
    """The ARN formats that the actions of a pattern are for, as patterns; None if it has no action."""
    known = catalogue.load()
    named = known.expand(pattern)
    if not named or pattern == "*":
        return None
    return tuple(sorted({f for name in named for f in known.formats(known.actions[name])}))


@lru_cache(maxsize=65_536)
def _meets(pattern: str, resources: tuple[str, ...]) -> bool:
    """Whether a pattern's actions can be asked for on one of the resources, as far as the reference tells.

    It is behind on tagging, and on actions of one service that are asked for on the resources of another one.
    """
    prefix, _, operation = pattern.lower().partition(":")
    formats = _formats(pattern) or ()
    if "tag" in operation or (not formats and any(text.split(":", 3)[2] != prefix for text in resources)):
        return True
    return any(overlaps(text, form) for form in formats for text in resources)
