"""Is one arm better than another? Differences on the same examples, with bootstrap intervals.

Score rows come in, a row an arm, pair and metric goes out. Arms answer the same requests, so the differences of single
examples are resampled: that is far sharper than to compare two intervals.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.metrics import FEW, LEVEL, RESAMPLES, SEED

METRICS = ("schema_valid", "service_jaccard_all", "effect_match_all", "action_f1_all")


def differences(scores: Iterable[dict] | pd.DataFrame, arm: str, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """What an arm scores above each other arm, on the same examples.

    Args:
        scores: rows as `lib.evaluation.metrics.score_rows` makes them.
        arm: whose lead is asked for.
        metrics: columns that are defined in every row; shares or truth values.

    Returns:
        other, metric, n, difference (mean of the examples' differences), low, high (95% interval), verdict ("better",
        "worse", "undecided": 0 is inside the interval, or "too few": under FEW examples), few.

    Raises:
        RowsError: if the arms have other ids, a metric is missing or undefined, or there is no such arm.
    """
    table = checked.frame(scores, text=("arm", "id", "complexity"), other=metrics)
    checked.check_arms(table)
    checked.of_arm(table, arm)
    everywhere = np.ones(len(table), dtype=bool)
    found = []
    for metric in metrics:
        values = table[["arm", "id"]].assign(value=checked.numbers(table, metric, everywhere, highest=np.inf))
        wide = values.pivot(index="id", columns="arm", values="value").sort_index()
        for other in (name for name in table["arm"].unique() if name != arm):
            found.append({"other": other, "metric": metric, **_interval((wide[arm] - wide[other]).to_numpy())})
    columns = ["other", "metric", "n", "difference", "low", "high", "verdict", "few"]
    return pd.DataFrame(found, columns=columns)


def _interval(values: np.ndarray) -> dict:
    n = len(values)
    draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    low, high = np.percentile(draws @ values, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    verdict = "too few" if n < FEW else "better" if low > 0 else "worse" if high < 0 else "undecided"
    mean = float(values.mean())
    return {
        "n": n,
        "difference": mean,
        "low": min(float(low), mean),
        "high": max(float(high), mean),
        "verdict": verdict,
        "few": n < FEW,
    }
