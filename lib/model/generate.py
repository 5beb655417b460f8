"""Draft policies: instructions in, policies with their findings out, in batches.

`PolicyGenerator.load` opens a run folder for one arm; arms differ only in the row of ARMS that they are. At
temperature 0 the same instructions give the same drafts on the same machine.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from lib.data.dataset import Example
from lib.data.publish import load_split
from lib.errors import CourseError
from lib.iam.document import Policy, PolicySyntaxError, parse
from lib.iam.grammar import structure_faults
from lib.model.base import load_for_generation, load_tokenizer
from lib.model.prompt import STOP, choose_shots, first_answer, render
from lib.profiles import Profile, load
from lib.run import Run


@dataclass(frozen=True)
class Arm:
    """One way to answer: what the model sees and which weights it has."""

    name: str
    title: str
    shots: bool = False
    adapter: bool = False


ARMS = {
    arm.name: arm
    for arm in (
        Arm("zero_shot", "Zero-shot"),
        Arm("few_shot", "Few-shot (3)", shots=True),
        Arm("fine_tuned", "Fine-tuned", adapter=True),
    )
}


class UnknownArm(CourseError):
    """No arm has this name."""


@dataclass(frozen=True)
class Generated:
    """One draft; `policy` is None when the text is not one, `findings` are sentences."""

    text: str
    policy: Policy | None
    findings: tuple[str, ...]
    retrieved: tuple[str, ...]
    complete: bool  # ended by itself, not by the token budget
    tokens: int  # generated
    seconds: float  # its share of the batch's


class PolicyGenerator:
    """A model that is ready to answer. Build it with `load`."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        arm: Arm,
        shots: Sequence[Example] = (),
        max_new_tokens: int = 256,
        batch_size: int = 16,
        no_repeat: int = 0,
    ) -> None:
        self.model, self.tokenizer, self.arm = model, tokenizer, arm
        self.shots, self.max_new_tokens, self.batch_size = tuple(shots), max_new_tokens, batch_size
        self.no_repeat = no_repeat  # an answer repeats no run of so many tokens; 0: it may

    @classmethod
    def load(cls, run_folder: str | Path, arm: str = "fine_tuned", profile: Profile | None = None) -> "PolicyGenerator":
        """Open a run folder such as runs/nano for one of ARMS.

        Args:
            run_folder: what 01_data (few-shot examples) and 02_train (adapter) wrote into.
            profile: model and budgets; None takes the profile that has the run folder's name.

        Raises:
            UnknownArm: for a name that is not in ARMS.
            BaseModelError: if base or adapter cannot be loaded here.
            FileNotFoundError: if the arm needs examples and 01_data has not run.
        """
        if arm not in ARMS:
            raise UnknownArm(f"unknown arm {arm!r}: choose one of {', '.join(ARMS)}")
        folder, chosen = Path(run_folder), ARMS[arm]
        profile = profile or load(folder.name)
        shots: tuple[Example, ...] = ()
        if chosen.shots:
            shots = choose_shots(load_split(Run(profile, folder), "train"))
        model = load_for_generation(profile, folder / "02_train" / "adapter" if chosen.adapter else None)
        budgets = (profile.max_new_tokens, profile.eval_batch_size, profile.no_repeat)
        return cls(model, load_tokenizer(profile), chosen, shots, *budgets)

    def generate(
        self, instructions: Sequence[str], temperature: float = 0.0, max_new_tokens: int | None = None, seed: int = 0
    ) -> list[Generated]:
        """Draft a policy for each instruction, in their order.

        Args:
            temperature: 0 takes the likeliest token each time; above it samples, the same for a seed.
            max_new_tokens: the token budget of a draft; None takes the profile's.

        Raises:
            ValueError: if the temperature is negative or the budget is not positive.
        """
        drafts: list[Generated | None] = [None] * len(instructions)
        for position, draft in self.stream(instructions, temperature, max_new_tokens, seed):
            drafts[position] = draft
        return [draft for draft in drafts if draft is not None]

    def stream(
        self, instructions: Sequence[str], temperature: float = 0.0, max_new_tokens: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, Generated]]:
        """Like `generate`, but yields (position, draft) as batches end; prompts of a batch are of like length."""
        budget = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        if temperature < 0 or budget < 1:
            raise ValueError(f"temperature {temperature} must be 0 or more, max_new_tokens {budget} 1 or more")
        torch.manual_seed(seed)
        prompts = [self._encode(i, budget) for i in instructions]
        order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            yield from zip(batch, self._answer([prompts[i] for i in batch], temperature, budget), strict=True)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, with the one that ends it."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) + 1

    def _encode(self, instruction: str, budget: int) -> list[int]:
        """The prompt's tokens. A request too long for the model keeps its beginning: what is asked stands there."""
        room = self.model.config.max_position_embeddings - budget
        ids = self.tokenizer(render(instruction, self.shots))["input_ids"]
        if len(ids) <= room:
            return ids
        frame = len(self.tokenizer(render("", self.shots))["input_ids"]) + 8
        words = self.tokenizer(instruction, add_special_tokens=False)["input_ids"][: max(0, room - frame)]
        return self.tokenizer(render(self.tokenizer.decode(words), self.shots))["input_ids"]

    @torch.inference_mode()
    def _answer(self, prompts: list[list[int]], temperature: float, budget: int) -> list[Generated]:
        inputs = self.tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self.model.device)
        sampling = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        configuration = GenerationConfig(
            max_new_tokens=budget,
            stop_strings=[STOP],
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
            no_repeat_ngram_size=self.no_repeat,
            **sampling,
        )
        started = time.perf_counter()
        output = self.model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            generation_config=configuration,
            tokenizer=self.tokenizer,
        )
        seconds = (time.perf_counter() - started) / len(prompts)
        return [self._read(ids, budget, seconds) for ids in output[:, inputs["input_ids"].shape[1] :].tolist()]

    def _read(self, ids: list[int], budget: int, seconds: float) -> Generated:
        ended = self.tokenizer.eos_token_id in ids
        ids = ids[: ids.index(self.tokenizer.eos_token_id)] if ended else [i for i in ids if i != self._pad]
        raw = self.tokenizer.decode(ids, skip_special_tokens=True)
        text = first_answer(raw)
        try:
            policy = parse(text)
            findings = tuple(structure_faults(policy))
        except PolicySyntaxError as error:
            policy, findings = None, (f"not a policy: {error}",)
        complete = ended or STOP in raw or len(ids) < budget
        return Generated(text, policy, findings, (), complete, len(ids), seconds)

    @property
    def _pad(self) -> int:
        return self.tokenizer.pad_token_id
