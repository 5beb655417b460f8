"""From what a role did, as CloudTrail recorded it, to what it needs."""

from iamtrail.drafting import Draft, draft
from iamtrail.mapping import Mapping, actions_for

__all__ = ["Draft", "Mapping", "actions_for", "draft"]
