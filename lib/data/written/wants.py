"""One thing asked for: the verb phrases that say it and the permissions that it takes.

A Desk and actions come in; a Want goes out. Its clauses and its grants are made together, here, in levels.py and
nowhere else, so that the words and the policy cannot drift apart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from iampolicy.catalogue import Action, Catalogue
from lib.data.written.desk import Desk, without_maker
from lib.data.written.idioms import IDIOMS
from lib.data.written.nouns import NOUNS
from lib.data.written.phrases import can_speak, phrase
from lib.data.written.resources import NAMED_BY, Target, arn, noun_of
from lib.data.written.words import gerund, listed, plural


@dataclass(frozen=True)
class Clause:
    """A verb phrase; several heads share one tail: ("start", "stop") + "the instance i-0ab"."""

    heads: tuple[str, ...]
    tail: str = ""

    def base(self) -> str:
        return _said(self.heads, self.tail)

    def gerund(self) -> str:
        return _said([gerund(head) for head in self.heads], self.tail)


_PARTICLES = (" on", " off", " up", " down", " over")


def _said(heads: Sequence[str], tail: str) -> str:
    if tail in ("it", "them") and any(
        head.endswith(_PARTICLES) for head in heads
    ):  # "shut it down", not "shut down it"
        parted = [head.rpartition(" ") if head.endswith(_PARTICLES) else (head, "", "") for head in heads]
        return listed([f"{verb} {tail} {particle}".strip() for verb, _, particle in parted])
    return f"{listed(heads)} {tail}".strip()


@dataclass(frozen=True)
class Grant:
    """Actions on resources, without an effect."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    condition: tuple[tuple[str, str, object], ...] = ()  # (operator, key, value)


@dataclass(frozen=True)
class Want:
    """Something a principal may or may not do. `noun` is set when a noun phrase says it, too."""

    clauses: tuple[Clause, ...]
    grants: tuple[Grant, ...]
    form: str
    noun: str = ""
    shared: str = ""  # the end of the last clause that belongs to all of them: "in Glue"

    def base(self) -> str:
        return listed([clause.base() for clause in self.clauses])

    def lines(self) -> list[str]:
        """The clauses one by one, each complete in itself where nothing points back."""
        texts = [clause.base().removesuffix(self.shared).strip() for clause in self.clauses]
        return [f"{text} {self.shared}".strip() for text in texts]

    def gerund(self) -> str:
        """What follows "allow", "deny" or "except": the noun phrase, or gerunds."""
        return self.noun or listed([clause.gerund() for clause in self.clauses])

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(action for grant in self.grants for action in grant.actions)


# ------------------------------------------------------------------------------------------- actions, any resource


def unscoped(desk: Desk, actions: list[Action], told: bool = False) -> Want:
    """The actions of one service on any resource: one statement on "*".

    With `told` the reader knows the service already; else the words tell it at least once.
    """
    service = actions[0].service
    alias = desk.alias(service)
    names = [a.name for a in actions]
    silent = any(not can_speak(desk.catalogue, a) for a in actions)
    if silent or desk.chance({"terse": 0.3, "ticket": 0.3, "formal": 0.12}.get(desk.style, 0.07)):
        return Want((Clause((_literal(desk, actions, alias),)),), (Grant(tuple(names)),), "literal")
    clauses: list[Clause] = []
    ordered: list[str] = []
    for type_, members in _by_type(actions).items():
        if type_ is None:
            for action in members:
                text = phrase(desk.rng, desk.catalogue, action)
                clauses.append(Clause((text,)))
                ordered.append(action.name)
                told = told or action.name in IDIOMS or _names(text, alias)
            continue
        told = True
        full = NOUNS[service, type_][1]
        makes = any(a.operation.startswith("Create") for a in members)
        words, one = desk.rng.choice(_ANY[: 2 if makes else 4])
        words = words.format(one=full, many=plural(full))
        target = Target(service, type_, (full,) if one else (full, full), words, desk.scene, "any")
        made, order = _on(desk, target, members)
        clauses += made
        ordered += order
    form, shared = "plain", ""
    if not told:
        form = desk.rng.choice(("tail", "tail", "tail", "tail", "use", "parenthesis"))
        if form == "use":
            clauses = [Clause((f"use {alias} to {listed([c.base() for c in clauses])}",))]
        else:
            shared = f"in {alias}" if form == "tail" else f"({alias})"
            clauses[-1] = replace(clauses[-1], tail=f"{clauses[-1].tail} {shared}".strip())
    return Want(tuple(clauses), (Grant(tuple(ordered)),), form, shared=shared)


_ANY = (("any {one}", True), ("{many}", False), ("all {many}", False), ("our {many}", False))


def _by_type(actions: list[Action]) -> dict[str | None, list[Action]]:
    groups: dict[str | None, list[Action]] = {}
    for action in actions:
        type_ = IDIOMS[action.name][0] if action.name in IDIOMS else None
        if type_ is not None:
            type_ = NAMED_BY.get((action.service, type_), type_)
        groups.setdefault(type_, []).append(action)
    return groups


def _names(text: str, alias: str) -> bool:
    """Whether the phrase tells the service by itself."""
    return re.search(rf"\b{re.escape(without_maker(alias))}\b", text, re.IGNORECASE) is not None


def _literal(desk: Desk, actions: list[Action], alias: str) -> str:
    full = listed([a.name for a in actions])
    bare = listed([a.operation for a in actions])
    word = "action" if len(actions) == 1 else "actions"
    forms = (
        f"call {full}",
        f"use {full}",
        f"use the {word} {full}",
        f"call {bare} in {alias}",
        f"use the {alias} {word} {bare}" if not alias.startswith("the ") else f"call {bare} in {alias}",
        f"perform {full}",
    )
    return desk.rng.choice(forms)


# -------------------------------------------------------------------------------------------- actions, named resource


def scoped(desk: Desk, target: Target, actions: list[Action]) -> Want:
    """The actions on the named resources; actions that take no resource get a grant on "*" of their own."""
    alias = desk.alias(target.service)
    here = [a for a in actions if a.resource_types]
    anywhere = [a for a in actions if not a.resource_types]
    noun = noun_of(desk.catalogue, target.service, target.type)
    literal = any(not can_speak(desk.catalogue, a, noun) for a in here)
    if literal or desk.chance({"terse": 0.3, "ticket": 0.25, "formal": 0.1}.get(desk.style, 0.06)):
        clauses = [Clause((f"{_literal(desk, here, alias)} on {target.words}",))]
        ordered = [a.name for a in here]
        form = "literal"
    else:
        clauses, ordered = _on(desk, target, here)
        form = f"on{min(len(clauses), 3)}"
    grants = list(_grants(desk, target, ordered))
    if anywhere:
        extra = unscoped(replace(desk, style="plain"), anywhere, told=True)
        clauses += extra.clauses
        grants += extra.grants
        form += "+any"
    bare = len(clauses) > 1 and not anywhere and not clauses[0].tail and clauses[-1].tail
    shared = clauses[-1].tail if bare else ""
    return Want(tuple(clauses), tuple(grants), f"{form}.{target.form}", shared=shared)


def _grants(desk: Desk, target: Target, names: list[str]) -> list[Grant]:
    """One grant for each set of ARNs: a bucket's actions apart from its objects'."""
    if target.form == "any":
        return [Grant(tuple(names))]
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(arns(desk, target, type_of(desk.catalogue, name, target)), []).append(name)
    return [Grant(tuple(members), resources) for resources, members in groups.items()]


def type_of(catalogue: Catalogue, name: str, target: Target) -> str:
    """The resource type under which the action meets the target: a bucket's action may work on its objects."""
    if name in IDIOMS and IDIOMS[name][0]:
        return IDIOMS[name][0]
    types = catalogue.action(name).resource_types
    sharing = [t for t in types if NAMED_BY.get((target.service, t)) == target.type]
    return target.type if target.type in types or not sharing else sharing[0]


def arns(desk: Desk, target: Target, type_: str) -> tuple[str, ...]:
    """The ARNs of the target as resources of a type that shares its name."""
    kind = desk.catalogue.services[target.service].resource_types[type_]
    return tuple(arn(kind, name, target.scene) for name in target.names)


def _on(desk: Desk, target: Target, actions: list[Action]) -> tuple[list[Clause], list[str]]:
    """The clauses for actions on one target, in the order in which they are said."""
    noun = noun_of(desk.catalogue, target.service, target.type)
    said = [(phrase(desk.rng, desk.catalogue, a, noun), a.name) for a in actions]
    direct = [(text[:-2], name) for text, name in said if text.endswith(" ~")]
    placed = [(text, name) for text, name in said if not text.endswith(" ~")]
    order = [name for _, name in direct] + [name for _, name in placed]
    clauses: list[Clause] = []
    words = target.words
    if direct:
        clauses.append(Clause(tuple(dict.fromkeys(text for text, _ in direct)), words))
        words = target.pronoun
    near = all(text.rpartition("~")[2] in ("from", "to", "in", "into", "on") for text, _ in placed)
    neutral = near and not direct and len(placed) > 1 and target.type in _NEUTRAL and desk.chance(0.5)
    for index, (text, _) in enumerate(placed):
        head, _, preposition = text.rpartition(" ~")
        last = index == len(placed) - 1
        if neutral:
            clauses.append(Clause((head,), f"{_NEUTRAL[target.type]} {target.words}" if last else ""))
        else:
            clauses.append(
                _possessive(head, words) if preposition == "of" else Clause((head,), f"{preposition} {words}")
            )
            words = target.pronoun
    return clauses, order


def _possessive(head: str, words: str) -> Clause:
    """What "of" the resource: "its attributes" where the resource is a pronoun already."""
    owner = {"it": "its", "them": "their"}.get(words)
    owned = re.fullmatch(r"(.*\b)the ((?:[\w-]+ ?){1,5})", head)
    if not owner or not owned:
        return Clause((head,), f"of {words}")
    return Clause((f"{owned[1]}{owner} {owned[2]}",))


_NEUTRAL = {
    "bucket": "in",
    "table": "on",
    "queue": "on",
    "topic": "on",
    "stream": "on",
    "log-group": "in",
    "cluster": "on",
    "repository": "in",
    "workgroup": "in",
    "function": "on",
    "hostedzone": "in",
    "userpool": "in",
}
