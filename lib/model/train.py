"""Training with TRL's trainers, as the page of 02_train makes them: of whole answers (SFT) or of preferences (DPO).

`fit` is one training. Checkpoints lie beside its log, so that a killed stage goes on where it stopped when the same
calls are made again; `clear` ends that, and the next run is new.
"""

import hashlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset, disable_progress_bars
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTTrainer

from lib.files import ROOT, CourseError, checksums, read_json, write_json, writing
from lib.model.base import WEIGHTS, compute_dtype, save_adapter
from lib.profiles import Profile

disable_progress_bars()  # of datasets: a bar for each of its passes says nothing

FINGERPRINT = "training.sha256"  # of data and settings: what may be gone on with
CHECKPOINTS = "checkpoints"  # in the folder of a training
LOG = "log.jsonl"
FINISHED = "result.json"  # written last


@dataclass(frozen=True)
class Fit:
    """What one training came to. Losses are nats a token of the response; of preferences, what DPO makes of them."""

    name: str
    learning_rate: float  # the highest of the schedule
    r: int
    alpha: int
    steps: int
    train_loss: float  # mean over the steps since this process took it up
    first: dict[str, float]  # what was logged at the evaluation before the first step
    best: dict[str, float]  # ... and at the one of the lowest loss, whose adapter is kept
    stopped_early: bool
    tokens: int  # of prompts and responses, trained on since this process took it up; 0: not counted
    seconds: float  # of training since then; evaluations are not counted
    trainable: int  # parameters
    parameters: int  # with those of the base, also where four bits stand for one
    memory_gb: float  # peak of the GPU, else of this process
    resumed_from: int  # step; 0 if the training began here

    @property
    def first_eval_loss(self) -> float:
        return self.first["eval_loss"]

    @property
    def best_eval_loss(self) -> float:
        return self.best["eval_loss"]

    @property
    def best_step(self) -> int:
        return int(self.best["step"])

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


def rows(samples: Sequence[Any], tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """The samples of which prompt, answer and the token that ends it fit into `max_length` tokens.

    A longer one is left out and not cut: a policy that ends in the middle teaches exactly the mistake that the
    evaluation counts.

    Args:
        samples: dataclasses with a prompt; their other fields are answers.

    Raises:
        CourseError: if none fits.
    """

    def tokens(row: dict[str, str]) -> int:
        return max(len(tokenizer(row["prompt"] + row[name])["input_ids"]) for name in row if name != "prompt")

    kept = [row for row in map(asdict, samples) if tokens(row) < max_length]
    if not kept:
        raise CourseError(f"no sample fits into max_length={max_length}: allow more tokens in env/profiles")
    return Dataset.from_list(kept)


def answer_loss(
    model: torch.nn.Module, inputs: dict[str, torch.Tensor], labels: torch.Tensor, count: torch.Tensor | int | None
) -> torch.Tensor:
    """Nats a token of the answers, with logits of their tokens alone.

    Args:
        model: a causal language model of transformers; an adapter may be in it, not around it.
        inputs: of the model, without labels.
        labels: tokens of the answers, -100 elsewhere; shape (rows, tokens).
        count: by how many tokens the sum is divided; None: those that are counted here.
    """
    wanted = labels[:, 1:]
    counted = wanted != -100
    hidden = model.model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    logits = model.lm_head(hidden[counted]).float()
    tokens = torch.as_tensor(counted.sum() if count is None else count, device=logits.device)
    return cross_entropy(logits, wanted[counted], reduction="sum") / tokens.clamp(min=1)


class AnswerTrainer(SFTTrainer):
    """TRL's SFTTrainer, with logits of the answers alone.

    Away from a GPU, TRL makes logits, entropy and accuracy of all tokens though the loss counts those of answers only:
    with a vocabulary of 49,000 and a model of 135 million parameters that is half of a step on a CPU. For one device.
    """

    tokens = 0  # of prompts and responses, trained on by this process

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, dict[str, torch.Tensor]]:
        shown = {name: tensor for name, tensor in inputs.items() if name != "labels"}
        with self.accelerator.autocast():
            inner = self.accelerator.unwrap_model(model).get_base_model()
            loss = answer_loss(inner, shown, inputs["labels"], num_items_in_batch)
        if model.training:
            self.tokens += int(shown["attention_mask"].sum()) if "attention_mask" in shown else inputs["labels"].numel()
        return (loss, {"loss": loss}) if return_outputs else loss


def upkeep(profile: Profile, folder: Path, steps: int, seed: int) -> dict[str, Any]:
    """What no training learns from: the device, when it is logged and evaluated, which checkpoints are kept, the seed.

    Args:
        folder: of the training; its checkpoints lie in there.
        steps: of the training; one that is shorter than the interval, as in a sweep, is evaluated at its end. 0: whole
            epochs.
    """
    eval_steps = min(profile.eval_steps, steps or profile.eval_steps)
    return {
        "output_dir": str(folder / CHECKPOINTS),
        "use_cpu": profile.device == "cpu",
        "activation_checkpointing": profile.device == "cuda",
        "dataloader_pin_memory": profile.device == "cuda",
        "eval_strategy": "steps",
        "eval_on_start": True,
        "eval_steps": eval_steps,
        "save_steps": eval_steps * max(1, min(profile.save_steps, steps or profile.save_steps) // eval_steps),
        "save_total_limit": 3,
        "logging_steps": min(profile.logging_steps, eval_steps),
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "report_to": "none",
        "seed": seed,
        "data_seed": seed,
    }


def fit(trainer: Trainer, profile: Profile, name: str, adapter: Path | None = None, start: Path | None = None) -> Fit:
    """Train, or go on, or take up what had ended.

    Args:
        trainer: on an adapter of peft; its output_dir is CHECKPOINTS in a folder of its own, which gets log.jsonl. A
            training with the same data and settings goes on from its last checkpoint if it was interrupted, and is
            taken up as it is if it had ended; both are said.
        name: what the result is called.
        adapter: where the best adapter is written (safetensors); None: nowhere, as in a sweep.
        start: where the adapter lies that the training begins with; None: a new one.

    Raises:
        CourseError: where the trainer sees more than one GPU, or the training diverges; nothing is written then.
    """
    if trainer.args.n_gpu > 1 or trainer.args.world_size > 1:
        raise CourseError("this trains on one GPU: start it with CUDA_VISIBLE_DEVICES=0 in the environment")
    folder = Path(trainer.args.output_dir).parent
    whole = adapter is None or (adapter / WEIGHTS).is_file()
    done, resume = _take_up(folder, _fingerprint(trainer, profile, start), name, whole)
    if done:
        return Fit(**done)
    gpu = trainer.args.device.type == "cuda"
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    # TRL turns a QLoRA adapter into bfloat16, whatever the hardware: on a CPU without it that is five times slower, and
    # mixed precision in float16 wants the weights that it trains in float32.
    if compute_dtype(profile.device) != torch.bfloat16:
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    log = Log(folder / LOG)
    trainer.add_callback(log)
    # PEFT would turn a checkpoint in bfloat16 into float32: what is resumed would go on in another precision.
    trainer.model.load_adapter = partial(trainer.model.load_adapter, autocast_adapter_dtype=False)
    trainer.train(resume_from_checkpoint=resume and str(resume))
    seconds = time.monotonic() - log.started - log.evaluating
    history = trainer.state.log_history
    first, *later = [row for row in history if "eval_loss" in row]  # of the first there is no checkpoint
    best = min(later, key=lambda row: (row["eval_loss"], row["step"]))
    if not np.isfinite(list(best.values())).all():
        raise CourseError(f"the training {name!r} diverged (loss {best['eval_loss']}): choose a lower learning rate")
    if adapter is not None:
        with writing(adapter) as aside:
            save_adapter(trainer.model, profile, aside)
    lora = next(iter(trainer.model.peft_config.values()))
    trainable, parameters = trainer.model.get_nb_trainable_parameters()
    result = Fit(
        name=name,
        learning_rate=trainer.args.learning_rate,
        r=lora.r,
        alpha=lora.lora_alpha,
        steps=trainer.state.global_step,
        train_loss=next(row["train_loss"] for row in reversed(history) if "train_loss" in row),
        first=first,
        best=best,
        stopped_early=trainer.state.global_step < trainer.state.max_steps,
        tokens=getattr(trainer, "tokens", 0),
        seconds=seconds,
        trainable=trainable,
        parameters=parameters,
        memory_gb=_peak(gpu) / 2**30,
        resumed_from=int(resume.name.rpartition("-")[2]) if resume else 0,
    )
    write_json(folder / FINISHED, asdict(result))
    return result


def _peak(gpu: bool) -> int:
    """Bytes of the GPU's memory, or of this process, at the most."""
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in KiB on Linux, in bytes on macOS
    return torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def clear(folder: Path) -> None:
    """Forget interrupted and ended trainings below a folder: the next `fit` begins anew. Called when a stage is saved.

    Checkpoints stay for a look at them, until then.
    """
    for mark in folder.rglob(FINGERPRINT):
        mark.unlink()


def table(fits: Sequence[Fit]) -> pd.DataFrame:
    """Trainings as a table: one row each, losses in nats a token; no row if there is none."""
    columns = ["config", "learning_rate", "r", "alpha", "steps", "train_loss", "eval_loss"]
    found = [(f.name, f.learning_rate, f.r, f.alpha, f.steps, f.train_loss, f.best_eval_loss) for f in fits]
    return pd.DataFrame(found, columns=columns)


class Log(TrainerCallback):
    """Appends what the trainer logs to a JSONL file, a line at a time, so that a kill loses none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = time.monotonic()
        self.evaluating = 0.0  # seconds

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        row = {"step": state.global_step, **(logs or {})}
        self.evaluating += row.get("eval_runtime", 0.0)
        row["elapsed"] = round(time.monotonic() - self.started, 1)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _take_up(folder: Path, fingerprint: str, name: str, whole: bool) -> tuple[dict[str, Any] | None, Path | None]:
    """The result of a training that ended, or the last checkpoint of one that did not; else clear away another's.

    Args:
        whole: whether what the training leaves elsewhere is there; if not, it goes on from its last checkpoint.
    """
    mark = folder / FINGERPRINT
    same = mark.is_file() and mark.read_text() == fingerprint
    if same and whole and (folder / FINISHED).is_file():
        print(f"{name}: taken up, the training had ended before this stage was interrupted")
        return read_json(folder / FINISHED), None
    checkpoint = _last_whole(folder / CHECKPOINTS) if same else None
    if checkpoint:
        print(f"{name}: going on from {checkpoint.name}")
    else:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        for left in (LOG, FINISHED):
            (folder / left).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(fingerprint)
    return None, checkpoint


def _last_whole(checkpoints: Path) -> Path | None:
    """The last checkpoint that was written to its end; a later one that was cut off is removed."""
    while checkpoints.is_dir() and (last := get_last_checkpoint(str(checkpoints))):
        try:
            json.loads((Path(last) / "trainer_state.json").read_text())  # which the trainer writes last
            return Path(last)
        except (OSError, ValueError):
            shutil.rmtree(last)
    return None


def _fingerprint(trainer: Trainer, profile: Profile, start: Path | None) -> str:
    base = [checksums(ROOT / name) for name in profile.base_files]
    asked = {k: v for k, v in trainer.args.to_dict().items() if k not in ("output_dir", "logging_dir", "run_name")}
    lora = [config.to_dict() | {"base_model_name_or_path": ""} for config in trainer.model.peft_config.values()]
    patience = [getattr(c, "early_stopping_patience", None) for c in trainer.callback_handler.callbacks]
    data = [part.to_list() for part in (trainer.train_dataset, trainer.eval_dataset)]
    begun = checksums(start) if start else {}
    settings = [base, profile.base_model, profile.quantised, begun, patience, asked, lora, data]
    # Sets are written in another order by each process.
    text = json.dumps(settings, sort_keys=True, default=lambda v: sorted(map(str, v)) if isinstance(v, set) else str(v))
    return hashlib.sha256(text.encode()).hexdigest()
