"""The policies that a model may write, as Lark grammars: of any request, and of one that was read.

`whole` is every policy that the catalogue can spell. `grounded` takes an Intent: any action of the services that
retrieval found, any span of the request in the ARN formats of the actions' resource types, any condition key that the
services know with an operator of its type. What no rule allows cannot be written: a resource that the request does
not name, a type that the actions cannot be on, a Principal in an identity policy. What all grammars of a kind share
stands in free.lark and grounded.lark; `lib.model.matcher` follows them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from iamintent import Intent
from iamintent.intent import Places
from iampolicy import catalogue
from iampolicy.catalogue import WITHOUT_SLASH, Action
from iampolicy.conditions import GLOBAL_KEYS, OPERATORS
from lib.model.matcher import GrammarError

_FREE, _GROUNDED = (
    Path(__file__).with_name(f"{name}.lark").read_text(encoding="utf-8") for name in ("free", "grounded")
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+|.")  # of an operation's name: "DB", "Instances"
_VARIABLE = re.compile(r"\$\{(\w+)\}|<\w+>")  # where a reader of the reference fills in a name


@cache
def _wildcards(prefix: str) -> tuple[str, ...]:
    """All of a service, and every wildcard that ends at the end of a word of an operation."""
    operations = [action.operation for action in catalogue.load().services[prefix].actions.values()]
    found = dict.fromkeys(f"{prefix}:{o[: w.end()]}*" for o in operations for w in _WORD.finditer(o))
    return (f"{prefix}:*", *found) if operations else ()


def _filled_in(text: str, plain: Callable[[str], str], pattern_of: Callable[[str], str]) -> str:
    """A documented format with a pattern for each of its variables, and what stands between them made plain."""
    parts, end = [], 0
    for match in _VARIABLE.finditer(text):
        parts += [plain(text[end : match.start()]), pattern_of(match[1])]
        end = match.end()
    return "".join([*parts, plain(text[end:])])


# Any request: what stands in the fields of an ARN, as regular expressions; a policy variable (${aws:username}) fits all

_POLICY_VARIABLE = r"\$\{[A-Za-z0-9:\/_-]+\}"
_PARTITION = r"(aws[a-z*-]*|\*)"
_REGION = rf"([a-z0-9*?-]*|{_POLICY_VARIABLE})"
_ACCOUNT = rf"([0-9*?]*|{_POLICY_VARIABLE})"
_PART = rf"([A-Za-z0-9_+=,.@:\/*?~%#!()&'-]|{_POLICY_VARIABLE})+"
_PART_WITHOUT_SLASH = rf"([A-Za-z0-9_+=,.@*?-]|{_POLICY_VARIABLE})+"
_TAG = rf"([A-Za-z0-9_.:\/=+@ -]|{_POLICY_VARIABLE})+"


@cache
def whole() -> str:
    """The grammar of every policy that the catalogue can spell; 2.7 MB of text, made once in 0.3 s.

    Actions exist or are wildcards `svc:Prefix*` that end where a word of the name ends and match at least one
    action; resources are "*" or ARNs in a documented format; operators and keys of conditions exist. What no
    context-free grammar can say is left to the checks: that an action supports a resource or a key, that nothing
    stands twice in a list or a block.
    """
    known = catalogue.load()
    actions = known.names.union(*map(_wildcards, known.services))
    operators = [o.name for o in OPERATORS.values() if o.family != "Bool"]
    return (
        f"{_FREE}ACTION: {_alternatives(map(json.dumps, sorted(actions)))}\n"
        f'ARN: /"{_arns()}"/\n'
        f'KEY: /"({_any_global_or(key for s in known.services.values() for key in s.condition_keys)})"/\n'
        f'TEST: /"(For(AllValues|AnyValue):)?({"|".join(operators)})(IfExists)?"/'
    )


def _escaped(text: str) -> str:
    """A text as a regular expression within slashes."""
    return re.sub(r"([^\w:-])", r"\\\1", text)


def _any_global_or(of_services: Iterable[str]) -> str:
    """A regular expression of condition keys: the global ones, and those given; a tag's key is free."""
    names = {
        re.sub(r"(?<=/)(tag-key)?$", "${TagKey}", key) for key in (*(k.key for k in GLOBAL_KEYS.values()), *of_services)
    }
    return "|".join(sorted({_filled_in(name, _escaped, lambda _: _TAG) for name in names}))


def _arns() -> str:
    """A regular expression of the documented ARN formats, and of everything of a service; a variable is free.

    Formats that differ in nothing but the resource stand together, which keeps the automaton small.
    """

    def field(format_: str, free: str) -> str:  # where it is empty many write a star
        return free if format_.startswith("$") else rf"({_escaped(format_)}|\*)"

    known = catalogue.load()
    formats: dict[tuple[str, str, str], set[str]] = {}
    for service, kinds in known.by_arn_service.items():
        for kind in kinds if "$" not in service else ():  # one is of any vendor
            _, _, _, region, account, resource = kind.arn.split(":", 5)
            same = formats.setdefault((service, field(region, _REGION), field(account, _ACCOUNT)), {r"\*"})
            part = lambda name: _PART_WITHOUT_SLASH if name in WITHOUT_SLASH else _PART  # noqa: E731
            same.add(_filled_in(resource, _escaped, part))
            if resource.count("$") > 1:  # "stack/${Name}/${Id}" is often written "stack/name*"
                same.add(rf"{_escaped(resource.partition('$')[0])}({_PART})?\*")
    for service in known.services:
        formats.setdefault((service, _REGION, _ACCOUNT), set()).add(r"\*")
    heads = (f"{_escaped(s)}:{r}:{a}:({'|'.join(sorted(rest))})" for (s, r, a), rest in sorted(formats.items()))
    return f"arn:{_PARTITION}:({'|'.join(heads)})"


# One request

MOST_ITEMS = 30  # actions, resources or values in a list
_SOME = re.compile(r"([\w-]+[-_])(?:something|anything|whatever)\b")  # "lab-something" means lab-*
_ANY_MACHINE = r'/"[a-z0-9.-]+\.amazonaws\.com(\.cn)?"/'
# Variables of ARN formats whose names have slashes: what has a path, and what services name like one
_SLASHED = re.compile(
    "Path|LogGroup|LogStream|SecretId|Parameter|RepositoryName|ObjectName|Topic|RoleName|UserName|GroupName|PolicyName"
    "|DomainName|Profile|Namespace|ResourceName|Resource$"
)
_CHUNK = re.compile(r"[\w-]+(?:[.+@][\w-]+)*|\s+|[^\w\s]")  # a name, white space, or a sign
_OPEN_KEY = re.compile(r"(/|:)(\$\{.*|<.*|tag-key)$|(?<=/)$")  # of a condition key: where a name of one's own stands
_TYPES = ("String", "ARN", "Bool", "Numeric", "Date", "IPAddress")  # of keys; some have several values: "List"
_TEXTS = ("String", "ARN")  # ARNs are compared as text, too

Keys = Mapping[str, Sequence[str]]  # type of a key -> keys, or the terminals that stand for them


def grounded(intent: Intent) -> str:
    """The grammar of the policies that a request may ask for; none at all ("Statement":[]) is one of them.

    Raises:
        GrammarError: if the catalogue knows none of its services.
    """
    services = [s for s in intent.services if s in catalogue.load().services and _groups(s)]
    if not services:
        asked = ", ".join(intent.services) or "of an empty list"
        raise GrammarError(f"the catalogue knows none of the services {asked}")
    rules = [_GROUNDED, *_operators(), *_places(intent.places), _spans(intent.request)]
    bodies: list[str] = []
    every: dict[str, list[str]] = {}  # type of a key -> the terminals of its keys
    for number, prefix in enumerate(services):
        of_service, own = _service(prefix, number)
        rules += of_service
        bodies += own
        _add(every, _terminals(_keys(prefix), f"_{number}"))
    _add(every, _terminals(_global_keys()))
    trusted = "(assume | any_actions)" if "ecr" in services else "assume"
    return "\n".join(
        [
            *rules,
            *_key_rules(_global_keys()),
            f"anything: {' | '.join(r.partition(':')[0] for r in rules if r.startswith('ACT_'))}",
            f"body: {' | '.join(bodies)} | star",
            _listed("any_actions", "anything"),
            f'trust: "\\"Action\\":" {trusted} trust_limits?',
            _listed("assume", "ASSUME"),
            *_blocks(every),
        ]
    )


def _listed(name: str, item: str) -> str:
    """A rule for one item as a string, or several as a list: as canonical() writes them."""
    return f'{name}: {item} | "[" {item} ("," {item}){{1,{MOST_ITEMS}}} "]"'


def _alternatives(texts: Iterable[str]) -> str:
    return " | ".join(json.dumps(text) for text in dict.fromkeys(texts))


def _operators() -> list[str]:
    """Terminals of the operators by the type of key that they compare."""
    of_type = {
        kind: "|".join(o.name for o in OPERATORS.values() if o.family.lower() == kind.lower()) for kind in _TYPES
    }
    rules = [f'OP_{kind.upper()}: /"({names})(IfExists)?"/' for kind, names in of_type.items()]
    return rules + [f'OP_LIST_{k.upper()}: /"For(AllValues|AnyValue):({of_type[k]})"/' for k in _TEXTS]


def _places(places: Places) -> list[str]:
    """Where and to which services a request may grant.

    What it names is meant: "*" stands in the place of a Region or an account only where it names none, or says "any" or
    the like.
    """
    anywhere = ["*"] if places.anywhere else []
    machines = _alternatives(map(json.dumps, places.service_principals))
    return [
        f"REGION: {_alternatives([*places.regions, *anywhere] or ['*'])} | VARIABLE",
        f"ACCOUNT: {_alternatives([*places.accounts, *anywhere] or ['*'])} | VARIABLE",
        f"PARTITION: {_alternatives(['aws', *places.partitions])}",
        f"MACHINE: {machines or _ANY_MACHINE}",
    ]


def _spans(request: str) -> str:
    """A terminal for what stands together in the request. Names are whole: an id is copied to its end, or not at all.

    Quotes, and what cannot stand in a policy, separate.
    """
    plain = "".join(c if c.isprintable() and c not in '"\\' else " " for c in request)
    plain = _SOME.sub(r"\1 ", plain)
    return f"SPAN: %regex {json.dumps({'substring_chunks': _CHUNK.findall(plain) or ['*']})}"


@cache
def _groups(prefix: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The actions and wildcards of a service by the resource types that they can be on, as many as one can write."""
    types = {action.name: _types(action) for action in catalogue.load().services[prefix].actions.values()}
    found: dict[tuple[str, ...], list[str]] = {}
    for name, kinds in types.items():
        found.setdefault(kinds, []).append(name)
    for wild in _wildcards(prefix):
        matched = catalogue.load().expand(wild)
        found.setdefault(tuple(sorted({k for name in matched for k in types[name]})), []).append(wild)
    return {kinds: tuple(names) for kinds, names in found.items()}


def _types(action: Action) -> tuple[str, ...]:
    known = catalogue.load().services[action.service].resource_types
    named = known if action.service in catalogue.OF_TWO_PAGES else action.resource_types
    kinds = {name for name in named if name in known}
    if action.service == "logs" and "log-stream" in kinds:  # "log-group:name:*" is a group and all of its streams
        kinds.add("log-group")
    return tuple(sorted(kinds))


@cache
def _keys(prefix: str) -> Keys:
    """The condition keys of a service alone, by type."""
    of_service = catalogue.load().services[prefix].condition_keys.values()
    return _by_type((key.name, key.type) for key in of_service if not key.name.startswith("aws:"))


@cache
def _global_keys() -> Keys:
    return _by_type((key.key, key.type) for key in GLOBAL_KEYS.values())


def _by_type(keys: Iterable[tuple[str, str]]) -> Keys:
    found: dict[str, list[str]] = {}
    for name, kind in keys:
        known = "List" if kind.startswith("ArrayOf") else kind if kind in _TYPES else "String"
        found.setdefault(known, []).append(name)
    return found


def _terminals(keys: Keys, suffix: str = "") -> Keys:
    return {kind: [f"KEY_{kind.upper()}{suffix}"] for kind in keys}


def _add(keys: dict[str, list[str]], more: Keys) -> None:
    for kind, names in more.items():
        keys.setdefault(kind, []).extend(names)


def _key_rules(keys: Keys, suffix: str = "") -> list[str]:
    """Terminals for condition keys, quoted; what a reader fills in, as a tag's key, is a span of the request."""
    rules = []
    for kind, names in keys.items():
        begun = sorted({_OPEN_KEY.sub(r"\1", name) for name in names if _OPEN_KEY.search(name)})
        parts = [json.dumps(json.dumps(name)) for name in names if not _OPEN_KEY.search(name)]
        parts += [f'{json.dumps(chr(34) + name)} TAG "\\""' for name in begun]
        rules.append(f"KEY_{kind.upper()}{suffix}: {' | '.join(parts)}")
    return rules


@cache
def _service(prefix: str, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rules of a service, and the names of those that are bodies of its statements with resources of their own."""
    groups = _groups(prefix)
    kinds = sorted({kind for group in groups for kind in group})
    of_group = {group: f"ACT_{number}_{place}" for place, group in enumerate(groups)}
    rules = [f"{of_group[group]}: {_alternatives(map(json.dumps, names))}" for group, names in groups.items()]
    rules += [f"ARN_{number}_{place}: {_arn(prefix, kind)}" for place, kind in enumerate(kinds)]
    bodies = {  # name -> actions, and the resources that they can be on
        f"{number}_{place}": ([of_group[group] for group in groups if kind in group], [f"ARN_{number}_{place}"])
        for place, kind in enumerate(kinds)
    }
    for place, group in enumerate(groups):
        if len(group) > 1:  # resources of several types in one statement
            bodies[f"{number}_of{place}"] = ([of_group[group]], [f"ARN_{number}_{kinds.index(k)}" for k in group])
    for name, (actions, arns) in bodies.items():
        rules += [
            f'body_{name}: ("\\"Action\\":" | "\\"NotAction\\":") actions_{name} '
            f'"," ("\\"Resource\\":" | "\\"NotResource\\":") arns_{name} limits_{number}?',
            f"action_{name}: {' | '.join(actions)}",
            _listed(f"actions_{name}", f"action_{name}"),
            f"arn_{name}: {' | '.join(arns)}",
            _listed(f"arns_{name}", f"arn_{name}"),
        ]
    keys: dict[str, list[str]] = {}
    _add(keys, _terminals(_keys(prefix), f"_{number}"))
    _add(keys, _terminals(_global_keys()))
    rules += _key_rules(_keys(prefix), f"_{number}")
    rules.append(f'limits_{number}: "," "\\"Condition\\":{{" block_{number} ("," block_{number})* "}}"')
    return (*rules, *_blocks(keys, f"_{number}")), tuple(f"body_{name}" for name in bodies)


def _arn(prefix: str, kind: str) -> str:
    """A terminal for the ARNs of a resource type, quoted: the format with spans where a reader fills in a name."""

    def field(format_: str, terminal: str) -> list[str]:
        return [terminal] if format_.startswith("$") else [f'({json.dumps(format_)} | "*")'] if format_ else []

    _, _, service, region, account, rest = catalogue.load().services[prefix].resource_types[kind].arn.split(":", 5)
    named = ['":"', "PLAIN_PART", '":"'] if "$" in service else [json.dumps(f":{service}:")]
    optional = "?" if prefix == "ssm" else ""  # AWS's own documents have no account
    parts = ['"\\"arn:"', "PARTITION", *named, *field(region, "REGION"), '":"', *field(account, "ACCOUNT"), optional]
    return " ".join([*parts, '":"', f"({_rest(rest)})", '"\\""'])


def _rest(rest: str) -> str:
    """What follows the account. A name that the format divides may be written with a star for all that follows."""
    literal = lambda text: f"{json.dumps(text)} " if text else ""  # noqa: E731
    part = lambda name: "PART " if _SLASHED.search(name or "Path") else "PLAIN_PART "  # noqa: E731
    whole = _filled_in(rest, literal, part).strip()
    return f'{whole} | {literal(rest.partition("$")[0])}PART? "*"' if rest.count("$") > 1 else whole


def _blocks(keys: Keys, suffix: str = "") -> list[str]:
    """Rules for the blocks of a Condition: an operator, and the keys of its type with their values."""
    blocks = [  # name, operator, keys, type of the values
        *(
            (kind, kind, [k for t in (_TEXTS if kind == "String" else (kind,)) for k in keys.get(t, ())], kind)
            for kind in _TYPES
        ),
        *((f"list_{kind}", f"LIST_{kind}", keys.get("List", ()), kind) for kind in _TEXTS),
        ("null", "NULL", list(dict.fromkeys(key for named in keys.values() for key in named)), "Bool"),
    ]
    blocks = [
        (f"{name.lower()}{suffix}", operator.upper(), named, kind) for name, operator, named, kind in blocks if named
    ]
    rules = [f"block{suffix}: {' | '.join(f'cond_{name}' for name, *_ in blocks)}"]
    for name, operator, named, kind in blocks:
        value = f"VALUE_{kind.upper()}"
        values = value if kind == "Bool" else f'({value} | "[" {value} ("," {value}){{1,{MOST_ITEMS}}} "]")'
        rules += [
            f'cond_{name}: OP_{operator} ":{{" test_{name} ("," test_{name})* "}}"',
            f'test_{name}: ({" | ".join(named)}) ":" {values}',
        ]
    return rules
