"""From what a role did, as CloudTrail recorded it, to what it needs.

The names below load what they need when they are asked for: the mapping alone needs no database.
"""

from typing import Any

from iamtrail.mapping import Mapping, actions_for

__all__ = ["Draft", "Mapping", "actions_for", "draft"]


def __getattr__(name: str) -> Any:
    if name not in ("Draft", "draft"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from iamtrail import drafting

    return getattr(drafting, name)
