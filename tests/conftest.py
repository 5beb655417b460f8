"""What several tests of the course need: small notebooks, a trail, a browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write tmp_path/notebooks/<stage>.ipynb from a parameters cell and code cells, and return the folder."""

    def write(stage: str, parameters: str, *cells: str) -> Path:
        folder = tmp_path / "notebooks"
        folder.mkdir(exist_ok=True)
        notebook = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_markdown_cell(f"# The stage <{stage}>"),
                nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
                *(nbformat.v4.new_code_cell(cell) for cell in cells),
            ],
            metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, folder / f"{stage}.ipynb")
        return folder

    return write


@pytest.fixture(scope="session")
def reading():
    """What iamtrail reads of a made-up trail."""
    from iamtrail.trail import sample

    return sample(2_000, seed=0)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that is installed on this machine; what needs one is skipped where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        opened = playwright.chromium.launch(executable_path=program, args=quiet)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable[[Path], Any]]:
    """Open a file in the browser; the test fails if the page fetches anything, says an error, or lacks an image."""
    trouble: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})

    def ask(request) -> None:
        if not request.url.startswith(("file:", "data:")):
            trouble.append(f"fetches {request.url}")

    def opened(path: Path):
        page = context.new_page()
        page.on("request", ask)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        page.goto(path.absolute().as_uri())
        missing = page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).length")
        assert not missing, f"{path.name}: {missing} images are not shown"
        return page

    yield opened
    context.close()
    assert not trouble, trouble
