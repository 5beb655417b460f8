"""Composed requests: sentences with a known policy, at any number, for the source "written".

What is wanted is drawn first, from AWS's catalogue and composed.yaml; the policy and the words both follow from it. All
have one author, this module: who teaches and tests on them measures the mirror (notebooks 01 and 03).
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any, NamedTuple

import yaml

from iampolicy import catalogue
from iampolicy.words import listed, plural, service_name, services, split_name

TABLES = yaml.safe_load(resources.files("lib.data").joinpath("composed.yaml").read_text(encoding="utf-8"))
WORDS = {name: text.split() for name, text in TABLES["words"].items()}
SPOKEN, UNSPOKEN, GLOBAL = (frozenset(TABLES[name].split()) for name in ("spoken", "unspoken", "global"))
POPULAR = 0.7  # share of draws among the services that requests speak of most; else all services are as likely
REPEATS = 6  # how often a set of actions is drawn again when it was there before
OPEN = {"region": "*", "account": "*"}  # what is not said


@dataclass(frozen=True)
class WrittenExample:
    """An instruction and its policy, with where they come from."""

    instruction: str
    policy: dict[str, Any]
    kind: str  # one of KINDS
    style: str  # of the opening: plain, polite, formal, terse, ticket
    shape: str  # kind and opening: equal shapes are built alike


Grants = list[tuple[list[str], list[str]]]  # actions and the resources that they are granted on


class Phrase(NamedTuple):
    """Something to be done: an infinitive without "to", and what it takes."""

    say: str
    grants: Grants


def write(count: int, seed: int) -> list[WrittenExample]:
    """Compose `count` examples with distinct instructions, the same for the same seed and catalogue.

    Raises:
        ValueError: if count is negative.
    """
    if count < 0:
        raise ValueError(f"count is {count}; it must be 0 or more")
    rng = Random(seed)
    found: dict[str, WrittenExample] = {}
    seen: set[frozenset[str]] = set()
    while len(found) < count:
        kind = rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        for attempt in range(20):
            example = KINDS[kind][1](Composer(rng, kind))
            if example is None or example.instruction in found:  # None: the drawn service has nothing that suits
                continue
            named = frozenset(action for s in example.policy["Statement"] for action in s["Action"])
            if named not in seen or attempt > REPEATS:
                seen.add(named)
                found[example.instruction] = example
                break
    return list(found.values())


class Composer:
    """One request while it is composed: who asks, and names and places, which are drawn once and stay."""

    def __init__(self, rng: Random, kind: str) -> None:
        self.rng, self.kind = rng, kind
        self.values: dict[str, str] = {}
        self.called: dict[str, str] = {}
        self.people = rng.random() < 0.5
        group = {name: text.split("|") for name, text in TABLES["people" if self.people else "programs"].items()}
        self.who = rng.choice(group["one"] + group["many"])
        self.many = self.who in group["many"]
        said = rng.choice(((), (), (), ("region",), ("account",), ("region", "account")))
        self.place = {name: rng.choice(WORDS[name]) for name in said}

    def drawn(self, text: str, kept: dict[str, str]) -> str:
        """The text with words drawn for what stands in braces; `kept` has those that stay, new ones too."""

        def word(match: re.Match[str]) -> str:
            name, digits = match[1], match[1].lower().removeprefix("hex")
            if digits.isdigit():
                number = f"{self.rng.getrandbits(4 * int(digits)):0{digits}x}"
                return number.upper() if name.isupper() else number
            if name not in kept:
                kept[name] = self.drawn(self.rng.choice(WORDS[name]), {})
            return kept[name]

        return re.sub(r"\{(\w+)\}", word, text)

    def service(self) -> str:
        """The prefix of a popular service, or of any; what it is called stays in `called`."""
        known = [s for s in services().values() if s.asked]
        prefix = self.rng.choices(known, [s.asked for s in known])[0].prefix
        if self.rng.random() > POPULAR:
            prefix = self.rng.choice(list(catalogue.load().services))
        names = services()[prefix].names if prefix in services() else ()
        self.called.setdefault(prefix, self.rng.choice(names or (service_name(prefix),)))
        return prefix

    def operations(self, most: int = 1, last: str = "and") -> Phrase:
        """Operations of one service, in words where their names are words, on all resources."""
        service = self.service()
        every = sorted(catalogue.load().expand(f"{service}:*"))
        actions = self.rng.sample(every, min(self.rng.randint(min(2, most), most), len(every)))
        spoken = [words for action in actions if (words := _spoken(action))]
        if len(spoken) == len(actions) and self.rng.random() < 0.75:
            verbs: dict[str, list[str]] = {}
            for verb, noun in spoken:
                verbs.setdefault(noun, []).append(verb)
            said = _joined([f"{listed(of, last)} {noun}" for noun, of in verbs.items()], last)
            said = f"{said} in {self.called[service]}"
        else:
            form = self.rng.choice(TABLES["calls" if len(actions) > 1 else "call"])
            names = listed([action.partition(":")[2] for action in actions], last)
            said = form.format(operations=names, service=self.called[service], action=actions[0])
        return Phrase(said, [(actions, ["*"])])

    def named(self, most: int = 1, last: str = "and", called: str = "", only: Sequence[str] = ()) -> Phrase:
        """Uses of one named resource: the first names it, the others say "it"."""
        rows = [row for row in TABLES["resources"] if called in ("", row["called"])]
        row = self.rng.choices(rows, [sum(map(len, r["uses"].values())) for r in rows])[0]
        name = self.drawn(self.rng.choice(row.get("names", TABLES["names"])), {})
        arns = {arn: self.drawn(arn, OPEN | self.place | {"name": name}) for arn in row["uses"]}
        said = " ".join(p for p in self.place if all(f"{{{p}}}" in arn for arn in arns))
        thing = self.rng.choice(TABLES["things"]).format(called=row["called"], name=name)
        thing += TABLES["places"][said].format(**self.place)
        uses = {(say, actions): arns[arn] for arn, by in row["uses"].items() for say, actions in by.items()}
        if only:
            uses = {use: arn for use, arn in uses.items() if use[0] in only}
        elif most > 2 and self.rng.random() < 0.1:
            return Phrase(f"do anything with {thing}", [([f"{row['service']}:*"], list(arns.values()))])
        chosen = self.rng.sample(list(uses), min(self.rng.randint(min(2, most), most), len(uses)))
        chosen.sort(key=list(uses).index)
        first, *more = [say for say, _ in chosen]
        parts = [re.sub(r"\bit\b", thing, first), *(re.sub(r"the ([\w -]+) of it$", r"its \1", say) for say in more)]
        return Phrase(_joined(parts, last), [(use[1].split(), [uses[use]]) for use in chosen])

    def level(self) -> Phrase | None:
        """Reading or full access to a service; None if wildcards of names that read do more than read there."""
        service = self.service()
        depth = self.rng.choice(list(TABLES["levels"]))
        patterns = [f"{service}:*"] if depth == "full" else _reading(service)
        said = self.rng.choice(TABLES["levels"][depth]).format(service=self.called[service])
        return Phrase(said, [(patterns, ["*"])]) if patterns else None

    def some(self, fewest: int, most: int, *makers: Callable[[], Phrase | None]) -> list[Phrase]:
        """Several wants, each of another service."""
        wants: dict[str, Phrase] = {}
        count = self.rng.randint(fewest, most)
        while len(wants) < count:
            if want := self.rng.choice(makers)():
                wants.setdefault(want.grants[0][0][0].partition(":")[0], want)
        return list(wants.values())

    def one(self, last: str = "and") -> Phrase:
        """Operations of a service, or uses of a resource."""
        return self.rng.choice((self.operations, self.named))(4, last)

    def plain(self, effect: str, wants: Sequence[Phrase]) -> WrittenExample:
        """All of the wants, allowed or denied."""
        said = _joined([w.say for w in wants], "and" if effect == "Allow" else "or")
        return self.example(effect.lower(), said, _statements(effect, [g for w in wants for g in w.grants]))

    def limited(self, effect: str) -> WrittenExample | None:
        """Something under a condition; None if the drawn one does not suit it."""
        row, want = self.rng.choice(TABLES["conditions"]), self.one("and" if effect == "Allow" else "or")
        actions = [action for some, _ in want.grants for action in some]
        place = "region" in self.place and want.grants[0][1] != ["*"]
        keys = [known.condition_keys if (known := catalogue.load().action(a)) else () for a in actions]
        if (
            (row.get("who") == "people" and not self.people)
            or (row.get("regional") and (place or GLOBAL & {a.partition(":")[0] for a in actions}))
            or ("key" in row and not all(row["key"] in known for known in keys))
        ):
            return None
        said = self.drawn(self.rng.choice(row["only" if effect == "Allow" else "without"]), self.values)
        condition = json.loads(self.drawn(json.dumps(row[effect.lower()]), self.values))
        return self.example(effect.lower(), want.say + said, _statements(effect, want.grants, Condition=condition))

    def everything_except(self) -> WrittenExample | None:
        """A service but for a few of its operations; None if those that change something have no plain names."""
        service, known = self.service(), catalogue.load()
        levels = {action: known.actions[action].access_level for action in sorted(known.expand(f"{service}:*"))}
        plain = [action for action, level in levels.items() if level not in ("Read", "List") and _spoken(action)]
        refused = self.rng.sample(plain, min(2, len(plain)))
        said = listed([" ".join(_spoken(action) or ()) for action in refused], "or")
        if len(known.expand(f"{service}:Delete*")) > 1 and self.rng.random() < 0.3:
            refused, said = [f"{service}:Delete*"], "delete things"
        want = self.rng.choice(TABLES["except"]).format(service=self.called[service], refused=said)
        granted = _statements("Allow", [([f"{service}:*"], ["*"])])
        return self.example("allow", want, granted + _statements("Deny", [(refused, ["*"])])) if refused else None

    def bucket(self) -> WrittenExample:
        """Somebody's access to a bucket as the bucket's own policy."""
        row = self.rng.choice(TABLES["principals"])
        want = self.named(4, "and", "S3 bucket", row.get("uses", ()))
        given = json.loads(self.drawn(json.dumps(row["given"]), self.values))
        statements = _statements("Allow", want.grants, **given)
        if guard := self.rng.choice(TABLES["guards"]):
            bucket = want.grants[0][1][0].partition("/")[0]
            tls = {"Bool": {"aws:SecureTransport": "false"}}
            statements += _statements("Deny", [(["s3:*"], [bucket, f"{bucket}/*"])], Principal="*", Condition=tls)
        self.who = self.drawn(row["say"], self.values)
        return self.example("bucket", want.say, statements, guard)

    def example(self, mode: str, want: str, statements: list[dict[str, Any]], tail: str = "") -> WrittenExample:
        """The words around what is asked for: an opener of `mode` before, `tail` behind."""
        style = self.rng.choice(list(TABLES["openers"][mode]))
        opener = self.rng.choice(TABLES["openers"][mode][style])
        parts = {"who": self.who, "want": want}
        parts |= {name.title(): text[0].upper() + text[1:] for name, text in parts.items()}
        parts |= {one: many if self.many else one for one, many in TABLES["verbs"].items()}
        instruction = self.drawn(opener, self.values | parts)
        instruction += tail and ("" if instruction.endswith((".", "?")) else ".") + tail
        policy = {"Version": "2012-10-17", "Statement": statements}
        return WrittenExample(instruction, policy, self.kind, style, f"{self.kind}: {opener}")


KINDS: dict[str, tuple[int, Callable[[Composer], WrittenExample | None]]] = {  # name -> (weight, what composes one)
    "single operation": (12, lambda r: r.plain("Allow", [r.operations()])),
    "several operations": (16, lambda r: r.plain("Allow", [r.operations(4)])),
    "named resource": (12, lambda r: r.plain("Allow", [r.named(4)])),
    "several named resources": (12, lambda r: r.plain("Allow", r.some(2, 3, lambda: r.named(3)))),
    "access to services": (10, lambda r: r.plain("Allow", r.some(1, 3, r.level))),
    "several services": (
        16,
        lambda r: r.plain("Allow", r.some(2, 4, r.level, lambda: r.named(2), lambda: r.operations(2))),
    ),
    "condition": (14, lambda r: r.limited("Allow")),
    "everything except": (4, Composer.everything_except),
    "deny": (6, lambda r: r.plain("Deny", r.some(1, 2, lambda: r.one("or")))),
    "deny under a condition": (6, lambda r: r.limited("Deny")),
    "bucket policy": (8, Composer.bucket),
}


@cache
def _spoken(action: str) -> tuple[str, str] | None:
    """An operation's name as verb and plural noun, "CreateQueue" as "create", "queues"; None where it is no English."""
    verb, *noun = split_name(action.partition(":")[2])
    plain = all(word.isalpha() and len(word) > 1 for word in noun) and not UNSPOKEN & set(noun) | SPOKEN & set(noun[:1])
    return (verb, plural(" ".join(noun))) if verb in SPOKEN and plain and 0 < len(noun) <= 4 else None


@cache
def _reading(service: str) -> list[str]:
    """The wildcards of names that read, if what they match does nothing else, but for one in ten."""
    known = catalogue.load()
    patterns = [p for verb in ("Describe", "Get", "List") if known.expand(p := f"{service}:{verb}*")]
    levels = [known.actions[name].access_level in ("Read", "List") for name in known.expand_all(patterns)]
    return patterns if sum(levels) >= 0.9 * len(levels) else []


def _statements(effect: str, grants: Grants, **more: Any) -> list[dict[str, Any]]:
    """A statement for each set of resources, in the order in which they are said; `more` are further elements."""
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for actions, on in grants:
        by_resources.setdefault(tuple(on), []).extend(actions)
    order = ("Effect", "Principal", "Action", "Resource", "Condition")
    made = [{"Effect": effect, "Action": of, "Resource": list(on)} | more for on, of in by_resources.items()]
    return [{name: statement[name] for name in order if name in statement} for statement in made]


def _joined(parts: Sequence[str], last: str = "and") -> str:
    """The parts as a list; with commas where a part has an "and" of its own, with semicolons where it has commas."""
    if len(parts) < 2 or not any(re.search(r" and | or |,", part) for part in parts):
        return listed(parts, last)
    mark = "; " if any("," in part for part in parts) else ", "
    return mark.join((*parts[:-1], f"{last} {parts[-1]}"))
