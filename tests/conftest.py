"""Settings of every test: no network, no time limits, and notebooks small enough to execute."""

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import nbformat
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

hypothesis.settings.register_profile("course", deadline=None)  # a busy laptop must not fail a test
hypothesis.settings.register_profile("long", deadline=None, max_examples=1_000)  # for tests/iam in `make test-long`
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "course"))


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
