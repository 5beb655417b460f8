"""Intervals: the bootstrap of means with gaps, and Wilson's of shares."""

import numpy as np
import pytest

from lib.statistics import bootstrap, wilson


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([True] * 0, None),
        ([False] * 10, (0, 0, 0.2775)),
        ([True] * 10, (1, 0.7225, 1)),
        ([True, False] * 50, (0.5, 0.4038, 0.5962)),
    ],
)
def test_intervals_are_wilsons(values, ends):
    found = wilson(values)
    assert found == pytest.approx(ends, abs=1e-4) if ends else np.isnan(found).all()


def test_the_bootstrap_leaves_gaps_out_and_draws_columns_alike():
    column = np.array([0.0, 1.0] * 50)
    mean, low, high = bootstrap(
        np.column_stack([column, column + 1, np.where(column == 0, np.nan, column), column * np.nan])
    )
    assert mean[:3].tolist() == [0.5, 1.5, 1.0] and np.isnan([mean[3], low[3], high[3]]).all()
    assert (low[0], high[0]) == pytest.approx((0.40, 0.60), abs=0.02) and low[2] == high[2] == 1
    assert (low[1] - low[0], high[1] - high[0]) == pytest.approx((1, 1))  # the same resamples
    assert bootstrap(column) == pytest.approx([mean[0], low[0], high[0]])
