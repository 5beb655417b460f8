"""The table of curated condition keys: idiomatic words for keys of single services.

A Desk comes in; actions that know the key go out with a Limit. Keys without a row are in named_keys.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from iampolicy.catalogue import Action
from lib.data.written import vocabulary
from lib.data.written.desk import Desk
from lib.data.written.limits import Block, Limit, filled, key_limit, scalar
from lib.data.written.names import kebab
from lib.data.written.words import listed


@dataclass(frozen=True)
class KeyRow:
    """A service's condition key: its actions, the operator, ways to say it ({v}), and values as (words, value)."""

    actions: tuple[str, ...]
    operator: str
    key: str
    clauses: tuple[str, ...]
    values: Callable[[Random], tuple[str, object]]


def _of(*values: str, most: int = 2) -> Callable[[Random], tuple[str, object]]:
    def draw(rng: Random) -> tuple[str, object]:
        chosen = rng.sample(values, rng.randint(1, min(most, len(values))))
        return listed(chosen), scalar(chosen)

    return draw


def _one(*values: str) -> Callable[[Random], tuple[str, object]]:
    return _of(*values, most=1)


def _via(*services: str) -> Callable[[Random], tuple[str, object]]:
    def draw(rng: Random) -> tuple[str, object]:
        service, region = rng.choice(services), rng.choice(vocabulary.REGIONS)
        value = f"{service}.{region}.amazonaws.com"
        return rng.choice((value, f"{service} in {region}")), value

    return draw


def _namespace(rng: Random) -> tuple[str, object]:
    value = rng.choice(vocabulary.COMPANIES).title() + "/" + rng.choice(vocabulary.TOPICS).title()
    return value, value


def _address(rng: Random) -> tuple[str, object]:
    value = f"{rng.choice(('noreply', 'billing', 'support', 'alerts'))}@{rng.choice(vocabulary.COMPANIES)}.example.com"
    return value, value


def _cluster(rng: Random) -> tuple[str, object]:
    value = f"arn:aws:ecs:{rng.choice(vocabulary.REGIONS)}:{rng.choice(vocabulary.ACCOUNTS)}:cluster/{kebab(rng)}"
    return value, value


def _boundary(rng: Random) -> tuple[str, object]:
    name = rng.choice(("developer", "workload", "team"))
    value = f"arn:aws:iam::{rng.choice(vocabulary.ACCOUNTS)}:policy/{name}-boundary"
    return value, value


ROWS: tuple[KeyRow, ...] = (
    KeyRow(
        ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey"),
        "StringEquals",
        "kms:ViaService",
        ("only through {v}", "as long as the request reaches KMS via {v}", "when it is used by way of {v}"),
        _via("s3", "sqs", "secretsmanager", "dynamodb", "rds", "ec2"),
    ),
    KeyRow(
        ("kms:CreateGrant",),
        "Bool",
        "kms:GrantIsForAWSResource",
        ("only for AWS services that integrate with KMS ({v})", "when the grant is for an AWS resource ({v})"),
        _one("kms:GrantIsForAWSResource true"),
    ),
    KeyRow(
        ("s3:PutObject",),
        "StringEquals",
        "s3:x-amz-server-side-encryption",
        ("only with server-side encryption {v}", "as long as the upload asks for {v} encryption"),
        _one("aws:kms", "AES256"),
    ),
    KeyRow(
        ("s3:PutObject",),
        "StringEquals",
        "s3:x-amz-storage-class",
        ("only with the storage class {v}", "as long as the storage class is {v}"),
        _one("STANDARD_IA", "GLACIER", "INTELLIGENT_TIERING", "DEEP_ARCHIVE"),
    ),
    KeyRow(
        ("s3:PutObject", "s3:PutObjectAcl"),
        "StringEquals",
        "s3:x-amz-acl",
        ("only with the canned ACL {v}", "when the canned ACL is {v}"),
        _one("bucket-owner-full-control", "private"),
    ),
    KeyRow(
        ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"),
        "NumericGreaterThanEquals",
        "s3:TlsVersion",
        ("with TLS version {v} or newer", "only over TLS {v} or higher"),
        _one("1.2", "1.3"),
    ),
    KeyRow(
        ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"),
        "StringEquals",
        "s3:ExistingObjectTag/classification",
        ("only for objects tagged classification={v}", "when the object's classification tag is {v}"),
        _one("public", "internal", "confidential"),
    ),
    KeyRow(
        (
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:Query",
            "dynamodb:BatchGetItem",
        ),
        "ForAllValues:StringEquals",
        "dynamodb:LeadingKeys",
        ("only for items with the partition key {v}", "as long as the partition key is {v}"),
        lambda r: (lambda v: (v, v))(f"{r.choice(('customer', 'tenant', 'user'))}-{r.randint(10, 999)}"),
    ),
    KeyRow(
        ("sns:Subscribe",),
        "StringEquals",
        "sns:Protocol",
        ("only with the protocol {v}", "for {v} subscriptions only"),
        _one("https", "email", "sqs", "lambda"),
    ),
    KeyRow(
        ("secretsmanager:GetSecretValue",),
        "StringEquals",
        "secretsmanager:VersionStage",
        ("only in the version stage {v}", "only for versions with the stage {v}"),
        _one("AWSCURRENT", "AWSPREVIOUS"),
    ),
    KeyRow(
        ("cloudwatch:PutMetricData",),
        "StringEquals",
        "cloudwatch:namespace",
        ("only in the namespace {v}", "within the metric namespace {v}"),
        _namespace,
    ),
    KeyRow(
        ("ses:SendEmail", "ses:SendRawEmail"),
        "StringEquals",
        "ses:FromAddress",
        ("only with {v} as the sender", "from the address {v} only"),
        _address,
    ),
    KeyRow(
        ("ecs:RunTask", "ecs:StartTask", "ecs:StopTask"),
        "ArnEquals",
        "ecs:cluster",
        ("only in the cluster {v}", "as long as it happens in the ECS cluster {v}"),
        _cluster,
    ),
    KeyRow(
        ("iam:CreateRole", "iam:CreateUser", "iam:PutRolePolicy", "iam:AttachRolePolicy"),
        "StringEquals",
        "iam:PermissionsBoundary",
        ("only with the permissions boundary {v}", "as long as the permissions boundary {v} is set"),
        _boundary,
    ),
    KeyRow(
        ("iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy"),
        "ArnEquals",
        "iam:PolicyARN",
        ("and only the managed policy {o}", "only when the policy is {o}"),
        _of(
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
            "arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess",
            "arn:aws:iam::aws:policy/SecurityAudit",
        ),
    ),
    KeyRow(
        ("iam:CreateServiceLinkedRole",),
        "StringEquals",
        "iam:AWSServiceName",
        ("only for {v}", "as long as the service is {o}"),
        _of("autoscaling.amazonaws.com", "ecs.amazonaws.com", "rds.amazonaws.com", "elasticache.amazonaws.com"),
    ),
    KeyRow(
        ("route53:ChangeResourceRecordSets",),
        "ForAllValues:StringEquals",
        "route53:ChangeResourceRecordSetsRecordTypes",
        ("only for records of type {o}", "limited to {v} records"),
        _of("TXT", "CNAME", "A", "AAAA", "MX"),
    ),
    KeyRow(
        ("events:PutEvents",),
        "StringEquals",
        "events:source",
        ("only with the event source {v}", "when the source of the events is {v}"),
        lambda r: (lambda v: (v, v))(f"com.{r.choice(vocabulary.COMPANIES)}.{r.choice(vocabulary.TOPICS)}"),
    ),
    KeyRow(
        ("codecommit:GitPush", "codecommit:MergePullRequestByFastForward", "codecommit:DeleteBranch"),
        "StringEqualsIfExists",
        "codecommit:References",
        ("only on {v}", "when the reference is {o}"),
        _of("refs/heads/main", "refs/heads/develop", "refs/heads/release"),
    ),
    KeyRow(("ec2:CreateVolume",), "Bool", "ec2:Encrypted", ("only with ec2:Encrypted set to {v}",), _one("true")),
    KeyRow(
        ("ec2:CreateVolume",),
        "NumericLessThanEquals",
        "ec2:VolumeSize",
        ("up to {v} GiB in size", "with at most {v} GiB"),
        _one("50", "100", "200", "500"),
    ),
    KeyRow(
        ("ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances", "ec2:TerminateInstances"),
        "StringEquals",
        "ec2:InstanceType",
        ("only for instances of type {o}", "as long as the instance type is {o}"),
        _of("t3.micro", "t3.small", "t3.medium", "m5.large", "c6i.large", "g5.xlarge", most=3),
    ),
    KeyRow(
        ("rds:CreateDBInstance", "rds:ModifyDBInstance"),
        "StringEquals",
        "rds:DatabaseClass",
        ("only with the instance class {o}",),
        _of("db.t3.micro", "db.t3.medium", "db.r5.large"),
    ),
    KeyRow(
        ("autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup"),
        "NumericLessThanEquals",
        "autoscaling:MaxSize",
        ("with a maximum size of at most {v}",),
        _one("5", "10", "20"),
    ),
    KeyRow(
        ("sts:AssumeRole",),
        "StringEquals",
        "sts:ExternalId",
        ("only with the external ID {v}", "when the external ID {v} is given"),
        lambda r: (lambda v: (v, v))(f"{r.choice(vocabulary.COMPANIES)}-{r.randint(1000, 9999)}"),
    ),
    KeyRow(
        ("lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping"),
        "ArnLike",
        "lambda:FunctionArn",
        ("only for the function {v}",),
        lambda r: (lambda v: (v, v))(
            f"arn:aws:lambda:{r.choice(vocabulary.REGIONS)}:{r.choice(vocabulary.ACCOUNTS)}:function:{kebab(r)}"
        ),
    ),
)


def curated(desk: Desk) -> tuple[list[Action], Limit]:
    """Some of a row's actions under the row's condition."""
    row = desk.rng.choice(ROWS)
    names = [n for n in row.actions if desk.catalogue.action(n)]
    chosen = desk.rng.sample(names, desk.rng.randint(1, len(names)))
    words, value = row.values(desk.rng)
    if row.operator == "Bool":
        value = str(value).split()[-1]
    clause = filled(desk.rng.choice(row.clauses), words)
    block: Block = ((row.operator, row.key, value),)
    return [desk.catalogue.action(n) for n in chosen], key_limit(clause, block)
