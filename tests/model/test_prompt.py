"""The one format, what is taught in it, and what counts as the answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamintent import Intent
from iampolicy.compare import compare
from iampolicy.document import as_list
from iampolicy.grammar import structure_faults
from lib.data.dataset import DRAFT, Example
from lib.model.prompt import (
    CANDIDATES,
    INSTRUCTION,
    RESPONSE,
    STOP,
    Sample,
    candidates,
    choose_shots,
    first_answer,
    grounded,
    plain,
    render,
    target,
)


@given(st.text())
def test_a_request_cannot_imitate_the_format(instruction):
    prompt = render(instruction)
    assert prompt.endswith(RESPONSE)
    assert prompt.count(STOP) == render("").count(STOP)
    assert "\n" not in prompt[: -len(RESPONSE)].split(INSTRUCTION, 1)[1]


def test_shots_stand_solved_before_the_request(examples):
    shots = choose_shots(examples)
    prompt = render("the last request", shots)
    assert [s.complexity for s in shots] == ["simple", "medium", "complex"]
    assert prompt.count(INSTRUCTION) == 4
    positions = [prompt.index(s.policy) for s in shots]
    assert positions == sorted(positions)
    assert prompt.endswith(f"the last request{RESPONSE}")


def test_shots_need_a_short_example_of_each_complexity(examples):
    with pytest.raises(ValueError, match="no simple training example .* 10 characters"):
        choose_shots(examples, longest=10)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ('{"a":1}', '{"a":1}'),
        (' {"a":1}\n\n### Instruction:\nmore\n\n### Response:\n{"b":2}', '{"a":1}'),
        ("", ""),
        ("\n### Instruction:", ""),
    ],
)
def test_the_first_answer_counts_and_not_what_is_invented_after_it(written, answer):
    assert first_answer(written) == answer


def test_candidates_are_listed_by_clause_and_keys_at_the_end():
    lines = (("sqs:ReceiveMessage",), ("sqs:PurgeQueue", "sqs:DeleteQueue"))
    found = candidates(Intent("", lines, keys=("s3:prefix", "kms:ViaService")))
    assert found == "sqs:ReceiveMessage\nsqs:PurgeQueue sqs:DeleteQueue\nif s3:prefix kms:ViaService"
    assert candidates(Intent("Read photos", (("s3:GetObject",),))) == "s3:GetObject"


BUCKET = "arn:aws:s3:::photos/*"


def example(*statements: dict, source: str = "written") -> Example:
    usual = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": BUCKET}
    policy = {"Version": "2012-10-17", "Statement": [usual | s for s in statements]}
    return Example("written/1", source, "Read photos", json.dumps(policy), "simple")


def statements(policy: str | None) -> list[dict]:
    return json.loads(policy)["Statement"] if policy else []


def test_plain_samples_are_the_examples():
    one = example({})
    assert plain([one]) == [Sample(render(one.instruction), one.policy)]


def test_a_title_is_taught_as_one_statement_of_what_is_allowed():
    one = example({}, {"Action": "sqs:*"}, {"Effect": "Deny", "Action": "sqs:PurgeQueue"}, source="managed")
    policy = target(one, Intent("Read photos", (("sqs:*", "sqs:PurgeQueue"), ("s3:GetObject",)), title="Photos"))
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
    policy = target(example(wanted, source="managed"), Intent("Read photos", (tuple(line.split()),), title="Photos"))
    assert [s["Action"] for s in statements(policy)] == ([expected] if expected else [])
    assert policy is None or structure_faults(policy) == []


def test_a_request_is_answered_with_its_whole_policy_whatever_was_found(people, retriever):
    for one in [e for e in people["validation"] if e.outcome == DRAFT][::5]:
        found = retriever.read(one.instruction)
        same = compare(one.policy, target(one, found))
        assert not same.extra and not same.missing and structure_faults(target(one, found)) == []
        taught = [(s["Effect"], s.get("Condition")) for s in statements(target(one, found))]
        assert all((s["Effect"], s.get("Condition")) in taught for s in as_list(statements(one.policy)))


@pytest.mark.parametrize(("every", "plains"), [(0, []), (1, [0, 1, 2, 3]), (2, [0, 2]), (3, [0, 3])])
def test_some_samples_are_plain(every, plains):
    samples = grounded([example({})] * 4, [Intent("Read photos", (("s3:GetObject",),))] * 4, every)
    assert [i for i, sample in enumerate(samples) if CANDIDATES not in sample.prompt] == plains


def test_a_title_without_usable_candidates_is_plain():
    one = example({})
    assert grounded([one], [Intent("Read photos", (("sqs:SendMessage",),), title="Photos")], 0) == plain([one])
    with pytest.raises(ValueError, match="zip"):
        grounded([one], [], 0)


def test_the_ranked_actions_are_shown_and_the_resources_are_to_be_read(retriever):
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],'
        '"Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/*"],"Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}'
    )
    request = "read the objects of the bucket acme and list them, over TLS only"
    asked = Example("field/1", "field", request, policy, "simple")
    found = retriever.read(request)
    sample, alone = (grounded([asked], [found], every)[0] for every in (0, 1))
    assert "arn:" not in sample.prompt and "s3:GetObject" in sample.prompt and "Candidates" not in alone.prompt
    parts = statements(sample.completion)
    assert [(s["Action"], s["Resource"]) for s in parts] == [
        ("s3:GetObject", "arn:aws:s3:::acme/*"),
        ("s3:ListBucket", "arn:aws:s3:::acme"),
    ]
    assert all(s["Condition"] == {"Bool": {"aws:SecureTransport": "true"}} for s in parts)
    assert alone.completion == policy and not compare(policy, sample.completion).extra
