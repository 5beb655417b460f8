"""What the reference report published, as data, so that our arms stand beside its arms.

Source: "Fine-Tuning a Large Language Model for AWS IAM Policy Generation" (V. Naik), Mistral-7B-v0.3 on 151 test
examples. Its percentages are kept as the counts that they are shares of; only the mean service accuracies are shares.
"""

import pandas as pd

N = 151
BY_COMPLEXITY = {"simple": 42, "medium": 39, "complex": 70}

ARMS = {  # arm -> counts over the 151; effect_match of the extracted; service_jaccard a mean over the extracted
    "zero_shot": {
        "json_valid": 1,
        "json_extracted": 120,
        "schema_valid": 119,
        "effect_match": 118,
        "service_jaccard": 0.287,
    },
    "few_shot": {"json_valid": 3, "json_extracted": 11, "schema_valid": 11, "effect_match": 11, "service_jaccard": 0.0},
    "fine_tuned": {
        "json_valid": 91,
        "json_extracted": 91,
        "schema_valid": 91,
        "effect_match": 87,
        "service_jaccard": 0.52,
    },
}

SCHEMA_VALID = {  # arm -> complexity -> count
    "zero_shot": {"simple": 33, "medium": 34, "complex": 52},
    "few_shot": {"simple": 3, "medium": 5, "complex": 3},
    "fine_tuned": {"simple": 32, "medium": 26, "complex": 33},
}

ERRORS = {  # the fine-tuned arm: category of lib.evaluation.errors -> count
    "no_json": 60,
    "invalid_schema": 0,
    "wrong_effect": 4,
    "wrong_services": 43,
    "correct": 44,
}

SWEEP = (  # configuration, learning rate, r, alpha, epochs, train loss, best evaluation loss
    ("A", 2e-4, 16, 32, 3, 0.1522, 0.3019),
    ("B", 1e-4, 32, 64, 3, 0.1584, 0.3025),
    ("C", 5e-4, 16, 32, 5, 0.0481, 0.3207),
    ("D", 2e-4, 8, 16, 3, 0.1887, 0.3114),
)


def summary() -> pd.DataFrame:
    """The report's arms with the columns of `metrics.summarise` that it has, without intervals.

    Shares from 0 to 1. The `_all` columns are computed here from its figures: it printed only those over the extracted.
    """
    found = []
    for arm, counts in ARMS.items():
        extracted = counts["json_extracted"]
        row = {"arm": arm, "n": N, "n_extracted": extracted}
        row |= {name: counts[name] / N for name in ("json_valid", "json_extracted", "schema_valid")}
        row |= {"service_jaccard": counts["service_jaccard"], "effect_match": counts["effect_match"] / extracted}
        row["service_jaccard_all"] = counts["service_jaccard"] * extracted / N
        row["effect_match_all"] = counts["effect_match"] / N
        found.append(row)
    return pd.DataFrame(found)


def by_complexity() -> pd.DataFrame:
    """Schema validity of the report's arms by complexity: arm, complexity, n, schema_valid, schema_valid_count."""
    return pd.DataFrame(
        {"arm": arm, "complexity": c, "n": n, "schema_valid": k[c] / n, "schema_valid_count": f"{k[c]}/{n}"}
        for arm, k in SCHEMA_VALID.items()
        for c, n in BY_COMPLEXITY.items()
    )


def errors() -> pd.DataFrame:
    """The error categories of the report's fine-tuned arm: arm, category, count, rate (from 0 to 1)."""
    return pd.DataFrame(
        {"arm": "fine_tuned", "category": category, "count": count, "rate": count / N}
        for category, count in ERRORS.items()
    )


def sweep() -> pd.DataFrame:
    """The report's sweep: config, learning_rate, r, alpha, epochs, train_loss, eval_loss (the best)."""
    return pd.DataFrame(SWEEP, columns=["config", "learning_rate", "r", "alpha", "epochs", "train_loss", "eval_loss"])
