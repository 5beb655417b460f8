"""Figures of the reviewer's verdict: could it be attached, how far composed requests flatter, where drafts fail."""

import numpy as np
import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation import verdict
from lib.evaluation.plots.slide import (
    COLOURS,
    GREY,
    REQUESTS,
    SMALL,
    Picture,
    arm_title,
    finish,
    legend,
    percent,
    percent_axis,
    slide,
)

VERDICT_COLOURS = {
    verdict.USABLE: COLOURS[2],
    verdict.NARROWER: COLOURS[0],
    verdict.OTHER: COLOURS[1],
    verdict.WIDER: COLOURS[3],
    verdict.NO_POLICY: "#bbbbbb",
}
PEOPLE, COMPOSED = COLOURS[3], COLOURS[0]


def verdicts(scores: pd.DataFrame, source: str | None = None) -> Picture:
    """What a reviewer would say of each arm's drafts: five shares that make 100%.

    Args:
        scores: score rows with source, those of requests that have no policy among them.
        source: whose requests are shown; None: those of all.

    Raises:
        RowsError: if the source has no rows.
    """
    part = scores if source is None else scores[scores["source"] == source]
    if part.empty:
        raise checked.RowsError(f"no request is of the source {source!r}: there is nothing to judge")
    counts = verdict.counts(part)
    shares = counts.div(counts.sum(axis=1), axis=0)
    known = verdict.shares(part).set_index("arm")
    figure, axes = slide()
    left = np.zeros(len(shares))
    for name, values in shares.items():
        axes.barh(range(len(shares)), values, left=left, height=0.62, color=VERDICT_COLOURS[name], label=name)
        for place, share in enumerate(values):
            if share > 0.055:
                style = {"color": "black" if name == verdict.NO_POLICY else "white", "fontweight": "bold"}
                axes.text(
                    left[place] + share / 2, place, percent(share), ha="center", va="center", fontsize=22, **style
                )
        left += values.to_numpy()
    for place, row in enumerate(known.to_dict("records")):  # the intervals of what stands at either end
        looks = {"linewidth": 3, "markersize": 12, "markeredgewidth": 3, "clip_on": False}
        usable, excess = [row["usable_low"], row["usable_high"]], [1 - row["wider_high"], 1 - row["wider_low"]]
        axes.plot(usable, [place + 0.38] * 2, "|-", color=VERDICT_COLOURS[verdict.USABLE], **looks)
        axes.plot(excess, [place + 0.42] * 2, "|-", color=VERDICT_COLOURS[verdict.WIDER], **looks)
        axes.text(1.015, place, percent(row["wider"]), va="center", fontsize=24, fontweight="bold")
    axes.text(1.015, -0.62, "grants\ntoo much", va="bottom", fontsize=SMALL, linespacing=0.95)
    axes.set_yticks(range(len(shares)), [arm_title(arm) for arm in shares.index], fontsize=24)
    axes.set_ylim(len(shares) - 0.4, -0.6)
    axes.grid(False, axis="y")
    percent_axis(axes, "x")
    axes.set_xlabel("of the drafts; lines: 95% intervals of usable, and of what grants too much")
    legend(axes, columns=5)
    best = known["usable"].idxmax()
    row = known.loc[best]
    finding = (
        f"{arm_title(best)}, {REQUESTS.get(source, 'all requests')}: {percent(row['usable'])} of the drafts can be "
        f"attached, {percent(row['wider'])} grant what nobody asked"
    )
    said = "; ".join(f"{name}: {verdict.MEANINGS[name]}" for name in verdict.VERDICTS)
    caption = (
        f"{row['n']:.0f} {REQUESTS.get(source, 'requests')}. Lines under the bars: 95% intervals of what is usable "
        f"(green) and of what grants too much (red). {said[0].upper()}{said[1:]}."
    )
    return finish(figure, finding[0].upper() + finding[1:], caption)


def fall(scores: pd.DataFrame, metric: str = "usable", title: str = "usable as they stand") -> Picture:
    """The same arms on requests that were composed and on requests of people, with the fall between them.

    Args:
        scores: score rows with source; those of the sources "written" and "field" are drawn.

    Raises:
        RowsError: if one of the two has no rows.
    """
    table = verdict.shares(scores, by=("source", "arm"), of=(metric,)).set_index(["source", "arm"])
    for source in ("written", "field"):
        if source not in table.index:
            raise checked.RowsError(f"no request is of the source {source!r}: there is nothing to compare")
    composed, people = table.loc["written"], table.loc["field"]
    arms = [arm for arm in composed.index if arm in people.index]
    figure, axes = slide()
    for source, part, colour, mark in (("written", composed, COMPOSED, "o"), ("field", people, PEOPLE, "D")):
        for place, arm in enumerate(arms):
            ends = part.loc[arm, [f"{metric}_low", f"{metric}_high"]]
            axes.plot(ends, [place, place], color=colour, linewidth=9, alpha=0.35)
        label = f"{REQUESTS[source]} ({int(part['n'].max())})"
        looks = {"color": colour, "markersize": 20, "clip_on": False, "zorder": 5, "linestyle": ""}
        axes.plot(part.loc[arms, metric], range(len(arms)), mark, label=label, **looks)
    for place, arm in enumerate(arms):
        high, low = composed.loc[arm, metric], people.loc[arm, metric]
        if abs(high - low) < 0.04:  # the marks touch: an arrow would say nothing
            continue
        arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 2.5, "shrinkA": 12, "shrinkB": 12}
        axes.annotate("", (low, place), (high, place), arrowprops=arrow)
        words = f"{100 * (low - high):+.0f}".replace("-", "−")
        axes.text((high + low) / 2, place - 0.2, words, ha="center", va="bottom", fontsize=SMALL + 4)
    axes.set_yticks(range(len(arms)), [arm_title(arm) for arm in arms], fontsize=24)
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.tick_params(axis="y", pad=16)  # a mark at 0% reaches to the left of the axis
    axes.grid(False, axis="y")
    percent_axis(axes, "x", 1.0)
    axes.set_xlabel(f"of the drafts are {title}")
    legend(axes, columns=2)
    best = max(arms, key=lambda arm: composed.loc[arm, metric])
    finding = (
        f"{arm_title(best)}: {percent(composed.loc[best, metric])} {title} on composed requests, "
        f"{percent(people.loc[best, metric])} on those of people"
    )
    caption = "The same arms, the same measure, two kinds of test request; bands are 95% intervals, numbers are points."
    return finish(figure, finding[0].upper() + finding[1:], caption)


def by_tag(table: pd.DataFrame, arm: str) -> Picture:
    """The share of usable drafts for each kind of request, worst first. Takes what `verdict.by_tag` returns.

    Raises:
        RowsError: if there is no row.
    """
    if not len(table):
        raise checked.RowsError("no request has a tag: there is nothing to draw")
    figure, axes = slide()
    for place, row in enumerate(table.to_dict("records")):
        axes.barh(place, row["usable"], height=0.66, color=VERDICT_COLOURS[verdict.USABLE])
        axes.barh(place, -row["wider"], height=0.66, color=VERDICT_COLOURS[verdict.WIDER])
        axes.plot([row["usable_low"], row["usable_high"]], [place, place], color="black", linewidth=3)
        axes.plot([-row["wider_high"], -row["wider_low"]], [place, place], color="black", linewidth=3)
    axes.set_yticks(range(len(table)), [f"{r['tag']}, {r['n']}" for r in table.to_dict("records")], fontsize=SMALL)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.axvline(0, color="black", linewidth=1.5)
    axes.set_xlim(-1, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * abs(value):.0f}%")
    axes.grid(False, axis="y")
    axes.set_xlabel("← grant what was not asked        usable as they stand →")
    worst, best = table.iloc[0], table.iloc[-1]
    finding = (
        f"{arm_title(arm)}: usable least often on {worst['tag']!r} ({percent(worst['usable'])}), "
        f"most on {best['tag']!r} ({percent(best['usable'])})"
    )
    caption = "Kinds of people's requests and how many there are of each; a request has several. Lines: 95% intervals."
    return finish(figure, finding[0].upper() + finding[1:], caption)
