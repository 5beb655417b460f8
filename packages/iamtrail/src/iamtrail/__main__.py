"""CloudTrail in the terminal: `python -m iamtrail draft logs/ --role staging-deploy`."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from iampolicy import live
from iampolicy.document import Policy, PolicySyntaxError, parse
from iamtrail import athena, dormant, evidence, files, generalise, lookup, proposals, who
from iamtrail.drafting import Draft, draft
from iamtrail.extension import extend
from iamtrail.files import writing
from iamtrail.gate import Gate, gate, sentences
from iamtrail.observed import Filters, Reading, counted, grouped
from iamtrail.terminal import fitted
from iamtrail.trail_error import TrailError
from iamtrail.watch import explain, told

LIVE_NEEDS = "access-analyzer:ValidatePolicy and iam:SimulateCustomPolicy"

PASSED, NOT_PASSED, REFUSED, WAITING, PARTIAL = 0, 1, 2, 3, 4
ONLY_MANAGEMENT = (
    "the event history has management events only, of one Region: those of IAM and other global services are in "
    "us-east-1 (--region us-east-1)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0; 1 if the gate is not passed, or calls were denied; 2 if nothing could be done; 3 if the gate is passed but for
    placeholders to be filled in; 4 if all is well with what was read, and not all could be read.
    """
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has; nothing is left to flush at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except TrailError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return REFUSED


def _draft(options: argparse.Namespace) -> int:
    read = _told(options)
    made = draft(read, options.role, generalise.Rule("tag" if options.tag else options.by, options.tag))
    if options.conditions:
        policies = tuple(proposals.add(policy, made.proposals) for policy in made.policies)
        made = replace(made, policy=proposals.add(made.policy, made.proposals), policies=policies)
    with live.asking("AWS", LIVE_NEEDS, TrailError) if options.live else nullcontext():
        verdict = gate(made, live=options.live)
    _write(_texts(made, verdict, read, options), options.out)
    _say("Questions", made.questions)
    _say(
        f"Conditions that the evidence supports ({'in' if options.conditions else 'not in'} the policy)",
        [f"{p.sid}: {p.key}, as {p.because}" for p in made.proposals],
    )
    _say("Failed calls, left out", made.evidence.failed)
    _say("Gate", sentences(verdict))
    if verdict.faulty or not (verdict.passed or verdict.open):
        return NOT_PASSED
    return _of(read, WAITING if verdict.open else PASSED)


def _of(read: Reading, code: int = PASSED) -> int:
    """The exit code of a command that did what was asked, on what could be read."""
    return PARTIAL if read.unread else code


def _texts(made: Draft, verdict: Gate, read: Reading, options: argparse.Namespace) -> list[str]:
    """The documents that go out: one policy or its pieces, or all that is known as JSON."""
    policies = (made.policy,) if options.whole else made.policies
    if not options.json:
        return [policy.to_json(indent=2) for policy in policies]
    known = {
        "questions": made.questions,
        "placeholders": made.placeholders,
        "policies": [policy.data for policy in policies],
        "proposals": [asdict(proposal) for proposal in made.proposals],
        "passed": verdict.passed,
        "gate": list(sentences(verdict)),
        "failed": made.evidence.failed,
        "left_out": read.skipped,
        "partial": bool(read.unread),
    }
    return [json.dumps(known, indent=2, ensure_ascii=False)]


def _calls(options: argparse.Namespace) -> int:
    read = _told(options)
    found = evidence.table(read, options.role)
    if options.out:
        with writing(options.out) as aside:
            found.to_json(aside, orient="records", lines=True, date_format="iso", force_ascii=False)
        print(f"written: {options.out}, {counted(len(found), 'row')}", file=sys.stderr)
        return _of(read)
    top = evidence.shown(found, options.most)
    if top["principal"].nunique() == 1:
        print(top.pop("principal").iloc[0])
    empty = [name for name in ("resources", "errors") if not top[name].any()]
    print(fitted(top.drop(columns=empty)))
    if top["action"].str.endswith(evidence.DOUBT).any():
        print(f"{evidence.DOUBT}: it is not certain which permission the call needs", file=sys.stderr)
    if len(found) > options.most:
        print(f"{options.most:,} of {counted(len(found), 'row')}: --most shows more, --out writes all", file=sys.stderr)
    return _of(read)


def _who(options: argparse.Namespace) -> int:
    read = _told(options)
    seen = who.who(read.observed)
    if options.json:
        print(json.dumps([asdict(each) for each in seen], indent=2, ensure_ascii=False, default=datetime.isoformat))
        return _of(read)
    print(fitted(who.table(seen[: options.most])))
    if len(seen) > options.most:
        print(f"{options.most:,} of {len(seen):,}: --most shows more", file=sys.stderr)
    print("a policy for one of them: iam-trail draft ... --role NAME", file=sys.stderr)
    return _of(read)


def _watch(options: argparse.Namespace) -> int:
    policy = _policy(options.policy)
    read = _told(options)
    if not read.denied:
        print("no call was denied", file=sys.stderr)
        return _of(read)
    explained = explain(read.denied, policy)
    extension = extend(policy, explained)
    _say("Denied", told(row for row in explained if row not in extension.left))
    _say("The smallest extension", extension.changes)
    _say("What no extension of this policy cures", told(extension.left))
    _write([extension.policy.to_json(indent=2)], options.out)
    return NOT_PASSED


def _dormant(options: argparse.Namespace) -> int:
    policies = [_policy(path) for path in options.policy]
    read = _told(options)
    found = dormant.dormant(policies, read.observed)
    print(fitted(dormant.table(found, options.most)))
    unused = sum(len(row.actions) for row in found)
    print(
        f"{counted(unused, 'action')} {'is allowed and was' if unused == 1 else 'are allowed and were'} not used, as "
        "far as the log shows: data events, such as reads of objects, are in it only where the trail records them",
        file=sys.stderr,
    )
    return _of(read)


def _table(options: argparse.Namespace) -> int:
    database, name = options.table
    wanted = athena.TrailTable(database, name, options.location, tuple(options.account), tuple(options.region))
    print(athena.create(wanted) + ";")
    if options.create:
        athena.create_table(wanted, _place(options))
        print(f"made: {wanted.database}.{wanted.name}", file=sys.stderr)
    return PASSED


def _told(options: argparse.Namespace) -> Reading:
    """The reading, once its summary is printed: what was left out is part of every answer."""
    reading = _read(options)
    print(reading.summary, *reading.shortened, sep="\n", file=sys.stderr)
    if reading.observed:
        return reading
    if reading.unread and reading.unread == reading.skipped:
        raise TrailError(f"no events, as nothing could be read: {'; '.join(grouped(reading.unread))}")
    if options.role and reading.skipped.get("other principal"):
        said = evidence.nobody(options.role, reading.others)
        raise TrailError(f"{said} (ask without --role for who is there: iam-trail who)")
    raise TrailError("no events: choose a longer time, another folder, another principal or other filters")


def _policy(path: Path) -> Policy:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TrailError(f"{path}: cannot be read: it is not UTF-8 text") from error
    except PolicySyntaxError as error:
        raise TrailError(f"{path}: is no policy: {error}") from error


def _say(title: str, lines: Iterable[str]) -> None:
    """A list under its title, on standard error; nothing if it is empty."""
    if found := dict.fromkeys(lines):
        print(f"\n{title}", *(f"  - {line}" for line in found), sep="\n", file=sys.stderr)


def _write(texts: Sequence[str], out: Path | None) -> None:
    """To a file, several numbered; without one to standard output, a document after the other."""
    if out is None:
        print(*texts, sep="\n")
        return
    for number, text in enumerate(texts, 1):
        path = out.with_stem(f"{out.stem}-{number}") if len(texts) > 1 else out
        with writing(path) as aside:
            aside.write_text(text + "\n", encoding="utf-8")
        print(f"written: {path}", file=sys.stderr)


def _read(options: argparse.Namespace) -> Reading:
    asked = [name for name, value in (("--lookup", options.lookup), ("--athena", options.athena)) if value]
    if len(asked) + bool(options.logs) > 1:
        raise TrailError(f"{' and '.join([*asked, *(['folders'] if options.logs else [])])}: give only one of them")
    if options.lookup:
        print(ONLY_MANAGEMENT, file=sys.stderr)
        return lookup.lookup_events(_filters(options))
    if options.athena:
        table = athena.TrailTable(*options.athena)
        answer = athena.run(table, _filters(options), _place(options), progress=sys.stderr.isatty())
        print(answer.bill, file=sys.stderr)
        return answer.reading
    if not options.logs:
        raise TrailError(
            "no log files: give a folder, --lookup to ask the account for its last 90 days, or --athena for a table"
        )
    return files.read(options.logs, _filters(options), progress=sys.stderr.isatty())


def _place(options: argparse.Namespace) -> athena.QuerySettings:
    return athena.QuerySettings(options.workgroup, options.results)


def _filters(options: argparse.Namespace) -> Filters:
    return Filters(options.role, options.start, options.end, tuple(options.region), tuple(options.account))


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: give 2026-09-01 or 2026-09-01T12:00:00") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows: give 1 or more")
    return int(text)


def _given(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: give a name or an ARN, or leave the option out for everybody")
    return text


def _name(text: str) -> tuple[str, str]:
    database, dot, name = text.partition(".")
    if not (database and dot and name):
        raise argparse.ArgumentTypeError(f"{text!r} is no table: give DATABASE.TABLE")
    return database, name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="iam-trail",
        description="From what a role did, as CloudTrail recorded it, to a policy that allows just that.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('iamtrail')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    drafting = commands.add_parser("draft", help="a least-privilege policy from log files")
    drafting.set_defaults(run=_draft)
    _events(drafting)
    drafting.add_argument("--by", choices=generalise.WAYS[:3], default="nothing", help="make names more general")
    drafting.add_argument("--tag", default="", metavar="KEY=VALUE", help="allow what has this tag, instead of names")
    drafting.add_argument("--conditions", action="store_true", help="put the conditions that the evidence supports in")
    drafting.add_argument("--whole", action="store_true", help="one policy, also if it is over the quota")
    drafting.add_argument("--out", type=Path, metavar="policy.json", help="write there; pieces are numbered")
    drafting.add_argument("--json", action="store_true", help="policies, questions and what was left out as JSON")
    drafting.add_argument("--live", action="store_true", help="let AWS's own validators judge (needs credentials)")
    reading = commands.add_parser("read", help="what principals did, as a table of events and the actions they need")
    reading.set_defaults(run=_calls)
    _events(reading)
    reading.add_argument("--most", type=_count, default=20, metavar="ROWS", help="rows of the table (default: 20)")
    reading.add_argument("--out", type=Path, metavar="calls.jsonl", help="write all rows there, a JSON object a line")
    present = commands.add_parser("who", help="who is in the log: roles, users and services, and when they called")
    present.set_defaults(run=_who)
    _events(present)
    present.add_argument("--most", type=_count, default=50, metavar="ROWS", help="rows of the table (default: 50)")
    present.add_argument("--json", action="store_true", help="all of them as JSON")
    refused = commands.add_parser("watch", help="why calls are denied under a policy, and the smallest extension of it")
    refused.set_defaults(run=_watch)
    _events(refused)
    refused.add_argument("--policy", type=Path, required=True, metavar="policy.json", help="the policy of the role")
    refused.add_argument("--out", type=Path, metavar="wider.json", help="write the extended policy there")
    unused = commands.add_parser("dormant", help="what a policy allows and the log never shows in use")
    unused.set_defaults(run=_dormant)
    _events(unused)
    unused.add_argument("--policy", type=Path, required=True, nargs="+", metavar="old.json", help="the role's policies")
    unused.add_argument("--most", type=_count, default=20, metavar="ROWS", help="rows of the table (default: 20)")
    making = commands.add_parser("table", help="the SQL that makes a table of Athena over an organisation's trail")
    making.set_defaults(run=_table)
    making.add_argument("table", type=_name, metavar="DATABASE.TABLE", help="the table's name")
    making.add_argument("location", metavar="s3://bucket/AWSLogs/o-abcdefghij/", help="the accounts' folder")
    making.add_argument("--account", action="append", required=True, help="an account of the trail; may be repeated")
    making.add_argument("--region", action="append", required=True, help="a Region of the trail; may be repeated")
    making.add_argument("--create", action="store_true", help="make the table, too (needs credentials)")
    _athena(making)
    return parser


def _events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("logs", nargs="*", type=Path, help="CloudTrail files, or folders of them")
    parser.add_argument(
        "--role",
        type=_given,
        metavar="NAME",
        help="name or ARN of a role, session or user, or name of a permission set; without it everybody",
    )
    parser.add_argument("--start", type=_moment, metavar="DATE", help="the first moment, in UTC")
    parser.add_argument("--end", type=_moment, metavar="DATE", help="the first moment after")
    parser.add_argument("--region", action="append", default=[], help="only this Region; may be repeated")
    parser.add_argument("--account", action="append", default=[], help="only this account's trail; may be repeated")
    parser.add_argument("--lookup", action="store_true", help="ask the account instead (90 days, needs credentials)")
    parser.add_argument("--athena", type=_name, metavar="DATABASE.TABLE", help="ask Athena instead (needs credentials)")
    _athena(parser)


def _athena(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workgroup", default="primary", help="workgroup of Athena (default: primary)")
    parser.add_argument(
        "--results", metavar="s3://bucket/prefix/", help="where Athena writes (default: the workgroup's)"
    )


if __name__ == "__main__":
    sys.exit(main())
