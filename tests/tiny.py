"""A tiny random model with the module names of Mistral-7B, and a tokenizer trained on composed policies."""

from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from lib.data import composed

SPECIAL = ["<s>", "</s>", "<pad>", "<unk>"]
SIZE = 4_096


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE: every text can be written, and policies take few tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator((f"{e.instruction}\n{e.policy}" for e in composed.write(300, 0)), trainer)
    begin, end, pad, unknown = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=begin, eos_token=end, pad_token=pad, unk_token=unknown, padding_side="left"
    )


def save(folder: Path) -> Path:
    """Write the model and its tokenizer into a folder."""
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=SIZE,
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
    tokenizer().save_pretrained(folder)
    return folder
