"""Figures of a reviewer's verdict: what could be attached, how far it falls on people's requests, and on which kinds.

A title says the finding whatever the numbers are: where no arm has any success, it says that, and what comes nearest.
"""

import pandas as pd
import seaborn

from lib.evaluation import rows as checked
from lib.evaluation import verdict
from lib.evaluation.plots import slide
from lib.evaluation.plots.slide import BLUE, GREEN, GREY, ORANGE, RED, REQUESTS, SMALL, Picture, arm_title, percent
from lib.statistics import wilson

COLOURS = {
    verdict.USABLE: GREEN,
    verdict.NARROWER: BLUE,
    verdict.NO_POLICY: "#bbbbbb",
    verdict.OTHER: ORANGE,
    verdict.WIDER: RED,
}


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
    known = verdict.shares(part).set_index("arm")
    shares = pd.crosstab(part["arm"], part["verdict"], normalize="index")
    shares = shares.reindex(known.index, columns=list(COLOURS), fill_value=0).rename(index=arm_title)
    axes = slide.slide()
    lines = "of the drafts; lines: 95% intervals of usable, and of what grants too much"
    slide.stacked(axes, shares, list(COLOURS.values()), lines)
    looks = {"linewidth": 3, "markersize": 12, "markeredgewidth": 3, "clip_on": False}
    for place, row in enumerate(known.to_dict("records")):  # the intervals of what stands at either end
        axes.plot([row["usable_low"], row["usable_high"]], [place + 0.38] * 2, "|-", color=GREEN, **looks)
        axes.plot([1 - row["wider_high"], 1 - row["wider_low"]], [place + 0.42] * 2, "|-", color=RED, **looks)
        axes.text(1.015, place, f"{100 * row['wider']:.0f}%", va="center", fontsize=24, fontweight="bold")
    axes.text(1.015, -0.62, "grants\ntoo much", va="bottom", fontsize=SMALL, linespacing=0.95)
    whose, best, widest = REQUESTS.get(source or "", "all requests"), known["usable"].idxmax(), known["wider"].idxmax()
    finding = f"{arm_title(best)}, {whose}: {percent(known.loc[best, 'usable'])} of the drafts can be attached"
    finding += f", {percent(known.loc[best, 'wider'])} grant what nobody asked"
    if not known["usable"].any():
        finding = f"{whose}: no arm's draft can be attached as it stands"
        if known["wider"].any():
            finding += f"; {arm_title(widest)} grants what nobody asked in {percent(known.loc[widest, 'wider'])}"
    said = "; ".join(f"{name}: {words}" for name, words in verdict.MEANINGS.items())
    caption = (
        f"{known['n'].max()} {REQUESTS.get(source or '', 'requests')}. Lines under the bars: 95% intervals of what is "
        f"usable (green) and of what grants too much (red). {said[0].upper()}{said[1:]}."
    )
    return slide.finish(axes, finding, caption)


def fall(scores: pd.DataFrame, metric: str = "usable", title: str = "usable as they stand") -> Picture:
    """The same arms on requests that were composed and on requests of people, with the fall between them.

    Args:
        scores: score rows with source; those of the sources "written" and "field" are drawn.

    Raises:
        RowsError: if one of the two has no rows.
    """
    part = scores[scores["source"].isin(["written", "field"])]
    means = part.groupby(["arm", "source"])[metric].mean().astype(float).unstack().reindex(part["arm"].unique())
    if absent := sorted({"written", "field"} - set(means)):
        raise checked.RowsError(f"no request is of the source {absent[0]!r}: there is nothing to compare")
    means = means.dropna()
    sizes = part.groupby(["source", "arm"]).size().groupby("source").max()
    colours = {f"{REQUESTS[source]} ({sizes[source]})": c for source, c in (("written", BLUE), ("field", RED))}
    named = dict(zip(("written", "field"), colours, strict=True))
    axes = slide.slide()
    seaborn.pointplot(
        part.assign(source=part["source"].map(named), **{metric: part[metric].astype(float)}),
        x=metric,
        y="arm",
        hue="source",
        order=list(means.index),
        palette=colours,
        errorbar=lambda values: wilson(values)[1:],
        markers=["o", "D"],
        markersize=20,
        linestyle="none",
        err_kws={"linewidth": 9, "alpha": 0.35},
        ax=axes,
    )
    slide.whole(axes)
    for place, (high, low) in enumerate(zip(means["written"], means["field"], strict=True)):
        if abs(high - low) >= 0.04:  # else the marks touch: an arrow would say nothing
            arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 2.5, "shrinkA": 12, "shrinkB": 12}
            axes.annotate("", (low, place), (high, place), arrowprops=arrow)
            words = f"{100 * (low - high):+.0f}".replace("-", "−")
            axes.text((high + low) / 2, place - 0.2, words, ha="center", va="bottom", fontsize=SMALL + 4)
    slide.rows_axis(axes, list(map(arm_title, means.index)))
    axes.tick_params(axis="y", pad=16)  # a mark at 0% reaches to the left of the axis
    slide.percent_axis(axes, "x")
    axes.set_xlabel(f"of the drafts are {title}")
    best = means["written" if means["written"].any() else "field"].idxmax()
    composed, people = (percent(means.loc[best, source]) for source in ("written", "field"))
    finding = f"{arm_title(best)}: {composed} {title} on composed requests, {people} on those of people"
    if not means.any(axis=None):
        finding = f"There is nothing to fall from: no arm's drafts are {title}, neither on composed requests"
        finding += " nor on people's"
    caption = "The same arms, the same measure, two kinds of test request; bands are 95% intervals, numbers are points."
    return slide.finish(axes, finding, caption)


def by_tag(table: pd.DataFrame, arm: str) -> Picture:
    """The share of usable drafts for each kind of request. Takes what `verdict.shares` returns by "tag", worst first.

    Raises:
        RowsError: if there is no row.
    """
    if not len(table):
        raise checked.RowsError("no request has a tag: there is nothing to draw")
    places = range(len(table))
    axes = slide.slide()
    for name, side, colour in (("usable", 1, GREEN), ("wider", -1, RED)):
        axes.barh(places, side * table[name], height=0.66, color=colour)
        axes.hlines(places, side * table[f"{name}_low"], side * table[f"{name}_high"], "black", linewidth=3)
    axes.axvline(0, color="black", linewidth=1.5)
    slide.rows_axis(axes, [f"{tag}, {n}" for tag, n in zip(table["tag"], table["n"], strict=True)], SMALL)
    axes.set(xlim=(-1, 1), xlabel="← grant what was not asked        usable as they stand →")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * abs(value):.0f}%")
    least, most, widest = table.iloc[0], table.iloc[-1], table.loc[table["wider"].idxmax()]
    excess = f"what nobody asked is granted most on {widest['tag']!r} ({percent(widest['wider'])})"
    finding = f"usable least often on {least['tag']!r} ({percent(least['usable'])})"
    finding += f", most on {most['tag']!r} ({percent(most['usable'])})"
    if least["usable"] == most["usable"]:
        finding = f"equally usable on every kind of request ({percent(least['usable'])}); {excess}"
        finding = finding if least["usable"] else f"no kind of request has a usable draft; {excess}"
    caption = "Kinds of people's requests and how many there are of each; a request has several. Lines: 95% intervals."
    return slide.finish(axes, f"{arm_title(arm)}: {finding}", caption)
