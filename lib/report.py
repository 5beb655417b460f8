"""A run as one HTML page that needs no network: its tables, its figures with their captions, its notebooks.

What comes in lies in the run folder: executed/*.ipynb, <stage>/table.csv or table.txt, and <stage>/figures/*.png, each
with a sidecar <name>.json {"title": ..., "caption": ...}. Out go report.html, executed/*.html and, of the notebooks
that are presented, executed/*.slides.html. All text is escaped.
"""

import base64
import csv
import json
import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jinja2
import nbformat
from nbconvert import HTMLExporter

from lib.files import read_json, writing
from lib.run import EXECUTED, STAGES, Run, git_state, versions
from lib.slides import slides_html

TEMPLATES = Path(__file__).parent / "templates"
PRESENTED = ("03_eval", "04_errors")  # have slides, too
REMOTE_SCRIPT = re.compile(r'<script\s+src="https?://[^"]*">\s*</script>')


@dataclass(frozen=True)
class Figure:
    """A saved figure, ready to embed; `caption` is empty where nobody wrote one."""

    title: str
    caption: str
    data: str  # the PNG, in base64


@dataclass(frozen=True)
class Table:
    """A stage's table: rows of cells, or the text as it was printed when there are no rows."""

    rows: tuple[tuple[str, ...], ...]
    text: str


@dataclass(frozen=True)
class Executed:
    """An executed copy of a notebook and what its run cost."""

    stage: str
    title: str
    finished: str  # "2026-11-22 14:30" in UTC
    minutes: float | None
    memory_gb: float | None
    parameters: str


def write(run: Run) -> Path:
    """Write the executed notebooks as HTML and the report over all stages, and return the report's path."""
    copies = sorted((run.folder / EXECUTED).glob("*.ipynb"))
    whole = [copy for copy in copies if _is_whole(copy)]  # a kill can leave half a copy of a notebook that was running
    page = (
        templates()
        .get_template("report.html.jinja")
        .render(
            profile=run.profile,
            written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            environment=_environment(run),
            notebooks=[_executed(copy) for copy in whole],
            damaged=[copy.stem for copy in copies if copy not in whole],
            sections=[(stage, table(run, stage), figures(run, stage), run.trouble(stage)) for stage in STAGES],
            metrics=table(run, "03_eval"),
            presented=PRESENTED,
        )
    )
    for copy in whole:
        with writing(copy.with_suffix(".html")) as aside:
            aside.write_text(notebook_html(copy), encoding="utf-8")
        if copy.stem in PRESENTED:
            with writing(copy.with_suffix(".slides.html")) as aside:
                aside.write_text(slides_html(copy), encoding="utf-8")
    with run.writing("report.html") as aside:
        aside.write_text(page, encoding="utf-8")
    return run.path("report.html")


def notebook_html(copy: Path) -> str:
    """A notebook as a page of its own: images embedded, and nothing that is fetched from elsewhere."""
    exporter = HTMLExporter(embed_images=True)
    page, _ = exporter.from_filename(str(copy))
    return REMOTE_SCRIPT.sub("", page)


def figures(run: Run, stage: str) -> list[Figure]:
    """The figures of a stage in the order in which they were drawn; without a sidecar the name becomes the title."""
    drawn = (run.folder / stage / "figures").glob("*.png")
    return [_figure(path) for path in sorted(drawn, key=lambda path: (path.stat().st_mtime_ns, path.name))]


def table(run: Run, stage: str) -> Table | None:
    """The table of a stage: table.csv if there is one, else table.txt, else None."""
    rows, text = run.folder / stage / "table.csv", run.folder / stage / "table.txt"
    if rows.is_file():
        with rows.open(encoding="utf-8", newline="") as file:
            return Table(rows=tuple(tuple(row) for row in csv.reader(file) if row), text="")
    return Table(rows=(), text=text.read_text(encoding="utf-8")) if text.is_file() else None


def _figure(path: Path) -> Figure:
    words = path.stem.replace("_", " ").replace("-", " ").strip()
    title, caption = words[:1].upper() + words[1:], ""
    sidecar = path.with_suffix(".json")
    if sidecar.is_file():
        try:
            said = read_json(sidecar)
            title, caption = str(said["title"]), str(said["caption"])
        except (ValueError, KeyError, TypeError) as error:  # a run of twenty minutes must not lose its report to this
            caption = f"{sidecar.name} has no title and caption: {error}"
    return Figure(title=title, caption=caption, data=base64.b64encode(path.read_bytes()).decode("ascii"))


def _executed(copy: Path) -> Executed:
    notebook = nbformat.read(copy, as_version=4)
    headings = [re.search(r"^# +(.+)$", cell.source, re.MULTILINE) for cell in notebook.cells[:3]]
    ran = notebook.metadata.get("papermill", {})
    return Executed(
        stage=copy.stem,
        title=next((found.group(1) for found in headings if found), copy.stem),
        finished=str(ran.get("end_time") or "").replace("T", " ")[:16],
        minutes=ran["duration"] / 60 if ran.get("duration") else None,
        memory_gb=notebook.metadata.get("course", {}).get("peak_memory_gb"),
        parameters=", ".join(f"{name}={json.dumps(value)}" for name, value in ran.get("parameters", {}).items()),
    )


def _is_whole(copy: Path) -> bool:
    try:
        nbformat.read(copy, as_version=4)
    except (ValueError, OSError, nbformat.ValidationError):
        return False
    return True


def _environment(run: Run) -> dict[str, str]:
    git = git_state()
    commit = f"{git['commit'][:12]}{' and local changes' if git['dirty'] else ''}" if git else "not a git checkout"
    return {
        "Profile": f"{run.profile.name}: {run.profile.title}",
        "Base model": run.profile.base_model,
        "Machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "Commit": commit,
        "Python": platform.python_version(),
        **versions(),
    }


def templates() -> jinja2.Environment:
    """The course's HTML templates; what is put into them is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
