"""What a check gets and what it gives: a statement's values with their places, and findings.

findings.tsv lists every code of Access Analyzer's policy validation with its severity and its sentence (IAM User Guide,
"IAM policy validation check reference"), and codes of our own; a check gives the code, the place, and what stands in
the sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from iampolicy import tables
from iampolicy.conditions import FAMILIES, OPERATORS, read_operator, tests_of
from iampolicy.document import EFFECTS

REPLACED_FROM = "2012-10-17"  # the version from which on ${...} is replaced; older ones take it as it stands
SEVERITIES = ("ERROR", "SECURITY_WARNING", "WARNING", "SUGGESTION")  # worst first
_ROWS = tables.rows("findings.tsv")
CODES: dict[str, str] = {row["code"]: row["severity"] for row in _ROWS}  # code -> severity
SENTENCES = {(row["code"], row["case"]): row["sentence"] for row in _ROWS}
OURS = frozenset(row["code"] for row in _ROWS if row["source"] == "ours")  # codes that are none of Access Analyzer's


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, risky or needless; `path` says where: "Statement[0].Action[1]"."""

    code: str
    severity: str  # one of SEVERITIES
    message: str
    path: str

    @property
    def source(self) -> str:
        """Whose code it is: "access-analyzer", or "iampolicy" for one of our own."""
        return "iampolicy" if self.code in OURS else "access-analyzer"


def finding(code: str, path: str, *values: object, case: str = "") -> Finding:
    """The finding of a code at a place; the values stand in its sentence, in order."""
    return Finding(code, CODES[code], SENTENCES[code, case].format(*values), path)


def shown(value: Any) -> str:
    """A value from a document inside a message: quoted, on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


class Value(NamedTuple):
    """A string of an Action, Resource or Principal element."""

    text: str
    path: str


class Test(NamedTuple):
    """One key of a condition block with its operator taken apart."""

    operator: str  # as written
    quantifier: str
    name: str  # the operator alone in lower case: "stringlike"
    if_exists: bool
    key: str  # as written
    values: list[Any]
    path: str

    @property
    def family(self) -> str:
        """The type of values that the operator compares, Null, or "" for an operator that does not exist."""
        return FAMILIES.get(self.name, "")

    @property
    def negated(self) -> bool:
        return self.name in OPERATORS and OPERATORS[self.name].negated

    @property
    def texts(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]


@dataclass(frozen=True)
class View:
    """One statement of a policy of some type. Only what has the right JSON type is listed; see structure.py."""

    data: dict[str, Any]
    path: str  # "Statement[0]"
    kind: str  # the policy's type, one of document.POLICY_TYPES
    version: Any

    @property
    def effect(self) -> str:
        """Allow, Deny or ""."""
        effect = self.data.get("Effect")
        return effect if isinstance(effect, str) and effect in EFFECTS else ""

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

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
        path = f"{self.path}.Condition"
        return [
            Test(name, *read_operator(name), key, given if isinstance(given, list) else [given], f"{path}.{name}.{key}")
            for name, key, given in tests_of(self.data.get("Condition"))
        ]

    @cached_property
    def keys(self) -> frozenset[str]:
        """The condition keys, in lower case."""
        return frozenset(test.key.lower() for test in self.tests)

    def texts(self, element: str) -> list[Value]:
        return _texts(self.data.get(element), f"{self.path}.{element}")


def _texts(value: Any, path: str) -> list[Value]:
    if isinstance(value, str):
        return [Value(value, path)]
    if not isinstance(value, list):
        return []
    return [Value(text, f"{path}[{i}]") for i, text in enumerate(value) if isinstance(text, str)]


Findings = Iterator[Finding]
