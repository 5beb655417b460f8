"""What a table of rows must be before anything is counted, so that no denominator shrinks unseen.

Rows come in as dicts or as a DataFrame; the same rows go out as a DataFrame, or one line says which arm, row and field
is wrong.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.data.dataset import DRAFT, Example
from lib.files import CourseError

COMPLEXITIES = ("simple", "medium", "complex")
ORDER = ("field", "written", "report", "managed")  # of sources


class RowsError(CourseError):
    """Rows that cannot be counted honestly. The message names the arm, the row and the field."""


def frame(rows: Iterable[dict] | pd.DataFrame, text: Sequence[str], other: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a DataFrame with a fresh index, its `text` columns checked to be text.

    Args:
        rows: one dict a row, or a DataFrame; left unchanged.
        text: columns that must exist and hold text in every row.
        other: columns that must exist.

    Raises:
        RowsError: if there is no row, a column is missing, or a text column holds anything but text.
    """
    if not isinstance(rows, pd.DataFrame):
        rows = list(rows)
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                raise RowsError(f"row {number}: a row is a dict, not {type(row).__name__}")
            for column in (*text, *other):
                if column not in row:
                    raise RowsError(f"{place(row, number)}: {column} is missing")
        rows = pd.DataFrame(rows)
    if rows.empty:
        raise RowsError("no rows: run the arms before scoring them")
    table = rows.reset_index(drop=True)
    missing = [column for column in (*text, *other) if column not in table]
    if missing:
        raise RowsError(f"the rows have no column {', '.join(missing)}")
    for column in text:
        for number, value in enumerate(table[column]):
            if not isinstance(value, str):
                what = "is empty (None or NaN)" if _is_missing(value) else f"is {value!r}"
                raise RowsError(f"{place(table.iloc[number], number)}: {column} {what}, not text")
    return table.astype(dict.fromkeys(text, object))  # a categorical would keep arms that have no row


def of_example(arm: str, example: Example) -> dict:
    """The columns of an output row that do not depend on the answer."""
    return {
        "arm": arm,
        "id": example.id,
        "source": example.source,
        "complexity": example.complexity,
        "outcome": example.outcome,
        "tags": list(example.tags),
        "instruction": example.instruction,
        "expected": example.policy,
    }


def drafted(rows: Iterable[dict] | pd.DataFrame) -> Any:
    """Of output or score rows those whose request has a policy: others are to be refused, or asked back.

    What is counted in them is `lib.evaluation.verdict`'s; every other measure needs a wanted policy.
    """
    if isinstance(rows, pd.DataFrame):
        return rows[rows["outcome"].fillna(DRAFT) == DRAFT] if "outcome" in rows else rows
    return [row for row in rows if row.get("outcome", DRAFT) == DRAFT]


def by_source(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each source that has some, the requests of people first: what a reader should see first.

    The sources are different tasks, so that a mean over all of them hangs on how many of each were asked.
    """
    order = dict.fromkeys([name for name in ORDER if name in set(table["source"])] + list(table["source"].unique()))
    return {name: table[table["source"] == name] for name in order}


def of_arm(table: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The rows of an arm.

    Raises:
        RowsError: if there are none.
    """
    part = table[table["arm"] == arm]
    if part.empty:
        raise RowsError(f"no arm is called {arm!r}: there are {', '.join(map(str, table['arm'].unique()))}")
    return part


def check_arms(table: pd.DataFrame) -> None:
    """Refuse arms that were not run on the same examples.

    Raises:
        RowsError: if an arm has an id twice, lacks an id that another arm has, an example has two complexities or
            two expected policies, or a complexity has another name than the report's three.
    """
    for number, complexity in enumerate(table["complexity"]):
        if complexity not in COMPLEXITIES:
            where = place(table.iloc[number], number)
            raise RowsError(f"{where}: complexity is {complexity!r}; it must be one of {', '.join(COMPLEXITIES)}")
    twice = table[table.duplicated(["arm", "id"])]
    if len(twice):
        raise RowsError(f"{place(twice.iloc[0], twice.index[0])}: this id is in the arm twice")
    ids = {arm: set(group["id"]) for arm, group in table.groupby("arm", sort=False)}
    everything = set().union(*ids.values())
    for arm, present in ids.items():
        absent = sorted(everything - present)
        if absent:
            raise RowsError(
                f"arm {arm}: {len(absent)} of {len(everything)} ids of the other arms are missing, first {absent[0]!r}"
                "; run every arm on the same examples"
            )
    for column in {"complexity", "expected"} & set(table):
        differing = table.groupby("id", sort=False)[column].nunique()
        if (differing > 1).any():
            raise RowsError(f"id {differing.idxmax()!r}: {column} is not the same in every arm")


def numbers(table: pd.DataFrame, column: str, defined: np.ndarray, highest: float) -> np.ndarray:
    """One score column as floats, NaN where the score is undefined.

    Args:
        defined: booleans, True for the rows in which the column must hold a number; elsewhere it must hold none.
        highest: the largest value allowed; the smallest is 0.

    Raises:
        RowsError: if a number is missing, surplus, no number, or out of range.
    """
    values = np.full(len(table), np.nan)
    for number, value in enumerate(table[column]):
        if _is_missing(value):
            if defined[number]:
                raise RowsError(f"{place(table.iloc[number], number)}: {column} is missing")
            continue
        if not isinstance(value, bool | np.bool_ | int | float | np.number) or not 0 <= value <= highest:
            raise RowsError(f"{place(table.iloc[number], number)}: {column} is {value!r}, not a number in range")
        if not defined[number]:
            raise RowsError(f"{place(table.iloc[number], number)}: {column} is {value!r}, but nothing was extracted")
        values[number] = value
    return values


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and bool(np.isnan(value)))


def place(row: Any, number: int) -> str:
    """Where a row stands, for a message: "row 3 (arm zero_shot, id 'x')". Rows count from 0."""
    known = [f"{name} {row[name]!r}" for name in ("arm", "id") if name in row]
    return f"row {number}" + (f" ({', '.join(known)})" if known else "")
