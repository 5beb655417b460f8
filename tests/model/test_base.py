"""Loading: four bits on the CPU, gradients that survive an evaluation, and one line for what a machine lacks."""

import dataclasses
import json

import bitsandbytes as bnb
import pytest
import torch
from peft import LoraConfig, get_peft_model

from lib import profiles
from lib.files import ROOT
from lib.model import base
from lib.model.base import BaseModelError
from tests.tiny import SIZE


def test_linear_layers_are_nf4_with_double_quantisation(tiny):
    model = base.load_for_training(tiny, quantised=True)
    layers = [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]
    assert len(layers) == 2 * 7  # q, k, v, o, gate, up, down
    assert all(m.weight.quant_state.quant_type == "nf4" and m.weight.quant_state.nested for m in layers)


def test_gradients_are_not_zero_after_an_evaluation_pass(tiny):
    # On CPUs with AVX512-BF16, bitsandbytes repacks 4-bit weights in the first eval forward and gradients vanish.
    model = base.load_for_training(tiny, quantised=True)
    layers = [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]
    assert layers and all(m.support_avx512bf16_for_cpu is False for m in layers)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "down_proj"]))
    rows = torch.randint(3, SIZE, (2, 16))
    with torch.no_grad():
        model.eval()(input_ids=rows, labels=rows)
    model.train()(input_ids=rows, labels=rows).loss.backward()
    # LoRA's B starts at zero, so that A has no gradient yet: B must have one in every layer.
    gradients = {n: p.grad for n, p in model.named_parameters() if "lora_B" in n}
    assert len(gradients) == 4
    assert all(g is not None and g.abs().sum() > 0 for g in gradients.values())


def test_the_tokenizer_pads_on_the_left_and_spells_anything(tiny):
    tokenizer = base.load_tokenizer(tiny)
    assert tokenizer.padding_side == "left"
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    for text in ('{"Version":"2012-10-17"}', "s3:GetObject", "Zürich 東京 \x00", "a  b\n\n c"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("name", ["colab", "sagemaker"])
def test_a_gpu_profile_without_a_gpu_is_one_line_that_names_the_laptop(name):
    with pytest.raises(BaseModelError) as caught:
        base.load_for_training(profiles.load(name))
    assert "\n" not in str(caught.value)
    assert "GPU" in str(caught.value) and 'PROFILE="laptop"' in str(caught.value)


@pytest.mark.parametrize("load", [base.load_tokenizer, base.load_for_training])
def test_a_model_that_is_not_there_is_one_line(tiny, load, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for where in (str(tmp_path), "nobody/has-this-model"):
        with pytest.raises(BaseModelError) as caught:
            load(dataclasses.replace(tiny, base_model=where))
        assert "\n" not in str(caught.value) and where in str(caught.value)


def test_an_adapter_that_is_not_there_names_the_notebook(tiny, tmp_path):
    with pytest.raises(BaseModelError, match="02_train"):
        base.load_for_generation(tiny, tmp_path)


def test_weights_that_could_run_code_are_not_loaded(tiny, tiny_folder, tmp_path):
    for file in tiny_folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(BaseModelError):
        base.load_for_generation(dataclasses.replace(tiny, base_model=str(tmp_path)))


def test_an_adapter_names_its_base_as_the_profile_does(tiny, tmp_path):
    model = get_peft_model(base.load_for_generation(tiny), LoraConfig(r=1, target_modules=["q_proj"]))
    base.save_adapter(model, dataclasses.replace(tiny, base_model="models/smollm2/base"), tmp_path)
    for folder in (tmp_path, ROOT / "models" / "smollm2" / "adapter"):
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        assert config["base_model_name_or_path"] == "models/smollm2/base"
