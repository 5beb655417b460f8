"""Validate policy files in the terminal: `python -m iampolicy policy.json`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabulate import tabulate

from iampolicy import live, review
from iampolicy.checks import SEVERITIES, Finding, validate
from iampolicy.document import POLICY_TYPES, Policy, PolicySyntaxError, parse
from iampolicy.words import printable

EXIT_CODES = {"ERROR": 1, "SECURITY_WARNING": 3, "WARNING": 4, "SUGGESTION": 0}  # of the worst finding
UNREADABLE = 2
WIDTH = 72  # characters of a sentence in the table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        report = [_judged(name, options) for name in options.files]
        if options.json:
            print(json.dumps(report, indent=2))
        sys.stdout.flush()
    except _Unreadable as error:
        print(printable(str(error)), file=sys.stderr)
        return UNREADABLE
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has; nothing is left to flush at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREADABLE
    found = {finding["severity"] for entry in report for finding in entry["findings"]}
    return next((EXIT_CODES[severity] for severity in SEVERITIES if severity in found), 0)


class _Unreadable(Exception):
    """A file that is not there, not text or no policy to compare with, or AWS that cannot be asked."""


def _judged(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All that is said of a file; printed unless JSON is asked for."""
    text = _read(name)
    policy = _policy(text)
    kind = guess_type(text) if options.type == "auto" else options.type
    if options.live and policy:
        with live.asking("IAM Access Analyzer", "access-analyzer:ValidatePolicy", _Unreadable):
            findings = live.validate(policy, kind)
    else:
        findings = validate(text, kind)
    extra = _reviews(policy, options) if policy else {}
    if not options.json:
        print(_readable(name, kind, findings, extra))
    return {"file": name, "type": kind, "findings": [asdict(f) for f in findings], **extra}


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _Unreadable(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _Unreadable(f"{name}: cannot be read: it is not UTF-8 text") from error


def _policy(text: str) -> Policy | None:
    """The policy in a text; None if there is none, which is a finding of its own."""
    try:
        return parse(text)
    except PolicySyntaxError:
        return None


def guess_type(text: str) -> str:
    """The type that a document looks like: trust if it has principals and speaks of sts alone, else resource."""
    policy = _policy(text)
    if policy is None or not any(s.principal is not None or s.not_principal is not None for s in policy.statements):
        return "identity"
    named = any(s.resources or s.not_resources for s in policy.statements)
    return "trust" if policy.services == {"sts"} and not named else "resource"


def _parser() -> argparse.ArgumentParser:
    codes = ", ".join(f"{code} {severity.lower()}" for severity, code in EXIT_CODES.items() if code)
    exits = f"Exit code, by the worst finding: 0 none or a suggestion, {codes}; {UNREADABLE} if a file is unreadable."
    parser = argparse.ArgumentParser(
        prog="iam-policy",
        description="Validate IAM policies offline, with the finding codes of IAM Access Analyzer.",
        epilog=exits,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('iampolicy')}")
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


def _reviews(policy: Policy, options: argparse.Namespace) -> dict[str, list[Any]]:
    """What was asked for beside the findings."""
    found: dict[str, list[Any]] = {}
    if options.explain:
        found["explained"] = review.explain(policy)
    if options.diff:
        try:
            found["changes"] = [asdict(change) for change in review.diff(parse(_read(options.diff)), policy)]
        except PolicySyntaxError as error:
            raise _Unreadable(f"{options.diff}: {error}") from error
    if options.risks:
        found["risks"] = [asdict(risk) for risk in review.risks(policy)]
    if options.bucket:
        found["controls"] = [asdict(control) for control in review.audit_bucket(policy)]
    return found


SECTIONS = {  # part of the report -> its heading, columns of its table
    "changes": ("Changes", ("severity", "kind", "sentence")),
    "risks": ("Risks", ("name", "meaning", "actions")),
    "controls": ("S3 bucket checklist", ("title", "passed", "reason", "statement")),
}


def _readable(name: str, kind: str, findings: list[Finding], extra: dict[str, list[Any]]) -> str:
    parts = [printable(f"{name} ({kind} policy): {_counted(findings)}")]
    if findings:
        rows = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
        parts.append(_table([asdict(f) for f in rows], ("severity", "code", "path", "message")))
    parts += [f"- {printable(sentence)}" for sentence in extra.get("explained", ())]
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


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [WIDTH if column in ("message", "sentence", "reason", "actions") else 44 for column in columns]
    return tabulate(cells, headers=columns, tablefmt="simple", maxcolwidths=widths, disable_numparse=True)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "pass" if value else "FAIL"
    return printable(", ".join(value) if isinstance(value, tuple | list) else "" if value is None else str(value))


if __name__ == "__main__":
    sys.exit(main())
