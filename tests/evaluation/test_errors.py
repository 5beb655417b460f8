"""Error categories: the table's order, counts that add up, and worked examples that say what went wrong."""

import json

import pytest

from lib.evaluation import errors, metrics
from lib.evaluation.rows import RowsError


def policy(action="s3:GetObject", effect="Allow"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})


ANSWERS = {  # category -> an answer to policy() that has it, and what its sentence says
    "no_json": ("I would rather not.", "no object: there is no { in 19 characters"),
    "invalid_schema": ('{"Version":"2012-10-17"}', "1 schema fault: Statement is missing"),
    "wrong_effect": (policy(effect="Deny"), "generated effect Deny; wanted Allow"),
    "wrong_services": (
        policy(["s3:GetObject", "ec2:RunInstances", "sqs:SendMessage"]),
        "generated services ec2, s3, sqs; wanted s3: Jaccard 0.33",
    ),
    "correct": (
        policy("s3:PutObject"),
        "counts as correct: Jaccard 1.00, action F1 0.00; it allows some other actions",
    ),
}


def output(answer, number=0, arm="zero_shot", complexity="simple", **more):
    return {
        **{"arm": arm, "id": f"x{number:03}", "complexity": complexity, "instruction": "Read the bucket."},
        **{"expected": policy(), "generated": answer, **more},
    }


def labelled(rows):
    return errors.label(metrics.score_rows(rows), rows)


def one_of_each(arm="zero_shot", complexity="simple", start=0):
    return [
        output(answer, start + number, arm=arm, complexity=complexity)
        for number, (answer, _) in enumerate(ANSWERS.values())
    ]


def test_the_table_is_the_reports_in_its_order():
    assert [category.name for category in errors.CATEGORIES] == list(ANSWERS)
    assert all(category.title and category.rule for category in errors.CATEGORIES)


@pytest.mark.parametrize("category", ANSWERS)
def test_each_category_has_its_answer(category):
    assert errors.categorise(policy(), ANSWERS[category][0]) == category


@pytest.mark.parametrize(
    ("generated", "category"),
    [
        (policy("ec2:RunInstances", effect="Deny"), "wrong_effect"),  # effect before services
        ('{"Version":"1","Statement":[{"Effect":"Deny"}]}', "invalid_schema"),  # schema before effect
        (policy(["s3:GetObject", "ec2:RunInstances"]), "correct"),  # Jaccard of exactly one half
        (f"Sure! {policy()} Anything else?", "correct"),  # prose around it does not matter
        ("[]", "invalid_schema"),
    ],
)
def test_the_first_rule_that_holds_decides(generated, category):
    assert errors.categorise(policy(), generated) == category


def test_the_last_rule_always_holds():
    assert errors.CATEGORIES[-1].holds({"json_extracted": True})


def test_label_agrees_with_categorise_and_keeps_the_rows():
    rows = one_of_each("a") + one_of_each("b")
    scores = metrics.score_rows(rows)
    table = errors.label(scores)
    assert table["category"].tolist() == [errors.categorise(r["expected"], r["generated"]) for r in rows]
    assert set(scores) < set(table) and "category" not in scores
    assert errors.label(scores.to_dict("records"))["category"].tolist() == table["category"].tolist()


def test_label_joins_texts_by_arm_and_id_not_by_position():
    rows = one_of_each("a") + one_of_each("b")
    table = errors.label(metrics.score_rows(rows), rows[::-1])
    assert table["generated"].tolist() == [row["generated"] for row in rows]


def test_label_refuses_texts_of_other_rows():
    rows = one_of_each()
    scores = metrics.score_rows(rows)
    with pytest.raises(RowsError, match=r"no row for scored row 4 \(arm 'zero_shot', id 'x004'\)"):
        errors.label(scores, rows[:-1])
    with pytest.raises(RowsError, match="twice"):
        errors.label(scores, rows + rows[:1])
    with pytest.raises(RowsError, match="no column effect_match"):
        errors.label(scores.drop(columns="effect_match"))
    with pytest.raises(RowsError, match="service_jaccard is missing"):
        errors.label(scores.assign(service_jaccard=None))


def test_counts_add_up_and_name_empty_categories():
    rows = [output("no", number, complexity="complex") for number in range(3)] + [output(policy(), 9)]
    table = errors.counts(labelled(rows))
    assert dict(zip(table["category"], table["count"], strict=True)) == {
        **dict.fromkeys(ANSWERS, 0),
        **{"no_json": 3, "correct": 1},
    }
    assert table["rate"].sum() == pytest.approx(1.0)
    assert set(table["n"]) == {4}
    split = errors.counts(labelled(rows), by="complexity")
    assert list(dict.fromkeys(split["complexity"])) == ["simple", "complex"]
    assert split.groupby("complexity")["rate"].sum().tolist() == pytest.approx([1.0, 1.0])
    assert split.groupby("complexity")["count"].sum().to_dict() == {"simple": 1, "complex": 3}


def test_counts_refuse_a_category_that_the_table_lacks():
    table = labelled(one_of_each())
    with pytest.raises(RowsError, match="category 'other' is unknown; it must be one of no_json"):
        errors.counts(table.assign(category="other"))
    with pytest.raises(RowsError, match="no column category"):
        errors.counts(table.drop(columns="category"))


@pytest.mark.parametrize("category", ANSWERS)
def test_worked_examples_say_what_went_wrong_in_figures(category):
    (example,) = errors.examples(labelled(one_of_each()), "zero_shot", category)
    assert example.sentence.startswith(ANSWERS[category][1])
    assert (example.category, example.generated) == (category, ANSWERS[category][0])
    assert example.instruction and example.expected


@pytest.mark.parametrize(
    ("answer", "more", "sentence"),
    [
        (
            policy()[:40],
            {"complete": False, "tokens": 12, "expected_tokens": 31},
            "cut off: the answer ended with its budget of 12 tokens; the wanted one has 31",
        ),
        (policy()[:40], {"complete": False}, "cut off: the answer ended with its budget of tokens"),
        ('ok {"a": }', {"complete": True}, "no JSON: the 7 characters from { to } do not parse: Expecting value"),
        ("} so {", {}, "no object: no } follows the { at character 6 of 6"),
        ("{" * 9, {}, "no object: no } follows the { at character 1 of 9"),
    ],
)
def test_a_failed_parse_is_explained_by_its_kind(answer, more, sentence):
    (example,) = errors.examples(labelled([output(answer, **more)]), "zero_shot", "no_json")
    assert example.sentence.startswith(sentence)


def test_examples_show_every_complexity_the_shortest_first_and_always_the_same():
    rows = [output("no" + "!" * number, number, complexity="simple") for number in range(5)]
    rows += [output("never" + "!" * number, 10 + number, complexity="complex") for number in range(2)]
    table = labelled(rows)
    found = [example.id for example in errors.examples(table, "zero_shot", "no_json", k=3)]
    assert found == ["x000", "x010", "x001"]
    assert found == [e.id for e in errors.examples(table[::-1], "zero_shot", "no_json", k=3)]
    assert len(errors.examples(table, "zero_shot", "no_json", k=99)) == 7
    assert errors.examples(table, "zero_shot", "correct") == []


def test_examples_name_what_does_not_exist():
    table = labelled(one_of_each())
    with pytest.raises(RowsError, match="arm 'grounded' has no rows; there are zero_shot"):
        errors.examples(table, "grounded", "correct")
    with pytest.raises(RowsError, match="category 'wrong' is unknown"):
        errors.examples(table, "zero_shot", "wrong")
    with pytest.raises(RowsError, match="no column instruction, expected, generated"):
        errors.examples(errors.label(metrics.score_rows(one_of_each())), "zero_shot", "correct")
