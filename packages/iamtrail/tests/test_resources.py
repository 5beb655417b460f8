"""What an event names, as ARNs; and that nothing in an event widens them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.simulate import Request, simulate
from iamtrail.parameters import CUT, literal, literal_arn
from iamtrail.resources import NamedResources, ResourcesError, resources_for

REGION, ACCOUNT = "eu-west-1", "111122223333"
HERE = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
KEY = "0d990263-018e-4e65-a703-eff731de951e"


def named(action, parameters=None, resources=()):
    return resources_for(action, parameters, resources, REGION, ACCOUNT)


@pytest.mark.parametrize(
    ("action", "parameters", "arns"),
    [
        ("s3:GetObject", {"bucketName": "b", "key": "a/k"}, ["s3:::b/a/k"]),
        ("s3:ListBucket", {"bucketName": "b", "list-type": "2"}, ["s3:::b"]),
        ("s3:GetObject", {"bucketName": "to", "key": "k", "x-amz-copy-source": "/from/x?versionId=1"}, ["s3:::from/x"]),
        ("s3:PutObject", {"bucketName": "to", "key": "k", "x-amz-copy-source": "/from/x"}, ["s3:::to/k"]),
        ("dynamodb:PutItem", {"tableName": "t"}, [f"dynamodb:{HERE}:table/t"]),
        ("dynamodb:Query", {"tableName": "t", "indexName": "i"}, [f"dynamodb:{HERE}:table/t/index/i"]),
        ("dynamodb:BatchGetItem", {"requestItems": {"a": {}, "b": {}}}, [f"dynamodb:{HERE}:table/{t}" for t in "ab"]),
        (
            "dynamodb:DeleteItem",
            {"transactItems": [{"put": {"tableName": "a"}}, {"delete": {"tableName": "b"}}]},
            [f"dynamodb:{HERE}:table/b"],
        ),
        ("lambda:InvokeFunction", {"functionName": "f"}, [f"lambda:{HERE}:function:f"]),
        ("lambda:InvokeFunction", {"functionName": "f", "qualifier": "p"}, [f"lambda:{HERE}:function:f:p"]),
        (
            "lambda:InvokeFunction",
            {"functionName": "444455556666:function:f"},
            [f"lambda:{REGION}:444455556666:function:f"],
        ),
        ("lambda:GetFunction", {"functionName": f"arn:aws:lambda:{HERE}:function:f"}, [f"lambda:{HERE}:function:f"]),
        (
            "sqs:SendMessage",
            {"queueUrl": "https://sqs.us-east-1.amazonaws.com/444455556666/q"},
            ["sqs:us-east-1:444455556666:q"],
        ),
        ("sns:Publish", {"topicArn": f"arn:aws:sns:{HERE}:t"}, [f"sns:{HERE}:t"]),
        ("kinesis:PutRecords", {"streamName": "s"}, [f"kinesis:{HERE}:stream/s"]),
        ("secretsmanager:GetSecretValue", {"secretId": "db"}, [f"secretsmanager:{HERE}:secret:db-??????"]),
        ("ssm:GetParameters", {"names": ["/a/b", "c"]}, [f"ssm:{HERE}:parameter/{n}" for n in ("a/b", "c")]),
        (
            "ssm:SendCommand",
            {"documentName": "AWS-RunShellScript", "instanceIds": ["i-1", "mi-2"]},
            [
                f"ec2:{HERE}:instance/i-1",
                f"ssm:{HERE}:managed-instance/mi-2",
                f"ssm:{REGION}::document/AWS-RunShellScript",
            ],
        ),
        ("logs:CreateLogGroup", {"logGroupName": "/x"}, [f"logs:{HERE}:log-group:/x:*"]),
        (
            "logs:PutLogEvents",
            {"logGroupName": "/x", "logStreamName": "s"},
            [f"logs:{HERE}:log-group:/x:log-stream:s"],
        ),
        ("kms:Encrypt", {"keyId": KEY}, [f"kms:{HERE}:key/{KEY}"]),
        (
            "ec2:StartInstances",
            {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
            [f"ec2:{HERE}:instance/i-1", f"ec2:{HERE}:instance/i-2"],
        ),
        ("ec2:AuthorizeSecurityGroupIngress", {"groupId": "sg-1"}, [f"ec2:{HERE}:security-group/sg-1"]),
        ("ec2:CreateVolume", {"size": "8"}, [f"ec2:{HERE}:volume/*"]),
        (
            "ec2:CreateTags",
            {"resourcesSet": {"items": [{"resourceId": "i-1"}, {"resourceId": "ami-2"}]}},
            [f"ec2:{HERE}:instance/i-1", f"ec2:{REGION}::image/ami-2"],
        ),
        ("iam:GetRole", {"roleName": "r"}, [f"iam::{ACCOUNT}:role/r"]),
        ("iam:CreateRole", {"roleName": "r", "path": "/team/"}, [f"iam::{ACCOUNT}:role/team/r"]),
        (
            "iam:AttachRolePolicy",
            {"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/X"},
            [f"iam::{ACCOUNT}:role/r"],
        ),
        ("iam:PassRole", {"taskRoleArn": ROLE, "executionRoleArn": "exec"}, [f"iam::{ACCOUNT}:role/exec", ROLE[8:]]),
        ("ecr:PutImage", {"repositoryName": "r"}, [f"ecr:{HERE}:repository/r"]),
        ("states:CreateStateMachine", {"name": "m", "roleArn": ROLE}, [f"states:{HERE}:stateMachine:m"]),
        ("events:PutRule", {"name": "r"}, [f"events:{HERE}:rule/r"]),
        ("events:PutRule", {"name": "r", "eventBusName": "default"}, [f"events:{HERE}:rule/r"]),
        ("events:PutTargets", {"rule": "r", "eventBusName": "bus"}, [f"events:{HERE}:rule/bus/r"]),
        ("sts:AssumeRole", {"roleArn": ROLE}, [ROLE[8:]]),
        (
            "glue:GetTable",
            {"databaseName": "d", "name": "t"},
            [f"glue:{HERE}:{part}" for part in ("catalog", "database/d", "table/d/t")],
        ),
        ("athena:StartQueryExecution", {"workGroup": "w"}, [f"athena:{HERE}:workgroup/w"]),
        ("cloudformation:DescribeStacks", {"stackName": "s"}, [f"cloudformation:{HERE}:stack/s/*"]),
        ("ecs:UpdateService", {"cluster": "c", "service": "s"}, [f"ecs:{HERE}:service/c/s"]),
        (
            "ecs:DescribeServices",
            {"cluster": f"arn:aws:ecs:{HERE}:cluster/c", "services": ["s", "t"]},
            [f"ecs:{HERE}:service/c/s", f"ecs:{HERE}:service/c/t"],
        ),
        ("eks:DescribeCluster", {"name": "c"}, [f"eks:{HERE}:cluster/c"]),
        ("rds:DeleteDBInstance", {"dBInstanceIdentifier": "d"}, [f"rds:{HERE}:db:d"]),
        ("route53:GetHostedZone", {"id": "/hostedzone/Z1"}, ["route53:::hostedzone/Z1"]),
        (
            "apigateway:GET",
            {"restApiId": "a"},
            [f"apigateway:{REGION}::/restapis/a", f"apigateway:{REGION}::/restapis/a/*"],
        ),
        (
            "bedrock:InvokeModel",
            {"modelId": "amazon.nova-lite-v1:0"},
            [f"bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"],
        ),
    ],
)
def test_requests_name_resources(action, parameters, arns):
    found = named(action, parameters)
    assert [arn.removeprefix("arn:aws:") for arn in found.arns] == sorted(arns)
    assert found.missing == ()


def test_arns_of_the_event_are_used_where_the_action_supports_them():
    resources = ["arn:aws:s3:::b/k", "arn:aws:s3:::b", "arn:aws:kms:eu-west-1:111122223333:key/x"]
    assert named("s3:GetObject", {"bucketName": "b", "key": "k"}, resources).arns == ("arn:aws:s3:::b/k",)
    assert named("s3:ListBucket", {}, resources).arns == ("arn:aws:s3:::b",)
    assert named("kms:Decrypt", {}, resources).arns == ("arn:aws:kms:eu-west-1:111122223333:key/x",)
    assert named("kms:Decrypt", {"keyId": "alias/x"}, resources).arns == ("arn:aws:kms:eu-west-1:111122223333:key/x",)


KEYS = [f"arn:aws:kms:{HERE}:key/{KEY}", f"arn:aws:kms:{HERE}:key/{KEY[::-1]}"]
TABLES = [f"arn:aws:dynamodb:{HERE}:table/t{number}" for number in (1, 2, 3)]
ITEMS = {"transactItems": [{"put": {"tableName": "t1"}}, {"update": {"tableName": "t2"}}]}


@pytest.mark.parametrize(
    ("action", "parameters", "listed", "arns"),
    [
        ("kms:ReEncryptFrom", {"sourceKeyId": KEYS[0], "destinationKeyId": KEYS[1]}, KEYS, KEYS[:1]),
        ("kms:ReEncryptTo", {"sourceKeyId": KEYS[0], "destinationKeyId": KEYS[1]}, KEYS, KEYS[1:]),
        ("dynamodb:PutItem", ITEMS, TABLES, TABLES[:1]),
        ("dynamodb:UpdateItem", ITEMS, TABLES, TABLES[1:2]),
    ],
)
def test_each_action_of_a_call_has_its_own_resources(action, parameters, listed, arns):
    assert list(named(action, parameters, listed).arns) == arns


@pytest.mark.parametrize(
    ("action", "parameters", "arns"),
    [
        (
            "secretsmanager:GetSecretValue",
            {"secretId": "my-secret"},
            [f"secretsmanager:{HERE}:secret:my-secret-??????"],
        ),
        ("ssm:GetParameter", {"name": "/aws/service/ami"}, [f"ssm:{REGION}::parameter/aws/service/ami"]),
        ("ssm:GetParameter", {"name": "/a/b:3"}, [f"ssm:{HERE}:parameter/a/b"]),
        ("ssm:AddTagsToResource", {"name": "/app/db", "tags": [{"key": "a"}]}, [f"ssm:{HERE}:parameter/app/db"]),
        ("dms:StartReplicationTask", {"replicationTaskArn": f"arn:aws:dms:{HERE}:task:ABC"}, [f"dms:{HERE}:task:ABC"]),
        ("athena:CreateNamedQuery", {"name": "q"}, [f"athena:{HERE}:workgroup/primary"]),
        ("athena:CreateNamedQuery", {"name": "q", "workGroup": "w"}, [f"athena:{HERE}:workgroup/w"]),
        (
            "redshift:GetClusterCredentials",
            {"clusterIdentifier": "c", "dbName": "d", "dbUser": "u"},
            [f"redshift:{HERE}:dbname:c/d", f"redshift:{HERE}:dbuser:c/u"],
        ),
        ("wafv2:UpdateWebACL", {"name": "w", "id": "1", "scope": "REGIONAL"}, [f"wafv2:{HERE}:regional/webacl/w/1"]),
        ("eks:DescribeNodegroup", {"name": "c", "nodegroupName": "n"}, [f"eks:{HERE}:nodegroup/c/n/*"]),
        ("codecommit:PutFile", {"repositoryName": "r", "name": "Jane"}, [f"codecommit:{HERE}:r"]),
        (
            "cloudfront:GetInvalidation",
            {"distributionId": "E1", "id": "I1"},
            [f"cloudfront::{ACCOUNT}:distribution/E1"],
        ),
        ("kinesisvideo:GetDataEndpoint", {"streamName": "s"}, [f"kinesisvideo:{HERE}:stream/s/*"]),
        (
            "application-autoscaling:RegisterScalableTarget",
            {"resourceId": "service/prod/web"},
            [f"application-autoscaling:{HERE}:scalable-target/*"],
        ),
        ("sts:AssumeRoot", {"targetPrincipal": "999988887777"}, ["iam::999988887777:root"]),
        (
            "sqs:GetQueueUrl",
            {"queueName": "q", "queueOwnerAWSAccountId": "999988887777"},
            [f"sqs:{REGION}:999988887777:q"],
        ),
        (
            "elasticloadbalancing:CreateLoadBalancer",
            {"loadBalancerName": "c"},
            [f"elasticloadbalancing:{HERE}:loadbalancer/c"],
        ),
        (
            "elasticloadbalancing:CreateLoadBalancer",
            {"name": "c", "type": "network"},
            [f"elasticloadbalancing:{HERE}:loadbalancer/net/c/*"],
        ),
        (
            "ec2:CreateTags",
            {"resourcesSet": {"items": [{"resourceId": "tgw-attach-1"}, {"resourceId": "sgr-1"}]}},
            [f"ec2:{HERE}:security-group-rule/sgr-1", f"ec2:{HERE}:transit-gateway-attachment/tgw-attach-1"],
        ),
        (
            "ec2:DeleteVpcEndpoints",
            {"DeleteVpcEndpointsRequest": {"VpcEndpointId": {"tag": 1, "content": "vpce-1"}}},
            [f"ec2:{HERE}:vpc-endpoint/vpce-1"],
        ),
        ("ec2:AllocateAddress", {"domain": "vpc"}, [f"ec2:{HERE}:elastic-ip/*"]),
        (
            "iam:CreateServiceLinkedRole",
            {"aWSServiceName": "ecs.amazonaws.com"},
            [f"iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/*"],
        ),
        (
            "iam:CreateInstanceProfile",
            {"instanceProfileName": "p", "path": "/x/"},
            [f"iam::{ACCOUNT}:instance-profile/x/p"],
        ),
        ("scheduler:CreateSchedule", {"name": "n"}, [f"scheduler:{HERE}:schedule/default/n"]),
        (
            "ssm:SendCommand",
            {"documentName": "d", "targets": [{"key": "InstanceIds", "values": ["i-0abc"]}]},
            [f"ec2:{HERE}:instance/i-0abc", f"ssm:{HERE}:document/d"],
        ),
        ("ssm:StartSession", {"target": "ecs:prod_0123_rt"}, [f"ecs:{HERE}:task/prod/0123"]),
        ("elasticmapreduce:AddJobFlowSteps", {"jobFlowId": "j-1"}, [f"elasticmapreduce:{HERE}:cluster/j-1"]),
        (
            "bedrock:InvokeModel",
            {"modelId": f"arn:aws:bedrock:{HERE}:inference-profile/eu.amazon.nova-lite-v1:0"},
            [
                "bedrock:*::foundation-model/amazon.nova-lite-v1:0",
                f"bedrock:{HERE}:inference-profile/eu.amazon.nova-lite-v1:0",
            ],
        ),
        ("s3:GetObject", {"functionName": "f", "s3Bucket": "b", "s3Key": "a/f.zip"}, ["s3:::b/a/f.zip"]),
        ("s3:GetObject", {"code": {"s3Bucket": "b", "s3Key": "f.zip"}, "role": ROLE}, ["s3:::b/f.zip"]),
        ("s3:GetObject", {"x-amz-copy-source": "src/dt%3D1/a%2Ab", "key": "k"}, ["s3:::src/dt=1/a${*}b"]),
    ],
)
def test_services_name_things_in_their_own_way(action, parameters, arns):
    assert [arn.removeprefix("arn:aws:") for arn in named(action, parameters).arns] == sorted(arns)


def test_a_copy_reads_its_source_and_writes_elsewhere():
    call = {"bucketName": "to", "key": "k", "x-amz-copy-source": "src/dt%3D1/a"}
    assert named("s3:PutObject", call, ["arn:aws:s3:::src/dt=1/a"]).arns == ("arn:aws:s3:::to/k",)


def test_what_a_call_cannot_do_without_is_missing_beside_what_it_names():
    found = named("ec2:RunInstances", {"launchTemplate": {"launchTemplateId": "lt-1"}})
    assert f"arn:aws:ec2:{HERE}:launch-template/lt-1" in found.arns
    assert [arn.rpartition("/")[2] for arn in found.missing] == ["${ImageId}", "${SecurityGroupId}", "${SubnetId}"]
    by_tag = named("ssm:SendCommand", {"documentName": "AWS-RunShellScript"})
    assert by_tag.missing == (f"arn:aws:ec2:{HERE}:instance/${{InstanceId}}",)
    assert named("ssm:SendCommand", {"documentName": "d", "instanceIds": ["mi-1"]}).missing == ()
    # Of formats that nothing fills whole, those that the request fills in part.
    assert named("s3:DeleteObject", {"bucketName": "b"}).missing == ("arn:aws:s3:::b/${ObjectName}",)


@pytest.mark.parametrize("source", ["src/%EE%80%80", "src/x/%EE%80%80", "%EE%80%80", f"src/{CUT}", "src/%2A"])
def test_the_source_of_a_copy_is_literal_once_it_is_decoded(source):
    for arn in named("s3:GetObject", {"bucketName": "to", "key": "k", "x-amz-copy-source": source}).arns:
        assert "*" not in arn.replace("${*}", "") and CUT not in arn


def test_a_copy_has_its_source_in_s3():
    foreign = {"bucketName": "to", "key": "k", "x-amz-copy-source": "arn:aws:iam::999988887777:role/admin"}
    assert not [arn for arn in named("s3:GetObject", foreign).arns if ":iam:" in arn]


@pytest.mark.parametrize("given", [{"logGroupName": "*"}, {"resourceArn": f"arn:aws:logs:{HERE}:log-group:*"}])
def test_a_log_group_with_the_name_of_a_wildcard_is_one(given):
    assert named("logs:DeleteLogGroup", given).arns == (f"arn:aws:logs:{HERE}:log-group:${{*}}:*",)
    whole = {"logGroupIdentifier": f"arn:aws:logs:{HERE}:log-group:/x:*"}
    assert named("logs:FilterLogEvents", whole).arns == (f"arn:aws:logs:{HERE}:log-group:/x:*",)


def test_roles_that_are_assumed_later_or_elsewhere_are_not_passed():
    stacks = {"administrationRoleARN": ROLE, "executionRoleName": "AWSCloudFormationStackSetExecutionRole"}
    assert named("iam:PassRole", stacks).arns == (ROLE,)
    variable = {"patchOperations": [{"path": "/variables/x", "value": ROLE}]}
    assert named("iam:PassRole", variable).arns == ()


def test_a_named_destination_is_not_what_is_read():
    assert named("kms:ReEncryptFrom", {"destinationKeyId": KEYS[1]}, KEYS).arns == (KEYS[0],)


def test_a_service_linked_role_has_its_path():
    arns = named("iam:DeleteServiceLinkedRole", {"roleName": "AWSServiceRoleForECS"}).arns
    assert arns == (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/*/AWSServiceRoleForECS",)


def test_an_id_is_one_resource_whatever_its_type():
    both = {"resourcesSet": {"items": [{"resourceId": "i-1"}, {"resourceId": "new-1"}]}}
    assert named("ec2:CreateTags", both).arns == (f"arn:aws:ec2:{HERE}:*/new-1", f"arn:aws:ec2:{HERE}:instance/i-1")


def test_where_nothing_is_named_every_format_is_missing():
    found = named("rds:AddTagsToResource", {"tags": "given"})
    assert found.arns == () and len(found.missing) == len(set(found.missing)) > 8


def test_aliases_of_access_points_are_no_buckets():
    assert named("s3:GetObject", {"bucketName": "ap1-abc-s3alias", "key": "k"}).arns == ()


FUNCTION, TABLE = f"arn:aws:lambda:{HERE}:function:f", f"arn:aws:dynamodb:{HERE}:table/t"


@pytest.mark.parametrize(
    ("action", "parameters", "listed", "arns"),
    [
        ("lambda:InvokeFunction", {"functionName": "f", "qualifier": "live"}, FUNCTION, [f"{FUNCTION}:live"]),
        ("lambda:InvokeFunction", {"functionName": "f"}, FUNCTION, [FUNCTION]),
        ("dynamodb:Query", {"tableName": "t", "indexName": "i"}, TABLE, [f"{TABLE}/index/i"]),
        ("dynamodb:Query", {"tableName": "t"}, TABLE, [TABLE]),
        (
            "s3:PutObject",
            {"bucketName": "to", "key": "k", "x-amz-copy-source": "/b/x?versionId=1"},
            "arn:aws:s3:::b/x",
            ["arn:aws:s3:::to/k"],
        ),
    ],
)
def test_of_a_part_and_its_whole_only_the_part_was_asked_for(action, parameters, listed, arns):
    assert list(named(action, parameters, [listed]).arns) == arns


def test_an_access_point_is_named_with_the_object_behind_it():
    point = f"arn:aws:s3:{HERE}:accesspoint/reports"
    of_object = named(
        "s3:GetObject", {"bucketName": point, "key": "a/k"}, ["arn:aws:s3:::b/a/k", "arn:aws:s3:::b", point]
    )
    assert of_object.arns == ("arn:aws:s3:::b/a/k", f"{point}/object/a/k")
    assert named("s3:GetObject", {"bucketName": point, "key": "a/k"}).arns == (f"{point}/object/a/k",)
    assert named("s3:ListBucket", {"bucketName": point}).arns == (point,)


def test_a_request_may_name_another_account_as_the_owner():
    other = "444455556666"
    image = named("ecr:BatchGetImage", {"registryId": other, "repositoryName": "r"})
    assert image.arns == (f"arn:aws:ecr:{REGION}:{other}:repository/r",)
    table = named("glue:GetTable", {"catalogId": other, "databaseName": "d", "name": "t"})
    assert {arn.split(":")[4] for arn in table.arns} == {other}
    # Only a whole account number counts, and only where the service has such a parameter.
    assert named("ecr:BatchGetImage", {"registryId": "*", "repositoryName": "r"}).arns[0].split(":")[4] == ACCOUNT
    assert named("s3:GetObject", {"registryId": other, "bucketName": "b", "key": "k"}).arns == ("arn:aws:s3:::b/k",)


def test_a_role_is_passed_under_whatever_name():
    for name in ("credentials", "credentialsArn", "deliverLogsPermissionArn"):
        assert named("iam:PassRole", {name: ROLE}).arns == (ROLE,)
    assert named("iam:PassRole", {"credentials": "arn:aws:iam::*:user/*"}).arns == ()


def test_a_secret_keeps_the_characters_that_its_arn_has():
    arn = f"arn:aws:secretsmanager:{HERE}:secret:db-AbCdEf"
    assert named("secretsmanager:GetSecretValue", {"secretId": arn}).arns == (arn,)


def test_an_action_without_resource_level_support_has_a_star():
    assert named("ec2:DescribeInstances", {"instanceId": "i-1"}) == NamedResources(("*",), ())


@pytest.mark.parametrize(
    ("action", "parameters", "missing"),
    [
        ("kms:Encrypt", {"keyId": "alias/x"}, f"arn:aws:kms:{HERE}:key/${{KeyId}}"),
        ("lambda:InvokeFunction", {}, f"arn:aws:lambda:{HERE}:function:${{FunctionName}}"),
        ("config:DeleteConfigRule", {"configRuleName": "r"}, f"arn:aws:config:{HERE}:config-rule/${{ConfigRuleId}}"),
        ("athena:GetQueryExecution", {"queryExecutionId": "x"}, f"arn:aws:athena:{HERE}:workgroup/${{WorkGroupName}}"),
        ("iam:PassRole", {"iamInstanceProfile": {"name": "w"}}, f"arn:aws:iam::{ACCOUNT}:role/${{RoleNameWithPath}}"),
        (
            "dynamodb:PutItem",
            {"transactItems": [{"delete": {"tableName": "b"}}]},
            f"arn:aws:dynamodb:{HERE}:table/${{TableName}}",
        ),
    ],
)
def test_what_is_not_named_is_missing(action, parameters, missing):
    found = named(action, parameters)
    assert found.arns == () and missing in found.missing


def test_starting_an_instance_makes_some_resources_and_needs_others():
    found = named("ec2:RunInstances", {"instancesSet": {"items": [{"imageId": "ami-1"}]}, "subnetId": "subnet-1"})
    made = {f"arn:aws:ec2:{HERE}:{kind}/*" for kind in ("instance", "network-interface", "volume")}
    assert set(found.arns) == made | {f"arn:aws:ec2:{REGION}::image/ami-1", f"arn:aws:ec2:{HERE}:subnet/subnet-1"}
    assert found.missing == (f"arn:aws:ec2:{HERE}:security-group/${{SecurityGroupId}}",)


def test_two_lists_are_not_multiplied():
    assert named("s3:GetObject", {"bucketName": ["a", "b"], "key": ["1", "2"]}).arns == ()


@pytest.mark.parametrize("hostile", ["*", "a?", "${aws:username}", "a/*", "x*y"])
def test_wildcards_and_variables_of_an_event_stand_for_themselves(hostile):
    (arn,) = named("s3:GetObject", {"bucketName": "b", "key": hostile}).arns
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arn}}
    asked = {key: Request("s3:GetObject", f"arn:aws:s3:::b/{key}", ROLE) for key in (hostile, "other", "a/other", "ab")}
    assert {key for key, request in asked.items() if simulate(request, policy).result == "Allowed"} == {hostile}
    (listed,) = named("s3:GetObject", {}, [f"arn:aws:s3:::b/{hostile}"]).arns
    assert listed == arn


@pytest.mark.parametrize(
    "arn",
    ["*", "arn:aws:s3:::*", "arn:*:s3:::b/k", "arn:aws:s3:*:*:b/k", "arn:aws:s3:::b\n/k", "arn:aws:s3", "arn:aws:s3:::"]
    + ["arn:aws:s3:::b/" + "k" * 3_000, "arn:aws:dynamodb:eu-west-1:111122223333:table/t", "x arn:aws:s3:::b/k"],
)
def test_arns_that_are_none_or_of_another_kind_are_refused(arn):
    assert named("s3:GetObject", {}, [arn]).arns == ()


@pytest.mark.parametrize("bucket", ["a/b", "a\nb", "", "arn:aws:s3:::b", "a" * 3_000])
def test_hostile_bucket_names_name_nothing(bucket):
    assert named("s3:GetObject", {"bucketName": bucket, "key": "k"}).arns == ()


def test_a_path_that_the_reader_cut_ends_in_a_wildcard():
    assert named("s3:GetObject", {"bucketName": "b", "key": f"sales/{CUT}"}).arns == ("arn:aws:s3:::b/sales/*",)
    assert literal(f"sales{CUT}") == f"sales{CUT}"
    assert literal_arn(f"arn:aws:s3:::b/*/{CUT}") == "arn:aws:s3:::b/${*}/*"


def test_other_partitions():
    found = resources_for("sqs:CreateQueue", {"queueName": "q"}, (), "cn-north-1", ACCOUNT, "aws-cn")
    assert found.arns == (f"arn:aws-cn:sqs:cn-north-1:{ACCOUNT}:q",)


def test_an_unknown_action_is_an_error():
    with pytest.raises(ResourcesError, match="s3:Nothing"):
        named("s3:Nothing")


@example("bedrock-agentcore:ListTagsForResource", {}, [])
@given(
    st.sampled_from(sorted(catalogue.load().names)),
    st.dictionaries(
        st.sampled_from(
            ["name", "id", "bucketName", "key", "tableName", "functionName", "arn", "roleArn", "clusterName"]
        ),
        st.text(max_size=30),
        max_size=4,
    ),
    st.lists(st.text(max_size=40).map("arn:aws:s3:::".__add__), max_size=2),
)
def test_whatever_stands_in_an_event_the_arns_are_of_the_action(action, parameters, resources):
    found = named(action, parameters, resources)
    assert list(found.arns) == sorted(set(found.arns)) and (found.arns or found.missing)
    for arn in found.arns:
        assert arn == "*" or re.fullmatch(r"arn:aws:[a-z0-9-]*:[^:]*:[^:]*:.+", arn)
        assert not re.search(r"[\x00-\x1f]", arn)
