"""Which requests a model may learn from, which it may be tuned on, and which it is measured on: frozen in splits.tsv.

Asked records come in; a split and a group for each go out. Requests of one group say nearly the same, in words or in
their policies, and never part. What splits.tsv holds stays as it is; requests that are new to it are added.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from iampolicy.document import Policy
from lib.data.overlap import clusters
from lib.data.requests import FOLDER, Asked
from lib.data.wording import nearest_pairs
from lib.errors import CourseError
from lib.files import writing

PATH = FOLDER / "splits.tsv"
SHARES = {"test": 0.15, "validation": 0.15}  # of each sitting; the rest is for training
TEST_ONLY = ("ready", "threads")  # what users see ready-made, and what was asked in public: never learnt from
TRAIN_ONLY = (  # written later, to learn from; no second author has read them, so nothing is measured with them
    *("all_but", "apps_and_pipelines", "ask_refuse_and_resource", "asked_among_peers", "asked_in_public"),
    *("buckets_once_more", "denied_messages", "everyday", "functions_and_tables", "guards_and_boundaries"),
    *("headings", "keys_of_services", "keys_people_and_watching", "less_usual_services"),
    *("machines_and_networks", "not_and_except", "on_the_resource", "plain_access", "policies_of_resources"),
    *("said_as_a_policy", "short_titles", "small_asks", "ten_common_services", "three_and_four_parts"),
    *("trades_of_all_kinds", "twenty_further_services", "two_parts", "under_conditions", "whole_services"),
)
NEAR = 0.6  # similarity of words from which on two requests are of one group


def frozen(path: Path = PATH) -> dict[str, tuple[str, str]]:
    """Split and group of each request, by id.

    Raises:
        CourseError: if a line does not have three fields.
    """
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]] if path.exists() else []
    if odd := [row for row in rows if len(row) != 3]:
        raise CourseError(f"{path.name}: {odd[0]!r} is not id, split and group, with tabs between")
    return {id: (split, group) for id, split, group in rows}


def split(found: Sequence[Asked], known: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Split and group of each request: those that are known as they are, new ones by digest within their sitting."""
    group_of = [found[first].id for first in clusters(_near(found))]
    settled = {group: known[a.id][0] for a, group in zip(found, group_of, strict=True) if a.id in known}
    settled |= {g: "test" for a, g in zip(found, group_of, strict=True) if a.sitting in TEST_ONLY and g not in settled}
    sizes = Counter(a.sitting for a in found)
    members: dict[str, list[str]] = {}  # the sittings of a group's requests
    for asked, group in zip(found, group_of, strict=True):
        members.setdefault(group, []).append(asked.sitting)
    filled: Counter[tuple[str, str]] = Counter()
    for group, name in settled.items():
        filled.update((sitting, name) for sitting in members[group])
    for group in sorted(members.keys() - settled.keys(), key=_digest):
        sitting = Counter(members[group]).most_common(1)[0][0]
        measured = {} if sitting in TRAIN_ONLY else SHARES
        wanting = [n for n, share in measured.items() if filled[sitting, n] < share * sizes[sitting]]
        settled[group] = wanting[0] if wanting else "train"
        filled.update((sitting, settled[group]) for sitting in members[group])
    return {a.id: known.get(a.id, (settled[g], g)) for a, g in zip(found, group_of, strict=True)}


def freeze(found: Sequence[Asked], path: Path = PATH) -> dict[str, tuple[str, str]]:
    """Write the file anew: what it holds of the requests stays, what is new to it is added."""
    rows = split(found, frozen(path))
    with writing(path) as aside:
        lines = ["id\tsplit\tgroup", *("\t".join((id, *row)) for id, row in rows.items())]
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return rows


def digest(found: Sequence[Asked], rows: dict[str, tuple[str, str]], name: str = "test") -> str:
    """A sha256 over ids and policies of one split: it changes if any of them does."""
    text = sorted((a.id, json.dumps(a.policy, sort_keys=True)) for a in found if rows[a.id][0] == name)
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()


def _near(found: Sequence[Asked]) -> list[list[int]]:
    """For each request those that are near it: in words, or because their policies differ in names only."""
    near: list[list[int]] = [[] for _ in found]
    for i, j, _ in nearest_pairs([a.request for a in found], NEAR):
        near[i].append(j)
        near[j].append(i)
    first: dict[str, int] = {}
    for number, asked in enumerate(found):
        if asked.policy["Statement"]:
            other = first.setdefault(pattern(asked.policy), number)
            near[number].append(other)
            near[other].append(number)
    return near


def pattern(policy: dict) -> str:
    """What a policy says with all names taken out: effects, actions, kinds of resources, comparisons, principals."""
    statements = [
        [
            s.effect,
            sorted({a.lower() for a in s.action_patterns}),
            s.actions is None,
            sorted({_kind(r) for r in (s.resources or s.not_resources or ())}),
            sorted((o.lower(), key.lower()) for o, keys in s.condition.items() for key in keys),
            sorted(s.principal) if isinstance(s.principal, dict) else s.principal,
        ]
        for s in Policy(policy).statements
    ]
    return json.dumps(sorted(statements, key=json.dumps))


def _kind(arn: str) -> str:
    """The service of an ARN and the word that says its type: "sqs", "ec2 instance", "s3 /" for objects."""
    fields = arn.split(":", 5)
    if len(fields) < 6:
        return arn
    first, slash, _ = fields[5].replace(":", "/").partition("/")
    return f"{fields[2]} {slash if fields[2] == 's3' else first if slash else ''}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
