"""What was read, as one tidy table: a row for each principal, event and action.

Events come in as `gather` takes them, a pandas DataFrame goes out; `shown` makes it fit for a terminal or a page.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lib.cloudtrail.evidence import Events, needs_of, reading_of
from lib.cloudtrail.observed import first_of, printable

if TYPE_CHECKING:
    import pandas

SHOWN = 2  # resources in a cell that people read


@dataclass
class _Row:
    resources: set[str] = field(default_factory=set)
    calls: int = 0
    first: datetime = datetime.max
    last: datetime = datetime.min
    errors: Counter[str] = field(default_factory=Counter)


def table(events: Events, principal: str | None = None) -> "pandas.DataFrame":
    """What principals did and which actions that needed, sorted.

    Columns: principal, source, event, action ("" if IAM asks for nothing or the action is not known), resources (tuple
    of ARNs, "*" where the action supports none), calls (that succeeded), first and last (UTC, of all calls), errors
    (errorCode -> calls). A call that needs several actions has a row for each.

    Args:
        events: a Reading, rows of one, or CloudTrail's records as dicts.
        principal: name or ARN of a role or user; None takes everybody.

    Raises:
        TrailError: if there are no calls, or none of the principal.
    """
    import pandas  # loads slowly, and only this needs it

    rows: dict[tuple[str, str, str, str], _Row] = {}
    for seen in reading_of(events, principal).observed:
        _, needed = needs_of(seen)
        for action in needed or ("",):
            key = (seen.principal, seen.source, seen.event, action)
            row = rows.setdefault(key, _Row(first=seen.first, last=seen.last))
            row.resources.update(needed[action].arns if action else ())
            row.calls += seen.calls
            row.first, row.last = min(row.first, seen.first), max(row.last, seen.last)
            row.errors.update(dict(seen.errors))
    return pandas.DataFrame(
        [
            (*key, tuple(sorted(row.resources)), row.calls, row.first, row.last, dict(sorted(row.errors.items())))
            for key, row in sorted(rows.items())
        ],
        columns=["principal", "source", "event", "action", "resources", "calls", "first", "last", "errors"],
    )


def shown(found: "pandas.DataFrame", most: int = 20) -> "pandas.DataFrame":
    """The table for people: most calls first, names as one line each, few resources, days instead of moments."""
    top = found.sort_values("calls", ascending=False, kind="stable").head(most).reset_index(drop=True)
    return top.assign(
        **{name: top[name].map(printable) for name in ("principal", "source", "event")},
        resources=[first_of(arns, SHOWN) for arns in top["resources"]],
        first=top["first"].dt.strftime("%Y-%m-%d"),
        last=top["last"].dt.strftime("%Y-%m-%d"),
        errors=[printable(", ".join(f"{code}: {n:,}" for code, n in errors.items())) for errors in top["errors"]],
    )
