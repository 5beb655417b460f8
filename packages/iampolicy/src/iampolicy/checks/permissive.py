"""Values of conditions that leave open what they seem to limit: wildcards and policy variables too far in front.

IAM User Guide, "IAM policy validation check reference", "Wildcard usage too permissive" and "Variable usage too
permissive"; which keys take none at all is said in "AWS global condition context keys", "Sensitive condition keys".
"""

import re

from iampolicy.checks.view import REPLACED_FROM, Findings, Test, View, finding, shown
from iampolicy.conditions import GLOBAL_KEYS

ENOUGH = 6  # characters in a row before a wildcard or a variable
KINDS = {  # what stands in a value -> its pattern
    "WILDCARD": re.compile(r"[*?]+"),
    "VARIABLE": re.compile(r"\$\{(?![*?$]\})[^}]*\}?"),
}
_OPEN = re.compile(r"[*?]+|\$\{(?![*?$]\})[^}]*\}?")
_LITERAL = re.compile(r"\$\{[*?$]\}")  # "${*}" is a star that is no wildcard
_WITHOUT = "|".join(key for key, known in GLOBAL_KEYS.items() if known.strict == "no")
_FILLED = re.compile(rf"\$\{{({_WITHOUT})\}}", re.IGNORECASE)
_USER = re.compile(r"(?:[*?]|\$\{[^}]*\}|[^*?$:]*):.*")  # of aws:userid: open after the colon, or all of it before


def check_openness(test: Test, view: View) -> Findings:
    """A test whose key says something only if its values do.

    AWS's own policies of identities compare accounts and organizations with each other, ${aws:PrincipalAccount} with
    aws:ResourceAccount: there both are filled by AWS. In a resource's policy the caller fills one of them.
    """
    known = GLOBAL_KEYS.get(test.key.lower())
    if known is None or not known.strict:
        return
    texts = [text for text in test.texts if view.kind in ("resource", "trust") or not _FILLED.fullmatch(text)]
    if texts:
        yield from open_values(test._replace(values=texts), known.strict, view.version == REPLACED_FROM)


def open_values(test: Test, strict: str, variables: bool) -> Findings:
    """One finding for each kind of openness in the values of a test.

    Args:
        strict: how open they may be, as in global_keys.tsv.
    """
    for kind, pattern in KINDS.items():
        takes = "like" in test.name or test.family == "Arn" if kind == "WILDCARD" else variables
        if not takes or test.family not in ("String", "Arn"):
            continue
        for value in test.texts:
            text = _LITERAL.sub("x", value)
            if pattern.search(text) and not _stands(text, pattern, strict):
                case = {"no": "sensitive", "colon": "userid"}.get(strict, "")
                words = (shown(value), test.key) if kind == "WILDCARD" else (test.key, shown(value))
                yield finding(f"{kind}_USAGE_TOO_PERMISSIVE", test.path, *words, case=case)
                break


def _stands(text: str, pattern: re.Pattern[str], strict: str) -> bool:
    """Whether what is open in a value stands where it may."""
    if strict == "colon":
        return _USER.fullmatch(text) is not None
    return strict == "six" and all(
        match.start() - _last_open(text, match.start()) >= ENOUGH for match in pattern.finditer(text)
    )


def _last_open(text: str, end: int) -> int:
    """Where the run of plain characters before a place begins."""
    return max((match.end() for match in _OPEN.finditer(text[:end])), default=0)
