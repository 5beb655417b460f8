"""Conditions that lock nobody out, callers that no policy is for, and verdicts that say what is still open."""

import json

import pytest

from iampolicy.document import as_list
from iampolicy.simulate import ALLOWED, Request, simulate
from iamtrail import draft
from iamtrail.__main__ import main
from iamtrail.gate import gate, sentences
from iamtrail.proposals import add
from iamtrail.tables import TAKERS, lines
from iamtrail.trail_error import TrailError

A, R = "111122223333", "eu-west-1"
ROLE = f"arn:aws:iam::{A}:role/app"
IDENTITY = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{A}:assumed-role/app/s",
    "accountId": A,
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE, "accountId": A}},
}
ROOT = {"type": "Root", "arn": f"arn:aws:iam::{A}:root", "accountId": A}
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/1"
WEB = {
    "type": "WebIdentityUser",
    "principalId": f"{PROVIDER}:system:serviceaccount:ns:sa",
    "identityProvider": PROVIDER,
}
KEY = f"arn:aws:kms:{R}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def record(source, event, parameters=None, **more):
    return {
        "eventVersion": "1.08",
        "userIdentity": IDENTITY,
        "eventTime": "2026-03-01T10:00:00Z",
        "awsRegion": R,
        "recipientAccountId": A,
        "eventType": "AwsApiCall",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": event,
        "requestParameters": parameters or {},
    } | more


def acl(**more):
    return record("s3", "GetBucketAcl", {"bucketName": "b"}, **more)


def called_by(service):
    return {"userIdentity": IDENTITY | {"invokedBy": service}}


def decrypted(service, **more):
    return record("kms", "Decrypt", resources=[{"ARN": KEY}], **called_by(service), **more)


def keys(*records):
    return {proposal.key: proposal.values for proposal in draft(list(records)).proposals}


ENDPOINT = {"vpcEndpointId": "vpce-f40dc59d"}


@pytest.mark.parametrize(
    "more",
    [
        {"userAgent": "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.991]"},
        {"userAgent": "AWS Internal", "sourceIPAddress": "AWS Internal"},
        {"userAgent": "athena.amazonaws.com", "sourceIPAddress": "athena.amazonaws.com"},
        {"userAgent": "[Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0]"},
        {"userAgent": "aws-sdk-java", "sourceIPAddress": "cloudformation.amazonaws.com"},
        {"userAgent": "aws-cli/2.30", "sessionCredentialFromConsole": "true"},
        {"userAgent": "aws-cli/2.30", "vpcEndpointAccountId": "999988887777"},
        called_by("secretsmanager.amazonaws.com"),
        called_by("AWS Internal"),
    ],
)
def test_an_endpoint_of_awss_own_becomes_no_condition(more):
    tls = {"tlsDetails": {"tlsVersion": "TLSv1.3"}} if "userIdentity" in more else {}
    assert not keys(acl(**ENDPOINT, **more, **tls)).keys() & {"aws:SourceVpce", "aws:SecureTransport"}


def test_an_endpoint_of_ones_own_does():
    own = {"userAgent": "aws-cli/2.30", "vpcEndpointAccountId": A, "sourceIPAddress": "10.0.0.7"}
    assert keys(acl(**ENDPOINT, **own))["aws:SourceVpce"] == ("vpce-f40dc59d",)
    assert "aws:SourceVpce" not in keys(acl(**ENDPOINT, **own), acl(**own))


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ("secretsmanager.amazonaws.com", {"kms:ViaService": (f"secretsmanager.{R}.amazonaws.com",)}),
        ("cloudformation.amazonaws.com", {}),  # KMS does not tell it
        ("AWS Internal", {}),
    ],
)
def test_a_service_between_is_a_condition_only_where_kms_tells_it(service, found):
    assert keys(decrypted(service, **ENDPOINT)) == found


def test_a_services_own_role_is_not_called_via_it():
    made = record("s3", "PutBucketTagging", {"bucketName": "b"}, **called_by("cloudformation.amazonaws.com"))
    assert "aws:CalledVia" not in keys(made)
    asked = record("cloudformation", "DescribeStacks", {"stackName": "s"})
    assert keys(made, asked)["aws:CalledVia"] == ("cloudformation.amazonaws.com",)


ROLE_NAMED = f"arn:aws:iam::{A}:role/r"


@pytest.mark.parametrize(
    ("source", "event", "parameters", "takers"),
    [
        ("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "p", "roleName": "r"}, {"ec2"}),
        ("ecs", "RegisterTaskDefinition", {"family": "f", "taskRoleArn": ROLE_NAMED}, {"ecs-tasks"}),
        ("lambda", "CreateFunction20150331", {"functionName": "f", "role": ROLE_NAMED}, {"lambda"}),
        ("eks", "CreateFargateProfile", {"clusterName": "c", "podExecutionRoleArn": ROLE_NAMED}, {"eks-fargate-pods"}),
        ("batch", "RegisterJobDefinition", {"containerProperties": {"jobRoleArn": ROLE_NAMED}}, {"ecs-tasks"}),
        (
            "batch",
            "CreateComputeEnvironment",
            {"computeEnvironmentName": "ce", "serviceRole": ROLE_NAMED},
            {"batch", "ec2", "spotfleet"},
        ),
        (
            "rds",
            "CreateDBInstance",
            {"monitoringRoleArn": ROLE_NAMED},
            {"rds", "monitoring.rds", "directoryservice.rds"},
        ),
    ],
)
def test_a_role_is_passed_to_whom_it_is_for(source, event, parameters, takers):
    found = keys(record(source, event, parameters))
    assert set(found["iam:PassedToService"]) == {f"{name}.amazonaws.com" for name in takers}


def test_the_table_of_takers_has_one_row_a_call():
    rows = [tuple(line.split()[:2]) for line in lines("takers.txt")]
    assert len(rows) == len(set(rows)) == len(TAKERS) and all(TAKERS.values())


def test_what_is_proposed_lets_the_calls_of_the_log_through():
    agent = {"userAgent": "aws-cli/2.30", "tlsDetails": {"tlsVersion": "TLSv1.3"}, "vpcEndpointId": "vpce-1"}
    made = draft([acl(**agent), decrypted("s3.amazonaws.com")])
    policy = add(made.policy, made.proposals)
    context = {"aws:SecureTransport": "true", "aws:SourceVpce": "vpce-1"}
    assert simulate(Request("s3:GetBucketAcl", "arn:aws:s3:::b", ROLE, context), identity=policy).result == ALLOWED
    context = {"kms:ViaService": f"s3.{R}.amazonaws.com"}
    assert simulate(Request("kms:Decrypt", KEY, ROLE, context), identity=policy).result == ALLOWED


# The gate


def drafted(tmp_path, capsys, *records, options=()):
    (tmp_path / "a.json").write_text(json.dumps({"Records": list(records)}))
    code = main(["draft", str(tmp_path), "--json", *options])
    out, said = capsys.readouterr()
    return code, json.loads(out), said


@pytest.mark.parametrize(
    "call",
    [
        record("account", "GetContactInformation", {"accountId": "444455556666"}),
        record("kms", "Decrypt"),
        record("s3", "GetObject"),
    ],
    ids=lambda call: call["eventName"],
)
def test_a_placeholder_is_no_fault_of_the_policy(tmp_path, capsys, call):
    code, told, said = drafted(tmp_path, capsys, call)
    assert code == 3 and told["placeholders"] and "ERROR" not in said
    assert not [finding for finding in draft([call]).findings if finding.severity == "ERROR"]


@pytest.mark.parametrize(
    ("source", "event", "parameters", "every"),
    [
        ("rds", "DescribeDBInstances", {"dBInstanceIdentifier": "shop"}, f"arn:aws:rds:{R}:{A}:db:*"),
        ("rds", "DescribeDBClusters", {"dBClusterIdentifier": "shop"}, f"arn:aws:rds:{R}:{A}:cluster:*"),
        ("cloudformation", "DescribeStacks", {"stackName": "shop"}, f"arn:aws:cloudformation:{R}:{A}:stack/*/*"),
    ],
)
def test_a_listing_that_names_nothing_is_asked_for(tmp_path, capsys, source, event, parameters, every):
    code, told, said = drafted(tmp_path, capsys, record(source, event), record(source, event, parameters))
    assert code == 3 and any(every in question for question in told["questions"])
    assert "The gate is passed." not in said


def test_a_call_that_does_not_name_its_resource_keeps_the_gate_open(tmp_path, capsys):
    named = record("dynamodb", "GetItem", {"tableName": "orders"})
    code, told, said = drafted(tmp_path, capsys, named, record("dynamodb", "GetItem"))
    assert code == 3 and "The gate is passed, but for 1 call that does not name its resource." in said
    assert told["placeholders"] == []


def test_root_cannot_be_limited(tmp_path, capsys):
    code, told, said = drafted(tmp_path, capsys, acl(userIdentity=ROOT))
    assert code == 1 and told["passed"] is False
    assert "root cannot be limited by an identity policy" in said and "though it was not seen" not in said
    code, told, said = drafted(tmp_path, capsys, acl(userIdentity=ROOT), record("s3", "ListBuckets"))
    assert code == 0 and told["policies"][0]["Statement"][0]["Action"] == "s3:ListAllMyBuckets"
    assert len(told["policies"][0]["Statement"]) == 1 and any(":root is left out" in q for q in told["questions"])


@pytest.mark.parametrize(
    "identity",
    [WEB, {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}],
    ids=["identity provider", "service"],
)
def test_who_has_no_policy_is_no_caller(tmp_path, capsys, identity):
    assumed = record("sts", "AssumeRole", {"roleArn": ROLE, "roleSessionName": "x"}, userIdentity=identity)
    code, told, said = drafted(tmp_path, capsys, assumed, acl())
    assert code == 0 and told["passed"] is True and "principals are put together" not in said
    assert [as_list(s["Action"]) for s in told["policies"][0]["Statement"]] == [["s3:GetBucketAcl"]]
    assert any("left out" in question for question in told["questions"])


@pytest.mark.parametrize("event", ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"])
def test_who_signs_in_needs_no_policy(tmp_path, capsys, event):
    signing = {"type": "SAMLUser", "principalId": "abc=:jane@example.com", "userName": "jane@example.com"}
    parameters = {"roleArn": ROLE, "principalArn": f"arn:aws:iam::{A}:saml-provider/idp"}
    code, told, said = drafted(tmp_path, capsys, record("sts", event, parameters, userIdentity=signing), acl())
    assert code == 0 and "sts:" not in json.dumps(told["policies"]) and "principals are put together" not in said


def test_calls_of_nobody_with_a_policy_are_no_draft():
    with pytest.raises(TrailError, match="no calls of a role or user, .*1 call of lambda.amazonaws.com is left out"):
        draft(
            [record("sts", "AssumeRole", {}, userIdentity={"type": "AWSService", "invokedBy": "lambda.amazonaws.com"})]
        )
    made = draft([acl(userIdentity=ROOT), acl(userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"})])
    assert made.evidence.limitless == (ROOT["arn"],) and made.evidence.calls == 1


def test_a_line_of_the_verdict_has_all_resources_of_an_action():
    made = draft([record("s3", "GetBucketAcl", {"bucketName": f"b{n}"}) for n in range(30)])
    nothing = made.policy.data | {"Statement": made.policy.data["Statement"][0] | {"Resource": "arn:aws:s3:::c"}}
    other = type(made)(**vars(made) | {"policies": (type(made.policy)(nothing),)})
    said = [line for line in sentences(gate(other)) if line.startswith("Not allowed")]
    assert len(said) == 1 and "and 25 more" in said[0]


# What a log cannot do


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        *(
            ({"awsRegion": region}, "no Region")
            for region in ("*", "eu-west-?", "${aws:username}", "eu-west-1:*", "EU")
        ),
        *(
            ({"recipientAccountId": account}, "no number")
            for account in ("*", "1111222233?3", "${aws:PrincipalAccount}")
        ),
        ({"recipientAccountId": None, "userIdentity": {"accountId": "*"}}, "no number"),
        *(
            ({"userIdentity": {"arn": arn}}, "no ARN")
            for arn in (
                f"arn:*:iam::{A}:role/app",
                "arn:aws:iam::*:role/app",
                "arn:aws:iam::${x}:role/app",
                "arn:aws:*",
            )
        ),
    ],
)
def test_a_record_whose_place_is_a_pattern_is_malformed(tmp_path, capsys, more, reason):
    bad = record("dynamodb", "DeleteTable", {"tableName": "x"}, **more)
    code, told, said = drafted(
        tmp_path, capsys, bad, acl(), options=["--role", "app"] if "userIdentity" not in more else []
    )
    assert code == 4 and told["partial"] is True and told["passed"] is True
    assert [count for why, count in told["left_out"].items() if reason in why] == [1] and reason in said
    text = json.dumps(told["policies"])
    assert "*" not in text and "?" not in text and "${" not in text and "dynamodb" not in text


def test_a_region_of_a_request_is_no_pattern_either():
    copied = record("ec2", "CopySnapshot", {"sourceSnapshotId": "snap-0123456789abcdef0", "sourceRegion": "*"})
    arns = draft([copied]).policy.statements[0].resources
    assert f"arn:aws:ec2:{R}::snapshot/snap-0123456789abcdef0" in arns and not any("${" in arn for arn in arns)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-eusc"])
@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eusc-de-east-1", ""])
def test_regions_and_partitions_of_aws_are_none(partition, region):
    identity = {"arn": f"arn:{partition}:iam::{A}:role/app"}
    assert draft([acl(userIdentity=identity, awsRegion=region)]).policy.statements


def test_one_bad_file_has_an_exit_code_of_its_own(tmp_path, capsys):
    (tmp_path / "bad.json").write_text('{"Records": [')
    (tmp_path / "other.json").write_text('{"a": 1}')
    code, told, said = drafted(tmp_path, capsys, acl())
    assert code == 4 and told["partial"] is True and sorted(told["left_out"].values()) == [1, 1]
    policy = tmp_path / "policy.txt"
    policy.write_text(json.dumps(told["policies"][0]))
    for command in (["read"], ["who"], ["dormant", "--policy", str(policy)], ["watch", "--policy", str(policy)]):
        assert main([command[0], str(tmp_path), *command[1:]]) == 4


def test_the_gate_goes_before_what_could_not_be_read(tmp_path, capsys):
    (tmp_path / "bad.json").write_text("{")
    code, told, _ = drafted(tmp_path, capsys, acl(userIdentity=ROOT))
    assert code == 1 and told["partial"] is True


def test_what_nobody_asked_for_leaves_the_reading_whole(tmp_path, capsys):
    others = [acl(awsRegion="us-east-1"), acl(eventType="AwsServiceEvent"), acl(eventCategory="Insight")]
    code, told, _ = drafted(tmp_path, capsys, acl(), *others, options=["--region", R])
    assert code == 0 and told["partial"] is False and sum(told["left_out"].values()) == 3


def test_nothing_that_can_be_read_is_said_so(tmp_path, capsys):
    (tmp_path / "bad.json").write_text("{")
    assert main(["draft", str(tmp_path)]) == 2
    assert "nothing could be read: not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("permissions", "actions"),
    [
        ({"ClientRootAccess": True, "ClientMount": True, "ClientWrite": True}, ["Mount", "RootAccess", "Write"]),
        ({"ClientRootAccess": False, "ClientMount": True, "ClientWrite": True}, ["Mount", "Write"]),
        ({"ClientMount": True}, ["Mount"]),
    ],
)
def test_a_mount_that_a_service_reports_is_the_callers(permissions, actions):
    system = f"arn:aws:elasticfilesystem:{R}:{A}:file-system/fs-01234567"
    details = {"permissions": permissions, "sourceIpAddress": "10.7.3.72"}
    mounted = record("elasticfilesystem", "NewClientConnection", None, eventType="AwsServiceEvent")
    made = draft([mounted | {"resources": [{"ARN": system}], "serviceEventDetails": details}])
    (statement,) = made.policy.statements
    assert statement.actions == tuple(f"elasticfilesystem:Client{name}" for name in actions)
    assert statement.resources == (system,)
