"""Texts of events as a policy's Resource takes them literally.

What somebody else wrote into an event comes in; what goes out matches that text alone: "*", "?" and "${" become the
policy variables ${*}, ${?} and ${$} (IAM User Guide, "IAM policy elements: Variables and tags").
"""

import re

# Any text: at the end of a value, after a slash, the rest of a path, and alone a name that lives for one run. A reader
# puts it where it cut values to keep rows few, and replaces it by LOST in what comes from outside.
CUT, LOST = "\ue000", "\ufffd"
# A path of JSON text, with its first part: what stands behind that becomes CUT. For DuckDB's and Athena's expressions.
PATH = r'"(/?[^"/:\\]+/)(?:[^"\\]|\\.)*"'
LONGEST = 2_048  # characters, as many as an ARN may have
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:\d{12}|aws|cloudfront|third-party)?:(.+)", re.DOTALL)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")


def literal(value: str) -> str | None:
    """A text without wildcards or variables of its own; a path that the reader cut ends in a wildcard.

    None for what is too long for an ARN or has control characters, which no name of a resource has.
    """
    if len(value) > LONGEST or _UNSAFE.search(value):
        return None
    cut = value == CUT or value.endswith(f"/{CUT}")
    text = re.sub(r"[*?]|\$(?=\{)", lambda match: f"${{{match[0]}}}", value.removesuffix(CUT) if cut else value)
    return text + "*" if cut else text


def literal_arn(text: str) -> str | None:
    """An ARN without wildcards or variables of its own; None if the text is no ARN."""
    found = _ARN.fullmatch(text)
    rest = literal(found[1]) if found and len(text) <= LONGEST else None
    return None if found is None or rest is None else text[: found.start(1)] + rest
