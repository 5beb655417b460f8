"""What a table of rows must be before anything is counted, so that no denominator shrinks unseen.

Rows come in as dicts or as a DataFrame; the same rows go out as a DataFrame, or one line says which arm, row and field
is wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lib.data.dataset import COMPLEXITIES, DRAFT, Example
from lib.files import CourseError

ORDER = ("field", "written", "report", "managed")  # of sources: the requests of people first


class RowsError(CourseError):
    """Rows that cannot be counted honestly. The message names the arm, the row and the field."""


def refuse(table: pd.DataFrame, wrong: pd.Series, words: str, of: str = "") -> None:
    """Raise RowsError about the first row that is `wrong`; `words` may have its columns in braces, "{tokens!r}"."""
    if wrong.any():
        number = int(np.flatnonzero(wrong)[0])
        (row,) = table.iloc[[number]].to_dict("records")
        raise RowsError(f"{of}{place(row, number)}: {words.format(**row)}")


def place(row: Mapping[str, Any], number: int) -> str:
    """Where a row stands, for a message: "row 3 (arm 'zero_shot', id 'x')". Rows count from 0."""
    known = [f"{name} {row[name]!r}" for name in ("arm", "id") if name in row]
    return f"row {number}" + (f" ({', '.join(known)})" if known else "")


def frame(rows: Iterable[dict] | pd.DataFrame, text: Sequence[str], other: Sequence[str] = ()) -> pd.DataFrame:
    """Rows as a DataFrame with a fresh index, its `text` columns checked to be text.

    Args:
        rows: one dict a row, or a DataFrame; left unchanged.
        text: columns that must exist and hold text in every row; "complexity" one of COMPLEXITIES.
        other: columns that must exist.

    Raises:
        RowsError: if there is no row, a column is missing, or a text column holds anything else.
    """
    if not isinstance(rows, pd.DataFrame):
        rows = list(rows)
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                raise RowsError(f"row {number}: a row is a dict, not {type(row).__name__}")
            if missing := [column for column in (*text, *other) if column not in row]:
                raise RowsError(f"{place(row, number)}: {missing[0]} is missing")
        rows = pd.DataFrame(rows)
    if rows.empty:
        raise RowsError("no rows: run the arms before scoring them")
    if missing := [column for column in (*text, *other) if column not in rows]:
        raise RowsError(f"the rows have no column {', '.join(missing)}")
    table = rows.reset_index(drop=True).astype(dict.fromkeys(text, object))  # no category of an arm that has no row
    for column in text:
        refuse(table, table[column].isna(), f"{column} is empty (None or NaN), not text")
        refuse(table, ~table[column].map(lambda v: isinstance(v, str)), f"{column} is {{{column}!r}}, not text")
    if "complexity" in text:
        wrong = ~table["complexity"].isin(COMPLEXITIES)
        refuse(table, wrong, f"complexity is {{complexity!r}}; it must be one of {', '.join(COMPLEXITIES)}")
    return table


def numbers(table: pd.DataFrame, column: str, defined: pd.Series | bool = True, highest: float = 1.0) -> pd.Series:
    """A column as floats, NaN where it is undefined.

    Args:
        defined: the rows in which the column must hold a number; elsewhere it must hold none.
        highest: the largest value allowed; the smallest is 0.

    Raises:
        RowsError: if a number is missing, surplus, no number, or out of range.
    """
    values, known = table[column].astype(object), table[column].notna()
    fits = values.map(lambda value: isinstance(value, int | float | np.number | np.bool_) and 0 <= value <= highest)
    refuse(table, ~known & defined, f"{column} is missing")
    refuse(table, known & ~fits, f"{column} is {{{column}!r}}, not a number in range")
    refuse(table, known & np.logical_not(defined), f"{column} is {{{column}!r}}, but nothing was extracted")
    return values.where(known, np.nan).astype(float)


def check_arms(table: pd.DataFrame) -> None:
    """Refuse arms that were not run on the same examples.

    Raises:
        RowsError: if an arm has an id twice, lacks an id that another arm has, or an example has two complexities or
            two expected policies.
    """
    refuse(table, table.duplicated(["arm", "id"]), "this id is in the arm twice")
    absent = pd.crosstab(table["id"], table["arm"]) == 0
    for arm in absent.columns[absent.any()]:
        ids = absent.index[absent[arm]]
        raise RowsError(
            f"arm {arm}: {len(ids)} of {len(absent)} ids of the other arms are missing, first {ids[0]!r}"
            "; run every arm on the same examples"
        )
    for column in {"complexity", "expected"} & set(table):
        differing = table.groupby("id", sort=False)[column].nunique() > 1
        if differing.any():
            raise RowsError(f"id {differing.idxmax()!r}: {column} is not the same in every arm")


def of_example(arm: str, example: Example) -> dict:
    """The columns of an output row that do not depend on the answer."""
    copied = {name: getattr(example, name) for name in ("id", "source", "complexity", "outcome", "instruction")}
    return {"arm": arm, **copied, "tags": list(example.tags), "expected": example.policy}


def drafted(rows: Iterable[dict] | pd.DataFrame) -> Any:
    """Of output or score rows those whose request has a policy: others are to be refused, or asked back.

    What is counted in them is `lib.evaluation.verdict`'s; every other measure needs a wanted policy.
    """
    if isinstance(rows, pd.DataFrame):
        return rows[rows["outcome"].fillna(DRAFT) == DRAFT] if "outcome" in rows else rows
    return [row for row in rows if row.get("outcome", DRAFT) == DRAFT]


def by_source(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each source that has some, in ORDER: what a reader should see first.

    The sources are different tasks, so that a mean over all of them hangs on how many of each were asked.
    """
    parts = dict(iter(table.groupby("source", sort=False)))
    return {name: parts[name] for name in dict.fromkeys([*ORDER, *parts]) if name in parts}


def of_arm(table: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The rows of an arm.

    Raises:
        RowsError: if there are none.
    """
    part = table[table["arm"] == arm]
    if part.empty:
        raise RowsError(f"no arm is called {arm!r}: there are {', '.join(map(str, table['arm'].unique()))}")
    return part


def intervals(table: pd.DataFrame, name: str, scale: float = 100, digits: int = 1) -> list[str]:
    """The columns <name>, <name>_low and <name>_high as text, "43.9 [39.1, 48.7]", or "-" where there is no mean."""
    parts = scale * table[[name, f"{name}_low", f"{name}_high"]].to_numpy(dtype=float)
    return ["-" if np.isnan(p[0]) else "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(*p, d=digits) for p in parts]
