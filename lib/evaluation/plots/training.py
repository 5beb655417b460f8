"""Figures of training: how the loss went, and which configuration of the sweep is best."""

from collections.abc import Iterable

import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.plots import slide
from lib.evaluation.plots.slide import BLUE, ORANGE, Picture

CURVES = {"loss": ("training", BLUE, 3, ""), "eval_loss": ("validation", ORANGE, 4, "o")}


def losses(log: Iterable[dict] | pd.DataFrame) -> Picture:
    """Training and validation loss by step.

    Args:
        log: rows of log.jsonl: step, and loss or eval_loss or both. Other fields do no harm.
    """
    table = checked.frame(log, text=(), other=("step",)).reindex(columns=["step", *CURVES]).astype(float)
    curves = table.groupby("step").last().dropna(axis=1, how="all")
    if curves.empty:
        raise checked.RowsError("log: no row has a loss or an eval_loss")
    axes = slide.slide()
    for column in curves:
        curve, (name, colour, width, mark) = curves[column].dropna(), CURVES[column]
        mark = mark or "o" * (len(curve) == 1)
        axes.plot(curve, color=colour, linewidth=width, marker=mark, markersize=11, label=name)
    first, best = curve.iloc[0], curve.min()  # of validation, if there was any
    looks = {"textcoords": "offset points", "ha": "center", "fontsize": slide.SMALL + 3, "fontweight": "bold"}
    axes.annotate(f"{best:.3g}", (curve.idxmin(), best), (0, 18), color=colour, **looks)
    axes.set(xlabel="step", ylabel="loss", xmargin=0.04)
    axes.set_ylim(bottom=0)
    at, least = curve.index[0], curve.idxmin()
    caption = f"Lowest {name} loss {best:.4f} at step {least:.0f}; {first:.4f} at step {at:.0f}."
    finding = f"{name} loss falls by {100 * (1 - best / first):.0f}%: from {first:.3g} to {best:.3g}"
    if best == first:
        finding = f"{name} loss does not fall: it starts at its lowest, {first:.3g}"
    if len(curve) == 1:
        finding = f"{name} loss is {best:.3g} at step {at:.0f}, the only one in the log"
    return slide.finish(axes, finding, caption)


def sweep(rows: Iterable[dict] | pd.DataFrame) -> Picture:
    """Evaluation and training loss of each configuration. Rows: config, eval_loss, train_loss (may be missing)."""
    table = checked.frame(rows, text=("config",), other=("eval_loss",))
    checked.refuse(table, table["eval_loss"].isna(), "config {config!r}: eval_loss is missing")
    values = table.set_index("config").reindex(columns=["eval_loss", "train_loss"]).astype(float)
    values.columns = ["validation", "training"]
    axes = slide.slide()
    slide.upright(axes, values, values.map("{:.4f}".format, na_action="ignore"), colours=(ORANGE, BLUE))
    axes.set(xlabel="configuration", ylabel="loss", ymargin=0.12)
    ranked = values["validation"].sort_values(kind="stable")
    finding = f"Configuration {ranked.index[0]} is best: validation loss {ranked.iloc[0]:.4f}"
    if len(ranked) > 1:
        finding += f", {ranked.iloc[1] - ranked.iloc[0]:.4f} below {ranked.index[1]}"
    caption = f"Best validation loss and training loss of {len(ranked)} configuration{'s' if len(ranked) > 1 else ''}."
    return slide.finish(axes, finding, caption)
