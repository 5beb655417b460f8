"""Drafts from evidence: what was seen and nothing else, the same bytes each time, questions where nothing is said."""

import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.document import POLICY_TYPES, as_list
from iampolicy.simulate import Request, simulate
from iamtrail import actions_for, draft, gate
from iamtrail.drafting import FILL_IN, pieces
from iamtrail.files import read
from iamtrail.gate import sentences
from iamtrail.generalise import Rule
from iamtrail.observed import Filters, Observed
from iamtrail.proposals import add
from iamtrail.trail import write
from iamtrail.trail_error import TrailError

ROLE = "arn:aws:iam::111122223333:role/app"
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def call(
    source: str, event: str, calls: int = 1, context=(), principal: str = ROLE, errors=(), **parameters
) -> Observed:
    pairs = tuple(sorted(parameters.items()))
    return Observed(
        *(principal, "111122223333", "eu-west-1", f"{source}.amazonaws.com", event, pairs, ()),
        *(context, calls, NOW, NOW, errors),
    )


def statements(made) -> list[dict]:
    return as_list(made.policy.data["Statement"])


def by_sid(made) -> dict[str, dict]:
    return {statement["Sid"]: statement for statement in statements(made)}


GET = call("s3", "GetObject", bucketName="docs", key="a.txt")
PUT = call("s3", "PutObject", bucketName="docs", key="b.txt")
HEAD = call("s3", "HeadObject", bucketName="docs", key="a.txt")
BUCKETS = call("s3", "ListBuckets")
ITEM = call("dynamodb", "GetItem", tableName="orders")


def test_only_what_was_seen_is_allowed():
    made = draft([GET, PUT, HEAD, BUCKETS, ITEM])
    allowed = {(a, r) for s in statements(made) for a in as_list(s["Action"]) for r in as_list(s["Resource"])}
    assert allowed == {
        ("s3:GetObject", "arn:aws:s3:::docs/a.txt"),
        ("s3:PutObject", "arn:aws:s3:::docs/b.txt"),
        ("s3:ListAllMyBuckets", "*"),
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"),
    }
    assert not made.questions and not made.placeholders and not made.findings


def test_statements_of_a_service_are_put_together_only_if_no_new_pair_comes_of_it():
    both = [call("dynamodb", name, tableName="orders") for name in ("GetItem", "PutItem")]
    assert len(statements(draft(both))) == 1
    assert len(statements(draft([*both, call("dynamodb", "GetItem", tableName="users")]))) == 2
    # A bucket and its objects: no action can be on both, so one statement says the same as two.
    assert len(statements(draft([GET, call("s3", "GetBucketLocation", bucketName="docs")]))) == 1


def test_the_same_events_give_the_same_bytes():
    rows = [GET, PUT, HEAD, BUCKETS, ITEM, call("kms", "Decrypt"), call("sqs", "SendMessage", queueUrl="x")]
    first = draft(rows)
    for seed in range(5):
        mixed = random.Random(seed).sample(rows, len(rows))
        again = draft(mixed)
        assert again.policy.to_json() == first.policy.to_json() and again.questions == first.questions


def test_what_the_evidence_does_not_name_is_a_placeholder_and_a_question():
    made = draft([call("kms", "Decrypt", calls=3), GET])
    (arn,) = made.placeholders
    assert arn.startswith("arn:aws:kms:eu-west-1:111122223333:key/FILL-IN-")
    assert any(arn in question and "kms:Decrypt" in question for question in made.questions)
    json.loads(made.policy.to_json())
    other = Request("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/1234", ROLE)
    assert simulate(other, identity=made.policy).result != "Allowed"
    assert gate.gate(made).waiting == 1 and gate.gate(made).passed


def test_failed_and_uncertain_calls_are_said_and_not_granted():
    made = draft(
        [
            GET,
            call("s3", "DeleteObject", calls=0, errors=(("AccessDenied", 4),), bucketName="docs", key="a.txt"),
            call("nosuchservice", "DoThings", calls=2),
            call("sts", "GetCallerIdentity"),
        ]
    )
    assert "DeleteObject" not in made.policy.to_json() and any("4 calls failed" in s for s in made.evidence.failed)
    assert any("nosuchservice" in question for question in made.questions)
    assert made.evidence.free == ("sts.amazonaws.com GetCallerIdentity",)


def test_sids_read_well_and_are_valid():
    made = draft(
        [GET, PUT, BUCKETS, ITEM, call("lambda", "CreateFunction20150331", functionName="f", role=f"{ROLE}-f")]
    )
    assert {"S3ReadAnyResource", "S3Read", "S3Write", "DynamoDBRead", "LambdaWrite", "PassRole"} == set(by_sid(made))
    assert all(sid.isalnum() for sid in by_sid(made))
    assert by_sid(made)["PassRole"]["Resource"] == f"{ROLE}-f"


def test_a_principal_is_chosen_by_name_or_arn_or_session():
    other = call("s3", "DeleteObject", bucketName="docs", key="x", principal="arn:aws:iam::111122223333:role/other")
    session = "arn:aws:sts::111122223333:assumed-role/app/session"
    for name in ("app", ROLE, session):
        assert "DeleteObject" not in draft([GET, other], name).policy.to_json()
    assert any("2 principals" in question for question in draft([GET, other]).questions)
    with pytest.raises(TrailError, match=r"no events of nobody: there are some of .*role/app"):
        draft([GET], "nobody")
    with pytest.raises(TrailError, match="no events"):
        draft([])


def test_records_of_cloudtrail_are_taken_as_they_are():
    record = {
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann"},
        **{"eventTime": "2026-09-01T10:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "GetObject"},
        **{"awsRegion": "eu-west-1", "recipientAccountId": "111122223333"},
        **{"requestParameters": {"bucketName": "docs", "key": "a.txt"}, "resources": None},
    }
    assert by_sid(draft([record]))["S3Read"]["Resource"] == "arn:aws:s3:::docs/a.txt"


def test_what_was_no_record_is_counted():
    record = {"eventTime": "2026-09-01T00:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets"}
    made = draft([record | {"userIdentity": {"arn": ROLE}}, "no record", 7, None])
    assert made.evidence.skipped == ("record that is no object of CloudTrail: 3",)
    assert draft([BUCKETS]).evidence.skipped == ()
    with pytest.raises(TrailError, match=r"no events \(left out: record that is no object of CloudTrail: 1\)"):
        draft([1])


def test_what_an_action_depends_on_and_nobody_was_seen_to_call_is_a_question():
    made = draft([call("cloudformation", "DescribeStacks", stackName="shop")])
    assert [q for q in made.questions if "cloudformation:ListStacks" in q] and len(statements(made)) == 1
    seen = [call("cloudformation", "DescribeStacks", stackName="shop"), call("cloudformation", "ListStacks")]
    assert not [q for q in draft(seen).questions if "depend" in q]


def test_that_no_data_event_was_seen_is_said():
    assert [q for q in draft([BUCKETS]).questions if q.startswith("No data events")]
    assert not [q for q in draft([BUCKETS, GET]).questions if q.startswith("No data events")]


def test_calls_that_list_are_asked_about_with_the_arn_for_all():
    (asked,) = [q for q in draft([call("rds", "DescribeDBInstances"), GET]).questions if "FILL-IN" in q]
    assert asked.endswith("if they list whatever there is, it is arn:aws:rds:eu-west-1:111122223333:db:*.")


def test_what_a_launch_cannot_do_without_is_a_placeholder():
    made = draft([call("ec2", "RunInstances", **{"launchTemplate.launchTemplateId": "lt-1"})])
    assert [p.rpartition("/")[2] for p in made.placeholders] == [
        f"{FILL_IN}{name}" for name in ("SecurityGroupId", "SubnetId", "ImageId")
    ]
    verdict = gate.gate(made)
    assert verdict.passed and verdict.waiting == 1
    assert next(iter(sentences(verdict))) == "The gate is passed, but for 1 action."


@pytest.mark.parametrize(
    ("source", "event", "parameters", "action", "resource"),
    [
        ("kms", "CreateKey", {"tags": "given"}, "kms:TagResource", "arn:aws:kms:eu-west-1:111122223333:key/*"),
        (
            "ecs",
            "RunTask",
            {"cluster": "prod", "taskDefinition": "web:3", "tags": "given"},
            "ecs:TagResource",
            "arn:aws:ecs:eu-west-1:111122223333:task/prod/*",
        ),
        (
            "rds",
            "CreateDBInstance",
            {"dBInstanceIdentifier": "d", "dBParameterGroupName": "pg", "tags": "given"},
            "rds:AddTagsToResource",
            "arn:aws:rds:eu-west-1:111122223333:db:d",
        ),
        (
            "elasticfilesystem",
            "CreateFileSystem",
            {"tags": "given"},
            "elasticfilesystem:TagResource",
            "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/*",
        ),
        (
            "events",
            "PutRule",
            {"name": "r", "tags": "given"},
            "events:TagResource",
            "arn:aws:events:eu-west-1:111122223333:rule/r",
        ),
        (
            "ecs",
            "RunTask",
            {"taskDefinition": "web:3", "tags": "given"},
            "ecs:TagResource",
            "arn:aws:ecs:eu-west-1:111122223333:task/default/*",
        ),
        (
            "iam",
            "CreateRole",
            {"roleName": "r", "path": "/ci/", "tags": "given"},
            "iam:TagRole",
            "arn:aws:iam::111122223333:role/ci/r",
        ),
        (
            "elasticloadbalancing",
            "CreateLoadBalancer",
            {"name": "l", "tags": "given"},
            *(
                "elasticloadbalancing:AddTags",
                "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/l/*",
            ),
        ),
        (
            "elasticloadbalancing",
            "CreateTargetGroup",
            {"name": "g", "tags": "given"},
            "elasticloadbalancing:AddTags",
            "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/g/*",
        ),
        (
            "sqs",
            "CreateQueue",
            {"queueName": "q", "tags": "given"},
            "sqs:TagQueue",
            "arn:aws:sqs:eu-west-1:111122223333:q",
        ),
    ],
)
def test_tags_at_creation_are_on_what_is_made(source, event, parameters, action, resource):
    made = draft([call(source, event, **parameters)])
    use = next(use for use in made.evidence.uses if use.action == action)
    assert use.arns == (resource,) and not use.formats


def test_a_user_who_names_nobody_means_itself():
    user = "arn:aws:iam::111122223333:user/team/ada"
    made = draft(
        [call("iam", "CreateAccessKey", principal=user), call("iam", "GetUser", userName="bo", principal=user)]
    )
    uses = {use.action: use.arns for use in made.evidence.uses}
    assert uses == {"iam:CreateAccessKey": (user,), "iam:GetUser": ("arn:aws:iam::111122223333:user/bo",)}


def test_a_user_is_not_meant_where_another_may_be():
    user = "arn:aws:iam::111122223333:user/ada"
    made = draft([call("iam", "GetAccessKeyLastUsed", accessKeyId="AKIA", principal=user)])
    assert made.placeholders and user not in made.policy.to_json()


def test_the_gate_takes_signs_in_names_as_they_are(tmp_path):
    made = draft([call("logs", "FilterLogEvents", logGroupName="/a*")])
    verdict = gate.gate(made)
    assert verdict.passed and not verdict.granted
    assert gate.gate(draft([call("iam", "GetPolicy", policyArn="arn:aws:iam::aws:policy/X"), GET])).passed


def test_only_calls_that_list_are_told_of_all():
    (asked,) = [q for q in draft([call("kms", "DescribeKey"), GET]).questions if "FILL-IN" in q]
    assert "whatever there is" not in asked


def test_a_role_that_is_passed_has_a_statement_of_its_own():
    role = "arn:aws:iam::111122223333:role/app-role"
    made = draft([call("iam", "AddRoleToInstanceProfile", roleName="app-role", instanceProfileName="app")])
    assert by_sid(made)["PassRole"]["Action"] == "iam:PassRole" and by_sid(made)["PassRole"]["Resource"] == role


@pytest.mark.parametrize("events", [None, 5, "x", {"Records": []}])
def test_what_are_no_events_is_said(events):
    with pytest.raises(TrailError, match="^events are a .*: give a Reading"):
        draft(events)


def test_nothing_from_outside_becomes_a_wildcard_or_a_variable():
    hostile = ("*", "a/*", "${aws:username}", "?", "x' OR '1'='1", "<script>", "a\nb", "\ue000", "a/\ue000")
    made = draft([call("s3", "GetObject", bucketName="docs", key=key) for key in hostile[:7]])
    for arn in as_list(by_sid(made)["S3Read"]["Resource"]):
        assert not arn.endswith("/*") and "${aws" not in arn
    record = {
        "userIdentity": {"arn": ROLE},
        **{"eventTime": "2026-09-01T10:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "GetObject"},
        "awsRegion": "eu-west-1",
    }
    for key in hostile:
        made = draft([record | {"requestParameters": {"bucketName": "docs", "key": key}}])
        assert '"arn:aws:s3:::docs/*"' not in made.policy.to_json() and "/a/*" not in made.policy.to_json()
        outside = Request("s3:GetObject", "arn:aws:s3:::docs/other", ROLE)
        assert simulate(outside, identity=made.policy).result != "Allowed"


def test_a_long_policy_comes_in_pieces_that_fit_and_say_the_same():
    rows = [call("s3", "GetObject", bucketName="docs", key=f"2026/{n:05}/report.txt") for n in range(400)]
    made = draft([*rows, ITEM])
    assert len(made.policies) > 1
    assert all(policy.size("identity") <= POLICY_TYPES["identity"].most for policy in made.policies)

    def pairs(policies):
        return {
            (a, r)
            for policy in policies
            for s in as_list(policy.data["Statement"])
            for a in as_list(s["Action"])
            for r in as_list(s["Resource"])
        }

    assert pairs(made.policies) == pairs([made.policy])
    assert any("pieces" in question for question in made.questions)
    sids = [s["Sid"] for policy in made.policies for s in as_list(policy.data["Statement"])]
    assert len(sids) == len(set(sids))
    assert gate.gate(made).passed


@pytest.mark.parametrize(
    ("way", "resource"),
    [
        ("prefix", "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-*"),
        ("account", "arn:aws:dynamodb:eu-west-1:111122223333:table/*"),
    ],
)
def test_names_become_more_general_where_somebody_asks(way, resource):
    rows = [call("dynamodb", "GetItem", tableName=f"shop-{name}") for name in ("orders", "users", "items")]
    assert by_sid(draft(rows, by=Rule(way)))["DynamoDBRead"]["Resource"] == resource
    assert len(by_sid(draft(rows))["DynamoDBRead"]["Resource"]) == 3
    assert gate.gate(draft(rows, by=Rule(way))).passed


def test_paths_and_roles_are_not_widened_too_far():
    rows = [call("s3", "GetObject", bucketName="docs", key=f"2026/{n}.txt") for n in range(3)]
    assert by_sid(draft(rows, by=Rule("prefix")))["S3Read"]["Resource"] == "arn:aws:s3:::docs/2026/*"
    passing = [call("lambda", "CreateFunction20150331", functionName=f"f{n}", role=f"{ROLE}-{n}") for n in range(4)]
    for way in ("prefix", "account"):
        assert len(by_sid(draft(passing, by=Rule(way)))["PassRole"]["Resource"]) == 4


def test_a_tag_stands_in_for_names():
    made = draft([ITEM, BUCKETS], by=Rule("tag", "team=payments"))
    statement = next(s for s in statements(made) if "dynamodb" in json.dumps(s))
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/team": "payments"}}
    assert statement["Resource"].endswith("table/*")
    with pytest.raises(TrailError, match="key=value"):
        Rule("tag")
    with pytest.raises(TrailError, match="one of"):
        Rule("everything")


def test_conditions_are_proposed_and_not_imposed():
    context = (("mfa", "true"), ("tlsVersion", "TLSv1.3"), ("vpcEndpointId", "vpce-1"))
    made = draft([call("s3", "GetObject", context=context, bucketName="docs", key="a")])
    assert "Condition" not in made.policy.to_json()
    assert {p.key for p in made.proposals} == {
        "aws:SourceVpce",
        "aws:SecureTransport",
        "aws:MultiFactorAuthPresent",
    }
    stricter = add(made.policy, made.proposals)
    request = Request("s3:GetObject", "arn:aws:s3:::docs/a", ROLE)
    met = {"aws:SourceVpce": "vpce-1", "aws:SecureTransport": "true", "aws:MultiFactorAuthPresent": "true"}
    assert simulate(request, identity=stricter).result != "Allowed"
    assert simulate(Request(*(request.action, request.resource, ROLE), met), identity=stricter).result == "Allowed"
    mixed = [call("s3", "GetObject", context=c, bucketName="docs", key="a") for c in (context, ())]
    assert not draft(mixed).proposals


def test_the_gate_sees_what_is_missing_and_what_is_too_much():
    made = draft([GET, PUT, ITEM])
    verdict = gate.gate(made)
    assert verdict.passed and verdict.allowed == 3 and verdict.tried >= 6
    assert next(iter(sentences(verdict))) == "The gate is passed."
    from dataclasses import replace

    less = replace(made, policies=tuple(pieces(statements(made)[1:])))
    assert not gate.gate(less).passed and gate.gate(less).refused
    wide = pieces([{"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::docs/*"}])
    more = replace(made, policies=(*made.policies, *wide))
    assert gate.gate(more).granted
    star = pieces([{"Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}])
    assert gate.gate(replace(made, policies=(*made.policies, *star))).findings


def test_the_gate_can_be_put_to_aws(monkeypatch):
    from iamtrail import gate as module

    asked = []
    monkeypatch.setattr(module.aws, "validate", lambda policy: asked.append(policy) or [])
    monkeypatch.setattr(module.aws, "simulate", lambda request, identity: simulate(request, identity=identity))
    assert gate.gate(draft([GET, ITEM]), live=True).passed and asked


services = st.sampled_from(["s3", "dynamodb", "sqs", "kms", "lambda", "iam", "ec2", "sts", "logs", "ecs", "states"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_was_seen_the_gate_is_passed(data):
    rows = [GET]  # something needs a permission
    for _ in range(data.draw(st.integers(1, 6))):
        service = data.draw(services)
        action = data.draw(
            st.sampled_from(sorted(a.operation for a in catalogue.load().services[service].actions.values()))
        )
        names = {"bucketName": "docs", "key": "k", "tableName": "t", "functionName": "f", "roleName": "r"}
        rows.append(call(service, action, **data.draw(st.sampled_from([{}, names]))))
    made = draft(rows)
    assert {f.severity for f in made.findings} <= {"WARNING", "SUGGESTION", "SECURITY_WARNING"}
    verdict = gate.gate(made)
    assert not verdict.refused and not verdict.granted
    assert all(FILL_IN in arn for arn in made.placeholders)


@pytest.mark.parametrize("role", ["staging-deploy", "data-pipeline"])
def test_a_trail_becomes_a_policy_that_passes_the_gate(tmp_path, role):
    write(tmp_path, events=2_000, seed=0)
    made = draft(read(tmp_path, Filters(principal=role), progress=False), role)
    assert len(statements(made)) > 5 and gate.gate(made).passed
    assert not [f for f in made.findings if f.severity == "ERROR"]


def test_calls_that_need_a_second_permission():
    def needed(source, event, **parameters):
        return set(actions_for(f"{source}.amazonaws.com", event, parameters).actions)

    assert needed("secretsmanager", "BatchGetSecretValue", secretIdList=["a"]) == {
        "secretsmanager:BatchGetSecretValue",
        "secretsmanager:GetSecretValue",
    }
    assert "sts:GetServiceBearerToken" in needed("ecr-public", "GetAuthorizationToken")
    assert "iam:PassRole" in needed("glue", "CreateJob", name="j", role="etl")
    assert needed("autoscaling", "PutScalingPolicy", serviceNamespace="ecs") == {
        "application-autoscaling:PutScalingPolicy"
    }
    assert needed("autoscaling", "RegisterScalableTarget") == {"application-autoscaling:RegisterScalableTarget"}
    assert needed("autoscaling", "PutScalingPolicy", autoScalingGroupName="g") == {"autoscaling:PutScalingPolicy"}


def test_a_part_of_an_api_is_not_all_of_it():
    made = draft([call("apigateway", "DeleteRoute", apiId="a1", routeId="r1")])
    assert by_sid(made).popitem()[1]["Resource"] == "arn:aws:apigateway:eu-west-1::/apis/a1/routes/r1"
    listed = draft([call("apigateway", "GetRestApis"), GET])
    assert not [f for f in listed.findings if f.severity == "ERROR"] and gate.gate(listed).passed


@pytest.mark.parametrize(
    ("event", "parameters", "path"),
    [
        ("CreateDeployment", {"apiId": "a", "stageName": "prod"}, "/apis/a/deployments"),
        ("CreateDeployment", {"restApiId": "a", "stageName": "prod"}, "/restapis/a/deployments"),
        ("CreateRoute", {"apiId": "a", "authorizerId": "x"}, "/apis/a/routes"),
        ("UpdateRestApi", {"restApiId": "a"}, "/restapis/a"),
        ("CreateResource", {"restApiId": "a", "parentId": "p"}, "/restapis/a/resources/p"),
        (
            "PutIntegration",
            {"restApiId": "a", "resourceId": "r", "httpMethod": "GET"},
            "/restapis/a/resources/r/methods/GET/integration",
        ),
        ("UpdateAccount", {}, "/account"),
        (
            "GetTags",
            {"resourceArn": "arn:aws:apigateway:eu-west-1::/restapis/a"},
            "/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Frestapis%2Fa",
        ),
        ("ImportApi", {}, "/apis"),
    ],
)
def test_a_request_to_api_gateway_has_its_path(event, parameters, path):
    (use,) = draft([call("apigateway", event, **parameters)]).evidence.uses
    assert use.arns == (f"arn:aws:apigateway:eu-west-1::{path}",)


def test_apis_are_listed_and_made_in_their_collection():
    made = draft([call("apigateway", "GetRestApis"), call("apigateway", "CreateDomainName", domainName="a.example")])
    got, posted = (next(s for s in statements(made) if s["Action"] == f"apigateway:{verb}") for verb in ("GET", "POST"))
    assert got["Resource"] == "arn:aws:apigateway:eu-west-1::/restapis"
    assert posted["Resource"] == "arn:aws:apigateway:eu-west-1::/domainnames" and not made.placeholders


def test_nothing_to_allow_is_said_in_one_line():
    with pytest.raises(TrailError, match="no call succeeded that needs a permission: s3.* failed with AccessDenied"):
        draft([call("s3", "GetObject", calls=0, errors=(("AccessDenied", 2),), bucketName="b", key="k")])
    with pytest.raises(TrailError, match="GetCallerIdentity needs no permission"):
        draft([call("sts", "GetCallerIdentity")])
    assert not gate.gate(draft([call("kms", "Decrypt")])).passed  # nothing could be tried


def test_keys_used_through_a_service_are_proposed_with_the_key_that_kms_knows():
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    made = draft([call("kms", "Decrypt", context=(("invokedBy", "s3.amazonaws.com"),), keyId=key)])
    assert [(p.key, p.values) for p in made.proposals] == [("kms:ViaService", ("s3.eu-west-1.amazonaws.com",))]
