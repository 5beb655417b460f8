"""Which resource types a call cannot do without, and which of them stand for one another.

The Service Authorization Reference marks types of an action as required. The mark does not say whether a request must
name all of them or one: services.yaml has the types that stand for one another.
"""

from functools import lru_cache

from iampolicy.catalogue import Action
from iamtrail.tables import ALTERNATIVES, NEEDED

Group = frozenset[str]  # names of resource types, one of which a call is on


@lru_cache(maxsize=65_536)
def groups(action: Action) -> tuple[Group, ...]:
    """The groups of types of each of which a call names one; all types in one where the reference marks none.

    An action that gives, takes or lists tags, or sets a policy, is on one resource of whichever type.
    """
    if action.name in NEEDED:
        return tuple(frozenset(names.split("|")) for names in NEEDED[action.name])
    if not action.required or of_any_type(action):
        return (frozenset(action.resource_types),)
    found: dict[str, Group] = {}
    for name in action.required:
        found.setdefault(_stands_for(action.service, name), frozenset())
        found[_stands_for(action.service, name)] |= {name}
    return tuple(found.values())


def of_any_type(action: Action) -> bool:
    """Whether each of the action's types is one that it can be asked for on, and none is needed beside another."""
    return action.access_level == "Tagging" or "Tags" in action.operation or "ResourcePolicy" in action.operation


def _stands_for(service: str, name: str) -> str:
    """The same word for types that stand for one another."""
    alike = next((names for names in ALTERNATIVES.get(service, ()) if name in names.split("|")), None)
    return alike or name.partition("/")[0]
