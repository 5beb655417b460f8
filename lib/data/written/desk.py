"""The Desk: what every maker of examples needs at hand while it composes one example.

A random source, the catalogue, a style and a scene come in; the Desk keeps to one name for each service.
"""

from dataclasses import dataclass, field
from random import Random

from iampolicy.catalogue import Catalogue
from lib.data.written.resources import Scene
from lib.data.written.services import POPULAR, TITLES


@dataclass(frozen=True)
class Desk:
    """What every maker of examples needs at hand."""

    rng: Random
    catalogue: Catalogue
    style: str
    scene: Scene
    aliases: dict[str, str] = field(default_factory=dict)  # one name for a service throughout an example

    def alias(self, service: str) -> str:
        """The name of the service in this example."""
        if service not in self.aliases:
            known = POPULAR.get(service)
            title = TITLES.get(service, self.catalogue.services[service].title)
            self.aliases[service] = (
                self.rng.choice(known[1]) if known else self.rng.choice((title, without_maker(title)))
            )
        return self.aliases[service]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share


def without_maker(title: str) -> str:
    for maker in ("Amazon ", "AWS "):
        title = title.removeprefix(maker)
    return title
