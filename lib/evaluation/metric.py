"""The metrics, one a row: their names in tables, their words in figures, and what they are a mean over."""

from dataclasses import dataclass

ALL = "all"
EXTRACTED = "extracted"
SCHEMA = "schema valid"
SHARED = "sharing an allowed action"


@dataclass(frozen=True)
class Metric:
    """A column of a score row that is averaged."""

    name: str
    title: str
    over: str  # one of ALL, EXTRACTED, SCHEMA and SHARED: the answers that the mean is over
    highest: float = 1.0
    more_is_better: bool = True


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
# Permission by permission (`lib.evaluation.permissions`); left out of a summary of rows that do not carry them.
PERMISSIONS = (
    Metric("usable", "usable as it stands", ALL),
    Metric("wider", "grants what was not asked", ALL, more_is_better=False),
    Metric("permission_precision", "permission precision", SCHEMA),
    Metric("permission_precision_all", "permission precision", ALL),
    Metric("permission_recall", "permission recall", SCHEMA),
    Metric("permission_recall_all", "permission recall", ALL),
    Metric("permission_f1", "permission F1", SCHEMA),
    Metric("permission_f1_all", "permission F1", ALL),
    Metric("requests_alike", "requests decided alike", SCHEMA),
    Metric("requests_alike_all", "requests decided alike", ALL),
    Metric("resources_match", "resources right", SHARED),
    Metric("conditions_match", "conditions right", SCHEMA),
    Metric("over_granted", "over-granted", SCHEMA, highest=float("inf")),
    Metric("under_granted", "under-granted", SCHEMA, highest=float("inf")),
    Metric("flipped", "allowed instead of denied, or denied", SCHEMA, highest=float("inf")),
    Metric("unscoped", "could have been scoped", SCHEMA, highest=float("inf")),
    Metric("errors", "errors", SCHEMA, highest=float("inf")),
    Metric("security_warnings", "security warnings", SCHEMA, highest=float("inf")),
    Metric("warnings", "warnings", SCHEMA, highest=float("inf")),
    Metric("risks_added", "risks added", SCHEMA, highest=float("inf")),
)
# What an answer costs; left out of a summary of rows that do not carry them.
COSTS = (
    Metric("complete", "ended by itself", ALL),
    Metric("tokens", "tokens", ALL, highest=float("inf")),
    Metric("seconds", "seconds", ALL, highest=float("inf")),
)
