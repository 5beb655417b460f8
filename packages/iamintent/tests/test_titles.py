"""Titles: names are told from requests, and what they grant is learnt from policies of like names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamintent.ranking import ActionRanker
from iamintent.titles import (
    LEVELS,
    TitleRanker,
    allowed,
    by_service,
    cover,
    level_of,
    services_in,
    title_of,
    title_terms,
    wildcards,
)
from iamintent.words import TABLES
from iampolicy import catalogue

CATALOGUE = catalogue.load()


@pytest.fixture(scope="module")
def ranker(managed_examples) -> TitleRanker:
    return TitleRanker(managed_examples, ActionRanker())


@pytest.mark.parametrize(
    ("request_", "title"),
    [
        ("Provide an IAM policy for AWS App Mesh Read Only", "AWS App Mesh Read Only"),
        ("AmazonS3FullAccess", "Amazon S3 Full Access"),
        ("Amazon MSK Full Access", "Amazon MSK Full Access"),
        ("create a policy named AmazonSQSReadOnlyAccess.", "Amazon SQS Read Only Access"),
        ("aws-lambda-basic-ExecutionRole", None),
        ("Read objects in the bucket photos", None),
        ("s3:GetObject", None),
        ("full access", None),
        ("", None),
        ("...", None),
        (" ".join(["Amazon"] * 17), None),
        ("A" * 100_000, "A" * 100_000),
    ],
)
def test_a_title_is_only_a_name(request_, title):
    assert title_of(request_) == title


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("Amazon S3 Full Access", "full"),
        ("Amazon S3 Read Only Access", "read"),
        ("Administrator Access", "full"),
        ("App Mesh Service Role Policy", "service role"),
        ("Lambda Basic Execution Role", "execution"),
        ("Billing", "other"),
    ],
)
def test_levels(title, level):
    assert level_of(title) == level and level in LEVELS


def test_each_level_has_its_words_but_the_last():
    assert {*TABLES.title_levels, "other"} == set(LEVELS) and LEVELS[-1] == "other"


@pytest.mark.parametrize(
    ("title", "prefix"),
    [("AWS App Mesh Full Access", "appmesh"), ("AmazonSQS Full Access", "sqs"), ("Dynamo DB Read Only", "dynamodb")],
)
def test_services_of_a_title(title, prefix):
    found = services_in(title)
    assert found[prefix] == max(found.values()) <= 1


def test_neighbouring_words_of_a_title_are_one_term():
    assert {"appmesh", "only"} <= set(title_terms("AWS App Mesh Read Only"))
    assert "aws" not in title_terms("AWS App Mesh")


def test_the_nearest_title_comes_first_and_its_own_example_can_be_left_out(ranker):
    assert ranker.titles[ranker.nearest("Amazon SQS Full Access")[0][0]] == "Amazon SQS Full Access"
    own = ranker.titles.index("Amazon SQS Full Access")
    assert own not in dict(ranker.nearest("Amazon SQS Full Access", leave_out=own))
    assert ranker.nearest("Zzz") == []


@pytest.mark.parametrize(
    ("title", "pattern"), [("Amazon SQS Full Access", "sqs:*"), ("Amazon Dynamo DB Full Access", "dynamodb:*")]
)
def test_a_title_grants_what_its_service_and_level_say(ranker, title, pattern):
    assert pattern in cover(ranker.probabilities(title))


def test_probabilities_are_of_actions_that_exist(ranker):
    for title in ("Amazon SQS Read Only", "Zzz", "", "A" * 4_000):
        found = ranker.probabilities(title)
        assert found.keys() <= CATALOGUE.names and all(0 <= p <= 1 for p in found.values())


def test_features_are_finite(ranker):
    chosen, features = ranker.features("Amazon SNS Read Only", leave_out=0)
    assert features.shape[0] == len(chosen) and features.dtype == np.float32 and np.isfinite(features).all()


def test_without_examples_a_title_has_what_its_service_has():
    alone = TitleRanker([], ActionRanker())
    assert alone.nearest("Amazon SQS Full Access") == []
    assert alone.probabilities("Amazon SQS Full Access").keys() <= CATALOGUE.names


def test_allowed_are_the_positions_of_allowed_actions():
    positions = {name: i for i, name in enumerate(CATALOGUE.actions)}
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:SendMessage","sqs:Nosuch"],"Resource":"*"},'
        '{"Effect":"Deny","Action":"sqs:*","Resource":"*"}]}'
    )
    assert allowed(policy).tolist() == [positions["sqs:SendMessage"]]


def test_cover_says_nearly_whole_services_and_verbs_in_one_pattern():
    every = dict.fromkeys(CATALOGUE.expand("sqs:*"), 0.9)
    assert list(cover(every)) == ["sqs:*"] and cover(every)["sqs:*"] == pytest.approx(0.9)
    assert list(cover(dict.fromkeys(CATALOGUE.expand("sqs:List*"), 0.9))) == ["sqs:List*"]
    assert cover({"sqs:SendMessage": 0.9, "sqs:PurgeQueue": 0.1}) == {"sqs:SendMessage": 0.9}
    assert cover({}) == {}
    assert len(cover(dict.fromkeys(list(CATALOGUE.actions)[::40], 0.9), most=5)) == 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3:GetObject", ("s3:*", "s3:Get*")),
        ("execute-api:Invoke", ("execute-api:*", "execute-api:Invoke*")),
        ("x:", ("x:*",)),
    ],
)
def test_wildcards_of_a_name(name, expected):
    assert wildcards(name) == expected


def test_patterns_of_a_service_stand_together():
    assert by_service(["a:X", "b:Y", "a:Z"]) == (("a:X", "a:Z"), ("b:Y",))


@given(
    st.text() | st.lists(st.sampled_from(["AWS", "SQS", "Full", "Access", "_", "9", "-", "policy for"])).map(" ".join)
)
@settings(max_examples=100)
def test_any_text_is_a_title_or_none(text):
    title = title_of(text)
    if title is not None:
        assert level_of(title) in LEVELS and title_terms(title) == title_terms(title)
        assert services_in(title).keys() <= CATALOGUE.services.keys()


@given(likely=st.dictionaries(st.sampled_from(sorted(CATALOGUE.expand("s*:*"))), st.floats(0, 1), max_size=40))
@settings(max_examples=50)
def test_cover_only_says_what_exists_and_is_likely(likely):
    for pattern, chance in cover(likely).items():
        assert 0 <= chance <= 1
        names = CATALOGUE.expand(pattern)
        assert names and any(likely.get(name, 0) >= 0.35 for name in names)
