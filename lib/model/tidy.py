"""Set a drafted policy in order, without allowing anything that it does not say.

A model repeats itself, grants on everything what it has just granted on something, and puts a condition on calls that
cannot meet it. The statements of a policy come in; a policy that says the same once goes out.
"""

from typing import Any

from iampolicy import catalogue
from iampolicy.catalogue import spellings
from iampolicy.checks.keys import GLOBAL_TYPES
from iampolicy.document import as_list
from iampolicy.patterns import overlaps

OF_THE_CALL = ("aws:resourcetag/", "aws:requesttag/", "aws:tagkeys/")  # global keys that not every call carries
LOOKING = ("List", "Read")  # access levels of calls that change nothing


def tidied(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy with each item of a list once, no statement twice, and what is granted on something not on everything.

    Calls that only look and are on no resource leave a statement whose condition they cannot meet: "stop instances with
    the tag, and describe them" limits the stopping. What every call can meet, as a source address, limits them still.
    That is the one thing that grants more than the text, which would grant nothing.
    """
    statements = [part for statement in as_list(policy["Statement"]) for part in _apart(_once(statement))]
    kept: list[dict[str, Any]] = []
    for statement in statements:
        part = _narrowed(statement, statements)
        if part and part not in kept:
            kept.append(part)
    return policy | {"Statement": kept}


def _once(statement: dict[str, Any]) -> dict[str, Any]:
    found = dict(statement)
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        if element in found:
            found[element] = single(list(dict.fromkeys(as_list(found[element]))))
    return found


def _narrowed(statement: dict[str, Any], every: list[dict[str, Any]]) -> dict[str, Any] | None:
    """An Allow on everything without the actions that another Allow has on some resource; None if none is left."""
    if statement.get("Effect") != "Allow" or statement.get("Resource") != "*" or "Action" not in statement:
        return statement
    named = {
        action
        for other in every
        if other.get("Effect") == "Allow" and other.get("Resource", "*") != "*" and "Action" in other
        for action in as_list(other["Action"])
        if _is_on(action, as_list(other.get("Resource", "*")))
    }
    kept = [action for action in as_list(statement["Action"]) if action not in named]
    return statement | {"Action": single(kept)} if kept else None


def _is_on(pattern: str, resources: list[str]) -> bool:
    known = catalogue.load()
    formats = {f for name in known.expand(pattern) for f in known.formats(known.actions[name])}
    return any(overlaps(resource, f) for resource in resources for f in formats)


def _apart(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The statement, and beside it what only looks and cannot meet the condition."""
    keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
    own = [key for key in keys if not _everywhere(key)]
    if not own or statement.get("Effect") != "Allow" or "Action" not in statement:
        return [statement]
    actions = as_list(statement["Action"])
    free = [name for name in actions if _only_looks(name) and not any(_knows(name, key) for key in own)]
    if not free or len(free) == len(actions):
        return [statement]
    rest = [name for name in actions if name not in free]
    met = {op: {k: v for k, v in tests.items() if _everywhere(k)} for op, tests in statement["Condition"].items()}
    met = {operator: tests for operator, tests in met.items() if tests}  # what every call can meet still limits them
    beside = {key: value for key, value in statement.items() if key != "Condition"}
    beside |= {"Action": single(free), "Resource": "*"} | ({"Condition": met} if met else {})
    return [statement | {"Action": single(rest)}, beside]


def _everywhere(key: str) -> bool:
    """Whether every call carries the key; tags of resources and requests are the call's own."""
    spelled = spellings(key)
    return any(s in GLOBAL_TYPES for s in spelled) and not spelled[1].startswith(OF_THE_CALL)


def _only_looks(pattern: str) -> bool:
    known = catalogue.load()
    actions = [known.actions[name] for name in known.expand(pattern)]
    return bool(actions) and all(a.access_level in LOOKING and not a.resource_types for a in actions)


def _knows(pattern: str, key: str) -> bool:
    known = catalogue.load()
    return any(known.supports_key(known.actions[name], key) for name in known.expand(pattern))


def single(values: list[str]) -> str | list[str]:
    """One value as it is, several as a list: as canonical() writes them."""
    return values[0] if len(values) == 1 else values
