"""The request parameters that decide an action or name a resource, and their texts as a policy takes them.

What somebody else wrote into an event matches that text alone: "*", "?" and "${" become the policy variables ${*},
${?} and ${$} (IAM User Guide, "IAM policy elements: Variables and tags"). Parameters that nothing here reads, which may
be long or secret, are dropped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from iamtrail import tables

Parameters = Mapping[str, Any] | Iterable[tuple[str, Any]]
Pairs = tuple[tuple[str, str], ...]  # dotted name, text; sorted

DEEPEST = 12  # levels of nesting that are looked into: AWS WAF's statements lie in statements
MOST = 500  # pairs that one event keeps
LONGEST = 2_048  # characters of a value, as many as an ARN may have
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # what CloudTrail writes in the place of a secret value
# Any text: at the end of a value, after a slash, the rest of a path, and alone a name that lives for one run. A reader
# puts it where it cut values to keep rows few, and replaces it by LOST in what comes from outside.
CUT, LOST = "\ue000", "\ufffd"

KEYED = frozenset({"requestitems"})  # objects whose keys are names of resources (DynamoDB's BatchGetItem)
# In a list of operations, as CloudTrail writes it: {"operation": "Put", "tableName": ...} is read as {"put": {...}}.
OPERATION = "operation"
# That something is tagged is kept, not with what.
TAGS, TAGGED, GIVEN = "tags", ("tags", "taglist", "tagslist", "tagset"), "given"
FIRST_WORD = frozenset({"statement", "statements.statement", "transactstatements.statement"})  # only the verb counts
TAGGED_XML = frozenset({"tag", "content"})  # each of a list's entries in EC2: {"tag": 1, "content": "rtb-1"}
# EC2's newer operations are logged under one more name: {"CreateNatGatewayRequest": {"SubnetId": ...}}.
_WRAPPED = re.compile(r"[A-Z]\w+Request")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:\d{12}|aws|cloudfront|third-party)?:(.+)", re.DOTALL)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")


@cache
def kept() -> tuple[str, ...]:
    """The names that matter, sorted, dotted where nested, in CloudTrail's usual spelling ("tableName").

    Services differ in the case of the first letter, so names are compared without regard to case. Entries of a list
    share one name.
    """
    deciding = {rule.parameter for rule in tables.event_rules() if rule.parameter and "*" not in rule.parameter}
    aliases = {name for names in tables.ALIASES.values() for name in names}
    in_paths = {name for paths in tables.API_PATHS.values() for path in paths for name in re.findall(r"{(\w+)}", path)}
    listed = {*tables.READ, *tables.WHOLE, *tables.PRESENT, *tables.DEEP, *tables.OBJECTS, *tables.ANSWERED}
    return tuple(sorted({*tables.PARAMETERS, *deciding, *aliases, *in_paths, *listed}))


def flatten(parameters: Parameters | None) -> Pairs:
    """The pairs of an event's request parameters that matter, sorted and distinct; hidden and empty values left out.

    Args:
        parameters: parsed JSON, or pairs that this function made before; None and what is no object give ().
    """
    if isinstance(parameters, Mapping):
        given: Iterable[tuple[str, Any]] = _unwrapped(parameters).items()
    elif isinstance(parameters, str | bytes) or not isinstance(parameters, Iterable):
        return ()
    else:
        given = [pair for pair in parameters if isinstance(pair, tuple) and len(pair) == 2]
    wanted, pairs = _wanted(), [(str(name), value) for name, value in given]
    found = set()
    for path, value in _leaves(pairs, "", 0):
        name = _shortened(path)
        if name.lower() in wanted:
            text = value.split(None, 1)[0] if name.lower() in FIRST_WORD and value.strip() else value
            if text and text != HIDDEN and len(text) <= LONGEST:
                found.add((name, text))
    if any(name.lower() in TAGGED and value for name, value in pairs):
        found = {pair for pair in found if pair[0].lower() not in TAGGED} | {(TAGS, GIVEN)}
    found |= {(name, GIVEN) for name, value in pairs if name.lower() in _present() and value not in (None, "")}
    return tuple(sorted(found)[:MOST])


@cache
def _wanted() -> frozenset[str]:
    return frozenset(name.lower() for name in kept())


@cache
def _present() -> frozenset[str]:
    return frozenset(map(str.lower, tables.PRESENT))


@lru_cache(maxsize=65_536)
def _shortened(name: str) -> str:
    """A name that lies at any depth without what is between its first part and its last two."""
    parts = name.split(".")
    short = ".".join((parts[0], *parts[-2:])) if len(parts) > 3 else name
    return short if short.lower() in _deep() else name


@cache
def _deep() -> frozenset[str]:
    return frozenset(map(str.lower, tables.DEEP))


def _unwrapped(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    name, inside = next(iter(parameters.items()), ("", None))
    alone = len(parameters) == 1 and _WRAPPED.fullmatch(str(name))
    return inside if alone and isinstance(inside, Mapping) else parameters


def _leaves(pairs: Iterable[tuple[str, Any]], above: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        return
    for name, value in pairs:
        path = above + ".".join(part[:1].lower() + part[1:] for part in str(name).split("."))
        for entry in value if isinstance(value, list | tuple) else [value]:
            if isinstance(entry, Mapping) and "content" in entry and entry.keys() <= TAGGED_XML:
                yield from _leaves([(name, entry["content"])], above, depth + 1)
            elif isinstance(entry, Mapping):
                if path.lower() in KEYED and value is entry:
                    yield from ((path, str(key)) for key in entry)
                operation = entry.get(OPERATION) if path.lower() in KEYED else None
                inside = [(operation, entry)] if isinstance(operation, str) else entry.items()
                yield from _leaves(inside, f"{path}.", depth + 1)
            elif isinstance(entry, bool):
                yield path, str(entry).lower()
            elif isinstance(entry, str | int):
                yield path, str(entry)


def literal(value: str) -> str | None:
    """A text without wildcards or variables of its own; a path that the reader cut ends in a wildcard.

    None for what is too long for an ARN or has control characters, which no name of a resource has.

    >>> literal("reports/*"), literal("reports/" + CUT)
    ('reports/${*}', 'reports/*')
    """
    if len(value) > LONGEST or _UNSAFE.search(value):
        return None
    cut = value == CUT or value.endswith(f"/{CUT}")
    text = re.sub(r"[*?]|\$(?=\{)", lambda match: f"${{{match[0]}}}", value.removesuffix(CUT) if cut else value)
    return text + "*" if cut else text


def literal_arn(text: str) -> str | None:
    """An ARN without wildcards or variables of its own; None if the text is no ARN."""
    found = _ARN.fullmatch(text)
    rest = literal(found[1]) if found and len(text) <= LONGEST else None
    return None if found is None or rest is None else text[: found.start(1)] + rest
