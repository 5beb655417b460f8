"""Which AWS services a text names: by title, by what people call them, by prefix, by ARN.

A text comes in; a weight for each service of the catalogue goes out, 1 where the text names it beyond doubt.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np

from iampolicy import catalogue
from lib.data.written.nouns import NOUNS
from lib.data.written.services import POPULAR, TITLES
from lib.data.written.words import plural

WEAK = 0.4  # a name in lower case that is an ordinary word, too: "backup", "config"
_WORD = re.compile(r"[A-Za-z0-9][\w&'/-]*|\(|\)")
_LITERAL = re.compile(
    r"\barn:[\w-]*:([a-z0-9-]+):"  # of an ARN
    r"|(?<![\w:/.-])([a-z][a-z0-9-]+):[A-Z*]"  # of an action
    r"|(?<![\w-])([a-z0-9-]+)\.amazonaws\.com"  # of a service principal
)
_MAKER = re.compile(r"^(AWS|Amazon) ")
_ASIDE = re.compile(r"^(.*?) \(([^)]+)\)$")
# What people call services beyond their titles and the names that written examples use.
MORE_NAMES = {
    "logs": ("CloudWatch Logs", "Logs Insights"),
    "es": ("OpenSearch", "Elasticsearch"),
    "aoss": ("OpenSearch Serverless",),
    "ses": ("Simple Email Service",),
    "sns": ("Simple Notification Service",),
    "sqs": ("Simple Queue Service",),
    "s3": ("Simple Storage Service",),
    "ec2": ("VPC", "EBS", "Elastic Compute Cloud"),
    "apigateway": ("API Gateway",),
    "execute-api": ("API Gateway",),
    "elasticloadbalancing": ("ALB", "NLB", "load balancer", "load balancers"),
    "autoscaling": ("ASG",),
    "rds": ("Aurora",),
    "dynamodb": ("DDB",),
    "sso": ("Identity Center", "SSO"),
    "identitystore": ("Identity Store",),
    "events": ("CloudWatch Events", "Event Bridge"),
    "states": ("StepFunctions",),
    "kafka": ("Managed Kafka", "Kafka"),
    "elasticmapreduce": ("Elastic MapReduce", "EMR"),
    "ssm": ("Parameter Store", "Session Manager"),
    "ce": ("Cost Explorer",),
    "memorydb": ("MemoryDB",),
    "airflow": ("MWAA", "Managed Airflow"),
    "grafana": ("Managed Grafana",),
    "aps": ("Managed Prometheus", "Prometheus", "AMP"),
    "cognito-idp": ("Cognito",),
    "cognito-identity": ("Cognito", "Cognito Identity"),
    "codeartifact": ("Code Artifact",),
    "globalaccelerator": ("Global Accelerator",),
    "network-firewall": ("Network Firewall",),
    "directconnect": ("Direct Connect",),
    "pipes": ("EventBridge Pipes",),
    "synthetics": ("CloudWatch Synthetics", "Synthetics"),
    "rum": ("CloudWatch RUM",),
    "acm-pca": ("Private CA", "Private Certificate Authority"),
    "access-analyzer": ("Access Analyzer",),
    "ds": ("Directory Service",),
    "workspaces": ("Work Spaces",),
    "mobiletargeting": ("Pinpoint",),
    "waf-regional": ("WAF Regional", "WAF Classic"),
}


Names = dict[tuple[str, ...], tuple[str, ...]]  # the words of a name in lower case -> the prefixes that bear it


@cache
def titles() -> Names:
    """What services are called."""
    found: dict[tuple[str, ...], set[str]] = {}
    for prefix, service in catalogue.load().services.items():
        called = {service.title, *POPULAR.get(prefix, (0, ()))[1], *MORE_NAMES.get(prefix, ())}
        called |= {TITLES[prefix]} if prefix in TITLES else set()
        for title in list(called):
            aside = _ASIDE.match(title)
            called |= set(aside.groups()) if aside else set()
        called |= {_MAKER.sub("", name) for name in called}
        called |= {name.removesuffix(" Service") for name in called if len(name.split()) > 2}
        called |= {prefix} if len(prefix) > 2 else set()
        for name in called:
            found.setdefault(_words(name), set()).add(prefix)
    return _sorted(found)


@cache
def names() -> Names:
    """What services and their resources are called: "queue" names Amazon SQS."""
    found = {words: set(prefixes) for words, prefixes in titles().items()}
    for (prefix, _), spoken in NOUNS.items():
        for noun in spoken:
            for form in (noun, plural(noun)):
                found.setdefault(_words(form), set()).add(prefix)
    return _sorted(found)


def _sorted(found: Mapping[tuple[str, ...], set[str]]) -> Names:
    return {words: tuple(sorted(prefixes)) for words, prefixes in found.items()}


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


@cache
def _most_words() -> int:
    return max(map(len, names()))


def mentions(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every name of a service in the text, as it stands there, with the prefixes that bear it, in its order.

    Where names begin at one word, the longest wins; names do not overlap.
    """
    words = _WORD.findall(text)
    position = 0
    while position < len(words):
        for size in range(min(_most_words(), len(words) - position), 0, -1):
            run = words[position : position + size]
            prefixes = names().get(tuple(word.lower() for word in run))
            if prefixes:
                yield " ".join(run), prefixes
                position += size
                break
        else:
            position += 1


def evidence(text: str) -> np.ndarray:
    """How surely the text names each service.

    Returns:
        float32 of shape (services,), from 0 to 1, in the catalogue's order.
    """
    found = np.zeros(len(order()), dtype=np.float32)

    def note(prefix: str, weight: float) -> None:
        position = order().get(prefix)
        if position is not None:
            found[position] = max(found[position], weight)

    for said, prefixes in mentions(text):
        weight = WEAK if said.islower() else 1.0
        for prefix in prefixes:
            note(prefix, weight / len(prefixes) ** 0.5)
    for match in _LITERAL.finditer(text):
        prefix = next(filter(None, match.groups()))
        # The ARN of a role more often names who asks than what is asked for.
        note(prefix, WEAK if match[1] in ("iam", "sts") else 1.0)
    return found


@cache
def order() -> dict[str, int]:
    """The position of each service prefix in the catalogue's order."""
    return {prefix: position for position, prefix in enumerate(catalogue.load().services)}
