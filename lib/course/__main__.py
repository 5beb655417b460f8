"""Runs the notebooks headless, one after the other, and makes the report:

    python -m lib.course --profile laptop
    python -m lib.course --profile laptop --from 03_eval -p ARM_LIMIT=50

Notebooks come in from notebooks/; executed copies and report.html go out to runs/<profile>/. Whatever is wrong with
the command is refused by name before anything runs.
"""

import argparse
import fcntl
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import zmq
from jupyter_client.kernelspec import NoSuchKernel
from papermill.exceptions import PapermillExecutionError, strip_color
from traitlets.config import Config

from lib.course import report
from lib.course.plan import NOTEBOOKS, SETTLED, Notebook, Plan, make_plan, read_notebooks
from lib.files import ROOT, CourseError, shown, writing
from lib.profiles import load, profile_names
from lib.run import EXECUTED

# Between this process and a kernel, where the installed ZeroMQ can: other users of the machine must not listen in.
ENCRYPTED = Config(KernelManager={"transport_encryption": "auto" if zmq.has("curve") else "disabled"})


class NotebookFailed(CourseError):
    """A notebook stopped with an error."""


class RunInUse(CourseError):
    """Another process works in the run folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 failed, 2 refused, 130 interrupted."""
    given = _parser().parse_args(arguments)
    try:
        if given.list:
            _list(given.profile, given.notebooks)
            return 0
        plan = make_plan(given.profile, given.only, given.start, given.parameters, given.runs, given.notebooks)
        with exclusive(plan.run.folder):
            _execute_all(plan, resume=lambda failed: _resume(given, plan, failed))
            _conclude(plan)
        return 0
    except KeyboardInterrupt:
        return 130
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, NotebookFailed) else 2
    except OSError as error:  # no room, no permission, a file where a folder should be
        reason = f"{error.strerror}: {error.filename}" if error.strerror else str(error)
        print(f"{reason}; nothing finished is lost", file=sys.stderr)
        return 1


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a run folder alone. The lock ends with the process that holds it, however that ends.

    Raises:
        RunInUse: if another process holds it, with its process id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise RunInUse(
                f"{shown(folder)} is in use by another run (process {lock.read().strip() or 'unknown'}): "
                "wait for it, stop it, or choose another folder with --runs"
            ) from error
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.course",
        description="Execute the notebooks of the course in order, headless, and write a report over them. Executed "
        "copies go to RUNS/PROFILE/executed/, the report to RUNS/PROFILE/report.html.",
        epilog="example: python -m lib.course --profile laptop --only 03_eval 04_errors -p ARM_LIMIT=50",
    )
    add, either = parser.add_argument, parser.add_mutually_exclusive_group().add_argument
    add("--profile", default="laptop", help="run profile, a file of env/profiles/ (default: laptop)")
    either("--only", nargs="+", default=[], metavar="STAGE", help="run these stages and no others")
    either("--from", dest="start", metavar="STAGE", help="run this stage and those after it")
    add(
        *("-p", "--parameter"),
        dest="parameters",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="set a notebook parameter (see --list); each notebook gets those that it has",
    )
    runs = "where run folders lie; relative to the project's root (default: runs)"
    add("--runs", default="runs", metavar="DIR", help=runs)
    notebooks = "folder of the notebooks (default: those of the course)"
    add("--notebooks", default=NOTEBOOKS, type=lambda name: Path(name).absolute(), metavar="DIR", help=notebooks)
    add("--list", action="store_true", help="show profiles, stages and parameters; run nothing")
    return parser


def _list(profile: str, folder: Path) -> None:
    minutes = load(profile).minutes
    print(f"Profiles: {', '.join(profile_names())}")
    print(f"Stages, with their parameters (minutes on {profile}):")
    for notebook in read_notebooks(folder):
        about = f"about {minutes[notebook.stage]:g} min" if notebook.stage in minutes else ""
        names = " ".join(f"{k}={v!r}" for k, v in notebook.parameters.items() if k not in SETTLED)
        print(f"  {notebook.stage:<12} {about:<14} {names}".rstrip())


def _execute_all(plan: Plan, resume: Callable[[str], str]) -> None:
    """Execute the notebooks of a plan in order, a line each; `resume` gives the command that goes on from a stage.

    Raises:
        NotebookFailed: at the first notebook that fails; the later ones are not run.
    """
    print(f"Profile {plan.run.profile.name}: results go to {shown(plan.run.folder)}/", flush=True)
    for number, notebook in enumerate(plan.notebooks, 1):
        stage, copy = notebook.stage, plan.run.path(f"{EXECUTED}/{notebook.path.name}")
        minutes = plan.run.profile.minutes.get(stage)
        about = f" (about {minutes:g} min)" if minutes else ""
        print(f"{number}/{len(plan.notebooks)} {stage}{about} ... ", end="", flush=True)
        left = f"the partly executed copy is {shown(copy)}; to resume: {resume(stage)}"
        try:
            minutes, memory_gb = _execute(notebook, plan.parameters[stage], copy)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            print(f"Interrupted in {stage}; nothing finished is lost: {left}", file=sys.stderr)
            raise
        except (PapermillExecutionError, RuntimeError, NoSuchKernel) as error:
            print("failed", flush=True)
            raise NotebookFailed(f"{stage} failed: {_reason(error)}; {left}") from error
        print(f"{minutes:.1f} min, {memory_gb:.1f} GB", flush=True)


def _execute(notebook: Notebook, parameters: dict[str, Any], copy: Path) -> tuple[float, float]:
    """Execute one notebook; the minutes and the peak memory in GB that it took."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with _peak_memory() as samples:
        executed = papermill.execute_notebook(
            notebook.path,
            copy,
            parameters,
            kernel_name="python3",
            language="python",
            cwd=ROOT,
            progress_bar=False,
            start_timeout=180,  # seconds; a busy laptop starts a kernel slowly
            config=ENCRYPTED,
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],  # what goes wrong in a cell is reported
        )
    memory_gb = round(max(samples) / 2**30, 2)
    executed.metadata["course"] = {"peak_memory_gb": memory_gb}
    with writing(copy) as aside:
        nbformat.write(executed, aside)
    return executed.metadata.papermill.duration / 60, memory_gb


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Collect, once a second, the bytes that this process's children hold in memory together."""
    samples, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(1.0):
            samples.append(0)
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):  # it has just ended
                    samples[-1] += child.memory_info().rss

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def _reason(error: Exception) -> str:
    """Why a notebook stopped: the last line of its error, or that its kernel died or did not start."""
    text = error.evalue if isinstance(error, PapermillExecutionError) else error
    last = next((line.strip() for line in reversed(strip_color(str(text)).splitlines()) if line.strip()), "")
    if isinstance(error, PapermillExecutionError):
        return f"{error.ename}: {last}" if last else error.ename
    return f"{last} (a kernel that dies without an error is mostly out of memory)"


def _resume(given: argparse.Namespace, plan: Plan, failed: str) -> str:
    """The command that runs what is left of a plan, from the failed stage on."""
    stages = [notebook.stage for notebook in plan.notebooks]
    left = stages[stages.index(failed) :]
    names = set().union(*(plan.parameters[stage] for stage in left))
    parameters = [a for a in given.parameters if a.partition("=")[0] in names]
    python = Path(sys.executable)
    return shlex.join(
        [
            *(shown(python) if python.is_relative_to(ROOT) else "python", "-m", "lib.course"),
            *("--profile", given.profile),
            *(["--only", *left] if given.only else ["--from", failed]),
            *([] if given.runs == "runs" else ["--runs", given.runs]),
            *([] if given.notebooks == NOTEBOOKS else ["--notebooks", str(given.notebooks)]),
            *(["-p", *parameters] if parameters else []),
        ]
    )


def _conclude(plan: Plan) -> None:
    metrics = plan.run.path("03_eval/table.txt")
    if metrics.is_file():
        if "03_eval" not in plan.parameters:
            print("\nFrom an earlier run of 03_eval:")
        print(f"\n{metrics.read_text(encoding='utf-8').rstrip()}")
    page = report.write(plan.run)
    print(f"\nReport: {shown(page)}\nExecuted notebooks: {shown(plan.run.path(EXECUTED))}/")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by a scheduler: as orderly as Ctrl-C
    sys.exit(main())
