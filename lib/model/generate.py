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

from iampolicy.document import PolicySyntaxError, parse
from iampolicy.grammar import structure_faults
from lib.data.dataset import Example
from lib.data.publish import load_split
from lib.errors import CourseError
from lib.model import spans
from lib.model.adapters import PREFERRED, adapter_folder, load_retriever
from lib.model.base import load_for_generation, load_tokenizer
from lib.model.decode import decode
from lib.model.draft import Generated, asking
from lib.model.grammar import whole
from lib.model.matcher import Compiler, Matcher
from lib.model.prompt import STOP, choose_shots, first_answer, render
from lib.profiles import Profile, load
from lib.retrieval.refusals import readable
from lib.retrieval.retrieve import Retrieved, Retriever
from lib.run import Run


@dataclass(frozen=True)
class Arm:
    """One way to answer: what the model sees, which weights it has, and what it may write."""

    name: str
    title: str
    shots: bool = False
    adapter: bool = False
    grammar: bool = False
    retrieval: bool = False
    preferred: bool = False  # the adapter after preference training, if 02_train kept one


ARMS = {
    arm.name: arm
    for arm in (
        Arm("zero_shot", "Zero-shot"),
        Arm("few_shot", "Few-shot (3)", shots=True),
        Arm("fine_tuned", "Fine-tuned", adapter=True),
        Arm("grammar", "Fine-tuned, grammar", adapter=True, grammar=True),
        Arm("grounded", "Fine-tuned, grounded", adapter=True, grammar=True, retrieval=True),
        Arm("preferred", "Preferred, grounded", adapter=True, grammar=True, retrieval=True, preferred=True),
    )
}


OPEN = (  # what a model says that answers with no statement, as it learnt for such requests
    "No policy was drafted: the request leaves open what is meant, or is none for access to AWS. Say which operations "
    "on which resources are to be allowed."
)


class UnknownArm(CourseError):
    """No arm has this name."""


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
        retriever: Retriever | None = None,
        adapter: Path | None = None,
    ) -> None:
        self.model, self.tokenizer, self.arm = model, tokenizer, arm
        self.shots, self.max_new_tokens, self.batch_size = tuple(shots), max_new_tokens, batch_size
        self.no_repeat = no_repeat  # an answer repeats no run of so many tokens; 0: it may
        self.retriever = retriever
        self.adapter = adapter  # where it lies; None: the base answers
        self._compiler = Compiler(tokenizer) if arm.grammar else None

    @classmethod
    def load(
        cls,
        run_folder: str | Path,
        arm: str = "grounded",
        profile: Profile | None = None,
        adapter: str | None = None,
    ) -> "PolicyGenerator":
        """Open a run folder such as runs/laptop for one of ARMS.

        Args:
            run_folder: what 01_data (few-shot examples) and 02_train (adapter) wrote into.
            profile: model and budgets; None takes the profile that has the run folder's name.
            adapter: "trained" is the run's, "shipped" that which comes with the course for the base; None or "" takes
                the shipped one, which learnt for longer, and the run's where there is none.

        Raises:
            UnknownArm: for a name that is not in ARMS.
            CourseError: for another adapter than these.
            BaseModelError: if base or adapter cannot be loaded here.
            FileNotFoundError: if the arm needs examples and 01_data has not run.
        """
        if arm not in ARMS:
            raise UnknownArm(f"unknown arm {arm!r}: choose one of {', '.join(ARMS)}")
        folder, form = Path(run_folder), ARMS[arm]
        profile = profile or load(folder.name)
        weights = adapter_folder(folder, profile, adapter) if form.adapter else None
        if form.preferred:
            weights = folder / PREFERRED
        shots: tuple[Example, ...] = ()
        if form.shots:
            shots = choose_shots(load_split(Run(profile, folder), "train"))
        return cls.of_adapter(profile, arm, weights, shots)

    @classmethod
    def of_adapter(
        cls, profile: Profile, arm: str, adapter: Path | None, shots: Sequence[Example] = ()
    ) -> "PolicyGenerator":
        """The generator of an arm with the adapter in a folder, wherever it lies; None: the base model."""
        retriever = load_retriever(adapter) if ARMS[arm].retrieval and adapter else None
        model = load_for_generation(profile, adapter)
        budgets = (profile.max_new_tokens, profile.eval_batch_size, profile.no_repeat)
        return cls(model, load_tokenizer(profile), ARMS[arm], shots, *budgets, retriever, adapter)

    def generate(
        self, instructions: Sequence[str], temperature: float = 0.0, max_new_tokens: int | None = None, seed: int = 0
    ) -> list[Generated]:
        """Draft a policy for each instruction, in their order.

        Args:
            temperature: 0 takes the likeliest token each time; above it samples, the same for a seed.
            max_new_tokens: the token budget of a draft; None takes the profile's.

        Raises:
            TypeError: if an instruction is no text.
            ValueError: if the temperature is negative, or the budget is not positive or too small for any policy.
        """
        drafts: list[Generated | None] = [None] * len(instructions)
        for position, draft in self.stream(instructions, temperature, max_new_tokens, seed):
            drafts[position] = draft
        return [draft for draft in drafts if draft is not None]

    def stream(
        self, instructions: Sequence[str], temperature: float = 0.0, max_new_tokens: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, Generated]]:
        """Like `generate`, but yields (position, draft) as batches end; prompts of a batch are of like length."""
        if isinstance(instructions, str) or not all(isinstance(i, str) for i in instructions):
            raise TypeError("instructions must be a list of texts")
        budget = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        if not temperature >= 0 or budget < 1:
            raise ValueError(f"temperature {temperature} must be 0 or more, max_new_tokens {budget} 1 or more")
        generator = torch.Generator(self.model.device).manual_seed(seed)
        torch.manual_seed(seed)
        requests = [readable(i) if self.retriever else i for i in instructions]
        grounds = [self._ground(request) for request in requests]
        for position, found in enumerate(grounds):
            if isinstance(found, str):
                yield position, Generated("", None, (), (), True, 0, 0.0, refusal=found)
        prompts = {
            i: self._encode(request, budget, found)
            for i, (request, found) in enumerate(zip(requests, grounds, strict=True))
            if not isinstance(found, str)
        }
        order = sorted(prompts, key=lambda i: (len(prompts[i]), i))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            if self.arm.grammar:
                drafts = self._decode(
                    [prompts[i] for i in batch],
                    [self._matcher(requests[i], grounds[i]) for i in batch],
                    temperature,
                    budget,
                    generator,
                )
            else:
                drafts = self._answer([prompts[i] for i in batch], temperature, budget)
            for i, draft in zip(batch, drafts, strict=True):
                yield i, asking(draft, instructions[i], grounds[i])

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, with the one that ends it."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) + 1

    def _ground(self, request: str) -> Retrieved | str | None:
        """What the retriever finds for a request, or why it gets no draft; None in an arm that does not retrieve."""
        if self.retriever is None:
            return None
        return self.retriever.answerable(request)

    def _encode(self, instruction: str, budget: int, found: Retrieved | None) -> list[int]:
        """The prompt's tokens. A request too long for the model keeps its beginning: what is asked stands there."""
        room = self.model.config.max_position_embeddings - budget
        ids = self.tokenizer(render(instruction, self.shots, found))["input_ids"]
        if len(ids) <= room:
            return ids
        frame = len(self.tokenizer(render("", self.shots, found))["input_ids"]) + 8
        words = self.tokenizer(instruction, add_special_tokens=False)["input_ids"][: max(0, room - frame)]
        return self.tokenizer(render(self.tokenizer.decode(words), self.shots, found))["input_ids"]

    def _matcher(self, request: str, found: Retrieved | None) -> Matcher:
        if found is None:
            return self._compiler.matcher(whole())
        return self._compiler.matcher(spans.grammar(request, [name.partition(":")[0] for name in found.actions]))

    def _decode(
        self,
        prompts: list[list[int]],
        matchers: list[Matcher],
        temperature: float,
        budget: int,
        generator: torch.Generator,
    ) -> list[Generated]:
        started = time.perf_counter()
        answers = decode(
            self.model,
            self.tokenizer,
            prompts,
            matchers,
            budget,
            temperature,
            generator,
            self.no_repeat,
        )
        seconds = (time.perf_counter() - started) / len(prompts)
        return [
            self._read(self.tokenizer.decode(a.ids, skip_special_tokens=True), a.complete, len(a.ids), seconds)
            for a in answers
        ]

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
        drafts = []
        for ids in output[:, inputs["input_ids"].shape[1] :].tolist():
            end, pad = self.tokenizer.eos_token_id, self.tokenizer.pad_token_id
            ended = end in ids
            ids = ids[: ids.index(end)] if ended else [i for i in ids if i != pad]
            raw = self.tokenizer.decode(ids, skip_special_tokens=True)
            drafts.append(self._read(raw, ended or STOP in raw or len(ids) < budget, len(ids), seconds))
        return drafts

    def _read(self, raw: str, complete: bool, tokens: int, seconds: float) -> Generated:
        text = first_answer(raw)
        try:
            policy = parse(text)
            findings = tuple(structure_faults(policy))
        except PolicySyntaxError as error:
            policy, findings = None, (f"not a policy: {error}",)
        if policy and not policy.statements:
            return Generated("", None, (), (), complete, tokens, seconds, refusal=OPEN)
        return Generated(text, policy, findings, (), complete, tokens, seconds)


def arms_of(run_folder: Path) -> list[str]:
    """The names of the arms that can answer in a run: all, but for the preferred one where no such adapter was kept."""
    return [name for name, arm in ARMS.items() if not arm.preferred or (run_folder / PREFERRED).is_dir()]
