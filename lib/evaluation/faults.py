"""What is wrong with an answer at the level of permissions: all that holds, and the first of it as the main fault.

Output rows come in; a row an answer goes out, with a column a fault. `lib.evaluation.errors` has the report's five
categories, which call an answer correct when half of its services are; here only an answer that allows and denies
exactly what was wanted is right.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lib.evaluation import metrics
from lib.evaluation import rows as checked

RIGHT = "right"
LENGTHS = (64, 128, 256, 512)  # tokens of the wanted policy: upper edges of the bins


@dataclass(frozen=True)
class Fault:
    """A kind of mistake: its name, its title in figures, its rule in words, and whether a row makes it."""

    name: str
    title: str
    rule: str
    holds: Callable[[Mapping[str, Any]], bool]
    cure: str  # what to try when there are many of it


def _readable(row: Mapping[str, Any]) -> bool:
    return bool(row["schema_valid"])


FAULTS = (
    Fault(
        "truncated",
        "truncated",
        "no JSON, and the answer had not ended",
        lambda row: not row["json_extracted"] and row["complete"] is False,
        "a grammar with a budget: every answer ends as valid JSON",
    ),
    Fault(
        "not_json",
        "not JSON",
        "no JSON could be extracted, though the answer had ended",
        lambda row: not row["json_extracted"] and row["complete"] is not False,
        "a grammar, or repair of prose and code fences",
    ),
    Fault(
        "invalid_schema",
        "invalid schema",
        "JSON, but not the shape of a policy",
        lambda row: row["json_extracted"] and not row["schema_valid"],
        "a grammar, or repair",
    ),
    Fault(
        "unknown_action",
        "unknown action",
        "names an action that does not exist",
        lambda row: _readable(row) and row["unknown_actions"] > 0,
        "a grammar over the catalogue",
    ),
    Fault(
        "wrong_services",
        "wrong services",
        "the set of services is not the wanted one",
        lambda row: _readable(row) and row["service_jaccard"] < 1,
        "retrieval: services first, then actions",
    ),
    Fault(
        "wrong_effect",
        "wrong effect",
        "the set of effects is not the wanted one, or an action is denied that was to be allowed, or allowed",
        lambda row: _readable(row) and (not row["effect_match"] or row["flipped"] > 0),
        "more lessons that deny",
    ),
    Fault(
        "missing_actions",
        "missing actions",
        "does not allow an action that was wanted",
        lambda row: _readable(row) and row["action_recall"] < 1,
        "retrieval with a better recall; a look at the candidates that were passed over",
    ),
    Fault(
        "extra_actions",
        "extra actions",
        "allows an action that was not wanted (over-permissive)",
        lambda row: _readable(row) and row["action_precision"] < 1,
        "a higher bar for candidates; preference training on over-granting",
    ),
    Fault(
        "wrong_resource",
        "wrong resource",
        "allows an action on other resources than wanted, or on all where one was named",
        lambda row: _readable(row) and not pd.isna(row["resources_match"]) and not row["resources_match"],
        "more lessons with that resource type; names that stand whole in the request",
    ),
    Fault(
        "wrong_condition",
        "wrong condition",
        "makes other comparisons than wanted, or none where one was asked for",
        lambda row: _readable(row) and not row["conditions_match"],
        "more lessons with conditions; better condition keys in the prompt",
    ),
    Fault(
        "other",
        "other difference",
        "all of the above is right, and yet some permission differs",
        lambda row: _readable(row) and row["permission_precision"] * row["permission_recall"] < 1,
        "a look at the worked examples",
    ),
)
NAMES = tuple(fault.name for fault in FAULTS)
TITLES = {fault.name: fault.title for fault in FAULTS} | {RIGHT: "right"}


def label(outputs: Iterable[dict]) -> pd.DataFrame:
    """The output rows scored, with a truth value for each fault and the column `fault`: the first that holds.

    Returns:
        the columns of `metrics.score_rows`, those of NAMES, and `fault` ("right": none).

    Raises:
        RowsError: see `metrics.score_rows`.
    """
    rows = list(outputs)
    table = metrics.score_rows(rows)
    complete = [row.get("complete", row["generated"].count("{") <= row["generated"].count("}")) for row in rows]
    found = [
        {fault.name: bool(fault.holds(row | {"complete": ended})) for fault in FAULTS}
        for row, ended in zip(table.to_dict("records"), complete, strict=True)
    ]
    for row in found:  # what is left when nothing else is at fault
        row["other"] = row["other"] and not any(row[name] for name in NAMES if name != "other")
    main = [next((name for name in NAMES if row[name]), RIGHT) for row in found]
    return pd.concat([table, pd.DataFrame(found, columns=list(NAMES)).astype(bool)], axis=1).assign(fault=main)


def shares(labelled: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """For each arm and fault: how many answers have it as their main fault, and how many have it at all.

    Args:
        by: another column to split an arm by, such as "complexity", "source" or what `lengths` returns.

    Returns:
        arm, `by` if given, fault, title, main, any, n; `right` comes last, with the same count twice.
    """
    found = []
    for key, part in labelled.groupby(["arm"] if by is None else ["arm", by], sort=False, observed=True):
        group = dict(zip(("arm", by), key, strict=False))
        for name in (*NAMES, RIGHT):
            main = int((part["fault"] == name).sum())
            having = main if name == RIGHT else int(part[name].sum())
            counts = {"title": TITLES[name], "main": main, "any": having, "n": len(part)}
            found.append({**group, "fault": name, **counts})
    return pd.DataFrame(found)


def right_by(labelled: pd.DataFrame, by: str) -> pd.DataFrame:
    """How many answers of each arm are exactly right, of how many, for each value of a column: "12 of 40".

    Returns:
        a row an arm, a column a value, in order of first appearance (bins and complexities: in theirs).
    """
    parts = shares(labelled, by)
    parts = parts[parts["fault"] == RIGHT].assign(
        right=[f"{m} of {n}" for m, n in parts.loc[parts["fault"] == RIGHT, ["main", "n"]].to_numpy()]
    )
    table = parts.pivot(index="arm", columns=by, values="right").reindex(labelled["arm"].unique())
    found = labelled[by].cat.categories if hasattr(labelled[by], "cat") else labelled[by].unique()
    order = checked.COMPLEXITIES if set(found) <= set(checked.COMPLEXITIES) else found
    return table[[value for value in order if value in table]].fillna("-")


def lengths(labelled: pd.DataFrame) -> pd.Series:
    """How long the wanted policy is, in bins of tokens: "to 64", "to 128", ..., "longer"."""
    edges = (0, *LENGTHS, float("inf"))
    names = [*(f"to {edge}" for edge in LENGTHS), "longer"]
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
    part = checked.of_arm(labelled, arm)
    flags = part[list(NAMES)].astype(int)
    table = flags.T @ flags
    kept = [name for name in NAMES if table.loc[name, name]]
    return table.loc[kept, kept].rename(index=TITLES, columns=TITLES)


def advice(labelled: pd.DataFrame, arm: str, most: int = 3) -> list[str]:
    """What to try first for an arm: a sentence for each of its commonest main faults."""
    part = checked.of_arm(labelled, arm)
    counts = part.loc[part["fault"] != RIGHT, "fault"].value_counts()
    cures = {fault.name: fault.cure for fault in FAULTS}
    return [
        f"{TITLES[name]} is the main fault of {count} of {len(part)} answers: try {cures[name]}"
        for name, count in counts.head(most).items()
    ]
