"""The demo as widgets: a sentence, or what a role did as CloudTrail has it, becomes a draft with its verdict.

GeneratorApp takes what generates as lib.model's PolicyGenerator does, TrailApp a Reading of iamtrail; `draft` of both
does the same without a browser. All that is shown goes through lib.demo.result, so that neither a request nor
a model's answer nor a name in a log can become a part of the page.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from iamtrail.drafting import Draft, draft
from iamtrail.gate import gate, sentences
from iamtrail.generalise import Rule
from iamtrail.observed import Reading
from iamtrail.trail_error import TrailError
from lib.data import field
from lib.demo import result
from lib.demo.result import Verdict, page, policy_html, shortened, visible
from lib.files import write_jsonl

if TYPE_CHECKING:  # they import torch; the app needs only their shapes
    from lib.model.generate import Generated, PolicyGenerator

LOG = logging.getLogger(__name__)

LONGEST_REQUEST = 4_000  # characters
SHORTEST_DRAFT = 32  # tokens
HOTTEST = 1.5
LAST_SEED = 2**31 - 1
KEPT = 20  # drafts
LONGEST_ERROR = 300  # characters
MOST_LINES = 12  # of a list beside a draft from CloudTrail

# What torch, transformers and tokenizers raise when they cannot answer; other kinds are faults of this code.
CANNOT_GENERATE = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)

EXAMPLES = tuple(field.load(field.FOLDER / "ready.jsonl"))  # the menu; part of the test split: nothing learns from them
NAMES = {"as they were seen": "nothing", "by prefix": "prefix", "all of an account": "account"}  # menu -> iamtrail Rule


class DraftError(RuntimeError):
    """There is no draft; the message is the line that the widget shows."""


@dataclass(frozen=True)
class Attempt:
    """A request of this session with its settings, and what came of it."""

    arm: str
    instruction: str
    temperature: float
    max_new_tokens: int
    seed: int
    draft: "Generated"

    def row(self) -> dict[str, Any]:
        """One line of the saved file; `generated` and the rest are named as in 03_eval's outputs."""
        settings = ("arm", "instruction", "temperature", "max_new_tokens", "seed")
        outcome = ("findings", "questions", "refusal", "complete", "tokens", "seconds")
        return {
            **{name: getattr(self, name) for name in settings},
            "generated": self.draft.text,
            "verdict": result.judge(self.draft).name,
            **{name: getattr(self.draft, name) for name in outcome},
        }

    def cells(self) -> tuple[str, ...]:
        """A row of the table of the session."""
        made, verdict = self.draft, result.judge(self.draft)
        words = f"{verdict.sign} {verdict.words}{'' if made.complete else f', {result.CUT.words.lower()}'}"
        numbers = (f"{made.tokens:,}", f"{made.seconds:.2f}")
        return shortened(self.instruction, 60), self.arm, f"{self.temperature:.1f}", words, *numbers


class GeneratorApp:
    """A sentence becomes a draft. Display `widget`, or call `draft` where there is no browser."""

    def __init__(
        self,
        generator: "PolicyGenerator | Mapping[str, PolicyGenerator]",
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        """
        Args:
            generator: one, or several by the name of their arm, of which the first is chosen at the start.
            temperature, seed: where the controls stand at the start.

        Raises:
            ValueError: if there is no generator, or a control cannot stand where it should.
        """
        self.arms = dict(generator) if isinstance(generator, Mapping) else {"model": generator}
        if not self.arms:
            raise ValueError("give the app at least one generator")
        if not 0 <= temperature <= HOTTEST or not 0 <= seed <= LAST_SEED:  # a slider would clamp them silently
            raise ValueError(f"temperature {temperature} must be 0 to {HOTTEST}, seed {seed} 0 to {LAST_SEED}")
        self._history: deque[Attempt] = deque(maxlen=KEPT)
        budget = max(generator.max_new_tokens for generator in self.arms.values())
        least, most = min(SHORTEST_DRAFT, budget), max(SHORTEST_DRAFT, 2 * budget)
        menu = [("Choose a ready request", ""), *((e.title, e.request) for e in EXAMPLES)]
        hint = "What should be allowed or denied, for whom, on which resources?"
        self.example = _control(widgets.Dropdown, "Example", "100%", options=menu, value="")
        self.request = _control(widgets.Textarea, "Request", "100%", placeholder=hint, rows=4)
        self.temperature = _control(widgets.FloatSlider, "Temperature", min=0, max=HOTTEST, step=0.1, value=temperature)
        self.length = _control(widgets.IntSlider, "Length, tokens", min=least, max=most, step=16, value=budget)
        self.seed = _control(widgets.BoundedIntText, "Seed", min=0, max=LAST_SEED, value=seed)
        self.arm = _control(widgets.Dropdown, "Arm", options=list(self.arms))
        self.arm.layout.display = None if len(self.arms) > 1 else "none"
        self.button = _button(self.draft)
        self.status, self.result, self.past = _shown(), _shown(), _shown()
        settings = [(self.temperature, self.length), (self.seed, self.arm)]
        rows = [widgets.HBox(pair, layout=widgets.Layout(flex_flow="row wrap")) for pair in settings]
        named = {"request": self.request, "example": self.example, "draft": self.button}
        named |= {"status": self.status, "result": self.result, "past": self.past}
        parts = [self.example, self.request, *rows, self.button, self.status, self.result, self.past]
        self.widget = _whole(parts, named)
        self.example.observe(self._take_example, "value")
        self.request.observe(self._leave_example, "value")

    @property
    def history(self) -> tuple[Attempt, ...]:
        """The drafts of this session, oldest first, the last KEPT of them."""
        return tuple(self._history)

    def draft(self, text: str | None = None) -> "Generated":
        """Draft a policy with the settings of the controls, show it in the widget and return it.

        Args:
            text: the request; None takes what stands in the request field.

        Raises:
            DraftError: if the request is empty, too long or no text, or the model cannot answer; the widget then
                shows the same line.
        """
        if self.button.disabled:
            raise DraftError("a draft is being made: wait until it is there")
        self.result.value = ""
        try:
            request = _checked(self.request.value if text is None else text)
            self.request.value = request
            attempt = self._generate(request)
        except DraftError as error:
            self.status.value = page("error", error)
            raise
        self._history.append(attempt)
        self.status.value = ""
        self.result.value = result.draft_html(attempt.draft)
        self.past.value = page("history", [attempt.cells() for attempt in reversed(self._history)])
        return attempt.draft

    def save(self, path: str | Path) -> Path:
        """Write the drafts of this session, one JSON object a line, oldest first; the file is replaced whole."""
        return write_jsonl(Path(path), [attempt.row() for attempt in self._history])

    def _generate(self, request: str) -> Attempt:
        arm, temperature, budget, seed = (w.value for w in (self.arm, self.temperature, self.length, self.seed))
        self.button.disabled, self.button.description = True, "Drafting …"
        self.status.value = page("busy", budget)
        try:
            (made,) = self.arms[arm].generate([request], temperature=temperature, max_new_tokens=budget, seed=seed)
        except CANNOT_GENERATE as error:
            LOG.debug("drafting failed", exc_info=True)  # the whole story; the widget shows one line of it
            raise DraftError(f"the model could not draft this: {_one_line(error)}") from error
        finally:  # also when the reader interrupts the kernel
            self.button.disabled, self.button.description = False, "Draft"
            self.status.value = ""
        return Attempt(arm, request, temperature, budget, seed, made)

    def _take_example(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.request.value = change["new"]

    def _leave_example(self, change: dict[str, Any]) -> None:
        if change["new"] != self.example.value:  # edited: the example can be chosen again
            self.example.value = ""


class TrailApp:
    """What a role did becomes the policy that it needs, with its open questions and the gate's verdict."""

    def __init__(self, reading: Reading) -> None:
        """
        Args:
            reading: the calls of one or several principals.

        Raises:
            TrailError: if nobody in it can have a policy.
        """
        calls: Counter[str] = Counter()
        for row in reading.observed:
            if row.principal.startswith("arn:") and not row.principal.endswith(":root") and row.calls:
                calls[row.principal] += row.calls
        if not calls:
            raise TrailError("no calls of a role or user: read another folder, or a longer time")
        self._reading = reading
        menu = [(f"{arn} ({n:,} calls)", arn) for arn, n in sorted(calls.items(), key=lambda pair: (-pair[1], pair[0]))]
        self.principal = _control(widgets.Dropdown, "Who", "48em", options=menu)
        self.way = _control(widgets.Dropdown, "Names", "48em", options=NAMES)
        self.button, self.result = _button(self.draft), _shown()
        named = {"who": self.principal, "draft": self.button, "result": self.result}
        self.widget = _whole([self.principal, self.way, self.button, self.result], named)

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
            self.result.value = page("error", error)
            raise DraftError(str(error)) from error
        self.result.value = _evidence(made)
        return made


def tabs(app: GeneratorApp, evidence: TrailApp) -> widgets.Tab:
    """Both ways to a draft, side by side."""
    return widgets.Tab([app.widget, evidence.widget], titles=("From a sentence", "From CloudTrail"))


def _control(kind: type, description: str, width: str = "24em", **settings: Any) -> Any:
    """A labelled control with a layout of its own."""
    layout, style = widgets.Layout(width=width), {"description_width": "9em"}
    return kind(description=description, layout=layout, style=style, **settings)


def _button(drafts: Callable[[], Any]) -> widgets.Button:
    """The button; what goes wrong stands in the widget, and needs no traceback below it."""

    def pressed(_: widgets.Button) -> None:
        with suppress(DraftError):
            drafts()

    button = widgets.Button(description="Draft", button_style="primary", layout=widgets.Layout(width="12em"))
    button.on_click(pressed)
    return button


def _shown() -> widgets.HTML:
    return widgets.HTML(layout=widgets.Layout(width="100%"))


def _whole(parts: Sequence[widgets.Widget], named: Mapping[str, widgets.DOMWidget]) -> widgets.VBox:
    """All parts below each other, with the style, and a class for each that has a name."""
    whole = widgets.VBox([widgets.HTML(f"<style>{result.CSS}</style>"), *parts])
    for name, widget in {"app": whole, **named}.items():
        widget.add_class(f"iam-{name}")
    return whole


def _checked(request: str) -> str:
    request = request.strip()
    if not request:
        raise DraftError("the request is empty: write what should be allowed, or choose an example")
    if len(request) > LONGEST_REQUEST:
        raise DraftError(f"the request has {len(request):,} characters: shorten it to {LONGEST_REQUEST:,}")
    for number, character in enumerate(request, 1):
        if "\ud800" <= character <= "\udfff":
            raise DraftError(f"character {number} of the request, {visible(character)}, is no text: remove it")
    return request


def _one_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return shortened(lines[0], LONGEST_ERROR) if lines else type(error).__name__


def _evidence(made: Draft) -> str:
    decided = gate(made)
    first, *more = sentences(decided)
    kind = result.VALID if decided.passed and not decided.waiting else result.NOT_POLICY
    proposed = [f"{p.sid}: {p.key}, {p.because}" for p in made.proposals]
    lists = {
        "The gate": more,
        "Questions": made.questions,
        "Conditions that the evidence supports": proposed,
        "Failed calls, left out": made.evidence.failed,
    }
    lines = [(title, list(dict.fromkeys(listed))) for title, listed in lists.items()]
    badge, body = Verdict(kind.name, kind.sign, first), policy_html(made.policies[0])
    return page("evidence", badge, len(made.policies), body, lines, MOST_LINES)
