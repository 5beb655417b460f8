"""What makes the shipped adapter: batches keep to their size, every lesson is read, and no step counts a prompt."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from tests.tiny import save
from tools import smollm2_adapter as tool

ROWS = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 300)), max_size=60)


def rows(lengths: list[tuple[int, int]]) -> list[tool.Row]:
    return [([5] * prompt, [6] * answer) for prompt, answer in lengths]


@given(ROWS, st.integers(0, 3))
def test_batches_hold_every_row_and_no_more_than_a_step(lengths, seed):
    made = rows(lengths)
    found = tool.batches(made, seed)
    assert sorted(map(tool.length, (row for batch in found for row in batch))) == sorted(map(tool.length, made))
    assert all(len(batch) * max(map(tool.length, batch)) <= tool.STEP for batch in found if batch)


def test_composed_requests_stand_in_the_first_pass_alone():
    kinds = {"people": 10, "people, plain": 4, "composed": 6, "titles": 4}
    lessons = {kind: rows([(100 + place, 50)] * count) for place, (kind, count) in enumerate(kinds.items())}

    def prompts(passes: list[int]) -> list[int]:
        return sorted(len(prompt) - 100 for batch in tool.order(lessons, passes) for prompt, _ in batch)

    assert prompts([0]) == [0] * 10 + [1] * 2 + [2] * 6 + [3] * 2
    assert prompts([1]) == [0] * 10 + [1] * 2 + [3] * 2
    assert prompts([0, 1]) == sorted(prompts([0]) + prompts([1]))


def test_the_loss_is_that_of_the_answers_alone(tmp_path):
    base = AutoModelForCausalLM.from_pretrained(save(tmp_path), dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    batch = [([7, 8, 9], [10, 11]), ([12], [13, 14, 15, 1])]
    each, count = 0.0, 0
    for prompt, answer in batch:
        ids = torch.tensor([[*prompt, *answer]])
        labels = torch.tensor([[-100] * len(prompt) + answer])
        each += base(input_ids=ids, labels=labels).loss.item() * len(answer)
        count += len(answer)
    assert tool.loss(model, batch).item() == pytest.approx(each / count, rel=1e-4)
