"""The tables of this package: what AWS's documentation lists, and what things are called, to be read without Python.

A file is TSV with a line of column names; lines that begin with # say where it comes from and what the columns mean.
"""

import csv
from importlib import resources


def lines(name: str) -> list[str]:
    """The lines of a file of this folder, without those for readers."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a TSV file, by column; a cell that a row leaves out is empty."""
    return list(csv.DictReader(lines(name), delimiter="\t", quoting=csv.QUOTE_NONE, restval=""))
