"""What retrieval expects beside the model: likely actions are drawn in, unlikely and repeated ones pushed out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.model.prior import AGAIN, Prior
from lib.retrieval.retrieve import Group

GROUPS = (
    Group(("s3:GetObject", "s3:GetObjectAcl", "s3:PutObject"), ("arn:aws:s3:::b/*",)),
    Group(("sqs:SendMessage",), ("*",)),
)
ODDS = {"s3:GetObject": 0.9, "s3:GetObjectAcl": 0.1, "s3:PutObject": 0.8, "sqs:SendMessage": 0.85}
HEAD = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":'
S3 = ',"Resource":"arn:aws:s3:::b/*"}'
SQS = '{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}'


def best(text: str, *tokens: str) -> str:
    biases = Prior(GROUPS, ODDS).biases(text, tokens)
    return max(zip(biases, tokens, strict=True))[1]


@pytest.mark.parametrize(
    ("text", "tokens", "wanted"),
    [
        (HEAD + '["s3:', ("GetObject", "GetObjectAcl", "Put"), "GetObject"),
        (HEAD + '["s3:GetObject', ('","', "Acl"), '","'),
        (HEAD + '["s3:GetObject","s3:', ("GetObjectAcl", "PutObject"), "PutObject"),
        (HEAD + '["s3:GetObject"', (",", "]"), ","),
        (HEAD + '["s3:GetObject","s3:PutObject"]' + S3, (",{", "]}"), ",{"),  # the queue is still to come
        (HEAD + '["s3:GetObject","s3:PutObject"]' + S3 + "," + SQS, (",{", "]}"), "]}"),
        (
            HEAD + '["s3:GetObject","s3:PutObject"]' + S3 + ',{"Effect":"Allow","Action":"',
            ("s3:GetObject", "sqs"),
            "sqs",
        ),
        (HEAD, ('["', '"'), '["'),  # two of the first group are likely
    ],
)
def test_what_is_likely_and_still_missing_is_drawn_in(text, tokens, wanted):
    assert best(text, *tokens) == wanted


def test_an_action_named_twice_under_one_effect_is_pushed_out_but_may_be_denied():
    prior = Prior(GROUPS, ODDS)
    once = HEAD + '["s3:GetObject","s3:PutObject"]' + S3 + ',{"Effect":"'
    allowed, denied = (prior.value(f'{once}{effect}","Action":"s3:GetObject"') for effect in ("Allow", "Deny"))
    assert allowed < denied + AGAIN / 2  # though it is hardly likely to be denied


def test_the_biases_of_what_decides_nothing_are_none():
    prior = Prior(GROUPS, ODDS)
    within = HEAD + '"s3:GetObject"' + S3[:-1] + ',"Condition":{"StringEquals":{"aws:'
    assert prior.biases(within, ["username", "userid"]) == []
    assert Prior(GROUPS, ODDS, weight=0.0).biases(HEAD + '["s3:', ["GetObject", "Put"]) == [0.0, 0.0]


def test_the_value_of_a_whole_policy_is_the_log_probability_of_its_choice():
    whole = HEAD + '["s3:GetObject","s3:PutObject"]' + S3 + "," + SQS + "]}"
    value = Prior(GROUPS, ODDS, denials=dict.fromkeys(ODDS, 0.2)).value(whole)
    assert value == pytest.approx(math.log(0.9 * 0.9 * 0.8 * 0.85 * 0.8**4))


def test_what_the_request_forbids_is_drawn_to_deny():
    prior = Prior(GROUPS, dict.fromkeys(ODDS, 0.05), denials=ODDS)
    allow, deny = prior.biases('{"Version":"2012-10-17","Statement":[{"Effect":"', ["Allow", "Deny"])
    assert deny > allow + 2


@given(st.text(alphabet='{}[],:"AsActionEffectResource3:GetObjPut*', max_size=80), st.integers(0, 200))
def test_any_text_has_a_value(text, cut):
    whole = HEAD + '["s3:GetObject","s3:PutObject"]' + S3 + "," + SQS + "]}"
    prior = Prior(GROUPS, ODDS)
    assert prior.value(whole[:cut] + text) <= 0
