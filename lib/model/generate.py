"""Draft policies: instructions in, policies with their findings out, in batches.

`PolicyGenerator.load` opens a run folder for one arm; arms differ only in the row of ARMS that they are. A request
goes one way: read (retrieve), rendered (prompt), answered under its grammar (decode), finished. At temperature 0 the
same instructions give the same drafts on the same machine.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from iamintent import Intent, Retriever
from iampolicy.document import PolicySyntaxError, parse
from iampolicy.grammar import structure_faults
from lib.data.dataset import Example
from lib.data.publish import load_split
from lib.files import CourseError
from lib.model import grammar
from lib.model.base import PREFERRED, adapter_folder, load_for_generation, load_retriever, load_tokenizer
from lib.model.decode import Decoded, Sampling, decode
from lib.model.finish import Generated, finished
from lib.model.matcher import Compiler, Matcher
from lib.model.prompt import STOP, choose_shots, first_answer, render
from lib.profiles import Profile, load
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
        profile: Profile,
        shots: Sequence[Example] = (),
        retriever: Retriever | None = None,
    ) -> None:
        self.model, self.tokenizer, self.arm, self.shots, self.retriever = (
            model,
            tokenizer,
            arm,
            tuple(shots),
            retriever,
        )
        self.max_new_tokens, self.batch_size = profile.max_new_tokens, profile.eval_batch_size
        self._no_repeat = profile.no_repeat
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
        shots = choose_shots(load_split(Run(profile, folder), "train")) if form.shots else ()
        return cls.of_adapter(profile, arm, weights, shots)

    @classmethod
    def of_adapter(
        cls, profile: Profile, arm: str, adapter: Path | None, shots: Sequence[Example] = ()
    ) -> "PolicyGenerator":
        """The generator of an arm with the adapter in a folder, wherever it lies; None: the base model."""
        retriever = load_retriever(adapter) if ARMS[arm].retrieval and adapter else None
        model = load_for_generation(profile, adapter)
        return cls(model, load_tokenizer(profile), ARMS[arm], profile, shots, retriever)

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
        drafts = dict(self.stream(instructions, temperature, max_new_tokens, seed))
        return [drafts[position] for position in range(len(instructions))]

    def stream(
        self, instructions: Sequence[str], temperature: float = 0.0, max_new_tokens: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, Generated]]:
        """Like `generate`, but yields (position, draft) as batches end; prompts of a batch are of like length."""
        if isinstance(instructions, str) or not all(isinstance(i, str) for i in instructions):
            raise TypeError("instructions must be a list of texts")
        return self.answer([self.read(i) for i in instructions], temperature, max_new_tokens, seed)

    def read(self, instruction: str) -> Intent:
        """What the retriever finds in a request; in an arm that does not retrieve only the request."""
        return self.retriever.read(instruction) if self.retriever else Intent(instruction)

    def answer(
        self, intents: Sequence[Intent], temperature: float = 0.0, max_new_tokens: int | None = None, seed: int = 0
    ) -> Iterator[tuple[int, Generated]]:
        """Like `stream`, for requests that were read already."""
        budget = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        generator = torch.Generator(self.model.device).manual_seed(seed)
        sampling = Sampling(budget, temperature, generator, self._no_repeat, STOP)
        for position, intent in enumerate(intents):
            if intent.refusal:
                yield position, Generated("", None, (), (), True, 0, 0.0, refusal=intent.refusal)
        prompts = {i: self._encode(intent, budget) for i, intent in enumerate(intents) if not intent.refusal}
        order = sorted(prompts, key=lambda i: (len(prompts[i]), i))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            started = time.perf_counter()
            matchers = [self._matcher(intents[i]) for i in batch]
            answers = decode(self.model, self.tokenizer, [prompts[i] for i in batch], matchers, sampling)
            seconds = (time.perf_counter() - started) / len(batch)
            for i, decoded in zip(batch, answers, strict=True):
                draft = self._parsed(decoded, seconds)
                yield i, finished(draft, intents[i]) if self.retriever else draft

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, with the one that ends it."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) + 1

    def room(self, budget: int | None = None) -> int:
        """How many tokens a prompt may have."""
        return self.model.config.max_position_embeddings - (budget or self.max_new_tokens)

    def _encode(self, intent: Intent, budget: int) -> list[int]:
        """The prompt's tokens. A request too long for the model keeps its beginning: what is asked stands there."""
        ids = self.tokenizer(render(intent, self.shots))["input_ids"]
        if len(ids) <= self.room(budget):
            return ids
        frame = len(self.tokenizer(render(replace(intent, request=""), self.shots))["input_ids"]) + 8
        words = self.tokenizer(intent.request, add_special_tokens=False)["input_ids"]
        kept = self.tokenizer.decode(words[: max(0, self.room(budget) - frame)])
        return self.tokenizer(render(replace(intent, request=kept), self.shots))["input_ids"]

    def _matcher(self, intent: Intent) -> Matcher | None:
        if self._compiler is None:
            return None
        return self._compiler.matcher(grammar.grounded(intent) if self.retriever else grammar.whole())

    def _parsed(self, answer: Decoded, seconds: float) -> Generated:
        text = first_answer(self.tokenizer.decode(answer.ids, skip_special_tokens=True))
        try:
            policy = parse(text)
            findings = tuple(structure_faults(policy))
        except PolicySyntaxError as error:
            policy, findings = None, (f"not a policy: {error}",)
        draft = Generated(text, policy, findings, (), answer.complete, len(answer.ids), seconds)
        if policy and not policy.statements:
            return replace(draft, text="", policy=None, findings=(), refusal=OPEN)
        return draft


def arms_of(run_folder: Path) -> list[str]:
    """The names of the arms that can answer in a run: all, but for the preferred one where no such adapter was kept."""
    return [name for name, arm in ARMS.items() if not arm.preferred or (run_folder / PREFERRED).is_dir()]
