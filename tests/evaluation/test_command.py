"""Outputs of other models: a file becomes an arm, or a line says what is wrong with it and where."""

import json
from html import escape
from pathlib import Path

import pytest

from lib.data.dataset import Example
from lib.evaluation.__main__ import main, read
from lib.evaluation.rows import RowsError

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
KNOWN = {"written/1": Example("written/1", "written", "Read objects", POLICY, "simple")}


def file(folder: Path, *rows: object, name: str = "gpt.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_line_may_hold_everything_or_speak_of_a_known_example(tmp_path):
    path = file(
        tmp_path,
        {"id": "1", "generated": POLICY, "expected": POLICY},
        "",
        {"id": "written/1", "generated": "", "arm": "mine"},
    )
    one, two = read(path, KNOWN)
    assert (one["arm"], one["complexity"], one["source"]) == ("gpt", "simple", "outside")
    assert (two["arm"], two["expected"], two["source"], two["instruction"]) == (
        "mine",
        POLICY,
        "written",
        "Read objects",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"gpt\.jsonl, line 2: Invalid JSON"),
        ("[]", "line 2: Input should be an object"),
        ({"generated": ""}, "line 2: id: Field required"),
        ({"id": "1"}, "line 2: generated: Field required"),
        ('{"id": "1", "generated": "\\ud800"}', "line 2: Invalid JSON"),
        ({"id": "1", "generated": "", "expected": POLICY, "arm": ""}, "line 2: arm: String should match"),
        ({"id": "1", "generated": None}, "line 2: generated: Input should be a valid string"),
        (
            {"id": "1", "generated": "", "expected": POLICY, "complete": "no"},
            "complete: Input should be a valid bool",
        ),
        ({"id": "1", "generated": "", "expected": POLICY, "tokens": "9"}, "tokens: Input should be a valid number"),
        ('{"id": "1", "generated": "", "expected": "{}", "seconds": NaN}', "seconds: Input should be a finite number"),
        ('{"id": "1", "generated": NaN}', "line 2: generated: Input should be a valid string"),
        ({"id": "1", "generated": "", "expected": POLICY, "tokens": -1}, "tokens: Input should be greater"),
        ('{"id": "1", "generated": "", "expected": "{}", "tokens": ' + "9" * 5_000 + "}", "line 2: "),
        ("[" * 100_000, "line 2: Invalid JSON: recursion limit"),
        ({"id": "9", "generated": ""}, "line 2: there is no expected, and the id '9' is of no known example"),
        ({"id": "1", "generated": "", "expected": "?"}, "line 2: expected is no policy"),
        (
            {"id": "1", "generated": "", "expected": POLICY, "complexity": "odd"},
            "complexity: String should match",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, said):
    path = file(tmp_path, {"id": "0", "generated": "", "expected": POLICY}, line)
    with pytest.raises(RowsError, match=said):
        read(path)


def test_a_file_that_is_empty_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(RowsError, match="is empty"):
        read(file(tmp_path, ""))
    with pytest.raises(RowsError, match="cannot be read"):
        read(tmp_path / "nowhere.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(RowsError, match="not UTF-8"):
        read(tmp_path / "bytes.jsonl")


def test_the_command_line_writes_a_page_that_needs_no_network(tmp_path, capsys):
    arm = "<script>alert(1)</script>"
    rows = [{"arm": arm, "id": str(i), "generated": POLICY, "expected": POLICY} for i in range(3)]
    other = [{"id": str(i), "generated": "no idea", "expected": POLICY} for i in range(3)]
    out = tmp_path / "new" / "report.html"
    assert main([str(file(tmp_path, *rows)), str(file(tmp_path, *other, name="b.jsonl")), "--out", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    assert escape(arm) in page and arm not in page
    assert "http://" not in page and "https://" not in page and page.count("data:image/png;base64,") == 6
    assert "100.0" in capsys.readouterr().out


def test_baselines_stand_beside_answers_to_the_course(tmp_path, capsys):
    course = [
        {
            "id": id,
            "source": "written",
            "instruction": said,
            "policy": POLICY,
            "complexity": "simple",
            "group": "",
            "split": split,
        }
        for id, said, split in (("t", "Read objects", "test"), ("s", "Read objects in S3", "train"))
    ]
    known = file(tmp_path, *course, name="examples.jsonl")

    def run(*rows: dict) -> tuple[int, str, str]:
        code = main([str(file(tmp_path, *rows)), "--examples", str(known)])
        return code, *capsys.readouterr()

    code, out, err = run({"id": "t", "generated": POLICY})
    assert code == 0 and "nearest" in out and err == ""
    assert "requests are training examples" in run({"id": "s", "generated": POLICY})[2]
    assert "no baselines: the id '1'" in run({"id": "1", "generated": POLICY, "expected": POLICY})[2]
    code, _, err = run({"id": "t", "generated": POLICY, "arm": "nearest"})
    assert code == 2 and "has the name of a baseline" in err


def test_what_is_read_is_not_written_over(tmp_path, capsys):
    path = file(tmp_path, {"id": "1", "generated": POLICY, "expected": POLICY})
    before = path.read_text(encoding="utf-8")
    assert main([str(path), "--out", str(path)]) == 2 and main([str(path), "--out", str(tmp_path)]) == 2
    assert path.read_text(encoding="utf-8") == before and "is a folder" in capsys.readouterr().err


def test_arms_with_other_ids_end_in_one_line(tmp_path, capsys):
    one = file(tmp_path, {"id": "1", "generated": "", "expected": POLICY}, name="a.jsonl")
    two = file(tmp_path, {"id": "2", "generated": "", "expected": POLICY}, name="b.jsonl")
    assert main([str(one), str(two)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_id_that_comes_twice_is_named_with_both_lines(tmp_path):
    row = {"id": "1", "generated": POLICY, "expected": POLICY}
    with pytest.raises(RowsError, match=r"gpt\.jsonl, line 3: the id '1' stands in line 1, too"):
        read(file(tmp_path, row, {**row, "id": "2"}, row))


def test_an_arm_may_have_any_name(tmp_path):
    row = {"id": "1", "generated": POLICY, "expected": POLICY, "arm": "cost$\\foo$ <b>"}
    page = tmp_path / "page.html"
    assert main([str(file(tmp_path, row)), "--out", str(page)]) == 0
    assert "<b>" not in page.read_text().partition("<body>")[2].replace("<body>", "")
