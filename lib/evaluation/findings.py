"""What a close look at answers finds: AWS's findings, worked examples, what changes, and what repair can mend.

Labelled answers (`lib.evaluation.errors`) come in; tables, sentences and examples that a notebook shows go out. An
answer is only ever text: everything is escaped, and what cannot be seen is written out.
"""

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from iampolicy.checks import Finding, validate
from iampolicy.compare import Permission, compare
from iampolicy.document import PolicyLike
from iampolicy.repair import repair
from iampolicy.words import listed, printable
from lib.evaluation import errors, metrics
from lib.evaluation import rows as checked
from lib.evaluation.answer import Answer, read, read_wanted

COLUMNS = ("arm", "policy", "code", "severity", "message", "path")
LISTED = 4  # names in a sentence before it says "and 3 more"
ACTIONS = 6  # of a permission that are named; the rest are counted
LONGEST = 300  # characters of a text that are shown
REPAIRED, UNBOUNDED = "fine_tuned, repaired", "grammar, no budget"
STEPS = {  # of the ablation: arm -> what it adds to the arm before it
    "fine_tuned": "fine-tuned",
    REPAIRED: "repaired",
    UNBOUNDED: "grammar",
    "grammar": "+ budget",
    "grounded": "+ retrieval",
}
LOST, GAINED, SAID = "-", "+", " "
STYLES = {  # sign -> dark on light, a contrast of 7 to 1 or more; the sign says it without the colour, too
    LOST: "background:#fde7d9;color:#5c2200",
    GAINED: "background:#dcebf7;color:#0b3a5e",
    SAID: "color:#333333",
}


def of_policies(policies: Mapping[str, PolicyLike]) -> pd.DataFrame:
    """The findings of policies by name, a row each; columns as in COLUMNS."""
    return _table(("", name, finding) for name, policy in policies.items() for finding in validate(policy, own=False))


def of_answers(labelled: pd.DataFrame) -> pd.DataFrame:
    """The findings of the answers of each arm that are schema valid; the others have no policy to judge."""
    judged = labelled[labelled["schema_valid"]].to_dict("records")
    return _table((row["arm"], row["id"], finding) for row in judged for finding in _read(row)[1].findings)


def _table(found: Iterator[tuple[str, str, Finding]]) -> pd.DataFrame:
    rows = [(arm, name, f.code, f.severity, f.message, f.path) for arm, name, f in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _read(row: Mapping[str, Any]) -> tuple[Answer, Answer]:
    """What was wanted, and the answer."""
    wanted = read_wanted(row["expected"])
    return wanted, read(row["generated"], wanted)


def ablation(outputs: Iterable[dict]) -> list[dict]:
    """The output rows of the arms of STEPS, of the fine-tuned arm after repair, and of the grammar without budget."""
    given = [row for row in outputs if row["arm"] in STEPS]
    mended = [
        row | {"arm": REPAIRED, "generated": repair(row["generated"]).text, "complete": True}
        for row in given
        if row["arm"] == "fine_tuned"
    ]
    # An answer that the budget closed is, without it, cut where it stands: its last bracket was not the model's.
    cut = [
        row | {"arm": UNBOUNDED} | ({} if row.get("complete", True) else {"generated": row["generated"].rstrip("]}")})
        for row in given
        if row["arm"] == "grammar"
    ]
    return sorted([*given, *mended, *cut], key=lambda row: list(STEPS).index(row["arm"]))


def by_step(labelled: pd.DataFrame) -> pd.DataFrame:
    """How many answers of each step have each main fault: a row a fault that occurs, a column a step."""
    counts = pd.crosstab(labelled["fault"], labelled["arm"])
    steps = [arm for arm in STEPS if arm in counts]
    order = [rule.name for rule in errors.FAULTS if rule.name in counts.index]
    return counts.reindex(index=order, columns=steps, fill_value=0).rename(index=errors.TITLES, columns=STEPS)


@dataclass(frozen=True)
class WorkedExample:
    """One answer to look at: lines that begin with "-" were wanted and are lost, with "+" were not and are gained."""

    title: str  # the arm and what went wrong
    id: str
    instruction: str
    lines: tuple[tuple[str, str], ...]  # sign and text

    def __str__(self) -> str:
        asked = f"{self.title}, {self.id}\n  {printable(self.instruction)}"
        return "\n".join([asked, *(f"  {sign} {text}" for sign, text in self.lines)])

    def _repr_html_(self) -> str:
        lines = "".join(
            f'<div style="{STYLES[sign]};padding:1px 8px">{html.escape(f"{sign} {text}")}</div>'
            for sign, text in self.lines
        )
        return (
            f"<h4>{html.escape(self.title)}</h4><p>{html.escape(printable(self.instruction))}</p>"
            f'<div class="mathjax_ignore tex2jax_ignore" style="font-family:monospace;background:#ffffff">{lines}</div>'
        )


def examples(labelled: pd.DataFrame, arm: str, name: str, of: str = "category", most: int = 3) -> list[WorkedExample]:
    """Up to `most` answers of an arm and category, always the same: the shortest of each complexity, then the shortest.

    Args:
        labelled: what `errors.label(rows, outputs)` returns: score rows with their texts.
        name: of a category, whose examples say in a sentence what the rule saw, or of a fault.
        of: "category" or "fault"; examples of faults are a diff of permissions.

    Raises:
        RowsError: if a column is missing, or the arm or the category does not exist.
    """
    names = [label.name for label in errors.LABELS[of]]
    if name not in names:
        raise checked.RowsError(f"{of} {name!r} is unknown; it must be one of {', '.join(names)}")
    table = checked.of_arm(checked.frame(labelled, text=(*metrics.TEXT, of, *errors.TEXTS)), arm)
    rows = table[table[of] == name].to_dict("records")
    rows.sort(key=lambda row: (len(row["expected"]) + len(row["generated"]), row["id"]))
    shortest = {row["complexity"]: row["id"] for row in reversed(rows)}.values()
    rows.sort(key=lambda row: row["id"] not in shortest)
    lines, title = _sentence if of == "category" else _diff, f"{arm}: {errors.TITLES[name]}"
    return [
        WorkedExample(title + _also(row, of), row["id"], row["instruction"], tuple(lines(row))) for row in rows[:most]
    ]


def _also(row: Mapping[str, Any], of: str) -> str:
    others = [errors.TITLES[name] for name in errors.NAMES if of == "fault" and row[name] and name != row["fault"]]
    return f" (also: {listed(others)})" if others else ""


def _sentence(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted, answer = _read(row)
    yield SAID, f"wanted    {printable(wanted.text, longest=LONGEST)}"
    yield SAID, f"generated {printable(answer.text, longest=LONGEST)}"
    names: dict[str, Iterable[str]] = {"effects": answer.effects, "wanted_effects": wanted.effects}
    names |= {"services": answer.services, "wanted_services": wanted.services, "faults": answer.faults}
    said = {name: printable(listed(sorted(words), most=LISTED)) or "none" for name, words in names.items()}
    (rule,) = (label for label in errors.CATEGORIES if label.name == row["category"])
    yield SAID, rule.said.format(**{**row, **said, "no_json": "" if answer.extracted else _unread(row, answer)})


def _diff(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted, answer = _read(row)
    if not answer.schema_valid:
        yield SAID, f"the answer: {printable(answer.text, longest=LONGEST)}"
        yield from ((SAID, f"as a policy: {fault}") for fault in answer.faults)
    found = compare(wanted.taken, answer.taken if answer.schema_valid else {"Statement": []})
    yield from ((LOST, sentence(permission)) for permission in found.missing)
    yield from ((GAINED, sentence(permission)) for permission in found.extra)
    yield from ((GAINED, f"{printable(name)}: no such action") for name in found.actual_unknown)
    if not found.missing and not found.extra:
        yield SAID, "every permission is the same"


def sentence(permission: Permission) -> str:
    """A permission on one line: "Allow s3:GetObject on arn:aws:s3:::docs/* if stringequals aws:sourcevpc is vpc-1"."""
    tests = [f"{operator} {key} is {' or '.join(sorted(values))}" for operator, key, values in permission.condition]
    allows = f"{permission.effect} {listed(permission.actions, most=ACTIONS)} on {permission.resource}"
    return printable(allows + (f" if {' and '.join(tests)}" if tests else ""))


def _unread(row: Mapping[str, Any], answer: Answer) -> str:
    """Why there is no JSON: cut off, no brace at all, or braces that do not parse."""
    text, first, last = answer.text, answer.text.find("{"), answer.text.rfind("}")
    if first < 0:
        return f"no object: there is no {{ in {len(text)} characters"
    if row.get("complete") in (False,):
        budget, longer = row.get("tokens"), row.get("expected_tokens")
        said = f"cut off: the answer ended with its budget of{'' if pd.isna(budget) else f' {budget:.0f}'} tokens"
        return said + ("" if pd.isna(longer) else f"; the wanted one has {longer:.0f}")
    if last < first:
        return f"no object: no }} follows the {{ at character {first + 1} of {len(text)}"
    return f"no JSON: the {last + 1 - first} characters from {{ to }} do not parse: {answer.error}"
