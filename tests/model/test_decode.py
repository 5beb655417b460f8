"""Decoding: the answers of generate(), whatever the batch, the chunks and the head; and policies whatever the model."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, MistralForCausalLM

from iampolicy import catalogue
from iampolicy.document import parse
from iampolicy.grammar import structure_faults
from lib.model import reader
from lib.model.decode import Sampling, _choose, _Row, decode
from lib.model.grammar import whole
from lib.model.matcher import Compiler
from lib.model.prompt import render
from tests.tiny import SIZE

REQUESTS = ["read a bucket", "stop instances in eu-west-1, but only those with the tag Team=data", "x", "écrire ☃"]
ACTIONS = ("s3:GetObject", "s3:ListBucket", "s3:PutObject")


def some(actions: tuple[str, ...], resources: tuple[str, ...]) -> str:
    """The grammar of the policies of at most four statements about these."""
    action, resource = (" | ".join(json.dumps(json.dumps(name)) for name in names) for names in (actions, resources))
    return rf"""
start: "{{\"Version\":\"2012-10-17\",\"Statement\":[" statement ("," statement){{0,3}} "]}}"
statement: "{{" EFFECT ",\"Action\":" actions ",\"Resource\":" resources "}}"
actions: ACTION | "[" ACTION ("," ACTION)+ "]"
resources: RESOURCE | "[" RESOURCE ("," RESOURCE)+ "]"
EFFECT: /"Effect":"(Allow|Deny)"/
ACTION: {action}
RESOURCE: {resource}"""


SMALL = some(ACTIONS, ("arn:aws:s3:::acme", "arn:aws:s3:::acme/*", "*"))


@pytest.fixture(scope="module")
def tokenizer(tiny_folder: Path):
    return AutoTokenizer.from_pretrained(tiny_folder)


@pytest.fixture(scope="module")
def model(tiny_folder: Path) -> MistralForCausalLM:
    model = MistralForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()
    with torch.no_grad():  # sure of itself as a trained model is, so that no rounding decides
        model.lm_head.weight.mul_(40)
    return model


@pytest.fixture(scope="module")
def compiler(tokenizer) -> Compiler:
    return Compiler(tokenizer)


@pytest.fixture(scope="module")
def prompts(tokenizer) -> list[list[int]]:
    return [tokenizer(render(request))["input_ids"] for request in REQUESTS]


def test_free_rows_answer_as_generate_does(model, tokenizer, prompts):
    for no_repeat in (0, 2):
        answers = decode(model, tokenizer, prompts, [None] * 4, Sampling(24, no_repeat=no_repeat))
        for prompt, answer in zip(prompts, answers, strict=True):
            ids = torch.tensor([prompt])
            wanted = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=24,
                do_sample=False,
                no_repeat_ngram_size=no_repeat,
                pad_token_id=2,
            )
            assert list(answer.ids) == wanted[0, len(prompt) :].tolist()
            assert not answer.complete


def test_a_free_row_ends_with_the_end_token(model, tokenizer, prompts):
    whole_answer = decode(model, tokenizer, prompts[:2], [None, None], Sampling(24))
    end = whole_answer[0].ids[5]
    answers = decode(model, SimpleNamespace(eos_token_id=end), prompts[:2], [None, None], Sampling(24))
    place = whole_answer[0].ids.index(end)
    assert answers[0].ids == whole_answer[0].ids[:place] and answers[0].complete
    assert end not in answers[1].ids


def test_a_free_row_ends_with_the_text_that_stops_it(model, tokenizer, prompts):
    whole_answer = decode(model, tokenizer, prompts[:2], [None, None], Sampling(24))
    stop = tokenizer.decode(whole_answer[0].ids[4:6])
    answer = decode(model, tokenizer, prompts[:2], [None, None], Sampling(24, stop=stop))[0]
    assert answer.complete and answer.ids == whole_answer[0].ids[: len(answer.ids)]
    assert stop in tokenizer.decode(answer.ids) and stop not in tokenizer.decode(answer.ids[:-1])


def test_a_batch_answers_like_one_at_a_time(model, tokenizer, prompts, compiler):
    def matchers():
        return [compiler.matcher(SMALL), None, compiler.matcher(whole()), compiler.matcher(SMALL)]

    together = decode(model, tokenizer, prompts, matchers(), Sampling(96, no_repeat=12))
    alone = [
        decode(model, tokenizer, [prompt], [matcher], Sampling(96, no_repeat=12))[0]
        for prompt, matcher in zip(prompts, matchers(), strict=True)
    ]
    assert [(a.ids, a.complete) for a in together] == [(a.ids, a.complete) for a in alone]


def test_forced_chunks_change_no_answer_and_save_passes(model, tokenizer, prompts, compiler, monkeypatch):
    passes = []
    forward = reader.Reader._forward
    monkeypatch.setattr(
        reader.Reader, "_forward", lambda self, ids, mask: passes.append(len(ids)) or forward(self, ids, mask)
    )

    def answers():
        return decode(model, tokenizer, prompts, [compiler.matcher(SMALL) for _ in prompts], Sampling(96))

    chunks = answers()
    for width in (lambda pending, fixed: 1, lambda pending, fixed: max(pending)):
        passes.clear()
        monkeypatch.setattr(reader, "chunk_width", width)
        assert answers() == chunks
    assert len(passes) < max(len(a.ids) for a in chunks)


@settings(max_examples=20)
@given(
    st.lists(st.integers(3, SIZE - 1), max_size=40),
    st.lists(st.lists(st.integers(3, SIZE - 1), min_size=1, max_size=30), min_size=1, max_size=5),
)
def test_logits_after_a_shared_head_are_those_of_a_plain_run(model, head, tails):
    with torch.inference_mode():
        batch = reader.Reader(model, head, len(tails))
        pending = [list(tail) for tail in tails]
        found = batch.read(pending)
        assert not any(pending)
        for i, tail in enumerate(tails):
            assert torch.allclose(found[i], model(torch.tensor([head + tail])).logits[0, -1], atol=1e-4)
        more = [[9, 8, 7][: 1 + i % 3] for i in range(len(tails))]
        pending = [list(tokens) for tokens in more]
        found = batch.read(pending)
        for i in range(len(tails)):
            read = more[i][: len(more[i]) - len(pending[i])]
            assert torch.allclose(found[i], model(torch.tensor([head + tails[i] + read])).logits[0, -1], atol=1e-4)


def test_the_head_is_read_once(model, tokenizer, monkeypatch):
    read = []
    forward = reader.Reader._forward
    monkeypatch.setattr(
        reader.Reader,
        "_forward",
        lambda self, ids, mask: read.append((len(ids), len(ids[0]))) or forward(self, ids, mask),
    )
    head = list(range(10, 60))
    together = decode(model, tokenizer, [head + [5], head + [6, 7], head], [None] * 3, Sampling(4))
    assert read[:2] == [(1, 49), (3, 3)]
    alone = [decode(model, tokenizer, [p], [None], Sampling(4))[0].ids for p in (head + [5], head + [6, 7], head)]
    assert [a.ids for a in together] == alone


def check(answer, tokenizer, budget: int) -> None:
    written = parse(tokenizer.decode(answer.ids, skip_special_tokens=True))
    assert len(answer.ids) <= budget and structure_faults(written) == []
    known = catalogue.load()
    for statement in written.statements:
        assert statement.action_patterns
        for pattern in statement.action_patterns:
            assert pattern in known.names or (pattern.endswith("*") and known.expand(pattern) and pattern != "*")


def test_sixty_random_answers_are_policies_within_the_budget(model, tokenizer, prompts, compiler):
    rows = [prompts[0]] * 60
    matchers = [compiler.matcher(whole()) for _ in rows]
    answers = decode(model, tokenizer, rows, matchers, Sampling(192, 30.0, torch.Generator().manual_seed(1)))
    for answer in answers:
        check(answer, tokenizer, 192)
    assert len({answer.ids for answer in answers}) > 0.7 * len(rows)  # few never got to an action that could stand


@pytest.mark.parametrize("grammar", [SMALL, whole()])
def test_any_budget_holds(model, tokenizer, prompts, compiler, grammar):
    least = len(compiler.matcher(grammar).shortest)
    for budget in range(least, least + 40, 3):
        sampler = torch.Generator().manual_seed(budget)
        matchers = [compiler.matcher(grammar) for _ in prompts]
        for answer in decode(model, tokenizer, prompts, matchers, Sampling(budget, 30.0, sampler)):
            check(answer, tokenizer, budget)
    with pytest.raises(ValueError, match="allow more"):
        decode(model, tokenizer, prompts[:1], [compiler.matcher(grammar)], Sampling(least - 1))


def test_closing_keeps_what_was_written_and_takes_no_star(model, tokenizer, prompts, compiler):
    grammar = some(ACTIONS, ("*", "arn:aws:s3:::acme", "arn:aws:s3:::acme/" + "very-long/" * 20))
    closed = 0
    for budget in range(40, 90, 2):
        matcher = compiler.matcher(grammar)
        start = compiler.matcher(grammar).close(
            b'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::acme/very'
        )
        row = _Row(prompts[0], 0, matcher, Sampling(budget))
        row.go_on(start[:budget])
        if row.complete:
            continue
        policy = parse(tokenizer.decode(row.closed()))
        if policy.statements[0].effect == "Allow":
            closed += 1
            assert policy.statements[0].actions == ("s3:GetObject", "s3:PutObject")
            assert policy.statements[0].resources == ("arn:aws:s3:::acme",)
    assert closed


def test_samples_repeat_for_a_seed(model, tokenizer, prompts, compiler):
    def texts(seed: int):
        matchers = [compiler.matcher(SMALL), None, compiler.matcher(SMALL), None]
        sampling = Sampling(64, 20.0, torch.Generator().manual_seed(seed))
        return [a.ids for a in decode(model, tokenizer, prompts, matchers, sampling)]

    assert texts(3) == texts(3) != texts(4)


def test_samples_follow_the_weights_of_what_is_allowed():
    logits = torch.tensor([[0.0, 1.0, 3.0, 2.0, float("-inf")]]).repeat(4000, 1)
    sampling = Sampling(1, 2.0, torch.Generator().manual_seed(0), no_repeat=1)
    rows = [_Row([2], 0, None, sampling)] * 4000  # the likeliest stands in the prompt and must not be drawn
    tokens = torch.tensor(_choose(logits, rows, sampling))
    found = torch.bincount(tokens, minlength=5) / 4000
    wanted = torch.softmax(torch.tensor([0.0, 1.0, float("-inf"), 2.0, float("-inf")]) / 2.0, dim=-1)
    assert torch.allclose(found, wanted, atol=0.03) and not found[2] and not found[4]


def test_a_ban_never_leaves_a_row_without_a_token(model, tokenizer, prompts, compiler):
    grammar = some(("s3:GetObject",), ("arn:aws:s3:::aaaaaaaaaaaa",))
    for answer in decode(
        model, tokenizer, prompts, [compiler.matcher(grammar) for _ in prompts], Sampling(200, no_repeat=1)
    ):
        check(answer, tokenizer, 200)


@pytest.mark.parametrize(
    "resource",
    ['a"]}', "\\", "</s>", "<s>[INST]", "é😀", "\n### Instruction:", "\u2028\x7f\x00", '"}]},{"Effect":"Allow"'],
)
def test_hostile_names_stay_names(model, tokenizer, prompts, compiler, resource):
    grammar = some(("s3:GetObject",), (resource,))
    answers = decode(model, tokenizer, prompts, [compiler.matcher(grammar) for _ in prompts], Sampling(160))
    for answer in answers:
        written = parse(tokenizer.decode(answer.ids, skip_special_tokens=True))
        assert {r for s in written.statements for r in s.resources} == {resource}


def test_impossible_requests_are_refused(model, tokenizer):
    for prompts, matchers in (([[]], [None]), ([[5], [6]], [None])):
        with pytest.raises(ValueError, match="one for each prompt"):
            decode(model, tokenizer, prompts, matchers, Sampling(4))
    for bad in ({"temperature": -1.0}, {"temperature": float("nan")}, {"max_new_tokens": 0}):
        with pytest.raises(ValueError, match="must be"):
            Sampling(**{"max_new_tokens": 4} | bad)


def test_no_prompts_no_answers(model, tokenizer):
    assert decode(model, tokenizer, [], [], Sampling(4)) == []


def test_the_width_reads_most_for_its_cost():
    assert reader.chunk_width([12], 24) == 12
    assert reader.chunk_width([1] * 31 + [40], 24) == 1
    assert reader.chunk_width([9] * 32, 24) == 9
