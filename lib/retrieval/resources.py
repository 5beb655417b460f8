"""The resources that a request names, as ARNs in the formats of the catalogue.

A request cut into clauses comes in; for each clause and resource type the ARNs that it names go out: ARNs that are
written out, and names beside the noun of a type ("the queue orders", "our orders-* tables"). Region and account are
those that the clause names, else those that the request names once for all, else "*".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache

from lib.data.written.resources import COMPLETED, NAMED_BY, Scene, arn, nouns, placeholders
from lib.data.written.services import POPULAR
from lib.data.written.words import plural, split_name, word_set
from lib.iam import catalogue
from lib.iam.catalogue import Action, ResourceType
from lib.iam.patterns import overlaps
from lib.retrieval import services
from lib.retrieval.clauses import Clause

REGION = re.compile(
    r"\b(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov)?-(?:north|south|east|west|central)(?:east|west)?-[0-9]\b"
)
ACCOUNT = re.compile(r"(?<![\w:/-])[0-9]{12}(?![\w:/-])")
_ARN = re.compile(r"\barn:aws[\w-]*:[a-z0-9-]*:[^\s,;\"'`()]*")
_LETTER = r"[A-Za-z0-9_/.:@+=*-]"
_NAME = rf"{_LETTER}*[A-Za-z0-9_*]"
_QUOTED = rf"[\"'`“]?({_NAME})[\"'`”]?"
_AFTER = (
    r"(?P<told>\s+(?:named|called|with (?:the )?(?:ID|id|name)|ID|=)|(?=:? [\"'`“]))?"
    rf":?\s+[\"'`“]?(?P<first>{_NAME})[\"'`”]?"
    rf"(?:(?:, and |, | and | or ){_QUOTED})*"
)
_PLAIN_END = re.compile(
    r"\s*(?:$|[.,;:()?!]|\b(?:in|of|from|to|and|or|on|for|with|only|when|if|unless|over|via|through|using|but|until|except|between|under|after|before"
    r"|as|by)\b)"
)
_START = rf"[\"'`“]?({_LETTER}*[A-Za-z0-9_*/-])[\"'`”]?"
_PREFIX = re.compile(
    r"(?:whose names? (?:starts?|begins?) with|with (?:a )?names? (?:starting|beginning) with"
    r"|(?:that|which) (?:starts?|begins?) with|starting with|beginning with|prefixed with|with (?:the )?prefix"
    rf"|matching) {_START}"
)
# What stands beside a noun and is no name.
_NO_NAMES = word_set(
    "a an the this that these those our my your their its his her any all every each some other another one new "
    "existing of in on at to from for with by and or as is are be was only when while if unless than then it them "
    "who which whose named called single own same different specific certain given following also too must may "
    "can should please data access policy policies permission permissions production staging private public "
    "shared default main using via but so not no without including except during after before over under between "
    "across within into onto "
    "settings attributes configuration properties details metadata status tags"
)
_LIKE_A_NAME = re.compile(r"[\d_/.:*-]|[a-z][A-Z]")
# How a type's ARN spells a name that people spell otherwise.
_SPELLED: dict[tuple[str, str], Callable[[str], str]] = {
    ("s3", "bucket"): lambda name: name.partition("/")[0],  # "the bucket reports/2026": the rest is of its objects
    ("ssm", "parameter"): lambda name: f"/{name.lstrip('/')}",
}


@cache
def _spoken(service: str, type_: str) -> tuple[str, ...]:
    """The nouns for resources of a type, longest first, with their plurals."""
    kind = catalogue.learned().services[service].resource_types[type_]
    title = catalogue.learned().services[service].title
    aliases = {title, re.sub(r"^(AWS|Amazon) ", "", title), *POPULAR.get(service, (0, ()))[1]}
    found = {noun for alias in aliases for noun in nouns(kind, alias)}
    return tuple(sorted({form for noun in found for form in (noun, plural(noun))}, key=lambda n: (-len(n), n)))


@cache
def _finders(service: str, type_: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    noun = "|".join(re.escape(n) for n in _spoken(service, type_))
    after = re.compile(rf"(?<![\w-])(?:{noun}){_AFTER}", re.IGNORECASE)
    before = re.compile(
        rf"(?<![\w/.:@+=*-]){_QUOTED}(?:(?:,|,? and|,? or) {_QUOTED})? (?:{noun})(?![\w-])", re.IGNORECASE
    )
    return after, before


def named(clauses: Sequence[Clause], actions: Iterable[Iterable[Action]]) -> list[dict[str, tuple[str, ...]]]:
    """For each clause the ARNs on which its likely actions are asked for.

    Args:
        actions: the likely actions of each clause.

    Returns:
        for each clause the actions that it can scope, by name, with their ARNs. A clause that names nothing ("delete
        it") takes what the clauses before it in its sentence name, else those after it, else the whole request.
    """
    request = " ".join(dict.fromkeys(clause.sentence for clause in clauses))
    regions, accounts = set(REGION.findall(request)), set(ACCOUNT.findall(request))
    everywhere = Scene(regions.pop() if len(regions) == 1 else None, accounts.pop() if len(accounts) == 1 else None)
    found = []
    for position, (clause, likely) in enumerate(zip(clauses, actions, strict=True)):
        texts = [clause.text, *_around(clauses, position)]
        scoped = {}
        for action in likely:
            for text in texts:
                arns = [a for t in action.resource_types for a in _arns(action.service, t, text, everywhere)]
                if arns:
                    scoped[action.name] = tuple(dict.fromkeys(arns))
                    break
        found.append(scoped)
    return found


def _around(clauses: Sequence[Clause], position: int) -> list[str]:
    here = clauses[position].sentence
    before = [c.text for c in reversed(clauses[:position])]
    near = [c.text for c in reversed(clauses[:position]) if c.sentence == here]
    after = [c.text for c in clauses[position + 1 :] if c.sentence == here]
    return [*near, here, *after, *before]


def written_out(text: str) -> list[str]:
    """The ARNs that stand in a text, without the punctuation after them."""
    return [told.rstrip(".:?!") for told in _ARN.findall(text)]


@lru_cache(maxsize=8_192)
def _arns(service: str, type_: str, text: str, everywhere: Scene) -> tuple[str, ...]:
    """The ARNs of a type that a text names, all of its format."""
    kind = catalogue.learned().services[service].resource_types.get(type_)
    if kind is None:
        return ()
    literal = [a for told in written_out(text) for a in _completed(kind, told)]
    if literal:
        return tuple(literal)
    of = NAMED_BY.get((service, type_), type_)
    return tuple(dict.fromkeys(_made(kind, _names(service, of, _ARN.sub(" ", text)), _scene(text, everywhere))))


def _made(kind: ResourceType, names: Iterable[str], scene: Scene) -> Iterator[str]:
    """The ARNs of the named resources, as far as their names fill the format."""
    key, slots = (kind.service, kind.name), len(placeholders(kind.arn))
    for name in filter(None, map(_SPELLED.get(key, str), names)):
        if key in COMPLETED or slots == 1 or name.count("/") == slots - 1:
            made = arn(kind, name, scene)
            if overlaps(made, kind.pattern):
                yield made


def _completed(kind: ResourceType, told: str) -> list[str]:
    """The ARN if it has the type's format; of a bucket's ARN, that of its objects."""
    if (kind.service, kind.name) == ("s3", "object") and re.fullmatch(r"arn:[\w-]+:s3:::[^/]+", told):
        return [f"{told}/*"]
    if (kind.service, kind.name) == ("logs", "log-group") and not told.endswith(":*") and ":log-group:" in told:
        told = f"{told}:*"
    service = kind.pattern.split(":")[2]
    return [told] if told.split(":")[2:3] == [service] and overlaps(told, kind.pattern) else []


def _scene(text: str, everywhere: Scene) -> Scene:
    region, account = REGION.search(text), ACCOUNT.search(text)
    return Scene(region[0] if region else everywhere.region, account[0] if account else everywhere.account)


def _names(service: str, type_: str, text: str) -> list[str]:
    after, before = _finders(service, type_)
    own = {word.lower() for noun in _spoken(service, type_) for word in noun.split()}
    for match in after.finditer(text):
        told = match["told"] is not None
        if not told and _names_a_service(text[match.start() : match.end("first")]):
            continue
        found = re.findall(_QUOTED, match[0][match.start("first") - match.start() :])
        found = [n for n in found if _is_name(n) and n.lower() not in own]
        if (
            found
            and found[0] == match["first"]
            and (told or _LIKE_A_NAME.search(found[0]) or _ends(service, text, match))
        ):
            return [found[0], *(n for n in found[1:] if _LIKE_A_NAME.search(n))]
        prefix = _PREFIX.search(text, match.start())
        if prefix:
            return [prefix[1].rstrip("*") + "*"]
    for noun in before.finditer(text):
        if found := _names_before(text, noun, own):
            return found
    prefix = _PREFIX.search(text)
    if prefix and any(noun.lower() in text.lower() for noun in _spoken(service, type_)):
        return [prefix[1].rstrip("*") + "*"]
    return []


def _names_before(text: str, noun: re.Match[str], own: set[str]) -> list[str]:
    """The names that stand before a noun: what stands before no name is none of the noun's."""
    found: list[str] = []
    for name in filter(None, (noun[2], noun[1])):
        plain = _stands_alone(text, name) and not _names_a_service(noun[0])
        if not _is_name(name) or name.lower() in own or not (_LIKE_A_NAME.search(name) or plain):
            break
        found.insert(0, name)
    return found


def _names_a_service(text: str) -> bool:
    """Whether words are a part of a service's name: in "the Simple Queue Service" no queue has a name."""
    return tuple(text.lower().split()) in _parts_of_names()


@cache
def _parts_of_names() -> frozenset[tuple[str, ...]]:
    every = services.names()
    return frozenset(
        words[start:end] for words in every for start in range(len(words)) for end in range(start + 2, len(words) + 1)
    )


def _ends(service: str, text: str, match: re.Match[str]) -> bool:
    """Whether a plain word after a noun is told as a name: "the table search in eu-west-1", no "table settings"."""
    before = text[: match.start()]
    told = _OWN.search(before) or _PLACED.search(before) and not _of_operations(service, match["first"])
    return bool(told and _PLAIN_END.match(text, match.end("first")))


_OWN = re.compile(r"\b(?:the|our|my)(?: [\w-]+){0,2} $")
_PLACED = re.compile(r"\b(?:in|from|to|into|of|on|with)(?: (?:AWS|Amazon|[A-Z]\w*|s3))? $")


@lru_cache(maxsize=4_096)
def _of_operations(service: str, word: str) -> bool:
    """Whether a word is one of the service's own: in "the tags of bucket objects" no bucket is called objects."""
    actions = catalogue.learned().services[service].actions.values()
    own = {part.lower().rstrip("s") for action in actions for part in split_name(action.operation)}
    return word.lower().rstrip("s") in own


def _is_name(word: str) -> bool:
    return word.lower() not in _NO_NAMES and not REGION.fullmatch(word) and not ACCOUNT.fullmatch(word)


def _stands_alone(text: str, name: str) -> bool:
    """Whether a plain word is told as a name: "the search table", "our training project"; no service is called so."""
    said = any(f" {word} {name} " in f" {text}" for word in ("the", "our", "my"))
    return said and (name.lower(),) not in services.names()
