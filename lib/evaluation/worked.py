"""Worked examples of faults: what an answer allows and denies otherwise than was wanted, as a coloured diff.

Labelled rows and output rows come in; Worked examples go out, which print as text and show as HTML in a notebook. An
answer is only ever text: everything is escaped, and what cannot be seen is written out.
"""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from iampolicy.compare import Permission, compare
from lib.evaluation import rows as checked
from lib.evaluation.faults import NAMES, RIGHT, TITLES
from lib.evaluation.reading import policy_text, read

ACTIONS = 6  # of a permission that are named; the rest are counted
LONGEST = 400  # characters of an answer that is no policy
LOST, GAINED, SAID = "-", "+", " "
STYLES = {  # sign -> dark on light, a contrast of 7 to 1 or more; the sign says it without the colour, too
    LOST: "background:#fde7d9;color:#5c2200",
    GAINED: "background:#dcebf7;color:#0b3a5e",
    SAID: "color:#333333",
}


@dataclass(frozen=True)
class Worked:
    """One answer beside what was wanted: lines that begin with "-" were lost, with "+" were gained."""

    arm: str
    id: str
    fault: str  # title of its main fault
    also: tuple[str, ...]  # titles of its other faults
    instruction: str
    lines: tuple[tuple[str, str], ...]  # sign and text

    def __str__(self) -> str:
        head = f"{self.arm}, {self.fault}{' (also: ' + ', '.join(self.also) + ')' if self.also else ''}: {self.id}"
        return "\n".join([head, f"  {_visible(self.instruction)}", *(f"  {sign} {text}" for sign, text in self.lines)])

    def _repr_html_(self) -> str:
        lines = "".join(
            f'<div style="{STYLES[sign]};padding:1px 8px">{html.escape(f"{sign} {text}")}</div>'
            for sign, text in self.lines
        )
        also = f" <small>also: {html.escape(', '.join(self.also))}</small>" if self.also else ""
        head = f"<h4>{html.escape(self.arm)}: {html.escape(self.fault)}{also}</h4>"
        return (
            f"{head}<p>{html.escape(_visible(self.instruction))}</p>"
            f'<div class="mathjax_ignore tex2jax_ignore" style="font-family:monospace;background:#ffffff">{lines}</div>'
        )


def examples(labelled: pd.DataFrame, outputs: Iterable[Mapping], arm: str, most: int = 1) -> list[Worked]:
    """Up to `most` answers of an arm for each main fault, in the order of the faults; always the same, shortest first.

    Args:
        labelled: what `faults.label` returns.
        outputs: the output rows that it was made of.

    Raises:
        RowsError: if there is no such arm, or an answer of it is not among the outputs.
    """
    texts = {row["id"]: row for row in outputs if row["arm"] == arm}
    part = checked.of_arm(labelled, arm).to_dict("records")
    if absent := [row["id"] for row in part if row["id"] not in texts]:
        raise checked.RowsError(f"arm {arm}: the answer to {absent[0]!r} is not among the outputs")
    part.sort(key=lambda row: (len(texts[row["id"]]["expected"]) + len(texts[row["id"]]["generated"]), row["id"]))
    found = []
    for name in (*NAMES, RIGHT):
        for row in [row for row in part if row["fault"] == name][:most]:
            also = tuple(TITLES[n] for n in NAMES if row[n] and n != name)
            text = texts[row["id"]]
            lines = tuple(_lines(text["expected"], text["generated"]))
            found.append(Worked(arm, row["id"], TITLES[name], also, text.get("instruction", ""), lines))
    return found


def _lines(expected: str, generated: str) -> Iterable[tuple[str, str]]:
    answer = read(generated)
    if not answer.schema_valid:
        cut = f" ... ({len(generated):,} characters)" if len(generated) > LONGEST else ""
        yield SAID, f"the answer: {_visible(generated[:LONGEST])}{cut}"
        yield from ((SAID, f"as a policy: {fault}") for fault in answer.faults)
        generated = '{"Version":"2012-10-17","Statement":[]}'
    found = compare(expected, policy_text(generated))
    yield from ((LOST, sentence(permission)) for permission in found.missing)
    yield from ((GAINED, sentence(permission)) for permission in found.extra)
    yield from ((GAINED, f"{_visible(name)}: no such action") for name in found.actual_unknown)
    if not found.missing and not found.extra:
        yield SAID, "every permission is the same"


def sentence(permission: Permission) -> str:
    """A permission on one line: "Allow s3:GetObject on arn:aws:s3:::docs/* if StringEquals aws:SourceVpc is vpc-1"."""
    named, more = permission.actions[:ACTIONS], len(permission.actions) - ACTIONS
    actions = ", ".join(named) + (f" and {more} more" if more > 0 else "")
    tests = [f"{operator} {key} is {' or '.join(sorted(values))}" for operator, key, values in permission.condition]
    return _visible(
        f"{permission.effect} {actions} on {permission.resource}" + (f" if {' and '.join(tests)}" if tests else "")
    )


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
