"""The installation: the right build of torch for the machine, and pins that hold together and name no place."""

import importlib.util
import re
from importlib.metadata import distributions

import pytest
from packaging.specifiers import SpecifierSet

from lib.files import ROOT

ENV = ROOT / "env"


def script():
    """env/install.py as a module."""
    spec = importlib.util.spec_from_file_location("install", ENV / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def install(monkeypatch):
    """env/install.py, its commands recorded in `.ran` instead of run; those with a word of `.fails` fail."""
    module = script()
    module.ran, module.fails = [], ()

    def run(*command, quiet=False):
        line = " ".join(str(part) for part in command)
        module.ran.append(line)
        return not any(word in line for word in module.fails)

    monkeypatch.setattr(module, "_run", run)
    monkeypatch.setattr(module, "_installed", lambda package: "")
    monkeypatch.setattr(module, "has_gpu", lambda: False)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    return module


def test_without_a_gpu_a_wheel_at_hand_comes_first(install):
    assert install.install_torch()
    assert len(install.ran) == 1 and "--no-index --no-deps torch==" in install.ran[0]


def test_without_a_gpu_and_a_wheel_the_cpu_build_is_asked_for(install):
    install.fails = ("--no-index",)
    assert install.install_torch()
    assert "--torch-backend=cpu torch==" in install.ran[-1]
    assert not any(line.endswith("install torch==2.13.0") for line in install.ran)


@pytest.mark.parametrize("fails", [("--no-index", "--torch-backend"), ("--no-index", "uv -c")])
def test_where_no_torch_can_be_had_one_line_says_what_to_do(install, capsys, fails):
    install.fails = fails
    assert not install.install_torch()
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "torch==" in err and "PIP_FIND_LINKS" in err


@pytest.mark.parametrize(("system", "gpu"), [("Linux", True), ("Darwin", False)])
def test_with_a_gpu_or_away_from_linux_pip_alone_is_right(install, monkeypatch, system, gpu):
    monkeypatch.setattr(install, "has_gpu", lambda: gpu)
    monkeypatch.setattr(install.platform, "system", lambda: system)
    assert install.install_torch()
    assert len(install.ran) == 1 and re.search(r"pip --disable-pip-version-check install torch==\S+$", install.ran[0])


@pytest.mark.parametrize(
    ("installed", "gpu", "again"),
    [("2.13.0", False, False), ("2.13.0+cpu", False, False), ("2.13.0", True, False), ("2.13.0+cpu", True, True)],
)
def test_torch_is_installed_again_only_where_the_cpu_build_meets_a_gpu(install, monkeypatch, installed, gpu, again):
    monkeypatch.setattr(install, "_installed", lambda package: installed)
    monkeypatch.setattr(install, "has_gpu", lambda: gpu)
    assert install.install_torch()
    assert bool(install.ran) == again


@pytest.mark.parametrize(
    ("driver", "seen"),
    [
        (None, False),
        ("exit 9", False),
        ("echo 'No devices found'", False),
        ("echo 'GPU 0: NVIDIA A100'; exit 1", False),
        ("echo 'GPU 0: NVIDIA A100'", True),
    ],
)
def test_a_driver_that_is_missing_or_lists_nothing_is_no_gpu(monkeypatch, tmp_path, driver, seen):
    if driver:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{driver}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert script().has_gpu() is seen


def test_a_failing_step_stops_the_installation(install, capsys):
    install.fails = ("requirements.txt",)
    assert install.main() == 1
    assert "--editable" not in " ".join(install.ran)
    assert "run `make env` again" in capsys.readouterr().err


def pins(name: str) -> dict[str, str]:
    lines = [line.partition("#")[0].strip() for line in (ENV / name).read_text(encoding="utf-8").splitlines()]
    found = [re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(?:==([\w.!+]+))?", line) for line in lines if line]
    assert all(found), f"env/{name} has a line that is not name==version"
    return {match[1].lower().replace("_", "-"): match[2] for match in found}


def test_the_constraints_pin_every_requirement_and_no_build_of_torch():
    constraints = pins("constraints.txt")
    assert all(constraints.values())
    assert not {"torch", "iam-policy-course"} & constraints.keys()
    assert not any("+" in version for version in constraints.values())
    for name, version in pins("requirements.txt").items():
        assert name in constraints and version in (None, constraints[name])


def test_every_pin_takes_the_oldest_python_that_the_project_promises():
    oldest = ".".join(map(str, script().OLDEST)) + ".0"
    lines = (ENV / "constraints.txt").read_text().splitlines()
    pins = [re.split(r"[\[=]", line)[0].lower() for line in lines if "==" in line]
    needs = {d.metadata["Name"].lower(): d.metadata["Requires-Python"] for d in distributions()}
    assert len(pins) > 100
    assert not {name: needs[name] for name in pins if name in needs and oldest not in SpecifierSet(needs[name] or "")}
