"""What was read, as one tidy table: a row for each principal, event and action.

Events come in as `gather` takes them, a pandas DataFrame goes out; `shown` makes it fit for a terminal or a page.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from iamtrail.evidence import Events, needs_of, reading_of
from iamtrail.observed import first_of, printable

if TYPE_CHECKING:
    import pandas

COLUMNS = ["principal", "source", "event", "action", "resources", "calls", "first", "last", "errors"]
SHOWN = 1  # resources in a cell that people read


@dataclass
class _Row:
    first: datetime
    last: datetime
    resources: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)  # resources of calls that failed
    calls: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def cells(self) -> tuple[tuple[str, ...], int, datetime, datetime, dict[str, int]]:
        arns = self.resources if self.calls else self.failed
        return tuple(sorted(arns)), self.calls, self.first, self.last, dict(sorted(self.errors.items()))


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

    rows: dict[tuple[str, str, str, str], _Row] = {}
    for seen in reading_of(events, principal).observed:
        _, needed = needs_of(seen)
        for action in needed or ("",):
            key = (seen.principal, seen.source, seen.event, action)
            row = rows.setdefault(key, _Row(seen.first, seen.last))
            named = needed[action].arns if action else ()
            (row.resources if seen.calls else row.failed).update(named)
            row.calls += seen.calls
            row.first, row.last = min(row.first, seen.first), max(row.last, seen.last)
            row.errors.update(dict(seen.errors))
    lines = [(*key, *rows[key].cells()) for key in sorted(rows)]
    return pandas.DataFrame(lines, columns=COLUMNS)


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
