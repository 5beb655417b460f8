"""Categories and faults: the order of the rules, planted answers, counts that add up, and advice that follows them."""

import json

import pandas as pd
import pytest

from lib.evaluation import errors, metrics
from lib.evaluation.rows import RowsError


def policy(action="s3:GetObject", effect="Allow"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})


ANSWERS = {  # category -> an answer to policy() that has it, and what its sentence says
    "no_json": ("I would rather not.", "no object: there is no { in 19 characters"),
    "invalid_schema": ('{"Version":"2012-10-17"}', "Statement is missing"),
    "wrong_effect": (policy(effect="Deny"), "generated effect Deny; wanted Allow"),
    "wrong_services": (
        policy(["s3:GetObject", "ec2:RunInstances", "sqs:SendMessage"]),
        "generated services ec2, s3 and sqs; wanted s3: Jaccard 0.33",
    ),
    "correct": (
        policy("s3:PutObject"),
        "counts as correct: Jaccard 1.00, action F1 0.00; what it allows is incomparable",
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


def test_the_last_rule_of_a_table_always_holds_and_the_others_say_when():
    for rules in errors.LABELS.values():
        assert not rules[-1].when and all(rule.when for rule in rules[:-1])


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
    with pytest.raises(RowsError, match=r"row 4 \(arm 'zero_shot', id 'x004'\): was scored, but there is no row of it"):
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


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
READ = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": "arn:aws:s3:::docs/*",
    "Condition": MFA,
}
LOGS = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}


def text(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


WANTED = text(READ, LOGS, DENY)


def changed(**change: object) -> str:
    return text(READ | change, LOGS, DENY)


PLANTED = {  # -> the answer, whether it had ended, its faults with the main one first
    "nothing": (WANTED, True, ""),
    "order": (text(DENY, LOGS, READ), True, ""),
    "one by one": (text(READ | {"Action": "s3:GetObject"}, READ | {"Action": "s3:PutObject"}, LOGS, DENY), True, ""),
    "cut": (WANTED[:120], False, "truncated"),
    "cut in the first key": ('{"Ver', False, "truncated"),
    "prose": ("I cannot help with that.", True, "not_json"),
    "empty": ("", True, "not_json"),
    "single quotes": (WANTED.replace('"', "'"), True, "not_json"),
    "unbalanced": (WANTED + "}", True, "not_json"),
    "prose around it": (f"Here it is: {WANTED} Good luck!", True, ""),
    "code fence": (f"```json\n{WANTED}\n```", True, ""),
    "a list": ("[]", True, "invalid_schema"),
    "no version": (WANTED.replace("Version", "Verse"), True, "invalid_schema"),
    "no effect": (WANTED.replace('"Effect": "Allow", ', ""), True, "invalid_schema"),
    "odd effect": (WANTED.replace("Allow", "Permit"), True, "invalid_schema"),
    "no statement": (text(), True, "invalid_schema"),
    "unknown action": (changed(Action=["s3:GetObject", "s3:PutObject", "s3:Fetch"]), True, "unknown_action"),
    "unknown service": (
        changed(Action=["s3:GetObject", "s3:PutObject", "storage:Get"]),
        True,
        "unknown_action wrong_services",
    ),
    "dropped service": (text(READ, DENY), True, "wrong_services missing_actions"),
    "further service": (
        text(READ, LOGS, DENY, {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}),
        True,
        "wrong_services extra_actions",
    ),
    "dropped action": (changed(Action="s3:GetObject"), True, "missing_actions"),
    "added action": (changed(Action=["s3:GetObject", "s3:PutObject", "s3:GetObjectAcl"]), True, "extra_actions"),
    "swapped action": (changed(Action=["s3:GetObject", "s3:GetObjectAcl"]), True, "missing_actions extra_actions"),
    "wildcard": (changed(Action="s3:*"), True, "extra_actions"),
    "dropped deny": (text(READ, LOGS), True, "wrong_effect"),
    "flipped": (text(READ, LOGS | {"Effect": "Deny"}, DENY), True, "wrong_effect missing_actions"),
    "all denied": (text(*({**s, "Effect": "Deny"} for s in (READ, LOGS, DENY))), True, "wrong_effect missing_actions"),
    "widened resource": (changed(Resource="*"), True, "wrong_resource"),
    "other resource": (changed(Resource="arn:aws:s3:::other/*"), True, "wrong_resource"),
    "dropped condition": (changed(Condition={}), True, "wrong_condition"),
    "other condition": (changed(Condition={"Bool": {"aws:SecureTransport": "true"}}), True, "wrong_condition"),
    "turned condition": (changed(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}), True, "wrong_condition"),
    "other operator": (changed(Condition={"BoolIfExists": MFA["Bool"]}), True, "wrong_condition"),
    "further condition": (
        changed(Condition={"Bool": MFA["Bool"] | {"aws:SecureTransport": "true"}}),
        True,
        "wrong_condition",
    ),
    "one object": (changed(Resource="arn:aws:s3:::docs/report.pdf"), True, "wrong_resource"),
    "denied too much": (text(READ, LOGS, DENY | {"Action": "s3:*"}), True, "wrong_effect"),
    "null": ("null", True, "invalid_schema"),
    "everything": (
        text(READ, LOGS, DENY, {"Effect": "Allow", "Action": "*", "Resource": "*"}),
        True,
        "extra_actions wrong_resource",  # "*" is no service by the report's definition
    ),
    "condition elsewhere": (text(READ | {"Condition": {}}, LOGS | {"Condition": MFA}, DENY), True, "other"),
    "other denial": (text(READ, LOGS, DENY | {"Action": "s3:DeleteBucket"}), True, "other"),
}


def planted(arm: str = "a") -> list[dict]:
    common = {"arm": arm, "complexity": "medium", "expected": WANTED}
    return [common | {"id": id, "generated": text, "complete": ended} for id, (text, ended, _) in PLANTED.items()]


def label(outputs: list[dict]):
    return errors.label(metrics.score_rows(outputs), outputs)


LABELLED = label(planted())


@pytest.mark.parametrize("id", PLANTED)
def test_a_planted_fault_lands_where_it_should(id):
    row = LABELLED[LABELLED["id"] == id].iloc[0]
    wanted = PLANTED[id][2].split()
    found = [name for name in errors.NAMES if row[name] and (name != "other" or row["fault"] == "other")]
    assert found == sorted(wanted, key=errors.NAMES.index) and row["fault"] == (wanted or [errors.RIGHT])[0]


MEASURES = {  # fault -> measures, of which a planted one changes some against the right answer
    **dict.fromkeys(("truncated", "not_json"), ("json_extracted",)),
    "invalid_schema": ("schema_valid",),
    "unknown_action": ("unknown_actions", "errors"),
    "wrong_services": ("service_jaccard",),
    "wrong_effect": ("effect_match", "flipped"),
    "missing_actions": ("action_recall", "under_granted"),
    "extra_actions": ("action_precision", "over_granted"),
    "wrong_resource": ("resources_match",),
    "wrong_condition": ("conditions_match",),
    "other": ("permission_f1",),
}


@pytest.mark.parametrize("id", [id for id, planted in PLANTED.items() if planted[2]])
def test_a_planted_fault_changes_the_measures_of_its_fault(id):
    judged = LABELLED.set_index("id")
    right, row = judged.loc["nothing"], judged.loc[id]
    for fault in PLANTED[id][2].split():
        assert any(row[name] != right[name] for name in MEASURES[fault]), fault
    if "unknown_action" not in PLANTED[id][2]:  # which grants nothing
        assert row["permission_f1_all"] < right["permission_f1_all"]


def test_every_fault_is_planted_and_every_answer_counted_once():
    assert set(LABELLED["fault"]) == {*errors.NAMES, errors.RIGHT} and sum(bool(p[2]) for p in PLANTED.values()) >= 30
    counted = errors.counts(LABELLED, "fault")
    assert counted["count"].sum() == len(PLANTED) and (counted["any"] >= counted["count"]).all()


def test_advice_names_the_commonest_fault_and_a_cure():
    sentences = errors.advice(LABELLED, "a")
    assert len(sentences) == 3 and sentences[0].startswith("invalid schema is the main fault of 6 of")
    assert errors.advice(label(planted()[:3]), "a") == []


def test_every_fault_has_a_title_of_its_own_and_a_cure():
    assert len({rule.title for rule in errors.FAULTS}) == len(errors.FAULTS) == len(errors.NAMES) + 1
    assert all(rule.cure for rule in errors.FAULTS if rule.name != errors.RIGHT)


def answered(arm: str, *answers: tuple[str, str]) -> list[dict]:
    """Output rows of an arm: what was wanted, and the answer."""
    return [
        {
            **{"arm": arm, "id": str(number), "complexity": "simple", "instruction": f"Do {number}."},
            **{"expected": wanted, "generated": answer, "expected_tokens": 60 * (number + 1)},
        }
        for number, (wanted, answer) in enumerate(answers)
    ]


TWO_ARMS = [
    *answered("plain", (WANTED, "no"), (text(LOGS), text(READ)), (text(LOGS), text(LOGS))),
    *answered("grounded", (WANTED, WANTED), (text(LOGS), text(LOGS)), (text(LOGS), text(LOGS, READ))),
]


def test_faults_are_counted_by_any_column():
    judged = label(TWO_ARMS)
    judged["length"] = pd.cut(judged["expected_tokens"], [0, 64, 128, 256], labels=["short", "middle", "long"])
    parts = errors.counts(judged, "fault", "length")
    assert parts.groupby(["arm", "length"])["count"].sum().tolist() == [1] * 6
    right = parts[parts["fault"] == errors.RIGHT]
    assert list(zip(right["arm"], right["length"], right["count"], strict=True)) == [
        *(("plain", "short", 0), ("plain", "middle", 0), ("plain", "long", 1)),
        *(("grounded", "short", 1), ("grounded", "middle", 1), ("grounded", "long", 0)),
    ]


def test_what_differs_otherwise_is_a_fault_only_if_nothing_else_is_one():
    judged = label(answered("a", (text(READ), text(READ | {"Action": "s3:GetObject"}))))
    assert judged["missing_actions"].all() and not judged["other"].any()
