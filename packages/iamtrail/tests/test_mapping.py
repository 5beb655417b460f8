"""Events to actions: the rule, the exceptions, roles that are passed, and every operation of botocore."""

from collections import Counter

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

import iampolicy.tables
from iampolicy import catalogue
from iampolicy.document import as_list
from iamtrail import Mapping, actions_for
from iamtrail.mapping import prefix_of
from iamtrail.tables import event_rules
from lib.data.managed import fetch

ROLE = "arn:aws:iam::111122223333:role/worker"


def actions(source, event, parameters=None):
    mapping = actions_for(f"{source}.amazonaws.com", event, parameters)
    assert mapping.certain, mapping.reason
    return list(mapping.actions)


@pytest.fixture(scope="module")
def operations():
    """(endpoint prefix, signing name, operation) of every operation that botocore knows."""
    loader, found = Loader(), []
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        endpoint = model["metadata"]["endpointPrefix"]
        signing = model["metadata"].get("signingName", endpoint)
        found += [(endpoint, signing, operation) for operation in model["operations"]]
    return found


@pytest.mark.parametrize(
    ("source", "event", "expected"),
    [
        ("ec2", "DescribeInstances", ["ec2:DescribeInstances"]),
        ("monitoring", "PutMetricAlarm", ["cloudwatch:PutMetricAlarm"]),
        ("tagging", "GetResources", ["tag:GetResources"]),
        ("email", "SendEmail", ["ses:SendEmail"]),
        ("streams.dynamodb", "GetRecords", ["dynamodb:GetRecords"]),
        ("runtime.sagemaker", "InvokeEndpoint", ["sagemaker:InvokeEndpoint"]),
        ("cloudcontrolapi", "CreateResource", ["cloudformation:CreateResource"]),
        ("cloudfront", "CreateDistribution2020_05_31", ["cloudfront:CreateDistribution"]),
        ("cloudfront", "GetDistribution2019_03_26", ["cloudfront:GetDistribution"]),
        ("lambda", "UpdateFunctionCode20150331v2", ["lambda:UpdateFunctionCode"]),
        ("lambda", "Invoke20150331", ["lambda:InvokeFunction"]),
        ("lambda", "GetPolicy20150331v2", ["lambda:GetPolicy"]),
        ("s3", "ListObjectsV2", ["s3:ListBucket"]),
        ("s3", "HeadBucket", ["s3:ListBucket"]),
        ("s3", "HeadObject", ["s3:GetObject"]),
        ("s3", "ListBuckets", ["s3:ListAllMyBuckets"]),
        ("s3", "ListObjectVersions", ["s3:ListBucketVersions"]),
        ("s3", "UploadPart", ["s3:PutObject"]),
        ("s3", "CompleteMultipartUpload", ["s3:PutObject"]),
        ("s3", "AbortMultipartUpload", ["s3:AbortMultipartUpload"]),
        ("s3", "ListParts", ["s3:ListMultipartUploadParts"]),
        ("s3", "DeleteBucketLifecycle", ["s3:PutLifecycleConfiguration"]),
        ("s3", "GetBucketEncryption", ["s3:GetEncryptionConfiguration"]),
        ("s3", "GetBucketCors", ["s3:GetBucketCORS"]),
        ("s3", "PutBucketPublicAccessBlock", ["s3:PutBucketPublicAccessBlock"]),
        ("s3", "PutPublicAccessBlock", ["s3:PutBucketPublicAccessBlock"]),
        ("s3-control", "PutPublicAccessBlock", ["s3:PutAccountPublicAccessBlock"]),
        ("s3-control", "GetBucketPolicy", ["s3-outposts:GetBucketPolicy"]),
        ("s3express", "PutObject", ["s3express:CreateSession"]),
        ("apigateway", "GetRestApis", ["apigateway:GET"]),
        ("apigateway", "UpdateStage", ["apigateway:PATCH"]),
        ("apigateway", "ImportRestApi", ["apigateway:POST"]),
        ("apigateway", "PutIntegration", ["apigateway:PUT"]),
        ("apigateway", "FlushStageCache", ["apigateway:DELETE"]),
        ("apigateway", "GetPortal", ["apigateway:GetPortal"]),
        ("dynamodb", "BatchWriteItem", ["dynamodb:BatchWriteItem"]),
        ("dynamodb", "TransactGetItems", ["dynamodb:GetItem"]),
        ("kms", "ReEncrypt", ["kms:ReEncryptFrom", "kms:ReEncryptTo"]),
        ("kms", "GenerateDataKeyWithoutPlaintext", ["kms:GenerateDataKeyWithoutPlaintext"]),
        ("bedrock", "Converse", ["bedrock:InvokeModel"]),
        ("bedrock-runtime", "ConverseStream", ["bedrock:InvokeModelWithResponseStream"]),
        ("sqs", "SendMessageBatch", ["sqs:SendMessage"]),
        ("ssm", "OpenDataChannel", ["ssmmessages:OpenDataChannel"]),
        ("budgets", "DescribeBudgets", ["budgets:ViewBudget"]),
        ("apigateway", "PutRoutingRule", ["apigateway:UpdateRoutingRule"]),
        ("cloudtrail", "ListInsightsMetricData", ["cloudtrail:LookupEvents"]),
        ("partnercentral-selling", "CreateOpportunity", ["partnercentral:CreateOpportunity"]),
        ("controltower", "UpdateLandingZone", ["controltower:UpdateLandingZone"]),
        ("signin", "CreateOAuth2Token", ["signin:CreateOAuth2Token"]),
        ("amazonmq", "CreateBroker", ["mq:CreateBroker"]),
        ("s3express", "GetBucketMetricsConfiguration", ["s3express:GetMetricsConfiguration"]),
        ("opensearch", "CreateDomain", ["es:CreateDomain"]),
        *[("sesv2", "SendEmail", ["ses:SendEmail"]), ("stepfunctions", "StartExecution", ["states:StartExecution"])],
        ("s3control", "PutPublicAccessBlock", ["s3:PutAccountPublicAccessBlock"]),
        ("catalog-marketplace", "BatchDescribeEntities", ["aws-marketplace:DescribeEntity"]),
        ("cloudformation", "CreateStackSet", ["cloudformation:CreateStackSet"]),
        ("lambda", "CreateMicrovmImage", ["lambda:CreateMicrovmImage"]),
        ("sts", "AssumeRoleWithWebIdentity", ["sts:AssumeRoleWithWebIdentity"]),
    ],
)
def test_events_have_their_actions(source, event, expected):
    assert actions(source, event) == expected


@pytest.mark.parametrize(
    ("source", "event"),
    [
        *[
            ("sts", "GetCallerIdentity"),
            ("sts", "GetSessionToken"),
            ("signin", "ConsoleLogin"),
            ("signin", "SwitchRole"),
        ],
        *[("kms", "RotateKey"), ("s3", "S3.ExpireObject"), ("sso", "Federate"), ("cognito-idp", "Login_GET")],
        *[("cognito-idp", "InitiateAuth"), ("cognito-identity", "GetId"), ("signin", "CredentialChallenge")],
    ],
)
def test_calls_that_need_no_permission_say_so(source, event):
    mapping = actions_for(f"{source}.amazonaws.com", event)
    assert mapping.certain and mapping.actions == () and mapping.reason


@pytest.mark.parametrize(
    ("source", "event", "parameters", "expected"),
    [
        ("s3", "GetObject", {"versionId": "3"}, ["s3:GetObjectVersion"]),
        ("s3", "DeleteObject", {"versionId": "3"}, ["s3:DeleteObjectVersion"]),
        ("s3", "PutObject", {"x-amz-tagging": "a=b"}, ["s3:PutObject", "s3:PutObjectTagging"]),
        ("s3", "PutObject", {"x-amz-acl": "private"}, ["s3:PutObject", "s3:PutObjectAcl"]),
        ("s3", "CopyObject", {"x-amz-copy-source": "/a/b"}, ["s3:PutObject", "s3:GetObject"]),
        ("s3", "CopyObject", {"x-amz-copy-source": "/a/b?versionId=1"}, ["s3:PutObject", "s3:GetObjectVersion"]),
        ("s3", "CreateBucket", {"x-amz-acl": "private"}, ["s3:CreateBucket"]),
        ("s3", "CreateBucket", {"x-amz-acl": "public-read"}, ["s3:CreateBucket", "s3:PutBucketAcl"]),
        ("s3", "PutObject", {"accessControlList": {"x-amz-grant-read": "id=1"}}, ["s3:PutObject", "s3:PutObjectAcl"]),
        ("sso", "ListApplications", {"instanceArn": "arn:aws:sso:::instance/i"}, ["sso:ListApplications"]),
        (
            "ec2",
            "CreateNatGateway",
            {"CreateNatGatewayRequest": {"SubnetId": "s", "TagSpecification": {"ResourceType": "natgateway"}}},
            ["ec2:CreateNatGateway", "ec2:CreateTags"],
        ),
        ("sagemaker", "CreateModel", {"tags": [{"key": "a"}]}, ["sagemaker:CreateModel", "sagemaker:AddTags"]),
        ("glue", "ListJobs", {"tags": {"a": "b"}}, ["glue:ListJobs"]),
        (
            "apigateway",
            "UpdateStage",
            {"patchOperations": [{"path": "/variables/x", "value": ROLE}]},
            ["apigateway:PATCH"],
        ),
        ("sqs", "CreateQueue", {"tags": {"a": "b"}}, ["sqs:CreateQueue", "sqs:TagQueue"]),
        (
            "redshift",
            "GetClusterCredentials",
            {"dbGroups": ["g"], "autoCreate": True},
            ["redshift:GetClusterCredentials", "redshift:JoinGroup", "redshift:CreateClusterUser"],
        ),
        (
            "logs",
            "PutAccountPolicy",
            {"policyType": "TRANSFORMER_POLICY"},
            ["logs:PutAccountPolicy", "logs:PutTransformer"],
        ),
        (
            "lambda",
            "UpdateFunctionCode",
            {"functionName": "f", "s3Bucket": "b", "s3Key": "k"},
            ["lambda:UpdateFunctionCode", "s3:GetObject"],
        ),
        (
            "cognito-idp",
            "CreateUserPool",
            {"smsConfiguration": {"snsCallerArn": ROLE}},
            ["cognito-idp:CreateUserPool", "iam:PassRole"],
        ),
        (
            "apigateway",
            "UpdateAccount",
            {"patchOperations": [{"path": "/cloudwatchRoleArn", "value": ROLE}]},
            ["apigateway:PATCH", "iam:PassRole"],
        ),
        (
            "ec2",
            "CreateLaunchTemplate",
            {"CreateLaunchTemplateRequest": {"LaunchTemplateData": {"IamInstanceProfile": {"Name": "p"}}}},
            ["ec2:CreateLaunchTemplate"],
        ),
        ("dynamodb", "ExecuteStatement", {"statement": "select * from t"}, ["dynamodb:PartiQLSelect"]),
        ("dynamodb", "TransactWriteItems", {"transactItems": [{"put": {"tableName": "t"}}]}, ["dynamodb:PutItem"]),
        ("sts", "AssumeRole", {"roleArn": ROLE}, ["sts:AssumeRole"]),
        ("sts", "AssumeRole", {"tags": [{"key": "team", "value": "a"}]}, ["sts:AssumeRole", "sts:TagSession"]),
        ("sts", "AssumeRole", {"sourceIdentity": "me"}, ["sts:AssumeRole", "sts:SetSourceIdentity"]),
        (
            "ec2",
            "CreateVolume",
            {"tagSpecificationSet": {"items": [{"resourceType": "volume"}]}},
            ["ec2:CreateVolume", "ec2:CreateTags"],
        ),
    ],
)
def test_parameters_decide(source, event, parameters, expected):
    assert actions(source, event, parameters) == expected


@pytest.mark.parametrize(
    ("source", "event", "parameters", "passes"),
    [
        ("lambda", "CreateFunction20150331", {"functionName": "f", "role": ROLE}, True),
        ("lambda", "CreateFunction20150331", None, True),
        ("ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}}, True),
        ("ec2", "RunInstances", {}, False),
        ("ec2", "RunInstances", None, False),
        ("ecs", "RegisterTaskDefinition", {"taskRoleArn": ROLE}, True),
        ("glue", "CreateJob", {"role": ROLE}, True),
        ("firehose", "CreateDeliveryStream", {"extendedS3DestinationConfiguration": {"roleARN": ROLE}}, True),
        ("sts", "AssumeRole", {"roleArn": ROLE}, False),
        ("iam", "AttachRolePolicy", {"roleName": "x"}, False),
        ("glue", "GetJob", {"role": ROLE}, False),
    ],
)
def test_calls_that_take_a_role_pass_it(source, event, parameters, passes):
    assert ("iam:PassRole" in actions(source, event, parameters)) == passes


def test_a_role_in_a_service_that_is_not_documented_is_uncertain():
    mapping = actions_for("opsworks.amazonaws.com", "UpdateStack", {"serviceRoleArn": ROLE})
    assert mapping.actions == ("opsworks:UpdateStack", "iam:PassRole")
    assert not mapping.certain and "role" in mapping.reason


@pytest.mark.parametrize(
    ("source", "event", "parameters"),
    [("dynamodb", "ExecuteStatement", {}), ("dynamodb", "TransactWriteItems", None), ("apigateway", "TagResource", {})],
)
def test_what_the_event_does_not_tell_is_uncertain(source, event, parameters):
    mapping = actions_for(f"{source}.amazonaws.com", event, parameters)
    assert len(mapping.actions) > 1 and not mapping.certain and mapping.reason


@pytest.mark.parametrize(
    ("source", "event"),
    [("nothing.amazonaws.com", "Get"), ("s3.amazonaws.com", "MakeCoffee"), ("", ""), ("s3.amazonaws.com", "*")],
)
def test_the_unknown_maps_to_nothing_and_says_why(source, event):
    mapping = actions_for(source, event)
    assert mapping.actions == () and not mapping.certain and mapping.reason


def test_case_and_spelling_of_the_source_do_not_matter():
    assert actions_for("S3.amazonaws.com", "getobject") == actions_for("s3.amazonaws.com.cn", "GetObject")


@given(st.text(max_size=40), st.text(max_size=40), st.none() | st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_text_is_an_error_and_all_actions_exist(source, event, parameters):
    mapping = actions_for(source, event, parameters)
    assert isinstance(mapping, Mapping) and set(mapping.actions) <= catalogue.load().names


def test_both_spellings_of_a_source_are_one_service(operations):
    # Connect's participants sign with the name of API Gateway's endpoints.
    told_apart = {"participant.connect"}
    pairs = {(endpoint, signing) for endpoint, signing, _ in operations if endpoint not in told_apart}
    different = {pair for pair in pairs if prefix_of(pair[0]) != prefix_of(f"{pair[1]}.amazonaws.com")}
    assert different == set()


def test_every_operation_has_existing_actions_or_a_reason(operations):
    names = catalogue.load().names
    for endpoint, signing, operation in operations:
        for source in {endpoint, signing}:
            mapping = actions_for(f"{source}.amazonaws.com", operation)
            assert set(mapping.actions) <= names and mapping.reason


def test_what_adds_to_an_action_of_the_same_name_has_one():
    adding = [row for row in event_rules() if row.adds]
    assert adding
    for row in adding:
        for source in row.sources:
            assert all(catalogue.load().action(f"{prefix_of(source)}:{event}") for event in row.events)


def test_the_most_used_services_are_certain(operations):
    """Of the 60 services that most managed policies name, with all that tie for the last place; pytest -s shows it."""
    used: Counter[str] = Counter()
    for policy in fetch(progress=False):
        statements = as_list(policy.document["Statement"])
        patterns = [action for statement in statements for action in as_list(statement.get("Action", []))]
        used.update({pattern.partition(":")[0].lower() for pattern in patterns} & set(catalogue.load().services))
    (_, least) = used.most_common(60)[-1]
    most = {prefix for prefix, count in used.items() if count >= least}
    mappings = [actions_for(endpoint, name) for endpoint, _, name in operations if prefix_of(endpoint) in most]
    known = [mapping for mapping in mappings if mapping.certain or mapping.actions]
    certain = sum(mapping.certain for mapping in mappings)
    print(
        f"\n{len(most)} services, certain: {certain:,} of {len(mappings):,} operations ({certain / len(mappings):.2%});"
    )
    print(
        f"no action is known for {len(mappings) - len(known):,}; of the others {certain / len(known):.2%} are certain"
    )
    # botocore is newer than the catalogue: for what came in between there is no action that could be named.
    assert certain / len(known) >= 0.99 and certain / len(mappings) >= 0.97


WRITTEN = [row for row in iampolicy.tables.rows("as_models_write.tsv") if row["kind"] == "operation"]


@pytest.mark.parametrize("written, meant", [(row["written"], row["meant"]) for row in WRITTEN])
def test_repairs_of_policies_take_an_operation_for_the_same_action(written, meant):
    assert actions_for(*written.split(":")).actions[0] == meant
