"""A tiny random Mistral on the disk, with Mistral-7B's module names and nano's tokenizer, in place of the hub."""

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

from lib import profiles
from lib.data.dataset import Example
from lib.files import ROOT
from lib.profiles import Profile


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=8192,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=1024,
        sliding_window=None,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    MistralForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(ROOT / "models" / "nano").save_pretrained(folder)
    return folder


@pytest.fixture
def tiny(tiny_folder) -> Profile:
    """The nano profile on the tiny model, with a training of a few steps."""
    return dataclasses.replace(
        profiles.load("nano"),
        base_model=str(tiny_folder),
        shipped="none",
        max_length=192,
        max_new_tokens=12,
        train_batch_size=4,
        gradient_accumulation=1,
        eval_batch_size=3,
        max_steps=4,
        sweep_steps=2,
        eval_steps=2,
        save_steps=2,
        logging_steps=1,
        eval_examples=4,
    )


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Forty small examples, of all three complexities."""
    found = []
    for number in range(40):
        action = f"s3:{'GetObject' if number % 2 else 'PutObject'}"
        statement = f'{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::bucket-{number}/*"}}'
        policy = f'{{"Version":"2012-10-17","Statement":[{statement}]}}'
        complexity = ("simple", "medium", "complex")[number % 3]
        found.append(
            Example(f"written/{number}", "written", f"Use bucket-{number}", policy, complexity, f"written/{number}")
        )
    return found
