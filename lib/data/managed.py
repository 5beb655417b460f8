"""AWS managed policies, read through boto3 from the reader's account or from an embedded AWS.

`fetch("embedded")` starts moto's in-process IAM, which carries AWS's own documents, and needs no account;
`fetch("aws")` uses the credentials that boto3 finds. Both run the same calls.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import resources
from typing import Any
from unittest import mock

import boto3
from botocore.config import Config
from tqdm.auto import tqdm

from iampolicy import live
from lib.files import CourseError

SOURCES = ("embedded", "aws")

NEEDS = "iam:ListPolicies and iam:GetPolicyVersion"


class ManagedPolicyError(CourseError):
    """The managed policies could not be read; the message says why and what to do."""


@dataclass(frozen=True)
class ManagedPolicy:
    """The default version of one AWS managed policy."""

    name: str
    arn: str
    version: str  # "v3"
    document: dict[str, Any]


def fetch(source: str = "embedded", progress: bool = True) -> list[ManagedPolicy]:
    """Read all AWS managed policies, in the order in which IAM lists them.

    Args:
        source: "embedded" (no account, no network) or "aws" (the account of boto3's credentials).
        progress: show a bar over the documents.

    Raises:
        ManagedPolicyError: for an unknown source, and when AWS refuses or cannot be reached.
    """
    if source not in SOURCES:
        raise ManagedPolicyError(f"unknown SOURCE {source!r}: choose one of {', '.join(SOURCES)}")
    with _embedded_aws() if source == "embedded" else nullcontext(), live.asking("AWS", NEEDS, _refused):
        return list(_read(progress))


def _refused(reason: str) -> ManagedPolicyError:
    return ManagedPolicyError(f'{reason}; or use SOURCE="embedded"')


def _read(progress: bool) -> Iterator[ManagedPolicy]:
    # Adaptive retries pace the 1,500 calls, so that a normal account is not throttled half-way.
    client = boto3.client("iam", config=Config(retries={"mode": "adaptive", "max_attempts": 8}))
    pages = client.get_paginator("list_policies").paginate(Scope="AWS")
    listed = [policy for page in pages for policy in page["Policies"]]
    for policy in tqdm(listed, desc="managed policies", disable=not progress):
        version = policy["DefaultVersionId"]
        found = client.get_policy_version(PolicyArn=policy["Arn"], VersionId=version)["PolicyVersion"]
        yield ManagedPolicy(policy["PolicyName"], policy["Arn"], version, found["Document"])


@contextmanager
def _embedded_aws() -> Iterator[None]:
    # moto reads the setting when its IAM backend is first built; the credentials are never sent anywhere.
    settings = {
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    from moto import mock_aws  # imported late: it costs half a second that SOURCE="aws" need not pay

    with mock.patch.dict(os.environ):
        # moto answers AWS's own addresses only: an endpoint, a profile or a token of the reader's must not count here.
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(settings)
        with mock_aws():
            yield


def report_names() -> tuple[str, ...]:
    """The managed policies of the published report's test split, in its order."""
    text = resources.files("lib.data").joinpath("report_test_policies.txt").read_text(encoding="utf-8")
    return tuple(text.split())


def words_of(name: str) -> str:
    """A policy name as the report words it: "AWSWAFFullAccess" -> "AWSWAF Full Access".

    A space goes between a lower-case letter and a capital, and before the last capital of a run that a
    lower-case letter follows; "_" and "-" become spaces.
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.sub(r"[_-]", " ", text).split())


def instruction_for(name: str) -> str:
    """The report's instruction for a managed policy."""
    return f"Provide an IAM policy for {words_of(name)}"
