"""Names of API operations, which people write for actions, and the actions that they need.

operations.tsv has what follows from botocore's models; as_models_write.tsv what is written otherwise. A name that is no
action comes in; the action that is meant goes out, or those that look like it.
"""

from iampolicy import catalogue, tables
from iampolicy.patterns import has_wildcard

READING = ("get", "list", "describe", "head", "read", "search", "query", "scan", "view", "lookup", "select", "batchget")
READ_LEVELS = ("Read", "List")
TAKING_AWAY = ("delete", "remove", "terminate", "disable", "detach", "deregister", "purge", "revoke", "cancel")
_ROWS = [*tables.rows("operations.tsv"), *tables.rows("as_models_write.tsv")]
SERVICES = {row["written"]: row["meant"] for row in _ROWS if row["kind"] == "service"}  # name -> prefix of its actions
MEANT = {row["written"]: row["meant"] for row in _ROWS if row["kind"] == "operation"}  # name -> the action it needs
_BY_HAND = {row["written"] for row in tables.rows("as_models_write.tsv") if row["kind"] == "operation"}


def _verb(operation: str) -> str:
    return next((verb for verb in READING if operation.startswith(verb)), "")


def _is_no_wider(written: str, meant: str) -> bool:
    """Whether an action allows no more than an operation says: reading for reading, or another spelling of it."""
    operation, action = written.partition(":")[2], catalogue.load().action(meant)
    if action is None:
        return False
    if _verb(operation):  # what asks for the head of an object alone needs to read it all
        return action.access_level in READ_LEVELS and _verb(operation) != "head"
    return operation.startswith(action.operation.lower())


def exactly(name: str) -> str | None:
    """The action that an operation needs, if it allows no more than the operation is; None if there is none such.

    >>> exactly("s3:ListObjectsV2"), exactly("s3:DeleteBucketCors")
    ('s3:ListBucket', None)
    """
    lower = name.lower()
    prefix, _, operation = lower.partition(":")
    meant = MEANT.get(lower)
    if meant and (lower in _BY_HAND or _is_no_wider(lower, meant)):
        return meant
    service = SERVICES.get(prefix)
    action = catalogue.load().action(f"{service}:{operation}") if service else None
    return action.name if action else None


def likely(name: str, count: int = 3) -> tuple[str, ...]:
    """What a name may mean that is no action, best first; for a name that reads, nothing that writes.

    >>> likely("s3:ListObjects"), likely("bedrock:Converse"), likely("opensearch:ESHttpGet")
    (('s3:ListBucket',), ('bedrock:InvokeModel',), ('es:ESHttpGet',))
    """
    known, lower = catalogue.load(), name.lower()
    prefix, _, operation = lower.partition(":")
    if len(name) > catalogue.LONGEST:
        return ()
    other = f"{SERVICES.get(prefix, prefix)}:{operation}"
    for asked in (lower, other):
        if (meant := MEANT.get(asked)) and (action := known.action(meant)) and _is_as_mild(operation, action):
            return (meant,)
    if has_wildcard(name):
        return (other,) if other != lower and known.expand(other) else ()
    if other != lower and (action := known.action(other)):
        return (action.name,)
    near = known.near(other if other != lower else name, 4 * count)
    return tuple(action for action in near if _is_as_mild(operation, known.actions[action]))[:count]


def _is_as_mild(operation: str, action: catalogue.Action) -> bool:
    """Whether somebody who wrote an operation may be shown an action: no write for a read, nothing that takes away."""
    if _verb(operation):
        return action.access_level in READ_LEVELS
    called = action.operation.lower()
    return not called.startswith(TAKING_AWAY) or operation.startswith(TAKING_AWAY)
