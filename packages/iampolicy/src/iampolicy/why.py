"""What would have to change so that a denied request is allowed, or an allowed one denied: the smallest change first.

The arguments of `simulate` come in, Changes go out. Each was tried: with it, the simulator says the opposite. A change
is one edit of a policy or of the request, or several, where more than one statement stands in the way.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from iampolicy.document import PolicyLike
from iampolicy.edits import Edit, Scenario, candidates
from iampolicy.matching import Policies, Request, levels_of, policies_of
from iampolicy.simulate import ALLOWED, Decision

MOST = 12  # edits of one change: more is no advice


@dataclass(frozen=True)
class Remedy:
    """Edits that together turn the decision, and what `simulate` is then given."""

    edits: tuple[Edit, ...]
    request: Request = field(repr=False)
    policies: dict[str, Any] = field(repr=False)  # the keyword arguments of `simulate`

    @property
    def sentence(self) -> str:
        """What to do, in English."""
        return "; and ".join(edit.sentence for edit in self.edits)

    @property
    def size(self) -> int:
        """How far it reaches, for the order."""
        return sum(edit.size for edit in self.edits)


def why_not(
    request: Request,
    identity: Policies = (),
    resource: PolicyLike | None = None,
    boundary: Policies = None,
    session: Policies = None,
    service_control: Policies | Sequence[Policies] = (),
    resource_control: Policies | Sequence[Policies] = (),
    endpoint: Policies = None,
    block_public_access: bool | None = None,
) -> list[Remedy]:
    """What would turn the decision on a request, the smallest change first; the arguments are those of `simulate`.

    Empty where no policy decides, as for what AWS lets nobody do: the reason of the decision says so.

    >>> policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    >>> tls = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    >>> tls |= {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    >>> bucket = {"Version": "2012-10-17", "Statement": tls}
    >>> user, sent = "arn:aws:iam::111122223333:user/ada", {"aws:SecureTransport": "false"}
    >>> request = Request("s3:GetObject", "arn:aws:s3:::photos/a", user, sent, "111122223333")
    >>> why_not(request, identity=policy, resource=bucket)[0].sentence
    'statement 1 of the bucket policy denies it: aws:SecureTransport is false; send it over TLS'

    Raises:
        PolicySyntaxError: if a policy is text that is not one.
    """
    start = Scenario(
        request,
        {
            "identity": _documents(identity),
            "resource": None if resource is None else _documents(resource)[0],
            "boundary": None if boundary is None else _documents(boundary),
            "session": None if session is None else _documents(session),
            "service_control": [_documents(level) for level in levels_of(service_control)],
            "resource_control": [_documents(level) for level in levels_of(resource_control)],
            "endpoint": None if endpoint is None else _documents(endpoint),
            "block_public_access": block_public_access,
        },
    )
    first = start.decision()
    found: dict[str, Remedy] = {}
    for edit, case in candidates(start, first):
        if _mark(case.decision()) == _mark(first):
            continue
        edits = [edit]
        while len(edits) < MOST and _allows(case.decision()) == _allows(first):
            step = _next(case)
            if step is None:
                break
            edits.append(step[0])
            case = step[1]
        if _allows(case.decision()) != _allows(first):
            change = Remedy(tuple(edits), case.request, case.policies)
            found.setdefault(change.sentence, change)
    return sorted(found.values(), key=lambda change: change.size)


def _allows(decision: Decision) -> bool:
    return decision.result == ALLOWED


def _next(case: Scenario) -> tuple[Edit, Scenario] | None:
    """The smallest edit that takes away what stands in the way first."""
    before = case.decision()
    steps = sorted(candidates(case, before), key=lambda step: step[0].size)
    return next((step for step in steps if _mark(step[1].decision()) != _mark(before)), None)


def _mark(decision: Decision) -> tuple[object, ...]:
    return decision.result, decision.kind, decision.level, len(decision.statements), decision.reason


def _documents(policies: Policies) -> list[dict[str, Any]]:
    return [deepcopy(policy.data) for policy in policies_of(policies)]
