"""What the calls of a principal say that it needs: an action on resources, under circumstances.

Evidence has each use once, and each thing that the calls do not say as a note; calls that failed are no evidence, and
are kept for a follow-up. `table` shows what was read, event by event.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from iamtrail import mapping
from iamtrail.aggregate import Aggregate, document
from iamtrail.errors import TrailError
from iamtrail.naming import PASS_ROLE
from iamtrail.observed import Filters, Observed, Reading, counted, first_of, fold_session, grouped, one_line
from iamtrail.parameters import Pairs
from iamtrail.resources import Named, resources_for, tags_what_is_made
from iamtrail.tables import OF_ITSELF

if TYPE_CHECKING:
    import pandas

Events = Reading | Iterable[Observed | Mapping[str, Any]]
SHOWN = 5  # names in a message
COLUMNS = ["principal", "source", "event", "action", "resources", "calls", "first", "last", "errors"]  # of `table`
PASSED_TO = {  # event, or source, of a call that passes a role -> the service that the role is for, if not the source
    "CreateFlowLogs": "vpc-flow-logs.amazonaws.com",
    "autoscaling.amazonaws.com": "ec2.amazonaws.com",
    "ecs.amazonaws.com": "ecs-tasks.amazonaws.com",
}


@dataclass(frozen=True)
class Use:
    """An action that was used, with all its calls together."""

    action: str
    arns: tuple[str, ...]  # sorted; ("*",) if the action has no resource-level support; empty if no call names one
    formats: tuple[str, ...]  # ARN formats that are needed and that no call fills ("arn:...:key/${KeyId}")
    unnamed: int  # calls that do not say on which resource, though others of the action do
    calls: int
    regions: tuple[str, ...]
    takers: tuple[str, ...]  # of iam:PassRole: the services that the roles are for
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
        raise TrailError(f"no events of {one_line(principal or '')}: there are some of {first_of(others, SHOWN)}")
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
    given = list(events)
    records = [row for row in given if not isinstance(row, Observed)]
    observed = [row for row in given if isinstance(row, Observed)]
    if not records:
        return Reading(observed, len(observed))
    with Aggregate(Filters()) as aggregate:
        aggregate.add([document(records)])
        read = aggregate.reading()
    return replace(read, observed=[*observed, *read.observed])


def _is(principal: str, wanted: str) -> bool:
    """Whether a principal is the one that is wanted, by ARN or by name."""
    return principal == wanted or (not wanted.startswith("arn:") and principal.endswith((f"/{wanted}", f":{wanted}")))


def _gathered(observed: list[Observed]) -> Evidence:
    seen: dict[str, list[tuple[Observed, Named]]] = {}
    uncertain: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    free: set[str] = set()
    for row in observed:
        name = one_line(f"{row.source} {row.event}")
        failed.update({(name, one_line(code)): calls for code, calls in row.errors})
        if not row.calls:
            continue
        mapped, needed = needs_of(row)
        if not mapped.certain:
            uncertain[name, mapped.reason] += row.calls
        elif not mapped.actions:
            free.add(name)
        for action, named in needed.items():
            seen.setdefault(action, []).append((row, named))
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


def _use(action: str, calls: list[tuple[Observed, Named]]) -> Use:
    arns = sorted({arn for _, named in calls for arn in named.arns})
    lacking = [set(named.missing) for _, named in calls]
    # What one call names is not asked of the others; what none names is.
    formats = set.intersection(*lacking) if arns else set().union(*lacking)
    takers = {PASSED_TO.get(row.event) or PASSED_TO.get(row.source, row.source) for row, _ in calls}
    return Use(
        action=action,
        arns=tuple(arns),
        formats=tuple(sorted(formats)),
        unnamed=sum(row.calls for row, named in calls if not named.arns) if arns else 0,
        calls=sum(row.calls for row, _ in calls),
        regions=tuple(sorted({row.region for row, _ in calls})),
        takers=tuple(sorted(takers)) if action == PASS_ROLE else (),
        contexts=tuple(sorted({row.context for row, _ in calls})),
    )


def table(events: Events, principal: str | None = None) -> "pandas.DataFrame":
    """What principals did and which actions that needed, sorted.

    Columns: principal, source, event, action ("" if IAM asks for nothing or the action is not known), resources (tuple
    of ARNs, "*" where the action supports none; of the calls that succeeded, or of those that failed if all did), calls
    (that succeeded), first and last (UTC, of all calls), errors (errorCode -> calls). A call that needs several actions
    has a row for each.

    Args:
        events: a Reading, rows of one, or CloudTrail's records as dicts.
        principal: name or ARN of a role or user; None takes everybody.

    Raises:
        TrailError: if there are no calls, or none of the principal.
    """
    import pandas  # loads slowly, and only this needs it

    alike: dict[tuple[str, str, str, str], list[tuple[Observed, tuple[str, ...]]]] = {}
    for row in reading_of(events, principal).observed:
        _, needed = needs_of(row)
        for action in needed or ("",):
            named = needed[action].arns if action else ()
            alike.setdefault((row.principal, row.source, row.event, action), []).append((row, named))
    return pandas.DataFrame([(*key, *_cells(alike[key])) for key in sorted(alike)], columns=COLUMNS)


def _cells(alike: list[tuple[Observed, tuple[str, ...]]]) -> tuple[Any, ...]:
    """The columns of `table` from resources on."""
    rows = [row for row, _ in alike]
    calls = sum(row.calls for row in rows)
    arns = {arn for row, named in alike for arn in named if row.calls or not calls}
    errors: Counter[str] = Counter()
    for row in rows:
        errors.update(dict(row.errors))
    first, last = min(row.first for row in rows), max(row.last for row in rows)
    return tuple(sorted(arns)), calls, first, last, dict(sorted(errors.items()))


def shown(found: "pandas.DataFrame", most: int = 20) -> "pandas.DataFrame":
    """The table for people: most calls first, names as one line each, few resources, days instead of moments."""
    top = found.sort_values("calls", ascending=False, kind="stable").head(most).reset_index(drop=True)
    return top.assign(
        **{name: top[name].map(one_line) for name in ("principal", "source", "event")},
        resources=[first_of(arns, 1) for arns in top["resources"]],
        first=top["first"].dt.strftime("%Y-%m-%d"),
        last=top["last"].dt.strftime("%Y-%m-%d"),
        errors=[one_line(", ".join(f"{code}: {n:,}" for code, n in errors.items())) for errors in top["errors"]],
    )
