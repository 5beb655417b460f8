"""One look for every figure: a 16:9 slide in seaborn's colorblind palette, large enough for the last row of a hall.

A figure's function asks for the axes of a slide, draws on them and gets a Picture back from `finish`. No state of
pyplot is touched, so figures need no closing and a notebook shows each one once.
"""

import base64
import html
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lib import files

INCHES, DPI = (16, 9), 100  # 1600 x 900 pixels
TITLE_SIZE, TITLE_WIDTH = 29, 56  # points; characters a line
SMALL = 18  # points; nothing is smaller
LABELLED = 0.05  # of a bar; a narrower piece has no room for its figure

COLOURS = tuple(seaborn.color_palette("colorblind").as_hex())
BLUE, ORANGE, GREEN, RED, PURPLE, _, _, SILVER, YELLOW, _ = COLOURS
GREY = "#555555"
PADS = {"w_pad": 0.25, "h_pad": 0.2}
REQUESTS = {  # source of examples -> how a title names it
    "field": "requests of people",
    "written": "composed requests",
    "report": "the report's names",
    "managed": "other names",
}
REPORT = "report"  # in a legend: the published report's figures
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
        self.figure.set_layout_engine("constrained", **PADS)
        return _titled(self.figure, f"{REQUESTS.get(source, source)}. {self.title}".replace("$", r"\$"), self.caption)

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
            with files.writing(path) as aside:
                aside.write_bytes(content)
        return paths

    def _render(self, kind: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.figure.savefig(buffer, format=kind, **options)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        # The caption is text beside the image, because the templates for HTML and slides drop an alternative text.
        image, text = base64.b64encode(self.png()).decode(), html.escape(self.caption)
        source = f'<img src="data:image/png;base64,{image}" alt="{text}" style="width:100%;max-width:1000px">'
        return f"<figure>{source}<figcaption>{text}</figcaption></figure>"


def slide() -> Axes:
    """The axes of an empty slide; draw on them, then call `finish`."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=INCHES, layout="constrained")
        figure.get_layout_engine().set(**PADS)
        axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def finish(axes: Axes, finding: str, caption: str, above: float = 1.0, columns: int = 5) -> Picture:
    """Put the finding and, for what has a label, a legend above the drawing, and fix where everything stands.

    Args:
        above: where the legend begins, which covers no data; 1 is the upper end of the axes.
        columns: of the legend; the report comes last.
    """
    pairs = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=lambda pair: pair[1] == REPORT)
    if pairs:
        looks = {"fontsize": 21, "columnspacing": 1.4, "ncols": columns, "handlelength": 1.2}
        looks |= {"fontsize": SMALL, "columnspacing": 1.0} if len(pairs) > 5 else {}
        looks |= {"ncols": 6} if len(pairs) == 6 else {}
        axes.legend(*zip(*pairs, strict=True), loc="lower left", bbox_to_anchor=(-0.01, above), frameon=False, **looks)
    return _titled(axes.figure, finding, caption)


def _titled(figure: Figure, finding: str, caption: str) -> Picture:
    title = textwrap.fill(finding[0].upper() + finding[1:], TITLE_WIDTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE_SIZE, fontweight="bold", linespacing=1.25)
    with matplotlib.rc_context(STYLE):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out anew at each save, the same figure would differ in the last digit
    return Picture(figure, caption.replace(r"\$", "$"))


def arm_title(arm: str) -> str:
    """An arm's name as a word: "fine_tuned" -> "fine-tuned". A "$" is escaped: it would begin mathematics."""
    return arm.replace("_", "-").replace("$", r"\$")


def percent(share: float, zero: str = "none") -> str:
    """A share as words for titles: "none", or whole percent, but never 0% or 100% for what is neither."""
    if pd.isna(share) or not share:
        return zero
    whole = 100 * share
    return f"{whole:.1f}%" if whole < 0.95 or 99.5 <= whole < 100 else f"{whole:.0f}%"


def percent_axis(axes: Axes, axis: str = "y", top: float = 1.0) -> None:
    """Shares from 0 to 1 shown as percentages, with a little room above 100% for labels."""
    getattr(axes, f"set_{axis}lim")(0, top)
    getattr(axes, f"{axis}axis").set_major_formatter(PercentFormatter(1.0, decimals=0))
    getattr(axes, f"set_{axis}ticks")([tick for tick in (0, 0.25, 0.5, 0.75, 1.0) if tick <= top])


def whole(axes: Axes) -> None:
    """Draw marks on the edge of the axes whole, above all else; seaborn's empty lines for the legend have no place."""
    for line in axes.lines:
        line.set_clip_on(not len(line.get_xdata()))
        line.set_zorder(line.get_zorder() + 2 * (line.get_marker() not in ("", "None")))


def rows_axis(axes: Axes, names: Sequence[str], size: int = 24) -> None:
    """Names down the left side, the first on top, without lines between them."""
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set(ylim=(max(1, len(names)) - 0.4, -0.6), ylabel="")
    axes.grid(False, axis="y")


def upright(
    axes: Axes,
    values: pd.DataFrame,
    labels: pd.DataFrame | None = None,
    ends: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    marks: pd.DataFrame | None = None,
    colours: Sequence[str] = COLOURS,
    turned: bool = False,
) -> list[BarContainer]:
    """Upright bars in groups: the index of `values` names the groups, its columns the bars of a group.

    Args:
        labels: what stands above the bars, a table of the same form.
        ends: of the bars' intervals, two tables of the same form; NaN: none.
        marks: what the report has in the place of a bar, as far as it has that.
        turned: whether the labels stand upright, too, or else they would run into each other.
    """
    sides = (values - ends[0], ends[1] - values) if ends else ()
    spread = np.stack([side.clip(lower=0).to_numpy().T for side in sides], axis=1) if sides else None
    lines = {"elinewidth": 2.5, "capsize": 5, "capthick": 2.5}
    looks = {"width": 0.84, "rot": 0, "edgecolor": "white", "linewidth": 2, "legend": False, "xlabel": ""}
    many = [colours[number % len(colours)] for number in range(values.shape[1])]
    values.plot.bar(ax=axes, color=many, yerr=spread, error_kw=lines, **looks)
    axes.grid(False, axis="x")
    drawn = [bars for bars in axes.containers if isinstance(bars, BarContainer)]
    for bars, name in zip(drawn, values, strict=True):
        if labels is not None:
            words = labels[name].astype(object).fillna("")
            axes.bar_label(bars, words, fontsize=SMALL, padding=8 if turned else 3, rotation=90 * turned)
        if marks is not None and name in marks:
            label = "" if REPORT in axes.get_legend_handles_labels()[1] else REPORT
            looks = {"color": "white", "markeredgecolor": "black", "markersize": 11, "zorder": 5, "clip_on": False}
            middles = [bar.get_x() + bar.get_width() / 2 for bar in bars]
            axes.plot(middles, marks[name].reindex(values.index), "D", label=label, **looks)
    return drawn


def stacked(axes: Axes, shares: pd.DataFrame, colours: Sequence[str], of: str) -> None:
    """Lying bars that make 100% `of` something: the index of `shares` names the bars, its columns their pieces."""
    shares.plot.barh(ax=axes, stacked=True, width=0.66, color=list(colours), edgecolor="white", legend=False)
    for bars, colour in zip(axes.containers, colours, strict=True):
        ink = "black" if seaborn.utils.relative_luminance(colour) > 0.4 else "white"
        said = [percent(share) if share >= LABELLED else "" for share in bars.datavalues]
        axes.bar_label(bars, said, label_type="center", fontsize=SMALL + 4, fontweight="bold", color=ink)
    rows_axis(axes, list(shares.index))
    percent_axis(axes, "x")
    axes.set_xlabel(of)
