"""Faults: thirty planted ones land in their column, one of them is the main fault, and advice follows the counts."""

import json

import pytest

from lib.evaluation import ablation, faults, plots, statistics, worked
from lib.evaluation.faults import NAMES, RIGHT, advice, label, shares, together
from lib.evaluation.rows import RowsError

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


def rows(arm: str = "a") -> list[dict]:
    common = {"arm": arm, "complexity": "medium", "expected": WANTED}
    return [common | {"id": id, "generated": text, "complete": ended} for id, (text, ended, _) in PLANTED.items()]


LABELLED = label(rows())


@pytest.mark.parametrize("id", PLANTED)
def test_a_planted_fault_lands_where_it_should(id):
    row = LABELLED[LABELLED["id"] == id].iloc[0]
    wanted = PLANTED[id][2].split()
    found = [name for name in NAMES if row[name] and (name != "other" or row["fault"] == "other")]
    assert found == sorted(wanted, key=NAMES.index) and row["fault"] == (wanted or [RIGHT])[0]


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
    rows = LABELLED.set_index("id")
    right, row = rows.loc["nothing"], rows.loc[id]
    for fault in PLANTED[id][2].split():
        assert any(row[name] != right[name] for name in MEASURES[fault]), fault
    if "unknown_action" not in PLANTED[id][2]:  # which grants nothing
        assert row["permission_f1_all"] < right["permission_f1_all"]


def test_every_fault_is_planted_and_every_answer_counted_once():
    assert set(LABELLED["fault"]) == {*NAMES, RIGHT} and sum(bool(p[2]) for p in PLANTED.values()) >= 30
    counted = shares(LABELLED)
    assert counted["main"].sum() == len(PLANTED) and (counted["any"] >= counted["main"]).all()


def test_faults_that_stand_together():
    table = together(LABELLED, "a")
    assert table.loc["missing actions", "extra actions"] == 1 and (table == table.T).all(axis=None)
    with pytest.raises(RowsError, match="no arm is called 'b'"):
        together(LABELLED, "b")


def test_advice_names_the_commonest_fault_and_a_cure():
    sentences = advice(LABELLED, "a")
    assert len(sentences) == 3 and sentences[0].startswith("invalid schema is the main fault of 6 of")
    assert advice(label(rows()[:3]), "a") == []


def test_the_rules_are_told_in_order():
    assert [fault.name for fault in faults.FAULTS] == list(NAMES) and len({f.title for f in faults.FAULTS}) == len(
        NAMES
    )


def test_the_ablation_follows_the_same_requests_through_the_cures():
    outputs = [row for arm in ("zero_shot", "fine_tuned", "grammar") for row in rows(arm)]
    steps = ablation.rows(outputs)
    assert [row["arm"] for row in steps[:: len(PLANTED)]] == [
        *("fine_tuned", ablation.REPAIRED, ablation.UNBOUNDED, "grammar"),
    ]
    table = ablation.table(label(steps))
    assert list(table.columns) == ["fine-tuned", "repaired", "grammar", "+ budget"]
    assert (table.sum() == len(PLANTED)).all()
    assert table.loc["right", "repaired"] > table.loc["right", "fine-tuned"]


def test_the_budget_is_what_keeps_a_long_answer_whole():
    closed = [row | {"arm": "grammar", "complete": False} for row in answered("grammar", (WANTED, text(READ)))]
    table = ablation.table(label(ablation.rows(closed)))
    assert table.loc["truncated", "grammar"] == 1 and table.loc["truncated", "+ budget"] == 0


def test_figures_say_what_is_in_the_counts(tmp_path):
    picture = plots.pareto(shares(LABELLED), "a")
    assert "most often at fault: invalid schema" in picture.title and str(len(PLANTED)) in picture.caption
    assert "all answers are exactly right" in plots.pareto(shares(label(rows()[:3])), "a").title
    steps = plots.waterfall(ablation.table(label(ablation.rows(rows("fine_tuned")))))
    assert steps.title.startswith("The largest gain comes with repaired")
    assert all(path.stat().st_size > 1000 for path in (*picture.save(tmp_path / "a"), *steps.save(tmp_path / "b")))
    with pytest.raises(RowsError, match="no arm is called 'b'"):
        plots.pareto(shares(LABELLED), "b")


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


def test_right_answers_are_counted_by_any_column():
    judged = label(TWO_ARMS)
    judged["length"] = faults.lengths(judged)
    assert faults.right_by(judged, "length").loc["plain"].to_dict() == {
        "to 64": "0 of 1",
        "to 128": "0 of 1",
        "to 256": "1 of 1",
    }
    assert faults.right_by(judged, "complexity").loc["grounded", "simple"] == "2 of 3"
    parts = shares(judged, "length")
    assert parts.groupby(["arm", "length"], observed=True)["main"].sum().tolist() == [1] * 6


def test_what_differs_otherwise_is_a_fault_only_if_nothing_else_is_one():
    judged = label(answered("a", (text(READ), text(READ | {"Action": "s3:GetObject"}))))
    assert judged["missing_actions"].all() and not judged["other"].any()


def test_faults_by_service_count_an_answer_for_each_service_that_is_wanted():
    table = faults.by_service(label(TWO_ARMS), "plain")
    assert list(table.index) == ["logs, 3", "s3, 1"]
    assert table.loc["logs, 3", "wrong services"] == pytest.approx(1 / 3)
    assert table.loc["s3, 1", "not JSON"] == 1
    with pytest.raises(RowsError, match="no arm is called 'none'"):
        faults.by_service(label(TWO_ARMS), "none")


def test_figures_of_permissions_say_what_the_numbers_say():
    judged = label(TWO_ARMS)
    picture = plots.confusion(judged, ["plain", "grounded"])
    assert picture.title == "Grounded: 78% of the actions are wanted and granted, 0% missed, 22% too much"
    picture = plots.lead(statistics.differences(judged, "grounded"), "grounded")
    assert "comparisons" in picture.title and "3 examples are few" in picture.caption
    picture = plots.faults_by_service(faults.by_service(judged, "plain"), "plain")
    assert picture.title == "Plain: commonest fault not JSON; most in s3, 100% of 1"
    perfect = label(answered("a", (WANTED, WANTED)))
    assert plots.faults_by_service(faults.by_service(perfect, "a"), "a").title == "A: no fault in any service"
    with pytest.raises(RowsError, match="no arm is called 'none'"):
        plots.confusion(judged, ["none"])


def test_worked_examples_show_each_main_fault_as_a_diff_and_nothing_as_html():
    hostile = "<script>alert(1)</script>\x1b[31m"
    judged = label(TWO_ARMS)
    found = worked.examples(judged, TWO_ARMS, "grounded")
    assert [example.fault for example in found] == ["wrong services", "right"]
    assert (
        "+",
        "Allow s3:GetObject, s3:PutObject on arn:aws:s3:::docs/* if bool aws:multifactorauthpresent is true",
    ) in found[0].lines
    assert found[1].lines == ((" ", "every permission is the same"),)
    bad = answered("hostile", (text(LOGS), hostile), (text(LOGS), text(LOGS | {"Resource": hostile})))
    for example in worked.examples(label(bad), bad, "hostile", most=5):
        shown = f"{example}{example._repr_html_()}"
        assert "<script" not in example._repr_html_() and "\x1b" not in shown
    with pytest.raises(RowsError, match="no arm is called 'none'"):
        worked.examples(judged, TWO_ARMS, "none")
    with pytest.raises(RowsError, match="not among the outputs"):
        worked.examples(judged, TWO_ARMS[1:], "plain")
