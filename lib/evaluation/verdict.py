"""Could a draft be attached as it stands? The question of a reviewer, for one answer and for many.

A wanted and a generated text come in, one of five verdicts goes out. Only a draft that allows and denies exactly what
was wanted, action by action, on the same resources, to the same principals, under the same conditions, is usable.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from lib.evaluation import rows as checked
from lib.evaluation.reading import policy_text
from lib.iam.compare import EQUAL, OVER, UNDER, compare
from lib.iam.document import EFFECTS, Policy, PolicySyntaxError, parse

USABLE, NARROWER, WIDER, OTHER, NO_POLICY = "usable", "narrower", "wider", "other", "no policy"
VERDICTS = (USABLE, NARROWER, NO_POLICY, OTHER, WIDER)  # from what can be attached to what is a breach
MEANINGS = {
    USABLE: "grants exactly what was wanted; or refuses, or asks back, where that was right",
    NARROWER: "lacks something that was asked, and grants nothing that was not",
    NO_POLICY: "is no policy, or refuses a request that has one",
    OTHER: "lacks something, and grants something that was not asked",
    WIDER: "grants all that was asked, and something that was not",
}
_BY_RELATION = {EQUAL: USABLE, UNDER: NARROWER, OVER: WIDER}
GRANTS_MORE = (OTHER, WIDER)
NOTHING = Policy({"Version": "2012-10-17", "Statement": []})
RESAMPLES, SEED = 2_000, 20_240_601  # as those of lib.evaluation.metrics


@lru_cache(maxsize=16_384)
def verdict(expected: str, generated: str, refuses: bool | None = None) -> str:
    """Judge one answer.

    Args:
        expected: the wanted policy; one without a statement: the request is to be refused, or asked back.
        generated: the answer, whose policy is the whole, or stands between its first and its last brace.
        refuses: whether the answer refuses or asks; None: nobody says, so prose without a brace does.

    Returns:
        one of VERDICTS. An action that does not exist makes a policy at best "narrower": AWS may take it, a reviewer
        does not.
    """
    says_no = refuses if refuses is not None else "{" not in generated and bool(generated.strip())
    wanted, given = _policy(expected), _policy(policy_text(generated))
    wants_none = wanted is None
    if given is None:
        return USABLE if wants_none and says_no else NO_POLICY
    found = compare(wanted or NOTHING, given)
    said = _BY_RELATION.get(found.relation, OTHER)
    if wants_none and said != WIDER:  # a policy that grants nothing is no refusal
        return NO_POLICY
    return NARROWER if said == USABLE and set(found.actual_unknown) - set(found.expected_unknown) else said


def _policy(text: str) -> Policy | None:
    """The policy in a text; None if it has none that AWS could take. A role's trust policy has no Resource."""
    try:
        policy = parse(text)
    except PolicySyntaxError:
        return None
    whole = all(
        s.effect in EFFECTS and s.action_patterns and (s.resources or s.not_resources or s.principal is not None)
        for s in policy.statements
    )
    return policy if whole and policy.statements and "Version" in policy.data else None


def score(expected: str, generated: str, refuses: bool | None = None) -> dict:
    """The verdict of an answer, and its two headlines as truth values: verdict, usable, wider."""
    said = verdict(expected, generated, refuses)
    return {"verdict": said, "usable": said == USABLE, "wider": said in GRANTS_MORE}


def counts(scores: pd.DataFrame, by: str = "arm") -> pd.DataFrame:
    """How many answers have each verdict: a row a value of `by` in order of appearance, a column a verdict."""
    table = checked.frame(scores, text=("verdict",), other=(by,))
    found = pd.crosstab(table[by], table["verdict"])
    return found.reindex(index=table[by].unique(), columns=list(VERDICTS), fill_value=0)


def shares(scores: pd.DataFrame, by: Sequence[str] = ("arm",), of: Sequence[str] = ("usable", "wider")) -> pd.DataFrame:
    """The share of answers that are usable, and that grant what was not asked, with 95% bootstrap intervals.

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
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), interval(part.sort_values("id")[name]), strict=True))
        found.append(row)
    return pd.DataFrame(found)


def interval(values: pd.Series) -> tuple[float, float, float]:
    """The mean of truth values or shares, and the 95% interval of its bootstrap; NaN if there is none."""
    known = values.dropna().to_numpy(dtype=float)
    if not len(known):
        return (float("nan"),) * 3
    draws = np.random.default_rng(SEED).multinomial(len(known), np.full(len(known), 1 / len(known)), size=RESAMPLES)
    low, high = np.percentile(draws @ known / len(known), [2.5, 97.5])
    return float(known.mean()), min(float(low), float(known.mean())), max(float(high), float(known.mean()))


def told(scores: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    """The scores with `usable_after_questions`: that of the second answer where a question was asked and answered.

    Args:
        again: score rows of second answers (`lib.evaluation.arms.answer_again`); may be empty.
    """
    second = again.set_index(["arm", "id"])["usable"] if len(again) else pd.Series(dtype=bool)
    places = pd.MultiIndex.from_frame(scores[["arm", "id"]])
    after = pd.Series(second.reindex(places).to_numpy(), index=scores.index)
    return scores.assign(usable_after_questions=after.where(after.notna(), scores["usable"]).astype(bool))


def by_tag(scores: pd.DataFrame, tags: dict[str, Sequence[str]], arm: str, least: int = 10) -> pd.DataFrame:
    """How an arm does on each kind of request: where it fails.

    Args:
        tags: those of each request, by id.
        least: requests that a tag must have to be a row.

    Returns:
        tag, n, usable and wider with their intervals; the tags on which most fails first.

    Raises:
        RowsError: if there is no such arm.
    """
    part = checked.of_arm(scores, arm)
    each = part.assign(tag=part["id"].map(lambda id: list(tags.get(id, ())))).explode("tag").dropna(subset="tag")
    if not len(each):
        return pd.DataFrame(columns=["tag", "n", "usable", "wider"])
    table = shares(each, by=("tag",))
    return table[table["n"] >= least].sort_values(
        ["usable", "n"], ascending=[True, False], kind="stable", ignore_index=True
    )
