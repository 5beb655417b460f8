"""Evaluate the outputs of any models: `python -m lib.evaluation outputs.jsonl --out report.html`.

A line of a file holds `id` and `generated`, and either `expected` (and, if it is known, `complexity` and `source`) or
the id of an example of the course. `arm` may name the arm; without it the file's name does. `refuses` says whether the
answer refuses, or asks back, instead of drafting; without it prose without a brace does.
"""

import argparse
import base64
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, ValidationError

from iampolicy.document import PolicySyntaxError, parse
from lib.data.dataset import COMPLEXITIES, DRAFT, Example, complexity
from lib.data.publish import example
from lib.evaluation import baselines, errors, metrics, plots, verdict
from lib.evaluation import rows as checked
from lib.evaluation.rows import RowsError
from lib.files import CourseError, filled, read_jsonl, write_text

TEMPLATE = Path(__file__).with_name("report.html.jinja")
MOST_ARMS = 3  # side by side in a figure


class Line(BaseModel):
    """A line of a file. What else it holds is kept; null says no more than a field that is not there."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    id: str
    generated: str
    arm: Annotated[str, Field(pattern="[^_ ]")] | None = None
    expected: str | None = None
    complexity: Annotated[str, Field(pattern=f"^({'|'.join(COMPLEXITIES)})$")] | None = None
    source: str | None = None
    instruction: str | None = None
    complete: bool | None = None
    refuses: bool | None = None
    tokens: NonNegativeFloat | None = None
    seconds: NonNegativeFloat | None = None
    expected_tokens: NonNegativeFloat | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 if a file cannot be evaluated."""
    options = _parser().parse_args(arguments)
    try:
        examples, train = _examples(options.examples)
        rows = [row for path in options.files for row in read(path, examples)]
        if train:
            rows += _baselines(rows, examples, train)
        if options.out in (*options.files, options.examples) and options.out:
            raise RowsError(f"--out {options.out} is one of the files that are read: write to another")
        asked = checked.drafted(rows)
        if not asked:
            raise RowsError("every request is one to be refused or asked back: there is no policy to compare with")
        scores = metrics.score_rows(asked)
        others = [row for row in rows if row.get("outcome", DRAFT) != DRAFT]
        refused = verdict.unanswerable(metrics.score_rows(others)) if others else pd.DataFrame()
        if options.out:
            write_text(options.out, report(errors.label(scores, asked), refused))
    except (CourseError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(metrics.table(metrics.summarise(scores)))
    for source in scores["source"].unique() if scores["source"].nunique() > 1 else ():
        print(f"\n{source}\n{metrics.table(metrics.summarise(scores[scores['source'] == source]))}")
    if len(refused):
        print(f"\nto be refused or asked back\n{refused.to_string(index=False)}")
    print(f"report: {options.out}" if options.out else "with --out report.html: permissions, faults and figures")
    return 0


def report(labelled: pd.DataFrame, refused: pd.DataFrame | None = None) -> str:
    """A self-contained HTML page about the answers of one or several arms, as `errors.label` returns them.

    Args:
        refused: what the arms made of requests without a policy (`verdict.unanswerable`).
    """
    summary = metrics.summarise(labelled)
    arms = list(labelled["arm"].unique())
    counts = errors.counts(labelled, "fault")
    models = [arm for arm in arms if arm not in baselines.NAMES]
    pictures = [
        plots.verdicts(labelled),
        plots.metrics_by_arm(summary),
        plots.confusion(labelled, models[:MOST_ARMS]),
        plots.pareto(counts, arms[0]),
        plots.schema_by_complexity(metrics.by_complexity(labelled)),
    ]
    tables = [("Means with 95% intervals", metrics.with_intervals(summary).reset_index(names="metric"))]
    if labelled["source"].nunique() > 1:
        by_source = verdict.shares(labelled, ("source", "arm")).round(3)
        tables.append(("Usable as it stands, and granting what was not asked, by source", by_source))
    if refused is not None and len(refused):
        tables.append(("Requests to be refused or asked back", refused))
    if len(arms) > 1:
        lead = metrics.differences(labelled, arms[0])
        tables.append((f"What {arms[0]} scores above the others, on the same examples", lead.round(3)))
        pictures.insert(2, plots.lead(lead, arms[0]))
    if len(models) < len(arms):
        tables.append(("The best baseline of each metric", baselines.winners(summary).round(3)))
    main_faults = counts.pivot(index="title", columns="arm", values="count")[arms].reindex(counts["title"].unique())
    tables.append(("Main faults: the first that holds", main_faults.reset_index()))
    tables.append((f"What to try for {arms[0]}", pd.DataFrame({"commonest first": errors.advice(labelled, arms[0])})))
    return filled(
        TEMPLATE,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        arms=arms,
        answers=len(labelled),
        summary=metrics.table(summary),
        tables=[(title, table.to_html(index=False, border=0)) for title, table in tables],
        figures=[(p.title, p.caption, base64.b64encode(p.png()).decode()) for p in pictures],
    )


def read(path: Path, examples: Mapping[str, Example] | None = None) -> list[dict]:
    """The rows of a file, in its order, as output rows of an arm.

    Args:
        examples: by id, those that a line without `expected` may speak of.

    Raises:
        RowsError: if the file cannot be read or is empty, or a line is no JSON object, lacks a field, has one that is
            no text, or speaks of an example that is not known. It names file, line and field.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RowsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RowsError(f"{path}: cannot be read: it is not UTF-8 text") from error
    rows: list[dict] = []
    first: dict[tuple[str, str], int] = {}  # arm and id -> line
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = _row(line, f"{path}, line {number}", path.stem, examples or {})
        before = first.setdefault((row["arm"], row["id"]), number)
        if before != number:
            raise RowsError(f"{path}, line {number}: the id {row['id']!r} stands in line {before}, too: each id once")
        rows.append(row)
    if not rows:
        raise RowsError(f"{path}: is empty: it must have a JSON object on each line")
    return rows


def _row(line: str, where: str, arm: str, examples: Mapping[str, Example]) -> dict:
    try:
        row = Line.model_validate_json(line).model_dump(exclude_none=True)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = "".join(f"{name}: " for name in wrong["loc"][:1])
        raise RowsError(f"{where}: {field}{wrong['msg']}") from error
    if "expected" not in row:
        if (known := examples.get(row["id"])) is None:
            raise RowsError(f"{where}: there is no expected, and the id {row['id']!r} is of no known example")
        row = checked.of_example(arm, known) | row
    if "complexity" not in row:
        try:
            row["complexity"] = complexity(parse(row["expected"]))
        except PolicySyntaxError as error:
            raise RowsError(f"{where}: expected is no policy: {error}") from error
    return {"arm": arm, "source": "outside", "instruction": "", **row}


def _baselines(rows: Sequence[dict], examples: Mapping[str, Example], train: Sequence[Example]) -> list[dict]:
    """The answers of the baselines to what the first arm was asked; none if it was asked other things, too."""
    asked = [row["id"] for row in rows if row["arm"] == rows[0]["arm"]]
    taken = sorted(set(baselines.NAMES) & {row["arm"] for row in rows})
    if taken:
        raise RowsError(f"the arm {taken[0]!r} has the name of a baseline: give it another")
    unknown = [id for id in asked if id not in examples]
    if unknown:
        print(f"no baselines: the id {unknown[0]!r} is of no example of the course", file=sys.stderr)
        return []
    seen = {example.id for example in train} & set(asked)
    if seen:
        print(f"{len(seen)} of {len(asked)} requests are training examples: they say little", file=sys.stderr)
    return baselines.Baselines(train).answer([examples[id] for id in asked])


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
