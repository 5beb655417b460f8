"""Clauses: a request is cut into what it asks for, names stay whole, and hostile text ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamintent.clauses import LONGEST, MOST, clauses, leading_verb


def texts(request: str) -> list[str]:
    return [clause.text for clause in clauses(request)]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("Start the build.", ["Start the build."]),
        ("Start all the builds and stop all the pipelines", ["Start all the builds", "stop all the pipelines"]),
        ("The intern must be able to list all queues, or create a topic", ["list all queues", "create a topic"]),
        ("Allow the billing team to read the budget", ["read the budget"]),
        ("They may not delete the table", ["delete the table"]),
        ("Delete it", ["Delete it"]),
        ("Read the secret. Rotate it.", ["Read the secret.", "Rotate it."]),
        ("Read the secret\nRotate the secret", ["Read the secret", "Rotate the secret"]),
        ("- list all the topics - send all the messages", ["list all the topics", "send all the messages"]),
        ("1) list topics 2) send messages", ["list topics", "send messages"]),
        ("list topics plus send messages", ["list topics", "send messages"]),
    ],
)
def test_a_request_is_cut_into_what_it_asks_for(request_, expected):
    assert texts(request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("read and delete the messages", ["read the messages", "delete the messages"]),
        (
            "let ops create, tag and look up the streams",
            ["create the streams", "tag the streams", "look up the streams"],
        ),
        (
            "stop, power on and reboot instance i-0a",
            ["stop instance i-0a", "power on instance i-0a", "reboot instance i-0a"],
        ),
        ("Start the builds and stop the pipelines", ["Start the builds", "stop the pipelines"]),
    ],
)
def test_a_verb_without_an_object_takes_the_next_one(request_, expected):
    assert [text.removeprefix("let ops ") for text in texts(request_)] == expected


def test_sentences_end_before_what_forbids():
    assert texts('* describe the group "web" Make sure that nobody can change it') == [
        'describe the group "web"',
        "change it",
    ]
    assert texts("hey, read the queue. However, deleting it is denied.") == [
        "read the queue.",
        "deleting it is denied.",
    ]


def test_a_verb_within_a_word_of_digits_has_no_object_to_lend():
    assert texts("read, 2list queues") == ["read 2list queues", "2list queues"]


def test_a_piece_without_a_verb_belongs_to_the_piece_before_it():
    assert texts("read the queues orders, and refunds") == ["read the queues orders, refunds"]


def test_more_objects_take_the_verb_before_them():
    assert texts("see all the users, roles and policies") == ["see all the users", "see roles", "see policies"]


def test_what_a_sentence_names_once_stands_beside_each_of_its_clauses():
    found = clauses("List topics and send messages in SNS. Stop instances.")
    assert [c.sentence for c in found] == ["List topics and send messages in SNS."] * 2 + ["Stop instances."]


@pytest.mark.parametrize(
    "name",
    ["arn:aws:s3:::a-and-b", '"orders, and refunds"', "/acme/and/or/then", "arn:aws:iam::123456789012:role/a.b-or-c"],
)
def test_names_stay_in_one_piece(name):
    assert any(name in text for text in texts(f"read {name} and delete {name}"))
    assert "\x00" not in "".join(texts(f"read {name} and delete {name}"))


@pytest.mark.parametrize(
    ("text", "verb"),
    [("the interns delete it", "delete"), ("Reads objects", "Reads"), ("the bucket orders", None), ("", None)],
)
def test_the_leading_verb_is_the_first_that_operations_begin_with(text, verb):
    assert leading_verb(text) == verb


@pytest.mark.parametrize("request_", ["", " ", "\n\n", "...", "\x00\x01\x7f", ", and "])
def test_a_request_of_no_words_has_no_words_in_its_clauses(request_):
    assert not any(c.isalpha() for text in texts(request_) for c in text.replace("and", ""))


def test_a_long_request_is_cut():
    sentence = "Read the secret. "
    assert len(clauses(sentence * 10_000)) == MOST
    assert clauses("x" * LONGEST + " delete tables") == clauses("x" * LONGEST)


def test_what_cannot_be_printed_counts_as_a_blank():
    assert texts("read\x00the\x1bsecret \x000\x00") == ["read the secret  0"]
    assert texts("read \ud800 secrets") == ["read   secrets"]


HOSTILE = (
    "A" * 100_000,
    "a and " * 20_000,
    "delete users, " * 8_000,
    " " * 100_000,
    "allow a " * 10_000,
    "-" * 100_000,
)


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_end(request_):
    found = clauses(request_)
    assert len(found) <= MOST and all(len(c.sentence) <= LONGEST for c in found)


@given(
    st.text() | st.lists(st.sampled_from(["read", "and", ", ", '"', "arn:aws:", "\x000\x00", "\n", ". "])).map(" ".join)
)
@settings(max_examples=200)
def test_any_text_has_clauses_in_its_order(text):
    found = clauses(text)
    assert found == clauses(text)
    assert all(c.sentence.strip() and "\x00" not in c.text + c.sentence for c in found)
