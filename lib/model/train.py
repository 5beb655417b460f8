"""QLoRA fine-tuning with TRL: a trainer comes in, as the page of 02_train makes it; an adapter and a log go out.

`fit` is one training. Checkpoints lie beside the log, so that a killed stage goes on where it stopped when the same
calls are made again; `clear` ends that, and the next run is new.
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
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback
from trl import SFTTrainer

from lib.files import ROOT, CourseError, checksums, read_json, write_json, writing
from lib.model.base import Sizes, compute_dtype, save_adapter, sizes
from lib.model.prompt import Sample
from lib.profiles import Profile

disable_progress_bars()  # of datasets: a bar for each of its passes says nothing

FINGERPRINT = "training.sha256"  # of data and settings: what may be gone on with
CHECKPOINTS = "checkpoints"  # in the folder of a training
LOG = "log.jsonl"
FINISHED = "result.json"  # written last


@dataclass(frozen=True)
class Fit:
    """What one training came to. Losses are nats a token of the response."""

    recipe: str
    learning_rate: float  # the highest of the schedule
    r: int
    alpha: int
    steps: int
    train_loss: float  # mean over the steps since this process took it up
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


def rows(samples: Iterable[Sample], tokenizer: PreTrainedTokenizerBase, max_length: int) -> tuple[Dataset, int]:
    """Prompt and completion of the samples that fit into `max_length` tokens, and how many did not.

    A longer one is left out and not cut: a policy that ends in the middle teaches exactly the mistake that the
    evaluation counts.

    Raises:
        CourseError: if none fits.
    """
    every = list(samples)
    kept = fitting(every, tokenizer, max_length)
    if not kept:
        raise CourseError(f"no sample fits into max_length={max_length}: allow more tokens in env/profiles")
    return Dataset.from_list(kept), len(every) - len(kept)


def fitting(samples: Iterable[Any], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[dict[str, str]]:
    """Those of which the prompt with any of its answers, and the token that ends it, fits into `max_length` tokens.

    Args:
        samples: dataclasses with a prompt; their other fields are answers.
    """
    found = []
    for row in map(asdict, samples):
        answers = [text for name, text in row.items() if name != "prompt"]
        if max(len(tokenizer(row["prompt"] + text)["input_ids"]) for text in answers) < max_length:
            found.append(row)
    return found


class AnswerTrainer(SFTTrainer):
    """TRL's SFTTrainer, with logits of the answers alone.

    The loss counts the tokens of answers only, but logits, entropy and accuracy of all tokens are made for it: with a
    vocabulary of 49,000 and a model of 135 million parameters that is half of a step on a CPU. For one device.
    """

    tokens = 0  # of prompts and responses, trained on by this process

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, dict[str, torch.Tensor]]:
        inner = self.accelerator.unwrap_model(model).get_base_model()
        shown = {name: tensor for name, tensor in inputs.items() if name != "labels"}
        wanted = inputs["labels"][:, 1:]
        counted = wanted != -100
        with self.accelerator.autocast():
            hidden = inner.model(**shown, use_cache=False).last_hidden_state[:, :-1]
            logits = inner.lm_head(hidden[counted])
        count = counted.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = cross_entropy(logits.float(), wanted[counted], reduction="sum") / count.clamp(min=1).to(logits.device)
        if model.training:
            self.tokens += int(shown["attention_mask"].sum()) if "attention_mask" in shown else wanted.numel()
        return (loss, {"loss": loss}) if return_outputs else loss


def kept_alike(profile: Profile, folder: Path, seed: int) -> dict[str, Any]:
    """The settings that fine-tuning and preference training share: where it computes, what it keeps, when it looks.

    Args:
        folder: of the training; its checkpoints lie in there.
    """
    dtype = compute_dtype(profile.device)
    return {
        "output_dir": str(folder / CHECKPOINTS),
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


def looked_at(profile: Profile, steps: int) -> dict[str, Any]:
    """How often a fine-tuning of so many steps (0: whole epochs) is logged, evaluated and kept.

    One that is shorter than the interval, as in a sweep, is evaluated at its end.
    """
    return {
        "eval_steps": min(profile.eval_steps, steps or profile.eval_steps),
        "save_steps": min(profile.save_steps, steps or profile.save_steps),
        "save_total_limit": 3,
        "logging_steps": profile.logging_steps,
        "per_device_eval_batch_size": profile.eval_batch_size,
        "eval_packing": False,  # an evaluation of packs would weigh examples by their neighbours
    }


def fit(trainer: AnswerTrainer, profile: Profile, recipe: str, adapter: Path | None = None) -> Fit:
    """Train, or go on, or take up what had ended.

    Args:
        trainer: on an adapter of peft; its output_dir is CHECKPOINTS in a folder of its own, which gets log.jsonl. A
            training with the same data and settings goes on from its last checkpoint if it was interrupted, and is
            taken up as it is if it had ended; both are said.
        recipe: what the result is called.
        adapter: where the best adapter is written (safetensors); None: nowhere, as in a sweep.

    Raises:
        CourseError: where the trainer sees more than one GPU.
    """
    if trainer.args.n_gpu > 1 or trainer.args.world_size > 1:
        raise CourseError("this trains on one GPU: start it with CUDA_VISIBLE_DEVICES=0 in the environment")
    folder = Path(trainer.args.output_dir).parent
    done, resume = take_up(folder, _fingerprint(trainer, profile), f"recipe {recipe}")
    if done:
        return Fit(**done | {"sizes": Sizes(**done["sizes"])})
    gpu = trainer.args.device.type == "cuda"
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    # TRL turns a QLoRA adapter into bfloat16, whatever the hardware: on a CPU without it that is five times slower, and
    # mixed precision in float16 wants the weights that it trains in float32.
    if compute_dtype(profile.device) != torch.bfloat16:
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    seconds = train(trainer, resume)
    if adapter is not None:
        with writing(adapter) as aside:
            save_adapter(trainer.model, profile, aside)
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    unit = 1 if sys.platform == "darwin" else 1024
    memory = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    lora = next(iter(trainer.model.peft_config.values()))
    first, best = evaluations(trainer)
    result = Fit(
        recipe=recipe,
        learning_rate=trainer.args.learning_rate,
        r=lora.r,
        alpha=lora.lora_alpha,
        steps=trainer.state.global_step,
        train_loss=next(row["train_loss"] for row in reversed(trainer.state.log_history) if "train_loss" in row),
        first_eval_loss=first["eval_loss"],
        best_eval_loss=best["eval_loss"],
        best_step=int(best["step"]),
        stopped_early=trainer.state.global_step < trainer.state.max_steps,
        tokens=trainer.tokens,
        seconds=seconds,
        sizes=sizes(trainer.model),
        memory_gb=memory / 2**30,
        resumed_from=step_of(resume),
    )
    write_json(folder / FINISHED, asdict(result))
    return result


def clear(folder: Path) -> None:
    """Forget interrupted and ended trainings below a folder: the next `fit` begins anew. Called when a stage is saved.

    Checkpoints stay for a look at them, until then.
    """
    for mark in folder.rglob(FINGERPRINT):
        mark.unlink()


def table(fits: Sequence[Fit]) -> pd.DataFrame:
    """Trainings as a table: one row each, losses in nats a token; no row if there is none."""
    columns = ["config", "learning_rate", "r", "alpha", "steps", "train_loss", "eval_loss"]
    found = [(f.recipe, f.learning_rate, f.r, f.alpha, f.steps, f.train_loss, f.best_eval_loss) for f in fits]
    return pd.DataFrame(found, columns=columns)


# What any training does: it is logged, evaluated at its end, and gone on with after an interruption


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


class AtTheEnd(TrainerCallback):
    """Evaluates after the last step, too: else steps beyond the last interval could not be the best."""

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if state.global_step >= state.max_steps:
            control.should_evaluate = True


def train(trainer: Trainer, resume: Path | None) -> float:
    """Train from the beginning or from a checkpoint: the seconds that it took, without evaluations."""
    log = Log(Path(trainer.args.output_dir).parent / LOG)
    trainer.add_callback(log)
    trainer.add_callback(AtTheEnd())
    # PEFT would turn a checkpoint in bfloat16 into float32: what is resumed would go on in another precision.
    trainer.model.load_adapter = partial(trainer.model.load_adapter, autocast_adapter_dtype=False)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return time.monotonic() - log.started - log.evaluating


def evaluations(trainer: Trainer) -> tuple[dict[str, float], dict[str, float]]:
    """What was logged at the evaluation before the first step, and at the best one after it."""
    first, *later = [row for row in trainer.state.log_history if "eval_loss" in row]
    return first, min(later, key=lambda row: (row["eval_loss"], row["step"]))  # of the first there is no checkpoint


def take_up(folder: Path, fingerprint: str, name: str, whole: bool = True) -> tuple[dict | None, Path | None]:
    """The result of a training that ended, or the last checkpoint of one that did not; else clear away another's.

    Args:
        name: how the training is called where something is taken up, which is said.
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


def step_of(checkpoint: Path | None) -> int:
    """The step at which a checkpoint was made; 0 for none."""
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def _last_whole(checkpoints: Path) -> Path | None:
    """The last checkpoint that was written to its end: trainer_state.json is what the trainer writes last."""
    whole = [path.parent for path in checkpoints.glob("checkpoint-*/trainer_state.json") if _is_json(path)]
    return max(whole, key=step_of, default=None)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _fingerprint(trainer: SFTTrainer, profile: Profile) -> str:
    base = [checksums(ROOT / name) for name in profile.base_files]
    asked = {k: v for k, v in trainer.args.to_dict().items() if k not in ("output_dir", "logging_dir", "run_name")}
    lora = [config.to_dict() | {"base_model_name_or_path": ""} for config in trainer.model.peft_config.values()]
    patience = [getattr(c, "early_stopping_patience", None) for c in trainer.callback_handler.callbacks]
    data = [part.to_list() for part in (trainer.train_dataset, trainer.eval_dataset)]
    settings = [base, profile.base_model, profile.quantised, patience, asked, lora, data]
    # Sets are written in another order by each process.
    text = json.dumps(settings, sort_keys=True, default=lambda v: sorted(map(str, v)) if isinstance(v, set) else str(v))
    return hashlib.sha256(text.encode()).hexdigest()
