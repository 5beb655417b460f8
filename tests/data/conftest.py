"""The managed policies and one data set, read and built once for all tests of the room."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lib.data import composed, dataset, managed
from lib.data.composed import WrittenExample
from lib.data.dataset import Dataset
from lib.data.managed import ManagedPolicy

SEED = 7

# What a reader's shell may hold. None of it may reach the embedded AWS: an endpoint that nobody answers, a profile that
# does not exist, keys that must not be used.
READERS_SHELL = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
    "AWS_SESSION_TOKEN": "planted-session-token",
    "AWS_PROFILE": "no-such-profile",
    "AWS_DEFAULT_PROFILE": "no-such-profile",
    "AWS_DEFAULT_REGION": "eu-south-2",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_IAM": "http://127.0.0.1:9",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_CONFIG_FILE": "/no/such/file",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "false",
}


@dataclass(frozen=True)
class Fetched:
    """The embedded AWS's policies, and the environment before and after they were read."""

    policies: list[ManagedPolicy]
    before: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="session")
def fetched() -> Iterator[Fetched]:
    """What SOURCE="embedded" gives in a shell that is set up for somebody's account."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in READERS_SHELL.items():
            patch.setenv(name, value)
        before = dict(os.environ)
        policies = managed.fetch("embedded", progress=False)
        after = dict(os.environ)
    yield Fetched(policies, before, after)


@pytest.fixture(scope="session")
def managed_policies(fetched: Fetched) -> list[ManagedPolicy]:
    """All managed policies of the embedded AWS."""
    return fetched.policies


@pytest.fixture(scope="session")
def written_examples() -> list[WrittenExample]:
    """Enough written examples that a stratum has more than a hundred."""
    return composed.write(800, SEED)


@pytest.fixture(scope="session")
def data(managed_policies: list[ManagedPolicy], written_examples: list[WrittenExample]) -> Dataset:
    """The data set of all of them."""
    return dataset.build(managed_policies, written_examples)
