"""What the calls of a principal say that it needs: an action on resources, under circumstances.

Evidence has each use once, and each thing that the calls do not say as a note; calls that failed are no evidence, and
are kept for a follow-up. `table` shows what was read, event by event.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from iampolicy import words
from iamtrail import mapping, tables
from iamtrail.aggregate import Aggregate, document
from iamtrail.failures import used_permission
from iamtrail.naming import PASS_ROLE, operation_of
from iamtrail.observed import (
    PROVIDER,
    ROOT,
    SERVICE,
    Filters,
    Observed,
    Reading,
    asked_for,
    counted,
    first_of,
    grouped,
    is_called,
    kind_of,
    near,
    one_line,
)
from iamtrail.parameters import Pairs
from iamtrail.resources import NamedResources, resources_for, tags_what_is_made
from iamtrail.trail_error import TrailError

if TYPE_CHECKING:
    import pandas

Events = Reading | Iterable[Observed | Mapping[str, Any]]
SHOWN = 5  # names in a message
DOUBT = "(?)"  # behind an action that is not certain
LISTS = re.compile(r"(Describe|List|Search)(?=[A-Z])")  # operations that list whatever there is, if they name nothing
# Of `table`.
COLUMNS = ["principal", "source", "event", "action", "resources", "calls", "first", "last", "errors", "certain"]


WITHOUT = {  # kinds of principals that no identity policy is for -> why
    ROOT: "no identity policy limits the root user",
    SERVICE: "a service calls for itself, and needs no policy of yours",
    PROVIDER: "who signs in through an identity provider needs the trust of the role, and no identity policy",
}
# Calls without credentials of AWS (AWS STS API Reference, "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity").
UNSIGNED = ("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")


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
    principals: tuple[str, ...]  # whose calls need something; everybody, if none does
    calls: int
    uncertain: tuple[str, ...]  # sentences: events whose actions are not certain, or that have none
    free: tuple[str, ...]  # events that need no permission ("sts.amazonaws.com GetCallerIdentity")
    failed: tuple[str, ...]  # sentences: calls that failed before they used a permission, which are left out
    spent: tuple[str, ...] = ()  # sentences: calls that none like them succeeded, and that used their permission
    asked: tuple[str, ...] = ()  # sentences: what an event may need beside its own actions
    shortened: tuple[str, ...] = ()  # sentences: where a reading had too many names and kept folders
    skipped: tuple[str, ...] = ()  # "reason: count" of what was left out when the events were read
    aside: tuple[str, ...] = ()  # sentences: whose calls are left out, as no identity policy is for them
    limitless: tuple[str, ...] = ()  # of the principals, those that no identity policy limits


def gather(events: Events, principal: str | None = None) -> Evidence:
    """What the calls of a principal needed.

    Args:
        events: a Reading, rows of one, or CloudTrail's records as dicts.
        principal: name or ARN of a role or user, or the ARN of a session of the role; None takes everybody's calls.

    Raises:
        TrailError: if there are no calls, or none of the principal.
    """
    read = reading_of(events, principal)
    observed, aside = _with_policies(read.observed) if principal is None else (read.observed, ())
    found = _gathered(observed)
    return replace(found, shortened=read.shortened, skipped=tuple(grouped(read.skipped)), aside=aside)


def _with_policies(observed: list[Observed]) -> tuple[list[Observed], tuple[str, ...]]:
    """The calls without those that no identity policy is for, if there are others, and whose they are."""
    kinds = {row: _kind(row) for row in observed}
    # Root's are somebody's work, where there is no other.
    left = [row for row in observed if kinds[row] not in WITHOUT] or [row for row in observed if kinds[row] == ROOT]
    without: Counter[tuple[str, str]] = Counter()
    for row in set(observed) - set(left):
        without[row.principal, kinds[row]] += row.used
    said = tuple(
        f"{counted(calls, 'call')} of {one_line(name)} {'is' if calls == 1 else 'are'} left out, as {WITHOUT[kind]}."
        for (name, kind), calls in sorted(without.items())
    )
    if not left:
        raise TrailError(f"no calls of a role or user, to whom a policy could be attached: {first_of(said, SHOWN)}")
    return left, said


def _kind(row: Observed) -> str:
    return PROVIDER if row.event in UNSIGNED else kind_of(row.principal)


def reading_of(events: Events, principal: str | None = None) -> Reading:
    """The calls of a principal; arguments and errors as of `gather`."""
    read = _read(events)
    if not read.observed:
        left = f" (left out: {'; '.join(grouped(read.skipped))})" if read.skipped else ""
        raise TrailError(f"no events{left}: choose a longer time, another folder, another principal or other filters")
    wanted = asked_for(principal) if principal else None
    found = [row for row in read.observed if wanted is None or is_called(row.principal, wanted)]
    if not found:
        raise TrailError(nobody(principal or "", {row.principal for row in read.observed}))
    return replace(read, observed=found)


def nobody(wanted: str, there: Iterable[str]) -> str:
    """That nobody of a name is there, and who is: those whose names are spelled like it, or the first of all."""
    others = sorted(there)
    said = f"no events of {one_line(wanted)}"
    if alike := near(wanted, others):
        return f"{said}: is it {words.listed(map(one_line, alike), 'or')}?"
    return f"{said}: there are some of {first_of(others, SHOWN)}" if others else said


def needs_of(row: Observed) -> tuple[mapping.Mapping, dict[str, NamedResources]]:
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


def _gathered(observed: list[Observed]) -> Evidence:
    seen: dict[str, list[tuple[Observed, NamedResources]]] = {}
    uncertain: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    spent: Counter[tuple[str, str]] = Counter()
    asked: dict[tuple[str, tuple[str, ...], str], set[str]] = {}
    free: set[str] = set()
    for row in observed:
        name = one_line(f"{row.source} {row.event}")
        failed.update({(name, one_line(code)): n for code, n in row.errors if not used_permission(code)})
        if not row.used:
            continue
        mapped, needed = needs_of(row)
        if not row.calls and mapped.actions:
            spent.update({(name, one_line(code)): n for code, n in row.errors if used_permission(code)})
        for action, why in mapped.asked:
            on = resources_for(action, row.parameters, row.resources, row.region, *reversed(_home(row))).arns
            asked.setdefault((name, on if on != ("*",) and action not in needed else (), why), set()).add(action)
        if not mapped.certain:
            uncertain[name, mapped.reason] += row.used
        elif not mapped.actions:
            free.add(name)
        for action, named in needed.items():
            seen.setdefault(action, []).append((row, named))
    needing = [row.principal for calls in seen.values() for row, _ in calls] or [row.principal for row in observed]
    principals = tuple(sorted(set(needing)))
    return Evidence(
        uses=tuple(_use(action, rows) for action, rows in sorted(seen.items())),
        principals=principals,
        limitless=tuple(name for name in principals if kind_of(name) == ROOT),
        calls=sum(row.used for row in observed),
        uncertain=tuple(
            f"{name} ({counted(calls, 'call')}): {why}" for (name, why), calls in sorted(uncertain.items())
        ),
        free=tuple(sorted(free)),
        failed=_failures(failed),
        spent=_failures(spent),
        asked=tuple(
            f"{name} may also need {', '.join(sorted(actions))}{f' on {first_of(on, SHOWN)}' if on else ''} ({why})"
            for (name, on, why), actions in sorted(asked.items())
        ),
    )


def _failures(found: Counter[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{name}: {counted(n, 'call')} failed with {code}" for (name, code), n in sorted(found.items()))


def _itself(row: Observed) -> tuple[str, ...]:
    """The user who made a call to IAM that names no user: then it is about the user (IAM API Reference, "GetUser")."""
    named = any(name.lower() == "username" for name, _ in row.parameters)
    of_itself = row.source == "iam.amazonaws.com" and row.event in tables.OF_ITSELF and ":user/" in row.principal
    return (row.principal,) if of_itself and not named else ()


def _home(row: Observed) -> tuple[str, str]:
    """Partition and account of the principal, whose own resources a request names without an account."""
    fields = row.principal.split(":")
    is_arn = len(fields) >= 6 and fields[0] == "arn"
    return (fields[1] if is_arn else "aws"), (fields[4] if is_arn and fields[4].isdigit() else row.account)


def _use(action: str, calls: list[tuple[Observed, NamedResources]]) -> Use:
    arns = sorted({arn for _, named in calls for arn in named.arns})
    lacking = [set(named.missing) for _, named in calls]
    # What one call names is not asked of the others; what none names is, and the role of each instance profile.
    formats = {f for f in set().union(*lacking) if action == PASS_ROLE or not any(map(_pattern(f).fullmatch, arns))}
    if arns and LISTS.match(action.partition(":")[2]):  # one that names nothing is about all that there are
        formats |= {f for _, named in calls if not named.arns for f in named.missing}
    unnamed = sum(row.used for row, named in calls if not named.arns and not formats & set(named.missing))
    return Use(
        action=action,
        arns=tuple(arns),
        formats=tuple(sorted(formats)),
        unnamed=unnamed if arns else 0,
        calls=sum(row.used for row, _ in calls),
        regions=tuple(sorted({row.region for row, _ in calls})),
        takers=tuple(sorted({name for row, _ in calls for name in takers(row)})) if action == PASS_ROLE else (),
        contexts=tuple(sorted({row.context for row, _ in calls})),
    )


def takers(row: Observed) -> tuple[str, ...]:
    """The services to which a call passes its roles, as iam:PassedToService has them."""
    source = row.source.removesuffix(mapping.SUFFIX)
    keys = ((source, operation_of(row.event)), (source, tables.EVERY_EVENT))
    return next((tables.TAKERS[key] for key in keys if key in tables.TAKERS), (row.source,))


@lru_cache(maxsize=4_096)
def _pattern(arn_format: str) -> re.Pattern[str]:
    """What an ARN of a format with open variables looks like."""
    return re.compile(".+".join(map(re.escape, re.split(r"\$\{\w+\}", arn_format))), re.DOTALL)


def table(events: Events, principal: str | None = None) -> "pandas.DataFrame":
    """What principals did and which actions that needed, sorted.

    Columns: principal, source, event, action ("" if IAM asks for nothing or the action is not known), resources (tuple
    of ARNs, "*" where the action supports none; of the calls that succeeded, or of those that failed if all did), calls
    (that succeeded), first and last (UTC, of all calls), errors (errorCode -> calls), certain (whether the calls are
    known to need the action). A call that needs several actions has a row for each.

    Args:
        events: a Reading, rows of one, or CloudTrail's records as dicts.
        principal: name or ARN of a role or user; None takes everybody.

    Raises:
        TrailError: if there are no calls, or none of the principal.
    """
    import pandas  # loads slowly, and only this needs it

    alike: dict[tuple[str, str, str, str], list[tuple[Observed, tuple[str, ...]]]] = {}
    doubtful = set()
    for row in reading_of(events, principal).observed:
        mapped, needed = needs_of(row)
        for action in needed or ("",):
            named, key = needed[action].arns if action else (), (row.principal, row.source, row.event, action)
            alike.setdefault(key, []).append((row, named))
            if not mapped.certain:
                doubtful.add(key)
    rows = [(*key, *_cells(alike[key]), key not in doubtful) for key in sorted(alike)]
    return pandas.DataFrame(rows, columns=COLUMNS)


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
    """The table for people: most calls first, names as one line each, few resources, days instead of moments.

    An action that is not certain is followed by DOUBT, in the place of a column for it.
    """
    top = found.sort_values("calls", ascending=False, kind="stable").head(most).reset_index(drop=True)
    return top.drop(columns="certain").assign(
        **{name: top[name].map(one_line) for name in ("principal", "source", "event")},
        action=[
            (action or ("none needed" if certain else "not known")) + ("" if certain else f" {DOUBT}")
            for action, certain in zip(top["action"], top["certain"], strict=True)
        ],
        resources=[first_of(arns, 1) for arns in top["resources"]],
        first=top["first"].dt.strftime("%Y-%m-%d"),
        last=top["last"].dt.strftime("%Y-%m-%d"),
        errors=[one_line(", ".join(f"{code}: {n:,}" for code, n in errors.items())) for errors in top["errors"]],
    )
