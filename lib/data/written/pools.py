"""Drawing the parts of a request: a service, actions that belong together, a named resource.

A Desk comes in; catalogue actions, Targets and Wants go out. Where a service has nothing that fits, the answer is None.
"""

import re
from functools import cache

from iampolicy.catalogue import Action, Catalogue
from lib.data.written.desk import Desk
from lib.data.written.idioms import IDIOMS
from lib.data.written.levels import LEVELS, level
from lib.data.written.nouns import NOUNS
from lib.data.written.phrases import can_speak, options
from lib.data.written.resources import NAMED_BY, Target, draw_target, is_id, is_nameable, noun_of
from lib.data.written.services import POPULAR
from lib.data.written.wants import Want, scoped, unscoped
from lib.data.written.words import plural, split_name


@cache
def speakable(catalogue: Catalogue, service: str) -> tuple[Action, ...]:
    """The actions of a service that have a phrase of their own."""
    return tuple(a for a in catalogue.services[service].actions.values() if can_speak(catalogue, a))


@cache
def _rare(catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(p for p, s in catalogue.services.items() if p not in POPULAR and s.actions)


def service_of(desk: Desk, popular: float = 0.48) -> str:
    """A service: one of the popular ones in that share of cases, by their weights, else any other."""
    if desk.chance(popular):
        names = list(POPULAR)
        return desk.rng.choices(names, [POPULAR[n][0] for n in names])[0]
    return desk.rng.choice(_rare(desk.catalogue))


def actions_of(desk: Desk, service: str, count: int) -> list[Action]:
    """Up to so many actions of a service, mostly about one kind of thing, or else idiomatic ones."""
    pool = list(speakable(desk.catalogue, service)) or list(desk.catalogue.services[service].actions.values())
    known = [a for a in pool if a.name in IDIOMS]
    if known and desk.chance(0.5):
        pool = known
    elif desk.chance(0.7):
        about = _about(desk.rng.choice(pool))
        pool = [a for a in pool if _about(a) == about] if about else pool
    return desk.rng.sample(pool, min(count, len(pool)))


def _about(action: Action) -> str:
    """The thing that an operation works on, for keeping a request to one subject."""
    words = split_name(action.operation)[1:]
    return plural(words[0]) if words else ""


@cache
def _types(catalogue: Catalogue, service: str) -> tuple[str, ...]:
    """The resource types of a service that can be named and have actions of their own."""
    kinds = catalogue.services[service].resource_types.values()
    return tuple(
        k.name
        for k in kinds
        if is_nameable(k) and (service, k.name) not in NAMED_BY and actions_on(catalogue, service, k.name)
    )


@cache
def actions_on(catalogue: Catalogue, service: str, type_: str) -> tuple[Action, ...]:
    """The actions that can be limited to resources of a type with no other resource in play."""
    sharing = {type_, *(t for (s, t), by in NAMED_BY.items() if s == service and by == type_)}
    return tuple(
        a
        for a in speakable(catalogue, service)
        if (a.name in IDIOMS and IDIOMS[a.name][0] in sharing)
        or (a.name not in IDIOMS and a.resource_types == (type_,) and _fits(catalogue, a, type_))
    )


def _fits(catalogue: Catalogue, action: Action, type_: str) -> bool:
    """Whether the action can be said of a named resource; what has an id is not yet to be created."""
    said = options(catalogue, action, noun_of(catalogue, action.service, type_))
    makes = any(re.fullmatch(r"(create|make|import|register|start) ~", text) for text in said)
    return bool(said) and not (makes and is_id(action.service, type_, catalogue)) and action.operation != "PassRole"


def target_of(
    desk: Desk, service: str | None = None, count: int = 1, wild: bool = False
) -> tuple[Target, list[Action]] | None:
    """A named resource and the actions that fit it; None if the service has no resource that can be named."""
    service = service or service_of(desk)
    types = _types(desk.catalogue, service)
    if not types:
        return None
    known = [t for t in types if (service, t) in NOUNS]
    type_ = desk.rng.choice(known) if known and desk.chance(0.7) else desk.rng.choice(types)
    pool = list(actions_on(desk.catalogue, service, type_))
    idioms = [a for a in pool if a.name in IDIOMS]
    if len(idioms) > 1 and desk.chance(0.6):
        pool = idioms
    target = draw_target(desk.rng, desk.catalogue, service, type_, desk.scene, desk.alias(service), count, wild)
    return None if wild and target.form != "pattern" else (target, pool)


def few(desk: Desk, pool: list[Action], low: int, high: int) -> list[Action]:
    """Between `low` and `high` of the actions, small numbers more often; fewer if there are not enough."""
    count = min(desk.rng.randint(low, high), desk.rng.randint(low, high))
    return desk.rng.sample(pool, min(count, len(pool)))


def named_want(
    desk: Desk, low: int, high: int, service: str | None = None, count: int = 1, wild: bool = False
) -> Want | None:
    """Some actions on a named resource."""
    found = target_of(desk, service, count, wild)
    if not found:
        return None
    target, pool = found
    return scoped(desk, target, few(desk, pool, low, high))


def any_want(desk: Desk) -> Want | None:
    """A small want of any sort: named, unnamed or a level of access."""
    roll = desk.rng.random()
    if roll < 0.55:
        return named_want(desk, 1, 4)
    if roll < 0.9:
        return unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(1, 4)))
    return level(desk, service_of(desk), desk.rng.choice(LEVELS))
