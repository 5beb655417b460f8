"""Written examples: the policies are sound, the words say what the policies say, and the variety is there."""

import json
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue, grammar
from lib.data.written import KINDS, STYLES, write

CATALOGUE = catalogue.load()
ORDER = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
OPERATORS = re.compile(
    r"(ForA(ll|ny)Values?:|ForAnyValue:)?(String(Not)?(Equals|Like)|Bool|(Not)?IpAddress|Date(Greater|Less)Than"
    r"|Numeric(Greater|Less)Than(Equals)?|Arn(Equals|Like)|Null)(IfExists)?"
)


@pytest.fixture(scope="module")
def examples():
    return write(2_000, seed=7)


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(example):
    return example.policy["Statement"]


def patterns(example):
    return [p for s in statements(example) for e in ("Action", "NotAction") if e in s for p in listed(s[e])]


def texts(value):
    """Every string that stands in a policy as a value of an element, not as the name of one."""
    if isinstance(value, dict):
        return [t for v in value.values() for t in texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in texts(v)]
    return [value]


def test_same_seed_same_examples():
    assert write(60, seed=3) == write(60, seed=3)
    assert write(60, seed=3) != write(60, seed=4)


def test_a_longer_list_begins_with_the_shorter_one():
    assert write(80, seed=5)[:30] == write(30, seed=5)


def test_none_and_fewer_than_none():
    assert write(0, seed=1) == []
    with pytest.raises(ValueError, match="count"):
        write(-1, seed=1)


def test_policies_are_well_formed_and_in_canonical_order(examples):
    for example in examples:
        assert grammar.structure_faults(example.policy) == [], example.instruction
        assert list(example.policy) == ["Version", "Statement"]
        for statement in statements(example):
            assert list(statement) == [name for name in ORDER if name in statement]


def test_every_pattern_means_at_least_one_action(examples):
    for example in examples:
        for pattern in patterns(example):
            assert CATALOGUE.expand(pattern), (pattern, example.instruction)
            if "*" not in pattern:
                assert pattern in CATALOGUE.names, pattern


def test_no_action_twice_in_a_statement_and_no_statement_twice(examples):
    for example in examples:
        for statement in statements(example):
            named = listed(statement.get("Action", statement.get("NotAction")))
            assert len(named) == len(set(named)), example.instruction
        shown = [json.dumps(s) for s in statements(example)]
        assert len(shown) == len(set(shown)), example.instruction


def test_a_scoped_statement_names_only_actions_that_take_a_resource(examples):
    for example in examples:
        for statement in statements(example):
            if "NotAction" in statement or listed(statement["Resource"]) == ["*"]:
                continue
            for pattern in listed(statement["Action"]):
                if "*" not in pattern:
                    assert CATALOGUE.action(pattern).resource_types, (pattern, example.instruction)


def test_objects_and_buckets_get_their_own_arns(examples):
    seen = Counter()
    for example in examples:
        for statement in statements(example):
            if statement.get("Action") in ("s3:GetObject", "s3:ListBucket"):
                for resource in listed(statement["Resource"]):
                    if resource != "*":
                        assert ("/" in resource) == (statement["Action"] == "s3:GetObject"), example
                        seen[statement["Action"]] += 1
    assert len(seen) == 2


def test_condition_operators_and_keys_exist(examples):
    for example in examples:
        for statement in statements(example):
            services = {p.split(":")[0] for p in listed(statement.get("Action", statement.get("NotAction")))}
            known = {k.lower().split("/")[0] for s in services for k in CATALOGUE.services[s].condition_keys}
            for operator, block in statement.get("Condition", {}).items():
                assert OPERATORS.fullmatch(operator), operator
                for key in block:
                    assert key.startswith("aws:") or key.lower().split("/")[0] in known, (key, example.instruction)


def test_tag_conditions_stand_on_actions_that_know_them(examples):
    seen = 0
    for example in examples:
        for statement in statements(example):
            for key in (k for block in statement.get("Condition", {}).values() for k in block):
                if key.startswith(("aws:ResourceTag/", "aws:RequestTag/")):
                    wanted = key.split("/")[0] + "/${TagKey}"
                    seen += 1
                    for name in listed(statement["Action"]):
                        assert wanted in CATALOGUE.action(name).condition_keys, (name, example.instruction)
    assert seen


def conditions(example):
    """Every (statement, operator, key, value) of the policy."""
    return [
        (s, operator, key, value)
        for s in statements(example)
        for operator, block in s.get("Condition", {}).items()
        for key, value in block.items()
    ]


def test_a_region_condition_agrees_with_the_resources_and_the_service(examples):
    seen = 0
    for example in examples:
        for statement, _, _, _ in [c for c in conditions(example) if c[2] == "aws:RequestedRegion"]:
            seen += 1
            regions = {r.split(":")[3] for r in listed(statement["Resource"]) if r != "*"}
            assert regions <= {"*", ""}, example.instruction
            assert not {p.split(":")[0] for p in listed(statement["Action"])} & {"iam", "cloudfront", "route53"}
    assert seen


def test_a_resource_is_not_judged_by_tags_before_it_exists(examples):
    for example in examples:
        for statement, _, key, _ in conditions(example):
            if key.startswith("aws:ResourceTag/"):
                assert not any(":Create" in name for name in listed(statement["Action"])), example.instruction


def test_mfa_is_not_asked_of_programs(examples):
    for example in examples:
        if any(key.startswith("aws:MultiFactorAuth") for _, _, key, _ in conditions(example)):
            assert not re.search(r"\b(CI pipeline|sync job|web servers|backend|worker nodes)\b", example.instruction)


def test_nothing_is_created_under_an_id_that_only_creation_gives(examples):
    for example in examples:
        assert not re.search(r"\b(create|set up) the [\w ]+ with ID\b", example.instruction), example.instruction


# What stands in an ARN besides the names: the words of the ARN formats themselves.
FIXED = {w for s in CATALOGUE.services.values() for t in s.resource_types.values() for w in re.split(r"[:/]", t.arn)}
FIXED |= {"aws", "root", "user", "role", "arn"}


def unsaid(example):
    """Names, ids, ranges, regions and accounts of the policy that the instruction does not contain."""
    said = example.instruction
    missing = []
    for statement in statements(example):
        for resource in [r for r in listed(statement["Resource"]) if r != "*"] + [
            t for t in texts(statement.get("Principal", [])) if t.startswith("arn:")
        ]:
            for piece in re.split(r"[:/*?]+", resource.removesuffix("-??????")):
                if piece and piece not in FIXED and piece not in said:
                    missing.append(piece)
        for operator, block in statement.get("Condition", {}).items():
            for value in texts(block):
                if operator.startswith(("Date", "Null")) or value in ("true", "false"):
                    continue
                parts = [value] if not value.endswith("/*") else [value[:-2]]
                if value.startswith("arn:"):
                    parts = [p for p in re.split(r"[:/]", value) if p and p not in FIXED]
                missing += [p for p in parts if p not in said and not _otherwise_said(p, said)]
    return missing


def _otherwise_said(value, said):
    if value.endswith(".amazonaws.com"):  # "Lambda" for lambda.amazonaws.com, "s3 in eu-west-1" for s3.eu-west-1...
        return True
    return value.isdigit() and re.search(r"(minutes|hour|hours)\b", said)  # seconds since the MFA sign-in


def test_what_the_policy_names_the_instruction_says(examples):
    faults = {e.instruction: unsaid(e) for e in examples if unsaid(e)}
    assert not faults, dict(list(faults.items())[:5])


def test_the_check_above_sees_a_name_that_is_not_said(examples):
    example = next(e for e in examples if e.kind == "named resource, one action")
    assert unsaid(example) == []
    statement = dict(statements(example)[0], Resource="arn:aws:s3:::never-mentioned/*")
    planted = type(example)(example.instruction, {"Version": "2012-10-17", "Statement": [statement]}, "", "", "")
    assert unsaid(planted) == ["never-mentioned"]


REFUSING = re.compile(
    r"den(y|ie)|forb|block|prevent|stop|not\b|n't|nobody|never|except|apart|no |keep|off limits|refuse|prohibit|"
    r"must (use|be)|everything but|leaving out",
    re.IGNORECASE,
)
SPOKEN = {  # what a condition whose value is no name must be called
    "aws:MultiFactorAuthPresent": r"MFA|multi-factor",
    "aws:MultiFactorAuthAge": r"MFA.*within",
    "aws:SecureTransport": r"TLS|HTTP|secure transport",
    "aws:SourceIp": r"from|source|IP|restrict|accept",
    "aws:SourceVpce": r"through|via|endpoint",
    "aws:SourceVpc": r"VPC|inside|within",
    "aws:CurrentTime": r"until|before|after|between|ends|expires|up to",
    "aws:PrincipalOrgID": r"org",
    "aws:CalledVia": r"through|via|on the caller's behalf",
    "aws:ResourceTag": r"tag",
    "aws:RequestTag": r"tag",
    "aws:PrincipalTag": r"tag",
    "aws:TagKeys": r"tag keys?",
    "kms:ViaService": r"through|via|by way of",
    "iam:PassedToService": r"pass|hand|give",
    "s3:TlsVersion": r"TLS",
}


def test_denials_are_said(examples):
    for example in examples:
        if any(s["Effect"] == "Deny" or "NotAction" in s for s in statements(example)):
            assert REFUSING.search(example.instruction), example


def test_every_condition_is_said(examples):
    seen = set()
    for example in examples:
        for operator, block in [c for s in statements(example) for c in s.get("Condition", {}).items()]:
            for key, value in block.items():
                words = SPOKEN.get(key.split("/")[0])
                assert not words or re.search(words, example.instruction, re.IGNORECASE), (key, example)
                if operator.startswith("Date"):
                    assert value[:4] in example.instruction
                    assert str(int(value[8:10])) in example.instruction
                if operator == "Bool" and not key.startswith("aws:"):
                    assert key in example.instruction
                seen.add(key.split("/")[0])
    assert seen >= SPOKEN.keys() - {"aws:MultiFactorAuthAge", "s3:TlsVersion"}


def test_only_bucket_policies_have_a_principal(examples):
    seen = set()
    for example in examples:
        attached = example.kind.startswith("bucket policy")
        seen.add(attached)
        assert all(("Principal" in s) == attached for s in statements(example)), example.instruction
        if attached:
            assert re.search(r"bucket|policy on|policy to", example.instruction, re.IGNORECASE)
    assert seen == {True, False}


def test_instructions_are_clean_english(examples):
    for example in examples:
        text = example.instruction
        assert not re.search(r"[{}~]|  |\.\.|,,| [,.;:?!]", text), text
        assert not re.search(r"\b(the|a|an|to|of|for|in|and|with|from) \1\b", text, re.IGNORECASE), text
        assert not re.search(r"\ba (?=[aeio][a-z])(?!one|eu|once)", text), text
        assert not re.search(r"\ban (?=[bcdfgjklmnpqrtvwxz][a-z])", text), text
        assert not re.search(r"\b(and|or|the|of|to|for|with|(?<!sign )in)[.?!]?$", text), text
        assert not re.search(r"\b(shut down|tear down|look up|power on|switch (on|off)|fail over) (it|them)\b", text), (
            text
        )
        assert not re.search(r"\b(to|of|for|from|with) (on|for|of|from) (it|them)\b", text), text
        assert 4 <= len(text.split()) <= 90
        assert text == text.strip()


def test_every_kind_and_style_occurs(examples):
    assert {e.kind for e in examples} == {kind.name for kind in KINDS}
    assert {e.style for e in examples} == set(STYLES)


def test_variety(examples):
    assert len({e.shape for e in examples}) >= 600
    assert len({e.instruction for e in examples}) == len(examples)
    reaches = {CATALOGUE.expand_all(patterns(e)) for e in examples}
    assert len(reaches) >= 0.6 * len(examples)
    services = Counter(p.split(":")[0] for e in examples for p in patterns(e))
    assert len(services) >= 350
    assert services.most_common(1)[0][1] < 0.2 * sum(services.values())


def test_no_policy_reaches_over_most_of_the_catalogue(examples):
    for example in examples:
        assert len(CATALOGUE.expand_all(patterns(example))) < 0.2 * len(CATALOGUE.names), example.instruction


def complexity(example):
    services = {p.split(":")[0] for p in patterns(example)}
    count = len(statements(example))
    if count >= 4 or len(services) >= 4 or any("Condition" in s for s in statements(example)):
        return "complex"
    return "simple" if count == 1 and len(services) == 1 else "medium"


def test_all_complexities_have_their_share(examples):
    shares = Counter(complexity(e) for e in examples)
    assert all(shares[name] >= 0.2 * len(examples) for name in ("simple", "medium", "complex")), shares


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**63), count=st.integers(min_value=0, max_value=8))
def test_any_seed_gives_sound_examples(seed, count):
    made = write(count, seed)
    assert len(made) == count
    for example in made:
        assert grammar.structure_faults(example.policy) == []
        assert all(CATALOGUE.expand(p) for p in patterns(example))
        assert unsaid(example) == []
