"""What a close look at answers finds: AWS's findings, worked examples, what changes, and what repair can mend.

Labelled answers (`lib.evaluation.errors`) come in; tables, sentences and examples that a notebook shows go out. An
answer is only ever text: everything is escaped, and what cannot be seen is written out.
"""

import html
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from iampolicy.checks import Finding, validate
from iampolicy.compare import Permission, compare
from iampolicy.document import PolicyLike
from iampolicy.repair import repair
from iampolicy.review import diff
from iampolicy.simulate import Decision, Request
from iampolicy.words import listed, printable
from lib.evaluation import errors, metrics, permissions
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
    return _table(("", name, finding) for name, policy in policies.items() for finding in validate(policy))


def of_answers(labelled: pd.DataFrame) -> pd.DataFrame:
    """The findings of the answers of each arm that are schema valid; the others have no policy to judge."""
    judged = labelled[labelled["schema_valid"]].to_dict("records")
    return _table((row["arm"], row["id"], finding) for row in judged for finding in _answer(row).findings)


def _table(found: Iterator[tuple[str, str, Finding]]) -> pd.DataFrame:
    rows = [(arm, name, f.code, f.severity, f.message, f.path) for arm, name, f in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summary(found: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """The share of each arm's policies that have a finding of a code: a row a code, a column an arm, commonest first.

    Args:
        sizes: judged policies an arm; arms without any are left out.
    """
    judged = pd.Series({arm: size for arm, size in sizes.items() if size}, dtype=float)
    hit = found.drop_duplicates(["arm", "policy", "code"])
    table = pd.crosstab([hit["severity"], hit["code"]], hit["arm"]).reindex(columns=judged.index, fill_value=0)
    shares = table / judged
    return shares.loc[shares.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def changes(row: Mapping[str, Any]) -> list[str]:
    """What an answer grants otherwise than was wanted, in sentences, worst first."""
    return [f"[{change.severity}] {change.sentence}" for change in diff(_wanted(row).taken, _answer(row).taken)]


def decide(row: Mapping[str, Any]) -> tuple[Request, Decision, Decision] | None:
    """The first request of the wanted policy, decided by the wanted policy and by the answer."""
    return permissions.first_decision(_wanted(row), _answer(row))


def _wanted(row: Mapping[str, Any]) -> Answer:
    return read_wanted(row["expected"])


def _answer(row: Mapping[str, Any]) -> Answer:
    return read(row["generated"], _wanted(row))


def repaired(labelled: pd.DataFrame) -> pd.DataFrame:
    """Each arm before and after repair.

    Returns:
        index: the arm. Columns: answers, valid and valid_after (counts), changed (answers), f1 and f1_after (action F1
        over all answers, 0 for one that is no policy).
    """
    found = {}
    for arm, part in labelled.groupby("arm", sort=False):
        mended = [repair(text) for text in part["generated"]]
        after = [metrics.score(e, m.text) for e, m in zip(part["expected"], mended, strict=True)]
        found[arm] = {
            "answers": len(part),
            "valid": int(part["schema_valid"].sum()),
            "valid_after": sum(row["schema_valid"] for row in after),
            "changed": sum(bool(m.changes) and m.policy is not None for m in mended),
            "f1": part["action_f1_all"].mean(),
            "f1_after": sum(row["action_f1_all"] for row in after) / len(after),
        }
    dtypes = {name: int for name in ("answers", "valid", "valid_after", "changed")}
    return pd.DataFrame.from_dict(found, orient="index").astype(dtypes).rename_axis("arm")


def repairs(labelled: pd.DataFrame, arm: str, most: int = 8) -> list[tuple[str, int]]:
    """The changes that repair makes most often to the answers of an arm, with their counts."""
    texts = labelled[labelled["arm"] == arm]["generated"]
    return Counter(change for text in texts for change in repair(text).changes).most_common(most)


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

    arm: str
    id: str
    name: str  # of its category or main fault
    also: tuple[str, ...]  # titles of its other faults
    instruction: str
    lines: tuple[tuple[str, str], ...]  # sign and text

    @property
    def title(self) -> str:
        """The arm and what went wrong."""
        return f"{self.arm}: {errors.TITLES[self.name]}" + (f" (also: {listed(self.also)})" if self.also else "")

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
    names = [rule.name for rule in errors.RULES[of]]
    if name not in names:
        raise checked.RowsError(f"{of} {name!r} is unknown; it must be one of {', '.join(names)}")
    table = checked.of_arm(checked.frame(labelled, text=(*metrics.TEXT, of, *errors.TEXTS)), arm)
    rows = table[table[of] == name].to_dict("records")
    rows.sort(key=lambda row: (len(row["expected"]) + len(row["generated"]), row["id"]))
    shortest = {row["complexity"]: row["id"] for row in reversed(rows)}.values()
    rows.sort(key=lambda row: row["id"] not in shortest)
    lines = _sentence if of == "category" else _diff
    return [
        WorkedExample(arm, row["id"], name, _also(row, of), row["instruction"], tuple(lines(row)))
        for row in rows[:most]
    ]


def _also(row: Mapping[str, Any], of: str) -> tuple[str, ...]:
    others = (other for other in errors.NAMES if row[other] and other != row["fault"])
    return tuple(errors.TITLES[other] for other in others) if of == "fault" else ()


def _sentence(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield SAID, f"wanted    {printable(row['expected'], longest=LONGEST)}"
    yield SAID, f"generated {printable(row['generated'], longest=LONGEST)}"
    wanted, answer = _wanted(row), _answer(row)
    names: dict[str, Iterable[str]] = {"effects": answer.effects, "wanted_effects": wanted.effects}
    names |= {"services": answer.services, "wanted_services": wanted.services, "faults": answer.faults}
    said = {name: printable(listed(sorted(words), most=LISTED)) or "none" for name, words in names.items()}
    rule = next(rule for rule in errors.CATEGORIES if rule.name == row["category"])
    yield SAID, rule.said.format(**{**row, **said, "no_json": "" if answer.extracted else _unread(row, answer)})


def _diff(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted, answer = _wanted(row), _answer(row)
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
    return printable(
        f"{permission.effect} {listed(permission.actions, most=ACTIONS)} on {permission.resource}"
        + (f" if {' and '.join(tests)}" if tests else "")
    )


def _unread(row: Mapping[str, Any], answer: Answer) -> str:
    """Why there is no JSON: cut off, no brace at all, or braces that do not parse."""
    text, first, last = answer.text, answer.text.find("{"), answer.text.rfind("}")
    if first < 0:
        return f"no object: there is no {{ in {len(text)} characters"
    if row.get("complete") in (False,):
        tokens = "" if pd.isna(row.get("tokens")) else f" {row['tokens']:.0f}"
        longer = row.get("expected_tokens")
        return f"cut off: the answer ended with its budget of{tokens} tokens" + (
            "" if pd.isna(longer) else f"; the wanted one has {longer:.0f}"
        )
    if last < first:
        return f"no object: no }} follows the {{ at character {first + 1} of {len(text)}"
    return f"no JSON: the {last + 1 - first} characters from {{ to }} do not parse: {answer.error}"
