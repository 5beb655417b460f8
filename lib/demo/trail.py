"""The second tab: what a role did, as CloudTrail has it, becomes the policy that it needs.

TrailApp takes a Reading of iamtrail. Names in a log are written by others: all of it is shown through
lib.demo.highlight, and `draft` does the same without a browser.
"""

from collections.abc import Iterable

import ipywidgets as widgets

from iamtrail.drafting import Draft, draft
from iamtrail.errors import TrailError
from iamtrail.gate import gate, sentences
from iamtrail.generalise import Rule
from iamtrail.observed import Reading
from lib.demo.app import CSS, DraftError, GeneratorApp
from lib.demo.highlight import escape, policy_html

WAYS = {"as they were seen": "nothing", "by prefix": "prefix", "all of an account": "account"}
MOST = 12  # lines of a list that are shown


class TrailApp:
    """The widgets: who, how general, a button, and the draft with its questions and the gate's verdict."""

    def __init__(self, reading: Reading) -> None:
        """
        Args:
            reading: the calls of one or several principals.

        Raises:
            TrailError: if nobody in it can have a policy.
        """
        calls: dict[str, int] = {}
        for row in reading.observed:
            if row.principal.startswith("arn:") and not row.principal.endswith(":root") and row.calls:
                calls[row.principal] = calls.get(row.principal, 0) + row.calls
        if not calls:
            raise TrailError("no calls of a role or user: read another folder, or a longer time")
        self._reading = reading
        label, wide = {"description_width": "9em"}, widgets.Layout(width="48em")
        menu = [(f"{arn} ({n:,} calls)", arn) for arn, n in sorted(calls.items(), key=lambda pair: (-pair[1], pair[0]))]
        self.principal = widgets.Dropdown(options=menu, description="Who", style=label, layout=wide)
        self.way = widgets.Dropdown(options=WAYS, description="Names", style=label, layout=wide)
        self.button = widgets.Button(description="Draft", button_style="primary", layout=widgets.Layout(width="12em"))
        self.result = widgets.HTML(layout=widgets.Layout(width="100%"))
        self.widget = widgets.VBox(
            [widgets.HTML(f"<style>{CSS}</style>"), self.principal, self.way, self.button, self.result]
        )
        names = {"app": self.widget, "who": self.principal, "draft": self.button, "result": self.result}
        for name, widget in names.items():
            widget.add_class(f"iam-{name}")
        self.button.on_click(self._pressed)

    def draft(self, principal: str | None = None) -> Draft:
        """Draft with the settings of the controls, show it in the widget and return it.

        Args:
            principal: an ARN of the menu; None takes the one that is chosen.

        Raises:
            DraftError: if it is not in the menu, or nothing that it did needs a permission; the widget then shows
                the same line.
        """
        if principal is not None:
            if principal not in dict(self.principal.options).values():
                raise DraftError(f"no calls of {principal!r}: choose one of the menu")
            self.principal.value = principal
        try:
            made = draft(self._reading, self.principal.value, by=Rule(self.way.value))
        except TrailError as error:
            self.result.value = f'<div class="iam-error" role="alert">Error: {escape(str(error))}</div>'
            raise DraftError(str(error)) from error
        self.result.value = _html(made)
        return made

    def _pressed(self, _: widgets.Button) -> None:
        try:
            self.draft()
        except DraftError:
            return  # the widget says it


def tabs(app: GeneratorApp, evidence: TrailApp) -> widgets.Tab:
    """Both ways to a draft, side by side."""
    return widgets.Tab([app.widget, evidence.widget], titles=("From a sentence", "From CloudTrail"))


def _html(made: Draft) -> str:
    verdict = gate(made)
    kind, sign = ("valid", "✔") if verdict.passed and not verdict.waiting else ("not_policy", "▲")
    first, *more = sentences(verdict)
    pieces = len(made.policies)
    head = f'<span class="iam-verdict iam-verdict-{kind}">{sign} {escape(first)}</span>'
    shown = policy_html(made.policy if pieces == 1 else made.policies[0])
    note = f"<p>Piece 1 of {pieces}: a managed policy takes no more.</p>" if pieces > 1 else ""
    parts = (
        ("The gate", more),
        ("Questions", made.questions),
        ("Conditions that the evidence supports", (f"{p.sid}: {p.key}, {p.because}" for p in made.proposals)),
        ("Failed calls, left out", made.evidence.failed),
    )
    lists = "".join(_list(title, list(dict.fromkeys(lines))) for title, lines in parts)
    return f'<div class="iam-draft-shown" role="status">{head}{note}{shown}{lists}</div>'


def _list(title: str, lines: Iterable[str]) -> str:
    lines = list(lines)
    items = "".join(f"<li>{escape(line)}</li>" for line in lines[:MOST])
    more = f"<li>and {len(lines) - MOST:,} more</li>" if len(lines) > MOST else ""
    return f"<p><b>{escape(title)}</b></p><ul>{items}{more}</ul>" if lines else ""
