"""Makers of plain requests: some actions, named resources, levels of access, several services, workloads.

A Desk comes in; a Draft goes out, or None when the drawn service has nothing that suits.
"""

from collections.abc import Callable

from lib.data.written.conditions import draw_some
from lib.data.written.desk import Desk
from lib.data.written.drafts import Draft
from lib.data.written.levels import LEVELS, level, verb_wildcard
from lib.data.written.pools import actions_of, any_want, few, named_want, service_of
from lib.data.written.resources import draw_target
from lib.data.written.stories import STORIES
from lib.data.written.wants import Want, scoped, unscoped
from lib.data.written.words import split_name


def of(want: Want | None, desk: Desk, **more) -> Draft | None:
    return Draft((want,), scene=desk.scene, **more) if want else None


def single_action(desk: Desk) -> Draft | None:
    return of(unscoped(desk, actions_of(desk, service_of(desk), 1)), desk)


def few_actions(desk: Desk) -> Draft | None:
    return of(unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(2, 5))), desk)


def many_actions(desk: Desk) -> Draft | None:
    return of(unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(5, 10))), desk)


def named_single(desk: Desk) -> Draft | None:
    return of(named_want(desk, 1, 1), desk)


def named_few(desk: Desk) -> Draft | None:
    return of(named_want(desk, 2, 6), desk)


def several_resources(desk: Desk) -> Draft | None:
    return of(named_want(desk, 1, 4, count=desk.rng.choice((2, 2, 3))), desk)


def name_pattern(desk: Desk) -> Draft | None:
    return of(named_want(desk, 1, 4, wild=True), desk)


def service_level(desk: Desk) -> Draft | None:
    return of(level(desk, service_of(desk, 0.35), desk.rng.choices(LEVELS, (5, 2, 4))[0]), desk)


_OWNED = (
    ("s3", "bucket"),
    ("dynamodb", "table"),
    ("sqs", "queue"),
    ("sns", "topic"),
    ("secretsmanager", "Secret"),
    ("kinesis", "stream"),
    ("ecr", "repository"),
    ("states", "statemachine"),
    ("logs", "log-group"),
)


def resource_level(desk: Desk) -> Draft | None:
    """Full (or, of a bucket, read-only) access to one to three named resources of different services."""
    count = desk.rng.choices((1, 2, 3), (1, 5, 4))[0]
    wants = []
    for service, type_ in desk.rng.sample(_OWNED, count):
        depth = desk.rng.choice(("read", "full")) if service == "s3" else "full"
        target = draw_target(desk.rng, desk.catalogue, service, type_, desk.scene, desk.alias(service))
        wants.append(level(desk, service, depth, target))
    return Draft(tuple(wants), scene=desk.scene)


def operation_verbs(desk: Desk) -> Draft | None:
    service = service_of(desk, 0.45)
    verbs: dict[str, int] = {}
    for action in desk.catalogue.services[service].actions.values():
        verb = split_name(action.operation)[0].title()
        verbs[verb] = verbs.get(verb, 0) + action.operation.startswith(verb)
    common = [verb for verb, count in verbs.items() if count > 1]
    if not common:
        return None
    return of(verb_wildcard(desk, service, desk.rng.sample(common, min(len(common), desk.rng.randint(1, 3)))), desk)


def several(desk: Desk, low: int, high: int, maker: Callable[[Desk], Want | None]) -> tuple[Want, ...] | None:
    wants: dict[str, Want] = {}
    goal = desk.rng.randint(low, high)
    for _ in range(4 * goal):
        want = maker(desk)
        if want:
            wants.setdefault(want.actions[0].split(":")[0], want)
        if len(wants) == goal:
            return tuple(wants.values())
    return None


def several_services(desk: Desk) -> Draft | None:
    wants = several(desk, 2, 3, any_want)
    return Draft(wants, scene=desk.scene) if wants else None


def many_services(desk: Desk) -> Draft | None:
    def small(desk: Desk) -> Want | None:
        if desk.chance(0.5):
            return named_want(desk, 1, 2)
        return unscoped(desk, actions_of(desk, service_of(desk), desk.rng.randint(1, 2)))

    wants = several(desk, 4, 5, small)
    return Draft(wants, scene=desk.scene) if wants else None


def levels(desk: Desk) -> Draft | None:
    """Levels of access to two to four services, each with its own."""
    count = desk.rng.choices((2, 3, 4), (5, 3, 2))[0]
    wants = several(desk, count, count, lambda d: level(d, service_of(d, 0.5), d.rng.choices(LEVELS, (5, 1, 3))[0]))
    return Draft(wants, scene=desk.scene) if wants else None


def story(desk: Desk) -> Draft | None:
    """A workload of several services."""
    chosen = desk.rng.choice(STORIES)
    count = min(len(chosen.parts), desk.rng.choices((2, 3, 4, 5), (5, 5, 3, 1))[0])
    parts = sorted(desk.rng.sample(range(len(chosen.parts)), count))
    wants = []
    for part in (chosen.parts[i] for i in parts):
        pool = [desk.catalogue.action(name) for name in part.pool]
        actions = few(desk, pool, 1, len(pool))
        if part.type:
            target = draw_target(
                desk.rng, desk.catalogue, part.service, part.type, desk.scene, desk.alias(part.service)
            )
            wants.append(scoped(desk, target, actions))
        else:
            wants.append(unscoped(desk, actions))
    return Draft(
        tuple(wants),
        who=chosen.who,
        scene=desk.scene,
        purpose=chosen.purpose,
        limits=tuple(draw_some(desk, wants, but=("mfa", "mfa_age"))) if desk.chance(0.12) else (),
    )
