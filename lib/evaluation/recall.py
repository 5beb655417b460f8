"""How much of what is wanted retrieval offers: the share of a policy's actions among the first candidates.

A retriever and examples come in, a table goes out: a row for each source, a column for each k.
"""

from collections.abc import Sequence

import pandas as pd

from iampolicy import catalogue
from iampolicy.document import as_policy
from lib.data.dataset import Example
from lib.retrieval.retrieve import Retrieved, Retriever

AT = (1, 3, 5)  # candidates a clause


def table(retriever: Retriever, examples: Sequence[Example]) -> pd.DataFrame:
    """Mean recall over the examples of each source; wildcards count by the actions that they match.

    Returns:
        index: the source. Columns: examples, candidates (mean a request), services (share of the wanted services),
        and "actions@k": the share of the wanted actions among the first k candidates of each clause.
    """
    rows = []
    for example in examples:
        wanted = _allowed(example)
        if wanted:
            found = retriever.retrieve(example.instruction)
            rows.append({"source": example.source, **_row(wanted, found)})
    means = pd.DataFrame(rows).groupby("source")
    return means.mean().assign(examples=means.size()).astype({"examples": int})


def _row(wanted: frozenset[str], found: Retrieved) -> dict[str, float]:
    services = {name.partition(":")[0] for name in wanted}
    offered = {name.partition(":")[0] for name in found.actions}
    shares = {f"actions@{k}": len(wanted & _matched(found, k)) / len(wanted) for k in AT}
    everything = len(wanted & _matched(found, None)) / len(wanted)
    return {
        "candidates": len(found.actions),
        "services": len(services & offered) / len(services),
        **shares,
        "actions": everything,
    }


def _matched(found: Retrieved, first: int | None) -> frozenset[str]:
    names = {name for line in found.lines for name in line[:first]}
    return frozenset().union(*(catalogue.load().expand(name) for name in names))


def _allowed(example: Example) -> frozenset[str]:
    patterns = {p for s in as_policy(example.policy).statements if s.effect == "Allow" for p in s.action_patterns}
    return frozenset().union(*(catalogue.load().expand(p) for p in patterns))
