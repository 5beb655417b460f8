"""Faults: thirty planted ones land in their column, one of them is the main fault, and advice follows the counts."""

import json

import pytest

from lib.evaluation import ablation, faults, plots
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
    "flipped": (text(READ, LOGS | {"Effect": "Deny"}, DENY), True, "missing_actions"),
    "all denied": (text(*({**s, "Effect": "Deny"} for s in (READ, LOGS, DENY))), True, "missing_actions wrong_effect"),
    "widened resource": (changed(Resource="*"), True, "wrong_resource"),
    "other resource": (changed(Resource="arn:aws:s3:::other/*"), True, "wrong_resource"),
    "dropped condition": (changed(Condition={}), True, "wrong_condition"),
    "other condition": (changed(Condition={"Bool": {"aws:SecureTransport": "true"}}), True, "wrong_condition"),
    "turned condition": (changed(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}), True, "wrong_condition"),
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


def test_every_fault_is_planted_and_every_answer_counted_once():
    assert set(LABELLED["fault"]) == {*NAMES, RIGHT} and len(PLANTED) > 30
    counted = shares(LABELLED)
    assert counted["main"].sum() == len(PLANTED) and (counted["any"] >= counted["main"]).all()


def test_faults_that_stand_together():
    table = together(LABELLED, "a")
    assert table.loc["missing actions", "extra actions"] == 1 and (table == table.T).all(axis=None)
    with pytest.raises(RowsError, match="no arm is called 'b'"):
        together(LABELLED, "b")


def test_advice_names_the_commonest_fault_and_a_cure():
    sentences = advice(LABELLED, "a")
    assert len(sentences) == 3 and sentences[0].startswith("invalid schema is the main fault of 5 of")
    assert advice(label(rows()[:3]), "a") == []


def test_the_rules_are_told_in_order():
    assert [fault.name for fault in faults.FAULTS] == list(NAMES) and len({f.title for f in faults.FAULTS}) == len(
        NAMES
    )


def test_the_ablation_follows_the_same_requests_through_the_cures():
    outputs = [row for arm in ("zero_shot", "fine_tuned", "grammar") for row in rows(arm)]
    steps = ablation.rows(outputs)
    assert [row["arm"] for row in steps[:: len(PLANTED)]] == ["fine_tuned", ablation.REPAIRED, "grammar"]
    table = ablation.table(label(steps))
    assert list(table.columns) == ["fine-tuned", "+ repair", "grammar"]
    assert (table.sum() == len(PLANTED)).all()
    assert table.loc["right", "+ repair"] > table.loc["right", "fine-tuned"]


def test_figures_say_what_is_in_the_counts(tmp_path):
    picture = plots.pareto(shares(LABELLED), "a")
    assert "most often at fault: invalid schema" in picture.title and str(len(PLANTED)) in picture.caption
    assert "all answers are exactly right" in plots.pareto(shares(label(rows()[:3])), "a").title
    steps = plots.waterfall(ablation.table(label(ablation.rows(rows("fine_tuned")))))
    assert steps.title.startswith("The largest gain comes with repair")
    assert all(path.stat().st_size > 1000 for path in (*picture.save(tmp_path / "a"), *steps.save(tmp_path / "b")))
    with pytest.raises(RowsError, match="no arm 'b'"):
        plots.pareto(shares(LABELLED), "b")
