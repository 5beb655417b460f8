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
LENGTHS = (64, 128, 256, 512)  # tokens of the wanted policy: upper edges of the bins


@dataclass(frozen=True)
class Rule:
    """A kind of answer, and when an answer is of that kind; what the fields are, errors.yaml says."""

    name: str
    title: str  # in figures
    rule: str
    when: str = ""  # empty: always
    said: str = ""
    cure: str = ""


_FILE = yaml.safe_load(Path(__file__).with_name("errors.yaml").read_text(encoding="utf-8"))
RULES = {of: tuple(Rule(name, **row) for name, row in rules.items()) for of, rules in _FILE.items()}
CATEGORIES, FAULTS = RULES["category"], RULES["fault"]
TITLES = {rule.name: rule.title for rules in RULES.values() for rule in rules}
NAMES = tuple(rule.name for rule in FAULTS if rule.name != RIGHT)  # columns of truth values


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
    table = checked.frame(rows, text=metrics.TEXT, other=[m.name for m in metrics.METRICS + metrics.PERMISSIONS])
    values = metrics.numeric(table)
    truths = {m.name: m.kind for m in metrics.METRICS + metrics.PERMISSIONS if m.kind == metrics.TRUTH}
    table = table if outputs is None else _joined(table, outputs)
    answers = values.astype(truths).assign(ended=_ended(table))
    faults = _held(answers, FAULTS)
    found = {"category": _held(answers, CATEGORIES).idxmax(axis=1), "fault": faults.idxmax(axis=1)}
    alone = faults["other"] & (found["fault"] == "other")  # what differs otherwise, if nothing else is at fault
    return pd.concat([table, faults[list(NAMES)].assign(other=alone)], axis=1).assign(**found)


def _held(table: pd.DataFrame, rules: Iterable[Rule]) -> pd.DataFrame:
    """For each answer which rules hold: a column a rule, in their order."""
    held = {rule.name: table.eval(rule.when, engine="python") if rule.when else True for rule in rules}
    return pd.DataFrame(held, index=table.index).fillna(False).astype(bool)


def _ended(table: pd.DataFrame) -> pd.Series:
    """Whether each answer had ended; where no row says so, one whose brackets are closed had."""
    closed = [text.count("{") <= text.count("}") for text in table.get("generated", [""] * len(table))]
    said = table["complete"] if "complete" in table else pd.Series(pd.NA, index=table.index, dtype="boolean")
    return said.where(said.notna(), pd.Series(closed, index=table.index)).astype(bool)


def _joined(table: pd.DataFrame, outputs: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    texts = checked.frame(outputs, text=("arm", "id", "expected", "generated"))
    texts = (texts if "instruction" in texts else texts.assign(instruction=""))[["arm", "id", *TEXTS]]
    twice = texts[texts.duplicated(["arm", "id"])]
    if len(twice):
        raise checked.RowsError(f"outputs, {checked.place(twice.iloc[0], twice.index[0])}: this id is in the arm twice")
    kept = table.drop(columns=[column for column in TEXTS if column in table])
    joined = kept.merge(texts, on=["arm", "id"], how="left")
    absent = joined[joined["generated"].isna()]
    if len(absent):
        raise checked.RowsError(f"outputs: no row for scored {checked.place(absent.iloc[0], absent.index[0])}")
    return joined


def counts(labelled: pd.DataFrame, of: str = "category", by: str | None = None) -> pd.DataFrame:
    """How many answers of each arm are of each category, or have each main fault, those with none included.

    Args:
        labelled: what `label` returns.
        of: "category" or "fault".
        by: another column to split an arm by, such as "complexity", "source" or what `lengths` returns.

    Returns:
        arm, `by` if given, `of`, title, count, n (answers of the group), rate (count / n, from 0 to 1), for faults also
        `any` (answers that have it at all); arms in order of first appearance, rules in their order.

    Raises:
        RowsError: if there is no row, a column is missing or a category is unknown.
    """
    split = ["arm"] if by is None else ["arm", by]
    table = checked.frame(labelled, text=("arm", of), other=split[1:])
    names = [rule.name for rule in RULES[of]]
    if unknown := sorted(set(table[of]) - set(names)):
        raise checked.RowsError(f"{of} {unknown[0]!r} is unknown; it must be one of {', '.join(names)}")
    arms, order = list(table["arm"].unique()), {name: i for i, name in enumerate(checked.COMPLEXITIES)}
    found = []
    groups = list(table.groupby(split, sort=False, observed=True))
    for key, part in sorted(groups, key=lambda group: (arms.index(group[0][0]), order.get(group[0][-1], -1))):
        for name in names:
            count = int((part[of] == name).sum())
            row = {**dict(zip(split, key, strict=True)), of: name, "title": TITLES[name], "count": count}
            row |= {"n": len(part), "rate": count / len(part)}
            having = {"any": int(part[name].sum()) if name in NAMES else count} if of == "fault" else {}
            found.append(row | having)
    return pd.DataFrame(found)


def right_by(labelled: pd.DataFrame, by: str) -> pd.DataFrame:
    """How many answers of each arm are exactly right, of how many, for each value of a column: "12 of 40".

    Returns:
        a row an arm, a column a value, in order of first appearance (bins and complexities: in theirs).
    """
    parts = counts(labelled, "fault", by).query("fault == @RIGHT")
    said = parts["count"].astype(str) + " of " + parts["n"].astype(str)
    table = parts.assign(right=said).pivot(index="arm", columns=by, values="right").reindex(labelled["arm"].unique())
    found = labelled[by].cat.categories if hasattr(labelled[by], "cat") else labelled[by].unique()
    order = checked.COMPLEXITIES if set(found) <= set(checked.COMPLEXITIES) else found
    return table[[value for value in order if value in table]].fillna("-")


def lengths(labelled: pd.DataFrame) -> pd.Series:
    """How long the wanted policy is, in bins of tokens: "to 64", "to 128", ..., "longer"."""
    names = [*(f"to {edge}" for edge in LENGTHS), "longer"]
    edges = (0, *LENGTHS, float("inf"))
    return pd.cut(labelled["expected_tokens"].astype(float), edges, labels=names, include_lowest=True).rename("length")


def by_service(labelled: pd.DataFrame, arm: str, most: int = 12) -> pd.DataFrame:
    """The share of an arm's answers that have each fault, for the services that are wanted most.

    Returns:
        a row a service ("s3, 41 answers"), commonest first; a column a fault that occurs, by title, in their order. An
        answer counts for every service that its wanted policy names.

    Raises:
        RowsError: if there is no such arm.
    """
    part = checked.of_arm(labelled, arm)
    each = part.assign(service=part["services_wanted"].str.split()).explode("service").dropna(subset="service")
    sizes = each["service"].value_counts(sort=True).sort_index().sort_values(ascending=False, kind="stable").head(most)
    table = each[each["service"].isin(sizes.index)].groupby("service")[list(NAMES)].mean().reindex(sizes.index)
    table = table[[name for name in NAMES if table[name].any()]].rename(columns=TITLES)
    return table.set_axis([f"{service}, {n}" for service, n in sizes.items()])


def together(labelled: pd.DataFrame, arm: str) -> pd.DataFrame:
    """How often two faults stand in one answer of an arm; the diagonal counts each, and faults with none are left out.

    Raises:
        RowsError: if there is no such arm.
    """
    flags = checked.of_arm(labelled, arm)[list(NAMES)].astype(int)
    table = flags.T @ flags
    kept = [name for name in NAMES if table.loc[name, name]]
    return table.loc[kept, kept].rename(index=TITLES, columns=TITLES)


def advice(labelled: pd.DataFrame, arm: str, most: int = 3) -> list[str]:
    """What to try first for an arm: a sentence for each of its commonest main faults."""
    part = checked.of_arm(labelled, arm)
    counted = part.loc[part["fault"] != RIGHT, "fault"].value_counts()
    cures = {fault.name: fault.cure for fault in FAULTS}
    return [
        f"{TITLES[name]} is the main fault of {count} of {len(part)} answers: try {cures[name]}"
        for name, count in counted.head(most).items()
    ]
