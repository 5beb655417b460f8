"""What a hand-written request must be before it may stay: a policy that AWS takes, that decides as it says, and that
the request determines.

An Asked record comes in; faults (it must not stay) and notes (somebody must look) go out, as sentences.
"""

import json
import re
from collections.abc import Iterator, Sequence

from iampolicy import catalogue
from iampolicy.checks import validate
from iampolicy.document import Policy, Statement
from iampolicy.patterns import overlaps
from iampolicy.principals import caller
from iampolicy.simulate import ALLOWED, Decision, Request, simulate
from lib.data.requests import ASK, REFUSE, Asked, Case
from lib.data.wording import names_in, nearest_pairs, shape

CALLER = "arn:aws:iam::111122223333:role/app"  # who asks an identity policy
OUTSIDE = "000000000000"  # owns what a resource's policy is asked for: only its own words count then
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
GRAVE = ("ERROR", "SECURITY_WARNING")
LEAST, MOST = 12, 2_000  # characters of a request
NEAR = 0.8  # similarity of words from which on two requests are one
_SAID_BY_FORMAT = {"aws", "lambda", "codebuild", "role", "user", "group", "root", "policy", "ecs", "eks", "rds", "vpc"}


def faults(asked: Asked) -> list[str]:
    """Why a request may not stay, in sentences; none: it may."""
    return list(_faults(asked))


def _faults(asked: Asked) -> Iterator[str]:
    if not LEAST <= len(asked.request) <= MOST:
        yield f"the request has {len(asked.request)} characters, not {LEAST} to {MOST}"
    if asked.request != " ".join(asked.request.split(" ")).strip():
        yield "the request has blanks at an end"
    if asked.outcome == REFUSE:
        return
    policy = Policy(asked.policy)
    if "Version" not in policy.data or any(s.sid is not None for s in policy.statements):
        yield "the policy needs a Version, and no Sids"
    kind = "resource" if asked.type == "trust" else asked.type
    grave = [f for f in validate(policy, asked.type) if f.severity in GRAVE]
    yield from (f"{f.code} at {f.path}: {f.message}" for f in grave)
    if not policy.statements or any(f.severity == "ERROR" for f in grave):
        return
    for number, statement in enumerate(policy.statements):
        yield from (f"statement {number}: {said}" for said in _unusable(statement))
    filled = Policy(located(asked.policy, asked.facts))
    if asked.facts and filled == policy:
        yield "facts fill nothing: no ARN of a resource has * in such a field"
    wrong = [f for f in validate(filled, asked.type) if f.severity in GRAVE and f not in grave]
    yield from (f"with the facts filled in, {f.code} at {f.path}: {f.message}" for f in wrong)
    if not asked.deny or not (asked.allow or not any(s.effect == "Allow" for s in policy.statements)):
        yield "allow and deny each need a case"
    used: set[int] = set()
    for wanted, cases in ((True, asked.allow), (False, asked.deny)):
        for case in cases:
            if not catalogue.load().action(case.action) or not case.resource:
                yield f"{case.action!r} on {case.resource!r} is no call: write an action that exists, and a resource"
            decision = decide(policy, case, kind)
            used |= {m.statement for m in decision.statements if m.kind == _KINDS[kind] and m.policy == 0}
            if (decision.result == ALLOWED) != wanted:
                yield f"{case.action} on {case.resource} is {decision.result}: {decision.reason}"
    for number in sorted(set(range(len(policy.statements))) - used):
        yield f"statement {number} decides none of the cases of allow and deny"


def _unusable(statement: Statement) -> Iterator[str]:
    """Actions that do not exist, and those that none of the statement's resources can be used with."""
    known = catalogue.load()
    for pattern in statement.action_patterns:
        actions = [known.actions[name] for name in known.expand(pattern)]
        if not actions:
            yield f"{pattern} is no action"
        formats = {arn for action in actions for arn in known.formats(action)}
        named = statement.resources if statement.actions and statement.resources else ("*",)
        if actions and not any(r == "*" or any(overlaps(r, arn) for arn in formats) for r in named):
            yield f"{pattern} cannot be used on {named[0]}"


_KINDS = {"identity": "identity", "resource": "resource", "scp": "service_control"}


def decide(policy: Policy, case: Case, kind: str = "identity") -> Decision:
    """What a policy of a kind makes of a case.

    One that only denies is tried beside one that allows everything. A resource's policy is asked by callers of another
    account than the resource's who may do everything, so that its own words decide.
    """
    who = case.principal or CALLER
    only_denies = all(s.effect == "Deny" for s in policy.statements)
    if kind == "resource":
        request = Request(case.action, case.resource, who, case.context, OUTSIDE)
        beside = [EVERYTHING | {"Statement": EVERYTHING["Statement"] | {"Principal": "*"}}] if only_denies else []
        if beside:  # one resource has one policy: that which allows everything is part of it
            policy = Policy(policy.data | {"Statement": [*policy.data["Statement"], beside[0]["Statement"]]})
        return simulate(request, identity=EVERYTHING, resource=policy)
    own = caller(who).account  # the resource is of the caller's account, whatever account a case's ARN has
    request = Request(case.action, case.resource, who, case.context, own)
    if kind == "scp":
        return simulate(request, identity=EVERYTHING, service_control=[[policy, EVERYTHING]])
    return simulate(request, identity=[policy, EVERYTHING] if only_denies else policy)


def located(policy: dict, facts: dict[str, str]) -> dict:
    """The policy with the region and the account that a person names, in ARNs of resources that have "*" there."""

    def filled(arn: str) -> str:
        fields = arn.split(":", 5)
        if len(fields) < 6:
            return arn
        for position, name in ((3, "region"), (4, "account")):
            if fields[position] == "*" and name in facts:
                fields[position] = facts[name]
        return ":".join(fields)

    def changed(value: str | list[str]) -> str | list[str]:
        return filled(value) if isinstance(value, str) else [filled(v) for v in value]

    given = policy["Statement"]
    statements = [
        s | {name: changed(s[name]) for name in ("Resource", "NotResource") if name in s}
        for s in (given if isinstance(given, list) else [given])
    ]
    return policy | {"Statement": statements}


def notes(asked: Asked) -> list[str]:
    """What a policy says and the request does not, as far as letters show it: names, regions and accounts in ARNs."""
    if asked.outcome == REFUSE:
        return []
    said = f"{asked.request} {asked.reply if asked.outcome == ASK else ''}".casefold()
    found = dict.fromkeys(word for arn in arns(asked.policy) for word in _words(arn) if word.casefold() not in said)
    return [f"the policy names {word!r} and the request does not" for word in found]


def arns(policy: dict) -> list[str]:
    """The ARNs of the Resource elements of a policy."""
    values = [v for s in Policy(policy).statements for v in (s.resources or s.not_resources or ())]
    return [value for value in values if value.startswith("arn:")]


def _words(arn: str) -> Iterator[str]:
    """The parts of an ARN that somebody must have said."""
    fields = arn.split(":", 5)
    yield from (part for part in fields[3:5] if part not in ("", "*", "aws"))
    formats = {
        word
        for kind in (catalogue.load().services[fields[2]].resource_types.values() if _known(fields[2]) else ())
        for word in re.split(r"[:/${}*]+", kind.pattern)
    }
    for word in re.split(r"[:/*]+", re.sub(r"\$\{[^}]*\}", "*", fields[-1])):
        if len(word) > 1 and word not in formats and word not in _SAID_BY_FORMAT:
            yield word.strip("-_")


def _known(service: str) -> bool:
    return service in catalogue.load().services


def alike(found: Sequence[Asked]) -> list[tuple[Asked, Asked, str]]:
    """Pairs of requests of one sentence shape, or nearly the same words, with what they share."""
    by_shape: dict[str, Asked] = {}
    pairs = []
    for asked in found:
        form = shape(asked.request, names_in(json.dumps(asked.policy)))
        first = by_shape.setdefault(form, asked)
        if first is not asked:
            pairs.append((first, asked, f"one shape: {form[:100]!r}"))
    near = nearest_pairs([a.request for a in found], NEAR)
    return pairs + [(found[i], found[j], f"words alike to {share:.0%}") for i, j, share in near]
