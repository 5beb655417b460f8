"""AWS's validator and simulator: what is asked, and how answers are read. botocore checks the questions."""

import json

import boto3
import pytest
from botocore.stub import ANY, Stubber

from iampolicy import live
from iampolicy.checks import Finding, validate
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
    assert validate(POLICY, live=True) == [expected, expected]


@pytest.mark.parametrize("kind", live.POLICY_TYPES)
def test_every_policy_type_is_asked_for(stubbed, kind: str) -> None:
    stubbed["accessanalyzer"].add_response(
        "validate_policy", {"findings": []}, live.POLICY_TYPES[kind] | {"policyDocument": ANY}
    )
    assert validate(POLICY, kind, live=True) == []


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
    decision = simulate(request, identity=POLICY, live=True)
    ours = simulate(request, identity=POLICY)
    assert decision.result == ours.result == "ExplicitlyDenied"
    assert decision.statements == ours.statements == (Matched("identity", 0, 1, "Keep", "Deny"),)


def test_what_the_simulator_does_not_take_is_refused() -> None:
    request = Request("s3:GetObject", "*", "111122223333")
    with pytest.raises(ValueError, match="no session"):
        simulate(request, POLICY, session=[POLICY], live=True)
