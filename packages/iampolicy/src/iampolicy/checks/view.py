"""A statement as the checks read it: its values as flat lists, each with its place in the document.

Only what has the right JSON type is listed; what has not is the business of structure.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from iampolicy.conditions import OPERATORS

FAMILIES = ("String", "Numeric", "Date", "Bool", "Binary", "IpAddress", "Arn", "Null")
QUANTIFIERS = ("", "forallvalues", "foranyvalue")


class Value(NamedTuple):
    """A string of an Action, Resource or Principal element."""

    text: str
    path: str


class Test(NamedTuple):
    """One key of a condition block with its operator taken apart."""

    operator: str  # as written
    quantifier: str  # "", "forallvalues" or "foranyvalue"
    name: str  # the operator alone in lower case: "stringlike"
    if_exists: bool
    key: str  # as written
    values: list[Any]
    path: str

    @property
    def family(self) -> str:
        """One of FAMILIES, or "" for an operator that does not exist."""
        return FAMILY.get(self.name, "")

    @property
    def negated(self) -> bool:
        return self.name in OPERATORS and OPERATORS[self.name].negated

    @property
    def texts(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]


FAMILY = {
    name: next(f for f in FAMILIES if name.startswith(f.lower()) or name == f"not{f.lower()}")
    for name in (*OPERATORS, "null")
}


@dataclass(frozen=True)
class View:
    """One statement of a policy of some type."""

    data: dict[str, Any]
    path: str  # "Statement[0]"
    kind: str  # the policy's type, one of document.POLICY_TYPES
    version: Any

    @property
    def allows(self) -> bool:
        return self.data.get("Effect") == "Allow"

    @property
    def denies(self) -> bool:
        return self.data.get("Effect") == "Deny"

    @cached_property
    def actions(self) -> list[Value]:
        return self.texts("Action")

    @cached_property
    def not_actions(self) -> list[Value]:
        return self.texts("NotAction")

    @cached_property
    def resources(self) -> list[Value]:
        return self.texts("Resource")

    @cached_property
    def not_resources(self) -> list[Value]:
        return self.texts("NotResource")

    @cached_property
    def principals(self) -> list[tuple[str, Value]]:
        """Kind and value of Principal and NotPrincipal; "*" alone is of kind "*"."""
        found: list[tuple[str, Value]] = []
        for element in ("Principal", "NotPrincipal"):
            given, path = self.data.get(element), f"{self.path}.{element}"
            if isinstance(given, str):
                found.append(("*", Value(given, path)))
            elif isinstance(given, dict):
                found += [(kind, v) for kind, some in given.items() for v in _texts(some, f"{path}.{kind}")]
        return found

    def principals_of(self, kind: str) -> list[str]:
        """The values of one kind in Principal."""
        place = f"{self.path}.Principal"
        return [value.text for k, value in self.principals if k == kind and value.path.startswith(place)]

    @cached_property
    def tests(self) -> list[Test]:
        condition = self.data.get("Condition")
        return list(_tests(condition, f"{self.path}.Condition")) if isinstance(condition, dict) else []

    @cached_property
    def keys(self) -> frozenset[str]:
        """The condition keys, in lower case."""
        return frozenset(test.key.lower() for test in self.tests)

    def texts(self, element: str) -> list[Value]:
        return _texts(self.data.get(element), f"{self.path}.{element}")

    def has(self, element: str) -> bool:
        """Whether the element or its opposite ("Action" or "NotAction") stands in the statement."""
        return element in self.data or f"Not{element}" in self.data


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any, path: str) -> list[Value]:
    if isinstance(value, str):
        return [Value(value, path)]
    if not isinstance(value, list):
        return []
    return [Value(text, f"{path}[{i}]") for i, text in enumerate(value) if isinstance(text, str)]


def _tests(condition: dict[str, Any], path: str) -> Iterator[Test]:
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            continue
        quantifier, _, name = operator.lower().rpartition(":")
        bare = name.removesuffix("ifexists")
        for key, values in keys.items():
            yield Test(operator, quantifier, bare, bare != name, str(key), as_list(values), f"{path}.{operator}.{key}")
