"""A small training split, and a retriever that learnt from it, made once for all tests of the room."""

import pytest

from lib.data import dataset, written
from lib.data.dataset import Example
from lib.data.managed import ManagedPolicy
from lib.retrieval.retrieve import Retriever

SEED = 11
WRITTEN = 100  # of 600
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


def policy_of(actions: list[str]) -> dict:
    """A policy that allows actions on everything."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}


@pytest.fixture(scope="session")
def managed_examples() -> list[Example]:
    return dataset.from_managed(
        ManagedPolicy(name, f"arn:aws:iam::aws:policy/{name}", "v1", policy_of(actions))
        for name, actions in MANAGED.items()
    )


@pytest.fixture(scope="session")
def train(managed_examples: list[Example]) -> list[Example]:
    """Written examples of every kind, and the managed ones."""
    return [*managed_examples, *dataset.from_written(written.write(600, SEED)[:WRITTEN])]


@pytest.fixture(scope="session")
def asked() -> list[str]:
    """Written requests that are not in the training split."""
    return [example.instruction for example in written.write(24, SEED + 1)]


@pytest.fixture(scope="session")
def retriever(train: list[Example]) -> Retriever:
    return Retriever.fit(train)
