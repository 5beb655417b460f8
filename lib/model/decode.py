"""The course's own decoding loop: prompts in, answers out, each kept to its grammar and within its budget.

What transformers' generate() cannot do is here: tokens that a grammar forces cost no step of their own, the head that
all prompts share is computed once, and an answer that runs out of budget still ends as a policy.
"""

import re
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lib.model.matcher import Matcher, closings
from lib.model.reader import Reader, shared_head

STOP_WITHIN = 12  # tokens in which the text that ends a free answer is looked for
_ENDS = re.compile(rb'["\]}]')  # bytes after which a policy can be closed


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn, and how long they may be.

    Raises:
        ValueError: if the temperature is negative or the budget not positive.
    """

    max_new_tokens: int  # the end token of a free answer counts
    temperature: float = 0.0  # 0 takes the likeliest token each time; above it samples
    generator: torch.Generator | None = None  # on the model's device; the same state gives the same answers
    no_repeat: int = 0  # as no_repeat_ngram_size of transformers, prompt included, unless no token would be left
    stop: str = ""  # a text with which a free answer ends; it stays in it

    def __post_init__(self) -> None:
        if not self.temperature >= 0 or self.max_new_tokens < 1:
            given = f"temperature {self.temperature} must be 0 or more, max_new_tokens {self.max_new_tokens}"
            raise ValueError(f"{given} 1 or more")


@dataclass(frozen=True)
class Decoded:
    """One answer."""

    ids: tuple[int, ...]  # without the end token
    complete: bool  # ended by itself; else the budget ended it, and a grammar's row was closed


@torch.inference_mode()
def decode(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    matchers: list[Matcher | None],
    sampling: Sampling,
) -> list[Decoded]:
    """Answer a batch of prompts.

    A row with a matcher holds only what its grammar allows and always ends as a text that the grammar accepts. If it
    reaches the budget first, it goes back to the last place from which one of `closings` leads to an end that fits,
    and is not `complete`; if there is none, it is the short policy that `Matcher.close` makes of nothing, a Deny. A
    row without a matcher ends with the tokenizer's end token, with `sampling.stop` or at the budget.

    Args:
        model: a causal language model of transformers, in eval mode.
        prompts: token ids, one list a row, none empty.
        matchers: for each row its own, at the beginning of an answer; None leaves the row free. They are used up.

    Raises:
        ValueError: if prompts and matchers are of different number, a prompt is empty, or not even a short policy of a
            row's grammar fits into the budget.
        GrammarError: if a grammar becomes too complex to follow.
    """
    if len(prompts) != len(matchers) or not all(prompts):
        raise ValueError(
            f"{len(prompts)} prompts and {len(matchers)} matchers: one for each prompt, and no prompt empty"
        )
    budget = sampling.max_new_tokens
    if any(matcher and not 0 < len(matcher.shortest) <= budget for matcher in matchers):
        raise ValueError(f"no policy of the grammar fits into {budget} tokens: allow more")
    head = shared_head(prompts, model.device)
    rows = [_Row(prompt, head, matcher, sampling) for prompt, matcher in zip(prompts, matchers, strict=True)]
    for row in rows:
        row.go_on([])  # what every answer of a grammar begins with is read together with the prompt
    reader = Reader(model, prompts[0][:head] if head else [], len(rows))
    live = rows
    while left := [i for i, row in enumerate(live) if not row.ended]:
        if len(left) < len(live):  # a row costs as much as another, so those that ended leave
            reader.keep(left)
            live = [live[i] for i in left]
        logits = reader.read([row.pending for row in live])
        if not (ready := [i for i, row in enumerate(live) if not row.pending]):
            continue
        asked = [live[i] for i in ready]
        for row, token in zip(asked, _choose(logits[ready].float(), asked, sampling), strict=True):
            if token == tokenizer.eos_token_id:
                row.complete = True
                continue
            row.go_on([token])
            if sampling.stop and not row.matcher:
                row.complete = sampling.stop in tokenizer.decode(row.ids[-STOP_WITHIN:])
    return [Decoded(tuple(row.closed()), row.complete) for row in rows]


class _Row:
    """An answer in the making."""

    def __init__(self, prompt: list[int], head: int, matcher: Matcher | None, sampling: Sampling) -> None:
        self.matcher, self.budget, self.no_repeat = matcher, sampling.max_new_tokens, sampling.no_repeat
        self.tokens, self.start = list(prompt), len(prompt)
        self.pending = prompt[head:]  # tokens of prompt and answer that the model has not read yet
        self.complete = False

    @property
    def ids(self) -> list[int]:
        """The answer."""
        return self.tokens[self.start :]

    @property
    def ended(self) -> bool:
        return self.complete or len(self.tokens) - self.start >= self.budget

    def go_on(self, tokens: list[int]) -> None:
        """Take tokens, and those that the grammar forces after them, as far as the budget goes."""
        if self.matcher:
            self.matcher.consume(tokens)
            forced = self.matcher.forced()[: self.budget - len(self.ids) - len(tokens)]
            self.matcher.consume(forced)
            self.complete = self.matcher.finished
            tokens = tokens + forced
        self.tokens += tokens
        self.pending += tokens

    def allows(self, token: int) -> bool:
        """Whether the token may be next; False also where no other token could be, so that it may repeat."""
        return (not self.matcher or self.matcher.allows(token)) and token not in self._repeating()

    def mask(self, size: int) -> np.ndarray:
        """Which of `size` tokens may be next."""
        allowed = np.ones(size, dtype=bool)
        if self.matcher:  # a model may have more outputs than the tokenizer has tokens
            mask = self.matcher.mask()[:size]
            allowed[: len(mask)], allowed[len(mask) :] = mask, False
        kept = allowed.copy()
        kept[list(self._repeating())] = False
        return kept if kept.any() else allowed

    def closed(self) -> list[int]:
        """The answer; under a grammar one that the budget cut ends at the last place where it can end within it.

        That is looked for once, backwards from the end, so that a row that keeps within its budget pays nothing for it.
        A place may lie inside a token, such as "},{": the end then begins with the token's first part.
        """
        if not self.matcher or self.complete:
            return self.ids
        texts = [self.matcher.text_of([token]) for token in self.ids]
        written = b"".join(texts)
        for place in reversed(range(len(texts))):
            self.matcher.back(1)
            written = written[: len(written) - len(texts[place])]
            for cut in reversed([match.end() for match in _ENDS.finditer(texts[place])]):
                part = texts[place][:cut]
                for closing in closings((written + part).decode(errors="replace")):
                    end = self.matcher.close(part + closing.encode())
                    if end and place + len(end) <= self.budget:
                        return self.ids[:place] + end
        return list(self.matcher.shortest)

    def _repeating(self) -> set[int]:
        """The tokens that would end a run of `no_repeat` tokens which stands already."""
        length, told = self.no_repeat - 1, self.tokens
        if length < 0:
            return set()
        run = told[len(told) - length :]
        return {told[i + length] for i in range(len(told) - length) if told[i : i + length] == run}


def _choose(logits: torch.Tensor, rows: list[_Row], sampling: Sampling) -> list[int]:
    """The next token of every row.

    What a trained model wants is mostly allowed, and asking that of one token is quicker than making a mask of all. To
    draw again among the allowed ones where it is not gives each of them the weight that it has with a mask from the
    start: p + (1 - A) p / A = p / A, where A is the weight of all that are allowed.
    """
    tokens = _drawn(logits, sampling)
    if other := [i for i, row in enumerate(rows) if not row.allows(tokens[i])]:
        allowed = torch.from_numpy(np.stack([rows[i].mask(logits.shape[1]) for i in other])).to(logits.device)
        again = _drawn(logits[other].masked_fill(~allowed, float("-inf")), sampling)
        for i, token in zip(other, again, strict=True):
            tokens[i] = token
    return tokens


def _drawn(logits: torch.Tensor, sampling: Sampling) -> list[int]:
    """A token of every row: the likeliest at temperature 0, else one drawn by its weight."""
    if not sampling.temperature:
        return logits.argmax(dim=-1).tolist()
    # One random number a row; torch.multinomial draws one a token, a fifth of a large batch's time. Of tokens without
    # weight none is the first whose sum exceeds the number; in double precision no number rounds up to the whole sum.
    sums = torch.softmax(logits / sampling.temperature, dim=-1).double().cumsum(dim=-1)
    place = torch.rand((len(sums), 1), dtype=sums.dtype, device=sums.device, generator=sampling.generator)
    return torch.searchsorted(sums, place * sums[:, -1:], right=True)[:, 0].tolist()
