"""The tab for CloudTrail: a role's calls become a draft with its verdict, and nothing from a log becomes HTML."""

from dataclasses import replace

import pytest

from iamtrail.errors import TrailError
from iamtrail.observed import Reading
from lib.demo.app import DraftError
from lib.demo.trail import TrailApp


def test_the_button_drafts_for_whom_is_chosen(reading):
    app = TrailApp(reading)
    app.principal.value = next(arn for _, arn in app.principal.options if arn.endswith("/data-pipeline"))
    app.way.value = "prefix"
    app.button.click()
    assert "The gate is passed, but for 2 actions." in app.result.value and "dynamodb:PutItem" in app.result.value
    assert "Questions" in app.result.value and "FILL-IN-" in app.result.value


def test_without_a_browser(reading):
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
