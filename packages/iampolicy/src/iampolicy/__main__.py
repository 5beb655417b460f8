"""Validate policy files in the terminal: `python -m iampolicy policy.json`."""

import argparse
import codecs
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabulate import tabulate

from iampolicy import live, questions, review
from iampolicy.checks import SEVERITIES, Finding, validate
from iampolicy.document import POLICY_TYPES, Policy, PolicySyntaxError, parse
from iampolicy.inputs import Embedded, guess_type, policies_in
from iampolicy.split import SplitError, split
from iampolicy.words import printable

EXIT_CODES = {"ERROR": 1, "SECURITY_WARNING": 3, "WARNING": 4, "SUGGESTION": 0}  # of the worst finding
UNREADABLE = 2
WIDTH = 72  # characters of a sentence in the table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.files and not questions.asked(options):
        parser.error("the following arguments are required: policy.json")
    try:
        if questions.asked(options):
            return questions.answer(options, _policies)
        report = [entry for name in options.files for entry in _judged(name, options)]
        if options.json:
            print(json.dumps(report, indent=2))
        sys.stdout.flush()
    except (_Unreadable, questions.QuestionError) as error:
        print(printable(str(error)), file=sys.stderr)
        return UNREADABLE
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has; nothing is left to flush at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREADABLE
    found = {finding["severity"] for entry in report for finding in entry["findings"]}
    return next((EXIT_CODES[severity] for severity in SEVERITIES if severity in found), 0)


class _Unreadable(Exception):
    """A file that is not there, not text or no policy to compare with, or AWS that cannot be asked."""


def _judged(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """All that is said of each policy in a file; printed unless JSON is asked for."""
    try:
        found = policies_in(_read(name))
    except PolicySyntaxError as error:
        raise _Unreadable(f"{name}: {error}") from error
    return [_judged_policy(name, embedded, options) for embedded in found]


def _judged_policy(name: str, embedded: Embedded, options: argparse.Namespace) -> dict[str, Any]:
    policy = _policy(embedded.text)
    guessed = options.type == "auto" and not embedded.type
    kind = (guess_type(policy) if policy else "identity") if guessed else embedded.type or options.type
    kind = kind if options.type == "auto" else options.type
    entry = {"file": name, "address": embedded.address, "type": kind, "guessed": guessed, "note": embedded.note}
    if not embedded.text:  # the place of a policy, whose text only a deployment will know
        if not options.json:
            print(printable(f"{name}: {embedded.address}: {embedded.note}"))
        return entry | {"findings": []}
    if options.live and policy:
        with live.asking("IAM Access Analyzer", "access-analyzer:ValidatePolicy", _Unreadable):
            findings = live.validate(policy, kind)
    else:
        findings = validate(embedded.text, kind, own=not options.aws_only)
    findings = [finding for finding in findings if finding.path not in embedded.unknown]
    extra = _reviews(policy, kind, options) if policy else {}
    if not options.json:
        print(_readable(entry, findings, extra))
    return entry | {"findings": [asdict(f) for f in findings], **extra}


def _read(name: str) -> str:
    try:
        data = getattr(sys.stdin, "buffer", sys.stdin).read() if name == "-" else Path(name).read_bytes()
        if isinstance(data, str):  # a stand-in for the standard input, as in a notebook
            return data
        return data.decode("utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
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


def _policies(name: str) -> list[Policy]:
    """The policies that a file holds, for a question about them."""
    try:
        return [parse(embedded.text) for embedded in policies_in(_read(name))]
    except PolicySyntaxError as error:
        raise _Unreadable(f"{name}: {error}") from error


def _one_policy(name: str) -> Policy:
    """The policy that a file holds, where one is needed to compare with."""
    try:
        found = policies_in(_read(name))
        if len(found) > 1:
            raise _Unreadable(f"{name}: it holds {len(found)} policies; give a file with one")
        return parse(found[0].text)
    except PolicySyntaxError as error:
        raise _Unreadable(f"{name}: {error}") from error


def _parser() -> argparse.ArgumentParser:
    codes = ", ".join(f"{code} {severity.lower()}" for severity, code in EXIT_CODES.items() if code)
    exits = f"Exit code, by the worst finding: 0 none or a suggestion, {codes}; {UNREADABLE} if a file is unreadable."
    parser = argparse.ArgumentParser(
        prog="iam-policy",
        description="Validate IAM policies offline, with the finding codes of IAM Access Analyzer.",
        epilog=exits,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('iampolicy')}")
    parser.add_argument(
        "files",
        nargs="*",
        metavar="policy.json",
        help="documents, AWS CLI output, terraform show -json, CloudFormation; - is standard input",
    )
    parser.add_argument(
        "--type", choices=("auto", *POLICY_TYPES), default="auto", help="policy type (default: by content)"
    )
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.add_argument("--explain", action="store_true", help="say each statement in English")
    parser.add_argument("--risks", action="store_true", help="list risk classes, by cloudsplaining")
    parser.add_argument("--bucket", action="store_true", help="check a bucket policy against the S3 checklist")
    parser.add_argument("--diff", metavar="old.json", help="say what changed since another policy")
    parts = "over its quota, give it as several policies that fit"
    parser.add_argument("--split", action="store_true", help=parts)
    parser.add_argument("--aws-only", action="store_true", help="leave out what IAM Access Analyzer has no code for")
    parser.add_argument("--live", action="store_true", help="ask IAM Access Analyzer, with the credentials of boto3")
    questions.add_options(parser)
    return parser


def _reviews(policy: Policy, kind: str, options: argparse.Namespace) -> dict[str, list[Any]]:
    """What was asked for beside the findings."""
    found: dict[str, list[Any]] = {}
    if options.explain:
        found["explained"] = review.explain(policy)
    if options.diff:
        found["changes"] = [asdict(change) for change in review.diff(_one_policy(options.diff), policy)]
    if options.risks:
        found["risks"] = [asdict(risk) for risk in review.risks(policy, kind)]
    if options.split:
        try:
            found["parts"] = [part.data for part in split(policy, kind)]
        except SplitError as error:
            raise _Unreadable(f"{error}") from error
    if options.bucket:
        found["controls"] = [asdict(control) for control in review.audit_bucket(policy)]
    return found


SECTIONS = {  # part of the report -> its heading, columns of its table
    "changes": ("Changes", ("severity", "kind", "sentence")),
    "risks": ("Risks", ("name", "meaning", "actions")),
    "controls": ("S3 bucket checklist", ("title", "passed", "reason", "statement")),
}


def _readable(entry: dict[str, Any], findings: list[Finding], extra: dict[str, list[Any]]) -> str:
    place = ": ".join(filter(None, (entry["file"], entry["address"])))
    parts = [printable(f"{place} ({entry['type']} policy): {_counted(findings)}")]
    if entry["guessed"] and entry["type"] != "identity":
        parts.append("  its type is guessed, as it names principals; --type says another")
    if entry["note"]:
        parts.append(printable(f"  {entry['note']}"))
    if findings:
        rows = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
        parts.append(_table([asdict(f) for f in rows], ("severity", "code", "path", "message")))
    parts += [f"- {printable(sentence)}" for sentence in extra.get("explained", ())]
    for section, (heading, columns) in SECTIONS.items():
        if section in extra:
            parts.append(f"\n{heading}" + ("" if extra[section] else ": none"))
            parts += [_table(extra[section], columns)] if extra[section] else []
    parts += [
        f"\nPart {n} of {len(extra['parts'])}:\n{_document(part)}" for n, part in enumerate(extra.get("parts", ()), 1)
    ]
    return "\n".join(parts)


def _document(policy: dict[str, Any]) -> str:
    """A policy to copy: escapes keep whatever its author wrote from acting on the terminal."""
    return json.dumps(policy, indent=2)


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
