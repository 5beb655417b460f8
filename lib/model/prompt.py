"""What a model is asked and taught: the one place where the Alpaca format is written down.

Training, evaluation and the demo all render through here, so that an arm is never asked in another format than the
one it was trained on. Nothing here knows a model or a tokenizer. A grounded sample has what was retrieved in its
prompt; its target is the whole policy, with resources and conditions that the model must read out of the request.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from iamintent import Intent
from iampolicy import catalogue
from iampolicy.document import as_list
from iampolicy.statements import Document, parted, single
from lib.data.dataset import COMPLEXITIES, Example

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
    solved = "".join(f"{INSTRUCTION}{_folded(s.instruction)}{RESPONSE}{s.policy}\n\n" for s in shots)
    offered = f"{CANDIDATES}{candidates(intent)}" if intent.lines else ""
    return f"{HEADER}{solved}{INSTRUCTION}{_folded(intent.request)}{offered}{RESPONSE}"


def candidates(intent: Intent) -> str:
    """The candidates as text: a line for each clause, the likeliest first, then keys that conditions may test."""
    lines = [" ".join(names) for names in intent.lines]
    return "\n".join([*lines, *(["if " + " ".join(intent.keys)] if intent.keys else [])])


def _folded(text: str) -> str:
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
    policy = json.loads(example.policy)
    if not intent.title:
        return minified(parted(policy))
    allowed = [s for s in as_list(policy["Statement"]) if s["Effect"] == "Allow" and "Action" in s]
    patterns = [p for s in allowed for p in as_list(s["Action"])]
    granted = catalogue.load().expand_all(patterns)
    actions = _without_covered([name for name in intent.actions if _is_wanted(name, patterns, granted)])
    if not actions:
        return None
    statement = {"Effect": "Allow", "Action": single(actions), "Resource": "*"}
    return minified({"Version": "2012-10-17", "Statement": [statement]})


def minified(policy: Document) -> str:
    """The one way in which policies are written here: JSON without white space."""
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def _is_wanted(name: str, patterns: Sequence[str], granted: frozenset[str]) -> bool:
    if name in patterns:
        return True
    matched = catalogue.load().expand(name)
    return bool(matched) and len(matched & granted) >= (MOST_OF if "*" in name else 1) * len(matched)


def _without_covered(actions: list[str]) -> list[str]:
    """The actions without those that a wildcard among them matches."""
    wild = {name: catalogue.load().expand(name) for name in actions if "*" in name}
    return [a for a in actions if not any(a != w and catalogue.load().expand(a) <= e for w, e in wild.items())]
