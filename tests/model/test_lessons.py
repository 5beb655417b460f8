"""Lessons: requests are answered with their whole policy, names with what the candidates can say."""

import json

import pytest

from iampolicy.compare import compare
from iampolicy.document import as_list
from iampolicy.grammar import structure_faults
from lib.data import dataset, written
from lib.data.dataset import Example
from lib.model.lessons import Lesson, apart, grounded, plain, said
from lib.model.prompt import CANDIDATES, render
from lib.retrieval.retrieve import Retrieved, Retriever

BUCKET = "arn:aws:s3:::photos/*"


def example(*statements: dict, source: str = "written") -> Example:
    usual = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": BUCKET}
    policy = {"Version": "2012-10-17", "Statement": [usual | s for s in statements]}
    return Example("written/1", source, "Read photos", json.dumps(policy), "simple")


def statements(policy: str | None) -> list[dict]:
    return json.loads(policy)["Statement"] if policy else []


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return dataset.from_written(written.write(50, seed=5))


@pytest.fixture(scope="module")
def retrieved(examples) -> list[Retrieved]:
    retriever = Retriever.fit(examples[:30])
    return [retriever.retrieve(e.instruction) for e in examples]


def test_plain_lessons_are_the_examples():
    one = example({})
    assert plain([one]) == [Lesson(render(one.instruction), one.policy)]


def test_a_title_is_taught_as_one_statement_of_what_is_allowed():
    one = example({}, {"Action": "sqs:*"}, {"Effect": "Deny", "Action": "sqs:PurgeQueue"}, source="managed")
    policy = said(one, Retrieved((("sqs:*", "sqs:PurgeQueue"), ("s3:GetObject",)), title="Photos"))
    assert statements(policy) == [{"Effect": "Allow", "Action": ["sqs:*", "s3:GetObject"], "Resource": "*"}]


@pytest.mark.parametrize(
    ("wanted", "line", "expected"),
    [
        ({}, "s3:GetObject s3:PutObject", "s3:GetObject"),
        ({}, "s3:PutObject", None),
        ({"Action": "sqs:*"}, "sqs:SendMessage sqs:*", "sqs:*"),
        ({"Action": "sqs:*"}, "sqs:SendMessage", "sqs:SendMessage"),
        ({"Action": "sqs:SendMessage"}, "sqs:*", None),
        ({"Action": ["s3:PutObject", "s3:GetObject"]}, "s3:GetObject s3:PutObject", ["s3:GetObject", "s3:PutObject"]),
        ({"Effect": "Deny"}, "s3:GetObject", None),
    ],
)
def test_a_title_is_said_with_the_candidates_that_are_allowed(wanted, line, expected):
    policy = said(example(wanted, source="managed"), Retrieved((tuple(line.split()),), title="Photos"))
    assert [s["Action"] for s in statements(policy)] == ([expected] if expected else [])
    assert policy is None or structure_faults(policy) == []


def test_a_request_is_answered_with_its_whole_policy_whatever_was_found(examples, retrieved):
    for one, found in zip(examples, retrieved, strict=True):
        same = compare(one.policy, said(one, found))
        assert not same.extra and not same.missing and structure_faults(said(one, found)) == []
        taught = [(s["Effect"], s.get("Condition")) for s in statements(said(one, found))]
        assert all((s["Effect"], s.get("Condition")) in taught for s in as_list(statements(one.policy)))


@pytest.mark.parametrize(("every", "plains"), [(0, []), (1, [0, 1, 2, 3]), (2, [0, 2]), (3, [0, 3])])
def test_some_lessons_are_plain(every, plains):
    lessons = grounded([example({})] * 4, [Retrieved((("s3:GetObject",),))] * 4, every)
    assert [i for i, lesson in enumerate(lessons) if CANDIDATES not in lesson.prompt] == plains


def test_a_title_without_usable_candidates_is_plain():
    one = example({})
    assert grounded([one], [Retrieved((("sqs:SendMessage",),), title="Photos")], 0) == plain([one])
    with pytest.raises(ValueError, match="zip"):
        grounded([one], [], 0)


def test_the_ranked_actions_are_shown_and_the_resources_are_to_be_read(examples):
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],'
        '"Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/*"],"Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}'
    )
    request = "read the objects of the bucket acme and list them, over TLS only"
    asked = Example("field/1", "field", request, policy, "simple")
    found = Retriever.fit(examples[:30]).retrieve(request)
    lesson, alone = (grounded([asked], [found], every)[0] for every in (0, 1))
    assert "arn:" not in lesson.prompt and "s3:GetObject" in lesson.prompt and "Candidates" not in alone.prompt
    parts = statements(lesson.completion)
    assert [(s["Action"], s["Resource"]) for s in parts] == [
        ("s3:GetObject", "arn:aws:s3:::acme/*"),
        ("s3:ListBucket", "arn:aws:s3:::acme"),
    ]
    assert all(s["Condition"] == {"Bool": {"aws:SecureTransport": "true"}} for s in parts)
    assert alone.completion == policy and not compare(policy, lesson.completion).extra


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:ListQueues"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::a/*"]},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::a/*", "arn:aws:sqs:*:*:b"]},
    ],
)
def test_what_cannot_be_parted_stays_as_it_was_written(statement):
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    assert apart(policy) == policy
