"""A policy in English: what each statement allows or denies, to whom, where and when; and what it leaves open.

The words of an action are the catalogue's description of it, those of a resource its type and the names in its ARN. A
question is about one assumption: resources, regions and accounts that are "*", and a pass to roles without a service.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from iampolicy import catalogue
from iampolicy.catalogue import Action, ResourceType
from iampolicy.conditions import GLOBAL_KEYS, OPERATORS, read_operator, tests_of, values_of
from iampolicy.document import PolicyLike, Statement, as_policy
from iampolicy.patterns import has_wildcard
from iampolicy.words import listed

MOST = 6  # questions; a list that nobody reads asks nothing
QUANTIFIERS = {"forallvalues": "every value of ", "foranyvalue": "some value of "}
VERBS = {"Allow": "Allows", "Deny": "Forbids"}


def explain(policy: PolicyLike) -> list[str]:
    """Say each statement in one English sentence, in order.

    >>> when = {"Bool": {"aws:SecureTransport": "true"}}
    >>> statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::photos", "Condition": when}
    >>> print(*explain({"Statement": statement}))
    Allows the caller to use every action of Amazon S3 (s3:*) on the bucket photos, if TLS is used.

    Raises:
        PolicySyntaxError: if the policy is text that is not one.
    """
    return [sentence(statement) for statement in as_policy(policy).statements]


def sentence(statement: Statement, named: bool = True) -> str:
    """One statement in English.

    Args:
        named: whether an action's name stands in parentheses after its description.
    """
    verb = VERBS.get(str(statement.effect), "Neither allows nor forbids")
    who, what, where = _principals(statement), _actions(statement, named), _resources(statement)
    place = f" on {where}" if where else ""
    return f"{verb} {who} to {what}{place}{_conditions(statement.condition)}."


def describe_action(pattern: str, named: bool = True) -> str:
    """An Action value in words: "retrieve objects from Amazon S3 (s3:GetObject)"."""
    if action := catalogue.load().action(pattern):
        purpose = action.purpose.partition(". ")[0]
        return f"{purpose} ({action.name})" if named else purpose
    if pattern == "*":
        return "use every action of every service"
    prefix, _, operation = pattern.partition(":")
    service = catalogue.load().services.get(prefix.lower())
    if service is None or not has_wildcard(pattern):
        return f"use {pattern} (which does not exist)"
    title = service.title if not named else f"{service.title} ({pattern})"
    if operation == "*":
        return f"use every action of {title}"
    if operation.endswith("*") and not has_wildcard(operation[:-1]):
        return f"use every {operation[:-1]} action of {title}"
    return f"use every action of {title} that matches {operation}"


def describe_resource(arn: str, services: Iterable[str]) -> str:
    """A Resource value in words: "the table orders in us-east-1", or the ARN itself where no format of these fits."""
    if arn == "*":
        return "any resource"
    fits = [(kind, match) for kind in _types(tuple(sorted(services))) if (match := _format(kind.arn).fullmatch(arn))]
    if not fits:
        return arn
    # Of several formats that fit, the one with most fixed text says most.
    kind, match = max(fits, key=lambda fit: len(re.sub(r"\$\{\w+\}", "", fit[0].arn)))
    found = [(name.rpartition("_")[0].lower(), value) for name, value in match.groupdict().items()]
    values = dict(found)
    names = "/".join(value for name, value in found if name not in ("partition", "region", "account"))
    words = f"the {kind.name} {names}" if names else f"the {kind.name}"
    if values.get("region", "*") not in ("*", ""):
        words += f" in {values['region']}"
    if values.get("account", "*") not in ("*", ""):
        words += f" of account {values['account']}"
    return words


def describe_condition(operator: str, key: str, values: Any) -> str:
    """One condition in words: "the source IP address is in 10.0.0.0/8"."""
    quantifier, bare, optional = read_operator(operator)
    known = GLOBAL_KEYS.get(key.lower())
    called = known.words if known else ""
    name = QUANTIFIERS.get(quantifier, "") + (called or _spelled(key))
    given = values_of(values)
    true = any(value.lower() == "true" for value in given)
    if bare == "null":
        words = f"{name} is {'absent' if true else 'present'}"
    elif bare == "bool" and called:
        words = f"{name} is {'used' if true else 'not used'}"
    else:
        words = f"{name} {OPERATORS[bare].words if bare in OPERATORS else operator} {listed(given, 'or') or 'nothing'}"
    return words + (" or absent" if optional else "")


def _spelled(key: str) -> str:
    """A key as AWS writes it, where it came in lower case and takes no tag key."""
    known = catalogue.load().condition_key(key) if key.islower() and "/" not in key else None
    return known.name if known else key


def _principals(statement: Statement) -> str:
    given = statement.principal if statement.principal is not None else statement.not_principal
    if given is None:
        return "the caller"
    kinds = given if isinstance(given, dict) else {"AWS": given}
    named = [value for values in kinds.values() for value in values_of(values)]
    words = "anyone" if named == ["*"] else listed(named) or "nobody"
    return words if statement.principal is not None else f"everyone except {words}"


def _actions(statement: Statement, named: bool) -> str:
    by_service: dict[str, list[str]] = {}
    for pattern in statement.action_patterns:
        by_service.setdefault(pattern.partition(":")[0].lower(), []).append(describe_action(pattern, named))
    parts = []
    for prefix, words in by_service.items():
        service = catalogue.load().services.get(prefix)
        told = service is None or any(service.title in word for word in words)
        parts.append(listed(words) + (f" in {service.title}" if service and not told else ""))
    everything = "do everything except " if statement.not_actions is not None else ""
    return everything + ("; ".join(parts) or "do nothing")


def _resources(statement: Statement) -> str:
    services = statement.services
    words = listed([describe_resource(r, services) for r in (statement.resources or statement.not_resources or ())])
    if statement.not_resources is not None:
        return f"everything except {words}"
    return words or ("" if statement.resources is None else "no resource")


def _conditions(condition: dict[str, Any]) -> str:
    if not all(isinstance(keys, dict) for keys in condition.values()):
        return ", if a condition holds that AWS cannot read"
    return described(tests_of(condition))


def described(tests: Iterable[tuple[str, str, Any]]) -> str:
    """Tests as the end of a sentence: ", if the source VPC is vpc-1 and ..."; nothing if there are none."""
    words = listed([describe_condition(*test) for test in tests])
    return f", if {words}" if words else ""


@lru_cache(maxsize=4096)
def _types(services: tuple[str, ...]) -> tuple[ResourceType, ...]:
    known = catalogue.load().services
    return tuple(kind for prefix in services if prefix in known for kind in known[prefix].resource_types.values())


@lru_cache(maxsize=4096)
def _format(arn: str) -> re.Pattern[str]:
    """An ARN format as a pattern; a group is named after its variable and a number, for some occur twice."""
    parts = re.split(r"\$\{(\w+)\}", arn)
    pattern = re.escape(parts[0])
    for number, (name, text) in enumerate(zip(parts[1::2], parts[2::2], strict=True)):
        rest = number == (len(parts) - 3) // 2 and not text
        pattern += f"(?P<{name}_{number}>{'.+' if rest else '[^:/]*'})" + re.escape(text)
    return re.compile(pattern)


def questions(policy: PolicyLike, all_meant: bool = False) -> list[str]:
    """The questions that a policy leaves open: whole services, on which resources, in which places, for which services.

    Within these in the order of the statements; each once, and at most MOST.

    Args:
        all_meant: whether all resources are meant where it says so, as the request tells; then nobody is asked.

    Raises:
        PolicySyntaxError: if it is text that is not a policy.
    """
    statements = as_policy(policy).statements
    allowing = [s for s in statements if s.effect == "Allow"]
    found: dict[str, None] = {}
    resources = [] if all_meant else allowing
    parts = (
        (_about_whole_services, allowing),  # also where all resources are meant: who says "inspect" gets no iam:*
        (_about_resources, resources),
        (_about_places, statements),
        (_about_passing, allowing),
    )
    for about, of in parts:
        for statement in of:
            found |= dict.fromkeys(about(statement))
    return list(found)[:MOST]


def _about_whole_services(statement: Statement) -> list[str]:
    known = catalogue.load()
    asked = []
    for pattern in statement.actions or ():
        service, _, operation = pattern.partition(":")
        if pattern == "*" or (operation == "*" and service.lower() in known.services):
            actions = [known.actions[name] for name in known.expand(pattern)]
            changing = sum(action.access_level not in ("List", "Read") for action in actions)
            title = known.services[service.lower()].title if operation else "AWS"
            sizes = f"{pattern} is {len(actions):,} actions, {changing:,} of which change something"
            asked.append(f"Is the whole of {title} meant? {sizes}.")
    return asked


def _about_resources(statement: Statement) -> list[str]:
    if "*" not in (statement.resources or ()):
        return []
    kinds: dict[tuple[str, str], list[str]] = {}
    for pattern in statement.actions or ():
        for name in sorted(catalogue.load().expand(pattern)):
            action = catalogue.load().action(name)
            if action and action.resource_types:
                kinds.setdefault((action.service, _kind(action)), []).append(pattern)
    return [
        f"On which {kind} resources of {catalogue.load().services[service].title}? "
        f"The request names none, so {listed(dict.fromkeys(patterns), most=3)} may be called on all of them."
        for (service, kind), patterns in kinds.items()
    ]


def _kind(action: Action) -> str:
    """The resource type that an action is most about: one that its name has, or one that many actions take."""
    common = _common(action.service)
    return max(action.resource_types, key=lambda kind: (kind.lower() in action.operation.lower(), common[kind]))


@cache
def _common(service: str) -> Counter[str]:
    return Counter(kind for a in catalogue.load().services[service].actions.values() for kind in a.resource_types)


def _about_places(statement: Statement) -> list[str]:
    asked = []
    for arn in statement.resources or ():
        parts = arn.split(":", 5)
        if len(parts) == 6:
            missing = [word for word, part in (("region", parts[3]), ("account", parts[4])) if part == "*"]
            if missing:
                asked.append(f"In which {listed(missing)} is {arn}? The request does not say, so it is any.")
    return asked


def _about_passing(statement: Statement) -> list[str]:
    if not any("iam:PassRole" in catalogue.load().expand(p) for p in statement.actions or ()):
        return []
    if any(key.lower() == "iam:passedtoservice" for _, key, _ in tests_of(statement.condition)):
        return []
    return ["To which service may roles be passed? The request does not say, so it is any."]
