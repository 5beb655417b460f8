"""Examples: what one is, which are kept, and which split each belongs to.

The order of work is validate, bring to canonical form, drop exact and near duplicates, split, with a count for every
step on the way.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from iampolicy.document import Policy, as_policy, canonical
from iampolicy.grammar import structure_faults
from lib.data.composed import WrittenExample
from lib.data.managed import ManagedPolicy, instruction_for, report_names
from lib.data.overlap import COUNTED, NEAR, ActionIndex, clusters, near_pairs
from lib.files import CourseError

SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}
COMPLEXITIES = ("simple", "medium", "complex")
SOURCES = ("managed", "report", "written", "field")
DRAFT = "draft"  # the outcome of a request that a policy answers
MOST_STATEMENTS = 50  # the report leaves out what is longer


@dataclass(frozen=True)
class Example:
    """One instruction with the policy that answers it.

    `source` is "managed", "report" (a managed policy of the report's test split), "written" (composed) or "field" (a
    person's request, lib/data/requests); `policy` is minified JSON in canonical form, with the actions of a written
    example in the order in which it asks for them; examples of one `group` are near duplicates of each other and never
    part.

    `shape` names the sentence that it is built like: that of the composer, or the words without what can be exchanged.
    Only field examples have the others: `outcome` is "draft", "ask" or "refuse" (then `policy` has no statement);
    `tags` say what kind of request it is; `reply` is what the person answers if asked, and `replied` the policy then.
    """

    id: str
    source: str
    instruction: str
    policy: str
    complexity: str
    group: str = ""
    shape: str = ""
    outcome: str = DRAFT
    tags: tuple[str, ...] = ()
    reply: str = ""
    replied: str = ""

    @property
    def worded(self) -> bool:
        """Whether the instruction says in words what is wanted; of managed policies it is a name."""
        return self.source in ("written", "field")


@dataclass(frozen=True)
class Step:
    """A step of the curation and what it left."""

    name: str
    examples: int
    dropped: int
    why: str


@dataclass(frozen=True)
class Dataset:
    """The splits, in a fixed order, and the steps that led to them."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    steps: tuple[Step, ...]

    def split(self, name: str) -> tuple[Example, ...]:
        """One split by its name."""
        return getattr(self, name)

    def rows(self) -> list[dict[str, Any]]:
        """Every example as a dict, with its split."""
        examples = ((name, example) for name in SPLITS for example in self.split(name))
        return [{"split": name, **asdict(example), "tags": list(example.tags)} for name, example in examples]


def complexity(policy: Policy) -> str:
    """The report's classes: simple, medium or complex.

    Complex is 4 or more statements, 4 or more services, or a Condition; simple is one statement with at most one
    service; medium is what lies between.
    """
    statements, services = len(policy.statements), len(policy.services)
    if statements >= 4 or services >= 4 or any(s.condition for s in policy.statements):
        return "complex"
    return "simple" if statements == 1 and services <= 1 else "medium"


def from_managed(policies: Iterable[ManagedPolicy]) -> list[Example]:
    """Managed policies as examples in the report's wording; the names of its test split have the source "report"."""
    named = frozenset(report_names())
    return [
        _example(f"managed/{p.name}", "report" if p.name in named else "managed", instruction_for(p.name), p.document)
        for p in policies
    ]


def from_written(written: Iterable[WrittenExample]) -> list[Example]:
    """Written examples, with an id that depends on their content only."""
    return [
        replace(_example(f"written/{_digest(w.instruction)}", "written", w.instruction, w.policy), shape=w.shape)
        for w in written
    ]


def _example(id: str, source: str, instruction: str, document: dict[str, Any]) -> Example:
    # What a sentence names first stands first in its policy, too; a name says nothing about order.
    policy = canonical(document, keep_order=source == "written")
    return Example(id, source, " ".join(instruction.split()), policy.to_json(), complexity(policy))


def with_field(data: Dataset, field: Mapping[str, Sequence[Example]]) -> Dataset:
    """The data set and the requests of people, whose splits are frozen (`lib.data.field`).

    Args:
        field: examples by split.
    """
    whole = {name: (*data.split(name), *field[name]) for name in SPLITS}
    added = Step("with field", sum(map(len, whole.values())), 0, "requests of people, split and frozen beforehand")
    return Dataset(**whole, steps=(*data.steps, added))


def build(managed: Sequence[ManagedPolicy], written: Sequence[WrittenExample]) -> Dataset:
    """Curate and split.

    Where two examples are near duplicates, a policy of the report's test split stays before other managed policies,
    and these before written examples. The split of the managed policies does not depend on the written ones, nor on
    any seed: the shipped adapter was trained apart from it.

    Raises:
        ValueError: if nothing is left.
    """
    examples = [*from_managed(managed), *from_written(written)]
    steps = [Step("raw", len(examples), 0, f"{len(managed)} managed, {len(written)} written")]

    def keep(name: str, kept: list[Example], why: str) -> list[Example]:
        steps.append(Step(name, len(kept), steps[-1].examples - len(kept), why))
        return kept

    examples = keep("valid", [e for e in examples if not structure_faults(e.policy)], "IAM policy grammar")
    # A policy of the report's test split stays even where AWS has since let it grow past the bound.
    short = [e for e in examples if e.source == "report" or len(as_policy(e.policy).statements) <= MOST_STATEMENTS]
    examples = keep("short enough", short, f"at most {MOST_STATEMENTS} statements")
    examples.sort(key=lambda e: e.source != "report")  # stable: managed stay before written
    examples = keep("distinct policies", _distinct(examples, lambda e: normalised_digest(e.policy)), "normalised JSON")
    examples = keep("distinct instructions", _distinct(examples, lambda e: e.instruction.casefold()), "same words")
    examples = keep("no near duplicates", _without_near(examples), f"overlap of expanded actions {NEAR} or more")
    if not examples:
        raise ValueError("no example is left after curation")
    by_split = _split(examples)
    return Dataset(**{name: tuple(by_split[name]) for name in SPLITS}, steps=tuple(steps))


def _distinct(examples: Sequence[Example], key: Any) -> list[Example]:
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(key(example), example)
    # Two policies of the report's test split may be alike; its results count both.
    return [e for e in examples if e.source == "report" or first[key(e)] is e]


def _without_near(examples: Sequence[Example]) -> list[Example]:
    """Drop near duplicates of an example that stays, and name the group of each example that is left."""
    index = ActionIndex()
    policies = [as_policy(e.policy) for e in examples]
    by_effects = [near_pairs([index.actions(p, effects) for p in policies]) for effects in COUNTED]
    near = [[*named, *allowed] for named, allowed in zip(*by_effects, strict=True)]
    dropped: set[int] = set()
    for position, neighbours in enumerate(near):
        if examples[position].source != "report" and any(n < position and n not in dropped for n in neighbours):
            dropped.add(position)
    # Only the report's names can still be near each other: a group is what must not part.
    group_of = clusters([[n for n in ns if not {i, n} & dropped] for i, ns in enumerate(near)])
    return [replace(e, group=examples[group_of[i]].id) for i, e in enumerate(examples) if i not in dropped]


def _split(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """80/10/10 within each source and complexity; groups whole, the report's names and their groups in test."""
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.group, []).append(example)
    split: dict[str, list[Example]] = {name: [] for name in SPLITS}
    strata: dict[tuple[bool, str], list[str]] = {}
    filled: Counter[tuple[bool, str, str]] = Counter()
    sizes: Counter[tuple[bool, str]] = Counter()
    for group, members in groups.items():
        stratum = (members[0].source == "written", members[0].complexity)
        sizes[stratum] += len(members)
        if any(m.source == "report" for m in members):
            split["test"] += members
            filled[*stratum, "test"] += len(members)
        else:
            strata.setdefault(stratum, []).append(group)
    for stratum, names in strata.items():
        # The digest shuffles, and a group keeps its place when others come or go. Another prefix than "0" would be
        # another split, which the shipped adapter has not been held apart from.
        for group in sorted(names, key=lambda g: _digest(f"0 {g}")):
            wanting = [n for n in ("test", "validation") if filled[*stratum, n] < SPLITS[n] * sizes[stratum]]
            name = wanting[0] if wanting else "train"
            split[name] += groups[group]
            filled[*stratum, name] += len(groups[group])
    return {name: sorted(members, key=lambda e: e.id) for name, members in split.items()}


def spread(examples: Sequence[Example], count: int) -> list[Example]:
    """At most `count` examples, evenly over the whole sequence and so over its sources; 0 means all."""
    if not count or count >= len(examples):
        return list(examples)
    return [examples[i * len(examples) // count] for i in range(count)]


def choose(test: Sequence[Example], limit: int) -> list[Example]:
    """What an arm is asked: a third of the limit each for the report's names, people's requests and all others.

    Each part is evenly spread over its source; what one of them does not fill goes to the next.

    Args:
        limit: examples to take; -1 or a limit beyond the split takes all.

    Raises:
        CourseError: for any other limit under 1.
    """
    if limit < 1 and limit != -1:
        raise CourseError(f"ARM_LIMIT is {limit}: write a number of requests, -1 for all, or 0 for the profile's")
    if limit == -1 or limit >= len(test):
        return list(test)
    parts = [[e for e in test if e.source in sources] for sources in (("report",), ("field",), ("managed", "written"))]
    chosen: set[str] = set()
    for position, part in enumerate(sorted(parts, key=len)):  # the smallest first: what it leaves is shared out
        share = (limit - len(chosen)) // (len(parts) - position)
        chosen |= {e.id for e in (spread(part, share) if share else ())}
    return [e for e in test if e.id in chosen]


def normalised_digest(policy: str) -> str:
    """The MD5 of a policy's normalised JSON: same digest, same policy up to order, Sids and scalar-or-list form."""
    return hashlib.md5(_normal(canonical(policy).data).encode(), usedforsecurity=False).hexdigest()


def _normal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_normal(v)}" for k, v in sorted(value.items()) if k not in ("Sid", "Id")) + "}"
    items = value if isinstance(value, list) else [value]
    return "[" + ",".join(sorted({_normal(i) if isinstance(i, dict) else repr(i) for i in items})) + "]"


def _digest(text: str) -> str:
    return hashlib.sha256(re.sub(r"\s+", " ", text).encode()).hexdigest()[:12]
