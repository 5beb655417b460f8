"""Preferences: a model answers several times, and TRL's DPO trains it to prefer the best of its answers to the worst.

`pairs` ranks answers by the permissions that they share with the reference, `prefer` trains a trained adapter on them,
and `better` says whether that helped, which the pairs themselves cannot: keep the adapter only if it says so of
validation examples.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from peft import PeftModel
from transformers import set_seed
from trl import DPOConfig, DPOTrainer

from iampolicy.checks import validate
from iampolicy.compare import compare
from iampolicy.document import PolicyLike, PolicySyntaxError, as_policy
from iampolicy.grammar import structure_faults
from lib.data.dataset import Example
from lib.files import ROOT, CourseError, checksums, write_json, writing
from lib.model.base import (
    WEIGHTS,
    check_device,
    compute_dtype,
    in_four_bits,
    load_for_training,
    load_tokenizer,
    require_weights,
    save_adapter,
)
from lib.model.generate import PolicyGenerator
from lib.model.prompt import render, target
from lib.model.retrieve import RETRIEVER, Intent
from lib.model.train import FINISHED, evaluations, fitting, kept_alike, step_of, take_up, train
from lib.profiles import Profile
from lib.statistics import bootstrap

INVALID = -1.0  # score of a text that is no well-formed policy: below all others, which are from -0.25 to 1
PENALTY = 0.05  # of a score for each finding too many; small, as it is to decide between policies that grant much alike
MOST_PENALISED = 5  # findings; after that one more says nothing new
COUNTED = ("ERROR", "SECURITY_WARNING")
MARGIN = 0.1  # of scores, least of a pair: less is an action among many, about which the reference may be wrong
GOOD = 0.5  # score from which an answer can be the one to prefer; the reference is offered only where none reaches it

PAIRS_A_STEP = 16  # an optimiser step on one pair follows that pair's length and chance more than its preference
LEARNING_RATE = 1e-5  # for a 7B model, as a recipe's; a twentieth of recipe A's, as the model can already answer
HELD_OUT = 0.1  # share of the prompts on which nothing is trained
TRAINED, REFERENCE = "default", "ref"  # adapters of one base, by the names that peft and TRL give them


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
    kind = "resource" if any(s.principal is not None for s in wanted.statements) else "identity"
    found, excused = (Counter(f.code for f in validate(p, kind) if f.severity in COUNTED) for p in (policy, wanted))
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


@dataclass(frozen=True)
class Preferred:
    """What a preference training came to, on the pairs that were held out, as TRL measures it.

    The margin is how much likelier the chosen answer is than the rejected one, in nats; its reward is beta times what
    that has gained. Rewards are relative to the adapter that the training began with, so before it all of them are 0.
    """

    steps: int
    best_step: int  # lowest loss on the held-out pairs; its adapter is the one that is kept
    pairs: int  # trained on
    held_out: int
    dropped: int  # too long for the profile's max_length
    first_eval_loss: float  # ln 2: nothing is preferred yet
    best_eval_loss: float
    margin_before: float
    margin_after: float
    reward_accuracy: float  # share of pairs whose chosen answer gained on the rejected one
    reward_margin: float  # mean reward
    seconds: float  # of training since this process took it up; evaluations are not counted
    resumed_from: int  # step; 0 if the training began here


def settings(
    profile: Profile, folder: Path, steps: int, pairs: int, seed: int, beta: float, learning_rate: float
) -> DPOConfig:
    """A profile in TRL's own words, for a training on so many pairs."""
    eval_steps = min(profile.eval_steps, steps)
    return DPOConfig(
        **kept_alike(profile, folder, seed),
        # how much
        max_steps=steps,
        gradient_accumulation_steps=max(1, min(PAIRS_A_STEP, pairs) // profile.train_batch_size),
        per_device_eval_batch_size=profile.train_batch_size,  # a pair is two rows, and whole logits of both
        # how
        loss_type=["sigmoid"],
        beta=beta,
        learning_rate=learning_rate * profile.learning_rate_scale,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,  # a share of the steps
        disable_dropout=True,  # else a reward is noise of the dropout, too
        # what is kept
        eval_steps=eval_steps,
        save_steps=eval_steps * max(1, min(profile.save_steps, steps) // eval_steps),
        save_total_limit=2,
        logging_steps=min(profile.logging_steps, eval_steps),
    )


def prefer(
    profile: Profile,
    adapter: Path,
    pairs: Sequence[Pair],
    folder: Path,
    out: Path,
    max_steps: int,
    seed: int = 0,
    beta: float = 0.1,
    learning_rate: float = LEARNING_RATE,
) -> Preferred:
    """Train an adapter to prefer the chosen answers, with itself as it was as the reference.

    Args:
        adapter: the trained one; it is only read.
        folder: keeps log.jsonl and checkpoints/, and is the folder of no other training. As with `train.fit`, the same
            call goes on or is taken up until `train.clear`.
        out: where the best adapter is written (safetensors), and the retriever that lies beside `adapter`.
        max_steps: optimiser steps of PAIRS_A_STEP pairs; 0 means each pair once.
        beta: how dear it is to leave the reference.
        learning_rate: for a 7B model; multiplied by the profile's learning_rate_scale.

    Raises:
        BaseModelError: if base or adapter cannot be loaded here.
        ValueError: if no two prompts fit into the profile's max_length: one to train on, one to hold out.
        CourseError: if max_steps is negative, or the training diverges; nothing is written then.
    """
    device = check_device(profile)
    if max_steps < 0:
        raise CourseError(f"max_steps is {max_steps}: write a number of optimiser steps, or 0 for each pair once")
    require_weights(adapter)
    set_seed(seed)
    tokenizer = load_tokenizer(profile)
    rows = fitting(pairs, tokenizer, profile.max_length)  # TRL would cut what differs in a longer one
    train_rows, held_rows = _parted(rows, profile.eval_examples, seed)
    if not train_rows:
        raise ValueError(f"fewer than two prompts with their answers fit into max_length={profile.max_length}")
    steps = max_steps or -(-len(train_rows) // PAIRS_A_STEP)
    fingerprint = _fingerprint(profile, adapter, train_rows, held_rows, steps, seed, beta, learning_rate)
    done, resume = take_up(folder, fingerprint, "preferences", (out / WEIGHTS).is_file())
    if done:
        return Preferred(**done)
    base = load_for_training(profile, in_four_bits(profile) if profile.quantised else None)
    trainer = DPOTrainer(
        model=PeftModel.from_pretrained(base, str(adapter), is_trainable=True),
        args=settings(profile, folder, steps, len(train_rows), seed, beta, learning_rate),
        train_dataset=Dataset.from_list(train_rows),
        eval_dataset=Dataset.from_list(held_rows),
        processing_class=tokenizer,
    )
    _begin_alike(trainer.model, compute_dtype(device))
    seconds = train(trainer, resume)
    before, after = evaluations(trainer)
    if not np.isfinite([after["eval_loss"], after["eval_rewards/margins"]]).all():
        raise CourseError(f"the preference training diverged (loss {after['eval_loss']}): choose a lower learning_rate")
    margins = [row["eval_logps/chosen"] - row["eval_logps/rejected"] for row in (before, after)]
    result = Preferred(
        steps=trainer.state.global_step,
        best_step=int(after["step"]),
        pairs=len(train_rows),
        held_out=len(held_rows),
        dropped=len(pairs) - len(rows),
        first_eval_loss=before["eval_loss"],
        best_eval_loss=after["eval_loss"],
        margin_before=margins[0],
        margin_after=margins[1],
        reward_accuracy=after["eval_rewards/accuracies"],
        reward_margin=after["eval_rewards/margins"],
        seconds=seconds,
        resumed_from=step_of(resume),
    )
    with writing(out) as aside:
        save_adapter(trainer.model, profile, aside, selected_adapters=[TRAINED])
        if (adapter / RETRIEVER).is_file():
            shutil.copy2(adapter / RETRIEVER, aside / RETRIEVER)
    write_json(folder / FINISHED, asdict(result))
    return result


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


def _parted(rows: list[dict[str, str]], most: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Rows to train on and rows to hold out, of at most so many prompts (0: any number); no prompt is in both."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    count = min(max(1, round(HELD_OUT * len(prompts))), most or len(prompts))
    held = {prompts[i] for i in np.random.default_rng(seed).permutation(len(prompts))[:count]}
    return [r for r in rows if r["prompt"] not in held], [r for r in rows if r["prompt"] in held]


def _begin_alike(model: PeftModel, dtype: torch.dtype) -> None:
    # TRL copies the adapter as reference and only then rounds the one that it trains to bfloat16: the two would differ
    # before the first step, and in another precision than the hardware's (see train.fit).
    kind = dtype if dtype == torch.bfloat16 else torch.float32
    for name, parameter in model.named_parameters():
        if f".{TRAINED}." in name:
            reference = model.get_parameter(name.replace(f".{TRAINED}.", f".{REFERENCE}."))
            reference.data = reference.data.to(kind)
            parameter.data = reference.data.clone()


def _fingerprint(profile: Profile, adapter: Path, *parts: object) -> str:
    base = [checksums(ROOT / name) for name in profile.base_files]
    text = json.dumps([base, checksums(adapter), asdict(profile) | {"minutes": None}, *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
