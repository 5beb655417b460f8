"""Figures of scores: the metrics by arm, by complexity and by length, what was granted, and who leads.

A title says the finding whatever the numbers are: where no arm has any success, it says that, and what comes nearest.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn

from iampolicy.words import listed
from lib.evaluation import rows as checked
from lib.evaluation.metrics import BY_NAME, EXTRACTED
from lib.evaluation.plots import slide
from lib.evaluation.plots.slide import BLUE, COLOURS, GREEN, GREY, ORANGE, RED, SMALL, Picture, arm_title, percent

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
LEADS = {"better": BLUE, "worse": RED, "undecided": GREY, "too few": GREY}
MARKS = "osD^vP*X"
DIAMONDS = " Diamonds: the report's figures."


def metrics_by_arm(summary: pd.DataFrame, reference: pd.DataFrame | None = None) -> Picture:
    """The metrics of each arm with their intervals; a mean over fewer than FEW answers is pale, with their number.

    The title says that an arm "beats" the next one only if the intervals of schema validity and services lie apart,
    as far as these differ.

    Args:
        summary: what `metrics.summarise` returns.
        reference: another summary without need of intervals, such as `published.summary()`; drawn as a marker on the
            bar of the arm of the same name.
    """
    table = checked.frame(summary, text=("arm",), other=("n", "n_extracted", *SHOWN)).set_index("arm")
    values, low, high = (_of_shown(table, end) for end in ("", "_low", "_high"))
    over = [table["n_extracted" if BY_NAME[name].over == EXTRACTED else "n"] for name in SHOWN]
    answers = pd.DataFrame(over, index=values.index).rename(columns=arm_title)
    few, every = answers < FEW, answers.max()
    marks = None if reference is None else _of_shown(reference.set_index("arm"))
    axes = slide.slide()
    drawn = slide.upright(axes, values, ends=(low.mask(few), high.mask(few)), marks=marks)
    for arm, bars in zip(values, drawn, strict=True):
        for bar, n in zip(bars, answers[arm], strict=True):
            bar.set_alpha(0.4 if n < FEW and bar.get_height() else None)
            if bar.get_alpha() and n < every[arm]:  # upright from the axis, where no neighbour stands
                place = (bar.get_x() + bar.get_width() / 2, 0.01)
                axes.text(*place, f"n {n}", ha="center", va="bottom", fontsize=SMALL, rotation=90)
    axes.set_ylabel("mean over the answers")
    slide.percent_axis(axes, top=1.04)
    caption = (
        f"{table['n'].max()} answers an arm. Bars: means with 95% bootstrap intervals; pale, without one, where fewer "
        f"than {FEW} answers are counted. (extracted): those with JSON; (all): every answer, a failure counts 0."
    )
    caption += DIAMONDS if reference is not None else ""
    return slide.finish(axes, _best_arm(table, reference), caption)


def _of_shown(table: pd.DataFrame, end: str = "") -> pd.DataFrame:
    """A row a metric of SHOWN, a column an arm."""
    part = table.reindex(columns=[f"{name}{end}" for name in SHOWN]).astype(float)
    return part.set_axis(list(SHOWN.values()), axis=1).rename(index=arm_title).T


def _best_arm(table: pd.DataFrame, reference: pd.DataFrame | None) -> str:
    """Which arm is best in schema validity and services, and whether it is certain."""
    words = {"schema_valid": "schema valid", "service_jaccard_all": "services"}
    ranked = table.sort_values(list(words), ascending=False, kind="stable")
    best, second, closest = ranked.iloc[0], ranked.iloc[min(1, len(ranked) - 1)], table["service_jaccard_all"].idxmax()
    arm, other, nearest = (arm_title(name) for name in (best.name, second.name, closest))
    finding = f"{arm}: " + ", ".join(f"{said} {percent(best[name])}" for name, said in words.items())
    if not best["schema_valid"]:
        finding = "No arm gives an answer that is schema valid"
    elif table.loc[closest, "service_jaccard_all"] > best["service_jaccard_all"]:
        finding = f"{arm} is most often schema valid ({percent(best['schema_valid'])}), {nearest} nearest in services"
        finding += f" ({percent(table.loc[closest, 'service_jaccard_all'])} to {percent(best['service_jaccard_all'])})"
    elif len(ranked) > 1:
        differing = [name for name in words if best[name] != second[name]]  # all schemas may be valid
        apart = all(best.get(f"{name}_low", 0) > second.get(f"{name}_high", 1) for name in differing) and differing
        pairs = (f"{words[n]} {percent(best[n])} to {percent(second[n], '0%')}" for n in differing or words)
        finding = f"{arm} {'beats' if apart else 'is not shown to beat'} {other}: {', '.join(pairs)}"
    for row in [] if reference is None else reference[reference["arm"] == best.name].to_dict("records"):
        finding += f" (report: {percent(row['schema_valid'])} and {percent(row['service_jaccard_all'])})"
    return finding


def schema_by_complexity(table: pd.DataFrame, reference: pd.DataFrame | None = None) -> Picture:
    """Schema validity by complexity and arm, with counts and intervals.

    Args:
        table: what `metrics.by_complexity` returns.
        reference: the same columns without need of intervals, such as `published.by_complexity()`; drawn as markers.
    """
    table = checked.frame(table, text=("arm", "complexity", "schema_valid_count"), other=("schema_valid",))
    arms = list(dict.fromkeys(table["arm"].map(arm_title)))
    names = ["schema_valid", "schema_valid_low", "schema_valid_high", "schema_valid_count"]
    parts = (_by_complexity(table.reindex(columns=["complexity", "arm", name])) for name in names)
    values, low, high, counts = (part.reindex(columns=arms) for part in parts)
    marks = None if reference is None else _by_complexity(reference[["complexity", "arm", "schema_valid"]])
    crowded = len(arms) > 3  # then the counts stand upright, or they would run into each other
    axes = slide.slide()
    slide.upright(axes, values.astype(float), counts, (low.astype(float), high.astype(float)), marks, turned=crowded)
    axes.set_ylabel("schema valid")
    slide.percent_axis(axes, top=1.25 if crowded else 1.09)
    means = values.mean()
    best, worst = means.idxmax(), means.idxmin()
    shares = listed(f"{percent(share)} of {c}" for c, share in values[best].dropna().items())
    finding = f"{best} answers are schema valid for {shares} policies"
    if means.max() == 1:
        others = f"; {worst}: {percent(means[worst])}" if means[worst] < 1 else ""
        finding = f"Every answer of {best} is schema valid, however complex the policy{others}"
    elif not means.max():
        finding = "No arm gives an answer that is schema valid, however simple the policy"
    caption = "Counts stand above the bars; lines are 95% bootstrap intervals."
    return slide.finish(axes, finding, caption + (DIAMONDS if reference is not None else ""))


def _by_complexity(table: pd.DataFrame) -> pd.DataFrame:
    wide = table.set_index(["complexity", "arm"]).iloc[:, 0].unstack().rename(columns=arm_title)
    return wide.reindex([c for c in checked.COMPLEXITIES if c in wide.index])


def success_by_length(rows: pd.DataFrame, budget: int, success: str = "schema_valid") -> Picture:
    """How often an arm succeeds, by the length of the wanted policy; the token budget is drawn as a line.

    Args:
        rows: score rows with arm, expected_tokens and the column `success` (0 to 1 in every row, so rather an `_all`).
        budget: tokens that the answer could have.
    """
    table = checked.frame(rows, text=("arm",), other=("expected_tokens", success))
    length = checked.numbers(table, "expected_tokens", highest=np.inf)
    table = table.assign(arm=table["arm"].map(arm_title), success=checked.numbers(table, success))
    # Bins double in width: (32, 64], (64, 128], ... so a budget that is a power of two lies on an edge.
    table["bin"] = np.ceil(np.log2(length.clip(lower=32))).astype(int)
    bins = table.groupby(["arm", "bin"], sort=False)["success"].agg(["mean", "size"]).reset_index()
    axes = slide.slide()
    looks = {"marker": "o", "markersize": 12, "markeredgecolor": "none", "linewidth": 4}
    colours = (COLOURS * len(bins))[: bins["arm"].nunique()]
    seaborn.lineplot(bins, x="bin", y="mean", hue="arm", palette=colours, ax=axes, **looks)
    few = bins[bins["size"] < FEW]
    axes.plot(few["bin"], few["mean"], "o", markersize=7, color="white", zorder=3)
    slide.whole(axes)
    first, last, line = bins["bin"].min(), bins["bin"].max(), np.log2(budget) + 0.5
    sizes = bins.groupby("bin")["size"].max()
    axes.set_xticks(range(first, last + 1), [f"to {2**e:,}\nn {sizes.get(e, 0):.0f}" for e in range(first, last + 1)])
    axes.set_xlim(first - 0.5, max(last + 0.5, line + 0.2))
    axes.axvline(line, color=GREY, linestyle="--", linewidth=3)
    axes.text(line, 1.03, f" budget {budget:,}", color=GREY, fontsize=SMALL + 2, ha="left", va="bottom")
    words = SHOWN.get(success, success.replace("_", " ")).replace("\n", " ")
    axes.set(xlabel="tokens of the wanted policy", ylabel=words)
    slide.percent_axis(axes)
    means = table.groupby("arm", sort=False)["success"].mean()
    best = list(means.index[means == means.max()])  # their lines may lie on each other
    part = table[table["arm"] == best[0]]
    inside, beyond = part["success"][length <= budget], part["success"][length > budget]
    finding = f"{listed(best)}, within {budget:,} tokens: {words} {percent(inside.mean())}"
    finding += f"; beyond: {percent(beyond.mean())}" if len(beyond) else "; no wanted policy is longer"
    if not means.max():
        finding = f"{words}: none of any arm, at no length"
    caption = (
        f"Answers by the length of the wanted policy; n: answers of an arm in a bin, hollow where under {FEW}. "
        f"{len(beyond)} of {len(part)} wanted policies are longer than the budget of {budget:,} tokens."
    )
    return slide.finish(axes, finding, caption, above=1.07)


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
    wanted, granted, shared = (table[f"actions_{name}"] for name in ("wanted", "granted", "shared"))
    either = (wanted + granted - shared).replace(0, np.nan)  # an answer without any has no shares
    shares = pd.DataFrame(
        {
            "wanted and granted": shared / either,
            "wanted, not granted": (wanted - shared) / either,
            "granted, not wanted": (granted - shared) / either,
        }
    )
    means = shares.groupby(table["arm"]).mean().reindex(list(arms)).fillna(0).rename(index=arm_title)
    axes = slide.slide()
    slide.stacked(axes, means, (GREEN, GREY, ORANGE), "of the actions that an answer grants or should grant")
    right, missed, surplus = map(percent, means.iloc[-1])
    finding = f"{means.index[-1]}: {right} of the actions are wanted and granted, {missed} missed, {surplus} too much"
    caption = (
        "Actions of the catalogue that Allow statements match; those of an answer and its wanted policy together are "
        f"100%. Means over {either[table['arm'] == arms[-1]].count()} answers an arm; an answer without JSON grants "
        "nothing."
    )
    return slide.finish(axes, finding, caption)


def lead(differences: pd.DataFrame, arm: str) -> Picture:
    """How much higher an arm scores than the others, on the same examples, with intervals.

    Args:
        differences: what `metrics.differences(scores, arm)` returns.

    Raises:
        RowsError: if there is nothing to compare.
    """
    table = checked.frame(differences, text=("other", "metric", "verdict"), other=("n", "difference", "low", "high"))
    metrics, others = list(dict.fromkeys(table["metric"])), list(dict.fromkeys(table["other"]))
    axes = slide.slide()
    for number, (other, part) in enumerate(table.groupby("other", sort=False)):
        places = [metrics.index(name) + 0.7 * ((number + 0.5) / len(others) - 0.5) for name in part["metric"]]
        colours, mark = part["verdict"].map(LEADS), MARKS[number % len(MARKS)]
        axes.hlines(places, part["low"], part["high"], colours, linewidth=5)
        axes.scatter(part["difference"], places, 260, colours, marker=mark, zorder=3)
        axes.plot([], [], mark, color="black", markersize=14, label=arm_title(other))
    axes.axvline(0, color="black", linewidth=2.5)
    slide.rows_axis(axes, [BY_NAME[name].title if name in BY_NAME else name for name in metrics])
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}")
    axes.set_xlabel(f"points that {arm_title(arm)} scores above each other arm")
    said, n = table["verdict"].value_counts(), table["n"].max()
    won = [other for other in others if (table.loc[table["other"] == other, "verdict"] == "better").all()]
    lost = [other for other in others if (table.loc[table["other"] == other, "verdict"] == "worse").any()]
    finding = f"{arm_title(arm)} is better in {said.get('better', 0)} of {len(table)} comparisons"
    finding += f", worse in {said['worse']} (with {listed(map(arm_title, lost))})" if lost else ""
    finding += f"; in all of them than {listed(map(arm_title, won))}" if won and len(won) < len(others) else ""
    if said.get("too few", 0) == len(table):
        finding = f"{n} requests are too few to decide: {arm_title(arm)} is ahead"
        finding += f" in {(table['difference'] > 0).sum()} of {len(table)} comparisons"
    elif not said.get("better", 0) and not lost:
        finding = f"Nothing is decided: in none of {len(table)} comparisons is {arm_title(arm)} better or worse"
    few = f" {table['n'].min()} examples are few: the intervals are uncertain themselves." if table["few"].any() else ""
    caption = f"Means of paired differences over {n} examples with 95% bootstrap intervals, all answers counted."
    return slide.finish(axes, finding, f"{caption} Grey: nothing is decided.{few}", columns=min(4, len(others)))
