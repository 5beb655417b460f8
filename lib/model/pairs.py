"""Pairs for preference training: a model answers several times, and the best answer is set against the worst.

A generator and training examples come in, pairs go out. `score` ranks answers by the permissions that they share with
the reference.
"""

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from iampolicy.checks import validate
from iampolicy.compare import compare
from iampolicy.document import PolicyLike, PolicySyntaxError, as_policy
from iampolicy.grammar import structure_faults
from lib.data.dataset import Example
from lib.model.generate import PolicyGenerator
from lib.model.lessons import said
from lib.model.prompt import render
from lib.retrieval.refusals import readable
from lib.retrieval.retrieve import Retrieved

INVALID = -1.0  # score of a text that is no well-formed policy: below all others, which are from -0.25 to 1
PENALTY = 0.05  # of a score for each finding too many; small, as it is to decide between policies that grant much alike
MOST_PENALISED = 5  # findings; after that one more says nothing new
COUNTED = ("ERROR", "SECURITY_WARNING")
MARGIN = 0.1  # of scores, least of a pair: less is an action among many, about which the reference may be wrong
GOOD = 0.5  # score from which a sample can be the one to prefer; the reference is offered only where none reaches it


@dataclass(frozen=True)
class Pair:
    """A prompt and two answers, of which the first is to become likelier than it was, beside the second."""

    prompt: str
    chosen: str
    rejected: str


def score(reference: PolicyLike, text: str) -> float:
    """How good a sampled answer is, beside the reference policy: higher is better, 1 is all that can be had.

    A text that is no well-formed policy (`structure_faults`) scores INVALID. Any other one scores the F1 of its
    permissions, less PENALTY for each ERROR and SECURITY_WARNING that `validate` finds in it more often than in the
    reference, at most MOST_PENALISED times.
    """
    try:
        policy = as_policy(text)
    except PolicySyntaxError:
        return INVALID
    if structure_faults(policy):
        return INVALID
    wanted = as_policy(reference)
    kind = "resource" if any(s.principal is not None for s in wanted.statements) else "identity"
    found, excused = (Counter(f.code for f in validate(p, kind) if f.severity in COUNTED) for p in (policy, wanted))
    return compare(wanted, policy).f1 - PENALTY * min((found - excused).total(), MOST_PENALISED)


def preference(reference: PolicyLike, samples: Sequence[str], said: str | None = None) -> tuple[str, str] | None:
    """The best and the worst answer by `score`, the first of equals; None if they are within MARGIN of each other.

    Args:
        said: the reference as the model could have said it. It takes part only where no sample is GOOD: what a model
            writes itself teaches it more than what it never would have.
    """
    scores = {text: score(reference, text) for text in dict.fromkeys(samples)}
    if said is not None and max(scores.values(), default=INVALID) < GOOD:
        scores.setdefault(said, score(reference, said))
    if not scores:
        return None
    best, worst = max(scores, key=scores.__getitem__), min(scores, key=scores.__getitem__)
    return (best, worst) if scores[best] - scores[worst] >= MARGIN else None


def pairs(
    generator: PolicyGenerator,
    examples: Sequence[Example],
    samples: int = 4,
    temperature: float = 0.8,
    seed: int = 0,
    retrieved: Sequence[Retrieved] | None = None,
) -> list[Pair]:
    """Let a generator answer each example several times: at most one pair an example, in their order.

    No pair comes of an example whose request the generator refuses or has to cut, or whose samples are alike (see
    `preference`). The same generator, examples and seed give the same pairs on the same machine.

    Args:
        retrieved: what is found for each example; None asks the generator's retriever. That knows its own training
            examples by heart, so for these give `Retriever.of_training`: prompts as they were trained on.

    Raises:
        ValueError: if there are fewer than two samples, the temperature is not positive (then all are alike), or
            `retrieved` is of another number than the examples, or given though the arm retrieves nothing.
    """
    if samples < 2 or temperature <= 0:
        raise ValueError(f"samples {samples} must be 2 or more, temperature {temperature} above 0: no two would differ")
    if retrieved is not None and (generator.retriever is None or len(retrieved) != len(examples)):
        raise ValueError(f"{len(retrieved)} retrieved for {len(examples)} examples of the arm {generator.arm.name!r}")
    sampler, asked = _asked(generator, examples, retrieved)
    drafts = sampler.generate([e.instruction for e, _, _ in asked for _ in range(samples)], temperature, seed=seed)
    result = []
    for number, (example, prompt, found) in enumerate(asked):
        texts = [draft.text for draft in drafts[number * samples : (number + 1) * samples] if draft.text]  # no refusals
        answer = said(example, found) if found and found.lines else example.policy
        preferred = preference(example.policy, texts, answer)
        if preferred:
            result.append(Pair(prompt, *preferred))
    return result


class _Recorded:
    """A retriever that has been asked already."""

    def __init__(self, found: dict[str, Retrieved | str]) -> None:
        self.found = found

    def answerable(self, request: str) -> Retrieved | str:
        return self.found[request]


def _asked(
    generator: PolicyGenerator, examples: Sequence[Example], retrieved: Sequence[Retrieved] | None
) -> tuple[PolicyGenerator, list[tuple[Example, str, Retrieved | None]]]:
    """The generator on what was found for the examples, and those that it answers: with their prompts, and that."""
    sampler = copy.copy(generator)
    known: dict[str, Retrieved | str] = {}
    if generator.retriever:
        for number, request in enumerate(readable(e.instruction) for e in examples):
            if request not in known:
                known[request] = retrieved[number] if retrieved else generator.retriever.answerable(request)
        sampler.retriever = _Recorded(known)
    room = generator.model.config.max_position_embeddings - generator.max_new_tokens
    asked = []
    for example in examples:
        request = readable(example.instruction) if generator.retriever else example.instruction
        found = known.get(request)
        if isinstance(found, str):
            continue
        prompt = render(request, generator.shots, found)
        if len(generator.tokenizer(prompt)["input_ids"]) <= room:
            asked.append((example, prompt, found))
    return sampler, asked
