"""Text as HTML: whatever comes in is only ever text, all of it can be seen, and a policy stays the same JSON."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import Policy, parse
from lib.demo.highlight import CSS, LIMIT, escape, policy_html, text_html, visible

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
