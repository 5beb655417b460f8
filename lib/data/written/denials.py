"""Makers of requests that deny something: exceptions, denials beside a grant, denials alone.

A Desk comes in; a Draft goes out, or None when the drawn service has nothing that suits.
"""

from dataclasses import replace

from iampolicy.catalogue import Action
from lib.data.written.conditions import draw_some
from lib.data.written.desk import Desk
from lib.data.written.drafts import Ban, Draft
from lib.data.written.levels import level
from lib.data.written.pools import actions_of, actions_on, any_want, few, named_want, service_of, speakable, target_of
from lib.data.written.resources import draw_target
from lib.data.written.wants import Clause, Grant, Want, scoped, unscoped


def read_only_except(desk: Desk) -> Draft | None:
    service = service_of(desk, 0.5)
    want = level(desk, service, "read")
    if not want:
        return None
    reach = desk.catalogue.expand_all(want.actions)
    return _except(desk, want, [a for a in speakable(desk.catalogue, service) if a.name in reach])


def full_except(desk: Desk) -> Draft | None:
    service = service_of(desk, 0.5)
    risky = [a for a in speakable(desk.catalogue, service) if a.access_level in ("Write", "Permissions management")]
    strong = [a for a in risky if a.operation.startswith(("Delete", "Terminate", "Create", "Put", "Remove", "Stop"))]
    return _except(desk, level(desk, service, "full"), strong or risky)


def _except(desk: Desk, want: Want | None, pool: list[Action]) -> Draft | None:
    if not want or not pool:
        return None
    exception = unscoped(replace(desk, style="plain"), few(desk, pool, 1, 3), told=True)
    if exception.form == "use":
        return None
    first = any_want(desk) if desk.chance(0.5) else None
    if first and first.actions[0].split(":")[0] != want.actions[0].split(":")[0]:
        return Draft((first, want), exception=exception, scene=desk.scene)
    return Draft((want,), exception=exception, scene=desk.scene)


def everything_but(desk: Desk) -> Draft | None:
    """NotAction on a named resource: everything that can be done to it, apart from a few actions."""
    service, type_ = desk.rng.choice(
        (
            ("s3", "bucket"),
            ("sqs", "queue"),
            ("dynamodb", "table"),
            ("sns", "topic"),
            ("kinesis", "stream"),
            ("ecr", "repository"),
            ("lambda", "function"),
        )
    )
    target = draw_target(desk.rng, desk.catalogue, service, type_, desk.scene, desk.alias(service))
    pool = [
        a for a in actions_on(desk.catalogue, service, type_) if a.access_level in ("Write", "Permissions management")
    ]
    pronoun = replace(target, words="it", form="it")
    exception = scoped(replace(desk, style="plain"), pronoun, few(desk, pool, 1, 4))
    want = level(desk, service, "full", target)
    if not want or exception.form.startswith("literal"):
        return None
    return Draft((want,), exception=exception, complement=True, scene=desk.scene)


def allow_and_deny(desk: Desk) -> Draft | None:
    """Some actions allowed on a resource or service, others of the same service denied."""
    service = service_of(desk)
    found = target_of(desk, service)
    if found and desk.chance(0.6):
        target, pool = found
        chosen = few(desk, pool, 3, 6)
        if len(chosen) < 3:
            return None
        cut = desk.rng.randint(1, len(chosen) - 1)
        again = replace(target, words=target.pronoun, form="it")
        ban = scoped(replace(desk, style="plain"), again, chosen[cut:])
        return Draft((scoped(desk, target, chosen[:cut]),), bans=(Ban(ban),), scene=desk.scene)
    actions = actions_of(desk, service, desk.rng.randint(3, 6))
    if len(actions) < 2:
        return None
    cut = desk.rng.randint(1, len(actions) - 1)
    return Draft(
        (unscoped(desk, actions[:cut]),), bans=(Ban(unscoped(desk, actions[cut:], told=True)),), scene=desk.scene
    )


def _ban_want(desk: Desk) -> Want | None:
    roll = desk.rng.random()
    if roll < 0.35:
        return named_want(desk, 1, 4)
    if roll < 0.85:
        service = service_of(desk)
        pool = [a for a in speakable(desk.catalogue, service) if a.access_level not in ("List", "Read")]
        return unscoped(desk, few(desk, pool, 1, 5)) if pool else None
    service = service_of(desk, 0.4)
    alias = desk.alias(service)
    text = desk.rng.choice((f"use {alias}", f"do anything in {alias}", f"use any {alias} action"))
    return Want((Clause((text,)),), (Grant((f"{service}:*",)),), "all")


def deny(desk: Desk) -> Draft | None:
    """A plain explicit deny."""
    want = _ban_want(desk)
    return Draft(bans=(Ban(want),), scene=desk.scene) if want else None


def deny_unless(desk: Desk) -> Draft | None:
    """A deny that holds where a condition is not met: without MFA, outside a range, over plain HTTP."""
    want = _ban_want(desk)
    return Draft(bans=(Ban(want, draw_some(desk, [want], deny=True)[0]),), scene=desk.scene) if want else None


def allow_but_deny_unless(desk: Desk) -> Draft | None:
    """Something allowed outright, and riskier actions of the same service denied unless a condition is met."""
    service = service_of(desk)
    calm = [a for a in speakable(desk.catalogue, service) if a.access_level in ("List", "Read")]
    risky = [
        a for a in speakable(desk.catalogue, service) if a.operation.startswith(("Delete", "Terminate", "Stop", "Put"))
    ]
    if not calm or not risky:
        return None
    wide = (
        level(desk, service, "full")
        if desk.chance(0.4)
        else unscoped(desk, few(desk, calm, 1, 4) + few(desk, risky, 1, 2))
    )
    limit = draw_some(desk, [wide], deny=True)[0]
    named = [a for a in risky if a.name in wide.actions] or few(desk, risky, 1, 3)
    return Draft(
        (wide,), bans=(Ban(unscoped(replace(desk, style="plain"), named, told=True), limit),), scene=desk.scene
    )
