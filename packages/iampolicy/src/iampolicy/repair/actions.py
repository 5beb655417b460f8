"""The actions that models mean: a name that the catalogue lacks comes in, the one action that it can mean goes out.

For a Deny there is also a wildcard that covers a name nobody knows. Names are held against the catalogue only so often
for each text, so that no text takes long.
"""

import re
from difflib import SequenceMatcher
from typing import Any

from iampolicy import catalogue
from iampolicy.catalogue import has_wildcard
from iampolicy.checks.actions import newer

# How much an operation must look like the one that is put in its place; its first word must be the same, too, for
# Get and Put look alike. Tried on 700 actions of the catalogue with one letter wrong: 76% are put right and none is
# put wrong (0.80: 78%). An action that the catalogue lacks is taken for another one in 1.7% of cases (0.90: 3.6%,
# 0.80: 17%), for one of another access level in 0.1%.
CLOSE = 0.92
CLOSE_SERVICE = 0.8
# Names that one text's patterns are held against, and its misspelt names: a third of a second each, so that no text
# takes long; what is over is not found. Of AWS's own policies ReadOnlyAccess needs most: 29,375.
PATTERNS, LIKENESSES = 600_000, 20_000

SERVICES = {  # prefix as models write it -> prefix ("Actions, resources, and condition keys for AWS services")
    **{"cloudwatchlogs": "logs", "cloudwatch-logs": "logs", "eventbridge": "events", "stepfunctions": "states"},
    **{"sfn": "states", "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "efs": "elasticfilesystem"},
    **{"emr": "elasticmapreduce", "opensearch": "es", "elasticsearch": "es", "msk": "kafka", "parameterstore": "ssm"},
}
OPERATIONS = {  # operation of an API -> the action that it needs, where that allows no more ("Required permissions")
    "s3:listbuckets": "s3:ListAllMyBuckets",
    "s3:listobjects": "s3:ListBucket",
    "s3:listobjectsv2": "s3:ListBucket",
    "s3:listobjectversions": "s3:ListBucketVersions",
    "s3:listmultipartuploads": "s3:ListBucketMultipartUploads",
    "s3:listparts": "s3:ListMultipartUploadParts",
    "s3:getbucketencryption": "s3:GetEncryptionConfiguration",
    "s3:putbucketencryption": "s3:PutEncryptionConfiguration",
    "s3:getbucketlifecycleconfiguration": "s3:GetLifecycleConfiguration",
    "s3:putbucketlifecycleconfiguration": "s3:PutLifecycleConfiguration",
    "s3:getbucketreplication": "s3:GetReplicationConfiguration",
    "s3:putbucketreplication": "s3:PutReplicationConfiguration",
    "lambda:invoke": "lambda:InvokeFunction",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")


class Actions:
    """The actions of one text, and what is left of the work that they may cost."""

    def __init__(self) -> None:
        self.patterns_left, self.likenesses_left = PATTERNS, LIKENESSES

    def meant(self, entry: Any) -> str | None:
        """The action or wildcard that an entry of Action stands for; None if it can be none or several."""
        if type(entry) is not str:
            return None
        if entry == "*":
            return entry
        name = entry.strip()
        if has_wildcard(name):
            prefix, _, operation = name.partition(":")
            other = f"{SERVICES.get(prefix.lower())}:{operation}"
            return next(filter(self._matches, (name, other)), None)
        action = catalogue.load().action(name)
        return action.name if action else self._corrected(name)

    def covering(self, entry: Any) -> str:
        """A wildcard that covers an action nobody knows, as narrow as its words allow: "s3:Delete*", "s3:*", "*"."""
        if type(entry) is not str or len(entry) > catalogue.LONGEST:
            return "*"
        prefix, _, operation = entry.strip().rpartition(":")
        if prefix.lower() not in catalogue.load().services:
            wide = f"*:{operation}"
            return wide if self._matches(wide) else "*"
        words = _WORD.findall(re.split(r"[^A-Za-z0-9]", operation)[0])
        narrower = (f"{prefix}:{''.join(words[:count])}*" for count in range(len(words) - 1, 0, -1))
        return next(filter(self._matches, narrower), f"{prefix}:*")

    def _corrected(self, name: str) -> str | None:
        """The one action that a name which does not exist can mean."""
        lower, known = name.lower(), catalogue.load()
        prefix, _, operation = lower.partition(":")
        if lower in newer().get(prefix, ()) or len(name) > catalogue.LONGEST:
            return None  # it exists, though the catalogue does not know it
        if lower in OPERATIONS:
            return OPERATIONS[lower]
        if (service := SERVICES.get(prefix)) and (action := known.action(f"{service}:{operation}")):
            return action.name
        self.likenesses_left -= len(known.services[prefix].actions) if prefix in known.services else len(known.services)
        if not operation or self.likenesses_left < 0:
            return None
        near = [tuple(found.partition(":")[::2]) for found in known.near(name)]
        if prefix not in known.services:
            near = [n for n in near if n[1].lower() == operation and _like(prefix, n[0]) >= CLOSE_SERVICE]
            return ":".join(near[0]) if len(near) == 1 else None
        best = sorted(((_like(operation, o.lower()), o) for _, o in near), reverse=True)
        if not best or best[0][0] < CLOSE or (len(best) > 1 and best[1][0] == best[0][0]):
            return None
        verb = _WORD.match(best[0][1])
        # What follows the verb begins a word in the text, too, if it has words: "Gets3" is no Get.
        if verb is None or not operation.startswith(verb[0].lower()):
            return None
        return known.action(f"{prefix}:{best[0][1]}").name  # type: ignore[union-attr]

    def _matches(self, pattern: str) -> bool:
        known = catalogue.load()
        prefix, _, operation = pattern.lower().partition(":")
        one = prefix in known.services
        if not one and not has_wildcard(prefix):
            return False
        services = [known.services[prefix]] if one else known.services.values()
        self.patterns_left -= sum(len(service.actions) for service in services) if has_wildcard(operation) else 1_000
        return self.patterns_left >= 0 and bool(known.expand(pattern))


def _like(one: str, two: str) -> float:
    return SequenceMatcher(None, one, two).ratio()
