"""Figures of 03_eval: could it be attached, the metrics by arm, complexity and length, and who leads.

A title says the finding whatever the numbers are: where no arm has any success, it says that, and what comes nearest.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from iampolicy.words import listed
from lib.evaluation import rows as checked
from lib.evaluation import verdict
from lib.evaluation.metrics import BY_NAME, EXTRACTED
from lib.evaluation.plots.slide import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    ORANGE,
    RED,
    REQUESTS,
    SMALL,
    Picture,
    arm_title,
    finish,
    grouped,
    legend,
    percent,
    percent_axis,
    rows_axis,
    slide,
    stacked,
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
VERDICTS = {
    verdict.USABLE: GREEN,
    verdict.NARROWER: BLUE,
    verdict.NO_POLICY: "#bbbbbb",
    verdict.OTHER: ORANGE,
    verdict.WIDER: RED,
}
LEADS = {"better": BLUE, "worse": RED, "undecided": GREY, "too few": GREY}
MARKS = "osD^vP*X"
DIAMONDS = " Diamonds: the report's figures."


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
    counts, known = verdict.counts(part), verdict.shares(part).set_index("arm")
    shares = counts.div(counts.sum(axis=1), axis=0).rename(index=arm_title)
    figure, axes = slide()
    stacked(axes, shares[list(VERDICTS)], list(VERDICTS.values()))
    looks = {"linewidth": 3, "markersize": 12, "markeredgewidth": 3, "clip_on": False}
    for place, row in enumerate(known.to_dict("records")):  # the intervals of what stands at either end
        axes.plot([row["usable_low"], row["usable_high"]], [place + 0.38] * 2, "|-", color=GREEN, **looks)
        axes.plot([1 - row["wider_high"], 1 - row["wider_low"]], [place + 0.42] * 2, "|-", color=RED, **looks)
        axes.text(1.015, place, f"{100 * row['wider']:.0f}%", va="center", fontsize=24, fontweight="bold")
    axes.text(1.015, -0.62, "grants\ntoo much", va="bottom", fontsize=SMALL, linespacing=0.95)
    axes.set_xlabel("of the drafts; lines: 95% intervals of usable, and of what grants too much")
    whose, best, widest = REQUESTS.get(source or "", "all requests"), known["usable"].idxmax(), known["wider"].idxmax()
    usable, excess = known.loc[best, "usable"], percent(known.loc[best, "wider"])
    finding = (
        f"{arm_title(best)}, {whose}: {percent(usable)} of the drafts can be attached, {excess} grant what nobody asked"
    )
    if not usable:
        finding = f"{whose}: no arm's draft can be attached as it stands"
        if known.loc[widest, "wider"]:
            finding += f"; {arm_title(widest)} grants what nobody asked in {percent(known.loc[widest, 'wider'])}"
    said = "; ".join(f"{name}: {words}" for name, words in verdict.MEANINGS.items())
    caption = (
        f"{known['n'].max()} {REQUESTS.get(source or '', 'requests')}. Lines under the bars: 95% intervals of what is "
        f"usable (green) and of what grants too much (red). {said[0].upper()}{said[1:]}."
    )
    return finish(figure, finding, caption)


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
    arms = [arm for arm in table.loc["written"].index if arm in table.loc["field"].index]
    composed, people = (table.loc[source].loc[arms] for source in ("written", "field"))
    figure, axes = slide()
    for source, part, colour, mark in (("written", composed, BLUE, "o"), ("field", people, RED, "D")):
        axes.hlines(range(len(arms)), part[f"{metric}_low"], part[f"{metric}_high"], colour, linewidth=9, alpha=0.35)
        looks = {"color": colour, "markersize": 20, "clip_on": False, "zorder": 5}
        axes.plot(part[metric], range(len(arms)), mark, label=f"{REQUESTS[source]} ({part['n'].max()})", **looks)
    for place, (high, low) in enumerate(zip(composed[metric], people[metric], strict=True)):
        if abs(high - low) >= 0.04:  # else the marks touch: an arrow would say nothing
            arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 2.5, "shrinkA": 12, "shrinkB": 12}
            axes.annotate("", (low, place), (high, place), arrowprops=arrow)
            words = f"{100 * (low - high):+.0f}".replace("-", "−")
            axes.text((high + low) / 2, place - 0.2, words, ha="center", va="bottom", fontsize=SMALL + 4)
    rows_axis(axes, list(map(arm_title, arms)))
    axes.tick_params(axis="y", pad=16)  # a mark at 0% reaches to the left of the axis
    percent_axis(axes, "x")
    axes.set_xlabel(f"of the drafts are {title}")
    legend(axes)
    best = composed[metric].idxmax() if composed[metric].any() else people[metric].idxmax()
    on = [percent(part.loc[best, metric]) for part in (composed, people)]
    finding = f"{arm_title(best)}: {on[0]} {title} on composed requests, {on[1]} on those of people"
    if not composed[metric].any() and not people[metric].any():
        finding = (
            f"There is nothing to fall from: no arm's drafts are {title}, neither on composed requests nor on people's"
        )
    caption = "The same arms, the same measure, two kinds of test request; bands are 95% intervals, numbers are points."
    return finish(figure, finding, caption)


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
    values, low, high = (
        table.reindex(columns=[f"{name}{end}" for name in SHOWN]).set_axis(list(SHOWN.values()), axis=1).astype(float).T
        for end in ("", "_low", "_high")
    )
    over = [table["n_extracted" if BY_NAME[name].over == EXTRACTED else "n"] for name in SHOWN]
    answers = pd.DataFrame(over, index=values.index)
    few = answers < FEW
    marks = (
        None if reference is None else reference.set_index("arm").reindex(columns=list(SHOWN)).rename(columns=SHOWN).T
    )
    figure, axes = slide()
    drawn = _by_arm(axes, values, (low.mask(few), high.mask(few)), marks)
    for arm, bars in zip(values, drawn, strict=True):
        for bar, n in zip(bars, answers[arm], strict=True):
            bar.set_alpha(0.4 if n < FEW and bar.get_height() else None)
            if bar.get_alpha() and n < table.loc[arm, "n"]:  # upright from the axis, where no neighbour stands
                place = (bar.get_x() + bar.get_width() / 2, 0.01)
                axes.text(*place, f"n {n}", ha="center", va="bottom", fontsize=SMALL, rotation=90)
    axes.set_ylabel("mean over the answers")
    percent_axis(axes, top=1.04)
    caption = (
        f"{table['n'].max()} answers an arm. Bars: means with 95% bootstrap intervals; pale, without one, where fewer "
        f"than {FEW} answers are counted. (extracted): those with JSON; (all): every answer, a failure counts 0."
    )
    caption += DIAMONDS if reference is not None else ""
    return finish(figure, _best_arm(table, reference), caption)


def _by_arm(
    axes: Axes, values: pd.DataFrame, ends: tuple[pd.DataFrame, pd.DataFrame], marks: pd.DataFrame | None
) -> list[BarContainer]:
    titled = [None if part is None else part.rename(columns=arm_title) for part in (values, *ends, marks)]
    drawn = grouped(axes, titled[0], ends=(titled[1], titled[2]), marks=titled[3])
    legend(axes)
    return drawn


def _best_arm(table: pd.DataFrame, reference: pd.DataFrame | None) -> str:
    """Which arm is best in schema validity and services, and whether it is certain."""
    words = {"schema_valid": "schema valid", "service_jaccard_all": "services"}
    ranked = table.sort_values(list(words), ascending=False, kind="stable")
    best, rest = ranked.iloc[0], ranked.iloc[1:]
    closest = table["service_jaccard_all"].idxmax()
    finding = f"{best.name}: " + ", ".join(f"{said} {percent(best[name])}" for name, said in words.items())
    if not best["schema_valid"]:
        finding = "No arm gives an answer that is schema valid"
    elif table.loc[closest, "service_jaccard_all"] > best["service_jaccard_all"]:
        finding = (
            f"{best.name} is most often schema valid ({percent(best['schema_valid'])}), {closest} nearest in services"
        )
        finding += f" ({percent(table.loc[closest, 'service_jaccard_all'])} to {percent(best['service_jaccard_all'])})"
    elif len(rest):
        second = rest.iloc[0]
        differing = [name for name in words if best[name] != second[name]]  # all schemas may be valid
        apart = all(best.get(f"{name}_low", 0) > second.get(f"{name}_high", 1) for name in differing) and differing
        pairs = (f"{words[n]} {percent(best[n])} to {percent(second[n], '0%')}" for n in differing or words)
        finding = f"{best.name} {'beats' if apart else 'is not shown to beat'} {second.name}: {', '.join(pairs)}"
    for arm in sorted(table.index, key=len, reverse=True):
        finding = finding.replace(arm, arm_title(arm))
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
    arms = list(dict.fromkeys(table["arm"]))
    order = [c for c in checked.COMPLEXITIES if c in set(table["complexity"])]
    names = ["schema_valid", "schema_valid_low", "schema_valid_high", "schema_valid_count"]
    values, low, high, counts = (
        table.reindex(columns=["complexity", "arm", name])
        .pivot(index="complexity", columns="arm")
        .loc[order, name][arms]
        for name in names
    )
    marks = None if reference is None else reference.pivot(index="complexity", columns="arm", values="schema_valid")
    crowded = len(arms) > 3  # then the counts stand upright, or they would run into each other
    figure, axes = slide()
    drawn = _by_arm(axes, values.astype(float), (low.astype(float), high.astype(float)), marks)
    for bars, arm in zip(drawn, arms, strict=True):
        for bar, top, count in zip(bars, high[arm].fillna(values[arm]), counts[arm].fillna(""), strict=True):
            place = (bar.get_x() + bar.get_width() / 2, top + 0.015)
            axes.text(*place, count, ha="center", va="bottom", fontsize=SMALL, rotation=90 * crowded)
    axes.set_ylabel("schema valid")
    percent_axis(axes, top=1.25 if crowded else 1.09)
    means = values.mean()
    best, worst = means.idxmax(), means.idxmin()
    shares = listed(f"{percent(share)} of {c}" for c, share in values[best].dropna().items())
    finding = f"{arm_title(best)} answers are schema valid for {shares} policies"
    if means.max() == 1:
        others = f"; {arm_title(worst)}: {percent(means[worst])}" if means[worst] < 1 else ""
        finding = f"Every answer of {arm_title(best)} is schema valid, however complex the policy{others}"
    elif not means.max():
        finding = "No arm gives an answer that is schema valid, however simple the policy"
    caption = "Counts stand above the bars; lines are 95% bootstrap intervals."
    caption += DIAMONDS if reference is not None else ""
    return finish(figure, finding, caption)


def success_by_length(rows: pd.DataFrame, budget: int, success: str = "schema_valid") -> Picture:
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
    length = table["expected_tokens"].astype(float)
    # Bins double in width: (32, 64], (64, 128], ... so a budget that is a power of two lies on an edge.
    table = table.assign(length=length, bin=np.ceil(np.log2(length.clip(lower=32))).astype(int))
    bins = table.groupby(["arm", "bin"], sort=False)[success].agg(["mean", "size"]).astype(float).reset_index()
    figure, axes = slide()
    for (arm, part), colour in zip(bins.groupby("arm", sort=False), COLOURS * len(bins), strict=False):
        part = part.sort_values("bin")
        looks = {"color": colour, "markersize": 12, "clip_on": False}
        axes.plot(part["bin"], part["mean"], "o-", linewidth=4, label=arm_title(arm), **looks)
        few = part[part["size"] < FEW]
        axes.plot(few["bin"], few["mean"], "o", markerfacecolor="white", **looks)
    first, last, line = bins["bin"].min(), bins["bin"].max(), np.log2(budget) + 0.5
    sizes = bins.groupby("bin")["size"].max()
    names = [f"to {2**e:,}\nn {sizes.get(e, 0):.0f}" for e in range(first, last + 1)]
    axes.set_xticks(range(first, last + 1), names)
    axes.set_xlim(first - 0.5, max(last + 0.5, line + 0.2))
    axes.axvline(line, color=GREY, linestyle="--", linewidth=3)
    axes.text(line, 1.03, f" budget {budget:,}", color=GREY, fontsize=SMALL + 2, ha="left", va="bottom")
    words = SHOWN.get(success, success.replace("_", " ")).replace("\n", " ")
    axes.set(xlabel="tokens of the wanted policy", ylabel=words)
    percent_axis(axes)
    legend(axes, above=1.07)
    means = table.groupby("arm", sort=False)[success].mean()
    best = [arm for arm, mean in means.items() if mean == means.max()]  # their lines may lie on each other
    part = table[table["arm"] == best[0]]
    inside, beyond = part[part["length"] <= budget][success], part[part["length"] > budget][success]
    finding = f"{listed(map(arm_title, best))}, within {budget:,} tokens: {words} {percent(inside.mean())}"
    finding += f"; beyond: {percent(beyond.mean())}" if len(beyond) else "; no wanted policy is longer"
    if not means.max():
        finding = f"{words}: none of any arm, at no length"
    caption = (
        f"Answers by the length of the wanted policy; n: answers of an arm in a bin, hollow where under {FEW}. "
        f"{len(beyond)} of {len(part)} wanted policies are longer than the budget of {budget:,} tokens."
    )
    return finish(figure, finding, caption)


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
    parts = {
        "wanted and granted": shared,
        "wanted, not granted": wanted - shared,
        "granted, not wanted": granted - shared,
    }
    either = wanted + granted - shared
    shares = pd.DataFrame(parts)[either > 0].div(either[either > 0], axis=0)
    means = shares.groupby(table["arm"], sort=False).mean().reindex(list(arms)).fillna(0)
    figure, axes = slide()
    stacked(axes, means.rename(index=arm_title), (GREEN, GREY, ORANGE))
    axes.set_xlabel("of the actions that an answer grants or should grant")
    right, missed, surplus = map(percent, means.loc[arms[-1]])
    finding = (
        f"{arm_title(arms[-1])}: {right} of the actions are wanted and granted, {missed} missed, {surplus} too much"
    )
    caption = (
        "Actions of the catalogue that Allow statements match; those of an answer and its wanted policy together are "
        f"100%. Means over {int((either[table['arm'] == arms[-1]] > 0).sum())} answers an arm; an answer without JSON "
        "grants nothing."
    )
    return finish(figure, finding, caption)


def lead(differences: pd.DataFrame, arm: str) -> Picture:
    """How much higher an arm scores than the others, on the same examples, with intervals.

    Args:
        differences: what `metrics.differences(scores, arm)` returns.

    Raises:
        RowsError: if there is nothing to compare.
    """
    table = checked.frame(differences, text=("other", "metric", "verdict"), other=("n", "difference", "low", "high"))
    metrics, others = list(dict.fromkeys(table["metric"])), list(dict.fromkeys(table["other"]))
    figure, axes = slide()
    for number, (other, part) in enumerate(table.groupby("other", sort=False)):
        places = [metrics.index(name) + 0.7 * ((number + 0.5) / len(others) - 0.5) for name in part["metric"]]
        colours, mark = part["verdict"].map(LEADS), MARKS[number % len(MARKS)]
        axes.hlines(places, part["low"], part["high"], colours, linewidth=5)
        axes.scatter(part["difference"], places, 260, colours, marker=mark, zorder=3)
        axes.plot([], [], mark, color="black", markersize=14, label=arm_title(other))
    axes.axvline(0, color="black", linewidth=2.5)
    rows_axis(axes, [BY_NAME[name].title if name in BY_NAME else name for name in metrics])
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}")
    axes.set_xlabel(f"points that {arm_title(arm)} scores above each other arm")
    legend(axes, ncols=min(4, len(others)))
    said, n = table["verdict"].value_counts(), table["n"].max()
    won = [other for other in others if (table.loc[table["other"] == other, "verdict"] == "better").all()]
    lost = [other for other in others if (table.loc[table["other"] == other, "verdict"] == "worse").any()]
    finding = f"{arm_title(arm)} is better in {said.get('better', 0)} of {len(table)} comparisons"
    finding += f", worse in {said['worse']} (with {listed(map(arm_title, lost))})" if lost else ""
    finding += f"; in all of them than {listed(map(arm_title, won))}" if won and len(won) < len(others) else ""
    if said.get("too few", 0) == len(table):
        ahead = (table["difference"] > 0).sum()
        finding = (
            f"{n} requests are too few to decide: {arm_title(arm)} is ahead in {ahead} of {len(table)} comparisons"
        )
    elif not said.get("better", 0) and not lost:
        finding = f"Nothing is decided: in none of {len(table)} comparisons is {arm_title(arm)} better or worse"
    few = f" {table['n'].min()} examples are few: the intervals are uncertain themselves." if table["few"].any() else ""
    caption = f"Means of paired differences over {n} examples with 95% bootstrap intervals, all answers counted."
    return finish(figure, finding, f"{caption} Grey: nothing is decided.{few}")
