"""Grammars: everything that the catalogue documents can be written, nothing else, and no text breaks out."""

import json
import re

import pytest
from llguidance import LLParserLimits

from iampolicy import catalogue
from iampolicy.document import canonical, parse
from iampolicy.grammar import structure_faults
from lib.model.grammar import whole
from lib.model.matcher import Compiler, GrammarError, closings
from tests.tiny import tokenizer

COMPILER = Compiler(tokenizer())  # hypothesis and fixtures of a session do not mix


def policy(*statements: dict) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"), ensure_ascii=False
    )


def statement(**elements) -> dict:
    given = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme/*"} | elements
    order = ("Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition")
    return {name: given[name] for name in order if given.get(name) is not None}


def accepts(grammar: str, text: str, compiler: Compiler = COMPILER) -> bool:
    """Whether the text is one of the grammar's, to its end."""
    matcher = compiler.matcher(grammar)
    tokens = matcher.close(text.encode())
    return tokens is not None and matcher.text_of(tokens).decode() == text


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"Effect": "Deny"},
        {"Action": ["s3:GetObject", "ec2:Describe*", "iam:*"]},
        {"Action": None, "NotAction": "iam:*"},
        {"Resource": "*"},
        {"Resource": None, "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::a/*"]},
        {"Resource": "arn:aws:ec2:*:123456789012:instance/i-0abc*"},
        {"Resource": "arn:aws:s3:::home/${aws:username}/*"},
        {"Resource": "arn:aws:cloudformation:*:*:stack/acme-*"},
        {"Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"], "s3:prefix": "a/"}}},
        {"Condition": {"Null": {"aws:RequestTag/cost-centre": "true"}, "StringEquals": {"aws:userid": "é☃"}}},
        {
            "Condition": {
                "ForAllValues:StringLikeIfExists": {"aws:RequestTag/team": "a*"},
                "Bool": {"aws:SecureTransport": "false"},
            }
        },
    ],
)
def test_policies_of_the_course_are_whole(elements):
    text = policy(statement(**elements))
    assert accepts(whole(), text)
    assert accepts(whole(), policy(statement(), statement(**elements)))
    assert structure_faults(text) == [] and canonical(text, keep_order=True).to_json() == text


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": "*"},
        {"Action": "s3:GetObjects"},
        {"Action": "s3:getobject"},
        {"Action": "s3:GetOb*"},
        {"Action": "s3:GetX*"},
        {"Action": "nosuch:*"},
        {"Action": ["s3:GetObject"]},
        {"Action": []},
        {"Effect": "allow"},
        {"Resource": "arn:aws:nosuch:*:*:thing/*"},
        {"Resource": "arn:aws:ec2:*:*:instances/*"},
        {"Resource": ["*", "arn:aws:s3:::a"]},
        {"Condition": {}},
        {"Condition": {"StringEqual": {"aws:userid": "a"}}},
        {"Condition": {"NullIfExists": {"aws:userid": "true"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "yes"}}},
        {"Condition": {"StringEquals": {"aws:NoSuchKey": "a"}}},
        {"Condition": {"StringEquals": {"aws:RequestTag/": "a"}}},
        {"Condition": {"StringEquals": {"aws:userid": []}}},
        {"Principal": "*"},
        {"Sid": "A"},
    ],
)
def test_what_is_wrong_or_not_canonical_cannot_be_written(elements):
    assert not accepts(whole(), policy(statement(**elements)))


def test_every_documented_action_arn_and_key_can_be_written():
    known = catalogue.load()
    names = sorted(known.names)
    for start in range(0, len(names), 1000):
        assert accepts(whole(), policy(statement(Action=names[start : start + 1000])))
    formats = {kind.arn for kinds in known.by_arn_service.values() for kind in kinds if "${Vendor}" not in kind.arn}
    for name in ("acme-1", "*"):
        arns = [re.sub(r"\$\{\w+\}", name, f"arn:aws:{arn.split(':', 2)[2]}") for arn in sorted(formats)]
        arns = [re.sub(r"^(arn:aws:[^:]+:[^:]*):acme-1:", r"\1:123456789012:", arn) for arn in arns]
        for start in range(0, len(arns), 100):
            assert accepts(whole(), policy(statement(Resource=arns[start : start + 100])))
    keys = sorted({name for service in known.services.values() for name in service.condition_keys})
    keys = [re.sub(r"\$\{\w+\}|<\w+>|(?<=/)$", "team", key) for key in keys]
    assert accepts(whole(), policy(statement(Condition={"StringLike": dict.fromkeys(keys, "a")})))


def test_errors_are_one_short_line():
    with pytest.raises(GrammarError) as refused:
        COMPILER.matcher("start: nothing")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    matcher = COMPILER.matcher(whole())
    with pytest.raises(GrammarError, match="does not allow"):
        matcher.consume([5, 5, 5])


def test_a_matcher_of_its_own_for_every_row():
    one, two = COMPILER.matcher(whole()), COMPILER.matcher(whole())
    one.consume(one.forced())
    assert two.forced() and one.forced() != two.forced()
    one.back(1)
    assert not one.finished


def test_the_shortest_policy_denies():
    matcher = COMPILER.matcher(whole())
    written = parse(matcher.text_of(list(matcher.shortest)).decode())
    assert [s.effect for s in written.statements] == ["Deny"] and structure_faults(written) == []


@pytest.mark.parametrize(
    "action", ['"s3:GetObject"', '["s3:GetObject","s3:ListBucket"', '["s3:GetObject","s3:ListBucket"]']
)
def test_a_resource_that_is_missing_is_never_a_star(action):
    grammar = whole()
    start = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{action}'
    ends = [COMPILER.matcher(grammar).close((start + closer).encode()) for closer in closings(start)]
    texts = [COMPILER.matcher(grammar).text_of(end).decode() for end in ends if end]
    assert texts
    for text in texts:
        assert parse(text).statements[0].resources[0].startswith("arn:aws:")
        assert parse(text).statements[0].actions[0] == "s3:GetObject"


@pytest.mark.parametrize(
    "text", ["", "{", '{"Version":"2012-10-17","Statement":[{"Effect":"Allow"', '{"Effect":"Allow","Action":"']
)
def test_no_end_where_an_action_would_have_to_be_made_up(text):
    assert closings(text) == []


def test_an_automaton_that_met_a_limit_is_replaced():
    compiler = Compiler(tokenizer())
    compiler._limits = LLParserLimits(verbose_errors=False)  # llguidance's own ration
    text = policy(statement(Action=sorted(catalogue.load().names)[:12_000], Resource="*"))
    matcher = compiler.matcher(whole())
    with pytest.raises(GrammarError):
        matcher.consume(matcher._tokenizer.tokenize_bytes(text.encode()))
    assert accepts(whole(), policy(statement()), compiler)
    assert accepts(whole(), text)  # with the ration of the course


def test_a_slow_tokenizer_is_refused():
    with pytest.raises(GrammarError, match="fast tokenizer, not a int"):
        Compiler(3)
