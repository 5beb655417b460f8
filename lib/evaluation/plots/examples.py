"""Figures of examples: how complex they are, which services they name, how long they are, what validation finds."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd
import seaborn

from iampolicy.checks import SEVERITIES
from iampolicy.words import listed
from lib.evaluation import rows as checked
from lib.evaluation.answer import read_wanted
from lib.evaluation.plots import slide
from lib.evaluation.plots.slide import Picture, percent

OF_SOURCES = {"managed": "managed", "written": "composed", "field": "of people", "report": "of the report's names"}
COLOURS = dict(zip(SEVERITIES, (slide.RED, slide.ORANGE, slide.YELLOW, slide.BLUE), strict=True))


def complexity_by_source(rows: Iterable[dict] | pd.DataFrame) -> Picture:
    """Counts of examples by complexity and source. Rows: complexity, source."""
    counts = _crossed(checked.frame(rows, text=("complexity", "source")), "source").rename(columns=OF_SOURCES)
    axes = slide.slide()
    slide.upright(axes, counts, counts.map("{:,}".format))
    axes.set(ylabel="examples", ymargin=0.1)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    total, by_source = counts.to_numpy().sum(), counts.sum()
    largest = by_source.idxmax()
    shares = listed(f"{percent(n / total)} {name}" for name, n in counts.sum(axis=1).items())
    mix = listed(f"{percent(n / by_source[largest])} {name}" for name, n in counts[largest].items())
    caption = f"{total:,} examples: {listed(f'{n:,} {name}' for name, n in by_source.items())}. All sources: {shares}."
    finding = f"{percent(by_source[largest] / total)} of {total:,} examples are {largest}: {mix}"
    return slide.finish(axes, finding, caption)


def complexity_by_split(rows: Iterable[dict] | pd.DataFrame) -> Picture:
    """The shares of the complexities within each split, with counts. Rows: complexity, split."""
    counts = _crossed(checked.frame(rows, text=("complexity", "split")), "split")
    shares = counts / counts.sum()
    axes = slide.slide()
    slide.upright(axes, shares, counts.map("{:,}".format))
    axes.set_ylabel("share of the split")
    slide.percent_axis(axes, top=min(1.08, 1.2 * shares.to_numpy().max()))
    spread = 100 * (shares.max(axis=1) - shares.min(axis=1)).max()
    caption = f"{listed(f'{n:,} {name}' for name, n in counts.sum().items())} examples; counts stand above the bars."
    finding = f"Between splits, the share of a complexity differs by at most {spread:.1f} points"
    return slide.finish(axes, finding, caption)


def _crossed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    counts = pd.crosstab(table["complexity"], table[column])[list(dict.fromkeys(table[column]))]
    return counts.loc[[c for c in checked.COMPLEXITIES if c in counts.index]]


def services(rows: Iterable[dict] | pd.DataFrame, top: int = 20) -> Picture:
    """The services that most policies name. Rows: policy (its text); a service counts once a policy."""
    named = [read_wanted(text).services for text in checked.frame(rows, text=("policy",))["policy"]]
    counts = pd.Series(Counter(sorted(service for services in named for service in services)), dtype=int)
    if counts.empty:
        raise checked.RowsError("services: no policy names a service in Action or NotAction")
    shown = counts.sort_values(ascending=False, kind="stable").head(top)
    axes = _lying(shown, color=slide.BLUE)
    axes.set_xlabel("policies that name the service")
    covered = percent(sum(not services.isdisjoint(shown.index) for services in named) / len(named))
    first = f"the first {len(shown)}" if len(shown) > 1 else "the first"
    finding = f"{percent(shown.iloc[0] / len(named))} of {len(named):,} policies name {shown.index[0]}"
    finding += f"; {first} of {len(counts)} service prefixes reach {covered}"
    caption = f"The {len(shown)} services named by most of {len(named):,} policies; a policy can name several."
    return slide.finish(axes, finding, caption)


def findings(found: pd.DataFrame, policies: int, top: int = 14) -> Picture:
    """How many policies have a finding of each code, commonest first, coloured by severity.

    Args:
        found: rows of `evaluation.findings`: policy, code, severity.
        policies: how many policies were judged.
        top: codes that are drawn.
    """
    table = checked.frame(found, text=("policy", "code", "severity")) if len(found) else found
    counts = table.drop_duplicates(["policy", "code"]).groupby(["code", "severity"]).size().sort_values(ascending=False)
    shown = counts.head(top).reset_index("severity", name="n")
    severity = shown["severity"].str.lower().str.replace("_", " ")
    colours = {name.lower().replace("_", " "): colour for name, colour in COLOURS.items()}
    axes = _lying(shown["n"], hue=severity, hue_order=[s for s in colours if s in set(severity)], palette=colours)
    axes.set_xlabel("policies with the finding")
    clean = 1 - table[table["severity"] == "ERROR"]["policy"].nunique() / policies
    finding = f"{percent(clean)} of {policies:,} policies have no error"
    if len(shown):
        finding += f"; the commonest finding, {shown.index[0]}, is in {percent(shown['n'].iloc[0] / policies)}"
    caption = f"{policies:,} policies, validated offline with Access Analyzer's codes; a policy counts once a code."
    return slide.finish(axes, finding, caption, columns=2)


def _lying(counts: pd.Series, **colours: object) -> slide.Axes:
    """A bar a count with its number behind it, the first on top; a code may come with two severities."""
    axes = slide.slide()
    seaborn.barplot(x=counts.to_numpy(), y=counts.index, width=0.75, saturation=1, errorbar=None, ax=axes, **colours)
    for bars in axes.containers:
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=slide.SMALL, padding=4)
    slide.rows_axis(axes, list(counts.index), slide.SMALL)
    axes.margins(x=0.08)
    return axes


def lengths(rows: Iterable[dict] | pd.DataFrame, budgets: Sequence[int]) -> Picture:
    """How many policies fit a token budget, per tokenizer. Rows: tokenizer, tokens; budgets in tokens.

    The title speaks of the smallest and the largest budget.
    """
    table = checked.frame(rows, text=("tokenizer",), other=("tokens",))
    if not (budgets := sorted(budgets)):
        raise checked.RowsError("lengths: give at least one budget in tokens")
    tokens = table["tokens"].astype(float)
    fits = {b: (tokens <= b).groupby(table["tokenizer"], sort=False).mean() for b in budgets}
    palette = dict(zip(fits[budgets[0]].index, slide.COLOURS, strict=False))
    axes = slide.slide()
    for name, colour in palette.items():
        one = tokens[table["tokenizer"] == name].clip(lower=1)
        seaborn.ecdfplot(x=one, log_scale=2, color=colour, linewidth=4, label=name, ax=axes)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="tokens of the policy", ylabel="share that is no longer")
    slide.percent_axis(axes, top=1.09)
    for budget, before in zip(budgets, (0, *budgets), strict=False):
        axes.axvline(budget, color=slide.GREY, linestyle="--", linewidth=2)
        height = 0.02 if budget < 1.6 * before else 1.02  # two labels would lie on each other: one stands at the foot
        axes.text(budget, height, f" {budget:,}", color=slide.GREY, fontsize=slide.SMALL, va="bottom")
    said = {b: listed(f"{percent(share)} ({name})" for name, share in shares.items()) for b, shares in fits.items()}
    finding = f"{budgets[0]:,} tokens are enough for {said[budgets[0]]} of the policies"
    if len(budgets) > 1:
        finding += f", {budgets[-1]:,} for {listed(map(percent, fits[budgets[-1]]))}"
    caption = "; ".join(f"{budget:,} tokens: {words}" for budget, words in said.items())
    return slide.finish(axes, finding, f"Share that fits {caption}.")
