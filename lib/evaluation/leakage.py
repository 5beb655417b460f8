"""Has a model seen what it is tested on? And does it do worse the farther a test request is from all that it saw?

Examples come in; counts of what is shared, and scores by the distance to the nearest training policy, go out.
"""

import json
from collections.abc import Iterable, Iterator, Sequence, Set

import pandas as pd

from lib.data import overlap
from lib.data.dataset import Example, normalised_digest
from lib.evaluation.reading import read
from lib.model.prompt import folded

EDGES = (0.0, 0.25, 0.5, 0.75, overlap.NEAR)  # of the overlap of actions; from the last on policies are near duplicates
BINS = tuple(f"{low:.0%} to {high:.0%}" for low, high in zip(EDGES, EDGES[1:], strict=False))


def shared(test: Sequence[Example], seen: Sequence[Example]) -> pd.Series:
    """How many test examples have their instruction, their policy, or a near duplicate of it among what was seen.

    Returns:
        counts under "instruction", "policy" (the same up to order, Sids and scalar or list) and "near duplicate" (an
        overlap of expanded actions of 90% or more); all 0: nothing has leaked.
    """
    return _shared(test, {folded(e.instruction).lower() for e in seen}, [e.policy for e in seen])


def shared_with_text(test: Sequence[Example], texts: Iterable[str]) -> pd.Series:
    """The same for documents, such as those of `lib.model.corpus`, whose lines and JSON objects are looked at."""
    lines: set[str] = set()
    policies: dict[str, None] = {}  # each once
    for text in texts:
        lines.update(folded(line).lower() for line in text.splitlines())
        policies.update(dict.fromkeys(_policies(text) if '"Statement"' in text else ()))
    return _shared(test, lines, list(policies))


def _policies(text: str) -> Iterator[str]:
    """The JSON objects in a text that have the shape of a policy."""
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if read(text[start:end]).schema_valid:
                yield text[start:end]
        start = text.find("{", end)


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
