"""What the calls of a principal say that it needs: an action on resources, under circumstances.

Observed calls, or CloudTrail's own records, come in; Evidence goes out: each use once, and each thing that the calls do
not say as a note. Calls that failed are no evidence; they are kept for a follow-up.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from iamtrail import mapping
from iamtrail.aggregate import Aggregate, document
from iamtrail.observed import (
    Filters,
    Observed,
    Pairs,
    Reading,
    TrailError,
    counted,
    first_of,
    fold_session,
    grouped,
    printable,
)
from iamtrail.resources import Named, resources_for, tags_what_is_made
from iamtrail.rows import reading

Events = Reading | Iterable[Observed | Mapping[str, Any]]
SHOWN = 5  # names in a message
OF_ITSELF = frozenset(  # operations of IAM whose UserName may be left out (their pages in the API Reference)
    {
        *("ChangePassword", "CreateAccessKey", "CreateLoginProfile", "DeleteAccessKey", "DeleteLoginProfile"),
        *("DeleteServiceSpecificCredential", "DeleteSigningCertificate", "GetLoginProfile", "GetUser"),
        *("ListAccessKeys", "ListMFADevices", "ListSSHPublicKeys", "ListServiceSpecificCredentials"),
        *("ListSigningCertificates", "ResetServiceSpecificCredential", "UpdateAccessKey"),
        *("UpdateServiceSpecificCredential", "UpdateSigningCertificate", "UploadSigningCertificate"),
    }
)
TAKERS = {"CreateFlowLogs": "vpc-flow-logs.amazonaws.com"}  # event -> the service that takes a role, if not its source


@dataclass(frozen=True)
class Use:
    """An action that was used, with all its calls together."""

    action: str
    arns: tuple[str, ...]  # sorted; ("*",) if the action has no resource-level support; empty if no call names one
    formats: tuple[str, ...]  # ARN formats that are needed and that no call fills ("arn:...:key/${KeyId}")
    unnamed: int  # calls that do not say on which resource, though others of the action do
    calls: int
    regions: tuple[str, ...]
    sources: tuple[str, ...]  # event sources; for iam:PassRole the service that took the role
    contexts: tuple[Pairs, ...]  # the circumstances of its calls, each once


@dataclass(frozen=True)
class Evidence:
    """All uses, sorted by action, and what stays open."""

    uses: tuple[Use, ...]
    principals: tuple[str, ...]
    calls: int
    uncertain: tuple[str, ...]  # sentences: events whose actions are not certain, or that have none
    free: tuple[str, ...]  # events that need no permission ("sts.amazonaws.com GetCallerIdentity")
    failed: tuple[str, ...]  # sentences: calls that failed, which the evidence leaves out
    shortened: tuple[str, ...] = ()  # sentences: where a reading had too many names and kept folders
    skipped: tuple[str, ...] = ()  # "reason: count" of what was left out when the events were read


def gather(events: Events, principal: str | None = None) -> Evidence:
    """What the calls of a principal needed.

    Args:
        events: a Reading, rows of one, or CloudTrail's records as dicts.
        principal: name or ARN of a role or user, or the ARN of a session of the role; None takes everybody's calls.

    Raises:
        TrailError: if there are no calls, or none of the principal.
    """
    read = reading_of(events, principal)
    return replace(_gathered(read.observed), shortened=read.shortened, skipped=tuple(grouped(read.skipped)))


def reading_of(events: Events, principal: str | None = None) -> Reading:
    """The calls of a principal; arguments and errors as of `gather`."""
    read = _read(events)
    if not read.observed:
        left = f" (left out: {'; '.join(grouped(read.skipped))})" if read.skipped else ""
        raise TrailError(f"no events{left}: choose a longer time, another folder, another principal or other filters")
    wanted = fold_session(principal) if principal else None
    found = [row for row in read.observed if wanted is None or _is(row.principal, wanted)]
    if not found:
        others = sorted({row.principal for row in read.observed})
        raise TrailError(f"no events of {printable(principal or '')}: there are some of {first_of(others, SHOWN)}")
    return replace(read, observed=found)


def needs_of(row: Observed) -> tuple[mapping.Mapping, dict[str, Named]]:
    """What alike calls needed: how their event maps to actions, and the resources of each action."""
    mapped = mapping.actions_for(row.source, row.event, row.parameters)
    partition, account = _home(row)
    place = (row.region, account, partition)
    listed = (*row.resources, *_itself(row))
    named = {}
    for action in mapped.actions:
        made_by = mapped.actions[0] if tags_what_is_made(action, row.event) else ""
        named[action] = resources_for(action, row.parameters, listed, *place, event=row.event, made_by=made_by)
    return mapped, named


def _read(events: Events) -> Reading:
    if isinstance(events, Reading):
        return events
    if isinstance(events, Mapping | str | bytes) or not isinstance(events, Iterable):
        raise TrailError(
            f"events are a {type(events).__name__}: give a Reading of iamtrail.files, or a list of CloudTrail's "
            "records as dicts"
        )
    rows = list(events)
    records = [row for row in rows if not isinstance(row, Observed)]
    counted = [row for row in rows if isinstance(row, Observed)]
    if not records:
        return Reading(counted, len(counted))
    with Aggregate(Filters()) as aggregate:
        aggregate.add([document(records)])
        read = reading(aggregate.rows(), aggregate.skipped)
    return replace(read, observed=[*counted, *read.observed])


def _is(principal: str, wanted: str) -> bool:
    """Whether a principal is the one that is wanted, by ARN or by name."""
    return principal == wanted or (not wanted.startswith("arn:") and principal.endswith((f"/{wanted}", f":{wanted}")))


def _gathered(observed: list[Observed]) -> Evidence:
    seen: dict[str, list[tuple[Observed, tuple[str, ...], tuple[str, ...]]]] = {}
    uncertain: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    free: set[str] = set()
    for row in observed:
        name = printable(f"{row.source} {row.event}")
        failed.update({(name, printable(code)): calls for code, calls in row.errors})
        if not row.calls:
            continue
        mapped, needed = needs_of(row)
        if not mapped.certain:
            uncertain[name, mapped.reason] += row.calls
        elif not mapped.actions:
            free.add(name)
        for action, named in needed.items():
            seen.setdefault(action, []).append((row, named.arns, named.missing))
    return Evidence(
        uses=tuple(_use(action, rows) for action, rows in sorted(seen.items())),
        principals=tuple(sorted({row.principal for row in observed})),
        calls=sum(row.calls for row in observed),
        uncertain=tuple(
            f"{name} ({counted(calls, 'call')}): {why}" for (name, why), calls in sorted(uncertain.items())
        ),
        free=tuple(sorted(free)),
        failed=tuple(
            f"{name}: {counted(calls, 'call')} failed with {code}" for (name, code), calls in sorted(failed.items())
        ),
    )


def _itself(row: Observed) -> tuple[str, ...]:
    """The user who made a call to IAM that names no user: then it is about the user (IAM API Reference, "GetUser")."""
    named = any(name.lower() == "username" for name, _ in row.parameters)
    of_itself = row.source == "iam.amazonaws.com" and row.event in OF_ITSELF and ":user/" in row.principal
    return (row.principal,) if of_itself and not named else ()


def _home(row: Observed) -> tuple[str, str]:
    """Partition and account of the principal, whose own resources a request names without an account."""
    fields = row.principal.split(":")
    is_arn = len(fields) >= 6 and fields[0] == "arn"
    return (fields[1] if is_arn else "aws"), (fields[4] if is_arn and fields[4].isdigit() else row.account)


def _use(action: str, rows: list[tuple[Observed, tuple[str, ...], tuple[str, ...]]]) -> Use:
    arns = sorted({arn for _, named, _ in rows for arn in named})
    lacking = [set(missing) for _, _, missing in rows]
    # What one call names is not asked of the others; what none names is.
    formats = set.intersection(*lacking) if arns else set().union(*lacking)
    return Use(
        action=action,
        arns=tuple(arns),
        formats=tuple(sorted(formats)),
        unnamed=sum(row.calls for row, named, _ in rows if not named) if arns else 0,
        calls=sum(row.calls for row, _, _ in rows),
        regions=tuple(sorted({row.region for row, _, _ in rows})),
        sources=tuple(sorted({TAKERS.get(row.event, row.source) for row, _, _ in rows})),
        contexts=tuple(sorted({row.context for row, _, _ in rows})),
    )
