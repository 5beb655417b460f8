"""The generator as widgets: a request goes in, a draft with its verdict comes out, and the session's drafts are kept.

GeneratorApp takes anything that generates as lib.model's PolicyGenerator does. Everything that it shows goes through
lib.demo.highlight, so that neither a request nor a model's answer can become a part of the page. `draft` does the
same without a browser.
"""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets as widgets

from lib.demo import result
from lib.demo.examples import EXAMPLES, Request
from lib.demo.highlight import escape, visible
from lib.files import write_jsonl

if TYPE_CHECKING:  # the model room imports torch; the app needs only the shape of a draft
    from lib.model.draft import Generated

LONGEST_REQUEST = 4_000  # characters
SHORTEST_DRAFT = 32  # tokens
HOTTEST = 1.5
LAST_SEED = 2**31 - 1
KEPT = 20  # drafts
LONGEST_ERROR = 300  # characters

# What torch, transformers and tokenizers raise when they cannot answer; other kinds are faults of this code.
CANNOT_GENERATE = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)

CSS = f"""
.iam-app {{ max-width: 72em; }}
.iam-app label, .iam-app textarea, .iam-app select, .iam-app button {{ font-size: 1.05em; }}
.iam-app textarea {{ line-height: 1.4; }}
.iam-app :is(textarea, select, button, input, summary, pre):focus-visible {{ outline: 3px solid #0173b2; }}
.iam-error {{ font-size: 1.1em; font-weight: bold; color: #8b0000; background: #ffffff; border-left: 6px solid;
  padding: 0.3em 0.6em; overflow-wrap: anywhere; }}
.iam-busy {{ font-size: 1.1em; }}
.iam-past table {{ border-collapse: collapse; }}
.iam-past caption {{ text-align: left; font-weight: bold; }}
.iam-past :is(th, td) {{ padding: 0.15em 0.8em 0.15em 0; text-align: left; border-bottom: 1px solid #767676; }}
{result.CSS}
"""


class DraftError(RuntimeError):
    """There is no draft; the message is the line that the widget shows."""


class Generator(Protocol):
    """What drafts policies; `max_new_tokens` is the budget that it has of its own."""

    max_new_tokens: int

    def generate(
        self, instructions: Sequence[str], temperature: float, max_new_tokens: int | None, seed: int
    ) -> "list[Generated]": ...


@dataclass(frozen=True)
class Drafted:
    """A draft of this session, with what it was asked and how."""

    arm: str
    instruction: str
    temperature: float
    max_new_tokens: int
    seed: int
    draft: "Generated"

    def row(self) -> dict[str, Any]:
        """One line of the saved file; `generated` and the rest are named as in 03_eval's outputs."""
        settings = ("arm", "instruction", "temperature", "max_new_tokens", "seed")
        return {
            **{name: getattr(self, name) for name in settings},
            "generated": self.draft.text,
            "verdict": result.judge(self.draft).name,
            "findings": list(self.draft.findings),
            "questions": list(self.draft.questions),
            "refusal": self.draft.refusal,
            "complete": self.draft.complete,
            "tokens": self.draft.tokens,
            "seconds": self.draft.seconds,
        }


class GeneratorApp:
    """The widgets and the session behind them. Display `widget`, or call `draft` where there is no browser."""

    def __init__(
        self,
        generator: Generator | Mapping[str, Generator],
        examples: Sequence[Request] = EXAMPLES,
        temperature: float = 0.0,
        seed: int = 0,
        log: logging.Logger | None = None,
    ) -> None:
        """
        Args:
            generator: one, or several by the name of their arm, of which the first is chosen at the start.
            examples: the ready requests of the menu.
            temperature, seed: where the controls stand at the start.
            log: gets the whole story of an error at level DEBUG; the widget shows one line of it.

        Raises:
            ValueError: if there is no generator, or a control cannot stand where it should.
        """
        self.arms = dict(generator) if isinstance(generator, Mapping) else {"model": generator}
        if not self.arms:
            raise ValueError("give the app at least one generator")
        if not 0 <= temperature <= HOTTEST or not 0 <= seed <= LAST_SEED:  # a slider would clamp them silently
            raise ValueError(f"temperature {temperature} must be 0 to {HOTTEST}, seed {seed} 0 to {LAST_SEED}")
        self._log = log or logging.getLogger(__name__)
        self._history: deque[Drafted] = deque(maxlen=KEPT)
        self._build(examples, temperature, seed)

    def _build(self, examples: Sequence[Request], temperature: float, seed: int) -> None:
        wide, label = widgets.Layout(width="100%"), {"description_width": "9em"}
        control = widgets.Layout(width="24em")
        budget = max(generator.max_new_tokens for generator in self.arms.values())
        self.example = widgets.Dropdown(
            options=[("Choose a ready request", ""), *((e.title, e.text) for e in examples)],
            value="",
            description="Example",
            style=label,
            layout=wide,
        )
        self.request = widgets.Textarea(
            description="Request",
            placeholder="What should be allowed or denied, for whom, on which resources?",
            rows=4,
            style=label,
            layout=wide,
        )
        self.temperature = widgets.FloatSlider(
            value=temperature, min=0, max=HOTTEST, step=0.1, description="Temperature", style=label, layout=control
        )
        self.length = widgets.IntSlider(
            value=budget,
            min=min(SHORTEST_DRAFT, budget),
            max=max(SHORTEST_DRAFT, 2 * budget),
            step=16,
            description="Length, tokens",
            style=label,
            layout=control,
        )
        self.seed = widgets.BoundedIntText(
            value=seed, min=0, max=LAST_SEED, description="Seed", style=label, layout=control
        )
        self.arm = widgets.Dropdown(options=list(self.arms), description="Arm", style=label, layout=control)
        self.arm.layout.display = None if len(self.arms) > 1 else "none"
        self.button = widgets.Button(description="Draft", button_style="primary", layout=widgets.Layout(width="12em"))
        self.status, self.result, self.past = widgets.HTML(), widgets.HTML(layout=wide), widgets.HTML(layout=wide)
        self.widget = widgets.VBox(
            [
                widgets.HTML(f"<style>{CSS}</style>"),
                self.example,
                self.request,
                widgets.HBox([self.temperature, self.length], layout=widgets.Layout(flex_flow="row wrap")),
                widgets.HBox([self.seed, self.arm], layout=widgets.Layout(flex_flow="row wrap")),
                self.button,
                self.status,
                self.result,
                self.past,
            ]
        )
        names = {"app": self.widget, "request": self.request, "example": self.example, "draft": self.button}
        for name, widget in {**names, "status": self.status, "result": self.result, "past": self.past}.items():
            widget.add_class(f"iam-{name}")
        self.example.observe(self._take_example, "value")
        self.request.observe(self._leave_example, "value")
        self.button.on_click(self._pressed)

    @property
    def history(self) -> tuple[Drafted, ...]:
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
            drafted = self._generate(request)
        except DraftError as error:
            self.status.value = f'<div class="iam-error" role="alert">Error: {escape(str(error))}</div>'
            raise
        self._history.append(drafted)
        self.status.value = ""
        self.result.value = result.draft_html(drafted.draft)
        self.past.value = _past_html(self.history)
        return drafted.draft

    def save(self, path: str | Path) -> Path:
        """Write the drafts of this session, one JSON object a line, oldest first; the file is replaced whole."""
        return write_jsonl(Path(path), [drafted.row() for drafted in self._history])

    def _generate(self, request: str) -> Drafted:
        arm, temperature, budget, seed = (w.value for w in (self.arm, self.temperature, self.length, self.seed))
        self.button.disabled, self.button.description = True, "Drafting …"
        self.status.value = f'<div class="iam-busy" role="status">Drafting, at most {budget:,} tokens …</div>'
        try:
            (draft,) = self.arms[arm].generate([request], temperature=temperature, max_new_tokens=budget, seed=seed)
        except CANNOT_GENERATE as error:
            self._log.debug("drafting failed", exc_info=True)
            raise DraftError(f"the model could not draft this: {_one_line(error)}") from error
        finally:  # also when the reader interrupts the kernel
            self.button.disabled, self.button.description = False, "Draft"
            self.status.value = ""
        return Drafted(arm, request, temperature, budget, seed, draft)

    def _pressed(self, _: widgets.Button) -> None:
        try:
            self.draft()
        except DraftError:
            return  # the widget says it

    def _take_example(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.request.value = change["new"]

    def _leave_example(self, change: dict[str, Any]) -> None:
        if change["new"] != self.example.value:  # edited: the example can be chosen again
            self.example.value = ""


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
    return result.shortened(lines[0], LONGEST_ERROR) if lines else type(error).__name__


def _past_html(history: Sequence[Drafted]) -> str:
    columns = ("Request", "Arm", "Temperature", "Verdict", "Tokens", "Seconds")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    rows = "".join(f"<tr>{_cells(drafted)}</tr>" for drafted in reversed(history))
    return (
        f'<table class="mathjax_ignore tex2jax_ignore"><caption>Drafts of this session, newest first</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _cells(drafted: Drafted) -> str:
    draft, verdict = drafted.draft, result.judge(drafted.draft)
    words = f"{verdict.sign} {verdict.words}{'' if draft.complete else f', {result.CUT.words.lower()}'}"
    request = result.shortened(drafted.instruction, 60)
    cells = (request, drafted.arm, f"{drafted.temperature:.1f}", words, f"{draft.tokens:,}", f"{draft.seconds:.2f}")
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)
