"""Policies and other text as HTML that is safe to show: JSON coloured, everything escaped, nothing hidden.

Text that a person or a model wrote comes in, HTML goes out in which it is only ever text. Characters that cannot be
seen (a NUL, a lone surrogate, a mark that turns the reading direction) are written as the JSON escape that stands for
them: who reviews a policy must see all of it, and a policy shown this way is still the same JSON.
"""

import html
import json

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JsonLexer
from pygments.style import Style
from pygments.token import Error, Keyword, Name, Number, Punctuation, String

from iampolicy.document import Policy

LIMIT = 100_000  # characters; more is cut, and said to be: a browser slows down long before a policy is this long


class _Colours(Style):
    """Dark on white, a contrast of 7 to 1 or more; element names are also bold, errors also underlined."""

    background_color = "#ffffff"
    styles = {
        Name.Tag: "bold #00305a",
        String.Double: "#6f3200",
        Number: "#004d40",
        Keyword.Constant: "bold #5b1a6b",
        Punctuation: "#333333",
        Error: "underline bold #8b0000",
    }


_FORMATTER = HtmlFormatter(style=_Colours, nowrap=True)

CSS = f"""
.iam-code {{ background: #ffffff; color: #1a1a1a; border: 1px solid #767676; border-radius: 4px; margin: 0.4em 0;
  padding: 0.7em 0.9em; max-height: 32em; overflow: auto; font: 1.05em/1.45 monospace; tab-size: 2;
  white-space: pre-wrap; overflow-wrap: anywhere; }}
.iam-place {{ background: #ffe08a; color: #000000; font-weight: bold; text-decoration: underline; }}
.iam-place::before {{ content: "\\25B6"; }}
.iam-place::after {{ content: "\\25C0"; }}
{chr(10).join(_FORMATTER.get_token_style_defs(".iam-code"))}
"""


def visible(text: str) -> str:
    """The text with each character that cannot be seen as its JSON escape; line ends, tabs and spaces stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1] for c in text)


def escape(text: str) -> str:
    """The text as HTML that shows it, in an element or in a quoted attribute."""
    return html.escape(visible(text))


def policy_html(policy: Policy) -> str:
    """A policy, indented and coloured, in a <pre>. Above LIMIT characters it is cut and not coloured.

    Raises:
        RecursionError: if the policy is nested too deeply to be indented.
    """
    text = policy.to_json(indent=2)
    if len(text) > LIMIT:
        return text_html(text, label="Policy")
    coloured = highlight(visible(text), JsonLexer(stripnl=False, ensurenl=False), _FORMATTER)
    return _pre(coloured.removesuffix("\n"), "Policy")


def text_html(text: str, line: int | None = None, column: int | None = None, label: str = "Text") -> str:
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


def _pre(body: str, label: str) -> str:
    # tabindex: a region that scrolls must be reachable by keyboard. The class keeps MathJax away from ${aws:username}.
    classes = "iam-code mathjax_ignore tex2jax_ignore"
    return f'<pre class="{classes}" tabindex="0" role="region" aria-label="{escape(label)}">{body}</pre>'
