"""Has a model seen what it is tested on? And does it do worse the farther a test request is from all that it saw?

Examples come in; counts of what is shared, and scores by the distance to the nearest training policy, go out.
"""

from collections.abc import Sequence, Set

import pandas as pd

from lib.data import overlap, wording
from lib.data.dataset import Example, normalised_digest
from lib.model.prompt import folded

EDGES = (0.0, 0.25, 0.5, 0.75, overlap.NEAR)  # of the overlap of actions; from the last on policies are near duplicates
BINS = tuple(f"{low:.0%} to {high:.0%}" for low, high in zip(EDGES, EDGES[1:], strict=False))


def shared(test: Sequence[Example], seen: Sequence[Example]) -> pd.Series:
    """How many test examples have their instruction, their policy, or a near duplicate of it among what was seen.

    Returns:
        counts under "instruction", "policy" (the same up to order, Sids and scalar or list), "near duplicate" (an
        overlap of expanded actions of 90% or more) and "shape" (the same sentence with other names, numbers and verbs).
        The first three 0: nothing was copied. Shapes in common: who wrote the test wrote the lessons, too.
    """
    found = _shared(test, {folded(e.instruction).lower() for e in seen}, [e.policy for e in seen])
    return pd.concat([found, pd.Series({"shape": int(shape_seen(test, seen).sum())})])


def shape_seen(test: Sequence[Example], seen: Sequence[Example]) -> pd.Series:
    """For each test example, by id, whether its sentence shape is among those that were seen.

    Two are built alike by the composer, or are worded alike but for names, numbers and verbs (`lib.data.wording`).
    """
    known = {shape for example in seen for shape in _shapes(example)}
    return pd.Series({e.id: not known.isdisjoint(_shapes(e)) for e in test}, dtype=bool)


def _shapes(example: Example) -> set[str]:
    return {wording.shape(example.instruction, wording.names_in(example.policy))} | ({example.shape} - {""})


def by_shape(scores: pd.DataFrame, test: Sequence[Example], seen: Sequence[Example], metric: str) -> pd.DataFrame:
    """The mean of a metric for each arm and source, on requests of a sentence shape that was seen and of others.

    Returns:
        index: source, arm; columns: "shape seen", "new shape", and how many requests each has.
    """
    found = shape_seen(test, seen).map({True: "shape seen", False: "new shape"})
    each = scores.assign(shape=scores["id"].map(found))
    groups = each.groupby(["source", "arm", "shape"], sort=False)[metric]
    table = pd.concat([groups.mean().unstack(), groups.size().unstack().add_suffix(", requests")], axis=1)
    return table.reindex(columns=[c for c in ("shape seen", "new shape") for c in (c, f"{c}, requests") if c in table])


def _shared(test: Sequence[Example], said: Set[str], policies: Sequence[str]) -> pd.Series:
    digests = {normalised_digest(policy) for policy in policies}
    near = overlap.nearest([e.policy for e in test], policies)
    return pd.Series(
        {
            "instruction": sum(folded(e.instruction).lower() in said for e in test),
            "policy": sum(normalised_digest(e.policy) in digests for e in test),
            "near duplicate": sum(share >= overlap.NEAR for share in near),
        },
        dtype=int,
    )


def by_distance(scores: pd.DataFrame, test: Sequence[Example], seen: Sequence[Example], metric: str) -> pd.DataFrame:
    """The mean of a metric for each arm, by how much of its actions a request shares with the nearest policy seen.

    Args:
        scores: score rows of the test examples.

    Returns:
        index: arms; columns: those of BINS that have a request; a last row "requests" counts them.
    """
    near = overlap.nearest([e.policy for e in test], [e.policy for e in seen])
    share = pd.Series(near, index=[e.id for e in test]).clip(upper=EDGES[-1] - 1e-9)
    bins = pd.cut(share, EDGES, right=False, labels=list(BINS))
    table = scores.assign(bin=scores["id"].map(bins)).pivot_table(
        index="arm", columns="bin", values=metric, aggfunc="mean", sort=False, observed=True
    )
    table = table.reindex(scores["arm"].unique())[[b for b in BINS if b in table]]
    table.loc["requests"] = [int((bins == b).sum()) for b in table]
    return table
