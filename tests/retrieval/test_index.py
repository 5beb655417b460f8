"""Indexes: what shares words ranks first, rarer words count more, and everything is in the catalogue's order."""

import numpy as np
import pytest

from iampolicy import catalogue
from lib.retrieval import index
from lib.retrieval.index import Index, postings
from lib.retrieval.terms import terms

WORDS = index.load()


def test_an_index_ranks_documents_by_shared_terms():
    scores = Index([["a", "b"], ["b"], [], ["c"]], k1=1.2, b=0.5).scores(["a", "b", "nowhere"])
    assert scores.shape == (4,) and scores.argmax() == 0
    assert scores[1] > 0 and scores[2] == scores[3] == 0


@pytest.mark.parametrize(("documents", "query"), [([], ["a"]), ([["a"]], []), ([["a"]], ["b"]), ([[]], ["a"])])
def test_an_index_without_the_terms_scores_nothing(documents, query):
    assert Index(documents, k1=1.2, b=0.5).scores(query).tolist() == [0.0] * len(documents)


def test_postings_are_positions_in_order_each_once():
    found = postings([["a", "b", "a"], [], ["a"]])
    assert {term: positions.tolist() for term, positions in found.items()} == {"a": [0, 2], "b": [0]}


def test_everything_is_in_the_catalogues_order():
    actions = list(catalogue.load().actions.values())
    prefixes = list(catalogue.load().services)
    assert WORDS.names == [a.name for a in actions]
    assert all(WORDS.names[position] == name for name, position in WORDS.positions.items())
    assert [prefixes[i] for i in WORDS.service_of] == [a.service for a in actions]
    assert index.load() is WORDS


@pytest.mark.parametrize("operation", ["s3:GetObject", "ec2:DescribeInstances", "sqs:SendMessage"])
def test_a_name_covers_itself(operation):
    position = WORDS.positions[operation]
    query = list(dict.fromkeys(terms(operation.partition(":")[2])))
    assert WORDS.name_cover(query)[position] == pytest.approx(1, abs=1e-5)
    assert WORDS.query_cover(query)[position] == pytest.approx(1, abs=1e-5)
    assert WORDS.by_words.scores(query)[position] > 0


@pytest.mark.parametrize("query", [[], ["nosuchterm"], ["bucket"], ["creat", "=create", "bucket", "nosuchterm"]])
def test_covers_are_shares(query):
    everywhere = np.arange(len(WORDS.names))
    best = WORDS.best_type(WORDS.type_cover(query), everywhere)
    for cover in (WORDS.name_cover(query), WORDS.query_cover(query), best):
        assert cover.shape == (len(WORDS.names),) and cover.dtype == np.float32
        assert cover.min() >= 0 and cover.max() <= 1 + 1e-5


def test_a_type_is_covered_for_the_actions_that_take_it():
    names = ("s3:DeleteBucket", "s3:ListAllMyBuckets", "sqs:SendMessage")  # the second takes no resource
    positions = np.array([WORDS.positions[name] for name in names])
    assert WORDS.best_type(WORDS.type_cover(terms("bucket")), positions).tolist() == pytest.approx([1, 0, 0])


def test_verbs_have_their_actions():
    exact, alike = WORDS.verbs
    delete = WORDS.positions["s3:DeleteBucket"]
    assert delete in exact["delet"] and delete in alike["=delete"] and delete not in alike["=create"]
