"""What two policies allow and deny, compared permission by permission.

Policies come in, a Comparison goes out; nothing is read or written. A permission is an action of the catalogue
together with the effect, the resource, the principal and the conditions under which a statement names it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import eq
from typing import Any, NamedTuple

from iampolicy import catalogue
from iampolicy.conditions import OPERATORS, read_operator, tests_of, values_of, within
from iampolicy.document import Policy, PolicyLike, Statement, as_policy
from iampolicy.patterns import covers, glob, has_wildcard, overlaps

EQUAL, OVER, UNDER, INCOMPARABLE = "equal", "over", "under", "incomparable"
MOST_WAYS = 500  # of one action that are held against each other; a policy within the quotas has fewer
LITERAL = "\ue002{"  # stands for "${" where it is no variable
NOT = "!"  # before the patterns of a NotResource and the kinds of a NotPrincipal

Test = tuple[str, str, frozenset[str]]  # operator and key in lower case, values
Principals = frozenset[tuple[str, str]]  # kind and value


@dataclass(frozen=True)
class Permission:
    """Actions that a policy allows or denies in one way.

    `resource` is a pattern, or starts with "!" and is a NotResource; `condition` holds the tests that must all hold;
    `principal` is None in identity policies.
    """

    effect: str
    actions: tuple[str, ...]  # in AWS's spelling, sorted
    resource: str
    condition: tuple[Test, ...] = ()
    principal: Principals | None = None


@dataclass(frozen=True)
class Comparison:
    """How `actual` compares with `expected`, over permissions. Shares are from 0 to 1.

    An action counts 1 in each policy that allows or denies it in any way, split evenly over these ways.
    """

    precision: float  # of what actual says, the share that expected says, too
    recall: float  # of what expected says, the share that actual says, too
    relation: str  # equal, over (actual allows all that expected does, and more), under or incomparable
    extra: tuple[Permission, ...]  # what actual says and expected does not
    missing: tuple[Permission, ...]  # what expected says and actual does not
    expected_unknown: tuple[str, ...]  # Action values that match no action of the catalogue
    actual_unknown: tuple[str, ...]

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def compare(expected: PolicyLike, actual: PolicyLike) -> Comparison:
    """Compare what `actual` grants with what `expected` grants.

    >>> def reads(*actions):
    ...     statement = {"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::photos/*"}
    ...     return {"Version": "2012-10-17", "Statement": statement}
    >>> found = compare(reads("s3:GetObject"), reads("s3:GetObject", "s3:PutObject"))
    >>> found.relation, found.precision, found.recall, found.extra[0].actions
    ('over', 0.5, 1.0, ('s3:PutObject',))

    Wildcards are expanded in the catalogue; an action that does not exist grants nothing and is listed as unknown, and
    neither does an action on a resource that it cannot be used on. Where an unconditional Deny takes an Allow away,
    nothing is left of it. An empty policy has precision 1.0 and recall 0.0 unless both are empty (then both are 1.0).

    Raises:
        PolicySyntaxError: if either is text that is not a policy.
    """
    one, two = as_policy(expected), as_policy(actual)
    wanted, given = rules_of(one), rules_of(two)
    right = {"precision": 0.0, "recall": 0.0}
    sizes = {"precision": 0, "recall": 0}
    extra: list[tuple[int, Way]] = []
    missing: list[tuple[int, Way]] = []
    for bits, formats in classes([*wanted, *given]):
        theirs, ours = ways_of(wanted, bits, formats), ways_of(given, bits, formats)
        listed = set(theirs) & set(ours)
        surplus = [way for way in ours if not said(way, theirs, ours, listed)]
        lacking = [way for way in theirs if not said(way, ours, theirs, listed)]
        for name, ways, faults in (("precision", ours, surplus), ("recall", theirs, lacking)):
            if ways:
                right[name] += bits.bit_count() * (1 - len(faults) / len(ways))
                sizes[name] += bits.bit_count()
        extra += [(bits, way) for way in surplus]
        missing += [(bits, way) for way in lacking]
    shares = {name: right[name] / size if size else 1.0 for name, size in sizes.items()}
    # A deny that only actual has allows less, one that only expected has allows more.
    more = any(w.effect == "Allow" for _, w in extra) or any(w.effect == "Deny" for _, w in missing)
    less = any(w.effect == "Allow" for _, w in missing) or any(w.effect == "Deny" for _, w in extra)
    relation = {(False, False): EQUAL, (True, False): OVER, (False, True): UNDER}.get((more, less), INCOMPARABLE)
    return Comparison(
        **shares,
        relation=relation,
        extra=_merged(extra),
        missing=_merged(missing),
        expected_unknown=_unknown(one),
        actual_unknown=_unknown(two),
    )


def allowed_actions(policy: PolicyLike) -> frozenset[str]:
    """The catalogue's actions that the Allow statements of a policy match; a NotAction matches all others.

    >>> sorted(allowed_actions({"Statement": {"Effect": "Allow", "Action": ["s3:GetBucketA*", "sqs:Nothing"]}}))
    ['s3:GetBucketAbac', 's3:GetBucketAcl']

    Raises:
        PolicySyntaxError: if it is text that is not a policy.
    """
    known, found = catalogue.load(), 0
    for statement in as_policy(policy).statements:
        if statement.effect == "Allow":
            found |= _matched(statement)
    return frozenset(known.names_of(found))


def _matched(statement: Statement) -> int:
    """The actions that a statement speaks of, as bits."""
    known = catalogue.load()
    if statement.actions is not None:
        return known.bits_of(statement.actions)
    return known.bits("*") & ~known.bits_of(statement.not_actions) if statement.not_actions is not None else 0


class Way(NamedTuple):
    """One way in which a policy allows or denies an action."""

    effect: str
    resource: str
    tests: tuple[Test, ...]
    principal: Principals | None


class StatementRule(NamedTuple):
    """A statement: its actions as bits, and the ways in which it speaks of them."""

    bits: int
    ways: tuple[Way, ...]


def rules_of(policy: Policy) -> list[StatementRule]:
    """The statements that can apply; one whose condition is malformed never does."""
    literal = policy.data.get("Version") != "2012-10-17"  # before, "${" is text and no variable
    able = (s for s in policy.statements if all(isinstance(tests, Mapping) for tests in s.condition.values()))
    return [_rule(s, literal) for s in able if s.effect in ("Allow", "Deny")]


def _rule(statement: Statement, literal: bool) -> StatementRule:
    if statement.resources is not None:
        resources = statement.resources
    elif statement.not_resources is not None:
        resources = (NOT + "\n".join(sorted(set(statement.not_resources))),)
    else:
        resources = ("*",)  # a trust policy speaks of what it is attached to
    tests, principal = _tests(statement.condition), _principal(statement)
    if literal:
        resources = tuple(r.replace("${", LITERAL) for r in resources)
        tests = tuple((op, key, frozenset(v.replace("${", LITERAL) for v in values)) for op, key, values in tests)
    return StatementRule(
        _matched(statement), tuple(Way(statement.effect or "", r, tests, principal) for r in dict.fromkeys(resources))
    )


def _tests(condition: Mapping[str, Any]) -> tuple[Test, ...]:
    found = [
        (_same_operator(operator.lower(), values_of(values)), key.lower(), _same_values(operator, values_of(values)))
        for operator, key, values in tests_of(condition)
    ]
    return tuple(sorted(found, key=lambda test: (test[0], test[1], sorted(test[2]))))


def _same_operator(name: str, values: list[str]) -> str:
    """Of operators that say the same, one: ArnEquals is ArnLike; without wildcards all are StringEquals."""
    plain = not any(has_wildcard(value) for value in values)
    if "arn" in name:
        name = name.replace("arnequals", "arnlike").replace("arnnotequals", "arnnotlike")
        whole = plain and all(value.startswith("arn:") and value.count(":") >= 5 for value in values)
        return name.replace("arnlike", "stringequals").replace("arnnotlike", "stringnotequals") if whole else name
    if "like" in name and plain:
        return name.replace("stringlike", "stringequals").replace("stringnotlike", "stringnotequals")
    return name


def _same_values(operator: str, values: list[str]) -> frozenset[str]:
    folded = operator.lower().startswith(("bool", "null"))
    return frozenset(value.lower() if folded else value for value in values)


def _principal(statement: Statement) -> Principals | None:
    for element, mark in ((statement.principal, ""), (statement.not_principal, NOT)):
        if element is not None:
            kinds = element if isinstance(element, Mapping) else {"AWS": element}
            return frozenset(
                (mark + kind, _whole(kind, value)) for kind, values in kinds.items() for value in values_of(values)
            )
    return None


def _whole(kind: str, value: str) -> str:
    """An account id as the ARN that it stands for (IAM User Guide, "AWS account principals")."""
    return f"arn:aws:iam::{value}:root" if kind == "AWS" and re.fullmatch(r"\d{12}", value) else value


def classes(rules: list[StatementRule]) -> Iterator[tuple[int, tuple[str, ...] | None]]:
    """Actions that the rules do not tell apart, as bits; with their ARN formats where a rule asks for a resource."""
    classes: list[int] = []
    for rule in rules:
        rest, split = rule.bits, []
        for bits in classes:
            if not (inside := bits & rule.bits):
                split.append(bits)
                continue
            split += [part for part in (inside, bits ^ inside) if part]
            rest ^= inside
        classes = [*split, rest] if rest else split
    scoped = [rule for rule in rules if any(way.resource != "*" for way in rule.ways)]
    for bits in classes:
        if any(rule.bits & bits for rule in scoped):
            yield from _by_formats(bits)
        else:
            yield bits, None


def _by_formats(bits: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """A class of actions, split by the ARN formats that they can be used on."""
    known, formats_of = catalogue.load(), _formats()
    groups: dict[tuple[str, ...], int] = {}
    for name in known.names_of(bits):
        formats = formats_of[name]
        groups[formats] = groups.get(formats, 0) | known.bits(name)
    yield from ((group, formats) for formats, group in groups.items())


@cache
def _formats() -> dict[str, tuple[str, ...]]:
    """The ARN formats of every action of the catalogue, as patterns."""
    known = catalogue.load()
    return {action.name: known.formats(action) for action in known.actions.values()}


def ways_of(rules: Iterable[StatementRule], bits: int, formats: tuple[str, ...] | None) -> list[Way]:
    """The ways in which rules speak of a class of actions, without those that change nothing."""
    found = {
        way if formats is None or not _is_everything(way.resource, formats) else way._replace(resource="*"): None
        for rule in rules
        if rule.bits & bits
        for way in rule.ways
        if formats is None or _usable(way.resource, formats)
    }
    ways = list(found)
    if len(ways) == 1 or len(ways) > MOST_WAYS:
        return ways
    bans = [way for way in ways if way.effect == "Deny"]
    ways = [w for w in ways if w.effect == "Deny" or not any(wider(ban, w) for ban in bans)]
    kept: list[Way] = []
    for number, way in enumerate(ways):
        others = (other for other in [*kept, *ways[number + 1 :]] if other.effect == way.effect)
        if not any(wider(other, way) for other in others):
            kept.append(way)
    return kept


def _usable(resource: str, formats: tuple[str, ...]) -> bool:
    """Whether actions with these ARN formats can meet the resource; those without one are asked for on "*"."""
    if resource == "*" or resource.startswith(NOT):
        return True
    return any(overlaps(resource, arn) for arn in formats)


@lru_cache(maxsize=65_536)
def _is_everything(resource: str, formats: tuple[str, ...]) -> bool:
    """Whether a resource is "*" in other words: it has all that actions with these ARN formats can be used on.

    The formats name any partition; a policy works in one, that of its account.
    """
    if resource.startswith(NOT):
        return not formats
    partition = resource.split(":", 2)[1:2]
    return bool(formats) and all(covers(resource, ":".join(("arn", *partition, f.split(":", 2)[2]))) for f in formats)


def said(way: Way, others: list[Way], own: list[Way], listed: Collection[Way]) -> bool:
    """Whether the other policy says what `way` says, and takes nothing of it away that `own` leaves."""
    if way not in listed and not any(o.effect == way.effect and wider(o, way) for o in others[:MOST_WAYS]):
        return False
    if way.effect == "Deny":
        return True
    bans = [other for other in others if other.effect == "Deny" and _meets(other, way)]
    return all(any(mine.effect == "Deny" and wider(mine, ban) for mine in own) for ban in bans)


def wider(one: Way, two: Way) -> bool:
    """Whether `one` holds wherever `two` does, whatever their effects."""
    return (
        _covers_resource(one.resource, two.resource)
        and _covers_principal(one.principal, two.principal)
        and all(any(_implies(strong, weak) for strong in two.tests) for weak in one.tests)
    )


def _covers_resource(wide: str, narrow: str) -> bool:
    if wide in ("*", narrow):
        return True
    if not wide.startswith(NOT):
        return not narrow.startswith(NOT) and covers(wide, narrow)
    excluded = wide[1:].split("\n")
    if narrow.startswith(NOT):
        also = narrow[1:].split("\n")
        return all(any(covers(other, pattern) for other in also) for pattern in excluded)
    return not any(overlaps(pattern, narrow) for pattern in excluded)


def _meets(one: Way, two: Way) -> bool:
    a, b = one.resource, two.resource
    if a.startswith(NOT) or b.startswith(NOT):
        a, b = (b, a) if b.startswith(NOT) else (a, b)
        return b.startswith(NOT) or not any(covers(pattern, b) for pattern in a[1:].split("\n"))
    return overlaps(a, b)


def _covers_principal(wide: Principals | None, narrow: Principals | None) -> bool:
    if wide is None or narrow is None:
        return wide == narrow
    return ("AWS", "*") in wide or wide >= narrow


def _implies(strong: Test, weak: Test) -> bool:
    """Whether a request that passes `strong` passes `weak`: for ever fewer values, or more where none may match."""
    if strong[1] != weak[1] or strong[0] not in (weak[0], weak[0].removesuffix("ifexists")):
        return False
    name = read_operator(strong[0]).bare
    contains: Callable[[str, str], bool] = CONTAINS.get(name.replace("not", ""), eq)
    wide, narrow = (strong[2], weak[2]) if name in OPERATORS and OPERATORS[name].negated else (weak[2], strong[2])
    return narrow <= wide or all(any(contains(w, n) for w in wide) for n in narrow)


def _in_pattern(wide: str, narrow: str) -> bool:
    # A variable is no text yet: only the same one is within it.
    return wide == narrow or ("${" not in wide + narrow and not ("?" in wide and "*" in narrow) and glob(wide, narrow))


CONTAINS: dict[str, Callable[[str, str], bool]] = {  # operator -> whether one value holds wherever another one does
    "ipaddress": lambda wide, narrow: wide == narrow or within(wide, narrow),
    "stringlike": _in_pattern,
}


def _merged(found: list[tuple[int, Way]]) -> tuple[Permission, ...]:
    by_way: dict[Way, int] = {}
    for bits, way in found:
        by_way[way] = by_way.get(way, 0) | bits
    names = catalogue.load().names_of
    return tuple(Permission(w.effect, names(bits), w.resource, w.tests, w.principal) for w, bits in by_way.items())


def _unknown(policy: Policy) -> tuple[str, ...]:
    known = catalogue.load()
    named = dict.fromkeys(p for s in policy.statements for p in s.action_patterns)
    return tuple(pattern for pattern in named if not known.bits(pattern))
