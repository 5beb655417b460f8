"""A policy reviewed: in English, what changed, what is needless, which risks it carries, and the S3 bucket checklist.

Policies come in; sentences, changes, findings, risks and controls go out.
"""

from lib.iam.review.bucket import Control, audit_bucket
from lib.iam.review.changes import Change, diff
from lib.iam.review.english import describe_action, describe_condition, describe_resource, explain, sentence
from lib.iam.review.risks import Risk, redundancy, risks

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
