"""Figures of errors: what went wrong, in which arms, complexities and services, and what each cure takes away."""

import numpy as np
import pandas as pd
import seaborn

from lib.evaluation import rows as checked
from lib.evaluation.errors import CATEGORIES, NAMES, RIGHT, TITLES
from lib.evaluation.plots import slide
from lib.evaluation.plots.slide import BLUE, GREEN, GREY, ORANGE, RED, SMALL, Picture, arm_title, percent

COLOURS = {  # correct first, so that it begins at the axis
    "correct": GREEN,
    "wrong_services": ORANGE,
    "wrong_effect": RED,
    "invalid_schema": slide.PURPLE,
    "no_json": slide.SILVER,
}
ORDER = f"Each answer has the first category that holds, in this order: {', '.join(c.title for c in CATEGORIES)}."


def categories_by_arm(counts: pd.DataFrame) -> Picture:
    """The share of every category in each arm. Takes what `errors.counts(labelled)` returns."""
    table = checked.frame(counts, text=("arm", "category"), other=("rate", "n"))
    rates = _rates(table, "arm").rename(index=arm_title)
    correct = rates["correct"]
    finding = f"{correct.idxmax()}: {percent(correct.max())} correct{_worst(rates.loc[correct.idxmax()])}"
    if not correct.any():
        finding = f"No arm has a correct answer{_worst(rates.mean())} of all answers"
    return _categories(rates, finding, f"{ORDER} Answers an arm: {table['n'].iloc[0]}.")


def categories_by_complexity(counts: pd.DataFrame, arm: str) -> Picture:
    """The share of every category by complexity, in one arm. Takes what `errors.counts(labelled, by="complexity")`
    returns.

    Raises:
        RowsError: if there is no such arm.
    """
    table = checked.frame(counts, text=("arm", "complexity", "category"), other=("rate", "n"))
    table = checked.of_arm(table, arm)
    rates, sizes = _rates(table, "complexity"), table.groupby("complexity")["n"].first()
    first, last = rates.index[0], rates.index[-1]
    finding = f"{arm_title(arm)}: {percent(rates.loc[first, 'correct'])} of {first} policies are correct"
    if first != last:
        finding += f", {percent(rates.loc[last, 'correct'])} of {last} ones{_worst(rates.loc[last], ' of these')}"
    return _categories(rates.rename(index=lambda c: f"{c}\nn {sizes[c]}"), finding, f"Arm {arm_title(arm)}. {ORDER}")


def _rates(table: pd.DataFrame, by: str) -> pd.DataFrame:
    rates = table.pivot(index=by, columns="category", values="rate").reindex(list(dict.fromkeys(table[by])))
    return rates.reindex(columns=list(COLOURS), fill_value=0.0)


def _worst(rates: pd.Series, of: str = "") -> str:
    wrong = rates.drop("correct")
    if not wrong.any():
        return "; nothing is wrong"
    return f"; commonest error{of}: {TITLES[wrong.idxmax()]}, {percent(wrong.max())}"


def _categories(rates: pd.DataFrame, finding: str, caption: str) -> Picture:
    axes = slide.slide()
    slide.stacked(axes, rates.rename(columns=TITLES), list(COLOURS.values()), "share of the answers")
    return slide.finish(axes, finding, caption)


def pareto(counts: pd.DataFrame, arm: str) -> Picture:
    """The main faults of an arm, commonest first, with the share of all answers that they make up together.

    Args:
        counts: what `errors.counts(labelled, "fault")` returns.

    Raises:
        RowsError: if there is no such arm.
    """
    part = checked.of_arm(checked.frame(counts, text=("arm", "fault", "title"), other=("rate", "n")), arm)
    rates = part[part["rate"] > 0].sort_values("rate", ascending=False, kind="stable").set_index("title")["rate"]
    right, wrong = rates.get(TITLES[RIGHT], 0), rates.drop(TITLES[RIGHT], errors="ignore")
    axes, finding = slide.slide(), f"{arm_title(arm)}: all answers are exactly right"
    if len(wrong):
        seaborn.barplot(x=wrong, y=wrong.index, color=ORANGE, saturation=1, width=0.68, ax=axes)
        looks = {"fontweight": "bold", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 2}}
        axes.bar_label(axes.containers[0], list(map(percent, wrong)), padding=20, fontsize=SMALL + 4, **looks)
        axes.plot(wrong.cumsum(), range(len(wrong)), "o-", color=GREY, label="together with those above")
        finding = f"{arm_title(arm)}: {f'{percent(right)} exactly right' if right else 'no answer is exactly right'}"
        finding += f"; most often at fault: {wrong.index[0]} ({percent(wrong.iloc[0])})"
    slide.rows_axis(axes, list(wrong.index))
    axes.set_xlabel("share of the answers")
    slide.percent_axis(axes, "x")
    caption = f"Arm {arm_title(arm)}, {part['n'].max()} answers; each has the first fault that holds as its main fault."
    return slide.finish(axes, finding, caption)


def cures(table: pd.DataFrame) -> Picture:
    """The share of answers that are exactly right after each cure. Takes what `findings.by_step` returns.

    Raises:
        RowsError: if there is no step.
    """
    if table.empty:
        raise checked.RowsError("no step of the ablation was run: there is nothing to draw")
    right = table.reindex([TITLES[RIGHT]], fill_value=0).iloc[0] / table.sum()
    before, gains, places = right.shift(fill_value=0.0), right.diff().fillna(0.0), np.arange(len(right))
    axes = slide.slide()
    colours = [BLUE, *(GREEN if gain >= 0 else RED for gain in gains[1:])]
    axes.bar(places, gains.where(places > 0, right), bottom=before, width=0.62, color=colours)
    said = [f"{100 * gain:+.0f} points\n= {100 * share:.0f}%" for share, gain in zip(right, gains, strict=True)]
    for place, words in enumerate([f"{100 * right.iloc[0]:.0f}%", *said[1:]]):
        top = (place, max(right.iloc[place], before.iloc[place]))
        axes.annotate(words, top, (0, 8), textcoords="offset points", ha="center", fontsize=SMALL + 4)
    axes.hlines(before[1:], places[1:] - 0.69, places[1:] + 0.31, GREY)
    axes.set_xticks(places, right.index, fontsize=23)
    axes.set_ylabel("answers that are exactly right")
    axes.grid(False, axis="x")
    slide.percent_axis(axes, top=min(1.12, max(0.25, 1.5 * right.max())))
    finding = f"{right.index[-1]}: {percent(right.iloc[-1])} of the answers are exactly right"
    if not right.any():
        left = table.iloc[:, -1]
        finding = f"No cure makes an answer exactly right; what is left at the end is most often {left.idxmax()}"
        finding += f" ({percent(left.max() / left.sum())})"
    elif gains.max() > 0:
        best = gains.idxmax()
        finding = f"The largest gain comes with {best.removeprefix('+ ')}: {percent(right[best])} are exactly right"
    caption = (
        f"The same {int(table.iloc[:, 0].sum())} requests at each step; exactly right: no fault at permission level. A "
        "bar begins where the one before ends; repair mends the fine-tuned answers, the grammar stands in its place."
    )
    return slide.finish(axes, finding, caption)


def faults_by_service(labelled: pd.DataFrame, arm: str, most: int = 12) -> Picture:
    """The share of an arm's answers that have each fault, for the services that are wanted most, as a heat map.

    An answer counts for every service that its wanted policy names. Takes what `errors.label` returns.

    Raises:
        RowsError: if there is no such arm, or no service.
    """
    part = checked.of_arm(labelled, arm)
    each = part.assign(service=part["services_wanted"].str.split()).explode("service").dropna(subset="service")
    sizes = each["service"].value_counts().sort_index().sort_values(ascending=False, kind="stable").head(most)
    if sizes.empty:
        raise checked.RowsError("no service is wanted: there is nothing to draw")
    counts = each.groupby("service")[list(NAMES)].sum().loc[sizes.index].astype(int)
    counts = counts.loc[:, counts.any()].rename(columns=TITLES)
    axes, finding = slide.slide(), f"{arm_title(arm)}: no fault in any service"
    if counts.shape[1]:
        looks = {"cmap": "Blues", "annot": True, "fmt": ".0%", "linewidths": 2, "annot_kws": {"fontsize": SMALL}}
        seaborn.heatmap(counts.div(sizes, axis=0), ax=axes, vmin=0, vmax=1, cbar=False, **looks)
        fault = counts.sum().idxmax()  # a share of one answer is no finding: the largest number decides
        ranked = counts[[fault]].assign(share=counts[fault] / sizes).sort_values([fault, "share"], ascending=False)
        worst, share = ranked.index[0], ranked["share"].iloc[0]
        finding = f"{arm_title(arm)}: commonest fault {fault}; most in {worst}, {percent(share)} of {sizes[worst]}"
    places = [place + 0.5 for place in range(len(sizes))]
    axes.set_yticks(places, [f"{service}, {n}" for service, n in sizes.items()])
    axes.set_xticks(axes.get_xticks(), [title.replace(" ", "\n") for title in counts], rotation=0, fontsize=SMALL)
    axes.tick_params(axis="y", rotation=0, labelsize=SMALL + 2)
    axes.set_ylabel("")  # names of services are long: what they are stands above them
    axes.text(-0.01, 1.01, "service, answers", fontsize=SMALL, ha="right", va="bottom", transform=axes.transAxes)
    caption = f"Share of {arm_title(arm)}'s answers with each fault, for the services that are wanted most."
    return slide.finish(axes, finding, caption)
