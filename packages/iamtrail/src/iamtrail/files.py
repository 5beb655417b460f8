"""Log files of CloudTrail, in the layout of a bucket or any other: found, unpacked and handed to the aggregation.

A file that cannot be read is counted with its reason, and the rest is read. What this package writes is written whole
or not at all.
"""

import gzip
import os
import re
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO, NamedTuple, cast

from tqdm.auto import tqdm

from iamtrail.aggregate import MOST, Aggregate, NotJsonError, document, parsed
from iamtrail.errors import TrailError
from iamtrail.observed import EVERYTHING, Filters, Reading, one_line, utc

Paths = Path | str | Iterable[Path | str]
BATCH = 64 * 2**20  # bytes of unpacked text that are aggregated at a time
LARGEST = 256 * 2**20  # bytes of one JSON document, unpacked; CloudTrail's own files stay far below
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
OTHER_LOGS = (  # part of a path -> what such files hold (CloudTrail User Guide, "Finding your CloudTrail log files")
    ("CloudTrail-Digest", "digest file"),
    ("CloudTrail-Insight", "Insights file"),
    ("CloudTrail-NetworkActivity", "network activity file"),
)
_PLACE = re.compile(
    r"AWSLogs/(?:o-\w+/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/(?P<day>\d{4}/\d\d/\d\d)/[^/]+$"
)
_HEAD, _BETWEEN, _TAIL = b'{"Records":[', b",\n", b"]}"  # around and between records of our own documents
_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_LIST = re.compile(rb"\s*\[")
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


class Document(NamedTuple):
    """A text of {"Records": [...]}; or a file's whole text, if it is something else."""

    file: Path
    text: bytes
    lines: bool = False  # made of lines, a record each


class _TooLargeError(Exception):
    """A JSON document that does not fit."""


def read(paths: Paths, filters: Filters = EVERYTHING, progress: bool = True, most: int = MOST) -> Reading:
    """Read log files and count what principals did, and what they were denied.

    Taken are {"Records": [...]}, one record, a list of records, and a record a line, each compressed or not. In the
    layout of a bucket, files of other accounts, Regions and days are not opened. An event that two trails deliver
    counts twice.

    Args:
        paths: files, and folders that are looked through.
        progress: show a bar over the files.
        most: rows that are kept apart of one principal, account, Region, source and event; `shortened` of the Reading
            names those that have more (see aggregate.reading).

    Raises:
        TrailError: if there is no log file at all.
    """
    files, skipped = find(paths, filters)
    with Aggregate(filters, most) as aggregate:
        bar = tqdm(files, desc="CloudTrail files", unit="file", disable=not progress)
        for batch in _ahead(_batches(bar, skipped)):
            try:
                aggregate.add([each.text for each in batch])
            except NotJsonError:  # of one of them: each by itself
                for each in batch:
                    _add_alone(aggregate, each, skipped)
        return aggregate.reading(skipped, len(files))


def find(paths: Paths, filters: Filters = EVERYTHING) -> tuple[list[Path], Counter[str]]:
    """The log files that the filters leave, sorted, and why others are left out.

    Raises:
        TrailError: if there is none at all.
    """
    asked = [Path(path) for path in ([paths] if isinstance(paths, Path | str) else paths)]
    found: set[Path] = set()
    skipped: Counter[str] = Counter()
    for path in asked:
        if path.is_dir():
            found.update(each for each in path.rglob("*") if each.name.endswith(SUFFIXES) and each.is_file())
        elif path.is_file():
            found.add(path)
        else:
            skipped[f"missing: {_named(path)}"] += 1
    if not found:
        names = ", ".join(_named(path) for path in asked) or "no path"
        raise TrailError(f"{names}: no log file is there; give files of CloudTrail, or the folder that holds AWSLogs")
    reasons = {path: _left_out(path.as_posix(), filters) for path in sorted(found)}
    skipped.update(reason for reason in reasons.values() if reason)
    return [path for path, reason in reasons.items() if not reason], skipped


def _left_out(path: str, filters: Filters) -> str | None:
    """Why a file need not be opened, by its path."""
    for part, reason in OTHER_LOGS:
        if part in path:
            return reason
    if not (place := _PLACE.search(path)):
        return None
    if filters.accounts and place["account"] not in filters.accounts:
        return "file of another account"
    if filters.regions and place["region"] not in filters.regions:
        return "file of another Region"
    try:
        day = date(*map(int, place["day"].split("/")))
    except ValueError:  # no such day: the events will say
        return None
    # Events are delivered within minutes, but a day of grace costs little; none comes before it happened.
    early = filters.start and day < utc(filters.start).date()
    late = filters.end and day > utc(filters.end).date() + timedelta(days=1)
    return "file of another day" if early or late else None


def _batches(files: Iterable[Path], skipped: Counter[str]) -> Iterator[list[Document]]:
    batch, size = [], 0
    for file in files:
        for found in _documents(file, skipped):
            batch.append(found)
            size += len(found.text)
            if size >= BATCH:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _ahead(batches: Iterator[list[Document]]) -> Iterator[list[Document]]:
    """The same batches, the next one unpacked while one is aggregated."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _documents(file: Path, skipped: Counter[str]) -> Iterator[Document]:
    """What is in a file, unpacked; a reason why there is nothing, or no more, is counted."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            for found in _unpacked(file, cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw):
                if _RECORDS.match(found.text):
                    yield found
                elif text := _mended(found, skipped):
                    yield found._replace(text=text)
    except EOFError:
        skipped[f"truncated gzip: {_named(file)}"] += 1
    except (gzip.BadGzipFile, zlib.error):
        skipped[f"damaged gzip: {_named(file)}"] += 1
    except OSError as error:
        skipped[f"cannot be read ({error.strerror or 'unknown reason'}): {_named(file)}"] += 1
    except _TooLargeError:
        skipped[f"one document of more than {LARGEST // 2**20} MiB: {_named(file)}"] += 1


def _unpacked(file: Path, opened: IO[bytes]) -> Iterator[Document]:
    text = opened.read(BATCH).removeprefix(_BOM)
    if _is_lines(text):
        while text:
            end = opened.readline(LARGEST)  # of the line that the piece ends in
            if len(end) == LARGEST:
                raise _TooLargeError
            records = _BETWEEN.join(line for line in (text + end).split(b"\n") if line.strip())
            yield Document(file, _HEAD + records + _TAIL, lines=True)
            text = opened.read(BATCH)
        return
    text += opened.read(LARGEST - len(text))
    if opened.read(1):
        raise _TooLargeError
    yield Document(file, b'{"Records":' + text + b"}" if _LIST.match(text) else text)


def _is_lines(text: bytes) -> bool:
    """Whether each line is a record: the first is an object by itself, and not {"Records": ...}."""
    first = text.lstrip().partition(b"\n")[0]
    if not first.startswith(b"{") or _RECORDS.match(text):
        return False
    value = parsed(first)
    return isinstance(value, dict) and "Records" not in value


def _add_alone(aggregate: Aggregate, found: Document, skipped: Counter[str]) -> None:
    """Aggregate one text; if DuckDB does not take it, what Python can read of it."""
    try:
        aggregate.add([found.text])
    except NotJsonError:
        if not (text := _mended(found, skipped)):
            return
        try:
            aggregate.add([text])
        except NotJsonError:
            skipped[f"not JSON for DuckDB: {_named(found.file)}"] += 1


def _mended(found: Document, skipped: Counter[str]) -> bytes | None:
    """What Python's more forgiving parser finds, as {"Records": [...]}; None if that is nothing, which is counted."""
    if found.lines:
        lines = found.text.removeprefix(_HEAD).removesuffix(_TAIL).split(_BETWEEN)
        records = [record for record in map(parsed, lines) if record is not None]
        if missing := len(lines) - len(records):
            skipped[f"line that is not JSON: {_named(found.file)}"] += missing
        return document(records) if records else None
    value = parsed(found.text)
    if value is None:
        skipped[f"not JSON: {_named(found.file)}"] += 1
        return None
    if isinstance(value, dict) and "eventName" in value:  # one record, printed over several lines
        return document([value])
    if isinstance(value, dict) and isinstance(value.get("Records"), list):
        return document(value["Records"])
    skipped[f"no records of CloudTrail: {_named(found.file)}"] += 1
    return None


def _named(path: Path) -> str:
    return one_line(shown(path.resolve()))


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
