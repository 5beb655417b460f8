"""A draft as it is shown: verdict, findings, the model's own text; and whatever comes in is only ever text."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import Policy, parse
from lib.demo.result import (
    CSS,
    LIMIT,
    MOST_FINDINGS,
    cost,
    draft_html,
    escape,
    findings,
    gist,
    judge,
    policy_html,
    reviewed,
    shortened,
    show,
    text_html,
    visible,
)
from lib.model.generate import Generated

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
        and reviewed(wide, json.loads(wanted)) == "wider"
        and reviewed(draft(wanted), json.loads(wanted)) == "usable"
    )
    assert reviewed(dataclasses.replace(draft(""), refusal="Which bucket?"), json.loads(wanted)) == "no policy"


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


HOSTILE = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    '"></pre><iframe src=javascript:alert(1)>',
    "' onmouseover='alert(1)",
    "</mark></style><!--",
    "&lt;b&gt; &amp; &#60;",
    "$x$ \\(y\\) ${aws:username}",
    "\x00\x1b[31m\x7f\x85",
    "\ud800 \udfff \ud83d",
    "\u202edesrever\u2066 \u200b\ufeff\u00a0\u2028",
    "\U000e0041 \U0001f600 é",
)
TAGS = {"pre", "span", "mark"}

# Lone surrogates included: json reads them from an escape that a model wrote.
anything = st.text(st.characters(codec=None) | st.sampled_from("<>&\"'\\\n\t\r\x00\ud800\u202e"), max_size=200)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | anything, lambda v: st.lists(v, max_size=3), max_leaves=5
)


class Page(HTMLParser):
    """The tags, attributes and text that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.other: list[str] = []
        self.words: list[str] = []
        self.marked = ""
        self._in_mark = False
        self.feed(page)
        self.close()
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._in_mark = tag == "mark"

    def handle_endtag(self, tag):
        self._in_mark = False

    def handle_data(self, data):
        self.words.append(data)
        if self._in_mark:
            self.marked += data

    def handle_comment(self, data):
        self.other.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_safe(page: str) -> Page:
    seen = Page(page)
    assert seen.tags <= TAGS
    assert seen.attributes <= {"class", "tabindex", "role", "aria-label"}
    assert not seen.other
    page.encode("utf-8")  # it travels to the browser
    assert "\x00" not in page
    return seen


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_not_obeyed(text):
    assert assert_safe(text_html(text)).text == visible(text)
    assert assert_safe(text_html(text, 1, 3)).text == visible(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_inside_a_policy_is_shown_and_not_obeyed(text):
    data = {text: text, "Statement": [{"Sid": text, "Condition": {text: [text]}}]}
    assert json.loads(assert_safe(policy_html(Policy(data))).text) == data


@given(anything, st.integers(1, 5), st.integers(1, 250))
def test_any_text_with_any_place_is_safe_and_whole(text, line, column):
    assert assert_safe(text_html(text)).text == visible(text)
    seen = assert_safe(text_html(text, line, column))
    assert seen.text == visible(text)
    assert len(seen.marked) <= 12  # one character, or the escapes that stand for it


@given(st.dictionaries(anything, values, max_size=4))
def test_a_shown_policy_is_the_same_json(data):
    assert json.loads(assert_safe(policy_html(Policy(data))).text) == data


@given(anything)
def test_escaped_text_can_stand_in_an_attribute(text):
    assert not set(escape(text)) & set("<>\"'")
    assert all(c.isprintable() or c in "\n\t" for c in visible(text))


def test_what_cannot_be_seen_is_written_as_its_escape():
    assert visible("a\x00b\u202ec\ud800\u00a0\U000e0041") == "a\\u0000b\\u202ec\\ud800\\u00a0\\udb40\\udc41"
    assert visible("plain é 漢 \U0001f600\n\tend") == "plain é 漢 \U0001f600\n\tend"


def test_a_policy_is_indented_and_its_elements_stand_out():
    page = policy_html(parse('{"Version":"2012-10-17","Statement":[]}'))
    assert '<span class="nt">"Version"</span>' in page
    assert Page(page).text == '{\n  "Version": "2012-10-17",\n  "Statement": []\n}'
    assert "\n.iam-code .nt {" in CSS and "<" not in CSS


@pytest.mark.parametrize(
    ("text", "line", "column", "marked"),
    [
        ("abc", 1, 2, "b"),
        ("ab\ncd", 2, 1, "c"),
        ("ab\ncd", 1, 3, ""),
        ("abc", 1, 4, ""),
        ("", 1, 1, ""),
        ("a", 9, 9, ""),
    ],
)
def test_the_place_is_marked(text, line, column, marked):
    seen = assert_safe(text_html(text, line, column))
    assert (seen.text, seen.marked, "mark" in seen.tags) == (text, marked, True)


def test_a_megabyte_is_cut_and_says_so():
    text = "<b>" * 350_000
    seen = assert_safe(text_html(text))
    assert seen.text.startswith(text[:LIMIT])
    assert f"{len(text) - LIMIT:,} more characters" in seen.text
    around = assert_safe(text_html(text, 1, 600_001))
    assert around.marked == text[600_000] and len(around.text) < 2 * LIMIT + 100
    policy = assert_safe(policy_html(Policy({"Statement": text})))
    assert "more characters" in policy.text and len(policy.text) < LIMIT + 100


def test_mathjax_leaves_policy_variables_alone():
    assert "mathjax_ignore" in text_html("${a} ${b}") and "tex2jax_ignore" in policy_html(Policy({"a": "${b}"}))
