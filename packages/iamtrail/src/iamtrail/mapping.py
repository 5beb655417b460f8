"""From a CloudTrail event to the IAM actions that its caller needed.

The rule: the action has the name of the event, in the service of the event's source. The exceptions are rows of
exceptions.txt and sources.txt; which calls pass a role is in naming.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from iampolicy import catalogue
from iamtrail import tables
from iamtrail.naming import MAKES, PASS_ROLE, operation_of, passes_role
from iamtrail.parameters import GIVEN, TAGS, Pairs, Parameters, flatten
from iamtrail.tables import EVERY_EVENT, EventRule

SAME_NAME = "the action of the same name in the Service Authorization Reference"
SUFFIX = ".amazonaws.com"
TAGGING = ("TagResource", "AddTagsToResource", "AddTags", "TagResources")  # names of a service's action that tags

Rules = tuple[EventRule, ...]


@dataclass(frozen=True)
class Mapping:
    """The actions that one kind of call needs."""

    actions: tuple[str, ...]  # in AWS's spelling, the call's own first; certain and empty: IAM asks for nothing
    certain: bool  # each is needed and none that is known to be is left out
    reason: str  # where the rule stands, or what is not known
    asked: tuple[tuple[str, str], ...] = ()  # actions that the call may need beside these, each with the reason


def actions_for(event_source: str, event_name: str, parameters: Parameters | None = None) -> Mapping:
    """The IAM actions that the caller of an event needed.

    Args:
        event_source: as CloudTrail has it ("s3.amazonaws.com"); endpoint prefixes and signing names do as well.
        event_name: as CloudTrail has it, in any case ("UpdateFunctionCode20150331v2").
        parameters: the event's `requestParameters`, or the pairs that `flatten` made of them; None if they are not
            known, and then what only a parameter can tell is left out, or the answer is not certain.

    >>> actions_for("s3.amazonaws.com", "HeadBucket").actions
    ('s3:ListBucket',)
    >>> actions_for("lambda.amazonaws.com", "Invoke", {"functionName": "f"}).actions
    ('lambda:InvokeFunction',)
    """
    prefix = prefix_of(event_source)
    if prefix is None:
        return Mapping((), False, f"the catalogue has no service for the event source {event_source!r}")
    pairs = None if parameters is None else flatten(parameters)
    if prefix == "autoscaling" and _is_application(pairs, event_name):
        prefix = "application-autoscaling"
    sources = (_name_of(event_source), prefix)
    names = dict.fromkeys((event_name.strip(), operation_of(event_name)))
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
    rules = _first(tables.named, sources, event)
    if needed := tuple(rule for rule in rules if not rule.asks):
        found = _by_rules(needed, pairs, own if any(rule.adds for rule in needed) else None)
    else:
        found = own or _by_rules(_first(tables.like, sources, event), pairs)
    asked = ((action, rule.why) for rule in rules if rule.asks and rule.holds(pairs or ()) for action in rule.actions)
    return replace(found, asked=tuple(asked)) if found else None


def _first(find: Callable[[str, str], Rules], sources: Iterable[str], event: str) -> Rules:
    return next((rules for source in sources if (rules := find(source, event))), ())


def _by_rules(rules: Rules, pairs: Pairs | None, own: Mapping | None = None) -> Mapping | None:
    holding = [rule for rule in rules if rule.holds(pairs or ())]
    if not holding:
        return own
    actions = dict.fromkeys((*(own.actions if own else ()), *(action for rule in holding for action in rule.actions)))
    reason = _together(*([own.reason] if own else []), *(rule.why for rule in holding))
    return Mapping(tuple(actions), all(rule.certain for rule in holding), reason)


def _with_additions(found: Mapping, sources: tuple[str, str], pairs: Pairs | None) -> Mapping:
    """With what the rules for all events of a source add."""
    every = (rule for source in dict.fromkeys(sources) for rule in tables.named(source, EVERY_EVENT))
    rules = [rule for rule in every if rule.holds(pairs or ())]
    if found.actions and _reads(found):  # its tags are a filter
        rules = [rule for rule in rules if "tag" not in (rule.parameter or "").lower()]
    more = dict.fromkeys(action for rule in rules for action in rule.actions if action not in found.actions)
    if not more or not found.actions:
        return found
    reason = _together(found.reason, *(rule.why for rule in rules))
    certain = found.certain and all(rule.certain for rule in rules)
    return replace(found, actions=(*found.actions, *more), certain=certain, reason=reason)


def _with_tags(found: Mapping, pairs: Pairs | None) -> Mapping:
    """With the action that tags what is made, if the request has tags.

    It is needed where the reference lists it as dependent, and perhaps where the call makes something with tags.
    """
    if not pairs or (TAGS, GIVEN) not in pairs or not found.actions or _reads(found):
        return found
    known, own = catalogue.load().actions, catalogue.load().actions[found.actions[0]]
    if any(known[name].access_level == "Tagging" for name in found.actions):
        return found
    listed = [known[name] for name in own.dependent_actions if name in known]
    more = sorted(a.name for a in listed if a.access_level == "Tagging" and a.service == own.service)
    if more:
        why = "the reference lists the action that tags as dependent, and the request has tags"
        return replace(found, actions=(*found.actions, *more), reason=_together(found.reason, why))
    tagging = (known.get(f"{own.service}:{operation}") for operation in TAGGING)
    tags = next((action for action in tagging if action), None)
    makes = MAKES.match(own.operation) or own.operation.startswith("Put")
    if tags is None or not makes or not catalogue.load().supports_key(own, "aws:RequestTag/"):
        return found
    why = "whether tags at creation need the action that tags is not in the reference's dependent actions"
    return replace(found, actions=(*found.actions, tags.name), certain=False, reason=_together(found.reason, why))


def _reads(found: Mapping) -> bool:
    """Whether the call's own action only reads: its tags are a filter, and nothing is made."""
    return catalogue.load().actions[found.actions[0]].access_level in ("List", "Read")


def _with_roles(found: Mapping, pairs: Pairs | None) -> Mapping:
    """With iam:PassRole, if the call passes a role or perhaps does."""
    passing = {passes_role(catalogue.load().actions[name], pairs) for name in found.actions}
    if PASS_ROLE in found.actions or not passing & {True, None}:
        return found
    why = 'the call passes a role (IAM User Guide, "Grant a user permissions to pass a role to an AWS service")'
    if True not in passing:
        why = "the call names a role, and whether this service asks for iam:PassRole is not known"
    certain = found.certain and True in passing
    return replace(found, actions=(*found.actions, PASS_ROLE), certain=certain, reason=_together(found.reason, why))


def _together(*reasons: str) -> str:
    return "; ".join(dict.fromkeys(reasons))


def _name_of(event_source: str) -> str:
    """The source without its domain, in lower case: "s3-control.amazonaws.com" -> "s3-control".

    A name that is no event source but that of a client in boto3 becomes its endpoint prefix: "sesv2" -> "email".
    """
    name = event_source.strip().lower().partition(SUFFIX)[0]
    return name if _prefix(name) else tables.CLIENTS.get(name, name)


@lru_cache(maxsize=4_096)
def prefix_of(event_source: str) -> str | None:
    """The service prefix of an event source, with or without its domain; None if the catalogue has no such service.

    Of a source of several labels the last decides, as endpoints put a part of the service before its name (botocore's
    service models, `endpointPrefix`).

    >>> prefix_of("monitoring.amazonaws.com"), prefix_of("runtime.sagemaker.amazonaws.com")
    ('cloudwatch', 'sagemaker')
    """
    return _prefix(_name_of(event_source))


def _prefix(name: str) -> str | None:
    services = catalogue.load().services
    if name in tables.PREFIXES:
        return tables.PREFIXES[name]
    return next((label for label in (name, name.rpartition(".")[2]) if label in services), None)
