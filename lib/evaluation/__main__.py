"""Evaluate the outputs of any models: `python -m lib.evaluation outputs.jsonl --out report.html`."""

import argparse
import base64
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from lib.data.dataset import Example
from lib.errors import CourseError
from lib.evaluation import errors, metrics, outside, permissions, plots, statistics
from lib.evaluation.baselines import Baselines
from lib.evaluation.rows import RowsError
from lib.files import read_jsonl, writing
from lib.report import templates

MEANS = ("permission_precision", "permission_recall", "over_granted", "under_granted", "requests_alike", "unscoped")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 if a file cannot be evaluated."""
    options = _parser().parse_args(arguments)
    try:
        examples, train = _examples(options.examples)
        rows = [row for path in options.files for row in outside.read(path, examples)]
        if train:
            asked = [examples[row["id"]] for row in rows if row["arm"] == rows[0]["arm"] and row["id"] in examples]
            same = len(asked) == sum(row["arm"] == rows[0]["arm"] for row in rows)
            rows += Baselines(train).answer(asked) if same else []
        table = metrics.table(metrics.summarise(metrics.score_rows(rows)))
        if options.out:
            if options.out in (*options.files, options.examples):
                raise RowsError(f"--out {options.out} is one of the files that are read: write to another")
            with writing(options.out) as aside:
                aside.write_text(report(rows), encoding="utf-8")
    except (CourseError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table)
    print(f"report: {options.out}" if options.out else "with --out report.html: figures, errors and differences")
    return 0


def report(rows: Sequence[dict]) -> str:
    """A self-contained HTML page about the output rows of one or several arms.

    Raises:
        RowsError: see `lib.evaluation.metrics.score_rows`.
    """
    scores = metrics.score_rows(rows)
    summary = metrics.summarise(scores)
    labelled = errors.label(scores, rows)
    counts = errors.counts(labelled)
    granted = pd.DataFrame([{"arm": r["arm"], **permissions.score(r["expected"], r["generated"])} for r in rows])
    granted = granted.astype(dict.fromkeys(MEANS, float)).groupby("arm", sort=False)[list(MEANS)].mean()
    arms = list(scores["arm"].unique())
    pictures = [plots.metrics_by_arm(summary), plots.categories_by_arm(counts)]
    pictures.append(plots.schema_by_complexity(metrics.by_complexity(scores)))
    tables = [("Permissions, means over the schema valid answers", granted.round(3).reset_index())]
    if len(arms) > 1:
        lead = statistics.differences(scores, arms[0])
        tables.append((f"What {arms[0]} scores above the others, on the same examples", lead.round(3)))
    tables.append(("Categories of errors", counts.pivot(index="title", columns="arm", values="count").reset_index()))
    return (
        templates()
        .get_template("evaluation.html.jinja")
        .render(
            written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            arms=arms,
            answers=len(rows),
            summary=metrics.table(summary),
            tables=[(title, list(table.columns), table.to_numpy().tolist()) for title, table in tables],
            figures=[(p.title, p.caption, base64.b64encode(p.png()).decode()) for p in pictures],
        )
    )


def _examples(path: Path | None) -> tuple[dict[str, Example], list[Example]]:
    """The examples of a file as 01_data writes it, by id, and those to train on."""
    if path is None:
        return {}, []
    try:
        rows = read_jsonl(path)
        found = [({k: row[k] for k in Example.__dataclass_fields__}, row["split"]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RowsError(f"{path}: is no file of examples as 01_data writes it: {error}") from error
    made = [(Example(**fields), split) for fields, split in found]
    return {e.id: e for e, _ in made}, [e for e, split in made if split == "train"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.evaluation",
        description="Evaluate the outputs of any models: metrics with intervals, errors, and what is over-granted.",
        epilog='A line of a file: {"id": "1", "generated": "...", "expected": "..."}; "arm" is the file\'s name '
        "unless a line says otherwise. With --examples a line may leave out what an example of the course expects.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="outputs.jsonl", help="an arm a file, or arms in lines")
    parser.add_argument("--out", type=Path, metavar="report.html", help="write a page with tables and figures")
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="runs/nano/01_data/examples.jsonl",
        help="the course's examples; adds baselines",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
