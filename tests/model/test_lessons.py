"""Lessons: what is taught can be said with the candidates, in their order, and is a policy."""

import json

import pytest

from lib.data import dataset, written
from lib.data.dataset import Example
from lib.iam import catalogue
from lib.iam.compare import compare
from lib.iam.grammar import structure_faults
from lib.model.lessons import Lesson, apart, grounded, mixed, plain, reading
from lib.model.prompt import CANDIDATES, render
from lib.retrieval.conditions import Comparison, block
from lib.retrieval.retrieve import Retrieved, Retriever

BUCKET = ("arn:aws:s3:::photos/*",)
SQS = "arn:aws:sqs:*:*:jobs"


def example(*statements: dict, source: str = "written") -> Example:
    usual = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": BUCKET[0]}
    policy = {"Version": "2012-10-17", "Statement": [usual | s for s in statements]}
    return Example("written/1", source, "Read photos", json.dumps(policy), "simple")


def said(policy: str | None) -> list[dict]:
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


@pytest.mark.parametrize(
    ("wanted", "lines", "scoped", "expected"),
    [
        ({}, ["s3:GetObject s3:PutObject"], {"s3:GetObject": BUCKET}, [("s3:GetObject", BUCKET[0])]),
        ({}, ["s3:GetObject"], {}, [("s3:GetObject", "*")]),
        ({}, ["s3:PutObject"], {}, []),
        (
            {"Action": ["s3:PutObject", "s3:GetObject"]},
            ["s3:GetObject s3:PutObject"],
            {},
            [(["s3:GetObject", "s3:PutObject"], "*")],
        ),
        ({"Action": "sqs:*"}, ["sqs:SendMessage sqs:*"], {}, [("sqs:*", "*")]),
        ({"Action": "sqs:*"}, ["sqs:SendMessage"], {}, [("sqs:SendMessage", "*")]),
        ({"Action": "sqs:SendMessage"}, ["sqs:*"], {}, []),
        (
            {"Action": ["sqs:SendMessage", "s3:GetObject"]},
            ["s3:GetObject", "sqs:SendMessage"],
            {"sqs:SendMessage": (SQS,)},
            [("sqs:SendMessage", SQS), ("s3:GetObject", "*")],
        ),
        ({}, ["s3:GetObject"], {"s3:GetObject": (*BUCKET, "arn:aws:s3:::x/*")}, [("s3:GetObject", BUCKET[0])]),
        ({"Resource": "*"}, ["s3:GetObject"], {"s3:GetObject": BUCKET}, [("s3:GetObject", BUCKET[0])]),
    ],
)
def test_a_policy_is_said_with_the_candidates(wanted, lines, scoped, expected):
    found = Retrieved(tuple(tuple(line.split()) for line in lines), scoped)
    policy = grounded(example(wanted), found)
    assert [(s["Action"], s["Resource"]) for s in said(policy)] == expected


def test_conditions_and_effects_stay():
    told = Comparison("Deny", "Bool", "aws:SecureTransport", "false")
    asked = block([told])
    policy = grounded(
        example({"Effect": "Deny", "Condition": asked}), Retrieved((("s3:GetObject",),), comparisons=(told,))
    )
    (statement,) = said(policy)
    assert statement["Effect"] == "Deny" and statement["Condition"] == asked
    assert list(statement) == ["Effect", "Action", "Resource", "Condition"]


def test_principals_stay_in_policies_of_resources_only():
    one = example({"Principal": "*"})
    for kind in ("resource", "identity"):
        (statement,) = said(grounded(one, Retrieved((("s3:GetObject",),), policy_type=kind)))
        assert ("Principal" in statement) == (kind == "resource")


def test_a_statement_of_everything_but_some_actions_cannot_be_said():
    one = example({})
    data = json.loads(one.policy)
    data["Statement"][0] = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert grounded(Example("1", "written", "x", json.dumps(data), "simple"), Retrieved((("s3:GetObject",),))) is None


def test_a_title_is_taught_as_one_statement_of_what_is_allowed():
    one = example({}, {"Action": "sqs:*"}, {"Effect": "Deny", "Action": "sqs:PurgeQueue"}, source="managed")
    policy = grounded(one, Retrieved((("sqs:*", "sqs:PurgeQueue"), ("s3:GetObject",)), title="Photos"))
    assert said(policy) == [{"Effect": "Allow", "Action": ["s3:GetObject", "sqs:*"], "Resource": "*"}]


@pytest.mark.parametrize(("every", "plains"), [(0, []), (1, [0, 1, 2, 3]), (2, [0, 2]), (3, [0, 3])])
def test_some_lessons_are_plain(every, plains):
    lessons = mixed([example({})] * 4, [Retrieved((("s3:GetObject",),))] * 4, every)
    assert [i for i, lesson in enumerate(lessons) if CANDIDATES not in lesson.prompt] == plains


def test_a_lesson_without_usable_candidates_is_plain():
    one = example({})
    assert mixed([one], [Retrieved((("sqs:SendMessage",),))], 0) == plain([one])
    with pytest.raises(ValueError, match="zip"):
        mixed([one], [], 0)


def test_what_is_taught_is_among_the_candidates_and_is_a_policy(examples, retrieved):
    taught = 0
    for one, found in zip(examples, retrieved, strict=True):
        policy = grounded(one, found)
        if policy is None:
            continue
        taught += 1
        assert structure_faults(policy) == []
        groups = {name: group for group in found.groups for name in group.actions}
        for statement in said(policy):
            actions, resources = (
                v if isinstance(v, list) else [v] for v in (statement["Action"], statement["Resource"])
            )
            (group,) = {groups[name] for name in actions}
            assert [n for n in group.actions if n in actions] == actions
            assert [r for r in group.resources if r in resources] == resources
    assert taught > len(examples) / 2


def test_nothing_is_taught_that_the_example_does_not_grant(examples, retrieved):
    expand = catalogue.learned().expand_all
    for one, found in zip(examples, retrieved, strict=True):
        for effect in ("Allow", "Deny"):
            lists = [(s["Action"], s) for s in said(grounded(one, found)) if s["Effect"] == effect]
            names = {n for a, _ in lists for n in (a if isinstance(a, list) else [a]) if "*" not in n}
            asked = [s.get("Action", []) for s in said(one.policy) if s["Effect"] == effect]
            assert names <= expand(p for a in asked for p in (a if isinstance(a, list) else [a]))


MFA = Comparison("Allow", "Bool", "aws:MultiFactorAuthPresent", "true")
PLACE = Comparison("Allow", "StringEquals", "aws:RequestedRegion", ("eu-west-1", "eu-west-3"))


@pytest.mark.parametrize(
    ("asked", "comparisons", "expected"),
    [
        (block([MFA, PLACE]), (PLACE, MFA), block([PLACE, MFA])),
        (block([MFA]), (MFA, PLACE), block([MFA])),
        ({"StringEquals": {"aws:requestedregion": ["eu-west-3", "eu-west-1"]}}, (PLACE,), block([PLACE])),
        (block([MFA]), (PLACE,), None),
        (block([MFA]), (), None),
    ],
)
def test_a_condition_is_said_with_the_comparisons_that_were_found(asked, comparisons, expected):
    found = Retrieved((("s3:GetObject",),), comparisons=comparisons)
    assert said(grounded(example({"Condition": asked}), found))[0].get("Condition") == expected


def test_a_model_that_reads_is_taught_the_whole_policy_and_shown_the_ranked_actions_alone(examples):
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],'
        '"Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/*"],"Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}'
    )
    request = "read the objects of the bucket acme and list them, over TLS only"
    asked = Example("field/1", "field", request, policy, "simple")
    found = Retriever.fit(examples[:30]).retrieve(request)
    lesson, alone = (reading([asked], [found], every)[0] for every in (0, 1))
    assert "arn:" not in lesson.prompt and "s3:GetObject" in lesson.prompt and "Candidates" not in alone.prompt
    statements = json.loads(lesson.completion)["Statement"]
    assert [(s["Action"], s["Resource"]) for s in statements] == [
        ("s3:GetObject", "arn:aws:s3:::acme/*"),
        ("s3:ListBucket", "arn:aws:s3:::acme"),
    ]
    assert all(s["Condition"] == {"Bool": {"aws:SecureTransport": "true"}} for s in statements)
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
