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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import zmq
from jupyter_client.kernelspec import NoSuchKernel
from papermill.exceptions import PapermillExecutionError, strip_color
from traitlets.config import Config

from lib import report
from lib.errors import CourseError
from lib.files import ROOT, shown, writing
from lib.plan import NOTEBOOKS, SETTLED, Notebook, Plan, make_plan, read_notebooks
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
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            _list(options.profile, options.notebooks)
            return 0
        plan = make_plan(
            options.profile, options.only, options.start, options.parameters, options.runs, options.notebooks
        )
        with exclusive(plan.run.folder):
            execute(plan, resume=lambda failed: _resume(options, plan, failed))
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


def execute(plan: Plan, resume: Callable[[str], str] | None = None) -> None:
    """Execute the notebooks of a plan in order, a line each; the executed copies go to the run folder.

    Args:
        resume: gives the command that goes on from a stage, for the message when that stage fails.

    Raises:
        NotebookFailed: at the first notebook that fails; the later ones are not run.
    """
    print(f"Profile {plan.run.profile.name}: results go to {shown(plan.run.folder)}/", flush=True)
    for number, notebook in enumerate(plan.notebooks, 1):
        copy = plan.run.path(f"{EXECUTED}/{notebook.path.name}")
        estimate = plan.run.profile.minutes.get(notebook.stage)
        about = f" (about {estimate:g} min)" if estimate else ""
        print(f"{number}/{len(plan.notebooks)} {notebook.stage}{about} ... ", end="", flush=True)
        partly = f"the partly executed copy is {shown(copy)}"
        again = f"; to resume: {resume(notebook.stage)}" if resume else ""
        try:
            minutes, memory_gb = _execute(notebook, plan.parameters[notebook.stage], copy)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            print(f"Interrupted in {notebook.stage}; nothing finished is lost: {partly}{again}", file=sys.stderr)
            raise
        except PapermillExecutionError as error:
            print("failed", flush=True)
            said = _last_line(error.evalue)
            reason = f"{error.ename}: {said}" if said else error.ename
            raise NotebookFailed(f"{notebook.stage} failed: {reason}; {partly}{again}") from error
        except (RuntimeError, NoSuchKernel) as error:  # the kernel died or did not start
            print("failed", flush=True)
            reason = f"{_last_line(str(error))} (a kernel that dies without an error is mostly out of memory)"
            raise NotebookFailed(f"{notebook.stage} failed: {reason}; {partly}{again}") from error
        print(f"{minutes:.1f} min, {memory_gb:.1f} GB", flush=True)


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
    stages = parser.add_mutually_exclusive_group()
    parser.add_argument("--profile", default="laptop", help="run profile, a file of env/profiles/ (default: laptop)")
    stages.add_argument("--only", nargs="+", default=[], metavar="STAGE", help="run these stages and no others")
    stages.add_argument("--from", dest="start", metavar="STAGE", help="run this stage and those after it")
    parser.add_argument(
        "-p",
        "--parameter",
        dest="parameters",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="set a notebook parameter (see --list); each notebook gets those that it has",
    )
    parser.add_argument(
        "--runs",
        default="runs",
        metavar="DIR",
        help="where run folders lie; relative to the project's root (default: runs)",
    )
    parser.add_argument(
        "--notebooks",
        default=NOTEBOOKS,
        type=lambda name: Path(name).absolute(),
        metavar="DIR",
        help="folder of the notebooks (default: those of the course)",
    )
    parser.add_argument("--list", action="store_true", help="show profiles, stages and parameters; run nothing")
    return parser


def _list(profile: str, folder: Path) -> None:
    minutes = load(profile).minutes
    print(f"Profiles: {', '.join(profile_names())}")
    print(f"Stages, with their parameters (minutes on {profile}):")
    for notebook in read_notebooks(folder):
        about = f"about {minutes[notebook.stage]:g} min" if notebook.stage in minutes else ""
        names = " ".join(f"{k}={v!r}" for k, v in notebook.parameters.items() if k not in SETTLED)
        print(f"  {notebook.stage:<12} {about:<14} {names}".rstrip())


def _execute(notebook: Notebook, parameters: dict[str, Any], copy: Path) -> tuple[float, float]:
    """Execute one notebook; the minutes and the peak memory in GB that it took."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with _peak_memory() as peak:
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
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],  # what goes wrong in a cell is reported below
        )
    memory_gb = round(max(peak) / 2**30, 2)
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
            held = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    held += child.memory_info().rss
                except psutil.Error:  # it has just ended
                    continue
            samples.append(held)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def _conclude(plan: Plan) -> None:
    metrics = plan.run.path("03_eval/table.txt")
    if metrics.is_file():
        if "03_eval" not in plan.parameters:
            print("\nFrom an earlier run of 03_eval:")
        print(f"\n{metrics.read_text(encoding='utf-8').rstrip()}")
    page = report.write(plan.run)
    print(f"\nReport: {shown(page)}\nExecuted notebooks: {shown(plan.run.path(EXECUTED))}/")


def _resume(options: argparse.Namespace, plan: Plan, failed: str) -> str:
    """The command that runs what is left of a plan, from the failed stage on."""
    stages = [notebook.stage for notebook in plan.notebooks]
    left = ["--only", *stages[stages.index(failed) :]] if options.only else ["--from", failed]
    runs = [] if options.runs == "runs" else ["--runs", options.runs]
    notebooks = [] if options.notebooks == NOTEBOOKS else ["--notebooks", str(options.notebooks)]
    after = set().union(*(plan.parameters[stage] for stage in stages[stages.index(failed) :]))
    given = [a for a in options.parameters if a.partition("=")[0] in after]
    parameters = ["-p", *given] if given else []
    python = Path(sys.executable)
    program = [shown(python) if python.is_relative_to(ROOT) else "python", "-m", "lib.course"]
    return shlex.join([*program, "--profile", options.profile, *left, *runs, *notebooks, *parameters])


def _last_line(text: str) -> str:
    lines = [line.strip() for line in strip_color(str(text)).splitlines() if line.strip()]
    return lines[-1] if lines else ""


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by a scheduler: as orderly as Ctrl-C
    sys.exit(main())
