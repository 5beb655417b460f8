"""Least privilege from evidence: the observed actions, on the observed resources, and nothing else.

What the evidence does not say becomes a question. The same events give the same bytes, in whatever order they come.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iampolicy import catalogue, words
from iampolicy.checks import Finding, validate
from iampolicy.document import POLICY_TYPES, Policy
from iamtrail import generalise, proposals
from iamtrail.evidence import Events, Evidence, gather
from iamtrail.naming import PASS_ROLE
from iamtrail.observed import first_of
from iamtrail.proposals import Proposal
from iamtrail.shapes import ONE_FORMAT
from iamtrail.trail_error import TrailError

VERSION = "2012-10-17"
FILL_IN = "FILL-IN-"  # begins a placeholder; no wildcard, so that a forgotten one grants nothing
ATTACHED = 10  # managed policies that a role may have (IAM User Guide, "IAM and AWS STS quotas")
MOST_PAIRS = 10_000  # of actions and resources that are looked at before two statements are put together
SHOWN = 4  # actions in a question
MOST_OPEN = 8  # formats that are asked for one by one
# Calls that CloudTrail records as data events (CloudTrail User Guide, "Logging data events").
DATA_EVENTS = re.compile(
    r"s3:(Get|Put|Delete)Object|s3:(ListBucket(Versions|MultipartUploads)?|ListMultipartUploadParts|AbortMultipart\w+)$|"
    r"dynamodb:(\w*Item|Query|Scan|PartiQL\w+)$|lambda:InvokeFunction|sns:Publish"
    r"|sqs:(Send|Receive|Delete)Message|kinesis:(Put|Get)Record|s3express:|kinesisvideo:|cassandra:"
)
# Dependent actions of few requests: a service's first use, an image by parameter, a reserved capacity.
RARE = frozenset({PASS_ROLE, "iam:CreateServiceLinkedRole", "ssm:GetParameters", "lambda:PassCapacityProvider"})
LEVELS = {  # access level of an action -> its word in a Sid, in this order
    "Read": "Read",
    "List": "Read",
    "Write": "Write",
    "Tagging": "Tag",
    "Permissions management": "Manage",
}
_VARIABLE = re.compile(r"\$\{(\w+)\}")

Resources = dict[str, frozenset[str]]  # action -> ARNs
Element = dict[str, Any]  # of a policy document: a statement, a condition


@dataclass(frozen=True)
class Draft:
    """A policy made of evidence, and what a person has to decide."""

    policy: Policy  # all of it, however long
    policies: tuple[Policy, ...]  # the same in pieces, each within the quota of a managed policy
    placeholders: tuple[str, ...]  # ARNs in the policy that begin a part with FILL-IN-
    questions: tuple[str, ...]
    findings: tuple[Finding, ...]  # of `policy`, as if its placeholders were filled in
    proposals: tuple[Proposal, ...]  # conditions that the evidence supports; none is in the policy
    evidence: Evidence


def draft(events: Events, principal: str | None = None, by: generalise.Rule = generalise.NOTHING) -> Draft:
    """A policy that allows what was observed.

    A statement has the actions of one service that were seen on the same resources; two are put together if that
    grants nothing that was not seen. Actions without resource-level support have a statement of their own.

    Args:
        events: a Reading, rows of one, or CloudTrail's records as dicts.
        principal: name or ARN of a role or user; None takes everybody's calls.
        by: how ARNs are made more general; nothing, unless asked for.

    Raises:
        TrailError: if there are no calls, none of the principal, or none that succeeded and needs a permission.

    >>> who = {"arn": "arn:aws:iam::111122223333:user/ada"}
    >>> objects = [{"bucketName": "photos", "key": "a.jpg"}, {"bucketName": "photos", "key": "b.jpg"}]
    >>> alike = {"eventTime": "2026-09-01T10:00:00Z", "eventSource": "s3.amazonaws.com", "userIdentity": who}
    >>> records = [alike | {"eventName": "GetObject", "requestParameters": each} for each in objects]
    >>> made = draft([*records, alike | {"eventName": "ListBuckets"}])
    >>> for statement in made.policy.statements:
    ...     print(*statement.actions, *statement.resources)
    s3:ListAllMyBuckets *
    s3:GetObject arn:aws:s3:::photos/a.jpg arn:aws:s3:::photos/b.jpg
    """
    evidence = gather(events, principal)
    if not evidence.uses:
        said = [*evidence.failed, *evidence.uncertain, *(f"{name} needs no permission" for name in evidence.free)]
        raise TrailError(f"no call succeeded that needs a permission: {'; '.join(said[:SHOWN])}")
    wanted = {use.action: frozenset((*use.arns, *map(placeholder, use.formats))) for use in evidence.uses}
    wanted, conditions = generalise.apply(wanted, by)
    groups = [group for service in _by_service(wanted) for group in _grouped(service, conditions)]
    statements = _statements(groups, conditions)
    policy, policies = Policy({"Version": VERSION, "Statement": statements}), pieces(statements)
    placeholders = sorted({arn for arns in wanted.values() for arn in arns if FILL_IN in arn})
    return Draft(
        policy=policy,
        policies=tuple(policies),
        placeholders=tuple(placeholders),
        questions=tuple(_questions(evidence, wanted, policies)),
        findings=tuple(validate(filled(policy))),
        proposals=proposals.of(statements, evidence.uses),
        evidence=evidence,
    )


def placeholder(arn_format: str) -> str:
    """A format of the catalogue with a name to fill in for each variable: "...:key/FILL-IN-KeyId"."""
    return _VARIABLE.sub(lambda match: f"{FILL_IN}{match[1]}", arn_format)


def filled(policy: Policy) -> Policy:
    """The policy with a number for each account, and a Region for each Region, that is still to be filled in."""
    text = re.sub(rf"{FILL_IN}\w*Account(Id)?\b", "111122223333", policy.to_json())
    return Policy(json.loads(re.sub(rf"{FILL_IN}\w*Region\b", "us-east-1", text)))


def _by_service(wanted: Resources) -> list[Resources]:
    services: dict[str, Resources] = {}
    for action, arns in sorted(wanted.items()):
        services.setdefault(action.partition(":")[0], {})[action] = arns
    return list(services.values())


def _grouped(wanted: Resources, conditions: Mapping[str, Element]) -> list[Resources]:
    """The actions of a service in groups that share a statement: first those without resource-level support.

    Apart stay those that have a condition, and iam:PassRole, which is read, and limited to a service, by itself.
    """

    def apart(action: str) -> tuple[bool, bool]:
        return action == PASS_ROLE, action in conditions

    alike: dict[tuple[tuple[bool, bool], frozenset[str]], list[str]] = {}
    for action, arns in wanted.items():
        if arns:
            alike.setdefault((apart(action), arns), []).append(action)
    groups: list[list[str]] = []
    for (kind, arns), actions in sorted(alike.items(), key=lambda pair: ("*" not in pair[0][1], pair[1])):
        others = [] if "*" in arns else [group for group in groups if apart(group[0]) == kind]
        fitting = next((group for group in others if _may_join(group, actions, wanted)), None)
        if fitting is None:
            groups.append(list(actions))
        else:
            fitting += actions
    return [{action: wanted[action] for action in sorted(group)} for group in groups]


def _may_join(group: Sequence[str], actions: Sequence[str], wanted: Resources) -> bool:
    """Whether all actions on all resources together allow no pair that was not seen."""
    both = [*group, *actions]
    arns = frozenset().union(*(wanted[action] for action in both))
    if "*" in arns or len(arns) * len(both) > MOST_PAIRS:
        return False
    return all(arn in wanted[action] or not _can_be_on(action, arn) for action in both for arn in arns)


def _can_be_on(action: str, arn: str) -> bool:
    """Whether a request can ask for an action on an ARN; of services with too many formats, for any on any."""
    known, kinds = catalogue.load().actions[action], catalogue.load().resource_types(arn)
    return known.service in ONE_FORMAT or not kinds or any(kind.name in known.resource_types for kind in kinds)


def _statements(groups: Sequence[Resources], conditions: Mapping[str, Element]) -> list[Element]:
    statements, taken = [], set()
    for group in groups:
        arns = sorted(frozenset().union(*group.values()))
        sid = base = _sid(group, "*" in arns)
        number = 2
        while sid in taken:
            sid, number = f"{base}{number}", number + 1
        taken.add(sid)
        statement = {"Sid": sid, "Effect": "Allow", "Action": single(sorted(group)), "Resource": single(arns)}
        condition = next((conditions[action] for action in group if action in conditions), None)
        statements.append(statement | ({"Condition": condition} if condition else {}))
    return statements


def _sid(actions: Iterable[str], everywhere: bool) -> str:
    """ "S3ReadWrite", "ECRReadAnyResource": letters and digits are all that AWS takes in a Sid."""
    known = [catalogue.load().actions[action] for action in actions]
    if [action.name for action in known] == [PASS_ROLE]:
        return "PassRole"
    levels = {LEVELS.get(action.access_level, "Use") for action in known}
    used = "".join(word for word in dict.fromkeys((*LEVELS.values(), "Use")) if word in levels)
    return f"{_spelled(known[0].service)}{used}{'AnyResource' if everywhere else ''}"


def _spelled(service: str) -> str:
    """A service in one word: as people write it, or capitalised, short parts all of it."""
    if (called := words.services().get(service)) and called.word:
        return called.word
    parts = re.findall(r"[a-z0-9]+", service.lower())
    return "".join(part.upper() if len(part) <= 3 else part.capitalize() for part in parts)


def single(values: list[str]) -> str | list[str]:
    """The value of an element: a text if there is only one."""
    return values[0] if len(values) == 1 else values


def pieces(statements: Sequence[Element]) -> list[Policy]:
    """Statements as policies that fit the quota of a managed policy, filled one after the other."""
    policies: list[list[Element]] = [[]]
    for statement in [part for whole in statements for part in _parts(whole)]:
        if policies[-1] and not _fits([*policies[-1], statement]):
            policies.append([])
        policies[-1].append(statement)
    return [Policy({"Version": VERSION, "Statement": found}) for found in policies]


def _parts(statement: Element) -> list[Element]:
    """A statement that is too long alone, halved by its resources, then by its actions."""
    if _fits([statement]):
        return [statement]
    for element in ("Resource", "Action"):
        values = statement[element]
        if isinstance(values, list):
            half = len(values) // 2
            sides = (values[:half], values[half:])
            parts = [
                statement | {"Sid": f"{statement['Sid']}{letter}", element: single(side)}
                for letter, side in zip("AB", sides, strict=True)
            ]
            return [small for part in parts for small in _parts(part)]
    return [statement]


def _fits(statements: Sequence[Element]) -> bool:
    return Policy({"Version": VERSION, "Statement": list(statements)}).size("identity") <= POLICY_TYPES["identity"].most


def _questions(evidence: Evidence, wanted: Resources, policies: Sequence[Policy]) -> Iterable[str]:
    if not any(DATA_EVENTS.match(use.action) for use in evidence.uses):
        yield (
            "No data events are among the calls, and CloudTrail records them only where a trail is set to: does the "
            "role read or write objects of S3 or items of DynamoDB, invoke functions or send messages?"
        )
    if len(evidence.principals) > 1:
        yield f"The calls of {len(evidence.principals)} principals are put together: is one policy for all meant?"
    blanks: dict[str, list[str]] = {}
    for action, arns in sorted(wanted.items()):
        open_ = sorted(arn for arn in arns if FILL_IN in arn)
        if len(open_) > MOST_OPEN:
            yield f"Which resource is it? {action} can be on any of {first_of(open_, SHOWN)}, and its calls do not say."
            continue
        for arn in open_:
            blanks.setdefault(arn, []).append(action)
        if not arns:
            yield f"{action} was used, and nothing says on which resource: it is left out. Where should it be allowed?"
    for arn, actions in blanks.items():
        lists = all(catalogue.load().actions[action].access_level == "List" for action in actions)
        every = re.sub(rf"{FILL_IN}\w+", "*", arn)
        yield (
            f"Which resource is {arn}? The calls of {first_of(actions, SHOWN)} do not say"
            + (f"; if they list whatever there is, it is {every}." if lists else ".")
        )
    for use in evidence.uses:
        if use.unnamed:
            yield (
                f"{use.unnamed:,} of {use.calls:,} calls of {use.action} do not name their resource: do they need more "
                "than what the others name?"
            )
    for unseen, actions in _depending(evidence).items():
        yield (
            f"{first_of(actions, SHOWN)} may depend on {', '.join(unseen)}, of which no call was seen: should "
            f"{'it' if len(unseen) == 1 else 'they'} be allowed too?"
        )
    yield from evidence.aside
    for name in evidence.limitless:
        yield f"{name} is the root user, and root cannot be limited by an identity policy: which role is this for?"
    for sentence in evidence.spent:
        yield f"This used its permission and failed afterwards, so it is in the draft: should it stay? {sentence}"
    for sentence in evidence.asked:
        yield f"{sentence}: should that be allowed too?"
    for sentence in evidence.uncertain:
        yield f"Not certain which permission this needs: {sentence}"
    for sentence in evidence.shortened:
        yield f"Are whole folders meant? {sentence}"
    if len(policies) > 1:
        yield (
            f"The policy is longer than a managed policy may be and comes in {len(policies)} pieces: would names by "
            "prefix do instead?"
            + (f" A role takes {ATTACHED} at most, unless its quota is raised." if len(policies) > ATTACHED else "")
        )


def _depending(evidence: Evidence) -> dict[tuple[str, ...], list[str]]:
    """Actions that the reference lists as dependent and no call shows -> those that depend on them.

    Left out is what the mapping adds where a request asks for it (tags), and what a request hardly ever asks for.
    """
    known = catalogue.load().actions
    used = {use.action for use in evidence.uses}
    found: dict[tuple[str, ...], list[str]] = {}
    for use in evidence.uses:
        unseen = (known[a] for a in known[use.action].dependent_actions if a in known and a not in used | RARE)
        if names := tuple(action.name for action in unseen if action.access_level != "Tagging"):
            found.setdefault(names, []).append(use.action)
    return found
