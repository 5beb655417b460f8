"""Written examples: requests in English and the policies that answer them, composed from the action catalogue.

A count and a seed come in; a list of WrittenExample goes out, the same list for the same seed and catalogue. A row of
`kinds.KINDS` makes a draft, the draft makes both the policy and the words, and a repeated set of actions is mostly
drawn again, so that near-duplicates stay few.
"""

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from iampolicy import catalogue as catalogue_module
from lib.data.written.desk import Desk
from lib.data.written.drafts import policy
from lib.data.written.kinds import KINDS
from lib.data.written.openers import STYLES
from lib.data.written.resources import draw_scene
from lib.data.written.sentences import draw_style, say

__all__ = ["KINDS", "STYLES", "WrittenExample", "write"]

WORDS = (4, 90)  # how long an instruction may be
REPEATS = 2  # how often a set of actions is drawn again when it was there before


@dataclass(frozen=True)
class WrittenExample:
    """An instruction and its policy, with where they come from."""

    instruction: str
    policy: dict[str, Any]
    kind: str  # the name of a row of KINDS
    style: str  # one of STYLES
    shape: str  # the sentence shape: equal ids are built alike


def write(count: int, seed: int) -> list[WrittenExample]:
    """Compose `count` examples.

    Raises:
        ValueError: if count is negative.
    """
    if count < 0:
        raise ValueError(f"count is {count}; it must be 0 or more")
    catalogue = catalogue_module.load()
    rng = Random(seed)
    examples: list[WrittenExample] = []
    seen: set[frozenset[str]] = set()
    said: set[str] = set()
    while len(examples) < count:
        kind = rng.choices(KINDS, [k.weight for k in KINDS])[0]
        for attempt in range(20):
            example = _compose(rng, catalogue, kind)
            if example is None or example.instruction in said:
                continue
            named = _named(example.policy)
            if named in seen and attempt <= REPEATS:
                continue
            seen.add(named)
            said.add(example.instruction)
            examples.append(example)
            break
    return examples


def _compose(rng: Random, catalogue, kind) -> WrittenExample | None:
    desk = Desk(rng, catalogue, draw_style(rng), draw_scene(rng))
    draft = kind.make(desk)
    if draft is None:
        return None
    document = policy(draft)
    saying = say(rng, draft, desk.style, json.dumps(document))
    if saying is None or not WORDS[0] <= len(saying.text.split()) <= WORDS[1]:
        return None
    return WrittenExample(saying.text, document, kind.name, desk.style, saying.shape)


def _named(document: dict[str, Any]) -> frozenset[str]:
    named: set[str] = set()
    for statement in document["Statement"]:
        for element in ("Action", "NotAction"):
            value = statement.get(element, [])
            named.update([value] if isinstance(value, str) else value)
    return frozenset(named)
