"""Whether a call that failed had used its permission: the error codes of failures.txt say when it had not."""

import re
from functools import lru_cache

from iamtrail import tables


def _ends_of(*classes: str) -> str:
    codes = (code for kind, code in map(str.split, tables.lines("failures.txt")) if kind in classes)
    return rf"({'|'.join(codes)})(Exception|Fault)?$"


REFUSED = _ends_of("refused")  # "AccessDenied", "Client.UnauthorizedOperation", "AccessDeniedException" ...
_UNUSED = re.compile(_ends_of("refused", "unproven", "throttled"))


@lru_cache(maxsize=4_096)
def used_permission(code: str) -> bool:
    """Whether a call with this errorCode was allowed, and failed for another reason.

    >>> used_permission("NoSuchCORSConfiguration"), used_permission("Client.UnauthorizedOperation")
    (True, False)
    """
    return not _UNUSED.search(code)
