"""The policies that a model may write for a request that it reads by itself, as a Lark grammar.

A request and the services that retrieval found go in; what goes out lets the model choose any action of these
services, copy any span of the request into the ARN formats of the actions' resource types, and test any condition key
that the services know with an operator of its type. What no rule of the grammar allows cannot be written: a resource
that the request does not name, a type that the actions cannot be on, a Principal in an identity policy. The form is
that of `iampolicy.document.canonical`; `lib.model.matcher` follows it.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache

from iampolicy import catalogue
from iampolicy.catalogue import Action
from iampolicy.checks.keys import GLOBAL, GLOBAL_LISTS
from lib.model.grammar import VARIABLE, WORD
from lib.model.matcher import GrammarError

MOST_STATEMENTS = 12  # of one request; a model that goes round in circles ends there
MOST_ITEMS = 30  # actions, resources or values in a list
_REGION_CODE = re.compile(r"\b[a-z]{2}(?:-[a-z]+){1,2}-\d(?!\d)")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
# Variables of ARN formats whose names have slashes: what has a path, and what services name like one
_SLASHED = re.compile(
    "Path|LogGroup|LogStream|SecretId|Parameter|RepositoryName|ObjectName|Topic|RoleName|UserName|GroupName|PolicyName"
    "|DomainName|Profile|Namespace|ResourceName|Resource$"
)
_CHUNK = re.compile(r"[\w-]+(?:[.+@][\w-]+)*|\s+|[^\w\s]")  # a name, white space, or a sign
_PLACES = {  # AWS's own names of its regions (AWS Regions and Availability Zones), and what people say instead
    "virginia": "us-east-1",
    "ohio": "us-east-2",
    "california": "us-west-1",
    "oregon": "us-west-2",
    "canada": "ca-central-1",
    "montreal": "ca-central-1",
    "calgary": "ca-west-1",
    "paulo": "sa-east-1",
    "brazil": "sa-east-1",
    "ireland": "eu-west-1",
    "dublin": "eu-west-1",
    "london": "eu-west-2",
    "paris": "eu-west-3",
    "frankfurt": "eu-central-1",
    "zurich": "eu-central-2",
    "milan": "eu-south-1",
    "spain": "eu-south-2",
    "stockholm": "eu-north-1",
    "cape town": "af-south-1",
    "bahrain": "me-south-1",
    "uae": "me-central-1",
    "emirates": "me-central-1",
    "tel aviv": "il-central-1",
    "mumbai": "ap-south-1",
    "hyderabad": "ap-south-2",
    "singapore": "ap-southeast-1",
    "sydney": "ap-southeast-2",
    "jakarta": "ap-southeast-3",
    "melbourne": "ap-southeast-4",
    "tokyo": "ap-northeast-1",
    "seoul": "ap-northeast-2",
    "osaka": "ap-northeast-3",
    "hong kong": "ap-east-1",
}
_OPEN_KEY = re.compile(r"(/|:)(\$\{.*|<.*|tag-key)$|(?<=/)$")  # of a condition key: where a name of one's own stands
_OPERATORS = {  # type of a key -> the operators that compare it, without IfExists
    "String": "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike",
    "ARN": "ArnEquals ArnLike ArnNotEquals ArnNotLike",
    "Bool": "Bool",
    "Numeric": "NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan "
    "NumericGreaterThanEquals",
    "Date": "DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals",
    "IPAddress": "IpAddress NotIpAddress",
}
_VALUES = {  # type of a key -> what it is compared with, as a regular expression
    "String": r"[^\"\\\x00-\x1f\x7f]{1,256}",
    "ARN": r"(arn:[^\" \\\x00-\x1f\x7f]{1,256}|\*)",
    "Bool": "(true|false)",
    "Numeric": r"[0-9]{1,12}(\.[0-9]{1,6})?",
    "Date": r"20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z",
    "IPAddress": r"[0-9a-f.:]{3,39}(\/[0-9]{1,3})?",
}
_TEXT_KEYS = ("String", "ARN")  # ARNs are compared as text, too


def grammar(request: str, services: Iterable[str]) -> str:
    """The grammar of the policies that the request may ask for; none at all ("Statement":[]) is one of them.

    Identity policies, resource policies (a Principal in every statement) and trust policies (no Resource; so are the
    policies of ECR's repositories) are told apart by the model.

    Args:
        services: prefixes of the services whose actions may be used; those that the catalogue lacks are passed over.

    Raises:
        GrammarError: if the catalogue knows none of them.
    """
    known = [s for s in dict.fromkeys(services) if catalogue.load().services.get(s) and _groups(s)]
    if not known:
        raise GrammarError(f"the catalogue knows none of the services {', '.join(services) or 'of an empty list'}")
    rules = [_FRAME, _PRINCIPAL, *_places(request), *_spans(request)]
    bodies: list[str] = []
    every: dict[str, list[str]] = {}  # type of a key -> the terminals of its keys
    terminals: list[str] = []  # of actions of any service
    for number, prefix in enumerate(known):
        of_service, own = _service(prefix, number)
        rules += of_service
        bodies += own
        terminals += [line.partition(":")[0] for line in of_service if line.startswith("ACT_")]
        for kind in _keys(prefix):
            every.setdefault(kind, []).append(f"KEY_{kind.upper()}_{number}")
    for kind in _GLOBAL_KEYS:
        every.setdefault(kind, []).append(f"KEY_{kind.upper()}")
    rules += [f"KEY_{kind.upper()}: {_any_key(keys)}" for kind, keys in _GLOBAL_KEYS.items()]
    anything = " | ".join(terminals)
    rules += [
        f"anything: {anything}",
        f"body: {' | '.join(bodies)} | star",
        'star: ("\\"Action\\":" | "\\"NotAction\\":") any_actions "," "\\"Resource\\":" "\\"*\\"" limits?',
        _listed("any_actions", "anything"),
        f'trust: "\\"Action\\":" {"(assume | any_actions)" if "ecr" in known else "assume"} trust_limits?',
        _listed("assume", "ASSUME"),
        r'ASSUME: /"sts:(AssumeRole(WithSAML|WithWebIdentity)?|TagSession|SetSourceIdentity|SetContext)"/',
        'trust_limits: "," "\\"Condition\\":{" (block | claim) ("," (block | claim))* "}"',
        'claim: OP_STRING ":{" of_token ("," of_token)* "}"',
        'of_token: CLAIM ":" (VALUE_STRING | "[" VALUE_STRING ("," VALUE_STRING)+ "]")',
        'limits: "," "\\"Condition\\":{" block ("," block)* "}"',
        *_blocks(every),
    ]
    return "\n".join(rules)


_FRAME = rf"""
start: "{{\"Version\":\"2012-10-17\",\"Statement\":[" (identity | resource | trusting)? "]}}"
identity: plain ("," plain){{0,{MOST_STATEMENTS - 1}}}
resource: owned ("," owned){{0,{MOST_STATEMENTS - 1}}}
trusting: trusted ("," trusted){{0,{MOST_STATEMENTS - 1}}}
plain: "{{" EFFECT "," body "}}"
owned: "{{" EFFECT "," who "," body "}}"
trusted: "{{" EFFECT "," who "," trust "}}"
EFFECT: /"Effect":"(Allow|Deny)"/
VARIABLE: /\$\{{[A-Za-z0-9:\/_-]+\}}/
SPANNED: (SPAN | VARIABLE | /[*\/._-]/)+ & /[^ "]+/
PART: SPANNED (":*" | "??????")?
PLAIN_PART: (SPAN | VARIABLE | /[*?._-]/)+ & /[^ "\/]+/
TAG: (SPAN | VARIABLE | /[*\/._-]/)+ & /[^"]+/"""

_PRINCIPAL = r"""
who: "\"Principal\":" principal | "\"NotPrincipal\":" principal
principal: "\"*\"" | "{" whose ("," whose)* "}"
whose: "\"AWS\":" entities | "\"Service\":" machines | "\"Federated\":" providers
entities: ENTITY | "[" ENTITY ("," ENTITY)+ "]"
machines: MACHINE | "[" MACHINE ("," MACHINE)+ "]"
providers: PROVIDER | "[" PROVIDER ("," PROVIDER)+ "]"
ENTITY: "\"" ("*" | ACCOUNT | "arn:" PARTITION ":" /(iam|sts)/ "::" ACCOUNT ":" WHOSE) "\""
WHOSE: "root" | /(user|role|assumed-role|federated-user)/ "/" PART
MACHINE: /"[a-z0-9.-]+\.amazonaws\.com(\.cn)?"/
CLAIM: /"[a-z0-9-]+(\.[a-z0-9-]+)+(\/[A-Za-z0-9\/_.-]+)?:(aud|sub|amr|azp|oaud|iss)"/
PROVIDER: "\"" (/[a-z0-9-]+(\.[a-z0-9-]+)+/ | "arn:" PARTITION ":iam::" ACCOUNT ":" SIGNS "/" (PART | HOST)) "\""
HOST: /[a-z0-9-]+(\.[a-z0-9-]+)+/
SIGNS: /(saml|oidc)-provider/
"""


def _listed(name: str, item: str) -> str:
    """A rule for one item as a string, or several as a list: as canonical() writes them."""
    return f'{name}: {item} | "[" {item} ("," {item}){{1,{MOST_ITEMS}}} "]"'


def _places(request: str) -> list[str]:
    """Where the request may speak of: regions in so many letters or by their cities, and accounts."""
    low = request.lower()
    regions = [
        *_REGION_CODE.findall(low),
        *(code for place, code in _PLACES.items() if re.search(rf"\b{place}\b", low)),
    ]
    accounts = _ACCOUNT.findall(request.replace("-", "")) if re.search(r"\d{4}-\d{4}-\d{4}", request) else []
    accounts += _ACCOUNT.findall(request)
    partitions = [p for p in ("aws-cn", "aws-us-gov") if p in low or p.removeprefix("aws-") + "-" in low]
    return [
        f"REGION: {_alternatives(['*', *regions])} | VARIABLE",
        f"ACCOUNT: {_alternatives(['*', *accounts])} | VARIABLE",
        f"PARTITION: {_alternatives(['aws', *partitions])}",
    ]


def _spans(request: str) -> list[str]:
    """A terminal for what stands together in the request. Names are whole: an id is copied to its end, or not at all.

    Quotes, and what cannot stand in a policy, separate.
    """
    plain = "".join(c if c.isprintable() and c not in '"\\' else " " for c in request)
    return [f"SPAN: %regex {json.dumps({'substring_chunks': _CHUNK.findall(plain) or ['*']})}"]


def _alternatives(texts: Iterable[str]) -> str:
    return " | ".join(json.dumps(text) for text in dict.fromkeys(texts))


@cache
def _groups(prefix: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The actions and wildcards of a service by the resource types that they can be on, as many as one can write."""
    service = catalogue.load().services[prefix]
    types = {action.name: _types(action) for action in service.actions.values()}
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


def _wildcards(prefix: str) -> list[str]:
    """All of a service, and every wildcard that ends at the end of a word of an operation."""
    operations = [action.operation for action in catalogue.load().services[prefix].actions.values()]
    found = dict.fromkeys(f"{prefix}:{o[: w.end()]}*" for o in operations for w in WORD.finditer(o))
    return [f"{prefix}:*", *found]


@cache
def _keys(prefix: str) -> dict[str, tuple[str, ...]]:
    """The condition keys of a service alone, by type ("String", "List" for what has several values)."""
    found: dict[str, list[str]] = {}
    for key in catalogue.load().services[prefix].condition_keys.values():
        if not key.name.startswith("aws:"):
            kind = "List" if key.type.startswith("ArrayOf") else key.type
            found.setdefault(kind if kind in (*_VALUES, "List") else "String", []).append(key.name)
    return {kind: tuple(names) for kind, names in found.items()}


_GLOBAL_KEYS = {kind: tuple(f"aws:{name}" for name in names.split()) for kind, names in GLOBAL.items()} | {
    "List": tuple(f"aws:{name}" for name in GLOBAL_LISTS.split())
}


def _any_key(names: Sequence[str]) -> str:
    """A terminal for some condition keys, quoted; what a reader fills in, as a tag's key, is a span of the request."""
    whole = [name for name in names if not _OPEN_KEY.search(name)]
    begun = sorted({_OPEN_KEY.sub(r"\1", name) for name in names if _OPEN_KEY.search(name)})
    parts = [json.dumps(json.dumps(name)) for name in whole]
    parts += [f'{json.dumps(chr(34) + name)} TAG "\\""' for name in begun]
    return " | ".join(parts)


@cache
def _service(prefix: str, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rules of a service, and the names of those that are bodies of its statements with resources of their own."""
    groups = _groups(prefix)
    kinds = sorted({kind for group in groups for kind in group})
    rules, bodies = [], []
    of_group = {group: f"ACT_{number}_{place}" for place, group in enumerate(groups)}
    rules += [f"{of_group[group]}: {_quoted(names)}" for group, names in groups.items()]
    limits = f"limits_{number}"
    for place, kind in enumerate(kinds):
        names = [of_group[group] for group in groups if kind in group]
        rules.append(f"ARN_{number}_{place}: {_arn(prefix, kind)}")
        bodies.append(_body(rules, f"{number}_{place}", names, [f"ARN_{number}_{place}"], limits))
    for place, group in enumerate(groups):
        if len(group) > 1:  # resources of several types in one statement
            arns = [f"ARN_{number}_{kinds.index(kind)}" for kind in group]
            bodies.append(_body(rules, f"{number}_of{place}", [of_group[group]], arns, limits))
    keys = {kind: [f"KEY_{kind.upper()}_{number}"] for kind in _keys(prefix)}
    rules += [f"KEY_{kind.upper()}_{number}: {_any_key(names)}" for kind, names in _keys(prefix).items()]
    for kind in _GLOBAL_KEYS:
        keys.setdefault(kind, []).append(f"KEY_{kind.upper()}")
    rules.append(f'{limits}: "," "\\"Condition\\":{{" block_{number} ("," block_{number})* "}}"')
    rules += _blocks(keys, f"_{number}")
    return tuple(rules), tuple(bodies)


def _body(rules: list[str], name: str, actions: Sequence[str], arns: Sequence[str], limits: str) -> str:
    rules += [
        f'body_{name}: ("\\"Action\\":" | "\\"NotAction\\":") actions_{name} '
        f'"," ("\\"Resource\\":" | "\\"NotResource\\":") arns_{name} {limits}?',
        f"action_{name}: {' | '.join(actions)}",
        _listed(f"actions_{name}", f"action_{name}"),
        f"arn_{name}: {' | '.join(arns)}",
        _listed(f"arns_{name}", f"arn_{name}"),
    ]
    return f"body_{name}"


def _quoted(names: Iterable[str]) -> str:
    return " | ".join(json.dumps(json.dumps(name)) for name in names)


def _arn(prefix: str, kind: str) -> str:
    """A terminal for the ARNs of a resource type, quoted: the format with spans where a reader fills in a name."""
    _, _, service, region, account, rest = catalogue.load().services[prefix].resource_types[kind].arn.split(":", 5)
    parts = ['"\\"arn:"', "PARTITION", json.dumps(f":{service}:" if "$" not in service else ":")]
    if "$" in service:
        parts += ["PLAIN_PART", '":"']
    parts += _field(region, "REGION") + ['":"'] + _field(account, "ACCOUNT")
    parts += ["?" if prefix == "ssm" else "", '":"', f"({_rest(rest)})", '"\\""']  # AWS's own documents have no account
    return " ".join(parts)


def _field(format_: str, terminal: str) -> list[str]:
    if format_.startswith("$"):
        return [terminal]
    return [f'({json.dumps(format_)} | "*")'] if format_ else []


def _rest(rest: str) -> str:
    """What follows the account. A name that the format divides may be written with a star for all that follows."""
    parts, end = [], 0
    for match in VARIABLE.finditer(rest):
        if match.start() > end:
            parts.append(json.dumps(rest[end : match.start()]))
        parts.append("PART" if _SLASHED.search(match[1] or "Path") else "PLAIN_PART")
        end = match.end()
    if end < len(rest):
        parts.append(json.dumps(rest[end:]))
    whole = " ".join(parts)
    if rest.count("$") > 1:
        head = rest.partition("$")[0]
        return f'{whole} | {json.dumps(head) + " " if head else ""}PART? "*"'
    return whole


def _blocks(keys: dict[str, list[str]], suffix: str = "") -> list[str]:
    """Rules for the blocks of a Condition: an operator, and the keys of its type with their values."""
    rules, blocks = [], []
    for kind in _OPERATORS:
        own = [key for k in (_TEXT_KEYS if kind == "String" else (kind,)) for key in keys.get(k, ())]
        if own:
            blocks.append(_block(rules, f"{kind.lower()}{suffix}", f"OP_{kind.upper()}", own, kind))
        if kind in _TEXT_KEYS and "List" in keys:
            name = f"list_{kind.lower()}{suffix}"
            blocks.append(_block(rules, name, f"OP_LIST_{kind.upper()}", keys["List"], kind))
    every = list(dict.fromkeys(key for named in keys.values() for key in named))
    blocks.append(_block(rules, f"null{suffix}", "OP_NULL", every, "Bool"))
    return [f"block{suffix}: {' | '.join(blocks)}", *rules]


def _block(rules: list[str], name: str, operator: str, keys: Sequence[str], kind: str) -> str:
    value = f"VALUE_{kind.upper()}"
    values = value if kind == "Bool" else f'({value} | "[" {value} ("," {value}){{1,{MOST_ITEMS}}} "]")'
    rules += [
        f'cond_{name}: {operator} ":{{" test_{name} ("," test_{name})* "}}"',
        f'test_{name}: ({" | ".join(keys)}) ":" {values}',
    ]
    return f"cond_{name}"


_FRAME += "\n" + "\n".join(
    [
        *(f'OP_{kind.upper()}: /"({"|".join(names.split())})(IfExists)?"/' for kind, names in _OPERATORS.items()),
        *(
            f'OP_LIST_{kind.upper()}: /"For(AllValues|AnyValue):({"|".join(_OPERATORS[kind].split())})"/'
            for kind in _TEXT_KEYS
        ),
        'OP_NULL: "\\"Null\\""',
        *(f'VALUE_{kind.upper()}: /"{text}"/' for kind, text in _VALUES.items()),
    ]
)
