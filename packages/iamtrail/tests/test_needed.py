"""What whole records need: from the event with its request and its answer to the draft, resource by resource."""

import pytest

from iamtrail import draft, gate
from iamtrail.dormant import dormant
from iamtrail.evidence import reading_of
from iamtrail.failures import used_permission
from iamtrail.generalise import Rule

A, R = "111122223333", "eu-west-1"
ROLE = f"arn:aws:iam::{A}:role/app"
SESSION = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{A}:assumed-role/app/s",
    "accountId": A,
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE, "accountId": A}},
}
ALIKE = {
    "eventVersion": "1.08",
    "userIdentity": SESSION,
    "eventTime": "2026-03-01T10:00:00Z",
    "awsRegion": R,
    "recipientAccountId": A,
    "eventType": "AwsApiCall",
}


def record(event, parameters=None, answer=None, listed=(), **more):
    source, name = event.split()
    found = ALIKE | {"eventSource": f"{source}.amazonaws.com", "eventName": name, "requestParameters": parameters}
    resources = [{"ARN": whole(arn)} for arn in listed]
    return found | {"responseElements": answer, "resources": resources} | more


def whole(arn):
    """ "rds:db:shop" -> its ARN in this account and Region; "s3:::b" and what has both already, with its beginning."""
    service, _, rest = arn.partition(":")
    if arn == "*" or arn.startswith("arn:"):
        return arn
    return f"arn:aws:{service}:{rest}" if rest.startswith(":") else f"arn:aws:{service}:{R}:{A}:{rest}"


def needed(*records):
    """Action -> resources of the draft of some records."""
    return {use.action: {*use.arns, *use.formats} for use in draft(list(records)).evidence.uses}


SG, SUBNET, VPC, TGW = (f"{kind}-0123456789abcdef0" for kind in ("sg", "subnet", "vpc", "tgw"))
KEYS = ["1234abcd-12ab-34cd-56ef-1234567890ab", "0987dcba-09fe-87dc-65ba-ab0987654321"]
MADE = {
    "optionGroupMemberships": [{"optionGroupName": "default:mysql-8-0"}],
    "dBParameterGroups": [{"dBParameterGroupName": "default.mysql8.0"}],
    "dBSubnetGroup": {"dBSubnetGroupName": "default"},
}
STREAM = f"arn:aws:dynamodb:{R}:{A}:table/orders/stream/2026-01-01T00:00:00.000"
NEEDED = [  # event, request, answer, listed resources -> action: resources
    # versions behind the names of events
    (
        ("lambda TagResource20170331v2", {"resource": whole("lambda:function:orders"), "tags": {"a": "b"}}),
        {"lambda:TagResource": ["lambda:function:orders"]},
    ),
    (
        (
            "cloudfront TagResource2020_05_31",
            {"resource": f"arn:aws:cloudfront::{A}:distribution/E1", "tags": {"i": 1}},
        ),
        {"cloudfront:TagResource": [f"arn:aws:cloudfront::{A}:distribution/E1"]},
    ),
    (
        ("lambda UntagResource20170331v2", {"resource": whole("lambda:function:orders"), "tagKeys": ["a"]}),
        {"lambda:UntagResource": ["lambda:function:orders"]},
    ),
    # required types of resources
    (
        ("rds CreateDBInstance", {"dBInstanceIdentifier": "shop"}, MADE),
        {
            "rds:CreateDBInstance": [
                *("rds:db:shop", "rds:og:default:mysql-8-0", "rds:pg:default.mysql8.0", "rds:subgrp:default")
            ]
        },
    ),
    (
        (
            "rds CreateDBInstanceReadReplica",
            {"dBInstanceIdentifier": "replica", "sourceDBInstanceIdentifier": "primary"},
        ),
        {
            "rds:CreateDBInstanceReadReplica": [
                *("rds:db:primary", "rds:db:replica", "rds:og:${OptionGroupName}"),
                *("rds:pg:${ParameterGroupName}", "rds:subgrp:${SubnetGroupName}"),
            ]
        },
    ),
    (
        (
            "rds FailoverGlobalCluster",
            {"globalClusterIdentifier": "g", "targetDbClusterIdentifier": whole("rds:cluster:c")},
        ),
        {"rds:FailoverGlobalCluster": [f"arn:aws:rds::{A}:global-cluster:g", "rds:cluster:c"]},
    ),
    (("rds DeleteDBCluster", {"dBClusterIdentifier": "c"}), {"rds:DeleteDBCluster": ["rds:cluster:c"]}),
    (
        ("rds DeleteDBCluster", {"dBClusterIdentifier": "c", "finalDBSnapshotIdentifier": "last"}),
        {"rds:DeleteDBCluster": ["rds:cluster:c", "rds:cluster-snapshot:last"]},
    ),
    (
        (
            "ec2 CreateTransitGatewayVpcAttachment",
            {
                "CreateTransitGatewayVpcAttachmentRequest": {
                    "TransitGatewayId": TGW,
                    "VpcId": VPC,
                    "SubnetIds": {"tag": 1, "content": SUBNET},
                }
            },
        ),
        {
            "ec2:CreateTransitGatewayVpcAttachment": [
                *(f"ec2:subnet/{SUBNET}", f"ec2:transit-gateway/{TGW}", f"ec2:vpc/{VPC}"),
                "ec2:transit-gateway-attachment/*",
            ]
        },
    ),
    (
        ("ec2 EnableVgwRoutePropagation", {"gatewayId": "vgw-1", "routeTableId": "rtb-1"}),
        {"ec2:EnableVgwRoutePropagation": ["ec2:vpn-gateway/vgw-1", "ec2:route-table/rtb-1"]},
    ),
    (
        ("ec2 CreateImage", {"instanceId": "i-1", "name": "x"}),
        {
            "ec2:CreateImage": [
                *("ec2:instance/i-1", f"arn:aws:ec2:{R}::image/*", f"arn:aws:ec2:{R}::snapshot/*"),
            ]
        },
    ),
    (
        ("ec2 CopySnapshot", {"sourceSnapshotId": "snap-1", "sourceRegion": "us-east-1"}),
        {"ec2:CopySnapshot": ["arn:aws:ec2:us-east-1::snapshot/snap-1", f"arn:aws:ec2:{R}::snapshot/*"]},
    ),
    (
        ("ec2 AuthorizeSecurityGroupIngress", {"groupId": SG}),
        {"ec2:AuthorizeSecurityGroupIngress": [f"ec2:security-group/{SG}"]},
    ),
    (("kms DeleteAlias", {"aliasName": "alias/a"}), {"kms:DeleteAlias": ["kms:alias/a", "kms:key/${KeyId}"]}),
    (
        (
            "wafv2 CreateWebACL",
            {
                "name": "w",
                "scope": "REGIONAL",
                "rules": [
                    {"statement": {"iPSetReferenceStatement": {"aRN": whole("wafv2:regional/ipset/i/1")}}},
                    {
                        "statement": {
                            "andStatement": {
                                "statements": [
                                    {"ruleGroupReferenceStatement": {"aRN": whole("wafv2:regional/rulegroup/g/2")}}
                                ]
                            }
                        }
                    },
                ],
            },
        ),
        {
            "wafv2:CreateWebACL": [
                *("wafv2:regional/webacl/w/*", "wafv2:regional/ipset/i/1", "wafv2:regional/rulegroup/g/2")
            ]
        },
    ),
    (
        ("sso CreatePermissionSet", {"instanceArn": "arn:aws:sso:::instance/ssoins-1", "name": "p"}),
        {"sso:CreatePermissionSet": ["arn:aws:sso:::instance/ssoins-1", "arn:aws:sso:::permissionSet/ssoins-1/*"]},
    ),
    (
        ("sagemaker BatchPutMetrics", {"trialComponentName": "t"}),
        {"sagemaker:BatchPutMetrics": ["sagemaker:experiment-trial-component/t"]},
    ),
    # names that AWS makes up
    (
        ("logs CreateLogStream", {"logGroupName": "/aws/lambda/o", "logStreamName": "2026/03/01/[$LATEST]ab"}),
        {"logs:CreateLogStream": ["logs:log-group:/aws/lambda/o:*"]},
    ),
    (
        ("logs CreateLogStream", {"logGroupName": "/ecs/web", "logStreamName": f"ecs/web/{'0a' * 16}"}),
        {"logs:CreateLogStream": ["logs:log-group:/ecs/web:*"]},
    ),
    (
        ("logs CreateLogStream", {"logGroupName": "/x", "logStreamName": "audit"}),
        {"logs:CreateLogStream": ["logs:log-group:/x:log-stream:audit"]},
    ),
    (
        ("states StopExecution", {"executionArn": whole(f"states:execution:m:{KEYS[0]}")}),
        {"states:StopExecution": ["states:execution:m:*"]},
    ),
    (
        ("ecs StopTask", {"cluster": "c", "task": "0a" * 16}),
        {"ecs:StopTask": ["ecs:task/c/*"]},
    ),
    # a second permission that the request tells
    (
        (
            "cloudformation CreateStack",
            {"stackName": "s", "templateURL": f"https://my-templates.s3.{R}.amazonaws.com/a/b.yaml"},
        ),
        {"cloudformation:CreateStack": ["cloudformation:stack/s/*"], "s3:GetObject": ["s3:::my-templates/a/b.yaml"]},
    ),
    (
        ("cloudformation ValidateTemplate", {"templateURL": "https://s3.amazonaws.com/my-templates/a.yaml"}),
        {"cloudformation:ValidateTemplate": ["*"], "s3:GetObject": ["s3:::my-templates/a.yaml"]},
    ),
    (
        ("firehose CreateDeliveryStream", {"deliveryStreamName": "d", "tags": [{"key": "a"}]}),
        {
            "firehose:CreateDeliveryStream": ["firehose:deliverystream/d"],
            "firehose:TagDeliveryStream": ["firehose:deliverystream/d"],
        },
    ),
    (
        ("secretsmanager RotateSecret", {"secretId": "db", "rotationLambdaARN": whole("lambda:function:rot")}),
        {
            "secretsmanager:RotateSecret": ["secretsmanager:secret:db-??????"],
            "lambda:InvokeFunction": ["lambda:function:rot"],
        },
    ),
    (
        (
            "s3tables CreateTable",
            {
                "tableBucketARN": whole("s3tables:bucket/tb"),
                "namespace": "ns",
                "name": "t",
                "metadata": {"iceberg": {}},
                "encryptionConfiguration": {"sseAlgorithm": "AES256"},
            },
        ),
        {
            "s3tables:CreateTable": ["s3tables:bucket/tb"],
            "s3tables:PutTableData": ["s3tables:bucket/tb/table/*"],
            "s3tables:PutTableEncryption": ["s3tables:bucket/tb/table/*"],
        },
    ),
    (
        (
            "batch CreateComputeEnvironment",
            {
                "computeEnvironmentName": "ce",
                "serviceRole": ROLE,
                "computeResources": {"instanceRole": f"arn:aws:iam::{A}:instance-profile/ecs"},
            },
        ),
        {
            "batch:CreateComputeEnvironment": ["batch:compute-environment/ce"],
            "iam:PassRole": [ROLE, f"arn:aws:iam::{A}:role/${{RoleNameWithPath}}"],
        },
    ),
    (
        ("rekognition DetectLabels", {"image": {"s3Object": {"bucket": "b", "name": "a.jpg"}}}),
        {"rekognition:DetectLabels": ["*"], "s3:GetObject": ["s3:::b/a.jpg"]},
    ),
    # what the request or the answer names
    (
        ("ssm ListTagsForResource", {"resourceType": "Parameter", "resourceId": "/app/x"}),
        {"ssm:ListTagsForResource": ["ssm:parameter/app/x"]},
    ),
    (
        ("ssm RemoveTagsFromResource", {"resourceType": "MaintenanceWindow", "resourceId": "mw-1", "tagKeys": ["a"]}),
        {"ssm:RemoveTagsFromResource": ["ssm:maintenancewindow/mw-1"]},
    ),
    (("ssm GetParametersByPath", {"path": "/app/"}), {"ssm:GetParametersByPath": ["ssm:parameter/app/"]}),
    (
        ("cloudtrail ListTags", {"resourceIdList": [whole("cloudtrail:trail/t")]}),
        {"cloudtrail:ListTags": ["cloudtrail:trail/t"]},
    ),
    (
        ("config PutConfigurationRecorder", {"configurationRecorder": {"name": "default", "roleARN": ROLE}}),
        {
            "config:PutConfigurationRecorder": ["config:configuration-recorder/default/*"],
            "iam:PassRole": [ROLE],
        },
    ),
    (("dynamodb GetRecords", {"shardIterator": f"{STREAM}|1|AAAA"}), {"dynamodb:GetRecords": [STREAM]}),
    (
        ("dynamodb GetRecords", {"shardIterator": "x"}, None, ["dynamodb:table/orders"]),
        {"dynamodb:GetRecords": ["dynamodb:table/orders/stream/*"]},
    ),
    (("ebs StartSnapshot", {"volumeSize": 8}), {"ebs:StartSnapshot": [f"arn:aws:ec2:{R}::snapshot/*"]}),
    (("rbin CreateRule", {"resourceType": "EBS_SNAPSHOT"}), {"rbin:CreateRule": ["rbin:rule/*"]}),
    (("ec2 RequestSpotFleet", {}), {"ec2:RequestSpotFleet": ["ec2:spot-fleet-request/*"]}),
    (("account GetContactInformation", {}), {"account:GetContactInformation": [f"arn:aws:account::{A}:account"]}),
    (("sns Publish", {"phoneNumber": "HIDDEN_DUE_TO_SECURITY_REASONS"}), {"sns:Publish": ["*"]}),
    (
        (
            "ec2 RunInstances",
            {"instancesSet": {"items": [{"imageId": "ami-1"}]}},
            {
                "instancesSet": {
                    "items": [{"subnetId": SUBNET, "groupSet": {"items": [{"groupId": SG}]}, "instanceId": "i-2"}]
                }
            },
        ),
        {
            "ec2:RunInstances": [
                *(f"ec2:{kind}/*" for kind in ("instance", "network-interface", "volume")),
                *(f"arn:aws:ec2:{R}::image/ami-1", f"ec2:subnet/{SUBNET}", f"ec2:security-group/{SG}"),
            ]
        },
    ),
    (
        ("organizations AttachPolicy", {"policyId": "p-abc", "targetId": "ou-ab12-34"}),
        {
            "organizations:AttachPolicy": [
                f"arn:aws:organizations::{A}:ou/o-*/ou-ab12-34",
                f"arn:aws:organizations::{A}:policy/o-*/*/p-abc",
            ]
        },
    ),
    (
        ("eks DescribeAccessEntry", {"clusterName": "c", "principalArn": ROLE}),
        {"eks:DescribeAccessEntry": [f"eks:access-entry/c/role/{A}/app/*"]},
    ),
    (("codebuild StopBuild", {"id": "shop:0a0b"}), {"codebuild:StopBuild": ["codebuild:project/shop"]}),
    # no more than was seen
    (
        (
            "dynamodb TransactWriteItems",
            {
                "requestItems": [
                    {"operation": "Put", "tableName": "orders"},
                    {"operation": "ConditionCheck", "tableName": "stock"},
                ]
            },
            None,
            ["dynamodb:table/orders", "dynamodb:table/stock"],
        ),
        {"dynamodb:PutItem": ["dynamodb:table/orders"], "dynamodb:ConditionCheckItem": ["dynamodb:table/stock"]},
    ),
    (
        (
            "ec2 CreateFlowLogs",
            {
                "CreateFlowLogsRequest": {
                    "ResourceId": {"tag": 1, "content": VPC},
                    "ResourceType": "VPC",
                    "TagSpecification": {"ResourceType": "vpc-flow-log", "tag": 1},
                }
            },
        ),
        {"ec2:CreateFlowLogs": [f"ec2:vpc/{VPC}", "ec2:vpc-flow-log/*"], "ec2:CreateTags": ["ec2:vpc-flow-log/*"]},
    ),
    (
        ("kms ReEncrypt", {"destinationKeyId": KEYS[1]}, None, [f"kms:key/{key}" for key in KEYS]),
        {"kms:ReEncryptFrom": [f"kms:key/{KEYS[0]}"], "kms:ReEncryptTo": [f"kms:key/{KEYS[1]}"]},
    ),
    (
        ("kms ReEncrypt", {"destinationKeyId": KEYS[1]}, None, [f"kms:key/{KEYS[1]}"]),
        {"kms:ReEncryptFrom": [f"kms:key/{KEYS[1]}"], "kms:ReEncryptTo": [f"kms:key/{KEYS[1]}"]},
    ),
    # names of actions
    (("ssm CreateControlChannel", None), {"ssmmessages:CreateControlChannel": ["*"]}),
    (("ssm CreateDataChannel", None), {"ssmmessages:CreateDataChannel": ["*"]}),
    (
        ("metrics-sagemaker BatchPutMetrics", {"trialComponentName": "t"}),
        {"sagemaker:BatchPutMetrics": ["sagemaker:experiment-trial-component/t"]},
    ),
]


@pytest.mark.parametrize(("given", "expected"), NEEDED, ids=[given[0] for given, _ in NEEDED])
def test_a_record_needs_actions_on_resources(given, expected):
    assert needed(record(*given)) == {action: set(map(whole, arns)) for action, arns in expected.items()}
    assert not gate.gate(draft([record(*given)])).refused


@pytest.mark.parametrize("arn", ["x", "arn:aws:iam::1:role/x", "*", f"arn:aws:dynamodb:{R}:{A}:table/t/stream/*"])
def test_what_is_no_arn_of_its_service_names_nothing(arn):
    hostile = {"shardIterator": arn, "rotationLambdaARN": arn, "tableBucketARN": arn, "secretId": "s"}
    for event in ("dynamodb GetRecords", "secretsmanager RotateSecret", "s3tables CreateTable"):
        named = {found for action, arns in needed(record(event, hostile)).items() for found in arns}
        assert not [found for found in named if found == arn or found.startswith(f"{arn}/")]


ASKED = [
    (("ecs RunTask", {"cluster": "c", "taskDefinition": "web:3"}), ["iam:PassRole"]),
    (("logs CreateLogStream", {"logGroupName": "/x", "logStreamName": "s"}), ["logs:PutLogEvents"]),
    (
        ("athena StartQueryExecution", {"resultConfiguration": {"outputLocation": "s3://results/out/"}}),
        ["s3:GetObject, s3:PutObject", "arn:aws:s3:::results/out/*"],
    ),
    (
        ("rds RestoreDBClusterFromSnapshot", {"dBClusterIdentifier": "c", "snapshotIdentifier": "cs"}),
        ['"snapshot:"'],
    ),
]


@pytest.mark.parametrize(("given", "said"), ASKED, ids=[given[0] for given, _ in ASKED])
def test_what_a_call_may_need_besides_is_a_question(given, said):
    made = draft([record(*given), record("s3 GetObject", {"bucketName": "o", "key": "k"})])
    assert any(all(part in question for part in said) for question in made.questions)
    assert {use.action for use in made.evidence.uses}.isdisjoint({"iam:PassRole", "logs:PutLogEvents", "s3:PutObject"})


ABSENT = [
    ("GetBucketCors", "NoSuchCORSConfiguration", "s3:GetBucketCORS"),
    ("GetBucketLifecycle", "NoSuchLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
    ("GetBucketWebsite", "NoSuchWebsiteConfiguration", "s3:GetBucketWebsite"),
    ("GetBucketReplication", "ReplicationConfigurationNotFoundError", "s3:GetReplicationConfiguration"),
    ("GetBucketTagging", "NoSuchTagSet", "s3:GetBucketTagging"),
    ("GetBucketPolicy", "NoSuchBucketPolicy", "s3:GetBucketPolicy"),
    ("GetBucketPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "s3:GetBucketPublicAccessBlock"),
]


@pytest.mark.parametrize(("event", "code", "action"), ABSENT)
def test_a_call_that_failed_for_another_reason_has_used_its_permission(event, code, action):
    rows = [
        record(f"s3 {event}", {"bucketName": "b"}, errorCode=code),
        record("s3 GetBucketVersioning", {"bucketName": "b"}),
    ]
    made = draft(rows)
    assert {use.action: use.arns for use in made.evidence.uses}[action] == ("arn:aws:s3:::b",)
    assert any(code in question for question in made.questions) and not made.evidence.failed
    granted = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
    assert dormant(granted, reading_of(rows).observed) == []


@pytest.mark.parametrize(
    "code",
    [
        *("AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "ThrottlingException", "SlowDown"),
        *("Client.RequestLimitExceeded", "ExpiredToken", "UnrecognizedClientException", "TooManyRequestsException"),
    ],
)
def test_a_call_that_was_turned_away_has_not(code):
    made = draft(
        [
            record("s3 GetBucketCors", {"bucketName": "b"}, errorCode=code),
            record("s3 GetBucketVersioning", {"bucketName": "b"}),
        ]
    )
    assert [use.action for use in made.evidence.uses] == ["s3:GetBucketVersioning"]
    assert made.evidence.failed and not made.evidence.spent and not used_permission(code)


def test_a_call_that_cloudtrail_never_records_is_not_dormant():
    actions = [
        "logs:PutLogEvents",
        "cloudwatch:PutMetricData",
        "execute-api:Invoke",
        "rds-db:connect",
        "iam:DeleteRole",
    ]
    granted = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
    seen = reading_of([record("logs CreateLogStream", {"logGroupName": "/x", "logStreamName": "s"})]).observed
    assert [row.actions for row in dormant(granted, seen)] == [("iam:DeleteRole",)]


@pytest.mark.parametrize(
    ("event", "name", "ids"),
    [
        ("ec2 DeleteVpc", "vpcId", [f"vpc-0123456789abcdef{n}" for n in range(5)]),
        ("kms DisableKey", "keyId", [f"1234abcd-12ab-34cd-56ef-12345678900{n}" for n in range(5)]),
    ],
)
def test_ids_that_aws_makes_up_are_not_cut_to_their_type(event, name, ids):
    made = draft([record(event, {name: each}) for each in ids], by=Rule("prefix"))
    assert len(made.policy.statements[0].resources) == 5


def test_a_role_stays_open_where_another_call_names_its_own():
    profile = {
        "computeEnvironmentName": "ce",
        "computeResources": {"instanceRole": "arn:aws:iam::1:instance-profile/e"},
    }
    passing = record("lambda CreateFunction20150331", {"functionName": "f", "role": ROLE})
    made = draft([record("batch CreateComputeEnvironment", profile), passing])
    assert any("FILL-IN-RoleNameWithPath" in arn for arn in made.placeholders)
