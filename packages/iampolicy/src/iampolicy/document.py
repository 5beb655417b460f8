"""A policy document: text to Policy and back.

Text, a dict or a Policy comes in; a Policy goes out that keeps the order and the scalar or list form of the
original, so that printing it gives the author's document again. What is wrong with the text is a
PolicySyntaxError with line and column.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from iampolicy import tables

VERSIONS = ("2012-10-17", "2008-10-17")
EFFECTS = ("Allow", "Deny")
POLICY_ELEMENTS = ("Version", "Id", "Statement")
STATEMENT_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)

LONGEST_NUMBER = 8_192  # bits; Python prints no integer of more than 4,300 digits
MOST_REPEATED = 100  # repeated keys that are listed
DEEPEST = 64  # a policy needs seven levels; what parses must never be too deep to print or to walk
_KEY_OR_BRACE = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.+-]+')  # a string, or a number or word outside of strings


class PolicyType(NamedTuple):
    """What AWS asks of a type of policies: a row of policy_types.tsv."""

    most: int  # characters
    counted: str  # "without white space", or empty: all of them
    quota_code: str
    needs: tuple[str, ...]  # elements that each statement has, or their opposites
    refuses: dict[str, str]  # element that no statement may have -> the code of the finding


POLICY_TYPES = {
    row["type"]: PolicyType(
        int(row["most"]),
        row["counted"],
        row["quota_code"],
        tuple(row["needs"].split()),
        dict(pair.split(":") for pair in row["refuses"].split()),
    )
    for row in tables.rows("policy_types.tsv")
}


class PolicySyntaxError(ValueError):
    """The text is not a policy document. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{message} (line {line}, column {column})")
        self.message, self.line, self.column = message, line, column


class Statement(NamedTuple):
    """One statement with its single-or-list elements as tuples; None means that the element is absent."""

    sid: str | None
    effect: str | None
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principal: Any
    not_principal: Any
    condition: dict[str, Any]

    @property
    def action_patterns(self) -> tuple[str, ...]:
        """What stands in Action and in NotAction, in this order."""
        return (self.actions or ()) + (self.not_actions or ())

    @property
    def services(self) -> frozenset[str]:
        """The lower-case service prefixes of Action and NotAction; a bare "*" has none."""
        return frozenset(p.partition(":")[0].lower() for p in self.action_patterns if ":" in p)


class Repeated(NamedTuple):
    """A key that stands a second time in one JSON object; line and column count from 1."""

    key: str
    line: int
    column: int


@dataclass(frozen=True)
class Policy:
    """A JSON object that is meant as a policy. `data` is the author's own form."""

    data: dict[str, Any]
    length: int | None = field(default=None, compare=False)  # characters of the text that it was read from
    repeated: tuple[Repeated, ...] = field(default=(), compare=False)  # only the last of repeated keys is in `data`

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements that are objects, in order; read once, so `data` is not to be changed afterwards."""
        return tuple(_statement(s) for s in as_list(self.data.get("Statement")) if isinstance(s, dict))

    @property
    def services(self) -> frozenset[str]:
        """The service prefixes of all statements."""
        return frozenset().union(*(s.services for s in self.statements))

    def size(self, policy_type: str = "identity") -> int:
        """The characters that AWS counts: without white space, where its type says so or no text is known."""
        all_of_it = self.length is not None and not POLICY_TYPES[policy_type].counted
        return self.length if all_of_it and self.length is not None else len(self.to_json())

    def to_json(self, indent: int | None = None) -> str:
        """The document as text: minified by default, else indented by so many spaces."""
        separators = (",", ":") if indent is None else (",", ": ")
        return json.dumps(self.data, indent=indent, separators=separators, ensure_ascii=False)


PolicyLike = str | dict[str, Any] | Policy


def parse(text: str) -> Policy:
    """Read a policy document.

    Raises:
        PolicySyntaxError: if the text is not JSON (with the place), or is JSON but no object, or holds a number that
            cannot be printed again, or is nested deeper than DEEPEST.
    """
    if not isinstance(text, str):
        raise PolicySyntaxError(f"a policy is text, not {type(text).__name__}")
    twice = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(made := dict(found)) != len(found):
            twice.append(made)
        return made

    try:
        data = json.loads(text, parse_constant=_constant, parse_float=_float, parse_int=_int, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise PolicySyntaxError(error.msg, error.lineno, error.colno) from error
    except _BadNumber as error:
        raise PolicySyntaxError(str(error), *_place(text, error.literal)) from error
    except RecursionError as error:
        raise PolicySyntaxError("nested too deeply for a policy") from error
    if not isinstance(data, dict):
        raise PolicySyntaxError(f"a policy is a JSON object, not {json_type(data)}")
    if fault := _no_json(data):
        raise PolicySyntaxError(fault)
    return Policy(data, len(text), tuple(islice(_repeated(text), MOST_REPEATED)) if twice else ())


class _BadNumber(ValueError):
    """A literal that Python would read, but that has no form in JSON."""

    def __init__(self, literal: str, why: str) -> None:
        super().__init__(f"{literal if len(literal) <= 20 else literal[:17] + '...'} {why}")
        self.literal = literal


def _constant(literal: str) -> None:
    raise _BadNumber(literal, "is not JSON")


def _float(literal: str) -> float:
    if math.isinf(value := float(literal)):
        raise _BadNumber(literal, "is too large a number")
    return value


def _int(literal: str) -> int:
    try:
        return int(literal)
    except ValueError as error:  # Python converts no more than some thousand digits
        raise _BadNumber(literal, "is too long a number") from error


def _place(text: str, literal: str) -> tuple[int, int]:
    """Line and column of the first such literal outside of strings; parsing stopped there."""
    start = next((t.start() for t in _TOKEN.finditer(text) if t.group() == literal), 0)
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def _repeated(text: str) -> Iterator[Repeated]:
    """The keys that stand twice in an object of a JSON text, with their places: the last one is what counts."""
    seen: list[set[str]] = []
    line, line_start, counted = 1, 0, 0  # counted as far as the last repeated key, so that many cost no more than few
    for token in _KEY_OR_BRACE.finditer(text):
        if token[0] == "{":
            seen.append(set())
        elif token[0] == "}":
            seen.pop()
        elif token["key"] is not None:
            key = json.loads(token["key"])
            if key in seen[-1]:
                line += text.count("\n", counted, token.start())
                line_start = max(line_start, text.rfind("\n", counted, token.start()) + 1)
                counted = token.start()
                yield Repeated(key, line, counted - line_start + 1)
            seen[-1].add(key)


def as_policy(policy: PolicyLike) -> Policy:
    """Take a policy in any of the forms that the library accepts.

    Raises:
        PolicySyntaxError: if it is text that does not parse, or of another type.
    """
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, dict):
        if fault := _no_json(policy):
            raise PolicySyntaxError(fault)
        return Policy(policy)
    return parse(policy)


def _no_json(value: Any, depth: int = 0) -> str | None:
    """Why a value of Python's is none of JSON's: too deep, or with keys or values that JSON does not have."""
    kind = type(value)
    if kind is dict or kind is list:
        if depth >= DEEPEST:
            return "nested too deeply for a policy"
        if kind is dict:
            for key in value:
                if type(key) is not str:
                    return f"a key is {key!r}; in JSON keys are strings"
            value = value.values()
        for inner in value:
            if type(inner) is not str and (fault := _no_json(inner, depth + 1)):
                return fault
        return None
    if isinstance(value, dict | list):  # of a derived type
        return _no_json(dict(value) if isinstance(value, dict) else list(value), depth)
    if not (value is None or is_scalar(value)):
        return f"a value of type {kind.__name__} is not JSON"
    if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
        return "a number is too long for JSON text"
    return None


def canonical(policy: PolicyLike, keep_sids: bool = False, keep_order: bool = False) -> Policy:
    """The same policy in the one form that the course trains on and generates.

    Elements stand in the order of the IAM policy grammar, actions are sorted unless their order is kept, a list of
    one is its element, and Sids go unless they are kept: a Sid is a label and changes no permission (IAM User Guide,
    "IAM JSON policy elements: Sid").
    """
    data = dict(as_policy(policy).data)
    if "Statement" in data:
        statements = [
            _canonical_statement(s, keep_sids, keep_order) if isinstance(s, dict) else s
            for s in as_list(data["Statement"])
        ]
        data["Statement"] = statements
    return Policy(_in_order(data, POLICY_ELEMENTS))


def _canonical_statement(statement: dict[str, Any], keep_sids: bool, keep_order: bool) -> dict[str, Any]:
    kept = {k: v for k, v in statement.items() if (keep_sids or k != "Sid") and not (k == "Condition" and v == {})}
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        values = kept.get(element)
        if isinstance(values, list) and values and all(isinstance(v, str) for v in values):
            distinct = list(dict.fromkeys(values))
            values = distinct if keep_order or not element.endswith("Action") else sorted(distinct)
            kept[element] = values[0] if len(values) == 1 else values
    if isinstance(kept.get("Condition"), dict):
        kept["Condition"] = {k: _unwrapped(v) for k, v in kept["Condition"].items()}
    return _in_order(kept, STATEMENT_ELEMENTS)


def _unwrapped(tests: Any) -> Any:
    if not isinstance(tests, dict):
        return tests
    return {key: v[0] if isinstance(v, list) and len(v) == 1 and is_scalar(v[0]) else v for key, v in tests.items()}


def _in_order(data: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    return {k: data[k] for k in sorted(data, key=lambda k: (order.index(k) if k in order else len(order), k))}


def _statement(data: dict[str, Any]) -> Statement:
    condition = data.get("Condition", {})
    actions, not_actions = _granted(data, "Action")
    resources, not_resources = _granted(data, "Resource")
    return Statement(
        sid=data.get("Sid"),
        effect=data.get("Effect"),
        actions=actions,
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        principal=data.get("Principal"),
        not_principal=data.get("NotPrincipal"),
        # What is no object cannot be satisfied: it must not pass for a statement without conditions.
        condition=condition if isinstance(condition, dict) else {"": condition},
    )


def _granted(data: dict[str, Any], element: str) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """An element and its opposite. An empty opposite, which AWS refuses, would mean everything: it grants nothing."""
    named, spared = _texts(data, element), _texts(data, f"Not{element}")
    if spared == () and named is None and data.get("Effect") == "Allow":
        return (), None
    return named, spared


def _texts(data: dict[str, Any], element: str) -> tuple[str, ...] | None:
    value = data.get(element)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple([text for text in value if isinstance(text, str)])
    return () if element in data else None


def as_list(value: Any) -> list[Any]:
    """A single value or a list as a list; nothing for None."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def is_scalar(value: Any) -> bool:
    """Whether a JSON value is a string, a boolean or a number."""
    return isinstance(value, str | bool | int | float)


def json_type(value: Any) -> str:
    """The name of a value's JSON type, in a sentence."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
