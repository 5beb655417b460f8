"""Decisions against AWS's documented evaluation logic: a request, the policies, what comes out and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import PolicySyntaxError
from iampolicy.simulate import Matched, Request, consenting, simulate

USER = "arn:aws:iam::111122223333:user/dev/ann"
ROLE = "arn:aws:iam::111122223333:role/app/reader"
SESSION = "arn:aws:sts::111122223333:assumed-role/reader/job"
ROOT = "arn:aws:iam::111122223333:root"
OTHER = "arn:aws:iam::999988887777:user/bob"
OBJECT = "arn:aws:s3:::photos/a.jpg"
ALLOWED, DENIED, NOT_ALLOWED = "Allowed", "ExplicitlyDenied", "ImplicitlyDenied"


def policy(effect="Allow", action="s3:GetObject", resource="arn:aws:s3:::photos/*", **more) -> dict:
    statement = {"Effect": effect, "Action": action, "Resource": resource} | more
    return {"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]}


READ, NOTHING = policy(), policy(action="sqs:SendMessage", resource="*")
DENY, ALL = policy("Deny"), policy(action="*", resource="*")


def to(*principals: str, effect="Allow", action="s3:GetObject") -> dict:
    return policy(effect, action, Principal={"AWS": list(principals)})


def request(principal=USER, action="s3:GetObject", resource=OBJECT, account=None, **context) -> Request:
    return Request(action, resource, principal, context, account)


def result(asked=None, **policies) -> str:
    return simulate(asked or request(), **policies).result


IDENTITY = [
    (READ, ALLOWED),
    (NOTHING, NOT_ALLOWED),
    ((), NOT_ALLOWED),
    ([NOTHING, READ], ALLOWED),
    ([READ, DENY], DENIED),
    (DENY, DENIED),
    (policy(action="S3:get*"), ALLOWED),
    (policy(action="s3:Get?bject"), ALLOWED),
    (policy(action="*", resource="*"), ALLOWED),
    (policy(action="s3:PutObject"), NOT_ALLOWED),
    (policy(resource="arn:aws:s3:::Photos/*"), NOT_ALLOWED),
    (policy(action=None, NotAction="sqs:*"), ALLOWED),
    (policy(action=None, NotAction=["sqs:*", "s3:Get*"]), NOT_ALLOWED),
    (policy(resource=None, NotResource="arn:aws:s3:::other/*"), ALLOWED),
    (policy(resource=None, NotResource="arn:aws:s3:::photos/*"), NOT_ALLOWED),
    (policy(resource=None), NOT_ALLOWED),
    (policy("allow"), NOT_ALLOWED),
    (policy(Condition={"StringEquals": {"aws:username": "ann"}}), ALLOWED),
    (policy(Condition={"StringEquals": {"aws:PrincipalAccount": "111122223333"}}), ALLOWED),
    (policy(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), NOT_ALLOWED),
    (policy("Deny", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}), DENIED),
    (policy(resource="arn:aws:s3:::photos/${aws:username, 'x'}*"), NOT_ALLOWED),
    ('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}', ALLOWED),
    ({"Version": "2012-10-17", "Statement": []}, NOT_ALLOWED),
]


@pytest.mark.parametrize(("identity", "expected"), IDENTITY, ids=lambda v: str(v)[:60])
def test_identity_policies(identity, expected):
    assert result(identity=identity) == expected


RESOURCE = [  # principal, identity, resource policy, boundary, result
    (USER, (), to(USER), None, ALLOWED),
    (USER, (), to(ROOT), None, NOT_ALLOWED),
    (USER, READ, to(ROOT), None, ALLOWED),
    (USER, (), to("111122223333"), None, NOT_ALLOWED),
    (USER, (), policy(Principal="*"), None, ALLOWED),
    (USER, (), to("*"), None, ALLOWED),
    (USER, (), to(OTHER), None, NOT_ALLOWED),
    (USER, READ, to(OTHER), None, ALLOWED),
    (USER, READ, to(USER, effect="Deny"), None, DENIED),
    (USER, READ, to(ROOT, effect="Deny"), None, DENIED),
    (USER, READ, policy("Deny", Principal="*"), None, DENIED),
    # what a resource grants to a user itself no boundary's silence takes away; to a role it does
    (USER, (), to(USER), NOTHING, ALLOWED),
    (ROLE, (), to(ROLE), NOTHING, NOT_ALLOWED),
    (SESSION, (), to(ROLE), NOTHING, NOT_ALLOWED),
    (SESSION, (), to(SESSION), NOTHING, ALLOWED),
    (SESSION, (), to(ROLE), None, ALLOWED),
    (SESSION, (), to(ROLE), ALL, ALLOWED),
    (SESSION, (), to("arn:aws:iam::111122223333:role/other"), None, NOT_ALLOWED),
    (USER, READ, None, NOTHING, NOT_ALLOWED),
    (USER, READ, None, ALL, ALLOWED),
    (USER, READ, None, DENY, DENIED),
    ("*", (), policy(Principal="*"), None, ALLOWED),
    ("*", READ, None, None, NOT_ALLOWED),
    ("cloudfront.amazonaws.com", (), policy(Principal={"Service": "cloudfront.amazonaws.com"}), None, ALLOWED),
    ("cloudfront.amazonaws.com", (), policy(Principal={"Service": "sns.amazonaws.com"}), None, NOT_ALLOWED),
    (USER, (), policy(Principal=None, NotPrincipal={"AWS": [OTHER]}), None, NOT_ALLOWED),  # AWS does not support it
    (USER, READ, policy("Deny", NotPrincipal={"AWS": [USER, ROOT]}), None, ALLOWED),
    (USER, READ, policy("Deny", NotPrincipal={"AWS": [ROOT]}), None, DENIED),
    (SESSION, READ, policy("Deny", NotPrincipal={"AWS": [ROLE, SESSION, ROOT]}), None, ALLOWED),
    (USER, READ, policy(Principal=None), None, ALLOWED),
    (ROOT, (), None, None, ALLOWED),
    (ROOT, (), to(ROOT, effect="Deny"), None, DENIED),
]


@pytest.mark.parametrize(("who", "identity", "resource", "boundary", "expected"), RESOURCE)
def test_resource_policies_and_boundaries(who, identity, resource, boundary, expected):
    assert result(request(who), identity=identity, resource=resource, boundary=boundary) == expected


CROSS = [  # identity, resource policy, boundary, result
    (READ, to(USER), None, ALLOWED),
    (READ, to(ROOT), None, ALLOWED),
    (READ, policy(Principal="*"), None, ALLOWED),
    (READ, None, None, NOT_ALLOWED),
    ((), to(USER), None, NOT_ALLOWED),
    ((), policy(Principal="*"), None, NOT_ALLOWED),
    (READ, to(USER), NOTHING, NOT_ALLOWED),
    (READ, to(USER), ALL, ALLOWED),
    (READ, to(USER, effect="Deny"), None, DENIED),
]


@pytest.mark.parametrize(("identity", "resource", "boundary", "expected"), CROSS)
def test_another_account_must_allow_and_so_must_ours(identity, resource, boundary, expected):
    asked = request(account="999988887777")
    assert result(asked, identity=identity, resource=resource, boundary=boundary) == expected


def test_every_level_of_service_control_policies_must_allow():
    assert result(identity=READ, service_control=[[ALL], [ALL, DENY]]) == DENIED
    assert result(identity=READ, service_control=[[ALL], [NOTHING]]) == NOT_ALLOWED
    assert result(identity=READ, service_control=[[ALL], [NOTHING, READ]]) == ALLOWED
    assert result(identity=READ, service_control=[ALL, []]) == NOT_ALLOWED
    assert result(service_control=[[ALL]]) == NOT_ALLOWED
    assert result(request(ROOT), service_control=[[NOTHING]]) == NOT_ALLOWED


def test_session_policies_limit_what_the_role_may():
    assert result(request(SESSION), identity=ALL, session=READ) == ALLOWED
    assert result(request(SESSION), identity=ALL, session=NOTHING) == NOT_ALLOWED
    assert result(request(SESSION), identity=(), session=READ) == NOT_ALLOWED
    assert result(request(SESSION), identity=ALL, session=[NOTHING, READ], boundary=READ) == ALLOWED
    assert result(request(SESSION), identity=ALL, session=()) == NOT_ALLOWED


def test_keys_and_trust_need_their_own_policys_consent():
    key = "arn:aws:kms:eu-west-1:111122223333:key/1"
    use = policy(action="kms:Decrypt", resource="*")
    asked = request(action="kms:Decrypt", resource=key)
    assert result(asked, identity=use, resource=to(OTHER, action="kms:*")) == NOT_ALLOWED
    root = policy(action="kms:*", resource="*", Principal={"AWS": ROOT})
    assert result(asked, identity=use, resource=root) == ALLOWED
    assert result(asked, resource=root) == NOT_ALLOWED
    trust = policy(action="sts:AssumeRole", resource=None, Principal={"AWS": USER})
    assert result(request(action="sts:AssumeRole", resource=ROLE), resource=trust) == ALLOWED


def test_a_variable_without_a_value_matches_nothing():
    team = policy(resource="arn:aws:s3:::photos/${aws:PrincipalTag/team}/*")
    asked = request(resource="arn:aws:s3:::photos/red/a", **{"aws:PrincipalTag/team": "red"})
    assert result(asked, identity=team) == ALLOWED
    assert result(request(resource="arn:aws:s3:::photos/red/a"), identity=team) == NOT_ALLOWED
    wild = request(resource="arn:aws:s3:::photos/red/a", **{"aws:PrincipalTag/team": "*"})
    assert result(wild, identity=team) == NOT_ALLOWED
    old = {**team, "Version": "2008-10-17"}
    assert result(asked, identity=old) == NOT_ALLOWED


def test_the_decision_names_its_statements():
    both = {"Version": "2012-10-17", "Statement": [*NOTHING["Statement"], READ["Statement"][0] | {"Sid": "Read"}]}
    decision = simulate(request(), identity=[NOTHING, both], boundary=ALL)
    assert decision.statements == (
        Matched("boundary", 0, 0, None, "Allow"),
        Matched("identity", 1, 1, "Read", "Allow"),
    )
    assert simulate(request(), identity=[READ, DENY]).statements == (Matched("identity", 1, 0, None, "Deny"),)
    assert simulate(request()).statements == () and "no policy allows it" in simulate(request()).reason


def test_text_that_is_no_policy_is_refused():
    with pytest.raises(PolicySyntaxError):
        simulate(request(), identity="{")


ACTIONS = st.sampled_from(["s3:GetObject", "s3:Get*", "s3:*", "*", "sqs:SendMessage"])
STATEMENT = st.builds(
    lambda effect, action, where: policy(effect, action, where)["Statement"][0],
    st.sampled_from(["Allow", "Deny"]),
    ACTIONS,
    st.sampled_from(["*", "arn:aws:s3:::photos/*", "arn:aws:s3:::other"]),
)
POLICY = st.builds(lambda s: {"Version": "2012-10-17", "Statement": s}, st.lists(STATEMENT, max_size=4))


@given(POLICY, STATEMENT, st.data())
def test_adding_a_statement_never_removes_an_explicit_deny(document, statement, data):
    place = data.draw(st.integers(0, len(document["Statement"])))
    longer = {**document, "Statement": [*document["Statement"][:place], statement, *document["Statement"][place:]]}
    if result(identity=document) == DENIED:
        assert result(identity=longer) == DENIED
    if result(identity=document) == ALLOWED and statement["Effect"] == "Allow":
        assert result(identity=longer) == ALLOWED


@given(POLICY, POLICY)
def test_a_boundary_never_allows_more(document, boundary):
    if result(identity=document, boundary=boundary) == ALLOWED:
        assert result(identity=document) == ALLOWED == result(identity=boundary)


OURS, THEIRS = "111122223333", "999988887777"
ALL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{THEIRS}:q"),
        ("sts:AssumeRole", f"arn:aws:iam::{THEIRS}:role/t"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{THEIRS}:function:f"),
    ],
)
def test_the_account_in_an_arn_owns_the_resource(action, arn):
    user = f"arn:aws:iam::{OURS}:user/u"
    granted = {"Statement": {"Effect": "Allow", "Principal": {"AWS": user}, "Action": action, "Resource": "*"}}
    assert simulate(Request(action, arn, user), identity=ALL).result == NOT_ALLOWED
    assert simulate(Request(action, arn, user), resource=granted).result == NOT_ALLOWED
    assert simulate(Request(action, arn, user), identity=ALL, resource=granted).result == ALLOWED
    own = Request(action, arn.replace(THEIRS, OURS), user)
    assert simulate(own, identity=ALL, resource=consenting(own)).result == ALLOWED


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:*:b/k", "arn:aws:s3:::b/k", True),  # a star that ends a field runs over the next
        ("arn:aws:logs:*:log-group:lg:*", f"arn:aws:logs:us-east-1:{OURS}:log-group:lg:x", True),
        ("arn:aws:s*3:::b", "arn:aws:s3:us-east-1::3:::b", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x:y/z", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/xy", False),
    ],
)
def test_wildcards_of_resources(pattern, arn, matches):
    given = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": pattern}}
    request = Request("s3:GetObject", arn, f"arn:aws:iam::{OURS}:user/u", resource_account=OURS)
    assert simulate(request, identity=given).result == (ALLOWED if matches else NOT_ALLOWED)


def test_service_control_policies_reach_neither_services_nor_their_linked_roles():
    no = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
    open_bucket = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
    linked = f"arn:aws:iam::{OURS}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
    request = Request("s3:GetObject", "arn:aws:s3:::b/k", linked)
    assert simulate(request, identity=ALL, service_control=[no]).result == ALLOWED
    request = Request("s3:GetObject", "arn:aws:s3:::b/k", "cloudtrail.amazonaws.com")
    assert simulate(request, resource=open_bucket, service_control=[no]).result == ALLOWED
    request = Request("s3:GetObject", "arn:aws:s3:::b/k", f"arn:aws:iam::{OURS}:role/r")
    assert simulate(request, identity=ALL, service_control=no).result == DENIED  # one policy is one level


def test_requests_say_whether_a_service_asks():
    def allowed(who: str, value: str) -> bool:
        condition = {"Bool": {"aws:PrincipalIsAWSService": value}}
        given = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition}
        request = Request("s3:GetObject", "arn:aws:s3:::b/k", who)
        return simulate(request, resource={"Version": "2012-10-17", "Statement": given}).result == ALLOWED

    user, service = f"arn:aws:iam::{OURS}:user/u", "cloudtrail.amazonaws.com"
    assert allowed(user, "false") and not allowed(user, "true")
    assert allowed(service, "true") and not allowed(service, "false")


def test_every_service_is_not_everybody():
    given = {"Statement": {"Effect": "Allow", "Principal": {"Service": "*"}, "Action": "*", "Resource": "*"}}
    for who, result in (("*", NOT_ALLOWED), ("sns.amazonaws.com", ALLOWED)):
        assert simulate(Request("s3:GetObject", "arn:aws:s3:::b/k", who), resource=given).result == result


def test_a_role_that_a_condition_names_stays_within_its_boundary():
    role = f"arn:aws:iam::{OURS}:role/app"
    condition = {"ArnEquals": {"aws:PrincipalArn": role}}
    given = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": condition}
    boundary = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}
    request = Request("s3:GetObject", "arn:aws:s3:::b/k", role)
    assert simulate(request, resource={"Statement": given}).result == ALLOWED
    assert simulate(request, resource={"Statement": given}, boundary=boundary).result == NOT_ALLOWED


def test_a_condition_that_is_no_object_is_never_met():
    for condition in ("x", [], None, {"StringEquals": "x"}):
        given = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
        request = Request("s3:GetObject", "arn:aws:s3:::b/k", f"arn:aws:iam::{OURS}:user/u")
        assert simulate(request, identity={"Statement": given}).result == NOT_ALLOWED
