"""Figures of 02_train: the loss curves of a run and the sweep over configurations."""

from collections.abc import Iterable

import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.plots.slide import COLOURS, SMALL, Picture, finish, grouped_bars, legend, slide


def losses(log: Iterable[dict] | pd.DataFrame) -> Picture:
    """Training and validation loss by step.

    Args:
        log: rows of log.jsonl: step, and loss or eval_loss or both. Other fields do no harm.
    """
    table = checked.frame(log, text=(), other=("step",)).reindex(columns=["step", "loss", "eval_loss"])
    curves = {
        name: table[["step", column]].dropna().drop_duplicates("step", keep="last").sort_values("step")
        for name, column in (("training", "loss"), ("validation", "eval_loss"))
    }
    if all(curve.empty for curve in curves.values()):
        raise checked.RowsError("log: no row has a loss or an eval_loss")
    figure, axes = slide()
    train, evaluation = (curve.to_numpy(dtype=float) for curve in curves.values())
    if len(train):
        axes.plot(*train.T, color=COLOURS[0], linewidth=3, marker="" if len(train) > 1 else "o", label="training")
    if len(evaluation):
        axes.plot(*evaluation.T, color=COLOURS[1], linewidth=4, marker="o", markersize=11, label="validation")
    name, curve = ("Validation", evaluation) if len(evaluation) else ("Training", train)
    best_step, best = curve[curve[:, 1].argmin()]
    axes.annotate(
        f"{best:.3g}",
        (best_step, best),
        xytext=(0, 18),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL + 3,
        fontweight="bold",
        color=COLOURS[1] if len(evaluation) else COLOURS[0],
    )
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.04)
    legend(axes)
    first_step, first = curve[0]
    caption = f"Lowest {name.lower()} loss {best:.4f} at step {best_step:.0f}; {first:.4f} at step {first_step:.0f}."
    if len(curve) == 1:
        return finish(figure, f"{name} loss is {best:.3g} at step {best_step:.0f}, the only one in the log", caption)
    if best < first:
        finding = f"{name} loss falls by {100 * (1 - best / first):.0f}%: from {first:.3g} to {best:.3g}"
    else:
        finding = f"{name} loss does not fall: it starts at its lowest, {first:.3g}"
    return finish(figure, finding, caption)


def sweep(rows: Iterable[dict] | pd.DataFrame) -> Picture:
    """Evaluation and training loss of each configuration. Rows: config, eval_loss, train_loss (may be missing)."""
    table = checked.frame(rows, text=("config",), other=("eval_loss",)).reindex(
        columns=["config", "eval_loss", "train_loss"]
    )
    for number, value in enumerate(table["eval_loss"]):
        if pd.isna(value):
            raise checked.RowsError(f"row {number} (config {table['config'][number]!r}): eval_loss is missing")
    values = (
        table.set_index("config").astype(float).rename(columns={"eval_loss": "validation", "train_loss": "training"})
    )
    figure, axes = slide()
    for bars in grouped_bars(axes, values, colours=(COLOURS[1], COLOURS[0])):
        labels = ["" if pd.isna(value) else f"{value:.4f}" for value in bars.datavalues]
        axes.bar_label(bars, labels=labels, fontsize=SMALL + 1, padding=3)
    axes.set_xlabel("configuration")
    axes.set_ylabel("loss")
    axes.margins(y=0.12)
    legend(axes)
    ranked = values["validation"].sort_values(kind="stable")
    finding = f"Configuration {ranked.index[0]} is best: validation loss {ranked.iloc[0]:.4f}"
    if len(ranked) > 1:
        finding += f", {ranked.iloc[1] - ranked.iloc[0]:.4f} below {ranked.index[1]}"
    caption = f"Best validation loss and training loss of {len(ranked)} configuration{'s' if len(ranked) > 1 else ''}."
    return finish(figure, finding, caption)
