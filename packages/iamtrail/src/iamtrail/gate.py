"""What a draft must pass before a person attaches it: no finding left unexplained, what was seen allowed, more refused.

The same gate can be put to AWS's own validators (`live`), which need credentials.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random

from iampolicy import catalogue, words
from iampolicy import live as aws
from iampolicy.checks import Finding, validate
from iampolicy.patterns import covers
from iampolicy.simulate import ALLOWED, Decision, Request, consenting, simulate
from iamtrail.drafting import FILL_IN, Draft, filled
from iamtrail.evidence import Use
from iamtrail.observed import counted, kind_of, one_line
from iamtrail.proposals import via_service

NEIGHBOURS = 200  # calls beside the observed ones that are tried
LIVE = 50  # requests that AWS's simulator is asked at most: it takes a call each
SHOWN = 5  # resources in a line
NOBODYS = "111122223333"  # account of a caller whose own is not known
SIGNS = {"*": "\ue001", "?": "\ue002", "$": "\ue003"}  # literal in an ARN as ${*}, ${?}, ${$} -> what stands for it
HOLDERS = ("role", "permission set", "user")  # kinds of principals that identity policies are attached to
STOPPING = ("ERROR", "SECURITY_WARNING")
CONTEXT = {  # circumstance of a call -> condition key and value that a request has in it
    "vpcEndpointId": ("aws:SourceVpce", None),
    "tlsVersion": ("aws:SecureTransport", "true"),
    "mfa": ("aws:MultiFactorAuthPresent", None),
}


@dataclass(frozen=True)
class Gate:
    """The verdict. `passed` is what a pipeline asks for; the rest says why."""

    findings: tuple[Finding, ...]  # errors and security warnings that nothing explains
    explained: tuple[str, ...]  # sentences: security warnings that the evidence asks for
    refused: tuple[Request, ...]  # observed calls that the policy does not allow
    granted: tuple[Request, ...]  # neighbouring calls, never seen, that it allows
    allowed: int  # observed calls that were tried
    tried: int  # neighbouring calls that were tried
    waiting: int  # uses that wait for a placeholder to be filled in
    unnamed: int = 0  # calls that do not name their resource, though others of the action do
    limitless: tuple[str, ...] = ()  # callers that no identity policy limits

    @property
    def passed(self) -> bool:
        """Whether something was tried, and nothing speaks against the policy but questions for a person."""
        return self.allowed > 0 and not self.faulty

    @property
    def faulty(self) -> bool:
        """Whether something speaks against the policy."""
        return bool(self.findings or self.refused or self.granted or self.limitless)

    @property
    def open(self) -> bool:
        """Whether calls that were seen are not allowed, or not known to be, until somebody answers a question."""
        return bool(self.waiting or self.unnamed)


def gate(draft: Draft, live: bool = False) -> Gate:
    """Try a draft.

    Args:
        live: ask IAM Access Analyzer and IAM's policy simulator instead of `iampolicy`; the first LIVE requests of each
            kind only.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: if AWS is to be asked and cannot be.

    >>> call = {"eventTime": "2026-09-01T10:00:00Z", "eventSource": "dynamodb.amazonaws.com", "eventName": "GetItem"}
    >>> call |= {"awsRegion": "eu-west-1", "recipientAccountId": "111122223333"}
    >>> from iamtrail import draft
    >>> verdict = gate(draft([call | {"requestParameters": {"tableName": "orders"}}]))
    >>> verdict.passed, verdict.allowed, verdict.tried  # the observed call, and its neighbours
    (True, 1, 2)
    """
    policies = draft.policies
    judge = aws.validate if live else validate
    serious = [f for policy in policies for f in judge(filled(policy)) if f.severity in STOPPING]
    explained = {finding: why for finding in serious if (why := _why(finding, draft))}
    seen = list(_seen(draft))[: LIVE if live else None]
    near = list(_neighbours(draft))[: LIVE if live else None]

    def decide(request: Request) -> Decision:
        if live:
            return aws.simulate(request, identity=policies)
        # What the role itself trusts is not this policy's matter.
        return simulate(request, identity=policies, resource=consenting(request))

    def granted(request: Request) -> bool:
        """By the policy, not by AWS, which lets everybody do a few things."""
        decision = decide(request)
        return decision.result == ALLOWED and bool(decision.statements)

    return Gate(
        findings=tuple(finding for finding in serious if finding not in explained),
        explained=tuple(explained.values()),
        refused=tuple(request for request in seen if decide(request).result != ALLOWED),
        granted=tuple(request for request in near if granted(request)),
        allowed=len(seen),
        tried=len(near),
        waiting=sum(bool(use.formats) or not use.arns for use in draft.evidence.uses),
        unnamed=sum(use.unnamed for use in draft.evidence.uses),
        limitless=draft.evidence.limitless,
    )


def _why(finding: Finding, draft: Draft) -> str:
    """What the evidence says for a security warning; nothing for an error, or a warning that it does not cover."""
    if finding.severity != "SECURITY_WARNING" or not finding.code.startswith("PASS_ROLE"):
        return ""
    passed = next((use for use in draft.evidence.uses if use.action == "iam:PassRole"), None)
    if passed is None or not passed.arns or "*" in "".join(passed.arns):
        return ""
    return f"{finding.code}: {passed.calls:,} calls passed {', '.join(passed.arns)}, and the statement names these"


def _seen(draft: Draft) -> Iterator[Request]:
    """A request for each use and resource; where a pattern stands in the evidence, one of the names that it means."""
    for use in draft.evidence.uses:
        for arn in use.arns:
            yield Request(use.action, _name(arn), _caller(draft, arn), _context(use) | _tags(draft, use.action))


def _tags(draft: Draft, action: str) -> dict[str, str]:
    """Tags of a resource that the draft asks for in the place of names: those that were seen have to have them."""
    conditions = [s.condition for s in draft.policy.statements if action in (s.actions or ())]
    tests = (test for condition in conditions for test in condition.get("StringEquals", {}).items())
    return {key: value for key, value in tests if key.startswith("aws:ResourceTag/") and isinstance(value, str)}


def _neighbours(draft: Draft) -> Iterator[Request]:
    """Calls beside those that were seen: another resource, another action on the same resource.

    Left out is what the draft means to cover: patterns, actions without resource-level support.
    """
    rng = Random(0)
    uses = {use.action: use for use in draft.evidence.uses}
    named = [(use, arn) for use in uses.values() for arn in use.arns if arn != "*"]
    for use, arn in rng.sample(named, min(NEIGHBOURS // 2, len(named))):
        request = Request(use.action, _name(arn), _caller(draft, arn), _context(use))
        other = replace(request, resource=f"{request.resource}-another")
        if not _meant(draft, use.action, other.resource):
            yield other
        service = catalogue.load().services[use.action.partition(":")[0]]
        unseen = sorted(action.name for action in service.actions.values() if action.name not in uses)
        if unseen:
            yield replace(request, action=rng.choice(unseen))


def _meant(draft: Draft, action: str, arn: str) -> bool:
    """Whether a pattern of the policy that is wider than a name covers the ARN for the action."""
    arn = arn.translate({ord(sign): hidden for sign, hidden in SIGNS.items()})
    patterns = (p for s in draft.policy.statements if action in (s.actions or ()) for p in s.resources or ())
    return any("*" in _hidden(pattern) and covers(_hidden(pattern), arn) for pattern in patterns)


def _hidden(arn: str) -> str:
    """An ARN with letters of nobody's in the place of its literal signs, so that only our wildcards are wildcards."""
    for sign, hidden in SIGNS.items():
        arn = arn.replace(f"${{{sign}}}", hidden)
    return arn


def _caller(draft: Draft, arn: str) -> str:
    """Somebody of the resource's account: what another account has to allow, too, is not this policy's matter."""
    known = next((p for p in draft.evidence.principals if kind_of(p) in HOLDERS), "")
    account = (arn.split(":") + [""] * 5)[4]
    account = account if account.isdigit() else ""  # "aws" owns what everybody may use
    return known if known and account in ("", known.split(":")[4]) else f"arn:aws:iam::{account or NOBODYS}:role/any"


def _name(arn: str) -> str:
    """An ARN of the evidence as one name: a wildcard of AWS's own ids filled in, its literal signs as they are."""
    arn = _hidden(arn).replace("*", "x").replace("?", "x")
    return arn.translate({ord(hidden): sign for sign, hidden in SIGNS.items()})


def _context(use: Use) -> dict[str, str]:
    """Circumstances of one of the calls, as a request has them."""
    found = dict(use.contexts[0]) if use.contexts else {}
    known = {CONTEXT[name][0]: CONTEXT[name][1] or value for name, value in found.items() if name in CONTEXT}
    if service := found.get("invokedBy"):
        known |= {"aws:CalledVia": service, "kms:ViaService": via_service(service, (use.regions or ("",))[0])}
    if use.regions and use.regions[0]:
        known["aws:RequestedRegion"] = use.regions[0]
    if use.takers:
        known["iam:PassedToService"] = use.takers[0]
    return known


def sentences(gate: Gate) -> Iterable[str]:
    """The verdict in English, a line each."""
    waiting, unnamed = counted(gate.waiting, "action"), counted(gate.unnamed, "call")
    one = gate.unnamed == 1
    if not gate.passed:
        yield "The gate is not passed." if gate.faulty else "The gate is not passed yet, as nothing could be tried."
    elif gate.waiting:
        yield f"The gate is passed, but for {waiting}."
    else:
        but = f", but for {unnamed} that {'does' if one else 'do'} not name {'its' if one else 'their'} resource"
        yield f"The gate is passed{but if gate.unnamed else ''}."
    names, are = ("names", "is") if gate.allowed == 1 else ("name", "are")
    calls = counted(gate.allowed, "observed call")
    yield f"{gate.allowed - len(gate.refused):,} of {calls} that {names} a resource {are} allowed."
    if gate.tried:
        calls, are = counted(gate.tried, "made-up call"), "is" if gate.tried == 1 else "are"
        yield (
            f"{gate.tried - len(gate.granted):,} of {calls} beside them, on another resource or of another action, "
            f"{are} refused, as should be."
        )
    if gate.waiting:
        wait = "waits" if gate.waiting == 1 else "wait"
        yield f"{waiting} {wait} for a placeholder ({FILL_IN}...) to be filled in, and would be refused until then."
    if gate.unnamed:
        yield (
            f"{unnamed} {'does' if one else 'do'} not name {'its' if one else 'their'} resource, could not be tried, "
            "and would be refused on what the policy does not name."
        )
    for name in gate.limitless:
        yield f"{one_line(name)} is the root user: root cannot be limited by an identity policy."
    yield from _on_each("Not allowed, though it was seen", gate.refused)
    yield from _on_each("Allowed, though it was not seen", gate.granted)
    yield from dict.fromkeys(f"{finding.severity} {finding.code}: {finding.message}" for finding in gate.findings)
    yield from gate.explained


def _on_each(what: str, requests: Iterable[Request]) -> Iterable[str]:
    """A line for each action, with the resources that it was tried on."""
    by_action: dict[str, list[str]] = {}
    for request in requests:
        by_action.setdefault(request.action, []).append(one_line(request.resource))
    for action, resources in by_action.items():
        yield f"{what}: {action} on {words.listed(dict.fromkeys(resources), most=SHOWN)}"
