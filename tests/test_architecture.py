"""The order of the rooms: who may import whom. A new arrow that points up, or a circle, fails here with its modules."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from lib.files import ROOT

SOURCES = {**{name: f"packages/{name}/src" for name in ("iampolicy", "iamintent", "iamtrail")}, "lib": "."}
ROOMS = (  # each imports from those above it, and from itself
    "iampolicy",
    "iamintent",
    "iamtrail",
    "lib.files",
    "lib.statistics",
    "lib.profiles",
    "lib.run",
    "lib.data",
    "lib.model",
    "lib.evaluation",
    "lib.demo",
    "lib.course",
)
LEARNING = {"torch", "transformers", "peft", "trl", "bitsandbytes"}  # what takes seconds to load stays in lib.model


def modules() -> dict[str, Path]:
    found = {}
    for package, source in SOURCES.items():
        for path in (ROOT / source / package).rglob("*.py"):
            parts = path.relative_to(ROOT / source).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path, top: bool = False) -> Iterator[str]:
    """Names of modules that a file imports; with `top` those outside of functions alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)} if top else set()
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide the room"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)


def room(module: str) -> str:
    return next((r for r in sorted(ROOMS, key=len, reverse=True) if f"{module}.".startswith(f"{r}.")), "")


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_from_rooms_above_it(module: str):
    if module == "lib":
        return
    assert room(module), f"{module} lies in no room"
    for name in imported(MODULES[module]):
        if name.split(".")[0] in SOURCES and name != "lib":
            assert ROOMS.index(room(name)) <= ROOMS.index(room(module)), f"{module} imports {name}, which is below it"
        assert name.split(".")[0] not in {"tools", "tests", "benchmarks"}, f"{module} imports {name}"


def test_there_is_no_circle():
    graph = {m: {n for n in imported(p) if n in MODULES and n != m} for m, p in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_only_the_room_of_the_model_imports_what_learns():
    used = {m: LEARNING & {n.split(".")[0] for n in imported(p)} for m, p in MODULES.items()}
    assert not {m: names for m, names in used.items() if names and room(m) != "lib.model"}


@pytest.mark.parametrize("module", MODULES)
def test_no_import_of_our_own_hides_in_a_function(module: str):
    hidden = set(imported(MODULES[module])) - set(imported(MODULES[module], top=True))
    assert not {name for name in hidden if name in MODULES}


LINES = {"lib": 8_147, "iampolicy": 8_483, "iamintent": 1_702, "iamtrail": 5_610}  # as reached; lib: 6,500 is wanted
FILES = 53  # of lib; 45 are wanted


def test_the_house_grows_no_thicker_by_itself():
    """Who adds lines raises a bound on purpose, and says what for; that of lib may only fall."""
    lines = {package: 0 for package in LINES}
    for module, path in MODULES.items():
        lines[module.split(".")[0]] += len(path.read_text(encoding="utf-8").splitlines())
    assert {package: n for package, n in lines.items() if n > LINES[package]} == {}
    assert sum(module.startswith("lib") for module in MODULES) <= FILES
