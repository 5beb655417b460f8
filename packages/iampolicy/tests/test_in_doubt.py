"""What `simulate` says where a policy is odd, missing or not the last word: never Allowed where AWS denies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import as_policy
from iampolicy.public import is_public
from iampolicy.simulate import Request, consenting, simulate

A, B = "111122223333", "444455556666"
ROLE, ROOT, USER = (f"arn:aws:iam::{A}:{name}" for name in ("role/Fennel", "root", "user/Iris"))
SESSION = f"arn:aws:sts::{A}:assumed-role/Fennel/ab"
OBJECT, BUCKET = "arn:aws:s3:::quince/a.txt", "arn:aws:s3:::quince"
KEY = f"arn:aws:kms:eu-west-1:{A}:key/1"
LINKED = f"arn:aws:iam::{A}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
ALLOWED, DENIED, NOT_ALLOWED = "Allowed", "ExplicitlyDenied", "ImplicitlyDenied"


def policy(effect="Allow", action="s3:GetObject", resource="*", **more) -> dict:
    statement = {"Effect": effect, "Action": action, "Resource": resource} | more
    return {"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not ...}]}


ALLOW, EVERYTHING = policy(), policy(action="*")
NO = policy("Deny", "*", Principal="*")


def request(who=USER, action="s3:GetObject", resource=OBJECT, account=A, **context) -> Request:
    return Request(action, resource, who, context, account)


def decide(who=USER, action="s3:GetObject", resource_arn=OBJECT, account=A, context=None, **policies):
    return simulate(Request(action, resource_arn, who, context or {}, account), **policies)


NOT_PRINCIPAL = [  # listed, caller, boundary, result
    ([ROLE], SESSION, None, DENIED),
    ([ROLE, SESSION], SESSION, None, DENIED),
    ([ROLE, ROOT], SESSION, None, DENIED),
    ([SESSION, ROOT], SESSION, None, DENIED),
    ([ROLE, SESSION, ROOT], SESSION, None, ALLOWED),
    ([ROLE, SESSION, A], SESSION, None, ALLOWED),
    ([ROLE, SESSION.replace("/ab", "/*"), ROOT], SESSION, None, DENIED),
    ([ROLE.replace(A, B), SESSION, ROOT], SESSION, None, DENIED),
    ([f"arn:aws:iam::{A}:role/team/Fennel", SESSION, ROOT], SESSION, None, ALLOWED),
    ([ROLE, ROOT], ROLE, None, ALLOWED),
    ([ROLE], ROLE, None, DENIED),
    ([USER], USER, None, DENIED),
    ([USER, ROOT], USER, None, ALLOWED),
    ([USER, A], USER, None, ALLOWED),
    ([ROOT], USER, None, DENIED),
    ([f"arn:aws:iam::{A}:user/*", ROOT], USER, None, DENIED),
    ([ROOT], ROOT, None, ALLOWED),
    ([A], ROOT, None, ALLOWED),
    ([B], ROOT, None, DENIED),
    ([USER, ROOT], USER, ALLOW, DENIED),
    ([ROLE, SESSION, ROOT], SESSION, EVERYTHING, DENIED),
    (["*"], USER, None, ALLOWED),
    ([], USER, None, DENIED),
]


@pytest.mark.parametrize(("listed", "who", "boundary", "expected"), NOT_PRINCIPAL)
def test_not_principal_spares_whom_it_names_by_every_arn(listed, who, boundary, expected):
    bucket = policy("Deny", resource="arn:aws:s3:::quince/*", NotPrincipal={"AWS": listed})
    assert decide(who, identity=ALLOW, resource=bucket, boundary=boundary).result == expected


def test_the_reason_says_which_arn_not_principal_lacks():
    bucket = policy("Deny", NotPrincipal={"AWS": [ROLE]})
    assert f"{SESSION} and {ROOT}" in decide(SESSION, identity=ALLOW, resource=bucket).reason
    bounded = decide(identity=ALLOW, boundary=ALLOW, resource=policy("Deny", NotPrincipal={"AWS": [USER, ROOT]}))
    assert "boundary" in bounded.reason


@pytest.mark.parametrize(
    ("element", "who", "expected"),
    [
        ({"Service": "sns.amazonaws.com"}, "sns.amazonaws.com", ALLOWED),
        ({"Service": "sqs.amazonaws.com"}, "sns.amazonaws.com", DENIED),
        ({"AWS": "*"}, "sns.amazonaws.com", ALLOWED),
        ({"AWS": [USER, ROOT]}, "*", DENIED),
        ("*", "*", ALLOWED),
    ],
)
def test_not_principal_and_callers_without_an_account(element, who, expected):
    bucket = policy(Principal="*")
    bucket["Statement"].append(policy("Deny", NotPrincipal=element)["Statement"][0])
    assert decide(who, resource=bucket).result == expected


EMPTY = [
    {"Action": []},
    {"Action": ..., "NotAction": []},
    {"Action": ..., "NotAction": None},
    {"Action": ..., "NotAction": [5]},
    {"Resource": []},
    {"Resource": ..., "NotResource": []},
    {"Condition": {"StringNotEquals": {"aws:SourceVpc": []}}},
    {"Condition": {"StringNotEqualsIfExists": {"aws:SourceVpc": []}}},
    {"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": []}}},
    {"Condition": {"Null": {"aws:SourceVpc": []}}},
    {"Condition": []},
]


@pytest.mark.parametrize("change", EMPTY, ids=str)
def test_an_empty_list_allows_nothing(change):
    assert decide(identity=policy(**change)).result == NOT_ALLOWED
    assert decide(identity=ALLOW, boundary=policy(**change)).result == NOT_ALLOWED
    assert decide(identity=ALLOW, service_control=[policy(**change)]).result == NOT_ALLOWED
    assert decide(resource=policy(Principal="*", **change)).result == NOT_ALLOWED


@pytest.mark.parametrize("element", [{"Principal": p} for p in ({}, [], "", {"AWS": []}, {"AWS": ""}, None)] + [{}])
def test_an_empty_principal_is_nobody(element):
    assert decide(resource=policy(**element)).result == NOT_ALLOWED
    assert decide("*", resource=policy(**element)).result == NOT_ALLOWED


def test_a_deny_that_aws_would_refuse_still_keeps_out():
    for change in ({"Action": ..., "NotAction": []}, {"Resource": ..., "NotResource": []}, {"Condition": "x"}):
        assert decide(identity=[ALLOW, policy("Deny", **change)]).result == DENIED
    assert decide(identity=ALLOW, resource=policy("Deny")).result == DENIED
    odd = policy("Deny", Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    assert decide(identity=[ALLOW, odd], context={"aws:SourceIp": "nonsense"}).result == DENIED


def test_a_variable_without_a_value_spares_nothing():
    home = policy(resource=..., NotResource="arn:aws:s3:::quince/${aws:PrincipalTag/team}/*")
    assert decide(identity=home).result == NOT_ALLOWED
    assert decide(identity=home, context={"aws:PrincipalTag/team": "red"}).result == ALLOWED
    away = policy("Deny", resource=..., NotResource="arn:aws:s3:::quince/${aws:PrincipalTag/team}/*")
    assert decide(identity=[ALLOW, away]).result == DENIED


TRUST = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:AssumeRoleWithWebIdentity"]


@pytest.mark.parametrize("action", TRUST)
def test_nobody_assumes_a_role_whose_trust_policy_is_not_given(action):
    decision = decide(action=action, resource_arn=ROLE, identity=EVERYTHING)
    assert decision.result == NOT_ALLOWED and "trust policy" in decision.reason and decision.kind == "resource"
    for principal, identity, expected in (
        (ROOT, EVERYTHING, ALLOWED),
        (ROOT, (), NOT_ALLOWED),
        (USER, (), ALLOWED),
        (f"arn:aws:iam::{B}:root", EVERYTHING, NOT_ALLOWED),
    ):
        trust = policy(action=action, resource=..., Principal={"AWS": principal})
        assert decide(action=action, resource_arn=ROLE, identity=identity, resource=trust).result == expected


def test_consenting_leaves_the_decision_to_identity_policies():
    asked = request(action="sts:AssumeRole", resource=ROLE)
    assert simulate(asked, identity=EVERYTHING, resource=consenting(asked)).result == ALLOWED
    assert simulate(asked, resource=consenting(asked)).result == NOT_ALLOWED
    assert consenting(request()) is None and consenting(request(action="kms:Decrypt", resource=KEY)) is None
    assert consenting(Request("sts:AssumeRole", ROLE.replace(A, B), USER)) is None
    assert consenting(Request("sts:AssumeRole", ROLE, "lambda.amazonaws.com")) is None


def test_a_key_policy_that_is_not_given_is_assumed_and_said():
    use = policy(action="kms:Decrypt")
    decision = decide(action="kms:Decrypt", resource_arn=KEY, identity=use)
    assert decision.result == ALLOWED and "key policy" in decision.assumed[0] and decision.assumed[0] in decision.reason
    assert not decide(action="kms:ListKeys", resource_arn="*", identity=policy(action="kms:ListKeys")).assumed
    assert decide(ROOT, "kms:Decrypt", KEY).assumed
    silent = policy(action="kms:Decrypt", Principal={"AWS": f"arn:aws:iam::{A}:user/other"})
    for arn in (KEY, "*"):
        assert decide(action="kms:Decrypt", resource_arn=arn, identity=use, resource=silent).result == NOT_ALLOWED
    assert decide(ROOT, "kms:Decrypt", KEY, resource=silent).result == NOT_ALLOWED
    leaves = policy(action="kms:*", Principal={"AWS": ROOT})
    for identity, expected in ((use, ALLOWED), ((), NOT_ALLOWED)):
        given = decide(action="kms:Decrypt", resource_arn=KEY, identity=identity, resource=leaves)
        assert given.result == expected and not given.assumed


def test_whose_bucket_it_is_is_said_where_it_is_assumed():
    assert A in decide(account=None, identity=ALLOW).assumed[0]
    assert decide(identity=ALLOW).assumed == ()
    assert simulate(Request("s3:GetObject", OBJECT, USER), identity=ALLOW).reason.endswith("as the caller is")
    queue = f"arn:aws:sqs:eu-west-1:{A}:q"
    assert not decide(action="sqs:SendMessage", resource_arn=queue, account=None, identity=EVERYTHING).assumed
    assert not decide(action="s3:ListAllMyBuckets", resource_arn="*", account=None, identity=EVERYTHING).assumed
    read = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert decide(action="iam:GetPolicy", resource_arn=read, account=None, identity=EVERYTHING).reason.endswith("it")


def test_the_path_of_a_permission_set_is_known():
    session = f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/ab"
    path = f"arn:aws:iam::{A}:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Ops_*"
    only = policy("Deny", "s3:*", Condition={"ArnNotLike": {"aws:PrincipalArn": path}})
    decision = decide(session, identity=[ALLOW, only])
    assert decision.result == ALLOWED and "Identity Center" in decision.reason
    plain = decide(SESSION, identity=[ALLOW, only])
    assert plain.result == DENIED and "has no path" in plain.reason
    named = decide(session, context={"aws:PrincipalArn": f"arn:aws:iam::{A}:role/other"}, identity=[ALLOW, only])
    assert named.result == DENIED and not named.assumed


FACTS = [  # caller, key, value that AWS derives
    (USER, "aws:username", "Iris"),
    (USER, "aws:PrincipalAccount", A),
    (USER, "aws:PrincipalType", "User"),
    (USER, "aws:PrincipalArn", USER),
    (USER, "aws:PrincipalIsAWSService", "false"),
    (USER, "aws:ViaAWSService", "false"),
    (USER, "aws:ResourceAccount", A),
    (SESSION, "aws:PrincipalArn", ROLE),
    (SESSION, "aws:PrincipalType", "AssumedRole"),
    (ROOT, "aws:PrincipalType", "Account"),
    (ROOT, "aws:userid", A),
    (f"arn:aws:sts::{A}:federated-user/Ann", "aws:userid", f"{A}:Ann"),
    ("*", "aws:PrincipalType", "Anonymous"),
    ("*", "aws:PrincipalAccount", "anonymous"),
    ("*", "aws:userid", "anonymous"),
    ("sns.amazonaws.com", "aws:PrincipalIsAWSService", "true"),
    ("sns.amazonaws.com", "aws:PrincipalServiceName", "sns.amazonaws.com"),
]


@pytest.mark.parametrize(("who", "key", "value"), FACTS)
def test_facts_of_the_caller_are_derived(who, key, value):
    def is_it(wanted: str, **context) -> bool:
        bucket = policy("Deny", Principal="*", Condition={"StringEquals": {key: wanted}})
        return decide(who, resource=bucket, context=context).result == DENIED

    assert is_it(value) and not is_it(f"{value}x")
    assert is_it("another", **{key: "another"})


def test_a_call_through_a_service_is_one():
    own = policy("Deny", Condition={"Bool": {"aws:ViaAWSService": "false"}})
    assert decide(identity=[ALLOW, own]).result == DENIED
    assert decide(identity=[ALLOW, own], context={"aws:CalledVia": ["athena.amazonaws.com"]}).result == ALLOWED


def test_a_key_of_every_request_that_is_missing_is_said():
    tls = policy("Deny", "*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    decision = decide(identity=ALLOW, resource=tls)
    assert decision.result == ALLOWED and decision.assumed == ("aws:SecureTransport is not in the request",)
    assert not decide(identity=ALLOW, resource=tls, context={"aws:securetransport": "true"}).assumed


UNLOCKING = [
    ("s3:DeleteBucketPolicy", BUCKET, ROOT, ALLOWED),
    ("s3:PutBucketPolicy", BUCKET, ROOT, ALLOWED),
    ("s3:GetBucketPolicy", BUCKET, ROOT, ALLOWED),
    ("s3:ListBucket", BUCKET, ROOT, DENIED),
    ("s3:DeleteBucketPolicy", BUCKET, USER, DENIED),
    ("s3:DeleteBucketPolicy", BUCKET, f"arn:aws:iam::{B}:root", DENIED),
    ("sqs:SetQueueAttributes", f"arn:aws:sqs:eu-west-1:{A}:q", ROOT, ALLOWED),
    ("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{A}:q", ROOT, DENIED),
]


@pytest.mark.parametrize(("action", "arn", "who", "expected"), UNLOCKING)
def test_the_owners_root_user_is_never_locked_out(action, arn, who, expected):
    assert decide(who, action, arn, identity=EVERYTHING, resource=NO).result == expected
    assert decide(who, action, arn, resource=NO, service_control=[policy("Deny", "*")]).result == DENIED
    assert decide(who, action, arn, resource=NO, endpoint=NO).result == DENIED
    if action.startswith("s3:"):
        assert decide(who, action, arn, account=None, identity=EVERYTHING, resource=NO).result == DENIED


MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
NEVER = [
    ("iam:CreatePolicyVersion", MANAGED),
    ("iam:DeletePolicy", MANAGED),
    ("iam:deletepolicyversion", MANAGED),
    ("iam:SetDefaultPolicyVersion", "arn:aws-cn:iam::aws:policy/service-role/X"),
    ("kms:CreateAlias", f"arn:aws:kms:eu-west-1:{A}:alias/aws/s3"),
    ("kms:DeleteAlias", f"arn:aws:kms:eu-west-1:{A}:alias/aws/s3"),
    ("kms:UpdateAlias", f"arn:aws:kms:eu-west-1:{A}:alias/aws/s3"),
    ("iam:PassRole", LINKED),
    ("iam:AttachRolePolicy", LINKED),
    ("iam:UpdateAssumeRolePolicy", LINKED),
    ("iam:DeleteRole", f"arn:aws:iam::{A}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef"),
]


@pytest.mark.parametrize("who", [USER, SESSION, ROOT])
@pytest.mark.parametrize(("action", "arn"), NEVER)
def test_what_aws_lets_nobody_do(who, action, arn):
    decision = decide(who, action, arn, account=None, identity=EVERYTHING, resource=policy(action="*", Principal="*"))
    assert decision.result == NOT_ALLOWED and decision.kind == "aws" and not decision.statements


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("iam:GetPolicy", MANAGED),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{A}:policy/mine"),
        ("kms:CreateAlias", f"arn:aws:kms:eu-west-1:{A}:alias/mine"),
        ("iam:PassRole", ROLE),
        (
            "iam:PassRole",
            f"arn:aws:iam::{A}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_x",
        ),
        ("iam:DeleteServiceLinkedRole", LINKED),
    ],
)
def test_what_is_beside_it_stays_allowed(action, arn):
    assert decide(action=action, resource_arn=arn, account=None, identity=EVERYTHING).result == ALLOWED


def test_what_aws_lets_everybody_do():
    for who in (USER, SESSION, ROOT, f"arn:aws:sts::{A}:federated-user/Ann"):
        decision = decide(who, "sts:GetCallerIdentity", "*", identity=policy("Deny", "*"), service_control=[policy()])
        assert decision.result == ALLOWED and decision.kind == "aws"
    assert decide("*", "sts:GetCallerIdentity", "*").result == NOT_ALLOWED
    assert decide(action="sts:GetCallerIdentity", resource_arn="*", endpoint=ALLOW).result == NOT_ALLOWED
    assert decide(action="sts:GetCallerIdentity", resource_arn="*", endpoint=NO).result == DENIED
    assert decide(action="sts:GetSessionToken", resource_arn="*", identity=policy("Deny", "*")).result == ALLOWED
    assert decide(SESSION, "sts:GetSessionToken", "*", identity=EVERYTHING).result == NOT_ALLOWED
    assert decide(action="sts:GetFederationToken", resource_arn=USER).result == NOT_ALLOWED
    open_role = policy(action="sts:*", resource=..., Principal="*")
    assert decide("*", "sts:AssumeRole", ROLE, resource=open_role).result == NOT_ALLOWED


ORGANISATION = policy("Deny", "s3:*", Principal="*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-a"}})
INSIDE = {"aws:PrincipalOrgID": "o-a"}


def test_resource_control_policies_keep_out_and_grant_nothing():
    assert decide(identity=ALLOW, resource_control=[ORGANISATION]).result == DENIED
    assert decide(identity=ALLOW, resource_control=[ORGANISATION]).kind == "resource_control"
    assert decide(identity=ALLOW, resource_control=[ORGANISATION], context=INSIDE).result == ALLOWED
    assert decide(identity=ALLOW, resource_control=ORGANISATION, context=INSIDE).result == ALLOWED  # a level of its own
    assert decide(identity=ALLOW, resource_control=[[], [ORGANISATION]]).result == DENIED  # any level
    assert decide(resource_control=[policy(action="*", Principal="*")]).result == NOT_ALLOWED
    assert decide("*", resource=policy(Principal="*"), resource_control=[NO]).result == DENIED
    assert decide("sns.amazonaws.com", resource=policy(Principal="*"), resource_control=[NO]).result == DENIED
    assert decide(identity=ALLOW, resource_control=None, service_control=None).result == ALLOWED


@pytest.mark.parametrize(
    ("who", "action", "arn"),
    [
        (USER, "ec2:RunInstances", f"arn:aws:ec2:eu-west-1:{A}:instance/i-1"),
        (USER, "kms:RetireGrant", KEY),
        (LINKED, "s3:GetObject", OBJECT),
        (f"arn:aws:sts::{A}:assumed-role/AWSServiceRoleForRDS/x", "s3:GetObject", OBJECT),
    ],
)
def test_where_resource_control_policies_do_not_reach(who, action, arn):
    assert decide(who, action, arn, identity=EVERYTHING, resource_control=[NO]).result == ALLOWED


def test_the_policy_of_an_endpoint_must_allow():
    assert decide(identity=ALLOW, endpoint=policy(Principal="*")).result == ALLOWED
    assert decide(identity=ALLOW, endpoint=policy(action="s3:PutObject", Principal="*")).result == NOT_ALLOWED
    assert decide(identity=ALLOW, endpoint=policy(action="s3:PutObject", Principal="*")).kind == "endpoint"
    assert decide(identity=ALLOW, endpoint=NO).result == DENIED
    assert decide(endpoint=policy(Principal="*")).result == NOT_ALLOWED  # it grants nothing
    assert decide(resource=policy(Principal={"AWS": USER}), endpoint=policy("Deny", Principal="*")).result == DENIED
    assert decide(identity=ALLOW, endpoint=policy()).result == NOT_ALLOWED  # without a principal
    account = policy(action="*", Principal={"AWS": A})
    assert decide(identity=ALLOW, endpoint=account).result == NOT_ALLOWED  # a gateway reads the root user alone
    assert decide(ROOT, endpoint=account).result == ALLOWED
    send = {"action": "sqs:SendMessage", "resource_arn": f"arn:aws:sqs:eu-west-1:{A}:q", "identity": EVERYTHING}
    assert decide(**send, endpoint=account).result == ALLOWED


PUBLIC = policy(Principal="*")
WITHIN = policy(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a"}})
WIDE = policy(Principal="*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})
NARROW = policy(Principal="*", Condition={"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}})
LIKE = policy(Principal="*", Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})
STRANGER = f"arn:aws:iam::{B}:user/bob"
BLOCKED = [  # caller, bucket policy, blocked, result
    ("*", PUBLIC, True, NOT_ALLOWED),
    ("*", PUBLIC, False, ALLOWED),
    ("*", PUBLIC, None, ALLOWED),
    (STRANGER, PUBLIC, True, NOT_ALLOWED),
    (STRANGER, WITHIN, True, ALLOWED),
    (STRANGER, LIKE, True, NOT_ALLOWED),
    (STRANGER, WIDE, True, NOT_ALLOWED),
    (STRANGER, NARROW, True, ALLOWED),
    (STRANGER, policy(Principal={"AWS": STRANGER}), True, ALLOWED),
    (USER, PUBLIC, True, ALLOWED),
    ("sns.amazonaws.com", PUBLIC, True, ALLOWED),
]


@pytest.mark.parametrize(("who", "bucket", "blocked", "expected"), BLOCKED)
def test_block_public_access(who, bucket, blocked, expected):
    context = INSIDE | {"aws:SourceIp": "203.0.113.9" if bucket is NARROW else "8.8.8.8"}
    decision = decide(who, identity=ALLOW, resource=bucket, context=context, block_public_access=blocked)
    assert decision.result == expected
    assert ("S3 Block Public Access is off" in decision.assumed) == (blocked is None)


@pytest.mark.parametrize(
    ("change", "public"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": ["*"]}}, True),
        ({"Principal": {"AWS": A}}, False),
        ({"Principal": ..., "NotPrincipal": {"AWS": A}}, True),
        ({"Principal": "*", "Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}, True),
        ({"Condition": {"Null": {"aws:SourceVpce": "false"}}}, True),
        ({"Condition": {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-a/r-a/"}}}, True),
        ({"Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-a/r-a/"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": []}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "172.16.0.0/12"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "8.0.0.0/7"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "fc00::/7"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "nonsense"]}}}, True),
    ],
)
def test_what_block_public_access_calls_public(change, public):
    assert is_public(as_policy(policy(**{"effect": "Allow", "Principal": "*"} | change))) is public


def test_services_have_no_identity_policies():
    assert decide("sns.amazonaws.com", identity=policy("Deny", "*"), resource=PUBLIC).result == ALLOWED
    assert decide("sns.amazonaws.com", identity=EVERYTHING).result == NOT_ALLOWED
    for kind in ("Federated", "Service", "CanonicalUser"):
        assert decide("*", resource=policy(Principal={kind: "*"})).result == NOT_ALLOWED


def test_a_federated_user_has_what_its_session_policy_gives():
    ann = f"arn:aws:sts::{A}:federated-user/Ann"
    assert decide(ann, identity=ALLOW).result == NOT_ALLOWED
    assert decide(ann, identity=ALLOW, session=ALLOW).result == ALLOWED
    assert decide(ann, resource=policy(Principal={"AWS": ann})).result == ALLOWED


def test_the_kind_and_level_of_a_denial_are_told():
    decision = decide(identity=ALLOW, service_control=[EVERYTHING, policy(action="sqs:*")])
    assert (decision.kind, decision.level) == ("service_control", 1)
    decision = decide(identity=ALLOW, service_control=[EVERYTHING, [EVERYTHING, policy("Deny")]])
    (matched,) = decision.statements
    assert (decision.kind, matched.level, matched.policy) == ("service_control", 1, 1)
    assert decide(identity=ALLOW, boundary=policy(action="sqs:*")).kind == "boundary"
    assert decide(identity=ALLOW, session=policy(action="sqs:*")).kind == "session"
    assert decide().kind == "identity" and decide(STRANGER, identity=ALLOW).kind == "resource"


def test_who_is_no_service_is_not_meant_by_one():
    google = policy(action="sts:AssumeRoleWithWebIdentity", resource=..., Principal={"Service": "accounts.google.com"})
    assert decide("accounts.google.com", "sts:AssumeRoleWithWebIdentity", ROLE, resource=google).result == NOT_ALLOWED
    google = policy(
        action="sts:AssumeRoleWithWebIdentity", resource=..., Principal={"Federated": "accounts.google.com"}
    )
    assert decide("accounts.google.com", "sts:AssumeRoleWithWebIdentity", ROLE, resource=google).result == ALLOWED


@given(st.sampled_from([USER, SESSION, ROOT, "*", "sns.amazonaws.com"]), st.sampled_from([ALLOW, EVERYTHING, PUBLIC]))
def test_another_level_never_allows_more(who, extra):
    def result(**more) -> str:
        return decide(who, identity=ALLOW, resource=policy(Principal={"AWS": SESSION}), **more).result

    for kind in ("boundary", "session", "endpoint"):
        assert result(**{kind: extra}) != ALLOWED or result() == ALLOWED
    for kind in ("service_control", "resource_control"):
        assert result(**{kind: [extra]}) != ALLOWED or result() == ALLOWED
