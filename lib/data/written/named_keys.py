"""Documented condition keys that have no words of their own: named literally ("only when rds:MultiAz is true").

A Desk and a service come in; actions that know the key go out with a Limit, or None where the service has none.
"""

from iampolicy.catalogue import Action, ConditionKey
from lib.data.written.desk import Desk
from lib.data.written.limits import Block, Limit, key_limit
from lib.data.written.names import kebab

# Keys whose values are names that somebody chose: for others an invented value would be nonsense.
_NAMED = (
    "name",
    "names",
    "label",
    "group",
    "groups",
    "alias",
    "namespace",
    "project",
    "cluster",
    "tablespace",
    "title",
)
_PLAIN = {"String", "Bool", "Numeric", "ArrayOfString"}


def named(desk: Desk, service: str) -> tuple[list[Action], Limit] | None:
    """Actions of the service under one of its own documented keys, named literally; None if it has no such key."""
    keys = [k for k in desk.catalogue.services[service].condition_keys.values() if _usable(service, k)]
    desk.rng.shuffle(keys)
    for key in keys:
        actions = [a for a in desk.catalogue.services[service].actions.values() if key.name in a.condition_keys]
        if not actions:
            continue
        chosen = desk.rng.sample(actions, min(len(actions), desk.rng.randint(1, 4)))
        if key.type == "Bool":
            value = desk.rng.choice(("true", "false"))
            clause = desk.rng.choice((f"only when {key.name} is {value}", f"with {key.name} set to {value}"))
            block: Block = (("Bool", key.name, value),)
        elif key.type == "Numeric":
            value = desk.rng.choice(("5", "10", "50", "100", "3600"))
            clause = desk.rng.choice(
                (f"only when {key.name} is at most {value}", f"with {key.name} no higher than {value}")
            )
            block = (("NumericLessThanEquals", key.name, value),)
        else:
            value = kebab(desk.rng)
            operator = "ForAnyValue:StringEquals" if key.type == "ArrayOfString" else "StringEquals"
            verb = desk.rng.choice(("contains", "includes")) if key.type == "ArrayOfString" else "is"
            clause = desk.rng.choice(
                (
                    f"only when {key.name} {verb} {value}",
                    f"provided that the condition key {key.name} {verb} {value}",
                    f"if {key.name} {verb} {value}",
                )
            )
            block = ((operator, key.name, value),)
        return chosen, key_limit(clause, block)
    return None


def _usable(service: str, key: ConditionKey) -> bool:
    own = key.name.startswith(f"{service}:")
    telling = not any(c in key.name for c in "$<{") and not key.name.lower().endswith(("arn", "arns", "date", "time"))
    if key.type in ("String", "ArrayOfString"):
        telling = telling and key.name.lower().endswith(_NAMED)
    return own and telling and key.type in _PLAIN
