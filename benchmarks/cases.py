"""What is measured: pairs of cases, each a function that does some work and says how much, in what unit.

A later row is one more Pair. Every case runs in a process of its own, so that its peak memory is its own.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lib import profiles
from lib.data import dataset, written


@dataclass(frozen=True)
class Work:
    """An amount done, and the seconds it took without loading."""

    amount: float
    seconds: float


@dataclass(frozen=True)
class Case:
    """A way to do a piece of work."""

    name: str
    run: Callable[[], Work]


@dataclass(frozen=True)
class Pair:
    """Two ways to do the same work; the ratio is first over second."""

    title: str
    unit: str  # of the work; its rate is a second's worth
    first: Case
    second: Case


def _examples(count: int) -> list[dataset.Example]:
    return dataset.from_written(written.write(count, seed=1))


def _train(packing: bool) -> Work:
    from lib.model import train

    profile = dataclasses.replace(
        profiles.load("nano"), packing=packing, max_steps=0, eval_examples=1, eval_steps=1000, save_steps=1000
    )
    if not packing:  # one pack holds about three examples
        profile = dataclasses.replace(profile, train_batch_size=3)
    recipe = dataclasses.replace(profiles.load_recipe("A"), epochs=1)
    examples = _examples(164)
    with tempfile.TemporaryDirectory() as folder:
        fit = train.fit(profile, recipe, examples[4:], examples[:4], Path(folder))
    return Work(fit.tokens, fit.seconds)


def _generate(batch_size: int) -> Work:
    from lib.model.generate import PolicyGenerator

    generator = PolicyGenerator.load("runs/none", "zero_shot", profiles.load("nano"))
    generator.batch_size = batch_size
    requests = [e.instruction for e in _examples(32)]
    generator.generate(requests[:1], max_new_tokens=4)
    started = time.perf_counter()
    drafts = generator.generate(requests, max_new_tokens=64)
    return Work(sum(d.tokens for d in drafts), time.perf_counter() - started)


PAIRS = {
    "training": Pair(
        "Training nano with QLoRA (real tokens, padding not counted)",
        "tokens",
        Case("packed", lambda: _train(packing=True)),
        Case("padded", lambda: _train(packing=False)),
    ),
    "generation": Pair(
        "Generating with nano (32 requests, 64 tokens each)",
        "tokens",
        Case("batched, 32 at a time", lambda: _generate(batch_size=32)),
        Case("one at a time", lambda: _generate(batch_size=1)),
    ),
}
