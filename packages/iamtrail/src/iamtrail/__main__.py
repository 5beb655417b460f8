"""CloudTrail in the terminal: `python -m iamtrail draft logs/ --role staging-deploy`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from tabulate import tabulate

from iampolicy.document import Policy, PolicySyntaxError, parse
from iamtrail import athena, files, generalise, lookup, proposals, table, watch
from iamtrail.account import asking
from iamtrail.athena_sql import Table, create
from iamtrail.drafting import Draft, draft
from iamtrail.errors import TrailError
from iamtrail.gate import Gate, gate, sentences
from iamtrail.observed import Filters, Reading
from iamtrail.writing import writing

WIDTH = 44  # characters of a column
LIVE_NEEDS = "access-analyzer:ValidatePolicy and iam:SimulateCustomPolicy"

PASSED, NOT_PASSED, REFUSED, WAITING = 0, 1, 2, 3
ONLY_MANAGEMENT = (
    "the event history has management events only, of one Region: those of IAM and other global services are in "
    "us-east-1 (--region us-east-1)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0; 1 if the gate is not passed; 2 if nothing could be done; 3 if it is passed but for placeholders to be filled in.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except TrailError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return REFUSED


def _draft(options: argparse.Namespace) -> int:
    read = _told(_read(options))
    made = draft(read, options.role, generalise.Rule("tag" if options.tag else options.by, options.tag))
    if options.conditions:
        policies = tuple(proposals.add(policy, made.proposals) for policy in made.policies)
        made = replace(made, policy=proposals.add(made.policy, made.proposals), policies=policies)
    with asking("AWS", LIVE_NEEDS):
        verdict = gate(made, live=options.live)
    _show(made, verdict, options)
    for title, lines in (
        ("Questions", made.questions),
        (
            f"Conditions that the evidence supports ({'in' if options.conditions else 'not in'} the policy)",
            [f"{p.sid}: {p.key}, as {p.because}" for p in made.proposals],
        ),
        ("Failed calls, left out", made.evidence.failed),
        ("Gate", sentences(verdict)),
    ):
        found = list(lines)
        if found:
            print(f"\n{title}", *(f"  - {line}" for line in dict.fromkeys(found)), sep="\n", file=sys.stderr)
    if verdict.faulty or not (verdict.passed or verdict.waiting):
        return NOT_PASSED
    return WAITING if verdict.waiting else PASSED


def _table_of_calls(options: argparse.Namespace) -> int:
    found = table.table(_told(_read(options)), options.role)
    if options.out:
        with writing(options.out) as aside:
            found.to_json(aside, orient="records", lines=True, date_format="iso", force_ascii=False)
        print(f"written: {options.out}, {len(found):,} rows", file=sys.stderr)
        return PASSED
    shown = table.shown(found, options.most)
    print(tabulate(shown, headers="keys", showindex=False, maxcolwidths=WIDTH, tablefmt="simple"))
    if len(found) > options.most:
        print(f"{options.most:,} of {len(found):,} rows: --most shows more, --out writes all", file=sys.stderr)
    return PASSED


def _watch(options: argparse.Namespace) -> int:
    policy = _policy(options.policy)
    found = _told(_read(options)).denied
    if not found:
        print("no call was denied", file=sys.stderr)
        return PASSED
    explained = watch.explain(found, policy)
    extension = watch.extend(policy, explained)
    for title, lines in (
        ("Denied", [row.sentence for row in explained if row not in extension.left]),
        ("The smallest extension", extension.changes),
        ("What no extension of this policy cures", [row.sentence for row in extension.left]),
    ):
        if lines:
            print(f"\n{title}", *(f"  - {line}" for line in dict.fromkeys(lines)), sep="\n", file=sys.stderr)
    _write([extension.policy], options.out)
    return NOT_PASSED


def _dormant(options: argparse.Namespace) -> int:
    policies = [_policy(path) for path in options.policy]
    found = watch.dormant(policies, _told(_read(options)).observed)
    table = watch.table(found, options.most)
    print(tabulate(table, headers="keys", showindex=False, maxcolwidths=WIDTH, tablefmt="simple"))
    print(
        f"{sum(len(row.actions) for row in found):,} actions are allowed and were not used, as far as the log shows: "
        "data events, such as reads of objects, are in it only where the trail is set to record them",
        file=sys.stderr,
    )
    return PASSED


def _table(options: argparse.Namespace) -> int:
    wanted = Table(*options.table, options.location, tuple(options.account), tuple(options.region))
    print(create(wanted) + ";")
    if options.create:
        athena.create_table(wanted, _place(options))
        print(f"made: {wanted.database}.{wanted.name}", file=sys.stderr)
    return PASSED


def _told(reading: Reading) -> Reading:
    """The reading, once its summary is printed: what was left out is part of every answer."""
    print(reading.summary, *reading.shortened, sep="\n", file=sys.stderr)
    if not reading.observed:
        others = "; ask without --role for who is there" if reading.skipped.get("other principal") else ""
        raise TrailError(f"no events: choose a longer time, another folder, another principal or other filters{others}")
    return reading


def _policy(path: Path) -> Policy:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TrailError(f"{path}: cannot be read: it is not UTF-8 text") from error
    except PolicySyntaxError as error:
        raise TrailError(f"{path}: is no policy: {error}") from error


def _show(made: Draft, verdict: Gate, options: argparse.Namespace) -> None:
    """The policy on standard output, or in files: one, or a numbered one for each piece."""
    policies = (made.policy,) if options.whole else made.policies
    if options.json:
        said = {"questions": made.questions, "placeholders": made.placeholders}
        said |= {"policies": [p.data for p in policies], "proposals": [asdict(p) for p in made.proposals]}
        said |= {"passed": verdict.passed, "gate": list(sentences(verdict)), "failed": made.evidence.failed}
        text = json.dumps(said, indent=2, ensure_ascii=False)
        if options.out is None:
            print(text)
            return
        with writing(options.out) as aside:
            aside.write_text(text + "\n", encoding="utf-8")
        print(f"written: {options.out}", file=sys.stderr)
    else:
        _write(policies, options.out)


def _write(policies: Sequence[Policy], out: Path | None) -> None:
    """To a file, several numbered; without one to standard output, a document after the other."""
    if out is None:
        print(*(policy.to_json(indent=2) for policy in policies), sep="\n")
        return
    for number, policy in enumerate(policies, 1):
        path = out.with_stem(f"{out.stem}-{number}") if len(policies) > 1 else out
        with writing(path) as aside:
            aside.write_text(policy.to_json(indent=2) + "\n", encoding="utf-8")
        print(f"written: {path}", file=sys.stderr)


def _read(options: argparse.Namespace) -> Reading:
    asked = [name for name, value in (("--lookup", options.lookup), ("--athena", options.athena)) if value]
    if len(asked) + bool(options.logs) > 1:
        raise TrailError(f"{' and '.join([*asked, *(['folders'] if options.logs else [])])}: give only one of them")
    if options.lookup:
        print(ONLY_MANAGEMENT, file=sys.stderr)
        return lookup.lookup_events(_filters(options))
    if options.athena:
        answer = athena.run(Table(*options.athena), _filters(options), _place(options), progress=sys.stderr.isatty())
        print(answer.bill, file=sys.stderr)
        return answer.reading
    return files.read(_logs(options), _filters(options), progress=sys.stderr.isatty())


def _logs(options: argparse.Namespace) -> list[Path]:
    if not options.logs:
        raise TrailError(
            "no log files: give a folder, --lookup to ask the account for its last 90 days, or --athena for a table"
        )
    return options.logs


def _place(options: argparse.Namespace) -> athena.Place:
    return athena.Place(options.workgroup, options.results)


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
        prog="python -m iamtrail",
        description="From what a role did, as CloudTrail recorded it, to a policy that allows just that.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("draft", help="a least-privilege policy from log files")
    one.set_defaults(run=_draft)
    _events(one)
    one.add_argument("--by", choices=generalise.WAYS[:3], default="nothing", help="make names more general")
    one.add_argument("--tag", default="", metavar="KEY=VALUE", help="allow what has this tag, instead of names")
    one.add_argument("--conditions", action="store_true", help="put the conditions that the evidence supports in")
    one.add_argument("--whole", action="store_true", help="one policy, also if it is over the quota")
    one.add_argument("--out", type=Path, metavar="policy.json", help="write there; pieces are numbered")
    one.add_argument("--json", action="store_true", help="policies, questions and proposals as JSON")
    one.add_argument("--live", action="store_true", help="let AWS's own validators judge (needs credentials)")
    zero = commands.add_parser("read", help="what principals did, as a table of events and the actions they need")
    zero.set_defaults(run=_table_of_calls)
    _events(zero)
    zero.add_argument("--most", type=_count, default=20, metavar="ROWS", help="rows of the table (default: 20)")
    zero.add_argument("--out", type=Path, metavar="calls.jsonl", help="write all rows there, a JSON object a line")
    two = commands.add_parser("watch", help="why calls are denied under a policy, and the smallest extension of it")
    two.set_defaults(run=_watch)
    _events(two)
    two.add_argument("--policy", type=Path, required=True, metavar="policy.json", help="the policy of the role")
    two.add_argument("--out", type=Path, metavar="wider.json", help="write the extended policy there")
    three = commands.add_parser("dormant", help="what a policy allows and the log never shows in use")
    three.set_defaults(run=_dormant)
    _events(three)
    three.add_argument("--policy", type=Path, required=True, nargs="+", metavar="old.json", help="the role's policies")
    three.add_argument("--most", type=_count, default=20, metavar="ROWS", help="rows of the table (default: 20)")
    four = commands.add_parser("table", help="the SQL that makes a table of Athena over an organisation's trail")
    four.set_defaults(run=_table)
    four.add_argument("table", type=_name, metavar="DATABASE.TABLE", help="the table's name")
    four.add_argument("location", metavar="s3://bucket/AWSLogs/o-abcdefghij/", help="the accounts' folder")
    four.add_argument("--account", action="append", required=True, help="an account of the trail; may be repeated")
    four.add_argument("--region", action="append", required=True, help="a Region of the trail; may be repeated")
    four.add_argument("--create", action="store_true", help="make the table, too (needs credentials)")
    _athena(four)
    return parser


def _events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("logs", nargs="*", type=Path, help="CloudTrail files, or folders of them")
    parser.add_argument(
        "--role", type=_given, metavar="NAME", help="name or ARN of the role or user; without it everybody"
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
