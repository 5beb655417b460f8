"""Pages of the corpus: each holds its policy whole, says it in a reference's voice, and none holds a held-back one."""

import json
import re
from random import Random

import pytest

from lib.data.overlap import NEAR, apart, nearest
from lib.iam.document import Policy, as_policy
from lib.model.pages import LAYOUTS, page, pages

POLICY = Policy(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::b/*"}],
    }
)


def policy_of(text: str) -> dict:
    start = re.search(r"\{\s*\"Version\"", text).start()
    return json.JSONDecoder().raw_decode(text, start)[0]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_layout_holds_the_policy_and_says_it(layout):
    for seed in range(20):
        text = layout(POLICY, POLICY.to_json(), Random(seed))
        assert policy_of(text) == POLICY.data
        assert "Amazon S3" in text and ("b/*" in text.replace(POLICY.to_json(), "") or "s3:GetObject Read" in text)


def test_layouts_and_openings_vary():
    texts = {page(POLICY, Random(seed)) for seed in range(60)}
    assert len(texts) > 40
    assert len({text.split()[0] for text in texts}) > 5


def test_pages_are_the_same_for_a_seed_and_others_for_another():
    assert pages(20, [], 3) == pages(20, [], 3) != pages(20, [], 4)


def test_a_held_back_policy_and_its_near_duplicates_are_left_out():
    made = pages(60, [], 0)
    held = [json.dumps(policy_of(text)) for text in made[::2]]
    kept = pages(60, held, 0)
    assert 0 < len(kept) <= len(made) // 2
    assert max(nearest(held, [json.dumps(policy_of(text)) for text in kept])) < NEAR


def test_apart_measures_as_nearest_does():
    policies = list(dict.fromkeys(as_policy(policy_of(text)).to_json() for text in pages(300, [], 5)))
    others = policies[:100]
    kept = apart(policies, others)
    assert kept == [p for p, near in zip(policies, nearest(policies, others), strict=True) if near < NEAR]
    assert kept and not set(kept) & set(others)
