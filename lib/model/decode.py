"""The course's own decoding loop: prompts in, answers out, each kept to its grammar and within its budget.

What transformers' generate() cannot do is here: tokens that a grammar forces cost no step of their own, the head that
all prompts share is computed once, and an answer that runs out of budget still ends as a policy.
"""

import re
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np
import torch
from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import DynamicLayer

from lib.model.matcher import Matcher, closings

# What a forward pass costs beyond its tokens, in tokens. 11M parameters on one CPU core: 5.6 ms and 0.28 ms a token;
# between 8 and 96 the speed of a batch of 32 is the same. A GPU reads its weights once a pass and has arithmetic to
# spare for some hundred tokens; that figure is reckoned, not measured.
FIXED_COST = {"cpu": 24, "cuda": 256}
ROOM = 64  # places by which the keys and values of a batch grow at a time
STOP_WITHIN = 12  # tokens in which the text that ends a free answer is looked for
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
    stop: str = "",
) -> list[Decoded]:
    """Answer a batch of prompts.

    A row with a matcher holds only what its grammar allows and always ends as a text that the grammar accepts. If it
    reaches the budget first, it goes back to the last place from which one of `closings` leads to an end that fits,
    and is not `complete`; if there is none, it is the short policy that `Matcher.close` makes of nothing, a Deny. A
    row without a matcher ends with the tokenizer's end token, with `stop` or at the budget.

    Args:
        model: a causal language model of transformers, in eval mode.
        prompts: token ids, one list a row, none empty.
        matchers: for each row its own, at the beginning of an answer; None leaves the row free. They are used up.
        max_new_tokens: the budget of a row; the end token of a free row counts.
        temperature: 0 takes the likeliest token each time; above it samples.
        generator: where samples come from, on the model's device; the same state gives the same answers.
        no_repeat: no token may end a run of so many tokens that stands in prompt or answer already, as
            no_repeat_ngram_size of transformers; 0, and where that would leave no token: it may.
        stop: a text with which a free row ends; it stays in the answer.

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
    if any(matcher and not 0 < len(matcher.shortest) <= max_new_tokens for matcher in matchers):
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
        if not (ready := [i for i, row in enumerate(live) if not row.pending]):
            continue
        asked = [live[i] for i in ready]
        for row, token in zip(asked, _choose(logits[ready].float(), asked, temperature, generator), strict=True):
            if token == tokenizer.eos_token_id:
                row.complete = True
                continue
            row.go_on([token])
            if stop and not row.matcher:
                row.complete = stop in tokenizer.decode(row.ids[-STOP_WITHIN:])
    for row in rows:
        if row.matcher and not row.complete:
            row.ids = _closed(row.ids, row.matcher, max_new_tokens)
    return [Decoded(tuple(row.ids), row.complete, row.forwards + (head > 0)) for row in rows]


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


class _Row:
    """An answer in the making."""

    def __init__(self, matcher: Matcher | None, budget: int, prompt: list[int], ban: _Ban | None) -> None:
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
        kept = allowed.copy()
        kept[list(self.ban.next()) if self.ban else []] = False
        return kept if kept.any() else allowed


def _choose(logits: torch.Tensor, rows: list[_Row], temperature: float, generator: torch.Generator | None) -> list[int]:
    """The next token of every row.

    What a trained model wants is mostly allowed, and asking that of one token is quicker than making a mask of all. To
    draw again among the allowed ones where it is not gives each of them the weight that it has with a mask from the
    start: p + (1 - A) p / A = p / A, where A is the weight of all that are allowed.
    """
    tokens = _drawn(logits, temperature, generator)
    if other := [i for i, row in enumerate(rows) if not row.allows(tokens[i])]:
        allowed = torch.from_numpy(np.stack([rows[i].mask(logits.shape[1]) for i in other])).to(logits.device)
        again = _drawn(logits[other].masked_fill(~allowed, float("-inf")), temperature, generator)
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


def _closed(ids: list[int], matcher: Matcher, budget: int) -> list[int]:
    """The answer up to the last place from which it can be ended within the budget, with that end.

    That is looked for once, backwards from the end, so that a row that keeps within its budget pays nothing for it.
    A place may lie inside a token, such as "},{": the end then begins with the token's first part.
    """
    texts = [matcher.text_of([token]) for token in ids]
    written = b"".join(texts)
    for place in reversed(range(len(texts))):
        matcher.back(1)
        written = written[: len(written) - len(texts[place])]
        for cut in reversed([match.end() for match in _ENDS.finditer(texts[place])]):
            part = texts[place][:cut]
            for closing in closings((written + part).decode(errors="replace")):
                end = matcher.close(part + closing.encode())
                if end and place + len(end) <= budget:
                    return ids[:place] + end
    return list(matcher.shortest)


# Reading in chunks: the shared head once, then as many tokens of every row as pay for the pass


class _Layer(DynamicLayer):
    """Keys and values with room to grow: DynamicLayer copies them whole at each pass, a seventh of a batch."""

    keys: torch.Tensor
    values: torch.Tensor
    room: tuple[torch.Tensor, torch.Tensor] | None = None  # whose beginnings are self.keys and self.values

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self.room is None or end > self.room[0].shape[-2]:
            rows, heads, _, width = key_states.shape
            self.room = tuple(key_states.new_empty((rows, heads, end + ROOM, width)) for _ in range(2))
            if start:
                self.room[0][:, :, :start], self.room[1][:, :, :start] = self.keys, self.values
        self.room[0][:, :, start:end], self.room[1][:, :, start:end] = key_states, value_states
        self.keys, self.values = (states[:, :, :end] for states in self.room)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self.room = None

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
        self.room = None


class Reader:
    """The model with what it has read of every row: token ids in, logits of what follows them out.

    A chunk is as wide for all rows. A row with fewer tokens has empty places before them that nobody attends to; its
    positions count on as if they were not there.
    """

    def __init__(self, model: PreTrainedModel, head: list[int], rows: int) -> None:
        self.model, self.device = model, model.device
        self.cache = Cache(layer_class_to_replicate=_Layer)
        self.read_so_far = [len(head)] * rows
        self.mask = torch.ones((rows, len(head)), dtype=torch.long, device=self.device)
        self.begun = self.padded = False
        if head:
            self._forward([head], [range(len(head))])
            self.cache.batch_repeat_interleave(rows)

    def read(self, pending: list[list[int]]) -> torch.Tensor:
        """Read a chunk of every row's tokens, which are taken from the lists: logits of what follows them."""
        lengths = [len(tokens) for tokens in pending]
        # Prompts are read whole, as no row could go on much earlier: a pass that waits for nobody pays later.
        width = chunk_width(lengths, _fixed_cost(self.device)) if self.begun else max(lengths)
        self.begun = True
        ids, positions, mask = [], [], []
        for i, tokens in enumerate(pending):
            part = tokens[:width]
            del tokens[:width]
            empty, start = [0] * (width - len(part)), self.read_so_far[i]
            ids.append(empty + part)
            positions.append([*empty, *range(start, start + len(part))])
            mask.append(empty + [1] * len(part))
            self.read_so_far[i] += len(part)
            self.padded |= bool(empty)
        self.mask = torch.cat([self.mask, torch.tensor(mask, device=self.device)], dim=1)
        return self._forward(ids, positions, self.mask if self.padded else None)

    def keep(self, rows: list[int]) -> None:
        """Forget all other rows."""
        chosen = torch.tensor(rows, device=self.device)
        self.cache.batch_select_indices(chosen)
        self.mask = self.mask[chosen]
        self.read_so_far = [self.read_so_far[i] for i in rows]

    def _forward(self, ids: list, positions: list, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.model(
            input_ids=torch.tensor(ids, device=self.device),
            position_ids=torch.tensor(positions, device=self.device),
            attention_mask=mask,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]


def shared_head(prompts: list[list[int]], device: torch.device) -> int:
    """How many tokens all prompts begin with, or 0 if reading them once would not pay for the pass that it takes."""
    if not prompts:
        return 0
    head = min(len(commonprefix(prompts)), min(map(len, prompts)) - 1)  # every row needs a token of its own
    return head if head * (len(prompts) - 1) > _fixed_cost(device) else 0


def _fixed_cost(device: torch.device) -> int:
    return FIXED_COST["cpu" if device.type == "cpu" else "cuda"]


def chunk_width(pending: list[int], fixed: int) -> int:
    """How many tokens of each row the next pass reads: what reads most tokens for its cost.

    A pass costs `fixed` tokens and as many as its chunk has places, empty ones included. So a single row reads all
    that is forced at once (366 tokens/s where one token a pass makes 187), while in a large batch a long run is read in
    several passes, beside the others' sampled tokens: 682 tokens/s in a batch of 32, 579 with one token a pass, and 523
    if every pass were as wide as the longest run and so mostly empty (a base of 11M parameters, single grammars).
    """
    return max(
        sorted(set(pending)), key=lambda width: sum(min(n, width) for n in pending) / (fixed + len(pending) * width)
    )
