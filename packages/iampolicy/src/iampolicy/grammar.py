"""The grammar of the policy language: what breaks a document's structure, one sentence a fault.

A policy comes in, sentences go out; an empty list is a well-formed policy. It is the schema check of the course's
metrics and curation, stricter and smaller than iampolicy/checks.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from iampolicy.document import (
    EFFECTS,
    POLICY_ELEMENTS,
    STATEMENT_ELEMENTS,
    VERSIONS,
    PolicyLike,
    as_list,
    as_policy,
    is_scalar,
    json_type,
)


def structure_faults(policy: PolicyLike) -> list[str]:
    """What breaks the IAM policy grammar, one sentence a fault; an empty list is a well-formed policy.

    Source: IAM User Guide, "Grammar of the IAM JSON policy language". Principal is optional here, because
    the document does not say whether it will be attached to an identity or to a resource. Version is demanded,
    though AWS reads a document without one as of 2008-10-17: the report's definition of a schema demands it.
    """
    return list(_faults(as_policy(policy).data))


def _faults(data: dict[str, Any]) -> Iterator[str]:
    version = data.get("Version")
    if version not in VERSIONS:
        yield f"Version is {version!r}; it must be one of {', '.join(VERSIONS)}"
    yield from _unknown(data, POLICY_ELEMENTS, "the policy")
    if not isinstance(data.get("Id", ""), str):
        yield "Id must be a string"
    statements = as_list(data.get("Statement"))
    if not statements:
        yield "Statement is missing or empty"
    sids: set[str] = set()
    for index, statement in enumerate(statements):
        place = f"Statement[{index}]"
        if not isinstance(statement, dict):
            yield f"{place} is {json_type(statement)}, not an object"
            continue
        yield from _statement_faults(statement, place)
        sid = statement.get("Sid")
        if isinstance(sid, str) and sid:
            if sid in sids:
                yield f"{place}.Sid is {sid!r} again; a Sid stands once in a policy"
            sids.add(sid)


def _statement_faults(statement: dict[str, Any], place: str) -> Iterator[str]:
    yield from _unknown(statement, STATEMENT_ELEMENTS, place)
    if statement.get("Effect") not in EFFECTS:
        yield f"{place}.Effect is {statement.get('Effect')!r}; it must be Allow or Deny"
    for element in ("Action", "Resource"):
        if (element in statement) == (f"Not{element}" in statement):
            yield f"{place} must have one of {element} and Not{element}"
    if "Principal" in statement and "NotPrincipal" in statement:
        yield f"{place} has both Principal and NotPrincipal; only one can stand"
    for element, form in FORMS.items():
        if element in statement and element != "Effect" and not form.holds(statement[element]):
            yield f"{place}.{element} must be {form.words}"


def _unknown(data: dict[str, Any], known: tuple[str, ...], place: str) -> Iterator[str]:
    for name in data:
        if name not in known:
            yield f"{place} has an element {name!r} that the grammar does not know"


def _is_text_list(value: Any) -> bool:
    values = as_list(value)
    return bool(values) and all(isinstance(v, str) and v for v in values)


def _is_principal(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(_is_text_list(v) for v in value.values())
    return isinstance(value, str) and value == "*"


def _is_condition(value: Any) -> bool:
    blocks = value.values() if isinstance(value, dict) else [None]
    return all(isinstance(tests, dict) and all(map(_is_condition_value, tests.values())) for tests in blocks)


def _is_condition_value(value: Any) -> bool:
    return all(is_scalar(v) for v in value) if isinstance(value, list) else is_scalar(value)


class Form(NamedTuple):
    """What an element of a statement holds."""

    types: tuple[type, ...]  # of JSON that AWS reads there ("Data type mismatch")
    holds: Callable[[Any], bool]
    words: str


_PRINCIPAL = Form((str, dict, list), _is_principal, '"*" or an object of strings and lists of strings')
_TEXTS = Form((str, list), _is_text_list, "a string or a non-empty list of strings")
_CONDITION = Form((dict,), _is_condition, "an object of operators, each an object of keys and their values")
_TEXT = Form((str,), lambda value: isinstance(value, str), "a string")
FORMS = {  # element of a statement, in the order of the grammar
    "Sid": _TEXT,
    "Effect": _TEXT,
    "Principal": _PRINCIPAL,
    "NotPrincipal": _PRINCIPAL,
    "Action": _TEXTS,
    "NotAction": _TEXTS,
    "Resource": _TEXTS,
    "NotResource": _TEXTS,
    "Condition": _CONDITION,
}
