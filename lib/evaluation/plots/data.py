"""Figures of 01_data: how complex the examples are, which services they name, how long they are."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.plots.slide import (
    COLOURS,
    GREY,
    SMALL,
    Picture,
    finish,
    grouped_bars,
    joined,
    legend,
    percent,
    percent_axis,
    slide,
)
from lib.evaluation.reading import read

Rows = Iterable[dict] | pd.DataFrame


def complexity_by_source(rows: Rows) -> Picture:
    """Counts of examples by complexity and source. Rows: complexity, source."""
    table = checked.frame(rows, text=("complexity", "source"))
    counts = _crossed(table, "source")
    figure, axes = slide()
    for bars in grouped_bars(axes, counts):
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=SMALL, padding=3)
    axes.set_ylabel("examples")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.margins(y=0.1)
    legend(axes)
    total, by_source = counts.to_numpy().sum(), counts.sum()
    largest = by_source.idxmax()
    shares = joined(f"{percent(n / total)} {name}" for name, n in counts.sum(axis=1).items())
    caption = (
        f"{total:,} examples: {joined(f'{n:,} {name}' for name, n in by_source.items())}. Over all sources: {shares}."
    )
    inside = counts[largest] / by_source[largest]
    mix = joined(f"{percent(share)} {name}" for name, share in inside.items())
    return finish(figure, f"{percent(by_source[largest] / total)} of {total:,} examples are {largest}: {mix}", caption)


def complexity_by_split(rows: Rows) -> Picture:
    """The shares of the complexities within each split, with counts. Rows: complexity, split."""
    table = checked.frame(rows, text=("complexity", "split"))
    counts = _crossed(table, "split")
    shares = counts / counts.sum()
    figure, axes = slide()
    for bars, split in zip(grouped_bars(axes, shares), counts, strict=True):
        axes.bar_label(bars, labels=[f"{n:,}" for n in counts[split]], fontsize=SMALL, padding=3)
    axes.set_ylabel("share of the split")
    percent_axis(axes)
    axes.set_ylim(0, min(1.08, 1.2 * shares.to_numpy().max()))
    legend(axes)
    spread = 100 * (shares.max(axis=1) - shares.min(axis=1)).max()
    caption = f"{joined(f'{n:,} {name}' for name, n in counts.sum().items())} examples; counts stand above the bars."
    return finish(figure, f"Between splits, the share of a complexity differs by at most {spread:.1f} points", caption)


def _crossed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    counts = pd.crosstab(table["complexity"], table[column])
    order = [c for c in checked.COMPLEXITIES if c in counts.index]
    order += [c for c in counts.index if c not in order]
    return counts.loc[order, list(dict.fromkeys(table[column]))]


def services(rows: Rows, top: int = 20) -> Picture:
    """The services that most policies name. Rows: policy (its text); a service counts once a policy."""
    table = checked.frame(rows, text=("policy",))
    named = [read(text).services for text in table["policy"]]
    counts = Counter(service for services in named for service in services)
    if not counts:
        raise checked.RowsError("services: no policy names a service in Action or NotAction")
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:top]
    names, values = zip(*ranked, strict=True)
    figure, axes = slide()
    bars = axes.barh(range(len(names)), values, color=COLOURS[0], height=0.75)
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=SMALL, padding=4)
    axes.set_yticks(range(len(names)), names, fontsize=SMALL + 1)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("policies that name the service")
    axes.grid(False, axis="y")
    axes.margins(x=0.08)
    covered = sum(1 for services in named if services & set(names)) / len(named)
    finding = (
        f"{names[0]} is named by {percent(values[0] / len(named))} of {len(named):,} policies; "
        f"{_first(len(names))} of {len(counts)} service prefixes reach {percent(covered)}"
    )
    caption = f"The {len(names)} services named by most of {len(named):,} policies; a policy can name several."
    return finish(figure, finding, caption)


def _first(count: int) -> str:
    return "the first" if count == 1 else f"the first {count}"


def lengths(rows: Rows, budgets: Sequence[int]) -> Picture:
    """How many policies fit a token budget, per tokenizer. Rows: tokenizer, tokens; budgets in tokens.

    The title speaks of the smallest and the largest budget.
    """
    table = checked.frame(rows, text=("tokenizer",), other=("tokens",))
    budgets = sorted(budgets)
    if not budgets:
        raise checked.RowsError("lengths: give at least one budget in tokens")
    figure, axes = slide()
    fits: dict[str, list[float]] = {}
    for number, (name, part) in enumerate(table.groupby("tokenizer", sort=False)):
        tokens = np.sort(part["tokens"].to_numpy(dtype=float))
        shares = np.arange(1, len(tokens) + 1) / len(tokens)
        axes.step(np.maximum(tokens, 1), shares, where="post", color=COLOURS[number], linewidth=4, label=name)
        fits[name] = [float((tokens <= budget).mean()) for budget in budgets]
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("tokens of the policy")
    axes.set_ylabel("share that is no longer")
    percent_axis(axes, top=1.09)
    for budget in budgets:
        axes.axvline(budget, color=GREY, linestyle="--", linewidth=2)
        axes.text(budget, 1.02, f" {budget:,}", color=GREY, fontsize=SMALL, ha="left", va="bottom")
    legend(axes)
    first = joined(f"{percent(shares[0])} ({name})" for name, shares in fits.items())
    finding = f"{budgets[0]:,} tokens are enough for {first} of the policies"
    if len(budgets) > 1:
        finding += f", {budgets[-1]:,} for {joined(percent(shares[-1]) for shares in fits.values())}"
    caption = "Share that fits " + "; ".join(
        f"{budget:,} tokens: {joined(f'{percent(shares[i])} ({name})' for name, shares in fits.items())}"
        for i, budget in enumerate(budgets)
    )
    return finish(figure, finding, f"{caption}.")
