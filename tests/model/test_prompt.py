"""The one format: what is rendered, what cannot be imitated, what counts as the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.model.prompt import INSTRUCTION, RESPONSE, STOP, choose_shots, first_answer, listed, render
from lib.retrieval.retrieve import Retrieved


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
    found = listed(Retrieved(lines, keys=("s3:prefix", "kms:ViaService")))
    assert found == "sqs:ReceiveMessage\nsqs:PurgeQueue sqs:DeleteQueue\nif s3:prefix kms:ViaService"
    assert listed(Retrieved((("s3:GetObject",),))) == "s3:GetObject"
