"""A data set that was saved comes back as it was, for people and for trainers."""

import json
from dataclasses import fields

import datasets
import pytest

from lib.data import publish
from lib.data.dataset import SPLITS, Dataset, Example, Step
from lib.run import open_run

PARAMETERS = {"SOURCE": "embedded", "EXAMPLES": 800, "SEED": 7}


@pytest.fixture
def run(tmp_path):
    return open_run("laptop", tmp_path)


def example(number, source="written", complexity="simple", policy="{}", instruction="Let me in"):
    return Example(f"{source}/{number}", source, instruction, policy, complexity, f"{source}/{number}")


def test_it_comes_back_as_it_was(run, data):
    publish.save(run, data, PARAMETERS)
    for name in SPLITS:
        assert tuple(publish.load_split(run, name)) == data.split(name)


def test_every_line_is_an_example(run, data):
    publish.save(run, data, PARAMETERS)
    rows = [json.loads(line) for line in run.path(publish.EXAMPLES).read_text(encoding="utf-8").splitlines()]
    assert rows == data.rows()
    assert {"split", *(f.name for f in fields(Example))} == set(rows[0])


def test_the_folder_loads_as_datasets(run, data):
    publish.save(run, data, PARAMETERS)
    loaded = datasets.load_from_disk(str(run.path(publish.FOLDER)))
    assert list(loaded) == list(SPLITS)
    for name in SPLITS:
        assert loaded[name].to_list() == [row for row in data.rows() if row["split"] == name]


def test_saving_again_replaces_all(run, data):
    publish.save(run, data, PARAMETERS)
    small = Dataset((example(1),), (example(2),), (example(3, source="report"),), data.steps)
    publish.save(run, small, PARAMETERS)
    assert publish.load_split(run, "train") == [example(1)]
    assert len(datasets.load_from_disk(str(run.path(publish.FOLDER)))["train"]) == 1
    assert not list(run.folder.rglob(".aside-*"))


def test_an_empty_split_spoils_nothing(run):
    data = Dataset((example(1),), (), (), (Step("raw", 1, 0, "one"),))
    publish.save(run, data, {})
    assert publish.load_split(run, "train") == [example(1)]
    assert publish.load_split(run, "validation") == []
    assert list(datasets.load_from_disk(str(run.path(publish.FOLDER)))) == ["train"]


def test_odd_characters_come_back(run):
    odd = example(1, instruction="Lass mich \u2028 \x85 “rein” 𝄞 |", policy='{"Id":"é\\n"}')
    publish.save(run, Dataset((odd,), (odd,), (odd,), ()), {})
    assert publish.load_split(run, "train") == [odd]


@pytest.mark.parametrize("split", ["valid", "", "steps", None])
def test_an_unknown_split_is_refused(run, split):
    publish.save(run, Dataset((example(1),), (), (), ()), {})
    with pytest.raises(ValueError, match="unknown split .* train, validation, test"):
        publish.load_split(run, split)


def table(card, heading):
    """The rows of a table of the card under its heading, cells without spaces around them."""
    lines = card.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(heading)) + 2
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


def number(cell):
    return int(cell.replace(",", ""))


def test_sources_can_be_chosen(run, data):
    whole = Dataset((example(1), example(2, source="field")), (example(3),), (example(4),), data.steps)
    publish.save(run, whole, {}, ["Nobody knows.", "Not yet."])
    assert publish.load_split(run, "train", ("field",)) == [whole.train[1]]
    assert publish.load_split(run, "train", ("managed", "report", "written")) == [whole.train[0]]
    assert "Nobody knows.\n\nNot yet.\n" in run.path(publish.CARD).read_text(encoding="utf-8")


def test_a_line_of_an_older_data_set_is_an_example():
    row = {"id": "written/1", "source": "written", "instruction": "x", "policy": "{}", "complexity": "simple"}
    assert publish.example(row) == Example(*row.values()) and publish.example(row | {"tags": ["a"]}).tags == ("a",)
    with pytest.raises(KeyError, match="policy"):
        publish.example({name: value for name, value in row.items() if name != "policy"})


def test_the_card_counts_what_there_is(run, data):
    publish.save(run, data, PARAMETERS)
    card = run.path(publish.CARD).read_text(encoding="utf-8")
    assert card == publish.card(data, PARAMETERS)
    steps = table(card, "| step |")
    assert [(n, number(e), number(d), why) for n, e, d, why in steps] == [
        (s.name, s.examples, s.dropped, s.why) for s in data.steps
    ]
    for source, complexity, *counts in table(card, "| source |"):
        for name, cell in zip(SPLITS, counts, strict=True):
            wanted = sum((e.source, e.complexity) == (source, complexity) for e in data.split(name))
            assert number(cell) == wanted, (source, complexity, name)
    totals = [sum(number(row[2 + i]) for row in table(card, "| source |")) for i in range(3)]
    assert totals == [len(data.split(name)) for name in SPLITS]
    assert "- SEED: `7`" in card and "- SOURCE: `embedded`" in card
