"""What went wrong with one answer, in a sentence with figures.

A score row with its texts (expected, generated) comes in, one sentence goes out; lib.evaluation.errors chooses which.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from iampolicy import document
from lib.evaluation import metrics
from lib.evaluation.reading import read, read_expected

LISTED = 4  # names in a sentence before it says "and 3 more"


def no_json(row: Mapping[str, Any]) -> str:
    """Cut off, no brace at all, or braces that do not parse."""
    text = row["generated"]
    if "{" not in text:
        return f"no object: there is no {{ in {len(text)} characters"
    if row.get("complete") in (False,):
        tokens = f" {row['tokens']:.0f}" if _known(row.get("tokens")) else ""
        wanted = f"; the wanted one has {row['expected_tokens']:.0f}" if _known(row.get("expected_tokens")) else ""
        return f"cut off: the answer ended with its budget of{tokens} tokens{wanted}"
    first, last = text.find("{"), text.rfind("}")
    if last < first:
        return f"no object: no }} follows the {{ at character {first + 1} of {len(text)}"
    try:
        document.parse(text[first : last + 1])
    except document.PolicySyntaxError as error:
        return f"no JSON: the {last + 1 - first} characters from {{ to }} do not parse: {error}"
    return "no JSON"


def invalid_schema(row: Mapping[str, Any]) -> str:
    """The faults of the report's schema check."""
    faults = read(row["generated"]).faults
    return f"{len(faults)} schema fault{'s' if len(faults) > 1 else ''}: {_listed(faults, '; ')}"


def wrong_effect(row: Mapping[str, Any]) -> str:
    """Both sets of effects."""
    answer, wanted = read(row["generated"]).effects, read_expected(row["expected"]).effects
    return f"generated effect {_listed(answer)}; wanted {_listed(wanted)}"


def wrong_services(row: Mapping[str, Any]) -> str:
    """Both sets of services, and how far they overlap."""
    answer, wanted = read(row["generated"]).services, read_expected(row["expected"]).services
    jaccard = row["service_jaccard"]
    return f"generated services {_listed(answer)}; wanted {_listed(wanted)}: Jaccard {jaccard:.2f}"


def correct(row: Mapping[str, Any]) -> str:
    """What the report's categories leave open: the permissions themselves."""
    scores = metrics.score(row["expected"], row["generated"])
    words = {
        "equal": "allows exactly what is wanted",
        "over": "allows more than is wanted",
        "under": "allows less than is wanted",
        "incomparable": "allows some other actions and misses some",
    }[scores["relation"]]
    figures = f"Jaccard {scores['service_jaccard']:.2f}, action F1 {scores['action_f1']:.2f}"
    return f"counts as correct: {figures}; it {words}"


def _listed(names: Iterable[str], separator: str = ", ") -> str:
    names = sorted(names)
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (separator.join(names[:LISTED]) or "none") + rest


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)
