"""From what an event names to the ARNs of the resources that an action touched.

ARNs have the catalogue's formats; what the evidence does not fill goes out as a format with variables. Nothing from
outside widens an ARN (`literal` of parameters.py); what the services do in their own way is in shapes.py and wholes.py,
and what requests call things in naming.py.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from iampolicy import catalogue
from iampolicy.catalogue import Action, ResourceType
from iampolicy.patterns import overlaps
from iamtrail import shapes, wholes
from iamtrail.naming import (
    MAKES,
    PASS_ROLE,
    ROLE_ARN,
    TOLD,
    fills,
    is_bare,
    nearly_fills,
    operation_of,
    passed_roles,
    split,
    told_by,
    variables,
)
from iamtrail.parameters import LONGEST, Pairs, Parameters, flatten, literal, literal_arn
from iamtrail.required import groups, of_any_type
from iamtrail.shapes import ONE_FORMAT, shaped_arn, shaped_value
from iamtrail.tables import ALONE, CREATED, DEFAULTS, EVERYWHERE, FIXED, NEEDED, OWN, TOGETHER
from iamtrail.trail_error import TrailError
from iamtrail.wholes import CallContext

MOST = 500  # ARNs of one kind that one call names
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_VERB = re.compile(r"^[A-Z][a-z]+(?=[A-Z])")
_OF = re.compile(r"(?<=[a-z])(?:From|To|For)(?=[A-Z])")  # RestoreDBInstanceFromDBSnapshot
_MADE_UP = re.compile(r"(Id|ID|Identifier|UUID|Uuid|Token)$")

# Services some of whose formats end in a "*" that means all resources of the kind.
ALL_OF_A_KIND = frozenset({"identitystore"})

Found = dict[str, set[str]]  # name of a resource type -> ARNs


class ResourcesError(TrailError):
    """Resources were asked of something that is no action."""


@dataclass(frozen=True)
class NamedResources:
    """The resources of a call as far as the evidence names them."""

    arns: tuple[str, ...]  # sorted; ("*",) for an action without resource-level support
    # ARN formats of which none is named, only the unknown variables left ("...:key/${KeyId}")
    missing: tuple[str, ...]


def resources_for(
    action: str,
    parameters: Parameters | None,
    resources: Iterable[str],
    region: str,
    account: str,
    partition: str = "aws",
    event: str = "",
    made_by: str = "",
) -> NamedResources:
    """The ARNs that a call of an action touched.

    An ARN of the event is used if it has a format that the action supports; else the formats are filled from request
    parameters. An id that AWS makes up in the call is a wildcard, as the next call gets another. Of formats where one
    has all variables of the other and more, only the narrower counts, unless the service asks for both.

    Args:
        action: a name of the catalogue ("s3:GetObject").
        parameters: the event's `requestParameters`, or the pairs that `flatten` made of them.
        resources: the ARNs of the event's `resources`.
        event: the event's name, which tells the resource of calls that list or make one in API Gateway.
        made_by: the action that makes what this one tags in the same call: then only what is made counts.

    Raises:
        ResourcesError: if the catalogue does not have the action.
    """
    known = catalogue.load().action(action)
    if known is None:
        raise ResourcesError(f"{action!r} is not an action of the catalogue: give one that actions_for returned")
    kinds = _kinds(known)
    if not kinds:
        return NamedResources(("*",), ())
    pairs = flatten(parameters)
    place = CallContext(partition, region, wholes.owner(known, pairs) or account, event)
    if known.name == PASS_ROLE:
        return _passed(known, pairs, place)
    if any(name == EVERYWHERE.get(known.name) for name, _ in pairs):
        return NamedResources(("*",), ())
    source = wholes.copied_from(pairs, place)
    if source and known.service == "s3" and known.operation.startswith("GetObject"):
        return _named(known, {"": {text} if (text := literal_arn(source)) else set()}, place)
    safe = tuple((name, text) for name, value in pairs if (text := literal(value)) is not None)
    tagged = made_by and _tags_beside(known, made_by)
    if tagged and known.service != "ec2":
        if made := _made(known, made_by, safe, place):
            return _named(known, {"": made}, place)
        of_maker = resources_for(made_by, parameters, resources, region, account, partition, event)
        fitting = [tuple(arn for arn in arns if _can_be_on(known, arn)) for arns in (of_maker.arns, of_maker.missing)]
        if any(fitting) or of_maker.arns not in ((), ("*",)):
            return NamedResources(*fitting)
    own, alone = wholes.whole_arns(known, safe, place)
    if alone:
        return _named(known, {"": set(own)}, place)
    # An ARN is classed as it stands and used in its literal form.
    given = {*resources, *(value for _, value in pairs)} - {source}
    seen = {arn: text for arn in sorted(given) if (text := literal_arn(arn))}
    told = told_by(known.service, seen.values())
    seen |= {below: below for arn in seen if (below := wholes.below(known, arn))}
    return _named(known, _found(known, seen | {arn: arn for arn in own}, (*safe, *told), place), place, (*safe, *told))


def tags_what_is_made(action: str, event: str) -> bool:
    """Whether an action of a call is the one that gives tags to what the call makes."""
    known = catalogue.load().actions[action]
    return known.access_level == "Tagging" and known.operation.lower() != operation_of(event).lower()


def _tags_beside(action: Action, made_by: str) -> bool:
    """Whether `made_by` makes something; a call to tag what is there maps to one action or several that tag."""
    return action.name != made_by and catalogue.load().actions[made_by].access_level != "Tagging"


def _can_be_on(action: Action, arn: str) -> bool:
    """Whether an ARN, or a format with open variables, is of a kind of the action."""
    plain = _plain(_VARIABLE.sub("-", arn))
    return arn != "*" and any(overlaps(plain, kind.pattern) for kind in _kinds(action))


def _made(action: Action, made_by: str, safe: Pairs, place: CallContext) -> set[str]:
    """What a call of `made_by` makes, of kinds that `action` tags; a wildcard where the request does not name it."""
    maker = catalogue.load().actions[made_by]
    whole, alone = wholes.whole_arns(maker, safe, place)
    if alone:
        return {arn for arn in whole if _can_be_on(action, arn)}
    made, _ = split(_OF.split(_VERB.sub("", maker.operation))[0])
    by_name = [kind for kind in _kinds(action) if split(kind.name.partition("/")[0])[0] == made]
    by_variable = [kind for kind in _kinds(action) if split((variables(kind) or ("",))[-1])[0] == made]
    arns: set[str] = set()
    for kind in by_name or by_variable:
        known = _known(maker, kind, safe)
        open_ = [variable for variable in variables(kind) if variable not in known]
        given = {variable: DEFAULTS.get(f"{maker.name}:{variable}", "*") for variable in open_}
        if filled := _filled(maker, kind, safe, place):
            arns |= filled
        elif all(value != "*" or _MADE_UP.search(variable) for variable, value in given.items()):
            arns.add(shaped_arn(kind, _fill(kind, given | known, place), made=True))
    return arns


def _plain(arn: str) -> str:
    """An ARN with a letter for each sign that could be a wildcard, to be held against formats."""
    return re.sub(r"\$\{.\}|[*?]", "-", arn)


@lru_cache(maxsize=65_536)
def _kinds(action: Action) -> tuple[ResourceType, ...]:
    by_name = catalogue.load().services[action.service].resource_types
    found = (by_name[name] for name in action.resource_types if name in by_name)
    if action.service in ALL_OF_A_KIND:
        return tuple(found)
    # Some formats of AWS DMS and others end in a "*" that stands for the resource's id.
    return tuple(replace(kind, arn=re.sub(r"\*$", "${ResourceId}", kind.arn)) for kind in found)


def _found(action: Action, seen: dict[str, str], pairs: Pairs, place: CallContext) -> Found:
    mine = tuple((name, value) for name, value in pairs if name in OWN.get(action.name, ()))
    own = {kind.name: arns for kind in _kinds(action) if (arns := _of_own(action, kind, mine, place))}
    others = {value for name, value in pairs for other, of in OWN.items() if other != action.name and name in of}
    found: Found = {}
    # Keys of KMS are listed by their ARNs and named by their ids; the same key may be both source and destination.
    mixed = {arn for arn, text in seen.items() if action.name in OWN and {text, text.rpartition("/")[2]} & others}
    for arn, text in seen.items():
        if arn in mixed and (mine or len(mixed) < len(seen)):
            continue
        for kind in _kinds(action):
            if kind.name not in own and variables(kind) and overlaps(_plain(arn), kind.pattern):
                found.setdefault(kind.name, set()).add(shaped_arn(kind, text))
    for kind in _kinds(action):
        if kind.name not in found and (arns := _filled(action, kind, pairs, place)):
            found[kind.name] = arns
    return found | own


def _of_own(action: Action, kind: ResourceType, mine: Pairs, place: CallContext) -> set[str]:
    """ARNs of a kind from the parameters that are for one action of a call alone: what is put, what is deleted."""
    arns = {shaped_arn(kind, value) for _, value in mine if overlaps(_plain(value), kind.pattern)}
    return arns | _filled(action, kind, mine, place) if mine else set()


def _filled(action: Action, kind: ResourceType, pairs: Pairs, place: CallContext) -> set[str]:
    """The kind's ARN format with its variables filled from parameters; empty if one stays open."""
    values: dict[str, list[str]] = {}
    for variable in variables(kind):
        given = _given(action, kind, variable, pairs)
        shaped = dict.fromkeys(text for value in given if (text := shaped_value(kind, variable, value)))
        values[variable] = list(shaped) or [DEFAULTS[key] for key in (f"{action.name}:{variable}",) if key in DEFAULTS]
    known = frozenset(variable for variable, texts in values.items() if texts)
    for variable in values.keys() - known:
        if shapes.pinned(kind, variable, known) or _made_up(action, kind, variable):
            values[variable] = ["*"]
    # Two lists cannot be matched with each other: bucket a with key 1, or with key 2?
    if not values or not all(values.values()) or sum(len(texts) > 1 for texts in values.values()) > 1:
        return set()
    combined = itertools.islice(itertools.product(*values.values()), MOST)
    arns = (_fill(kind, dict(zip(values, texts, strict=True)), place) for texts in combined)
    return {shaped_arn(kind, arn, made=True) for arn in arns if len(arn) <= LONGEST}


def _given(action: Action, kind: ResourceType, variable: str, pairs: Pairs) -> list[str]:
    """The values for a variable; of a bare "name" only where no parameter says that it is the variable's."""
    found = [(name, value) for name, value in pairs if fills(action, kind, variable, name)]
    if not found and (len(action.resource_types) == 1 or kind.name in action.required) and not of_any_type(action):
        told = [value for name, value in pairs if name == TOLD + variable]
        near = [value for name, value in pairs if nearly_fills(action, kind, variable, name)]
        return told or (near if variable == variables(kind)[-1] else [])
    return [value for name, value in found if not is_bare(name)] or [value for _, value in found]


def _made_up(action: Action, kind: ResourceType, variable: str) -> bool:
    """Whether the call makes the resource and AWS makes up this part of its ARN."""
    if kind.name in CREATED.get(action.name, ()):
        return True
    if action.service == "ec2" and kind.name in action.makes and kind.name in action.required:
        return True
    own, operation = re.sub(r"[^a-z0-9]", "", kind.name.lower()), _OF.split(action.operation)[0].lower()
    last = variable == variables(kind)[-1] and _MADE_UP.search(variable)
    called = [word for word in (own, split(variable)[0]) if word]
    made = operation.endswith((*called, *(f"{word}s" for word in called)))
    return bool(last and MAKES.match(action.operation) and made)


def _passed(action: Action, pairs: Pairs, place: CallContext) -> NamedResources:
    """Roles by ARN and by name; an instance profile does not tell its role, which is missing then."""
    arns, missing = set(), False
    for name, value in passed_roles(pairs):
        if ROLE_ARN.fullmatch(value):
            arns.add(value)
        elif "profile" in name.lower() or ":instance-profile/" in value:
            missing = True
        elif re.fullmatch(r"[\w+=,.@/-]+", value, re.ASCII):
            arns.add(f"arn:{place.partition}:iam::{place.account}:role/{value.lstrip('/')}")
    put_in = any(name.lower() == "rolename" for name, _ in pairs)  # a role that is put into a profile
    formats = (_fill(_kinds(action)[0], {}, place),) if not arns or (missing and not put_in) else ()
    return NamedResources(tuple(sorted(arns)), formats)


def _named(action: Action, found: Found, place: CallContext, pairs: Pairs = ()) -> NamedResources:
    kinds = _kinds(action)
    width = {kind.name: frozenset(variables(kind)) for kind in kinds} | {"": frozenset()}
    found = {name: arns for name, arns in found.items() if arns}
    if not {action.service, action.name} & TOGETHER:
        both = () if of_any_type(action) else action.required
        found = {n: arns for n, arns in found.items() if n in both or not any(width[n] < width[o] for o in found)}
    arns = wholes.without_wholes(action, set().union(*found.values()))
    plain = [kind for kind in kinds if not variables(kind) and _belongs(action, kind)]
    enough = action.required and all(any(kind.name in group for kind in plain) for group in groups(action))
    if arns or enough or len(plain) == len(kinds):
        arns |= {_fill(kind, {}, place) for kind in plain if "" not in found}
    if not arns and action.service in ONE_FORMAT:
        return NamedResources((), (_filled_in(ONE_FORMAT[action.service], {}, place),))
    missing = [] if "" in found else _missing(action, found, pairs, place)
    alone = next((kind for kind in kinds if kind.name == ALONE.get(action.service)), None)
    if alone and not arns and not any(_known(action, kind, pairs) for kind in kinds):
        return NamedResources((_fill(alone, {}, place),), ())
    return NamedResources(tuple(sorted(arns)), tuple(dict.fromkeys(missing)))


def _missing(action: Action, found: Found, pairs: Pairs, place: CallContext) -> list[str]:
    """The formats of types that the call cannot do without and nothing names."""
    by_name = {kind.name: kind for kind in _kinds(action) if variables(kind)}
    named = [by_name[name] for name in found if name in by_name]
    formats: list[str] = []
    for group in groups(action):
        open_ = [kind for name, kind in by_name.items() if name in group]
        if group & found.keys() or any(_lies_in(kind, other) for kind in open_ for other in named):
            continue
        known = {kind.name: _known(action, kind, pairs) for kind in open_}
        if any(known.values()):  # a bucket that is named is not asked for as an access point
            open_ = [kind for kind in open_ if known[kind.name]]
        elif found and action.access_level in ("Read", "List"):
            continue
        elif found or action.name in NEEDED:
            open_ = open_[:1]
        formats += [_fill(kind, known[kind.name], place) for kind in open_]
    return formats


def _lies_in(kind: ResourceType, other: ResourceType) -> bool:
    """Whether an ARN of the other kind names what has an ARN of this kind: the cluster that a task runs in."""
    return frozenset(variables(kind)) < frozenset(variables(other))


def _known(action: Action, kind: ResourceType, pairs: Pairs) -> dict[str, str]:
    """The variables of a format that the request names, each by one value: the bucket, if not the object."""
    known: dict[str, str] = {}
    for variable in variables(kind):
        shaped = {
            text for value in _given(action, kind, variable, pairs) if (text := shaped_value(kind, variable, value))
        }
        if len(shaped) == 1 and not next(iter(shaped)).startswith("arn:"):
            known |= {variable: shaped.pop()}
    return known


def _belongs(action: Action, kind: ResourceType) -> bool:
    """Whether a kind whose ARN is always the same belongs to each call of the action."""
    own = re.sub(r"[^a-z0-9]", "", kind.name.lower())
    if action.service in ALL_OF_A_KIND:
        return kind.name in action.required
    return (
        len(action.resource_types) == 1 or kind.name in FIXED.get(action.service, ()) or own in action.operation.lower()
    )


def _fill(kind: ResourceType, values: dict[str, str], place: CallContext) -> str:
    return _filled_in(kind.arn, values, place)


def _filled_in(arn_format: str, values: dict[str, str], place: CallContext) -> str:
    given = {"Partition": place.partition, "Region": place.region, "Account": place.account}
    return _VARIABLE.sub(lambda match: (given | values).get(match[1], match[0]), arn_format)
