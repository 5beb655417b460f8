"""What repair makes of the answers of each arm: how many become policies, and how right those are.

Labelled or plain output rows come in, a table and sentences go out.
"""

from collections import Counter

import pandas as pd

from iampolicy.repair import repair
from lib.evaluation.metrics import score


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Each arm before and after repair.

    Args:
        rows: with columns arm, expected, generated, schema_valid and action_f1_all, as 04_errors labels them.

    Returns:
        index: the arm. Columns: answers, valid and valid_after (counts), changed (answers), f1 and f1_after (action F1
        over all answers, 0 for one that is no policy).
    """
    found = []
    for arm, part in rows.groupby("arm", sort=False):
        mended = [repair(text) for text in part["generated"]]
        after = [score(e, m.text) for e, m in zip(part["expected"], mended, strict=True)]
        found.append(
            {
                "arm": arm,
                "answers": len(part),
                "valid": int(part["schema_valid"].sum()),
                "valid_after": sum(row["schema_valid"] for row in after),
                "changed": sum(bool(m.changes) and m.policy is not None for m in mended),
                "f1": part["action_f1_all"].mean(),
                "f1_after": sum(row["action_f1_all"] for row in after) / len(after),
            }
        )
    return pd.DataFrame(found).set_index("arm")


def changes(rows: pd.DataFrame, arm: str, most: int = 8) -> list[tuple[str, int]]:
    """The changes that repair makes most often to the answers of an arm, with their counts."""
    counted = Counter(change for text in rows[rows["arm"] == arm]["generated"] for change in repair(text).changes)
    return counted.most_common(most)
