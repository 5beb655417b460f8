"""The runner: a wrong name is refused before anything runs, a failure says how to go on, and the report is safe."""

import base64
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import papermill
import pytest

from lib.course import report
from lib.course.__main__ import RunInUse, exclusive, main
from lib.course.plan import make_plan, read_notebooks
from lib.files import CourseError
from lib.run import open_run

PARAMETERS = (
    'PROFILE = "laptop"\nRUNS = "runs"\nARM_LIMIT = 0\nRATE = 0.5\nSOURCE = "embedded"  # or aws\nPACKED = True'
)
HOSTILE = '<script>alert("x")</script> & "quoted"'
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def notebooks(write_notebook):
    """Two notebooks that would leave a mark if they were executed by mistake; only the second knows TEMPERATURE."""
    write_notebook("01_data", PARAMETERS, "raise RuntimeError('executed')")
    return write_notebook("03_eval", 'PROFILE = "laptop"\nTEMPERATURE = 0.0', "raise RuntimeError('executed')")


@pytest.fixture
def course(tmp_path, capsys):
    """Run the command line on tmp_path's notebooks and runs: exit status, standard output, standard error."""

    def call(*arguments: str):
        places = ["--notebooks", str(tmp_path / "notebooks"), "--runs", str(tmp_path / "runs")]
        status = main([*arguments, *places])
        return status, *capsys.readouterr()

    return call


class TestRefusal:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (
                ["--profile", "latop"],
                "unknown profile 'latop'; did you mean 'laptop'? There are: colab, laptop, sagemaker",
            ),
            (["--only", "3_eval"], "unknown stage '3_eval'; did you mean '03_eval'? There are: 01_data, 03_eval"),
            (["--only", "01_data", "02_train"], "unknown stage '02_train'"),
            (["--from", "zzz"], "unknown stage 'zzz'; there are: 01_data, 03_eval"),
            (["-p", "ARM_LIMT=5"], "unknown parameter 'ARM_LIMT' of 01_data, 03_eval; did you mean 'ARM_LIMIT'?"),
            (["--only", "03_eval", "-p", "ARM_LIMIT=5"], "unknown parameter 'ARM_LIMIT' of 03_eval; 01_data has it"),
            (["-p", "=5"], "unknown parameter ''"),
            (["-p", "ARM_LIMIT"], "-p ARM_LIMIT: write NAME=VALUE"),
            (["-p", "ARM_LIMIT=1", "-p", "ARM_LIMIT=2"], "ARM_LIMIT is given twice"),
            (["-p", "PROFILE=colab"], "PROFILE is set by --profile"),
            (["-p", "RUNS=x"], "RUNS is set by --runs"),
            (["-p", "ARM_LIMIT=ten"], "-p ARM_LIMIT=ten: ARM_LIMIT is a whole number (default 0)"),
            (["-p", "ARM_LIMIT=2.5"], "ARM_LIMIT is a whole number"),
            (["-p", "ARM_LIMIT=true"], "ARM_LIMIT is a whole number"),
            (["-p", "ARM_LIMIT="], "ARM_LIMIT is a whole number"),
            (["-p", "RATE=fast"], "RATE is a number (default 0.5)"),
            (["-p", "RATE=true"], "RATE is a number (default 0.5)"),
            (["-p", "PACKED=1"], "PACKED is true or false (default True)"),
            (["-p", "SOURCE=no"], """SOURCE is text (default 'embedded'); write 'SOURCE="no"'"""),
        ],
    )
    def test_a_wrong_command_is_refused_by_name_before_anything_runs(self, notebooks, course, arguments, said):
        status, out, err = course(*arguments)
        assert status == 2
        assert said in err and err.count("\n") == 1
        assert not out
        assert not (notebooks.parent / "runs").exists()

    def test_only_and_from_exclude_each_other(self, notebooks, course):
        with pytest.raises(SystemExit) as refused:
            course("--only", "01_data", "--from", "01_data")
        assert refused.value.code == 2

    def test_a_folder_without_notebooks_is_refused(self, course):
        status, _, err = course()
        assert status == 2 and "there are no notebooks (NN_name.ipynb) in " in err

    @pytest.mark.parametrize("text", ["", "{", '{"cells": 5}', "\x00"])
    def test_a_file_that_is_no_notebook_is_refused(self, notebooks, course, text):
        (notebooks / "02_train.ipynb").write_text(text)
        status, _, err = course("--only", "01_data")
        assert status == 2 and "02_train.ipynb cannot be read as a notebook" in err


class TestPlan:
    def test_each_notebook_gets_the_parameters_that_it_has(self, notebooks, tmp_path):
        plan = make_plan("laptop", assignments=["ARM_LIMIT=5", "TEMPERATURE=1"], runs=str(tmp_path), folder=notebooks)
        assert plan.parameters == {
            "01_data": {"PROFILE": "laptop", "RUNS": str(tmp_path), "ARM_LIMIT": 5},
            "03_eval": {"PROFILE": "laptop", "TEMPERATURE": 1.0},
        }

    @pytest.mark.parametrize(
        ("assignment", "value"),
        [
            ("ARM_LIMIT=-3", -3),
            ("ARM_LIMIT=1_000", 1000),
            ("RATE=2e-4", 2e-4),
            ("RATE=1", 1.0),
            ("PACKED=false", False),
            ("SOURCE=aws", "aws"),
            ("SOURCE=", ""),
            ('SOURCE="no"', "no"),
            ("SOURCE=a=b", "a=b"),
            ("SOURCE=[a", "[a"),
        ],
    )
    def test_values_are_read_as_yaml_of_the_defaults_type(self, notebooks, assignment, value):
        plan = make_plan("laptop", assignments=[assignment], folder=notebooks)
        given = plan.parameters["01_data"][assignment.partition("=")[0]]
        assert given == value and type(given) is type(value)

    def test_stages_run_in_the_notebooks_order(self, notebooks):
        def stages(**chosen):
            return [n.stage for n in make_plan("laptop", folder=notebooks, **chosen).notebooks]

        assert stages() == ["01_data", "03_eval"]
        assert stages(only=["03_eval", "01_data"]) == ["01_data", "03_eval"]
        assert stages(start="03_eval") == ["03_eval"]

    def test_a_default_that_is_no_literal_takes_any_value(self, write_notebook):
        folder = write_notebook("01_data", "SEED = int(0)\nNAMES = None")
        plan = make_plan("laptop", assignments=["SEED=abc", "NAMES=[1, 2]"], folder=folder)
        assert plan.parameters["01_data"] == {"SEED": "abc", "NAMES": [1, 2]}

    def test_the_list_shows_stages_and_parameters_and_runs_nothing(self, notebooks, course):
        status, out, _ = course("--list")
        assert status == 0
        assert "colab, laptop, sagemaker" in out
        assert "ARM_LIMIT=0" in out and "TEMPERATURE=0.0" in out
        assert not (notebooks.parent / "runs").exists()


class TestLock:
    def test_a_second_run_in_the_same_folder_is_refused(self, notebooks, course, tmp_path):
        with exclusive(tmp_path / "runs" / "laptop"):
            status, out, err = course()
        assert status == 2 and not out
        assert f"runs/laptop is in use by another run (process {os.getpid()})" in err

    def test_the_lock_of_a_process_that_is_gone_is_taken_over(self, tmp_path):
        (tmp_path / ".lock").write_text("999999999\n")
        with exclusive(tmp_path), pytest.raises(RunInUse, match=f"process {os.getpid()}"), exclusive(tmp_path):
            pass

    def test_the_lock_goes_when_a_run_fails(self, tmp_path):
        with pytest.raises(CourseError), exclusive(tmp_path):
            raise CourseError
        with exclusive(tmp_path):
            pass


class TestExecution:
    def test_a_run_leaves_executed_copies_and_a_report_and_prints_the_table(self, write_notebook, course, tmp_path):
        write_notebook("01_data", PARAMETERS, "import os; print('in', os.getcwd(), PROFILE, ARM_LIMIT, SOURCE)")
        write_notebook(
            "03_eval",
            'PROFILE = "laptop"\nRUNS = "runs"',
            "from lib.run import open_run\nrun = open_run(PROFILE, RUNS)\nrun.begin('03_eval')\n"
            "with run.writing('03_eval/table.txt') as aside:\n    aside.write_text('arm  valid\\nzero  0.1')",
        )
        status, out, err = course("-p", "ARM_LIMIT=5", "SOURCE=aws")
        assert (status, err) == (0, "")
        folder = tmp_path / "runs" / "laptop"
        copy = nbformat.read(folder / "executed" / "01_data.ipynb", as_version=4)
        project = open_run("laptop").folder.parent.parent
        assert f"in {project} laptop 5 aws" in copy.cells[-1].outputs[0].text
        assert "1/2 01_data (about" in out and "2/2 03_eval" in out
        assert out.index("2/2 03_eval") < out.index("arm  valid\nzero  0.1") < out.index("report.html")
        page = (folder / "report.html").read_text()
        assert "The stage &lt;03_eval&gt;" in page  # the notebook's title
        assert "zero  0.1" in page and "executed/01_data.html" in page
        assert "in " in (folder / "executed" / "01_data.html").read_text()

    def test_a_failing_notebook_stops_the_course_and_says_how_to_go_on(self, write_notebook, course, tmp_path):
        write_notebook("01_data", PARAMETERS, "print('before')", "raise ValueError('first line\\nno \"{\" found')")
        write_notebook("03_eval", 'PROFILE = "laptop"')
        status, out, err = course("-p", "ARM_LIMIT=5")
        assert status == 1
        copy = tmp_path / "runs" / "laptop" / "executed" / "01_data.ipynb"
        assert err.startswith('01_data failed: ValueError: no "{" found; the partly executed copy is ')
        assert f"{copy}; to resume: " in err and err.count("\n") == 1
        assert "-m lib.course --profile laptop --from 01_data" in err and "-p ARM_LIMIT=5" in err
        assert "before" in copy.read_text()
        assert "03_eval" not in out and not copy.with_name("03_eval.ipynb").exists()
        assert not (copy.parent.parent / "report.html").exists()

    def test_a_kernel_that_dies_is_told_from_an_error(self, write_notebook, course):
        write_notebook("01_data", PARAMETERS, "import os; os._exit(9)")
        status, _, err = course()
        assert status == 1
        assert "01_data failed: " in err and "out of memory" in err

    def test_an_interrupted_run_says_what_is_left_and_ends_its_kernel(self, write_notebook, tmp_path):
        mark = tmp_path / "mark"
        folder = write_notebook(
            "01_data",
            PARAMETERS,
            f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)",
        )
        command = [sys.executable, "-m", "lib.course", "--notebooks", folder, "--runs", tmp_path / "runs"]
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        runner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        signal.signal(signal.SIGINT, before)
        while runner.poll() is None and not (mark.exists() and mark.read_text()):
            time.sleep(0.1)
        runner.send_signal(signal.SIGINT)
        out, err = runner.communicate()
        assert runner.returncode == 130
        assert "interrupted" in out
        assert "Interrupted in 01_data; nothing finished is lost" in err and "--from 01_data" in err
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.read_text()), 0)

    def test_plain_papermill_works_on_the_same_notebooks(self, write_notebook, tmp_path):
        folder = write_notebook("03_eval", PARAMETERS, "print(ARM_LIMIT + 1)")
        done = papermill.execute_notebook(
            folder / "03_eval.ipynb", tmp_path / "out.ipynb", {"ARM_LIMIT": 50}, progress_bar=False
        )
        assert done.cells[-1].outputs[0].text == "51\n"


class TestReport:
    @pytest.fixture
    def run(self, tmp_path):
        run = open_run("laptop", tmp_path)
        figures = run.begin("03_eval") / "figures"
        figures.mkdir()
        (figures / "metrics.png").write_bytes(PIXEL)
        (figures / "metrics.json").write_text(json.dumps({"title": f"Title {HOSTILE}", "caption": f"Said {HOSTILE}"}))
        (figures / "length_and_success.png").write_bytes(PIXEL)
        return run

    def page(self, run) -> str:
        return report.write(run).read_text(encoding="utf-8")

    def test_text_from_files_is_escaped(self, run):
        run.begin("04_errors")
        run.path("04_errors/table.csv").write_text(f'category,count\n"{HOSTILE.replace(chr(34), chr(34) * 2)}",3\n')
        run.path("03_eval/table.txt").write_text(f"arm {HOSTILE}\n")
        page = self.page(run)
        assert "<script" not in page
        escaped = "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; &#34;quoted&#34;"
        for said in (f"Title {escaped}", f"<figcaption>Said {escaped}", f"<td>{escaped}</td>", f"arm {escaped}"):
            assert said in page

    def test_it_is_one_page_that_fetches_nothing(self, run):
        page = self.page(run)
        assert page.count("data:image/png;base64,") == 2
        assert "http://" not in page and "https://" not in page

    def test_a_figure_without_a_sidecar_is_named_after_its_file(self, run):
        assert "<h3>Length and success</h3>" in self.page(run)

    @pytest.mark.parametrize("text", ["{", "[]", '{"title": "only"}'])
    def test_a_damaged_sidecar_is_said_and_loses_no_report(self, run, text):
        run.path("03_eval/figures/metrics.json").write_text(text)
        assert "metrics.json has no title and caption" in self.page(run)

    def test_an_empty_run_has_a_report(self, tmp_path):
        page = self.page(open_run("laptop", tmp_path))
        assert "Python" in page and "Metrics by arm" not in page

    def test_executed_notebooks_fetch_no_script(self, run, write_notebook):
        source = write_notebook("03_eval", PARAMETERS)
        run.path("executed").mkdir()
        copy = run.path("executed/03_eval.ipynb")
        copy.write_bytes((source / "03_eval.ipynb").read_bytes())
        self.page(run)
        html = copy.with_suffix(".html").read_text()
        assert "ARM_LIMIT" in html
        assert 'src="http' not in html

    def test_a_copy_cut_off_while_it_was_written_loses_no_report(self, run):
        run.path("executed").mkdir()
        run.path("executed/02_train.ipynb").write_text('{"cells": [{"cell_ty')
        assert "executed copy of 02_train is damaged" in self.page(run)

    def test_what_is_no_result_of_this_run_is_said_to_be_none(self, run):
        assert "Not a result of this run" in self.page(run)
        run.begin("03_eval")
        run.write_text("03_eval/table.txt", "arm n")
        run.finish("03_eval", {}, [], 0)
        assert "Not a result of this run" not in self.page(run)


def test_the_notebooks_of_the_course_can_be_read():
    assert [n.stage for n in read_notebooks()] == ["01_data", "02_train", "03_eval", "04_errors", "05_demo"]
