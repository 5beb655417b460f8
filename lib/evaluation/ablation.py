"""What each cure takes away: the same requests answered without and with repair, grammar and retrieval.

Output rows of the arms come in; those of the steps of the ablation, in their order, go out.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from iampolicy.repair import repair
from lib.evaluation.faults import NAMES, RIGHT, TITLES

REPAIRED = "fine_tuned, repaired"
UNBOUNDED = "grammar, no budget"
STEPS = {  # arm -> what it adds to the arm before it
    "fine_tuned": "fine-tuned",
    REPAIRED: "repaired",
    UNBOUNDED: "grammar",
    "grammar": "+ budget",
    "grounded": "+ retrieval",
}


def rows(outputs: Iterable[dict]) -> list[dict]:
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


def table(labelled: pd.DataFrame) -> pd.DataFrame:
    """How many answers of each step have each main fault: a row a fault that occurs, and `right`; a column a step."""
    counts = pd.crosstab(labelled["fault"], labelled["arm"])
    steps = [arm for arm in STEPS if arm in counts]
    order: Sequence[str] = [name for name in (*NAMES, RIGHT) if name in counts.index]
    return counts.reindex(index=order, columns=steps, fill_value=0).rename(index=TITLES, columns=STEPS)
