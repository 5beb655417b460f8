"""Outputs of any model, from a file: JSON Lines come in, output rows of an arm go out, checked line by line.

A line holds `id` and `generated`, and either `expected` (and, if it is known, `complexity` and `source`) or the id of
an example of the course. `arm` may name the arm; without it the file's name does. `refuses` says whether the answer
refuses, or asks back, instead of drafting; without it prose without a brace does.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from iampolicy.document import PolicySyntaxError, parse
from lib.data.dataset import Example, complexity
from lib.evaluation.rows import COMPLEXITIES, RowsError

TEXTS = ("arm", "id", "generated", "expected", "complexity", "source", "instruction")


def read(path: Path, examples: Mapping[str, Example] | None = None) -> list[dict]:
    """The rows of a file, in its order.

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
    rows, first = [], {}
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
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RowsError(f"{where}: is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise RowsError(f"{where}: is a JSON {type(row).__name__}, not an object")
    for field in ("id", "generated"):
        if field not in row:
            raise RowsError(f"{where}: {field} is missing")
    for field in TEXTS:
        if field in row and not isinstance(row[field], str):
            raise RowsError(f"{where}: {field} is {row[field]!r}, not text")
        if any("\ud800" <= c <= "\udfff" for c in row.get(field, "")):
            raise RowsError(f"{where}: {field} holds half of a character (a lone surrogate)")
    for field in ("complete", "refuses"):
        if not isinstance(row.get(field, True), bool):
            raise RowsError(f"{where}: {field} is {row[field]!r}, not true or false")
    for field in ("tokens", "seconds", "expected_tokens"):
        value = row.get(field, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise RowsError(f"{where}: {field} is {value!r}, not a number from 0")
    if not row.get("arm", arm).strip("_ "):
        raise RowsError(f"{where}: arm is empty")
    known = examples.get(row["id"])
    if "expected" not in row:
        if known is None:
            raise RowsError(f"{where}: there is no expected, and the id {row['id']!r} is of no known example")
        row |= {"expected": known.policy, "complexity": known.complexity, "source": known.source}
        row |= {"outcome": known.outcome, "tags": list(known.tags)}
        row.setdefault("instruction", known.instruction)
    if "complexity" not in row:
        row["complexity"] = _complexity(row["expected"], where)
    if row["complexity"] not in COMPLEXITIES:
        raise RowsError(f"{where}: complexity is {row['complexity']!r}, not one of {', '.join(COMPLEXITIES)}")
    return {"arm": arm, "source": "outside", "instruction": "", **row}


def _complexity(expected: str, where: str) -> str:
    try:
        return complexity(parse(expected))
    except PolicySyntaxError as error:
        raise RowsError(f"{where}: expected is no policy: {error}") from error
