"""Let the arms answer: examples in, output rows out, one at a time on the disk.

An arm's rows are appended to 03_eval/arms/<arm>.jsonl as its batches end; an interrupted arm goes on where it stopped
as long as model, data and settings are the same, and says so. `clear` ends that: the next run answers anew.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tqdm.auto import tqdm

from lib.data.dataset import DRAFT, Example
from lib.evaluation.rows import of_example
from lib.files import ROOT, checksums, write_jsonl
from lib.model.base import adapter_folder
from lib.model.generate import Generated, PolicyGenerator
from lib.run import Run

FOLDER = "03_eval/arms"


def answer(
    run: Run, arm: str, examples: Sequence[Example], adapter: str = "trained", seed: int = 0, turn: str = ""
) -> list[dict]:
    """One output row an example, in the order of the examples.

    Args:
        run: an opened run whose 01_data is complete, and 02_train unless the adapter is the shipped one.
        arm: a name of lib.model.generate.ARMS.
        adapter: "trained" or "shipped", see PolicyGenerator.load.
        turn: what answers are kept under beside the arm, where it is asked more than once.

    Raises:
        UnknownArm, BaseModelError: see PolicyGenerator.load.
    """
    path = run.path(f"{FOLDER}/{arm}{turn}.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    done = _take_up(path, _fingerprint(run, arm, examples, adapter, seed))
    left = [e for e in examples if e.id not in done]
    if done:
        print(f"{arm}: {len(done)} of {len(examples)} answers taken up from an interrupted run")
    if left:
        generator = PolicyGenerator.load(run.folder, arm, run.profile, adapter)
        drafts = generator.stream([e.instruction for e in left], seed=seed)
        with path.open("a", encoding="utf-8") as file:
            for position, draft in tqdm(drafts, total=len(left), desc=arm):
                row = _row(arm, left[position], draft, generator)
                done[row["id"]] = row
                file.write(json.dumps(row) + "\n")
                file.flush()
    return [done[e.id] for e in examples]


def answer_again(
    run: Run, outputs: Sequence[dict], examples: Sequence[Example], adapter: str = "trained", seed: int = 0
) -> list[dict]:
    """What the arms answer to a reply: a row for each draft that asked, or refused, where the person has one.

    The person's reply (`Example.reply`) follows the request; wanted is then the policy that has it in.

    Args:
        outputs: rows of `answer` for these examples.
    """
    said = {e.id: e for e in examples if e.reply}
    asking = [row for row in outputs if row["id"] in said and (row["questions"] or row["refuses"])]
    rows = []
    for arm in dict.fromkeys(row["arm"] for row in asking):
        told = [said[row["id"]] for row in asking if row["arm"] == arm]
        told = [replace(e, instruction=f"{e.instruction}\n{e.reply}", policy=e.replied, outcome=DRAFT) for e in told]
        rows += answer(run, arm, told, adapter, seed, turn="-told")
    return rows


def clear(run: Run) -> None:
    """Forget interrupted answers: called when the outputs of all arms are safely written."""
    shutil.rmtree(run.path(FOLDER), ignore_errors=True)


def _row(arm: str, example: Example, draft: Generated, generator: PolicyGenerator) -> dict:
    return {
        **of_example(arm, example),
        "generated": draft.text,
        "complete": draft.complete,
        "refuses": draft.refusal is not None,
        "refusal": draft.refusal,
        "questions": list(draft.questions),
        "tokens": draft.tokens,
        "expected_tokens": generator.count_tokens(example.policy),
        "seconds": round(draft.seconds, 4),
    }


def _fingerprint(run: Run, arm: str, examples: Sequence[Example], adapter: str, seed: int) -> str:
    folder = adapter_folder(run.folder, run.profile, adapter)
    weights = checksums(folder) if folder.is_dir() else {}
    profile = asdict(run.profile) | {"minutes": None}
    base = [checksums(ROOT / name) for name in run.profile.base_files]
    parts = [arm, seed, base, weights, profile, [(e.id, e.instruction, e.policy) for e in examples]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _take_up(path: Path, fingerprint: str) -> dict[str, dict]:
    """The rows that an interrupted run left, if they were made by the same model from the same data."""
    rows: dict[str, dict] = {}
    if path.exists():
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        whole = lines[:-1]  # what follows the last line break was cut off by the interruption
        try:
            first, *others = map(json.loads, whole)
            if first == {"fingerprint": fingerprint}:
                rows = {row["id"]: row for row in others}
        except (ValueError, KeyError, TypeError):  # damaged, or no line was finished: this arm answers anew
            rows = {}
    write_jsonl(path, [{"fingerprint": fingerprint}, *rows.values()])
    return rows
