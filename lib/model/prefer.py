"""Preference training with TRL's DPO: the pairs of `lib.model.pairs` come in, an adapter and a log go out.

`prefer` trains a trained adapter to prefer one answer to another, and `better` says whether that helped, which the
pairs themselves cannot: keep the adapter only if it says so of validation examples.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars
from peft import PeftModel
from transformers import PreTrainedTokenizerBase, set_seed
from trl import DPOConfig, DPOTrainer

from lib.data.dataset import Example
from lib.errors import CourseError
from lib.files import ROOT, checksums, read_json, write_json, writing
from lib.model.adapters import RETRIEVER
from lib.model.base import (
    BaseModelError,
    check_device,
    compute_dtype,
    in_four_bits,
    load_for_training,
    load_tokenizer,
    save_adapter,
)
from lib.model.generate import PolicyGenerator
from lib.model.pairs import Pair, score
from lib.model.train import FINGERPRINT, AtTheEnd, Log, checkpoints_keep_dtype, kept_alike, last_of
from lib.profiles import Profile
from lib.run import Run

PAIRS_A_STEP = 16  # an optimiser step on one pair follows that pair's length and chance more than its preference
LEARNING_RATE = 1e-5  # for a 7B model, as a recipe's; a twentieth of recipe A's, as the model can already answer
HELD_OUT = 0.1  # share of the prompts on which nothing is trained
FINISHED = "prefer.json"  # written last
WEIGHTS = "adapter_model.safetensors"
TRAINED, REFERENCE = "default", "ref"  # adapters of one base, by the names that peft and TRL give them

RESAMPLES, LEVEL, SEED = 2_000, 95, 20_240_601  # of the bootstrap: as the intervals of lib.evaluation.metrics


@dataclass(frozen=True)
class Preferred:
    """What a preference training came to, on the pairs that were held out.

    An answer's lead is how much likelier it is than the other, in nats; its reward is beta times what the lead has
    gained. Rewards are relative to the adapter that the training began with, so before it all of them are 0.
    """

    steps: int
    best_step: int  # lowest loss on the held-out pairs; its adapter is the one that is kept
    pairs: int  # trained on
    held_out: int
    dropped: int  # too long for the profile's max_length
    first_eval_loss: float  # ln 2: nothing is preferred yet
    best_eval_loss: float
    accuracy_before: float  # share of pairs whose chosen answer leads
    accuracy_after: float
    margin_before: float  # mean lead
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
    if not (adapter / WEIGHTS).is_file():
        raise BaseModelError(f"{adapter} holds no {WEIGHTS}: run notebooks/02_train.ipynb first")
    disable_progress_bars()
    set_seed(seed)
    tokenizer = load_tokenizer(profile)
    rows = _rows(pairs, tokenizer, profile.max_length)
    train_rows, held_rows = _parted(rows, profile.eval_examples, seed)
    if not train_rows:
        raise ValueError(f"fewer than two prompts with their answers fit into max_length={profile.max_length}")
    steps = max_steps or -(-len(train_rows) // PAIRS_A_STEP)
    parts = (train_rows, held_rows, steps, seed, beta, learning_rate)
    done, resume = _take_up(folder, out, _fingerprint(profile, adapter, *parts))
    if done:
        print("preferences: taken up, their training had ended before this stage was interrupted")
        return done
    if resume:
        print(f"preferences: going on from {resume.name}")
    log = Log(folder / "log.jsonl")
    trainer = DPOTrainer(
        model=PeftModel.from_pretrained(
            load_for_training(profile, in_four_bits(profile) if profile.quantised else None),
            str(adapter),
            is_trainable=True,
        ),
        args=settings(profile, folder, steps, len(train_rows), seed, beta, learning_rate),
        train_dataset=Dataset.from_list(train_rows),
        eval_dataset=Dataset.from_list(held_rows),
        processing_class=tokenizer,
        callbacks=[log, AtTheEnd()],
    )
    _begin_alike(trainer.model, compute_dtype(device))
    checkpoints_keep_dtype(trainer.model)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    seconds = time.monotonic() - started - log.evaluating
    result = _summarise(trainer, len(train_rows), len(pairs) - len(rows), beta, seconds, resume)
    with writing(out) as aside:
        save_adapter(trainer.model, profile, aside, selected_adapters=[TRAINED])
        if (adapter / RETRIEVER).is_file():
            shutil.copy2(adapter / RETRIEVER, aside / RETRIEVER)
    write_json(folder / FINISHED, asdict(result))
    return result


def opened(run: Run, adapter: Path) -> PolicyGenerator:
    """The generator of the arm grounded with an adapter of the run."""
    return PolicyGenerator.of_adapter(run.profile, "grounded", adapter)


def keep_if_better(run: Run, before: Path, after: Path, examples: Sequence[Example]) -> bool:
    """Whether the adapter `after` beats `before` on examples (see `better`); it is removed if it does not."""
    found = []
    for adapter in (before, after):
        drafts = opened(run, adapter).generate([e.instruction for e in examples])
        found.append([score(example.policy, draft.text) for example, draft in zip(examples, drafts, strict=True)])
    kept = better(*found)
    if not kept:
        shutil.rmtree(after)
    return kept


def better(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether the preferred adapter wins: the 95% interval of the mean gain, paired by example, lies above 0.

    Args:
        before, after: the action F1 of the same validation examples, in the same order; a failed answer counts 0.

    Raises:
        ValueError: if they are of different number, none, or not all numbers.
    """
    if len(before) != len(after) or not len(before):
        raise ValueError(f"{len(before)} scores before and {len(after)} after: give one of each for every example")
    gains = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    if not np.isfinite(gains).all():
        raise ValueError("a score is not a number: count a failed answer as 0")
    n = len(gains)
    draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return bool(np.percentile(draws @ gains / n, (100 - LEVEL) / 2) > 0)


def _rows(pairs: Sequence[Pair], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[dict[str, str]]:
    """The pairs that fit: TRL would cut a longer one, and with it perhaps all in which its answers differ."""
    rows = []
    for pair in pairs:
        longest = max(len(tokenizer(pair.prompt + text)["input_ids"]) for text in (pair.chosen, pair.rejected))
        if longest + 1 <= max_length:  # and </s>
            rows.append(asdict(pair))
    return rows


def _parted(rows: list[dict[str, str]], most: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Rows to train on and rows to hold out, of at most so many prompts (0: any number); no prompt is in both."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    count = min(max(1, round(HELD_OUT * len(prompts))), most or len(prompts))
    held = {prompts[i] for i in np.random.default_rng(seed).permutation(len(prompts))[:count]}
    return [r for r in rows if r["prompt"] not in held], [r for r in rows if r["prompt"] in held]


def _begin_alike(model: PeftModel, dtype: torch.dtype) -> None:
    # TRL copies the adapter as reference and only then rounds the one that it trains to bfloat16: the two would differ
    # before the first step, and in another precision than the hardware's (see train._in_compute_dtype).
    kind = dtype if dtype == torch.bfloat16 else torch.float32
    for name, parameter in model.named_parameters():
        if f".{TRAINED}." in name:
            reference = model.get_parameter(name.replace(f".{TRAINED}.", f".{REFERENCE}."))
            reference.data = reference.data.to(kind)
            parameter.data = reference.data.clone()


@torch.no_grad()
def _leads(trainer: DPOTrainer, adapter: str) -> np.ndarray:
    """How much likelier, in nats, one of the model's adapters finds the chosen answer of each held-out pair."""
    model, rows, size = trainer.model.eval(), trainer.eval_dataset, trainer.args.per_device_eval_batch_size
    model.set_adapter(adapter)
    leads = []
    for start in range(0, len(rows), size):
        part = [rows[i] for i in range(start, min(start + size, len(rows)))]
        batch = {name: tensor.to(model.device) for name, tensor in trainer.data_collator(part).items()}
        with trainer.accelerator.autocast():
            logits = model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
            ).logits[:, :-1]
        chances = torch.log_softmax(logits.float(), dim=-1).gather(2, batch["input_ids"][:, 1:, None])[..., 0]
        chosen, rejected = (chances * batch["completion_mask"][:, 1:]).sum(dim=1).chunk(2)
        leads += (chosen - rejected).tolist()
    model.set_adapter(TRAINED)
    return np.array(leads)


def _summarise(
    trainer: DPOTrainer, trained: int, dropped: int, beta: float, seconds: float, resume: Path | None
) -> Preferred:
    before, after = _leads(trainer, REFERENCE), _leads(trainer, TRAINED)
    evaluations = [(row["eval_loss"], row["step"]) for row in trainer.state.log_history if "eval_loss" in row]
    best, best_step = min(evaluations[1:])  # the first is of no checkpoint
    if not np.isfinite([best, *after]).all():
        raise CourseError(f"the preference training diverged (loss {best}): choose a lower learning_rate")
    return Preferred(
        steps=trainer.state.global_step,
        best_step=best_step,
        pairs=trained,
        held_out=len(before),
        dropped=dropped,
        first_eval_loss=evaluations[0][0],
        best_eval_loss=best,
        accuracy_before=float((before > 0).mean()),
        accuracy_after=float((after > 0).mean()),
        margin_before=float(before.mean()),
        margin_after=float(after.mean()),
        reward_accuracy=float((after > before).mean()),
        reward_margin=float(beta * (after - before).mean()),
        seconds=seconds,
        resumed_from=int(resume.name.rpartition("-")[2]) if resume else 0,
    )


def _fingerprint(profile: Profile, adapter: Path, *parts: object) -> str:
    base = [checksums(ROOT / name) for name in profile.base_files]
    text = json.dumps([base, checksums(adapter), asdict(profile) | {"minutes": None}, *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _take_up(folder: Path, out: Path, fingerprint: str) -> tuple[Preferred | None, Path | None]:
    """As in train.fit; a training that ended, but whose adapter is gone, goes on from its last checkpoint."""
    mark = folder / FINGERPRINT
    same = mark.is_file() and mark.read_text() == fingerprint
    if same and (folder / FINISHED).is_file() and (out / WEIGHTS).is_file():
        return Preferred(**read_json(folder / FINISHED)), None
    return None, last_of(folder, fingerprint, FINISHED)
