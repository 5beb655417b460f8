"""The widgets, without a browser: what is asked, what is shown, and what happens when it fails."""

import json
import logging
import subprocess
import sys
from dataclasses import replace

import pytest

from iampolicy.document import as_policy
from iampolicy.grammar import structure_faults
from iamtrail.observed import Reading
from iamtrail.trail_error import TrailError
from lib.demo.app import EXAMPLES, KEPT, LONGEST_REQUEST, DraftError, GeneratorApp, TrailApp

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
HOSTILE = '<img src=x onerror="alert(1)"> & \x00 \u202e'


@pytest.fixture
def app(generator) -> GeneratorApp:
    return GeneratorApp(generator)


def test_a_request_gives_a_draft_with_its_verdict_and_cost(app, generator, draft):
    assert app.draft("  read the bucket  ") == draft()
    assert generator.asked == [(["read the bucket"], 0.0, 256, 0)]
    assert "Valid IAM policy" in app.result.value
    assert "40 tokens, 0.50 s, 80 tokens/s" in app.result.value
    assert "s3:GetObject" in app.result.value
    assert app.status.value == ""


def test_the_controls_reach_the_generator(app, generator):
    app.temperature.value, app.length.value, app.seed.value = 0.7, 64, 3
    app.request.value = "stop instances"
    app.button.click()
    assert generator.asked == [(["stop instances"], 0.7, 64, 3)]


@pytest.mark.parametrize(("budget", "shortest", "longest"), [(256, 32, 512), (8, 8, 32), (1_024, 32, 2_048)])
def test_the_length_runs_to_twice_the_budget(draft, budget, shortest, longest, fake_generator):
    length = GeneratorApp(fake_generator(draft(), max_new_tokens=budget)).length
    assert (length.min, length.value, length.max) == (shortest, budget, longest)


@pytest.mark.parametrize(
    ("text", "complete", "words"),
    [
        (
            '{"Version":"2012-10-17","Statement":[]}',
            True,
            ["Valid JSON, but not an IAM policy", "Statement is missing"],
        ),
        ("sorry", True, ["Not JSON", "not a policy"]),
        ('{"Version":"2012', False, ["Not JSON", "Cut at the token budget"]),
        (POLICY, False, ["Valid IAM policy", "Cut at the token budget"]),
    ],
)
def test_what_is_no_good_policy_is_said(draft, text, complete, words, fake_generator):
    app = GeneratorApp(fake_generator(draft(text, complete=complete)))
    app.draft("anything")
    assert all(word in app.result.value for word in words)


@pytest.mark.parametrize(
    ("request_text", "line"),
    [
        ("", "the request is empty"),
        (" \n\t ", "the request is empty"),
        ("x" * (LONGEST_REQUEST + 1), "4,001 characters: shorten it to 4,000"),
        ("a \ud800 b", "character 3 of the request, \\ud800, is no text"),
    ],
)
def test_a_request_that_cannot_be_asked_is_refused_with_one_line(app, generator, request_text, line):
    app.draft("a good one")
    with pytest.raises(DraftError, match="^[^\n]+$") as refused:
        app.draft(request_text)
    assert line in str(refused.value)
    assert line in app.status.value and 'role="alert"' in app.status.value
    assert app.result.value == ""  # the draft of another request must not stand below it
    assert len(generator.asked) == len(app.history) == 1
    assert app.request.value == "a good one"


def test_the_longest_request_is_taken(app):
    assert app.draft("x" * LONGEST_REQUEST).policy is not None


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory\nTried to allocate"),
        ValueError("bad <b>temperature</b>"),
        IndexError("index out of range in self"),
        OSError("disk"),
        MemoryError(),
    ],
)
def test_an_error_of_the_model_is_one_line_and_the_button_works_again(draft, error, capsys, fake_generator):
    generator = fake_generator(error)
    app = GeneratorApp(generator)
    app.request.value = "read the bucket"
    app.button.click()
    assert "the model could not draft this" in app.status.value
    assert "Traceback" not in app.status.value and "<b>" not in app.status.value and "Tried" not in app.status.value
    assert capsys.readouterr() == ("", "")
    assert (app.button.disabled, app.button.description, app.history) == (False, "Draft", ())
    generator.answer = draft()
    app.button.click()
    assert "Valid IAM policy" in app.result.value and app.status.value == ""


def test_a_generator_that_gives_no_draft_is_an_error(draft, fake_generator):
    app = GeneratorApp(fake_generator(draft()))
    app.arms["model"].generate = lambda *_, **__: []
    with pytest.raises(DraftError):
        app.draft("read")


def test_the_whole_story_of_an_error_goes_to_the_log(caplog, fake_generator):
    app = GeneratorApp(fake_generator(RuntimeError("the cause")))
    with caplog.at_level(logging.DEBUG, logger="lib.demo.app"), pytest.raises(DraftError):
        app.draft("read")
    assert caplog.records[0].exc_info[1].args == ("the cause",)


def test_the_button_is_disabled_and_says_so_while_drafting(app, generator):
    seen = []

    def look():
        seen.append((app.button.disabled, app.button.description, "Drafting" in app.status.value, app.result.value))
        with pytest.raises(DraftError, match="being made"):
            app.draft("another")

    app.draft("first")
    generator.meanwhile = look
    app.draft("second")
    assert seen == [(True, "Drafting …", True, "")]
    assert (app.button.disabled, app.button.description, len(app.history)) == (False, "Draft", 2)


def test_an_interrupted_draft_leaves_the_button_enabled(fake_generator):
    app = GeneratorApp(fake_generator(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        app.draft("read")
    assert (app.button.disabled, app.status.value) == (False, "")


def test_an_example_fills_the_request_and_can_be_chosen_again_after_an_edit(app):
    app.example.value = EXAMPLES[2].request
    assert app.request.value == EXAMPLES[2].request
    app.request.value += " now"
    assert app.example.value == ""
    app.example.value = EXAMPLES[2].request
    assert app.request.value == EXAMPLES[2].request


def test_examples_are_of_many_kinds_and_fit_the_field():
    assert len({e.request for e in EXAMPLES}) == len({e.title for e in EXAMPLES}) == len(EXAMPLES) >= 10
    assert len({e.title.split(":")[0] for e in EXAMPLES}) >= 7
    assert all(len(e.request) <= LONGEST_REQUEST for e in EXAMPLES)
    assert all(as_policy(e.policy).statements and not structure_faults(e.policy) for e in EXAMPLES)


def test_the_history_keeps_the_last_drafts_newest_on_top(app):
    for number in range(KEPT + 3):
        app.draft(f"request <{number}>")
    assert [drafted.instruction for drafted in app.history] == [f"request <{n}>" for n in range(3, KEPT + 3)]
    assert app.past.value.count("<tr>") == KEPT + 1
    assert app.past.value.index("request &lt;22&gt;") < app.past.value.index("request &lt;3&gt;")
    assert "request &lt;2&gt;" not in app.past.value


def test_saved_drafts_read_back(app, draft, tmp_path):
    app.draft("first")
    app.arms["model"].answer = draft('{"a":"\ud800"', complete=False)
    app.temperature.value = 0.5
    app.draft("second")
    saved = app.save(tmp_path / "drafts.jsonl")
    rows = [json.loads(line) for line in saved.read_text(encoding="utf-8").splitlines()]
    assert [row["instruction"] for row in rows] == ["first", "second"]
    assert [row["verdict"] for row in rows] == ["valid", "not_json"]
    assert rows[1]["generated"] == '{"a":"\ud800"' and rows[1]["temperature"] == 0.5 and not rows[1]["complete"]
    assert rows[0] == {
        "arm": "model",
        "instruction": "first",
        "temperature": 0.0,
        "max_new_tokens": 256,
        "seed": 0,
        "generated": POLICY,
        "verdict": "valid",
        "findings": [],
        "questions": [],
        "refusal": None,
        "complete": True,
        "tokens": 40,
        "seconds": 0.5,
    }


def test_no_drafts_save_as_an_empty_file(app, tmp_path):
    assert app.save(tmp_path / "none.jsonl").read_bytes() == b""


def test_one_of_several_arms_is_chosen(draft, fake_generator):
    tuned, plain = fake_generator(draft()), fake_generator(draft("sorry"))
    app = GeneratorApp({"fine_tuned": tuned, "zero_shot": plain})
    app.draft("read")
    app.arm.value = "zero_shot"
    app.draft("read")
    assert [(d.arm, d.draft.text) for d in app.history] == [("fine_tuned", POLICY), ("zero_shot", "sorry")]
    assert app.arm.layout.display is None
    alone = GeneratorApp(tuned)
    assert alone.arm.layout.display == "none"
    assert all(w.layout.display is None for w in (alone.temperature, alone.length, alone.seed, alone.request))


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 1.6}, {"temperature": -0.1}, {"seed": -1}, {"generator": {}}, {"temperature": float("nan")}],
)
def test_settings_that_a_control_cannot_take_are_refused(generator, settings):
    with pytest.raises(ValueError, match="temperature|at least one"):
        GeneratorApp(**{"generator": generator, **settings})


def test_hostile_requests_and_answers_are_only_text(draft, fake_generator):
    app = GeneratorApp({HOSTILE: fake_generator(draft(HOSTILE))})
    app.draft(HOSTILE)
    for page in (app.result.value, app.past.value, app.status.value):
        assert "<img" not in page and "\x00" not in page and "\u202e" not in page
    assert "img src=x onerror=&quot;alert(1)" in app.result.value and "&lt;img src=x" in app.past.value
    with pytest.raises(DraftError):
        GeneratorApp(failing := fake_generator(RuntimeError(HOSTILE))).draft("x")
    assert failing.asked


def test_widgets_have_labels_and_stable_class_names(app):
    for widget in (app.example, app.request, app.temperature, app.length, app.seed, app.arm, app.button):
        assert widget.description
    for name in ("request", "example", "status", "result", "past"):
        assert f"iam-{name}" in getattr(app, name)._dom_classes
    assert "iam-draft" in app.button._dom_classes and "iam-app" in app.widget._dom_classes


def test_the_demo_imports_without_the_model():
    code = "import sys, lib.demo.app; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_trails_button_drafts_for_whom_is_chosen(reading):
    app = TrailApp(reading)
    app.principal.value = next(arn for _, arn in app.principal.options if arn.endswith("/data-pipeline"))
    app.way.value = "prefix"
    app.button.click()
    assert "The gate is passed, but for 2 actions." in app.result.value and "dynamodb:PutItem" in app.result.value
    assert "Questions" in app.result.value and "FILL-IN-" in app.result.value


def test_a_trails_draft_without_a_browser(reading):
    app = TrailApp(reading)
    made = app.draft()
    assert made.policy.statements and app.result.value
    with pytest.raises(DraftError, match="choose one of the menu"):
        app.draft("arn:aws:iam::111122223333:role/nobody")


def test_a_hostile_log_is_only_text(reading):
    row = next(row for row in reading.observed if row.event == "GetObject" and row.calls and "role" in row.principal)
    evil = "<img src=x onerror=alert(1)>"
    rows = [replace(row, parameters=(("bucketName", "docs"), ("key", evil)), resources=())]
    rows.append(replace(row, source=f"{evil}.amazonaws.com"))
    app = TrailApp(replace(reading, observed=rows))
    app.draft()
    assert "<img" not in app.result.value and "&lt;img" in app.result.value


def test_a_reading_of_nobody_is_refused(reading):
    with pytest.raises(TrailError, match="no calls of a role or user"):
        TrailApp(Reading([], 0))
    with pytest.raises(TrailError, match="no calls"):
        TrailApp(replace(reading, observed=[replace(reading.observed[0], principal="lambda.amazonaws.com")]))


def test_calls_that_need_no_permission_are_one_line(reading):
    row = next(row for row in reading.observed if row.event == "GetCallerIdentity")
    app = TrailApp(replace(reading, observed=[row]))
    app.button.click()
    assert "GetCallerIdentity needs no permission" in app.result.value and 'role="alert"' in app.result.value
    with pytest.raises(DraftError, match="needs no permission"):
        app.draft()
