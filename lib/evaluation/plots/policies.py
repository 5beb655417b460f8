"""Figures about policies as such, whoever wrote them: what validation finds."""

import pandas as pd

from iampolicy.checks import SEVERITIES
from lib.evaluation import rows as checked
from lib.evaluation.plots.slide import COLOURS, SMALL, Picture, finish, legend, percent, slide

COLOUR_OF = dict(zip(SEVERITIES, (COLOURS[3], COLOURS[1], COLOURS[8], COLOURS[0]), strict=True))


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
    for severity in SEVERITIES:
        places = [i for i, (_, s) in enumerate(shown.index) if s == severity]
        if places:
            values = [shown.iloc[i] for i in places]
            label = severity.lower().replace("_", " ")
            bars = axes.barh(places, values, color=COLOUR_OF[severity], height=0.75, label=label)
            axes.bar_label(bars, fmt="{:,.0f}", fontsize=SMALL, padding=4)
    axes.set_yticks(range(len(shown)), [code for code, _ in shown.index], fontsize=SMALL)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel("policies with the finding")
    axes.grid(False, axis="y")
    axes.margins(x=0.08)
    legend(axes, columns=2)
    clean = 1 - table[table["severity"] == "ERROR"]["policy"].nunique() / policies
    finding = f"{percent(clean)} of {policies:,} policies have no error"
    if len(shown):
        finding += f"; the commonest finding, {shown.index[0][0]}, is in {percent(shown.iloc[0] / policies)}"
    caption = f"{policies:,} policies, validated offline with Access Analyzer's codes; a policy counts once a code."
    return finish(figure, finding, caption)
