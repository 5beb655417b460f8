"""A policy reviewed: in English, what changed, what is needless, which risks it carries, and the S3 bucket checklist.

Policies come in; sentences, changes, findings, risks and controls go out.
"""

from iampolicy.review.bucket import Control, audit_bucket
from iampolicy.review.changes import Change, diff
from iampolicy.review.english import describe_action, describe_condition, describe_resource, explain, sentence
from iampolicy.review.risks import Risk, redundancy, risks

__all__ = [
    "Change",
    "Control",
    "Risk",
    "audit_bucket",
    "describe_action",
    "describe_condition",
    "describe_resource",
    "diff",
    "explain",
    "redundancy",
    "risks",
    "sentence",
]
