"""Figures: the title is the finding of the data, the files are slides, and small tables do not break them."""

import json
import re
import subprocess
import sys

import matplotlib.image
import matplotlib.pyplot
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from iampolicy.checks import SEVERITIES
from lib.evaluation import errors, findings, metrics, plots, published, verdict
from lib.evaluation.rows import RowsError
from lib.files import read_json


def policy(*services):
    actions = [f"{service}:Thing" for service in services or ("s3",)]
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


def outputs(arm, valid, n=10, complexity="simple"):
    """`valid` of `n` answers are the wanted policy, the others are prose; the lengths are 100, 200, ... tokens."""
    return [
        {
            **{"arm": arm, "id": f"{complexity}{number}", "complexity": complexity, "instruction": "Do."},
            **{"expected": policy(), "generated": policy() if number < valid else "no"},
            **{"expected_tokens": 100 * (number + 1)},
        }
        for number in range(n)
    ]


THREE_ARMS = [
    row
    for arm, simple, complex_ in (("zero_shot", 1, 0), ("few_shot", 4, 2), ("fine_tuned", 9, 6))
    for row in outputs(arm, simple) + outputs(arm, complex_, complexity="complex")
]
ONE_ARM_ONE_ROW = outputs("fine_tuned", 1, n=1)
ONE_ARM_NO_JSON = outputs("zero_shot", 0, n=3)


def scored(rows):
    return metrics.score_rows(rows)


def counted(rows, by=None):
    return errors.counts(errors.label(scored(rows)), by=by)


EXAMPLES = [
    {"complexity": complexity, "source": source, "split": split, "policy": policy(*services)}
    for complexity, source, split, services, times in (
        ("simple", "written", "train", ["s3"], 6),
        ("medium", "written", "train", ["s3", "ec2"], 3),
        ("simple", "managed", "test", ["sqs"], 2),
        ("complex", "managed", "test", ["s3", "ec2", "sqs", "sns"], 1),
    )
    for _ in range(times)
]
LENGTHS = [
    {"tokenizer": name, "tokens": n} for name, width in (("SmolLM2", 1), ("mistral", 2)) for n in range(0, 1000, width)
]
LENGTHS += [{"tokenizer": "mistral", "tokens": 2000} for _ in range(500)]
LONGEST = "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"
FINDINGS = pd.DataFrame(
    [
        {"policy": str(i), "code": LONGEST[:-c] if c else LONGEST, "severity": SEVERITIES[c % 4]}
        for c in range(20)
        for i in range(40 - 2 * c)
    ]
)
LOG = [
    {"step": 10, "loss": 3.0},
    {"step": 20, "loss": 2.0},
    {"step": 10, "eval_loss": 4.0},
    {"step": 20, "eval_loss": 1.0},
]


WANTED = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}


def wanted(**more):
    return json.dumps({"Version": "2012-10-17", "Statement": [WANTED | more]})


VERDICTS = {"right": wanted(), "wide": wanted(Resource="*"), "none": "no"}


def judged(**arms):
    """arms: name -> source -> answers, as words of VERDICTS."""
    return metrics.score_rows(
        {
            **{"arm": arm, "id": f"{source}/{number}", "complexity": "simple", "source": source},
            **{"expected": wanted(), "generated": VERDICTS[word]},
        }
        for arm, sources in arms.items()
        for source, words in sources.items()
        for number, word in enumerate(words.split())
    )


PEOPLE = judged(
    few_shot={"field": "none none none none", "written": "none wide"},
    grounded={"field": "right wide wide none", "written": "right right"},
)
TAGS = {f"field/{n}": tag for n, tag in enumerate(("story", "list", "list", "list"))}


def tagged(scores):
    of_arm = scores[(scores["arm"] == "grounded") & scores["id"].isin(TAGS)]
    return verdict.shares(of_arm.assign(tag=of_arm["id"].map(TAGS)), ("tag",)).sort_values("usable")


LABELLED = errors.label(PEOPLE)
OF_PEOPLE = LABELLED[LABELLED["source"] == "field"]
STEPS = pd.DataFrame({"fine-tuned": [3, 1], "repaired": [1, 3]}, index=["truncated", "right"])

FIGURES = {  # name -> drawing, what the title must say
    "complexity_by_source": (lambda: plots.complexity_by_source(EXAMPLES), ["75% of 12", "67% simple"]),
    "complexity_by_split": (lambda: plots.complexity_by_split(EXAMPLES), ["at most 33.3 points"]),
    "services": (lambda: plots.services(EXAMPLES, top=1), ["83% of 12 policies name s3", "the first of 4"]),
    "lengths": (lambda: plots.lengths(LENGTHS, [512, 1024]), ["512 tokens", "51% (SmolLM2)", "1,024 for 100% and 50%"]),
    "findings": (lambda: plots.findings(FINDINGS, 60), ["33% of 60 policies have no error", "DENY_NOTACTION", "67%"]),
    "losses": (lambda: plots.losses(LOG), ["Validation loss falls by 75%", "from 4 to 1"]),
    "sweep": (lambda: plots.sweep(published.sweep()), ["Configuration A", "0.3019", "0.0006 below B"]),
    "metrics_by_arm": (
        lambda: plots.metrics_by_arm(metrics.summarise(scored(THREE_ARMS)), published.summary()),
        ["Fine-tuned beats few-shot: schema valid 75% to 30%", "services 75% to 30%"],
    ),
    "schema_by_complexity": (
        lambda: plots.schema_by_complexity(metrics.by_complexity(scored(THREE_ARMS)), published.by_complexity()),
        ["Fine-tuned", "90% of simple", "60% of complex"],
    ),
    "success_by_length": (
        lambda: plots.success_by_length(scored(outputs("fine_tuned", 6)), budget=512),
        ["within 512 tokens: schema valid 100%", "beyond: 20%"],
    ),
    "categories_by_arm": (
        lambda: plots.categories_by_arm(counted(THREE_ARMS)),
        ["Fine-tuned: 75% correct", "no JSON, 25%"],
    ),
    "categories_by_complexity": (
        lambda: plots.categories_by_complexity(counted(THREE_ARMS, by="complexity"), "fine_tuned"),
        ["90% of simple", "60% of complex", "no JSON, 40%"],
    ),
    "verdicts": (lambda: plots.verdicts(PEOPLE, "field"), ["25% of the drafts can be attached, 50% grant"]),
    "fall": (lambda: plots.fall(PEOPLE), ["Grounded: 100% usable as they stand on composed requests, 25% on those of"]),
    "by_tag": (
        lambda: plots.by_tag(tagged(PEOPLE), "grounded"),
        ["Grounded: usable least often on 'list' (none), most on 'story' (100%)"],
    ),
    "confusion": (
        lambda: plots.confusion(PEOPLE, ["few_shot", "grounded"]),
        ["Grounded: 83% of the actions are wanted and granted, 17% missed, none too much"],
    ),
    "lead": (
        lambda: plots.lead(metrics.differences(PEOPLE, "grounded"), "grounded"),
        ["6 requests are too few to decide: grounded is ahead in 4 of 4 comparisons"],
    ),
    "pareto": (
        lambda: plots.pareto(errors.counts(OF_PEOPLE, "fault"), "grounded"),
        ["Grounded: 25% exactly right; most often at fault: wrong resource (50%)"],
    ),
    "cures": (lambda: plots.cures(STEPS), ["largest gain comes with repaired: 75% are exactly right"]),
    "faults_by_service": (
        lambda: plots.faults_by_service(OF_PEOPLE, "grounded"),
        ["Grounded: commonest fault wrong resource; most in s3, 50% of 4"],
    ),
}


@pytest.fixture(scope="module", params=FIGURES)
def drawn(request):
    draw, said = FIGURES[request.param]
    return draw(), said


def test_the_title_is_the_finding(drawn):
    picture, said = drawn
    for words in said:
        assert words in picture.title
    assert len(picture.caption) > 30 and picture.caption.endswith(".")


def test_files_are_slides_with_something_on_them(drawn, tmp_path):
    picture, said = drawn
    png, svg = picture.save(tmp_path / "figures" / "one.two")
    assert (png.name, svg.name) == ("one.two.png", "one.two.svg")
    pixels = matplotlib.image.imread(png)[..., :3]
    assert pixels.shape[:2] == (900, 1600)
    assert 0.02 < (pixels.min(axis=2) < 0.9).mean() < 0.9
    assert said[0].split()[0] in svg.read_text(encoding="utf-8")
    assert sorted(path.name for path in png.parent.iterdir()) == ["one.two.json", "one.two.png", "one.two.svg"]
    assert read_json(png.with_name("one.two.json")) == {"title": picture.title, "caption": picture.caption}


def test_text_is_large_and_inside_the_slide(drawn):
    picture, _ = drawn
    picture.png()
    figure = picture.figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        if not text.get_text() or not text.get_visible():
            continue
        assert text.get_fontsize() >= 18, text
        box = text.get_window_extent(renderer)
        ticks_out_of_view = text in [
            t for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis) for t in axis.get_ticklabels()
        ]
        if not ticks_out_of_view:
            assert box.x0 >= 0 and box.x1 <= 1600 and box.y0 >= 0 and box.y1 <= 900, text


WITHOUT_LEGEND = {"services", "by_tag", "faults_by_service", "cures"}  # one colour, or an axis that says it


@pytest.mark.parametrize("name", FIGURES)
def test_a_legend_covers_no_data(name):
    axes = FIGURES[name][0]().figure.axes[0]
    assert (axes.get_legend() is None) == (name in WITHOUT_LEGEND)
    if name not in WITHOUT_LEGEND:
        assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1 - 1


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_drawn_and_saved_again_is_the_same_file(name, tmp_path):
    first, again = (FIGURES[name][0]().save(tmp_path / f"{number}/figure") for number in (1, 2))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_drawing_leaves_no_figure_behind():
    matplotlib.pyplot.close("all")
    for draw, _ in FIGURES.values():
        draw()
    assert matplotlib.pyplot.get_fignums() == []


def test_a_notebook_shows_figure_and_caption():
    picture = plots.sweep([{"config": "<A>", "eval_loss": 1.0}])
    shown = picture._repr_html_()
    assert "data:image/png;base64," in shown and "1 configuration." in shown


def test_bars_are_as_high_as_the_numbers():
    picture = plots.schema_by_complexity(metrics.by_complexity(scored(THREE_ARMS)))
    heights = [patch.get_height() for patch in picture.figure.axes[0].patches]
    assert np.allclose(heights, [0.1, 0.0, 0.4, 0.2, 0.9, 0.6])
    picture = plots.categories_by_arm(counted(THREE_ARMS))
    widths = [patch.get_width() for patch in picture.figure.axes[0].patches]
    assert np.allclose(widths[:3], [0.05, 0.3, 0.75])  # correct
    assert np.allclose(widths[-3:], [0.95, 0.7, 0.25])  # no JSON


def test_the_budget_is_a_line_between_the_bins_it_divides():
    axes = plots.success_by_length(scored(outputs("a", 6)), budget=512).figure.axes[0]
    places = dict(zip([label.get_text() for label in axes.get_xticklabels()], axes.get_xticks(), strict=True))
    (line,) = [x for x in (set(line.get_xdata()) for line in axes.lines) if len(x) == 1]
    assert places["to 512\nn 3"] < line.pop() < places["to 1,024\nn 5"]


SMALL = {
    "one row": ONE_ARM_ONE_ROW,
    "no JSON at all": ONE_ARM_NO_JSON,
    "one complexity": outputs("zero_shot", 2) + outputs("b", 10),
}


@pytest.mark.parametrize("rows", SMALL.values(), ids=SMALL)
def test_small_tables_are_drawn(rows):
    scores = scored(rows)
    for picture in (
        plots.metrics_by_arm(metrics.summarise(scores)),
        plots.metrics_by_arm(metrics.summarise(scores), published.summary()),
        plots.schema_by_complexity(metrics.by_complexity(scores), published.by_complexity()),
        plots.success_by_length(scores, budget=32),
        plots.success_by_length(scores, budget=8192),
        plots.categories_by_arm(counted(rows)),
        plots.categories_by_complexity(counted(rows, by="complexity"), rows[0]["arm"]),
    ):
        assert picture.png().startswith(b"\x89PNG")
        assert not re.search(r"\bnan\b", f"{picture.title} {picture.caption}")


def test_single_rows_of_data_and_training_are_drawn():
    for picture in (
        plots.complexity_by_source(EXAMPLES[:1]),
        plots.complexity_by_split(EXAMPLES[:1]),
        plots.services(EXAMPLES[:1]),
        plots.lengths([{"tokenizer": "SmolLM2", "tokens": 0}], [256]),
        plots.losses([{"step": 1, "loss": 2.5}]),
        plots.losses([{"step": 1, "eval_loss": 2.5}, {"step": 2, "eval_loss": 3.5}]),
        plots.sweep([{"config": "A", "eval_loss": 0.5, "train_loss": None}]),
    ):
        assert picture.png().startswith(b"\x89PNG")
        assert not re.search(r"\bnan\b", f"{picture.title} {picture.caption}")
    assert plots.losses([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 3.0}]).title.startswith(
        "Training loss does not fall"
    )


def test_five_arms_are_drawn_with_names_in_words():
    rows = [row for number in range(5) for row in outputs(f"new_arm_{number}", number)]
    picture = plots.metrics_by_arm(metrics.summarise(scored(rows)))
    assert picture.title.startswith("New-arm-4 is not shown to beat new-arm-3: schema valid 40% to 30%")
    legend = picture.figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [f"new-arm-{number}" for number in range(5)]


def test_a_mean_over_few_answers_is_pale_and_says_how_few():
    rows = outputs("fine_tuned", 1, n=40) + outputs("zero_shot", 30, n=40)
    axes = plots.metrics_by_arm(metrics.summarise(scored(rows))).figure.axes[0]
    said = [text.get_text() for text in axes.texts]
    bars = {
        bars.get_label(): bars.patches for bars in axes.containers if bars.get_label() in ("fine-tuned", "zero-shot")
    }
    assert said == ["n 1", "n 1"]  # services and effects, over the extracted
    assert sum(bar.get_alpha() == 0.4 for bar in bars["fine-tuned"]) == 2
    assert not any(bar.get_alpha() for bar in bars["zero-shot"])


TWO = (("1", ["s3"]), ("2", ["s3", "sqs"]))
NOBODY = judged(
    few_shot={"field": "none none", "written": "none none"}, grounded={"field": "wide none", "written": "wide wide"}
)
BAD_LABELS = errors.label(NOBODY)
NO_SUCCESS = {  # figure -> what its title says where no arm has any success
    "verdicts": (
        lambda: plots.verdicts(NOBODY, "field"),
        "no arm's draft can be attached as it stands; grounded grants",
    ),
    "fall": (lambda: plots.fall(NOBODY), "There is nothing to fall from"),
    "by_tag": (
        lambda: plots.by_tag(tagged(NOBODY), "grounded"),
        "no kind of request has a usable draft; what nobody asked is granted most on 'story' (100%)",
    ),
    "metrics_by_arm": (
        lambda: plots.metrics_by_arm(metrics.summarise(scored(ONE_ARM_NO_JSON))),
        "No arm gives an answer",
    ),
    "schema_by_complexity": (
        lambda: plots.schema_by_complexity(metrics.by_complexity(scored(ONE_ARM_NO_JSON))),
        "No arm gives an answer that is schema valid",
    ),
    "success_by_length": (
        lambda: plots.success_by_length(scored(ONE_ARM_NO_JSON), 64),
        "Schema valid: none of any arm",
    ),
    "confusion": (
        lambda: plots.confusion(NOBODY, ["few_shot"]),
        "none of the actions are wanted and granted, 100% missed",
    ),
    "categories": (
        lambda: plots.categories_by_arm(counted(ONE_ARM_NO_JSON)),
        "No arm has a correct answer; commonest error",
    ),
    "pareto": (
        lambda: plots.pareto(errors.counts(BAD_LABELS, "fault"), "grounded"),
        "Grounded: no answer is exactly right",
    ),
    "cures": (lambda: plots.cures(STEPS[:1]), "No cure makes an answer exactly right; what is left at the end"),
}


@pytest.mark.parametrize("name", NO_SUCCESS)
def test_where_nothing_succeeds_the_title_says_so_and_what_comes_nearest(name):
    draw, said = NO_SUCCESS[name]
    assert said in draw().title and not re.search(r"\b0%", draw().title)


def test_where_all_is_right_the_title_says_that():
    perfect = errors.label(judged(a={"field": "right right"}))
    assert plots.pareto(errors.counts(perfect, "fault"), "a").title == "A: all answers are exactly right"
    assert plots.faults_by_service(perfect, "a").title == "A: no fault in any service"
    assert plots.schema_by_complexity(metrics.by_complexity(perfect)).title.startswith(
        "Every answer of a is schema valid"
    )


def test_arms_may_have_answered_requests_of_different_lengths():
    short, long = (
        outputs("a", 2, n=2),
        [row | {"expected_tokens": 900} for row in outputs("b", 1, n=2, complexity="complex")],
    )
    rows = pd.concat([scored(short), scored(long)], ignore_index=True)
    assert plots.success_by_length(rows, budget=512).title.startswith("A, within 512 tokens: schema valid 100%")


BAD = {
    "no rows": (lambda: plots.complexity_by_source([]), "no rows"),
    "no column": (lambda: plots.complexity_by_source([{"complexity": "simple"}]), "row 0: source is missing"),
    "no service": (lambda: plots.services([{"policy": "{}"}]), "no policy names a service"),
    "no budget": (lambda: plots.lengths(LENGTHS, []), "at least one budget"),
    "no losses": (lambda: plots.losses([{"step": 1}]), "no row has a loss"),
    "no loss": (lambda: plots.sweep([{"config": "A", "eval_loss": None}]), "config 'A'.*eval_loss is missing"),
    "no arm": (
        lambda: plots.categories_by_complexity(counted(THREE_ARMS, "complexity"), arm="x"),
        "no arm is called 'x'",
    ),
    "undefined": (
        lambda: plots.success_by_length(scored(ONE_ARM_NO_JSON), 64, success="service_jaccard"),
        "service_jaccard is missing",
    ),
    "no source": (lambda: plots.verdicts(PEOPLE, "managed"), "managed"),
    "one source": (lambda: plots.fall(PEOPLE[PEOPLE["source"] == "field"]), "written"),
    "no tag": (lambda: plots.by_tag(pd.DataFrame(), "grounded"), "no request has a tag"),
    "no such arm": (lambda: plots.confusion(PEOPLE, ["none"]), "no arm is called 'none'"),
    "no fault": (lambda: plots.pareto(errors.counts(LABELLED, "fault"), "b"), "no arm is called 'b'"),
    "no such arm in services": (lambda: plots.faults_by_service(LABELLED, "b"), "no arm is called 'b'"),
    "no severity": (lambda: plots.findings(pd.DataFrame({"code": ["A"]}), 1), "no column policy, severity"),
    "no length": (
        lambda: plots.success_by_length(scored(ONE_ARM_ONE_ROW).assign(expected_tokens=None), 64),
        "expected_tokens is missing",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_tables_that_cannot_be_drawn_are_refused(case):
    draw, message = BAD[case]
    with pytest.raises(RowsError, match=message):
        draw()


def test_the_room_needs_no_model_library():
    code = (
        "import sys, lib.evaluation.plots, lib.evaluation.__main__; "
        "print(sorted({'torch', 'transformers', 'peft', 'trl', 'bitsandbytes'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_arms_that_are_alike_in_one_metric_may_be_told_apart_by_the_other():
    rows = [row | {"generated": row["expected"]} for row in outputs("grounded", 40, n=40)]
    rows += [row | {"arm": "grammar", "generated": policy("sqs")} for row in rows]
    title = plots.metrics_by_arm(metrics.summarise(scored(rows))).title
    assert title.startswith("Grounded beats grammar: services 100% to 0%")
    same = [row | {"arm": arm} for row in rows[:40] for arm in ("a", "b")]
    assert "not shown to beat" in plots.metrics_by_arm(metrics.summarise(scored(same))).title


def test_an_answer_counts_for_every_service_that_is_wanted():
    rows = [{"arm": "a", "id": id, "complexity": "simple", "expected": policy(*s), "generated": "no"} for id, s in TWO]
    picture = plots.faults_by_service(errors.label(scored(rows)), "a")
    axes = picture.figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["s3, 2", "sqs, 1"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["not\nJSON"]
    assert picture.title == "A: commonest fault not JSON; most in s3, 100% of 2"


def test_verdicts_are_five_shares_of_each_arm():
    picture = plots.verdicts(PEOPLE, "field")
    assert "4 requests of people" in picture.caption
    lines = picture.figure.axes[0].lines
    assert [list(line.get_xdata()) for line in lines[2:]] == [
        pytest.approx([0.0456, 0.6994], abs=1e-4),  # of grounded: usable
        pytest.approx([0.1500, 0.8500], abs=1e-4),  # grants too much
    ]
    bars = [bar for container in picture.figure.axes[0].containers for bar in container]
    assert len(bars) == 2 * len(verdict.VERDICTS) and sum(bar.get_width() for bar in bars) == pytest.approx(2)
    assert plots.verdicts(PEOPLE).caption.startswith("6 requests. ")


def test_the_fall_is_between_the_two_sources():
    said = {words.get_text() for words in plots.fall(PEOPLE).figure.axes[0].texts}
    assert said - {""} == {"−75"}


def test_a_picture_can_say_whose_requests_it_is_about():
    picture = plots.fall(PEOPLE).about("field")
    assert picture.title.startswith("Requests of people. Grounded: 100%")
    assert picture.about("field").title.count("Requests of people") == 2  # said as often as one asks
    assert plots.fall(PEOPLE).about("own").title.startswith("Own. ")
    assert picture.svg() == picture.svg()


def test_a_policy_counts_once_a_code_and_without_findings_all_are_without_error():
    wrong = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:Nope", "s3:Nada"]}})
    found = findings.of_policies({"good": policy(), "wrong": wrong})
    assert plots.findings(found[found["policy"] == "wrong"], 4).title.startswith("75% of 4 policies have no error")
    assert "100% of 4" in plots.findings(found[:0], 4).title
