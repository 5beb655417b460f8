"""The data set: what is kept and why, which split it lands in, and that nothing leaks from test to training."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.document import Policy, canonical, parse
from iampolicy.grammar import structure_faults
from lib.data import dataset, overlap
from lib.data.composed import WrittenExample
from lib.data.dataset import (
    COMPLEXITIES,
    MOST_STATEMENTS,
    SOURCES,
    SPLITS,
    build,
    complexity,
    from_managed,
    from_written,
    normalised_digest,
    spread,
)
from lib.data.managed import ManagedPolicy, report_names
from lib.files import CourseError

CATALOGUE = catalogue.load()
NAMES = sorted(CATALOGUE.names)
REPORT = report_names()[0]
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def statement(*actions, **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"} | more


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def managed(name, document):
    return ManagedPolicy(name, f"arn:aws:iam::aws:policy/{name}", "v1", document)


def written(instruction, document):
    return WrittenExample(instruction, document, "kind", "style", "shape")


def allowing(start, stop):
    """A policy of the actions at these places of the catalogue."""
    return policy(statement(*NAMES[start:stop]))


def members(data):
    return [(name, e) for name in SPLITS for e in data.split(name)]


def ids(data):
    return sorted(e.id for _, e in members(data))


def dropped(data):
    return {step.name: step.dropped for step in data.steps}


# Complexity, as the report defines it

S3, SQS, EC2, KMS = "s3:GetObject", "sqs:SendMessage", "ec2:RunInstances", "kms:Decrypt"


@pytest.mark.parametrize(
    ("statements", "wanted"),
    [
        ([statement(S3)], "simple"),
        ([statement(S3, "s3:PutObject", "S3:Get*")], "simple"),
        ([statement("*")], "simple"),  # a bare star names no service
        ([statement(S3, Effect="Deny")], "simple"),
        ([statement(S3, SQS)], "medium"),
        ([statement(S3, SQS, EC2)], "medium"),
        ([statement(S3, SQS, EC2, KMS)], "complex"),
        ([statement(S3), statement(S3)], "medium"),
        ([statement(S3)] * 3, "medium"),
        ([statement(S3)] * 4, "complex"),
        ([statement(S3, SQS, EC2)] * 3, "medium"),
        ([statement(S3), statement(SQS), statement(EC2, KMS)], "complex"),
        ([statement(S3, Condition=MFA)], "complex"),
        ([statement(S3), statement(S3, Condition=MFA)], "complex"),
        ([statement(S3, Condition={})], "simple"),  # no condition in it
        ([{"Effect": "Allow", "NotAction": [S3, "S3:Put*"], "Resource": "*"}], "simple"),
        ([{"Effect": "Allow", "NotAction": [S3, SQS], "Resource": "*"}], "medium"),
        ([statement(S3), {"Effect": "Deny", "NotAction": [SQS, EC2, KMS], "Resource": "*"}], "complex"),
    ],
)
def test_complexity(statements, wanted):
    assert complexity(Policy(policy(*statements))) == wanted
    if len(statements) == 1:
        assert complexity(Policy(policy() | {"Statement": statements[0]})) == wanted


# Examples


def test_managed_policies_as_examples():
    ours, theirs = from_managed([managed("My_Policy-A", allowing(0, 2)), managed(REPORT, allowing(5, 7))])
    assert (ours.id, ours.source, ours.instruction) == (
        "managed/My_Policy-A",
        "managed",
        "Provide an IAM policy for My Policy A",
    )
    assert (theirs.id, theirs.source, theirs.complexity) == (f"managed/{REPORT}", "report", "simple")
    assert ours.policy == canonical(allowing(0, 2)).to_json()


def test_a_written_policy_keeps_the_order_in_which_actions_are_asked_for():
    asked = ["s3:PutObject", "s3:GetObject"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": asked, "Resource": "*"}]}
    (written,) = from_written([WrittenExample("Put and get.", document, "kind", "plain", "shape")])
    (managed_one,) = from_managed([managed("Some", document)])
    assert parse(written.policy).statements[0].actions == tuple(asked)
    assert parse(managed_one.policy).statements[0].actions == tuple(sorted(asked))


def test_written_examples_as_examples():
    first, again, other = from_written(
        [
            written(" Let  me\nread ", allowing(0, 1)),
            written("Let me read", allowing(3, 4)),
            written("x", allowing(0, 1)),
        ]
    )
    assert first.source == "written" and first.instruction == again.instruction == "Let me read"
    assert first.id.startswith("written/") and first.id != other.id
    assert json.loads(first.policy)["Statement"][0]["Action"] == NAMES[0]


def test_every_example_is_in_the_one_form(data):
    for _, example in members(data):
        assert example.source in SOURCES and example.complexity in COMPLEXITIES
        kept = example.source == "written"
        assert example.policy == canonical(example.policy, keep_order=kept).to_json(), example.id
        assert "\n" not in example.policy and '"Sid"' not in example.policy
        assert structure_faults(example.policy) == [], example.id
        assert example.complexity == complexity(parse(example.policy))
        assert example.instruction == " ".join(example.instruction.split()) != ""


# The steps


def test_every_step_is_counted(data, managed_policies, written_examples):
    steps = data.steps
    assert (steps[0].examples, steps[0].dropped) == (len(managed_policies) + len(written_examples), 0)
    for before, after in zip(steps, steps[1:], strict=False):
        assert after.examples == before.examples - after.dropped, after
        assert after.dropped >= 0 and after.why
    assert steps[-1].examples == len(members(data)) == len({e.id for _, e in members(data)})
    assert len({step.name for step in steps}) == len(steps)


def test_the_first_steps_drop_what_they_say(data, managed_policies, written_examples):
    documents = [*(p.document for p in managed_policies), *(w.policy for w in written_examples)]
    assert dropped(data)["valid"] == sum(bool(structure_faults(d)) for d in documents)
    long = [p for p in managed_policies if isinstance(p.document["Statement"], list)]
    long = [p for p in long if len(p.document["Statement"]) > MOST_STATEMENTS and p.name not in report_names()]
    assert dropped(data)["short enough"] == len(long) > 0


def test_curation_leaves_most(data, managed_policies, written_examples):
    kept = Counter(e.source for _, e in members(data))
    assert kept["managed"] + kept["report"] > 0.85 * len(managed_policies)
    assert kept["written"] > 0.8 * len(written_examples)


BAD = {
    "no Effect": policy({"Action": S3, "Resource": "*"}),
    "an Effect in small letters": policy(statement(S3, Effect="allow")),
    "no Action": policy({"Effect": "Allow", "Resource": "*"}),
    "no Resource": policy({"Effect": "Allow", "Action": S3}),
    "empty Action": policy(statement()),
    "Action of numbers": policy(statement(7)),
    "no Statement": policy(),
    "Statement of text": policy("Allow"),
    "no Version": {"Statement": [statement(S3)]},
    "unknown Version": policy(statement(S3)) | {"Version": "2020-01-01"},
    "Condition of text": policy(statement(S3, Condition="MFA")),
    "empty": {},
}


@pytest.mark.parametrize("fault", BAD)
def test_a_policy_that_is_none_is_dropped(fault):
    good = managed("Good", allowing(0, 5))
    for bad in ([managed("Bad", BAD[fault]), good], [good, managed("Bad", BAD[fault])]):
        data = build(bad, [written("Bad too", BAD[fault])])
        assert ids(data) == ["managed/Good"]
        assert dropped(data)["valid"] == 2


def test_what_is_too_long_is_dropped_unless_the_report_tested_on_it():
    def long(count, first):
        return policy(*(statement(NAMES[first + i]) for i in range(count)))

    kept = [managed("Fits", long(MOST_STATEMENTS, 0)), managed(REPORT, long(MOST_STATEMENTS + 1, 100))]
    data = build([*kept, managed("Long", long(MOST_STATEMENTS + 1, 200))], [])
    assert ids(data) == sorted(f"managed/{p.name}" for p in kept)
    assert dropped(data)["short enough"] == 1


def test_nothing_left_is_an_error():
    for nothing in ([], [managed("Bad", {})]):
        with pytest.raises(ValueError, match="no example is left"):
            build(nothing, [])


# Duplicates


def test_an_exact_duplicate_is_dropped_and_the_right_one_stays():
    """A policy of the report's test split before another managed one, and this before a written one."""
    sids = policy(statement(S3, SQS, Sid="A"))
    scalars = policy(statement(SQS, S3)) | {"Statement": statement(SQS, S3, S3)}
    ours, theirs, own = managed("Ours", sids), managed(REPORT, scalars), written("Mine", policy(statement(S3, SQS)))
    for order in ([ours, theirs], [theirs, ours]):
        data = build(order, [own])
        assert ids(data) == [f"managed/{REPORT}"]
        assert dropped(data)["distinct policies"] == 2
    assert ids(build([ours], [own])) == ["managed/Ours"]
    assert ids(build([ours, managed("Later", sids)], [])) == ["managed/Ours"]


def test_a_near_duplicate_is_dropped_and_the_right_one_stays():
    """Nine of ten actions shared; the resource may differ."""
    ours, theirs = managed("Ours", allowing(0, 10)), managed(REPORT, allowing(0, 9))
    own = written("Mine", policy(statement(*NAMES[1:10], Resource="arn:aws:s3:::a")))
    for order in ([ours, theirs], [theirs, ours]):
        assert ids(build(order, [])) == [f"managed/{REPORT}"]
    data = build([ours], [own])
    assert ids(data) == ["managed/Ours"]
    assert dropped(data)["no near duplicates"] == 1
    assert len(ids(build([managed("Eight", allowing(0, 8))], [own]))) == 2  # 7 of 10 shared


def test_a_denial_does_not_make_a_known_policy_new():
    plain = managed("Plain", allowing(0, 5))
    denying = written("Mine", policy(statement(*NAMES[:5]), statement(*NAMES[50:60], Effect="Deny")))
    assert ids(build([plain], [denying])) == ["managed/Plain"]


def test_an_instruction_is_asked_once():
    first, other = written("Let me in", allowing(0, 5)), written("let me  IN", allowing(50, 55))
    data = build([], [first, other])
    assert [e.policy for _, e in members(data)] == [canonical(first.policy).to_json()]
    assert dropped(data)["distinct instructions"] == 1


def test_policies_of_the_report_stay_even_if_alike_and_in_test():
    first, second, third = report_names()[:3]
    alike = [managed(first, allowing(0, 10)), managed(second, allowing(0, 10)), managed(third, allowing(0, 9))]
    data = build(alike, [])
    assert [e.id for e in data.test] == sorted(f"managed/{p.name}" for p in alike)
    assert len({e.group for e in data.test}) == 1


def test_a_dropped_example_makes_no_group():
    """B and C are near to what was dropped, and not near to each other."""
    examples = {"A": (0, 20), "dropped": (1, 21), "B": (2, 22), "C": (0, 23)}
    policies = [managed(name, allowing(*span)) for name, span in examples.items()]
    data = build(policies, [])
    kept = {e.id.removeprefix("managed/"): e.group for _, e in members(data)}
    assert "dropped" not in kept and {"A", "B"} <= set(kept)
    assert all(group == f"managed/{name}" for name, group in kept.items())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (policy(statement(S3)), policy(statement(S3, Sid="x")) | {"Id": "y"}, True),
        (policy(statement(S3)), policy() | {"Statement": statement(S3)}, True),
        (policy(statement(S3, SQS)), policy(statement(SQS, S3, SQS)), True),
        (policy(statement(S3), statement(SQS)), policy(statement(SQS), statement(S3)), True),
        (policy(statement(S3)), dict(reversed(policy(dict(reversed(statement(S3).items()))).items())), True),
        (policy(statement(S3)), policy(statement(S3, Effect="Deny")), False),
        (policy(statement(S3)), policy(statement(S3, Resource="arn:aws:s3:::a")), False),
        (policy(statement(S3)), policy(statement(S3, Condition=MFA)), False),
        (policy(statement(S3)), policy(statement(S3, Principal="*")), False),
        (policy(statement(S3)), policy(statement(SQS)), False),
        (policy(statement(S3)), policy(statement(S3, NotAction=S3)), False),
        (policy(statement(S3, SQS)), policy(statement(S3), statement(SQS)), False),
        (
            policy(statement(S3, Condition={"Bool": {"a": "true"}})),
            policy(statement(S3, Condition={"Bool": {"a": ["true"]}})),
            True,
        ),
    ],
)
def test_normalised_digest(one, other, same):
    assert (normalised_digest(json.dumps(one)) == normalised_digest(json.dumps(other))) == same


# The splits


def worded(name):
    """The report's wording, letter by letter, independent of the regular expression of the code."""
    out = ""
    for i, letter in enumerate(name):
        before, after = name[i - 1] if i else "", name[i + 1 : i + 2]
        if letter.isupper() and (before.islower() or (before.isupper() and after.islower())):
            out += " "
        out += " " if letter in "_-" else letter
    return " ".join(out.split())


def test_the_reports_test_policies_are_in_test_and_only_there(data, managed_policies):
    found = {e.id.removeprefix("managed/"): (name, e) for name, e in members(data) if e.source == "report"}
    assert sorted(found) == sorted(report_names()) and len(found) == 143
    documents = {p.name: p.document for p in managed_policies}
    for name, (split, example) in found.items():
        assert split == "test"
        assert example.instruction == f"Provide an IAM policy for {worded(name)}"
        assert parse(example.policy) == canonical(documents[name])
    assert not [e.id for _, e in members(data) if e.source == "managed" and e.id.split("/")[1] in report_names()]


def sets_of(examples, effects):
    """What each policy names, or allows, as bits: a count of its own, independent of the search under test."""
    numbers = {name: i for i, name in enumerate(NAMES)}
    found = []
    for example in examples:
        named = set()
        for s in parse(example.policy).statements:
            if s.effect in effects:
                named |= {n for p in s.actions or () for n in CATALOGUE.expand(p) or [p.lower()]}
                if s.not_actions is not None:
                    named |= CATALOGUE.names - CATALOGUE.expand_all(s.not_actions)
        found.append(sum(1 << numbers.setdefault(name, len(numbers)) for name in named))
    return found


def leaks(everything, effects):
    """The pairs that share nine tenths or more, and either cross splits or are not both of the report."""
    sets = zip(everything, sets_of([e for _, e in everything], effects), strict=True)
    sets = sorted((s for s in sets if s[1]), key=lambda s: s[1].bit_count())
    sizes = [bits.bit_count() for _, bits in sets]
    start = 0
    for i, ((name, example), bits) in enumerate(sets):
        while sizes[start] < overlap.NEAR * sizes[i] - 1:  # too small to share nine tenths
            start += 1
        for (other_name, other), other_bits in sets[start:i]:
            allowed = name == other_name and example.source == other.source == "report"
            if not allowed and (bits & other_bits).bit_count() >= overlap.NEAR * (bits | other_bits).bit_count():
                yield example.id, other.id


@pytest.mark.parametrize("effects", [("Allow", "Deny"), ("Allow",)])
def test_no_pair_is_near_least_of_all_across_splits(data, effects):
    assert list(leaks(members(data), effects)) == []


def test_the_check_above_sees_a_leak(data):
    """One training example put into test again, under another name and with another resource."""
    known = data.train[len(data.train) // 2]
    moved = replace(known, id="moved", policy=known.policy.replace('"Resource":"*"', '"Resource":"arn:aws:s3:::a"'))
    assert set(*leaks([*members(data), ("test", moved)], ("Allow", "Deny"))) == {"moved", known.id}


def test_nearest_finds_nothing_near(data):
    """What the notebook prints."""
    asked = [e.policy for e in (*data.validation, *data.test)][::4]
    found = overlap.nearest(asked, [e.policy for e in data.train])
    assert len(found) == len(asked)
    assert 0.5 < max(found) < overlap.NEAR


def test_groups_never_cross_splits(data):
    splits: dict[str, set[str]] = {}
    for name, example in members(data):
        splits.setdefault(example.group, set()).add(name)
    assert all(len(names) == 1 for names in splits.values())
    assert set(splits) <= set(ids(data))  # a group has the id of one of its members


@pytest.mark.parametrize("sources", [("written",), ("managed", "report")])
def test_the_splits_are_80_10_10_in_every_stratum(data, sources):
    whole = Counter(name for name, e in members(data) if e.source in sources)
    assert all(abs(whole[name] / whole.total() - share) <= 0.02 for name, share in SPLITS.items()), whole
    for wanted in COMPLEXITIES:
        counts = Counter(name for name, e in members(data) if e.source in sources and e.complexity == wanted)
        total = counts.total()
        assert total > 50, (sources, wanted)
        # The report chose its test policies itself: a class may have more of them than a tenth.
        named = sum(e.source == "report" and e.complexity == wanted for e in data.test) if "report" in sources else 0
        excess = max(0, named / total - SPLITS["test"])
        for name, share in SPLITS.items():
            assert abs(counts[name] / total - share) <= 0.02 + excess, (sources, wanted, counts)


@pytest.fixture(scope="module")
def some(managed_policies, written_examples):
    """A part that is quick to build: the report's policies, some others, some written examples."""
    named = set(report_names())
    others = [p for p in managed_policies if p.name not in named][::5]
    return [p for p in managed_policies if p.name in named] + others, written_examples[:200]


@pytest.fixture(scope="module")
def built(some):
    return build(*some)


def test_the_same_input_gives_the_same_data_set(some, built):
    assert build(*some) == built


def test_the_managed_split_does_not_depend_on_the_written_examples(some, built):
    policies, examples = some

    def split(data):
        return {e.id: (name, e) for name, e in members(data) if e.source != "written"}

    assert split(build(policies, [])) == split(build(policies, examples[100:])) == split(built)


def test_the_order_of_the_written_examples_moves_few(some, built):
    """A digest shuffles, so that an example keeps its split when others come or go."""
    policies, examples = some
    before = {e.id: name for name, e in members(built)}
    after = {e.id: name for name, e in members(build(policies, examples[:190]))}
    kept = before.keys() & after.keys()
    assert sum(before[id] == after[id] for id in kept) > 0.95 * len(kept)


def test_rows_are_the_splits(built):
    rows = built.rows()
    assert [(r["split"], r["id"]) for r in rows] == [(name, e.id) for name, e in members(built)]
    own = {"id", "source", "instruction", "policy", "complexity", "group", "shape"}
    assert set(rows[0]) == {"split", *own, "outcome", "tags", "reply", "replied"}


# A part of a split


@given(st.lists(st.integers(), unique=True, max_size=60), st.integers(0, 80))
def test_spread_is_even(examples, count):
    part = spread(examples, count)
    if count == 0 or count >= len(examples):
        assert part == examples
        return
    places = [examples.index(e) for e in part]
    assert len(places) == count and places == sorted(set(places))
    gaps = [b - a for a, b in zip(places, [*places[1:], len(examples)], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def test_spread_keeps_the_shares_of_the_sources(data):
    part = spread(data.test, 60)
    for source in SOURCES:
        whole = sum(e.source == source for e in data.test) / len(data.test)
        assert abs(sum(e.source == source for e in part) / 60 - whole) < 0.05


class TestChoose:
    def asked(self, limit, named=10, others=30):
        test = [example(f"managed/{i}", "report") for i in range(named)]
        test += [example(f"written/{i}", "written") for i in range(others)]
        chosen = dataset.choose(test, limit)
        assert [e for e in test if e in chosen] == chosen
        return sum(e.source == "report" for e in chosen), sum(e.source == "written" for e in chosen)

    @pytest.mark.parametrize(
        ("limit", "shares"),
        [(1, (0, 1)), (2, (1, 1)), (4, (2, 2)), (20, (10, 10)), (36, (10, 26)), (40, (10, 30)), (-1, (10, 30))],
    )
    def test_a_limit_is_shared_evenly_while_there_are_any(self, limit, shares):
        assert self.asked(limit) == shares

    @pytest.mark.parametrize(
        ("limit", "shares"),
        [
            (3, [1, 1, 1]),
            (4, [1, 1, 2]),
            (30, [10, 10, 10]),
            (50, [10, 20, 20]),
            (66, [10, 20, 36]),
            (70, [10, 20, 40]),
        ],
    )
    def test_peoples_requests_get_a_share_like_the_others(self, limit, shares):
        sizes = {"report": 10, "field": 20, "written": 40}
        test = [example(f"{source}/{i}", source) for source, size in sizes.items() for i in range(size)]
        chosen = dataset.choose(test, limit)
        assert [sum(e.source == source for e in chosen) for source in sizes] == shares

    def test_what_one_kind_lacks_the_other_fills(self):
        assert self.asked(20, named=30, others=5) == (15, 5)

    @pytest.mark.parametrize("limit", [0, -2, -50])
    def test_an_impossible_limit_is_one_line(self, limit):
        with pytest.raises(CourseError, match=f"ARM_LIMIT is {limit}"):
            self.asked(limit)


def test_requests_of_people_are_added(data):
    field = {name: [example(f"field/{name}", "field")] for name in SPLITS}
    whole = dataset.with_field(data, field)
    assert all(whole.split(name) == (*data.split(name), *field[name]) for name in SPLITS)
    assert whole.steps[-1].examples == sum(len(data.split(name)) for name in SPLITS) + 3


def example(name, source):
    return dataset.Example(name, source, name, "{}", "simple", name)
