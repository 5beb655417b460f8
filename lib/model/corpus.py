"""The text that nano is pretrained on, made of what installed packages carry.

Four kinds of documents: botocore's description of AWS operations, the action catalogue's tables, AWS managed policies
under their names, and pages about policies (lib/model/pages.py). The policies of the pages are composed like those of
the written examples, and said in a reference's words instead of a request's: nano knows what policies look like and
how a sentence and a policy correspond, but has read no instruction and nothing in the course's format. No policy of
validation or test, nor a near duplicate of one, is among them: managed policies come from the training split only, and
pages are held against the two others.
"""

import html
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from botocore.loaders import Loader

from lib.data.dataset import Dataset, Example
from lib.data.managed import words_of
from lib.iam import catalogue
from lib.iam.document import parse
from lib.model.pages import pages

LONGEST = 300  # characters of one operation's description: the first sentences say what it does
KINDS = ("operation", "service", "policy", "page")


@dataclass(frozen=True)
class Document:
    """One text of the corpus; `kind` is one of KINDS."""

    kind: str
    name: str
    text: str


def documents(data: Dataset, page_count: int, seed: int = 0) -> list[Document]:
    """The whole corpus, shuffled.

    Args:
        data: the data set; of its training split the managed policies are used, validation and test are kept out.
        page_count: pages to compose; some fewer remain.
        seed: of pages and shuffling.
    """
    held_back = [example.policy for example in (*data.validation, *data.test)]
    made = [Document("page", f"page {i}", text) for i, text in enumerate(pages(page_count, held_back, seed))]
    found = [*_operations(), *_services(random.Random(seed)), *_policies(data.train), *made]
    random.Random(seed).shuffle(found)
    return found


def _operations() -> Iterator[Document]:
    loader = Loader()
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        title = model["metadata"].get("serviceFullName", service)
        for name, operation in model["operations"].items():
            if text := plain(operation.get("documentation", "")):
                shown = text if len(text) <= LONGEST else text[:LONGEST].rpartition(" ")[0]
                yield Document("operation", f"{service}:{name}", f"{title}: {name}\n{shown}")


def _services(random: random.Random) -> Iterator[Document]:
    # A page a service is longer than a model's context: actions come in runs, each under the service's name.
    for service in catalogue.learned().services.values():
        actions = list(service.actions.values())
        random.shuffle(actions)
        for start in range(0, len(actions), 12):
            some = actions[start : start + 12]
            lines = [f"{a.name} {a.access_level}: {a.purpose}" for a in some]
            yield Document("service", service.prefix, "\n".join([f"{service.title} ({service.prefix})", *lines]))
            # and the other way round: from what is meant to what it is called
            lines = [f"To {a.purpose.partition('. ')[0]}: {a.name}" for a in random.sample(some, len(some))]
            yield Document("service", service.prefix, "\n".join([service.title, *lines]))
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
            yield Document("policy", name, f"{words_of(name)}\n{example.policy}")
            if len(example.policy) < 1_500:  # people and AWS print policies indented, too
                yield Document("policy", name, f"{name}\n{parse(example.policy).to_json(indent=2)}")


def plain(documentation: str) -> str:
    """Text without HTML: paragraphs on lines of their own, white space folded."""
    text = re.sub(r"</(p|li|dd|dt|note)>|<br\s*/?>", "\n", documentation)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
