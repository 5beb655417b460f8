"""Tasks: things said in one breath that take several actions."""

import pytest

from lib.iam import catalogue
from lib.retrieval import tasks
from lib.retrieval.tasks import actions


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("push Docker images to the ECR repository web", "ecr:PutImage"),
        ("pull container images from ECR", "ecr:BatchGetImage"),
        ("write its logs to CloudWatch", "logs:CreateLogStream"),
        ("connect to the instances with Session Manager", "ssm:StartSession"),
        ("send emails with SES", "ses:SendRawEmail"),
        ("spin up new EC2 instances", "ec2:RunInstances"),
        ("open port 443 in the security group", "ec2:AuthorizeSecurityGroupIngress"),
        ("read the secret prod/db", "secretsmanager:GetSecretValue"),
        ("run Athena queries", "athena:StartQueryExecution"),
        ("manage their own access keys", "iam:CreateAccessKey"),
        ("process messages from the queue jobs", "sqs:DeleteMessage"),
        ("read and write access to the DynamoDB table Orders", "dynamodb:UpdateItem"),
    ],
)
def test_a_task_takes_several_actions(request_, expected):
    assert expected in actions(request_, request_)


@pytest.mark.parametrize(
    "request_",
    [
        "push image manifests to the ECR repository web",
        "write log events to the log group web in CloudWatch",
        "send templated emails with SES",
        "launch database instances in RDS",
        "remove processed messages from the queue jobs",
        "read the table Orders",
    ],
)
def test_single_actions_are_no_task(request_):
    assert actions(request_, request_) == []


def test_tasks_name_actions_that_exist():
    assert {name for *_, names in tasks._TASKS for name in names.split()} <= catalogue.learned().names
