"""Requests as people write them, each with the policy that a careful engineer would attach.

The files beside this one, a sitting of one author each, are data: a JSON object a line. `load` reads them into Asked
records; lib/data/requests/check.py holds each to what it must be before it may stay (`python -m lib.data.requests`).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.errors import CourseError
from lib.files import read_jsonl, shown

FOLDER = Path(__file__).parent
TYPES = ("identity", "resource", "trust", "scp")
DRAFT, ASK, REFUSE = "draft", "ask", "refuse"  # what a good assistant does: a policy, a question first, a no
OUTCOMES = (DRAFT, ASK, REFUSE)
FORMS = ("plain", "question", "ticket", "complaint", "tool", "terse", "story", "list", "follow-up")
TAGS = ("late English", "negation", "exception", "wildcard", "variable")  # what the policy alone does not show
NOTHING: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}  # what a request to be refused is granted
_FIELDS = {
    *("request", "form", "tags", "type", "policy", "allow", "deny"),
    *("facts", "outcome", "why", "reply", "title"),
}


@dataclass(frozen=True)
class Case:
    """One API call on which the policy is tried; `context` has condition keys, `principal` an ARN or a service."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)
    principal: str | None = None


@dataclass(frozen=True)
class Asked:
    """One request of a person.

    `policy` is what is to be attached, for one that is to be asked back after `reply`; for one that is refused it
    grants nothing. `facts` are the region and the account that the person would name if asked; the policy has "*"
    there, because the request does not say them. `why` says what is missing, or why there is no policy.
    """

    id: str
    sitting: str  # the file that it stands in
    request: str
    form: str
    policy: dict[str, Any]
    tags: tuple[str, ...] = ()
    type: str = "identity"
    allow: tuple[Case, ...] = ()
    deny: tuple[Case, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    outcome: str = DRAFT
    why: str = ""
    reply: str = ""
    title: str = ""  # of a ready example, for a menu


def load(*paths: Path) -> list[Asked]:
    """The requests of the files, all of them by default, in the order of the files' names.

    Raises:
        CourseError: if a line is no JSON, or has a field too many, too few or of another type, with file and line.
    """
    return [asked for path in paths or sorted(FOLDER.glob("*.jsonl")) for asked in _read(path)]


def _read(path: Path) -> Iterator[Asked]:
    try:
        rows = read_jsonl(path)
    except ValueError as error:
        raise CourseError(str(error)) from error
    for number, row in enumerate(rows, 1):
        try:
            yield read(row, path.stem)
        except ValueError as error:
            raise CourseError(f"{shown(path)}, request {number}: {error}") from error


def read(row: Any, sitting: str = "") -> Asked:
    """One line of a file.

    Raises:
        ValueError: if it is not of the form that the README of the folder describes.
    """
    if not isinstance(row, dict):
        raise ValueError(f"{type(row).__name__} is no object")
    if unknown := set(row) - _FIELDS:
        raise ValueError(f"there is no field {', '.join(sorted(unknown))}: use {', '.join(sorted(_FIELDS))}")
    outcome = _one(row, "outcome", OUTCOMES, DRAFT)
    needed = {DRAFT: ("request",), ASK: ("request", "why", "reply"), REFUSE: ("request", "why")}[outcome]
    for name in ("request", "why", "reply", "title"):
        value = row.get(name, None if name in needed else "")
        if not isinstance(value, str) or name in needed and not value.strip():
            raise ValueError(f"{name} is {value!r}: outcome {outcome} needs a text")
        if odd := [c for c in value if not (c.isprintable() or c == "\n")]:
            raise ValueError(f"{name} holds the character {odd[0]!r}, which nobody sees: remove it")
    if outcome == REFUSE and (surplus := {"policy", "allow", "deny", "reply", "facts"} & set(row)):
        raise ValueError(f"outcome refuse has no {', '.join(sorted(surplus))}")
    policy = NOTHING if outcome == REFUSE else row.get("policy")
    if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list | dict):
        raise ValueError("policy is no object with a Statement")
    tags = row.get("tags", [])
    if not isinstance(tags, list) or any(tag not in TAGS for tag in tags):
        raise ValueError(f"tags is {tags!r}: a list of some of {', '.join(TAGS)}")
    facts = row.get("facts", {})
    if not isinstance(facts, dict) or set(facts) - {"region", "account"} or not _are_texts(facts.values()):
        raise ValueError('facts is an object with "region", "account" or both, as texts')
    text = row["request"]
    return Asked(
        id=f"field/{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        sitting=sitting,
        request=text,
        form=_one(row, "form", FORMS),
        policy=policy,
        tags=tuple(tags),
        type=_one(row, "type", TYPES, "identity"),
        allow=_cases(row, "allow"),
        deny=_cases(row, "deny"),
        facts=facts,
        outcome=outcome,
        why=row.get("why", ""),
        reply=row.get("reply", ""),
        title=row.get("title", ""),
    )


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _one(row: dict, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = row.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} is {value!r}: use one of {', '.join(allowed)}")
    return value


def _cases(row: dict, name: str) -> tuple[Case, ...]:
    given = row.get(name, [])
    for case in given if isinstance(given, list) else [given]:
        if not (
            isinstance(case, list)
            and 2 <= len(case) <= 4
            and _are_texts([*case[:2], *case[3:]])
            and isinstance(dict(enumerate(case)).get(2, {}), dict)
        ):
            raise ValueError(f"{name}: {json.dumps(case)[:80]} is not [action, resource, {{context}}, principal]")
    return tuple(Case(*case) for case in given)
