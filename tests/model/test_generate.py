"""Drafting: the same answers in any batch, budgets that hold, requests of any shape."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib import profiles
from lib.model.generate import ARMS, PolicyGenerator, UnknownArm

REQUESTS = ["read a bucket", "stop instances in eu-west-1, but only those with the tag Team=data", "x", "écrire ☃"]


@pytest.fixture
def generator(tiny) -> PolicyGenerator:
    return PolicyGenerator.load("runs/none", "zero_shot", tiny)


def test_a_batch_answers_like_one_at_a_time_and_in_order(generator):
    together = generator.generate(REQUESTS)
    alone = [generator.generate([r])[0] for r in REQUESTS]
    assert [d.text for d in together] == [d.text for d in alone]
    assert [d.text for d in generator.generate(REQUESTS[::-1])] == [d.text for d in together[::-1]]


def test_the_budget_holds_and_is_told(generator):
    for draft in generator.generate(REQUESTS, max_new_tokens=5):
        assert draft.tokens <= 5
        assert draft.complete == (draft.tokens < 5)
        assert draft.seconds > 0


def test_no_run_of_tokens_is_repeated_where_the_profile_forbids_it(generator, monkeypatch):
    written = []
    read = PolicyGenerator._read
    monkeypatch.setattr(
        PolicyGenerator, "_read", lambda self, ids, *rest: written.append(ids) or read(self, ids, *rest)
    )
    generator.no_repeat = 2
    generator.generate(REQUESTS, max_new_tokens=40)
    for ids in written:
        pairs = list(zip(ids, ids[1:], strict=False))
        assert len(pairs) == 39 and len(set(pairs)) == 39
    written.clear()
    generator.no_repeat = 0
    generator.generate(REQUESTS, max_new_tokens=40)
    assert any(len(set(zip(ids, ids[1:], strict=False))) < 39 for ids in written)


def test_what_is_no_policy_says_so(generator):
    draft = generator.generate(["read a bucket"])[0]
    assert draft.policy is None
    assert draft.findings and draft.findings[0].startswith("not a policy")


def test_sampling_repeats_for_a_seed_and_varies_between_seeds(generator):
    one, two, other = (generator.generate(REQUESTS, temperature=1.5, seed=s) for s in (1, 1, 2))
    assert [d.text for d in one] == [d.text for d in two]
    assert [d.text for d in one] != [d.text for d in other]


@pytest.mark.parametrize("bad", [{"temperature": -1.0}, {"max_new_tokens": 0}])
def test_impossible_settings_are_refused(generator, bad):
    with pytest.raises(ValueError, match="must be"):
        generator.generate(["x"], **bad)


def test_an_endless_request_keeps_its_beginning(generator):
    draft = generator.generate(["read the bucket acme " * 5000])[0]
    assert draft.tokens > 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gets_a_draft(generator, instructions):
    assert len(generator.generate(instructions, max_new_tokens=2)) == len(instructions)


def test_no_requests_no_drafts(generator):
    assert generator.generate([]) == []


def test_an_unknown_arm_is_named(tiny):
    with pytest.raises(UnknownArm, match="few_shots.*zero_shot, few_shot, fine_tuned"):
        PolicyGenerator.load("runs/none", "few_shots", tiny)


def test_few_shot_shows_training_examples_only(tiny, examples, tmp_path):
    run = profiles.open_run(dataclasses.replace(tiny, max_new_tokens=4), tmp_path)
    rows = [{"split": "train" if i < 30 else "test", **dataclasses.asdict(e)} for i, e in enumerate(examples)]
    run.write_jsonl("01_data/examples.jsonl", rows)
    generator = PolicyGenerator.load(run.folder, "few_shot", run.profile)
    assert {s.id for s in generator.shots} <= {e.id for e in examples[:30]}
    assert len(generator.shots) == 3 and generator.generate(["read a bucket"])[0].tokens


def test_arms_differ_in_what_they_show_and_which_weights_they_have():
    assert {name: (arm.shots, arm.adapter) for name, arm in ARMS.items()} == {
        "zero_shot": (False, False),
        "few_shot": (True, False),
        "fine_tuned": (False, True),
    }
