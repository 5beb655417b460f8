"""One repair under way: what was changed so far, and the statement at hand.

A Work is made for each text and goes through all modules, a Draft for each statement. Here is the rule by which both
effects part: what cannot be read drops an Allow, and makes a Deny stronger.
"""

from dataclasses import dataclass, field
from typing import Any

from iampolicy.checks import finding
from iampolicy.repair.actions import Actions
from iampolicy.repair.loose import UNREADABLE, List, Object

# Policy type -> the element that its statements have not. AWS takes no Resource in a trust policy, though
# iampolicy.grammar asks for one; identity and service control policies name nobody.
WITHOUT = {"identity": "Principal", "scp": "Principal", "trust": "Resource"}


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
class Draft:
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


def shown(value: Any) -> str:
    """A value for a sentence."""
    if value is UNREADABLE:
        value = "(unreadable)"
    elif isinstance(value, Object | List):
        value = f"({type(value).__name__.lower()})"
    return finding.shown(value)
