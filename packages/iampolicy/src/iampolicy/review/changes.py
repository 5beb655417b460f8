"""What changes when one policy takes the place of another: permissions gained, lost, widened or narrowed.

Two policies come in, changes go out, worst first, each an English sentence with a severity.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from iampolicy import catalogue
from iampolicy.compare import NOT, StatementRule, Way, classes, rules_of, said, ways_of, wider
from iampolicy.document import PolicyLike, as_policy
from iampolicy.review.english import describe_action, describe_resource, described
from iampolicy.words import listed

GAINED, LOST, WIDENED, NARROWED = "gained", "lost", "widened", "narrowed"
SEVERITIES = ("high", "medium", "low", "none")
LEVELS = {  # access level -> severity of gaining it (Service Authorization Reference, "Access levels")
    "Permissions management": "high",
    "Write": "medium",
    "Tagging": "medium",
    "Read": "low",
    "List": "low",
}
HAND_ON = {"iam:PassRole", "sts:AssumeRole"}  # though only "Write", they lend another's permissions
SHOWN = 3  # actions named in a sentence
BROAD = 3  # services from which on a gain is high whatever its actions


@dataclass(frozen=True)
class Change:
    """Actions that the new policy treats otherwise than the old one, in one way."""

    kind: str  # gained, lost, widened or narrowed
    severity: str  # high, medium or low for what is gained or widened; none for what is lost or narrowed
    sentence: str
    actions: tuple[str, ...]  # in AWS's spelling, sorted


def diff(old: PolicyLike, new: PolicyLike) -> list[Change]:
    """Say what `new` allows or denies otherwise than `old`, worst first; nothing for policies that do the same.

    >>> def puts(resource):
    ...     return {"Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": resource}}
    >>> [change] = diff(puts("arn:aws:s3:::photos/*"), puts("arn:aws:s3:::*"))
    >>> change.kind, change.severity
    ('widened', 'medium')

    A permission is widened if the old policy had it on fewer resources, under more conditions or for fewer
    principals, or denied it; narrowed the other way round.

    Raises:
        PolicySyntaxError: if either is text that is not a policy.
    """
    before, after = rules_of(as_policy(old)), rules_of(as_policy(new))
    found: dict[tuple[str, Way, Way | None], int] = {}
    for bits, formats in classes([*before, *after]):
        for key in _class_changes(before, after, bits, formats):
            found[key] = found.get(key, 0) | bits
    changes = [_change(kind, way, other, bits) for (kind, way, other), bits in found.items()]
    return sorted(changes, key=lambda c: (SEVERITIES.index(c.severity), c.kind, c.actions))


def _class_changes(
    before: list[StatementRule], after: list[StatementRule], bits: int, formats: tuple[str, ...] | None
) -> Iterator[tuple[str, Way, Way | None]]:
    """The changes of actions that the policies do not tell apart: kind, the way in question, what it compares with."""
    theirs, ours = ways_of(before, bits, formats), ways_of(after, bits, formats)
    listed = set(theirs) & set(ours)
    for one, others, own, more, wholly in (
        (ours, theirs, ours, WIDENED, GAINED),
        (theirs, ours, theirs, NARROWED, LOST),
    ):
        for way in one:
            if said(way, others, own, listed):
                continue
            if way.effect == "Deny":  # a new Deny narrows, and one that is gone widens
                yield NARROWED if wholly == GAINED else WIDENED, way, None
                continue
            same = [other for other in others if other.effect == "Allow"]
            if any(wider(other, way) for other in same):
                continue  # only a Deny makes the difference, and it is named itself
            smaller = next((other for other in same if wider(way, other)), None)
            yield (more if smaller else wholly), way, smaller


def _change(kind: str, way: Way, other: Way | None, bits: int) -> Change:
    actions = catalogue.load().names_of(bits)
    gains = kind in (GAINED, WIDENED)
    return Change(kind, _severity(actions, way) if gains else "none", _sentence(kind, way, other, actions), actions)


def _severity(actions: tuple[str, ...], way: Way) -> str:
    known = catalogue.load().actions
    services = {name.partition(":")[0] for name in actions}
    anybody = way.effect == "Allow" and way.principal is not None and any(value == "*" for _, value in way.principal)
    if anybody or len(services) >= BROAD or HAND_ON & set(actions):
        return "high"
    return min((LEVELS[known[name].access_level] for name in actions), key=SEVERITIES.index)


OPENINGS = {  # kind, effect of the way -> how the sentence begins
    (GAINED, "Allow"): "Now allows {who} to {what} on {where}",
    (WIDENED, "Allow"): "Allows more widely {who} to {what} on {where}",
    (WIDENED, "Deny"): "No longer forbids {who} to {what} on {where}",
    (LOST, "Allow"): "No longer allows {who} to {what} on {where}",
    (NARROWED, "Allow"): "Allows {who} less widely to {what}: no longer on {where}",
    (NARROWED, "Deny"): "Now forbids {who} to {what} on {where}",
}


def _sentence(kind: str, way: Way, other: Way | None, actions: tuple[str, ...]) -> str:
    where, when = _where(way, actions), _when(way)
    text = OPENINGS[kind, way.effect].format(who=_who(way), what=_what(actions), where=where) + when
    if other is not None:
        changed = _where(other, actions) if other.resource != way.resource else ""
        also = _when(other).removeprefix(", ") if other.tests != way.tests else ""
        who = f"for {_who(other)}" if other.principal != way.principal else ""
        rest = ", ".join(part for part in (f"on {changed}" if changed else "", also, who) if part)
        text += f"; before, only {rest}" if kind == WIDENED else f", only {rest}"
    return f"{text}."


def _who(way: Way) -> str:
    if way.principal is None:
        return "the caller"
    named = sorted(value for _, value in way.principal)
    words = "anyone" if named == ["*"] else listed(named)
    return f"everyone except {words}" if any(kind.startswith(NOT) for kind, _ in way.principal) else words


def _what(actions: tuple[str, ...]) -> str:
    if len(actions) <= SHOWN:
        return listed([describe_action(name) for name in actions])
    known = catalogue.load()
    services = [known.services[prefix] for prefix in sorted({name.partition(":")[0] for name in actions})]
    titles = [service.title for service in services]
    if len(actions) == len(known.names):
        return "use every action of every service"
    if sum(len(service.actions) for service in services) == len(actions):
        return f"use every action of {listed(titles)}"
    words = listed(titles) if len(titles) <= SHOWN else f"{len(titles)} services"
    return f"use {len(actions):,} actions of {words} ({', '.join(actions[:SHOWN])}, ...)"


def _where(way: Way, actions: tuple[str, ...]) -> str:
    services = {name.partition(":")[0] for name in actions}
    if way.resource.startswith(NOT):
        return f"everything except {listed([describe_resource(r, services) for r in way.resource[1:].splitlines()])}"
    return describe_resource(way.resource, services)


def _when(way: Way) -> str:
    return described((operator, key, sorted(values)) for operator, key, values in way.tests)
