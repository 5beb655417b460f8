"""The course's figures, one function a figure: a table comes in, a Picture goes out whose title is the finding."""

from lib.evaluation.plots import answers, data, errors
from lib.evaluation.plots.slide import Picture

# of 01_data and 02_train
complexity_by_source, complexity_by_split = data.complexity_by_source, data.complexity_by_split
services, lengths, findings = data.services, data.lengths, data.findings
losses, sweep = data.losses, data.sweep
# of 03_eval
verdicts, fall = answers.verdicts, answers.fall
metrics_by_arm, schema_by_complexity = answers.metrics_by_arm, answers.schema_by_complexity
success_by_length, confusion, lead = answers.success_by_length, answers.confusion, answers.lead
# of 04_errors
categories_by_arm, categories_by_complexity = errors.categories_by_arm, errors.categories_by_complexity
pareto, waterfall, faults_by_service, by_tag = errors.pareto, errors.waterfall, errors.faults_by_service, errors.by_tag

__all__ = ["Picture"]
