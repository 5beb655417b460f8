"""A draft as a person reads it: a verdict in words, what the draft cost, what is wrong with it, and its text.

In the HTML what a person or a model wrote is only ever text. Characters that cannot be seen (a NUL, a lone surrogate, a
mark that turns the reading direction) are written as the JSON escape that stands for them: who reviews a policy must
see all of it, and a policy shown this way is still the same JSON.
"""

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JsonLexer

from iampolicy.document import Policy, PolicySyntaxError, parse
from iampolicy.grammar import structure_faults
from iampolicy.words import printable
from lib.data import field
from lib.evaluation.answer import read
from lib.evaluation.verdict import verdict

if TYPE_CHECKING:  # the model room imports torch; a draft is only looked at here
    from lib.model.generate import Generated

LIMIT = 100_000  # characters; more is cut, and said to be: a browser slows down long before a policy is this long
MOST_FINDINGS = 20
LONGEST_FINDING = 300  # characters; a finding can quote the model's text
CSS = Path(__file__).with_name("demo.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Verdict:
    """What kind of text a draft is. The sign stands beside the words: colour is never the only signal."""

    name: str
    sign: str
    words: str


VALID = Verdict("valid", "✔", "Valid IAM policy")
NOT_POLICY = Verdict("not_policy", "▲", "Valid JSON, but not an IAM policy")
NOT_JSON = Verdict("not_json", "✘", "Not JSON")
REFUSED = Verdict("refused", "■", "No draft")
CUT = Verdict("cut", "✂", "Cut at the token budget")  # beside one of the others
EMPTY = "(the draft is empty)"


@dataclass(frozen=True)
class Shown:
    """Something that a notebook displays: `html` where it can, `text` elsewhere."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def judge(draft: "Generated") -> Verdict:
    """Whether a draft is a policy, only JSON, or neither. A policy that breaks IAM's grammar is only JSON."""
    if draft.refusal:
        return REFUSED
    if draft.policy is None:
        return NOT_POLICY if read(draft.text).valid else NOT_JSON
    try:
        return NOT_POLICY if structure_faults(draft.policy) else VALID
    except RecursionError:  # an element that is brackets in brackets, too many to be quoted
        return NOT_POLICY


def reviewed(draft: "Generated", wanted: dict[str, Any]) -> str:
    """What a reviewer would say of a draft who knows the policy that is wanted: one of verdict.VERDICTS."""
    return verdict(field.text(wanted), draft.text, draft.refusal is not None)


def show(draft: "Generated") -> Shown:
    """A draft for a notebook's output: the same as in the widget, its style included."""
    words = [judge(draft).words, *([] if draft.complete else [CUT.words])]
    said = [*findings(draft), *draft.questions]
    text = "\n".join([*words, cost(draft), *map(visible, said), visible(draft.text) or visible(draft.refusal or EMPTY)])
    return Shown(f"<style>{CSS}</style>{draft_html(draft)}", text)


def cost(draft: "Generated") -> str:
    """What a draft cost, in words: "142 tokens, 1.30 s, 109 tokens/s"."""
    speed = f", {draft.tokens / draft.seconds:,.0f} tokens/s" if draft.seconds > 0 else ""
    return f"{draft.tokens:,} tokens, {draft.seconds:.2f} s{speed}"


def gist(draft: "Generated") -> str:
    """A draft in a table's cell: what it allows and denies, or how a text that is no policy begins."""
    if draft.refusal:
        return shortened(visible(draft.refusal), 90)
    if draft.policy is None or not draft.policy.statements:
        return shortened(visible(draft.text), 60)
    said = [f"{statement.effect} {', '.join(statement.action_patterns)}" for statement in draft.policy.statements]
    return shortened(visible("; ".join(said)), 90)


def findings(draft: "Generated") -> list[str]:
    """What is wrong with a draft, a sentence each: what its generator found, and actions that AWS does not have."""
    unknown = read(draft.text).unknown
    named = [f"not in the catalogue of AWS actions: {', '.join(unknown)}"] if unknown else []
    found = [shortened(finding, LONGEST_FINDING) for finding in [*draft.findings, *named]]
    left_out = len(found) - MOST_FINDINGS
    return found[:MOST_FINDINGS] + ([f"and {left_out} more"] if left_out > 0 else [])


def draft_html(draft: "Generated") -> Markup:
    """A draft as HTML: verdict, cost, findings, open questions and policy. Give it the style CSS once a page."""
    verdicts = [judge(draft), *([] if draft.complete else [CUT])]
    return page("draft", verdicts, cost(draft), [*findings(draft), *draft.questions], *_bodies(draft))


def _bodies(draft: "Generated") -> tuple[Markup, Markup | None]:
    """The policy, and the model's own text where it differs; or only that text, its fault marked."""
    if not draft.text:
        return Markup(f"<p>{escape(draft.refusal or EMPTY)}</p>"), None
    label = "Text of the draft"
    if draft.policy is None:
        try:
            parse(draft.text)
        except PolicySyntaxError as error:
            return text_html(draft.text, error.line, error.column, label=f"{label}, the fault marked"), None
        return text_html(draft.text, label=label), None
    try:
        indented, minified = policy_html(draft.policy), draft.policy.to_json()
    except RecursionError:  # brackets in brackets: JSON that can be read but not be indented
        return text_html(draft.text, label=label), None
    return indented, None if minified == draft.text.strip() else text_html(draft.text, label=label)


def shortened(text: str, longest: int) -> str:
    """The text on one line, at most so many characters."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest and len(text) <= 4 * longest else f"{line[: longest - 1]}…"


def visible(text: str) -> str:
    """The text with each character that cannot be seen as its JSON escape; line ends, tabs and spaces stay."""
    return printable(text, keep="\n\t")


def escape(text: str) -> str:
    """The text as HTML that shows it, in an element or in a quoted attribute."""
    return html.escape(visible(text))


def page(macro: str, *values: Any) -> Markup:
    """A piece of pages.html.jinja, filled; what is put in is made visible and escaped, unless it is Markup."""
    return getattr(PAGES.module, macro)(*values)


def policy_html(policy: Policy) -> Markup:
    """A policy, indented and coloured, in a <pre>. Above LIMIT characters it is cut and not coloured.

    Raises:
        RecursionError: if the policy is nested too deeply to be indented.
    """
    text = policy.to_json(indent=2)
    if len(text) > LIMIT:
        return text_html(text, label="Policy")
    coloured = highlight(visible(text), JsonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))
    return _pre(coloured.removesuffix("\n"), "Policy")


def text_html(text: str, line: int | None = None, column: int | None = None, label: str = "Text") -> Markup:
    """Any text as it stands, in a <pre>, with the character at a place marked.

    Args:
        line, column: the place, counted from 1 with only "\n" ending a line, as json counts; past the end: the end.
        label: what the text is, for a screen reader.
    """
    if line is None or column is None:
        return _pre(_start(text), label)
    lines_before = text.split("\n")[: line - 1]
    place = min(sum(len(before) + 1 for before in lines_before) + column - 1, len(text))
    # A line end is not marked itself: the mark stands before it and the line still ends.
    after = place if text[place : place + 1] in ("", "\n") else place + 1
    mark = f'<mark class="iam-place">{escape(text[place:after])}</mark>'
    return _pre(f"{_end(text[:place])}{mark}{_start(text[after:])}", label)


def _start(text: str) -> str:
    left_out = len(text) - LIMIT
    return escape(text[:LIMIT]) + (f" [... {left_out:,} more characters]" if left_out > 0 else "")


def _end(text: str) -> str:
    left_out = len(text) - LIMIT
    return (f"[{left_out:,} more characters ...] " if left_out > 0 else "") + escape(text[max(0, left_out) :])


def _pre(body: str, label: str) -> Markup:
    # tabindex: a region that scrolls must be reachable by keyboard. The class keeps MathJax away from ${aws:username}.
    classes = "iam-code mathjax_ignore tex2jax_ignore"
    return Markup(f'<pre class="{classes}" tabindex="0" role="region" aria-label="{escape(label)}">{body}</pre>')


PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    finalize=lambda value: value if isinstance(value, Markup) else visible(str(value)),
).get_template("pages.html.jinja")
