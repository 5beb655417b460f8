"""Files that are written whole or not at all, and paths as messages name them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a path to write a file to; on success it takes the place of `path` in one step, on failure it goes.

    Raises:
        OSError: if the folder cannot be written to, or a folder stands at the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".aside-", dir=path.parent))
    try:
        yield aside / path.name
        os.replace(aside / path.name, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def shown(path: Path) -> str:
    """A path as messages name it: relative to the working directory where it lies inside."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
