"""The course's figures, one function a figure: a table comes in, a Picture goes out whose title is the finding."""

from lib.evaluation.plots.answers import metrics_by_arm, schema_by_complexity, success_by_length
from lib.evaluation.plots.data import complexity_by_source, complexity_by_split, lengths, services
from lib.evaluation.plots.faults import pareto, waterfall
from lib.evaluation.plots.mistakes import categories_by_arm, categories_by_complexity
from lib.evaluation.plots.permissions import confusion, faults_by_service, lead
from lib.evaluation.plots.policies import findings
from lib.evaluation.plots.slide import Picture
from lib.evaluation.plots.training import losses, sweep
from lib.evaluation.plots.verdicts import by_tag, fall, verdicts

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
