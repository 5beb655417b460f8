"""Composed requests: the policies are sound, the words say what the policies say, and there is variety."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.checks import validate
from iampolicy.document import Policy
from iampolicy.patterns import overlaps
from lib.data.composed import KINDS, TABLES, write
from lib.data.dataset import COMPLEXITIES, complexity

CATALOGUE = catalogue.load()
ORDER = ["Effect", "Principal", "Action", "Resource", "Condition"]


@pytest.fixture(scope="module")
def examples():
    return write(1_500, seed=7)


def statements(example):
    return example.policy["Statement"]


def conditions(example):
    """Every (statement, key, value) of the policy."""
    blocks = [(s, block) for s in statements(example) for block in s.get("Condition", {}).values()]
    return [(s, key, value) for s, block in blocks for key, value in block.items()]


def test_same_seed_same_examples():
    assert write(60, seed=3) == write(60, seed=3) != write(60, seed=4)
    assert write(80, seed=5)[:30] == write(30, seed=5)


def test_none_and_fewer_than_none():
    assert write(0, seed=1) == []
    with pytest.raises(ValueError, match="count"):
        write(-1, seed=1)


def sound(example):
    kind = "resource" if example.kind == "bucket policy" else "identity"
    assert [f for f in validate(example.policy, kind) if f.severity == "ERROR"] == [], example.instruction
    for statement in statements(example):
        assert list(statement) == [name for name in ORDER if name in statement]
        assert len(statement["Action"]) == len(set(statement["Action"])), example.instruction
        for pattern in statement["Action"]:
            assert CATALOGUE.expand(pattern), (pattern, example.instruction)


def test_policies_are_sound(examples):
    for example in examples:
        sound(example)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**63), count=st.integers(min_value=0, max_value=8))
def test_any_seed_gives_sound_examples(seed, count):
    made = write(count, seed)
    assert len({e.instruction for e in made}) == count
    for example in made:
        sound(example)
        assert unsaid(example) == []


ROWS = [
    (arn, say, actions) for row in TABLES["resources"] for arn, by in row["uses"].items() for say, actions in by.items()
]


@pytest.mark.parametrize(("arn", "say", "actions"), ROWS, ids=[say for _, say, _ in ROWS])
def test_a_use_has_actions_that_can_be_limited_to_its_resource(arn, say, actions):
    assert re.search(r"\bit\b", say)
    for name in actions.split():
        formats = CATALOGUE.formats(CATALOGUE.action(name))
        assert any(overlaps(re.sub(r"\{\w+\}", "*", arn), known) for known in formats), name


# What stands in an ARN besides the names: the words of the ARN formats themselves.
FIXED = {w for s in CATALOGUE.services.values() for t in s.resource_types.values() for w in re.split(r"[:/]", t.arn)}
FIXED |= {"aws", "root", "arn"}


def unsaid(example):
    """Names, ids, networks, Regions and accounts of the policy that the instruction does not contain."""
    said = []
    for statement in statements(example):
        principal = statement.get("Principal", {})
        said += statement["Resource"] + ([principal["AWS"]] if "AWS" in principal else [])
    values = [v for _, _, v in conditions(example) if v not in ("true", "false")]
    said += [v.removesuffix("T00:00:00Z") for v in values]
    pieces = [
        p for text in said for p in ([text] if "." in text else re.split(r"[:/*?]+", text.removesuffix("-??????")))
    ]
    return [p for p in pieces if p and p not in FIXED and p not in example.instruction]


def test_what_the_policy_names_the_instruction_says(examples):
    assert {e.instruction: unsaid(e) for e in examples if unsaid(e)} == {}


def test_the_check_above_sees_a_name_that_is_not_said(examples):
    example = next(e for e in examples if e.kind == "named resource")
    statements(example)[0]["Resource"].append("arn:aws:s3:::never-mentioned/*")
    assert unsaid(example) == ["never-mentioned"]
    statements(example)[0]["Resource"].pop()


def spoken(example):
    """The actions whose operation, or its first verb as one says it, is missing in the words."""
    said = example.instruction.lower()
    named = [a for s in statements(example) for a in s["Action"] if "*" not in a and s["Resource"] == ["*"]]
    return [a for a in named if (name := a.partition(":")[2].lower()) not in said and not said_plainly(name, said)]


def said_plainly(operation, said):
    return any(re.search(rf"\b{verb}\b", said) for verb in TABLES["spoken"].split() if operation.startswith(verb))


def test_every_operation_is_said(examples):
    assert [(e.instruction, spoken(e)) for e in examples if spoken(e)] == []


SAID = {  # what a condition must be called
    "aws:MultiFactorAuthPresent": r"MFA",
    "aws:SecureTransport": r"TLS|HTTP",
    "aws:SourceIp": r"from|network",
    "aws:SourceVpce": r"through",
    "aws:CurrentTime": r"before|from",
    "aws:RequestedRegion": r"\bin\b|outside",
    "aws:PrincipalOrgID": r"organization",
    "aws:SourceArn": r"CloudFront",
    "aws:ResourceTag": r"tag",
    "aws:PrincipalTag": r"caller",
}
REFUSING = re.compile(r"deny|denied|denies|forbid|not\b|never|except|guardrail", re.IGNORECASE)


def test_conditions_and_denials_are_said(examples):
    seen = Counter()
    for example in examples:
        for _, key, _ in conditions(example):
            assert re.search(SAID[key.split("/")[0]], example.instruction), example
            seen[key.split("/")[0]] += 1
        if any(s["Effect"] == "Deny" for s in statements(example)):
            assert REFUSING.search(example.instruction), example
    assert set(seen) == set(SAID)


def test_conditions_stand_where_they_mean_something(examples):
    for example in examples:
        for statement, key, _ in conditions(example):
            services = {a.partition(":")[0] for a in statement["Action"]}
            if key.startswith("aws:ResourceTag/"):
                known = [CATALOGUE.action(a).condition_keys for a in statement["Action"]]
                assert all("aws:ResourceTag/${TagKey}" in keys for keys in known), example.instruction
            if key == "aws:RequestedRegion":
                assert {r.split(":")[3] for r in statement["Resource"] if r != "*"} <= {"*", ""}, example.instruction
                assert not services & {"iam", "cloudfront", "route53"}
            if key == "aws:MultiFactorAuthPresent":
                assert not re.search(
                    r"\b(CI pipeline|sync job|web servers|backend|worker nodes)\b", example.instruction
                )


def test_only_bucket_policies_have_a_principal(examples):
    for example in examples:
        assert {"Principal" in s for s in statements(example)} == {example.kind == "bucket policy"}
        assert example.kind != "bucket policy" or re.search("bucket", example.instruction)


def test_instructions_are_clean_english(examples):
    for example in examples:
        text = example.instruction
        assert not re.search(r"[{}~]|  |\.\.|,,| [,.;:?!]", text), text
        assert not re.search(r"\b(the|a|an|to|of|for|in|and|with|from|or) \1\b", text, re.IGNORECASE), text
        assert not re.search(r"\ba (?=[aeio][a-z])(?!one|eu|once)", text), text
        assert not re.search(r"\ban (?=[bcdfgjklmnpqrtvwxz][a-z])", text), text
        assert not re.search(r"\b(and|or|the|of|to|for|with|(?<!sign )in)[.?!]?$", text), text
        assert 4 <= len(text.split()) <= 90 and text == text.strip()


def test_variety(examples):
    assert {e.kind for e in examples} == set(KINDS)
    assert {e.style for e in examples} == set(TABLES["openers"]["allow"])
    assert len({e.shape for e in examples}) >= 250
    reaches = {CATALOGUE.expand_all([a for s in statements(e) for a in s["Action"]]) for e in examples}
    assert len(reaches) >= 0.9 * len(examples)
    services = Counter(a.partition(":")[0] for e in examples for s in statements(e) for a in s["Action"])
    assert len(services) >= 250 and services["s3"] > services["appmesh"]
    assert services.most_common(1)[0][1] < 0.2 * sum(services.values())


def test_no_statement_reaches_over_most_of_the_catalogue(examples):
    for example in examples:
        for statement in statements(example):
            assert len(CATALOGUE.expand_all(statement["Action"])) < 0.2 * len(CATALOGUE.names), example.instruction


def test_all_complexities_have_their_share(examples):
    shares = Counter(complexity(Policy(e.policy)) for e in examples)
    assert all(shares[name] >= 0.2 * len(examples) for name in COMPLEXITIES), shares
