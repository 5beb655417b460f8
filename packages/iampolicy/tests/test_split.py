"""Policies over their quota, cut into several that together say the same."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.compare import compare
from iampolicy.document import POLICY_TYPES, Policy, as_policy
from iampolicy.split import SplitError, split

ACTIONS = sorted(catalogue.load().actions)


def policy(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def union(parts: list[Policy]) -> dict:
    return policy(*(s for part in parts for s in part.data["Statement"]))


def test_what_fits_stays_as_it_is() -> None:
    small = as_policy(policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
    assert split(small) == [small]


@st.composite
def long_policies(draw) -> dict:
    statements = []
    for number in range(draw(st.integers(1, 5))):
        start, count = draw(st.integers(0, len(ACTIONS) - 1)), draw(st.integers(1, 400))
        statements.append(
            {
                "Sid": f"S{number}",
                "Effect": draw(st.sampled_from(["Allow", "Deny"])),
                "Action": ACTIONS[start : start + count],
                "Resource": [f"arn:aws:s3:::bucket-{i}/*" for i in range(draw(st.integers(1, 60)))],
            }
        )
    return policy(*statements)


@settings(max_examples=25)
@given(long_policies())
def test_the_parts_fit_and_say_the_same(whole: dict) -> None:
    parts = split(whole)
    assert all(part.size() <= POLICY_TYPES["identity"].most for part in parts)
    combinations = [
        {(s.effect, a, r) for s in as_policy(p).statements for a in s.actions or () for r in s.resources or ()}
        for p in (whole, union(parts))
    ]
    assert combinations[0] == combinations[1]
    sids = [s.sid for part in parts for s in part.statements]
    assert len(set(sids)) == len(sids)


def test_services_stay_together() -> None:
    def reading(service: str, count: int) -> dict:
        actions = [a for a in ACTIONS if a.startswith(f"{service}:")][:count]
        return {"Effect": "Allow", "Action": actions, "Resource": "*"}

    whole = policy(reading("ec2", 100), reading("s3", 60), reading("ec2", 60), reading("rds", 60))
    parts = split(whole)
    assert [sorted(part.services) for part in parts] == [["ec2"], ["rds", "s3"]]
    assert compare(json.dumps(whole), json.dumps(union(parts))).relation == "equal"


def test_a_condition_stays_with_every_piece() -> None:
    limited = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{'b' * 50}/{i}/*" for i in range(200)],
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    parts = split(policy(limited))
    assert len(parts) > 1
    assert all(s.condition == limited["Condition"] for part in parts for s in part.statements)


REFUSED = [
    ({"Effect": "Allow", "NotAction": ACTIONS[:400], "Resource": "*", "Sid": "Rest"}, "identity", "'Rest' is too long"),
    (
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/" + "x" * 7_000},
        "identity",
        "too long",
    ),
    ({"Effect": "Allow", "Principal": "*", "Action": ACTIONS, "Resource": "*"}, "resource", "cannot be split"),
]


@pytest.mark.parametrize(("statement", "policy_type", "said"), REFUSED)
def test_what_cannot_be_cut_gets_a_sentence(statement: dict, policy_type: str, said: str) -> None:
    with pytest.raises(SplitError, match=said):
        split(policy(statement), policy_type)
