"""Validate policy files in the terminal: `python -m iampolicy policy.json`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tabulate import tabulate

from iampolicy import review
from iampolicy.checks import SEVERITIES, Finding, validate
from iampolicy.document import POLICY_TYPES, Policy, PolicySyntaxError, parse

EXIT_CODES = {"ERROR": 1, "SECURITY_WARNING": 3, "WARNING": 4, "SUGGESTION": 0}  # of the worst finding
UNREADABLE = 2
WIDTH = 72  # characters of a sentence in the table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    found: list[Finding] = []
    report: list[dict] = []
    for name in options.files:
        try:
            text = _read(name)
            old = _read(options.diff) if options.diff else None
            kind = guess_type(text) if options.type == "auto" else options.type
            findings = validate(text, kind, live=options.live)
            extra = _reviews(text, old, options) if _parses(text) else {}
        except (_Unreadable, PolicySyntaxError) as error:  # the file itself is not parsed here: its faults are findings
            where = f"{options.diff}: " if isinstance(error, PolicySyntaxError) else ""
            print(_printable(f"{where}{error}"), file=sys.stderr)
            return UNREADABLE
        except _aws_errors(options.live) as error:
            print(_printable(f"AWS cannot be asked: {error}"), file=sys.stderr)
            return UNREADABLE
        found += findings
        report.append({"file": name, "type": kind, "findings": [asdict(f) for f in findings], **extra})
        if not options.json:
            print(_readable(name, kind, findings, extra))
    if options.json:
        print(json.dumps(report, indent=2))
    return next((EXIT_CODES[s] for s in SEVERITIES if any(f.severity == s for f in found)), 0)


class _Unreadable(Exception):
    """A file that is not there or not text."""


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _Unreadable(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _Unreadable(f"{name}: cannot be read: it is not UTF-8 text") from error


def _parses(text: str) -> bool:
    try:
        parse(text)
    except PolicySyntaxError:
        return False
    return True


def _aws_errors(live: bool) -> tuple[type[Exception], ...]:
    if not live:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def guess_type(text: str) -> str:
    """The type that a document looks like: trust if it has principals and speaks of sts alone, else resource."""
    try:
        policy = parse(text)
    except PolicySyntaxError:
        return "identity"
    if not any(s.principal is not None or s.not_principal is not None for s in policy.statements):
        return "identity"
    return "trust" if policy.services == {"sts"} and not _names_resources(policy) else "resource"


def _names_resources(policy: Policy) -> bool:
    return any(s.resources or s.not_resources for s in policy.statements)


def _parser() -> argparse.ArgumentParser:
    codes = ", ".join(f"{code} {severity.lower()}" for severity, code in EXIT_CODES.items() if code)
    exits = f"Exit code, by the worst finding: 0 none or a suggestion, {codes}; {UNREADABLE} if a file is unreadable."
    parser = argparse.ArgumentParser(
        prog="python -m iampolicy",
        description="Validate IAM policies offline, with the finding codes of IAM Access Analyzer.",
        epilog=exits,
    )
    parser.add_argument("files", nargs="+", metavar="policy.json", help="files to read; - is the standard input")
    parser.add_argument(
        "--type", choices=("auto", *POLICY_TYPES), default="auto", help="policy type (default: by content)"
    )
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.add_argument("--explain", action="store_true", help="say each statement in English")
    parser.add_argument("--risks", action="store_true", help="list risk classes, by cloudsplaining")
    parser.add_argument("--bucket", action="store_true", help="check a bucket policy against the S3 checklist")
    parser.add_argument("--diff", metavar="old.json", help="say what changed since another policy")
    parser.add_argument("--live", action="store_true", help="ask IAM Access Analyzer, with the credentials of boto3")
    return parser


def _reviews(text: str, old: str | None, options: argparse.Namespace) -> dict[str, list]:
    found: dict[str, list] = {}
    if options.explain:
        found["explained"] = review.explain(text)
    if old is not None:
        found["changes"] = [asdict(change) for change in review.diff(old, text)]
    if options.risks:
        found["risks"] = [asdict(risk) for risk in review.risks(text)]
    if options.bucket:
        found["controls"] = [asdict(control) for control in review.audit_bucket(text)]
    return found


SECTIONS = {  # part of the report -> its heading, columns of its table
    "changes": ("Changes", ("severity", "kind", "sentence")),
    "risks": ("Risks", ("name", "meaning", "actions")),
    "controls": ("S3 bucket checklist", ("title", "passed", "reason", "statement")),
}


def _readable(name: str, kind: str, findings: list[Finding], extra: dict[str, list]) -> str:
    parts = [_printable(f"{name} ({kind} policy): {_counted(findings)}")]
    if findings:
        rows = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
        parts.append(_table([asdict(f) for f in rows], ("severity", "code", "path", "message")))
    parts += [f"- {_printable(sentence)}" for sentence in extra.get("explained", ())]
    for section, (heading, columns) in SECTIONS.items():
        if section in extra:
            parts.append(f"\n{heading}" + ("" if extra[section] else ": none"))
            parts += [_table(extra[section], columns)] if extra[section] else []
    return "\n".join(parts)


def _counted(findings: list[Finding]) -> str:
    counts = {s: sum(f.severity == s for f in findings) for s in SEVERITIES}
    return (
        ", ".join(f"{n} {s.lower().replace('_', ' ')}{'s' * (n > 1)}" for s, n in counts.items() if n) or "no findings"
    )


def _table(rows: list[dict], columns: Sequence[str]) -> str:
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [WIDTH if column in ("message", "sentence", "reason", "actions") else 44 for column in columns]
    return tabulate(cells, headers=columns, tablefmt="simple", maxcolwidths=widths, disable_numparse=True)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "pass" if value else "FAIL"
    return _printable(", ".join(value) if isinstance(value, tuple | list) else "" if value is None else str(value))


def _printable(text: str) -> str:
    """Without control characters: a name in a policy may hold what a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


if __name__ == "__main__":
    sys.exit(main())
