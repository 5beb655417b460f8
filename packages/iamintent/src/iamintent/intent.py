"""A request as it was read, once: all who ask about it afterwards ask its Intent, and not its text again."""

import re
from dataclasses import dataclass
from functools import cached_property

from iamintent.mentions import actions_named
from iamintent.words import TABLES

_REGION = re.compile(r"\b[a-z]{2}(?:-[a-z]+){1,2}-\d(?!\d)")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_DASHED = re.compile(r"\d{4}-\d{4}-\d{4}")
_SERVICE_PRINCIPAL = re.compile(r"\b[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?\b")
_ANYWHERE = re.compile(r"\b(any|all|each|every|whichever|whatever|wherever|open|other)\b")


@dataclass(frozen=True)
class Places:
    """Where, and to which services, a request may grant, as it says so; each in its order."""

    regions: tuple[str, ...]  # codes, also of regions that are called by their city: "Frankfurt" is eu-central-1
    accounts: tuple[str, ...]  # numbers, without dashes
    partitions: tuple[str, ...]  # "aws-cn", "aws-us-gov"; aws itself goes without saying
    service_principals: tuple[str, ...]  # "glue.amazonaws.com"
    anywhere: bool  # it speaks of "any", "all" or the like


@dataclass(frozen=True)
class Intent:
    """A request, and what the catalogue and the training examples have to say about it."""

    request: str
    lines: tuple[tuple[str, ...], ...] = ()  # likely actions or wildcards of each clause, the likeliest first
    keys: tuple[str, ...] = ()  # of services' own condition keys those that the request may mean
    title: str | None = None  # the request is only a name
    refusal: str | None = None  # why there is no policy for it
    cut: bool = False  # the request was longer than what is read of one
    clauses: tuple[str, ...] = ()  # the text of the clause of each line; a title has none
    odds: tuple[tuple[float, ...], ...] = ()  # of each candidate of each line, that the clause asks for it

    @property
    def actions(self) -> tuple[str, ...]:
        """All candidates, each once."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line))

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the candidates, each once."""
        return tuple(dict.fromkeys(name.partition(":")[0] for name in self.actions))

    @property
    def named(self) -> frozenset[str]:
        """The actions that the request writes out."""
        return actions_named(self.request)

    @cached_property
    def places(self) -> Places:
        """Regions, accounts and service principals that the request names.

        >>> Intent("read the table in Frankfurt, account 1111-2222-3333").places.accounts
        ('111122223333',)
        """
        low = self.request.lower()
        cities = (code for city, code in TABLES.places.items() if re.search(rf"\b{city}\b", low))
        dashed = _ACCOUNT.findall(self.request.replace("-", "")) if _DASHED.search(self.request) else []
        return Places(
            tuple(dict.fromkeys((*_REGION.findall(low), *cities))),
            tuple(dict.fromkeys((*dashed, *_ACCOUNT.findall(self.request)))),
            tuple(p for p in ("aws-cn", "aws-us-gov") if p in low or p.removeprefix("aws-") + "-" in low),
            tuple(dict.fromkeys(_SERVICE_PRINCIPAL.findall(low))),
            _ANYWHERE.search(low) is not None,
        )
