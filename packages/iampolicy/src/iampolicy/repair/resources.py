"""The ARNs that models mean: a text comes in, the ARN that it stands for goes out.

Only what lacks one field, and that beyond doubt, is put right. Whether the resource can exist is the business of
iampolicy.checks.
"""

import re
from typing import Any

from iampolicy.patterns import overlaps

_BUCKET = r"(?P<name>[a-z0-9][a-z0-9.-]{1,62}(/\S*)?)"
ARNS = (  # what stands for an ARN -> the ARN; only where one field is missing and its place is beyond doubt
    (re.compile(r"(?i:arn):(?P<rest>aws[\w-]*:.*)", re.DOTALL), r"arn:\g<rest>"),
    (re.compile(r"(?P<rest>aws(-cn|-us-gov)?:[\w-]+:[^:]*:[^:]*:.+)", re.DOTALL), r"arn:\g<rest>"),
    (re.compile(r"arn:(?P<rest>(?!aws)[a-z][a-z0-9-]+:[^:]*:[^:]*:.+)", re.DOTALL), r"arn:aws:\g<rest>"),
    (re.compile(r"(?P<rest>s3:::\S+)"), r"arn:aws:\g<rest>"),
    (re.compile(rf"(s3:|s3://|arn:aws:s3:{{1,2}}){_BUCKET}"), r"arn:aws:s3:::\g<name>"),
    (re.compile(r"arn:aws:iam:(?P<rest>\d{12}:[a-z-]+/\S+)"), r"arn:aws:iam::\g<rest>"),
)
_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_PARTITION = re.compile(r"aws(-[a-z-]+)?|.*[*?].*", re.DOTALL)


def arn(entry: Any, policy_type: str) -> str | None:
    """The ARN or "*" that an entry of Resource stands for; None if it can be none or several."""
    if type(entry) is not str or not entry.strip():
        return None
    for text in (entry, entry.strip()):
        if _is_arn(text, policy_type):
            return text
    found = {pattern.sub(to, text) for pattern, to in ARNS if pattern.fullmatch(text)}
    found = {other for other in found if _is_arn(other, policy_type)}
    return found.pop() if len(found) == 1 else None


def _is_arn(text: str, policy_type: str) -> bool:
    """Whether a text has the fields of an ARN."""
    if text == "*" or (policy_type == "resource" and text.startswith("execute-api:/")):
        return True
    plain = _VARIABLE.sub("*", text)
    fields = plain.split(":", 5)
    if not overlaps(fields[0], "arn") or not all(_PARTITION.fullmatch(field) for field in fields[1:2]):
        return False
    # A star at the end of a field runs over the next ones: "arn:aws:s3:*", but hardly in "arn:aws:s3::bucket/*".
    return len(fields) == 6 or (plain.endswith("*") and ("/" not in plain or "*" in plain[:-1]))
