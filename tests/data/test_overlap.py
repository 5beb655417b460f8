"""Overlaps are exact: the fast search finds what comparing every pair finds."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.document import Policy
from lib.data.overlap import NEAR, ActionIndex, clusters, near_pairs, nearest, overlap

CATALOGUE = catalogue.load()


def bits(*numbers):
    return sum(1 << n for n in set(numbers))


def policy(*statements):
    return Policy(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | s for s in statements]}
    )


def allow(*actions, **more):
    return {"Action": list(actions)} | more


def text(*actions, **more):
    return policy(allow(*actions, **more)).to_json()


# Sets that are often alike: few of ten elements are missing from each, or they are drawn at random.
sets = st.integers(0, 2**10 - 1) | st.sets(st.integers(0, 19), max_size=3).map(
    lambda lost: bits(*range(20)) & ~bits(*lost)
)


@settings(max_examples=200)
@given(st.lists(sets, max_size=14), st.sampled_from([NEAR, 0.5, 0.75, 1.0]))
def test_near_pairs_are_those_of_every_pair(drawn, threshold):
    wanted = [[] for _ in drawn]
    for i, j in combinations(range(len(drawn)), 2):
        shared, union = (drawn[i] & drawn[j]).bit_count(), (drawn[i] | drawn[j]).bit_count()
        if shared and shared >= threshold * union:
            wanted[i].append(j)
            wanted[j].append(i)
    assert [sorted(found) for found in near_pairs(drawn, threshold)] == wanted


@pytest.mark.parametrize("size", [10, 20, 30, 70, 90, 100, 1_230, 20_000])
def test_nine_tenths_are_near_and_less_is_not(size):
    """At every size: 0.9 has no exact form in binary, and a bound that is rounded up would lose the pair."""
    whole = bits(*range(size))
    part = bits(*range(size * 9 // 10))
    assert near_pairs([whole, part]) == [[1], [0]]
    assert near_pairs([whole, part & ~1]) == [[], []]
    assert overlap(whole, part) == 0.9


def test_an_empty_set_is_near_to_nothing():
    assert near_pairs([]) == []
    assert near_pairs([0, 0, 1]) == [[], [], []]
    assert near_pairs([1, 0, 1]) == [[2], [], [0]]


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_overlap_is_a_share(a, b):
    assert 0 <= overlap(a, b) == overlap(b, a) <= 1
    assert overlap(a, a) == 1
    assert (overlap(a, b) == 1) == (a == b)
    assert (overlap(a, b) == 0) == (a & b == 0 and a | b != 0)


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_clusters_are_what_is_connected(drawn):
    count, pairs = drawn
    near = [[] for _ in range(count)]
    label = list(range(count))
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
        joined = {label[a], label[b]}
        label = [min(joined) if own in joined else own for own in label]
    assert clusters(near) == label


def test_clusters_of_a_long_chain():
    chain = [[n for n in (i - 1, i + 1) if 0 <= n < 5_000] for i in range(5_000)]
    assert set(clusters(chain)) == {0}
    assert clusters([]) == []


# From policies to sets


INDEX = ActionIndex()  # it only ever learns names


def size(document, effects=("Allow", "Deny")):
    return INDEX.actions(document, effects).bit_count()


def test_actions_are_expanded():
    assert size(policy(allow("s3:GetObject"))) == 1
    assert size(policy(allow("s3:*"))) == len(CATALOGUE.services["s3"].actions)
    assert size(policy(allow("*"))) == len(CATALOGUE.names)
    assert size(policy(allow("s3:Get*", "S3:GETOBJECT", "s3:GetObject"))) == len(CATALOGUE.expand("s3:Get*"))
    assert size(policy(allow("s3:GetObject"), allow("s3:GetObject", "sqs:SendMessage"))) == 2
    assert size(policy()) == 0


def test_the_same_spelt_otherwise_is_the_same_set():
    assert INDEX.actions(policy(allow("s3:getobject"))) == INDEX.actions(policy(allow("S3:Get?bject", "s3:GetObject")))
    assert INDEX.actions(policy(allow("nope:A"))) == INDEX.actions(policy(allow("NOPE:a")))


def test_unknown_actions_count_as_themselves():
    one, other = INDEX.actions(policy(allow("nope:A", "s3:GetObject"))), INDEX.actions(policy(allow("nope:B")))
    assert one.bit_count() == 2 and other.bit_count() == 1 and one & other == 0
    assert INDEX.actions(policy(allow("nope:*"))) not in (one, other)
    assert INDEX.actions(policy(allow("*"))) & other == 0  # "*" is what exists


def test_not_action_is_everything_else():
    everything = INDEX.actions(policy(allow("*")))
    sqs = INDEX.actions(policy(allow("sqs:*")))
    assert INDEX.actions(policy({"NotAction": "sqs:*"})) == everything & ~sqs
    assert INDEX.actions(policy({"NotAction": ["sqs:*", "nope:A"]})) == everything & ~sqs
    assert INDEX.actions(policy({"NotAction": "sqs:*"}, allow("sqs:*"))) == everything
    assert INDEX.actions(policy({"NotAction": "*"})) == 0


def test_only_the_effects_that_are_asked_for_count():
    document = policy(
        allow("s3:GetObject"), allow("sqs:SendMessage", Effect="Deny"), allow("ec2:RunInstances", Effect="x")
    )
    assert INDEX.actions(document) == INDEX.actions(policy(allow("s3:GetObject", "sqs:SendMessage")))
    assert INDEX.actions(document, ("Allow",)) == INDEX.actions(policy(allow("s3:GetObject")))
    assert INDEX.actions(document, ("Deny",)) == INDEX.actions(policy(allow("sqs:SendMessage")))


names = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:Get*", "sqs:*", "nope:A", "*"])


@given(st.lists(names, min_size=1), st.lists(names, min_size=1))
def test_an_index_agrees_with_sets_of_names(a, b):
    def expanded(patterns):
        return {n for p in patterns for n in CATALOGUE.expand(p) or [p]}

    left, right = expanded(a), expanded(b)
    found = overlap(INDEX.actions(policy(allow(*a))), INDEX.actions(policy(allow(*b))))
    assert found == len(left & right) / len(left | right)


# The nearest


def test_nearest_is_the_largest_overlap_with_any():
    ours = [text("s3:GetObject", "s3:PutObject"), text("sqs:SendMessage"), text("nope:A")]
    others = [text("s3:GetObject"), text("s3:GetObject", "s3:PutObject", "s3:ListBucket"), text("nope:B")]
    assert nearest(ours, others) == [2 / 3, 0.0, 0.0]
    assert nearest(ours, ours) == [1.0, 1.0, 1.0]
    assert nearest(ours, []) == [0.0, 0.0, 0.0]
    assert nearest([], others) == []


def test_nearest_sees_a_policy_that_only_got_a_denial():
    """Naming three actions each they share one; what they allow is the same."""
    allowed = allow("s3:GetObject")
    one = policy(allowed, allow("sqs:SendMessage", "sqs:ReceiveMessage", Effect="Deny")).to_json()
    other = policy(allowed, allow("ec2:RunInstances", "ec2:StopInstances", Effect="Deny")).to_json()
    assert nearest([one], [other]) == [1.0]
    denies = text("s3:GetObject", Effect="Deny")
    assert nearest([denies], [text("s3:GetObject")]) == [1.0]  # they name the same
    assert nearest([denies], [text("sqs:SendMessage", Effect="Deny")]) == [0.0]  # two that allow nothing are not alike
