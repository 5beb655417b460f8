"""Preferences: a model answers several times, and TRL's DPO trains it to prefer the best of its answers to the worst.

`pairs` ranks answers by the permissions that they share with the reference, `trainer` makes what `lib.model.train.fit`
trains, and `better` says whether that helped, which the pairs themselves cannot: keep the adapter only if it says so
of validation examples.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from peft import PeftModel
from transformers import set_seed
from trl import DPOConfig, DPOTrainer

from iamintent import Intent
from iampolicy.checks import validate
from iampolicy.compare import compare
from iampolicy.document import PolicyLike, PolicySyntaxError, as_policy
from iampolicy.grammar import structure_faults
from iampolicy.inputs import guess_type
from lib.data.dataset import Example
from lib.files import CourseError
from lib.model.base import TRAINED, compute_dtype, load_for_training, load_tokenizer, require_weights
from lib.model.generate import PolicyGenerator
from lib.model.prompt import render, target
from lib.model.train import rows
from lib.profiles import Profile
from lib.statistics import bootstrap

INVALID = -1.0  # score of a text that is no well-formed policy: below all others, which are from -0.25 to 1
PENALTY = 0.05  # of a score for each finding too many; small, as it is to decide between policies that grant much alike
MOST_PENALISED = 5  # findings; after that one more says nothing new
COUNTED = ("ERROR", "SECURITY_WARNING")
MARGIN = 0.1  # of scores, least of a pair: less is an action among many, about which the reference may be wrong
GOOD = 0.5  # score from which an answer can be the one to prefer; the reference is offered only where none reaches it

HELD_OUT = 0.1  # share of the prompts on which nothing is trained
REFERENCE = "ref"  # what TRL calls the adapter as it was


@dataclass(frozen=True)
class Pair:
    """A prompt and two answers, of which the first is to become likelier than it was, beside the second."""

    prompt: str
    chosen: str
    rejected: str


def score(reference: PolicyLike, text: str) -> float:
    """How good an answer is, beside the reference policy: higher is better, 1 is all that can be had.

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
    kind = guess_type(wanted)
    found, excused = (
        Counter(f.code for f in validate(p, kind, own=False) if f.severity in COUNTED) for p in (policy, wanted)
    )
    return compare(wanted, policy).f1 - PENALTY * min((found - excused).total(), MOST_PENALISED)


def preference(reference: PolicyLike, answers: Sequence[str], target: str | None = None) -> tuple[str, str] | None:
    """The best and the worst answer by `score`, the first of equals; None if they are within MARGIN of each other.

    Args:
        target: the reference as the model could have said it. It takes part only where no answer is GOOD: what a model
            writes itself teaches it more than what it never would have.
    """
    scores = {text: score(reference, text) for text in dict.fromkeys(answers)}
    if target is not None and max(scores.values(), default=INVALID) < GOOD:
        scores.setdefault(target, score(reference, target))
    if not scores:
        return None
    best, worst = max(scores, key=scores.__getitem__), min(scores, key=scores.__getitem__)
    return (best, worst) if scores[best] - scores[worst] >= MARGIN else None


def pairs(
    generator: PolicyGenerator,
    examples: Sequence[Example],
    answers: int = 4,
    temperature: float = 0.8,
    seed: int = 0,
    intents: Sequence[Intent] | None = None,
) -> list[Pair]:
    """Let a generator answer each example several times: at most one pair an example, in their order.

    No pair comes of an example whose request the generator refuses or has to cut, or whose answers are alike (see
    `preference`). The same generator, examples and seed give the same pairs on the same machine.

    Args:
        intents: what was read in each request; None asks the generator. That knows its own training examples by heart,
            so for these give `Retriever.of_training`: prompts as they were trained on.

    Raises:
        ValueError: if there are fewer than two answers, the temperature is not positive (then all are alike), or
            the intents are of another number than the examples.
    """
    if answers < 2 or temperature <= 0:
        raise ValueError(f"answers {answers} must be 2 or more, temperature {temperature} above 0: no two would differ")
    intents = [generator.read(e.instruction) for e in examples] if intents is None else intents
    if len(intents) != len(examples):
        raise ValueError(f"{len(intents)} intents for {len(examples)} examples")
    asked = [
        (example, intent, prompt)
        for example, intent in zip(examples, intents, strict=True)
        if not intent.refusal
        and len(generator.tokenizer(prompt := render(intent, generator.shots))["input_ids"]) <= generator.room()
    ]
    repeated = [intent for _, intent, _ in asked for _ in range(answers)]
    drafts = dict(generator.answer(repeated, temperature, seed=seed))
    result = []
    for number, (example, intent, prompt) in enumerate(asked):
        texts = [drafts[number * answers + i].text for i in range(answers)]
        wanted = target(example, intent) if intent.lines else example.policy
        preferred = preference(example.policy, [text for text in texts if text], wanted)  # a refusal has no text
        if preferred:
            result.append(Pair(prompt, *preferred))
    return result


def trainer(profile: Profile, adapter: Path, pairs: Sequence[Pair], settings: DPOConfig) -> DPOTrainer:
    """TRL's trainer of an adapter that is to prefer the chosen answers, with itself as it was as the reference.

    HELD_OUT of the prompts, at most the profile's eval_examples, are not trained on but evaluated with.

    Args:
        adapter: the trained one; it is only read.

    Raises:
        BaseModelError: if base or adapter cannot be loaded here.
        CourseError: if no two prompts fit into the profile's max_length: one to train on, one to hold out.
    """
    require_weights(adapter)
    tokenizer = load_tokenizer(profile)
    fitting = rows(pairs, tokenizer, profile.max_length)  # TRL would cut what differs in a longer one
    train_rows, held_rows = _parted(fitting, profile.eval_examples, settings.seed)
    if not len(train_rows):
        raise CourseError(f"fewer than two prompts with their answers fit into max_length={profile.max_length}")
    set_seed(settings.seed)
    made = DPOTrainer(
        model=PeftModel.from_pretrained(load_for_training(profile), str(adapter), is_trainable=True),
        args=settings,
        train_dataset=train_rows,
        eval_dataset=held_rows,
        processing_class=tokenizer,
    )
    _begin_alike(made.model, compute_dtype(profile.device))
    return made


def keep_if_better(profile: Profile, before: Path, after: Path, examples: Sequence[Example]) -> bool:
    """Whether the adapter `after` beats `before` on examples (see `better`); it is removed if it does not."""
    found = []
    for adapter in (before, after):
        drafts = PolicyGenerator.of_adapter(profile, "grounded", adapter).generate([e.instruction for e in examples])
        found.append([score(example.policy, draft.text) for example, draft in zip(examples, drafts, strict=True)])
    kept = better(*found)
    if not kept:
        shutil.rmtree(after)
    return kept


def better(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether the preferred adapter wins: the 95% interval of the mean gain, paired by example, lies above 0.

    Args:
        before, after: the scores of the same validation examples, in the same order; a failed answer counts 0.

    Raises:
        ValueError: if they are of different number, none, or not all numbers.
    """
    if len(before) != len(after) or not len(before):
        raise ValueError(f"{len(before)} scores before and {len(after)} after: give one of each for every example")
    gains = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    if not np.isfinite(gains).all():
        raise ValueError("a score is not a number: count a failed answer as 0")
    _, low, _ = bootstrap(gains)
    return bool(low > 0)


def _parted(rows: Dataset, most: int, seed: int) -> tuple[Dataset, Dataset]:
    """Rows to train on and rows to hold out, of at most so many prompts (0: any number); no prompt is in both."""
    prompts = list(dict.fromkeys(rows["prompt"]))
    count = min(max(1, round(HELD_OUT * len(prompts))), most or len(prompts))
    held = {prompts[i] for i in np.random.default_rng(seed).permutation(len(prompts))[:count]}
    places = [i for i, prompt in enumerate(rows["prompt"]) if prompt in held]
    return rows.select(sorted({*range(len(rows))} - {*places})), rows.select(places)


def _begin_alike(model: PeftModel, dtype: torch.dtype) -> None:
    # TRL copies the adapter as reference and only then rounds the one that it trains to bfloat16: the two would differ
    # before the first step, and in another precision than the hardware's (see train.fit).
    kind = dtype if dtype == torch.bfloat16 else torch.float32
    for name, parameter in model.named_parameters():
        if f".{TRAINED}." in name:
            reference = model.get_parameter(name.replace(f".{TRAINED}.", f".{REFERENCE}."))
            reference.data = reference.data.to(kind)
            parameter.data = reference.data.clone()
