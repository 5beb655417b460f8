"""Arms on the disk: an interrupted arm goes on where it stopped, a damaged or foreign file is answered anew."""

import json

import pytest

from lib.data.dataset import Example
from lib.evaluation import arms
from lib.model.generate import Generated
from lib.run import open_run

EXAMPLES = [
    Example(f"e{n}", "written", f"Do {n}.", '{"Version":"2012-10-17","Statement":[]}', "simple") for n in range(4)
]


class FakeGenerator:
    """Answers with the instruction, and dies after `lives` answers."""

    asked: list[str] = []
    lives = 100

    @classmethod
    def load(cls, *_):
        return cls()

    def stream(self, instructions, seed):
        for position, instruction in enumerate(instructions):
            if len(self.asked) >= self.lives:
                raise KeyboardInterrupt
            self.asked.append(instruction)
            yield position, Generated(instruction, None, (), (), True, 3, 0.1)

    def count_tokens(self, text):
        return len(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    FakeGenerator.asked, FakeGenerator.lives = [], 100
    monkeypatch.setattr(arms, "PolicyGenerator", FakeGenerator)
    return open_run("laptop", tmp_path)


def answer(run):
    return arms.answer(run, "zero_shot", EXAMPLES)


def test_an_interrupted_arm_asks_only_for_what_is_left(run, capsys):
    FakeGenerator.lives = 3
    with pytest.raises(KeyboardInterrupt):
        answer(run)
    FakeGenerator.asked, FakeGenerator.lives = [], 100
    rows = answer(run)
    assert [r["id"] for r in rows] == ["e0", "e1", "e2", "e3"] and [r["generated"] for r in rows][3] == "Do 3."
    assert FakeGenerator.asked == ["Do 3."] and "3 of 4 answers taken up" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["", "no json\n", "[]\n", '{"fingerprint": "x"}\n{"id"', "\udcff\n"])
def test_a_damaged_file_is_answered_anew(run, damage):
    path = run.path("03_eval/arms/zero_shot.jsonl")
    path.parent.mkdir(parents=True)
    path.write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert len(answer(run)) == 4 and len(FakeGenerator.asked) == 4


def test_a_row_cut_off_is_asked_again(run):
    answer(run)
    path = run.path("03_eval/arms/zero_shot.jsonl")
    path.write_text(path.read_text()[:-20])
    FakeGenerator.asked = []
    assert len(answer(run)) == 4 and FakeGenerator.asked == ["Do 3."]
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 5
    arms.clear(run)
    assert not path.exists()


def test_who_asks_and_is_told_answers_again(run, monkeypatch):
    told = [
        Example(
            "e0", "field", "Read it.", "{}", "simple", reply="The bucket a.", replied='{"Version":"x"}', outcome="ask"
        ),
        Example("e1", "field", "Write it.", "{}", "simple", reply="In eu-west-1.", replied='{"Version":"y"}'),
        Example("e2", "field", "Stop it.", "{}", "simple"),
    ]
    rows = [
        {"arm": "grounded", "id": "e0", "questions": [], "refuses": True},
        {"arm": "grounded", "id": "e1", "questions": ["Where?"], "refuses": False},
        {"arm": "grounded", "id": "e2", "questions": ["Which?"], "refuses": False},  # nobody has an answer
        {"arm": "zero_shot", "id": "e1", "questions": [], "refuses": False},
    ]
    again = arms.answer_again(run, rows, told)
    assert FakeGenerator.asked == ["Read it.\nThe bucket a.", "Write it.\nIn eu-west-1."]
    assert [(r["arm"], r["id"], r["expected"], r["outcome"]) for r in again] == [
        ("grounded", "e0", '{"Version":"x"}', "draft"),
        ("grounded", "e1", '{"Version":"y"}', "draft"),
    ]
    assert arms.answer_again(run, rows[2:], told) == []
