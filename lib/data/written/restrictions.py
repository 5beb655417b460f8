"""Makers of requests that hold under a condition: general ones, a service's own keys, and tags.

A Desk comes in; a Draft goes out, or None when the drawn service has nothing that suits.
"""

from lib.data.written import keys, named_keys
from lib.data.written.allowances import of, several
from lib.data.written.conditions import REQUEST_TAG, RESOURCE_TAG, TAG_KEYS, draw_some
from lib.data.written.desk import Desk
from lib.data.written.drafts import Draft
from lib.data.written.limits import Limit, draw
from lib.data.written.pools import any_want, few, service_of, speakable
from lib.data.written.wants import unscoped


def conditional(desk: Desk) -> Draft | None:
    """Any small want under one or two conditions."""
    want = any_want(desk)
    if not want:
        return None
    return of(want, desk, limits=tuple(draw_some(desk, [want], 2 if desk.chance(0.2) else 1)))


def conditional_services(desk: Desk) -> Draft | None:
    """Two or three services under one condition."""
    wants = several(desk, 2, 3, any_want)
    return Draft(wants, tuple(draw_some(desk, wants)), scene=desk.scene) if wants else None


def service_key(desk: Desk) -> Draft | None:
    """A condition key of a service."""
    found = keys.curated(desk) if desk.chance(0.45) else named_keys.named(desk, service_of(desk))
    if not found:
        return None
    actions, limit = found
    return of(unscoped(desk, actions), desk, limits=(limit,))


_MAKING = ("Create", "Register", "Import", "Run", "Allocate", "Request", "Copy", "Purchase")


def tagged(desk: Desk) -> Draft | None:
    """Tag-based access: on the resource, on the request, or on the tag keys of the request."""
    row, key = desk.rng.choices(
        (
            (RESOURCE_TAG, "aws:ResourceTag/${TagKey}"),
            (REQUEST_TAG, "aws:RequestTag/${TagKey}"),
            (TAG_KEYS, "aws:TagKeys"),
        ),
        (6, 3, 1),
    )[0]
    service = service_of(desk)
    pool = [a for a in speakable(desk.catalogue, service) if key in a.condition_keys]
    if row is RESOURCE_TAG:  # what is only being made has no tags yet
        pool = [a for a in pool if not a.operation.startswith(_MAKING)]
    if not pool:
        return None
    limits: tuple[Limit, ...] = (draw(desk.rng, row),)
    return of(unscoped(desk, few(desk, pool, 1, 5)), desk, limits=limits)
