"""Words: people and operations have the same terms, and the tables name what exists."""

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from iamintent.words import FOLDER, LONGEST_WORD, TABLES, Tables, nouns, stem, terms, verb_terms
from iampolicy import catalogue


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
    assert terms(filler) == ()


def test_a_verb_of_no_group_has_no_terms_of_groups():
    assert verb_terms("bucket") == ()


def test_a_word_longer_than_any_name_is_left_out():
    assert terms(f"{'A' * LONGEST_WORD}")
    assert terms(f"read {'A' * (LONGEST_WORD + 1)} objects") == terms("read objects")
    assert terms("Aa" * 50_000) == ()


@given(st.text())
@settings(max_examples=200)
def test_any_text_has_terms_and_always_the_same(text):
    found = terms(text)
    assert found == terms(text)
    assert all(term and term == term.lower() and " " not in term for term in found)


def test_tables_name_what_exists():
    known = catalogue.load().services
    assert [kind for kind in nouns() if kind[0] in known and kind[1] not in known[kind[0]].resource_types] == []
    assert all(re.fullmatch(r"[a-z]{2}-[a-z]+-\d", code) for code in TABLES.places.values())
    assert list(TABLES.levels) == ["list", "read", "full"]
    assert all(re.compile(said) for said in (*TABLES.phrases, *(r for level in TABLES.levels.values() for r in level)))


def test_a_table_that_is_misspelt_is_refused():
    tables = yaml.safe_load((FOLDER / "words.yaml").read_text(encoding="utf-8"))
    assert Tables.model_validate(tables) == TABLES
    for other in ({"verb": "see"}, {"places": {"york": 3}}, {"refusals": [{"said": "x"}]}):
        with pytest.raises(ValidationError):
            Tables.model_validate(tables | other)
