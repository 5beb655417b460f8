"""The statements of a policy, cut as a model is to write them (`parted`) and set in order once it has (`tidied`).

A model repeats itself, grants on everything what it has just granted on something, and puts a condition on calls that
cannot meet it; `tidied` mends that, without allowing anything that the text does not say.
"""

from typing import Any

from iampolicy import catalogue
from iampolicy.catalogue import Action, spellings
from iampolicy.conditions import GLOBAL_KEYS
from iampolicy.document import as_list
from iampolicy.patterns import overlaps

Document = dict[str, Any]
Statement = dict[str, Any]

OF_THE_CALL = ("aws:resourcetag/", "aws:requesttag/", "aws:tagkeys/")  # global keys that not every call carries
LOOKING = ("List", "Read")  # access levels of calls that change nothing


def parted(policy: Document) -> Document:
    """The policy with the actions of a statement in statements of their own where they can be on other resources.

    What it allows and denies stays the same: "read and list a bucket" on bucket and objects becomes listing on the one
    and reading on the other. An action that is on none of the resources stays with those before it.
    """
    return policy | {"Statement": [part for s in as_list(policy["Statement"]) for part in _by_resource(s)]}


def tidied(policy: Document) -> Document:
    """The policy with each item of a list once, no statement twice, and what is granted on something not on everything.

    Calls that only look and are on no resource leave a statement whose condition they cannot meet: "stop instances with
    the tag, and describe them" limits the stopping. What every call can meet, as a source address, limits them still.
    That is the one thing that grants more than the text, which would grant nothing.
    """
    statements = [part for statement in as_list(policy["Statement"]) for part in _apart(_once(statement))]
    kept: list[Statement] = []
    for statement in statements:
        part = _narrowed(statement, statements)
        if part and part not in kept:
            kept.append(part)
    return policy | {"Statement": kept}


def single(values: list[str]) -> str | list[str]:
    """One value as it is, several as a list: as canonical() writes them."""
    return values[0] if len(values) == 1 else values


def _by_resource(statement: Statement) -> list[Statement]:
    resources = as_list(statement.get("Resource", "*"))
    if "Action" not in statement or "*" in resources:
        return [statement]
    parts: dict[tuple[str, ...], list[str]] = {}
    last = tuple(resources)
    for pattern in as_list(statement["Action"]):
        last = tuple(r for r in resources if _is_on(pattern, r)) or last
        parts.setdefault(last, []).append(pattern)
    if len({r for on in parts for r in on}) < len(resources):  # some resource is nobody's: leave it as it was written
        return [statement]
    rest = {key: value for key, value in statement.items() if key != "Sid"}  # which must differ from the others
    return [rest | {"Action": single(actions), "Resource": single(list(on))} for on, actions in parts.items()]


def _once(statement: Statement) -> Statement:
    lists = (e for e in ("Action", "NotAction", "Resource", "NotResource") if e in statement)
    return statement | {element: single(list(dict.fromkeys(as_list(statement[element])))) for element in lists}


def _narrowed(statement: Statement, every: list[Statement]) -> Statement | None:
    """An Allow on everything without the actions that another Allow has on some resource; None if none is left."""
    if statement.get("Effect") != "Allow" or statement.get("Resource") != "*" or "Action" not in statement:
        return statement
    elsewhere = {
        action
        for other in every
        if other.get("Effect") == "Allow" and other.get("Resource", "*") != "*" and "Action" in other
        for action in as_list(other["Action"])
        if any(_is_on(action, resource) for resource in as_list(other["Resource"]))
    }
    kept = [action for action in as_list(statement["Action"]) if action not in elsewhere]
    return statement | {"Action": single(kept)} if kept else None


def _apart(statement: Statement) -> list[Statement]:
    """The statement, and beside it what only looks and cannot meet the condition."""
    tests = statement.get("Condition", {})
    own = [key for keys in tests.values() for key in keys if not _everywhere(key)]
    if not own or statement.get("Effect") != "Allow" or "Action" not in statement:
        return [statement]
    actions = as_list(statement["Action"])
    free = [name for name in actions if _only_looks(name) and not any(_knows(name, key) for key in own)]
    if not free or len(free) == len(actions):
        return [statement]
    rest = [name for name in actions if name not in free]
    met = {operator: {k: v for k, v in keys.items() if _everywhere(k)} for operator, keys in tests.items()}
    met = {operator: keys for operator, keys in met.items() if keys}  # what every call can meet still limits them
    beside = {key: value for key, value in statement.items() if key != "Condition"}
    beside |= {"Action": single(free), "Resource": "*"} | ({"Condition": met} if met else {})
    return [statement | {"Action": single(rest)}, beside]


def _everywhere(key: str) -> bool:
    """Whether every call carries the key; tags of resources and requests are the call's own."""
    spelled = spellings(key)
    return any(s in GLOBAL_KEYS for s in spelled) and not spelled[1].startswith(OF_THE_CALL)


def _actions(pattern: str) -> list[Action]:
    return [catalogue.load().actions[name] for name in catalogue.load().expand(pattern)]


def _is_on(pattern: str, resource: str) -> bool:
    """Whether some action that the pattern matches can be on the resource."""
    return any(overlaps(resource, arn) for action in _actions(pattern) for arn in catalogue.load().formats(action))


def _only_looks(pattern: str) -> bool:
    actions = _actions(pattern)
    return bool(actions) and all(a.access_level in LOOKING and not a.resource_types for a in actions)


def _knows(pattern: str, key: str) -> bool:
    return any(catalogue.load().supports_key(action, key) for action in _actions(pattern))
