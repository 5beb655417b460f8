"""What a request asks for, in the terminal: `python -m iamintent "start the EC2 instance i-0abc"`."""

import argparse
import json
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from iamintent.intent import Intent
from iamintent.retriever import Retriever
from iampolicy.words import printable, service_name

READ, REFUSED, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        request = sys.stdin.read() if options.request == ["-"] else " ".join(options.request)
        intent = _retriever(options.learnt).read(request)
        print(json.dumps(_as_json(intent), indent=2) if options.json else "\n".join(_lines(intent)))
        sys.stdout.flush()
    except (OSError, UnicodeDecodeError, _NotLearnt) as error:
        if isinstance(error, BrokenPipeError):  # whoever reads has seen enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            print(printable(str(error)), file=sys.stderr)
        return UNREADABLE
    return REFUSED if intent.refusal else READ


class _NotLearnt(Exception):
    """A file that holds no fitted retriever."""


def _retriever(learnt: str | None) -> Retriever:
    try:
        return Retriever.load(Path(learnt)) if learnt else Retriever()
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it holds no fitted retriever"
        raise _NotLearnt(f"{learnt}: cannot be read: {reason}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="iam-intent",
        description="Say which services, actions and condition keys a request in English for access to AWS may mean.",
        epilog=f"Exit code: {READ} it was read, {REFUSED} it asks for no policy, {UNREADABLE} a file is unreadable.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('iamintent')}")
    parser.add_argument("request", nargs="+", help="what is asked for, in English; - is the standard input")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--learnt", metavar="FILE", help="a fitted retriever (default: the catalogue alone)")
    return parser


def _as_json(intent: Intent) -> dict[str, object]:
    clauses = intent.clauses or [None] * len(intent.lines)
    asked = [
        {"clause": clause, "actions": dict(zip(names, odds, strict=True))}
        for clause, names, odds in zip(clauses, intent.lines, intent.odds, strict=True)
    ]
    said = {"request": intent.request, "refusal": intent.refusal, "title": intent.title, "cut": intent.cut}
    return said | {"services": intent.services, "asked": asked, "keys": intent.keys, "places": asdict(intent.places)}


def _lines(intent: Intent) -> Iterator[str]:
    if intent.refusal:
        yield intent.refusal
        return
    if intent.title:
        yield f"Only a name: {intent.title}"
    width = max(map(len, intent.actions), default=0)
    headings = intent.clauses or [service_name(line[0].partition(":")[0]) for line in intent.lines]
    for heading, names, odds in zip(headings, intent.lines, intent.odds, strict=True):
        yield heading
        yield from (f"  {name:{width}}  {_percent(chance):>4}" for name, chance in zip(names, odds, strict=True))
    yield ""
    found = {
        "Services": [f"{service_name(prefix)} ({prefix})" for prefix in intent.services],
        "Condition keys": intent.keys,
        "Regions": intent.places.regions,
        "Accounts": intent.places.accounts,
        "Service principals": intent.places.service_principals,
    }
    yield from (f"{name + ':':19} {', '.join(of)}" for name, of in found.items() if of)
    if intent.cut:
        yield "Only the beginning of the request was read."


def _percent(chance: float) -> str:
    return f"{chance:.0%}" if chance >= 0.01 else "<1%"


if __name__ == "__main__":
    sys.exit(main())
