"""The five notebooks: their form, and that they really run: headless, small, on real policies, with real training."""

import ast
import json
import os
import subprocess
import sys

import nbformat
import pytest
import yaml

from lib.files import ROOT
from lib.model.generate import arms_of
from lib.profiles import PROFILES, STAGES
from lib.run import MissingUpstream, open_run

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL = ["EXAMPLES=400", "RECIPE=A", "MAX_STEPS=3", "ARM_LIMIT=4"]
SMALLER = {"max_new_tokens": 96, "eval_examples": 8}  # than in the profile of a laptop


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Run a Python module as a command, from a folder of the project, with a smaller profile of a laptop."""
    profiles = tmp_path_factory.mktemp("profiles")
    laptop = yaml.safe_load((PROFILES / "laptop.yaml").read_text(encoding="utf-8"))
    (profiles / "laptop.yaml").write_text(yaml.safe_dump(laptop | SMALLER), encoding="utf-8")
    environment = os.environ | {"IAM_COURSE_PROFILES": str(profiles)}

    def call(*words: object, folder: str = ".") -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT / folder, env=environment, timeout=900)

    return call


def code(path) -> list[dict]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, execute):
    runs = tmp_path_factory.mktemp("runs")
    done = execute("lib.course", "--runs", runs, "-p", *SMALL)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return runs, done.stdout


def test_all_five_run_and_leave_their_files(finished):
    runs, _ = finished
    run = open_run("laptop", runs)
    written = {
        "01_data": ["examples.jsonl", "card.md", "dataset/dataset_dict.json", "figures/findings.png"],
        "02_train": [
            "adapter/adapter_model.safetensors",
            "adapter/retriever.json.gz",
            "log.jsonl",
            "sweep.csv",
            "figures/losses.svg",
        ],
        "03_eval": ["outputs.jsonl", "scores.parquet", "summary.json", "table.txt", "usable.csv"]
        + ["figures/verdicts.png", "figures/metrics_by_arm.png"],
        "04_errors": ["errors.csv", "tags.csv", "summary.json", "figures/categories_by_arm.png"],
        "05_demo": ["drafts.jsonl", "table.csv"],
    }
    for stage, names in written.items():
        manifest = run.manifest(stage)
        for name in names:
            assert run.path(f"{stage}/{name}").stat().st_size
            assert f"{stage}/{name}" in manifest["written"]
        assert manifest["parameters"] and manifest["versions"]["torch"]
    assert len(run.read_jsonl("03_eval/outputs.jsonl")) == len(arms_of(run.folder)) * 4


def test_the_run_ends_with_the_table_and_where_to_look(finished):
    runs, output = finished
    table = (runs / "laptop" / "03_eval" / "table.txt").read_text()
    assert table.strip() in output
    for arm in arms_of(runs / "laptop"):
        assert arm in table
    assert "report.html" in output.splitlines()[-1] or "report.html" in output[-600:]
    page = (runs / "laptop" / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 8 and "zero_shot" in page


def test_the_report_opens_in_a_browser_and_shows_all_stages(finished, open_page):
    runs, _ = finished
    page = open_page(runs / "laptop" / "report.html")
    assert [h.inner_text() for h in page.query_selector_all("h2")][2:-1] == list(STAGES)
    figures = page.query_selector_all("figure img")
    assert len(figures) >= 15 and all(figure.bounding_box()["width"] > 400 for figure in figures)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for link in page.query_selector_all("a"):
        assert (runs / "laptop" / link.get_attribute("href")).is_file()


@pytest.mark.parametrize("stage", ["03_eval", "04_errors"])
def test_the_slides_can_be_gone_through_in_a_browser(finished, open_page, stage):
    runs, _ = finished
    page = open_page(runs / "laptop" / "executed" / f"{stage}.slides.html")
    assert page.evaluate("Reveal.getTotalSlides()") > 15 and "In [" not in page.content()
    first, seen = page.inner_text("section.present"), 0
    for _ in range(page.evaluate("Reveal.getTotalSlides()") - 1):
        page.keyboard.press("Space")
        image = page.query_selector("section.present section.present figure img")
        if image and image.is_visible():
            box, seen = image.bounding_box(), seen + 1
            assert box["width"] > 600 and box["y"] + box["height"] <= 800  # as large as a hall needs, and not cut off
    assert seen >= 4 and page.evaluate("Reveal.isLastSlide()") and page.inner_text("section.present") != first


def test_executed_copies_have_outputs_and_unattempted_exercises_stop_nothing(finished):
    runs, _ = finished
    for path in NOTEBOOKS:
        copy = (runs / "laptop" / "executed" / path.name).read_text()
        assert "not attempted" in copy
        outputs = [o for cell in json.loads(copy)["cells"] for o in cell.get("outputs", [])]
        assert outputs and not [o for o in outputs if o["output_type"] == "error"]
        assert not [o for o in outputs if o.get("name") == "stderr" and "Traceback" in "".join(o["text"])]


def test_plain_papermill_runs_a_later_notebook_from_the_notebooks_folder(finished, tmp_path, execute):
    runs, _ = finished
    parameters = ["-p", "RUNS", runs, "-p", "ARM", "zero_shot"]
    done = execute("papermill", "04_errors.ipynb", tmp_path / "out.ipynb", *parameters, folder="notebooks")
    assert done.returncode == 0, done.stderr[-2000:]
    assert open_run("laptop", runs).manifest("04_errors")["parameters"]["ARM"] == "zero_shot"


@pytest.mark.parametrize(
    ("stage", "before"),
    [("02_train", "01_data"), ("03_eval", "01_data"), ("04_errors", "03_eval"), ("05_demo", "01_data")],
)
def test_a_missing_upstream_file_names_the_notebook_before_anything_is_written(stage, before, tmp_path):
    _, imports, parameters, opening = (cell.source for cell in code(ROOT / f"notebooks/{stage}.ipynb")[:4])
    with pytest.raises(MissingUpstream, match=f"is missing: run notebooks/{before}.ipynb first"):
        exec("\n".join([imports, parameters, f"RUNS = {str(tmp_path)!r}", opening]), {})
    assert not any(tmp_path.iterdir())


def test_a_missing_upstream_file_is_one_line_of_the_runner(tmp_path, execute):
    done = execute("lib.course", "--runs", tmp_path, "--only", "04_errors")
    assert done.returncode == 1
    assert "is missing: run notebooks/03_eval.ipynb first" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestForm:
    """What DESIGN asks of a notebook's form, so that students and papermill both find their way."""

    def test_it_is_committed_without_outputs(self, path):
        for cell in code(path):
            assert not cell.outputs and cell.execution_count is None

    def test_one_parameters_cell_of_at_most_six_plain_literals(self, path):
        tagged = [cell for cell in code(path) if "parameters" in cell.metadata.get("tags", [])]
        assert len(tagged) == 1 and code(path).index(tagged[0]) == 2
        assignments = ast.parse(tagged[0].source).body
        assert 2 <= len(assignments) <= 6
        for assignment in assignments:
            assert isinstance(assignment, ast.Assign) and isinstance(assignment.value, ast.Constant)
        assert [a.targets[0].id for a in assignments][:2] == ["PROFILE", "RUNS"]
        assert all(line.count("=") == 1 for line in tagged[0].source.splitlines())  # papermill skips a line with two

    def test_cells_are_short_and_explained(self, path):
        cells = nbformat.read(path, as_version=4).cells
        assert max(len(cell.source.splitlines()) for cell in code(path)) <= 15
        assert sum(cell.cell_type == "markdown" for cell in cells) >= 8

    def test_it_opens_with_its_place_and_ends_with_a_recap(self, path):
        cells = nbformat.read(path, as_version=4).cells
        assert f"**{path.stem}**" in cells[0].source and "What you will learn" in cells[0].source
        assert "google.colab" in cells[1].source and "## Recap" in cells[-1].source

    def test_two_or_three_exercises_with_folded_solutions(self, path):
        cells = nbformat.read(path, as_version=4).cells
        exercises = sum(cell.source.startswith("answer = None") for cell in cells if cell.cell_type == "code")
        solutions = sum(cell.source.count("<details>") for cell in cells if cell.cell_type == "markdown")
        assert 2 <= exercises <= 3 and solutions == exercises
