"""Figures of 04_errors: what went wrong, by arm and by complexity."""

import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.errors import CATEGORIES, TITLES
from lib.evaluation.plots.slide import COLOURS, SMALL, Picture, arm_title, finish, legend, percent, percent_axis, slide

LABELLED = 0.045  # a narrower piece has no room for its figure
COLOUR_OF = {  # the rest of the palette is for categories that come later
    "correct": COLOURS[2],
    "no_json": COLOURS[7],
    "invalid_schema": COLOURS[4],
    "wrong_effect": COLOURS[3],
    "wrong_services": COLOURS[1],
}
SPARE = [colour for colour in COLOURS if colour not in COLOUR_OF.values()]


def categories_by_arm(counts: pd.DataFrame) -> Picture:
    """The share of every category in each arm. Takes what `errors.counts(labelled)` returns."""
    table = checked.frame(counts, text=("arm", "category"), other=("rate", "count", "n"))
    arms = list(dict.fromkeys(table["arm"]))
    rates = table.pivot_table(index="arm", columns="category", values="rate", sort=False).loc[arms]
    correct = rates.get("correct", rates.iloc[:, 0] * 0)
    best = correct.idxmax()
    if correct.max() > 0:
        finding = f"{arm_title(best)}: {percent(correct.max())} correct{_worst(rates.loc[best])}"
    else:
        finding = f"No arm has a correct answer{_worst(rates.mean())} of all answers"
    answers = table.groupby("arm", sort=False)["n"].first()
    caption = f"Each answer has the first category that holds, {_order()}. Answers an arm: {answers.iloc[0]}."
    rates.index = [arm_title(arm) for arm in arms]
    return _stacked(rates, finding, caption)


def categories_by_complexity(counts: pd.DataFrame, arm: str | None = None) -> Picture:
    """The share of every category by complexity, in one arm.

    Args:
        counts: what `errors.counts(labelled, by="complexity")` returns.
        arm: which arm; the last one if not given.
    """
    table = checked.frame(counts, text=("arm", "complexity", "category"), other=("rate", "count", "n"))
    arm = arm or table["arm"].iloc[-1]
    table = table[table["arm"] == arm]
    if table.empty:
        raise checked.RowsError(f"counts: there is no arm {arm!r}")
    order = [c for c in checked.COMPLEXITIES if c in set(table["complexity"])]
    rates = table.pivot_table(index="complexity", columns="category", values="rate", sort=False).loc[order]
    sizes = table.groupby("complexity")["n"].first()
    correct = rates.get("correct", rates.iloc[:, 0] * 0)
    finding = f"{arm_title(arm)}: {percent(correct.iloc[0])} of {order[0]} policies are correct"
    if len(order) > 1:
        finding += f", {percent(correct.iloc[-1])} of {order[-1]} ones{_worst(rates.iloc[-1], ' of these')}"
    caption = f"Arm {arm_title(arm)}. Each answer has the first category that holds, {_order()}."
    rates.index = [f"{c}\nn {sizes[c]}" for c in order]
    return _stacked(rates, finding, caption)


def _worst(rates: pd.Series, of: str = "") -> str:
    wrong = rates.drop(labels="correct", errors="ignore")
    wrong = wrong[wrong > 0]
    if wrong.empty:
        return "; nothing is wrong"
    return f"; commonest error{of}: {TITLES[wrong.idxmax()]}, {percent(wrong.max())}"


def _order() -> str:
    return "in this order: " + ", ".join(category.title for category in CATEGORIES)


def _stacked(rates: pd.DataFrame, finding: str, caption: str) -> Picture:
    figure, axes = slide()
    left = pd.Series(0.0, index=rates.index)
    spare = iter(SPARE * len(CATEGORIES))
    places = range(len(rates))
    for category in reversed(CATEGORIES):  # correct first, so that it starts at the axis
        shares = rates[category.name] if category.name in rates else left * 0
        colour = COLOUR_OF.get(category.name) or next(spare)
        bars = axes.barh(places, shares, left=left, height=0.68, color=colour, label=category.title, edgecolor="white")
        labels = [percent(share) if share >= LABELLED else "" for share in shares]
        axes.bar_label(bars, labels=labels, label_type="center", fontsize=SMALL + 4, fontweight="bold", color="black")
        left = left + shares
    axes.set_yticks(places, rates.index, fontsize=24)
    axes.set_ylim(len(rates) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel("share of the answers")
    percent_axis(axes, "x")
    legend(axes)
    return finish(figure, finding[0].upper() + finding[1:], caption)
