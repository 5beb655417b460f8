"""The text that nano is pretrained on, all of it carried by installed packages.

Three kinds of documents: botocore's description of AWS operations, the action catalogue's tables, and AWS managed
policies under their names. None is an instruction with an answer, and no policy of validation or test, nor a near
duplicate of one, is among them: `documents` takes the policies of the training split only.
"""

import html
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from botocore.loaders import Loader

from lib.data.dataset import Example
from lib.iam import catalogue
from lib.iam.document import parse

LONGEST = 1200  # characters of one operation's description: the rest repeats links and limits


@dataclass(frozen=True)
class Document:
    """One text of the corpus; `kind` is "operation", "service" or "policy"."""

    kind: str
    name: str
    text: str


def documents(train: Iterable[Example], seed: int = 0) -> list[Document]:
    """The whole corpus, shuffled.

    Args:
        train: the training split of the data set; only managed policies are used.
        seed: of the shuffling.
    """
    found = [*_operations(), *_services(random.Random(seed)), *_policies(train)]
    random.Random(seed).shuffle(found)
    return found


def _operations() -> Iterator[Document]:
    loader = Loader()
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        title = model["metadata"].get("serviceFullName", service)
        for name, operation in model["operations"].items():
            if text := plain(operation.get("documentation", "")):
                yield Document("operation", f"{service}:{name}", f"{title}: {name}\n{text[:LONGEST]}")


def _services(random: random.Random) -> Iterator[Document]:
    # A page a service is longer than a model's context: actions come in runs, each under the service's name.
    for service in catalogue.load().services.values():
        actions = list(service.actions.values())
        random.shuffle(actions)
        for start in range(0, len(actions), 12):
            lines = [f"{a.name} {a.access_level}: {a.purpose}" for a in actions[start : start + 12]]
            yield Document("service", service.prefix, "\n".join([f"{service.title} ({service.prefix})", *lines]))
        resources = [f"{r.name}: {r.arn}" for r in service.resource_types.values()]
        keys = [f"{k.name} ({k.type}): {k.description}" for k in service.condition_keys.values()]
        for heading, lines in (("resource types", resources), ("condition keys", keys)):
            if lines:
                title = f"{service.title} ({service.prefix}) {heading}"
                yield Document("service", service.prefix, "\n".join([title, *lines[:40]]))


def _policies(train: Iterable[Example]) -> Iterator[Document]:
    for example in train:
        if example.source == "managed":
            name = example.id.removeprefix("managed/")
            yield Document("policy", name, f"{name}\n{example.policy}")
            if len(example.policy) < 4_000:  # people and AWS print policies indented, too
                yield Document("policy", name, f"{name}\n{parse(example.policy).to_json(indent=2)}")


def plain(documentation: str) -> str:
    """Text without HTML: paragraphs on lines of their own, white space folded."""
    text = re.sub(r"</(p|li|dd|dt|note)>|<br\s*/?>", "\n", documentation)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
