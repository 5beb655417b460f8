"""Train the adapter that lies beside nano: `python -m lib.model.ship`, an hour or two on two cores.

Written examples that the course does not use (another seed, no near duplicate of a validation or test policy) and the
managed policies of the training split come in, all but some of them grounded; an adapter with its card goes out. It is
the training of the course, longer: `lib.model.train.fit` with one recipe, and it goes on where it was stopped.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lib import profiles
from lib.data import dataset, managed, written
from lib.data.dataset import Dataset, Example
from lib.files import ROOT
from lib.model.adapters import RETRIEVER
from lib.model.lessons import Lesson, mixed
from lib.model.train import Fit, fit
from lib.profiles import Profile, Recipe
from lib.retrieval.retrieve import Retriever

TRIED = ROOT / "models" / "nano" / "tried.md"  # part of the card
SEED = 2_000_003  # of the written examples; the course's and the corpus's are others
PLAIN = 7  # every so many-th lesson has no candidates
TITLES = 2  # how often each managed policy is shown
RECIPE = Recipe(
    name="shipped",
    learning_rate=1.2e-3,
    r=64,
    alpha=128,
    dropout=0.0,
    epochs=1,
    weight_decay=0.01,
    warmup=0.05,
    scheduler="cosine",
    target_modules=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    patience=100,
)


def settings(steps: int) -> Profile:
    """The profile nano with steps eight times as large, for a training that is to end well."""
    return replace(
        profiles.load("nano"),
        max_steps=steps,
        gradient_accumulation=8,
        learning_rate_scale=1.0,
        eval_steps=50,
        save_steps=50,
        eval_examples=64,
    )


def lessons(data: Dataset, retriever: Retriever, count: int) -> tuple[list[Lesson], list[Lesson]]:
    """Lessons to train on, made of `count` new written examples and the managed ones, and lessons to validate with."""
    examples = dataset.more_written(count, SEED, (*data.validation, *data.test))
    known = list(zip(data.train, retriever.of_training(), strict=True))
    titles = [pair for pair in known if pair[0].source == "managed"]
    pairs = [*((e, retriever.retrieve(e.instruction)) for e in examples), *TITLES * titles]
    return _mixed(pairs), _mixed([(e, retriever.retrieve(e.instruction)) for e in data.validation])


def card(found: Fit, count: int, arguments: argparse.Namespace) -> str:
    """The adapter's card: data, training and command, all of it computed."""
    return f"""# The adapter that comes with nano

A LoRA adapter (r = {RECIPE.r}, {found.sizes.trainable:,} parameters) for the base model beside which it lies, trained
as `02_train` trains, only longer. It knows the course's format with and without candidates, and belongs to the
retriever in `{RETRIEVER}`, which has learnt from the training split alone. (The networks and weights of
`lib/retrieval/` were fitted on written examples of another seed, `python -m lib.model.fit_retrieval`; none of them is a
near duplicate of a validation or test policy either.)

- Lessons: {count:,}, of new written examples (seed {SEED}; none is a near duplicate of a validation or test policy)
  and of the managed policies of the training split, {TITLES} times each; every {PLAIN}th without candidates
- Steps: {found.steps} of 8 x 512 tokens
- Validation loss: {found.first_eval_loss:.3f} at first, {found.best_eval_loss:.3f} at step {found.best_step}
- Made by `python -m lib.model.ship --examples {arguments.examples} --steps {arguments.steps}`
- Licence: as the course (MIT)

{TRIED.read_text(encoding="utf-8")}"""


def _mixed(pairs: Sequence[tuple[Example, object]]) -> list[Lesson]:
    return mixed([e for e, _ in pairs], [found for _, found in pairs], PLAIN)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="python -m lib.model.ship")
    parser.add_argument("--examples", type=int, default=8000, help="new written examples (default %(default)s)")
    parser.add_argument("--steps", type=int, default=900, help="steps of 8 x 512 tokens (default %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/ship"), help="where checkpoints are kept")
    parser.add_argument("--out", type=Path, default=Path("models/nano/adapter"), help="where the adapter goes")
    arguments = parser.parse_args(argv)
    data = dataset.build(managed.fetch(), written.write(profiles.load("nano").examples, 0))
    retriever = Retriever.fit(data.train)
    train, validation = lessons(data, retriever, arguments.examples)
    print(f"{len(train):,} lessons to train on, {len(validation):,} to validate with", flush=True)
    found = fit(settings(arguments.steps), RECIPE, train, validation, arguments.work, arguments.out)
    retriever.save(arguments.out / RETRIEVER)
    (arguments.out / "README.md").write_text(card(found, len(train), arguments), encoding="utf-8")


if __name__ == "__main__":
    main()
