"""What a check says, and the codes in which it says it.

codes.txt lists every code of Access Analyzer's policy validation with its severity (IAM User Guide, "IAM Access
Analyzer policy check reference"); a check gives code, sentence and place, and the severity follows from the list.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

SEVERITIES = ("ERROR", "SECURITY_WARNING", "WARNING", "SUGGESTION")  # worst first
_LINES = resources.files(__package__).joinpath("codes.txt").read_text(encoding="utf-8").splitlines()
CODES: dict[str, str] = {code: severity for severity, code in map(str.split, _LINES)}  # code -> severity


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, risky or needless; `path` says where: "Statement[0].Action[1]"."""

    code: str
    severity: str  # one of SEVERITIES
    message: str
    path: str


class Said(NamedTuple):
    """What a check yields; `iampolicy.checks` makes it a Finding."""

    code: str
    message: str
    path: str


def shown(value: Any) -> str:
    """A value from a document inside a message: quoted, on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
