"""The slides of an executed notebook, for the one who presents it: its prose, tables and figures, without code.

An executed copy comes in, a page of its own goes out, made by nbconvert with reveal.js inside: a heading begins a
slide, a figure has one for itself, and set-up, exercises and what leaves nothing to see are left out.
"""

import re
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

TEMPLATES = Path(__file__).parent / "templates"
LINK = re.compile(r'<link [^>]*href="[^"]*/dist/(?:theme/)?(\w+\.css)"[^>]*>')
BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)")  # an image that would be fetched
LEFT_OUT = ("Exercises", "Save")  # sections: from such a heading to the next that is none
PICTURE = "<figure>"  # what a figure of the course puts into its HTML


def slides_html(copy: Path) -> str:
    """An executed notebook as slides.

    Raises:
        OSError, ValueError, nbformat.ValidationError: if the copy cannot be read or is no notebook.
    """
    notebook = nbformat.read(copy, as_version=4)
    shown = True
    for number, cell in enumerate(notebook.cells):
        heading = re.match(r"#+ +(.+)", cell.source) if cell.cell_type == "markdown" else None
        if number == 1:
            shown = False  # set-up, until the first section
        if heading and heading.group(1).strip() not in LEFT_OUT:
            shown = True
        elif re.search(rf"^#+ +({'|'.join(LEFT_OUT)})\s*$", cell.source, re.MULTILINE):
            shown = False
        cell.metadata["slideshow"] = {"slide_type": _type(cell, heading is not None, shown, first=number == 0)}
        cell.source = BADGE.sub("", cell.source) if cell.cell_type == "markdown" else cell.source
        if cell.cell_type == "code":  # what a cell prints beside its result, such as a bar of progress, is no finding
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    script = (TEMPLATES / "reveal" / "reveal.js").read_text(encoding="utf-8")
    page, _ = exporter.from_notebook_node(notebook, {"reveal_script": script, "metadata": {"name": copy.stem}})
    return LINK.sub(lambda link: f"<style>{(TEMPLATES / 'reveal' / link.group(1)).read_text()}</style>", page)


def _type(cell: nbformat.NotebookNode, heading: bool, shown: bool, first: bool) -> str:
    """The cell's part in the slides, in nbconvert's words: "-" goes on with the slide that the cell before is on."""
    if not shown or cell.cell_type == "raw":
        return "skip"
    if cell.cell_type == "markdown":
        return "slide" if heading or first else "subslide"
    html = "".join("".join(o.get("data", {}).get("text/html", "")) for o in cell.outputs)
    if not any(o.output_type in ("stream", "display_data", "execute_result") for o in cell.outputs):
        return "skip"
    if {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", ())):
        return "skip"
    return "subslide" if PICTURE in html else "-"
