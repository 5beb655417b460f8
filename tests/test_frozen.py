"""What a change of the house must not change, as digests that were taken before it.

A digest that differs is either a fault or a change that is meant: then `python tests/test_frozen.py` writes them anew,
and the commit says what has changed and why.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from iamintent.retriever import RETRIEVER, Retriever
from iampolicy import checks, repair, review
from iampolicy.compare import compare
from iamtrail import drafting, gate
from iamtrail.generalise import Rule
from iamtrail.trail import sample
from iamtrail.trail_error import TrailError
from lib.data import dataset, field, managed
from lib.evaluation import errors, metrics
from lib.files import ROOT
from lib.model.prompt import grounded

KEPT = Path(__file__).with_name("frozen.json")
ADAPTER = ROOT / "models/smollm2/adapter"


@cache
def policies() -> list[managed.ManagedPolicy]:
    return managed.fetch(progress=False)


@cache
def people() -> dict[str, list[dataset.Example]]:
    return field.examples(field.load())


def curated() -> Any:
    """The data set of managed policies and people's requests: ids, splits, words, policies."""
    return dataset.with_field(dataset.build(policies(), ()), people()).rows()


def found() -> Any:
    """Findings on AWS's managed policies."""
    return [[p.name, [(f.code, f.severity, f.path) for f in checks.validate(p.document)]] for p in policies()]


def said() -> Any:
    """Sentences, questions, risks and differences of every twentieth managed policy and its neighbour."""
    pairs = zip(policies()[::20], policies()[1::20], strict=False)
    return [
        [
            review.explain(one.document),
            [str(r) for r in review.risks(one.document)],
            [c.sentence for c in review.diff(one.document, other.document)],
            round(compare(one.document, other.document).f1, 9),
        ]
        for one, other in pairs
    ]


def drafted() -> Any:
    """Drafts of the sample trail, their questions and what the gate says."""
    reading = sample(3_000, 0)
    rows = []
    for role in ("data-pipeline", "ci-deploy", None):
        for rule in ("nothing", "prefix"):
            try:
                made = drafting.draft(reading, role, by=Rule(rule))
            except TrailError as error:
                rows.append([role, rule, str(error)])
                continue
            rows.append(
                [role, rule, made.policy.to_json(), list(made.questions), list(gate.sentences(gate.gate(made)))]
            )
    return rows


def answers() -> list[tuple[str, str]]:
    """What was wanted and what a model might have said: right, another's, cut, wrapped in prose, empty, misspelt."""
    texts = [json.dumps(p.document) for p in policies()[::40]]
    wanted = [e.policy for e in people()["train"][::40]]
    kinds: list[Callable[[str, str], str]] = [
        lambda text, other: text,
        lambda text, other: other,
        lambda text, other: text[: len(text) * 2 // 3],
        lambda text, other: f"Here is the policy:\n```json\n{text}\n```\nReview it.",
        lambda text, other: "I cannot say.",
        lambda text, other: text.replace("Allow", "allow").replace('"Action"', '"Actions"'),
        lambda text, other: text.replace("Get", "Gett"),
    ]
    whole = texts + wanted
    return [(text, kinds[i % 7](text, whole[i - 1])) for i, text in enumerate(whole)]


def scored() -> Any:
    """Scores, categories and repairs of fixed answers."""
    rows = []
    for wanted, given in answers():
        scores = metrics.score(wanted, given)
        kept = {k: round(v, 9) if isinstance(v, float) else v for k, v in scores.items()}
        mended = repair.repair(given)
        rows.append([kept, errors.categorise(wanted, given), str(mended.policy and mended.policy.to_json())])
    return rows


def asked() -> Any:
    """Prompts that the shipped adapter is given: what it learnt from must be what it is asked."""
    retriever = Retriever.load(ADAPTER / RETRIEVER)
    chosen = people()["validation"][::4]
    lessons = grounded(chosen, [retriever.read(e.instruction) for e in chosen], every=0)
    return [(lesson.prompt, lesson.completion) for lesson in lessons]


PARTS = {part.__name__: part for part in (curated, found, said, drafted, scored, asked)}


def digest(part: Callable[[], Any]) -> str:
    return hashlib.sha256(json.dumps(part(), sort_keys=True, default=str).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", PARTS)
def test_what_must_not_change_is_as_it_was(name: str):
    assert digest(PARTS[name]) == json.loads(KEPT.read_text(encoding="utf-8"))[name], PARTS[name].__doc__


if __name__ == "__main__":
    if len(sys.argv) > 1:  # the values themselves, to see what differs
        Path(sys.argv[1]).write_text(json.dumps({n: p() for n, p in PARTS.items()}, indent=1, default=str), "utf-8")
    KEPT.write_text(json.dumps({n: digest(p) for n, p in PARTS.items()}, indent=1) + "\n", encoding="utf-8")
