"""Check hand-written requests, and freeze their splits: python -m tools.requests [FILE ...]

Says for each line of lib/data/requests what must be mended (exit code 1) and what somebody should look at; without a
file, for all. With --freeze, all that are new get a split that they keep.

A request may stay if its policy is one that AWS takes, decides the calls beside it as it says, and follows from the
words. Those of one group say nearly the same, in words or in their policies, and never part: splits.tsv has which a
model may learn from, which it may be tuned on, and which it is measured on. What it holds stays as it is.
"""

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from iampolicy import catalogue
from iampolicy.checks import validate
from iampolicy.document import Policy, Statement
from iampolicy.patterns import overlaps
from iampolicy.simulate import ALLOWED, Decision, Request, caller, consenting, simulate
from lib.data.field import ASK, FOLDER, REFUSE, SPLITS_FILE, Asked, Case, arns, frozen, load, located
from lib.data.overlap import clusters
from lib.data.wording import names_in, shape, similarity
from lib.files import CourseError, writing

CALLER = "arn:aws:iam::111122223333:role/app"  # who asks an identity policy
OUTSIDE = "000000000000"  # owns what a resource's policy is asked for: only its own words count then
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
GRAVE = ("ERROR", "SECURITY_WARNING")
LEAST, MOST = 12, 2_000  # characters of a request
ONE = 0.8  # similarity of words from which on two requests are one
_SAID_BY_FORMAT = {"aws", "lambda", "codebuild", "role", "user", "group", "root", "policy", "ecs", "eks", "rds", "vpc"}
SHARES = {"test": 0.15, "validation": 0.15}  # of each sitting; the rest is for training
TEST_ONLY = ("ready", "threads")  # what users see ready-made, and what was asked in public: never learnt from
# Written later, to learn from: no second author has read them, so nothing is measured with them.
TRAIN_ONLY = (FOLDER / "train_only.txt").read_text(encoding="utf-8").split()
GROUP = 0.6  # similarity of words from which on two requests are of one group


def faults(asked: Asked) -> list[str]:
    """Why a request may not stay, in sentences; none: it may."""
    return list(_faults(asked))


def _faults(asked: Asked) -> Iterator[str]:
    if not LEAST <= len(asked.request) <= MOST:
        yield f"the request has {len(asked.request)} characters, not {LEAST} to {MOST}"
    if asked.request != " ".join(asked.request.split(" ")).strip():
        yield "the request has blanks at an end"
    if asked.outcome == REFUSE:
        return
    policy = Policy(asked.policy)
    if "Version" not in policy.data or any(s.sid is not None for s in policy.statements):
        yield "the policy needs a Version, and no Sids"
    kind = "resource" if asked.type == "trust" else asked.type
    grave = [f for f in validate(policy, asked.type, own=False) if f.severity in GRAVE]
    yield from (f"{f.code} at {f.path}: {f.message}" for f in grave)
    if not policy.statements or any(f.severity == "ERROR" for f in grave):
        return
    for number, statement in enumerate(policy.statements):
        yield from (f"statement {number}: {said}" for said in _unusable(statement))
    filled = Policy(located(asked.policy, asked.facts))
    if asked.facts and arns(filled.data) == arns(asked.policy):
        yield "facts fill nothing: no ARN of a resource has * in such a field"
    wrong = [f for f in validate(filled, asked.type, own=False) if f.severity in GRAVE and f not in grave]
    yield from (f"with the facts filled in, {f.code} at {f.path}: {f.message}" for f in wrong)
    if not asked.deny or not (asked.allow or not any(s.effect == "Allow" for s in policy.statements)):
        yield "allow and deny each need a case"
    used: set[int] = set()
    for wanted, cases in ((True, asked.allow), (False, asked.deny)):
        for case in cases:
            if not catalogue.load().action(case.action) or not case.resource:
                yield f"{case.action!r} on {case.resource!r} is no call: write an action that exists, and a resource"
            decision = decide(policy, case, kind)
            used |= {m.statement for m in decision.statements if m.kind == _KINDS[kind] and m.policy == 0}
            if (decision.result == ALLOWED) != wanted:
                yield f"{case.action} on {case.resource} is {decision.result}: {decision.reason}"
    for number in sorted(set(range(len(policy.statements))) - used):
        yield f"statement {number} decides none of the cases of allow and deny"


def _unusable(statement: Statement) -> Iterator[str]:
    """Actions that do not exist, and those that none of the statement's resources can be used with."""
    known = catalogue.load()
    for pattern in statement.action_patterns:
        actions = [known.actions[name] for name in known.expand(pattern)]
        if not actions:
            yield f"{pattern} is no action"
        formats = {arn for action in actions for arn in known.formats(action)}
        named = statement.resources if statement.actions and statement.resources else ("*",)
        if actions and not any(r == "*" or any(overlaps(r, arn) for arn in formats) for r in named):
            yield f"{pattern} cannot be used on {named[0]}"


_KINDS = {"identity": "identity", "resource": "resource", "scp": "service_control"}


def decide(policy: Policy, case: Case, kind: str = "identity") -> Decision:
    """What a policy of a kind makes of a case.

    One that only denies is tried beside one that allows everything. A resource's policy is asked by callers of another
    account than the resource's who may do everything, so that its own words decide.
    """
    who = case.principal or CALLER
    only_denies = all(s.effect == "Deny" for s in policy.statements)
    if kind == "resource":
        request = Request(case.action, case.resource, who, case.context, OUTSIDE)
        beside = [EVERYTHING | {"Statement": EVERYTHING["Statement"] | {"Principal": "*"}}] if only_denies else []
        if beside:  # one resource has one policy: that which allows everything is part of it
            policy = Policy(policy.data | {"Statement": [*policy.data["Statement"], beside[0]["Statement"]]})
        return simulate(request, identity=EVERYTHING, session=EVERYTHING, resource=policy)
    own = caller(who).account  # the resource is of the caller's account, whatever account a case's ARN has
    request = Request(case.action, case.resource, who, case.context, own)
    trust = consenting(request)
    if kind == "scp":
        return simulate(request, identity=EVERYTHING, resource=trust, service_control=[[policy, EVERYTHING]])
    return simulate(request, identity=[policy, EVERYTHING] if only_denies else policy, resource=trust)


def notes(asked: Asked) -> list[str]:
    """What a policy says and the request does not, as far as letters show it: names, regions and accounts in ARNs."""
    if asked.outcome == REFUSE:
        return []
    said = f"{asked.request} {asked.reply if asked.outcome == ASK else ''}".casefold()
    found = dict.fromkeys(word for arn in arns(asked.policy) for word in _words(arn) if word.casefold() not in said)
    return [f"the policy names {word!r} and the request does not" for word in found]


def _words(arn: str) -> Iterator[str]:
    """The parts of an ARN that somebody must have said."""
    fields = arn.split(":", 5)
    yield from (part for part in fields[3:5] if part not in ("", "*", "aws"))
    formats = {
        word
        for kind in (catalogue.load().services[fields[2]].resource_types.values() if _known(fields[2]) else ())
        for word in re.split(r"[:/${}*]+", kind.pattern)
    }
    for word in re.split(r"[:/*]+", re.sub(r"\$\{[^}]*\}", "*", fields[-1])):
        if len(word) > 1 and word not in formats and word not in _SAID_BY_FORMAT:
            yield word.strip("-_")


def _known(service: str) -> bool:
    return service in catalogue.load().services


def alike(found: Sequence[Asked]) -> list[tuple[Asked, Asked, str]]:
    """Pairs of requests of one sentence shape, or nearly the same words, with what they share."""
    by_shape: dict[str, Asked] = {}
    pairs = []
    for asked in found:
        form = shape(asked.request, names_in(json.dumps(asked.policy)))
        first = by_shape.setdefault(form, asked)
        if first is not asked:
            pairs.append((first, asked, f"one shape: {form[:100]!r}"))
    near = near_in_words(found, ONE)
    return pairs + [(found[i], found[j], f"words alike to {share:.0%}") for i, j, share in near]


def near_in_words(found: Sequence[Asked], least: float) -> list[tuple[int, int, float]]:
    """The pairs of requests, by position, whose words are at least so similar (`lib.data.wording`), each once."""
    alike = similarity([a.request for a in found])
    rows, columns = np.nonzero(np.triu(alike, 1) >= least)
    return [(int(i), int(j), float(alike[i, j])) for i, j in zip(rows, columns, strict=True)]


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


def freeze(found: Sequence[Asked], path: Path = SPLITS_FILE) -> dict[str, tuple[str, str]]:
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
    for i, j, _ in near_in_words(found, GROUP):
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


def main(arguments: list[str] | None = None) -> int:
    """Check the files; 0 if nothing must be mended, 1 if something must, 2 if a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tools.requests", description=__doc__.split("\n\n")[1])
    parser.add_argument("files", nargs="*", type=Path, help="files of requests; all of the folder if none is named")
    parser.add_argument("--quiet", action="store_true", help="leave out what only should be looked at")
    parser.add_argument("--freeze", action="store_true", help="give each request that is new a split; all files")
    options = parser.parse_args(arguments)
    if options.freeze and options.files:
        parser.error("--freeze is for all files: name none")
    paths = options.files or sorted(FOLDER.glob("*.jsonl"))
    try:
        found = {path: load(path) for path in paths}
    except CourseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Error: {error.filename}: cannot be read ({error.strerror}); name a file of requests", file=sys.stderr)
        return 2
    if empty := [path for path, requests in found.items() if not requests]:
        print(f"Error: {empty[0]}: holds no request; write a JSON object on each line", file=sys.stderr)
        return 2
    bad = 0
    for path, requests in found.items():
        for number, asked in enumerate(requests, 1):
            wrong = faults(asked)
            bad += bool(wrong)
            for said in [
                *(f"MEND  {w}" for w in wrong),
                *([] if options.quiet else (f"look  {n}" for n in notes(asked))),
            ]:
                print(f"{path.name}:{number}: {said}")
    everybody = [asked for requests in found.values() for asked in requests]
    pairs = alike(everybody)
    for one, two, why in pairs:
        print(f"MEND  {one.sitting} {one.request[:70]!r} and {two.sitting} {two.request[:70]!r}: {why}")
    print(f"{len(everybody)} requests, {bad} to mend, {len(pairs)} pairs alike")
    if options.freeze and not (bad or pairs):
        counts = Counter(split for split, _ in freeze(everybody).values())
        print(f"{SPLITS_FILE.name}: {', '.join(f'{n} {name}' for name, n in counts.items())}")
    return int(bool(bad or pairs))


if __name__ == "__main__":
    sys.exit(main())
