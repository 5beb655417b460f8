"""A tiny random model on the disk, a profile of a training of a few steps, a retriever of a small split."""

import dataclasses
from pathlib import Path

import pytest

from iamintent import Retriever
from lib import profiles
from lib.data import dataset, field
from lib.data.dataset import Example, spread
from lib.data.managed import ManagedPolicy
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


MANAGED = {  # names in the manner of AWS's -> what they allow
    "AmazonSQSFullAccess": ["sqs:*"],
    "AmazonSQSReadOnlyAccess": ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueues"],
    "AmazonSNSReadOnlyAccess": ["sns:GetTopicAttributes", "sns:List*"],
    "AmazonDynamoDBFullAccess": ["dynamodb:*", "dax:*"],
    "AmazonDynamoDBReadOnlyAccess": ["dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:Query"],
    "AWSLambdaBasicExecutionRole": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "AmazonECSTaskExecutionRolePolicy": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "logs:PutLogEvents"],
    "AWSKeyManagementServicePowerUser": ["kms:CreateKey", "kms:Describe*", "kms:List*"],
}


@pytest.fixture(scope="session")
def managed_examples() -> list[Example]:
    """Names in the manner of AWS's, and what they allow."""
    documents = {
        name: {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        for name, actions in MANAGED.items()
    }
    return dataset.from_managed(
        ManagedPolicy(name, f"arn:aws:iam::aws:policy/{name}", "v1", document) for name, document in documents.items()
    )


@pytest.fixture(scope="session")
def people() -> dict[str, list[Example]]:
    """People's requests, by split."""
    return field.examples(field.load())


@pytest.fixture(scope="session")
def train(managed_examples, people) -> list[Example]:
    """A small training split: names, and every so many-th request of people."""
    return [*managed_examples, *spread(people["train"], 100)]


@pytest.fixture(scope="session")
def asked(people) -> list[str]:
    """Requests that are not in the training split."""
    drafted = [e.instruction for e in people["validation"] if e.outcome == dataset.DRAFT]
    return drafted[::10]


@pytest.fixture(scope="session")
def retriever(train) -> Retriever:
    return Retriever.fit(train)
