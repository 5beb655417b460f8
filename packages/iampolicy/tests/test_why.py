"""What would turn a decision: each change is tried, the smallest comes first, and its sentence names the place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy.remedies import advice, turned
from iampolicy.simulate import Request, simulate
from iampolicy.why import why_not

A, B = "111122223333", "444455556666"
USER, SESSION = f"arn:aws:iam::{A}:user/ada", f"arn:aws:sts::{A}:assumed-role/fennel/ab"
OBJECT = "arn:aws:s3:::photos/a"


def policy(effect="Allow", action="s3:GetObject", resource="*", **more) -> dict:
    statement = {"Effect": effect, "Action": action, "Resource": resource} | more
    return {"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not ...}]}


ALLOW, OTHER = policy(), policy(action="s3:PutObject")
TLS = policy("Deny", "*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
NETWORK = policy("Deny", "*", Principal="*", Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, Sid="Net")
MFA = policy(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})


def why(who=USER, action="s3:GetObject", resource_arn=OBJECT, account=A, context=None, **policies):
    return why_not(Request(action, resource_arn, who, context or {}, account), **policies)


FIRST = [  # context, policies, the first change: kind, element or key, words of its sentence
    (
        {"aws:SecureTransport": "false"},
        {"identity": ALLOW, "resource": TLS},
        ("request", "aws:SecureTransport"),
        "statement 1 of the bucket policy denies it: aws:SecureTransport is false; send it over TLS",
    ),
    (
        {"aws:SourceIp": "198.51.100.7"},
        {"identity": ALLOW, "resource": NETWORK},
        ("request", "aws:SourceIp"),
        '"Net" of the bucket policy denies it: aws:SourceIp is 198.51.100.7; send it from the address 203.0.113.1',
    ),
    ({}, {"identity": MFA}, ("request", "aws:MultiFactorAuthPresent"), "is absent; sign in with MFA"),
    ({}, {"identity": OTHER}, ("identity", "Action"), "allows other actions; add s3:GetObject to its Action"),
    ({}, {"identity": [OTHER, OTHER]}, ("identity", "Action"), "statement 1 of the identity policy 1"),
    (
        {},
        {"identity": policy(resource="arn:aws:s3:::photos/b")},
        ("identity", "Resource"),
        "allows it on other resources; add arn:aws:s3:::photos/a to its Resource",
    ),
    ({}, {}, ("identity", "Statement"), "add one that allows s3:GetObject on arn:aws:s3:::photos/a"),
    ({}, {"identity": ALLOW, "boundary": OTHER}, ("boundary", "Action"), "statement 1 of the permissions boundary"),
    ({}, {"identity": ALLOW, "session": ()}, ("session", "Statement"), "the session policy allows it; add one"),
    (
        {},
        {"identity": ALLOW, "service_control": [policy(action="*"), OTHER]},
        ("service_control", "Action"),
        "statement 1 of the service control policy of level 2 allows other actions",
    ),
    (
        {"aws:PrincipalOrgID": "o-b"},
        {
            "identity": ALLOW,
            "resource_control": [
                policy("Deny", "*", Principal="*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-a"}})
            ],
        },
        ("request", "aws:PrincipalOrgID"),
        "statement 1 of the resource control policy denies it: aws:PrincipalOrgID is o-b; call from an account",
    ),
    (
        {},
        {"identity": ALLOW, "endpoint": policy(Principal="*", action="s3:PutObject")},
        ("endpoint", "Action"),
        "statement 1 of the policy of the VPC endpoint",
    ),
    (
        {},
        {"identity": ALLOW, "resource": policy("Deny", NotPrincipal={"AWS": USER}, Principal=...)},
        ("resource", "NotPrincipal"),
        f"its NotPrincipal does not name arn:aws:iam::{A}:root; add",
    ),
    (
        {},
        {"identity": [ALLOW, policy("Deny", action=..., NotAction="sqs:*")]},
        ("identity", "NotAction"),
        "its NotAction does not name it; add s3:GetObject",
    ),
    (
        {},
        {"identity": [ALLOW, policy("Deny", resource=..., NotResource="arn:aws:s3:::other/*")]},
        ("identity", "NotResource"),
        "its NotResource does not name it; add arn:aws:s3:::photos/a",
    ),
    (
        {},
        {"identity": [ALLOW, policy("Deny", ["s3:GetObject", "s3:PutObject"])]},
        ("identity", "Action"),
        "take s3:GetObject out of its Action",
    ),
    (
        {},
        {"identity": policy(action=..., NotAction=["s3:Get*", "sqs:*"])},
        ("identity", "NotAction"),
        "take s3:Get* out of its NotAction",
    ),
]


@pytest.mark.parametrize(("context", "policies", "where", "words"), FIRST)
def test_the_smallest_change_comes_first_and_names_its_place(context, policies, where, words):
    changes = why(context=context, **policies)
    first = changes[0].edits[0]
    assert (first.kind, first.key if first.kind == "request" else first.element) == where
    assert words in changes[0].sentence and [c.size for c in changes] == sorted(c.size for c in changes)
    for change in changes:
        assert simulate(change.request, **change.policies).result == "Allowed"


def test_the_given_policies_stay_as_they_are():
    given_ = policy("Deny", ["s3:GetObject", "s3:PutObject"])
    before = str(given_)
    assert why(identity=[ALLOW, given_]) and str(given_) == before


def test_a_value_is_added_to_the_list_that_it_lacks():
    change = next(c for c in why(context={"aws:SourceIp": "198.51.100.7"}, identity=ALLOW, resource=NETWORK)[1:])
    (edit,) = change.edits
    assert (edit.kind, edit.element, edit.key, edit.value, edit.policy, edit.statement, edit.sid) == (
        "resource",
        "Condition",
        "aws:SourceIp",
        "198.51.100.7",
        0,
        0,
        "Net",
    )
    condition = change.policies["resource"]["Statement"][0]["Condition"]
    assert condition == {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "198.51.100.7"]}}


def test_a_fact_of_the_caller_is_no_matter_of_the_request():
    only = policy(Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{A}:role/x"}})
    changes = why(identity=only)
    assert all(edit.kind == "identity" for change in changes for edit in change.edits)
    assert any(edit.key == "aws:PrincipalArn" and edit.value == USER for change in changes for edit in change.edits)


def test_several_statements_in_the_way_are_one_change():
    changes = why(
        context={"aws:SecureTransport": "false"}, identity=[MFA], resource=TLS, boundary=OTHER, service_control=[OTHER]
    )
    kinds = [edit.kind for edit in changes[0].edits]
    assert kinds == ["request", "service_control", "boundary", "request"]


def test_trust_keys_and_other_accounts():
    role = f"arn:aws:iam::{A}:role/x"
    (change, *_) = why(action="sts:AssumeRole", resource_arn=role, identity=policy(action="sts:AssumeRole"))
    trust = change.policies["resource"]["Statement"][0]
    assert trust == {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": USER}}
    assert "trust policy" in change.sentence
    (change, *_) = why(SESSION, account=B, identity=ALLOW)
    assert change.policies["resource"]["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{A}:role/fennel"}
    (change, *_) = why(account=B, resource=policy(Principal={"AWS": USER}))
    assert change.edits[0].kind == "identity"
    (change, *_) = why(identity=ALLOW, account=B, resource=policy(Principal={"AWS": f"arn:aws:iam::{B}:root"}))
    assert (change.edits[0].element, change.edits[0].value) == ("Principal", USER)
    (change,) = why("*", resource=policy(Principal="*"), block_public_access=True)
    assert change.edits[0].kind == "block_public_access"


def test_what_aws_decides_no_change_turns():
    assert why(action="iam:DeletePolicy", resource_arn="arn:aws:iam::aws:policy/x", identity=policy(action="*")) == []
    assert why(action="sts:GetCallerIdentity", resource_arn="*") == []


def test_what_would_deny_an_allowed_request():
    changes = why(identity=ALLOW)
    assert all(simulate(c.request, **c.policies).result != "Allowed" for c in changes)
    assert "add a statement that denies s3:GetObject" in changes[0].sentence and "remove it" in changes[-1].sentence
    limited = why(identity=MFA, context={"aws:MultiFactorAuthPresent": "true"})
    assert limited[0].edits[0].kind == "request" and "sign in without MFA" in limited[0].sentence


TESTS = st.sampled_from(
    [
        ("StringEquals", "aws:SourceVpc", "vpc-1"),
        ("StringNotEqualsIfExists", "aws:SourceVpc", ["vpc-1", "vpc-2"]),
        ("StringLike", "aws:PrincipalTag/team", "r*d"),
        ("Bool", "aws:SecureTransport", "false"),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", "true"),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"),
        ("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
        ("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z"),
        ("Null", "aws:SourceVpc", "true"),
        ("Null", "aws:SourceVpc", "false"),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "a"),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", "a"),
        ("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{A}:role/*"),
        ("StringEquals", "aws:PrincipalTag/team", "${aws:username}"),
        ("StringEquals", "aws:SourceVpc", []),
        ("Strange", "aws:SourceVpc", "x"),
    ]
)
CONTEXT = st.fixed_dictionaries(
    {},
    optional={
        "aws:SourceVpc": st.sampled_from(["vpc-1", "vpc-3"]),
        "aws:SecureTransport": st.sampled_from(["true", "false"]),
        "aws:SourceIp": st.sampled_from(["203.0.113.9", "198.51.100.1", "nonsense"]),
        "aws:TagKeys": st.lists(st.sampled_from("ab")),
        "aws:PrincipalTag/team": st.sampled_from(["red", "ada"]),
        "aws:CurrentTime": st.just("2025-01-01T00:00:00Z"),
    },
)
NAMES = ["*", A, f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:role/fennel", USER, SESSION, f"arn:aws:iam::{B}:root"]


@st.composite
def policies(draw, principal: bool = False):
    made = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    made[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(
        st.sampled_from(["*", "s3:Get*", "s3:PutObject", ["s3:GetObject", "sqs:*"], []])
    )
    made[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.sampled_from(["*", "arn:aws:s3:::photos/*", "arn:aws:s3:::other/*", [OBJECT, "arn:aws:s3:::b"]])
    )
    if principal:
        names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
        made[draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))] = {"AWS": names}
    if draw(st.booleans()):
        tests = draw(st.lists(TESTS, min_size=1, max_size=2))
        condition: dict = {}
        for operator, key, value in tests:
            condition.setdefault(operator, {})[key] = value
        made["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": draw(st.sampled_from([made, [made], [made, ALLOW["Statement"][0]]]))}


@settings(max_examples=60)
@given(st.data())
def test_every_change_turns_the_decision(data):
    who = data.draw(st.sampled_from([USER, SESSION, f"arn:aws:iam::{B}:user/bob", f"arn:aws:iam::{A}:root", "*"]))
    maybe = st.none() | policies()
    given_ = {
        "identity": data.draw(st.lists(policies(), max_size=2)),
        "resource": data.draw(st.none() | policies(principal=True)),
        "boundary": data.draw(maybe),
        "session": data.draw(maybe),
        "service_control": data.draw(st.lists(policies(), max_size=2)),
        "resource_control": data.draw(st.lists(policies(principal=True), max_size=1)),
        "endpoint": data.draw(st.none() | policies(principal=True)),
        "block_public_access": data.draw(st.sampled_from([None, True, False])),
    }
    request = Request("s3:GetObject", OBJECT, who, data.draw(CONTEXT), A)
    before = simulate(request, **given_).result
    changes = why_not(request, **given_)
    assert changes or who.endswith(":root") or who == "*"
    for change in changes:
        after = simulate(change.request, **change.policies).result
        assert (before == "Allowed") != (after == "Allowed")
        assert change.sentence and all(edit.size > 0 for edit in change.edits)


@pytest.mark.parametrize(
    ("operator", "wanted", "given_", "to", "value"),
    [
        ("StringLike", ["r*d"], None, True, "rxd"),
        ("NumericLessThan", ["60"], "60", True, "59"),
        ("NumericGreaterThan", ["60"], None, True, "61"),
        ("Bool", ["true"], "true", False, "false"),
        ("IpAddress", ["203.0.113.0/24"], "203.0.113.9", False, "198.51.100.7"),
        ("IpAddress", ["2001:db8::/32"], None, True, "2001:db8::1"),
        ("Null", ["true"], "a", True, None),
        ("Null", ["false"], None, True, "any-value"),
        ("ForAnyValue:StringEquals", ["a"], None, True, ["a"]),
        ("StringEquals", ["a"], "a", False, None),
        ("DateLessThan", ["2026-01-01T00:00:00Z"], None, True, "2025-12-31T00:00:00Z"),
    ],
)
def test_values_that_turn_a_test(operator, wanted, given_, to, value):
    context = {} if given_ is None else {"the:key": given_}
    assert turned(operator, "the:key", wanted, context, to) == (value,)


def test_a_test_that_nothing_turns():
    assert turned("Strange", "the:key", ["a"], {}, True) is None
    assert turned("StringEquals", "the:key", ["${missing}"], {}, True) is None


def test_advice_is_what_a_person_does():
    assert advice("aws:PrincipalTag/team", "red") == "give the caller the tag team = red"
    assert advice("aws:requesttag/team", "red") == "send the tag team = red"
    assert advice("aws:TagKeys", ["a"]) == "send the tags a"
    assert advice("dynamodb:Attributes", "a") == "send it with dynamodb:Attributes = a"
    assert advice("aws:SourceVpc", None) == "send it without aws:SourceVpc"
