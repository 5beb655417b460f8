"""Policies in answers of the AWS CLI, Terraform plans and CloudFormation templates: found, typed, addressed."""

import codecs
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy import tables
from iampolicy.__main__ import main
from iampolicy.document import POLICY_TYPES, PolicySyntaxError, parse
from iampolicy.inputs import PLACES, Embedded, guess_type, policies_in

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::quince/*"}
POLICY = {"Version": "2012-10-17", "Statement": [READ]}
TEXT = json.dumps(POLICY)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def seen(data: object) -> list[tuple[str, str]]:
    """Address and type of each policy in a text or value."""
    return [(e.address, e.type) for e in policies_in(data if isinstance(data, str) else json.dumps(data))]


@pytest.mark.parametrize("text", [TEXT, json.dumps(TEXT), json.dumps(json.dumps(TEXT)), quote(TEXT), f" {TEXT}\n"])
def test_a_document_is_found_however_it_is_quoted(text: str) -> None:
    (found,) = policies_in(text)
    assert parse(found.text).data == POLICY
    assert found.address == ""


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", '"hello"', "Statement", '{"Version": "2012-10-17"}', "{}"]
)
def test_what_is_no_known_form_stays_for_the_checks_to_judge(text: str) -> None:
    assert policies_in(text) == [Embedded(text)]


ANSWERS = [  # an answer of the AWS CLI -> addresses and types in it
    ({"RoleName": "Fennel", "PolicyName": "p", "PolicyDocument": POLICY}, [("PolicyDocument", "")]),
    ({"Policy": TEXT}, [("Policy", "")]),
    ({"Policy": quote(TEXT)}, [("Policy", "")]),
    (
        {"Attributes": {"Policy": TEXT, "QueueArn": "arn:aws:sqs:eu-west-1:111122223333:jam"}},
        [("Attributes.Policy", "")],
    ),
    (
        {"Role": {"RoleName": "Fennel", "AssumeRolePolicyDocument": TRUST}},
        [("Role.AssumeRolePolicyDocument", "trust")],
    ),
    (
        {"PolicyVersion": {"Document": POLICY, "VersionId": "v1"}},
        [("PolicyVersion.Document", "identity")],
    ),
    (
        {"RoleDetailList": [{"AssumeRolePolicyDocument": TRUST, "RolePolicyList": [{"PolicyDocument": POLICY}]}]},
        [
            ("RoleDetailList[0].AssumeRolePolicyDocument", "trust"),
            ("RoleDetailList[0].RolePolicyList[0].PolicyDocument", "identity"),
        ],
    ),
    (
        {"Policy": {"PolicySummary": {"Type": "RESOURCE_CONTROL_POLICY"}, "Content": TEXT}},
        [("Policy.Content", "rcp")],
    ),
    ({"VpcEndpoints": [{"PolicyDocument": TEXT}]}, [("VpcEndpoints[0].PolicyDocument", "endpoint")]),
    ([POLICY, POLICY], [("[0]", ""), ("[1]", "")]),
]


@pytest.mark.parametrize(("answer", "found"), ANSWERS)
def test_answers_of_the_command_line_are_unwrapped(answer: object, found: list) -> None:
    assert seen(answer) == found


def resource(address: str, **values: object) -> dict:
    kind = address.split(".")[-2]
    return {"address": address, "mode": "managed", "type": kind, "values": values}


PLAN = {
    "format_version": "1.2",
    "planned_values": {
        "root_module": {
            "resources": [
                resource("aws_iam_policy.read", policy=TEXT, name="read"),
                resource("aws_iam_role.app", assume_role_policy=json.dumps(TRUST), inline_policy=[{"policy": TEXT}]),
                resource("aws_organizations_policy.guard", type="SERVICE_CONTROL_POLICY", content=TEXT),
                resource("aws_s3_bucket_policy.jam", policy=TEXT),
                resource("aws_iam_policy_document.x", json=TEXT) | {"mode": "data"},
            ],
            "child_modules": [{"resources": [resource("module.m.aws_vpc_endpoint.e", policy=TEXT)]}],
        }
    },
    "resource_changes": [
        {"address": "aws_sqs_queue_policy.q", "change": {"after_unknown": {"policy": True, "id": True}}},
        {"address": "aws_iam_role_policy_attachment.a", "change": {"after_unknown": {"policy_arn": True}}},
    ],
}


def test_a_terraform_plan_gives_each_policy_with_its_address() -> None:
    assert seen(PLAN) == [
        ("aws_iam_policy.read.policy", "identity"),
        ("aws_iam_role.app.assume_role_policy", "trust"),
        ("aws_iam_role.app.inline_policy[0].policy", "identity"),
        ("aws_organizations_policy.guard.content", "scp"),
        ("aws_s3_bucket_policy.jam.policy", ""),
        ("module.m.aws_vpc_endpoint.e.policy", "endpoint"),
        ("aws_sqs_queue_policy.q.policy", ""),
    ]
    assert policies_in(json.dumps(PLAN))[-1].note == "known only after apply: not checked"


TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Stage: {Type: String, Default: test}
  Secret: {Type: String}
Resources:
  Jam:
    Type: AWS::S3::Bucket
  Orders:
    Type: AWS::SQS::Queue
  Alarm:
    Type: AWS::SNS::Topic
  App:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: !Sub 'lambda.${AWS::URLSuffix}'}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: p
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - Effect: Allow
                Action: ['s3:GetObject']
                Resource:
                  - !Sub '${Jam.Arn}/${!aws:username}/*'
                  - !Join ['', ['arn:', !Ref 'AWS::Partition', ':s3:::', !Ref Jam, '/', !Ref Stage, '/*']]
                  - Fn::If: [Prod, !GetAtt Jam.Arn, !Ref AWS::NoValue]
              - Fn::If:
                  - Prod
                  - {Effect: Allow, Action: 'sqs:SendMessage', Resource: !GetAtt Orders.Arn}
                  - !Ref AWS::NoValue
              - {Effect: Allow, Action: 'sns:Publish', Resource: !Ref Alarm}
              - {Effect: Allow, Action: 'secretsmanager:GetSecretValue', Resource: !Ref Secret}
"""


def test_a_template_is_read_with_its_functions_answered() -> None:
    trust, inline = policies_in(TEMPLATE)
    assert (trust.address, trust.type) == ("App.AssumeRolePolicyDocument", "trust")
    assert parse(trust.text).data["Version"] == "2012-10-17"
    assert parse(trust.text).statements[0].principal == {"Service": "lambda.amazonaws.com"}
    assert (inline.address, inline.type) == ("App.Policies[0].PolicyDocument", "identity")
    objects, queue, topic, secret = parse(inline.text).statements
    assert objects.resources == ("arn:aws:s3:::jam/${aws:username}/*", "arn:aws:s3:::jam/test/*", "arn:aws:s3:::jam")
    assert queue.resources == ("arn:aws:sqs:us-east-1:123456789012:Orders",)
    assert topic.resources == ("arn:aws:sns:us-east-1:123456789012:Alarm",)
    assert secret.resources == ("Secret",)
    assert inline.unknown == ("Statement[3].Resource",)
    assert "Secret" in inline.note and "Stage (its default is taken)" in inline.note


def test_the_same_template_in_json_and_an_unknown_function() -> None:
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::ImportValue": "queue"}}
    template = {"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {
        "Version": "2012-10-17", "Statement": statement}}}}}  # fmt: skip
    (found,) = policies_in(json.dumps(template))
    assert (found.address, found.type) == ("P.PolicyDocument", "identity")
    assert found.unknown == ("Statement[0].Resource",) and "ImportValue queue" in found.note


BAD = [  # text, and what the one sentence says of it
    ('resource "aws_iam_policy" "p" {\n  policy = "x"\n}', "terraform show -json"),
    ("Resources:\n  A: [", "not YAML"),
    ("Resources:\n  A: &a {}\n  B: *a\n", "no aliases"),
    ('{"Resources": {}}', "no policy in this file"),
    ('{"planned_values": {"root_module": {}}}', "no policy in this file"),
    ('{"A": ' * 90 + "1" + "}" * 90, "nested too deeply"),
    ("Resources:\n  A: !!python/object/apply:os.system ['echo']\n", "not YAML"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_what_cannot_be_read_gets_a_sentence(text: str, said: str) -> None:
    with pytest.raises(PolicySyntaxError, match=said):
        policies_in(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.just(TEXT),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["Statement", "Resources", "Properties", "Type", "Fn::Sub", "Fn::If", "Ref", "Fn::GetAtt",
                             "Fn::Join", "Policy", "planned_values", "root_module", "resources", "values", "type",
                             "PolicySummary", "resource_changes", "change", "after_unknown"]) | st.text(), inner),
        max_leaves=20,
    )
)  # fmt: skip
def test_strange_files_end_in_policies_or_in_a_sentence(data: object) -> None:
    try:
        for found in policies_in(json.dumps(data)):
            assert found.type in ("", *POLICY_TYPES)
    except PolicySyntaxError:
        pass


def test_the_command_judges_each_policy_of_a_file(tmp_path, capsys) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN), encoding="utf-8")
    main([str(path), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert [entry["address"] for entry in report] == [address for address, _ in seen(PLAN)]
    main([str(path)])
    assert "aws_iam_role.app.assume_role_policy (trust policy)" in capsys.readouterr().out
    (tmp_path / "t.yaml").write_text(TEMPLATE, encoding="utf-8")
    assert main([str(tmp_path / "t.yaml")]) in (0, 4)  # nothing is said of a value that only a deployment knows
    assert main([str(path), "--diff", str(path)]) == 2
    assert "holds 7 policies" in capsys.readouterr().err


@pytest.mark.parametrize("encoded", [TEXT.encode("utf-8-sig"), codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")])
def test_the_marks_of_encodings_are_read(tmp_path, capsys, encoded: bytes) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(encoded)
    assert main([str(path)]) == 0
    assert "no findings" in capsys.readouterr().out


def test_the_type_follows_from_the_content() -> None:
    assert guess_type(parse(TEXT)) == "identity"
    assert guess_type(parse(json.dumps({"Statement": READ | {"Principal": "*"}}))) == "resource"
    assert guess_type(parse(json.dumps(TRUST))) == "trust"


def test_the_tables_name_types_that_are_known() -> None:
    assert set(PLACES.values()) <= {*POLICY_TYPES, "endpoint", "by Type"}
    assert len(PLACES) == len(tables.rows("places.tsv"))
