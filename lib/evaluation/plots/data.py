"""Figures of 01_data and 02_train: what the examples are, what validation finds, how training and the sweep went."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
import seaborn

from iampolicy.checks import SEVERITIES
from iampolicy.words import listed
from lib.evaluation import rows as checked
from lib.evaluation.answer import read_wanted
from lib.evaluation.plots.slide import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    RED,
    SMALL,
    YELLOW,
    Picture,
    finish,
    grouped,
    legend,
    percent,
    percent_axis,
    rows_axis,
    slide,
)

Table: TypeAlias = Iterable[dict] | pd.DataFrame
OF_SOURCES = {"managed": "managed", "written": "composed", "field": "of people", "report": "of the report's names"}
SEVERITY_COLOURS = dict(zip(SEVERITIES, (RED, ORANGE, YELLOW, BLUE), strict=True))


def complexity_by_source(rows: Table) -> Picture:
    """Counts of examples by complexity and source. Rows: complexity, source."""
    counts = _crossed(checked.frame(rows, text=("complexity", "source")), "source").rename(columns=OF_SOURCES)
    figure, axes = slide()
    for bars in grouped(axes, counts):
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=SMALL, padding=3)
    axes.set(ylabel="examples", ymargin=0.1)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    legend(axes)
    total, by_source = counts.to_numpy().sum(), counts.sum()
    largest = by_source.idxmax()
    shares = listed(f"{percent(n / total)} {name}" for name, n in counts.sum(axis=1).items())
    mix = listed(f"{percent(n / by_source[largest])} {name}" for name, n in counts[largest].items())
    caption = f"{total:,} examples: {listed(f'{n:,} {name}' for name, n in by_source.items())}. All sources: {shares}."
    return finish(figure, f"{percent(by_source[largest] / total)} of {total:,} examples are {largest}: {mix}", caption)


def complexity_by_split(rows: Table) -> Picture:
    """The shares of the complexities within each split, with counts. Rows: complexity, split."""
    counts = _crossed(checked.frame(rows, text=("complexity", "split")), "split")
    shares = counts / counts.sum()
    figure, axes = slide()
    for bars, split in zip(grouped(axes, shares), counts, strict=True):
        axes.bar_label(bars, labels=[f"{n:,}" for n in counts[split]], fontsize=SMALL, padding=3)
    axes.set_ylabel("share of the split")
    percent_axis(axes, top=min(1.08, 1.2 * shares.to_numpy().max()))
    legend(axes)
    spread = 100 * (shares.max(axis=1) - shares.min(axis=1)).max()
    caption = f"{listed(f'{n:,} {name}' for name, n in counts.sum().items())} examples; counts stand above the bars."
    return finish(figure, f"Between splits, the share of a complexity differs by at most {spread:.1f} points", caption)


def _crossed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    counts = pd.crosstab(table["complexity"], table[column])
    order = [*(c for c in checked.COMPLEXITIES if c in counts.index), *counts.index.difference(checked.COMPLEXITIES)]
    return counts.loc[order, list(dict.fromkeys(table[column]))]


def services(rows: Table, top: int = 20) -> Picture:
    """The services that most policies name. Rows: policy (its text); a service counts once a policy."""
    named = [read_wanted(text).services for text in checked.frame(rows, text=("policy",))["policy"]]
    counts = Counter(service for services in named for service in services)
    if not counts:
        raise checked.RowsError("services: no policy names a service in Action or NotAction")
    names, values = zip(*sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:top], strict=True)
    figure, axes = slide()
    bars = axes.barh(range(len(names)), values, color=BLUE, height=0.75)
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=SMALL, padding=4)
    rows_axis(axes, names, SMALL + 1)
    axes.set(xlabel="policies that name the service", xmargin=0.08)
    covered = percent(sum(1 for services in named if services & set(names)) / len(named))
    first = f"the first {len(names)}" if len(names) > 1 else "the first"
    finding = f"{percent(values[0] / len(named))} of {len(named):,} policies name {names[0]}"
    finding += f"; {first} of {len(counts)} service prefixes reach {covered}"
    caption = f"The {len(names)} services named by most of {len(named):,} policies; a policy can name several."
    return finish(figure, finding, caption)


def lengths(rows: Table, budgets: Sequence[int]) -> Picture:
    """How many policies fit a token budget, per tokenizer. Rows: tokenizer, tokens; budgets in tokens.

    The title speaks of the smallest and the largest budget.
    """
    table = checked.frame(rows, text=("tokenizer",), other=("tokens",))
    budgets = sorted(budgets)
    if not budgets:
        raise checked.RowsError("lengths: give at least one budget in tokens")
    figure, axes = slide()
    for colour, (name, part) in zip(COLOURS, table.groupby("tokenizer", sort=False), strict=False):
        tokens = part["tokens"].astype(float).clip(lower=1)
        seaborn.ecdfplot(x=tokens, log_scale=2, color=colour, linewidth=4, label=name, ax=axes)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="tokens of the policy", ylabel="share that is no longer")
    percent_axis(axes, top=1.09)
    for budget, before in zip(budgets, (0, *budgets), strict=False):
        axes.axvline(budget, color=GREY, linestyle="--", linewidth=2)
        near = budget < 1.6 * before  # two labels would lie on each other: the second stands at the foot
        axes.text(budget, 0.02 if near else 1.02, f" {budget:,}", color=GREY, fontsize=SMALL, ha="left", va="bottom")
    legend(axes)
    fits = {
        name: [(tokens <= b).mean() for b in budgets]
        for name, tokens in table.groupby("tokenizer", sort=False)["tokens"]
    }
    said = [listed(f"{percent(shares[i])} ({name})" for name, shares in fits.items()) for i in range(len(budgets))]
    finding = f"{budgets[0]:,} tokens are enough for {said[0]} of the policies"
    if len(budgets) > 1:
        finding += f", {budgets[-1]:,} for {listed(percent(shares[-1]) for shares in fits.values())}"
    caption = "; ".join(f"{budget:,} tokens: {words}" for budget, words in zip(budgets, said, strict=True))
    return finish(figure, finding, f"Share that fits {caption}.")


def findings(found: pd.DataFrame, policies: int, top: int = 14) -> Picture:
    """How many policies have a finding of each code, commonest first, coloured by severity.

    Args:
        found: rows of `evaluation.findings`: policy, code, severity.
        policies: how many policies were judged.
        top: codes that are drawn.
    """
    table = checked.frame(found, text=("policy", "code", "severity")) if len(found) else found
    counts = table.drop_duplicates(["policy", "code"]).groupby(["code", "severity"]).size().sort_values(ascending=False)
    shown = counts.head(top)
    figure, axes = slide()
    for severity, colour in SEVERITY_COLOURS.items():
        places = [place for place, (_, found) in enumerate(shown.index) if found == severity]
        label = severity.lower().replace("_", " ") if places else ""
        bars = axes.barh(places, shown.iloc[places], color=colour, height=0.75, label=label)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=SMALL, padding=4)
    rows_axis(axes, [code for code, _ in shown.index], SMALL)
    axes.set(xlabel="policies with the finding", xmargin=0.08)
    legend(axes, ncols=2)
    clean = 1 - table[table["severity"] == "ERROR"]["policy"].nunique() / policies
    finding = f"{percent(clean)} of {policies:,} policies have no error"
    if len(shown):
        finding += f"; the commonest finding, {shown.index[0][0]}, is in {percent(shown.iloc[0] / policies)}"
    caption = f"{policies:,} policies, validated offline with Access Analyzer's codes; a policy counts once a code."
    return finish(figure, finding, caption)


def losses(log: Table) -> Picture:
    """Training and validation loss by step.

    Args:
        log: rows of log.jsonl: step, and loss or eval_loss or both. Other fields do no harm.
    """
    table = checked.frame(log, text=(), other=("step",)).reindex(columns=["step", "loss", "eval_loss"]).astype(float)
    curves = table.groupby("step").last().rename(columns={"loss": "training", "eval_loss": "validation"})
    curves = curves.dropna(axis=1, how="all")
    if curves.empty or not len(curves.columns):
        raise checked.RowsError("log: no row has a loss or an eval_loss")
    figure, axes = slide()
    for name, colour, width in (("training", BLUE, 3), ("validation", ORANGE, 4)):
        if name in curves:
            curve = curves[name].dropna()
            mark = "o" if name == "validation" or len(curve) == 1 else ""
            axes.plot(curve, color=colour, linewidth=width, marker=mark, markersize=11, label=name)
    name, colour, curve = curves.columns[-1], axes.lines[-1].get_color(), curves.iloc[:, -1].dropna()
    best, place = curve.min(), (curve.idxmin(), curve.min())
    looks = {"textcoords": "offset points", "ha": "center", "fontsize": SMALL + 3, "fontweight": "bold"}
    axes.annotate(f"{best:.3g}", place, (0, 18), color=colour, **looks)
    axes.set(xlabel="step", ylabel="loss", xmargin=0.04)
    axes.set_ylim(bottom=0)
    legend(axes)
    first_step, first = curve.index[0], curve.iloc[0]
    caption = f"Lowest {name} loss {best:.4f} at step {place[0]:.0f}; {first:.4f} at step {first_step:.0f}."
    finding = f"{name} loss falls by {100 * (1 - best / first):.0f}%: from {first:.3g} to {best:.3g}"
    if best == first:
        finding = f"{name} loss does not fall: it starts at its lowest, {first:.3g}"
    if len(curve) == 1:
        finding = f"{name} loss is {best:.3g} at step {first_step:.0f}, the only one in the log"
    return finish(figure, finding, caption)


def sweep(rows: Table) -> Picture:
    """Evaluation and training loss of each configuration. Rows: config, eval_loss, train_loss (may be missing)."""
    table = checked.frame(rows, text=("config",), other=("eval_loss",))
    for number, value in enumerate(table["eval_loss"]):
        if pd.isna(value):
            raise checked.RowsError(f"row {number} (config {table['config'][number]!r}): eval_loss is missing")
    values = table.set_index("config").reindex(columns=["eval_loss", "train_loss"]).astype(float)
    values.columns = ["validation", "training"]
    figure, axes = slide()
    for bars, name in zip(grouped(axes, values, (ORANGE, BLUE)), values, strict=True):
        labels = ["" if np.isnan(value) else f"{value:.4f}" for value in values[name]]
        axes.bar_label(bars, labels=labels, fontsize=SMALL + 1, padding=3)
    axes.set(xlabel="configuration", ylabel="loss", ymargin=0.12)
    legend(axes)
    ranked = values["validation"].sort_values(kind="stable")
    finding = f"Configuration {ranked.index[0]} is best: validation loss {ranked.iloc[0]:.4f}"
    if len(ranked) > 1:
        finding += f", {ranked.iloc[1] - ranked.iloc[0]:.4f} below {ranked.index[1]}"
    caption = f"Best validation loss and training loss of {len(ranked)} configuration{'s' if len(ranked) > 1 else ''}."
    return finish(figure, finding, caption)
