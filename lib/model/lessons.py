"""What a model is taught: prompts and the policies that answer them.

Examples come in, lessons go out. A grounded lesson has what was retrieved in its prompt, and its policy is said with
that: its statements take their actions and resources from the candidates, in the candidates' order, as the grammar of
`lib.model.grammar.chosen` writes them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lib.data.dataset import Example
from lib.iam import catalogue
from lib.iam.document import as_list
from lib.iam.patterns import overlaps
from lib.model.prompt import render
from lib.model.tidy import single
from lib.retrieval.conditions import Comparison, block
from lib.retrieval.retrieve import Group, Retrieved

MOST_OF = 0.6  # of a candidate wildcard must be wanted


@dataclass(frozen=True)
class Lesson:
    """A prompt, and what the model is to answer."""

    prompt: str
    completion: str


def plain(examples: Iterable[Example]) -> list[Lesson]:
    """Each example as it stands."""
    return [Lesson(render(e.instruction), e.policy) for e in examples]


def mixed(examples: Sequence[Example], retrieved: Sequence[Retrieved], every: int) -> list[Lesson]:
    """Each example grounded, but every so many-th plain, so that a model can also answer without candidates.

    Args:
        retrieved: what was found for each example.
        every: 1 means that all are plain; 0 that none is, except those for which the candidates can say nothing.

    Raises:
        ValueError: if there are not as many `retrieved` as examples.
    """
    lessons = []
    for position, (example, found) in enumerate(zip(examples, retrieved, strict=True)):
        policy = None if every and position % every == 0 else grounded(example, found)
        prompt = render(example.instruction, retrieved=found if policy else None)
        lessons.append(Lesson(prompt, policy or example.policy))
    return lessons


def reading(examples: Sequence[Example], retrieved: Sequence[Retrieved], every: int) -> list[Lesson]:
    """Each example with its candidates, and the whole of its policy to write, resources and conditions included.

    Args:
        retrieved: what was found for each example.
        every: every so many-th is plain; 0: none is.
    """
    lessons = []
    for position, (example, found) in enumerate(zip(examples, retrieved, strict=True)):
        if every and position % every == 0:
            lessons.append(Lesson(render(example.instruction), example.policy))
        elif found.title:
            lessons += mixed([example], [found], 0)
        else:
            lessons.append(Lesson(render(example.instruction, retrieved=found.ranked), apart(example.policy)))
    return lessons


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
    return [statement | {"Action": single(actions), "Resource": single(list(on))} for on, actions in parts.items()]


def _formats(name: str) -> tuple[str, ...]:
    return catalogue.load().formats(catalogue.load().actions[name])


def grounded(example: Example, retrieved: Retrieved) -> str | None:
    """The policy that the candidates can say, minified; None if they can say none of it.

    Of a title that is all that is allowed, as one statement on every resource and without conditions.
    """
    wanted = json.loads(example.policy)
    statements = [s for statement in as_list(wanted["Statement"]) for s in _said(statement, retrieved)]
    if retrieved.title:
        statements = _merged(statements)
    if not statements:
        return None
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _said(statement: dict[str, Any], retrieved: Retrieved) -> list[dict[str, Any]]:
    """What the candidates can say of a statement: one of theirs for each group, in the statement's order."""
    if "Action" not in statement or retrieved.title and statement["Effect"] != "Allow":
        return []
    patterns = as_list(statement["Action"])
    granted = catalogue.learned().expand_all(patterns)
    found = []
    for group in retrieved.groups:
        actions = [name for name in group.actions if _is_wanted(name, patterns, granted)]
        actions = _without_covered(actions)
        if actions:
            found.append((_first(actions, patterns), actions, group))
    return [_written(statement, actions, group, retrieved) for _, actions, group in sorted(found, key=lambda f: f[0])]


def _is_wanted(name: str, patterns: Sequence[str], granted: frozenset[str]) -> bool:
    if name in patterns:
        return True
    matched = catalogue.learned().expand(name)
    return bool(matched) and len(matched & granted) >= (MOST_OF if "*" in name else 1) * len(matched)


def _without_covered(actions: list[str]) -> list[str]:
    """The actions without those that a wildcard among them matches."""
    wild = {name: catalogue.learned().expand(name) for name in actions if "*" in name}
    return [a for a in actions if not any(a != w and catalogue.learned().expand(a) <= e for w, e in wild.items())]


def _first(actions: Sequence[str], patterns: Sequence[str]) -> int:
    return min((patterns.index(a) for a in actions if a in patterns), default=len(patterns))


def _written(statement: dict[str, Any], actions: list[str], group: Group, retrieved: Retrieved) -> dict[str, Any]:
    asked = as_list(statement.get("Resource", "*"))
    resources = [r for r in group.resources if r in asked] or list(group.resources)
    result = {"Effect": statement["Effect"]}
    if "Principal" in statement and retrieved.policy_type == "resource":
        result["Principal"] = statement["Principal"]
    result |= {"Action": single(actions), "Resource": single(resources)}
    condition = _condition(statement, retrieved)
    return result | {"Condition": condition} if condition else result


def _condition(statement: dict[str, Any], retrieved: Retrieved) -> dict[str, Any] | None:
    """What the comparisons that were found can say of a statement's condition; none if they say nothing of it."""
    asked = statement.get("Condition")
    if not asked or retrieved.title:
        return None
    made = [t for t in retrieved.comparisons if t.effect == statement["Effect"] and _makes(asked, t)]
    return block(made) if made else None


def _makes(asked: dict[str, Any], test: Comparison) -> bool:
    values = {key.lower(): set(as_list(value)) for key, value in asked.get(test.operator, {}).items()}
    return values.get(test.key.lower()) == set(
        as_list(list(test.value) if isinstance(test.value, tuple) else test.value)
    )


def _merged(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that a title grants as one statement, in the candidates' order."""
    actions = list(dict.fromkeys(a for s in statements for a in as_list(s["Action"])))
    return [{"Effect": "Allow", "Action": single(actions), "Resource": "*"}] if actions else []
