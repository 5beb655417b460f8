"""`python -m iampolicy`: tables, JSON, exit codes and bad input."""

import io
import json
import subprocess
import sys

import pytest

from iampolicy.__main__ import main

GOOD = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}


@pytest.fixture
def file(tmp_path):
    def write(*statements: dict, name: str = "policy.json", **more) -> str:
        path = tmp_path / name
        path.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | more), encoding="utf-8")
        return str(path)

    return write


EXITS = [  # changes to a clean statement -> exit code
    ({}, 0),
    ({"Action": ["s3:Get*", "s3:GetObject"]}, 0),
    ({"Action": "s3:Nope"}, 1),
    ({"Action": "iam:PassRole", "Resource": "*"}, 3),
    ({"Condition": {"StringEquals": {"aws:username": "a*"}}}, 4),
]


@pytest.mark.parametrize(("changes", "code"), EXITS)
def test_the_exit_code_says_how_bad_it_is(file, capsys, changes: dict, code: int) -> None:
    assert main([file(GOOD | changes)]) == code
    assert "policy.json (identity policy)" in capsys.readouterr().out


def test_json_is_for_programs(file, capsys) -> None:
    main([file(GOOD | {"Action": "s3:Nope"}), "--json", "--explain", "--risks"])
    (report,) = json.loads(capsys.readouterr().out)
    assert report["findings"][0]["code"] == "INVALID_ACTION"
    assert report["type"] == "identity"
    assert report["risks"] == []
    assert "s3:Nope" in report["explained"][0]


def test_differences_and_the_bucket_checklist(file, capsys) -> None:
    old = file(GOOD, name="old.json")
    assert main([file(GOOD | {"Action": "s3:PutObject"}), "--diff", old, "--bucket"]) == 0
    out = capsys.readouterr().out
    assert "No longer allows the caller to retrieve objects" in " ".join(out.split())
    assert out.count("FAIL") == 4 and "pass" in out  # its one action is named without a wildcard


def test_a_guessed_type_is_said_and_can_be_changed(file, capsys) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert main([file(trust)]) == 0
    assert "(trust policy): no findings\n  its type is guessed" in capsys.readouterr().out
    assert main([file(trust | {"Resource": "*"})]) == 1
    assert "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE" in capsys.readouterr().out
    assert main([file(trust | {"Resource": "*"}), "--type", "resource"]) != 2
    assert "its type is guessed" not in capsys.readouterr().out


def test_the_standard_input_and_a_syntax_error(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("{"))
    assert main(["-", "--explain", "--risks"]) == 1
    assert "JSON_SYNTAX_ERROR" in capsys.readouterr().out


def test_files_that_cannot_be_read(tmp_path, file, capsys) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe{")
    for arguments in ([str(tmp_path / "none")], [str(tmp_path)], [str(tmp_path / "latin")]):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "cannot be read" in error and error.count("\n") == 1
    (tmp_path / "broken").write_text("{", encoding="utf-8")
    assert main([file(GOOD), "--diff", str(tmp_path / "broken")]) == 2
    assert "line 1, column 2" in capsys.readouterr().err


def test_nothing_from_a_policy_reaches_the_terminal_as_a_control(file, capsys) -> None:
    evil = "\x1b[2Jkey"
    main([file(GOOD | {evil: 1, "Sid": evil, "Condition": {evil: {evil: evil}}}), "--explain"])
    assert "\x1b" not in capsys.readouterr().out


def test_it_runs_as_a_module(file) -> None:
    done = subprocess.run([sys.executable, "-m", "iampolicy", file(GOOD)], capture_output=True, text=True)
    assert done.returncode == 0 and "no findings" in done.stdout


def test_importing_the_language_brings_no_framework() -> None:
    code = (
        "import sys, iampolicy, iampolicy.checks, iampolicy.review, iampolicy.simulate, iampolicy.compare;"
        "print([m for m in ('boto3', 'torch', 'transformers', 'cloudsplaining', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(file):
    line = f"{sys.executable} -m iampolicy {' '.join([file(GOOD)] * 50)} | head -1"
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert ended.stdout.count("\n") == 1 and not ended.stderr


def test_a_policy_over_its_quota_is_given_in_parts(file, capsys) -> None:
    long = GOOD | {"Resource": [f"arn:aws:s3:::photos/{number:0200}" for number in range(50)]}
    main([file(long), "--split", "--json"])
    (report,) = json.loads(capsys.readouterr().out)
    assert [len(part["Statement"][0]["Resource"]) for part in report["parts"]] == [25, 25]
    main([file(long), "--split"])
    assert "Part 2 of 2:\n{" in capsys.readouterr().out
    assert main([file(GOOD | {"Principal": "*", "Resource": "arn:aws:s3:::photos/" + "x" * 30_000}), "--split"]) == 2
    assert "cannot be split" in capsys.readouterr().err
