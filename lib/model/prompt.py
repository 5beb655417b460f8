"""What a model is asked and taught: the one place where the Alpaca format is written down.

Training, evaluation and the demo all render through here, so that an arm is never asked in another format than the
one it was trained on. Nothing here knows a model or a tokenizer. A grounded sample has what was retrieved in its
prompt; its target is the whole policy, with resources and conditions that the model must read out of the request.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from iampolicy import catalogue
from iampolicy.document import as_list
from iampolicy.patterns import overlaps
from lib.data.dataset import COMPLEXITIES, Example
from lib.model.retrieve import Intent

HEADER = "Below is a request for access to AWS. Write the IAM policy that grants exactly this, as JSON on one line.\n\n"
INSTRUCTION = "### Instruction:\n"
CANDIDATES = "\n\n### Candidates:\n"
RESPONSE = "\n\n### Response:\n"
STOP = "\n###"  # a base model goes on to invent the next instruction: the answer ends where that begins
MOST_OF = 0.6  # of a candidate wildcard must be wanted


def render(intent: Intent | str, shots: Sequence[Example] = ()) -> str:
    """The prompt for one request, up to where the policy begins.

    Args:
        intent: the request as it was read, or its English alone. Runs of white space count as one space, so a request
            cannot imitate the headings of the format.
        shots: solved examples to show first.
    """
    intent = Intent(intent) if isinstance(intent, str) else intent
    solved = "".join(f"{INSTRUCTION}{folded(s.instruction)}{RESPONSE}{s.policy}\n\n" for s in shots)
    candidates = f"{CANDIDATES}{listed(intent)}" if intent.lines else ""
    return f"{HEADER}{solved}{INSTRUCTION}{folded(intent.request)}{candidates}{RESPONSE}"


def listed(intent: Intent) -> str:
    """The candidates as text: a line for each clause, the likeliest first, then keys that conditions may test."""
    lines = [" ".join(names) for names in intent.lines]
    return "\n".join([*lines, *(["if " + " ".join(intent.keys)] if intent.keys else [])])


def folded(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def first_answer(text: str) -> str:
    """What a model wrote, up to the point where it begins an instruction of its own."""
    return text.split(STOP)[0].strip()


def choose_shots(train: Sequence[Example], longest: int = 400) -> tuple[Example, ...]:
    """Three solved examples for the few-shot arm: one of each complexity, short enough to leave room for the answer.

    Args:
        train: the training split, from which alone they may come.
        longest: characters of a shown policy.

    Raises:
        ValueError: if the split has no short example of some complexity.
    """
    shots = []
    for complexity in COMPLEXITIES:
        fitting = [e for e in train if e.complexity == complexity and len(e.policy) <= longest]
        if not fitting:
            raise ValueError(f"no {complexity} training example has a policy of at most {longest} characters")
        # The longest that fits says most about the form.
        shots.append(max(fitting, key=lambda e: (len(e.policy), e.id)))
    return tuple(shots)


@dataclass(frozen=True)
class Sample:
    """What a model is trained on: a prompt, and what it is to answer."""

    prompt: str
    completion: str


def plain(examples: Iterable[Example]) -> list[Sample]:
    """Each example as it stands."""
    return [Sample(render(e.instruction), e.policy) for e in examples]


def grounded(examples: Sequence[Example], intents: Sequence[Intent], every: int) -> list[Sample]:
    """Each example with its candidates, but every so many-th plain, so that a model can also answer without them.

    Args:
        intents: what was read in the request of each example.
        every: 1 means that all are plain; 0 that none is, except names for which the candidates can say nothing.

    Raises:
        ValueError: if there are not as many intents as examples.
    """
    samples = []
    for position, (example, intent) in enumerate(zip(examples, intents, strict=True)):
        wanted = None if every and position % every == 0 else target(example, intent)
        samples.append(Sample(render(intent), wanted) if wanted else plain([example])[0])
    return samples


def target(example: Example, intent: Intent) -> str | None:
    """The example's policy as a model with these candidates is to write it, minified.

    Of a request that is the whole policy. Of a name it is what the candidates can say of all that is allowed, as one
    statement on every resource and without conditions; None if they can say none of it.
    """
    if not intent.title:
        return parted(example.policy)
    allowed = [s for s in as_list(json.loads(example.policy)["Statement"]) if s["Effect"] == "Allow" and "Action" in s]
    patterns = [p for s in allowed for p in as_list(s["Action"])]
    granted = catalogue.load().expand_all(patterns)
    actions = _without_covered([name for name in intent.actions if _is_wanted(name, patterns, granted)])
    if not actions:
        return None
    statement = {"Effect": "Allow", "Action": single(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def single(values: list[str]) -> str | list[str]:
    """One value as it is, several as a list: as canonical() writes them."""
    return values[0] if len(values) == 1 else values


def parted(policy: str) -> str:
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
        last = tuple(r for r in resources if is_on(pattern, r)) or last
        parts.setdefault(last, []).append(pattern)
    if len({r for on in parts for r in on}) < len(resources):  # some resource is nobody's: leave it as it was written
        return [statement]
    rest = {key: value for key, value in statement.items() if key != "Sid"}  # which must differ from the others
    return [rest | {"Action": single(actions), "Resource": single(list(on))} for on, actions in parts.items()]


def is_on(pattern: str, resource: str) -> bool:
    """Whether some action that the pattern matches can be on the resource."""
    known = catalogue.load()
    return any(overlaps(resource, f) for name in known.expand(pattern) for f in known.formats(known.actions[name]))


def _is_wanted(name: str, patterns: Sequence[str], granted: frozenset[str]) -> bool:
    if name in patterns:
        return True
    matched = catalogue.load().expand(name)
    return bool(matched) and len(matched & granted) >= (MOST_OF if "*" in name else 1) * len(matched)


def _without_covered(actions: list[str]) -> list[str]:
    """The actions without those that a wildcard among them matches."""
    wild = {name: catalogue.load().expand(name) for name in actions if "*" in name}
    return [a for a in actions if not any(a != w and catalogue.load().expand(a) <= e for w, e in wild.items())]
