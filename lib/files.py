"""Files that are written whole or not at all, and their checksums.

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

ROOT = Path(__file__).resolve().parent.parent
ASIDE = ".aside-"  # first letters of the folders in which unfinished writes live


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


def write_json(path: Path, data: Any) -> Path:
    """Write one JSON document, indented, atomically.

    Raises:
        ValueError: if `data` holds what JSON does not have, such as NaN or a set.
    """
    with writing(path) as aside:
        aside.write_text(_dumps(path, data, indent=2) + "\n", encoding="utf-8")
    return path


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """Write one JSON value a line, atomically; dataclasses become objects.

    Raises:
        ValueError: if a row holds what JSON does not have, such as NaN or a set.
    """
    with writing(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(_dumps(path, row) + "\n")
    return path


def read_json(path: Path) -> Any:
    """Read one JSON document.

    Raises:
        ValueError: if the file is not JSON, with the file and the line.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested without end
        line = getattr(error, "lineno", 1)
        reason = getattr(error, "msg", str(error))
        raise ValueError(f"{shown(path)}, line {line}: not JSON ({reason}); write the file again") from error


def read_jsonl(path: Path) -> list[Any]:
    """Read one JSON value a line; empty lines do not count. Only "\\n" ends a line, whatever else Unicode has.

    Raises:
        ValueError: if a line is not JSON, with the file and the number of the line.
    """
    rows = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            if line.strip():
                rows.append(json.loads(line.decode("utf-8")))
        except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested without end
            reason = getattr(error, "msg", str(error))
            raise ValueError(f"{shown(path)}, line {number}: not JSON ({reason}); mend or remove it") from error
    return rows


def shown(path: Path) -> str:
    """A path as messages name it: relative to the project's root where it lies inside."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _dumps(path: Path, data: Any, indent: int | None = None) -> str:
    try:
        # ASCII escapes: a lone surrogate, which a model can write inside JSON, has no UTF-8 form.
        return json.dumps(data, indent=indent, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{shown(path)} was not written: {error}; give numbers, text, lists, None (for NaN)"
        ) from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a numpy scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file under a folder, by its POSIX path inside it, unfinished writes left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    inside = {path.relative_to(folder): path for path in files}
    return {k.as_posix(): sha256(v) for k, v in inside.items() if not any(p.startswith(ASIDE) for p in k.parts)}


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
