"""Terms: people and operations say the same words, filler says none, and no text is too odd or too long."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.retrieval.terms import LONGEST, stem, terms, verb_terms


@pytest.mark.parametrize(
    ("said", "operation"),
    [
        ("creating queues", "CreateQueue"),
        ("list all the buckets", "ListBuckets"),
        ("describe DB instances", "DescribeDBInstances"),
        ("tagging resources", "TagResource"),
        ("deletes a message batch", "DeleteMessageBatch"),
    ],
)
def test_english_has_the_terms_of_the_operation(said, operation):
    assert set(terms(operation)) <= set(terms(said))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("set up queues", "create queues"),
        ("spinning up instances", "create instances"),
        ("get rid of the topic", "delete topics"),
        ("shutting down instances", "terminate instances"),
        ("turn on versioning", "enable versioning"),
        ("switches off the alarm", "disable the alarm"),
        ("kick off a build", "start a build"),
        ("look at dashboards", "view dashboards"),
        ("take a snapshot of the volume", "create snapshot volume"),
        ("SET UP queues", "create queues"),
    ],
)
def test_phrases_mean_their_verb(said, meant):
    assert terms(said) == terms(meant)


@pytest.mark.parametrize(
    ("verb", "other"),
    [("remove", "delete"), ("fetch", "get"), ("modify", "update"), ("build", "create"), ("publish", "send")],
)
def test_verbs_that_ask_for_the_same_share_a_term_and_keep_their_own(verb, other):
    assert set(terms(verb)) & set(terms(other))
    assert stem(verb) in terms(verb) and stem(verb) not in terms(other)
    assert set(verb_terms(stem(verb))) <= set(terms(verb))


@pytest.mark.parametrize("filler", ["", "the", "I would like a policy that allows our team to", "12 34", "?!"])
def test_filler_has_no_terms(filler):
    assert terms(filler) == []


def test_a_verb_of_no_group_has_no_terms_of_groups():
    assert verb_terms("bucket") == ()


def test_a_word_longer_than_any_name_is_left_out():
    assert terms(f"{'A' * LONGEST}") != []
    assert terms(f"read {'A' * (LONGEST + 1)} objects") == terms("read objects")
    assert terms("Aa" * 50_000) == []


@given(st.text())
@settings(max_examples=200)
def test_any_text_has_terms_and_always_the_same(text):
    found = terms(text)
    assert found == terms(text)
    assert all(term and term == term.lower() and " " not in term for term in found)
