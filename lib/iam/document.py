"""A policy document: text to Policy and back, and the structure that IAM demands of it.

Text, a dict or a Policy comes in; a Policy goes out that keeps the order and the scalar or list form of the
original, so that printing it gives the author's document again. What is wrong with the text is a
PolicySyntaxError with line and column; what is wrong with the structure is a list of sentences.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VERSIONS = ("2012-10-17", "2008-10-17")
EFFECTS = ("Allow", "Deny")
POLICY_ELEMENTS = ("Version", "Id", "Statement")
STATEMENT_ELEMENTS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
)

PolicyLike = "str | dict | Policy"


class PolicySyntaxError(ValueError):
    """The text is not a policy document. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{message} (line {line}, column {column})")
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True)
class Statement:
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


@dataclass(frozen=True)
class Policy:
    """A JSON object that is meant as a policy. `data` is the author's own form."""

    data: dict[str, Any]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The statements that are objects, in order."""
        return tuple(_statement(s) for s in _as_list(self.data.get("Statement")) if isinstance(s, dict))

    @property
    def services(self) -> frozenset[str]:
        """The service prefixes of all statements."""
        return frozenset().union(*(s.services for s in self.statements))

    def to_json(self, indent: int | None = None) -> str:
        """The document as text: minified by default, else indented by so many spaces."""
        separators = (",", ":") if indent is None else (",", ": ")
        return json.dumps(self.data, indent=indent, separators=separators, ensure_ascii=False)


def parse(text: str) -> Policy:
    """Read a policy document.

    Raises:
        PolicySyntaxError: if the text is not JSON (with the place), or is JSON but no object.
    """
    if not isinstance(text, str):
        raise PolicySyntaxError(f"a policy is text, not {type(text).__name__}")
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise PolicySyntaxError(error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise PolicySyntaxError("nested too deeply for a policy") from error
    except ValueError as error:  # an integer of thousands of digits, or NaN
        raise PolicySyntaxError(str(error)) from error
    if not isinstance(data, dict):
        raise PolicySyntaxError(f"a policy is a JSON object, not {_json_type(data)}")
    return Policy(data)


def as_policy(policy: PolicyLike) -> Policy:
    """Take a policy in any of the forms that the library accepts.

    Raises:
        PolicySyntaxError: if it is text that does not parse, or of another type.
    """
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, dict):
        return Policy(policy)
    return parse(policy)


def canonical(policy: PolicyLike, keep_sids: bool = False) -> Policy:
    """The same policy in the one form that the course trains on and generates.

    Elements stand in the order of the IAM policy grammar, actions are sorted, a list of one is its element, and Sids
    go unless they are kept: a Sid is a label and changes no permission (IAM User Guide, "IAM JSON
    policy elements: Sid").
    """
    data = dict(as_policy(policy).data)
    if "Statement" in data:
        statements = [
            _canonical_statement(s, keep_sids) if isinstance(s, dict) else s for s in _as_list(data["Statement"])
        ]
        data["Statement"] = statements
    return Policy(_in_order(data, POLICY_ELEMENTS))


def _canonical_statement(statement: dict[str, Any], keep_sids: bool) -> dict[str, Any]:
    kept = {k: v for k, v in statement.items() if (keep_sids or k != "Sid") and not (k == "Condition" and v == {})}
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        values = kept.get(element)
        if isinstance(values, list) and values and all(isinstance(v, str) for v in values):
            distinct = list(dict.fromkeys(values))
            values = sorted(distinct) if element.endswith("Action") else distinct
            kept[element] = values[0] if len(values) == 1 else values
    if isinstance(kept.get("Condition"), dict):
        kept["Condition"] = {k: _unwrapped(v) for k, v in kept["Condition"].items()}
    return _in_order(kept, STATEMENT_ELEMENTS)


def _unwrapped(tests: Any) -> Any:
    if not isinstance(tests, dict):
        return tests
    return {key: v[0] if isinstance(v, list) and len(v) == 1 else v for key, v in tests.items()}


def _in_order(data: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    return {k: data[k] for k in sorted(data, key=lambda k: (order.index(k) if k in order else len(order), k))}


def structure_faults(policy: PolicyLike) -> list[str]:
    """What breaks the IAM policy grammar, one sentence a fault; an empty list is a well-formed policy.

    Source: IAM User Guide, "Grammar of the IAM JSON policy language". Principal is optional here, because
    the document does not say whether it will be attached to an identity or to a resource.
    """
    return list(_faults(as_policy(policy).data))


def _faults(data: dict[str, Any]) -> Iterator[str]:
    version = data.get("Version")
    if version not in VERSIONS:
        yield f"Version is {version!r}; it must be one of {', '.join(VERSIONS)}"
    statements = _as_list(data.get("Statement"))
    if not statements:
        yield "Statement is missing or empty"
    for index, statement in enumerate(statements):
        if not isinstance(statement, dict):
            yield f"Statement[{index}] is {_json_type(statement)}, not an object"
            continue
        if statement.get("Effect") not in EFFECTS:
            yield f"Statement[{index}].Effect is {statement.get('Effect')!r}; it must be Allow or Deny"
        for element in ("Action", "Resource"):
            present = [name for name in (element, f"Not{element}") if name in statement]
            if len(present) != 1:
                yield f"Statement[{index}] must have one of {element} and Not{element}"
            for name in present:
                if not _is_text_list(statement[name]):
                    yield f"Statement[{index}].{name} must be a string or a non-empty list of strings"
        if not isinstance(statement.get("Condition", {}), dict):
            yield f"Statement[{index}].Condition is not an object"


def _is_text_list(value: Any) -> bool:
    values = _as_list(value)
    return bool(values) and all(isinstance(v, str) and v for v in values)


def _statement(data: dict[str, Any]) -> Statement:
    condition = data.get("Condition")
    return Statement(
        sid=data.get("Sid"),
        effect=data.get("Effect"),
        actions=_texts(data, "Action"),
        not_actions=_texts(data, "NotAction"),
        resources=_texts(data, "Resource"),
        not_resources=_texts(data, "NotResource"),
        principal=data.get("Principal"),
        not_principal=data.get("NotPrincipal"),
        condition=condition if isinstance(condition, dict) else {},
    )


def _texts(data: dict[str, Any], element: str) -> tuple[str, ...] | None:
    if element not in data:
        return None
    return tuple(value for value in _as_list(data[element]) if isinstance(value, str))


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
