"""Figures of faults at permission level: which are the commonest, and what each cure takes away."""

import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.faults import RIGHT, TITLES
from lib.evaluation.plots.slide import COLOURS, GREY, SMALL, Picture, arm_title, finish, percent, percent_axis, slide


def pareto(shares: pd.DataFrame, arm: str) -> Picture:
    """The main faults of an arm, commonest first, with the share of all answers that they make up together.

    Args:
        shares: what `faults.shares` returns.

    Raises:
        RowsError: if there is no such arm.
    """
    table = checked.frame(shares, text=("arm", "fault", "title"), other=("main", "n"))
    part = checked.of_arm(table, arm)
    n = int(part["n"].iloc[0])
    wrong = part[(part["fault"] != RIGHT) & (part["main"] > 0)].sort_values("main", ascending=False, kind="stable")
    right = int(part.loc[part["fault"] == RIGHT, "main"].sum()) / n
    figure, axes = slide()
    bars = axes.barh(range(len(wrong)), wrong["main"] / n, height=0.68, color=COLOURS[1])
    axes.bar_label(bars, [percent(s) for s in wrong["main"] / n], padding=20, fontsize=SMALL + 4, fontweight="bold")
    axes.plot(
        (wrong["main"] / n).cumsum(), range(len(wrong)), color=GREY, marker="o", label="together with those above"
    )
    axes.set_yticks(range(len(wrong)), wrong["title"], fontsize=24)
    axes.set_ylim(max(1, len(wrong)) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel("share of the answers")
    percent_axis(axes, "x")
    if len(wrong):
        axes.legend(loc="upper right", frameon=False, fontsize=SMALL + 2)
        first = wrong["title"].iloc[0]
        finding = f"{arm_title(arm)}: {percent(right)} exactly right; most often at fault: {first}"
    else:
        finding = f"{arm_title(arm)}: all answers are exactly right"
    caption = f"Arm {arm_title(arm)}, {n} answers; each has the first fault that holds as its main fault."
    return finish(figure, finding[0].upper() + finding[1:], caption)


def waterfall(table: pd.DataFrame) -> Picture:
    """The share of answers that are exactly right after each cure. Takes what `ablation.table` returns.

    Raises:
        RowsError: if there is no step.
    """
    if table.empty or not len(table.columns):
        raise checked.RowsError("no step of the ablation was run: there is nothing to draw")
    sizes = table.sum()
    right = (table.loc[TITLES[RIGHT]] if TITLES[RIGHT] in table.index else sizes * 0) / sizes
    figure, axes = slide()
    before = 0.0
    for place, share in enumerate(right):
        colour = COLOURS[0] if not place else COLOURS[2] if share >= before else COLOURS[3]
        axes.bar(place, share - before, bottom=before, width=0.62, color=colour)
        said = percent(share) if not place else f"{100 * (share - before):+.0f} points\n= {percent(share)}"
        axes.annotate(
            said, (place, max(share, before)), (0, 8), textcoords="offset points", ha="center", fontsize=SMALL + 4
        )
        if place:
            axes.plot([place - 0.69, place + 0.31], [before, before], color=GREY, linewidth=1.5)
        before = share
    axes.set_xticks(range(len(right)), right.index, fontsize=23)
    axes.set_ylabel("answers that are exactly right")
    axes.grid(False, axis="x")
    percent_axis(axes, top=min(1.12, max(0.25, 1.5 * right.max())))
    gains = right.diff().dropna()
    finding = f"{right.index[-1]}: {percent(right.iloc[-1])} of the answers are exactly right"
    if len(gains) and gains.max() > 0:
        best = gains.idxmax()
        finding = f"The largest gain comes with {best.removeprefix('+ ')}: {percent(right[best])} are exactly right"
    caption = (
        f"The same {int(sizes.iloc[0])} requests at each step; exactly right: no fault at permission level. A bar "
        "begins where the one before ends; repair mends the fine-tuned answers, the grammar stands in its place."
    )
    return finish(figure, finding[0].upper() + finding[1:], caption)
