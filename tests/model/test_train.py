"""Fine-tuning on a tiny model: what is learnt, written, resumed and refused. The same functions train Mistral-7B."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback
from trl import SFTConfig, SFTTrainer

from lib import profiles
from lib.files import CourseError
from lib.model import base, train
from lib.model.prompt import plain
from lib.profiles import load_recipe


def trainer(profile, examples, folder, recipe="A"):
    """As the page of 02_train makes it."""
    chosen, tokenizer = load_recipe(recipe), base.load_tokenizer(profile)
    train_rows, validation_rows = (
        train.rows(plain(e), tokenizer, profile.max_length) for e in (examples[:30], examples[30:])
    )
    dtype = base.compute_dtype(profile.device)
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=chosen.r, lora_alpha=chosen.alpha, target_modules=list(chosen.target_modules)
    )
    return train.AnswerTrainer(
        model=get_peft_model(base.load_for_training(profile), lora),
        args=SFTConfig(
            learning_rate=chosen.learning_rate * profile.learning_rate_scale,
            max_steps=profile.max_steps,
            packing=profile.packing,
            train_sampling_strategy="random" if profile.packing else "group_by_length",
            completion_only_loss=True,
            per_device_train_batch_size=profile.train_batch_size,
            per_device_eval_batch_size=profile.eval_batch_size,
            max_length=profile.max_length,
            eval_packing=False,
            bf16=dtype == torch.bfloat16,
            fp16=dtype == torch.float16,
            **train.upkeep(profile, folder, profile.max_steps, 0),
        ),
        train_dataset=train_rows,
        eval_dataset=validation_rows,
        processing_class=tokenizer,
        callbacks=[EarlyStoppingCallback(chosen.patience)],
    )


def fit(profile, examples, folder, recipe="A", **settings):
    return train.fit(trainer(profile, examples, folder, recipe), profile, recipe, **settings)


def test_training_writes_a_log_and_an_adapter_that_has_learnt(tiny, examples, tmp_path):
    profile = dataclasses.replace(tiny, max_steps=20, eval_steps=10, save_steps=10)
    result = fit(profile, examples, tmp_path / "full", adapter=tmp_path / "adapter")
    assert result.best_eval_loss < result.first_eval_loss - 0.05
    assert 0 < result.trainable < result.parameters
    assert result.tokens > 0 and result.memory_gb > 0 and result.resumed_from == 0
    rows = [json.loads(line) for line in (tmp_path / "full" / "log.jsonl").read_text().splitlines()]
    assert sum("loss" in r for r in rows) == 20 and [r["step"] for r in rows if "eval_loss" in r] == [0, 10, 20]
    weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert len(weights) == 2 * 7 * 2 and any(w.abs().sum() > 0 for n, w in weights.items() if "lora_B" in n)
    assert len(list((tmp_path / "full" / "checkpoints").glob("checkpoint-*"))) <= 3
    assert not list(tmp_path.rglob("*.bin.index*"))


def test_an_interrupted_training_goes_on_from_its_last_whole_checkpoint(tiny, examples, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def kill(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise Killed

    monkeypatch.setattr(train.Log, "on_step_end", kill, raising=False)
    with pytest.raises(Killed):
        fit(tiny, examples, tmp_path)
    before = (tmp_path / "log.jsonl").read_text()
    monkeypatch.setattr(train.Log, "on_step_end", lambda self, args, state, control, **kwargs: None)
    torn = tmp_path / "checkpoints" / "checkpoint-3"
    shutil.copytree(tmp_path / "checkpoints" / "checkpoint-2", torn)
    (torn / "trainer_state.json").write_text('{"cut o')
    result = fit(tiny, examples, tmp_path)
    assert result.resumed_from == 2 and result.steps == 4
    assert (tmp_path / "log.jsonl").read_text().startswith(before)


def test_an_ended_training_is_taken_up_and_said_until_its_stage_is_saved(tiny, examples, tmp_path, capsys):
    first = fit(tiny, examples, tmp_path / "full")
    log = (tmp_path / "full" / "log.jsonl").read_text()
    assert fit(tiny, examples, tmp_path / "full") == first
    assert "A: taken up" in capsys.readouterr().out
    train.clear(tmp_path)
    again = fit(tiny, examples, tmp_path / "full")
    assert again.resumed_from == 0 and again.seconds != first.seconds
    assert (tmp_path / "full" / "log.jsonl").read_text() != log


def test_other_data_start_a_new_training(tiny, examples, tmp_path):
    first = fit(tiny, examples, tmp_path)
    other = fit(tiny, examples[:35], tmp_path)
    assert other.resumed_from == 0 and other.best_eval_loss != first.best_eval_loss


def test_the_same_seed_gives_the_same_losses(tiny, examples, tmp_path):
    one, two = (fit(tiny, examples, tmp_path / name) for name in ("one", "two"))
    assert one.best_eval_loss == pytest.approx(two.best_eval_loss, rel=1e-5)


def test_trainings_are_a_table(tiny, examples, tmp_path):
    profile = dataclasses.replace(tiny, max_steps=2, eval_steps=10, save_steps=10)  # evaluated at the end all the same
    fits = [fit(profile, examples, tmp_path / name, name) for name in ("A", "D")]
    table = train.table(fits)
    assert list(table["config"]) == ["A", "D"] and list(table["r"]) == [16, 8]
    assert list(table["learning_rate"]) == [2e-4 * profile.learning_rate_scale] * 2
    assert (table["steps"] == 2).all() and all(f.best_eval_loss != f.first_eval_loss for f in fits)
    assert train.table([]).empty


@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("packing", [False, True])
def test_logits_of_answers_alone_give_the_same_loss(tiny, examples, tmp_path, quantised, packing):
    profile = dataclasses.replace(tiny, quantised=quantised, packing=packing)
    made = trainer(profile, examples, tmp_path)
    ours = made.evaluate()["eval_loss"]
    theirs = SFTTrainer.compute_loss
    made.compute_loss = lambda *inputs, **settings: theirs(made, *inputs, **settings)
    assert made.evaluate()["eval_loss"] == pytest.approx(ours, abs=2e-3)


def test_long_examples_are_left_out_and_not_cut(tiny, examples):
    tokenizer = base.load_tokenizer(tiny)
    long = dataclasses.replace(examples[0], policy=examples[0].policy + " " * 4000)
    rows = train.rows(plain([*examples, long]), tokenizer, 192)
    assert all(row["completion"] == e.policy for row, e in zip(rows, examples, strict=True))


def test_nothing_that_fits_is_an_error_of_one_line(tiny, examples):
    with pytest.raises(CourseError, match="max_length=8"):
        train.rows(plain(examples), base.load_tokenizer(tiny), 8)


@pytest.mark.parametrize("name", ["colab", "sagemaker"])
def test_the_gpu_profiles_train_with_the_same_functions(name, tiny_folder, examples, tmp_path):
    gpu = profiles.load(name)
    profile = dataclasses.replace(
        gpu, base_model=str(tiny_folder), device="cpu", max_steps=1, eval_examples=2, eval_steps=1, save_steps=1
    )
    result = fit(profile, examples, tmp_path, adapter=tmp_path / "adapter")
    assert result.steps == 1 and (tmp_path / "adapter" / "adapter_config.json").is_file()
    assert result.learning_rate == 2e-4 and (result.r, result.alpha) == (16, 32)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    modules = config["target_modules"]
    assert sorted(modules) == sorted(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])


FINGERPRINT = """
import dataclasses, pathlib, sys
from lib import profiles
from lib.model import train
from types import SimpleNamespace as N
from peft import LoraConfig
lora = LoraConfig(r=2, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
args = N(to_dict=lambda: {"learning_rate": 1e-3, "output_dir": sys.argv[1]})
part = N(to_list=lambda: [{"prompt": "a"}])
made = N(args=args, model=N(peft_config={"default": lora}), callback_handler=N(callbacks=[]))
made.train_dataset = made.eval_dataset = part
print(train._fingerprint(made, dataclasses.replace(profiles.load("laptop"), base_model="nobody/has-it"), None))
"""


def test_a_training_is_known_again_by_another_process():
    found = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", FINGERPRINT, f"/tmp/{seed}"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed})
        found.add(done.stdout.strip())
    assert len(found) == 1 and len(found.pop()) == 64
