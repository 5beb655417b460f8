"""Requests as people write them, each with the policy that a careful engineer would attach: the source "field".

The files of lib/data/requests, a sitting of one author each, are data; the README there says what a line holds. `load`
reads Asked records, `examples` makes examples of them in their frozen splits, and tables say what they are like.
`python -m tools.requests` holds each to what it must be before it may stay.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ValidationError, model_validator

from iampolicy import catalogue
from iampolicy.document import Policy, as_list, canonical
from iampolicy.patterns import overlaps
from lib.data.dataset import SPLITS, Example, complexity
from lib.data.wording import names_in, shape
from lib.files import CourseError, read_jsonl, shown

FOLDER = Path(__file__).with_name("requests")
SPLITS_FILE = FOLDER / "splits.tsv"
DRAFT, ASK, REFUSE = "draft", "ask", "refuse"  # what a good assistant does: a policy, a question first, a no
NOTHING: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}  # what a request to be refused is granted

Form = Literal["plain", "question", "ticket", "complaint", "tool", "terse", "story", "list", "follow-up"]
Tag = Literal["late English", "negation", "exception", "wildcard", "variable"]  # what the policy alone does not show

# Words that forbid; in a complaint they mostly say what fails, so there only the author's own tag counts.
_FORBIDS = re.compile(
    r"\b(?:cannot|can['’]?t|must(?: not|n['’]?t)|may not|shall not|should(?: not|n['’]t)|never|nobody|no one"
    r"|not even|not allowed|forbidden|off limits)\b",
    re.IGNORECASE,
)


class Case(NamedTuple):
    """One API call on which the policy is tried; `context` has condition keys, `principal` an ARN or a service."""

    action: str
    resource: str
    context: dict[str, Any] = {}
    principal: str | None = None


class Asked(BaseModel, frozen=True, extra="forbid"):
    """One request of a person.

    `policy` is what is to be attached, for one that is to be asked back after `reply`; for one that is refused it
    grants nothing. `facts` are the region and the account that the person would name if asked; the policy has "*"
    there, because the request does not say them. `why` says what is missing, or why there is no policy.
    """

    request: str
    form: Form
    policy: dict[str, Any] = NOTHING
    tags: tuple[Tag, ...] = ()
    type: Literal["identity", "resource", "trust", "scp"] = "identity"
    allow: tuple[Case, ...] = ()
    deny: tuple[Case, ...] = ()
    facts: dict[Literal["region", "account"], str] = {}
    outcome: Literal["draft", "ask", "refuse"] = "draft"
    why: str = ""
    reply: str = ""
    title: str = ""  # of a ready example, for a menu
    sitting: str = ""  # the file that it stands in

    @property
    def id(self) -> str:
        return f"field/{hashlib.sha256(self.request.encode()).hexdigest()[:12]}"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """What one field says of another: which an outcome needs, and which it cannot have."""
        for name in {DRAFT: ("request",), ASK: ("request", "why", "reply"), REFUSE: ("request", "why")}[self.outcome]:
            if not getattr(self, name).strip():
                raise ValueError(f"outcome {self.outcome} needs a text as {name}")
        for name in ("request", "why", "reply", "title"):
            if odd := [c for c in getattr(self, name) if not (c.isprintable() or c == "\n")]:
                raise ValueError(f"{name} holds the character {odd[0]!r}, which nobody sees: remove it")
        surplus = {"policy", "allow", "deny", "reply", "facts"} & self.model_fields_set
        if self.outcome == REFUSE and surplus:
            raise ValueError(f"outcome refuse has no {', '.join(sorted(surplus))}")
        if self.outcome != REFUSE and not isinstance(self.policy.get("Statement") or None, list | dict):
            raise ValueError("policy is no object with a Statement")
        return self


def load(*paths: Path) -> list[Asked]:
    """The requests of the files, all of them by default, in the order of the files' names.

    Raises:
        CourseError: if a line is no JSON, or has a field too many, too few or of another type, with file and line.
    """
    found = []
    for path in paths or sorted(FOLDER.glob("*.jsonl")):
        try:
            rows = read_jsonl(path)
        except ValueError as error:
            raise CourseError(str(error)) from error
        for number, row in enumerate(rows, 1):
            try:
                found.append(read(row, path.stem))
            except ValueError as error:
                raise CourseError(f"{shown(path)}, request {number}: {error}") from error
    return found


def read(row: Any, sitting: str = "") -> Asked:
    """One line of a file.

    Raises:
        ValueError: if it is not of the form that the README of the folder describes, with the fields that are not.
    """
    try:
        return Asked.model_validate(row).model_copy(update={"sitting": sitting})
    except ValidationError as error:
        wrong = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        raise ValueError("; ".join(f"{where}: {said}" if where else said for where, said in wrong)) from error


def frozen(path: Path = SPLITS_FILE) -> dict[str, tuple[str, str]]:
    """Split and group of each request, by id.

    Raises:
        CourseError: if a line does not have three fields.
    """
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]] if path.exists() else []
    if odd := [row for row in rows if len(row) != 3]:
        raise CourseError(f"{path.name}: {odd[0]!r} is not id, split and group, with tabs between")
    return {id: (split, group) for id, split, group in rows}


def examples(found: Sequence[Asked]) -> dict[str, list[Example]]:
    """The requests as examples by split, sorted by id.

    Raises:
        CourseError: if a request has no split yet.
    """
    rows = frozen()
    if new := [a for a in found if a.id not in rows]:
        raise CourseError(
            f"{len(new)} requests have no split, first {new[0].request[:60]!r} in {new[0].sitting}: "
            "run python -m tools.requests --freeze"
        )
    made = sorted((example(a, rows[a.id][1]) for a in found), key=lambda e: e.id)
    return {name: [e for e in made if rows[e.id][0] == name] for name in SPLITS}


def example(asked: Asked, group: str = "") -> Example:
    """One request as an example: what is wanted as it stands, and after the person has answered a question."""
    after = text(located(asked.policy, asked.facts)) if asked.outcome != REFUSE else ""
    stands = asked.policy if asked.outcome == DRAFT else NOTHING
    return Example(
        asked.id,
        "field",
        asked.request,
        text(stands),
        complexity(Policy(asked.policy)),
        group,
        shape(asked.request, names_in(json.dumps(asked.policy))),
        asked.outcome,
        tags(asked),
        asked.reply if asked.outcome == ASK else place(asked.facts),
        after if asked.outcome == ASK or asked.facts else "",
    )


def text(policy: dict) -> str:
    """A policy as the data set has it, with the actions in the author's order."""
    return canonical(policy, keep_order=True).to_json() if policy["Statement"] else json.dumps(NOTHING)


def located(policy: dict, facts: dict) -> dict:
    """The policy with the region and the account that a person names, in ARNs of resources that have "*" there."""

    def filled(arn: str) -> str:
        fields = arn.split(":", 5)
        place = zip(fields[3:5], ("region", "account"), strict=False)
        fields[3:5] = [facts.get(name, "*") if value == "*" else value for value, name in place]
        return ":".join(fields)

    statements = [
        s | {name: list(map(filled, as_list(s[name]))) for name in ("Resource", "NotResource") if name in s}
        for s in as_list(policy["Statement"])
    ]
    return policy | {"Statement": statements}


def arns(policy: dict) -> list[str]:
    """The ARNs of the Resource elements of a policy."""
    values = [v for s in Policy(policy).statements for v in (s.resources or s.not_resources or ())]
    return [value for value in values if value.startswith("arn:")]


def place(facts: dict) -> str:
    """What a person answers who is asked where: "In eu-west-1, account 111122223333."."""
    said = [facts["region"]] if "region" in facts else []
    said += [f"account {facts['account']}"] if "account" in facts else []
    return f"In {', '.join(said)}." if said else ""


def beside(people: Sequence[Example], composed: Sequence[Example], most: int = 4) -> list[tuple[Example, Example]]:
    """Pairs of a person's request and a composed one whose policies allow and deny the same actions, wherever.

    Shortest requests first; each composed request once.
    """
    by_actions: dict[frozenset[tuple], list[Example]] = {}
    for example in sorted(composed, key=lambda e: len(e.instruction), reverse=True):
        by_actions.setdefault(_actions(example), []).append(example)
    pairs = []
    for example in sorted(people, key=lambda e: len(e.instruction)):
        if example.outcome == DRAFT and by_actions.get(_actions(example)):
            pairs.append((example, by_actions[_actions(example)].pop()))
    return pairs[:most]


def _actions(example: Example) -> frozenset[tuple]:
    """What a policy allows and denies, and whether under conditions and to whom; not on which resources."""
    return frozenset(
        (s.effect, pattern.lower(), bool(s.condition), s.principal is not None)
        for s in Policy(json.loads(example.policy)).statements
        for pattern in s.action_patterns
    )


# What they are like


def tags(asked: Asked) -> tuple[str, ...]:
    """What kind of request it is: its form, what its author says of it, and what its policy shows."""
    policy = Policy(asked.policy)
    statements = policy.statements
    bucket = asked.type == "resource" and policy.services == {"s3"}
    shown = {
        "to be refused or asked back": asked.outcome != DRAFT,
        "names a resource": bool(kinds(asked)),
        "condition": any(s.condition for s in statements),
        "deny": any(s.effect == "Deny" for s in statements),
        "several services": len(policy.services) > 1,
        "four or more statements": len(statements) >= 4,
        "bucket policy": bucket,
        "other resource or trust policy": asked.type in ("resource", "trust") and not bucket,
        "service control policy": asked.type == "scp",
        "place left open": any("*" in arn.split(":")[3:5] for arn in arns(asked.policy)),
    }
    said = {*asked.tags, *(["negation"] if asked.form != "complaint" and _FORBIDS.search(asked.request) else ())}
    return (
        asked.form,
        *(tag for tag in get_args(Tag) if tag in said),
        *(name for name, holds in shown.items() if holds),
    )


def kinds(asked: Asked) -> set[str]:
    """The kinds of resources that the policy names: "s3 bucket", "sqs queue", "s3 path" for a part of a bucket."""
    return {kind for arn in arns(asked.policy) if (kind := _kind(arn))}


def _kind(arn: str) -> str:
    fields = arn.split(":", 5)
    rest = re.sub(r"\$\{[^}]*\}", "x", fields[-1])
    if len(fields) < 6 or not re.search(r"\w", re.sub(r"^[\w-]+[:/]", "", rest) if fields[2] != "s3" else rest):
        return ""
    if fields[2] == "s3" and "/" in rest:
        return "s3 path" if rest.partition("/")[2].strip("*") else "s3 objects of a bucket"
    service = catalogue.load().services.get(fields[2])
    fitting = [t for t in service.resource_types.values() if overlaps(t.pattern, arn)] if service else []
    longest = max(fitting, key=lambda t: len(t.pattern), default=None)
    return f"{fields[2]} {longest.name}" if longest else ""


def facts_of(found: Sequence[Asked]) -> dict[str, float]:
    """How much of what is in the requests: counts, and shares of all of them from 0 to 1."""
    tagged = [set(tags(a)) for a in found]

    def share(*either: str) -> float:
        return sum(not tags.isdisjoint(either) for tags in tagged) / len(found)

    return {
        "requests": len(found),
        "sittings": len({a.sitting for a in found}),
        "services": len(frozenset().union(*(Policy(a.policy).services for a in found))),
        "kinds of named resources": len(set().union(*map(kinds, found))),
        "with a condition": share("condition"),
        "with a deny or an exception": share("deny", "exception"),
        "over several services": share("several services"),
        "bucket policies": share("bucket policy"),
        "to be refused or asked back": share("to be refused or asked back"),
        "policies": sum(a.outcome == DRAFT for a in found),
    }


def notes(found: Sequence[Asked]) -> list[str]:
    """What a data card says of the requests of people: how many of what kind, and what a second reader found."""
    shown = [f"{name}: {value:.1%}" if value <= 1 else f"{name}: {value:,}" for name, value in facts_of(found).items()]
    return [f"Of `field`, before the split: {'; '.join(shown)}.", second_reading()]


def second_reading(path: Path = FOLDER / "second_reader.tsv") -> str:
    """What a second reader found among requests taken at random, in a sentence.

    The file has a line for each request that was read: its id, "right", "wrong" (another policy should be attached) or
    "undetermined" (others could be), and why.

    Raises:
        CourseError: if a line has another verdict.
    """
    counts = Counter(line.split("\t")[1] for line in path.read_text(encoding="utf-8").splitlines()[1:])
    if odd := counts.keys() - {"right", "wrong", "undetermined"}:
        raise CourseError(f"{path.name}: {odd.pop()!r} is not right, wrong or undetermined")
    wrong, undetermined = counts["wrong"], counts["undetermined"]
    return (
        f"A second reader took {counts.total()} at random: {wrong} wrong, {undetermined} undetermined "
        f"({(wrong + undetermined) / counts.total():.1%}), mended since."
    )
