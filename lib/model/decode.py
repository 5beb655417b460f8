"""The course's own decoding loop: prompts in, answers out, each kept to its grammar and within its budget.

What transformers' generate() cannot do is here: tokens that a grammar forces cost no step of their own, the head that
all prompts share is computed once, and an answer that runs out of budget still ends as a policy.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lib.model.matcher import Matcher, closings
from lib.model.reader import Reader, shared_head

_ENDS = re.compile(rb'["\]}]')  # bytes after which a policy can be closed


@dataclass(frozen=True)
class Decoded:
    """One answer."""

    ids: tuple[int, ...]  # without the end token
    complete: bool  # ended by itself; else the budget ended it, and a grammar's row was closed
    forwards: int  # passes through the model until it was done, the prompt's included


@torch.inference_mode()
def decode(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    matchers: list[Matcher | None],
    max_new_tokens: int,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    no_repeat: int = 0,
    closers: Callable[[str], list[str]] | None = None,
) -> list[Decoded]:
    """Answer a batch of prompts.

    A row with a matcher holds only what its grammar allows and always ends as a text that the grammar accepts. If it
    reaches the budget first, it goes back to the last place from which one of `closers` leads to an end that fits,
    and is not `complete`; if there is none, it is the short policy that `Matcher.close` makes of nothing, a Deny. A
    row without a matcher ends with the tokenizer's end token or at the budget.

    Args:
        model: a causal language model of transformers, in eval mode.
        prompts: token ids, one list a row, none empty.
        matchers: for each row its own, at the beginning of an answer; None leaves the row free. They are used up.
        max_new_tokens: the budget of a row; the end token of a free row counts.
        temperature: 0 takes the likeliest token each time; above it samples.
        generator: where samples come from, on the model's device; the same state gives the same answers.
        no_repeat: no token may end a run of so many tokens that stands in prompt or answer already, as
            no_repeat_ngram_size of transformers; 0, and where that would leave no token: it may.
        closers: from the text of an answer, what could end it, best first; None takes `grammar.closings`.

    Raises:
        ValueError: if prompts and matchers are of different number, a prompt is empty, the temperature is negative,
            the budget is not positive, or not even a short policy of a row's grammar fits into it.
        GrammarError: if a grammar becomes too complex to follow.
    """
    if len(prompts) != len(matchers) or not all(prompts):
        raise ValueError(
            f"{len(prompts)} prompts and {len(matchers)} matchers: one for each prompt, and no prompt empty"
        )
    if temperature < 0 or max_new_tokens < 1:
        raise ValueError(f"temperature {temperature} must be 0 or more, max_new_tokens {max_new_tokens} 1 or more")
    for matcher in matchers:
        if matcher and not 0 < len(matcher.shortest) <= max_new_tokens:
            raise ValueError(f"no policy of the grammar fits into {max_new_tokens} tokens: allow more")
    head = shared_head(prompts, model.device)
    rows = [
        _Row(matcher, max_new_tokens, prompt[head:], _Ban(prompt, no_repeat) if no_repeat else None)
        for prompt, matcher in zip(prompts, matchers, strict=True)
    ]
    for row in rows:
        row.go_on([])  # what every answer of a grammar begins with is read together with the prompt
    reader = Reader(model, prompts[0][:head] if head else [], len(rows))
    live = rows
    while left := [i for i, row in enumerate(live) if not row.ended]:
        if len(left) < len(live):  # a row costs as much as another, so those that ended leave
            reader.keep(left)
            live = [live[i] for i in left]
        logits = reader.read([row.pending for row in live])
        for row in live:
            row.forwards += 1
        ready = [i for i, row in enumerate(live) if not row.pending]
        if not ready:
            continue
        asked = [live[i] for i in ready]
        for row, token in zip(asked, _choose(logits[ready].float(), asked, temperature, generator), strict=True):
            if token == tokenizer.eos_token_id:
                row.complete = True
            else:
                row.go_on([token])
    for row in rows:
        if row.matcher and not row.complete:
            row.ids = _closed(row, closers or closings)
    return [Decoded(tuple(row.ids), row.complete, row.forwards + (head > 0)) for row in rows]


class _Row:
    """An answer in the making."""

    def __init__(self, matcher: Matcher | None, budget: int, prompt: list[int], ban: "_Ban | None") -> None:
        self.matcher, self.budget, self.ban = matcher, budget, ban
        self.pending = list(prompt)  # tokens of prompt and answer that the model has not read yet
        self.ids: list[int] = []
        self.complete = False
        self.forwards = 0

    @property
    def ended(self) -> bool:
        return self.complete or len(self.ids) >= self.budget

    def go_on(self, tokens: list[int]) -> None:
        """Take tokens, and those that the grammar forces after them, as far as the budget goes."""
        if self.matcher:
            self.matcher.consume(tokens)
            forced = self.matcher.forced()[: self.budget - len(self.ids) - len(tokens)]
            self.matcher.consume(forced)
            self.complete = self.matcher.finished
            tokens = tokens + forced
        self.ids += tokens
        self.pending += tokens
        if self.ban:
            self.ban.add(tokens)

    def allows(self, token: int) -> bool:
        """Whether the token may be next; False also where a ban would leave no token and so does not count."""
        return (not self.matcher or self.matcher.allows(token)) and not (self.ban and token in self.ban.next())

    def mask(self, size: int) -> np.ndarray:
        """Which of `size` tokens may be next."""
        allowed = np.ones(size, dtype=bool)
        if self.matcher:  # a model may have more outputs than the tokenizer has tokens
            mask = self.matcher.mask()[:size]
            allowed[: len(mask)], allowed[len(mask) :] = mask, False
        if self.ban and (banned := list(self.ban.next())):
            kept = allowed.copy()
            kept[banned] = False
            allowed = kept if kept.any() else allowed
        return allowed


class _Ban:
    """The tokens that would end a run of `size` tokens which stands already."""

    def __init__(self, prompt: list[int], size: int) -> None:
        self.size = size
        self.ids: list[int] = []
        self.after: dict[tuple[int, ...], set[int]] = {}
        self.add(prompt)

    def add(self, tokens: list[int]) -> None:
        for token in tokens:
            if len(self.ids) >= self.size - 1:
                self.after.setdefault(self._end(), set()).add(token)
            self.ids.append(token)

    def next(self) -> set[int]:
        return self.after.get(self._end(), set())

    def _end(self) -> tuple[int, ...]:
        return tuple(self.ids[len(self.ids) - self.size + 1 :])


def _choose(logits: torch.Tensor, rows: list[_Row], temperature: float, generator: torch.Generator | None) -> list[int]:
    """The next token of every row.

    What a trained model wants is mostly allowed, and asking that of one token is quicker than making a mask of all. To
    draw again among the allowed ones where it is not gives each of them the weight that it has with a mask from the
    start: p + (1 - A) p / A = p / A, where A is the weight of all that are allowed.
    """
    tokens = _drawn(logits, temperature, generator)
    if other := [i for i, row in enumerate(rows) if not row.allows(tokens[i])]:
        again = _drawn(_masked(logits[other], [rows[i] for i in other]), temperature, generator)
        for i, token in zip(other, again, strict=True):
            tokens[i] = token
    return tokens


def _drawn(logits: torch.Tensor, temperature: float, generator: torch.Generator | None) -> list[int]:
    """A token of every row: the likeliest at temperature 0, else one drawn by its weight."""
    if not temperature:
        return logits.argmax(dim=-1).tolist()
    # One random number a row; torch.multinomial draws one a token, a fifth of a large batch's time. Of tokens without
    # weight none is the first whose sum exceeds the number; in double precision no number rounds up to the whole sum.
    sums = torch.softmax(logits / temperature, dim=-1).double().cumsum(dim=-1)
    drawn = torch.rand((len(sums), 1), dtype=sums.dtype, device=sums.device, generator=generator) * sums[:, -1:]
    return torch.searchsorted(sums, drawn, right=True)[:, 0].tolist()


def _masked(logits: torch.Tensor, rows: list[_Row]) -> torch.Tensor:
    allowed = torch.from_numpy(np.stack([row.mask(logits.shape[1]) for row in rows]))
    return logits.masked_fill(~allowed.to(logits.device), float("-inf"))


def _closed(row: _Row, closers: Callable[[str], list[str]]) -> list[int]:
    """The answer up to the last place from which it can be ended within the budget, with that end.

    That is looked for once, backwards from the end, so that a row that keeps within its budget pays nothing for it.
    A place may lie inside a token, such as "},{": the end then begins with the token's first part.
    """
    texts = [row.matcher.text_of([token]) for token in row.ids]
    written = b"".join(texts)
    for place in reversed(range(len(texts))):
        row.matcher.back(1)
        written = written[: len(written) - len(texts[place])]
        for cut in reversed([match.end() for match in _ENDS.finditer(texts[place])]):
            part = texts[place][:cut]
            for closer in closers((written + part).decode(errors="replace")):
                end = row.matcher.close(part + closer.encode())
                if end and place + len(end) <= row.budget:
                    return row.ids[:place] + end
    return list(row.matcher.shortest)
