"""ARNs made more general than the evidence, where somebody asks for it: by prefix, by account, by tag.

Nothing here happens by itself: a draft is as narrow as its evidence.
"""

import re
from dataclasses import dataclass
from typing import Any

from iampolicy import catalogue
from iampolicy.catalogue import ResourceType
from iamtrail.naming import MAKES
from iamtrail.trail_error import TrailError

WAYS = ("nothing", "prefix", "account", "tag")
ALIKE = 3  # ARNs of an action with the same beginning that become one pattern
MANY = 10  # of an action: if there are more, a boundary further up is taken, such as the folder of a year, not of a day
DEEPEST = 8  # boundaries that are gone up
_BOUNDARIES = (re.compile(r"[/:]"), re.compile(r"[-_.]"))  # of a path, of a name
# An id that AWS makes up: its beginning is its type ("vpc-0123456789abcdef0"), and says nothing of which it is.
_ID = re.compile(
    r"(^|[/:])([a-z][a-z-]{0,20}-[0-9a-f]{8,17}|[0-9a-f]{16,}|(mrk-)?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12})$"
)
KEPT = frozenset({"iam:PassRole", "sts:AssumeRole"})  # whoever may do these on more roles may become more
_ARN = re.compile(r"(arn:[^:]*:[^:]*:[^:]*:[^:]*:)(.+)", re.DOTALL)
_ACCOUNT = r"arn:[^:]*:[^:]*:[^:]*:[^:]*:"  # an ARN's beginning, up to its account
_TAG = re.compile(r"([^=]{1,128})=(.{0,256})", re.DOTALL)

Resources = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Rule:
    """How resources are made more general."""

    way: str = "nothing"  # one of WAYS
    tag: str = ""  # "key=value", of the way "tag"

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise TrailError(f"generalise is {self.way!r}: it must be one of {', '.join(WAYS)}")
        if (self.way == "tag") != bool(_TAG.fullmatch(self.tag)):
            raise TrailError('a tag is needed for the way "tag", and only there: give key=value, such as team=payments')


NOTHING = Rule()


def apply(wanted: Resources, rule: Rule) -> tuple[Resources, dict[str, dict[str, Any]]]:
    """Wider resources of each action, and the Condition that an action needs with them.

    prefix: of an action, three or more ARNs that are alike up to their last "/" or ":", and if that leaves no name, up
        to their last "-", "_" or ".", become that and "*"; while there are more than MANY, up to the one before it.
        Ids that AWS makes up stay.
    account: every name of a kind, in the account and Region that were seen.
    tag: as account, if the resource has the tag; for actions that know aws:ResourceTag, the others stay as they are.
    The actions of KEPT stay on the roles that were seen.
    """
    if rule.way == "prefix":
        return {a: arns if a in KEPT else _by_prefix(arns) for a, arns in wanted.items()}, {}
    if rule.way == "account":
        return {a: arns if a in KEPT else frozenset(map(_any_name, arns)) for a, arns in wanted.items()}, {}
    if rule.way == "tag":
        key, _, value = rule.tag.partition("=")
        tagged = {a for a, arns in wanted.items() if "*" not in arns and a not in KEPT and _can_ask_for_tags(a, key)}
        condition = {"StringEquals": {f"aws:ResourceTag/{key}": value}}
        wider = {a: frozenset(map(_any_name, arns)) if a in tagged else arns for a, arns in wanted.items()}
        return wider, dict.fromkeys(tagged, condition)
    return wanted, {}


def _by_prefix(arns: frozenset[str]) -> frozenset[str]:
    """Patterns for ARNs that are alike up to a boundary: the last, or one further up while they are more than MANY."""
    fewest = arns
    for level in range(DEEPEST):
        found = _cut_at(arns, level)
        if len(found) < len(fewest):
            fewest = found
        if len(fewest) <= MANY:
            break
    return fewest


def _cut_at(arns: frozenset[str], level: int) -> frozenset[str]:
    beginnings: dict[str, set[str]] = {}
    for arn in arns:
        if beginning := _beginning(arn, level):
            beginnings.setdefault(beginning, set()).add(arn)
    wide = {beginning: alike for beginning, alike in beginnings.items() if len(alike) >= ALIKE}
    return (arns - frozenset().union(*wide.values())) | {f"{beginning}*" for beginning in wide}


def _beginning(arn: str, level: int) -> str | None:
    """The ARN up to its last boundary, or `level` further up; of a path if that leaves a name, else within a name."""
    whole = _ARN.fullmatch(arn)
    if not whole:
        return None
    if _ID.search(whole[2]):
        return None
    bare = {re.split(_ACCOUNT, kind.arn, maxsplit=1)[-1].partition("${")[0] for kind in _kinds(arn)}
    for boundary in _BOUNDARIES:
        cuts = [whole[2][: cut.end()] for cut in boundary.finditer(whole[2]) if whole[2][: cut.end()] not in bare]
        if cuts:
            return whole[1] + cuts[max(0, len(cuts) - 1 - level)]
    return None


def _any_name(arn: str) -> str:
    """The pattern for all resources of the ARN's kind in its account and Region; in S3, which has neither, a bucket."""
    whole = _ARN.fullmatch(arn)
    if not whole:
        return arn
    kinds = _kinds(arn)
    if not kinds:
        return arn
    if whole[1].endswith(":::"):
        bucket, slash, _ = whole[2].partition("/")
        return f"{whole[1]}{bucket}{slash}{'*' if slash else ''}"
    part = re.split(_ACCOUNT, min(kinds, key=lambda k: len(k.arn)).arn, maxsplit=1)[-1]
    return whole[1] + re.sub(r"\$\{\w+\}", "*", part)


def _kinds(arn: str) -> tuple[ResourceType, ...]:
    return catalogue.load().resource_types(arn)


def _can_ask_for_tags(action: str, key: str) -> bool:
    """Whether a resource has the tag when the action is asked for: one that is being made has none yet."""
    known = catalogue.load()
    operation = known.actions[action].operation
    if MAKES.match(operation) or operation.startswith("Put"):
        return False
    return known.supports_key(known.actions[action], f"aws:ResourceTag/{key}")
