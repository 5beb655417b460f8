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
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbconvert import HTMLExporter, SlidesExporter
from nbformat import NotebookNode

from lib.files import filled, read_json, write_text
from lib.profiles import STAGES
from lib.run import EXECUTED, Run, git_state, versions

TEMPLATES = Path(__file__).parent / "templates"
REMOTE_SCRIPT = re.compile(r'<script\s+src="https?://[^"]*">\s*</script>')

# Slides.
PRESENTED = ("03_eval", "04_errors")  # have them
LEFT_OUT = ("Exercises", "Save")  # sections: from such a heading to the next that is none
LEFT_OUT_HEADING = re.compile(rf"^#+ +({'|'.join(LEFT_OUT)})\s*$", re.MULTILINE)
BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)")  # an image that would be fetched
STYLE_LINK = re.compile(r'<link [^>]*href="[^"]*/dist/(?:theme/)?(\w+\.css)"[^>]*>')
PICTURE = "<figure>"  # what a figure of the course puts into its HTML


class Figure(NamedTuple):
    """A saved figure, ready to embed; `caption` is empty where nobody wrote one."""

    title: str
    caption: str
    data: str  # the PNG, in base64


class Table(NamedTuple):
    """A stage's table: rows of cells, or the text as it was printed when there are no rows."""

    rows: Sequence[Sequence[str]]
    text: str = ""


def write(run: Run) -> Path:
    """Write the executed notebooks as HTML and the report over all stages, and return the report's path."""
    copies = {copy: _read(copy) for copy in sorted((run.folder / EXECUTED).glob("*.ipynb"))}
    page = filled(
        TEMPLATES / "report.html.jinja",
        profile=run.profile,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        environment=_environment(run),
        notebooks=[_executed(copy.stem, notebook) for copy, notebook in copies.items() if notebook],
        damaged=[copy.stem for copy, notebook in copies.items() if not notebook],
        sections=[(stage, table(run, stage), figures(run, stage), run.trouble(stage)) for stage in STAGES],
        metrics=table(run, "03_eval"),
        presented=PRESENTED,
    )
    for copy, notebook in copies.items():
        if notebook:
            write_text(copy.with_suffix(".html"), notebook_html(copy.stem, notebook))
            if copy.stem in PRESENTED:
                write_text(copy.with_suffix(".slides.html"), slides_html(copy.stem, notebook))
    return run.write_text("report.html", page)


def notebook_html(name: str, notebook: NotebookNode) -> str:
    """A notebook as a page of its own: images embedded, and nothing that is fetched from elsewhere."""
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook, {"metadata": {"name": name}})
    return REMOTE_SCRIPT.sub("", page)


def slides_html(name: str, notebook: NotebookNode) -> str:
    """An executed notebook as slides, for the one who presents it: its prose, tables and figures, without code.

    A heading begins a slide, a figure has one for itself, and set-up, exercises and what leaves nothing to see are
    left out. The page has reveal.js inside.
    """
    shown = True
    for number, cell in enumerate(notebook.cells):
        heading = re.match(r"#+ +(.+)", cell.source) if cell.cell_type == "markdown" else None
        if number == 1:
            shown = False  # set-up, until the first section
        if heading and heading.group(1).strip() not in LEFT_OUT:
            shown = True
        elif LEFT_OUT_HEADING.search(cell.source):
            shown = False
        cell.metadata["slideshow"] = {"slide_type": _slide_type(cell, heading is not None or number == 0, shown)}
        if cell.cell_type == "markdown":
            cell.source = BADGE.sub("", cell.source)
        elif cell.cell_type == "code":  # what a cell prints beside its result, such as progress, is no finding
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    script = (TEMPLATES / "reveal" / "reveal.js").read_text(encoding="utf-8")
    page, _ = exporter.from_notebook_node(notebook, {"reveal_script": script, "metadata": {"name": name}})
    return STYLE_LINK.sub(lambda link: f"<style>{(TEMPLATES / 'reveal' / link.group(1)).read_text()}</style>", page)


def _slide_type(cell: NotebookNode, begins: bool, shown: bool) -> str:
    """The cell's part in the slides, in nbconvert's words: "-" goes on with the slide that the cell before is on."""
    if not shown or cell.cell_type == "raw":
        return "skip"
    if cell.cell_type == "markdown":
        return "slide" if begins else "subslide"
    seen = any(o.output_type in ("stream", "display_data", "execute_result") for o in cell.outputs)
    if not seen or {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", ())):
        return "skip"
    html = "".join("".join(o.get("data", {}).get("text/html", "")) for o in cell.outputs)
    return "subslide" if PICTURE in html else "-"


def figures(run: Run, stage: str) -> list[Figure]:
    """The figures of a stage in the order in which they were drawn; without a sidecar the name becomes the title."""
    drawn = (run.folder / stage / "figures").glob("*.png")
    return [_figure(path) for path in sorted(drawn, key=lambda path: (path.stat().st_mtime_ns, path.name))]


def table(run: Run, stage: str) -> Table | None:
    """The table of a stage: table.csv if there is one, else table.txt, else None."""
    rows, text = run.folder / stage / "table.csv", run.folder / stage / "table.txt"
    if rows.is_file():
        with rows.open(encoding="utf-8", newline="") as file:
            return Table([row for row in csv.reader(file) if row])
    return Table([], text.read_text(encoding="utf-8")) if text.is_file() else None


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
    return Figure(title, caption, base64.b64encode(path.read_bytes()).decode("ascii"))


def _read(copy: Path) -> NotebookNode | None:
    """An executed copy; None if it is damaged: a kill can leave half of a notebook that was running."""
    try:
        return nbformat.read(copy, as_version=4)
    except (ValueError, OSError, nbformat.ValidationError):
        return None


def _executed(stage: str, notebook: NotebookNode) -> dict[str, Any]:
    """What the report says of an executed notebook: its title, and what its run cost."""
    headings = [re.search(r"^# +(.+)$", cell.source, re.MULTILINE) for cell in notebook.cells[:3]]
    ran = notebook.metadata.get("papermill", {})
    return {
        "stage": stage,
        "title": next((found.group(1) for found in headings if found), stage),
        "finished": str(ran.get("end_time") or "").replace("T", " ")[:16],  # "2026-11-22 14:30" in UTC
        "minutes": ran["duration"] / 60 if ran.get("duration") else None,
        "memory_gb": notebook.metadata.get("course", {}).get("peak_memory_gb"),
        "parameters": ", ".join(f"{name}={json.dumps(value)}" for name, value in ran.get("parameters", {}).items()),
    }


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
