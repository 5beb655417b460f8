"""Scores: every metric on hand-computed cases, any text at all, and means and differences of arms."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iampolicy import catalogue
from lib.evaluation import metrics, published, verdict
from lib.evaluation.errors import CATEGORIES, categorise
from lib.evaluation.metrics import EXTRACTED, METRICS, OF_PERMISSIONS, PERMISSIONS, TWINS, score
from lib.evaluation.rows import RowsError
from lib.statistics import FEW


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
    assert twins == [f"{name}_all" for name in TWINS] and len(twins) == 9
    assert all(row[name] is None for name in OF_PERMISSIONS)
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


def test_the_table_of_metrics_says_what_each_is():
    every = metrics.BY_NAME.values()
    assert {m.part for m in every} == {"report", "permissions", "costs"}
    assert {m.over for m in every} == {metrics.ALL, metrics.EXTRACTED, metrics.SCHEMA, metrics.SHARED}
    assert {m.kind for m in every} == {metrics.SHARE, metrics.TRUTH, metrics.COUNT}
    assert all(m.title and m.meaning and m.twin in ("", "twin") for m in every)
    assert all(m.over != metrics.ALL and m.kind != metrics.COUNT for m in every if m.twin)
    assert {*metrics.BY_NAME} - {m.name for m in metrics.COSTS} < set(score(READ, READ))


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
    assert categorise(expected, generated) in {category.name for category in CATEGORIES}
    assert (categorise(expected, generated) == "no_json") == (not row["json_extracted"])


def test_actions_that_are_shared_by_a_notaction_alone_have_a_row_like_others():
    wanted = '{"Version":null,"Statement":{"Effect":"Allow","NotAction":"s3:GetObject"}}'
    row = score(wanted, '{"Version":null,"Statement":{"Effect":"Allow","NotResource":null,"Action":"s3:*"}}')
    assert row["actions_shared"] and row["resources_match"] is False
    assert metrics.summarise([row | {"arm": "a", "id": "1", "complexity": "simple"}])["n"].iloc[0] == 1


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


READS = text(policy(statement()))
NAMES = [metric.name for metric in METRICS]
SHARES = [name for name in NAMES if name != "unknown_actions"]


ANSWERS = {  # name -> generated, for an expected READS
    "perfect": READS,
    "half": text(policy(statement(["s3:GetObject", "ec2:RunInstances"]))),
    "denied": text(policy(statement(effect="Deny"))),
    "prose": "I cannot do that.",
    "empty": "{}",
}


def output(arm="zero_shot", number=0, answer="perfect", complexity="simple", **more):
    return {
        **{"arm": arm, "id": f"x{number:03}", "complexity": complexity, "expected": READS},
        **{"generated": ANSWERS[answer], **more},
    }


def outputs(arm, answers, complexity="simple"):
    return [output(arm, number, answer, complexity) for number, answer in enumerate(answers)]


def by_arm(summary):
    return summary.set_index("arm")


def test_one_perfect_arm_is_all_ones():
    summary = metrics.summarise(metrics.score_rows(outputs("fine_tuned", ["perfect"] * 5)))
    row = by_arm(summary).loc["fine_tuned"]
    for name in SHARES:
        assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == (1.0, 1.0, 1.0)
    assert row["unknown_actions"] == 0
    assert (row["n"], row["n_extracted"]) == (5, 5)


def test_both_denominators_by_hand():
    scores = metrics.score_rows(outputs("a", ["perfect", "half", "prose", "prose", "denied"]))
    row = by_arm(metrics.summarise(scores)).loc["a"]
    assert (row["n"], row["n_extracted"]) == (5, 3)
    assert row["json_valid"] == row["json_extracted"] == row["schema_valid"] == pytest.approx(3 / 5)
    assert row["service_jaccard"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert row["service_jaccard_all"] == pytest.approx((1 + 1 / 2 + 1) / 5)
    assert row["effect_match"] == pytest.approx(2 / 3)
    assert row["effect_match_all"] == pytest.approx(2 / 5)
    assert row["action_precision"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert row["action_f1_all"] == pytest.approx((1 + 2 / 3) / 5)


def test_arms_keep_the_order_of_first_appearance():
    rows = outputs("zero_shot", ["prose"]) + outputs("few_shot", ["perfect"]) + outputs("b", ["half"])
    assert list(metrics.summarise(metrics.score_rows(rows))["arm"]) == ["zero_shot", "few_shot", "b"]


def test_an_arm_without_any_json_is_undefined_not_zero():
    row = metrics.summarise(metrics.score_rows(outputs("a", ["prose"] * 3))).iloc[0]
    for metric in METRICS:
        values = row[[metric.name, f"{metric.name}_low", f"{metric.name}_high"]].astype(float)
        assert values.isna().all() if metric.over == EXTRACTED else (values == 0).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(list(ANSWERS)), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_and_intervals_hold_the_mean(answers, random):
    rows = metrics.score_rows(outputs("a", answers) + outputs("b", answers[::-1])).to_dict("records")
    summary = by_arm(metrics.summarise(rows))
    random.shuffle(rows)
    pd.testing.assert_frame_equal(by_arm(metrics.summarise(rows)).loc[["a", "b"]], summary, check_exact=True)
    for name in NAMES:
        mean, low, high = (summary[f"{name}{end}"].dropna() for end in ("", "_low", "_high"))
        assert ((low <= mean) & (mean <= high)).all()
    for name in SHARES:
        assert summary[[name, f"{name}_low", f"{name}_high"]].stack().dropna().between(0, 1).all()


def test_the_interval_has_the_width_that_theory_gives():
    answers = ["perfect"] * 200 + ["prose"] * 200
    row = metrics.summarise(metrics.score_rows(outputs("a", answers))).iloc[0]
    half_width = 1.96 * np.sqrt(0.5 * 0.5 / 400)
    assert row["schema_valid_low"] == pytest.approx(0.5 - half_width, abs=0.01)
    assert row["schema_valid_high"] == pytest.approx(0.5 + half_width, abs=0.01)


def test_a_summary_is_the_same_every_time_and_from_any_container(tmp_path):
    scores = metrics.score_rows(outputs("a", ["perfect", "half", "prose", "denied"]))
    summary = metrics.summarise(scores)
    scores.to_parquet(tmp_path / "scores.parquet")
    for same in (scores, scores.to_dict("records"), pd.read_parquet(tmp_path / "scores.parquet")):
        pd.testing.assert_frame_equal(metrics.summarise(same), summary)
    raw = [{**output(number=n), **metrics.score(READS, ANSWERS[a])} for n, a in enumerate(["perfect", "prose"])]
    assert metrics.summarise(raw)["service_jaccard"].item() == 1.0  # rows of score() itself, None and all


def test_by_complexity_counts_as_the_report_does():
    rows = [
        output(number=1, answer="perfect", complexity="complex"),
        output(number=2, answer="prose", complexity="simple"),
        output(number=3, answer="half", complexity="simple"),
    ]
    table = metrics.by_complexity(metrics.score_rows(rows))
    assert list(table["complexity"]) == ["simple", "complex"]
    assert list(table["n"]) == [2, 1]
    assert list(table["schema_valid_count"]) == ["1/2", "1/1"]
    assert list(table["service_jaccard"]) == [0.5, 1.0]
    assert list(table["service_jaccard_all"]) == [0.25, 1.0]


def test_score_rows_keeps_what_is_there_in_order():
    known = {"source": "report", "tokens": 7, "expected_tokens": 9, "seconds": 0.5, "complete": True}
    rows = [output(number=2, **known), output(number=1, answer="prose", **known)]
    scores = metrics.score_rows(iter(rows))
    assert list(scores["id"]) == ["x002", "x001"]
    assert {name: scores[name][0] for name in known} == known
    assert "generated" not in scores and "tokens" not in metrics.score_rows([output()])
    assert {"relation", "unknown_actions", *NAMES} <= set(scores)


def without(row, field):
    return {name: value for name, value in row.items() if name != field}


BAD_OUTPUTS = {
    "empty": ([], "no rows"),
    "no dict": ([output(), "text"], "row 1: a row is a dict, not str"),
    "missing field": ([output(), without(output(number=1), "generated")], r"row 1 \(arm 'zero_shot', id 'x001'\): gen"),
    "missing arm": ([without(output(), "arm")], r"row 0 \(id 'x000'\): arm is missing"),
    "no text": (
        [output(), output(number=1, generated=None)],
        r"id 'x001'\): generated is empty .None or NaN., not text",
    ),
    "a number": ([output(generated=5)], "generated is 5, not text"),
    "NaN": ([output(complexity=float("nan"))], "complexity is empty"),
    "number as id": ([output(id=3)], "id is 3, not text"),
    "twice": ([output(), output()], r"row 1 \(arm 'zero_shot', id 'x000'\): this id is in the arm twice"),
    "missing id": (outputs("a", ["half", "half"]) + outputs("b", ["half"]), r"arm b: 1 of 2 ids .* first 'x001'"),
    "extra id": (outputs("a", ["half"]) + outputs("b", ["half", "half"]), r"arm a: 1 of 2 ids .* first 'x001'"),
    "unknown complexity": ([output(complexity="Simple")], "complexity is 'Simple'; it must be one of simple, medium"),
    "two complexities": ([output("a"), output("b", complexity="medium")], "id 'x000': complexity is not the same"),
    "two policies": (
        [output("a"), output("b", expected=text(policy(statement("s3:*"))))],
        "id 'x000': expected is not the same",
    ),
    "no policy": ([output(expected="none")], "id 'x000'.: expected holds no JSON object: 'none'"),
    "a list": ([output(expected="[]")], "expected holds no JSON object"),
}


@pytest.mark.parametrize("case", BAD_OUTPUTS)
def test_bad_outputs_are_refused_in_one_line(case):
    rows, message = BAD_OUTPUTS[case]
    with pytest.raises(RowsError, match=message) as raised:
        metrics.score_rows(rows)
    assert "\n" not in str(raised.value)


BAD_SCORES = {
    "missing column": ({"schema_valid": "drop"}, "schema_valid is missing"),
    "undefined": ({"service_jaccard": None}, r"row 1 \(arm 'zero_shot', id 'x001'\): service_jaccard is missing"),
    "NaN": ({"json_valid": float("nan")}, "json_valid is missing"),
    "out of range": ({"service_jaccard": 1.5}, "service_jaccard is 1.5"),
    "negative": ({"unknown_actions": -1}, "unknown_actions is -1"),
    "text": ({"effect_match": "yes"}, "effect_match is 'yes'"),
    "surplus": ({"json_extracted": False}, "service_jaccard is 1.0, but nothing was extracted"),
    "no arm": ({"arm": None}, "arm is empty .None or NaN., not text"),
}


@pytest.mark.parametrize("table", [metrics.summarise, metrics.by_complexity])
@pytest.mark.parametrize("case", BAD_SCORES)
def test_scores_that_would_shorten_a_denominator_are_refused(case, table):
    change, message = BAD_SCORES[case]
    rows = [{**output(number=n), **metrics.score(READS, READS)} for n in range(2)]
    rows[1] |= change
    if "drop" in change.values():
        rows[1] = without(rows[1], *change)
    with pytest.raises(RowsError, match=message):
        table(rows)


def test_a_frame_without_a_column_is_refused():
    scores = metrics.score_rows([output()])
    with pytest.raises(RowsError, match="no column action_f1$"):
        metrics.summarise(scores.drop(columns="action_f1"))
    with pytest.raises(RowsError, match="no rows"):
        metrics.summarise(scores[:0])


def test_a_categorical_arm_without_rows_is_no_arm():
    scores = metrics.score_rows(outputs("a", ["half"]))
    scores["arm"] = pd.Categorical(scores["arm"], categories=["a", "gone"])
    assert list(metrics.summarise(scores)["arm"]) == ["a"]


def test_the_printed_table_shows_both_denominators():
    scores = metrics.score_rows(outputs("fine_tuned", ["perfect", "half", "prose"]) + outputs("none", ["prose"] * 3))
    lines = metrics.table(metrics.summarise(scores)).splitlines()
    assert lines[1].split()[:2] == ["fine_tuned", "3"]
    assert "66.7" in lines[1] and "75.0 | 50.0" in lines[1] and "100.0 | 66.7" in lines[1]
    assert "- | 0.0" in lines[2]
    assert len({len(line) for line in lines[:3]}) == 1


def test_the_report_is_as_it_was_published():
    summary = by_arm(published.summary())
    percent = (
        100 * summary[["json_valid", "json_extracted", "schema_valid", "service_jaccard", "effect_match"]]
    ).round(1)
    assert percent.loc["zero_shot"].tolist() == [0.7, 79.5, 78.8, 28.7, 98.3]
    assert percent.loc["few_shot"].tolist() == [2.0, 7.3, 7.3, 0.0, 100.0]
    assert percent.loc["fine_tuned"].tolist() == [60.3, 60.3, 60.3, 52.0, 95.6]
    assert round(100 * summary.loc["fine_tuned", "service_jaccard_all"], 1) == 31.3
    assert (100 * published.errors()["rate"]).round(1).tolist() == [39.7, 0.0, 2.6, 28.5, 29.1]
    assert (
        published.errors()["count"].sum()
        == published.numbers()["n"]
        == sum(published.numbers()["by_complexity"].values())
    )
    for arm, counts in published.numbers()["schema_valid"].items():
        assert sum(counts.values()) == published.numbers()["arms"][arm]["schema_valid"]
    assert list(published.by_complexity()["schema_valid_count"])[:3] == ["33/42", "34/39", "52/70"]
    assert published.sweep().loc[published.sweep()["eval_loss"].idxmin(), "config"] == "A"
    assert "52.0 | 31.3" in metrics.table(published.summary())


def measured(arm: str, values: list[float]) -> list[dict]:
    return [{"arm": arm, "id": str(i), "complexity": "simple", "m": value} for i, value in enumerate(values)]


def test_a_small_lead_on_every_example_is_certain_though_the_arms_vary():
    base = [0.0, 1.0] * 20
    found = metrics.differences(measured("a", [0.01 + v for v in base]) + measured("b", base), "a", ["m"]).iloc[0]
    assert found["difference"] == pytest.approx(0.01) and found["verdict"] == "better"
    assert found["low"] == pytest.approx(0.01) == found["high"] and found["n"] == 40 and not found["few"]


def test_the_other_way_round_it_is_worse_and_a_draw_is_undecided():
    table = metrics.differences(
        measured("a", [0.0] * 40) + measured("b", [1.0] * 40) + measured("c", [0.0] * 40), "a", ["m"]
    )
    assert list(table["verdict"]) == ["worse", "undecided"] and list(table["other"]) == ["b", "c"]


def test_small_groups_say_so_and_the_order_of_rows_changes_nothing():
    both = measured("a", [0.0, 1.0, 1.0, 0.0, 1.0]) + measured("b", [0.0, 0.0, 1.0, 0.0, 0.0])
    one, two = metrics.differences(both, "a", ["m"]), metrics.differences(both[::-1], "a", ["m"])
    assert one["few"].all() and len(both) // 2 < FEW
    assert one.equals(two)
    assert one["low"][0] <= one["difference"][0] <= one["high"][0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (measured("a", [1.0, 0.0]) + measured("b", [1.0]), "missing"),
        (measured("b", [1.0]), "no arm is called 'a'"),
        (measured("a", [float("nan")]), "m is missing"),
    ],
)
def test_what_cannot_be_compared_is_refused(table, said):
    with pytest.raises(RowsError, match=said):
        metrics.differences(table, "a", ["m"])
