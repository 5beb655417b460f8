"""A draft as a person reads it: a verdict in words, what the draft cost, what is wrong with it, and its text.

A Generated of lib.model comes in; a Verdict or safe HTML goes out. The widgets and the notebook's cells show a draft
through here, so that both say the same.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iampolicy.document import PolicySyntaxError, parse
from iampolicy.grammar import structure_faults
from lib.demo.highlight import CSS as CODE_CSS
from lib.demo.highlight import escape, policy_html, text_html, visible
from lib.evaluation.reading import read
from lib.evaluation.verdict import verdict

if TYPE_CHECKING:  # the model room imports torch; a draft is only looked at here
    from lib.model.draft import Generated

MOST_FINDINGS = 20
LONGEST_FINDING = 300  # characters; a finding can quote the model's text


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
EMPTY = "(the draft is empty)"
CUT = Verdict("cut", "✂", "Cut at the token budget")  # beside one of the others

CSS = f"""
.iam-verdict {{ display: inline-block; margin: 0.2em 0.6em 0.2em 0; padding: 0.1em 0.6em; border: 2px solid;
  border-radius: 4px; font-size: 1.15em; font-weight: bold; background: #ffffff; }}
.iam-verdict-valid {{ color: #00563f; }}
.iam-verdict-not_policy, .iam-verdict-cut, .iam-verdict-refused {{ color: #7a4300; border-style: dashed; }}
.iam-verdict-not_json {{ color: #8b0000; border-style: double; border-width: 4px; }}
.iam-draft-shown {{ font-size: 1.05em; line-height: 1.45; overflow-wrap: anywhere; }}
.iam-draft-shown ul {{ margin: 0.3em 0; padding-left: 1.4em; }}
.iam-draft-shown summary {{ cursor: pointer; }}
{CODE_CSS}
"""


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


def reviewed(draft: "Generated", wanted: str) -> str:
    """What a reviewer would say of a draft who knows the policy that is wanted: one of verdict.VERDICTS."""
    return verdict(wanted, draft.text, draft.refusal is not None)


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


def draft_html(draft: "Generated") -> str:
    """A draft as HTML: verdict, cost, findings, open questions and policy. Give it the style CSS once a page."""
    verdicts = [judge(draft), *([] if draft.complete else [CUT])]
    badges = "".join(
        f'<span class="iam-verdict iam-verdict-{v.name}"><span aria-hidden="true">{v.sign}</span> {v.words}</span>'
        for v in verdicts
    )
    found = "".join(f"<li>{escape(said)}</li>" for said in [*findings(draft), *draft.questions])
    # role=status: a screen reader says the verdict when the draft arrives.
    return (
        f'<div class="iam-draft-shown mathjax_ignore tex2jax_ignore"><div role="status">{badges}'
        f"<span>{escape(cost(draft))}</span></div>"
        f"{f'<ul>{found}</ul>' if found else ''}{_body_html(draft)}</div>"
    )


def _body_html(draft: "Generated") -> str:
    """The policy, with the model's own text folded below where it differs; or only that text, its fault marked."""
    if not draft.text:
        return f"<p>{escape(draft.refusal or EMPTY)}</p>"
    if draft.policy is None:
        try:
            parse(draft.text)
        except PolicySyntaxError as error:
            return text_html(draft.text, error.line, error.column, label="Text of the draft, the fault marked")
        return text_html(draft.text, label="Text of the draft")
    try:
        indented, minified = policy_html(draft.policy), draft.policy.to_json()
    except RecursionError:  # brackets in brackets: JSON that can be read but not be indented
        return text_html(draft.text, label="Text of the draft")
    if minified == draft.text.strip():
        return indented
    raw = text_html(draft.text, label="Text of the draft")
    return f"{indented}<details><summary>The model's own text, which differs</summary>{raw}</details>"


def shortened(text: str, longest: int) -> str:
    """The text on one line, at most so many characters."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest and len(text) <= 4 * longest else f"{line[: longest - 1]}…"
