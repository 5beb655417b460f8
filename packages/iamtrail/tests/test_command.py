"""The command line: a policy on standard output, what a person has to know beside it, and one line for bad input."""

import json

import pytest

from iampolicy.document import as_list
from iamtrail.__main__ import main
from iamtrail.trail import write

KEYS = {"policies", "questions", "placeholders", "proposals", "passed", "gate", "failed", "left_out", "partial"}


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    write(folder, events=2_000, seed=0)
    return str(folder)


def test_a_role_becomes_a_policy(logs, capsys, tmp_path):
    assert main(["draft", logs, "--role", "staging-deploy"]) == 0
    out, said = capsys.readouterr()
    assert json.loads(out)["Statement"] and "The gate is passed." in said and "events in" in said
    path = tmp_path / "policy.json"
    assert main(["draft", logs, "--role", "staging-deploy", "--out", str(path), "--conditions", "--whole"]) == 0
    assert "Condition" in path.read_text() and json.loads(path.read_text())["Version"] == "2012-10-17"


def test_placeholders_have_an_exit_code_of_their_own(logs, capsys):
    assert main(["draft", logs, "--role", "data-pipeline", "--whole"]) == 3
    assert "The gate is passed, but for 2 actions." in capsys.readouterr().err


def test_json_has_the_policies_the_questions_and_the_verdict(logs, capsys, tmp_path):
    assert main(["draft", logs, "--role", "data-pipeline", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert set(told) == KEYS
    assert told["partial"] is False and set(told["left_out"]) == {"other principal"}
    assert told["passed"] is True and told["failed"]
    path = tmp_path / "all.json"
    assert main(["draft", logs, "--role", "data-pipeline", "--json", "--out", str(path)]) == 3
    assert json.loads(path.read_text()) == told and capsys.readouterr().out == ""


def test_a_tag_in_the_place_of_names_passes_the_gate(logs, capsys):
    assert main(["draft", logs, "--role", "staging-deploy", "--tag", "team=pay"]) == 0
    out = capsys.readouterr().out
    assert "aws:ResourceTag/team" in out
    statements = json.loads(out)["Statement"]
    made = [s for s in statements if any(":Register" in a or ":Create" in a for a in as_list(s["Action"]))]
    assert made and not any("Condition" in s for s in made)


def test_aws_that_cannot_be_asked_is_one_line(logs, capsys, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert main(["draft", logs, "--role", "staging-deploy", "--live"]) == 2
    assert "cannot be asked" in capsys.readouterr().err.splitlines()[-1]


def test_pieces_are_numbered(logs, tmp_path, capsys):
    main(["draft", logs, "--out", str(tmp_path / "all.json")])
    assert (tmp_path / "all-1.json").is_file() and (tmp_path / "all-2.json").is_file()
    assert main(["draft", logs, "--role", "staging-deploy", "--by", "prefix", "--whole"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["draft"], "give a folder"),
        (["draft", "nowhere"], "nowhere: no log file is there"),
        (["draft", "LOGS", "--role", "nobody"], "ask without --role for who is there"),
        (["dormant", "LOGS", "--policy", "nowhere.json"], "nowhere.json: No such file"),
        (["draft", "LOGS", "--start", "2030-01-01"], "no events"),
        (["draft", "LOGS", "--tag", "x"], "key=value"),
        (["draft", "LOGS", "--lookup"], "--lookup and folders: give only one of them"),
        (["watch", "--lookup", "--athena", "a.b", "--policy", "POLICY"], "--lookup and --athena: give only one"),
        (["table", "a.b", "s3://b", "--account", "111122223333", "--region", "eu-west-1"], "location of the table is"),
        (["table", "a.b c", "s3://bbb/AWSLogs/", "--account", "1", "--region", "eu-west-1"], "name of the table is"),
        (["draft", "LOGS", "--start", "2026-09-02", "--end", "2026-09-01"], "empty"),
    ],
)
def test_what_cannot_be_done_is_one_line(logs, tmp_path, capsys, arguments, said):
    policy = tmp_path / "policy.json"
    policy.write_text('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')
    given = {"LOGS": logs, "POLICY": str(policy)}
    assert main([given.get(word, word) for word in arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_table_of_athena_is_printed(capsys):
    place = "s3://trail-logs/AWSLogs/o-exampleorgid/"
    assert main(["table", "logs.trail", place, "--account", "111122223333", "--region", "eu-west-1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `logs`.`trail` (") and place in out
    with pytest.raises(SystemExit):
        main(["draft", "--athena", "trail"])
    assert "'trail' is no table: give DATABASE.TABLE" in capsys.readouterr().err


def test_a_bad_date_is_refused_by_name(logs, capsys):
    with pytest.raises(SystemExit):
        main(["draft", logs, "--start", "yesterday"])
    assert "'yesterday' is no date" in capsys.readouterr().err


def test_denied_calls_are_explained_and_the_policy_is_extended(logs, tmp_path, capsys):
    policy, wider = tmp_path / "policy.json", tmp_path / "wider.json"
    main(["draft", logs, "--role", "data-pipeline", "--by", "prefix", "--whole", "--out", str(policy)])
    arguments = ["watch", logs, "--role", "data-pipeline", "--policy", str(policy), "--out", str(wider)]
    assert main(arguments) == 1
    assert "s3:PutObject" in capsys.readouterr().err and "sales-archive" in wider.read_text()
    assert main([*arguments[:5], str(wider)]) == 1  # allowed now, and the log still has the denials
    assert "The smallest extension" not in capsys.readouterr().err


def test_dormant_grants_are_a_table_worst_first(logs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    policy = tmp_path / "admin.json"
    policy.write_text('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')
    assert main(["dormant", logs, "--role", "ada", "--policy", str(policy), "--most", "5"]) == 0
    assert main(["dormant", logs, "--policy", str(policy), "--most", "5"]) == 0
    out, said = capsys.readouterr()
    assert "Permissions management" in out.splitlines()[2] and "were not used" in said
    assert main(["dormant", logs, "--role", "nobody", "--policy", str(policy)]) == 2
    assert main(["watch", logs, "--role", "nobody", "--policy", str(policy)]) == 2
    assert "no events" in capsys.readouterr().err
    policy.write_text("{")
    assert main(["dormant", logs, "--policy", str(policy)]) == 2
    assert "admin.json: is no policy" in capsys.readouterr().err
