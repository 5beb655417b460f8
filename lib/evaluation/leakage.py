"""What is there of the test before any model speaks: in what was seen in training, and in what retrieval offers.

Examples come in, counts of what is shared and the recall of retrieval go out.
"""

from collections.abc import Sequence

import pandas as pd

from iamintent import Intent, Retriever
from iampolicy import catalogue
from lib.data import overlap, wording
from lib.data.dataset import Example, normalised_digest
from lib.evaluation.answer import read_wanted

AT = (1, 3, 5)  # candidates of a clause that recall looks at


def shared(test: Sequence[Example], seen: Sequence[Example]) -> pd.Series:
    """How many test examples have their instruction, their policy, or a near duplicate of it among what was seen.

    Returns:
        counts under "instruction", "policy" (the same up to order, Sids and scalar or list), "near duplicate" (an
        overlap of expanded actions of 90% or more) and "shape" (the same sentence with other names, numbers and verbs).
        The first three 0: nothing was copied. Shapes in common: who wrote the test wrote the lessons, too.
    """
    said = {tuple(e.instruction.lower().split()) for e in seen}
    digests = {normalised_digest(e.policy) for e in seen}
    near = overlap.nearest([e.policy for e in test], [e.policy for e in seen])
    return pd.Series(
        {
            "instruction": sum(tuple(e.instruction.lower().split()) in said for e in test),
            "policy": sum(normalised_digest(e.policy) in digests for e in test),
            "near duplicate": sum(share >= overlap.NEAR for share in near),
            "shape": int(shape_seen(test, seen).sum()),
        },
        dtype=int,
    )


def shape_seen(test: Sequence[Example], seen: Sequence[Example]) -> pd.Series:
    """For each test example, by id, whether its sentence shape is among those that were seen.

    Two are built alike by the composer, or are worded alike but for names, numbers and verbs (`lib.data.wording`).
    """
    known = {shape for example in seen for shape in _shapes(example)}
    return pd.Series({e.id: not known.isdisjoint(_shapes(e)) for e in test}, dtype=bool)


def _shapes(example: Example) -> set[str]:
    return {wording.shape(example.instruction, wording.names_in(example.policy))} | ({example.shape} - {""})


def recall(retriever: Retriever, examples: Sequence[Example]) -> pd.DataFrame:
    """How much of what is wanted retrieval offers: mean recall over the examples of each source that allow something.

    Returns:
        index: the source. Columns: candidates (mean a request), services (share of the wanted services), "actions@k":
        the share of the wanted actions among the first k candidates of each clause, actions: among all, and examples.
        Wildcards count by the actions that they match.
    """
    rows = []
    for example in examples:
        wanted = read_wanted(example.policy).granted
        if wanted:
            found = retriever.read(example.instruction)
            services, offered = ({name.partition(":")[0] for name in names} for names in (wanted, found.actions))
            row = {"source": example.source, "candidates": len(found.actions)}
            row |= {"services": len(services & offered) / len(services)}
            row |= {f"actions@{k}": len(wanted & _first(found, k)) / len(wanted) for k in AT}
            rows.append(row | {"actions": len(wanted & _first(found, None)) / len(wanted)})
    means = pd.DataFrame(rows).groupby("source")
    return means.mean().assign(examples=means.size()).astype({"examples": int})


def _first(found: Intent, count: int | None) -> frozenset[str]:
    """The actions that the first candidates of each clause match."""
    return catalogue.load().expand_all(name for line in found.lines for name in line[:count])
