"""Actions in words: an idiom, or a phrase of the catalogue that belongs to this action alone.

An action comes in; a verb phrase goes out, in the same notation as the idioms: it ends in "~" and a preposition
where the resource belongs, or in nothing where it stands alone.
"""

from functools import cache
from random import Random

from iampolicy.catalogue import Action, Catalogue
from lib.data.written.descriptions import described, from_name, stems
from lib.data.written.idioms import IDIOMS
from lib.data.written.words import article, is_countable, plural, split_name, word_set

# verb -> verbs that mean the same to a reader; the first is the verb itself
SYNONYMS: dict[str, tuple[str, ...]] = {
    "retrieve": ("retrieve", "get", "fetch", "read"),
    "return": ("get", "fetch", "retrieve"),
    "get": ("get", "fetch", "retrieve", "read"),
    "obtain": ("get", "obtain"),
    "describe": ("describe", "describe", "see the details of", "inspect", "look at"),
    "list": ("list", "list", "list", "see", "enumerate"),
    "view": ("view", "see", "look at"),
    "delete": ("delete", "delete", "remove"),
    "remove": ("remove", "delete"),
    "create": ("create", "create", "create", "set up"),
    "update": ("update", "change", "modify", "edit"),
    "modify": ("modify", "change", "adjust"),
    "initiate": ("start", "initiate"),
    "start": ("start", "kick off"),
    "terminate": ("terminate", "shut down"),
}
# The same where the resource itself is the object: nobody fetches a cluster.
_DIRECT: dict[str, tuple[str, ...]] = {
    **SYNONYMS,
    **dict.fromkeys(
        ("get", "retrieve", "return", "obtain", "view"), ("view", "look up", "see the details of", "look at", "get")
    ),
}


@cache
def _spoken(catalogue: Catalogue, service: str) -> dict[str, tuple[str, ...]]:
    """For every action of a service the phrases that belong to it alone; ambiguous ones are dropped."""
    phrases: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {}
    for action in catalogue.services[service].actions.values():
        found = {p for p in (described(action), from_name(action)) if p}
        phrases[action.name] = found
        for phrase in found:
            owners.setdefault(_key(phrase), set()).add(action.name)
    return {name: tuple(sorted(p for p in found if owners[_key(p)] == {name})) for name, found in phrases.items()}


def _key(phrase: str) -> str:
    """What of a phrase tells it from another: synonyms and number do not."""
    verb, _, rest = phrase.partition(" ")
    verb = {"retrieve": "get", "return": "get", "fetch": "get", "view": "get", "remove": "delete"}.get(verb, verb)
    return verb + " " + " ".join(sorted(stems(rest.split())))


def can_speak(catalogue: Catalogue, action: Action, noun: str | None = None) -> bool:
    """Whether the action has a phrase of its own; with a noun, one that has a place for such a resource."""
    return action.name in IDIOMS or bool(options(catalogue, action, noun))


@cache
def options(catalogue: Catalogue, action: Action, noun: str | None = None) -> tuple[str, ...]:
    """The phrases of an action without an idiom; with a noun ("queue"), each with a place "~" for such a resource."""
    spoken = _spoken(catalogue, action.service)[action.name]
    if noun is None:
        return spoken
    lost = stems(split_name(action.operation)[1:]) - stems((*noun.split(), "resource"))
    # "delete ~" must not lose a word of the operation; only another word of it can belong to the resource.
    whole = not lost
    part = bool(lost) or "resource" in split_name(action.operation)
    placed = [_placed(text, noun) for text in spoken]
    return tuple(text for text in placed if text and (whole if text.endswith(" ~") else part))


def phrase(rng: Random, catalogue: Catalogue, action: Action, noun: str | None = None) -> str:
    """A verb phrase for the action; with a noun ("queue"), one that has a place "~" for such a resource.

    Raises:
        KeyError: if `can_speak` is false for the action.
    """
    if action.name in IDIOMS:
        return rng.choice(IDIOMS[action.name][1])
    found = options(catalogue, action, noun)
    if not found:
        raise KeyError(action.name)
    return _reword(rng, rng.choice(found))


def _reword(rng: Random, text: str) -> str:
    verb, _, rest = text.partition(" ")
    words = (_DIRECT if rest == "~" else SYNONYMS).get(verb)
    if not words or rest.startswith(("whether", "how", "from", "to ", "up ", "down ")):
        return text
    chosen = f"{rng.choice(words)} {rest}"
    return chosen.removesuffix(" of ~") + " ~of" if chosen.endswith(" of ~") else chosen


_LEADING = word_set("a an the one or more your all new my any existing")
_PREPOSITIONS = word_set("of for from to in on with about by into at")
_WHOLE = word_set("create delete get describe update retrieve view read modify put remove return obtain")
# verb -> preposition between the thing it is done to and the resource that has the thing; others take "for"
_BELONGS: dict[str, str] = {
    **dict.fromkeys(("list", "get", "describe", "view", "read", "retrieve", "return", "obtain"), "of"),
    **dict.fromkeys(("delete", "update", "modify", "change"), "of"),
    **dict.fromkeys(("put", "set"), "on"),
    **dict.fromkeys(("add", "attach", "assign", "apply", "upload"), "to"),
    **dict.fromkeys(("remove", "detach", "disassociate", "deregister", "export"), "from"),
    **dict.fromkeys(("search", "query", "start", "stop"), "in"),
    **dict.fromkeys(("associate", "register"), "with"),
    **dict.fromkeys(("create", "enable", "disable", "generate", "request", "revoke", "send", "cancel"), "for"),
}


def _placed(text: str, noun: str) -> str | None:
    """The phrase with "~" for the resource: in place of its noun, or after what belongs to it; None if neither reads.

    "delete a stack" -> "delete ~", "list the tags of a stack" -> "list the tags ~of", and "get stack policies" ->
    "get the policies ~of".
    """
    verb, *words = text.split()
    for thing in (noun.lower(), "resource"):
        wanted = [thing.split(), plural(thing).split()]
        size = len(wanted[0])
        for start in range(len(words)):
            after = words[start + size :]
            named = [w.lower() for w in words[start : start + size]]
            if named not in wanted or (after and after[0] not in _PREPOSITIONS):
                continue
            before = _without_article(words[:start])
            # What is listed or updated as "resources" is in the thing that is named, and not the thing.
            itself = thing != "resource" or named == ["resource"] or verb in ("tag", "untag")
            if not before and itself and verb != "list" and (not after or verb in _WHOLE):
                return f"{verb} ~"
            if len(before) > 1 and before[-1] in _PREPOSITIONS and before[-2] not in _PREPOSITIONS:
                return f"{verb} {' '.join(before[:-1])} ~{before[-1]}"
    return _belonging(verb, words, noun.lower().split())


def _belonging(verb: str, words: list[str], noun: list[str]) -> str | None:
    while words and words[0].lower() in _LEADING:
        words = words[1:]
    if [w.lower() for w in words[: len(noun)]] == noun:
        words = words[len(noun) :]
    joined = any(w in _PREPOSITIONS or w in ("and", "or", "as") for w in words)
    again = noun[-1].rstrip("s") in [w.lower().rstrip("s") for w in words]
    if verb not in _BELONGS or not words or joined or again or len(words) > 4:
        return None
    thing = " ".join(words)
    if _BELONGS[verb] == "of":
        return f"{verb} the {thing} ~of"
    return f"{verb} {article(thing) if is_countable(thing) else thing} ~{_BELONGS[verb]}"


def _without_article(words: list[str]) -> list[str]:
    """The words without the beginning of a noun phrase at their end: "tags of an AWS Glue" -> "tags of"."""
    for back in range(1, min(4, len(words)) + 1):
        if words[-back].lower() in _PREPOSITIONS:
            return words[: len(words) - back + 1]
        if words[-back].lower() in _LEADING:
            return _without_article(words[:-back])
    return words
