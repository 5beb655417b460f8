"""What a run is allowed to cost, and how it trains: profiles and recipes, read from YAML and checked field by field.

A profile (env/profiles/*.yaml) says which model, which device and how much of everything; a recipe (env/recipes/*.yaml)
is one row of the report's table of configurations. `open_run` turns a profile into the run folder that the notebooks
hand their work through; the folder itself is lib.run's.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml

from lib.errors import CourseError
from lib.files import ROOT, shown
from lib.run import STAGES, MissingUpstream, Run

__all__ = [
    "ROOT",
    "STAGES",
    "MissingUpstream",
    "Profile",
    "ProfileError",
    "Recipe",
    "Run",
    "chosen",
    "costs",
    "load",
    "load_recipe",
    "open_run",
    "profile_names",
    "recipe_names",
    "suggestion",
]

PROFILES = ROOT / "env" / "profiles"
RECIPES = ROOT / "env" / "recipes"

POSITIVE = {"at_least": 1}  # a count of something that must be there
COUNT = {"at_least": 0}  # 0 has a meaning of its own, said beside the field


class ProfileError(CourseError):
    """A profile or recipe that does not exist or does not hold; one line that names the file, the field and the fix."""


@dataclass(frozen=True)
class Profile:
    """How large a run is. Tokens are those of the base model's own tokenizer."""

    name: str  # the name of the file
    title: str
    base_model: str  # a folder relative to the project root, or a model's name on the hub
    shipped: str  # the folder of the adapter that comes with the course for this base, or "none"
    device: str = field(metadata={"one_of": ("cpu", "cuda")})
    max_length: int = field(metadata=POSITIVE)  # tokens of prompt and response in training
    max_new_tokens: int = field(metadata=POSITIVE)  # token budget of an answer
    no_repeat: int = field(metadata=COUNT)  # an answer repeats no run of so many tokens; 0: it may. Small models loop
    eval_batch_size: int = field(metadata=POSITIVE)  # prompts generated together
    train_batch_size: int = field(metadata=POSITIVE)  # rows in a forward pass
    gradient_accumulation: int = field(metadata=POSITIVE)  # forward passes in an optimiser step
    packing: bool  # several examples in one training row
    quantised: bool  # trained in NF4 (QLoRA); else in the base's own weights, which a CPU reads quicker (LoRA)
    recipe: str  # the configuration trained when there is no sweep
    max_steps: int = field(metadata=COUNT)  # optimiser steps; 0: the recipe's epochs
    sweep_steps: int = field(metadata=COUNT)  # optimiser steps of each configuration in the sweep; 0: no sweep
    learning_rate_scale: float = field(metadata={"above": 0})  # the recipes' rates are for 7B; smaller models want more
    eval_steps: int = field(metadata=POSITIVE)
    save_steps: int = field(metadata=POSITIVE)  # a multiple of eval_steps, or the best checkpoint cannot be kept
    logging_steps: int = field(metadata=POSITIVE)
    eval_examples: int = field(metadata=COUNT)  # validation rows of the evaluations during training; 0: all
    arm_limit: int = field(metadata=COUNT)  # test rows an arm answers; 0: all
    examples: int = field(metadata=POSITIVE)  # written examples to compose
    minutes: Mapping[str, float] = field(metadata={"above": 0}, hash=False)  # estimate for each stage
    memory_gb: float = field(metadata={"above": 0})  # estimate of the peak; of the GPU where device is cuda

    @property
    def base_location(self) -> str:
        """What to load the base model from: its folder as an absolute path, or its name on the hub as it stands."""
        folder = ROOT / self.base_model
        local = folder.is_dir() or self.base_model.startswith("models/")  # if missing, not to be looked for on the hub
        return str(folder) if local else self.base_model

    @property
    def shipped_adapter(self) -> Path | None:
        """Where the adapter lies that comes with the course for this base; None if none does."""
        return None if self.shipped == "none" else ROOT / self.shipped

    @property
    def base_files(self) -> list[str]:
        """The base model's folder, for a stage's list of what it read; nothing if it comes from the hub."""
        return [self.base_model] if (ROOT / self.base_model).is_dir() else []


@dataclass(frozen=True)
class Recipe:
    """One configuration of the report's hyper-parameter table, for QLoRA with a cosine schedule."""

    name: str  # the name of the file: A, B, C or D
    learning_rate: float = field(metadata={"above": 0})  # for a 7B model; multiplied by Profile.learning_rate_scale
    r: int = field(metadata=POSITIVE)
    alpha: int = field(metadata=POSITIVE)
    dropout: float = field(metadata={"at_least": 0, "at_most": 1})
    epochs: int = field(metadata=POSITIVE)
    weight_decay: float = field(metadata={"at_least": 0})
    warmup: float = field(metadata={"at_least": 0, "at_most": 1})  # share of the steps
    scheduler: str = field(metadata={"one_of": ("cosine", "linear", "constant_with_warmup")})
    target_modules: tuple[str, ...]  # names of the linear layers that get an adapter
    patience: int = field(metadata=POSITIVE)  # evaluations without a better validation loss before training stops


def profile_names(folder: Path = PROFILES) -> list[str]:
    """The names of the profiles that exist."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def recipe_names(folder: Path = RECIPES) -> list[str]:
    """The names of the recipes that exist."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(name: str, folder: Path = PROFILES) -> Profile:
    """Read the profile `name` from `folder`/<name>.yaml.

    Raises:
        ProfileError: if there is no such profile, or if a field of it is unknown, missing or of the wrong kind.
    """
    path = _find("profile", name, profile_names(folder), folder)
    profile = _read(Profile, path)
    if profile.recipe not in recipe_names():
        raise ProfileError(f"{shown(path)}: recipe is {profile.recipe!r}; write one of {', '.join(recipe_names())}")
    if profile.save_steps % profile.eval_steps:
        raise ProfileError(
            f"{shown(path)}: save_steps is {profile.save_steps}; write a multiple of eval_steps ({profile.eval_steps})"
        )
    for stage in profile.minutes:
        if stage not in STAGES:
            raise ProfileError(f"{shown(path)}: minutes names the stage {stage!r}{suggestion(stage, STAGES)}")
    for stage in STAGES:
        if stage not in profile.minutes:
            raise ProfileError(f"{shown(path)}: minutes has no estimate for {stage}; add one")
    return profile


def load_recipe(name: str, folder: Path = RECIPES) -> Recipe:
    """Read the recipe `name` from `folder`/<name>.yaml.

    Raises:
        ProfileError: if there is no such recipe, or if a field of it is unknown, missing or of the wrong kind.
    """
    return _read(Recipe, _find("recipe", name, recipe_names(folder), folder))


def open_run(profile: Profile | str, root: str | Path = "runs") -> Run:
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


def chosen(name: str, value: int, default: int) -> int:
    """A count that a notebook's parameter gives, or the profile's where that is 0.

    Raises:
        ProfileError: if the parameter is negative.
    """
    if value < 0:
        raise ProfileError(f"{name} is {value}: write a number of 1 or more, or 0 for the profile's ({default})")
    return value or default


def costs(stage: str, folder: Path = PROFILES) -> pd.DataFrame:
    """What a stage takes, as estimated in the profiles: a row a profile that can be read."""
    found = []
    for name in profile_names(folder):
        try:
            found.append(load(name, folder))
        except ProfileError as error:  # somebody's unfinished profile; who chooses it is told by `load`
            print(f"left out: {error}")
    rows = [(p.name, p.title, p.minutes[stage], p.memory_gb) for p in found]
    return pd.DataFrame(rows, columns=["profile", "", "minutes", "memory, GB"]).set_index("profile")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error line about a wrong name: "; did you mean 'colab'? There are: colab, laptop"."""
    known = list(known)
    near = difflib.get_close_matches(str(name).lower(), [k.lower() for k in known], n=1, cutoff=0.5)
    meant = [k for k in known if near and k.lower() == near[0]][:1]
    guess = f"; did you mean {meant[0]!r}? There are" if meant else "; there are"
    return f"{guess}: {', '.join(known) or 'none'}"


def _find(kind: str, name: str, known: list[str], folder: Path) -> Path:
    if name not in known:
        raise ProfileError(f"unknown {kind} {name!r}{suggestion(name, known)} (in {shown(folder)})")
    return folder / f"{name}.yaml"


Settings = TypeVar("Settings", Profile, Recipe)


def _read(settings: type[Settings], path: Path) -> Settings:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProfileError(f"{shown(path)} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ProfileError(f"{shown(path)} must hold one `field: value` a line")
    wanted = {f.name: f for f in dataclasses.fields(settings) if f.name != "name"}
    for name in data:
        if name not in wanted:
            raise ProfileError(f"{shown(path)}: unknown field {name!r}{suggestion(name, wanted)}")
    for name in wanted:
        if name not in data:
            raise ProfileError(f"{shown(path)}: the field {name} is missing; add a line `{name}: ...`")
    values = {name: _checked(path, f, data[name]) for name, f in wanted.items()}
    return settings(name=path.stem, **values)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, except that a field given twice is an error and not the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the field {key} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


KINDS = {  # annotation -> what to call it, what YAML must have given
    str: ("text", lambda v: isinstance(v, str) and v.strip() != ""),
    bool: ("true or false", lambda v: isinstance(v, bool)),
    int: ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    float: ("a number with a point, as in 2.0e-4", lambda v: _is_number(v)),
    tuple[str, ...]: ("a list of names", lambda v: _is_list(v)),
    Mapping[str, float]: (
        "a number for each stage",
        lambda v: isinstance(v, dict) and all(map(_is_number, v.values())),
    ),
}
BOUNDS = {  # metadata -> how to say it, what holds
    "one_of": ("one of {}", lambda value, bound: value in bound),
    "at_least": ("{} or more", lambda value, bound: value >= bound),
    "at_most": ("{} or less", lambda value, bound: value <= bound),
    "above": ("more than {}", lambda value, bound: value > bound),
}


def _checked(path: Path, wanted: dataclasses.Field, value: Any) -> Any:
    kind, holds = KINDS[wanted.type]
    if not holds(value):
        raise ProfileError(f"{shown(path)}: {wanted.name} is {value!r}; write {kind}")
    for bound, limit in wanted.metadata.items():
        words, within = BOUNDS[bound]
        for part in value.values() if isinstance(value, dict) else [value]:
            if not within(part, limit):
                raise ProfileError(f"{shown(path)}: {wanted.name} is {part!r}; write {words.format(limit)}")
    if wanted.type is float:
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v for v in value)
