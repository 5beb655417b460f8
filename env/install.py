"""Installs the course into the environment that runs this file: torch, the pinned packages, the project, a base model.

Run it as `make env` does: `.venv/bin/python env/install.py`. torch comes first because the build for Linux that a
plain `pip install` takes carries several GB of CUDA; where there is no GPU, the CPU build is chosen. What is
already installed stays, so that an interrupted installation goes on where it stopped.
"""

import importlib.metadata
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

ENV = Path(__file__).resolve().parent
OLDEST = (3, 11)


def main() -> int:
    """Install everything; 0 if it is installed, else 1 after one line that says what to do."""
    if sys.version_info < OLDEST:
        return _fail(f"Python {platform.python_version()} is too old: remove .venv, then make env PYTHON=python3.11")
    if sys.prefix == sys.base_prefix:
        return _fail("this Python is no virtual environment: run `make env`")
    if not install_torch():
        return 1
    if not _pip("install", "-r", ENV / "requirements.txt", "-c", ENV / "constraints.txt"):
        return _fail("the packages were not installed (see above); run `make env` again, it goes on from here")
    if not _pip("install", "--no-deps", "-r", ENV / "packages.txt"):
        return _fail("the project was not installed (see above); run `make env` again, it goes on from here")
    put_on_path(Path(sysconfig.get_paths()["purelib"]))
    if not _run(sys.executable, "-m", "env.smollm2"):  # says by itself what to do; the rest of the course works
        print("The profile laptop has to wait for its base model: run `make env` again.", file=sys.stderr)
    return 0


def install_torch() -> bool:
    """Install the pinned torch: with CUDA where there is an NVIDIA GPU, and for the CPU alone where there is none."""
    wanted = _pinned(ENV / "torch.txt")
    gpu, found = has_gpu(), _installed("torch")
    if found.partition("+")[0] == wanted.partition("==")[2] and not (gpu and found.endswith("+cpu")):
        print(f"torch {found} is installed")
        return True
    if gpu:
        print("An NVIDIA GPU: torch with CUDA")
        again = ["--force-reinstall"] if found else []
        return _pip("install", *again, wanted) or _no_torch(wanted)
    if platform.system() != "Linux":  # there, the one build that a package index has is for the CPU
        return _pip("install", wanted) or _no_torch(wanted)
    print("No NVIDIA GPU: torch for the CPU", flush=True)
    if _pip("install", "--quiet", "--no-index", "--no-deps", wanted, quiet=True):  # a wheel at hand, PIP_FIND_LINKS
        return True
    uv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]  # knows where CPU builds are
    if _pip("install", "--quiet", "uv", "-c", ENV / "constraints.txt") and _run(*uv, "--torch-backend=cpu", wanted):
        return True
    return _no_torch(wanted)


def put_on_path(packages: Path) -> None:
    """Let notebooks import lib/ wherever their kernel starts: a line in a .pth file names this checkout."""
    (packages / "iam-policy-course.pth").write_text(f"{ENV.parent}\n", encoding="utf-8")


def has_gpu() -> bool:
    """Whether the NVIDIA driver lists a GPU."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def _no_torch(wanted: str) -> bool:
    _fail(
        f"{wanted} was not installed (no network?): put a wheel of it in a folder and run "
        "`PIP_FIND_LINKS=that/folder make env`"
    )
    return False


def _pinned(path: Path) -> str:
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return next(line for line in lines if line)


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _pip(*arguments: str | Path, quiet: bool = False) -> bool:
    return _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, quiet=quiet)


def _run(*command: str | Path, quiet: bool = False) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=quiet, cwd=ENV.parent).returncode == 0


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(_fail("interrupted; run `make env` again, it goes on from here"))
