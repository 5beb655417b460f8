"""Permission-level comparison: cases worked out by hand, and properties that bind it to the simulator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.compare import compare
from iampolicy.document import PolicySyntaxError
from iampolicy.patterns import NO_SLASH, covers, overlaps
from iampolicy.simulate import Request, simulate

OBJECTS, BUCKET = "arn:aws:s3:::photos/*", "arn:aws:s3:::photos"


def policy(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action="s3:GetObject", resource=OBJECTS, effect="Allow", **more) -> dict:
    return {"Effect": effect, "Action": action, "Resource": resource} | more


def deny(*args, **more) -> dict:
    return allow(*args, effect="Deny", **more)


ROOT = "arn:aws:iam::111122223333:root"


def ip(network: str) -> dict:
    return allow(Condition={"IpAddress": {"aws:SourceIp": network}})


def user(operator: str, name: str) -> dict:
    return allow(Condition={operator: {"aws:username": name}})


def source(operator: str, arn: str) -> dict:
    return allow(Condition={operator: {"aws:SourceArn": arn}})


def queue(resource: str) -> dict:
    return allow("sqs:SendMessage", resource)


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
TWO = ["s3:GetObject", "s3:PutObject"]
EMPTY = policy()

CASES = [  # expected, actual, relation, precision, recall
    (policy(allow()), policy(allow()), "equal", 1, 1),
    (EMPTY, EMPTY, "equal", 1, 1),
    (policy(allow()), EMPTY, "under", 1, 0),
    (EMPTY, policy(allow()), "over", 0, 1),
    (policy(allow(TWO)), policy(allow()), "under", 1, 0.5),
    (policy(allow()), policy(allow(TWO)), "over", 0.5, 1),
    (policy(allow("s3:GetObject")), policy(allow("s3:PutObject")), "incomparable", 0, 0),
    (policy(allow(TWO)), policy(allow("S3:GETOBJECT"), allow("s3:putobject")), "equal", 1, 1),
    (policy(allow()), policy(allow(resource="*")), "over", 0, 1),
    (policy(allow(resource="*")), policy(allow()), "under", 1, 0),
    (policy(allow(resource="arn:aws:s3:::photos/2026/*")), policy(allow()), "over", 0, 1),
    (policy(allow()), policy(allow(resource="arn:aws:s3:::other/*")), "incomparable", 0, 0),
    (policy(allow(Condition=MFA)), policy(allow()), "over", 0, 1),
    (policy(allow()), policy(allow(Condition=MFA)), "under", 1, 0),
    (
        policy(allow(Condition=MFA)),
        policy(allow(Condition={"bool": {"AWS:multifactorauthpresent": ["true"]}})),
        "equal",
        1,
        1,
    ),
    # an action on a resource that it cannot be used on allows nothing
    (policy(allow()), policy(allow(resource=[OBJECTS, BUCKET])), "equal", 1, 1),
    (policy(allow("s3:ListBucket", BUCKET)), policy(allow("s3:ListBucket", OBJECTS)), "under", 1, 0),
    (EMPTY, policy(allow("s3:ListAllMyBuckets", BUCKET)), "equal", 1, 1),
    # all that an action can be used on is "*" in other words, within one partition
    (policy(queue("*")), policy(queue("arn:aws:sqs:*:*:*")), "equal", 1, 1),
    (policy(queue("*")), policy(queue("arn:aws:sqs:eu-west-1:*:*")), "under", 1, 0),
    (policy(queue("arn:aws:sqs:*:*:*")), policy(queue("*")), "equal", 1, 1),
    (policy(queue("arn:aws:sqs:*:*:jobs")), policy(queue("*")), "over", 0, 1),
    (policy(queue("*")), policy(queue("arn:aws:sqs:*:*:${aws:username}")), "under", 1, 0),
    # what says the same, and what says less
    (policy(source("ArnEquals", f"{BUCKET}x")), policy(source("StringEquals", f"{BUCKET}x")), "equal", 1, 1),
    (policy(source("ArnNotLike", f"{BUCKET}x")), policy(source("StringNotEquals", f"{BUCKET}x")), "equal", 1, 1),
    (policy(source("ArnLike", f"{BUCKET}*")), policy(source("StringLike", f"{BUCKET}*")), "incomparable", 0, 0),
    (policy(source("ArnEquals", "photos")), policy(source("StringEquals", "photos")), "incomparable", 0, 0),
    (
        policy(allow(Condition=MFA)),
        policy(allow(Condition={"Bool": {"aws:MultiFactorAuthPresent": True}})),
        "equal",
        1,
        1,
    ),
    (policy(ip("10.0.0.0/8")), policy(ip("10.1.0.0/16")), "under", 1, 0),
    (policy(ip("10.1.0.0/16")), policy(ip("10.0.0.0/8")), "over", 0, 1),
    (policy(user("StringLike", "a*")), policy(user("StringLike", "ab*")), "under", 1, 0),
    (policy(user("StringLike", "ann")), policy(user("StringEquals", "ann")), "equal", 1, 1),
    (policy(allow(Principal={"AWS": "111122223333"})), policy(allow(Principal={"AWS": ROOT})), "equal", 1, 1),
    (
        policy(allow(resource="arn:aws:s3:::photos/${aws:username}/*")),
        policy(allow(resource="arn:aws:s3:::photos/${aws:username}/*")) | {"Version": "2008-10-17"},
        "incomparable",
        0,
        0,
    ),
    # denies
    (policy(deny()), policy(deny()), "equal", 1, 1),
    (policy(deny()), EMPTY, "over", 1, 0),
    (policy(deny()), policy(allow()), "over", 0, 0),
    (policy(allow(), deny("s3:PutObject")), policy(allow()), "over", 1, 0.5),
    (policy(allow(TWO), deny("s3:PutObject")), policy(allow(), deny("s3:PutObject")), "equal", 1, 1),
    (policy(allow(), deny(resource="arn:aws:s3:::photos/secret/*")), policy(allow()), "over", 0, 0.5),
    (policy(allow()), policy(allow(), deny(resource="arn:aws:s3:::photos/secret/*")), "under", 0.5, 0),
    # NotAction and NotResource
    (policy({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}), policy(allow("*", "*")), "over", None, 1),
    (
        policy({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": OBJECTS}),
        policy({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": [OBJECTS, "arn:aws:s3:::x/*"]}),
        "under",
        1,
        0,
    ),
    # principals
    (policy(allow(Principal={"AWS": "arn:a"})), policy(allow(Principal="*")), "over", 0, 1),
    (policy(allow(Principal={"AWS": ["arn:a", "arn:b"]})), policy(allow(Principal={"AWS": "arn:a"})), "under", 1, 0),
    (policy(allow(Principal="*")), policy(allow()), "incomparable", 0, 0),
]


@pytest.mark.parametrize(("expected", "actual", "relation", "precision", "recall"), CASES)
def test_worked_cases(expected, actual, relation, precision, recall):
    found = compare(expected, actual)
    assert (found.relation, found.recall) == (relation, recall)
    assert precision is None or found.precision == precision
    back = compare(actual, expected)
    assert (back.precision, back.recall) == (found.recall, found.precision)
    assert back.relation == {"over": "under", "under": "over"}.get(relation, relation)
    assert (back.extra, back.missing) == (found.missing, found.extra)


def test_everything_has_every_action():
    found = compare(policy(allow()), policy(allow("*", "*")))
    assert found.relation == "over" and found.recall == 1 and found.precision == 0
    assert sum(len(p.actions) for p in found.extra) == len(catalogue.load().actions)
    assert compare(policy(allow("*", "*")), policy(allow("*:*", "*"))).relation == "equal"


def test_what_is_granted_too_much_and_too_little_is_listed():
    found = compare(policy(allow(TWO)), policy(allow("s3:GetObject", resource="*"), allow("sqs:*", resource="*")))
    (missing,) = found.missing
    assert (missing.effect, missing.actions, missing.resource) == ("Allow", ("s3:PutObject",), OBJECTS)
    assert {p.resource for p in found.extra} == {"*"} and any("sqs:SendMessage" in p.actions for p in found.extra)


def test_unknown_actions_grant_nothing_and_are_listed():
    found = compare(policy(allow(["s3:GetObject", "s3:Getobjekt"])), policy(allow(["s3:GetObject", "nosuch:*"])))
    assert (found.relation, found.precision, found.recall) == ("equal", 1, 1)
    assert (found.expected_unknown, found.actual_unknown) == (("s3:Getobjekt",), ("nosuch:*",))


def test_f1_is_the_harmonic_mean():
    assert compare(policy(allow(TWO)), policy(allow())).f1 == pytest.approx(2 / 3)
    assert compare(policy(allow()), policy(deny())).f1 == 0


def test_text_that_is_no_policy_is_refused():
    for pair in (("{", "{}"), ("{}", "[]")):
        with pytest.raises(PolicySyntaxError):
            compare(*pair)


@pytest.mark.parametrize(
    ("wide", "narrow", "covered", "met"),
    [
        ("*", "arn:aws:s3:::b", True, True),
        ("arn:aws:s3:::b*", "arn:aws:s3:::b/*", True, True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b*", False, True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/*", False, True),
        ("arn:aws:s3:::a*", "arn:aws:s3:::*b", False, True),
        ("arn:aws:s3:::a*", "arn:aws:s3:::b*", False, False),
        ("arn:aws:s3:::*a", "arn:aws:s3:::*b", False, False),
        ("arn:aws:sqs:*:*:q", "arn:aws:sqs:eu-west-1:*:q", True, True),
        ("arn:aws:sqs:*:q", "arn:aws:sqs:eu-west-1:1:q", True, True),  # a star that ends a field runs on
        (f"arn:*:s3:::{NO_SLASH}", "arn:aws:s3:::b/*", False, False),
        (f"arn:*:s3:::{NO_SLASH}/*", "arn:aws:s3:::b/*", False, True),
        (f"arn:*:s3:::{NO_SLASH}", "arn:aws:s3:::b*", False, True),
        (f"arn:*:s3:::{NO_SLASH}", "arn:aws:s3:::b/x", False, False),
        (f"arn:*:s3:::{NO_SLASH}/*", "arn:aws:s3:::b", False, False),
    ],
)
def test_patterns_against_patterns(wide, narrow, covered, met):
    if NO_SLASH not in wide:
        assert covers(wide, narrow) is covered
    assert overlaps(wide, narrow) is met is overlaps(narrow, wide)


PATTERN = st.text("ab*?", max_size=5).map(lambda text: f"arn:aws:x:::{text}")
LITERAL = st.text("ab", max_size=5).map(lambda text: f"arn:aws:x:::{text}")


@given(PATTERN, PATTERN, LITERAL)
def test_what_covers_and_overlaps_say_holds_for_every_arn(one, two, arn):
    first, second = covers(one, arn), covers(two, arn)
    if covers(one, two) and second:
        assert first
    if first and second:
        assert overlaps(one, two)


ACTIONS = st.lists(
    st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*", "sqs:SendMessage", "sqs:*", "*"]),
    min_size=1,
    max_size=2,
)
RESOURCES = st.lists(
    st.sampled_from(["*", OBJECTS, "arn:aws:s3:::photos/a*", BUCKET, "arn:aws:sqs:*:*:jobs"]), min_size=1, max_size=2
)
CONDITION = st.sampled_from([{}, {}, MFA, {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}}])


@st.composite
def statements(draw, effects=("Allow", "Allow", "Deny")):
    action, resource = (
        draw(st.sampled_from(["Action", "Action", "NotAction"])),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])),
    )
    made = {"Effect": draw(st.sampled_from(effects)), action: draw(ACTIONS), resource: draw(RESOURCES)}
    condition = draw(CONDITION)
    return made | ({"Condition": condition} if condition else {})


POLICIES = st.lists(statements(), max_size=3).map(lambda s: policy(*s))
REQUESTS = st.builds(
    lambda pair, context: Request(*pair, "arn:aws:iam::111122223333:role/r", context),
    st.sampled_from(
        [
            ("s3:GetObject", "arn:aws:s3:::photos/a.jpg"),
            ("s3:GetObject", "arn:aws:s3:::photos/b.jpg"),
            ("s3:PutObject", "arn:aws:s3:::other/x"),
            ("s3:ListBucket", BUCKET),
            ("s3:ListAllMyBuckets", "*"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:jobs"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:mail"),
        ]
    ),
    st.sampled_from([{}, {"aws:MultiFactorAuthPresent": "true"}, {"aws:RequestedRegion": "eu-west-2"}]),
)
RANK = {"ExplicitlyDenied": 0, "ImplicitlyDenied": 1, "Allowed": 2}


@given(POLICIES, POLICIES, st.lists(REQUESTS, min_size=1, max_size=8))
def test_requests_are_decided_as_the_relation_says(expected, actual, requests):
    relation = compare(expected, actual).relation
    for request in requests:
        theirs, ours = (RANK[simulate(request, identity=p).result] for p in (expected, actual))
        if relation == "equal":
            assert theirs == ours
        elif relation == "over":
            assert ours >= theirs
        elif relation == "under":
            assert ours <= theirs


@given(POLICIES)
def test_a_policy_is_equal_to_itself_in_any_order(document):
    turned = policy(*reversed(document["Statement"]))
    found = compare(document, turned)
    assert (found.relation, found.precision, found.recall) == ("equal", 1, 1)
    assert not found.extra and not found.missing


WIDER = {"s3:GetObject": "s3:Get*", "s3:PutObject": "s3:*", "s3:Get*": "s3:*", "sqs:SendMessage": "sqs:*"}


@given(POLICIES, POLICIES, st.data())
def test_widening_an_allowed_action_never_lowers_recall(expected, actual, data):
    places = [i for i, s in enumerate(actual["Statement"]) if s["Effect"] == "Allow" and "Action" in s]
    if not places:
        return
    place = data.draw(st.sampled_from(places))
    widened = [dict(s) for s in actual["Statement"]]
    widened[place]["Action"] = [WIDER.get(a, "*") for a in widened[place]["Action"]]
    assert compare(expected, policy(*widened)).recall >= compare(expected, actual).recall - 1e-9


@given(POLICIES, POLICIES)
def test_shares_are_shares_and_fit_the_lists(expected, actual):
    found = compare(expected, actual)
    assert 0 <= found.precision <= 1 and 0 <= found.recall <= 1 and 0 <= found.f1 <= 1
    assert (found.precision == 1) == (not found.extra) and (found.recall == 1) == (not found.missing)
