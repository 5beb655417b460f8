"""A tiny random model on the disk in place of a base model, and a profile of a training of a few steps."""

import dataclasses
from pathlib import Path

import pytest

from lib import profiles
from lib.data.dataset import Example
from lib.profiles import Profile
from tests.tiny import save


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny(tiny_folder) -> Profile:
    """The profile of a laptop on the tiny model, with a training of a few steps."""
    return dataclasses.replace(
        profiles.load("laptop"),
        base_model=str(tiny_folder),
        shipped="none",
        max_length=192,
        max_new_tokens=12,
        train_batch_size=4,
        gradient_accumulation=1,
        eval_batch_size=3,
        max_steps=4,
        sweep_steps=2,
        eval_steps=2,
        save_steps=2,
        logging_steps=1,
        eval_examples=4,
    )


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Forty small examples, of all three complexities."""
    found = []
    for number in range(40):
        action = f"s3:{'GetObject' if number % 2 else 'PutObject'}"
        statement = f'{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::bucket-{number}/*"}}'
        policy = f'{{"Version":"2012-10-17","Statement":[{statement}]}}'
        complexity = ("simple", "medium", "complex")[number % 3]
        found.append(
            Example(f"written/{number}", "written", f"Use bucket-{number}", policy, complexity, f"written/{number}")
        )
    return found
