"""One repair under way: what was changed so far, the statement at hand, and what the names in it can mean.

A Work is made for each text, a WrittenStatement for each statement. Here both effects part: what cannot be
read drops an Allow, and makes a Deny stronger. An action or ARN that does not exist is put right only if it can mean
one thing; names are held against the catalogue only so often for each text, so that no text takes long.
"""

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from iampolicy import catalogue, operations
from iampolicy.patterns import has_wildcard, overlaps

# Policy type -> the element that its statements have not. AWS takes no Resource in a trust policy, though
# iampolicy.grammar asks for one; identity and service control policies name nobody.
WITHOUT = {"identity": "Principal", "scp": "Principal", "trust": "Resource"}
# How much an operation must look like the one that is put in its place; its first word must be the same, too, for
# Get and Put look alike. Tried on 700 actions of the catalogue with one letter wrong: 76% are put right and none is
# put wrong (0.80: 78%). An action that the catalogue lacks is taken for another one in 1.7% of cases (0.90: 3.6%,
# 0.80: 17%), for one of another access level in 0.1%.
CLOSE = 0.92
CLOSE_SERVICE = 0.8
# Names that one text's patterns are held against, and its misspelt names: a third of a second each, so that no text
# takes long; what is over is not found. Of AWS's own policies ReadOnlyAccess needs most: 29,375.
PATTERNS, LIKENESSES = 600_000, 20_000

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_BUCKET = r"(?P<name>[a-z0-9][a-z0-9.-]{1,62}(/\S*)?)"
ARNS = (  # what stands for an ARN -> the ARN; only where one field is missing and its place is beyond doubt
    (re.compile(r"(?i:arn):(?P<rest>aws[\w-]*:.*)", re.DOTALL), r"arn:\g<rest>"),
    (re.compile(r"(?P<rest>aws(-cn|-us-gov)?:[\w-]+:[^:]*:[^:]*:.+)", re.DOTALL), r"arn:\g<rest>"),
    (re.compile(r"arn:(?P<rest>(?!aws)[a-z][a-z0-9-]+:[^:]*:[^:]*:.+)", re.DOTALL), r"arn:aws:\g<rest>"),
    (re.compile(r"(?P<rest>s3:::\S+)"), r"arn:aws:\g<rest>"),
    (re.compile(rf"(s3:|s3://|arn:aws:s3:{{1,2}}){_BUCKET}"), r"arn:aws:s3:::\g<name>"),
    (re.compile(r"arn:aws:iam:(?P<rest>\d{12}:[a-z-]+/\S+)"), r"arn:aws:iam::\g<rest>"),
)
_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_PARTITION = re.compile(r"aws(-[a-z-]+)?|.*[*?].*", re.DOTALL)


class Actions:
    """The actions of one text, and what is left of the work that they may cost."""

    def __init__(self) -> None:
        self.patterns_left, self.likenesses_left = PATTERNS, LIKENESSES

    def meant(self, entry: Any) -> str | None:
        """The action or wildcard that an entry of Action stands for; None if it can be none or several."""
        if type(entry) is not str:
            return None
        if entry == "*":
            return entry
        name = entry.strip()
        if has_wildcard(name):
            prefix, _, operation = name.partition(":")
            other = f"{operations.SERVICES.get(prefix.lower())}:{operation}"
            return next(filter(self._matches, (name, other)), None)
        action = catalogue.load().action(name)
        return action.name if action else self._corrected(name)

    def covering(self, entry: Any) -> str:
        """A wildcard that covers an action nobody knows, as narrow as its words allow: "s3:Delete*", "s3:*", "*"."""
        if type(entry) is not str or len(entry) > catalogue.LONGEST:
            return "*"
        prefix, _, operation = entry.strip().rpartition(":")
        if prefix.lower() not in catalogue.load().services:
            wide = f"*:{operation}"
            return wide if self._matches(wide) else "*"
        words = _WORD.findall(re.split(r"[^A-Za-z0-9]", operation)[0])
        narrower = (f"{prefix}:{''.join(words[:count])}*" for count in range(len(words) - 1, 0, -1))
        return next(filter(self._matches, narrower), f"{prefix}:*")

    def _corrected(self, name: str) -> str | None:
        """The one action that a name which does not exist can mean."""
        lower, known = name.lower(), catalogue.load()
        prefix, _, operation = lower.partition(":")
        if lower in catalogue.newer().get(prefix, ()) or len(name) > catalogue.LONGEST:
            return None  # it exists, though the catalogue does not know it
        if meant := operations.exactly(lower):
            return meant
        self.likenesses_left -= len(known.services[prefix].actions) if prefix in known.services else len(known.services)
        if not operation or self.likenesses_left < 0:
            return None
        near = known.near(name)
        if prefix not in known.services:
            alike = [n for n in near if n.lower() == f"{n.partition(':')[0]}:{operation}"]
            close = [n for n in alike if _like(prefix, n.partition(":")[0]) >= CLOSE_SERVICE]
            return close[0] if len(close) == 1 else None
        best = sorted(((_like(operation, o.lower()), o) for o in (n.partition(":")[2] for n in near)), reverse=True)
        if not best or best[0][0] < CLOSE or (len(best) > 1 and best[1][0] == best[0][0]):
            return None
        verb = _WORD.match(best[0][1])
        # What follows the verb begins a word in the text, too, if it has words: "Gets3" is no Get.
        if verb is None or not operation.startswith(verb[0].lower()):
            return None
        return f"{prefix}:{best[0][1]}"

    def _matches(self, pattern: str) -> bool:
        known = catalogue.load()
        prefix, _, operation = pattern.lower().partition(":")
        one = prefix in known.services
        if not one and not has_wildcard(prefix):
            return False
        services = [known.services[prefix]] if one else known.services.values()
        self.patterns_left -= sum(len(service.actions) for service in services) if has_wildcard(operation) else 1_000
        return self.patterns_left >= 0 and bool(known.expand(pattern))


def _like(one: str, two: str) -> float:
    return SequenceMatcher(None, one, two).ratio()


def arn(entry: Any, policy_type: str) -> str | None:
    """The ARN or "*" that an entry of Resource stands for; None if it can be none or several."""
    if type(entry) is not str or not entry.strip():
        return None
    for text in (entry, entry.strip()):
        if _is_arn(text, policy_type):
            return text
    found = {pattern.sub(to, text) for pattern, to in ARNS if pattern.fullmatch(text)}
    found = {other for other in found if _is_arn(other, policy_type)}
    return found.pop() if len(found) == 1 else None


def _is_arn(text: str, policy_type: str) -> bool:
    """Whether a text has the fields of an ARN."""
    if text == "*" or (policy_type == "resource" and text.startswith("execute-api:/")):
        return True
    plain = _VARIABLE.sub("*", text)
    fields = plain.split(":", 5)
    if not overlaps(fields[0], "arn") or not all(_PARTITION.fullmatch(field) for field in fields[1:2]):
        return False
    # A star at the end of a field runs over the next ones: "arn:aws:s3:*", but hardly in "arn:aws:s3::bucket/*".
    return len(fields) == 6 or (plain.endswith("*") and ("/" not in plain or "*" in plain[:-1]))


class Drop(Exception):
    """The statement or the policy cannot be kept, and the text says why."""


@dataclass
class Work:
    """The repair of one text."""

    kind: str  # the type of the policy
    changes: list[str] = field(default_factory=list)
    actions: Actions = field(default_factory=Actions)
    lost_deny: bool = False  # a Deny stands where nothing could be read
    denies_all: bool = False  # a Deny had to be made so strong that nothing is allowed

    def say(self, change: str) -> None:
        self.changes.append(change)

    def has(self, element: str) -> bool:
        """Whether statements of this type of policy have an element, or its opposite with Not."""
        return element.removeprefix("Not") != WITHOUT.get(self.kind)


@dataclass
class WrittenStatement:
    """A statement while it is repaired."""

    work: Work
    index: int
    whole: bool  # its end was reached
    elements: dict[str, Any]
    unknown: list[str]  # keys that are no element
    doubtful: set[str]  # elements that stand there twice and differ
    effect: str | None  # None if it does not say Allow or Deny
    stronger: bool = False  # it denies more than was written

    @property
    def place(self) -> str:
        return f"Statement[{self.index}]"

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    def say(self, change: str) -> None:
        self.work.say(change)

    def strengthen(self, change: str) -> None:
        self.stronger = True
        self.say(change)

    def cannot_keep(self, why: str, change: str) -> None:
        """Go on with a Deny that was made stronger by a change.

        Raises:
            Drop: if it is an Allow.
        """
        if self.allows:
            raise Drop(why)
        self.strengthen(change)
