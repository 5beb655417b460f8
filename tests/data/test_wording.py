"""Sentence shapes: equal for one sentence with other fillings, different for another sentence."""

import pytest

from lib.data import wording


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Let the app read `a` in the bucket x-1", "Let the app delete `b` in the bucket y_2"),
        ("get objects from acme-logs", "put objects from acme-data"),
        ("Stop i-0abc and i-0def in eu-west-1", "Start i-1 in us-east-2"),
        ("It lists arn:aws:s3:::a", "It removes arn:aws:sqs:eu-west-1:111122223333:q"),
    ],
)
def test_other_names_numbers_and_verbs_are_one_shape(one, other):
    assert wording.shape(one) == wording.shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Let the app read the bucket x-1", "The app needs to read x-1"),
        ("read the bucket x-1", "read the table x-1"),
    ],
)
def test_other_sentences_are_other_shapes(one, other):
    assert wording.shape(one) != wording.shape(other)


def test_plain_words_are_names_where_the_policy_says_so():
    policies = [f'{{"Resource":"arn:aws:sqs:*:*:{name}"}}' for name in ("jobs", "orders")]
    shapes = {
        wording.shape(f"pull from {n}", wording.names_in(p)) for n, p in zip(("jobs", "orders"), policies, strict=True)
    }
    assert len(shapes) == 1 and len({wording.shape("pull from jobs"), wording.shape("pull from orders")}) == 2


def test_similarity():
    alike = wording.similarity(["alpha beta gamma", "alpha beta gamma", "delta epsilon", ""])
    assert alike.max(axis=1).tolist() == pytest.approx([1, 1, 0, 0], abs=1e-6) and not alike.diagonal().any()
    assert wording.similarity(["one"]).tolist() == [[0]] and wording.similarity([]).shape == (0, 0)
