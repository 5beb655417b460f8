"""Which service prefix of IAM an event source stands for.

CloudTrail's `eventSource` comes in ("monitoring.amazonaws.com"), the catalogue's prefix goes out ("cloudwatch"). Most
are the same word; the table has the others: endpoint prefixes and signing names of botocore's service models, and
spellings of the services' own CloudTrail pages.
"""

from functools import cache, lru_cache
from importlib import resources

from iampolicy import catalogue

SUFFIX = ".amazonaws.com"

PREFIXES = {  # source without ".amazonaws.com" -> service prefix
    "account-access-runtime": "account-access",
    "agent-registry-control": "agent-registry",
    "agreement-marketplace": "aws-marketplace",
    "amazonmq": "mq",
    "apigatewaymanagementapi": "execute-api",
    "appconfigdata": "appconfig",
    "appstream2": "appstream",
    "awsssooidc": "sso-oauth",
    "awsssoportal": "sso",
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "bedrock-data-automation": "bedrock",
    "bedrock-data-automation-runtime": "bedrock",
    "bedrock-runtime": "bedrock",
    "billingconsole": "aws-portal",
    "bedrockagentcore": "bedrock-agentcore",
    "cassandra-streams": "cassandra",
    "catalog-marketplace": "aws-marketplace",
    "catalog.marketplace": "aws-marketplace",
    "cloudcontrolapi": "cloudformation",
    "cloudhsmv2": "cloudhsm",
    "cloudsearchdomain": "cloudsearch",
    "cloudwatch-omni": "cloudwatch",
    "cognitoidentity": "cognito-identity",
    "cognitoidp": "cognito-idp",
    "contact-lens": "connect",
    "data-signer": "signer",
    "data.jobs.iot": "iotjobsdata",
    "deployment-marketplace": "aws-marketplace",
    "discovery-marketplace": "aws-marketplace",
    "dynamodbstreams": "dynamodb",
    "email": "ses",
    "entitlement-marketplace": "aws-marketplace",
    "entitlement.marketplace": "aws-marketplace",
    "eventsv2": "events",
    "forecastquery": "forecast",
    "iam-toolbox": "iam",
    "identity-chime": "chime",
    "iot-jobs-data": "iotjobsdata",
    "iotdata": "iot",
    "iotsecuredtunneling": "iot",
    "ivsrealtime": "ivs",
    "kinesisanalyticsv2": "kinesisanalytics",
    "mail-manager": "ses",
    "marketplace": "aws-marketplace",
    "media-pipelines-chime": "chime",
    "meetings-chime": "chime",
    "memory-db": "memorydb",
    "messaging-chime": "chime",
    "metering-marketplace": "aws-marketplace",
    "metering.marketplace": "aws-marketplace",
    "migrationhub-config": "mgh",
    "models-v2-lex": "lex",
    "monitoring": "cloudwatch",
    "mturk-requester": "mechanicalturk",
    "oidc": "sso-oauth",
    "opensearch": "es",
    "opensearchservice": "es",
    "partnercentral-account": "partnercentral",
    "partnercentral-benefits": "partnercentral",
    "partnercentral-channel": "partnercentral",
    "partnercentral-prm": "partnercentral",
    "partnercentral-selling": "partnercentral",
    "participant.connect": "connect",
    "personalize-events": "personalize",
    "personalize-runtime": "personalize",
    "pinpoint": "mobiletargeting",
    "rds-data-api": "rds-data",
    "rdsdata": "rds-data",
    "rdsdataapi": "rds-data",
    "reporting-marketplace": "aws-marketplace",
    "runtime-v2-lex": "lex",
    "s3-control": "s3",
    "servicecatalog-appregistry": "servicecatalog",
    "simpledb": "sdb",
    "sms-voice.pinpoint": "sms-voice",
    "tagging": "tag",
    "timestream-query": "timestream",
    "timestream-write": "timestream",
    "voice-chime": "chime",
}


@cache
def clients() -> dict[str, str]:
    """Names that boto3 and AWS's service ids have for a service -> its endpoint prefix, where the names differ."""
    text = resources.files("iamtrail").joinpath("clients.txt").read_text(encoding="utf-8")
    return dict(line.split() for line in text.splitlines() if line and not line.startswith("#"))


def name_of(event_source: str) -> str:
    """The source without its domain, in lower case: "s3-control.amazonaws.com" -> "s3-control".

    A name that is no event source but that of a client in boto3 becomes its endpoint prefix: "sesv2" -> "email".
    """
    name = event_source.strip().lower().partition(SUFFIX)[0]
    return name if _prefix(name) else clients().get(name, name)


@lru_cache(maxsize=4_096)
def prefix_of(event_source: str) -> str | None:
    """The service prefix of an event source, with or without its domain; None if the catalogue has no such service.

    Of a source of several labels the last decides, as endpoints put a part of the service before its name:
    "runtime.sagemaker.amazonaws.com" -> "sagemaker" (botocore's service models, `endpointPrefix`).
    """
    return _prefix(name_of(event_source))


def _prefix(name: str) -> str | None:
    services = catalogue.load().services
    if name in PREFIXES:
        return PREFIXES[name]
    return next((label for label in (name, name.rpartition(".")[2]) if label in services), None)
