"""The options of the command that ask about a request: `--why ACTION RESOURCE --as ARN` and `--explain-denial MESSAGE`.

Parsed options come in, lines for the terminal or data for JSON go out, with the exit code.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from iampolicy.callers import caller
from iampolicy.denials import Denial, explain_denial
from iampolicy.document import Policy, PolicySyntaxError
from iampolicy.inputs import guess_type
from iampolicy.simulate import ALLOWED, Decision, Request, simulate
from iampolicy.why import Remedy, why_not
from iampolicy.words import printable

NOT_ALLOWED, UNREADABLE = 1, 2  # exit codes
KINDS = {"identity": "identity", "resource": "resource", "trust": "resource"}  # type of a file -> what simulate takes
PARTS = {  # option -> argument of simulate, and whether each file is a level of its own
    "boundary": ("boundary", False),
    "session_policy": ("session", False),
    "endpoint": ("endpoint", False),
    "scp": ("service_control", True),
    "rcp": ("resource_control", True),
}


class QuestionError(ValueError):
    """A question that cannot be asked so; the sentence says what is missing."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options."""
    group = parser.add_argument_group("about a request", "exit code: 0 allowed, or understood; 1 not allowed")
    group.add_argument(
        "--why",
        nargs=2,
        metavar=("ACTION", "RESOURCE"),
        help="say whether the policies allow it, and what would change that; a file with principals is the resource's",
    )
    group.add_argument("--as", dest="caller", metavar="ARN", help="who asks: a user, role, session, root, service or *")
    group.add_argument("--owner", metavar="ACCOUNT", help="account of the resource")
    group.add_argument(
        "--context", action="append", default=[], metavar="KEY=VALUE", help="condition key of the request; repeat it"
    )
    for option in PARTS:
        words = "policies of a level, root first; repeat it" if PARTS[option][1] else "policies of that kind"
        group.add_argument(f"--{option.replace('_', '-')}", action="append", default=[], metavar="FILE", help=words)
    group.add_argument("--explain-denial", metavar="MESSAGE", help="say what AWS's AccessDenied means; - reads it")


def asked(options: argparse.Namespace) -> bool:
    """Whether the options ask about a request."""
    return options.why is not None or options.explain_denial is not None


def answer(options: argparse.Namespace, read: Callable[[str], list[Policy]]) -> int:
    """Answer what the options ask; returns the exit code.

    Args:
        read: the policies of a file.

    Raises:
        QuestionError: if something is missing or cannot be read.
    """
    if options.explain_denial is not None:
        message = sys.stdin.read() if options.explain_denial == "-" else options.explain_denial
        try:
            denial = explain_denial(message)
        except PolicySyntaxError as error:
            raise QuestionError(error.message) from error
        print(json.dumps(asdict(denial), indent=2) if options.json else "\n".join(_told(denial)))
        return 0 if denial.understood else UNREADABLE
    request, policies = _question(options, read)
    decision, changes = simulate(request, **policies), why_not(request, **policies)
    print(json.dumps(_data(decision, changes), indent=2) if options.json else "\n".join(_lines(decision, changes)))
    return 0 if decision.result == ALLOWED else NOT_ALLOWED


def _told(denial: Denial) -> Iterable[str]:
    yield from map(printable, denial.sentences)
    for kind, statement in denial.statements.items():
        where = f" ({kind.replace('_', ' ')} policy)" if len(denial.statements) > 1 else ""
        yield f"\n{json.dumps(statement, indent=2)}{where}"


def _question(options: argparse.Namespace, read: Callable[[str], list[Policy]]) -> tuple[Request, dict[str, Any]]:
    if not options.caller:
        raise QuestionError("--why needs --as ARN: who asks")
    who = caller(options.caller)
    if who.account is None and not (who.is_anonymous or who.is_service or options.caller.startswith("arn:")):
        raise QuestionError(f"--as {options.caller}: neither an ARN, an account id, a service nor *")
    context: dict[str, Any] = {}
    for pair in options.context:
        key, equals, value = pair.partition("=")
        if not equals or ":" not in key:
            raise QuestionError(f"--context {pair}: write KEY=VALUE, as in aws:SecureTransport=true")
        context.setdefault(key, []).append(value)
    context = {key: values if len(values) > 1 else values[0] for key, values in context.items()}
    policies: dict[str, Any] = {"identity": []}
    for name in options.files:
        for policy in read(name):
            kind = KINDS.get(guess_type(policy) if options.type == "auto" else options.type)
            if kind is None:
                raise QuestionError(f"{name}: give a policy of type {options.type} with an option of its own")
            if kind == "resource" and "resource" in policies:
                raise QuestionError(f"{name}: a resource has one policy, and another file gave it")
            policies |= {kind: policy} if kind == "resource" else {kind: [*policies[kind], policy]}
    for option, (argument, by_level) in PARTS.items():
        for name in getattr(options, option):
            given = read(name)
            policies.setdefault(argument, []).extend([given] if by_level else given)
    action, resource = options.why
    return Request(action, resource, options.caller, context, options.owner), policies


def _data(decision: Decision, changes: list[Remedy]) -> dict[str, Any]:
    edits = [
        {"sentence": change.sentence, "size": change.size, "edits": [asdict(edit) for edit in change.edits]}
        for change in changes
    ]
    return asdict(decision) | {"changes": edits}


def _lines(decision: Decision, changes: list[Remedy]) -> Iterable[str]:
    yield printable(f"{decision.result}: {decision.reason}.")
    if changes:
        yield "To deny it, one of:" if decision.result == ALLOWED else "To allow it, one of:"
    yield from (printable(f"{number}. {change.sentence}.") for number, change in enumerate(changes, 1))
