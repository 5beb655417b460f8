"""Could a draft be attached as it stands? The question of a reviewer, for one answer and for many.

A wanted and a generated text come in, one of five verdicts goes out. Only a draft that allows and denies exactly what
was wanted, action by action, on the same resources, to the same principals, under the same conditions, is usable.
"""

from collections.abc import Sequence

import pandas as pd

from iampolicy.compare import EQUAL, OVER, UNDER, Comparison, compare
from lib.data.dataset import DRAFT
from lib.evaluation import rows as checked
from lib.evaluation.answer import Answer, read, read_wanted
from lib.statistics import wilson

USABLE, NARROWER, WIDER, OTHER, NO_POLICY = "usable", "narrower", "wider", "other", "no policy"
MEANINGS = {  # from what can be attached to what is a breach
    USABLE: "grants exactly what was wanted; or refuses, or asks back, where that was right",
    NARROWER: "lacks something that was asked, and grants nothing that was not",
    NO_POLICY: "is no policy that AWS takes, or refuses a request that has one",
    OTHER: "lacks something, and grants something that was not asked",
    WIDER: "grants all that was asked, and something that was not",
}
VERDICTS = tuple(MEANINGS)
GRANTS_MORE = (OTHER, WIDER)
BY_RELATION = {EQUAL: USABLE, UNDER: NARROWER, OVER: WIDER}


def verdict(expected: str, generated: str, refuses: bool | None = None) -> str:
    """Judge one answer.

    Args:
        expected: the wanted policy; one without a statement: the request is to be refused, or asked back.
        generated: the answer, whose policy is the whole, or stands between its first and its last brace.
        refuses: whether the answer refuses or asks; None: nobody says, so prose without a brace does.

    Returns:
        one of VERDICTS. A policy in which AWS's validator finds an ERROR that the wanted one does not have (an action
        that does not exist, a broken ARN) is not usable; without Version it is no policy, as in the report's schema.
    """
    wanted = read_wanted(expected)
    answer = read(generated, wanted, refuses)
    return judge(wanted, answer, compare(wanted.taken, answer.taken))


def judge(wanted: Answer, answer: Answer, found: Comparison | None) -> str:
    """The same of what was read. `found` is how they compare, which matters only if both are policies."""
    wants_none = wanted.whole and not wanted.taken.statements
    if not (wanted.whole and answer.whole and answer.taken.statements and "Version" in answer.taken.data and found):
        return USABLE if wants_none and answer.refuses and not answer.whole else NO_POLICY
    said = BY_RELATION.get(found.relation, OTHER)
    if wants_none and said != WIDER:  # a policy that grants nothing is no refusal
        return NO_POLICY
    return NO_POLICY if said == USABLE and _errors(answer) - _errors(wanted) else said


def _errors(answer: Answer) -> set[tuple[str, str]]:
    return {(f.code, f.message) for f in answer.findings if f.severity == "ERROR"}


def shares(scores: pd.DataFrame, by: Sequence[str] = ("arm",), of: Sequence[str] = ("usable", "wider")) -> pd.DataFrame:
    """The share of answers that are usable, and that grant what was not asked, with 95% intervals.

    Args:
        scores: score rows, those of requests without a policy among them.
        by: columns whose values make the groups.
        of: columns of truth values; rows in which one is missing do not count for it.

    Returns:
        `by`, n, then <name>, <name>_low, <name>_high for each of `of`; groups in order of appearance.
    """
    table = checked.frame(scores, text=("id",), other=(*by, *of))
    found = []
    for key, part in table.groupby(list(by), sort=False, observed=True):
        row = dict(zip(by, key, strict=True)) | {"n": len(part)}
        for name in of:
            ends = wilson(part[name].dropna().to_numpy(dtype=float))
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
        found.append(row)
    return pd.DataFrame(found)


def with_intervals(found: pd.DataFrame) -> pd.DataFrame:
    """What `shares` returns by source and arm, as text to read: "3.7 [1.4, 9.1]", percent.

    Returns:
        a row a measure and source, sources in the order of `lib.evaluation.rows.by_source`; a column an arm.
    """
    said = {name: checked.intervals(found, name) for name in found if f"{name}_low" in found}
    long = found[["source", "arm"]].assign(**said).melt(["source", "arm"], var_name="percent")
    order = pd.MultiIndex.from_product([said, checked.by_source(found)], names=["percent", "source"])
    return long.pivot(index=["percent", "source"], columns="arm", values="value").reindex(order)[found["arm"].unique()]


def unanswerable(scores: pd.DataFrame) -> pd.DataFrame:
    """What the arms make of requests that are to be refused, or asked back.

    Returns:
        arm, outcome ("refuse" or "ask"), n, right (refused, or asked back), granted something, nothing readable; if
        `told` was called also how many are usable once the person has replied, for "ask". No row: there are none.
    """
    part = scores[scores["outcome"].fillna(DRAFT) != DRAFT]
    flags = pd.DataFrame({"right": part["verdict"] == USABLE, "granted something": part["wider"]}, dtype=bool)
    flags["nothing readable"] = part["verdict"] == NO_POLICY
    if "usable_after_questions" in part:
        flags["usable after the reply"] = part["usable_after_questions"].astype(bool)
    groups = flags.groupby([part["arm"], part["outcome"]], sort=False)
    found = groups.sum().astype(int).reset_index()
    found.insert(2, "n", groups.size().to_numpy())
    if "usable after the reply" in found:
        found["usable after the reply"] = found["usable after the reply"].where(found["outcome"] == "ask", "-")
    return found


def told(scores: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    """The scores with `usable_after_questions`: that of the second answer where a question was asked and answered.

    Args:
        again: score rows of second answers (`lib.evaluation.arms.answer_again`); may be empty. A request that is to be
            asked back and gets no second answer is not usable then: somebody drafted, or gave up.
    """
    second = again.set_index(["arm", "id"])["usable"] if len(again) else pd.Series(dtype=bool)
    places = pd.MultiIndex.from_frame(scores[["arm", "id"]])
    after = pd.Series(second.reindex(places).to_numpy(), index=scores.index)
    drafted = scores["outcome"].fillna(DRAFT) != "ask" if "outcome" in scores else True
    return scores.assign(usable_after_questions=after.where(after.notna(), scores["usable"] & drafted).astype(bool))
