"""Figures of verdicts: their titles say what the rows say, and rows that are missing are said."""

import json

import pytest

from lib.evaluation import metrics, plots, verdict
from lib.evaluation.rows import RowsError

WANTED = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}


def text(**more):
    return json.dumps({"Version": "2012-10-17", "Statement": [WANTED | more]})


ANSWERS = {"right": text(), "wide": text(Resource="*"), "none": "no"}


def scores(**arms):
    """arms: name -> source -> answers, as words of ANSWERS."""
    return metrics.score_rows(
        {
            **{"arm": arm, "id": f"{source}/{number}", "complexity": "simple", "source": source},
            **{"expected": text(), "generated": ANSWERS[word]},
        }
        for arm, sources in arms.items()
        for source, words in sources.items()
        for number, word in enumerate(words.split())
    )


TABLE = scores(
    few_shot={"field": "none none none none", "written": "none wide"},
    grounded={"field": "right wide wide none", "written": "right right"},
)


def test_verdicts_are_five_shares_of_each_arm():
    picture = plots.verdicts(TABLE, "field")
    assert (
        picture.title == "Grounded, requests of people: 25% of the drafts can be attached, 50% grant what nobody asked"
    )
    assert "4 requests of people" in picture.caption
    lines = picture.figure.axes[0].lines
    assert [list(line.get_xdata()) for line in lines[2:]] == [
        pytest.approx([0.0456, 0.6994], abs=1e-4),  # of grounded: usable
        pytest.approx([0.1500, 0.8500], abs=1e-4),  # grants too much
    ]
    bars = [bar for container in picture.figure.axes[0].containers for bar in container]
    assert len(bars) == 2 * len(verdict.VERDICTS) and sum(bar.get_width() for bar in bars) == pytest.approx(2)
    assert plots.verdicts(TABLE).caption.startswith("6 requests. ")
    with pytest.raises(RowsError, match="managed"):
        plots.verdicts(TABLE, "managed")


def test_the_fall_is_between_the_two_sources():
    picture = plots.fall(TABLE)
    assert picture.title == "Grounded: 100% usable as they stand on composed requests, 25% on those of people"
    said = {words.get_text() for words in picture.figure.axes[0].texts}
    assert said - {""} == {"−75"}
    with pytest.raises(RowsError, match="written"):
        plots.fall(TABLE[TABLE["source"] == "field"])


def test_tags_say_the_worst_and_the_best():
    tags = {f"field/{n}": tag for n, tag in enumerate((["story"], ["list"], ["list"], ["list"]))}
    table = verdict.by_tag(TABLE, tags, "grounded", least=1)
    assert (
        plots.by_tag(table, "grounded").title == "Grounded: usable least often on 'list' (0%), most on 'story' (100%)"
    )
    with pytest.raises(RowsError):
        plots.by_tag(table.head(0), "grounded")


def test_a_picture_can_say_whose_requests_it_is_about():
    picture = plots.fall(TABLE).about("field")
    assert picture.title.startswith("Requests of people. Grounded: 100%")
    assert picture.about("field").title.count("Requests of people") == 2  # said as often as one asks
    assert plots.fall(TABLE).about("own").title.startswith("Own. ")
    assert picture.svg() == picture.svg()
