"""Who does what in a made-up trail: a deploy role, a data pipeline, an administrator, and the noise around them.

Nothing comes in; ACTORS goes out, principals with their identity as CloudTrail writes it and the tables of calls.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iamtrail.calls import (
    ADMIN_CALLS,
    CLEAN_KEY,
    DATA,
    DEPLOY_CALLS,
    DEPLOY_SESSION,
    GLOBAL,
    HIDDEN,
    HOME,
    PIPELINE_CALLS,
    PIPELINE_SESSION,
    STAGING,
    Call,
    arn_of,
    object_call,
)

PARTNER = "999988887777"  # an account of somebody else


@dataclass(frozen=True)
class Actor:
    """A principal and its calls; `identity` is the record's userIdentity."""

    account: str
    identity: Mapping[str, Any]
    agent: str
    calls: tuple[Call, ...]
    share: float  # of all events
    endpoint: str | None = None  # VPC endpoint that its S3 and DynamoDB calls go through


def _role(session: str, path: str = "") -> dict[str, Any]:
    """The identity of a session, given as its ARN; the role's path does not stand in there."""
    account, name = session.split(":")[4], session.split("/")[1]
    unique = f"AROA{sum(map(ord, name)):04d}EXAMPLE{account[:5]}"
    return {
        "type": "AssumedRole",
        "principalId": f"{unique}:{session.split('/')[2]}",
        "arn": session,
        "accountId": account,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": unique,
                "arn": f"arn:aws:iam::{account}:role/{path}{name}",
                "accountId": account,
                "userName": name,
            },
            "attributes": {"creationDate": "<day>T05:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def _user(account: str, name: str) -> dict[str, Any]:
    return {
        "type": "IAMUser",
        "principalId": "AIDACKCEVSQ6C2EXAMPLE",
        "arn": f"arn:aws:iam::{account}:user/{name}",
        "accountId": account,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": name,
        "sessionContext": {"attributes": {"creationDate": "<day>T08:00:00Z", "mfaAuthenticated": "true"}},
    }


def _session(role: str, name: str) -> str:
    return f"arn:aws:sts::{STAGING}:assumed-role/{role}/{name}"


_SHOP_LAMBDA = f"arn:aws:iam::{STAGING}:role/shop-lambda"
SERVICE_CALLS = (
    Call(
        *("sts", "AssumeRole", 1),
        {"roleArn": _SHOP_LAMBDA, "roleSessionName": "session-<part>", "durationSeconds": 3600},
        (("AWS::IAM::Role", _SHOP_LAMBDA),),
        via="lambda.amazonaws.com",
    ),
)
FUNCTION_CALLS = (
    Call(
        *("logs", "CreateLogStream", 1),
        {"logGroupName": "/aws/lambda/shop-orders", "logStreamName": "<id>"},
        write=True,
    ),
    Call(
        *("dynamodb", "GetItem", 3),
        {"tableName": "carts", "key": {"id": HIDDEN}},
        (("AWS::DynamoDB::Table", arn_of("dynamodb", "table/carts")),),
        data=True,
    ),
)

ACTORS = (
    Actor(
        account=STAGING,
        identity=_role(DEPLOY_SESSION, "ci/"),
        agent="aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0",
        calls=DEPLOY_CALLS,
        share=0.2,
    ),
    Actor(
        account=DATA,
        identity=_role(PIPELINE_SESSION),
        agent="[aws-sdk-java/2.34.0 Linux/5.10.238 Java/17]",
        calls=PIPELINE_CALLS,
        share=0.6,
        endpoint="vpce-0a1b2c3d4e5f60718",
    ),
    Actor(
        account=STAGING,
        identity=_user(STAGING, "ada"),
        agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0",
        calls=ADMIN_CALLS,
        share=0.03,
    ),
    Actor(
        account=STAGING,
        identity=_role(
            _session("AWSReservedSSO_Admin_0123456789abcdef", "ada"), f"aws-reserved/sso.amazonaws.com/{HOME}/"
        ),
        agent="AWS Internal",
        calls=ADMIN_CALLS[1:],  # the first is the sign-in, which is the user's
        share=0.03,
    ),
    Actor(
        account=STAGING,
        identity={"type": "AWSService", "invokedBy": "lambda.amazonaws.com"},
        agent="lambda.amazonaws.com",
        calls=SERVICE_CALLS,
        share=0.04,
    ),
    Actor(
        account=STAGING,
        identity=_role(_session("shop-lambda", "shop-orders")),
        agent="Boto3/1.40.0 md/Botocore#1.40.0 lang/python#3.13.1",
        calls=FUNCTION_CALLS,
        share=0.07,
    ),
    Actor(
        account=DATA,
        identity={"type": "AWSAccount", "principalId": "AIDAEXAMPLEPARTNER", "accountId": PARTNER},
        agent="aws-cli/2.30.0 ua/2.1 os/macos#24.6.0",
        calls=(object_call("sales-clean", CLEAN_KEY, "GetObject", 1),),
        share=0.02,
    ),
    Actor(
        account=STAGING,
        identity={
            "type": "Root",
            "principalId": STAGING,
            "arn": f"arn:aws:iam::{STAGING}:root",
            "accountId": STAGING,
        },
        agent="Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) Safari/605.1.15",
        calls=(Call("iam", "GetAccountSummary", 1, region=GLOBAL),),
        share=0.01,
    ),
)
