"""The requests of people as examples of the data set, and what they are like.

Asked records (lib/data/requests) come in; examples with their frozen splits, and tables about them, go out.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from iampolicy import catalogue
from iampolicy.document import Policy, canonical
from iampolicy.patterns import overlaps
from lib.data.dataset import SPLITS, Example, complexity
from lib.data.requests import ASK, DRAFT, FOLDER, NOTHING, TAGS, Asked
from lib.data.requests.check import arns, located
from lib.data.requests.splits import frozen
from lib.data.wording import names_in, shape
from lib.errors import CourseError

# Words that forbid; in a complaint they mostly say what fails, so there only the author's own tag counts.
_FORBIDS = re.compile(
    r"\b(?:cannot|can['’]?t|must(?: not|n['’]?t)|may not|shall not|should(?: not|n['’]t)|never|nobody|no one"
    r"|not even|not allowed|forbidden|off limits)\b",
    re.IGNORECASE,
)


def examples(found: Sequence[Asked]) -> dict[str, list[Example]]:
    """The requests as examples by split, sorted by id.

    Raises:
        CourseError: if a request has no split yet.
    """
    rows = frozen()
    if new := [a for a in found if a.id not in rows]:
        raise CourseError(
            f"{len(new)} requests have no split, first {new[0].request[:60]!r} in {new[0].sitting}: "
            "run python -m lib.data.requests --freeze"
        )
    made = sorted(((rows[a.id], example(a, rows[a.id][1])) for a in found), key=lambda pair: pair[1].id)
    return {name: [e for (split, _), e in made if split == name] for name in SPLITS}


def example(asked: Asked, group: str = "") -> Example:
    """One request as an example: what is wanted as it stands, and after the person has answered a question."""
    after = text(located(asked.policy, asked.facts)) if asked.outcome != "refuse" else ""
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


def place(facts: dict[str, str]) -> str:
    """What a person answers who is asked where: "In eu-west-1, account 111122223333."."""
    said = [facts["region"]] if "region" in facts else []
    said += [f"account {facts['account']}"] if "account" in facts else []
    return f"In {', '.join(said)}." if said else ""


def tags(asked: Asked) -> tuple[str, ...]:
    """What kind of request it is: its form, what its author says of it, and what its policy shows."""
    policy = Policy(asked.policy)
    statements = policy.statements
    shown = {
        "to be refused or asked back": asked.outcome != DRAFT,
        "names a resource": bool(kinds(asked)),
        "condition": any(s.condition for s in statements),
        "deny": any(s.effect == "Deny" for s in statements),
        "several services": len(policy.services) > 1,
        "four or more statements": len(statements) >= 4,
        "bucket policy": is_bucket_policy(asked),
        "other resource or trust policy": asked.type in ("resource", "trust") and not is_bucket_policy(asked),
        "service control policy": asked.type == "scp",
        "place left open": any("*" in arn.split(":")[3:5] for arn in arns(asked.policy)),
    }
    said = {*asked.tags, *(["negation"] if asked.form != "complaint" and _FORBIDS.search(asked.request) else ())}
    return (asked.form, *(tag for tag in TAGS if tag in said), *(name for name, holds in shown.items() if holds))


def is_bucket_policy(asked: Asked) -> bool:
    """Whether the policy is that of an S3 bucket."""
    return asked.type == "resource" and Policy(asked.policy).services == {"s3"}


def kinds(asked: Asked) -> set[str]:
    """The kinds of resources that the policy names: "s3 bucket", "sqs queue", "s3 path" for a part of a bucket."""
    return {kind for arn in arns(asked.policy) for kind in _kind(arn)}


def _kind(arn: str) -> list[str]:
    fields = arn.split(":", 5)
    rest = re.sub(r"\$\{[^}]*\}", "x", fields[-1])
    if len(fields) < 6 or not re.search(r"\w", re.sub(r"^[\w-]+[:/]", "", rest) if fields[2] != "s3" else rest):
        return []
    if fields[2] == "s3" and "/" in rest:
        return ["s3 path" if rest.partition("/")[2].strip("*") else "s3 objects of a bucket"]
    types = catalogue.load().services[fields[2]].resource_types if fields[2] in catalogue.load().services else {}
    fitting = [t for t in types.values() if overlaps(t.pattern, arn)]
    longest = max(fitting, key=lambda t: len(t.pattern), default=None)
    return [f"{fields[2]} {longest.name}"] if longest else []


def facts_of(found: Sequence[Asked]) -> dict[str, float]:
    """How much of what is in the requests: counts, and shares of all of them from 0 to 1."""
    drafted = [a for a in found if a.outcome == DRAFT]
    policies = [Policy(a.policy) for a in found]
    many = len(found)

    def share(holds: Sequence[bool]) -> float:
        return sum(holds) / many

    return {
        "requests": many,
        "sittings": len({a.sitting for a in found}),
        "services": len(frozenset().union(*(p.services for p in policies))),
        "kinds of named resources": len(set().union(*map(kinds, found))),
        "with a condition": share([any(s.condition for s in p.statements) for p in policies]),
        "with a deny or an exception": share(
            [
                any(s.effect == "Deny" for s in p.statements) or "exception" in a.tags
                for a, p in zip(found, policies, strict=True)
            ]
        ),
        "over several services": share([len(p.services) > 1 for p in policies]),
        "bucket policies": share([is_bucket_policy(a) for a in found]),
        "to be refused or asked back": share([a.outcome != DRAFT for a in found]),
        "policies": len(drafted),
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
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    counts = Counter(row[1] for row in rows)
    if odd := counts.keys() - {"right", "wrong", "undetermined"}:
        raise CourseError(f"{path.name}: {odd.pop()!r} is not right, wrong or undetermined")
    faulty = counts["wrong"] + counts["undetermined"]
    return (
        f"A second reader took {len(rows)} at random: {counts['wrong']} wrong, {counts['undetermined']} undetermined "
        f"({faulty / len(rows):.1%}), mended since."
    )
