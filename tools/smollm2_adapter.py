"""Train the adapter that comes with SmolLM2: `python -m tools.smollm2_adapter`, 2.4 hours on two cores.

People's requests of the training split, composed ones and managed policies come in, each with what a retriever offers
that has not seen it; an adapter, its retriever and its curve go out. It goes on where it was stopped. Logits are made
of the answers' tokens alone, and rows of like length stand together: two cores read 500 tokens a second.
"""

import argparse
import json
import math
import random
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from iamintent.retriever import RETRIEVER, Retriever
from lib import profiles
from lib.data import dataset, field, managed
from lib.data.composed import write
from lib.data.dataset import Example
from lib.data.field import load
from lib.files import ROOT, read_json, write_json, writing
from lib.model.base import load_for_training, load_tokenizer, save_adapter
from lib.model.prompt import Sample, grounded
from lib.model.train import answer_loss

OUT = ROOT / "models" / "smollm2" / "adapter"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RANK, WARMUP = 32, 30
STEP = 2_048  # tokens of a step, padding included
LONGEST = 800  # tokens of a sample; longer ones are left out, not cut
COMPOSED = 1_200
EVERY = 100  # steps between two evaluations
SAMPLES, STATE, CARD = "samples.json", "state.pt", "README.md"

Row = tuple[list[int], list[int]]  # tokens of a prompt, and of its answer with the token that ends it


def samples(seed: int = 0) -> tuple[dict[str, list[Sample]], dict[str, list[Sample]], Retriever]:
    """Samples to train on and to validate with, by what they are, and the retriever that made them."""
    data = dataset.with_field(
        dataset.build(managed.fetch(), write(profiles.load("laptop").examples, seed)), field.examples(load())
    )
    retriever = Retriever.fit(data.train)
    rng = random.Random(seed)

    def of(source: str, split: Sequence[Example]) -> list[Example]:
        found = [e for e in split if e.source == source]
        rng.shuffle(found)
        return found

    people, composed, titles = (of(source, data.train) for source in ("field", "written", "managed"))
    composed = composed[:COMPOSED]
    chosen = [*people, *composed, *titles]
    known = dict(zip((e.id for e in chosen), retriever.of_training(chosen), strict=True))

    def taught(examples: Sequence[Example], every: int = 0) -> list[Sample]:
        return grounded(examples, [known[e.id] for e in examples], every)

    train = {
        "people": taught(people),
        "people, plain": taught(people[: len(people) // 5], 1),
        "composed": taught(composed),
        "titles": taught(titles),
    }
    held_out = {"people": of("field", data.validation)[::5], "composed": of("written", data.validation)[:15]}
    validation = {
        name: grounded(examples, [retriever.read(e.instruction) for e in examples], 0)
        for name, examples in held_out.items()
    }
    return train, validation, retriever


def order(train: dict[str, list[Row]], passes: Sequence[int]) -> list[list[Row]]:
    """Passes (0, 1) over people's requests, in batches: composed ones stand in the first, half of the rest in each."""

    def half(name: str, which: int) -> list[Row]:
        middle = len(train[name]) // 2
        return train[name][middle:] if which else train[name][:middle]

    def rows(which: int) -> list[Row]:
        first = [] if which else train["composed"]
        return [*train["people"], *half("titles", which), *half("people, plain", which), *first]

    return [batch for which in passes for batch in batches(rows(which), which)]


def batches(rows: Sequence[Row], seed: int) -> list[list[Row]]:
    """Rows of like length together, at most STEP tokens with their padding; the batches in any order."""
    rng = random.Random(seed)
    found: list[list[Row]] = [[]]
    for row in sorted(rows, key=lambda r: length(r) + 40 * rng.random()):
        longest = max(map(length, [*found[-1], row]))
        if found[-1] and longest * (len(found[-1]) + 1) > STEP:
            found.append([])
        found[-1].append(row)
    rng.shuffle(found)
    return [batch for batch in found if batch]


def length(row: Row) -> int:
    """Tokens of prompt and answer."""
    return len(row[0]) + len(row[1])


def encoded(some: Iterable[Sample], tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """Samples as tokens, without those that are too long."""
    rows = [
        (tokenizer(s.prompt)["input_ids"], [*tokenizer(s.completion)["input_ids"], tokenizer.eos_token_id])
        for s in some
    ]
    return [row for row in rows if length(row) <= LONGEST]


def loss(model: PeftModel, batch: Sequence[Row]) -> torch.Tensor:
    """Nats a token of the answers."""
    whole = [torch.tensor([*prompt, *answer]) for prompt, answer in batch]
    answers = [torch.tensor([*[-100] * len(prompt), *answer]) for prompt, answer in batch]
    tokens, labels = (pad_sequence(rows, batch_first=True, padding_value=-100) for rows in (whole, answers))
    inputs = {"input_ids": tokens.clamp(min=0), "attention_mask": (tokens >= 0).long()}
    return answer_loss(model.get_base_model(), inputs, labels, None)


@torch.no_grad()
def evaluate(model: torch.nn.Module, validation: dict[str, list[Row]]) -> dict[str, float]:
    """The validation loss of each kind of sample."""
    model.eval()
    found = {
        name: [loss(model, rows[i : i + 4]).item() for i in range(0, len(rows), 4)] for name, rows in validation.items()
    }
    model.train()
    return {name: sum(losses) / len(losses) for name, losses in found.items()}


@dataclass(frozen=True)
class Course:
    """One training: which passes, the highest rate and the share of it that is left at the end."""

    passes: tuple[int, ...]
    rate: float
    least: float
    start: Path | None  # an adapter to go on from


def train(course: Course, work: Path, out: Path) -> None:
    """Train, and write adapter, retriever and curve; every EVERY steps, so that a kill loses little.

    Args:
        work: keeps samples and the state of the training; delete it to begin anew.
    """
    torch.manual_seed(0)
    profile = profiles.load("laptop")
    tokenizer = load_tokenizer(profile)
    taught, held_out, retriever = prepared(work)
    rows = {name: encoded(some, tokenizer) for name, some in taught.items()}
    validation = {name: sorted(encoded(some, tokenizer), key=length) for name, some in held_out.items()}
    plan = order(rows, course.passes)
    base = load_for_training(profile)
    base.set_attn_implementation("eager")  # a seventh quicker than sdpa at these lengths
    if course.start:
        model = PeftModel.from_pretrained(base, str(course.start), is_trainable=True, autocast_adapter_dtype=False)
    else:
        lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=TARGETS, task_type="CAUSAL_LM")
        model = get_peft_model(base, lora, autocast_adapter_dtype=False)
    model.train()
    # The adapter computes in the base's precision; what is stepped is a copy in float32, or small steps would be lost.
    weights = [p for p in model.parameters() if p.requires_grad]
    copies = [p.detach().float().clone().requires_grad_() for p in weights]
    optimizer = torch.optim.AdamW(copies, course.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    begin, seen, curve = taken_up(work, course, copies, optimizer)
    put(copies, weights)
    started = time.monotonic() - 1e-9
    read = 0
    for step, batch in list(enumerate(plan))[begin:]:
        falling = course.least + (1 - course.least) * 0.5 * (1 + math.cos(math.pi * step / len(plan)))
        optimizer.param_groups[0]["lr"] = course.rate * min(1, (step + 1) / WARMUP) * falling
        lost = loss(model, batch)
        lost.backward()
        for weight, copy in zip(weights, copies, strict=True):
            copy.grad, weight.grad = weight.grad.float(), None
        torch.nn.utils.clip_grad_norm_(copies, 1.0)
        optimizer.step()
        put(copies, weights)
        read += sum(map(length, batch))
        if step % 20 == 0:
            rate = read / (time.monotonic() - started)
            print(
                f"step {step} of {len(plan)}: {lost.item():.3f}, {seen + read:,} tokens, {rate:.0f} a second",
                flush=True,
            )
        if (step + 1) % EVERY == 0 or step + 1 == len(plan):
            curve.append({"step": step + 1, "tokens": seen + read} | evaluate(model, validation))
            print(json.dumps(curve[-1]), flush=True)
            state = {"weights": [c.detach() for c in copies], "optimizer": optimizer.state_dict(), "curve": curve}
            state["course"] = str(course)
            with writing(work / STATE) as aside:
                torch.save(state, aside)
            keep(model, profile, retriever, curve, out)


@torch.no_grad()
def put(copies: Sequence[torch.Tensor], weights: Sequence[torch.Tensor]) -> None:
    """Round the stepped copies into the adapter's own weights."""
    for weight, copy in zip(weights, copies, strict=True):
        weight.copy_(copy)


def prepared(work: Path) -> tuple[dict[str, list[Sample]], dict[str, list[Sample]], Retriever]:
    """The samples of an earlier call, or new ones."""
    if (work / SAMPLES).is_file():
        read = [
            {name: [Sample(*row) for row in rows] for name, rows in part.items()} for part in read_json(work / SAMPLES)
        ]
        return read[0], read[1], Retriever.load(work / RETRIEVER)
    taught, held_out, retriever = samples()
    work.mkdir(parents=True, exist_ok=True)
    retriever.save(work / RETRIEVER)
    parts = [
        {name: [[s.prompt, s.completion] for s in some] for name, some in part.items()} for part in (taught, held_out)
    ]
    write_json(work / SAMPLES, parts)
    return taught, held_out, retriever


def taken_up(
    work: Path, course: Course, copies: Sequence[torch.Tensor], optimizer: torch.optim.Optimizer
) -> tuple[int, int, list[dict]]:
    """Steps and tokens behind us and the curve so far; the state of an earlier call is put in place."""
    if not (work / STATE).is_file():
        return 0, 0, []
    state = torch.load(work / STATE, weights_only=True)
    if state["course"] != str(course):
        raise SystemExit(f"{work} holds another training ({state['course']}): delete it, or choose another --work")
    with torch.no_grad():
        for copy, kept in zip(copies, state["weights"], strict=True):
            copy.copy_(kept)
    optimizer.load_state_dict(state["optimizer"])
    last = state["curve"][-1]
    print(f"going on from step {last['step']}", flush=True)
    return last["step"], last["tokens"], state["curve"]


def keep(model: torch.nn.Module, profile: profiles.Profile, retriever: Retriever, curve: list[dict], out: Path) -> None:
    """Write the adapter, its retriever and the curve so far; the card beside them stays."""
    with writing(out) as aside:
        save_adapter(model, profile, aside)
        retriever.save(aside / RETRIEVER)
        lines = [",".join(curve[0]), *(",".join(str(round(value, 4)) for value in row.values()) for row in curve)]
        (aside / "curve.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if (out / CARD).is_file():
            shutil.copy(out / CARD, aside / CARD)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="python -m tools.smollm2_adapter")
    parser.add_argument("--passes", type=int, nargs="+", default=[0, 1], choices=[0, 1], help="default: 0 1")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument("--least", type=float, default=0.04, help="share of it at the end (default %(default)s)")
    parser.add_argument("--start", type=Path, help="an adapter to go on from")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "smollm2", help="where its state is kept")
    parser.add_argument("--out", type=Path, default=OUT, help="where the adapter goes (default %(default)s)")
    arguments = parser.parse_args()
    course = Course(tuple(arguments.passes), arguments.rate, arguments.least, arguments.start)
    train(course, arguments.work, arguments.out)


if __name__ == "__main__":
    main()
