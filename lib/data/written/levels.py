"""Wants that wildcards grant: levels of access to a service or a resource, and all operations with a verb.

A Desk and a service come in; a Want goes out, or None where the service has no such level.
"""

from iampolicy.catalogue import Catalogue
from lib.data.written.desk import Desk
from lib.data.written.resources import NAMED_BY, Target
from lib.data.written.wants import Clause, Grant, Want, arns
from lib.data.written.words import listed

READ_VERBS = ("Describe", "Get", "List")
MORE_READ_VERBS = ("BatchGet", "Lookup", "Query", "Scan", "Search", "Select", "View")
LEVELS = ("read", "list", "full")


def patterns(catalogue: Catalogue, service: str, level: str) -> tuple[str, ...]:
    """The wildcards that make up a level of access; empty if the service has no actions for it, or not cleanly."""
    if level == "full":
        return (f"{service}:*",)
    if level == "list":
        found = catalogue.expand(f"{service}:List*")
        return (f"{service}:List*",) if len(found) > 1 else ()
    chosen = []
    for verb in (*READ_VERBS, *MORE_READ_VERBS):
        found = [catalogue.action(name) for name in catalogue.expand(f"{service}:{verb}*")]
        reads = sum(a.access_level in ("Read", "List") for a in found)
        if found and verb in READ_VERBS and reads < 0.9 * len(found):
            return ()
        if not found or (verb not in READ_VERBS and reads < len(found)):
            continue
        if len(found) == 1 and verb in MORE_READ_VERBS:
            chosen.append(found[0].name)
        else:
            chosen.append(f"{service}:{verb}*")
    return tuple(chosen)


_LEVEL_NOUNS = {
    "read": (
        "read-only access to {x}",
        "read access to {x}",
        "view-only access to {x}",
        "read-only permissions for {x}",
    ),
    "list": ("list-only access to {x}", "list access to {x}"),
    "full": ("full access to {x}", "admin access to {x}", "complete access to {x}", "unrestricted access to {x}"),
}
_LEVEL_VERBS = {
    "read": (
        "have read-only access to {x}",
        "look at everything in {x} without changing anything",
        "only read {x}",
        "read everything in {x}",
        "view {x} without being able to change it",
    ),
    "list": ("only list things in {x}", "list everything in {x}", "have list-only access to {x}"),
    "full": (
        "do anything in {x}",
        "have full access to {x}",
        "fully manage {x}",
        "have full control over {x}",
        "use every action of {x}",
        "administer {x} without limits",
    ),
}


def level(desk: Desk, service: str, depth: str, target: Target | None = None) -> Want | None:
    """Read-only, list-only or full access to a service, or to a named resource of it; None if it has no such level."""
    actions = patterns(desk.catalogue, service, depth)
    if not actions:
        return None
    words = target.words if target else desk.alias(service)
    resources = ("*",)
    if target:
        types = [target.type, *(t for (s, t), by in NAMED_BY.items() if s == service and by == target.type)]
        resources = tuple(dict.fromkeys(a for t in types for a in arns(desk, target, t)))
    verbs = _LEVEL_VERBS[depth]
    if target:
        verbs = tuple(v for v in verbs if "control" in v or "access to" in v)
    index = desk.rng.randrange(len(verbs))
    return Want(
        (Clause((verbs[index].format(x=words),)),),
        (Grant(actions, resources),),
        f"{depth}{index}",
        desk.rng.choice(_LEVEL_NOUNS[depth]).format(x=words),
    )


def verb_wildcard(desk: Desk, service: str, verbs: list[str]) -> Want:
    """Every action of a service that begins with one of the verbs: "any Describe call"."""
    alias = desk.alias(service)
    these = listed(verbs)
    either = listed(verbs, "or")
    forms = (
        f"use all {these} actions of {alias}",
        f"call any {alias} action whose name starts with {either}",
        f"make any {either} call in {alias}",
        f"run every {these} operation in {alias}",
        f"use all {listed([f'{service}:{v}*' for v in verbs])} actions",
    )
    index = desk.rng.randrange(len(forms))
    actions = tuple(f"{service}:{verb}*" for verb in verbs)
    return Want((Clause((forms[index],)),), (Grant(actions),), f"verb{index}")
