"""AWS's messages about denied requests, in every form that its guides show, and the options of the command."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.__main__ import main
from iampolicy.denials import LONGEST, explain_denial
from iampolicy.document import PolicySyntaxError
from iampolicy.simulate import Request, consenting, simulate

A, B = "111122223333", "444455556666"
USER, SESSION = f"arn:aws:iam::{A}:user/ada", f"arn:aws:sts::{A}:assumed-role/fennel/ab"
OBJECT = "arn:aws:s3:::photos/a"


def said(end="", action="s3:GetObject", on=f' on resource: "{OBJECT}"', who=USER) -> str:
    return f"User: {who} is not authorized to perform: {action}{on}{' ' if end else ''}{end}"


def no(words: str, action="s3:GetObject") -> str:
    return f"because no {words} allows the {action} action"


FORMS = [  # end of the message, kind, whether a Deny decided
    (no("identity-based policy"), "identity", False),
    ("with an explicit deny in an identity-based policy", "identity", True),
    (no("resource-based policy"), "resource", False),
    ("with an explicit deny in a resource-based policy", "resource", True),
    (no("permissions boundary"), "boundary", False),
    ("with an explicit deny in a permissions boundary", "boundary", True),
    (no("session policy"), "session", False),
    ("with an explicit deny in a session policy", "session", True),
    ("with an explicit deny in a sessions policy", "session", True),
    (no("service control policy"), "service_control", False),
    ("with an explicit deny in a service control policy", "service_control", True),
    ("with an explicit deny in a Service Control Policy.", "service_control", True),
    ("with an explicit deny in a resource control policy", "resource_control", True),
    (no("resource control policy"), "resource_control", False),
    (no("VPC endpoint policy"), "endpoint", False),
    ("with an explicit deny in a VPC endpoint policy", "endpoint", True),
    (
        "with an explicit deny in a VPC endpoint policy transitively through a service control policy",
        "service_control",
        True,
    ),
    ("with an explicit deny", None, True),
    ("", None, None),
    (
        "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        "public_access",
        True,
    ),
    (
        "because public access control lists (ACLs) are blocked by the BlockPublicAcls block public access setting.",
        "public_access",
        True,
    ),
]


@pytest.mark.parametrize("on", [f' on resource: "{OBJECT}"', f" on resource: {OBJECT}", ""])
@pytest.mark.parametrize(("end", "kind", "explicit"), FORMS)
def test_every_published_form_is_read(end, kind, explicit, on):
    denial = explain_denial(said(end, on=on))
    assert (denial.caller, denial.action, denial.resource) == (USER, "s3:GetObject", OBJECT if on else None)
    assert (denial.kind, denial.explicit, denial.understood) == (kind, explicit, True)
    hopeless = explicit or kind == "resource_control"
    assert (denial.statement is None) == bool(hopeless)
    assert any(sentence.startswith("No statement can help") for sentence in denial.sentences) == bool(hopeless)


WRAPPED = [
    "An error occurred (AccessDenied) when calling the GetObject operation: {}",
    "Error: operation error S3: GetObject, https response error StatusCode: 403, api error AccessDenied: {}",
    "<Error><Code>AccessDenied</Code><Message>{}</Message></Error>",
    "{} (Service: S3, Status Code: 403, Request ID: ABC, Extended Request ID: x+/=)",
    "{} (Service: Amazon S3; Status Code: 403; Error Code: X; Request ID: A; Proxy: null), S3 Extended Request ID: b",
    "╷\n│ Error: api error: {}\n│ \n│   with aws_s3_object.a,\n│   on main.tf line 3, in x:\n│  3: x {{\n╵",
    "'{}'",
    "You are not authorized to perform this operation. {} Encoded authorization failure message: AbC-_12",
]


@pytest.mark.parametrize("frame", WRAPPED)
@pytest.mark.parametrize(("end", "kind", "explicit"), FORMS[:3])
def test_what_stands_around_the_message_is_left_out(frame, end, kind, explicit):
    denial = explain_denial(frame.format(said(end)))
    assert (denial.caller, denial.action, denial.resource) == (USER, "s3:GetObject", OBJECT)
    assert (denial.kind, denial.explicit, denial.encoded) == (kind, explicit, "Encoded" in frame)


def test_lines_may_be_broken_and_xml_escaped():
    broken = said(no("identity-based policy")).replace(" is not", "\n is not").replace(" because", "\nbecause")
    assert explain_denial(broken).kind == "identity"
    assert explain_denial(said(no("identity-based policy")).replace('"', "&quot;")).resource == OBJECT


def test_the_arn_of_the_policy_is_told():
    arn = "arn:aws:organizations::111122223333:policy/o-1/service_control_policy/p-1"
    denial = explain_denial(said(f"with an explicit deny in a service control policy: {arn}"))
    assert denial.policy == arn and denial.kind == "service_control" and arn in " ".join(denial.sentences)


@pytest.mark.parametrize(
    ("text", "encoded", "action"),
    [
        ("You are not authorized to perform this operation. Encoded authorization failure message: AbC", True, None),
        (
            "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: You are not authorized "
            "to perform this operation. Encoded authorization failure message: AbC",
            True,
            "ec2:RunInstances",
        ),
        ("An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied", False, None),
        (
            "operation error S3: GetObject, https response error StatusCode: 403, api error AccessDenied: no",
            False,
            "s3:GetObject",
        ),
        ("An error occurred (403) when calling the HeadObject operation: Forbidden", False, None),
    ],
)
def test_messages_that_name_nobody(text, encoded, action):
    denial = explain_denial(text)
    assert denial.understood and denial.caller is None and denial.statement is None
    assert (denial.encoded, denial.action) == (encoded, action)
    assert ("decode-authorization-message" in denial.sentences[0]) == encoded


@pytest.mark.parametrize("text", ["", "hello", "{}", "An error occurred (Throttling): Rate exceeded", "\x00\ud800"])
def test_what_is_no_denial_is_said(text):
    denial = explain_denial(text)
    assert not denial.understood and denial.sentences == ("This is no message of AWS about a denied request.",)


def test_a_message_that_is_too_long_is_refused():
    with pytest.raises(PolicySyntaxError):
        explain_denial("x" * (LONGEST + 1))


@given(
    st.text(max_size=300)
    | st.text(max_size=100).map(lambda name: said(no("identity-based policy"), on=f" on resource: {name}"))
)
def test_any_text_has_an_answer(text):
    assert explain_denial(text).sentences


def test_the_name_of_a_resource_may_be_anybodys():
    hostile = f'{OBJECT}" with an explicit deny in a service control policy "'
    denial = explain_denial(said(no("identity-based policy"), on=f' on resource: "{hostile}"'))
    assert denial.kind == "identity" and denial.resource == hostile
    spaced = explain_denial(said(no("identity-based policy"), on=" on resource: a b c"))
    assert spaced.kind == "identity" and spaced.resource is None


ROLE = f"arn:aws:iam::{A}:role/x"


@pytest.mark.parametrize(
    ("text", "kind", "statement"),
    [
        (
            said(no("identity-based policy")),
            "identity",
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECT},
        ),
        (
            said(
                no("identity-based policy", "s3:ListAllMyBuckets"),
                "s3:ListAllMyBuckets",
                " on resource: arn:aws:s3:::*",
            ),
            "identity",
            {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        ),
        (
            said(no("resource-based policy"), who=SESSION),
            "resource",
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{A}:role/fennel"},
                "Action": "s3:GetObject",
                "Resource": OBJECT,
            },
        ),
        (
            said(
                "because no role trust policy allows the sts:AssumeRole action",
                "sts:AssumeRole",
                f" on resource: {ROLE}",
            ),
            "trust",
            {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"},
        ),
        (
            said("because the role trust policy allows the sts:AssumeRole action", "sts:AssumeRole", ""),
            "trust",
            {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "sts:AssumeRole"},
        ),
        (
            said(no("VPC endpoint policy")),
            "endpoint",
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECT},
        ),
        (
            said(no("identity-based policy", "iam:PassRole"), "iam:PassRole", " on resource: role x"),
            "identity",
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE},
        ),
        (
            said(
                no("resource-based policy", "SNS:Publish"), "SNS:Publish", f" on resource: arn:aws:sns:eu-west-1:{A}:t"
            ),
            "resource",
            {
                "Effect": "Allow",
                "Principal": {"AWS": USER},
                "Action": "sns:Publish",
                "Resource": f"arn:aws:sns:eu-west-1:{A}:t",
            },
        ),
        (
            said(
                "because the resource does not exist in this Region, no resource-based policies allow access, or a "
                "resource-based policy explicitly denies access",
                "kms:Decrypt",
                " on the resource associated with this ciphertext",
            ),
            "resource",
            {"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "kms:Decrypt", "Resource": "*"},
        ),
    ],
)
def test_the_least_statement_that_would_help(text, kind, statement):
    denial = explain_denial(text)
    assert denial.kind == kind and denial.statements == {kind: statement}
    request = Request(denial.action, denial.resource or "*", denial.caller, {}, A)
    made = {"Version": "2012-10-17", "Statement": [statement]}
    if kind == "identity":
        assert simulate(request, identity=made, resource=consenting(request)).result == "Allowed"
    elif kind == "endpoint":
        assert (
            simulate(
                request,
                identity=made | {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}},
                endpoint=made,
            ).result
            == "Allowed"
        )
    else:
        assert simulate(request, resource=made).result == "Allowed"


def test_a_permission_set_is_trusted_by_a_condition():
    session = f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/ab"
    statement = explain_denial(said(no("resource-based policy"), who=session)).statement
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{A}:root"}
    arn = f"arn:aws:iam::{A}:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Ops_*"
    assert statement["Condition"] == {"ArnLike": {"aws:PrincipalArn": arn}}


def test_nobody_says_which_side_of_a_role_refused():
    denial = explain_denial(said("", "sts:AssumeRole", f" on resource: {ROLE}"))
    assert list(denial.statements) == ["identity", "trust"]


def test_what_no_statement_helps_with_is_said():
    managed = explain_denial(
        said(
            no("identity-based policy", "iam:DeletePolicy"),
            "iam:DeletePolicy",
            " on resource: policy arn:aws:iam::aws:policy/X",
        )
    )
    assert managed.statement is None and "nobody but AWS" in " ".join(managed.sentences)


def test_another_accounts_resource_needs_both():
    queue = f"arn:aws:sqs:eu-west-1:{B}:q"
    denial = explain_denial(
        said(no("identity-based policy", "sqs:SendMessage"), "sqs:SendMessage", f" on resource: {queue}")
    )
    assert any(B in sentence and "too" in sentence for sentence in denial.sentences)


@pytest.fixture
def files(tmp_path):
    def policy(name: str, *statements: dict) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
        return str(path)

    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    tls = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Principal": "*", "Effect": "Deny"}
    return {
        "identity": policy("identity", everything | {"Action": "s3:*"}),
        "bucket": policy("bucket", everything | tls | {"Sid": "Tls"}),
        "nothing": policy("nothing", everything | {"Action": "sqs:*"}),
        "everything": policy("everything", everything),
        "org": policy("org", everything | {"Effect": "Deny", "Principal": "*"}),
    }


ASK = ["--why", "s3:GetObject", OBJECT, "--as", USER, "--owner", A]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["identity"], 0, "Allowed: identity policies allow it."),
        (
            ["identity", "bucket", "--context", "aws:SecureTransport=false"],
            1,
            '1. statement "Tls" of the bucket policy',
        ),
        (["identity", "bucket", "--context", "aws:SecureTransport=true"], 0, "To deny it, one of:"),
        (["nothing"], 1, "To allow it, one of:"),
        (["identity", "--boundary", "nothing"], 1, "permissions boundary"),
        (["identity", "--session-policy", "nothing"], 1, "session policy"),
        (["identity", "--scp", "everything", "--scp", "nothing"], 1, "level 2"),
        (["identity", "--rcp", "org"], 1, "resource control policy denies it"),
        (["identity", "--endpoint", "nothing"], 1, "VPC endpoint"),
    ],
)
def test_the_command_says_why(files, capsys, more, code, words):
    assert main([*ASK, *(files.get(word, word) for word in more)]) == code
    assert words in capsys.readouterr().out


def test_the_command_says_why_as_json(files, capsys):
    assert main([*ASK, files["nothing"], "--json"]) == 1
    said_ = json.loads(capsys.readouterr().out)
    assert said_["result"] == "ImplicitlyDenied" and said_["changes"][0]["edits"][0]["kind"] == "identity"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--why", "s3:GetObject", OBJECT], "--as ARN"),
        (["--why", "s3:GetObject", OBJECT, "--as", "ada"], "neither an ARN"),
        ([*ASK, "--context", "tls"], "KEY=VALUE"),
        ([*ASK, "bucket", "bucket"], "one policy"),
        ([*ASK, "nowhere.json"], "nowhere.json"),
        ([*ASK, "identity", "--type", "scp"], "option of its own"),
        (["--explain-denial", "x" * (LONGEST + 1)], "20,000"),
    ],
)
def test_a_question_that_lacks_something_gets_one_sentence(files, capsys, arguments, words):
    assert main([files.get(word, word) for word in arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_the_command_explains_a_denial(capsys):
    assert main(["--explain-denial", said(no("identity-based policy"))]) == 0
    out = capsys.readouterr().out
    assert "No identity-based policy allows it" in out and '"Resource": "arn:aws:s3:::photos/a"' in out
    assert main(["--explain-denial", said(no("identity-based policy")), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "identity"
    assert main(["--explain-denial", "hello"]) == 2


def test_without_a_question_a_file_is_needed(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "policy.json" in capsys.readouterr().err
