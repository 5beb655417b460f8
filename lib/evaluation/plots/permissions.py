"""Figures of permissions: granted against wanted, how far apart two arms are, and where faults are at home."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn

from lib.evaluation import rows as checked
from lib.evaluation.metric import METRICS, PERMISSIONS
from lib.evaluation.plots.slide import (
    COLOURS,
    GREY,
    SMALL,
    Picture,
    arm_title,
    finish,
    joined,
    legend,
    percent,
    percent_axis,
    slide,
)

METRIC_TITLES = {metric.name: metric.title for metric in METRICS + PERMISSIONS}
VERDICTS = {"better": COLOURS[0], "worse": COLOURS[3], "undecided": GREY, "too few": GREY}
INSIDE = {"ha": "center", "va": "center", "color": "white", "fontsize": SMALL + 4, "fontweight": "bold"}


def confusion(scores: pd.DataFrame, arms: Sequence[str]) -> Picture:
    """Actions that were granted against actions that were wanted, in shares of each answer's own actions.

    Args:
        scores: score rows.
        arms: two or three to set side by side; the title speaks of the last.

    Raises:
        RowsError: if an arm has no rows.
    """
    table = checked.frame(scores, text=("arm",), other=("actions_wanted", "actions_granted", "actions_shared"))
    for arm in arms:
        checked.of_arm(table, arm)
    either = table["actions_wanted"] + table["actions_granted"] - table["actions_shared"]
    parts = pd.DataFrame(
        {
            "wanted and granted": table["actions_shared"] / either,
            "wanted, not granted": (table["actions_wanted"] - table["actions_shared"]) / either,
            "granted, not wanted": (table["actions_granted"] - table["actions_shared"]) / either,
        }
    )[either > 0]
    means = parts.groupby(table["arm"], sort=False).mean().reindex(list(arms)).fillna(0)
    figure, axes = slide()
    left = np.zeros(len(arms))
    for colour, (name, shares) in zip((COLOURS[2], GREY, COLOURS[1]), means.items(), strict=True):
        axes.barh(range(len(arms)), shares, left=left, height=0.62, color=colour, label=name)
        for place, share in enumerate(shares):
            if share > 0.06:
                axes.text(left[place] + share / 2, place, percent(share), **INSIDE)
        left += shares.to_numpy()
    axes.set_yticks(range(len(arms)), [arm_title(arm) for arm in arms], fontsize=24)
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.grid(False, axis="y")
    percent_axis(axes, "x")
    axes.set_xlabel("of the actions that an answer grants or should grant")
    legend(axes)
    right, missed, surplus = means.loc[arms[-1]]
    finding = (
        f"{arm_title(arms[-1])}: {percent(right)} of the actions are wanted and granted, "
        f"{percent(missed)} missed, {percent(surplus)} too much"
    )
    answers = int((either[table["arm"] == arms[-1]] > 0).sum())
    caption = (
        "Actions of the catalogue that Allow statements match; those of an answer and its wanted policy together are "
        f"100%. Means over {answers} answers an arm; an answer without JSON grants nothing."
    )
    return finish(figure, finding[0].upper() + finding[1:], caption)


def lead(differences: pd.DataFrame, arm: str) -> Picture:
    """How much higher an arm scores than the others, on the same examples, with intervals.

    Args:
        differences: what `statistics.differences(scores, arm)` returns.

    Raises:
        RowsError: if there is nothing to compare.
    """
    table = checked.frame(differences, text=("other", "metric", "verdict"), other=("n", "difference", "low", "high"))
    metrics, others = list(dict.fromkeys(table["metric"])), list(dict.fromkeys(table["other"]))
    figure, axes = slide()
    marks = "osD^vP*X"
    for number, other in enumerate(others):
        part = table[table["other"] == other].set_index("metric").loc[metrics]
        places = np.arange(len(metrics)) + 0.7 * ((number + 0.5) / len(others) - 0.5)
        for place, row in zip(places, part.to_dict("records"), strict=True):
            colour = VERDICTS[row["verdict"]]
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=5, solid_capstyle="butt")
            axes.plot(row["difference"], place, marks[number % len(marks)], color=colour, markersize=16)
        axes.plot([], [], marks[number % len(marks)], color="black", markersize=14, label=arm_title(other))
    axes.axvline(0, color="black", linewidth=2.5)
    axes.set_yticks(range(len(metrics)), [METRIC_TITLES.get(name, name) for name in metrics], fontsize=24)
    axes.set_ylim(len(metrics) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}")
    axes.set_xlabel(f"points that {arm_title(arm)} scores above each other arm")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=min(4, len(others)), frameon=False, fontsize=21)
    won = [other for other in others if (table.loc[table["other"] == other, "verdict"] == "better").all()]
    lost = [other for other in others if (table.loc[table["other"] == other, "verdict"] == "worse").any()]
    counts = table["verdict"].value_counts()
    finding = f"{arm_title(arm)} is better in {counts.get('better', 0)} of {len(table)} comparisons"
    finding += f", worse in {counts['worse']} (with {joined(map(arm_title, lost))})" if lost else ""
    finding += f"; in all of them than {joined(map(arm_title, won))}" if won and len(won) < len(others) else ""
    few = f" {table['n'].min()} examples are few: the intervals are uncertain themselves." if table["few"].any() else ""
    caption = (
        f"Means of paired differences over {table['n'].max()} examples with 95% bootstrap intervals, all answers "
        f"counted. Grey: nothing is decided.{few}"
    )
    return finish(figure, finding[0].upper() + finding[1:], caption)


def faults_by_service(table: pd.DataFrame, arm: str) -> Picture:
    """Which faults an arm makes in which services, as a heat map. Takes what `faults.by_service` returns.

    Raises:
        RowsError: if there is no service.
    """
    if not len(table):
        raise checked.RowsError("no service is wanted: there is nothing to draw")
    figure, axes = slide()
    if table.shape[1]:
        looks = {"cmap": "Blues", "annot": True, "fmt": ".0%", "linewidths": 2, "annot_kws": {"fontsize": SMALL}}
        seaborn.heatmap(table, ax=axes, vmin=0, vmax=1, cbar=False, **looks)
        fault = table.mean().idxmax()
        service, n = table[fault].idxmax().split(", ")
        finding = f"{arm_title(arm)}: commonest fault {fault}; most in {service}, {percent(table[fault].max())} of {n}"
    else:
        finding = f"{arm_title(arm)}: no fault in any service"
    axes.set_xticks(axes.get_xticks(), [title.replace(" ", "\n") for title in table], rotation=0, fontsize=SMALL)
    axes.tick_params(axis="y", rotation=0, labelsize=SMALL + 2)
    axes.set_ylabel("service, answers")
    caption = f"Share of {arm_title(arm)}'s answers with each fault, for the services that are wanted most."
    return finish(figure, finding[0].upper() + finding[1:], caption)
