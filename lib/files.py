"""Files that are written whole or not at all, their checksums, and the one-line errors of the course.

Data goes to a path through a file or folder aside that is renamed into place at the end; JSON and JSON lines come
back with the file and the line named if they do not parse.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2

ROOT = Path(__file__).resolve().parent.parent
ASIDE = ".aside-"  # first letters of the folders in which unfinished writes live


class CourseError(RuntimeError):
    """The base of all errors that the course raises on purpose: one line that says what is wrong and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the line alone, as the code is not what went wrong."""
        return [f"{type(self).__name__}: {self}"]


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a path to write a file or a folder to; on success it takes the place of `path`, on failure it goes.

    The path has the name of `path`, so that a writer that looks at the suffix does the same as ever. A file is
    replaced in one step; between the two renames of a folder neither stands, and a reader finds it missing.

    Raises:
        FileNotFoundError: if the block ended without writing there.
        IsADirectoryError: if a file was written and a folder stands at the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=path.parent))
    try:
        new = aside / path.name
        yield new
        if not new.exists():
            raise FileNotFoundError(f"nothing was written to take the place of {shown(path)}")
        if path.is_dir() and not new.is_dir():
            raise IsADirectoryError(f"{shown(path)} is a folder: a file does not take its place")
        if path.exists() and new.is_dir():
            path.rename(aside / f"old-{path.name}")
        os.replace(new, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_text(path: Path, text: str) -> Path:
    """Write one text as UTF-8, atomically."""
    with writing(path) as aside:
        aside.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, data: Any) -> Path:
    """Write one JSON document, indented, atomically. ValueError: `data` holds what JSON has not, as NaN or a set."""
    return write_text(path, _dumps(path, data, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """Write one JSON value a line, atomically; dataclasses become objects. ValueError as `write_json`."""
    with writing(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(_dumps(path, row) + "\n")
    return path


def read_json(path: Path) -> Any:
    """Read one JSON document. ValueError names the file and the line that is not JSON."""
    return _loads(path, path.read_bytes(), None)


def read_jsonl(path: Path) -> list[Any]:
    """Read one JSON value a line; empty lines do not count. Only "\\n" ends a line, whatever else Unicode has.

    Raises:
        ValueError: if a line is not JSON, with the file and the number of the line.
    """
    lines = enumerate(path.read_bytes().split(b"\n"), 1)
    return [_loads(path, line, number) for number, line in lines if line.strip()]


def filled(template: Path, **values: Any) -> str:
    """A page from its template in HTML; whatever is put in is escaped."""
    loader = jinja2.FileSystemLoader(template.parent)
    pages = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return pages.get_template(template.name).render(values)


def shown(path: Path) -> str:
    """A path as messages name it: relative to the project's root where it lies inside."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file under a folder, by its POSIX path inside it, unfinished writes left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    inside = {path.relative_to(folder): path for path in files}
    return {k.as_posix(): sha256(v) for k, v in inside.items() if not any(p.startswith(ASIDE) for p in k.parts)}


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _loads(path: Path, data: bytes, line: int | None) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested without end
        place = f"{shown(path)}, line {line or getattr(error, 'lineno', 1)}"
        fix = "mend or remove it" if line else "write the file again"
        raise ValueError(f"{place}: not JSON ({getattr(error, 'msg', error)}); {fix}") from error


def _dumps(path: Path, data: Any, indent: int | None = None) -> str:
    try:
        # ASCII escapes: a lone surrogate, which a model can write inside JSON, has no UTF-8 form.
        return json.dumps(data, indent=indent, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        fix = "give numbers, text, lists, None (for NaN)"
        raise ValueError(f"{shown(path)} was not written: {error}; {fix}") from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a numpy scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")
