"""What a draft leaves open is asked, once each, and what it says is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iampolicy.document import PolicySyntaxError
from iampolicy.review.english import MOST, questions

PASSED = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}


def policy(*statements: dict) -> dict:
    usual = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}
    return {"Version": "2012-10-17", "Statement": [usual | s for s in statements]}


@pytest.mark.parametrize(
    ("statement", "begins"),
    [
        ({"Resource": "*"}, ["On which object resources of Amazon S3?"]),
        ({"Action": "dynamodb:Query", "Resource": "*"}, ["On which table resources of Amazon DynamoDB?"]),
        ({"Resource": ["arn:aws:s3:::a/*", "*"]}, ["On which object resources of Amazon S3?"]),
        (
            {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:q"},
            ["In which region and account is arn:aws:sqs:*:*:q?"],
        ),
        ({"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:123456789012:q"}, ["In which region is"]),
        ({"Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/x"}, ["To which service may roles"]),
        (
            {"Action": "iam:*", "Resource": "arn:aws:iam::123456789012:role/x"},
            ["Is the whole of AWS Identity and Access Management (IAM) meant? iam:* is", "To which service may roles"],
        ),
        ({"Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/x", "Condition": PASSED}, ["In which account is"]),
        (
            {"Action": ["s3:GetObject", "iam:PassRole"], "Resource": "*"},
            ["On which object", "On which role", "To which"],
        ),
    ],
)
def test_what_is_open_is_asked(statement, begins):
    asked = questions(policy(statement))
    assert len(asked) == len(begins)
    assert all(question.startswith(begin) for question, begin in zip(asked, begins, strict=True))


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"Action": "s3:ListAllMyBuckets", "Resource": "*"},  # takes no resource
        {"Action": "s3:NoSuchThing", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"},
        {"Action": None, "NotAction": "s3:GetObject", "Resource": "*"},  # is about all other actions
        {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:123456789012:q"},
        {"Action": "sqs:SendMessage", "Resource": "no:arn"},
        {"Effect": "Allow", "Condition": "no object"},
    ],
)
def test_what_is_said_or_cannot_be_is_not_asked(statement):
    given_ = policy(statement)
    given_["Statement"][0] = {k: v for k, v in given_["Statement"][0].items() if v is not None}
    assert questions(given_) == []


def test_actions_of_one_type_are_one_question_and_many_are_counted():
    actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue", "sqs:DeleteQueue"]
    (asked,) = questions(policy({"Action": actions, "Resource": "*"}))
    assert "sqs:SendMessage, sqs:ReceiveMessage, sqs:DeleteMessage and 2 more may be called on all" in asked


def test_each_is_asked_once_and_resources_come_first():
    place = {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:q"}
    asked = questions(policy(place, {"Resource": "*"}, place, {"Resource": "*"}))
    assert [q.split()[0] for q in asked] == ["On", "In"]


@pytest.mark.parametrize("action", ["kms:*", "*"])
def test_a_whole_service_is_asked_for_though_all_resources_are_meant(action):
    asked = questions(policy({"Action": action, "Resource": "*"}), all_meant=True)
    assert asked[0].startswith("Is the whole of AWS") and "of which change something" in asked[0]
    assert questions(policy({"Action": "kms:Describe*", "Resource": "*"}), all_meant=True) == []


def test_nobody_reads_a_long_list():
    assert len(questions(policy({"Action": "*", "Resource": "*"}))) == MOST


def test_text_that_is_no_policy_is_refused():
    with pytest.raises(PolicySyntaxError):
        questions("{")
    assert questions('{"Statement": []}') == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["*", "iam:*", "Allow", "arn:::*:*:x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = ("Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")


@given(st.lists(st.dictionaries(st.sampled_from(ELEMENTS), JSON, max_size=6), max_size=3))
def test_whatever_the_elements_hold_there_are_questions_or_none(statements):
    asked = questions({"Statement": statements})
    assert len(asked) == len(set(asked)) <= MOST and all("?" in question for question in asked)
