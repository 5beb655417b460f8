"""The course's figures, one function a figure: a table comes in, a Picture goes out whose title is the finding."""

from lib.evaluation.plots.answers import (
    confusion,
    fall,
    lead,
    metrics_by_arm,
    schema_by_complexity,
    success_by_length,
    verdicts,
)
from lib.evaluation.plots.data import (
    complexity_by_source,
    complexity_by_split,
    findings,
    lengths,
    losses,
    services,
    sweep,
)
from lib.evaluation.plots.errors import (
    by_tag,
    categories_by_arm,
    categories_by_complexity,
    faults_by_service,
    pareto,
    waterfall,
)
from lib.evaluation.plots.slide import Picture

__all__ = [
    "Picture",
    "by_tag",
    "categories_by_arm",
    "categories_by_complexity",
    "complexity_by_source",
    "complexity_by_split",
    "confusion",
    "fall",
    "faults_by_service",
    "findings",
    "lead",
    "lengths",
    "losses",
    "metrics_by_arm",
    "pareto",
    "schema_by_complexity",
    "services",
    "success_by_length",
    "sweep",
    "verdicts",
    "waterfall",
]
