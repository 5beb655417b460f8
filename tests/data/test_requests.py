"""Requests of people: the form of a line, what the check finds, and that all that are shipped pass it."""

import json
from collections import Counter

import pytest

from lib.data import field
from lib.data.field import FOLDER, Asked, load, located, read
from lib.files import CourseError
from tools import requests
from tools.requests import alike, faults, main, notes

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-invoices/*"}
LINE = {
    "request": "Our invoice worker downloads from acme-invoices, that's all it does",
    "form": "plain",
    "policy": {"Version": "2012-10-17", "Statement": [READ]},
    "allow": [["s3:GetObject", "arn:aws:s3:::acme-invoices/a"]],
    "deny": [["s3:PutObject", "arn:aws:s3:::acme-invoices/a"]],
}


def line(statements: list[dict] | None = None, **more) -> dict:
    policy = {"policy": {"Version": "2012-10-17", "Statement": statements}} if statements else {}
    return LINE | policy | more


def test_a_line_that_is_as_it_must_be():
    asked = read(LINE, "sitting")
    assert faults(asked) == [] and notes(asked) == []
    assert asked.id.startswith("field/") and asked.id == read(LINE, "another").id != read(line(request="x" * 20)).id


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([], "valid dictionary"),
        (line(wish="x"), "wish: Extra inputs"),
        (line(request=" "), "outcome draft needs a text as request"),
        (line(request=None), "request: Input should be a valid string"),
        (line(request="read a\u202ebucket"), "holds the character"),
        (line(title=5), "title: Input should be a valid string"),
        (line(tags=[["x"]]), "tags.0: Input should be"),
        (line(form=["plain"]), "form: Input should be"),
        (line(deny=[["s3:GetObject", "*", {}, 5]]), "deny.0."),
        (line(facts={"region": 5}), "facts.region: "),
        (line(outcome="refuse", why="no"), "refuse has no allow, deny, policy"),
        (line(policy={"Version": "2012-10-17"}), "no object with a Statement"),
        (line(form="poem"), "form: Input should be"),
        (line(tags=["loud"]), "tags.0: Input should be"),
        (line(tags="negation"), "tags: Input should be a valid tuple"),
        (line(type="group"), "type: Input should be"),
        (line(policy=None), "policy: Input should be a valid dictionary"),
        (line(allow=["s3:GetObject"]), "allow.0: "),
        (line(allow=[["s3:GetObject"]]), "allow.0."),
        (line(deny=[["s3:GetObject", "*", "x"]]), "deny.0."),
        (line(deny="x"), "deny: "),
        (line(facts={"name": "x"}), "facts.name"),
        (line(outcome="maybe"), "outcome: Input should be"),
        (line(outcome="refuse"), "outcome refuse needs a text as why"),
        (line(outcome="ask", why="which?"), "outcome ask needs a text as reply"),
    ],
)
def test_a_line_of_another_form(row, said):
    with pytest.raises(ValueError, match=r".") as error:
        read(row)
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["{", '"x"', '{"request": 5}', "\udcff"])
def test_a_bad_file_names_file_and_line(tmp_path, text, capsys):
    path = tmp_path / "queues.jsonl"
    path.write_bytes(f"{json.dumps(LINE)}\n{text}\n".encode(errors="surrogateescape"))
    with pytest.raises(CourseError, match="queues.jsonl.*2"):
        load(path)
    assert main([str(path)]) == 2 and "queues.jsonl" in capsys.readouterr().err
    capsys.readouterr()
    assert main([str(tmp_path / "none.jsonl")]) == 2 and "none.jsonl: cannot be read" in capsys.readouterr().err
    path.write_text("\n")
    assert main([str(path)]) == 2 and "holds no request" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (line(request="too short"), "characters"),
        (line([READ | {"Action": "s3:GetObjects"}]), "INVALID_ACTION"),
        (line([READ | {"Action": "iam:PassRole", "Resource": "*"}]), "PASS_ROLE"),
        (line(deny=[]), "each need a case"),
        (line(allow=[]), "each need a case"),
        (line(allow=[["s3:PutObject", "arn:aws:s3:::acme-invoices/a"]]), "is ImplicitlyDenied"),
        (line(deny=[["s3:GetObject", "arn:aws:s3:::acme-invoices/a"]]), "is Allowed"),
        (line([READ, {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]), "statement 1 decides none"),
        (line([READ | {"Sid": "Read"}]), "no Sids"),
        (line(facts={"region": "eu-west-1"}), "facts fill nothing"),
        (
            line([READ | {"Resource": "arn:aws:sqs:*:*:q", "Action": "sqs:SendMessage"}], facts={"account": "12"}),
            "with the facts filled in",
        ),
        (line(policy={"Statement": [READ]}), "needs a Version"),
        (line(deny=[["s3:Nope", "*"]]), "is no call"),
        (line(deny=[["s3:PutObject", ""]]), "is no call"),
        (line([READ | {"Action": ["s3:GetObject", "s3:ListBucket"]}]), "s3:ListBucket cannot be used on"),
        (line([READ | {"Action": "sqs:SendMessage"}]), "sqs:SendMessage cannot be used on"),
        (line(request=" " + LINE["request"]), "blanks at an end"),
        (line(request="x" * 2_001), "2001 characters"),
    ],
)
def test_planted_faults_are_found(row, said):
    assert any(said in fault for fault in faults(read(row)))


def test_names_that_nobody_said_are_noted():
    said = "the policy names {!r} and the request does not"
    where = "arn:aws:sqs:eu-west-1:111122223333:jobs"
    row = line(
        [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": where}], request="send to the queue, please"
    )
    assert notes(read(row)) == [said.format(name) for name in ("eu-west-1", "111122223333", "jobs")]


@pytest.mark.parametrize(
    "row",
    [
        line(  # a bucket's own words count, not what its callers may do otherwise
            [READ | {"Principal": {"AWS": "arn:aws:iam::444455556666:role/reader"}}],
            type="resource",
            allow=[["s3:GetObject", "arn:aws:s3:::acme-invoices/a", {}, "arn:aws:iam::444455556666:role/reader"]],
            deny=[["s3:GetObject", "arn:aws:s3:::acme-invoices/a", {}, "arn:aws:iam::444455556666:role/other"]],
        ),
        line(  # one that only denies is tried beside one that allows
            [READ | {"Effect": "Deny", "Principal": "*"}],
            type="resource",
            allow=[["s3:PutObject", "arn:aws:s3:::acme-invoices/a", {}, "arn:aws:iam::444455556666:role/reader"]],
            deny=[["s3:GetObject", "arn:aws:s3:::acme-invoices/a", {}, "arn:aws:iam::444455556666:role/reader"]],
        ),
        line(
            [READ | {"Effect": "Deny", "Resource": "*", "Action": "organizations:LeaveOrganization"}],
            type="scp",
            allow=[["s3:PutObject", "arn:aws:s3:::acme-invoices/a"]],
            deny=[["organizations:LeaveOrganization", "*"]],
        ),
        line(  # the caller is of the account that a case speaks of
            [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:jobs"}],
            allow=[["sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:jobs"]],
            deny=[["sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:other"]],
        ),
    ],
)
def test_policies_of_other_types(row):
    assert faults(read(row)) == []


def test_pairs_that_are_alike_are_found():
    one, other = (
        read(LINE, "a"),
        read(line(request="Our photo worker downloads from acme-invoices, that's all it does"), "b"),
    )
    third = read(
        line(request="acme-invoices must be readable for nobody but the invoice robot, and only its objects"), "c"
    )
    assert [(a.sitting, b.sitting) for a, b, _ in alike([one, other, third])] == [("a", "b")]
    same = read(line(request=LINE["request"].replace("acme-invoices", "acme-photos")), "b")
    assert "one shape" in alike([one, same])[0][2]


# What is shipped


@pytest.fixture(scope="module")
def shipped() -> list[Asked]:
    return load()


@pytest.fixture(scope="module")
def measured(shipped) -> list[Asked]:
    """Those of sittings that validation and test draw on."""
    return [asked for asked in shipped if asked.sitting not in requests.TRAIN_ONLY]


def test_all_that_is_shipped_passes(capsys):
    assert main(["--quiet"]) == 0, capsys.readouterr().out


def test_there_is_enough_of_everything(measured):
    found = field.facts_of(measured)
    assert found["requests"] >= 1_200 and found["services"] >= 100 and found["kinds of named resources"] >= 15
    least = {
        "with a condition": 0.20,
        "with a deny or an exception": 0.10,
        "over several services": 0.25,
        "bucket policies": 0.08,
        "to be refused or asked back": 0.095,  # "one in ten"
    }
    assert {name: found[name] for name, share in least.items() if found[name] < share} == {}
    assert min(Counter(asked.form for asked in measured).values()) >= 40


def test_what_no_second_author_has_read_is_learnt_from_only(shipped):
    assert {a.sitting for a in shipped} >= set(requests.TRAIN_ONLY)
    for rows in (field.frozen(), requests.split([a for a in shipped if a.sitting in requests.TRAIN_ONLY], {})):
        assert {rows[a.id][0] for a in shipped if a.sitting in requests.TRAIN_ONLY} == {"train"}


def test_groups_never_part_and_shares_are_kept(shipped, measured):
    rows = field.frozen()
    assert set(rows) == {a.id for a in shipped}
    by_group: dict[str, set[str]] = {}
    for split, group in rows.values():
        by_group.setdefault(group, set()).add(split)
    assert all(len(found) == 1 for found in by_group.values())
    parts = [rows[a.id][0] for a in measured]
    counts = {name: parts.count(name) / len(parts) for name in ("train", "validation", "test")}
    assert (
        abs(counts["train"] - 0.7) < 0.03
        and abs(counts["validation"] - 0.15) < 0.03
        and abs(counts["test"] - 0.15) < 0.04
    )


def test_the_test_part_is_frozen(shipped):
    """A change here is meant and named: whoever tuned on the old part measured on another one."""
    assert requests.digest(shipped, field.frozen()) == FROZEN


FROZEN = "cbbdb7fdfcbd9a143442aa3c21f41663a7316a14677a7f7f0a2bd101b84d211f"


def test_ready_and_public_requests_are_test_only(shipped):
    rows = field.frozen()
    assert {rows[a.id][0] for a in shipped if a.sitting in requests.TEST_ONLY} == {"test"}
    assert sum(a.sitting == "threads" for a in shipped) == 25


def test_a_split_that_is_known_stays_and_new_requests_get_one(shipped):
    part = shipped[:60]
    first = requests.split(part[:40], {})
    again = requests.split(part, first)
    assert {id: again[id] for id in first} == first and set(again) == {a.id for a in part}


def test_new_requests_are_split_within_their_sittings_and_groups_stay_whole(measured):
    rows = requests.split(measured, {})
    parts = Counter((a.sitting, rows[a.id][0]) for a in measured)
    for sitting in {a.sitting for a in measured} - set(requests.TEST_ONLY):
        size = sum(a.sitting == sitting for a in measured)
        for name in ("test", "validation"):
            assert 0.14 < parts[sitting, name] / size < 0.17, (sitting, name)
    assert {rows[a.id][0] for a in measured if a.sitting in requests.TEST_ONLY} == {"test"}
    by_group: dict[str, set[str]] = {}
    for split, group in rows.values():
        by_group.setdefault(group, set()).add(split)
    assert all(len(found) == 1 for found in by_group.values()) and len(by_group) > 1_200


def test_what_is_near_in_words_or_in_the_policy_is_one_group():
    queue = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:jobs"}
    rows = [
        read(line(request="one two three four five six seven"), "a"),
        read(line([queue], request="one two three four five six eight"), "a"),  # near in words
        read(line([queue | {"Resource": "arn:aws:sqs:*:*:other"}], request="entirely different words stand here"), "a"),
        read(line([queue | {"Action": "sqs:DeleteMessage"}], request="nothing that anybody said before"), "a"),
    ]
    groups = [requests.split(rows, {})[a.id][1] for a in rows]
    assert groups[0] == groups[1] == groups[2] != groups[3]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"Resource": "arn:aws:s3:::other/*"}, True),
        ({}, {"Resource": "arn:aws:s3:::acme-invoices"}, False),
        ({}, {"Effect": "Deny"}, False),
        ({}, {"Action": "s3:PutObject"}, False),
        ({}, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        (
            {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            True,
        ),
        ({"Resource": "arn:aws:ec2:*:*:instance/i-1"}, {"Resource": "arn:aws:ec2:*:*:volume/vol-1"}, False),
    ],
)
def test_patterns_leave_names_out(one, other, same):
    made = [requests.pattern({"Version": "2012-10-17", "Statement": [READ | more]}) for more in (one, other)]
    assert (made[0] == made[1]) == same


@pytest.mark.parametrize(
    ("row", "tags"),
    [
        (line(), {"plain", "names a resource"}),
        (line([READ | {"Resource": "*"}]), {"plain"}),
        (line(request="It must not write, never; it reads"), {"plain", "negation", "names a resource"}),
        (line(request="It cannot read, says AccessDenied", form="complaint"), {"complaint", "names a resource"}),
        (
            line([READ | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}]),
            {"plain", "condition", "names a resource"},
        ),
        (line([READ | {"Principal": "*"}], type="resource"), {"plain", "bucket policy", "names a resource"}),
        (
            line([{"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:q"}, READ | {"Effect": "Deny"}]),
            {"plain", "deny", "several services", "place left open", "names a resource"},
        ),
        (line(outcome="ask", why="which?", reply="that"), {"plain", "to be refused or asked back", "names a resource"}),
        (line([READ] * 4), {"plain", "four or more statements", "names a resource"}),
        (line(type="scp"), {"plain", "service control policy", "names a resource"}),
        (
            line([READ | {"Principal": "*", "Action": "sqs:*"}], type="resource"),
            {"plain", "other resource or trust policy", "names a resource"},
        ),
    ],
)
def test_tags_are_what_request_and_policy_show(row, tags):
    assert set(field.tags(read(row))) == tags


def test_freeze_writes_what_frozen_reads(shipped, tmp_path):
    path = tmp_path / "requests.tsv"
    assert requests.freeze(shipped[:30], path) == field.frozen(path)
    path.write_text("id\tsplit\tgroup\nx y\n")
    with pytest.raises(CourseError, match="tabs"):
        field.frozen(path)


def test_examples_say_what_is_wanted(shipped):
    for asked in shipped:
        example = field.example(asked)
        assert example.source == "field" and example.instruction == asked.request
        wanted = json.loads(example.policy)["Statement"]
        assert bool(wanted) == (asked.outcome == "draft")
        assert bool(example.reply) == bool(example.replied) == bool(asked.facts or asked.outcome == "ask")


def test_facts_fill_only_what_was_left_open():
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Resource": ["arn:aws:sqs:*:*:q-*", "arn:aws:s3:::b/*", "*", "arn:aws:sqs:us-east-1:*:x"]},
    }
    filled = located(policy, {"region": "eu-west-1", "account": "111122223333"})
    assert filled["Statement"][0]["Resource"] == [
        "arn:aws:sqs:eu-west-1:111122223333:q-*",
        "arn:aws:s3:::b/*",
        "*",
        "arn:aws:sqs:us-east-1:111122223333:x",
    ]
    assert field.place({"region": "eu-west-1", "account": "1"}) == "In eu-west-1, account 1."
    assert field.place({"account": "1"}) == "In account 1." and field.place({}) == ""


def test_a_request_without_a_split_is_said(shipped):
    with pytest.raises(CourseError, match="--freeze"):
        field.examples([*shipped[:2], read(line(request="Nobody has frozen this one yet, it is new"), "new")])


def test_the_second_reader_is_read(tmp_path):
    path = tmp_path / "second_reader.tsv"
    path.write_text("id\tverdict\twhy\na\tright\t\nb\twrong\tx\nc\tundetermined\ty\nd\tright\t\n")
    assert (
        field.second_reading(path) == "A second reader took 4 at random: 1 wrong, 1 undetermined (50.0%), mended since."
    )
    path.write_text("id\tverdict\twhy\na\tgood\t\n")
    with pytest.raises(CourseError, match="'good'"):
        field.second_reading(path)
    assert (FOLDER / "second_reader.tsv").exists()


def test_the_same_actions_asked_for_twice():
    allow, deny = (field.example(read(line([READ | {"Effect": effect}]))) for effect in ("Allow", "Deny"))
    limited = field.example(read(line([READ | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}])))
    other = field.example(read(line([READ | {"Resource": "*"}])))
    assert field.beside([allow], [deny, limited, other]) == [(allow, other)]
    assert field.beside([allow, allow], [other]) == [(allow, other)]  # each composed request once
