"""Lengths in tokens, under both tokenizers."""

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import document
from lib.data import lengths

POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}'
)


@pytest.mark.parametrize("tokenizer", lengths.TOKENIZERS)
def test_counts_are_positive_and_no_more_than_bytes(tokenizer):
    texts = ["a", POLICY, "Allow äöü 𝄞", "\0"]
    counts = lengths.count(texts, tokenizer)
    assert len(counts) == len(texts)
    assert all(0 < n <= len(text.encode()) + 1 for n, text in zip(counts, texts, strict=True))
    assert 10 < counts[1] < len(POLICY) / 1.5
    assert lengths.count([""], tokenizer) == [0]  # no special tokens
    assert lengths.count([], tokenizer) == []


def test_mistrals_own_counts(managed_policies):
    """Counted once with the tokenizer that mistral-common carries: hell-o-world, and AWS's policies as they are."""
    assert lengths.count(iter(["hello world"]), "Mistral v3") == [3]
    minified = [document.Policy(p.document).to_json() for p in managed_policies[::4]]
    assert 180 < statistics.median(lengths.count(minified, "Mistral v3")) < 250


@pytest.mark.parametrize("tokenizer", lengths.TOKENIZERS)
def test_minified_is_shorter(tokenizer):
    minified, indented = lengths.count([POLICY, document.parse(POLICY).to_json(2)], tokenizer)
    assert minified < indented


@settings(max_examples=30)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_a_count_does_not_depend_on_its_neighbours(texts):
    for tokenizer in lengths.TOKENIZERS:
        assert lengths.count(texts, tokenizer) == [n for t in texts for n in lengths.count([t], tokenizer)]


@pytest.mark.parametrize("tokenizer", ["mistral v3", "", "gpt2", None])
def test_an_unknown_tokenizer_is_refused_with_those_that_exist(tokenizer):
    with pytest.raises(ValueError) as refused:
        lengths.count(["x"], tokenizer)
    assert str(refused.value) == f"unknown tokenizer {tokenizer!r}: choose one of Mistral v3, SmolLM2"


def test_rows_have_every_policy_under_every_tokenizer():
    rows = lengths.rows([POLICY, "{}"])
    assert [r["tokenizer"] for r in rows] == ["Mistral v3"] * 2 + ["SmolLM2"] * 2
    assert [r["tokens"] for r in rows] == lengths.count([POLICY, "{}"], "Mistral v3") + lengths.count(
        [POLICY, "{}"], "SmolLM2"
    )
    assert lengths.rows([]) == []
