"""One look for every figure: a 16:9 slide in seaborn's colorblind palette, large enough for the last row of a hall.

A drawing function asks for a slide, draws on its axes and gets a Picture back. No state of pyplot is touched, so
figures need no closing and a notebook shows each one once.
"""

import base64
import html
import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lib import files

INCHES = (16, 9)
DPI = 100  # 1600 x 900 pixels
TITLE_SIZE = 29  # points
TITLE_WIDTH = 56  # characters a line
SMALL = 18  # points; nothing is smaller

COLOURS = tuple(seaborn.color_palette("colorblind").as_hex())
GREY = "#555555"
PADS = {"w_pad": 0.25, "h_pad": 0.2}
REQUESTS = {  # source of examples -> how a title names it
    "field": "requests of people",
    "written": "composed requests",
    "report": "the report's names",
    "managed": "other names",
}
ARM_TITLES = {"zero_shot": "zero-shot", "few_shot": "few-shot", "fine_tuned": "fine-tuned", "grammar": "grammar only"}

STYLE = {
    **seaborn.axes_style("whitegrid"),
    **seaborn.plotting_context("talk", font_scale=1.25),
    "xtick.labelsize": 20,
    "ytick.labelsize": 20,
    "axes.edgecolor": "#bbbbbb",
    "svg.fonttype": "none",  # text stays text: searchable, and small
    "svg.hashsalt": "iam-policy-course",  # the same figure is the same file
}


@dataclass(frozen=True)
class Picture:
    """A figure and the sentence under it. A notebook shows both when a cell ends with it."""

    figure: Figure
    caption: str

    @property
    def title(self) -> str:
        """The finding, on one line."""
        return self.figure.get_suptitle().replace("\n", " ").replace(r"\$", "$")

    def about(self, source: str) -> "Picture":
        """The same drawing with a title that says whose requests it is about."""
        words = REQUESTS.get(source, source)
        self.figure.set_layout_engine("constrained", **PADS)
        return finish(self.figure, f"{words[0].upper()}{words[1:]}. {self.title}".replace("$", r"\$"), self.caption)

    def png(self) -> bytes:
        """The slide, 1600 x 900 pixels."""
        return self._render("png", dpi=DPI, metadata={"Software": None})

    def svg(self) -> bytes:
        """The slide as vectors; the same figure gives the same bytes."""
        return self._render("svg", metadata={"Date": None, "Creator": None})

    def save(self, stem: Path | str) -> tuple[Path, Path]:
        """Write `<stem>.png`, `<stem>.svg` and their words as `<stem>.json`; each is written aside and then renamed."""
        stem = Path(stem)
        files.write_json(stem.with_name(f"{stem.name}.json"), {"title": self.title, "caption": self.caption})
        paths = (stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg"))
        for path, content in zip(paths, (self.png(), self.svg()), strict=True):
            aside = path.with_name(f"{path.name}.part")
            aside.write_bytes(content)
            aside.replace(path)
        return paths

    def _render(self, kind: str, **options) -> bytes:
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.figure.savefig(buffer, format=kind, **options)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        # The caption is text beside the image, because the templates for HTML and slides drop an alternative text.
        image = base64.b64encode(self.png()).decode()
        text = html.escape(self.caption)
        source = f'<img src="data:image/png;base64,{image}" alt="{text}" style="width:100%;max-width:1000px">'
        return f"<figure>{source}<figcaption>{text}</figcaption></figure>"


def slide() -> tuple[Figure, Axes]:
    """An empty slide; draw on its axes, then call `finish`."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=INCHES, layout="constrained")
        figure.get_layout_engine().set(**PADS)
        axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def finish(figure: Figure, finding: str, caption: str) -> Picture:
    """Put the finding above the drawing, and fix where everything stands."""
    title = textwrap.fill(finding, TITLE_WIDTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE_SIZE, fontweight="bold", linespacing=1.25)
    with matplotlib.rc_context(STYLE):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out anew at each save, the same figure would differ in the last digit
    return Picture(figure, caption.replace(r"\$", "$"))


def arm_title(arm: str) -> str:
    """An arm's name in words: "fine_tuned" -> "fine-tuned". A "$" is escaped: it would begin mathematics."""
    return ARM_TITLES.get(arm, arm.replace("_", " ").replace("$", r"\$"))


def percent_axis(axis_owner: Axes, axis: str = "y", top: float = 1.0) -> None:
    """Shares from 0 to 1 shown as percentages, with a little room above 100% for labels."""
    getattr(axis_owner, f"set_{axis}lim")(0, top)
    getattr(axis_owner, f"{axis}axis").set_major_formatter(PercentFormatter(1.0, decimals=0))
    getattr(axis_owner, f"set_{axis}ticks")([tick for tick in (0, 0.25, 0.5, 0.75, 1.0) if tick <= top])


def grouped_bars(axes: Axes, values: pd.DataFrame, colours: Sequence[str] = COLOURS) -> list[BarContainer]:
    """Bars in groups: the index of `values` names the groups, its columns the bars of a group. NaN leaves a gap."""
    width = 0.8 / max(1, values.shape[1])
    bars = []
    for number, column in enumerate(values):
        offset = (number - (values.shape[1] - 1) / 2) * width
        places = [group + offset for group in range(len(values))]
        colour = colours[number % len(colours)]
        bars.append(axes.bar(places, values[column], 0.92 * width, color=colour, label=str(column)))
    axes.set_xticks(range(len(values)), [str(name) for name in values.index])
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.grid(False, axis="x")
    return bars


def legend(axes: Axes, columns: int | None = None, **options) -> None:
    """A legend above the drawing, where it covers no data."""
    count = len(axes.get_legend_handles_labels()[1])
    places = {
        "loc": "lower left",
        "bbox_to_anchor": (-0.01, 1.0),
        "ncols": columns or min(5, max(1, count)),
        "frameon": False,
    }
    axes.legend(**{**places, "handlelength": 1.2, "columnspacing": 1.4, "fontsize": 21, **options})


def percent(share: float) -> str:
    """A share as words for titles: whole percent, but never 0% or 100% for what is neither."""
    if pd.isna(share):
        return "none"
    whole = 100 * share
    if (0 < whole < 0.95) or (99.5 <= whole < 100):
        return f"{whole:.1f}%"
    return f"{whole:.0f}%"


def joined(words: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last
