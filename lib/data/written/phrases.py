"""Actions in words: an idiom, or a phrase of the catalogue that belongs to this action alone.

An action comes in; a verb phrase goes out, in the same notation as the idioms: it ends in "~" and a preposition
where the resource belongs, or in nothing where it stands alone.
"""

from functools import cache
from random import Random

from lib.data.written.descriptions import described, from_name, stems
from lib.data.written.idioms import IDIOMS
from lib.data.written.words import plural, word_set
from lib.iam.catalogue import Action, Catalogue

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
    "create": ("create", "create", "make", "set up"),
    "update": ("update", "change", "modify", "edit"),
    "modify": ("modify", "change", "adjust"),
    "initiate": ("start", "initiate"),
    "start": ("start", "kick off"),
    "disassociate": ("disassociate", "detach"),
    "terminate": ("terminate", "shut down"),
    "cancel": ("cancel", "abort"),
    "search": ("search",),
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


def can_speak(catalogue: Catalogue, action: Action) -> bool:
    """Whether the action has a phrase of its own."""
    return action.name in IDIOMS or bool(_spoken(catalogue, action.service).get(action.name))


def phrase(rng: Random, catalogue: Catalogue, action: Action, noun: str | None = None) -> str:
    """A verb phrase for the action; with a noun ("queue"), one that has a place "~" for such a resource.

    Raises:
        KeyError: if `can_speak` is false for the action.
    """
    if action.name in IDIOMS:
        return rng.choice(IDIOMS[action.name][1])
    options = _spoken(catalogue, action.service)[action.name]
    if not options:
        raise KeyError(action.name)
    text = rng.choice(options)
    return _reword(rng, _placed(text, noun) if noun else text)


def _reword(rng: Random, text: str) -> str:
    verb, _, rest = text.partition(" ")
    words = SYNONYMS.get(verb)
    if not words or rest.startswith(("whether", "how", "from", "to ", "up ", "down ")):
        return text
    chosen = f"{rng.choice(words)} {rest}"
    return chosen.removesuffix(" of ~") + " ~of" if chosen.endswith(" of ~") else chosen


_LEADING = word_set("a an the one or more your all new my any existing")
_PREPOSITIONS = word_set("of for from to in on with about by into at")
_WHOLE = word_set("create delete get describe list update retrieve view read modify put remove return obtain")


def _placed(text: str, noun: str) -> str:
    """The phrase with "~" for the resource in place of its noun; after "for" where the phrase does not name it."""
    verb, *words = text.split()
    for thing in (noun.lower(), "resource"):
        wanted = [thing.split(), plural(thing).split()]
        size = len(wanted[0])
        for start in range(len(words)):
            after = words[start + size :]
            if [w.lower() for w in words[start : start + size]] not in wanted or (
                after and after[0] not in _PREPOSITIONS
            ):
                continue
            before = _without_article(words[:start])
            if not before and (not after or verb in _WHOLE):
                return f"{verb} ~"
            if len(before) > 1 and before[-1] in _PREPOSITIONS:
                return f"{verb} {' '.join(before[:-1])} ~{before[-1]}"
    return f"{text} ~for"


def _without_article(words: list[str]) -> list[str]:
    """The words without the beginning of a noun phrase at their end: "tags of an AWS Glue" -> "tags of"."""
    for back in range(1, min(4, len(words)) + 1):
        if words[-back].lower() in _PREPOSITIONS:
            return words[: len(words) - back + 1]
        if words[-back].lower() in _LEADING:
            return _without_article(words[:-back])
    return words
