"""What a command line would run: the notebooks, in order, with the parameters of each.

Names come in as the user typed them; a Plan goes out, or one line that says which name is wrong. Nothing is executed
and nothing is written here.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
import yaml

from lib.files import ROOT, CourseError, shown
from lib.profiles import check_parameters, suggestion
from lib.run import Run, open_run

NOTEBOOKS = ROOT / "notebooks"
SETTLED = {"PROFILE": "--profile", "RUNS": "--runs"}  # parameters that have an option of their own
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}  # papermill's plain literals


@dataclass(frozen=True)
class Notebook:
    """A notebook of the course; `parameters` are those of its parameters cell with their defaults."""

    path: Path
    parameters: dict[str, Any]

    @property
    def stage(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class Plan:
    """What to run, in order, with each notebook's parameters by its stage."""

    run: Run
    notebooks: tuple[Notebook, ...]
    parameters: dict[str, dict[str, Any]]


def make_plan(
    profile: str,
    only: Sequence[str] = (),
    start: str | None = None,
    assignments: Sequence[str] = (),
    runs: str = "runs",
    folder: Path = NOTEBOOKS,
) -> Plan:
    """Check a command completely, and say what it would run: the stages of `only`, or from `start` on, or all.

    Args:
        assignments: "NAME=VALUE", each for the notebooks that have the parameter.
        runs: where run folders lie, absolute or relative to the project's root.

    Raises:
        CourseError: if the profile, a stage or parameter is unknown, or a value is not of its default's type.
    """
    run = open_run(profile, runs)
    notebooks = read_notebooks(folder)
    chosen = _choose(notebooks, only, start)
    given = _settle(chosen, notebooks, assignments)
    if folder == NOTEBOOKS:  # another's notebook may mean something else by a name
        check_parameters(**given)
    fixed = {"PROFILE": profile, "RUNS": runs}
    parameters = {n.stage: {k: v for k, v in (fixed | given).items() if k in n.parameters} for n in chosen}
    return Plan(run, tuple(chosen), parameters)


def read_notebooks(folder: Path = NOTEBOOKS) -> list[Notebook]:
    """The notebooks of a folder (NN_name.ipynb) in order, with their parameters as papermill sees them."""
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise CourseError(f"there are no notebooks (NN_name.ipynb) in {shown(folder)}")
    return [Notebook(path, _parameters(path)) for path in paths]


def _choose(notebooks: list[Notebook], only: Sequence[str], start: str | None) -> list[Notebook]:
    stages = [notebook.stage for notebook in notebooks]
    for stage in [*only, *([] if start is None else [start])]:
        if stage not in stages:
            raise CourseError(f"unknown stage {stage!r}{suggestion(stage, stages)}")
    if only:
        return [notebook for notebook in notebooks if notebook.stage in only]
    return notebooks[stages.index(start) :] if start else notebooks


def _settle(chosen: list[Notebook], notebooks: list[Notebook], assignments: Sequence[str]) -> dict[str, Any]:
    """The values of the assignments by name, each checked against the defaults of the chosen notebooks."""
    known = {k: v for notebook in chosen for k, v in notebook.parameters.items()}
    settled: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise CourseError(f"-p {assignment}: write NAME=VALUE")
        if name in SETTLED:
            raise CourseError(f"-p {assignment}: {name} is set by {SETTLED[name]}")
        if name in settled:
            raise CourseError(f"-p {assignment}: {name} is given twice")
        if name not in known:
            elsewhere = [n.stage for n in notebooks if name in n.parameters]
            hint = f"; {', '.join(elsewhere)} has it" if elsewhere else suggestion(name, sorted(known.keys() - SETTLED))
            stages = ", ".join(n.stage for n in chosen)
            raise CourseError(f"-p {assignment}: unknown parameter {name!r} of {stages}{hint}")
        settled[name] = _typed(name, text, known[name])
    return settled


def _typed(name: str, text: str, default: Any) -> Any:
    """The value that `text` writes in YAML, if it is of the default's type; a default of None takes any."""
    wanted = type(default)
    try:
        value = yaml.safe_load(text) if text else ""
        if wanted is float and isinstance(value, str | int) and not isinstance(value, bool):
            value = float(value)  # YAML reads 2e-4 as text
    except (yaml.YAMLError, ValueError):
        value = text
    if default is None or type(value) is wanted:
        return value
    fix = f"""; write '{name}="{text}"'""" if wanted is str else ""
    raise CourseError(f"-p {name}={text}: {name} is {KINDS.get(wanted, wanted.__name__)} (default {default!r}){fix}")


def _parameters(path: Path) -> dict[str, Any]:
    try:
        found = papermill.inspect_notebook(path)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:  # as nbformat meets other JSON
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f"{shown(path)} cannot be read as a notebook: {reason}") from error
    return {name: _literal(parameter["default"]) for name, parameter in found.items()}


def _literal(source: str) -> Any:
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError):  # no literal: any value will do
        return None
