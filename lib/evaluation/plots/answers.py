"""Figures of 03_eval: the metrics by arm, schema validity by complexity, success against length."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.metric import EXTRACTED, METRICS
from lib.evaluation.plots.slide import (
    COLOURS,
    GREY,
    SMALL,
    Picture,
    arm_title,
    finish,
    grouped_bars,
    joined,
    legend,
    percent,
    percent_axis,
    slide,
)

FEW = 20  # answers; a mean over fewer says its number instead of an interval, which would look too certain
SHOWN = {  # column -> words under its bars
    "json_valid": "JSON\nvalid",
    "json_extracted": "JSON\nextracted",
    "schema_valid": "schema\nvalid",
    "service_jaccard": "services\n(extracted)",
    "service_jaccard_all": "services\n(all)",
    "effect_match": "effects\n(extracted)",
    "effect_match_all": "effects\n(all)",
    "action_f1_all": "actions F1\n(all)",
}
OVER_EXTRACTED = frozenset(metric.name for metric in METRICS if metric.over == EXTRACTED)


def metrics_by_arm(summary: pd.DataFrame, reference: pd.DataFrame | None = None) -> Picture:
    """The metrics of each arm with their intervals.

    The title says that an arm "beats" the next one only if the intervals of schema validity and services lie apart,
    as far as these differ. A mean over fewer than FEW answers is drawn pale, with their number.

    Args:
        summary: what `metrics.summarise` returns.
        reference: another summary without need of intervals, such as `report.summary()`; drawn as a marker on the bar
            of the arm of the same name.
    """
    summary = checked.frame(summary, text=("arm",), other=("n", *SHOWN))
    arms = list(summary["arm"])
    values = summary.set_index("arm")[list(SHOWN)].astype(float).T
    values.index = list(SHOWN.values())
    figure, axes = slide()
    for bars, row in zip(grouped_bars(axes, values), summary.to_dict("records"), strict=True):
        answers = {name: row.get("n_extracted", row["n"]) if name in OVER_EXTRACTED else row["n"] for name in SHOWN}
        bounds = {name: (row.get(f"{name}_low"), row.get(f"{name}_high")) for name in SHOWN}
        _intervals(axes, bars, [bounds[name] if answers[name] >= FEW else (None, None) for name in SHOWN])
        for patch, name in zip(bars, SHOWN, strict=True):
            if answers[name] < FEW and patch.get_height() > 0:
                patch.set_alpha(0.4)
                middle = patch.get_x() + patch.get_width() / 2
                # upright from the axis, where neither a neighbour nor a marker stands
                axes.text(middle, 0.01, f"n {answers[name]}", ha="center", va="bottom", fontsize=SMALL, rotation=90)
            _mark(axes, patch, reference, row["arm"], name)
    _arm_legend(axes, arms, marked=reference is not None)
    axes.set_ylabel("mean over the answers")
    percent_axis(axes, top=1.04)
    both = summary.sort_values(["schema_valid", "service_jaccard_all"], ascending=False, kind="stable")
    best = both.iloc[0]
    shown = {"schema valid": "schema_valid", "services": "service_jaccard_all"}
    finding = f"{arm_title(best['arm'])}: " + ", ".join(f"{word} {percent(best[name])}" for word, name in shown.items())
    if len(both) > 1:
        second = both.iloc[1]
        differing = [name for name in shown.values() if best[name] != second[name]]  # all schemas may be valid
        apart = all(best.get(f"{name}_low", 0) > second.get(f"{name}_high", 1) for name in differing) and differing
        told = {word: name for word, name in shown.items() if name in differing} or shown
        pairs = ", ".join(f"{word} {percent(best[name])} to {percent(second[name])}" for word, name in told.items())
        winner, other = arm_title(best["arm"]), arm_title(second["arm"])
        finding = f"{winner} beats {other}: {pairs}" if apart else f"{winner} is not shown to beat {other}: {pairs}"
    if reference is not None:
        theirs = reference[reference["arm"] == best["arm"]].head(1)
        finding += "".join(
            f" (report: {percent(row['schema_valid'])} and {percent(row['service_jaccard_all'])})"
            for row in theirs.to_dict("records")
        )
    caption = (
        f"{best['n']} answers an arm. Bars: means with 95% bootstrap intervals. (extracted): over the answers with "
        f"JSON, pale where these are fewer than {FEW}; (all): over every answer, a failure counts 0."
    )
    caption += " Diamonds: the report's figures." if reference is not None else ""
    return finish(figure, finding[0].upper() + finding[1:], caption)


def schema_by_complexity(table: pd.DataFrame, reference: pd.DataFrame | None = None) -> Picture:
    """Schema validity by complexity and arm, with counts and intervals.

    Args:
        table: what `metrics.by_complexity` returns.
        reference: the same columns without need of intervals, such as `report.by_complexity()`; drawn as markers.
    """
    table = checked.frame(table, text=("arm", "complexity", "schema_valid_count"), other=("schema_valid",))
    arms = list(dict.fromkeys(table["arm"]))
    order = [c for c in checked.COMPLEXITIES if c in set(table["complexity"])]
    cells = {(row["arm"], row["complexity"]): row for row in table.to_dict("records")}
    values = pd.DataFrame(
        {arm: [cells.get((arm, c), {}).get("schema_valid", np.nan) for c in order] for arm in arms}, index=order
    )
    crowded = len(arms) > 3  # then the counts stand upright, or they would run into each other
    figure, axes = slide()
    for bars, arm in zip(grouped_bars(axes, values), arms, strict=True):
        rows = [cells.get((arm, c), {}) for c in order]
        _intervals(axes, bars, [(row.get("schema_valid_low"), row.get("schema_valid_high")) for row in rows])
        for patch, row in zip(bars, rows, strict=True):
            if not row:
                continue
            _mark(
                axes,
                patch,
                None if reference is None else reference[reference["complexity"] == row["complexity"]],
                arm,
                "schema_valid",
            )
            top = max(row.get("schema_valid_high", 0), row["schema_valid"])
            middle = patch.get_x() + patch.get_width() / 2
            count = row["schema_valid_count"]
            axes.text(middle, top + 0.015, count, ha="center", va="bottom", fontsize=SMALL, rotation=90 * crowded)
    _arm_legend(axes, arms, marked=reference is not None)
    axes.set_ylabel("schema valid")
    percent_axis(axes, top=1.25 if crowded else 1.09)
    best = values.mean().idxmax()
    shares = joined(f"{percent(share)} of {c}" for c, share in values[best].dropna().items())
    finding = f"{arm_title(best)} answers are schema valid for {shares} policies"
    caption = "Schema valid answers of all answers, with 95% bootstrap intervals; counts stand above the bars."
    caption += " Diamonds: the report's figures." if reference is not None else ""
    return finish(figure, finding[0].upper() + finding[1:], caption)


def success_by_length(rows: Iterable[dict] | pd.DataFrame, budget: int, success: str = "schema_valid") -> Picture:
    """How often an arm succeeds, by the length of the wanted policy; the token budget is drawn as a line.

    Args:
        rows: score rows with arm, expected_tokens and the column `success` (0 to 1 in every row, so rather an `_all`).
        budget: tokens that the answer could have.
    """
    table = checked.frame(rows, text=("arm",), other=("expected_tokens", success))
    for number, value in enumerate(table["expected_tokens"]):
        if pd.isna(value) or value < 0:
            raise checked.RowsError(f"{checked.place(table.iloc[number], number)}: expected_tokens is {value!r}")
    checked.numbers(table, success, np.ones(len(table), dtype=bool), highest=1)
    table = table.assign(length=table["expected_tokens"].astype(float), success=table[success].astype(float))
    # Bins double in width: (32, 64], (64, 128], ... so a budget that is a power of two lies on an edge.
    exponents = np.ceil(np.log2(table["length"].clip(lower=32))).astype(int)
    first, last = exponents.min(), exponents.max()
    figure, axes = slide()
    arms = list(dict.fromkeys(table["arm"]))
    for number, arm in enumerate(arms):
        means = table[table["arm"] == arm].groupby(exponents)["success"].mean()
        colour = COLOURS[number % len(COLOURS)]
        places = means.index - first
        axes.plot(
            places, means, color=colour, linewidth=4, marker="o", markersize=12, label=arm_title(arm), clip_on=False
        )
    sizes = exponents[table["arm"] == arms[0]].value_counts()
    few = [place for place in means.index if sizes.get(place, 0) < FEW]
    for number, arm in enumerate(arms):
        means = table[table["arm"] == arm].groupby(exponents)["success"].mean()
        colour = COLOURS[number % len(COLOURS)]
        axes.plot([p - first for p in few], means[few], "o", color="white", markeredgecolor=colour, markersize=12)
    names = [f"to {2**e:,}\nn {sizes.get(e, 0)}" for e in range(first, last + 1)]
    axes.set_xticks(range(last - first + 1), names)
    right = max(last - first + 0.5, np.log2(budget) - first + 0.7)
    axes.set_xlim(-0.5, right)
    line = np.log2(budget) - first + 0.5
    axes.axvline(line, color=GREY, linestyle="--", linewidth=3)
    axes.text(line, 1.03, f" budget {budget:,}", color=GREY, fontsize=SMALL + 2, ha="left", va="bottom")
    axes.set_xlabel("tokens of the wanted policy")
    words = SHOWN.get(success, success.replace("_", " ")).replace("\n", " ")
    axes.set_ylabel(words)
    percent_axis(axes, top=1.0)
    legend(axes, bbox_to_anchor=(-0.01, 1.07))
    means = table.groupby("arm", sort=False)["success"].mean()
    best = [arm for arm, mean in means.items() if mean == means.max()]  # their lines may lie on each other
    part = table[table["arm"] == best[0]]
    inside, beyond = part[part["length"] <= budget], part[part["length"] > budget]
    finding = f"{joined(map(arm_title, best))}, within {budget:,} tokens: {words} {percent(inside['success'].mean())}"
    finding += f"; beyond: {percent(beyond['success'].mean())}" if len(beyond) else "; no wanted policy is longer"
    caption = (
        f"Answers by the length of the wanted policy; n: answers of an arm in a bin, hollow where under {FEW}. "
        f"{len(beyond)} of {len(part)} wanted policies are longer than the budget of {budget:,} tokens."
    )
    return finish(figure, finding[0].upper() + finding[1:], caption)


def _arm_legend(axes, arms: list[str], marked: bool) -> None:
    handles, _ = axes.get_legend_handles_labels()
    names = [arm_title(arm) for arm in arms]
    if marked:
        handles = [
            *handles[: len(arms)],
            axes.plot([], [], "D", color="white", markeredgecolor="black", markersize=11)[0],
        ]
        names.append("report")
    crowded = {"fontsize": SMALL, "columnspacing": 1.0} if len(names) > 5 else {}  # else it runs off the slide
    legend(axes, columns=len(names), handles=handles, labels=names, **crowded)


def _intervals(axes, bars, bounds: list[tuple[float | None, float | None]]) -> None:
    for patch, (low, high) in zip(bars, bounds, strict=True):
        if low is None or high is None or np.isnan([low, high, patch.get_height()]).any():
            continue
        middle, height = patch.get_x() + patch.get_width() / 2, patch.get_height()
        spread = [[max(0, height - low)], [max(0, high - height)]]
        axes.errorbar(middle, height, yerr=spread, color="black", linewidth=2.5, capsize=5, capthick=2.5)


def _mark(axes, patch, reference: pd.DataFrame | None, arm: str, column: str) -> None:
    if reference is None or column not in reference:
        return
    for value in reference.loc[reference["arm"] == arm, column]:
        middle = patch.get_x() + patch.get_width() / 2
        axes.plot(middle, value, "D", color="white", markeredgecolor="black", markersize=11, zorder=5, clip_on=False)
