"""One score row: every metric on hand-computed cases, planted faults, and any text at all."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from lib.evaluation import verdict
from lib.evaluation.errors import categorise
from lib.evaluation.metric import METRICS, PERMISSIONS
from lib.evaluation.metrics import score
from lib.evaluation.permissions import COLUMNS, TWINS
from lib.evaluation.rows import RowsError


def policy(*statements, **elements):
    return {"Version": "2012-10-17", **elements, "Statement": list(statements)}


def statement(action="s3:GetObject", effect="Allow", resource="*", **elements):
    return {"Effect": effect, "Action": action, "Resource": resource, **elements}


def text(value):
    return json.dumps(value, separators=(",", ":"))


READ = text(policy(statement(["s3:GetObject", "s3:ListBucket"])))
TWO = text(policy(statement(["s3:GetObject", "ec2:RunInstances"])))

VALID_EXTRACTED_SCHEMA = {  # generated -> whole text parses, extracted, schema valid
    READ: (True, True, True),
    f"  {READ}\n": (True, True, True),
    f"```json\n{READ}\n```": (False, True, True),
    f"Here it is: {READ} Done.": (False, True, True),
    READ[:-3]: (False, False, False),
    f"{READ}{READ}": (False, False, False),
    f"{READ} or {{x}}": (False, False, False),
    "": (False, False, False),
    "sorry": (False, False, False),
    "}{": (False, False, False),
    "{}": (True, True, False),
    "[]": (True, True, False),
    "5": (True, True, False),
    "null": (True, True, False),
    '"{}"': (True, True, False),
    f"[{READ}]": (True, True, False),
    "NaN": (False, False, False),
    '{"a": NaN}': (False, False, False),
    "9" * 5000: (False, False, False),
    "[" * 100_000 + "]" * 100_000: (False, False, False),
    text({"Version": "2012-10-17", "Statement": statement()}): (True, True, True),
    text({"Statement": [statement()]}): (True, True, False),
    text({"Version": "2012-10-17"}): (True, True, False),
    text(policy()): (True, True, False),
    text({"Version": "2012-10-17", "Statement": {}}): (True, True, False),
    text({"Version": "2012-10-17", "Statement": None}): (True, True, False),
    text({"Version": "2012-10-17", "Statement": "all"}): (True, True, False),
    text(policy(None)): (True, True, False),
    text(policy([statement()])): (True, True, False),
    text(policy(statement(), {"Effect": "Allow", "Action": "s3:*"})): (True, True, False),
    text(policy(statement(), {"Effect": "Allow", "Resource": "*"})): (True, True, False),
    text(policy(statement(), {"Action": "s3:*", "Resource": "*"})): (True, True, False),
    text(policy(statement(effect="allow"))): (True, True, False),
    text(policy(statement(effect=["Allow"]))): (True, True, False),
    text(policy(statement(effect={"Allow": 1}))): (True, True, False),
    text(policy({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::b"})): (True, True, True),
}


@pytest.mark.parametrize("generated", VALID_EXTRACTED_SCHEMA, ids=lambda generated: generated[:40])
def test_valid_extracted_and_schema_valid(generated):
    row = score(READ, generated)
    found = (row["json_valid"], row["json_extracted"], row["schema_valid"])
    assert found == VALID_EXTRACTED_SCHEMA[generated]


SERVICES = [  # wanted actions, generated statements, Jaccard
    (["s3:GetObject"], [statement("s3:PutObject")], 1),
    (["s3:GetObject"], [statement("S3:PutObject")], 1),
    (["S3:GetObject"], [statement("s3:PutObject")], 1),
    (["s3:GetObject"], [statement(["s3:GetObject", "ec2:RunInstances"])], 1 / 2),
    (["s3:GetObject", "ec2:RunInstances"], [statement("s3:GetObject")], 1 / 2),
    (["s3:GetObject", "ec2:RunInstances"], [statement("s3:GetObject"), statement("sqs:SendMessage")], 1 / 3),
    (["s3:GetObject", "sqs:*"], [{"Effect": "Allow", "NotAction": ["s3:*", "sqs:*"], "Resource": "*"}], 1),
    (["s3:GetObject"], [statement("sqs:SendMessage", effect="Deny")], 0),
    (["s3:GetObject"], [statement("*")], 0),
    (["s3:GetObject"], [statement([])], 0),
    (["s3:GetObject"], [statement(None)], 0),
    (["s3:GetObject"], [statement([1, None, ["s3:GetObject"], {"s3": 1}])], 0),
    (["s3:GetObject"], [], 0),
    (["*"], [statement("*")], 1),
    (["*"], [], 1),
    ([], [statement("s3:GetObject")], 0),
    (["s3:GetObject"], [statement("nosuch:Thing")], 0),
]


@pytest.mark.parametrize(("wanted", "generated", "jaccard"), SERVICES)
def test_service_jaccard(wanted, generated, jaccard):
    row = score(text(policy(statement(wanted))), text(policy(*generated)))
    assert row["service_jaccard"] == row["service_jaccard_all"] == pytest.approx(jaccard)


EFFECTS = [
    (["Allow"], ["Allow"], True),
    (["Allow"], ["Allow", "Allow"], True),
    (["Allow", "Deny"], ["Deny", "Allow"], True),
    (["Allow"], ["Deny"], False),
    (["Allow", "Deny"], ["Allow"], False),
    (["Allow"], ["Allow", "Deny"], False),
    (["Allow"], ["allow"], False),
    (["Allow"], [["Allow"]], False),
    (["Allow"], ["Allow", 1], False),
    (["Allow"], [], False),
]


@pytest.mark.parametrize(("wanted", "generated", "match"), EFFECTS)
def test_effect_match(wanted, generated, match):
    expected, answer = (policy(*(statement(effect=e) for e in effects)) for effects in (wanted, generated))
    row = score(text(expected), text(answer))
    assert row["effect_match"] is match
    assert row["effect_match_all"] is match


def two_actions(*more):
    return [statement(["s3:GetObject", "s3:PutObject", *more])]


GRANTED = [  # generated statements -> precision, recall, F1, unknown actions, relation; wanted: two_actions()
    (two_actions(), 1, 1, 1, 0, "equal"),
    ([statement("S3:getobject"), statement("s3:PUTOBJECT")], 1, 1, 1, 0, "equal"),
    (two_actions("s3:ListBucket", "ec2:RunInstances"), 1 / 2, 1, 2 / 3, 0, "over"),
    ([statement("s3:GetObject")], 1, 1 / 2, 2 / 3, 0, "under"),
    ([statement(["s3:GetObject", "s3:ListBucket"])], 1 / 2, 1 / 2, 1 / 2, 0, "incomparable"),
    ([statement("ec2:RunInstances")], 0, 0, 0, 0, "incomparable"),
    ([statement(["s3:GetObject", "s3:PutObject"], effect="Deny")], 1, 0, 0, 0, "under"),
    ([*two_actions(), statement("s3:*", effect="Deny")], 1, 1, 1, 0, "equal"),
    (two_actions("s3:FetchObject", "nosuch:*", "s3:FetchObject"), 1, 1, 1, 2, "equal"),
    ([statement("s3:FetchObject")], 1, 0, 0, 1, "under"),
    ([statement(["GetObject", "", ":", "s3:"])], 1, 0, 0, 4, "under"),
    ([], 1, 0, 0, 0, "under"),
]


@pytest.mark.parametrize(("generated", "precision", "recall", "f1", "unknown", "relation"), GRANTED)
def test_permissions(generated, precision, recall, f1, unknown, relation):
    row = score(text(policy(*two_actions())), text(policy(*generated)))
    assert row["action_precision"] == row["action_precision_all"] == pytest.approx(precision)
    assert row["action_recall"] == row["action_recall_all"] == pytest.approx(recall)
    assert row["action_f1"] == row["action_f1_all"] == pytest.approx(f1)
    assert row["unknown_actions"] == unknown
    assert row["relation"] == relation


def test_wildcards_are_expanded_in_the_catalogue():
    names = catalogue.load().expand("s3:Get*")
    row = score(text(policy(statement("s3:GetObject"))), text(policy(statement("s3:Get*"))))
    assert row["action_precision"] == pytest.approx(1 / len(names))
    assert row["relation"] == "over"


def test_not_action_allows_all_the_others():
    everything = catalogue.load().names
    outside = policy({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"})
    row = score(text(policy(statement("*"))), text(outside))
    assert row["action_recall"] == pytest.approx(1 - len(catalogue.load().expand("s3:*")) / len(everything))
    assert row["relation"] == "under"


def test_a_failed_parse_leaves_the_parts_undefined_and_their_twins_zero():
    row = score(READ, READ[:-1])
    twins = [name for name in row if name.endswith("_all")]
    assert len(twins) == 5 + len(TWINS)
    assert all(row[name] is None for name in COLUMNS)
    assert row["actions_wanted"] == 2 and row["actions_granted"] == row["actions_shared"] == 0
    assert all(row[name.removesuffix("_all")] is None and row[name] == 0 for name in twins)
    assert row["unknown_actions"] is None and row["relation"] is None
    assert not row["json_valid"] and not row["json_extracted"] and not row["schema_valid"]


MEASURES = frozenset(metric.name for metric in METRICS) | {"relation"}  # permissions have a test of their own


def measures(generated: str) -> dict:
    return {name: value for name, value in score(TWO, generated).items() if name in MEASURES}


PERFECT = measures(TWO)
LOST = {name: value for name, value in measures("").items() if value != PERFECT[name]}
FAULTS = {  # fault -> generated, what changes against the perfect answer, category
    "none": (TWO, {}, "correct"),
    "prose before": (f"Sure. {TWO}", {"json_valid": False}, "correct"),
    "flipped effect": (
        TWO.replace("Allow", "Deny"),
        {
            **{"effect_match": False, "effect_match_all": False, "relation": "under"},
            **dict.fromkeys(["action_recall", "action_recall_all", "action_f1", "action_f1_all"], 0.0),
        },
        "wrong_effect",
    ),
    "dropped service": (
        text(policy(statement(["s3:GetObject"]))),
        {
            **{"service_jaccard": 0.5, "service_jaccard_all": 0.5, "relation": "under"},
            **{"action_recall": 0.5, "action_recall_all": 0.5, "action_f1": 2 / 3, "action_f1_all": 2 / 3},
        },
        "correct",  # the report's rule: only under one half
    ),
    "unknown action": (
        text(policy(statement(["s3:GetObject", "ec2:RunInstances", "s3:FetchObject"]))),
        {"unknown_actions": 1},
        "correct",
    ),
    "two more services": (
        text(policy(statement(["s3:GetObject", "ec2:RunInstances", "sqs:Nothing", "sns:Nothing", "kms:Nothing"]))),
        {"service_jaccard": 0.4, "service_jaccard_all": 0.4, "unknown_actions": 3},
        "wrong_services",
    ),
    "no Resource": (TWO.replace('"Resource"', '"Resources"'), {"schema_valid": False}, "invalid_schema"),
    "no Version": (TWO.replace('"Version"', '"Revision"'), {"schema_valid": False}, "invalid_schema"),
    "cut text": (TWO[:-2], LOST, "no_json"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_changes_its_metric_and_category_only(fault):
    generated, changes, category = FAULTS[fault]
    assert {name: value for name, value in measures(generated).items() if value != PERFECT[name]} == changes
    assert categorise(TWO, generated) == category


def test_every_category_of_the_report_is_reached_by_a_fault():
    assert {category for _, _, category in FAULTS.values()} == {
        *("no_json", "invalid_schema", "wrong_effect", "wrong_services", "correct"),
    }


COUNTS = {metric.name for metric in METRICS + PERMISSIONS if metric.highest > 1}
COUNTS |= {"actions_wanted", "actions_granted", "actions_shared"}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["s3:GetObject", "S3:Get*", "ec2:*", "*", "nosuch:Thing", "s3", ":", "", "a:b:c"])
elements = st.fixed_dictionaries(
    {},
    optional={
        "Effect": st.sampled_from(["Allow", "Deny", "allow"]) | json_values,
        "Action": names | st.lists(names, max_size=3) | json_values,
        "NotAction": names | json_values,
        "Resource": st.just("*") | json_values,
        "NotResource": json_values,
    },
)
policies = st.fixed_dictionaries(
    {}, optional={"Version": json_values, "Statement": elements | st.lists(elements | json_values, max_size=3)}
)
any_text = st.text() | json_values.map(json.dumps) | policies.map(json.dumps) | st.just('{"Statement":\x00\ud800}')


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_text, any_text)
def test_any_two_texts_can_be_scored(expected, generated):
    row = score(expected, generated)
    for name, value in row.items():
        if name == "relation":
            assert value in (None, "equal", "over", "under", "incomparable")
        elif name == "services_wanted":
            assert isinstance(value, str)
        elif name == "verdict":
            assert value in verdict.VERDICTS
        elif name in COUNTS:
            assert value is None or value >= 0
        else:
            assert value is None or 0 <= value <= 1
    assert row["json_valid"] <= row["json_extracted"] >= row["schema_valid"]
    assert (row["service_jaccard"] is None) == (not row["json_extracted"])
    assert categorise(expected, generated) == categorise(expected, generated)


@settings(max_examples=100, deadline=None)
@given(st.lists(names.filter(lambda name: ":" in name), min_size=1, max_size=4), st.sampled_from(["Allow", "Deny"]))
def test_a_policy_scores_full_marks_against_itself(actions, effect):
    itself = text(policy(statement(actions, effect=effect)))
    row = score(itself, itself)
    assert row["relation"] == "equal"
    assert all(
        value == 1
        for name, value in row.items()
        if name not in COUNTS | {"relation", "services_wanted", "resources_match", "verdict", "wider"}
    )
    assert row["verdict"] == "usable" and not row["wider"]
    assert row["resources_match"] is (True if row["actions_shared"] else None)
    assert row["over_granted"] == row["under_granted"] == row["risks_added"] == 0
    assert row["actions_wanted"] == row["actions_granted"] == row["actions_shared"]
    assert categorise(itself, itself) == "correct"


@settings(max_examples=100, deadline=None)
@given(policies, policies)
def test_relation_turns_round_with_the_policies(one, other):
    turned = {"over": "under", "under": "over"}
    there, back = (score(json.dumps(a), json.dumps(b))["relation"] for a, b in ((one, other), (other, one)))
    assert back == turned.get(there, there)


@pytest.mark.parametrize("large", ["{" * 1_000_000, '{"a":' * 200_000, "x" * 1_000_000, "[{]}" * 250_000])
def test_large_broken_text_is_a_failed_parse(large):
    assert score(READ, large)["json_extracted"] is False


def test_a_large_policy_is_read():
    actions = [f"s3:Nothing{number}" for number in range(40_000)]
    row = score(READ, text(policy(statement(actions))))
    assert row["unknown_actions"] == 40_000
    assert row["schema_valid"]


@pytest.mark.parametrize(
    ("expected", "generated"), [(READ, None), (None, READ), (READ, {}), (READ, b"{}"), (READ, 1.0)]
)
def test_only_text_is_scored(expected, generated):
    with pytest.raises(RowsError, match=r"^(expected|generated) is \w+, not text$"):
        score(expected, generated)
