"""The course's figures, one function a figure: a table comes in, a Picture goes out whose title is the finding."""
# ruff: noqa: F401

from lib.evaluation.plots.examples import complexity_by_source, complexity_by_split, findings, lengths, services
from lib.evaluation.plots.faults import categories_by_arm, categories_by_complexity, cures, faults_by_service, pareto
from lib.evaluation.plots.scores import confusion, lead, metrics_by_arm, schema_by_complexity, success_by_length
from lib.evaluation.plots.training import losses, sweep
from lib.evaluation.plots.usable import by_tag, fall, verdicts
