"""Log files of CloudTrail, in the layout of a bucket or any other: found, unpacked and handed to the aggregation.

Records may lie in the envelopes of envelopes.py. A file that cannot be read is counted with its reason, and the rest is
read. What this package writes is written whole or not at all.
"""

import codecs
import csv
import gzip
import io
import itertools
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
from typing import IO, Any, NamedTuple, cast

from tqdm.auto import tqdm

from iamtrail import envelopes
from iamtrail.aggregate import MOST, Aggregate, NotJsonError, document, parsed
from iamtrail.observed import EVERYTHING, Filters, Reading, one_line, utc
from iamtrail.trail_error import TrailError

Paths = Path | str | Iterable[Path | str]
BATCH = 64 * 2**20  # bytes of unpacked text that are aggregated at a time
LARGEST = 256 * 2**20  # bytes of one JSON document, unpacked; CloudTrail's own files stay far below
PACKED = 2  # times that a file may be compressed: Firehose does it to what CloudWatch Logs has compressed
ROWS = 20_000  # of a CSV file that are aggregated at a time
KINDS = (".json", ".jsonl", ".ndjson", ".log", ".csv")
SUFFIXES = (*KINDS, ".gz")
OTHER_LOGS = (  # part of a path -> what such files hold (CloudTrail User Guide, "Finding your CloudTrail log files")
    ("CloudTrail-Digest", "digest file"),
    ("CloudTrail-Insight", "Insights file"),
    ("CloudTrail-NetworkActivity", "network activity file"),
)
_OF_OTHERS = re.compile(r"AWSLogs/(?:o-\w+/)?\d{12}/(?!CloudTrail)[\w-]+/")
_PLACE = re.compile(
    r"AWSLogs/(?:o-\w+/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/(?P<day>\d{4}/\d\d/\d\d)/[^/]+$"
)
# Around and between records of our own documents; the returns are for telling where records that were lines end.
_HEAD, _BETWEEN, _TAIL = b'{"Records":[', b",\r\r\n", b"]}"
_LISTED, _LISTED_TAIL = b'{"Records":', b"}"
_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_LIST = re.compile(rb'\s*\[(?=\s*[^"\s])')
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
LOOKED_AT = 3  # lines at the beginning of a file that tell whether each line is a document
NO_RECORDS = "no records of CloudTrail"


class Document(NamedTuple):
    """A text of {"Records": [...]}; or a file's whole text, if it is something else."""

    file: Path
    text: bytes
    around: bytes = b""  # what is put before the file's own text, _LISTED or _HEAD


class _TooLargeError(Exception):
    """A JSON document that does not fit."""


def read(paths: Paths, filters: Filters = EVERYTHING, progress: bool = True, most: int = MOST) -> Reading:
    """Read log files and count what principals did, and what they were denied.

    Taken are {"Records": [...]}, one record, a list of records, and several of these one behind the other or a line
    each; what `aws cloudtrail lookup-events` gives; records in envelopes of EventBridge and CloudWatch Logs; and what
    CloudTrail Lake and Athena give of a query, as JSON or CSV; each compressed or not. In the layout of a bucket, files
    of other accounts, Regions and days are not opened. An event that two trails deliver counts twice.

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
            found.update(each for each in path.rglob("*") if each.is_file() and _is_log(each))
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


def _is_log(path: Path) -> bool:
    """Whether a file of a folder may be a log: by its name, or by its beginning, as Firehose gives names no ending."""
    if path.suffix:
        return path.name.lower().endswith(SUFFIXES)
    try:
        with path.open("rb") as file:
            return file.read(len(_GZIP)).startswith((b"{", b"[", _GZIP))
    except OSError:
        return False


def _left_out(path: str, filters: Filters) -> str | None:
    """Why a file need not be opened, by its path."""
    for part, reason in OTHER_LOGS:
        if part in path:
            return reason
    if _OF_OTHERS.search(path):
        return "file of another service's log"
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
            opened = _unpacked(raw)
            if envelopes.is_table(opened.peek(envelopes.HEADER)):  # type: ignore[attr-defined]  # of both classes
                yield from _of_table(file, opened, skipped)
            else:
                yield from _of_json(file, opened, skipped)
    except EOFError:
        skipped[f"truncated gzip: {_named(file)}"] += 1
    except (gzip.BadGzipFile, zlib.error):
        skipped[f"damaged gzip: {_named(file)}"] += 1
    except csv.Error:
        skipped[f"damaged CSV: {_named(file)}"] += 1
    except OSError as error:
        skipped[f"cannot be read ({error.strerror or 'unknown reason'}): {_named(file)}"] += 1
    except _TooLargeError:
        skipped[f"one document of more than {LARGEST // 2**20} MiB: {_named(file)}"] += 1


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    """The file's UTF-8 text: without compression, and from UTF-16, which Windows PowerShell writes."""
    for _ in range(PACKED):
        if not raw.peek(len(_GZIP)).startswith(_GZIP):  # type: ignore[attr-defined]
            break
        raw = cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if raw.peek(2)[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # type: ignore[attr-defined]
        return raw
    text = raw.read(LARGEST)
    if raw.read(1):
        raise _TooLargeError
    return io.BufferedReader(io.BytesIO(text.decode("utf-16", "replace").encode()))


def _of_table(file: Path, opened: IO[bytes], skipped: Counter[str]) -> Iterator[Document]:
    """The records of a CSV file, some rows at a time."""
    rows = envelopes.rows(io.TextIOWrapper(opened, "utf-8-sig", "replace", newline=""))
    while some := list(itertools.islice(rows, ROWS)):
        if text := _found(file, some, skipped, "row without a record of CloudTrail"):
            yield Document(file, text)


def _of_json(file: Path, opened: IO[bytes], skipped: Counter[str]) -> Iterator[Document]:
    text = opened.read(BATCH).removeprefix(_BOM)
    each_a_line = _is_lines(text)
    for piece in _by_line(text, opened) if each_a_line else _by_document(text, opened):
        if _RECORDS.match(piece) and not each_a_line and piece.count(b'"Records"') == 1:
            yield Document(file, piece)  # as CloudTrail writes them
        elif _LIST.match(piece) and not envelopes.is_enveloped(piece):
            yield Document(file, _LISTED + piece + _LISTED_TAIL, _LISTED)
        else:
            yield from _of_several(file, envelopes.lines(piece) if each_a_line else envelopes.documents(piece), skipped)


def _of_several(file: Path, parts: list[bytes], skipped: Counter[str]) -> Iterator[Document]:
    """Documents that are alike; only what lies in envelopes is parsed here."""
    text = _BETWEEN.join(parts)
    enveloped = envelopes.is_enveloped(text)
    if not enveloped and all(map(_RECORDS.match, parts)):
        yield from (Document(file, part) for part in parts)
    elif not enveloped and parts and envelopes.is_plain(parsed(parts[0])):
        yield Document(file, _HEAD + text + _TAIL, _HEAD)
    elif found := _parsed(file, parts, skipped):
        yield Document(file, found)


def _by_line(text: bytes, opened: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, as many at a time as fill a batch."""
    while text:
        end = opened.readline(LARGEST)  # of the line that the piece ends in
        if len(end) == LARGEST:
            raise _TooLargeError
        yield text + end
        text = opened.read(BATCH)


def _by_document(text: bytes, opened: IO[bytes]) -> Iterator[bytes]:
    """Whole documents, as many at a time as fill a batch."""
    while more := opened.read(BATCH):
        if cut := envelopes.last_joint(text):
            yield text[:cut]
            text = text[cut:]
        elif len(text) + len(more) > LARGEST:
            raise _TooLargeError
        text += more
    yield text


def _is_lines(text: bytes) -> bool:
    """Whether each line is a document, perhaps behind a time or a name: one of the first is JSON by itself."""
    if b"\n" not in text.strip():
        return False
    lines = (line for line in io.BytesIO(text) if line.strip())
    return any(isinstance(parsed(envelopes.bare(line)), dict) for line in itertools.islice(lines, LOOKED_AT))


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
    text = found.text.removeprefix(found.around)
    parts = text.removesuffix(_TAIL).split(_BETWEEN) if found.around == _HEAD else [text]
    if found.around == _LISTED:
        parts = [text.removesuffix(_LISTED_TAIL)]
    return _parsed(found.file, parts, skipped)


def _parsed(file: Path, parts: list[bytes], skipped: Counter[str]) -> bytes | None:
    """The records of documents as {"Records": [...]}; None if there are none. What is not JSON is counted."""
    values: list[Any] = []
    for part in parts:
        value = parsed(part)
        several, whole = ([value], True) if value is not None else envelopes.values(part)
        values += several
        if not whole:
            skipped[f"{'line that is not JSON' if len(parts) > 1 else 'not JSON'}: {_named(file)}"] += 1
    return _found(file, values, skipped, NO_RECORDS) if values else None


def _found(file: Path, values: list[Any], skipped: Counter[str], reason: str) -> bytes | None:
    """The records of values as {"Records": [...]}; a value that has none is counted."""
    found = [list(envelopes.records(value)) for value in values]
    if none := sum(not each for each in found):
        skipped[f"{reason}: {_named(file)}"] += none
    return document(itertools.chain(*found)) if none < len(found) else None


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
