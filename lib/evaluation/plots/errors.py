"""Figures of 04_errors: what went wrong, in which arms, complexities, services and requests, and what cures it."""

import pandas as pd
import seaborn

from lib.evaluation import rows as checked
from lib.evaluation.errors import CATEGORIES, RIGHT, TITLES
from lib.evaluation.plots.slide import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SILVER,
    SMALL,
    Picture,
    arm_title,
    finish,
    legend,
    percent,
    percent_axis,
    rows_axis,
    slide,
    stacked,
)

CATEGORY_COLOURS = {  # correct first, so that it begins at the axis
    "correct": GREEN,
    "wrong_services": ORANGE,
    "wrong_effect": RED,
    "invalid_schema": PURPLE,
    "no_json": SILVER,
}
ORDER = f"Each answer has the first category that holds, in this order: {', '.join(c.title for c in CATEGORIES)}."


def categories_by_arm(counts: pd.DataFrame) -> Picture:
    """The share of every category in each arm. Takes what `errors.counts(labelled)` returns."""
    table = checked.frame(counts, text=("arm", "category"), other=("rate", "n"))
    rates = _rates(table, "arm")
    correct = rates["correct"]
    finding = f"{arm_title(correct.idxmax())}: {percent(correct.max())} correct{_worst(rates.loc[correct.idxmax()])}"
    if not correct.any():
        finding = f"No arm has a correct answer{_worst(rates.mean())} of all answers"
    caption = f"{ORDER} Answers an arm: {table['n'].iloc[0]}."
    return _categories(rates.rename(index=arm_title), finding, caption)


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
        of_last = _worst(rates.loc[last], " of these")
        finding += f", {percent(rates.loc[last, 'correct'])} of {last} ones{of_last}"
    return _categories(rates.rename(index=lambda c: f"{c}\nn {sizes[c]}"), finding, f"Arm {arm_title(arm)}. {ORDER}")


def _rates(table: pd.DataFrame, by: str) -> pd.DataFrame:
    rates = table.pivot(index=by, columns="category", values="rate").reindex(list(dict.fromkeys(table[by])))
    return rates.reindex(columns=list(CATEGORY_COLOURS), fill_value=0.0)


def _worst(rates: pd.Series, of: str = "") -> str:
    wrong = rates.drop("correct")
    if not wrong.any():
        return "; nothing is wrong"
    return f"; commonest error{of}: {TITLES[wrong.idxmax()]}, {percent(wrong.max())}"


def _categories(rates: pd.DataFrame, finding: str, caption: str) -> Picture:
    figure, axes = slide()
    stacked(axes, rates.rename(columns=TITLES), list(CATEGORY_COLOURS.values()))
    axes.set_xlabel("share of the answers")
    return finish(figure, finding, caption)


def pareto(counts: pd.DataFrame, arm: str) -> Picture:
    """The main faults of an arm, commonest first, with the share of all answers that they make up together.

    Args:
        counts: what `errors.counts(labelled, "fault")` returns.

    Raises:
        RowsError: if there is no such arm.
    """
    part = checked.of_arm(checked.frame(counts, text=("arm", "fault", "title"), other=("rate", "n")), arm)
    part = part[part["rate"] > 0].sort_values("rate", ascending=False, kind="stable")
    right, wrong = part.loc[part["fault"] == RIGHT, "rate"].sum(), part[part["fault"] != RIGHT]
    figure, axes = slide()
    bars = axes.barh(range(len(wrong)), wrong["rate"], height=0.68, color=ORANGE)
    looks = {"fontweight": "bold", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 2}}
    axes.bar_label(bars, list(map(percent, wrong["rate"])), padding=20, fontsize=SMALL + 4, **looks)
    axes.plot(wrong["rate"].cumsum(), range(len(wrong)), "o-", color=GREY, label="together with those above")
    rows_axis(axes, list(wrong["title"]))
    axes.set_xlabel("share of the answers")
    percent_axis(axes, "x")
    finding = f"{arm_title(arm)}: all answers are exactly right"
    if len(wrong):
        legend(axes)
        first = f"{wrong['title'].iloc[0]} ({percent(wrong['rate'].iloc[0])})"
        some = f"{percent(right)} exactly right" if right else "no answer is exactly right"
        finding = f"{arm_title(arm)}: {some}; most often at fault: {first}"
    caption = f"Arm {arm_title(arm)}, {part['n'].max()} answers; each has the first fault that holds as its main fault."
    return finish(figure, finding, caption)


def waterfall(table: pd.DataFrame) -> Picture:
    """The share of answers that are exactly right after each cure. Takes what `findings.by_step` returns.

    Raises:
        RowsError: if there is no step.
    """
    if table.empty or not len(table.columns):
        raise checked.RowsError("no step of the ablation was run: there is nothing to draw")
    sizes = table.sum()
    right = (table.loc[TITLES[RIGHT]] if TITLES[RIGHT] in table.index else sizes * 0) / sizes
    before, gains = right.shift(fill_value=0.0), right.diff().fillna(0.0)
    colours = [BLUE, *(GREEN if gain >= 0 else RED for gain in gains[1:])]
    figure, axes = slide()
    axes.bar(range(len(right)), right - before, bottom=before, width=0.62, color=colours)
    for place, (share, gain) in enumerate(zip(right, gains, strict=True)):
        said = f"{100 * gain:+.0f} points\n= {100 * share:.0f}%" if place else f"{100 * share:.0f}%"
        top = (place, max(share, before.iloc[place]))
        axes.annotate(said, top, (0, 8), textcoords="offset points", ha="center", fontsize=SMALL + 4)
    axes.hlines(before[1:], [p - 0.69 for p in range(1, len(right))], [p + 0.31 for p in range(1, len(right))], GREY)
    axes.set_xticks(range(len(right)), right.index, fontsize=23)
    axes.set_ylabel("answers that are exactly right")
    axes.grid(False, axis="x")
    percent_axis(axes, top=min(1.12, max(0.25, 1.5 * right.max())))
    finding = f"{right.index[-1]}: {percent(right.iloc[-1])} of the answers are exactly right"
    if not right.any():
        left = table.iloc[:, -1]
        finding = f"No cure makes an answer exactly right; what is left at the end is most often {left.idxmax()}"
        finding += f" ({percent(left.max() / left.sum())})"
    elif gains.max() > 0:
        best = gains.idxmax()
        finding = f"The largest gain comes with {best.removeprefix('+ ')}: {percent(right[best])} are exactly right"
    caption = (
        f"The same {int(sizes.iloc[0])} requests at each step; exactly right: no fault at permission level. A bar "
        "begins where the one before ends; repair mends the fine-tuned answers, the grammar stands in its place."
    )
    return finish(figure, finding, caption)


def faults_by_service(table: pd.DataFrame, arm: str) -> Picture:
    """Which faults an arm makes in which services, as a heat map. Takes what `errors.by_service` returns.

    Raises:
        RowsError: if there is no service.
    """
    if not len(table):
        raise checked.RowsError("no service is wanted: there is nothing to draw")
    figure, axes = slide()
    finding = f"{arm_title(arm)}: no fault in any service"
    if table.shape[1]:
        looks = {"cmap": "Blues", "annot": True, "fmt": ".0%", "linewidths": 2, "annot_kws": {"fontsize": SMALL}}
        seaborn.heatmap(table, ax=axes, vmin=0, vmax=1, cbar=False, **looks)
        sizes = table.index.str.rpartition(", ").get_level_values(2).astype(int)
        answers = table.mul(sizes, axis=0)  # a share of one answer is no finding: the largest number decides
        fault = answers.sum().idxmax()
        worst = (
            answers.assign(share=table[fault]).sort_values([fault, "share"], ascending=False, kind="stable").index[0]
        )
        service, n = worst.split(", ")
        finding = (
            f"{arm_title(arm)}: commonest fault {fault}; most in {service}, {percent(table.loc[worst, fault])} of {n}"
        )
    axes.set_xticks(axes.get_xticks(), [title.replace(" ", "\n") for title in table], rotation=0, fontsize=SMALL)
    axes.tick_params(axis="y", rotation=0, labelsize=SMALL + 2)
    axes.set_ylabel("")  # names of services are long: what they are stands above them
    axes.text(-0.01, 1.01, "service, answers", fontsize=SMALL, ha="right", va="bottom", transform=axes.transAxes)
    caption = f"Share of {arm_title(arm)}'s answers with each fault, for the services that are wanted most."
    return finish(figure, finding, caption)


def by_tag(table: pd.DataFrame, arm: str) -> Picture:
    """The share of usable drafts for each kind of request, worst first. Takes what `verdict.by_tag` returns.

    Raises:
        RowsError: if there is no row.
    """
    if not len(table):
        raise checked.RowsError("no request has a tag: there is nothing to draw")
    places = range(len(table))
    figure, axes = slide()
    axes.barh(places, table["usable"], height=0.66, color=GREEN)
    axes.barh(places, -table["wider"], height=0.66, color=RED)
    axes.hlines(places, table["usable_low"], table["usable_high"], "black", linewidth=3)
    axes.hlines(places, -table["wider_high"], -table["wider_low"], "black", linewidth=3)
    axes.axvline(0, color="black", linewidth=1.5)
    rows_axis(axes, [f"{tag}, {n}" for tag, n in zip(table["tag"], table["n"], strict=True)], SMALL)
    axes.set_xlim(-1, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * abs(value):.0f}%")
    axes.set_xlabel("← grant what was not asked        usable as they stand →")
    shares, tags = table["usable"].to_list(), table["tag"].to_list()
    finding = f"usable least often on {tags[0]!r} ({percent(shares[0])}), most on {tags[-1]!r} ({percent(shares[-1])})"
    if shares[0] == shares[-1]:
        widest = table.loc[table["wider"].idxmax()]
        excess = f"what nobody asked is granted most on {widest['tag']!r} ({percent(widest['wider'])})"
        finding = f"equally usable on every kind of request ({percent(shares[0])}); {excess}"
        finding = finding if shares[0] else f"no kind of request has a usable draft; {excess}"
    caption = "Kinds of people's requests and how many there are of each; a request has several. Lines: 95% intervals."
    return finish(figure, f"{arm_title(arm)}: {finding}", caption)
