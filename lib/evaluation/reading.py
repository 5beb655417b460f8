"""What an answer says: the JSON in a text, and the services, effects and actions of the policy in it.

Text comes in, a Reading goes out; no text raises. The definitions of valid, extracted and schema valid are those of
the reference report ("Fine-Tuning a Large Language Model for AWS IAM Policy Generation", Evaluation Metrics).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from iampolicy import catalogue, document

NOTHING = object()  # no JSON was found; None would be the JSON value null


@dataclass(frozen=True)
class Reading:
    """One text, read once. All sets are empty where there is no policy to read them from."""

    valid: bool  # the whole text parses
    extracted: bool  # the whole text parses, or what stands from the first "{" to the last "}" does
    is_object: bool
    faults: tuple[str, ...]  # why it is not schema valid, a sentence each; empty when nothing was extracted
    services: frozenset[str]  # lower-case prefixes of Action and NotAction
    effects: frozenset[str]
    granted: frozenset[str]  # the catalogue's actions that the Allow statements match
    unknown: tuple[str, ...]  # distinct action strings that match nothing in the catalogue, sorted

    @property
    def schema_valid(self) -> bool:
        """Whether the extracted value has the shape of a policy, by the report's definition."""
        return self.extracted and not self.faults


def read(text: str, trust: bool = False) -> Reading:
    """Read any text, also one that is no policy at all.

    A whole text that is JSON but no object (`[]`, `5`, `null`) is valid and extracted, as the report's wording has
    it; it is then not schema valid and has no services, effects or actions. So valid always implies extracted.

    Args:
        trust: a role's trust policy is asked for, which has no Resource: its statements need none to be schema valid.
    """
    value = _loads(text)
    valid = value is not NOTHING
    if not valid:
        first, last = text.find("{"), text.rfind("}")
        value = _loads(text[first : last + 1]) if 0 <= first < last else NOTHING
    extracted = value is not NOTHING
    is_object = isinstance(value, dict)
    statements = document.Policy(value).statements if is_object else ()
    patterns = {pattern for statement in statements for pattern in statement.action_patterns}
    return Reading(
        valid=valid,
        extracted=extracted,
        is_object=is_object,
        faults=tuple(_schema_faults(value, trust)) if extracted else (),
        services=frozenset().union(*(statement.services for statement in statements)),
        effects=frozenset(_effects(statements)),
        granted=_granted(statements),
        unknown=tuple(sorted(pattern for pattern in patterns if not _expand(pattern))),
    )


@lru_cache(maxsize=4_096)
def read_expected(text: str) -> Reading:
    """The same as `read`, kept: every arm is compared with the same expectations."""
    return read(text)


@lru_cache(maxsize=4_096)
def policy_type(expected: str) -> str:
    """What a wanted policy is to be attached to: "identity", "resource" (a Principal in each statement) or "trust"
    (a Principal and no Resource). A service control policy reads as one of an identity.
    """
    value = _loads(expected)
    statements = document.Policy(value).statements if isinstance(value, dict) else ()
    if not statements or not all(s.principal is not None or s.not_principal is not None for s in statements):
        return "identity"
    return "resource" if any(s.resources or s.not_resources for s in statements) else "trust"


def policy_text(text: str) -> str:
    """The part of a text that `read` reads as the policy: the whole, or from the first "{" to the last "}"."""
    return text if _loads(text) is not NOTHING else text[text.find("{") : text.rfind("}") + 1]


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # JSONDecodeError, NaN, an integer of thousands of digits, a tower of brackets
        return NOTHING


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")  # Python would read NaN and Infinity; no other reader of policies does


def _schema_faults(value: Any, trust: bool) -> Iterator[str]:
    """The report's schema check: keys must be present; their values are only looked at for Statement and Effect."""
    if not isinstance(value, dict):
        yield "the JSON is not an object"
        return
    if "Version" not in value:
        yield "Version is missing"
    statements = value.get("Statement")
    if not isinstance(statements, dict | list) or not statements:
        yield "Statement is missing, empty or neither an object nor a list"
        return
    for index, statement in enumerate([statements] if isinstance(statements, dict) else statements):
        if not isinstance(statement, dict):
            yield f"Statement[{index}] is not an object"
            continue
        if statement.get("Effect") not in document.EFFECTS:
            yield f"Statement[{index}] has no Effect that is Allow or Deny"
        for element in ("Action",) if trust else ("Action", "Resource"):
            if element not in statement and f"Not{element}" not in statement:
                yield f"Statement[{index}] has neither {element} nor Not{element}"


def _effects(statements: Iterable[document.Statement]) -> Iterator[str]:
    for statement in statements:
        effect: Any = statement.effect
        if effect is not None:  # an effect of another type is an effect that no policy has: never equal to a wanted one
            yield effect if isinstance(effect, str) else f"({type(effect).__name__})"


def _granted(statements: Iterable[document.Statement]) -> frozenset[str]:
    granted: set[str] = set()
    for statement in statements:
        if statement.effect != "Allow":
            continue
        for pattern in statement.actions or ():
            granted |= _expand(pattern)
        if statement.not_actions is not None:
            granted |= catalogue.load().names.difference(*map(_expand, statement.not_actions))
    return frozenset(granted)


def _expand(pattern: str) -> frozenset[str]:
    if catalogue.has_wildcard(pattern):
        return catalogue.load().expand(pattern)
    action = catalogue.load().action(pattern)  # a plain name needs no search through its service
    return frozenset((action.name,)) if action else frozenset()
