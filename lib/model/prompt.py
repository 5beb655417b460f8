"""How an instruction and its policy become text: the one place where the Alpaca format is written down.

Training, evaluation and the demo all render through here, so that an arm is never asked in another format than the
one it was trained on. Nothing here knows a model or a tokenizer.
"""

from collections.abc import Sequence

from lib.data.dataset import COMPLEXITIES, Example
from lib.retrieval.retrieve import Retrieved

HEADER = "Below is a request for access to AWS. Write the IAM policy that grants exactly this, as JSON on one line.\n\n"
INSTRUCTION = "### Instruction:\n"
CANDIDATES = "\n\n### Candidates:\n"
RESPONSE = "\n\n### Response:\n"
STOP = "\n###"  # a base model goes on to invent the next instruction: the answer ends where that begins


def render(instruction: str, shots: Sequence[Example] = (), retrieved: Retrieved | None = None) -> str:
    """The prompt for one instruction, up to where the policy begins.

    Args:
        instruction: the request in English; runs of white space count as one space, so a request cannot
            imitate the headings of the format.
        shots: solved examples to show first.
        retrieved: what the catalogue has to say about the request.
    """
    solved = "".join(f"{INSTRUCTION}{folded(s.instruction)}{RESPONSE}{s.policy}\n\n" for s in shots)
    candidates = f"{CANDIDATES}{listed(retrieved)}" if retrieved and retrieved.lines else ""
    return f"{HEADER}{solved}{INSTRUCTION}{folded(instruction)}{candidates}{RESPONSE}"


def listed(retrieved: Retrieved) -> str:
    """The candidates as text: a line for each clause, the likeliest first, then keys that conditions may test."""
    lines = [" ".join(names) for names in retrieved.lines]
    return "\n".join([*lines, *(["if " + " ".join(retrieved.keys)] if retrieved.keys else [])])


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
