"""A model that reads a batch in chunks: what all prompts share once, then of every row as much as pays for the pass."""

from os.path import commonprefix

import torch
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

# What a forward pass costs beyond its tokens, in tokens. 11M parameters on one CPU core: 5.6 ms and 0.28 ms a token;
# between 8 and 96 the speed of a batch of 32 is the same. A GPU reads its weights once a pass and has arithmetic to
# spare for some hundred tokens; that figure is reckoned, not measured.
FIXED_COST = {"cpu": 24, "cuda": 256}
ROOM = 64  # places by which the keys and values of a batch grow at a time


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
        self.mask = torch.ones((1, 0), dtype=torch.long, device=self.device)  # what of it is no empty place
        self.begun = self.padded = False
        if head:
            self._forward([head], [[1] * len(head)])
            self.cache.batch_repeat_interleave(rows)
        self.mask = self.mask.repeat_interleave(rows, dim=0)

    def read(self, pending: list[list[int]]) -> torch.Tensor:
        """Read a chunk of every row's tokens, which are taken from the lists: logits of what follows them."""
        lengths = [len(tokens) for tokens in pending]
        # Prompts are read whole, as no row could go on much earlier: a pass that waits for nobody pays later.
        width = chunk_width(lengths, _fixed_cost(self.device)) if self.begun else max(lengths)
        self.begun, self.padded = True, self.padded or min(lengths) < width
        parts = [tokens[:width] for tokens in pending]
        for tokens in pending:
            del tokens[:width]
        empty = [[0] * (width - len(part)) for part in parts]
        ids = [places + part for places, part in zip(empty, parts, strict=True)]
        return self._forward(ids, [places + [1] * (width - len(places)) for places in empty])

    def keep(self, rows: list[int]) -> None:
        """Forget all other rows."""
        chosen = torch.tensor(rows, device=self.device)
        self.cache.batch_select_indices(chosen)
        self.mask = self.mask[chosen]

    def _forward(self, ids: list[list[int]], mask: list[list[int]]) -> torch.Tensor:
        self.mask = torch.cat([self.mask, torch.tensor(mask, device=self.device)], dim=1)
        return self.model(
            input_ids=torch.tensor(ids, device=self.device),
            position_ids=(self.mask.cumsum(dim=1) - 1).clamp(min=0)[:, -len(ids[0]) :],
            attention_mask=self.mask if self.padded else None,
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
