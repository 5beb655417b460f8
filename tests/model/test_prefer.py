"""Preferences on a tiny model: which answer is better, what is learnt from that, and when it is worth keeping."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from trl import DPOConfig

from iamintent import Intent
from lib.files import CourseError, checksums
from lib.model import prefer, train
from lib.model.base import BaseModelError, compute_dtype, load_for_training, load_tokenizer
from lib.model.generate import ARMS, PolicyGenerator
from lib.model.prefer import Pair, better, pairs, preference, score
from lib.model.prompt import render
from lib.profiles import Profile, load_recipe

ARN = "arn:aws:s3:::acme/*"


def policy(action, resource=ARN, **more) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


WANTED = policy("s3:GetObject")


# which answer is better


def test_scores_go_from_no_policy_over_too_much_to_exactly_right():
    answers = [
        "I would rather not",
        policy("*", "*"),  # as wrong as the next one, and AWS warns of it
        policy("s3:PutObject"),
        policy("s3:*"),
        policy(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
        policy(["s3:GetObject", "s3:PutObject"]),
        WANTED,
    ]
    scores = [score(WANTED, answer) for answer in answers]
    assert scores == sorted(scores) and len(set(scores)) == len(scores)
    assert scores[0] == prefer.INVALID and scores[-1] == 1.0


@pytest.mark.parametrize("text", ["", "{}", "[1]", WANTED[:-9], WANTED.replace("Allow", "Permit")])
def test_what_is_no_policy_scores_below_any_that_is(text):
    faulty = policy([f"s3:Nothing{n}" for n in range(20)])  # an ERROR each
    assert score(WANTED, text) == prefer.INVALID < score(WANTED, faulty)


def test_findings_that_the_reference_has_too_cost_nothing():
    risky = policy("iam:PassRole", "*")
    assert score(risky, risky) == 1.0
    assert score(WANTED, risky) == -prefer.PENALTY


def test_the_best_answer_is_set_against_the_worst():
    wide, none = policy("s3:*"), "Sorry"
    assert preference(WANTED, [wide, WANTED, policy(["s3:GetObject", "s3:PutObject"])]) == (WANTED, wide)
    assert preference(WANTED, [wide, none, WANTED]) == (WANTED, none)


def test_answers_that_are_alike_are_no_pair():
    assert preference(WANTED, [WANTED, WANTED]) is None
    assert preference(WANTED, ["no", "neither"]) is None
    assert preference(WANTED, [policy("s3:PutObject"), policy("s3:*")]) is None  # 0 and 0.06
    assert preference(WANTED, []) is None


def test_the_reference_is_preferred_only_where_no_sample_is_good():
    half, wide = policy(["s3:GetObject", "s3:PutObject"]), policy("s3:*")
    assert preference(WANTED, [wide, wide], target=WANTED) == (WANTED, wide)
    assert preference(WANTED, [half, wide], target=WANTED) == (half, wide)


# pairs


class Found:
    """A retriever that finds two actions for each request but one, which it refuses."""

    def read(self, request):
        refusal = "Say what for." if request == "everything" else None
        return Intent(request, (("s3:GetObject", "s3:PutObject"),), refusal=refusal)


@pytest.fixture
def generator(tiny) -> PolicyGenerator:
    profile = dataclasses.replace(tiny, max_new_tokens=96)
    made = PolicyGenerator.load("runs/none", "zero_shot", profile)
    return PolicyGenerator(made.model, made.tokenizer, ARMS["grounded"], profile, retriever=Found())


def test_pairs_repeat_for_a_seed_and_hold_the_prompt_that_was_answered(generator, examples, monkeypatch):
    answered = []
    encode = PolicyGenerator._encode
    monkeypatch.setattr(
        PolicyGenerator, "_encode", lambda self, *rest: answered.append(encode(self, *rest)) or answered[-1]
    )
    some = [*examples[:6], dataclasses.replace(examples[0], instruction="everything")]
    one = pairs(generator, some, answers=3, temperature=1.5, seed=1)
    asked = {generator.tokenizer.decode(ids, skip_special_tokens=True) for ids in answered}
    assert one == pairs(generator, some, answers=3, temperature=1.5, seed=1)
    assert one != pairs(generator, some, answers=3, temperature=1.5, seed=2)
    expected = [render(Found().read(e.instruction)) for e in examples[:6]]
    assert asked == set(expected) and "### Candidates:\ns3:GetObject s3:PutObject" in expected[0]
    assert one and [p.prompt for p in one] == [prompt for prompt in expected if prompt in {p.prompt for p in one}]
    wanted = dict(zip(expected, [e.policy for e in examples], strict=False))
    assert all(score(wanted[p.prompt], p.chosen) > score(wanted[p.prompt], p.rejected) for p in one)
    assert isinstance(generator.retriever, Found)  # the generator itself is as it was


def test_what_was_found_in_training_can_be_given(generator, examples):
    found = [Intent("List it", (("s3:ListBucket",),))]
    made = pairs(generator, examples[:1], answers=2, seed=1, intents=found)
    assert all("### Candidates:\ns3:ListBucket\n" in p.prompt for p in made)
    with pytest.raises(ValueError, match="1 intents for 2 examples"):
        pairs(generator, examples[:2], intents=found)


@pytest.mark.parametrize("bad", [{"answers": 1}, {"temperature": 0.0}])
def test_settings_that_make_all_samples_alike_are_refused(generator, examples, bad):
    with pytest.raises(ValueError, match="no two would differ"):
        pairs(generator, examples[:1], **bad)


# training


@pytest.fixture
def tiny(tiny) -> Profile:
    """In four bits, as the large profiles are."""
    return dataclasses.replace(tiny, quantised=True)


@pytest.fixture
def adapter(tiny, tmp_path):
    """An adapter that is not the one a training begins with: its B is no longer 0."""
    torch.manual_seed(0)
    modules = list(load_recipe("A").target_modules)
    lora = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules=modules)
    model = get_peft_model(load_for_training(tiny), lora)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = torch.randn_like(parameter, dtype=torch.float32) * 0.05
    model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.fixture
def made() -> list[Pair]:
    """Pairs of one kind: the narrow policy is preferred to the wide one."""
    arns = [f"arn:aws:s3:::bucket-{n}/*" for n in range(6)]
    return [Pair(render(f"Use {a}"), policy("s3:GetObject", a), policy("s3:*", a)) for a in arns]


def trainer(profile, adapter, made, max_steps=2, learning_rate=2e-3, beta=0.1):
    """As the page of 02_train makes it."""
    dtype = compute_dtype(profile.device)
    settings = DPOConfig(
        beta=beta,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,
        max_steps=max_steps,
        per_device_train_batch_size=profile.train_batch_size,
        per_device_eval_batch_size=profile.train_batch_size,
        max_length=profile.max_length,
        disable_dropout=True,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        **train.upkeep(profile, adapter.parent / "prefer", max_steps, 0),
    )
    return prefer.trainer(profile, adapter, made, settings)


def run(profile, adapter, made, **more):
    made = trainer(profile, adapter, made, **more)
    return train.fit(made, profile, "preferences", adapter=adapter.parent / "out", start=adapter)


def margin(logged: dict) -> float:
    """How much likelier the chosen answer is than the rejected one, in nats."""
    return logged["eval_logps/chosen"] - logged["eval_logps/rejected"]


def test_two_steps_raise_what_is_preferred_and_leave_base_and_adapter_alone(tiny, adapter, made):
    before, learning = checksums(adapter), trainer(tiny, adapter, made, beta=0.5)
    assert (len(learning.train_dataset), len(learning.eval_dataset)) == (5, 1)
    out = adapter.parent / "out"
    result = train.fit(learning, tiny, "preferences", adapter=out, start=adapter)
    old, new = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, out))
    assert old.keys() == new.keys() and any(not torch.equal(old[name], new[name].to(old[name])) for name in old)
    assert result.steps == 2
    assert result.first_eval_loss == pytest.approx(math.log(2), abs=1e-6)  # policy and reference began alike
    assert result.best_eval_loss < result.first_eval_loss
    assert margin(result.best) > margin(result.first)
    assert result.best["eval_rewards/margins"] > 0 and result.best["eval_rewards/accuracies"] == 1
    assert checksums(adapter) == before
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == []  # no copy of the reference
    fresh = dict(load_for_training(tiny).named_parameters())
    base = learning.model.get_base_model()
    trained = {n.replace(".base_layer", ""): p for n, p in base.named_parameters() if "lora_" not in n}
    assert trained.keys() == fresh.keys() and all(torch.equal(trained[name], fresh[name]) for name in fresh)
    rows = [json.loads(line) for line in (adapter.parent / "prefer" / "log.jsonl").read_text().splitlines()]
    assert [r["step"] for r in rows if "eval_loss" in r] == [0, 2] and sum("loss" in r for r in rows) == 2


def test_the_reference_is_base_with_adapter(tiny, adapter, made):
    learning = trainer(tiny, adapter, made, max_steps=1)
    prompts = {learning.processing_class.decode(row["prompt_ids"]) for row in learning.eval_dataset}
    result = train.fit(learning, tiny, "preferences", start=adapter)
    model = PeftModel.from_pretrained(load_for_training(tiny), str(adapter)).eval()
    tokenizer = load_tokenizer(tiny)
    held = [p for p in made if p.prompt in prompts]

    def chance(prompt: str, answer: str) -> float:
        ids = torch.tensor([tokenizer(prompt + answer + tokenizer.eos_token)["input_ids"]])
        start = len(tokenizer(prompt)["input_ids"])
        with torch.no_grad():
            logits = torch.log_softmax(model(ids).logits.float(), -1)
        return sum(logits[0, place - 1, ids[0, place]].item() for place in range(start, ids.shape[1]))

    leads = [chance(p.prompt, p.chosen) - chance(p.prompt, p.rejected) for p in held]
    assert margin(result.first) == pytest.approx(np.mean(leads), abs=1e-2)
    with model.disable_adapter():
        assert margin(result.first) != pytest.approx(
            chance(held[0].prompt, held[0].chosen) - chance(held[0].prompt, held[0].rejected), abs=1e-2
        )


def test_an_interrupted_training_goes_on_and_an_ended_one_is_taken_up(tiny, adapter, made, monkeypatch, capsys):
    class Killed(Exception):
        pass

    def kill(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise Killed

    whole = run(tiny, adapter, made, max_steps=3)
    weights = load_file(adapter.parent / "out" / "adapter_model.safetensors")
    assert run(tiny, adapter, made, max_steps=3) == whole and "taken up" in capsys.readouterr().out
    train.clear(adapter.parent)
    monkeypatch.setattr(train.Log, "on_step_end", kill, raising=False)
    with pytest.raises(Killed):
        run(tiny, adapter, made, max_steps=3)
    monkeypatch.undo()
    again = run(tiny, adapter, made, max_steps=3)
    log = (adapter.parent / "prefer" / "log.jsonl").read_text().splitlines()
    assert [r["step"] for r in map(json.loads, log) if "eval_loss" in r] == [0, 2, 2, 3]  # at both beginnings
    assert again.resumed_from == 2 and again.steps == 3
    assert again.first_eval_loss == whole.first_eval_loss and margin(again.first) == margin(whole.first)
    assert margin(again.best) == pytest.approx(margin(whole.best), rel=1e-4)
    resumed = load_file(adapter.parent / "out" / "adapter_model.safetensors")
    assert all(torch.allclose(weights[name], resumed[name], atol=1e-4) for name in weights)


def test_nothing_is_written_on_failure(tiny, adapter, made, monkeypatch):
    out = adapter.parent / "out"
    with pytest.raises(CourseError, match="diverged"):
        run(tiny, adapter, made, max_steps=1, learning_rate=float("inf"))
    monkeypatch.setattr(PeftModel, "save_pretrained", lambda self, folder, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tiny, adapter, made, max_steps=1)
    assert not out.exists() and not list(out.parent.glob(".aside-*"))
    assert not (adapter.parent / "prefer" / train.FINISHED).exists()


def test_what_cannot_be_trained_is_an_error_of_one_line(tiny, adapter, made):
    with pytest.raises(CourseError, match="max_length=8"):
        trainer(dataclasses.replace(tiny, max_length=8), adapter, made)
    with pytest.raises(CourseError, match="two prompts"):
        trainer(tiny, adapter, made[:1] * 3)
    with pytest.raises(BaseModelError, match="holds no adapter"):
        trainer(tiny, adapter.parent / "none", made)


def test_pairs_that_are_too_long_are_left_out_and_not_cut(tiny, made):
    long = dataclasses.replace(made[0], rejected=policy([f"s3:Get{n}" for n in range(300)]))
    assert train.rows([*made, long], load_tokenizer(tiny), 192).to_list() == [dataclasses.asdict(p) for p in made]


# whether it was worth it


def test_a_clear_win_is_better_and_neither_loss_nor_noise_is():
    rng = np.random.default_rng(0)
    before = rng.uniform(0, 0.8, 200)
    noise = rng.normal(0, 0.1, 200)
    assert better(before, before + 0.05 + noise / 2)
    assert not better(before, before - 0.05 + noise / 2)
    assert not better(before, before + noise - noise.mean())
    assert not better(before, before)
    assert not better([0.0] * 20, [1.0] + [0.0] * 19)  # one example is no evidence


def test_only_pairs_of_scores_are_compared():
    with pytest.raises(ValueError, match="2 scores before and 1 after"):
        better([0.5, 0.5], [0.5])
    with pytest.raises(ValueError, match="0 scores"):
        better([], [])
    with pytest.raises(ValueError, match="failed answer as 0"):
        better([0.5], [math.nan])
