"""What went wrong with an answer: one category each, the first rule of a table that holds.

Score rows (lib.evaluation.metrics) come in; the same rows with a category, counts and worked examples go out. The first
five categories and their order are the reference report's ("Fine-Tuning a Large Language Model for AWS IAM Policy
Generation", Error Analysis).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lib.evaluation import metrics, sentences
from lib.evaluation import rows as checked

LOWEST_JACCARD = 0.5  # under this the report calls the services wrong
NEEDED = ("json_extracted", "schema_valid", "effect_match", "service_jaccard")
TEXTS = ("instruction", "expected", "generated")


@dataclass(frozen=True)
class Category:
    """A rule: the row's category is the first whose `holds` is true of its scores."""

    name: str
    title: str  # in figures
    rule: str  # in words, for the table that a notebook shows
    holds: Callable[[Mapping[str, Any]], bool]  # of a score row; the rules before it did not hold
    explain: Callable[[Mapping[str, Any]], str]  # a sentence with figures about a row with its texts


CATEGORIES = (
    Category(
        "no_json",
        "no JSON",
        "no JSON could be extracted: prose, or an answer that was cut off",
        holds=lambda row: not row["json_extracted"],
        explain=sentences.no_json,
    ),
    Category(
        "invalid_schema",
        "invalid schema",
        "JSON, but not the shape of a policy",
        holds=lambda row: not row["schema_valid"],
        explain=sentences.invalid_schema,
    ),
    Category(
        "wrong_effect",
        "wrong effect",
        "the set of effects is not the wanted one",
        holds=lambda row: not row["effect_match"],
        explain=sentences.wrong_effect,
    ),
    Category(
        "wrong_services",
        "wrong services",
        f"the services overlap less than half (Jaccard under {LOWEST_JACCARD})",
        holds=lambda row: row["service_jaccard"] < LOWEST_JACCARD,
        explain=sentences.wrong_services,
    ),
    Category(
        "correct",
        "correct",
        "none of the rules above holds; actions, resources and conditions may still differ",
        holds=lambda row: True,
        explain=sentences.correct,
    ),
)
TITLES = {category.name: category.title for category in CATEGORIES}


def categorise(expected: str, generated: str) -> str:
    """The name of the first category of CATEGORIES that holds. Any two texts can be compared.

    Raises:
        RowsError: if an argument is not text.
    """
    return _category(metrics.score(expected, generated)).name


def label(rows: Iterable[dict] | pd.DataFrame, outputs: Iterable[dict] | pd.DataFrame | None = None) -> pd.DataFrame:
    """Score rows with a column `category`.

    Args:
        rows: what `metrics.score_rows` returns, or its rows.
        outputs: the output rows that were scored; if given, their instruction, expected and generated are joined by arm
            and id, for `examples`.

    Raises:
        RowsError: if the rows cannot be counted (see `metrics.summarise`), or `outputs` lacks or repeats one of them.
    """
    table = checked.frame(rows, text=metrics.TEXT, other=NEEDED)
    checked.check_arms(table)
    for column in ("json_extracted", "schema_valid"):
        checked.numbers(table, column, defined=[True] * len(table), highest=1)
    for column in ("effect_match", "service_jaccard"):
        checked.numbers(table, column, defined=table["json_extracted"].to_numpy(dtype=bool), highest=1)
    found = [_category(row).name for row in table.to_dict("records")]
    table = table.assign(category=found)
    return table if outputs is None else _joined(table, outputs)


def _category(row: Mapping[str, Any]) -> Category:
    return next(category for category in CATEGORIES if category.holds(row))


def _joined(table: pd.DataFrame, outputs: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    texts = checked.frame(outputs, text=("arm", "id", *TEXTS))[["arm", "id", *TEXTS]]
    twice = texts[texts.duplicated(["arm", "id"])]
    if len(twice):
        raise checked.RowsError(f"outputs, {checked.place(twice.iloc[0], twice.index[0])}: this id is in the arm twice")
    kept = table.drop(columns=[column for column in TEXTS if column in table])
    joined = kept.merge(texts, on=["arm", "id"], how="left")
    absent = joined[joined["generated"].isna()]
    if len(absent):
        raise checked.RowsError(f"outputs: no row for scored {checked.place(absent.iloc[0], absent.index[0])}")
    return joined


def counts(labelled: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """How many answers of each arm fall into each category, categories with none included.

    Args:
        labelled: what `label` returns.
        by: another column to split an arm by, such as "complexity".

    Returns:
        arm, `by` if given, category, title, count, n (answers of the group), rate (count / n, from 0 to 1); arms in
        order of first appearance, categories in the order of CATEGORIES.

    Raises:
        RowsError: if there is no row, a column is missing or a category is unknown.
    """
    split = ["arm"] if by is None else ["arm", by]
    table = checked.frame(labelled, text=("arm", "category"), other=split[1:])
    unknown = sorted(set(table["category"]) - set(TITLES))
    if unknown:
        raise checked.RowsError(f"category {unknown[0]!r} is unknown; it must be one of {', '.join(TITLES)}")
    order = {complexity: index for index, complexity in enumerate(checked.COMPLEXITIES)}
    found = []
    for arm, answers in table.groupby("arm", sort=False):
        parts = [((), answers)] if by is None else list(answers.groupby([by], sort=False))
        for key, part in sorted(parts, key=lambda pair: [order.get(value, len(order)) for value in pair[0]]):
            group = {"arm": arm, **dict(zip(split[1:], key, strict=True))}
            for category in CATEGORIES:
                count = int((part["category"] == category.name).sum())
                shares = {"count": count, "n": len(part), "rate": count / len(part)}
                found.append({**group, "category": category.name, "title": category.title, **shares})
    return pd.DataFrame(found)


@dataclass(frozen=True)
class WorkedExample:
    """One answer to look at, with a sentence that says what went wrong in figures."""

    arm: str
    id: str
    category: str
    complexity: str
    instruction: str
    expected: str
    generated: str
    sentence: str

    def __str__(self) -> str:
        return (
            f"  {self.id} ({self.complexity}): {self.instruction}\n"
            f"    wanted    {_cut(self.expected)}\n"
            f"    generated {_cut(self.generated)}\n"
            f"    {self.sentence}"
        )


def _cut(text: str, longest: int = 300) -> str:
    shown = text.encode("unicode_escape").decode("ascii")  # an answer may hold anything, a terminal's codes too
    return shown if len(shown) <= longest else f"{shown[:longest]} ... ({len(text):,} characters)"


def examples(labelled: pd.DataFrame, arm: str, category: str, k: int = 3) -> list[WorkedExample]:
    """Up to `k` answers of an arm and category, always the same: the shortest of each complexity, then the shortest.

    Args:
        labelled: what `label(rows, outputs)` returns: score rows with their texts.

    Raises:
        RowsError: if a column is missing, or the arm or the category does not exist.
    """
    if category not in TITLES:
        raise checked.RowsError(f"category {category!r} is unknown; it must be one of {', '.join(TITLES)}")
    table = checked.frame(labelled, text=(*metrics.TEXT, "category", *TEXTS), other=NEEDED)
    if arm not in set(table["arm"]):
        raise checked.RowsError(f"arm {arm!r} has no rows; there are {', '.join(dict.fromkeys(table['arm']))}")
    rows = table[(table["arm"] == arm) & (table["category"] == category)].to_dict("records")
    rows.sort(key=lambda row: (len(row["expected"]) + len(row["generated"]), row["id"]))
    shortest = {row["complexity"]: row["id"] for row in reversed(rows)}.values()
    rows.sort(key=lambda row: row["id"] not in shortest)
    explain = next(row for row in CATEGORIES if row.name == category).explain
    columns = ("arm", "id", "category", "complexity", *TEXTS)
    return [WorkedExample(*(row[column] for column in columns), explain(row)) for row in rows[:k]]
