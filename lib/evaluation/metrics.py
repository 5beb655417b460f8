"""How good the answers of the arms are: one score row an answer, one summary row an arm.

Output rows (arm, id, complexity, expected, generated) come in, tables go out. The first five metrics are the reference
report's, word for word ("Fine-Tuning a Large Language Model for AWS IAM Policy Generation"); the others compare what
two policies allow, permission by permission. A metric of what is in a policy exists twice: over the answers from which
JSON could be extracted, as the report prints it, and, with `_all`, over every answer, where a failure counts 0.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from lib.evaluation import permissions, verdict
from lib.evaluation import rows as checked
from lib.evaluation.metric import ALL, COSTS, EXTRACTED, METRICS, PERMISSIONS, SCHEMA, SHARED, Metric
from lib.evaluation.reading import Reading, policy_type, read, read_expected

RESAMPLES = 2_000
SEED = 20_240_601
LEVEL = 95  # percent of the resamples inside an interval
FEW = 30  # answers under which a bootstrap interval is itself uncertain
LONG = 200  # rows from which on the scoring shows its progress

TEXT = ("arm", "id", "complexity")
CARRIED = ("source", "complexity", "outcome", "tokens", "expected_tokens", "seconds", "complete")


def score(expected: str, generated: str, refuses: bool | None = None) -> dict:
    """Score one answer. Any two texts can be compared; nothing raises but a value that is no text.

    Args:
        refuses: whether the answer refuses, or asks back, instead of drafting; None: nobody says (`verdict.verdict`).

    An `expected` without a policy wants nothing: no service, no effect, no action (`score_rows` refuses it).

    Returns:
        json_valid: the whole text parses as JSON (as RFC 8259 has it: NaN is not JSON).
        json_extracted: it does, or what stands from the first "{" to the last "}" does. A whole text that is JSON but
            no object is extracted, and not schema valid.
        schema_valid: of the extracted: an object with Version and a non-empty Statement (object or list); in each
            statement Effect Allow or Deny, Action or NotAction, Resource or NotResource. False if nothing is extracted.
            (Where a role's trust policy is wanted, which has no Resource, its statements need none.)
        service_jaccard: overlap over union of the lower-cased prefixes of Action and NotAction. None expected: 1 if
            none generated, else 0. None generated: 0.
        effect_match: the sets of effects are equal.
        action_precision, action_recall, action_f1: over the catalogue's actions that the Allow statements match (a
            NotAction allows all others). An answer that allows nothing has precision 1; a policy that allows nothing
            is wholly recalled. An action that does not exist allows nothing.
        unknown_actions: distinct action strings, of any effect, that match nothing in the catalogue.
        relation: "equal", "over" (the answer allows all that is wanted and more), "under" or "incomparable".
        All from service_jaccard to relation are None if nothing is extracted; then service_jaccard_all,
        effect_match_all, action_precision_all, action_recall_all and action_f1_all are 0, otherwise they repeat the
        value.
        actions_wanted, actions_granted, actions_shared: how many actions either allows, and both do.
        services_wanted: the services of the expected policy, sorted, with a space between.
        verdict, usable, wider: what a reviewer would say (`lib.evaluation.verdict`).
        The columns of `lib.evaluation.permissions.score`.

    Raises:
        RowsError: if an argument is not text.
    """
    for name, text in (("expected", expected), ("generated", generated)):
        if not isinstance(text, str):
            raise checked.RowsError(f"{name} is {type(text).__name__}, not text")
    wanted, answer = read_expected(expected), read(generated, policy_type(expected) == "trust")
    parts = _compare(wanted, answer) if answer.extracted else dict.fromkeys(_PARTS)
    return {
        "json_valid": answer.valid,
        "json_extracted": answer.extracted,
        "schema_valid": answer.schema_valid,
        **parts,
        **{f"{name}_all": zero if parts[name] is None else parts[name] for name, zero in _TWINS.items()},
        "actions_wanted": len(wanted.granted),
        "actions_granted": len(answer.granted),
        "actions_shared": len(wanted.granted & answer.granted),
        "services_wanted": " ".join(sorted(wanted.services)),
        **verdict.score(expected, generated, refuses),
        **permissions.score(expected, generated),
    }


_PARTS = (
    "service_jaccard",
    "effect_match",
    "action_precision",
    "action_recall",
    "action_f1",
    "unknown_actions",
    "relation",
)
_TWINS = {  # what a failure counts as
    "service_jaccard": 0.0,
    "effect_match": False,
    "action_precision": 0.0,
    "action_recall": 0.0,
    "action_f1": 0.0,
}


def _compare(wanted: Reading, answer: Reading) -> dict:
    both = len(wanted.granted & answer.granted)
    precision = both / len(answer.granted) if answer.granted else 1.0
    recall = both / len(wanted.granted) if wanted.granted else 1.0
    return {
        "service_jaccard": _jaccard(wanted.services, answer.services),
        "effect_match": wanted.effects == answer.effects,
        "action_precision": precision,
        "action_recall": recall,
        "action_f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "unknown_actions": len(answer.unknown),
        "relation": _relation(wanted.granted, answer.granted),
    }


def _jaccard(wanted: frozenset[str], answer: frozenset[str]) -> float:
    if not wanted:
        return float(not answer)
    return len(wanted & answer) / len(wanted | answer)


def _relation(wanted: frozenset[str], answer: frozenset[str]) -> str:
    if wanted == answer:
        return "equal"
    if wanted < answer:
        return "over"
    return "under" if answer < wanted else "incomparable"


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
    for number, expected in enumerate(table["expected"]):
        if not read_expected(expected).is_object:
            where = checked.place(table.iloc[number], number)
            raise checked.RowsError(f"{where}: expected holds no JSON object: {expected[:60]!r}")
    said = [known if isinstance(known, bool) else None for known in table.get("refuses", [None] * len(table))]
    pairs = zip(table["expected"], table["generated"], said, strict=True)
    shown = tqdm(pairs, "answers scored", len(table), disable=None if len(table) >= LONG else True)
    scores = pd.DataFrame([score(*pair) for pair in shown])
    kept = table[["arm", "id", *(column for column in CARRIED if column in table)]]
    return pd.concat([kept, scores.astype(_KINDS)], axis=1)


_KINDS = {
    **dict.fromkeys(("service_jaccard", "action_precision", "action_recall", "action_f1"), float),
    **dict.fromkeys(("permission_precision", "permission_recall", "permission_f1", "requests_alike"), float),
    **dict.fromkeys(("effect_match", "resources_match", "conditions_match"), "boolean"),
    **dict.fromkeys(("unknown_actions", "over_granted", "under_granted", "unscoped", "errors"), "Int64"),
    **dict.fromkeys(("flipped", "security_warnings", "warnings", "risks_added"), "Int64"),
}


def summarise(rows: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    """One row an arm, in order of first appearance: every metric's mean with its 95% interval.

    An interval runs from the 2.5th to the 97.5th percentile of the mean over 2,000 bootstrap resamples of the examples
    (a fixed seed, the same resamples for every arm; a resample without any extracted answer is left out). The order of
    the rows changes nothing. A metric that is undefined in all rows of an arm is NaN, with NaN bounds.

    Args:
        rows: arm, id, complexity and the columns of `score`, those of permissions all or none; more do no harm.

    Returns:
        arm, n (answers), n_extracted (the denominator of service_jaccard, effect_match, action_* and unknown_actions),
        then <metric>, <metric>_low, <metric>_high for every row of METRICS, and of PERMISSIONS if the rows have them
        (these are means over the schema valid answers, but for those with `_all`); shares are from 0 to 1.

    Raises:
        RowsError: if there is no row, a column or a value is missing, surplus or out of range, an arm has an id twice,
            or the arms were not run on the same ids.
    """
    table = _numeric(rows)
    return pd.DataFrame([{"arm": arm, **_means(group)} for arm, group in table.groupby("arm", sort=False)])


def by_complexity(rows: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    """The same as `summarise`, one row an arm and complexity that it has: simple, medium, complex.

    `schema_valid_count` is what the report prints: "33/42". Takes and raises what `summarise` does.
    """
    table = _numeric(rows)
    found = []
    for arm, answers in table.groupby("arm", sort=False):
        for complexity in checked.COMPLEXITIES:
            group = answers[answers["complexity"] == complexity]
            if len(group):
                count = f"{int(group['schema_valid'].sum())}/{len(group)}"
                found.append({"arm": arm, "complexity": complexity, **_means(group), "schema_valid_count": count})
    return pd.DataFrame(found)


def _numeric(rows: Iterable[dict] | pd.DataFrame) -> pd.DataFrame:
    """Arm, id, complexity and the metrics as floats, checked."""
    table = checked.frame(rows, text=TEXT, other=[metric.name for metric in METRICS])
    checked.check_arms(table)
    measured = _measured(table)
    table = checked.frame(table, text=TEXT, other=[metric.name for metric in measured])
    everywhere = np.ones(len(table), dtype=bool)
    extracted = checked.numbers(table, "json_extracted", everywhere, highest=1) == 1
    schema = checked.numbers(table, "schema_valid", everywhere, highest=1) == 1
    defined = {ALL: everywhere, EXTRACTED: extracted, SCHEMA: schema}
    if PERMISSIONS[0] in measured:
        defined[SHARED] = schema & (checked.numbers(table, "actions_shared", everywhere, highest=np.inf) > 0)
    columns = {m.name: checked.numbers(table, m.name, defined[m.over], m.highest) for m in measured}
    return table[list(TEXT)].assign(**columns)


def _measured(table: pd.DataFrame) -> tuple[Metric, ...]:
    """The metrics of rows: always METRICS, PERMISSIONS if one of them is there, and what all rows say of costs."""
    costs = tuple(metric for metric in COSTS if metric.name in table and table[metric.name].notna().all())
    return METRICS + (PERMISSIONS if any(metric.name in table for metric in PERMISSIONS) else ()) + costs


def _means(group: pd.DataFrame) -> dict:
    # By id: the same example is drawn the same number of times, whatever the order of the rows.
    group = group.sort_values("id")
    names = [metric.name for metric in METRICS + PERMISSIONS + COSTS if metric.name in group]
    values = group[names].to_numpy()
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    n = len(group)
    draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
    with np.errstate(invalid="ignore"):
        means = filled.sum(axis=0) / known.sum(axis=0)
        resampled = (draws @ filled) / (draws @ known)
    row: dict = {"n": n, "n_extracted": int(group["json_extracted"].sum())}
    for index, name in enumerate(names):
        mean, sample = means[index], resampled[:, index]
        sample = sample[~np.isnan(sample)]
        low, high = np.percentile(sample, [(100 - LEVEL) / 2, (100 + LEVEL) / 2]) if len(sample) else (mean, mean)
        # Rounding in the last digit must not push the mean out of its own interval.
        row |= {name: mean, f"{name}_low": min(low, mean), f"{name}_high": max(high, mean)}
    return row


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


def table(summary: pd.DataFrame) -> str:
    """A summary as plain text: arms as rows, percentages with one decimal, both denominators side by side.

    "52.0 | 31.3" is the mean over the extracted, then over all; "-" is undefined. Takes what `summarise` returns;
    columns that a summary lacks (the report has no action metrics) are "-", or left out.
    """
    shown = {head: name for head, name in TABLE.items() if name in summary or name in _TWINS}
    heads = ["arm", "n", *shown]
    lines = [heads]
    for row in summary.to_dict("records"):
        cells = [
            " | ".join(
                _percent(row.get(column)) for column in (name, f"{name}_all") if column in summary or name in _TWINS
            )
            for name in shown.values()
        ]
        lines.append([str(row["arm"]), str(row["n"]), *cells])
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    lines.insert(1, ["-" * width for width in widths])
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    note = "percent; services, effects and actions: over the extracted | over all, a failure counts 0"
    if "usable" in shown:
        note += "\nusable: grants exactly what was wanted; wider: grants something that was not"
    return "\n".join([*text, note])


def with_intervals(summary: pd.DataFrame) -> pd.DataFrame:
    """Every mean with its 95% interval as text, "43.9 [39.1, 48.7]": a row a metric, a column an arm.

    Shares are percentages, other means have two decimals; "few" stands behind an arm of fewer than FEW answers, of
    which an interval says little. Takes what `summarise` returns.
    """
    arms = [f"{row['arm']}{', few' if row['n'] < FEW else ''}" for row in summary.to_dict("records")]
    rows = {}
    for metric in (m for m in METRICS + PERMISSIONS + COSTS if m.name in summary):
        scale, digits = (100, 1) if metric.highest == 1 else (1, 2)
        parts = summary[[metric.name, f"{metric.name}_low", f"{metric.name}_high"]].to_numpy(dtype=float) * scale
        said = ["-" if np.isnan(p[0]) else f"{p[0]:.{digits}f} [{p[1]:.{digits}f}, {p[2]:.{digits}f}]" for p in parts]
        rows[f"{metric.title}, {metric.over}"] = said
    return pd.DataFrame.from_dict(rows, orient="index", columns=arms)


def _percent(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{100 * value:.1f}"
