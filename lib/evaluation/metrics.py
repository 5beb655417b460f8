"""How good the answers of the arms are: one score row an answer, one summary row an arm.

Output rows (arm, id, complexity, expected, generated) come in, tables go out. The first five metrics are the reference
report's, word for word ("Fine-Tuning a Large Language Model for AWS IAM Policy Generation"); the others compare what
two policies allow, permission by permission. A metric of what is in a policy exists twice: over the answers from which
JSON could be extracted, as the report prints it, and, with `_all`, over every answer, where a failure counts 0.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from iampolicy.compare import EQUAL, INCOMPARABLE, OVER, UNDER, compare
from lib.evaluation import permissions, verdict
from lib.evaluation import rows as checked
from lib.evaluation.answer import Answer, read, read_wanted
from lib.statistics import FEW, bootstrap

ALL, EXTRACTED, SCHEMA, SHARED = "all", "extracted", "schema valid", "sharing an allowed action"
SHARE, TRUTH, COUNT = "share", "truth", "count"
DTYPES = {SHARE: "float", TRUTH: "boolean", COUNT: "Int64"}


@dataclass(frozen=True)
class Metric:
    """A column of a score row that is averaged; what the fields are, metrics.tsv says."""

    name: str
    title: str
    part: str
    over: str  # one of ALL, EXTRACTED, SCHEMA and SHARED
    kind: str  # one of SHARE, TRUTH and COUNT
    twin: str
    meaning: str

    @property
    def highest(self) -> float:
        """The largest value that it can have."""
        return float("inf") if self.kind == COUNT else 1.0


def _read_metrics() -> Iterator[Metric]:
    """The rows of metrics.tsv, each followed by its twin over all answers, if it has one."""
    lines = Path(__file__).with_name("metrics.tsv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader((line for line in lines if line[0] != "#"), dialect="excel-tab", quoting=csv.QUOTE_NONE):
        yield (metric := Metric(**row))
        if metric.twin:
            yield replace(metric, name=f"{metric.name}_all", over=ALL, twin="")


BY_NAME = {metric.name: metric for metric in _read_metrics()}
METRICS, PERMISSIONS, COSTS = (
    tuple(m for m in BY_NAME.values() if m.part == part) for part in ("report", "permissions", "costs")
)
SCORED = METRICS + PERMISSIONS
PARTS = ("relation", *(m.name for m in METRICS if m.over == EXTRACTED))  # None if nothing is extracted
OF_PERMISSIONS = tuple(m.name for m in PERMISSIONS if m.over != ALL)  # None for what is not schema valid
TWINS = tuple(m.name for m in SCORED if m.twin)

LONG = 200  # rows from which on the scoring shows its progress
TEXT = ("arm", "id", "complexity")
CARRIED = ("source", "complexity", "outcome", "tokens", "expected_tokens", "seconds", "complete")
COMPARED = ("schema_valid", "service_jaccard_all", "effect_match_all", "action_f1_all")
TABLE = {  # head -> metric; where it is defined over the extracted only, its `_all` twin stands beside it
    "JSON valid": "json_valid",
    "extracted": "json_extracted",
    "schema valid": "schema_valid",
    "services": "service_jaccard",
    "effects": "effect_match",
    "actions F1": "action_f1",
    "usable": "usable",
    "wider": "wider",
}


def score(expected: str, generated: str, refuses: bool | None = None) -> dict[str, Any]:
    """Score one answer. Any two texts can be compared; nothing raises but a value that is no text.

    An `expected` without a policy wants nothing: no service, no effect, no action (`score_rows` refuses it).

    Args:
        refuses: whether the answer refuses, or asks back, instead of drafting; None: nobody says (`verdict.verdict`).

    Returns:
        the metrics of metrics.tsv that are no costs, with what each means there: those over the extracted are None if
        nothing is extracted, those over the schema valid if the answer is not; their twins `<name>_all` are 0 then.
        relation: "equal", "over" (the answer allows all that is wanted and more), "under", "incomparable" or None.
        actions_wanted, actions_granted, actions_shared: how many actions either allows, and both do.
        services_wanted: the services of the expected policy, sorted, with a space between.
        verdict: what a reviewer would say (`lib.evaluation.verdict`).

    Raises:
        RowsError: if an argument is not text.
    """
    for name, text in (("expected", expected), ("generated", generated)):
        if not isinstance(text, str):
            raise checked.RowsError(f"{name} is {type(text).__name__}, not text")
    return dict(_scored(expected, generated, refuses))


@lru_cache(maxsize=16_384)
def _scored(expected: str, generated: str, refuses: bool | None) -> dict[str, Any]:
    wanted = read_wanted(expected)
    answer = read(generated, wanted, refuses)
    found = compare(wanted.taken, answer.taken) if answer.schema_valid or answer.whole else None
    said = verdict.judge(wanted, answer, found)
    judged = permissions.score(wanted, answer, found) if found and answer.schema_valid else {}
    row = {
        "json_valid": answer.valid,
        "json_extracted": answer.extracted is not None,
        "schema_valid": answer.schema_valid,
        **(_parts(wanted, answer) if answer.extracted is not None else dict.fromkeys(PARTS)),
        "actions_wanted": len(wanted.granted),
        "actions_granted": len(answer.granted),
        "actions_shared": len(wanted.granted & answer.granted),
        "services_wanted": " ".join(sorted(wanted.services)),
        "verdict": said,
        "usable": said == verdict.USABLE,
        "wider": said in verdict.GRANTS_MORE,
        **(dict.fromkeys(OF_PERMISSIONS) | judged),
    }
    zero = {SHARE: 0.0, TRUTH: False}
    return row | {f"{name}_all": zero[BY_NAME[name].kind] if row[name] is None else row[name] for name in TWINS}


def _parts(wanted: Answer, answer: Answer) -> dict[str, Any]:
    both = len(wanted.granted & answer.granted)
    precision = both / len(answer.granted) if answer.granted else 1.0
    recall = both / len(wanted.granted) if wanted.granted else 1.0
    over, under = answer.granted >= wanted.granted, answer.granted <= wanted.granted
    union = wanted.services | answer.services
    jaccard = len(wanted.services & answer.services) / len(union) if wanted.services else float(not answer.services)
    return {
        "service_jaccard": jaccard,
        "effect_match": wanted.effects == answer.effects,
        "action_precision": precision,
        "action_recall": recall,
        "action_f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "unknown_actions": len(answer.unknown),
        "relation": {(True, True): EQUAL, (True, False): OVER, (False, True): UNDER}.get((over, under), INCOMPARABLE),
    }


def score_rows(outputs: Iterable[dict]) -> pd.DataFrame:
    """Score output rows, one score row an output row, in their order.

    Args:
        outputs: rows with arm, id, complexity, expected and generated as text; `refuses`, if there, is a truth value.

    Returns:
        arm and id, those of source, complexity, outcome, tokens, expected_tokens, seconds and complete that the rows
        have, and the columns of `score` with missing values where a metric is undefined. The texts are left behind.

    Raises:
        RowsError: if there is no row, a field is missing or no text, an expected policy is no JSON object, or the arms
            were not run on the same examples.
    """
    table = checked.frame(outputs, text=(*TEXT, "expected", "generated"))
    checked.check_arms(table)
    none = table["expected"].map(lambda text: read_wanted(text).policy is None)
    checked.refuse(table, none, "expected holds no JSON object: {expected!r:.60}")
    said = [known if isinstance(known, bool) else None for known in table.get("refuses", [None] * len(table))]
    pairs = zip(table["expected"], table["generated"], said, strict=True)
    shown = tqdm(pairs, "answers scored", len(table), disable=None if len(table) >= LONG else True)
    scores = pd.DataFrame([score(*pair) for pair in shown])
    kept = table[["arm", "id", *(column for column in CARRIED if column in table)]]
    return pd.concat([kept, scores.astype({m.name: DTYPES[m.kind] for m in SCORED if m.over != ALL})], axis=1)


def summarise(rows: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    """One row an arm, in order of first appearance: every metric's mean with its 95% interval.

    An interval runs from the 2.5th to the 97.5th percentile of the mean over 2,000 bootstrap resamples of the examples
    (a fixed seed, the same resamples for every arm; a resample without any extracted answer is left out). The order of
    the rows changes nothing. A metric that is undefined in all rows of an arm is NaN, with NaN bounds.

    Args:
        rows: arm, id, complexity and the columns of `score`, of PERMISSIONS those that there are; more do no harm.

    Returns:
        arm, n (answers), n_extracted (the denominator of service_jaccard, effect_match, action_* and unknown_actions),
        then <metric>, <metric>_low, <metric>_high for every row of METRICS, and of PERMISSIONS if the rows have it
        (these are means over the schema valid answers, but for those with `_all`); shares are from 0 to 1.

    Raises:
        RowsError: if there is no row, a column or a value is missing, surplus or out of range, an arm has an id twice,
            or the arms were not run on the same ids.
    """
    table = numeric(rows)
    return pd.DataFrame([{"arm": arm, **_means(group)} for arm, group in table.groupby("arm", sort=False)])


def by_complexity(rows: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    """The same as `summarise`, one row an arm and complexity that it has: simple, medium, complex.

    `schema_valid_count` is what the report prints: "33/42". Takes and raises what `summarise` does.
    """
    table = numeric(rows)
    parts = dict(iter(table.groupby(["arm", "complexity"])))
    keys = [(a, c) for a in table["arm"].unique() for c in checked.COMPLEXITIES if (a, c) in parts]
    found = pd.DataFrame([{"arm": a, "complexity": c, **_means(parts[a, c])} for a, c in keys])
    counts = [f"{int(parts[key]['schema_valid'].sum())}/{len(parts[key])}" for key in keys]
    return found.assign(schema_valid_count=counts)


def numeric(rows: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    """Arm, id, complexity and the metrics as floats, checked as `summarise` says; NaN where one is undefined."""
    table = checked.frame(rows, text=TEXT, other=[metric.name for metric in METRICS])
    checked.check_arms(table)
    costs = [m for m in COSTS if m.name in table and table[m.name].notna().all()]
    measured = [*METRICS, *(m for m in PERMISSIONS if m.name in table), *costs]
    extracted, schema = (checked.numbers(table, name) == 1 for name in ("json_extracted", "schema_valid"))
    defined = {ALL: True, EXTRACTED: extracted, SCHEMA: schema}
    if "actions_shared" in table:
        defined[SHARED] = schema & (checked.numbers(table, "actions_shared", highest=np.inf) > 0)
    columns = {m.name: checked.numbers(table, m.name, defined[m.over], m.highest) for m in measured}
    return table[list(TEXT)].assign(**columns)


def _means(group: pd.DataFrame) -> dict[str, Any]:
    # By id: the same example is drawn the same number of times, whatever the order of the rows.
    values = group.sort_values("id")[[name for name in BY_NAME if name in group]]
    row: dict[str, Any] = {"n": len(group), "n_extracted": int(group["json_extracted"].sum())}
    for name, ends in zip(values, bootstrap(values).T, strict=True):
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
    return row


def differences(scores: Iterable[dict] | pd.DataFrame, arm: str, metrics: Sequence[str] = COMPARED) -> pd.DataFrame:
    """What an arm scores above each other arm. Arms answer the same requests, so the differences of single examples
    are resampled: that is far sharper than to compare two intervals.

    Args:
        scores: rows as `score_rows` makes them.
        arm: whose lead is asked for.
        metrics: columns that are defined in every row; shares or truth values.

    Returns:
        other, metric, n, difference (mean of the examples' differences), low, high (95% interval), verdict ("better",
        "worse", "undecided": 0 is inside the interval, or "too few": under FEW examples), few.

    Raises:
        RowsError: if the arms have other ids, a metric is missing or undefined, or there is no such arm.
    """
    table = checked.frame(scores, text=TEXT, other=metrics)
    checked.check_arms(table)
    checked.of_arm(table, arm)
    found = []
    for metric in metrics:
        values = table[["arm", "id"]].assign(value=checked.numbers(table, metric, highest=np.inf))
        wide = values.pivot(index="id", columns="arm", values="value").sort_index()
        for other in (name for name in table["arm"].unique() if name != arm):
            n, (mean, low, high) = len(wide), bootstrap(wide[arm] - wide[other])
            said = "too few" if n < FEW else "better" if low > 0 else "worse" if high < 0 else "undecided"
            found.append((other, metric, n, mean, low, high, said, n < FEW))
    return pd.DataFrame(found, columns=["other", "metric", "n", "difference", "low", "high", "verdict", "few"])


def table(summary: pd.DataFrame) -> str:
    """A summary as plain text: arms as rows, percentages with one decimal, both denominators side by side.

    "52.0 | 31.3" is the mean over the extracted, then over all; "-" is undefined. Takes what `summarise` returns;
    columns that a summary lacks (the report has no action metrics) are "-", or left out.
    """
    shown = {head: name for head, name in TABLE.items() if name in summary or name in TWINS}
    pairs = {head: [name, f"{name}_all"] if name in TWINS else [name] for head, name in shown.items()}
    known = summary.set_index("arm").reindex(columns=[column for pair in pairs.values() for column in pair])
    said = known.map(lambda share: "-" if pd.isna(share) else f"{100 * share:.1f}")
    cells = pd.DataFrame({f" {head}": said[pair].agg(" | ".join, axis=1) for head, pair in pairs.items()})
    cells.insert(0, " n", summary.set_index("arm")["n"])
    note = "percent; services, effects and actions: over the extracted | over all, a failure counts 0"
    note += "\nusable: grants exactly what was wanted; wider: grants something that was not" * ("usable" in shown)
    return f"{cells.rename_axis(index=None, columns='arm').to_string()}\n{note}"


def with_intervals(summary: pd.DataFrame) -> pd.DataFrame:
    """Every mean with its 95% interval as text, "43.9 [39.1, 48.7]": a row a metric, a column an arm.

    Shares are percentages, other means have two decimals; "few" stands behind an arm of fewer than FEW answers, of
    which an interval says little. Takes what `summarise` returns.
    """
    known = [metric for name, metric in BY_NAME.items() if name in summary]
    forms = {COUNT: (1, 2), SHARE: (100, 1), TRUTH: (100, 1)}
    rows = {f"{m.title}, {m.over}": checked.intervals(summary, m.name, *forms[m.kind]) for m in known}
    arms = [f"{row['arm']}{', few' if row['n'] < FEW else ''}" for row in summary.to_dict("records")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=arms)
