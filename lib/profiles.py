"""What a run is allowed to cost, and how it trains: profiles and recipes, read from YAML and checked field by field.

A profile (env/profiles/*.yaml) says which model, which device and how much of everything; a recipe (env/recipes/*.yaml)
is one row of the report's table of configurations. Who keeps profiles in another folder names it in the environment's
IAM_COURSE_PROFILES.
"""

import dataclasses
import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import pandas as pd
import yaml
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from lib.files import ROOT, CourseError, shown

PROFILES = ROOT / os.environ.get("IAM_COURSE_PROFILES", "env/profiles")
RECIPES = ROOT / "env" / "recipes"
STAGES = ("01_data", "02_train", "03_eval", "04_errors", "05_demo")  # each has the name of its notebook

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
Text = Annotated[str, Field(pattern=r"\S")]
Share = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]  # YAML has lists

WRITE = {  # pydantic's kind of error -> what to write instead; any other kind is put in pydantic's words
    "bool_type": "true or false",
    "dict_type": "a number for each stage",
    "finite_number": "a number",
    "float_type": "a number with a point, as in 2.0e-4",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "int_type": "a whole number",
    "less_than_equal": "{le:g} or less",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text",
    "string_type": "text",
    "too_short": "a list of names",
    "tuple_type": "a list of names",
}


class ProfileError(CourseError):
    """A profile or recipe that does not exist or does not hold; one line that names the file, the field and the fix."""


@dataclass(frozen=True, config=STRICT)
class Profile:
    """How large a run is. Tokens are those of the base model's own tokenizer."""

    name: str  # the name of the file
    title: Text
    base_model: Text  # a folder relative to the project root, or a model's name on the hub
    shipped: Text  # the folder of the adapter that comes with the course for this base, or "none"
    device: Literal["cpu", "cuda"]
    max_length: PositiveInt  # tokens of prompt and response in training
    max_new_tokens: PositiveInt  # token budget of an answer
    no_repeat: NonNegativeInt  # an answer repeats no run of so many tokens; 0: it may. Small models loop
    eval_batch_size: PositiveInt  # prompts generated together
    train_batch_size: PositiveInt  # rows in a forward pass
    gradient_accumulation: PositiveInt  # forward passes in an optimiser step
    packing: bool  # several examples in one training row
    quantised: bool  # trained in NF4 (QLoRA); else in the base's own weights, which a CPU reads quicker (LoRA)
    recipe: str  # the configuration trained when there is no sweep
    max_steps: NonNegativeInt  # optimiser steps; 0: the recipe's epochs
    sweep_steps: NonNegativeInt  # optimiser steps of each configuration in the sweep; 0: no sweep
    learning_rate_scale: PositiveFloat  # the recipes' rates are for 7B; smaller models want more
    eval_steps: PositiveInt
    save_steps: PositiveInt  # a multiple of eval_steps, or the best checkpoint cannot be kept
    logging_steps: PositiveInt
    eval_examples: NonNegativeInt  # validation rows of the evaluations during training; 0: all
    arm_limit: NonNegativeInt  # test rows an arm answers; 0: all
    examples: PositiveInt  # written examples to compose
    minutes: dict[str, PositiveFloat] = dataclasses.field(hash=False)  # estimate for each stage
    memory_gb: PositiveFloat  # estimate of the peak; of the GPU where device is cuda

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.recipe not in recipe_names():
            raise ValueError(f"recipe is {self.recipe!r}; write one of {', '.join(recipe_names())}")
        if self.save_steps % self.eval_steps:
            raise ValueError(f"save_steps is {self.save_steps}; write a multiple of eval_steps ({self.eval_steps})")
        for stage in [*self.minutes, *STAGES]:
            if stage not in STAGES:
                raise ValueError(f"minutes names the stage {stage!r}{suggestion(stage, STAGES)}")
            if stage not in self.minutes:
                raise ValueError(f"minutes has no estimate for {stage}; add one")
        return self

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


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """One configuration of the report's hyper-parameter table, for QLoRA with a cosine schedule."""

    name: str  # the name of the file: A, B, C or D
    learning_rate: PositiveFloat  # for a 7B model; multiplied by Profile.learning_rate_scale
    r: PositiveInt
    alpha: PositiveInt
    dropout: Share
    epochs: PositiveInt
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share  # share of the steps
    scheduler: Literal["cosine", "linear", "constant_with_warmup"]
    target_modules: Names  # of the linear layers that get an adapter
    patience: PositiveInt  # evaluations without a better validation loss before training stops


Settings = TypeVar("Settings", Profile, Recipe)


def profile_names(folder: Path = PROFILES) -> list[str]:
    """The names of the profiles that exist."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def recipe_names(folder: Path = RECIPES) -> list[str]:
    """The names of the recipes that exist."""
    return profile_names(folder)


def load(name: str, folder: Path = PROFILES) -> Profile:
    """Read the profile `name` from `folder`/<name>.yaml.

    Raises:
        ProfileError: if there is no such profile, or if a field of it is unknown, missing or of the wrong kind.
    """
    return _read(Profile, name, folder)


def load_recipe(name: str, folder: Path = RECIPES) -> Recipe:
    """Read the recipe `name`, as `load` reads a profile."""
    return _read(Recipe, name, folder)


def chosen(name: str, value: int, default: int) -> int:
    """A count that a notebook's parameter gives, or the profile's where that is 0. ProfileError: it is negative."""
    if value < 0:
        raise ProfileError(f"{name} is {value}: write a number of 1 or more, or 0 for the profile's ({default})")
    return value or default


# What the notebooks' parameters may be: the least and the most of a number, or the words that one can be.
PARAMETERS: dict[str, tuple[float, float] | tuple[str, ...]] = {
    "ADAPTER": ("", "shipped", "trained"),
    "ARM_LIMIT": (-1, 1_000_000),
    "EXAMPLES": (0, 1_000_000),
    "MAX_STEPS": (0, 10_000_000),
    "PREFERENCE_STEPS": (0, 10_000_000),
    "RECIPE": ("", *recipe_names()),
    "SEED": (0, 2**32 - 1),  # what numpy takes
    "SOURCE": ("embedded", "aws"),
    "TEMPERATURE": (0, 1.5),
    "WORKED": (0, 1_000),
}


def check_parameters(**given: Any) -> None:
    """Say before anything starts which parameter of a notebook cannot be; those without a row in PARAMETERS may.

    Raises:
        ProfileError: naming the parameter, its value and what to write.
    """
    for name, value in given.items():
        match PARAMETERS.get(name):
            case (str(), *_) as words if value not in words:
                raise ProfileError(f"{name} is {value!r}: write one of {', '.join(map(repr, words))}")
            case (int() as least, int() | float() as most) if not least <= value <= most:
                raise ProfileError(f"{name} is {value}: write a number from {least:,} to {most:,}")


def costs(stage: str, folder: Path = PROFILES) -> pd.DataFrame:
    """What a stage takes, as estimated in the profiles: a row a profile that can be read."""
    found = []
    for name in profile_names(folder):
        try:
            found.append(load(name, folder))
        except ProfileError as error:  # somebody's unfinished profile; who chooses it is told by `load`
            print(f"left out: {error}")
    rows = [(p.name, p.title, f"{p.minutes[stage]:g}", f"{p.memory_gb:g}") for p in found]
    return pd.DataFrame(rows, columns=["profile", "", "minutes", "memory, GB"]).set_index("profile")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of an error line about a wrong name: "; did you mean 'colab'? There are: colab, laptop"."""
    known = list(known)
    near = difflib.get_close_matches(str(name).lower(), [k.lower() for k in known], n=1, cutoff=0.5)
    meant = [k for k in known if near and k.lower() == near[0]][:1]
    guess = f"; did you mean {meant[0]!r}? There are" if meant else "; there are"
    return f"{guess}: {', '.join(known) or 'none'}"


def _read(settings: type[Settings], name: str, folder: Path) -> Settings:
    known = profile_names(folder)
    if name not in known:
        kind = settings.__name__.lower()
        raise ProfileError(f"unknown {kind} {name!r}{suggestion(name, known)} (in {shown(folder)})")
    path = folder / f"{name}.yaml"
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProfileError(f"{shown(path)} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ProfileError(f"{shown(path)} must hold one `field: value` a line")
    fields = [f.name for f in dataclasses.fields(settings) if f.name != "name"]
    for field in data:
        if field not in fields:
            raise ProfileError(f"{shown(path)}: unknown field {field!r}{suggestion(field, fields)}")
    try:
        return settings(name=name, **data)
    except ValidationError as error:
        raise ProfileError(f"{shown(path)}: {_said(error.errors()[0])}") from error


def _said(error: Any) -> str:
    """The first thing that pydantic finds wrong, as a line that says what to write."""
    kind, known = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(known["error"])
    field = error["loc"][0]
    if kind == "missing":
        return f"the field {field} is missing; add a line `{field}: ...`"
    return f"{field} is {error['input']!r}; write {WRITE.get(kind, error['msg']).format(**known)}"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, except that a field given twice is an error and not the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the field {key} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)
