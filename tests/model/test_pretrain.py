"""Pretraining at toy size: it learns, goes on exactly where it stopped, and its card says what happened."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from lib.errors import CourseError
from lib.model import pretrain
from lib.model.corpus import Document
from lib.model.pretrain import Pretraining, Setup

TOY = Setup(
    vocabulary=400,
    hidden_size=32,
    layers=2,
    intermediate_size=64,
    heads=4,
    key_value_heads=2,
    context=16,
    batch=4,
    micro_batch=2,
    tokens=16 * 4 * 12,
    warmup=2,
)
CORPUS = [Document("policy", f"p{i}", f'p{i}\n{{"Action":"s3:GetObject"}} and number {i * 7}') for i in range(40)]


@pytest.fixture(scope="module")
def rows():
    tokenizer = pretrain.train_tokenizer((d.text for d in CORPUS), TOY.vocabulary)
    return pretrain.pack(CORPUS, tokenizer, TOY.context), tokenizer


def start(rows, setup=TOY) -> Pretraining:
    return Pretraining(setup, rows[0], rows[0][:4], "cpu")


def test_it_learns(rows):
    state = start(rows)
    before = state.held_out_loss()
    for _ in range(TOY.steps):
        state.train_step()
    assert state.held_out_loss() < before - 0.5


def test_a_step_does_not_depend_on_how_many_rows_a_forward_pass_takes(rows):
    whole, parts = (start(rows, dataclasses.replace(TOY, micro_batch=size)) for size in (4, 1))
    assert [whole.train_step() for _ in range(3)] == pytest.approx([parts.train_step() for _ in range(3)], rel=1e-3)


def test_a_run_goes_on_exactly_where_it_stopped(rows, tmp_path):
    whole, first = start(rows), start(rows)
    losses = [whole.train_step() for _ in range(6)]
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "checkpoint.pt")
    second = start(rows)
    second.load(tmp_path / "checkpoint.pt")
    assert [second.train_step() for _ in range(3)] == pytest.approx(losses[3:], rel=1e-5)


def test_a_checkpoint_of_other_settings_is_refused_but_more_tokens_are_not(rows, tmp_path):
    start(rows).save(tmp_path / "checkpoint.pt")
    start(rows, dataclasses.replace(TOY, tokens=TOY.tokens * 2)).load(tmp_path / "checkpoint.pt")
    with pytest.raises(CourseError, match="made with other settings"):
        start(rows, dataclasses.replace(TOY, seed=1)).load(tmp_path / "checkpoint.pt")


def test_the_rate_warms_up_stays_level_and_ends_low(rows):
    state, rates = start(rows), []
    for state.step in range(TOY.steps):
        rates.append(state.rate())
    assert rates[0] == 0.5 and max(rates) == 1.0 and rates[-1] < 0.3
    assert rates[2:8] == [1.0] * 6 and rates[8:] == sorted(rates[8:], reverse=True)


def test_every_row_is_seen_once_an_epoch_in_a_new_order(rows):
    # Rows of their own numbers, two epochs of them.
    numbered = torch.arange(8 * 16, dtype=torch.int32).view(8, 16) % TOY.vocabulary
    state = Pretraining(TOY, numbered, numbered, "cpu")
    first, second = (torch.cat([state.batch(step) for step in steps])[:, 0].tolist() for steps in ((0, 1), (2, 3)))
    assert sorted(first) == sorted(second) == sorted(numbered[:, 0].tolist())
    assert first != second


def test_weights_and_card_are_written(rows, tmp_path):
    state = start(rows)
    state.plans = [[0, 900], [3, TOY.tokens]]
    for _ in range(3):
        state.train_step()
    state.curve = [{"step": 3, "tokens": 192, "seconds": 1, "loss": 5.5, "held_out": 5.25}]
    pretrain.write(state, rows[1], CORPUS, tmp_path)
    assert all(w.dtype == torch.bfloat16 for w in load_file(tmp_path / "model.safetensors").values())
    card = (tmp_path / "README.md").read_text()
    assert "from step 0 with `--tokens 900`; then from step 3" in card and "5.250" in card and "40" in card
    assert (tmp_path / "curve.csv").read_text().startswith("step,tokens,seconds,loss,held_out")


def test_an_element_and_the_signs_around_it_can_become_one_token():
    statement = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get"],"Resource":"*"}]}'
    tokenizer = pretrain.train_tokenizer(iter([statement] * 50), 400)
    pieces = [tokenizer.decode([i]) for i in tokenizer(statement)["input_ids"]]
    assert '","Action":["' in pieces and "Allow" in pieces


def test_the_tokenizer_splits_action_names_into_words_and_spells_any_text(rows):
    tokenizer = rows[1]
    for text in ("s3:GetObject", "\u2603 \x00 naïve", "123456789012"):
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.bos_token_id and tokenizer.decode(ids[1:]) == text
