"""The calls of the actors in a made-up trail, with parameters, resources and errors as CloudTrail writes them.

Nothing comes in; tables of Call go out. Text in angle brackets is drawn anew for each event by trail.py: "<id>" is a
UUID, "<part>" a number of five digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STAGING, DATA = "111122223333", "444455556666"  # accounts of AWS's own examples
HOME, GLOBAL = "eu-west-1", "us-east-1"  # IAM, STS and sign-in events of global services are written in us-east-1
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # what CloudTrail writes in place of a secret
DEPLOY_SESSION = f"arn:aws:sts::{STAGING}:assumed-role/staging-deploy/github-4711"
PIPELINE_SESSION = f"arn:aws:sts::{DATA}:assumed-role/data-pipeline/GlueJobRunnerSession"


@dataclass(frozen=True)
class Call:
    """One kind of event: how often an actor makes it, and what stands in the record."""

    source: str  # "s3", for s3.amazonaws.com
    event: str
    weight: float
    parameters: Mapping[str, Any] | None = None
    resources: tuple[tuple[str, str], ...] = ()  # (type, ARN)
    write: bool = False
    data: bool = False  # a data event, not a management event
    via: str | None = None  # the service that makes the call for the actor ("cloudformation.amazonaws.com")
    error: tuple[str, str] | None = None  # (errorCode, errorMessage)
    response: Mapping[str, Any] | None = None
    region: str = HOME


def arn_of(service: str, rest: str, account: str = STAGING, region: str = HOME) -> str:
    """An ARN of the trail's own account and Region."""
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def object_call(bucket: str, key: str, event: str, weight: float, **more: Any) -> Call:
    """A data event of S3 on one object."""
    parameters = {"bucketName": bucket, "Host": f"{bucket}.s3.{HOME}.amazonaws.com", "key": key}
    resources = (("AWS::S3::Object", f"arn:aws:s3:::{bucket}/{key}"), ("AWS::S3::Bucket", f"arn:aws:s3:::{bucket}"))
    return Call("s3", event, weight, parameters, resources, data=True, **more)


def denied(session: str, action: str, resource: str) -> tuple[str, str]:
    """Code and message of a call that no policy allows (IAM User Guide, "Troubleshoot access denied")."""
    message = (
        f"User: {session} is not authorized to perform: {action} on resource: {resource} because no identity-based "
        f"policy allows the {action} action"
    )
    return "AccessDenied", message


_CFN = "cloudformation.amazonaws.com"
_STACK = arn_of("cloudformation", "stack/shop-staging/8f1c2d30-1111-2222-3333-0123456789ab")
_FUNCTION = arn_of("lambda", "function:shop-orders")
_FUNCTION_RESOURCE = (("AWS::Lambda::Function", _FUNCTION),)
_TASK_ROLE, _EXECUTION_ROLE = (f"arn:aws:iam::{STAGING}:role/{name}" for name in ("shop-task", "shop-execution"))
_REPOSITORY = (("AWS::ECR::Repository", arn_of("ecr", "repository/shop")),)
_LAYER = {"registryId": STAGING, "repositoryName": "shop"}

DEPLOY_CALLS = (
    Call("cloudformation", "DescribeStacks", 30, {"stackName": "shop-staging"}),
    Call("cloudformation", "DescribeStackEvents", 20, {"stackName": _STACK}),
    Call("cloudformation", "GetTemplateSummary", 2, {"stackName": "shop-staging"}),
    Call(
        *("cloudformation", "CreateChangeSet", 3),
        {"stackName": "shop-staging", "changeSetName": "release-<part>", "capabilities": ["CAPABILITY_NAMED_IAM"]},
        write=True,
        response={"id": arn_of("cloudformation", "changeSet/release-<part>/<id>"), "stackId": _STACK},
    ),
    Call(
        *("cloudformation", "ExecuteChangeSet", 3),
        {"stackName": "shop-staging", "changeSetName": "release-<part>"},
        write=True,
    ),
    Call(
        *("lambda", "UpdateFunctionCode20150331v2", 4),
        {
            "functionName": "shop-orders",
            "s3Bucket": "shop-artifacts-staging",
            "s3Key": "lambda/orders-<part>.zip",
            "publish": False,
            "dryRun": False,
        },
        _FUNCTION_RESOURCE,
        write=True,
        via=_CFN,
    ),
    Call("lambda", "GetFunction20150331v2", 8, {"functionName": _FUNCTION}, via=_CFN),
    Call(
        *("lambda", "CreateFunction20150331", 0.3),
        {
            "functionName": "shop-orders",
            "runtime": "python3.13",
            "role": f"arn:aws:iam::{STAGING}:role/shop-lambda",
            "handler": "orders.handler",
            "code": {"s3Bucket": "shop-artifacts-staging", "s3Key": "lambda/orders-<part>.zip"},
            "timeout": 30,
            "memorySize": 512,
            "publish": False,
        },
        write=True,
        via=_CFN,
    ),
    object_call("shop-artifacts-staging", "lambda/orders-<part>.zip", "PutObject", 6, write=True),
    object_call("shop-artifacts-staging", "lambda/orders-<part>.zip", "GetObject", 4, via=_CFN),
    Call(
        *("s3", "GetBucketLocation", 2),
        {"bucketName": "shop-artifacts-staging", "location": "", "Host": f"s3.{HOME}.amazonaws.com"},
        (("AWS::S3::Bucket", "arn:aws:s3:::shop-artifacts-staging"),),
    ),
    Call("iam", "GetRole", 3, {"roleName": "shop-task"}, via=_CFN, region=GLOBAL),
    Call("ecr", "GetAuthorizationToken", 3, response=None),
    Call(
        *("ecr", "BatchCheckLayerAvailability", 6),
        _LAYER | {"layerDigests": ["sha256:<hash>"]},
        _REPOSITORY,
    ),
    Call("ecr", "InitiateLayerUpload", 3, _LAYER, _REPOSITORY, write=True),
    Call(
        *("ecr", "UploadLayerPart", 6),
        _LAYER | {"uploadId": "<id>", "partFirstByte": 0, "partLastByte": 1048575},
        _REPOSITORY,
        write=True,
    ),
    Call(
        *("ecr", "CompleteLayerUpload", 3),
        _LAYER | {"uploadId": "<id>", "layerDigests": ["sha256:<hash>"]},
        _REPOSITORY,
        write=True,
    ),
    Call(
        *("ecr", "PutImage", 2),
        _LAYER | {"imageTag": "release-<part>", "imageManifest": '{"schemaVersion": 2}'},
        _REPOSITORY,
        write=True,
    ),
    Call(
        *("ecs", "RegisterTaskDefinition", 2),
        {
            "family": "shop",
            "taskRoleArn": _TASK_ROLE,
            "executionRoleArn": _EXECUTION_ROLE,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": "shop", "image": f"{STAGING}.dkr.ecr.{HOME}.amazonaws.com/shop"}],
        },
        write=True,
    ),
    Call(
        *("ecs", "UpdateService", 2),
        {"cluster": "staging", "service": "shop", "taskDefinition": arn_of("ecs", "task-definition/shop:7")},
        write=True,
    ),
    Call("ecs", "DescribeServices", 15, {"cluster": "staging", "services": ["shop"]}),
    Call("logs", "DescribeLogGroups", 4, {"logGroupNamePrefix": "/ecs/shop"}),
    Call("logs", "CreateLogGroup", 0.5, {"logGroupName": "/ecs/shop"}, write=True, via=_CFN),
    Call("logs", "PutRetentionPolicy", 0.5, {"logGroupName": "/ecs/shop", "retentionInDays": 30}, write=True, via=_CFN),
    Call("ssm", "GetParameters", 6, {"names": ["/staging/shop/database"], "withDecryption": True}),
    Call(
        *("ssm", "PutParameter", 1),
        {"name": "/staging/shop/release", "type": "String", "value": HIDDEN, "overwrite": True},
        write=True,
    ),
    Call("sts", "GetCallerIdentity", 3),
    Call(
        *("ssm", "GetParametersByPath", 0.6),
        {"path": "/production/shop", "recursive": True, "withDecryption": True},
        error=denied(DEPLOY_SESSION, "ssm:GetParametersByPath", arn_of("ssm", "parameter/production/shop")),
    ),
    Call(
        *("lambda", "AddPermission20150331v2", 0.4),
        {"functionName": "shop-orders", "principal": "apigateway.amazonaws.com", "action": "lambda:InvokeFunction"},
        write=True,
        error=denied(DEPLOY_SESSION, "lambda:AddPermission", _FUNCTION),
    ),
)

_KEY = arn_of("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab", DATA)
_KEY_RESOURCE = (("AWS::KMS::Key", _KEY),)
_ORDERS = (("AWS::DynamoDB::Table", arn_of("dynamodb", "table/orders", DATA)),)
_QUEUE = (("AWS::SQS::Queue", arn_of("sqs", "sales-arrivals", DATA)),)
_QUEUE_URL = f"https://sqs.{HOME}.amazonaws.com/{DATA}/sales-arrivals"
_RAW_KEY, CLEAN_KEY = "sales/<path>/part-<part>.json.gz", "sales/<path>/part-<part>.parquet"
_S3_CONTEXT = {
    "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    "encryptionContext": {"aws:s3:arn": "arn:aws:s3:::sales-raw"},
}

PIPELINE_CALLS = (
    object_call("sales-raw", _RAW_KEY, "GetObject", 60),
    object_call("sales-raw", _RAW_KEY, "HeadObject", 20),
    object_call("sales-clean", CLEAN_KEY, "PutObject", 30, write=True),
    Call(
        *("s3", "ListObjects", 10),
        {"bucketName": "sales-raw", "Host": f"sales-raw.s3.{HOME}.amazonaws.com", "prefix": "sales/", "list-type": "2"},
        (("AWS::S3::Object", "arn:aws:s3:::sales-raw/sales/"), ("AWS::S3::Bucket", "arn:aws:s3:::sales-raw")),
        data=True,
    ),
    Call("kms", "Decrypt", 25, _S3_CONTEXT, _KEY_RESOURCE, via="s3.amazonaws.com"),
    Call("kms", "GenerateDataKey", 12, {"keyId": _KEY, "keySpec": "AES_256"}, _KEY_RESOURCE, via="s3.amazonaws.com"),
    Call("glue", "GetTable", 8, {"databaseName": "sales", "name": "orders"}),
    Call("glue", "GetPartitions", 6, {"databaseName": "sales", "tableName": "orders"}),
    Call("glue", "BatchCreatePartition", 3, {"databaseName": "sales", "tableName": "orders"}, write=True),
    Call("glue", "StartJobRun", 1, {"jobName": "clean-sales", "arguments": HIDDEN}, write=True),
    Call(
        *("athena", "StartQueryExecution", 3),
        {
            "queryString": HIDDEN,
            "clientRequestToken": "<id>",
            "queryExecutionContext": {"database": "sales"},
            "resultConfiguration": {"outputLocation": "s3://sales-athena/results/"},
            "workGroup": "reports",
        },
        write=True,
        response={"queryExecutionId": "<id>"},
    ),
    Call("athena", "GetQueryExecution", 6, {"queryExecutionId": "<id>"}),
    Call("athena", "GetQueryResults", 3, {"queryExecutionId": "<id>", "maxResults": 1000}),
    Call("dynamodb", "PutItem", 20, {"tableName": "orders", "key": {"id": HIDDEN}}, _ORDERS, write=True, data=True),
    Call(
        *("dynamodb", "BatchWriteItem", 5),
        {"requestItems": {"orders": [{"putRequest": {"item": {"id": HIDDEN}}}]}},
        _ORDERS,
        write=True,
        data=True,
    ),
    Call("sqs", "ReceiveMessage", 12, {"queueUrl": _QUEUE_URL, "maxNumberOfMessages": 10}, _QUEUE, data=True),
    Call("sqs", "DeleteMessage", 10, {"queueUrl": _QUEUE_URL, "receiptHandle": HIDDEN}, _QUEUE, write=True, data=True),
    Call(
        *("kinesis", "PutRecords", 8),
        {"streamName": "sales-events"},
        (("AWS::Kinesis::Stream", arn_of("kinesis", "stream/sales-events", DATA)),),
        write=True,
        data=True,
    ),
    object_call("sales-raw", _RAW_KEY, "GetObject", 0.5, error=("NoSuchKey", "The specified key does not exist.")),
    object_call(
        *("sales-archive", _RAW_KEY, "PutObject", 0.3),
        write=True,
        error=denied(PIPELINE_SESSION, "s3:PutObject", f'"arn:aws:s3:::sales-archive/{_RAW_KEY}"'),
    ),
)

_INSTANCE = {"instancesSet": {"items": [{"instanceId": "i-0abcdef1234567890"}]}}
_BUCKETS = {"Host": f"s3.{HOME}.amazonaws.com"}

ADMIN_CALLS = (
    Call(
        *("signin", "ConsoleLogin", 1),
        write=False,
        response={"ConsoleLogin": "Success"},
        region=GLOBAL,
    ),
    Call("ec2", "DescribeInstances", 12, {"instancesSet": {}, "filterSet": {}}),
    Call("ec2", "DescribeVolumes", 4, {"volumeSet": {}, "filterSet": {}}),
    Call("ec2", "StartInstances", 1, _INSTANCE, write=True),
    Call("ec2", "StopInstances", 1, _INSTANCE | {"force": False}, write=True),
    Call("iam", "ListUsers", 2, region=GLOBAL),
    Call("iam", "ListRoles", 3, {"maxItems": 1000}, region=GLOBAL),
    Call("iam", "GetRole", 2, {"roleName": "staging-deploy"}, region=GLOBAL),
    Call("s3", "ListBuckets", 3, _BUCKETS, region=GLOBAL),
    Call(
        *("s3", "GetBucketPolicy", 1),
        {"bucketName": "shop-artifacts-staging", "policy": ""} | _BUCKETS,
        (("AWS::S3::Bucket", "arn:aws:s3:::shop-artifacts-staging"),),
    ),
    Call("cloudtrail", "LookupEvents", 1, {"maxResults": 50}),
    Call("health", "DescribeEventAggregates", 1, {"filter": {"eventStatusCodes": ["open"]}}, region=GLOBAL),
)
