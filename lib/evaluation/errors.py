"""What went wrong with an answer: two ordered tables of rules (errors.yaml), and counts of what they say.

The categories are the reference report's ("Fine-Tuning a Large Language Model for AWS IAM Policy Generation", Error
Analysis), which call an answer correct when half of its services are. The faults look at permissions: an answer may
have several, and only one that allows and denies exactly what was wanted is right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from lib.evaluation import metrics
from lib.evaluation import rows as checked

TEXTS = ("instruction", "expected", "generated")
RIGHT = "right"


@dataclass(frozen=True)
class Label:
    """A kind of answer, and when an answer is of that kind; what the fields are, errors.yaml says."""

    name: str
    title: str  # in figures
    rule: str
    when: str = ""  # empty: always
    said: str = ""
    cure: str = ""


_FILE = yaml.safe_load(Path(__file__).with_name("errors.yaml").read_text(encoding="utf-8"))
LABELS = {of: tuple(Label(name, **row) for name, row in labels.items()) for of, labels in _FILE.items()}
CATEGORIES, FAULTS = LABELS["category"], LABELS["fault"]
TITLES = {label.name: label.title for labels in LABELS.values() for label in labels}
NAMES = tuple(label.name for label in FAULTS if label.name != RIGHT)  # columns of truth values


def categorise(expected: str, generated: str) -> str:
    """The name of the first category that holds. Any two texts can be compared.

    Raises:
        RowsError: if an argument is not text.
    """
    row = {"arm": "", "id": "", "complexity": "simple", **metrics.score(expected, generated)}
    return str(label([row])["category"].item())


def label(rows: Iterable[dict] | pd.DataFrame, outputs: Iterable[dict] | pd.DataFrame | None = None) -> pd.DataFrame:
    """Score rows with the columns `category`, `fault` (the main one) and, for each of NAMES, whether it has the fault.

    Args:
        rows: what `metrics.score_rows` returns, or its rows.
        outputs: the output rows that were scored; if given, their instruction, expected and generated are joined by arm
            and id, for worked examples.

    Raises:
        RowsError: if the rows cannot be counted (see `metrics.summarise`), or `outputs` lacks or repeats one of them.
    """
    table = checked.frame(rows, text=metrics.TEXT, other=[metric.name for metric in metrics.SCORED])
    values = metrics.numeric(table).astype({m.name: "boolean" for m in metrics.SCORED if m.kind == metrics.TRUTH})
    table = table if outputs is None else _joined(table, outputs)
    held = {of: _held(values.assign(ended=_ended(table)), labels) for of, labels in LABELS.items()}
    found = {of: flags.idxmax(axis=1) for of, flags in held.items()}  # the first that holds
    faults = held["fault"][list(NAMES)]
    alone = faults["other"] & (found["fault"] == "other")  # what differs otherwise, if nothing else is at fault
    return pd.concat([table, faults.assign(other=alone)], axis=1).assign(**found)


def _held(table: pd.DataFrame, labels: Iterable[Label]) -> pd.DataFrame:
    """For each answer which rules hold: a column a label, in their order."""
    held = {label.name: table.eval(label.when, engine="python") if label.when else True for label in labels}
    return pd.DataFrame(held, index=table.index).fillna(False).astype(bool)


def _ended(table: pd.DataFrame) -> pd.Series:
    """Whether each answer had ended; where no row says so, one whose brackets are closed had."""
    closed = [text.count("{") <= text.count("}") for text in table.get("generated", [""] * len(table))]
    said = table["complete"] if "complete" in table else pd.Series(pd.NA, index=table.index, dtype="boolean")
    return said.where(said.notna(), pd.Series(closed, index=table.index)).astype(bool)


def _joined(table: pd.DataFrame, outputs: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    texts = checked.frame(outputs, text=("arm", "id", "expected", "generated"))
    texts = (texts if "instruction" in texts else texts.assign(instruction=""))[["arm", "id", *TEXTS]]
    checked.refuse(texts, texts.duplicated(["arm", "id"]), "this id is in the arm twice", of="outputs, ")
    kept = table.drop(columns=[column for column in TEXTS if column in table])
    joined = kept.merge(texts, on=["arm", "id"], how="left")
    checked.refuse(joined, joined["generated"].isna(), "was scored, but there is no row of it", of="outputs: ")
    return joined


def counts(labelled: pd.DataFrame, of: str = "category", by: str | None = None) -> pd.DataFrame:
    """How many answers of each arm are of each category, or have each main fault, those with none included.

    Args:
        labelled: what `label` returns.
        of: "category" or "fault".
        by: another column to split an arm by, such as "complexity" or "source".

    Returns:
        arm, `by` if given, `of`, count, title, n (answers of the group), rate (count / n, from 0 to 1), for faults also
        `any` (answers that have it at all); arms in order of first appearance, labels in their order.

    Raises:
        RowsError: if there is no row, a column is missing or a category is unknown.
    """
    split = ["arm"] if by is None else ["arm", by]
    table = checked.frame(labelled, text=("arm", of), other=split[1:])
    names = [label.name for label in LABELS[of]]
    if unknown := sorted(set(table[of]) - set(names)):
        raise checked.RowsError(f"{of} {unknown[0]!r} is unknown; it must be one of {', '.join(names)}")
    groups = table.assign(**{column: _ordered(table[column]) for column in split}).groupby(split, observed=True)
    each = groups[of].value_counts().unstack(fill_value=0).reindex(columns=names, fill_value=0)
    found = each.rename_axis(columns=of).stack().rename("count").reset_index().astype(dict.fromkeys(split, object))
    found = found.assign(title=found[of].map(TITLES), n=groups.size().repeat(len(names)).to_numpy())
    found["rate"] = found["count"] / found["n"]
    if of == "fault":
        found["any"] = groups[list(NAMES)].sum().assign(**{RIGHT: each[RIGHT]})[names].to_numpy().ravel()
    return found


def _ordered(column: pd.Series) -> pd.Series:
    """As categories in the order in which they are shown: bins and complexities in theirs, others as they come."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    seen = list(column.unique())
    known = set(seen) <= set(checked.COMPLEXITIES)
    return column.astype(pd.CategoricalDtype([c for c in checked.COMPLEXITIES if c in seen] if known else seen))


def advice(labelled: pd.DataFrame, arm: str, most: int = 3) -> list[str]:
    """What to try first for an arm: a sentence for each of its commonest main faults."""
    part = checked.of_arm(labelled, arm)
    counted = part.loc[part["fault"] != RIGHT, "fault"].value_counts()
    cures = {fault.name: fault.cure for fault in FAULTS}
    return [
        f"{TITLES[name]} is the main fault of {count} of {len(part)} answers: try {cures[name]}"
        for name, count in counted.head(most).items()
    ]
