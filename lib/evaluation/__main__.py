"""Evaluate the outputs of any models: `python -m lib.evaluation outputs.jsonl --out report.html`."""

import argparse
import base64
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from lib.data.dataset import DRAFT, Example
from lib.data.publish import example
from lib.errors import CourseError
from lib.evaluation import baselines, faults, metrics, outside, plots, statistics, verdict
from lib.evaluation import rows as checked
from lib.evaluation.rows import RowsError
from lib.files import read_jsonl, writing
from lib.report import templates

MOST_ARMS = 3  # side by side in a figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 if a file cannot be evaluated."""
    options = _parser().parse_args(arguments)
    try:
        examples, train = _examples(options.examples)
        rows = [row for path in options.files for row in outside.read(path, examples)]
        if train:
            rows += _baselines(rows, examples, train)
        if options.out in (*options.files, options.examples) and options.out:
            raise RowsError(f"--out {options.out} is one of the files that are read: write to another")
        asked = checked.drafted(rows)
        if not asked:
            raise RowsError("every request is one to be refused or asked back: there is no policy to compare with")
        labelled = faults.label(asked) if options.out else metrics.score_rows(asked)
        others = [row for row in rows if row.get("outcome", DRAFT) != DRAFT]
        refused = verdict.unanswerable(metrics.score_rows(others)) if others else pd.DataFrame()
        if options.out:
            with writing(options.out) as aside:
                aside.write_text(report(labelled, refused), encoding="utf-8")
    except (CourseError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(metrics.table(metrics.summarise(labelled)))
    for source in labelled["source"].unique() if labelled["source"].nunique() > 1 else ():
        print(f"\n{source}\n{metrics.table(metrics.summarise(labelled[labelled['source'] == source]))}")
    if len(refused):
        print(f"\nto be refused or asked back\n{refused.to_string(index=False)}")
    print(f"report: {options.out}" if options.out else "with --out report.html: permissions, faults and figures")
    return 0


def report(labelled: pd.DataFrame, refused: pd.DataFrame | None = None) -> str:
    """A self-contained HTML page about the answers of one or several arms, as `faults.label` returns them.

    Args:
        refused: what the arms made of requests without a policy (`verdict.unanswerable`).
    """
    summary = metrics.summarise(labelled)
    arms = list(labelled["arm"].unique())
    shares = faults.shares(labelled)
    models = [arm for arm in arms if arm not in baselines.NAMES]
    pictures = [
        plots.verdicts(labelled),
        plots.metrics_by_arm(summary),
        plots.confusion(labelled, models[:MOST_ARMS]),
        plots.pareto(shares, arms[0]),
        plots.schema_by_complexity(metrics.by_complexity(labelled)),
    ]
    tables = [("Means with 95% intervals", metrics.with_intervals(summary).reset_index(names="metric"))]
    if labelled["source"].nunique() > 1:
        by_source = verdict.shares(labelled, ("source", "arm")).round(3)
        tables.append(("Usable as it stands, and granting what was not asked, by source", by_source))
    if refused is not None and len(refused):
        tables.append(("Requests to be refused or asked back", refused))
    if len(arms) > 1:
        lead = statistics.differences(labelled, arms[0])
        tables.append((f"What {arms[0]} scores above the others, on the same examples", lead.round(3)))
        pictures.insert(2, plots.lead(lead, arms[0]))
    if len(models) < len(arms):
        tables.append(("The best baseline of each metric", baselines.winners(summary).round(3)))
    main_faults = shares.pivot(index="title", columns="arm", values="main")[arms].reindex(faults.TITLES.values())
    tables.append(("Main faults: the first that holds", main_faults.reset_index()))
    tables.append((f"What to try for {arms[0]}", pd.DataFrame({"commonest first": faults.advice(labelled, arms[0])})))
    return (
        templates()
        .get_template("evaluation.html.jinja")
        .render(
            written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            arms=arms,
            answers=len(labelled),
            summary=metrics.table(summary),
            tables=[(title, list(table.columns), table.to_numpy().tolist()) for title, table in tables],
            figures=[(p.title, p.caption, base64.b64encode(p.png()).decode()) for p in pictures],
        )
    )


def _baselines(rows: Sequence[dict], examples: Mapping[str, Example], train: Sequence[Example]) -> list[dict]:
    """The answers of the baselines to what the first arm was asked; none if it was asked other things, too."""
    asked = [row["id"] for row in rows if row["arm"] == rows[0]["arm"]]
    simple = baselines.Baselines(train)
    taken = sorted(simple.arms.keys() & {row["arm"] for row in rows})
    if taken:
        raise RowsError(f"the arm {taken[0]!r} has the name of a baseline: give it another")
    unknown = [id for id in asked if id not in examples]
    if unknown:
        print(f"no baselines: the id {unknown[0]!r} is of no example of the course", file=sys.stderr)
        return []
    seen = {example.id for example in train} & set(asked)
    if seen:
        print(f"{len(seen)} of {len(asked)} requests are training examples: they say little", file=sys.stderr)
    return simple.answer([examples[id] for id in asked])


def _examples(path: Path | None) -> tuple[dict[str, Example], list[Example]]:
    """The examples of a file as 01_data writes it, by id, and those to train on."""
    if path is None:
        return {}, []
    try:
        made = [(example(row), row["split"]) for row in read_jsonl(path)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RowsError(f"{path}: is no file of examples as 01_data writes it: {error}") from error
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
        metavar="runs/laptop/01_data/examples.jsonl",
        help="the course's examples; adds baselines",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
