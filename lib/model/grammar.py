"""The policies that a model may write without a request's candidates, as a Lark grammar.

`whole` is every policy that the catalogue can spell: JSON without white space in the form of
`iampolicy.document.canonical`. `lib.model.matcher` follows it. What one request may ask for is `lib.model.spans`.
"""

import json
import re
from collections.abc import Callable, Iterable
from functools import cache

from iampolicy import catalogue
from iampolicy.checks.keys import GLOBAL, GLOBAL_LISTS
from iampolicy.reference import WITHOUT_SLASH
from lib.model.matcher import GrammarError

POLICY_TYPES = ("identity", "resource")  # whose statements have the elements that a draft is about

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
    known = catalogue.load()
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


def _has_principal(policy_type: str) -> bool:
    if policy_type not in POLICY_TYPES:
        raise ValueError(f"no grammar for {policy_type} policies: choose one of {', '.join(POLICY_TYPES)}")
    return policy_type == "resource"


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
    for service in catalogue.load().services.values():
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
    known = catalogue.load()
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
