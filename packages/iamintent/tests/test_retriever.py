"""Reading a request: plain ones find their actions and keys, what is none gets a reason, what is found exists."""

import gzip
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamintent.clauses import LONGEST
from iamintent.intent import Intent
from iamintent.ranking import ActionRanker
from iamintent.retriever import Retriever
from iamintent.training import Taught, expansions, wanted
from iampolicy import catalogue
from iampolicy.words import readable

CATALOGUE = catalogue.load()
ODD = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

PLAIN = [  # what people ask for -> what must be among the candidates
    ("Remove objects from the bucket old-stuff", "s3:DeleteObject"),
    ("list all of my buckets in S3", "s3:ListAllMyBuckets"),
    ("turn on versioning for the bucket docs", "s3:PutBucketVersioning"),
    ("Start and stop EC2 instances", "ec2:StartInstances ec2:StopInstances"),
    ("shut down EC2 machines for good", "ec2:TerminateInstances"),
    ("resize an EBS volume", "ec2:ModifyVolume"),
    ("take snapshots of EBS volumes", "ec2:CreateSnapshot"),
    ("I want my app to read secrets from Secrets Manager", "secretsmanager:GetSecretValue"),
    ("Publish messages to the SNS topic alerts", "sns:Publish"),
    ("workers pull messages off the SQS queue jobs and delete them afterwards", "sqs:ReceiveMessage sqs:DeleteMessage"),
    ("invoke the Lambda function resize-images", "lambda:InvokeFunction"),
    ("deploy new code to the Lambda function checkout", "lambda:UpdateFunctionCode"),
    ("Query and scan the DynamoDB table orders", "dynamodb:Query dynamodb:Scan"),
    ("write items into the DynamoDB table carts", "dynamodb:PutItem"),
    ("encrypt and decrypt data with a KMS key", "kms:Encrypt kms:Decrypt"),
    ("create IAM users and give them access keys", "iam:CreateUser iam:CreateAccessKey"),
    ("attach policies to IAM roles", "iam:AttachRolePolicy"),
    ("push docker images to the ECR repository web", "ecr:PutImage"),
    ("Start builds in CodeBuild", "codebuild:StartBuild"),
    ("change DNS records in Route 53", "route53:ChangeResourceRecordSets"),
    ("restart the RDS database prod", "rds:RebootDBInstance"),
    ("send custom metrics to CloudWatch", "cloudwatch:PutMetricData"),
    ("start query executions in Athena and get their results", "athena:StartQueryExecution athena:GetQueryResults"),
    ("kick off the Step Functions state machine billing", "states:StartExecution"),
    ("open a shell on an instance with Session Manager", "ssm:StartSession"),
    ("fetch parameters from Parameter Store", "ssm:GetParameter"),
    ("scale the ECS service web", "ecs:UpdateService"),
    ("assume the role auditor in account 123456789012", "sts:AssumeRole"),
    ("send e-mail through SES", "ses:SendEmail"),
    ("detect faces in pictures with Rekognition", "rekognition:DetectFaces"),
    ("see what we spend in Cost Explorer", "ce:GetCostAndUsage"),
    ("put records on the Kinesis stream clicks", "kinesis:PutRecord"),
    ("mount the EFS file system home", "elasticfilesystem:ClientMount"),
    ("full access to SQS", "sqs:*"),
    ("read-only access to SQS for the auditors", "sqs:Get* sqs:List*"),
    ("All Describe calls of EC2", "ec2:Describe*"),
    ("call s3:GetObject and also lambda:Get*", "s3:GetObject lambda:Get*"),
    ("hand the role etl to Glue", "iam:PassRole"),
]


@pytest.mark.parametrize(("request_", "names"), PLAIN, ids=[request for request, _ in PLAIN])
def test_plain_requests_find_their_actions(retriever, request_, names):
    found = retriever.read(request_)
    assert found.refusal is None
    assert set(names.split()) <= set(found.actions)


def test_a_title_is_answered_by_titles(retriever):
    found = retriever.read("AmazonSQSFullAccess")
    assert found.title == "Amazon SQS Full Access" and "sqs:*" in found.actions


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("", "empty"),
        ("\x00\n", "empty"),
        ('{"Version": 1}', "JSON"),
        ("Grant everything!", "everything"),
        ("Sing me a song.", "Nothing in the request"),
    ],
)
def test_what_is_no_request_gets_a_reason(retriever, request_, reason):
    assert reason in retriever.read(request_).refusal


def check(found: Intent) -> None:
    """All that must hold of whatever is found."""
    assert all(found.lines) and len(found.actions) == len(set(found.actions))
    assert all(CATALOGUE.expand(name) for name in found.actions)
    assert all("*" in name or name in CATALOGUE.names for name in found.actions)
    assert len(found.keys) == len(set(found.keys)) and all(map(CATALOGUE.condition_key, found.keys))
    shapes = [len(line) for line in found.lines]
    assert [len(odds) for odds in found.odds] == shapes and len(found.clauses) == (0 if found.title else len(shapes))
    assert all(0 <= chance <= 1 for odds in found.odds for chance in odds)


def test_requests_are_answered_with_what_exists(retriever):
    for request, _ in PLAIN:
        found = retriever.read(request)
        assert found.refusal is None and found.lines, request
        check(found)
        assert found == retriever.read(request)


PIECES = st.sampled_from(
    [
        "S3",
        "read",
        "delete",
        "the bucket",
        "a-1",
        "and",
        ". ",
        "arn:aws:s3:::",
        "*",
        "sqs:*",
        "full access",
        "{",
        "\ud800",
    ]
    + [
        "\x00",
        "bucket policy",
        "123456789012",
        "role",
        "(((",
        "[a-z]+" * 30,
        "Aa" * 60,
        "1 ſecond",
        "$" * 50,
        "İ",
        "\n",
    ]
)


@given(text=st.text(max_size=60) | st.lists(PIECES, max_size=12).map(" ".join))
@ODD
def test_any_text_is_answered_with_what_exists_or_a_reason(retriever, text):
    found = retriever.read(text)
    check(found)
    assert found.refusal.endswith(".") if found.refusal else found.lines


HOSTILE = (
    "A" * 100_000,
    "read, " * 17_000,
    ":" * 100_000,
    "never stop it, " * 7_000,
    "Aa, " * 25_000,
    "\x00" * 100_000,
    "role a of 123456789012 " * 4_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_long_requests_are_cut(retriever, text):
    found = retriever.read(text)
    check(found)
    assert found.cut == (len(readable(text)) > LONGEST)
    assert replace(found, cut=False) == retriever.read(text[:LONGEST])


def test_what_was_saved_answers_the_same(retriever, tmp_path):
    retriever.save(tmp_path / "retriever.json.gz")
    loaded = Retriever.load(tmp_path / "retriever.json.gz")
    for request in [*(request for request, _ in PLAIN[:6]), "AmazonSQSFullAccess", "Amazon DynamoDB Read Only Access"]:
        assert loaded.read(request) == retriever.read(request)
    loaded.save(tmp_path / "again.json.gz")
    assert (tmp_path / "again.json.gz").read_bytes() == (tmp_path / "retriever.json.gz").read_bytes()
    assert loaded.examples == () and loaded.of_training() == []


def test_only_what_save_wrote_can_be_loaded(tmp_path):
    with pytest.raises(FileNotFoundError):
        Retriever.load(tmp_path / "none")
    (tmp_path / "other").write_text("{}")
    with pytest.raises(gzip.BadGzipFile):
        Retriever.load(tmp_path / "other")


def test_training_examples_are_asked_without_themselves(train):
    few = [train[0], train[1], *train[-12:]]
    retriever = Retriever.fit(few)
    found = retriever.of_training()
    assert len(found) == len(few)
    assert retriever.of_training(few[::3]) == found[::3]
    for example, ground in zip(few, found, strict=True):
        check(ground)
        assert (ground.title is None) == example.worded


@pytest.mark.parametrize("worded", [True, False])
def test_a_split_of_one_kind_is_enough(train, worded):
    retriever = Retriever.fit([e for e in train if e.worded == worded][:8])
    for request in ("AmazonSQSFullAccess", "send messages to the SQS queue jobs"):
        check(retriever.read(request))


def test_wanted_are_single_actions_and_clauses_teach_their_words():
    actions = '["sqs:SendMessage","sqs:Get*"]'
    policy = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"*"}}]}}'
    request = "Catapult messages into the queue and get to see all of its attributes"
    example = Taught("1", request, policy)
    assert wanted(example) == {"sqs:SendMessage"}
    taught = expansions(ActionRanker(), [example])
    assert "catapult" in taught["sqs:SendMessage"] and "attribut" not in taught["sqs:SendMessage"]
    assert expansions(ActionRanker(), []) == {}


def test_the_catalogue_alone_reads_too():
    found = Retriever().read("Start and stop EC2 instances")
    assert found.clauses == ("Start EC2 instances", "stop EC2 instances")
    assert [line[0] for line in found.lines] == ["ec2:StartInstances", "ec2:StopInstances"]


def test_what_is_written_out_is_certain_and_named_once_in_its_sentence():
    found = Retriever().read("call s3:GetObject and describe the queue jobs")
    assert found.named == {"s3:GetObject"} and found.lines[0][0] == "s3:GetObject" and found.odds[0][0] == 1


@pytest.mark.parametrize(
    ("request_", "field", "expected"),
    [
        ("read the table in Frankfurt and us-gov-west-1", "regions", ("us-gov-west-1", "eu-central-1")),
        ("read the table in eu-central-1, that is Frankfurt", "regions", ("eu-central-1",)),
        ("in eu-central-12 or x-eu-west-1", "regions", ("eu-west-1",)),
        ("of 111122223333 and 4444-5555-6666", "accounts", ("111122223333", "444455556666")),
        ("order 1234567890123", "accounts", ()),
        ("the bucket in aws-cn", "partitions", ("aws-cn",)),
        ("pass the role to Glue.amazonaws.com", "service_principals", ("glue.amazonaws.com",)),
        ("in any Region", "anywhere", True),
        ("in many Regions", "anywhere", False),
        ("", "regions", ()),
    ],
)
def test_places_are_those_that_the_request_names(request_, field, expected):
    found = getattr(Intent(request_).places, field)
    assert found == expected or sorted(found) == sorted(expected)
