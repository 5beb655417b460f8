"""What a model is taught: prompts and the policies that answer them.

Examples come in, lessons go out. A grounded lesson has what was retrieved in its prompt; its answer is the whole
policy, with resources and conditions that the model must read out of the request.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from iampolicy import catalogue
from iampolicy.document import as_list
from iampolicy.patterns import overlaps
from lib.data.dataset import Example
from lib.model.prompt import render
from lib.model.tidy import single
from lib.retrieval.retrieve import Retrieved

MOST_OF = 0.6  # of a candidate wildcard must be wanted


@dataclass(frozen=True)
class Lesson:
    """A prompt, and what the model is to answer."""

    prompt: str
    completion: str


def plain(examples: Iterable[Example]) -> list[Lesson]:
    """Each example as it stands."""
    return [Lesson(render(e.instruction), e.policy) for e in examples]


def grounded(examples: Sequence[Example], retrieved: Sequence[Retrieved], every: int) -> list[Lesson]:
    """Each example with its candidates, but every so many-th plain, so that a model can also answer without them.

    Args:
        retrieved: what was found for each example.
        every: 1 means that all are plain; 0 that none is, except names for which the candidates can say nothing.

    Raises:
        ValueError: if there are not as many `retrieved` as examples.
    """
    lessons = []
    for position, (example, found) in enumerate(zip(examples, retrieved, strict=True)):
        answer = None if every and position % every == 0 else said(example, found)
        prompt = render(example.instruction, retrieved=found if answer else None)
        lessons.append(Lesson(prompt, answer or example.policy))
    return lessons


def said(example: Example, retrieved: Retrieved) -> str | None:
    """The example's policy as a model with these candidates is to write it, minified.

    Of a request that is the whole policy. Of a name it is what the candidates can say of all that is allowed, as one
    statement on every resource and without conditions; None if they can say none of it.
    """
    if not retrieved.title:
        return apart(example.policy)
    allowed = [s for s in as_list(json.loads(example.policy)["Statement"]) if s["Effect"] == "Allow" and "Action" in s]
    patterns = [p for s in allowed for p in as_list(s["Action"])]
    granted = catalogue.load().expand_all(patterns)
    actions = _without_covered([name for name in retrieved.actions if _is_wanted(name, patterns, granted)])
    if not actions:
        return None
    statement = {"Effect": "Allow", "Action": single(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def apart(policy: str) -> str:
    """The policy with the actions of a statement in statements of their own where they can be on other resources.

    What it allows and denies stays the same: "read and list a bucket" on bucket and objects becomes listing on the one
    and reading on the other. An action that is on none of the resources stays with those before it.
    """
    whole = json.loads(policy)
    whole["Statement"] = [part for statement in as_list(whole["Statement"]) for part in _by_resource(statement)]
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


def _by_resource(statement: dict[str, Any]) -> list[dict[str, Any]]:
    resources = as_list(statement.get("Resource", "*"))
    if "Action" not in statement or "*" in resources:
        return [statement]
    parts: dict[tuple[str, ...], list[str]] = {}
    last = tuple(resources)
    for pattern in as_list(statement["Action"]):
        formats = {f for name in catalogue.load().expand(pattern) for f in _formats(name)}
        last = tuple(r for r in resources if any(overlaps(r, f) for f in formats)) or last
        parts.setdefault(last, []).append(pattern)
    if len({r for on in parts for r in on}) < len(resources):  # some resource is nobody's: leave it as it was written
        return [statement]
    rest = {key: value for key, value in statement.items() if key != "Sid"}  # which must differ from the others
    return [rest | {"Action": single(actions), "Resource": single(list(on))} for on, actions in parts.items()]


def _formats(name: str) -> tuple[str, ...]:
    return catalogue.load().formats(catalogue.load().actions[name])


def _is_wanted(name: str, patterns: Sequence[str], granted: frozenset[str]) -> bool:
    if name in patterns:
        return True
    matched = catalogue.load().expand(name)
    return bool(matched) and len(matched & granted) >= (MOST_OF if "*" in name else 1) * len(matched)


def _without_covered(actions: list[str]) -> list[str]:
    """The actions without those that a wildcard among them matches."""
    wild = {name: catalogue.load().expand(name) for name in actions if "*" in name}
    return [a for a in actions if not any(a != w and catalogue.load().expand(a) <= e for w, e in wild.items())]
