"""What the reference report published (published.yaml), as tables that stand beside ours."""

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml


@cache
def numbers() -> dict[str, Any]:
    """The file as it is."""
    return yaml.safe_load(Path(__file__).with_name("published.yaml").read_text(encoding="utf-8"))


def summary() -> pd.DataFrame:
    """Its arms with the columns of `metrics.summarise` that it has, without intervals.

    Shares from 0 to 1. The `_all` columns are computed here from its figures: it printed only those over the extracted.
    """
    table = pd.DataFrame.from_dict(numbers()["arms"], orient="index").rename_axis("arm").reset_index()
    n, extracted = numbers()["n"], table["json_extracted"]
    return table.assign(
        n=n,
        n_extracted=extracted,
        **{name: table[name] / n for name in ("json_valid", "json_extracted", "schema_valid")},
        service_jaccard_all=table["service_jaccard"] * extracted / n,
        effect_match=table["effect_match"] / extracted,
        effect_match_all=table["effect_match"] / n,
    )


def by_complexity() -> pd.DataFrame:
    """Schema validity of its arms by complexity: arm, complexity, n, schema_valid, schema_valid_count ("33/42")."""
    return pd.DataFrame(
        {"arm": arm, "complexity": c, "n": n, "schema_valid": k[c] / n, "schema_valid_count": f"{k[c]}/{n}"}
        for arm, k in numbers()["schema_valid"].items()
        for c, n in numbers()["by_complexity"].items()
    )


def errors() -> pd.DataFrame:
    """The error categories of its fine-tuned arm: arm, category, count, rate (from 0 to 1)."""
    table = pd.DataFrame(numbers()["errors"].items(), columns=["category", "count"])
    return table.assign(arm="fine_tuned", rate=table["count"] / numbers()["n"])[["arm", "category", "count", "rate"]]


def sweep() -> pd.DataFrame:
    """Its sweep: config, learning_rate, r, alpha, epochs, train_loss, eval_loss (the best)."""
    return pd.DataFrame(numbers()["sweep"])
