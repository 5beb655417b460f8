"""Load a base model, its tokenizer and its adapter: quantised for training, or whole for generation.

The profile says which model and which device. What the machine cannot do (no GPU, no network, no such folder) is a
BaseModelError of one line. An adapter is that of a run's training, that of its preference training, or the one that
comes with a base; its retriever lies beside it.
"""

import gc
import warnings
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from iamintent.retriever import RETRIEVER, Retriever
from lib.files import CourseError
from lib.profiles import Profile

logging.disable_progress_bar()  # a bar for each of twenty tensors says nothing
# peft 0.21 asks transformers by an old name, once a model: nothing that a reader could act on
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)


ADAPTERS = ("trained", "shipped")
PREFERRED = "02_train/preferred"  # of a run: where the adapter lies after preference training
WEIGHTS = "adapter_model.safetensors"
TRAINED = "default"  # what peft calls an adapter that got no name


class BaseModelError(CourseError):
    """The base model cannot be loaded here; the message says why and what to do."""


def check_device(profile: Profile) -> str:
    """The profile's device, if this machine has it.

    Raises:
        BaseModelError: if the profile wants a GPU and there is none.
    """
    if profile.device == "cuda" and not torch.cuda.is_available():
        raise BaseModelError(
            f'the profile {profile.name!r} needs an NVIDIA GPU and this machine has none: choose PROFILE="laptop"'
        )
    return profile.device


def compute_dtype(device: str) -> torch.dtype:
    """bfloat16 where the hardware multiplies in it, else float32: an AVX2 CPU is twenty times slower in bfloat16."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def load_tokenizer(profile: Profile) -> PreTrainedTokenizerBase:
    """The base model's tokenizer, padding on the left as batched generation needs it.

    Raises:
        BaseModelError: if it is not where the profile says.
    """
    tokenizer = _load(AutoTokenizer, profile)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:  # Mistral has none; </s> would teach the model never to stop
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    return tokenizer


def in_four_bits(profile: Profile) -> BitsAndBytesConfig:
    """QLoRA's quantisation: linear layers in NF4, the scales of their blocks in 8 bits."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype(profile.device),
    )


def load_for_training(profile: Profile, quantised: bool | None = None) -> PreTrainedModel:
    """The base model on the profile's device, frozen for an adapter.

    Args:
        quantised: whether the weights lie in four bits, else in the precision in which the device computes; None: as
            the profile says.

    Raises:
        BaseModelError: if it cannot be loaded here.
    """
    device = check_device(profile)
    gc.collect()  # a trainer that is done holds its model in a circle of references
    if device == "cuda":
        torch.cuda.empty_cache()
    packed = profile.quantised if quantised is None else quantised
    settings = {"quantization_config": in_four_bits(profile)} if packed else {}
    model = _load(AutoModelForCausalLM, profile, dtype=compute_dtype(device), device_map={"": device}, **settings)
    for module in model.modules():
        # Where the CPU has AVX512-BF16, bitsandbytes repacks each Linear4bit for inference in the first forward in eval
        # mode; after it no gradient passes, and training silently learns nothing.
        if isinstance(module, bnb.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False
    model.config.use_cache = False
    return model


def load_for_generation(profile: Profile, adapter: Path | None = None) -> PreTrainedModel:
    """The base model for generation, with the adapter if one is given.

    On a GPU the base is loaded as it was for training. On a CPU it is loaded whole and the adapter merged into it:
    the base of a laptop is small, and a merged model is several times faster there.

    Raises:
        BaseModelError: if the base or the adapter cannot be loaded here.
    """
    on_gpu = check_device(profile) == "cuda"
    if on_gpu:
        model = load_for_training(profile)
        model.config.use_cache = True
    else:
        model = _load(AutoModelForCausalLM, profile, dtype=compute_dtype("cpu"))
    if adapter is not None:
        require_weights(adapter)
        model = PeftModel.from_pretrained(model, str(adapter))
        if not on_gpu:
            model = model.merge_and_unload()
    return model.eval()


def save_adapter(model: PeftModel, profile: Profile, folder: Path) -> None:
    """Save the adapter that was trained; it names its base as the profile does, not by where it lay on this machine."""
    model.peft_config[TRAINED].base_model_name_or_path = profile.base_model
    model.save_pretrained(folder, selected_adapters=[TRAINED])  # beside it TRL keeps a reference


def adapter_folder(run_folder: Path, profile: Profile, adapter: str | None = None) -> Path:
    """Where the adapter lies that is to answer: see `PolicyGenerator.load`."""
    if adapter not in (None, "", *ADAPTERS):
        raise CourseError(f"ADAPTER is {adapter!r}: write one of {', '.join(ADAPTERS)}")
    shipped = profile.shipped_adapter
    if adapter == "shipped" and not shipped:
        raise BaseModelError(f"no adapter comes with the course for {profile.base_model}: choose ADAPTER='trained'")
    return shipped if shipped and adapter != "trained" else run_folder / "02_train" / "adapter"


def require_weights(adapter: Path) -> None:
    """Raise a BaseModelError if no adapter lies in the folder."""
    if not (adapter / WEIGHTS).is_file():
        raise BaseModelError(f"{adapter} holds no {WEIGHTS}: run notebooks/02_train.ipynb first")


def load_retriever(adapter: Path) -> Retriever:
    """The retriever that an adapter was trained with.

    Raises:
        BaseModelError: if there is none beside it.
    """
    try:
        return Retriever.load(adapter / RETRIEVER)
    except FileNotFoundError as error:
        raise BaseModelError(f"{adapter} holds no {RETRIEVER}: run notebooks/02_train.ipynb again") from error


def _load(kind: type[AutoTokenizer] | type[AutoModelForCausalLM], profile: Profile, **settings: object) -> Any:
    # A folder is never looked up on the hub, and a name on the hub never runs code that came with it.
    location = profile.base_location
    settings |= {"local_files_only": Path(location).is_dir(), "trust_remote_code": False}
    settings |= {"use_safetensors": True} if kind is AutoModelForCausalLM else {}
    try:
        return kind.from_pretrained(location, **settings)
    except SafetensorError as error:
        raise BaseModelError(f"the weights of {profile.base_model!r} are damaged ({error}): restore them") from error
    except (OSError, ValueError) as error:  # transformers says ValueError of a folder without a tokenizer
        reason = str(error).strip().splitlines()[0]
        raise BaseModelError(
            f"the base model {profile.base_model!r} cannot be loaded ({reason}): it is a folder of the project or a "
            'name on the Hugging Face hub, which needs a network; without one choose PROFILE="laptop"'
        ) from error
