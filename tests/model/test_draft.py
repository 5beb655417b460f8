"""A draft as it goes to the user: what it lost is asked, and what it turned round is withheld."""

import json

from iampolicy.document import parse
from lib.model.draft import Generated, asking
from lib.retrieval.retrieve import Retrieved

FOUND = Retrieved((("s3:GetObject", "s3:PutObject"),))


def drafted(*statements: dict) -> Generated:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))
    return Generated(text, parse(text), (), (), True, 9, 0.1)


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-in/*"}


def test_names_without_a_statement_are_asked_first_and_what_was_offered_is_told():
    draft = asking(drafted(READ), "read acme-in and write acme-out_2", FOUND)
    assert draft.retrieved == ("s3:GetObject", "s3:PutObject") and draft.refusal is None
    assert draft.questions[0].startswith("The request names acme-out_2, of which no statement speaks")
    assert asking(drafted(READ), "read the objects in acme-in", FOUND).questions == ()


def test_a_draft_that_turns_an_exception_round_is_withheld():
    draft = asking(drafted(READ | {"Action": "iam:*", "Resource": "*"}), "Let it do anything except IAM", FOUND)
    assert (draft.text, draft.policy, draft.findings, draft.questions) == ("", None, (), ())
    assert "excepts (iam)" in draft.refusal and draft.retrieved


def test_on_which_resources_is_asked_only_where_the_request_does_not_say_any():
    wide = drafted(READ | {"Resource": "*"})
    assert asking(wide, "read objects in a bucket", FOUND).questions
    assert not asking(wide, "read objects in any bucket", FOUND).questions


def test_what_was_cut_is_said_and_white_space_is_no_text():
    assert "Only the first 4,000" in asking(drafted(READ), "read it " * 600, FOUND).questions[0]
    assert not asking(drafted(READ), f"read{' ' * 5_000}acme-in", FOUND).questions


def test_a_name_is_asked_about_and_an_arm_that_retrieves_nothing_asks_nothing():
    titled = asking(drafted(READ), "AmazonS3ReadOnlyAccess", Retrieved(FOUND.lines, title="Amazon S3 Read Only Access"))
    assert "meant as a name" in titled.questions[0]
    assert asking(drafted(READ), "read acme-in", None) == drafted(READ)
