"""Profiles and recipes: what ships holds together, and a wrong field is named with its file and its fix."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from lib import profiles
from lib.course.plan import make_plan
from lib.files import ROOT
from lib.profiles import ProfileError, load, load_recipe
from lib.run import open_run

REPORT = {  # the report's table of configurations: learning rate, rank, alpha, epochs
    "A": (2e-4, 16, 32, 3),
    "B": (1e-4, 32, 64, 3),
    "C": (5e-4, 16, 32, 5),
    "D": (2e-4, 8, 16, 3),
}


@pytest.fixture
def changed(tmp_path: Path):
    """Write a copy of the profile of a laptop with fields changed (or dropped, for ...), and load it."""
    fields = yaml.safe_load((profiles.PROFILES / "laptop.yaml").read_text(encoding="utf-8"))

    def load_changed(**others):
        kept = {k: v for k, v in (fields | others).items() if v is not ...}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
        return load("mine", tmp_path)

    return load_changed


def test_the_shipped_profiles_load_and_name_what_exists():
    assert profiles.profile_names() == ["colab", "laptop", "sagemaker"]
    for name in profiles.profile_names():
        profile = load(name)
        assert profile.name == name
        assert set(profile.minutes) == set(profiles.STAGES)
        assert load_recipe(profile.recipe).name == profile.recipe
        assert profile.shipped_adapter is None or (profile.shipped_adapter / "README.md").is_file()


def test_the_large_profiles_are_the_reports_settings():
    for name in ("colab", "sagemaker"):
        profile = load(name)
        assert (profile.base_model, profile.device) == ("mistralai/Mistral-7B-v0.3", "cuda")
        assert profile.train_batch_size * profile.gradient_accumulation == 16
        assert (profile.max_length, profile.learning_rate_scale, profile.max_steps) == (1024, 1.0, 0)
        assert (profile.eval_steps, profile.save_steps, profile.logging_steps) == (50, 50, 10)
        assert profile.base_location == profile.base_model  # no folder of the project has this name


def test_laptop_trains_a_pretrained_model_as_it_is_on_the_cpu():
    profile = load("laptop")
    assert (profile.device, profile.quantised, profile.packing) == ("cpu", False, False)
    assert Path(profile.base_location) == ROOT / "models" / "smollm2" / "base"


def test_the_recipes_are_the_reports_table():
    assert profiles.recipe_names() == sorted(REPORT)
    for name, row in REPORT.items():
        recipe = load_recipe(name)
        assert (recipe.learning_rate, recipe.r, recipe.alpha, recipe.epochs) == row
        assert (recipe.dropout, recipe.weight_decay, recipe.warmup, recipe.scheduler) == (0.05, 0.01, 0.05, "cosine")
        assert recipe.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
        assert recipe.patience == 3


@pytest.mark.parametrize("name", ["lap", "LAPTOP", "", "../laptop", "laptop.yaml", "laptop\n", None])
def test_an_unknown_profile_is_refused_with_those_that_exist(name):
    with pytest.raises(ProfileError) as refused:
        load(name)
    assert "\n" not in str(refused.value)
    assert f"unknown profile {name!r}" in str(refused.value)
    assert "here are: colab, laptop, sagemaker" in str(refused.value)


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ProfileError, match=r"unknown recipe 'E'.* A, B, C, D"):
        load_recipe("E")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"max_lenght": 512}, "unknown field 'max_lenght'; did you mean 'max_length'?"),
        ({"max_length": ...}, "the field max_length is missing; add a line `max_length: ...`"),
        ({"name": "other"}, "unknown field 'name'"),  # a profile's name is its file's
        ({"max_length": "512"}, "max_length is '512'; write a whole number"),
        ({"max_length": 512.0}, "max_length is 512.0; write a whole number"),
        ({"max_length": True}, "max_length is True; write a whole number"),
        ({"max_length": 0}, "max_length is 0; write more than 0"),
        ({"max_length": None}, "max_length is None; write a whole number"),
        ({"max_steps": -1}, "max_steps is -1; write 0 or more"),
        ({"packing": "yes please"}, "packing is 'yes please'; write true or false"),
        ({"packing": 1}, "packing is 1; write true or false"),
        ({"learning_rate_scale": "2e0"}, "learning_rate_scale is '2e0'; write a number with a point, as in 2.0e-4"),
        ({"learning_rate_scale": float("nan")}, "learning_rate_scale is nan; write a number"),
        ({"learning_rate_scale": 0}, "learning_rate_scale is 0; write more than 0"),
        ({"device": "gpu"}, "device is 'gpu'; write 'cpu' or 'cuda'"),
        ({"recipe": "Z"}, "recipe is 'Z'; write one of A, B, C, D"),
        ({"title": " "}, "title is ' '; write text"),
        ({"minutes": 5}, "minutes is 5; write a number for each stage"),
        ({"minutes": {"01_data": -1}}, "minutes is -1; write more than 0"),
        ({"minutes": {"1_data": 1}}, "minutes names the stage '1_data'; did you mean '01_data'?"),
        ({"eval_steps": 20, "save_steps": 50}, "save_steps is 50; write a multiple of eval_steps (20)"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_and_its_fix(changed, fields, said):
    with pytest.raises(ProfileError) as refused:
        changed(**fields)
    assert "mine.yaml: " in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_field_is_required(changed):
    for field in dataclasses.fields(profiles.Profile):
        if field.name != "name":
            with pytest.raises(ProfileError, match=f"the field {field.name} is missing"):
                changed(**{field.name: ...})


def test_a_whole_number_will_do_for_a_number(changed):
    assert changed(learning_rate_scale=3).learning_rate_scale == 3.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must hold one `field: value` a line"),
        ("- a\n- b\n", "must hold one `field: value` a line"),
        ("title: [", "is not YAML"),
        ("title: a\ntitle: b\n", "the field title stands twice"),
        ("!!python/object/apply:os.getcwd []\n", "is not YAML"),
    ],
)
def test_a_file_that_holds_no_fields_is_refused(tmp_path, text, said):
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as refused:
        load("mine", tmp_path)
    assert "mine.yaml" in str(refused.value) and said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"title: \xff\xfe")
    with pytest.raises(ProfileError, match=r"mine\.yaml is not YAML"):
        load("mine", tmp_path)


def test_a_recipe_with_a_rate_that_yaml_reads_as_text_says_how_to_write_it(tmp_path):
    text = (profiles.RECIPES / "A.yaml").read_text(encoding="utf-8").replace("2.0e-4", "2e-4")
    (tmp_path / "A.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"A\.yaml: learning_rate is '2e-4'; write a number with a point"):
        load_recipe("A", tmp_path)


def test_a_run_folder_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    here = open_run("laptop").folder
    monkeypatch.chdir(tmp_path)
    assert open_run("laptop").folder == here == ROOT / "runs" / "laptop"
    assert open_run("laptop", tmp_path).folder == tmp_path / "laptop"
    assert open_run(load("colab"), "elsewhere").folder == ROOT / "elsewhere" / "colab"


@pytest.mark.parametrize("root", ["", "  "])
def test_an_empty_folder_of_runs_is_refused(root):
    with pytest.raises(ProfileError, match="folder of the runs is empty"):
        open_run("laptop", root)


def test_a_parameter_overrides_the_profile_and_0_does_not():
    assert profiles.chosen("EXAMPLES", 5, 100) == 5
    assert profiles.chosen("EXAMPLES", 0, 100) == 100
    with pytest.raises(
        ProfileError, match=r"EXAMPLES is -1: write a number of 1 or more, or 0 for the profile's \(100\)"
    ):
        profiles.chosen("EXAMPLES", -1, 100)


def test_an_estimate_is_there_for_every_stage(changed):
    with pytest.raises(ProfileError, match="minutes has no estimate for 02_train"):
        changed(minutes={"01_data": 1})


def test_somebodys_unfinished_profile_does_not_stop_the_others(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("title: mine\n")
    (tmp_path / "laptop.yaml").write_text((profiles.PROFILES / "laptop.yaml").read_text())
    assert list(profiles.costs("01_data", tmp_path).index) == ["laptop"]
    assert "left out" in capsys.readouterr().out


REFUSED = [  # a parameter's value that no notebook can work with, and what the line says to write
    ("SEED", 10**23, "from 0 to 4,294,967,295"),
    ("SEED", -1, "from 0 to"),
    ("ARM_LIMIT", -3, "from -1 to"),
    ("TEMPERATURE", float("nan"), "from 0 to 1.5"),
    ("ADAPTER", "mine", "'shipped', 'trained'"),
    ("RECIPE", "Z", "'A', 'B'"),
]


@pytest.mark.parametrize(("name", "value", "said"), REFUSED)
def test_a_value_that_cannot_be_is_refused_before_anything_starts(name: str, value: object, said: str):
    with pytest.raises(ProfileError, match=said):
        profiles.check_parameters(**{name: value})
    with pytest.raises(ProfileError, match=said):
        make_plan("laptop", assignments=[f"{name}={value}"])


def test_every_default_of_the_notebooks_can_be():
    plan = make_plan("laptop")
    for given in plan.parameters.values():
        profiles.check_parameters(**given)
    named = {name for given in (n.parameters for n in plan.notebooks) for name in given}
    assert profiles.PARAMETERS.keys() <= named
