"""A model's answer made into a policy: any text in, a well-formed policy and the list of what was changed out.

A repair may take away, never add. An Allow is kept only if all that may limit it could be read, else the whole
statement goes; a Deny that cannot be kept as written is kept stronger, and where that would deny everything, no policy
is left. What nobody wrote, as the end of an answer that was cut, cannot be known: a Deny may have stood there.
"""

from iampolicy.repair.conditions import OPERATOR_NAMES
from iampolicy.repair.document import Repaired, repair

__all__ = ["OPERATOR_NAMES", "Repaired", "repair"]
