"""The metrics, one a row: their names in tables, their words in figures, and what they are a mean over."""

from dataclasses import dataclass

ALL = "all"
EXTRACTED = "extracted"


@dataclass(frozen=True)
class Metric:
    """A column of a score row that is averaged."""

    name: str
    title: str
    over: str  # ALL answers, or only the EXTRACTED ones
    highest: float = 1.0


METRICS = (
    Metric("json_valid", "JSON valid", ALL),
    Metric("json_extracted", "JSON extracted", ALL),
    Metric("schema_valid", "schema valid", ALL),
    Metric("service_jaccard", "services", EXTRACTED),
    Metric("service_jaccard_all", "services", ALL),
    Metric("effect_match", "effects", EXTRACTED),
    Metric("effect_match_all", "effects", ALL),
    Metric("action_precision", "action precision", EXTRACTED),
    Metric("action_precision_all", "action precision", ALL),
    Metric("action_recall", "action recall", EXTRACTED),
    Metric("action_recall_all", "action recall", ALL),
    Metric("action_f1", "action F1", EXTRACTED),
    Metric("action_f1_all", "action F1", ALL),
    Metric("unknown_actions", "unknown actions", EXTRACTED, highest=float("inf")),
)
