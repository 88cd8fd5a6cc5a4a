"""Llama, scaled by total depth or by each layer's: the scheme of OLMo-core, and Hugging Face's models."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal, truncated

TINY = {
    "vocab_size": 67,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def law(name: str, depth: float) -> Law:
    """OLMo-core's, for a layer that is scaled as the one of that depth is."""
    if "norm" in name:
        return constant(1)
    if "embed" in name:
        return normal(1)
    if name == "lm_head.weight":
        return truncated(1 / 64, 3)
    scaled = any(part in name for part in ("o_proj", "up_proj", "down_proj"))
    return truncated(0.02 / sqrt(2 * depth) if scaled else 0.02, 3)


def test_total_depth() -> None:
    """Llama 3 8B has the published number of parameters; all 32 layers are scaled alike."""
    plan = check_scheme("llama@1", lambda name, shape: law(name, 32))
    assert plan.parameters == 8_030_261_248
    assert not plan.ties


def test_depth_of_each_layer() -> None:
    """Layer k, counted from 1, is scaled by 1/√(2k)."""
    plan = check_scheme(
        "llama_per_layer@1",
        lambda name, shape: law(name, int(name.split(".")[2]) + 1 if ".layers." in name else 0),
    )
    assert plan.parameters == 8_030_261_248
    stds = [tensor.std for tensor in plan.tensors if "up_proj" in tensor.name]
    assert stds == sorted(stds, key=lambda std: -(std or 0))
    assert len(set(stds)) == 32


@pytest.mark.parametrize("name", ["llama@1", "llama_per_layer@1"])
def test_transformers(name: str) -> None:
    """Hugging Face's model has the same tensors and constants, and 0.02 for all others."""
    transformers = import_transformers()

    def make() -> Any:
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**TINY))

    check_model(name, make, TINY, other=lambda name, shape: None if "norm" in name else normal(0.02))
