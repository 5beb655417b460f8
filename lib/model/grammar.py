"""The policies that a model may write, as Lark grammars.

`whole` is every policy that the catalogue can spell, `chosen` the policies of one request; both are JSON without
white space in the form of `lib.iam.document.canonical`. `lib.model.matcher` follows them.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import combinations

from lib.iam import catalogue
from lib.iam.checks.keys import GLOBAL, GLOBAL_LISTS
from lib.iam.document import EFFECTS
from lib.iam.reference import WITHOUT_SLASH
from lib.model.matcher import GrammarError
from lib.retrieval.conditions import Comparison, block
from lib.retrieval.retrieve import Group

POLICY_TYPES = ("identity", "resource")  # whose statements have the elements that a draft is about
MOST_STATEMENTS = 12  # of one request; a model that goes round in circles ends there

_OPERATORS = """StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike
    NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals
    DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals
    BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike"""
_QUANTIFIED = "(For(AllValues|AnyValue):)?"

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+|.")  # of an operation's name: "DB", "Instances"
VARIABLE = re.compile(r"\$\{(\w+)\}|<\w+>")  # where a reader of the reference fills in a name

# What stands in the fields of an ARN, as regular expressions; a policy variable such as ${aws:username} fits all.
_POLICY_VARIABLE = r"\$\{[A-Za-z0-9:\/_-]+\}"
_PARTITION = r"(aws[a-z*-]*|\*)"
_REGION = rf"([a-z0-9*?-]*|{_POLICY_VARIABLE})"
_ACCOUNT = rf"([0-9*?]*|{_POLICY_VARIABLE})"
_PART = rf"([A-Za-z0-9_+=,.@:\/*?~%#!()&'-]|{_POLICY_VARIABLE})+"
_PART_WITHOUT_SLASH = rf"([A-Za-z0-9_+=,.@*?-]|{_POLICY_VARIABLE})+"
_TAG = rf"([A-Za-z0-9_.:\/=+@ -]|{_POLICY_VARIABLE})+"
_IDENTITY = "(user|role|assumed-role|federated-user)"
_TEXT = r'"[^"\\\x00-\x1f\x7f]+"'  # a JSON string without escapes

# Elements that are one string or a list of several: a list of one is its element, as in canonical().
_ONE_OR_MORE = '{item} | "[" {item} ("," {item})+ "]"'

_CONDITION = rf"""
condition: "\"Condition\":{{" block ("," block)* "}}"
block: TEST ":{{" test ("," test)* "}}" | TRUTH_TEST ":{{" truth ("," truth)* "}}"
test: KEY ":" values
values: {_ONE_OR_MORE.format(item="VALUE")}
truth: KEY ":" BOOLEAN
TEST: /"{_QUANTIFIED}({"|".join(_OPERATORS.split())})(IfExists)?"/
TRUTH_TEST: /"(Null|{_QUANTIFIED}Bool(IfExists)?)"/
BOOLEAN: /"(true|false)"/
"""

# The accounts, users and roles, and the services, identity providers and canonical users that a Principal can name.
_PRINCIPALS = rf"""
principal: "\"*\"" | "{{" who ("," who)* "}}"
who: "\"AWS\":" entities | "\"Service\":" services | "\"Federated\":" providers | "\"CanonicalUser\":" owners
entities: {_ONE_OR_MORE.format(item="ENTITY")}
services: {_ONE_OR_MORE.format(item="SERVICE")}
providers: {_ONE_OR_MORE.format(item="PROVIDER")}
owners: {_ONE_OR_MORE.format(item="OWNER")}
ENTITY: /"(\*|[0-9]{{12}}|arn:{_PARTITION}:(iam|sts)::[0-9]{{12}}:(root|{_IDENTITY}\/{_PART}))"/
SERVICE: /"[a-z0-9.-]+\.amazonaws\.com(\.cn)?"/
PROVIDER: /"([a-z0-9-]+(\.[a-z0-9-]+)+|arn:{_PARTITION}:iam::[0-9]{{12}}:(saml|oidc)-provider\/{_PART})"/
OWNER: /"[0-9a-f]{{64}}"/
"""


@cache
def whole(policy_type: str = "identity", keep_sids: bool = False) -> str:
    """The grammar of every policy that the catalogue can spell; 2.7 MB of text, made once in 0.3 s.

    Actions exist or are wildcards `svc:Prefix*` that end where a word of the name ends and match at least one
    action; resources are "*" or ARNs in a documented format; operators and keys of conditions exist. What no
    context-free grammar can say is left to the checks: that an action supports a resource or a key, that nothing
    stands twice in a list, a block or among the Sids.

    Args:
        policy_type: one of POLICY_TYPES; a resource policy has a Principal in every statement.
        keep_sids: whether a statement may have a Sid; canonical() drops them unless it is told the same.

    Raises:
        ValueError: for another policy type.
    """
    known = catalogue.learned()
    sid = r'("\"Sid\":" SID ",")? ' if keep_sids else ""
    who = r'"\"Principal\":" principal "," ' if _has_principal(policy_type) else ""
    keys = (key for service in known.services.values() for key in service.condition_keys)
    return f"""
start: "{{\\"Version\\":\\"2012-10-17\\",\\"Statement\\":[" statement ("," statement)* "]}}"
statement: "{{" {sid}EFFECT "," {who}("\\"Action\\":" | "\\"NotAction\\":") actions "," resource_element tail
resource_element: ("\\"Resource\\":" | "\\"NotResource\\":") resources
tail: ("," condition)? "}}"
actions: {_ONE_OR_MORE.format(item="ACTION")}
resources: "\\"*\\"" | {_ONE_OR_MORE.format(item="ARN")}
EFFECT: /"Effect":"(Allow|Deny)"/
ACTION: {_any_of(sorted(known.names | _wildcards()))}
ARN: /"{_arns()}"/
KEY: /"({_keys(keys)})"/
VALUE: /{_TEXT}/
{'SID: /"[A-Za-z0-9]+"/' if keep_sids else ""}{_CONDITION}{_PRINCIPALS if who else ""}"""


def chosen(
    groups: Sequence[Group],
    policy_type: str = "identity",
    principals: Sequence[str] = (),
    comparisons: Sequence[Comparison] = (),
) -> str:
    """The grammar of the policies of one request, of at most MOST_STATEMENTS statements.

    A statement allows or denies some actions of one group on some resources of the same group, each at most once
    and in the group's order.

    Args:
        groups: what was found for the request.
        policy_type: one of POLICY_TYPES.
        principals: for a resource policy, who may be named: "*", AWS accounts and ARNs, service principals;
            without any the Principal is free as in `whole`.
        comparisons: all that conditions may make; without any there is no condition. A condition makes those of its
            statement's effect whose keys are global or known to its actions.

    Raises:
        ValueError: for another policy type.
        GrammarError: without a group, for a group without actions or resources, and for text that is no JSON
            string for AWS (empty, or half a surrogate pair).
    """
    if not groups or not all(group.actions and group.resources for group in groups):
        raise GrammarError("a policy needs a group, and every group needs an action and a resource")
    who = r'"\"Principal\":" principal "," ' if _has_principal(policy_type) else ""
    limits = _limits(groups, comparisons)
    rules = [
        r'start: "{\"Version\":\"2012-10-17\",\"Statement\":[" statement ("," statement)'
        + f'{{0,{MOST_STATEMENTS - 1}}} "]}}"',
        f"statement: plain{' | limited' if limits else ''}",
        f'plain: "{{" (allow | deny) "," {who}body "}}"',
        "body: " + " | ".join(f"g{number}" for number in range(len(groups))),
        # The lexer is greedy: what may stand at one place must begin with the same terminals.
        r'allow: "\"Effect\":\"Allow\""',
        r'deny: "\"Effect\":\"Deny\""',
    ]
    if limits:
        bodies = (rf'"{{" {e.lower()} "," {who}g{n} ",\"Condition\":" c{e.lower()}{n} "}}"' for e, n in limits)
        rules += [f"limited: {' | '.join(bodies)}"]
        rules += [f"c{effect.lower()}{number}: {_any_of_blocks(found)}" for (effect, number), found in limits.items()]
    for number, group in enumerate(groups):
        rules.append(f'g{number}: "\\"Action\\":" a{number} ",\\"Resource\\":" r{number}')
        rules += _ordered_subset(f"a{number}", group.actions)
        rules += _ordered_subset(f"r{number}", group.resources)
    if who:
        rules += _principal_rules(principals) if principals else [_PRINCIPALS]
    return "\n".join(rules)


def _limits(groups: Sequence[Group], comparisons: Sequence[Comparison]) -> dict[tuple[str, int], list[Comparison]]:
    """The comparisons that a statement of an effect about a group can make."""
    found = {
        (effect, number): [test for test in comparisons if test.effect == effect and _knows(group, test.key)]
        for effect in EFFECTS
        for number, group in enumerate(groups)
    }
    return {place: some for place, some in found.items() if some}


def _knows(group: Group, key: str) -> bool:
    """Whether some action of the group has a condition key, which all have that is global."""
    known = catalogue.learned()
    if key.startswith("aws:"):
        return True
    actions = (known.action(name) for pattern in group.actions for name in known.expand(pattern))
    return any(action and known.supports_key(action, key) for action in actions)


def _any_of_blocks(comparisons: Sequence[Comparison]) -> str:
    """The conditions that make some of the comparisons: any of a few; of many all, two or one."""
    sizes = range(1, len(comparisons) + 1) if len(comparisons) <= 4 else (1, 2, len(comparisons))
    chosen = (some for size in sizes for some in combinations(comparisons, size))
    blocks = dict.fromkeys(json.dumps(block(some), separators=(",", ":"), ensure_ascii=False) for some in chosen)
    return " | ".join(map(json.dumps, blocks))  # as in _literal: escaped, nothing in it is syntax


def _has_principal(policy_type: str) -> bool:
    if policy_type not in POLICY_TYPES:
        raise ValueError(f"no grammar for {policy_type} policies: choose one of {', '.join(POLICY_TYPES)}")
    return policy_type == "resource"


def _ordered_subset(name: str, items: Sequence[str]) -> list[str]:
    """Rules for some of the items, at least one, in their order: one as a string, several as a list.

    From place i on, a list takes item i or goes on to the next place; `first` still needs two, `rest` one. So the
    text grows with the number of items, where a list of all subsets would double with each.
    """
    distinct = list(dict.fromkeys(items))
    terminals = [f"{name.upper()}_{i}" for i in range(len(distinct))]
    last = len(distinct) - 1
    rules = [f"{terminal}: {_literal(item)}" for terminal, item in zip(terminals, distinct, strict=True)]
    rules.append(f"{name}_one: {' | '.join(terminals)}")
    if not last:
        return [f"{name}: {name}_one", *rules]
    for i, item in enumerate(terminals):
        skip = f" | {name}_first{i + 1}" if i < last - 1 else ""
        if i < last:
            rules.append(f'{name}_first{i}: {item} "," {name}_rest{i + 1}{skip}')
        if 0 < i < last:
            rules.append(f'{name}_rest{i}: {item} ("," {name}_rest{i + 1})? | {name}_rest{i + 1}')
    return [f'{name}: {name}_one | "[" {name}_first0 "]"', *rules, f"{name}_rest{last}: {terminals[last]}"]


def _principal_rules(principals: Sequence[str]) -> list[str]:
    """A Principal that names these, by their kinds; "*" is everybody, not an AWS principal of that name."""
    kinds = {'"AWS":': [p for p in principals if p != "*" and not _SERVICE.fullmatch(p)]}
    kinds['"Service":'] = [p for p in principals if _SERVICE.fullmatch(p)]
    objects = [f'{json.dumps("{" + kind)} who{n} "}}"' for n, (kind, named) in enumerate(kinds.items()) if named]
    everybody = [_literal("*")] if "*" in principals else []
    rules = [f"principal: {' | '.join(everybody + objects)}"]
    for number, named in enumerate(kinds.values()):
        if named:
            rules += _ordered_subset(f"who{number}", named)
    return rules


_SERVICE = re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?")


def _literal(text: str) -> str:
    """A text as it stands in a policy, as a Lark literal; both escape as JSON does, so nothing in it is syntax."""
    if not text or not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text):
        raise GrammarError(f"{text!r} cannot stand in a policy: it is empty or holds half a character")
    return json.dumps(json.dumps(text, ensure_ascii=False))


def _any_of(texts: Iterable[str]) -> str:
    return " | ".join(map(_literal, texts))


def _escaped(text: str) -> str:
    """A text as a regular expression within slashes."""
    return re.sub(r"([^\w:-])", r"\\\1", text)


def _wildcards() -> frozenset[str]:
    """The wildcards that end at the end of a word of some operation, and all operations of a service."""
    found = set()
    for service in catalogue.learned().services.values():
        if service.actions:
            found.add(f"{service.prefix}:*")
        for action in service.actions.values():
            found.update(f"{service.prefix}:{action.operation[: w.end()]}*" for w in WORD.finditer(action.operation))
    return frozenset(found)


def _keys(of_services: Iterable[str]) -> str:
    """A regular expression of condition keys: the global ones, and those given; a tag's key is free."""
    names = {f"aws:{name}" for names in (*GLOBAL.values(), GLOBAL_LISTS) for name in names.split()} | set(of_services)
    names = {re.sub(r"(?<=/)(tag-key)?$", "${TagKey}", name) for name in names}
    return "|".join(sorted({_filled_in(name, lambda _: _TAG) for name in names}))


def _arns() -> str:
    """A regular expression of the documented ARN formats, and of everything of a service; a variable is free.

    Formats that differ in nothing but the resource stand together, which keeps the automaton small.
    """
    known = catalogue.learned()
    formats: dict[tuple[str, str, str], set[str]] = {}
    for service, kinds in known.by_arn_service.items():
        for kind in kinds if "$" not in service else ():  # one is of any vendor
            _, _, _, region, account, resource = kind.arn.split(":", 5)
            same = formats.setdefault((service, _field(region, _REGION), _field(account, _ACCOUNT)), {r"\*"})
            same.add(_filled_in(resource, lambda name: _PART_WITHOUT_SLASH if name in WITHOUT_SLASH else _PART))
            if resource.count("$") > 1:  # "stack/${Name}/${Id}" is often written "stack/name*"
                same.add(rf"{_escaped(resource.partition('$')[0])}({_PART})?\*")
    for service in known.services:
        formats.setdefault((service, _REGION, _ACCOUNT), set()).add(r"\*")
    heads = (f"{_escaped(s)}:{r}:{a}:({'|'.join(sorted(rest))})" for (s, r, a), rest in sorted(formats.items()))
    return f"arn:{_PARTITION}:({'|'.join(heads)})"


def _field(format_: str, free: str) -> str:
    """The region or account of a format: free where it is a variable; where it is empty many write a star."""
    return free if format_.startswith("$") else rf"({_escaped(format_)}|\*)"


def _filled_in(text: str, pattern_of: Callable[[str], str]) -> str:
    """A documented format as a regular expression, with an expression for each of its variables."""
    parts, end = [], 0
    for match in VARIABLE.finditer(text):
        parts += [_escaped(text[end : match.start()]), pattern_of(match[1])]
        end = match.end()
    return "".join([*parts, _escaped(text[end:])])
