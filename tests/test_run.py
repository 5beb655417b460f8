"""The run folder: writes are whole or nothing, and a stage that is missing, unfinished or altered is refused."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.files import read_json, read_jsonl, write_jsonl, writing
from lib.run import MissingUpstream, open_run

ROWS = [{"id": "a"}, {"id": "b"}]


@pytest.fixture
def run(tmp_path):
    return open_run("laptop", tmp_path)


@pytest.fixture
def finished(run):
    """A run whose 01_data is complete: a file and a folder."""
    run.begin("01_data")
    run.write_jsonl("01_data/examples.jsonl", ROWS)
    with run.writing("01_data/datasets") as folder:
        (folder / "train").mkdir(parents=True)
        (folder / "train" / "data.arrow").write_bytes(b"rows")
    run.finish("01_data", {"PROFILE": "laptop"}, [], 0)
    return run


def refusal(run, *names: str) -> str:
    with pytest.raises(MissingUpstream) as refused:
        run.require(*names)
    assert "\n" not in str(refused.value)
    return str(refused.value)


class TestWriting:
    def test_a_file_keeps_its_suffix_while_it_is_written(self, tmp_path):
        with writing(tmp_path / "deep" / "figure.png") as aside:
            assert (aside.name, aside.parent.parent) == ("figure.png", tmp_path / "deep")
            aside.write_bytes(b"png")
        assert (tmp_path / "deep" / "figure.png").read_bytes() == b"png"
        assert [path.name for path in (tmp_path / "deep").iterdir()] == ["figure.png"]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_a_failing_writer_leaves_the_old_file_and_nothing_else(self, tmp_path, error):
        (tmp_path / "a.json").write_text("old")
        with pytest.raises(error), writing(tmp_path / "a.json") as aside:
            aside.write_text("half")
            raise error
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "old")]

    def test_a_failing_writer_leaves_the_old_folder(self, tmp_path):
        (tmp_path / "adapter").mkdir()
        (tmp_path / "adapter" / "weights").write_text("old")
        with pytest.raises(ValueError), writing(tmp_path / "adapter") as aside:
            aside.mkdir()
            (aside / "weights").write_text("half")
            raise ValueError
        assert (tmp_path / "adapter" / "weights").read_text() == "old"
        assert len(list(tmp_path.iterdir())) == 1

    @pytest.mark.parametrize(("old", "new"), [("file", "file"), ("file", "folder"), ("folder", "folder")])
    def test_what_is_new_replaces_what_is_old_entirely(self, tmp_path, old, new):
        target = tmp_path / "thing"
        for kind, mark in ((old, "old"), (new, "new")):
            with writing(target) as aside:
                if kind == "folder":
                    aside.mkdir()
                    (aside / mark).touch()
                else:
                    aside.write_text(mark)
        assert [p.name for p in tmp_path.iterdir()] == ["thing"]
        assert [p.name for p in target.iterdir()] == ["new"] if new == "folder" else target.read_text() == "new"

    def test_a_file_does_not_take_the_place_of_a_folder(self, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "precious").touch()
        with pytest.raises(IsADirectoryError, match="is a folder"), writing(tmp_path / "run") as aside:
            aside.write_text("new")
        assert (tmp_path / "run" / "precious").exists() and len(list(tmp_path.iterdir())) == 1

    def test_writing_nothing_is_an_error(self, tmp_path):
        (tmp_path / "a.json").write_text("old")
        with pytest.raises(FileNotFoundError, match="nothing was written"), writing(tmp_path / "a.json"):
            pass
        assert (tmp_path / "a.json").read_text() == "old"

    def test_rows_that_fail_half_way_leave_the_old_rows(self, run):
        run.write_jsonl("01_data/examples.jsonl", ROWS)

        def broken():
            yield {"id": "new"}
            raise RuntimeError

        with pytest.raises(RuntimeError):
            run.write_jsonl("01_data/examples.jsonl", broken())
        assert run.read_jsonl("01_data/examples.jsonl") == ROWS

    @pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"x", object()])
    def test_what_json_does_not_have_is_refused_with_the_file(self, run, value):
        with pytest.raises(ValueError, match=r"summary\.json was not written: .* give numbers, text"):
            run.write_json("03_eval/summary.json", {"f1": value})
        assert not run.path("03_eval/summary.json").exists()

    def test_dataclasses_and_numpy_scalars_are_written(self, run):
        @dataclass(frozen=True)
        class Row:
            id: str
            score: float

        run.write_jsonl("03_eval/scores.jsonl", [Row("a", np.float32(0.5)), Row("b", np.int64(2))])
        assert run.read_jsonl("03_eval/scores.jsonl") == [{"id": "a", "score": 0.5}, {"id": "b", "score": 2}]


class TestReading:
    # every line ending that str.splitlines knows, NUL and lone surrogates (a model can write "\ud800")
    TEXT = st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\r\n\x0b\x0c\x1c\x85\u2028\u2029\ud800")
    )
    VALUES = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )

    @given(rows=st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=4))
    def test_jsonl_gives_back_what_was_written(self, tmp_path_factory, rows):
        path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
        write_jsonl(path, rows)
        assert read_jsonl(path) == rows
        assert path.read_bytes().count(b"\n") == len(rows)

    @pytest.mark.parametrize("bad", [b'{"id": ', b"{'id': 1}", b'"\xff"', b"[" * 100_000, b"\x00", b"1 2"])
    def test_a_bad_line_is_named_by_file_and_number(self, tmp_path, bad):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(b'{"id": "a"}\n\n' + bad + b"\n")
        with pytest.raises(ValueError, match=r"rows\.jsonl, line 3: not JSON"):
            read_jsonl(path)

    def test_other_line_endings_and_a_missing_last_one_are_read(self, tmp_path):
        path = tmp_path / "rows.jsonl"
        path.write_bytes('{"id": "a\u2028b"}\r\n\r\n{"id": "c"}'.encode())
        assert read_jsonl(path) == [{"id": "a\u2028b"}, {"id": "c"}]

    def test_a_bad_document_is_named_by_file_and_line(self, tmp_path):
        (tmp_path / "a.json").write_text('{\n"f1": nope}')
        with pytest.raises(ValueError, match=r"a\.json, line 2: not JSON"):
            read_json(tmp_path / "a.json")


class TestPaths:
    @pytest.mark.parametrize("name", ["", "/etc/passwd", "../laptop/x", "01_data/../../x", "1_data/x", "data/examples"])
    def test_a_path_outside_the_stages_is_refused(self, run, name):
        with pytest.raises(ValueError):
            run.path(name)

    @pytest.mark.parametrize("stage", ["1_data", "", "..", "executed"])
    def test_an_unknown_stage_is_refused(self, run, stage):
        with pytest.raises(ValueError, match="is no stage; the stages are 01_data"):
            run.begin(stage)
        assert not run.folder.exists()


class TestManifest:
    def test_it_records_what_made_the_stage(self, finished):
        manifest = finished.manifest("01_data")
        assert manifest["parameters"] == {"PROFILE": "laptop"}
        assert set(manifest["written"]) == {"01_data/examples.jsonl", "01_data/datasets/train/data.arrow"}
        assert manifest["started"] <= manifest["finished"]
        assert manifest["profile"]["name"] == "laptop"
        assert "transformers" in manifest["versions"]

    def test_it_records_what_the_stage_read(self, finished):
        finished.begin("02_train")
        finished.write_json("02_train/sweep.json", {})
        finished.finish("02_train", {}, ["01_data/examples.jsonl", "01_data/datasets", "env/recipes/A.yaml"], 1)
        read = finished.manifest("02_train")["read"]
        assert set(read) == {"01_data/examples.jsonl", "01_data/datasets/train/data.arrow", "env/recipes/A.yaml"}
        assert read["01_data/examples.jsonl"] == finished.manifest("01_data")["written"]["01_data/examples.jsonl"]

    def test_a_stage_that_did_not_begin_cannot_finish(self, run):
        with pytest.raises(RuntimeError, match="01_data did not begin"):
            run.finish("01_data", {}, [], 0)

    def test_a_stage_cannot_say_that_it_read_what_is_not_there(self, run):
        run.begin("02_train")
        with pytest.raises(MissingUpstream, match="examples.jsonl is missing"):
            run.finish("02_train", {}, ["01_data/examples.jsonl"], 0)
        assert not run.path("02_train/manifest.json").exists()

    def test_beginning_again_makes_the_stage_unfinished_but_keeps_its_files(self, finished):
        (finished.folder / "01_data" / ".aside-killed").mkdir()
        finished.begin("01_data")
        assert finished.read_jsonl("01_data/examples.jsonl") == ROWS
        assert not (finished.folder / "01_data" / ".aside-killed").exists()
        said = refusal(finished, "01_data/examples.jsonl")
        assert "01_data is unfinished (no manifest.json): run notebooks/01_data.ipynb first" in said


class TestRequire:
    def test_it_gives_the_paths_in_order(self, finished):
        names = ("01_data/datasets", "01_data/examples.jsonl")
        assert finished.require(*names) == [finished.path(name) for name in names]

    def test_a_missing_file_names_the_notebook_and_the_command(self):
        said = refusal(open_run("laptop", "runs/not-there"), "01_data/examples.jsonl")
        assert said == (
            "runs/not-there/laptop/01_data/examples.jsonl is missing: run notebooks/01_data.ipynb first "
            "(or .venv/bin/python -m lib.course --profile laptop --only 01_data --runs runs/not-there)"
        )

    def test_the_command_is_short_where_runs_are_where_they_belong(self, finished):
        said = refusal(open_run("colab"), "04_errors/errors.csv")
        assert said.endswith("(or .venv/bin/python -m lib.course --profile colab --only 04_errors)")

    def test_a_changed_file_is_refused(self, finished):
        finished.path("01_data/examples.jsonl").write_text('{"id": "tampered"}\n')
        said = refusal(finished, "01_data/examples.jsonl")
        assert "examples.jsonl is not what 01_data wrote" in said
        assert "run notebooks/01_data.ipynb again" in said

    @pytest.mark.parametrize("fault", ["changed", "removed", "added"])
    def test_a_changed_folder_is_refused(self, finished, fault):
        train = finished.path("01_data/datasets") / "train"
        if fault == "removed":
            (train / "data.arrow").unlink()
        else:
            (train / ("data.arrow" if fault == "changed" else "more.arrow")).write_bytes(b"other")
        assert "datasets/train/" in refusal(finished, "01_data/datasets")

    def test_a_file_that_the_stage_did_not_write_is_refused(self, finished):
        finished.path("01_data/extra.json").write_text("{}")
        assert "extra.json is not what 01_data wrote" in refusal(finished, "01_data/extra.json")

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"written": [], "read": {}}', '{"written": {}}'])
    def test_a_damaged_manifest_is_refused(self, finished, text):
        finished.path("01_data/manifest.json").write_text(text)
        assert "manifest.json is damaged: run notebooks/01_data.ipynb" in refusal(finished, "01_data/examples.jsonl")

    def test_a_stage_made_from_other_data_is_refused(self, finished):
        finished.begin("02_train")
        finished.write_json("02_train/sweep.json", {})
        finished.finish("02_train", {}, ["01_data/examples.jsonl"], 0)
        assert finished.require("02_train/sweep.json")
        finished.begin("01_data")
        finished.write_jsonl("01_data/examples.jsonl", ROWS[:1])
        finished.finish("01_data", {}, [], 0)
        said = refusal(finished, "02_train/sweep.json")
        assert "02_train was made from another 01_data/examples.jsonl: run notebooks/02_train.ipynb again" in said

    def test_a_stage_made_from_another_base_model_is_refused(self, finished, monkeypatch, tmp_path):
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "weights").write_text("first")
        monkeypatch.setattr("lib.run.ROOT", tmp_path)
        finished.begin("02_train")
        finished.write_json("02_train/sweep.json", {})
        finished.finish("02_train", {}, ["models"], 0)
        assert finished.require("02_train/sweep.json") and finished.trouble("02_train") is None
        for change in (lambda file: file.write_text("second"), lambda file: file.unlink()):
            change(tmp_path / "models" / "weights")
            said = refusal(finished, "02_train/sweep.json")
            assert "02_train was made from another models/weights" in said and said == finished.trouble("02_train")

    def test_an_unfinished_stage_is_in_trouble_and_begins_without_old_figures(self, finished):
        finished.path("01_data/figures").mkdir()
        assert finished.trouble("01_data") is None
        finished.begin("01_data")
        assert "unfinished" in finished.trouble("01_data")
        assert not finished.path("01_data/figures").exists() and finished.path("01_data/examples.jsonl").exists()

    def test_running_a_stage_again_with_the_same_result_keeps_the_later_ones(self, finished):
        finished.begin("02_train")
        finished.write_json("02_train/sweep.json", {})
        finished.finish("02_train", {}, ["01_data/examples.jsonl"], 0)
        finished.begin("01_data")
        finished.finish("01_data", {}, [], 0)
        assert finished.require("02_train/sweep.json")


def test_the_manifest_is_plain_json(finished):
    assert json.loads(finished.path("01_data/manifest.json").read_text())["stage"] == "01_data"
