"""From a CloudTrail event to the IAM actions that its caller needed.

An event's source, name and request parameters come in; a Mapping goes out whose actions all exist in the catalogue,
with whether it is certain and why. The rule: the action has the name of the event. The exceptions are rows of
exceptions.txt; roles that a call passes are in roles.py.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from iampolicy import catalogue
from iamtrail import exceptions, roles
from iamtrail.parameters import TAGS, Parameters, flatten
from iamtrail.sources import name_of, prefix_of

# "CreateDistribution2020_05_31", "UpdateFunctionCode20150331v2": the API's version behind the name (CloudFront and
# Lambda developer guides, pages on logging with CloudTrail).
_VERSION = re.compile(r"_?(19|20)\d{2}_?[01]\d_?[0-3]\d(v\d+)?$")
SAME_NAME = "the action of the same name in the Service Authorization Reference"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Mapping:
    """The actions that one kind of call needs."""

    actions: tuple[str, ...]  # in AWS's spelling, the call's own first; certain and empty: IAM asks for nothing
    certain: bool  # each is needed and none that is known to be is left out
    reason: str  # where the rule stands, or what is not known


def actions_for(event_source: str, event_name: str, parameters: Parameters | None = None) -> Mapping:
    """The IAM actions that the caller of an event needed.

    Args:
        event_source: as CloudTrail has it ("s3.amazonaws.com"); endpoint prefixes and signing names do as well.
        event_name: as CloudTrail has it, in any case ("UpdateFunctionCode20150331v2").
        parameters: the event's `requestParameters`, or the pairs that `flatten` made of them; None if they are not
            known, and then what only a parameter can tell is left out, or the answer is not certain.
    """
    prefix = prefix_of(event_source)
    if prefix is None:
        return Mapping((), False, f"the catalogue has no service for the event source {event_source!r}")
    pairs = None if parameters is None else flatten(parameters)
    if prefix == "autoscaling" and _is_application(pairs, event_name):
        prefix = "application-autoscaling"
    sources = (name_of(event_source), prefix)
    names = dict.fromkeys((event_name.strip(), _VERSION.sub("", event_name.strip())))
    found = next((m for name in names if (m := _mapped(sources, name, pairs))), None)
    if found is None:
        return Mapping(
            (), False, f"the catalogue has no action for {event_name!r} of {prefix}, and the table of exceptions no row"
        )
    return _with_roles(_with_tags(_with_additions(found, sources, pairs), pairs), pairs)


def _is_application(pairs: Pairs | None, event: str) -> bool:
    """Whether an event of "autoscaling" is Application Auto Scaling's, which logs under the same source.

    Application Auto Scaling User Guide, "Log API calls with CloudTrail": its requests name a service namespace.
    """
    named = any(name.lower() == "servicenamespace" for name, _ in pairs or ())
    action = catalogue.load().action
    return named or not action(f"autoscaling:{event}") and action(f"application-autoscaling:{event}") is not None


def _mapped(sources: tuple[str, str], name: str, pairs: Pairs | None) -> Mapping | None:
    """By a row with the very name, else by the action of that name, else by a row whose pattern the name fits."""
    event, action = name.lower(), catalogue.load().action(f"{sources[1]}:{name}")
    own = Mapping((action.name,), True, SAME_NAME) if action else None
    if rows := _first(exceptions.named, sources, event):
        return _by_rows(rows, pairs, own if any(row.adds for row in rows) else None)
    if own:
        return own
    if rows := _first(exceptions.like, sources, event):
        return _by_rows(rows, pairs)
    return None


def _first(
    find: Callable[[str, str], tuple[exceptions.Row, ...]], sources: tuple[str, str], event: str
) -> tuple[exceptions.Row, ...]:
    return next((rows for source in sources if (rows := find(source, event))), ())


def _by_rows(rows: tuple[exceptions.Row, ...], pairs: Pairs | None, own: Mapping | None = None) -> Mapping | None:
    holding = [row for row in rows if row.holds(pairs or ())]
    if not holding:
        return own
    actions = dict.fromkeys((*(own.actions if own else ()), *(action for row in holding for action in row.actions)))
    reason = _together((*([own.reason] if own else []), *(row.why for row in holding)))
    return Mapping(tuple(actions), all(row.certain for row in holding), reason)


def _with_additions(found: Mapping, sources: tuple[str, str], pairs: Pairs | None) -> Mapping:
    rows = [row for source in dict.fromkeys(sources) for row in exceptions.adding(source) if row.holds(pairs or ())]
    more = tuple(action for row in rows for action in row.actions if action not in found.actions)
    if not more or not found.actions or _reads(found):
        return found
    reason = _together((found.reason, *(row.why for row in rows)))
    return Mapping((*found.actions, *more), found.certain and all(row.certain for row in rows), reason)


def _with_tags(found: Mapping, pairs: Pairs | None) -> Mapping:
    """With the action that tags what is made, if the request has tags and the reference lists it as dependent."""
    if not pairs or (TAGS, "given") not in pairs:
        return found
    if not found.actions or _reads(found):
        return found
    known, own = catalogue.load().actions, catalogue.load().actions[found.actions[0]]
    listed = [known[name] for name in own.dependent_actions if name in known and name not in found.actions]
    more = sorted(
        action.name for action in listed if action.access_level == "Tagging" and action.service == own.service
    )
    if not more:
        return found
    reason = _together(
        (found.reason, "the reference lists the action that tags as dependent, and the request has tags")
    )
    return Mapping((*found.actions, *more), found.certain, reason)


def _reads(found: Mapping) -> bool:
    """Whether the call's own action only reads: its tags are a filter, and nothing is made."""
    return catalogue.load().actions[found.actions[0]].access_level in ("List", "Read")


def _with_roles(found: Mapping, pairs: Pairs | None) -> Mapping:
    if roles.PASS_ROLE in found.actions:
        return found
    actions = catalogue.load().actions
    passing = {roles.passing(actions[name], pairs) for name in found.actions}
    if True in passing:
        reason = _together(
            (
                found.reason,
                'the call passes a role (IAM User Guide, "Grant a user permissions to pass a role to an AWS service")',
            )
        )
        return Mapping((*found.actions, roles.PASS_ROLE), found.certain, reason)
    if None in passing:
        reason = _together(
            (found.reason, "the call names a role, and whether this service asks for iam:PassRole is not known")
        )
        return Mapping((*found.actions, roles.PASS_ROLE), False, reason)
    return found


def _together(reasons: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))
