"""A draft as it is shown: the verdict, the findings and the model's own text."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import parse
from lib.demo.result import MOST_FINDINGS, cost, draft_html, findings, gist, judge, reviewed, shortened, show
from lib.model.draft import Generated

VERDICTS = {
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}': "valid",
    '{"Version":"2012-10-17","Statement":[]}': "not_policy",
    '{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}': "not_policy",
    "{}": "not_policy",
    "[1, 2]": "not_policy",
    "7": "not_policy",
    "": "not_json",
    "sorry": "not_json",
    '{"Version":"2012-10-17","Statement":[{"Effect":"All': "not_json",
    '{"a": NaN}': "not_json",
    "{} {}": "not_json",
    "[" * 5_000: "not_json",
}


@pytest.mark.parametrize(("text", "verdict"), VERDICTS.items())
def test_verdict(draft, text, verdict):
    made = draft(text)
    assert judge(made).name == verdict
    assert judge(made).words in draft_html(made)


def test_the_form_of_a_draft_is_not_what_a_reviewer_judges(draft):
    statement = '{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}'
    wanted = f'{{"Version":"2012-10-17","Statement":[{statement}]}}'
    wide = draft(wanted.replace("arn:aws:s3:::a/*", "*"))
    assert (
        judge(wide).name == "valid"
        and reviewed(wide, wanted) == "wider"
        and reviewed(draft(wanted), wanted) == "usable"
    )
    assert reviewed(dataclasses.replace(draft(""), refusal="Which bucket?"), wanted) == "no policy"


def test_a_cut_draft_says_so_beside_its_verdict(draft):
    assert "Cut at the token budget" not in draft_html(draft())
    cut = draft_html(draft('{"Version":"2012', complete=False))
    assert "Not JSON" in cut and "Cut at the token budget" in cut


def test_the_sign_is_hidden_from_screen_readers_and_the_verdict_announced(draft):
    page = draft_html(draft())
    assert 'role="status"' in page and '<span aria-hidden="true">✔</span> Valid IAM policy' in page


def test_text_that_is_no_policy_has_its_fault_marked(draft):
    page = draft_html(draft('{"Version" "2012-10-17"}'))
    assert '{&quot;Version&quot; <mark class="iam-place">&quot;</mark>2012' in page
    assert "line 1, column 12" in page


def test_the_models_own_text_is_folded_below_only_where_it_differs(draft):
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
    assert "<details>" not in draft_html(draft(text))
    twice = text.replace('{"Effect"', '{"Effect":"Deny","Effect"')  # json keeps the last of two
    assert "<details>" in draft_html(draft(twice)) and "&quot;Deny&quot;" in draft_html(draft(twice))


def test_an_action_that_aws_does_not_have_is_a_finding(draft):
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObjekt"],"Resource":"*"}]}'
    assert findings(draft(text)) == ["not in the catalogue of AWS actions: s3:GetObjekt"]
    assert findings(draft(text.replace("Objekt", "Object"))) == []


def test_many_and_long_findings_are_cut(draft):
    many = findings(draft('{"Version":"2012-10-17","Statement":[' + ",".join("1" * 50) + "]}"))
    assert len(many) == MOST_FINDINGS + 1 and many[-1] == "and 30 more"
    long = findings(draft('{"Version":"' + "x" * 100_000 + '"}'))
    assert all(len(finding) <= 300 for finding in long)


def test_findings_of_the_generator_are_text(draft):
    made = draft('{"Version":"<script>alert(1)</script>","Statement":1}')
    page = draft_html(made)
    assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("depth", [100, 500, 900, 980])
def test_brackets_in_brackets_do_no_harm(draft, depth):
    try:
        made = draft('{"Version":' + "[" * depth + "]" * depth + "}")
    except RecursionError:
        pytest.skip("this stack is too deep for the generator itself")
    assert judge(made).name in ("not_policy", "not_json")
    assert "[[[" in re.sub(r"\s|<[^>]*>", "", draft_html(made))


@given(st.text(st.characters(codec=None), max_size=100), st.booleans())
def test_any_text_can_be_shown(text, complete):
    made = Generated(text, None, (text,), (), complete, 3, 0.1)
    for page in (draft_html(made), show(made).text):
        page.encode("utf-8")
    tags = set(re.findall(r"<([a-z]+)", draft_html(made)))
    assert tags <= {"div", "span", "ul", "li", "pre", "mark", "p"}


def test_a_shown_draft_is_html_where_possible_and_text_elsewhere(draft):
    shown = show(draft())
    assert shown._repr_html_().startswith("<style>") and "s3:GetObject" in shown._repr_html_()
    assert repr(shown).splitlines()[:2] == ["Valid IAM policy", "40 tokens, 0.50 s, 80 tokens/s"]


def test_an_empty_draft_is_said_to_be_empty(draft):
    assert "(the draft is empty)" in draft_html(draft("")) and "(the draft is empty)" in repr(show(draft("")))


def test_the_gist_tells_an_allow_from_a_deny():
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["s3:Get*","s3:Put*"],"Resource":"*"}]}'
    assert gist(Generated(text, parse(text), (), (), True, 3, 0.1)) == "Deny s3:Get*, s3:Put*"
    assert gist(Generated("no\nJSON " * 20, None, (), (), True, 3, 0.1)).startswith("no JSON no JSON")
    assert gist(Generated("{}", parse("{}"), (), (), True, 3, 0.1)) == "{}"


def test_no_time_is_no_speed(draft):
    assert cost(draft(seconds=0.0)) == "40 tokens, 0.00 s"


@given(st.text(max_size=300), st.integers(2, 50))
def test_shortened_text_is_one_short_line(text, longest):
    short = shortened(text, longest)
    assert len(short) <= longest and len(short.splitlines()) <= 1
    assert short == " ".join(text.split()) or short.endswith("…")


def test_a_refusal_is_shown_with_its_reason_and_as_text(draft):
    refused = dataclasses.replace(draft(""), refusal="This is <b>JSON</b>, not a request.")
    assert judge(refused).name == "refused" and gist(refused).startswith("This is")
    assert "This is &lt;b&gt;JSON&lt;/b&gt;" in draft_html(refused) and "<b>JSON" not in draft_html(refused)
    assert "No draft" in show(refused).text and "not a request" in show(refused).text


def test_open_questions_are_listed_as_text(draft):
    asking = dataclasses.replace(draft(), questions=("In which region is <arn>?",))
    assert "<li>In which region is &lt;arn&gt;?</li>" in draft_html(asking)
    assert "In which region is <arn>?" in show(asking).text
