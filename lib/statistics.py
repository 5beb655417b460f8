"""Intervals: how far off a mean may be that was taken over few. The one place that resamples."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 2_000
SEED = 20_240_601
LEVEL = 95  # percent that lie inside an interval
FEW = 30  # values under which a bootstrap interval is itself uncertain
Z = 1.959964  # of the normal distribution, LEVEL percent lie within so many deviations


def bootstrap(values: ArrayLike) -> np.ndarray:
    """The mean of each column, and the ends of its interval over resamples of the rows: three rows, (mean, low, high).

    NaN is left out of a mean; a resample that has nothing else is left out, and a column that has nothing else is NaN.
    The same number of rows is always resampled in the same way, so that columns of several tables can be compared.
    """
    values = np.asarray(values, dtype=float)
    known, n = ~np.isnan(values), len(values)
    filled = np.where(known, values, 0.0)
    draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of NaN
        mean = filled.sum(axis=0) / known.sum(axis=0)
        ends = np.nanpercentile((draws @ filled) / (draws @ known), [(100 - LEVEL) / 2, (100 + LEVEL) / 2], axis=0)
    # Rounding in the last digit must not push the mean out of its own interval.
    return np.stack([mean, np.minimum(ends[0], mean), np.maximum(ends[1], mean)])


def wilson(values: ArrayLike) -> tuple[float, float, float]:
    """A share and its interval by Wilson's score, which has a width even where none or all are; NaN for no values."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    if not n:
        return (float("nan"),) * 3
    share, square = float(values.mean()), Z * Z / n
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * float(np.sqrt(share * (1 - share) / n + square / (4 * n)))
    return share, max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))
