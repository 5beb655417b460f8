"""A small training split: names in the manner of AWS's with what they allow, and requests with their policies."""

import json

import pytest

from iamintent.retriever import Retriever
from iamintent.training import Taught

MANAGED = {
    "Amazon SQS Full Access": "sqs:*",
    "Amazon SQS Read Only Access": "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListQueues",
    "Amazon SNS Read Only Access": "sns:GetTopicAttributes sns:List*",
    "Amazon Dynamo DB Full Access": "dynamodb:* dax:*",
    "Amazon Dynamo DB Read Only Access": "dynamodb:Describe* dynamodb:Get* dynamodb:List* dynamodb:Query",
    "AWS Lambda Basic Execution Role": "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
    "Amazon ECS Task Execution Role Policy": "ecr:GetAuthorizationToken ecr:BatchGetImage logs:PutLogEvents",
    "AWS Key Management Service Power User": "kms:CreateKey kms:Describe* kms:List*",
}
WORDED = {
    "Let the shop put pictures into the bucket shop-images": "s3:PutObject",
    "The nightly job fetches reports from the bucket reports and removes them": "s3:GetObject s3:DeleteObject",
    "look up which queues there are": "sqs:ListQueues",
    "workers take messages from the queue jobs": "sqs:ReceiveMessage",
    "announce releases on the topic news": "sns:Publish",
    "boot the test machines in the morning and shut them down at night": "ec2:StartInstances ec2:StopInstances",
    "see the machines that run in EC2": "ec2:DescribeInstances",
    "run the function resize": "lambda:InvokeFunction",
    "read the password of the database from Secrets Manager": "secretsmanager:GetSecretValue",
    "find orders in the table orders": "dynamodb:Query dynamodb:GetItem",
    "unlock what was encrypted with the key vault": "kms:Decrypt",
    "write what the application says to CloudWatch Logs": "logs:CreateLogStream logs:PutLogEvents",
    "kick off the state machine billing": "states:StartExecution",
}


def taught(instruction: str, actions: str, worded: bool) -> Taught:
    statement = {"Effect": "Allow", "Action": actions.split(), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return Taught(instruction, instruction if worded else f"Provide an IAM policy for {instruction}", policy, worded)


@pytest.fixture(scope="session")
def managed_examples() -> list[Taught]:
    return [taught(title, actions, worded=False) for title, actions in MANAGED.items()]


@pytest.fixture(scope="session")
def train(managed_examples) -> list[Taught]:
    return [*managed_examples, *(taught(request, actions, worded=True) for request, actions in WORDED.items())]


@pytest.fixture(scope="session")
def retriever(train) -> Retriever:
    return Retriever.fit(train)
