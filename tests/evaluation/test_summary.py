"""Tables of many answers: means, intervals, denominators, and every kind of rows that must be refused."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation import metrics, report
from lib.evaluation.metric import EXTRACTED, METRICS
from lib.evaluation.rows import RowsError

NAMES = [metric.name for metric in METRICS]
SHARES = [name for name in NAMES if name != "unknown_actions"]


def policy(action="s3:GetObject", effect="Allow"):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]},
        separators=(",", ":"),
    )


ANSWERS = {  # name -> generated, for an expected policy()
    "perfect": policy(),
    "half": policy(["s3:GetObject", "ec2:RunInstances"]),
    "denied": policy(effect="Deny"),
    "prose": "I cannot do that.",
    "empty": "{}",
}


def output(arm="zero_shot", number=0, answer="perfect", complexity="simple", **more):
    return {
        **{"arm": arm, "id": f"x{number:03}", "complexity": complexity, "expected": policy()},
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
    raw = [{**output(number=n), **metrics.score(policy(), ANSWERS[a])} for n, a in enumerate(["perfect", "prose"])]
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
    "two policies": ([output("a"), output("b", expected=policy("s3:*"))], "id 'x000': expected is not the same"),
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
    rows = [{**output(number=n), **metrics.score(policy(), policy())} for n in range(2)]
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
    assert lines[2].split()[:2] == ["fine_tuned", "3"]
    assert "66.7" in lines[2] and "75.0 | 50.0" in lines[2] and "100.0 | 66.7" in lines[2]
    assert "- | 0.0" in lines[3]
    assert len({len(line) for line in lines[:4]}) == 1


def test_the_report_is_as_it_was_published():
    summary = by_arm(report.summary())
    percent = (
        100 * summary[["json_valid", "json_extracted", "schema_valid", "service_jaccard", "effect_match"]]
    ).round(1)
    assert percent.loc["zero_shot"].tolist() == [0.7, 79.5, 78.8, 28.7, 98.3]
    assert percent.loc["few_shot"].tolist() == [2.0, 7.3, 7.3, 0.0, 100.0]
    assert percent.loc["fine_tuned"].tolist() == [60.3, 60.3, 60.3, 52.0, 95.6]
    assert round(100 * summary.loc["fine_tuned", "service_jaccard_all"], 1) == 31.3
    assert (100 * report.errors()["rate"]).round(1).tolist() == [39.7, 0.0, 2.6, 28.5, 29.1]
    assert report.errors()["count"].sum() == report.N == sum(report.BY_COMPLEXITY.values())
    for arm, counts in report.SCHEMA_VALID.items():
        assert sum(counts.values()) == report.ARMS[arm]["schema_valid"]
    assert list(report.by_complexity()["schema_valid_count"])[:3] == ["33/42", "34/39", "52/70"]
    assert report.sweep().loc[report.sweep()["eval_loss"].idxmin(), "config"] == "A"
    assert "52.0 | 31.3" in metrics.table(report.summary())
