"""Why calls were refused, what cures them, and what is allowed but never used."""

import copy
import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.compare import compare
from iampolicy.document import Policy, PolicySyntaxError
from iampolicy.simulate import ALLOWED, Request, simulate
from iamtrail import files, tables, trail
from iamtrail.dormant import dormant, table
from iamtrail.extension import extend
from iamtrail.observed import Denied, Observed
from iamtrail.parameters import CUT
from iamtrail.tables import UNRECORDED
from iamtrail.watch import explain, told

REGION, ACCOUNT = "eu-west-1", "111122223333"
HERE = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run-1"
WHEN = datetime(2026, 9, 2, 10, 30, tzinfo=UTC)
KEY = f"arn:aws:kms:{HERE}:key/0d990263-018e-4e65-a703-eff731de951e"
FUNCTION = f"arn:aws:lambda:{HERE}:function:shop"
ADMIN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource, **more):
    return allow(action, resource, **more) | {"Effect": "Deny"}


def refused(source, event, parameters=(), message="Access Denied", **more):
    fields = {
        "principal": ROLE,
        "account": ACCOUNT,
        "region": REGION,
        "source": f"{source}.amazonaws.com",
        "event": event,
        "parameters": tuple(sorted(dict(parameters).items())),
        "resources": (),
        "code": "AccessDenied",
        "message": message,
        "when": WHEN,
        "calls": 1,
    }
    return Denied(**fields | more)


def put(bucket="b", key="k", message="Access Denied", **more):
    return refused("s3", "PutObject", {"bucketName": bucket, "key": key}, message, **more)


def says(action, resource=None, end=""):
    where = f" on resource: {resource}" if resource else ""
    return f"User: {SESSION} is not authorized to perform: {action}{where}{end}"


def missing(action, kind="identity-based policy"):
    return f" because no {kind} allows the {action} action"


def only(denied, against):
    (row,) = explain([denied], against)
    return row


def statements(extension):
    return extension.policy.data["Statement"]


# --- each kind of reason


def test_an_action_that_no_statement_allows():
    row = only(put(), policy(allow("s3:GetObject", "arn:aws:s3:::b/*"), allow("ec2:*", "*")))
    assert (row.kind, row.actions, row.arns) == ("action", ("s3:PutObject",), ("arn:aws:s3:::b/k",))
    assert row.statement is None and row.sid is None
    assert "no statement allows the action" in row.sentence and ROLE in row.sentence


def test_a_resource_that_the_allow_does_not_name():
    row = only(put(), policy(allow("s3:Get*", "*"), allow("s3:Put*", ["arn:aws:s3:::other/*"], Sid="WriteOther")))
    assert (row.kind, row.statement, row.sid) == ("resource", 1, "WriteOther")
    assert "statement 2 (WriteOther) allows s3:PutObject, but only on arn:aws:s3:::other/*" in row.sentence


def test_a_resource_that_notresource_leaves_out():
    row = only(put(), policy({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"}))
    assert row.kind == "resource" and "what is not arn:aws:s3:::b/*" in row.sentence


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, "aws:RequestedRegion was eu-west-1"),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, "the event does not say aws:SourceVpce"),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, "the event does not say aws:SourceVpce"),
        ({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, "aws:CurrentTime was 2026-09-02"),
        ({"StringEquals": {"aws:ResourceTag/team": "a"}, "Bool": {"aws:SecureTransport": "true"}}, "aws:ResourceTag"),
        ("always", "a condition holds that AWS cannot read"),
    ],
)
def test_a_condition_that_is_not_met(condition, words):
    row = only(put(), policy(allow("s3:PutObject", "*", Condition=condition, Sid="If")))
    assert (row.kind, row.statement, row.sid) == ("condition", 0, "If")
    assert words in row.sentence


def test_a_condition_that_the_event_meets_is_no_reason():
    met = {"StringEquals": {"aws:RequestedRegion": REGION, "aws:PrincipalArn": ROLE}}
    assert only(put(), policy(allow("s3:PutObject", "*", Condition=met))).kind == "allowed"


def test_the_nearest_statement_is_named():
    near = allow("s3:PutObject", "arn:aws:s3:::b/*", Condition={"Bool": {"aws:SecureTransport": "true"}})
    row = only(put(), policy(allow("s3:*", "arn:aws:s3:::c/*"), near, allow("s3:GetObject", "*")))
    assert (row.kind, row.statement) == ("condition", 1)


def test_a_deny_of_the_policy_itself():
    row = only(put(), policy(allow("*", "*"), deny("s3:Put*", "arn:aws:s3:::b/*", Sid="NoWrites")))
    assert (row.kind, row.statement, row.sid) == ("explicit deny", 1, "NoWrites")
    assert "no Allow can cure that" in row.sentence


def test_a_deny_that_may_hold_is_named_unless_the_message_rules_it_out():
    tls = deny("*", "*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    maybe = policy(allow("s3:*", "*"), tls)
    assert only(put(), maybe).kind == "explicit deny"
    assert "the event does not say aws:SecureTransport" in only(put(), maybe).sentence
    said = says("s3:PutObject", '"arn:aws:s3:::b/k"', missing("s3:PutObject"))
    assert only(put(message=said), maybe).kind == "allowed"
    assert only(put(), policy(tls)).kind == "action"


def test_what_the_policy_allows_already():
    row = only(put(), ADMIN)
    assert (row.kind, row.statement) == ("allowed", 0)
    assert "before a change of the policy" in row.sentence


@pytest.mark.parametrize(
    ("denied", "words"),
    [
        (refused("nosuchservice", "Do"), "no service for the event source"),
        (refused("s3", "NoSuchEvent"), "no action for 'NoSuchEvent'"),
        (refused("sts", "GetCallerIdentity"), "asks for no permission"),
        (put(principal="lambda.amazonaws.com"), "no role or user"),
        (put(principal=f"arn:aws:iam::{ACCOUNT}:root"), "no role or user"),
        (put(principal="999988887777"), "no role or user"),
    ],
)
def test_what_cannot_be_said(denied, words):
    row = only(denied, policy())
    assert row.kind == "unknown" and words in row.sentence
    assert extend(policy(), [row]).left == (row,)


def test_every_reason_of_a_call_that_needs_several_actions():
    copy_of = refused("s3", "CopyObject", {"bucketName": "to", "key": "k", "x-amz-copy-source": "from/x"})
    rows = explain([copy_of], policy(allow("s3:GetObject", "arn:aws:s3:::b/*")))
    assert {(r.kind, r.actions, r.arns) for r in rows} == {
        ("resource", ("s3:GetObject",), ("arn:aws:s3:::from/x",)),
        ("action", ("s3:PutObject",), ("arn:aws:s3:::to/k",)),
    }
    (row,) = explain([copy_of], policy(allow("s3:GetObject", "*")))
    assert (row.kind, row.actions) == ("action", ("s3:PutObject",))
    assert [r.kind for r in explain([copy_of], ADMIN)] == ["allowed"]


def test_only_the_resources_that_are_not_allowed():
    batch = refused("dynamodb", "BatchGetItem", {"requestItems": "a"})
    both = refused(
        "dynamodb", "BatchGetItem", resources=(f"arn:aws:dynamodb:{HERE}:table/a", f"arn:aws:dynamodb:{HERE}:table/b")
    )
    held = policy(allow("dynamodb:BatchGetItem", f"arn:aws:dynamodb:{HERE}:table/a"))
    assert only(batch, held).kind == "allowed"
    assert only(both, held).arns == (f"arn:aws:dynamodb:{HERE}:table/b",)


def test_a_text_that_is_no_policy():
    with pytest.raises(PolicySyntaxError):
        explain([put()], "{")
    assert explain([], ADMIN) == []
    assert only(put(), "{}").kind == "action"


# --- what AWS's messages say


@pytest.mark.parametrize(
    ("denied", "action", "arn"),
    [
        (
            put(message=says("s3:PutObject", '"arn:aws:s3:::b/a key"', missing("s3:PutObject"))),
            "s3:PutObject",
            "arn:aws:s3:::b/a key",
        ),
        (
            put(message=says("kms:GenerateDataKey", KEY, missing("kms:GenerateDataKey"))),
            "kms:GenerateDataKey",
            KEY,
        ),
        (
            refused("s3", "HeadObject", {}, says("s3:ListBucket", '"arn:aws:s3:::b"', missing("s3:ListBucket"))),
            "s3:ListBucket",
            "arn:aws:s3:::b",
        ),
        (
            refused("dynamodb", "Query", {}, says("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/t/index/i")),
            "dynamodb:Query",
            f"arn:aws:dynamodb:{HERE}:table/t/index/i",
        ),
        (
            refused("lambda", "Invoke", {}, says("lambda:InvokeFunction", FUNCTION, missing("lambda:InvokeFunction"))),
            "lambda:InvokeFunction",
            FUNCTION,
        ),
        (
            refused("lambda", "CreateFunction20150331", {}, says("iam:PassRole", ROLE, missing("iam:PassRole"))),
            "iam:PassRole",
            ROLE,
        ),
        (
            refused("iam", "CreateUser", {"userName": "bob"}, says("iam:CreateUser", "user bob")),
            "iam:CreateUser",
            f"arn:aws:iam::{ACCOUNT}:user/bob",
        ),
        (
            refused("sts", "AssumeRole", {}, says("sts:AssumeRole", "arn:aws:iam::444455556666:role/reader")),
            "sts:AssumeRole",
            "arn:aws:iam::444455556666:role/reader",
        ),
        (
            refused("iam", "ListUsers", {}, says("iam:ListUsers", f"arn:aws:iam::{ACCOUNT}:user/")),
            "iam:ListUsers",
            "*",
        ),
        (
            refused(
                "ec2",
                "StopInstances",
                {},
                "You are not authorized to perform this operation. "
                + says("ec2:StopInstances", f"arn:aws:ec2:{HERE}:instance/i-1", missing("ec2:StopInstances"))
                + ". Encoded authorization failure message: WWVzLCBkZWNvZGUgaXQ=",
            ),
            "ec2:StopInstances",
            f"arn:aws:ec2:{HERE}:instance/i-1",
        ),
    ],
)
def test_the_message_names_action_and_resource(denied, action, arn):
    row = only(denied, policy())
    assert (row.kind, row.actions, row.arns) == ("action", (action,), (arn,))


def test_an_encoded_message_can_be_decoded():
    text = "You are not authorized to perform this operation. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q"
    stop = refused("ec2", "StopInstances", {"instancesSet.items.instanceId": "i-1"}, text)
    row = only(stop, policy(allow("ec2:Describe*", "*")))
    assert (row.kind, row.arns) == ("action", (f"arn:aws:ec2:{HERE}:instance/i-1",))
    assert "sts:DecodeAuthorizationMessage" in row.sentence and "4GIO" not in row.sentence


def test_an_id_that_aws_makes_up_stays_a_wildcard():
    launch = says("ec2:RunInstances", f"arn:aws:ec2:{HERE}:instance/*", missing("ec2:RunInstances"))
    row = only(refused("ec2", "RunInstances", {"instanceType": "t3.micro"}, launch), policy())
    assert row.arns == (f"arn:aws:ec2:{HERE}:instance/*",)


ELSEWHERE = [
    ("service control policy", "service control policies"),
    ("resource control policy", "resource control policies"),
    ("permissions boundary", "permissions boundary of the principal"),
    ("session policy", "when the session began"),
    ("resource-based policy", "policy of the resource itself"),
    ("VPC endpoint policy", "VPC endpoint that the call went through"),
]


@pytest.mark.parametrize(("kind", "words"), ELSEWHERE)
@pytest.mark.parametrize("form", ["because no {} allows the s3:PutObject action", "with an explicit deny in a {}"])
def test_another_kind_of_policy_decided(kind, words, form):
    denied = put(message=says("s3:PutObject", '"arn:aws:s3:::b/k"', f" {form.format(kind)}"))
    for against in (ADMIN, policy()):
        row = only(denied, against)
        assert (row.kind, row.statement, row.actions) == ("elsewhere", None, ("s3:PutObject",))
        assert "no extension of this policy can cure that" in row.sentence and words in row.sentence
        assert extend(against, [row]).left == (row,) and extend(against, [row]).changes == ()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (
            " with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-1/p-1",
            "service control policies",
        ),
        (" because no role trust policy allows the sts:AssumeRole action", "trust policy of the role"),
        (" with an explicit deny in the role trust policy", "trust policy of the role"),
        (
            " on this resource because the resource does not exist in this Region, no resource-based policies allow "
            "access, or a resource-based policy explicitly denies access",
            "policy of the resource itself",
        ),
        (
            ' on resource: "arn:aws:s3:::b" because public policies are prevented by the BlockPublicPolicy setting in '
            "S3 Block Public Access.",
            "Block Public Access settings",
        ),
    ],
)
def test_other_ends_of_messages(end, words):
    row = only(put(message=says("sts:AssumeRole", None, end)), ADMIN)
    assert row.kind == "elsewhere" and words in row.sentence


@pytest.mark.parametrize("end", [" with an explicit deny in an identity-based policy", " with an explicit deny"])
def test_an_explicit_deny_is_looked_for_in_the_policy_first(end):
    denied = put(message=says("s3:PutObject", '"arn:aws:s3:::b/k"', end))
    tagged = deny("s3:*", "*", Condition={"StringEquals": {"aws:ResourceTag/state": "closed"}})
    assert only(denied, policy(allow("s3:*", "*"), tagged)).kind == "explicit deny"
    assert only(denied, ADMIN).kind == "elsewhere"
    assert only(denied, policy()).kind == "elsewhere"
    assert "another" in only(denied, ADMIN).sentence


# --- hostile words in messages and names


@pytest.mark.parametrize(
    "message",
    [
        f"Table users is not authorized to perform: iam:CreateUser on resource: {ROLE}",
        f"Unknown. {says('iam:CreateUser', ROLE)}",
        says("iam:*", ROLE),
        says("made:Up", ROLE),
        "\n" + says("iam:CreateUser", ROLE),
        "",
        "\x00" * 50,
    ],
)
def test_words_of_others_name_no_action(message):
    row = only(put(message=message), policy())
    assert (row.actions, row.arns) == (("s3:PutObject",), ("arn:aws:s3:::b/k",))


@pytest.mark.parametrize(
    ("resource", "arn"),
    [
        ('"arn:aws:s3:::b/*"', "arn:aws:s3:::b/${*}"),
        ('"arn:aws:s3:::b/???"', "arn:aws:s3:::b/${?}${?}${?}"),
        ('"arn:aws:s3:::b/${aws:username}"', "arn:aws:s3:::b/${$}{aws:username}"),
        ('"arn:aws:s3:::b/<script>alert(1)</script>"', "arn:aws:s3:::b/<script>alert(1)</script>"),
        ('"arn:aws:s3:::b/"quoted""', 'arn:aws:s3:::b/"quoted"'),
        (
            '"arn:aws:s3:::b/x with an explicit deny in a service control policy"',
            "arn:aws:s3:::b/x with an explicit deny in a service control policy",
        ),
        ('"arn:aws:s3:::b/x\nSid"', "arn:aws:s3:::b/k"),  # no name has control characters: the parameters count
        ("*", "arn:aws:s3:::b/k"),
        ("arn:aws:s3:::*", "arn:aws:s3:::b/k"),
        (f"arn:aws:iam::{ACCOUNT}:user/*", "arn:aws:s3:::b/k"),
        ("arn:aws:s3:::b/a key without quotes", "arn:aws:s3:::b/k"),
        ("arn:aws:s3:::b/" + "x" * 5000, "arn:aws:s3:::b/k"),
    ],
)
@pytest.mark.parametrize("end", ["", missing("s3:PutObject")])
def test_a_resource_in_a_message_widens_nothing(resource, arn, end):
    row = only(put(message=says("s3:PutObject", resource, end)), policy())
    assert (row.kind, row.arns) == ("action", (arn,))
    extended = extend(policy(), [row]).policy
    assert statements(extend(policy(), [row]))[0]["Resource"] == arn
    for other in ("arn:aws:s3:::b/other", "arn:aws:s3:::c/k"):
        assert simulate(Request("s3:PutObject", other, ROLE), extended).result != ALLOWED


def test_a_sentence_is_one_line():
    evil = "x\n<b>\u2028\x00"
    against = policy(allow("s3:PutObject", f"arn:aws:s3:::{evil}", Sid=evil))
    for denied in (put(), put(principal=f"arn:aws:iam::{ACCOUNT}:role/{evil}"), refused(evil, evil, (), evil)):
        (row,) = explain([denied], against)
        assert row.sentence.isprintable()


def test_a_long_message_is_read_quickly_enough_to_end():
    for part in ("because no session policy allows the x action ", " ", "on this resource because ", "User: a "):
        text = says("s3:PutObject", '"arn:aws:s3:::b/') + part * (60_000 // len(part)) + "!"
        assert only(put(message=text), policy()).kind == "action"


# --- extensions


def test_a_resource_joins_a_statement_of_exactly_the_actions():
    old = policy(allow("s3:PutObject", "arn:aws:s3:::a/k"), allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::c"))
    extension = extend(old, explain([put()], old))
    assert statements(extension)[0] == allow("s3:PutObject", ["arn:aws:s3:::a/k", "arn:aws:s3:::b/k"])
    assert statements(extension)[1:] == old["Statement"][1:]
    assert extension.left == () and len(extension.changes) == 1
    assert "b/k" in extension.changes[0] and "s3:PutObject" in extension.changes[0]


def test_an_action_joins_a_statement_of_exactly_the_resources():
    old = policy(allow(["s3:Get*"], ["arn:aws:s3:::b/k"], Sid="Own"))
    extension = extend(old, explain([put()], old))
    assert statements(extension) == [allow(["s3:Get*", "s3:PutObject"], ["arn:aws:s3:::b/k"], Sid="Own")]


@pytest.mark.parametrize(
    "statement",
    [
        allow("s3:Put*", "arn:aws:s3:::a/k"),
        allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::a/k"),
        allow("s3:GetObject", ["arn:aws:s3:::b/k", "arn:aws:s3:::a/k"]),
        allow("s3:GetObject", "arn:aws:s3:::b/k", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        deny("s3:GetObject", "arn:aws:s3:::b/k"),
        {"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "arn:aws:s3:::b/k"},
        allow("s3:GetObject", "arn:aws:s3:::b/k", Principal="*"),
        allow("kms:Decrypt", "arn:aws:s3:::b/k"),
    ],
)
def test_else_a_statement_is_added(statement):
    old = policy(statement, allow("ec2:DescribeVpcs", "*", Sid="AddedS3"))
    extension = extend(old, explain([put()], old))
    assert statements(extension)[:2] == old["Statement"]
    assert statements(extension)[2] == allow("s3:PutObject", "arn:aws:s3:::b/k", Sid="Added2S3")


def test_an_addition_makes_the_next_one_fit():
    old = policy(allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b/1"))
    get, write, remove = (
        [refused("s3", event, {"bucketName": "b", "key": key}) for key in keys]
        for event, keys in (("GetObject", "2"), ("PutObject", "2"), ("DeleteObject", "12"))
    )
    extension = extend(old, explain([*remove, *get, *write], old))
    both = ["arn:aws:s3:::b/1", "arn:aws:s3:::b/2"]
    assert statements(extension) == [allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], both)]


def test_services_have_statements_of_their_own():
    calls = [refused("ec2", "DescribeVpcs"), refused("s3", "ListBuckets"), put(), put(key="l"), put()]
    extension = extend(policy(), explain(calls, policy()))
    assert statements(extension) == [
        allow("ec2:DescribeVpcs", "*", Sid="AddedEc2"),
        allow("s3:ListAllMyBuckets", "*", Sid="AddedS3"),
        allow("s3:PutObject", ["arn:aws:s3:::b/k", "arn:aws:s3:::b/l"], Sid="Added2S3"),
    ]


def test_a_name_that_the_event_does_not_say_is_to_be_filled_in():
    row = only(refused("kms", "Decrypt"), policy())
    assert row.arns == (f"arn:aws:kms:{HERE}:key/FILL-IN-KeyId",)
    assert "replace what begins with FILL-IN-" in row.sentence
    once = extend(policy(), [row])
    assert statements(once)[0]["Resource"] == row.arns[0]
    # It grants nothing yet, and is not added twice.
    again = only(refused("kms", "Decrypt"), once.policy)
    assert again.kind == "resource"
    assert extend(once.policy, [again]).left == (again,)


def test_a_path_that_the_reader_cut_is_cured_whole():
    cut = put(key=f"logs/{CUT}", message=says("s3:PutObject", '"arn:aws:s3:::b/logs/1"', missing("s3:PutObject")))
    assert only(cut, policy()).arns == ("arn:aws:s3:::b/logs/*",)


@pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}])
def test_a_variable_needs_the_version_that_has_variables(version):
    star = put(key="a*")
    old = version | {"Statement": allow("s3:GetObject", "arn:aws:s3:::b/k")}
    extension = extend(old, explain([star], old))
    assert extension.policy.data["Version"] == "2012-10-17"
    assert len(statements(extension)) == 2
    plain = version | {"Statement": [allow("s3:GetObject", "arn:aws:s3:::b/${k}")]}
    rows = explain([star, put()], plain)
    kept = extend(plain, rows)
    assert kept.left == (rows[0],) and kept.policy.data.get("Version") == version.get("Version")
    assert statements(kept)[-1]["Resource"] == "arn:aws:s3:::b/k"


def test_what_cannot_be_cured_is_left():
    old = policy(
        allow("s3:GetObject", "*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
        deny("s3:DeleteObject", "*"),
    )
    rows = explain(
        [refused("s3", event, {"bucketName": "b", "key": "k"}) for event in ("GetObject", "DeleteObject")], old
    )
    extension = extend(old, rows)
    assert [row.kind for row in rows] == ["condition", "explicit deny"]
    assert extension.left == tuple(rows) and extension.policy.data == old


ARNS = st.sampled_from(
    ["*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/*", "arn:aws:s3:::b", "arn:aws:s3:::c/?", "arn:aws:s3:::b/${*}", FUNCTION]
)
PATTERNS = st.sampled_from(
    ["*", "s3:*", "s3:Get*", "s3:GetObject", "S3:PUTOBJECT", "s3:PutObject", "s3:DeleteObject", "lambda:*", "no:Such"]
)


@st.composite
def policies(draw):
    def values(of):
        return draw(st.one_of(of, st.lists(of, min_size=1, max_size=3, unique=True)))

    def statement():
        found = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
        found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = values(PATTERNS)
        found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = values(ARNS)
        condition = draw(st.sampled_from([None, None, {}, {"StringEquals": {"aws:RequestedRegion": REGION}}]))
        return found | ({} if condition is None else {"Condition": condition})

    version = draw(st.sampled_from([{"Version": "2012-10-17"}, {"Version": "2012-10-17"}, {}]))
    return version | {"Statement": [statement() for _ in range(draw(st.integers(0, 4)))]}


@st.composite
def denials(draw):
    source, event = draw(
        st.sampled_from(
            [
                ("s3", "GetObject"),
                ("s3", "PutObject"),
                ("s3", "DeleteObject"),
                ("s3", "ListObjects"),
                ("s3", "CopyObject"),
                ("s3", "ListBuckets"),
                ("lambda", "Invoke"),
                ("kms", "Decrypt"),
            ]
        )
    )
    key = draw(st.one_of(st.sampled_from(["k", "*", "a?", "${aws:username}", "a b"]), st.text(max_size=8)))
    bucket = draw(st.sampled_from(["b", "c", "*"]))
    parameters = {"bucketName": bucket, "key": key, "functionName": "shop", "x-amz-copy-source": f"from/{key}"}
    messages = ["Access Denied", says("s3:GetObject", f'"arn:aws:s3:::{bucket}/{key}"', missing("s3:GetObject"))]
    return refused(source, event, parameters, draw(st.sampled_from(messages)))


@settings(max_examples=40, deadline=None)
@given(policies(), st.lists(denials(), min_size=1, max_size=4))
def test_an_extension_grants_what_was_asked_and_nothing_else(old, calls):
    before = copy.deepcopy(old)
    rows = explain(calls, old)
    extension = extend(old, rows)
    assert old == before
    cured = [row for row in rows if row not in extension.left]
    asked = {(action, arn) for row in cured for action in row.actions for arn in row.arns}
    actions = catalogue.load().actions
    assert all(arn != "*" or not actions[action].resource_types for action, arn in asked)
    found = compare(old, extension.policy)
    assert found.missing == ()
    for permission in found.extra:
        assert permission.effect == "Allow" and permission.condition == ()
        assert {(action, permission.resource) for action in permission.actions} <= asked
    assert bool(found.extra) <= bool(extension.changes)
    named = {(action, arn) for action, arn in asked if "FILL-IN" not in arn}
    for row in explain(calls, extension.policy):
        pairs = {(action, arn) for action in row.actions for arn in row.arns}
        assert row.kind not in ("action", "resource") or row in extension.left or not pairs & named


# --- dormant grants


def seen(source, event, calls=1, errors=(), **parameters):
    pairs = tuple(sorted(parameters.items()))
    place = (ROLE, ACCOUNT, REGION, f"{source}.amazonaws.com", event)
    return Observed(*place, pairs, (), (), calls, WHEN, WHEN, errors)


def test_what_is_allowed_and_was_not_used():
    rows = dormant(
        policy(
            allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "arn:aws:s3:::b*"), allow("sqs:SendMessage", "*")
        ),
        [seen("s3", "GetObject", bucketName="b", key="k"), seen("ec2", "RunInstances")],
    )
    assert [(r.service, r.level, r.actions, r.resources, r.used) for r in rows] == [
        ("s3", "Write", ("s3:PutObject",), ("arn:aws:s3:::b*",), True),
        ("sqs", "Write", ("sqs:SendMessage",), ("*",), False),
        ("s3", "List", ("s3:ListBucket",), ("arn:aws:s3:::b*",), True),
    ]


def test_what_a_deny_takes_off_is_not_dormant():
    wide = [policy(allow("s3:*", "*")), policy(deny("s3:Put*", "*"), deny("s3:GetObject", "arn:aws:s3:::b/*"))]
    names = {name for row in dormant(wide, []) for name in row.actions}
    assert "s3:PutObject" not in names and {"s3:GetObject", "s3:DeleteObject"} <= names


def test_a_denied_call_is_no_use_and_a_failed_one_is():
    granted = policy(allow(["s3:GetObject", "s3:PutObject"], "*"))
    rows = dormant(
        granted,
        [
            seen("s3", "GetObject", 0, (("NoSuchKey", 2),), bucketName="b", key="k"),
            seen("s3", "PutObject", 0, (("AccessDenied", 2),), bucketName="b", key="k"),
        ],
    )
    assert [row.actions for row in rows] == [("s3:PutObject",)]


def test_dormant_grants_come_by_risk():
    rows = dormant(ADMIN, [seen("ec2", "DescribeInstances"), seen("iam", "ListRoles")])
    levels = [row.level for row in rows]
    management = [level == "Permissions management" for level in levels]
    assert management == sorted(management, reverse=True)
    assert (rows[0].service, rows[0].risk) == ("iam", "privilege escalation")
    unflagged = [level for row, level in zip(rows, levels, strict=True) if not row.risk]
    assert list(dict.fromkeys(unflagged)) == ["Permissions management", "Write", "Tagging", "Read", "List"]
    flagged = [row.risk is not None for row in rows if row.level != "Permissions management"]
    assert flagged == sorted(flagged, reverse=True) and any(flagged)
    names = [name for row in rows for name in row.actions]
    assert len(names) == len(set(names))
    unrecorded = catalogue.load().expand_all(UNRECORDED)
    assert set(names) == catalogue.load().names - unrecorded - {"ec2:DescribeInstances", "iam:ListRoles"}
    assert {row.service for row in rows if row.used} == {"ec2", "iam"}


def test_a_table_of_everything_is_short():
    rows = dormant(ADMIN, [seen("ec2", "DescribeInstances")])
    shown = table(rows, most=12)
    assert len(shown) == 13
    assert list(shown.columns) == ["service", "level", "risk", "used", "actions", "examples", "resources"]
    assert shown["actions"].sum() == len(catalogue.load().names - catalogue.load().expand_all(UNRECORDED)) - 1
    assert shown["service"].iloc[-1].startswith("and ")
    assert shown["examples"].str.len().max() < 200
    assert (shown["service"].str.contains("never used") == (shown["used"] == "no")).all()
    assert len(table(rows, most=1_000)) < 60
    assert len(table([])) == 0


def test_nothing_is_dormant_where_nothing_is_allowed():
    assert dormant(policy(), [seen("s3", "ListBuckets")]) == []
    assert dormant([], []) == []
    assert dormant(policy(deny("*", "*"), allow("s3:*", "*")), []) == []


def test_notresource_is_shown_as_such():
    (row,) = dormant(
        {"Statement": {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": ["arn:b", "arn:a"]}}, []
    )
    assert row.resources == ("!arn:a, arn:b",)


# --- the generated trail, end to end


def test_the_generated_trail(tmp_path):
    trail.write(tmp_path / "logs", events=4_000, seed=3)
    calls = files.read(tmp_path / "logs", progress=False).denied
    deploy = [call for call in calls if call.principal.endswith("/staging-deploy")]
    parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/production/shop"
    function = "arn:aws:lambda:eu-west-1:111122223333:function:shop-orders"
    old = policy(allow("lambda:AddPermission", f"{function}-other"), allow("ssm:GetParameters", "*"))
    rows = explain(deploy, old)
    assert {(row.kind, row.actions, row.arns) for row in rows} == {
        ("action", ("ssm:GetParametersByPath",), (parameter,)),
        ("resource", ("lambda:AddPermission",), (function,)),
    }
    extension = extend(json.dumps(old), rows)
    assert isinstance(extension.policy, Policy) and extension.left == ()
    assert {row.kind for row in explain(deploy, extension.policy)} == {"allowed"}
    assert {"gained"} == {
        word for change in extension.changes for word in ["gained"] if change.startswith("Now allows")
    }
    observed = files.read(tmp_path / "logs", progress=False).observed
    used = {name for row in dormant(ADMIN, observed) for name in row.actions}
    assert "ssm:PutParameter" not in used and "s3:PutObject" not in used and "iam:CreateUser" in used


# --- what no policy cures, and many refusals that are one


SETTINGS = {
    "IAM user access not activated": "activate IAM access",
    "IAM User access to billing is not activated.": "activate IAM access",
    "User not enabled for cost explorer access": "enable it in the management account",
    "You don't have permissions to access this resource.": "management account and delegated administrators only",
    "You don't have access to the model with the specified model ID.": "model access page",
    "Macie is not enabled.": "enable it first",
    "Roles may not be assumed by root accounts.": "call as a user or a role",
    "Cannot call GetSessionToken with session credentials": "access key of a user",
    "Not authorized to perform sts:AssumeRoleWithWebIdentity": "trust policy of the role",
    "Access to KMS is not allowed": "kms:Decrypt",
}


@pytest.mark.parametrize("message", SETTINGS)
def test_what_a_setting_refuses_no_extension_cures(message):
    denied = refused("ce", "GetCostAndUsage", {}, message, code="AccessDeniedException")
    against = policy(allow("s3:GetObject", "*"))
    row = only(denied, against)
    assert row.kind == "elsewhere" and SETTINGS[message] in row.sentence and "FILL-IN" not in row.why
    extension = extend(against, [row])
    assert extension.left == (row,) and extension.policy.data == against and extension.changes == ()


@pytest.mark.parametrize("row", tables.lines("settings.txt"), ids=range(len(tables.lines("settings.txt"))))
def test_a_setting_has_a_form_a_cure_and_a_page(row):
    form, cure, page = row.rsplit(" | ", 2)
    assert re.compile(form) and cure[-1].isalnum() and re.search(r'(Guide|Reference), "', page)


def test_a_message_that_only_contains_such_words_is_none():
    """A resource's name may be anything: the whole message has to fit."""
    text = says("s3:PutObject", '"arn:aws:s3:::b/IAM user access not activated"', missing("s3:PutObject"))
    assert only(put(message=text), policy(allow("s3:GetObject", "*"))).kind == "action"


def test_refusals_that_differ_in_names_are_one_sentence():
    instances = [
        refused("ec2", "TerminateInstances", {"instancesSet.items.instanceId": f"i-{n:017x}"}, calls=2)
        for n in range(29)
    ]
    rows = explain([*instances, put()], policy(allow("s3:GetObject", "*")))
    said = told(rows)
    assert len(rows) == 30 and len(said) == 2
    assert "58 times" in said[0] and "i-00000000000000000" in said[0] and "26 more" in said[0]
    assert said[1] == rows[-1].sentence and told(rows[:1]) == [rows[0].sentence]


def test_changes_that_differ_in_names_are_few_lines():
    calls = [put(key=f"k{n}") for n in range(29)]
    against = policy(allow("s3:GetObject", "arn:aws:s3:::other"))
    extension = extend(against, explain(calls, against))
    assert len(extension.changes) == 4 and extension.changes[-1] == "26 more changes like these, of s3:PutObject."
