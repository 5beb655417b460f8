"""QLoRA fine-tuning with TRL: examples come in, an adapter and a log go out.

One recipe is one call of `fit`; `sweep` calls it for several, briefly. Checkpoints lie beside the log, so that a
killed stage goes on where it stopped when the same calls are made again; `clear` ends that, and the next run is new.
"""

import hashlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import EarlyStoppingCallback, PreTrainedTokenizerBase, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from lib.data.dataset import spread
from lib.errors import CourseError
from lib.files import ROOT, checksums, read_json, write_json, writing
from lib.model.base import Sizes, check_device, compute_dtype, load_for_training, load_tokenizer, save_adapter, sizes
from lib.model.lessons import Lesson
from lib.profiles import Profile, Recipe

FINGERPRINT = "training.sha256"  # of data and settings: what may be gone on with
FINISHED = "fit.json"  # written last


@dataclass(frozen=True)
class Fit:
    """What one training came to. Losses are nats a token of the response."""

    recipe: str
    steps: int
    train_loss: float  # mean over all steps
    first_eval_loss: float  # of the base model, before the first step
    best_eval_loss: float
    best_step: int
    stopped_early: bool
    tokens: int  # of prompts and responses, trained on since this process took it up
    seconds: float  # of training since then; evaluations are not counted
    sizes: Sizes
    memory_gb: float  # peak of the GPU, else of this process
    resumed_from: int  # step; 0 if the training began here

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


def rows(
    lessons: Iterable[Lesson], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[dict[str, str]], int]:
    """Prompt and completion of the lessons that fit into `max_length` tokens, and how many did not.

    A longer one is left out and not cut: a policy that ends in the middle teaches exactly the mistake that the
    evaluation counts.
    """
    kept, dropped = [], 0
    for lesson in lessons:
        row = asdict(lesson)
        length = len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) + 1  # and </s>
        if length <= max_length:
            kept.append(row)
        else:
            dropped += 1
    return kept, dropped


def settings(profile: Profile, recipe: Recipe, out: Path, max_steps: int, seed: int) -> SFTConfig:
    """A profile and a recipe in TRL's own words."""
    # A training shorter than the interval, as in a sweep, is evaluated at its end.
    eval_steps, save_steps = (min(s, max_steps or s) for s in (profile.eval_steps, profile.save_steps))
    return SFTConfig(
        **kept_alike(profile, out, seed),
        # how much
        num_train_epochs=recipe.epochs,
        max_steps=max_steps or -1,
        gradient_accumulation_steps=profile.gradient_accumulation,
        per_device_eval_batch_size=profile.eval_batch_size,
        packing=profile.packing,
        packing_strategy="bfd",
        eval_packing=False,  # an evaluation of packs would weigh examples by their neighbours
        completion_only_loss=True,
        # how
        learning_rate=recipe.learning_rate * profile.learning_rate_scale,
        lr_scheduler_type=recipe.scheduler,
        warmup_steps=recipe.warmup,  # a share of the steps
        weight_decay=recipe.weight_decay,
        # what is kept
        eval_steps=eval_steps,
        save_steps=save_steps,
        save_total_limit=3,
        logging_steps=profile.logging_steps,
    )


def kept_alike(profile: Profile, out: Path, seed: int) -> dict[str, Any]:
    """The settings that fine-tuning and preference training share."""
    dtype = compute_dtype(profile.device)
    return {
        "output_dir": str(out),
        "per_device_train_batch_size": profile.train_batch_size,
        "max_length": profile.max_length,
        "bf16": dtype == torch.bfloat16,
        "fp16": dtype == torch.float16,
        "use_cpu": profile.device == "cpu",
        "activation_checkpointing": profile.device == "cuda",
        "dataloader_pin_memory": profile.device == "cuda",
        "eval_strategy": "steps",
        "eval_on_start": True,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "report_to": "none",
        "seed": seed,
        "data_seed": seed,
    }


class Log(TrainerCallback):
    """Appends what the trainer logs to a JSONL file, a line at a time, so that a kill loses none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = time.monotonic()
        self.tokens, self.evaluating = 0, 0.0  # trained on; seconds

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        row = {"step": state.global_step, **(logs or {})}
        self.tokens = int(max(self.tokens, row.get("num_tokens", 0), row.get("eval_num_tokens", 0)))
        self.evaluating += row.get("eval_runtime", 0.0)
        row["elapsed"] = round(time.monotonic() - self.started, 1)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def fit(
    profile: Profile,
    recipe: Recipe,
    train: Sequence[Lesson],
    validation: Sequence[Lesson],
    folder: Path,
    adapter: Path | None = None,
    max_steps: int | None = None,
    seed: int = 0,
) -> Fit:
    """Fine-tune the profile's base model.

    Args:
        folder: keeps log.jsonl and checkpoints/. A training with the same data and settings goes on from its last
            checkpoint if it was interrupted, and is taken up as it is if it had ended; both are said.
        adapter: where the best adapter is written (safetensors); None: nowhere, as in a sweep.
        max_steps: optimiser steps; None takes the profile's.

    Raises:
        BaseModelError: if the model cannot be loaded here.
        ValueError: if no example fits into the profile's max_length.
    """
    device = check_device(profile)
    disable_progress_bars()
    set_seed(seed)
    steps = profile.max_steps if max_steps is None else max_steps
    if steps < 0:
        raise CourseError(f"MAX_STEPS is {steps}: write a number of optimiser steps, or 0 for the profile's")
    tokenizer = load_tokenizer(profile)
    tokenizer.padding_side = "right"
    train_rows, _ = rows(train, tokenizer, profile.max_length)
    validation_rows, _ = rows(spread(validation, profile.eval_examples), tokenizer, profile.max_length)
    if not train_rows or not validation_rows:
        raise ValueError(
            f"no {'validation' if train_rows else 'training'} lesson fits into max_length={profile.max_length}"
        )
    checkpoints = folder / "checkpoints"
    done, resume = _take_up(folder, _fingerprint(profile, recipe, steps, seed, train_rows, validation_rows))
    if done:
        print(f"recipe {recipe.name}: taken up, its training had ended before this stage was interrupted")
        return done
    if resume:
        print(f"recipe {recipe.name}: going on from {resume.name}")
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    log = Log(folder / "log.jsonl")
    model = get_peft_model(load_for_training(profile), _lora(recipe))
    trainer = SFTTrainer(
        model=model,
        args=settings(profile, recipe, checkpoints, steps, seed),
        train_dataset=Dataset.from_list(train_rows),
        eval_dataset=Dataset.from_list(validation_rows),
        processing_class=tokenizer,
        callbacks=[log, EarlyStoppingCallback(recipe.patience)],
    )
    _in_compute_dtype(trainer.model, compute_dtype(device))
    checkpoints_keep_dtype(trainer.model)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    seconds = time.monotonic() - started - log.evaluating
    if adapter is not None:
        with writing(adapter) as aside:
            save_adapter(trainer.model, profile, aside)
    result = _summarise(trainer, recipe, log.tokens, seconds, resume, device)
    write_json(folder / FINISHED, asdict(result))
    return result


def clear(folder: Path) -> None:
    """Forget interrupted and ended trainings below a folder: the next `fit` begins anew. Called when a stage is saved.

    Checkpoints stay for a look at them, until then.
    """
    for mark in folder.rglob(FINGERPRINT):
        mark.unlink()


def sweep(
    profile: Profile,
    recipes: Sequence[Recipe],
    train: Sequence[Lesson],
    validation: Sequence[Lesson],
    folder: Path,
    seed: int = 0,
) -> list[Fit]:
    """Train each recipe for the profile's sweep_steps, without keeping adapters; the order of `recipes` is kept."""
    return [
        fit(profile, r, train, validation, folder / r.name, max_steps=profile.sweep_steps, seed=seed) for r in recipes
    ]


def table(fits: Sequence[Fit], recipes: Sequence[Recipe]) -> pd.DataFrame:
    """A sweep as a table: one row a recipe, losses in nats a token; no row if nothing was swept."""
    columns = ["config", "learning_rate", "r", "alpha", "steps", "train_loss", "eval_loss"]
    by_name = {r.name: r for r in recipes}
    found = [
        (f.recipe, by_name[f.recipe].learning_rate, by_name[f.recipe].r, by_name[f.recipe].alpha)
        + (f.steps, f.train_loss, f.best_eval_loss)
        for f in fits
    ]
    return pd.DataFrame(found, columns=columns)


def checkpoints_keep_dtype(model: PeftModel) -> None:
    """Let checkpoints of an adapter load as they were saved.

    PEFT would turn one in bfloat16 into float32: what is resumed would go on in another precision than it began in.
    """
    model.load_adapter = partial(model.load_adapter, autocast_adapter_dtype=False)


def _in_compute_dtype(model: torch.nn.Module, dtype: torch.dtype) -> None:
    # TRL turns a QLoRA adapter into bfloat16, whatever the hardware: on a CPU without it that is five times slower, and
    # mixed precision in float16 wants the weights that it trains in float32.
    if dtype != torch.bfloat16:
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()


def _lora(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.r,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.target_modules),
        bias="none",
    )


def _fingerprint(profile: Profile, recipe: Recipe, *parts: object) -> str:
    base = [checksums(ROOT / name) for name in profile.base_files]
    text = json.dumps([base, asdict(profile) | {"minutes": None}, asdict(recipe), *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _take_up(folder: Path, fingerprint: str) -> tuple[Fit | None, Path | None]:
    """The result of a training that ended, or the checkpoint of one that did not; else clear away another's."""
    mark = folder / FINGERPRINT
    same = mark.is_file() and mark.read_text() == fingerprint
    if same and (folder / FINISHED).is_file():
        fit = read_json(folder / FINISHED)
        return Fit(**fit | {"sizes": Sizes(**fit["sizes"])}), None
    return None, last_of(folder, fingerprint, FINISHED)


def last_of(folder: Path, fingerprint: str, result: str) -> Path | None:
    """The last checkpoint of the training with this fingerprint; if there is none, the folder is made ready anew.

    Args:
        result: the file in which the training leaves its result when it ends.
    """
    mark = folder / FINGERPRINT
    same = mark.is_file() and mark.read_text() == fingerprint
    checkpoint = last_whole(folder / "checkpoints") if same else None
    if checkpoint is None:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        for name in ("log.jsonl", result):
            (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(fingerprint)
    return checkpoint


def last_whole(checkpoints: Path) -> Path | None:
    """The last checkpoint in a folder that was written to its end, or None."""
    # trainer_state.json is what the trainer writes last: a checkpoint without it was cut off.
    whole = [p.parent for p in checkpoints.glob("checkpoint-*/trainer_state.json") if _is_json(p)]
    return max(whole, key=lambda p: int(p.name.rpartition("-")[2]), default=None)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _summarise(
    trainer: SFTTrainer, recipe: Recipe, tokens: int, seconds: float, resume: Path | None, device: str
) -> Fit:
    history = trainer.state.log_history
    evaluations = [(row["eval_loss"], row["step"]) for row in history if "eval_loss" in row]
    best, best_step = min(evaluations)
    gpu = device == "cuda"
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    unit = 1 if sys.platform == "darwin" else 1024
    memory = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    resumed = int(resume.name.rpartition("-")[2]) if resume else 0
    return Fit(
        recipe=recipe.name,
        steps=trainer.state.global_step,
        train_loss=next(row["train_loss"] for row in reversed(history) if "train_loss" in row),
        first_eval_loss=evaluations[0][0],
        best_eval_loss=best,
        best_step=best_step,
        stopped_early=trainer.state.global_step < trainer.state.max_steps,
        tokens=tokens,
        seconds=seconds,
        sizes=sizes(trainer.model),
        memory_gb=memory / 2**30,
        resumed_from=resumed,
    )
