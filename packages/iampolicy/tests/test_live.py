"""AWS's validator and simulator: what is asked, and how answers are read. botocore checks the questions."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError, NoCredentialsError, NoRegionError
from botocore.stub import ANY, Stubber

from iampolicy import live
from iampolicy.__main__ import main
from iampolicy.checks import Finding
from iampolicy.simulate import Matched, Request, simulate

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        {"Sid": "Keep", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
    ],
}
ROW = {
    "findingType": "ERROR",
    "issueCode": "INVALID_ACTION",
    "findingDetails": "The action s3:Nope does not exist.",
    "learnMoreLink": "https://docs.aws.amazon.com/",
    "locations": [
        {
            "path": [{"value": "Statement"}, {"index": 0}, {"value": "Action"}, {"index": 1}],
            "span": {
                "start": {"line": 1, "column": 1, "offset": 0},
                "end": {"line": 1, "column": 2, "offset": 1},
            },
        }
    ],
}


def client_error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "ListPolicies")


@pytest.fixture
def stubbed(monkeypatch):
    """Clients of boto3 whose answers are given; whatever they are asked is validated by botocore."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    clients = {name: boto3.client(name, region_name="us-east-1") for name in ("accessanalyzer", "iam")}
    monkeypatch.setattr(live, "_client", clients.__getitem__)
    stubs = {name: Stubber(client) for name, client in clients.items()}
    for stub in stubs.values():
        stub.activate()
    return stubs


def test_findings_of_all_pages_come_in_our_type(stubbed) -> None:
    question = {"policyType": "IDENTITY_POLICY", "policyDocument": json.dumps(POLICY, separators=(",", ":"))}
    stubbed["accessanalyzer"].add_response("validate_policy", {"findings": [ROW], "nextToken": "more"}, question)
    stubbed["accessanalyzer"].add_response("validate_policy", {"findings": [ROW]}, question | {"nextToken": "more"})
    expected = Finding("INVALID_ACTION", "ERROR", ROW["findingDetails"], "Statement[0].Action[1]")
    assert live.validate(POLICY) == [expected, expected]


@pytest.mark.parametrize("kind", live.POLICY_TYPES)
def test_every_policy_type_is_asked_for(stubbed, kind: str) -> None:
    stubbed["accessanalyzer"].add_response(
        "validate_policy", {"findings": []}, live.POLICY_TYPES[kind] | {"policyDocument": ANY}
    )
    assert live.validate(POLICY, kind) == []


def test_ours_and_theirs_stand_side_by_side(stubbed) -> None:
    wrong = POLICY | {"Statement": POLICY["Statement"][0] | {"Action": ["s3:GetObject", "s3:Nope"]}}
    stubbed["accessanalyzer"].add_response("validate_policy", {"findings": [ROW]})
    assert live.beside(wrong) == [{"code": "INVALID_ACTION", "severity": "ERROR", "ours": 1, "aws": 1}]


def test_a_decision_names_the_statement(stubbed) -> None:
    answer = {
        "EvalActionName": "s3:DeleteObject",
        "EvalDecision": "explicitDeny",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 130},
                "EndPosition": {"Line": 1, "Column": 210},
            }
        ],
    }
    expected = {
        "PolicyInputList": ANY,
        "ActionNames": ["s3:DeleteObject"],
        "ResourceArns": ["arn:aws:s3:::photos/a"],
        "CallerArn": "arn:aws:iam::111122223333:user/ada",
        "ContextEntries": [
            {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
            {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": ["a", "b"], "ContextKeyType": "stringList"},
        ],
    }
    stubbed["iam"].add_response("simulate_custom_policy", {"EvaluationResults": [answer]}, expected)
    context = {"aws:SecureTransport": True, "aws:TagKeys": ["a", "b"]}
    request = Request("s3:DeleteObject", "arn:aws:s3:::photos/a", "arn:aws:iam::111122223333:user/ada", context)
    decision = live.simulate(request, identity=POLICY)
    ours = simulate(request, identity=POLICY)
    assert decision.result == ours.result == "ExplicitlyDenied"
    assert decision.statements == ours.statements == (Matched("identity", 0, 1, "Keep", "Deny"),)


class Refused(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (client_error("AccessDenied", "no"), "IAM refused (AccessDenied): your identity needs iam:ListPolicies"),
        (client_error("Odd", "Come back\nlater\x1b {needs}"), "IAM refused (Odd): Come back later\\u001b {needs}"),
        (client_error("Odd", ""), "IAM refused (Odd): no reason is given"),
        (NoCredentialsError(), "IAM cannot be asked: no AWS credentials were found: run `aws configure`"),
        (
            EndpointConnectionError(endpoint_url="x"),
            "IAM cannot be asked: AWS cannot be reached: check the",
        ),
        (HTTPClientError(error="x"), "IAM cannot be asked: AWS cannot be reached: check the network and the proxy"),
        (NoRegionError(), "IAM cannot be asked: You must specify a region: check credentials, Region and network"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(error, says):
    with pytest.raises(Refused) as told, live.asking("IAM", "iam:ListPolicies", Refused):
        raise error
    assert str(told.value).startswith(says) and told.value.__cause__ is error


def test_the_command_says_it_too(stubbed, tmp_path, capsys):
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    stubbed["accessanalyzer"].add_client_error("validate_policy", "AccessDeniedException")
    assert main([str(tmp_path / "policy.json"), "--live"]) == 2
    assert "your identity needs access-analyzer:ValidatePolicy" in capsys.readouterr().err
