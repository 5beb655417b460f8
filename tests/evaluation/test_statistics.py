"""Differences between arms on the same examples: their sign, their interval, and when nothing can be said."""

import pytest

from lib.evaluation.rows import RowsError
from lib.evaluation.statistics import FEW, differences


def rows(arm: str, values: list[float]) -> list[dict]:
    return [{"arm": arm, "id": str(i), "complexity": "simple", "m": value} for i, value in enumerate(values)]


def test_a_small_lead_on_every_example_is_certain_though_the_arms_vary():
    base = [0.0, 1.0] * 20
    found = differences(rows("a", [0.01 + v for v in base]) + rows("b", base), "a", ["m"]).iloc[0]
    assert found["difference"] == pytest.approx(0.01) and found["verdict"] == "better"
    assert found["low"] == pytest.approx(0.01) == found["high"] and found["n"] == 40 and not found["few"]


def test_the_other_way_round_it_is_worse_and_a_draw_is_undecided():
    table = differences(rows("a", [0.0] * 40) + rows("b", [1.0] * 40) + rows("c", [0.0] * 40), "a", ["m"])
    assert list(table["verdict"]) == ["worse", "undecided"] and list(table["other"]) == ["b", "c"]


def test_small_groups_say_so_and_the_order_of_rows_changes_nothing():
    both = rows("a", [0.0, 1.0, 1.0, 0.0, 1.0]) + rows("b", [0.0, 0.0, 1.0, 0.0, 0.0])
    one, two = differences(both, "a", ["m"]), differences(both[::-1], "a", ["m"])
    assert one["few"].all() and len(both) // 2 < FEW
    assert one.equals(two)
    assert one["low"][0] <= one["difference"][0] <= one["high"][0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (rows("a", [1.0, 0.0]) + rows("b", [1.0]), "missing"),
        (rows("b", [1.0]), "no arm is called 'a'"),
        (rows("a", [float("nan")]), "m is missing"),
    ],
)
def test_what_cannot_be_compared_is_refused(table, said):
    with pytest.raises(RowsError, match=said):
        differences(table, "a", ["m"])
