"""Which AWS services and actions a text mentions, and the wildcards by which it asks for a whole level of access.

A text comes in; a weight for each service of the catalogue goes out, 1 where the text names it beyond doubt: by title,
by what people call it, by prefix, by ARN. "Read-only access to DynamoDB" asks for the reading verbs of a service.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TypeVar

import numpy as np

from iamintent.words import TABLES, nouns
from iampolicy import catalogue, words

WEAK = 0.4  # a name in lower case that is an ordinary word, too: "backup", "config"
_WORD = re.compile(r"[A-Za-z0-9][\w&'/-]*|\(|\)")
_LITERAL = re.compile(
    r"\barn:[\w-]*:([a-z0-9-]+):"  # of an ARN
    r"|(?<![\w:/.-])([a-z][a-z0-9-]+):[A-Z*]"  # of an action
    r"|(?<![\w-])([a-z0-9-]+)\.amazonaws\.com"  # of a service principal
)
_MAKER = re.compile(r"^(AWS|Amazon) ")
_ASIDE = re.compile(r"^(.*?) \(([^)]+)\)$")

Name = TypeVar("Name", str, tuple[str, ...])
Prefixes = tuple[str, ...]
Names = dict[tuple[str, ...], Prefixes]  # the words of a name in lower case -> the prefixes that bear it


@cache
def order() -> dict[str, int]:
    """The position of each service prefix in the catalogue's order."""
    return {prefix: position for position, prefix in enumerate(catalogue.load().services)}


@cache
def titles() -> Names:
    """What services are called."""
    return bearers((_spoken(name), prefix) for prefix in order() for name in _called(prefix))


@cache
def names() -> Names:
    """What services and their resources are called: "queue" names Amazon SQS."""
    spoken = [
        (form, prefix) for (prefix, _), of in nouns().items() for noun in of for form in (noun, words.plural(noun))
    ]
    pairs = [(name, prefix) for name, prefixes in titles().items() for prefix in prefixes]
    return bearers([*pairs, *((_spoken(form), prefix) for form, prefix in spoken)])


def bearers(pairs: Iterable[tuple[Name, str]]) -> dict[Name, Prefixes]:
    """For each name the prefixes that bear it, in order."""
    found: dict[Name, set[str]] = {}
    for name, prefix in pairs:
        found.setdefault(name, set()).add(prefix)
    return {name: tuple(sorted(prefixes)) for name, prefixes in found.items()}


def _called(prefix: str) -> set[str]:
    title, known = catalogue.load().services[prefix].title, words.services().get(prefix)
    called = {title, *(known.names + known.also if known else ())}
    called |= {part for name in called if (aside := _ASIDE.match(name)) for part in aside.groups()}
    called |= {_MAKER.sub("", name) for name in called}
    called |= {name.removesuffix(" Service") for name in called if len(name.split()) > 2}
    return called | ({prefix} if len(prefix) > 2 else set())


def _spoken(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


@cache
def _most_words() -> int:
    return max(map(len, names()))


def longest_runs(
    said: Sequence[str], most: int, bearers: Callable[[Sequence[str]], Prefixes | None]
) -> Iterator[tuple[Sequence[str], Prefixes]]:
    """The runs of at most so many words that somebody bears as a name; the longest wins, and they do not overlap."""
    position = 0
    while position < len(said):
        runs = (said[position : position + size] for size in range(min(most, len(said) - position), 0, -1))
        run, prefixes = next(((run, found) for run in runs if (found := bearers(run))), (said[:1], ()))
        if prefixes:
            yield run, prefixes
        position += len(run)


def mentions(text: str) -> Iterator[tuple[str, Prefixes]]:
    """Every name of a service in the text, as it stands there, with the prefixes that bear it, in its order.

    >>> list(mentions("EventBridge Pipes and SQS"))
    [('EventBridge Pipes', ('pipes',)), ('SQS', ('sqs',))]
    """
    found = longest_runs(_WORD.findall(text), _most_words(), lambda run: names().get(tuple(w.lower() for w in run)))
    return ((" ".join(run), prefixes) for run, prefixes in found)


@lru_cache(maxsize=1_024)
def evidence(text: str) -> np.ndarray:
    """How surely the text names each service.

    Returns:
        float32 of shape (services,), from 0 to 1, in the catalogue's order; not to be written to.
    """
    weights = [(p, (WEAK if said.islower() else 1.0) / len(of) ** 0.5) for said, of in mentions(text) for p in of]
    for match in _LITERAL.finditer(text):
        # The ARN of a role more often names who asks than what is asked for.
        weights.append((next(filter(None, match.groups())), WEAK if match[1] in ("iam", "sts") else 1.0))
    found = np.zeros(len(order()), dtype=np.float32)
    for prefix, weight in weights:
        if prefix in order():
            found[order()[prefix]] = max(found[order()[prefix]], weight)
    found.flags.writeable = False
    return found


def services_named(text: str, least: float) -> list[str]:
    """The prefixes of the services for which the evidence is at least so much, in the catalogue's order.

    >>> services_named("move objects from S3 to the SQS queue jobs", least=0.9)
    ['s3', 'sqs']
    """
    weights = evidence(text)
    return [prefix for prefix, position in order().items() if weights[position] >= least]


BESIDE = 0.5  # evidence of a service beside which an operation alone names an action
_ACTION = re.compile(r"(?<![\w:/.-])([a-z][a-z0-9-]*:[A-Z]\w+)")
_OPERATION = re.compile(r"(?<![\w:/.-])[A-Z][a-z]+[A-Z]\w+(?![\w:/.-])")
_PASS = re.compile(r"\b(?:pass|hand|giv)\w* .{0,80}\broles?\b.{0,80}\bto\b", re.IGNORECASE)


@lru_cache(maxsize=1_024)
def actions_named(text: str) -> frozenset[str]:
    """The actions that a text writes out: "s3:GetObject", or "GetObject" beside the name of its service.

    Passing a role counts as writing out iam:PassRole.

    >>> sorted(actions_named("call kms:Decrypt, and GetObject of S3"))
    ['kms:Decrypt', 's3:GetObject']
    """
    found = set(_ACTION.findall(text))
    if operations := _OPERATION.findall(text):
        found |= {f"{service}:{o}" for service in services_named(text, BESIDE) for o in operations}
    known = {action.name for name in found if (action := catalogue.load().action(name))}
    return frozenset(known | {"iam:PassRole"} if _PASS.search(text) else known)


# Levels of access and families of actions ("all Describe calls") that a sentence asks for as a whole

_LEVELS = {level: re.compile(rf"\b(?:{'|'.join(said)})", re.IGNORECASE) for level, said in TABLES.levels.items()}
_VERBS = r"([A-Z][A-Za-z]+(?:(?:,? and |,? or |, )[A-Z][A-Za-z]+){0,20})"
# What begins a sentence in upper case and is no verb of an operation, though "All*" would match ec2:AllocateAddress.
_NO_VERB = r"(?!(?:Allow|All|Any|Every|Each|Grant|Permit|Give|Let|Deny|Only|The|Please|Use|Make)\b)"
_FAMILY = re.compile(
    rf"\b{_NO_VERB}{_VERBS}\*? (?:[\w ]{{0,40}}?)(?:actions?|calls?|operations?|APIs?)\b"
    rf"|(?:start(?:s|ing)?|begin(?:s|ning)?) with {_VERBS}"
)
_WRITTEN = re.compile(r"(?<![\w:/.-])([a-z][a-z0-9-]*:(?:[A-Z]\w*)?\*)")
MOST_WHOLE = 4  # services of which a sentence asks for as a whole


def wildcards(sentence: str, around: str = "") -> list[str]:
    """The wildcards that a sentence asks for, in the reference's spelling; empty if it asks for single actions.

    Args:
        around: the whole request, which may name the service where the sentence does not.

    >>> wildcards("read-only access to SQS"), wildcards("every Describe call of ECS"), wildcards("read a queue")
    (['sqs:Get*', 'sqs:List*'], ['ecs:Describe*'], [])
    """
    found = [p for p in _WRITTEN.findall(sentence) if catalogue.load().expand(p)]
    services = _most_named(sentence) or _most_named(around)
    families = [match[1] or match[2] for match in _FAMILY.finditer(sentence)]
    verbs = [verb for family in families for verb in re.findall("[A-Z][A-Za-z]+", family)]
    found += [p for s in services for verb in verbs if catalogue.load().expand(p := f"{s}:{verb}*")]
    if not found:
        level = next((level for level, said in _LEVELS.items() if said.search(sentence)), None)
        found = [p for s in services for p in of_level(s, level)] if level else []
    return list(dict.fromkeys(found))


def _most_named(text: str) -> list[str]:
    return services_named(text, max(0.3, 0.7 * evidence(text).max(initial=0)))[:MOST_WHOLE]


def of_level(service: str, level: str) -> tuple[str, ...]:
    """The wildcards that make up a level of access; empty if the service has no actions for it, or not cleanly."""
    known = catalogue.load()
    if level == "full":
        return (f"{service}:*",)
    if level == "list":
        return (f"{service}:List*",) if len(known.expand(f"{service}:List*")) > 1 else ()
    chosen = []
    for verb in (*TABLES.reading, *TABLES.reading_too):
        pattern = f"{service}:{verb}*"
        found = [known.actions[name] for name in known.expand(pattern)]
        reads = sum(a.access_level in ("Read", "List") for a in found)
        if verb in TABLES.reading:
            if reads < 0.9 * len(found):
                return ()
            chosen += [pattern] if found else []
        elif found and reads == len(found):
            chosen.append(found[0].name if len(found) == 1 else pattern)
    return tuple(chosen)
