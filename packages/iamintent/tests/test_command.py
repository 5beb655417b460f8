"""`python -m iamintent`: text, JSON, exit codes, bad input, a pipe that ends."""

import gzip
import io
import json
import subprocess
import sys

import pytest

from iamintent.__main__ import main

REQUEST = "start EC2 instances in Frankfurt, and send messages to the SQS queue jobs of 111122223333"


def test_each_clause_has_its_candidates_with_their_odds(capsys):
    assert main([REQUEST]) == 0
    out = capsys.readouterr().out
    first, second = out.index("start EC2 instances in Frankfurt\n  ec2:StartInstances"), out.index("  sqs:SendMessage")
    assert first < second and out.count("%") >= 2
    assert "eu-central-1" in out and "111122223333" in out and "EC2 (ec2), SQS (sqs)" in out


def test_json_is_for_programs(capsys):
    assert main(["--json", *REQUEST.split()]) == 0  # without quotes, too
    said = json.loads(capsys.readouterr().out)
    assert said["request"] == REQUEST and said["refusal"] is None and not said["cut"]
    assert [entry["clause"] for entry in said["asked"]][0] == "start EC2 instances in Frankfurt"
    assert 0 < said["asked"][0]["actions"]["ec2:StartInstances"] <= 1
    assert said["places"]["regions"] == ["eu-central-1"] and said["services"] == ["ec2", "sqs"]


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        ("sing me a song", 1, "Nothing in the request"),
        ("", 1, "is empty"),
        ('{"Version": 1}', 1, "is JSON"),
        ("AmazonSQSFullAccess", 0, "Only a name: Amazon SQS Full Access"),
        ("read \x1b[31mobjects\x07 in S3", 0, "read  [31mobjects  in S3"),
        ("read S3 objects. " * 1_000, 0, "Only the beginning"),
    ],
)
def test_what_is_said_and_the_exit_code(capsys, request_, code, reason):
    assert main([request_]) == code
    out = capsys.readouterr().out
    assert reason in out and "\x1b" not in out


def test_the_standard_input_is_read(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("start EC2 instances\nstop them\n"))
    assert main(["-"]) == 0
    assert "start EC2 instances" in capsys.readouterr().out


def test_what_was_learnt_counts(retriever, tmp_path, capsys):
    retriever.save(tmp_path / "learnt")
    request = "announce our release on the topic news"
    assert main([request]) == 0 and "sns:Publish" not in capsys.readouterr().out
    assert main([request, "--learnt", str(tmp_path / "learnt")]) == 0 and "sns:Publish" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [None, b"{}", gzip.compress(b"[]", mtime=0), gzip.compress(b"{}", mtime=0), gzip.compress(b"{", mtime=0)[:-3]],
)
def test_a_file_that_holds_nothing_learnt_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "other"
    if content is not None:
        path.write_bytes(content)
    assert main(["read objects", "--learnt", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and str(path) in err


def test_text_that_is_not_utf_8_is_one_line():
    command = [sys.executable, "-X", "utf8", "-m", "iamintent", "-"]
    done = subprocess.run(command, input=b"\xff\xfe", capture_output=True)
    assert done.returncode in (1, 2) and done.stderr.count(b"\n") <= 1 and b"Traceback" not in done.stderr


def test_a_pipe_that_ends_is_quiet():
    command = f"{sys.executable} -m iamintent start EC2 instances | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("iam-intent ")


def test_reading_a_request_loads_no_torch():
    code = "import sys, iamintent; iamintent.Retriever().read('start EC2 instances'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
