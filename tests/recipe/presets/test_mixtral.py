"""Mixtral: Hugging Face's scheme and models."""

from __future__ import annotations

from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import check_model, check_scheme, constant, normal

TINY = {
    "vocab_size": 67,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "initializer_range": 0.03,
}


def test_scheme() -> None:
    """All is normal 0.02, and norms are 1; Mixtral 8x7B has its published number of parameters."""
    plan = check_scheme("mixtral@1", lambda name, shape: constant(1) if len(shape) == 1 else normal(0.02))
    assert plan.parameters == 46_702_792_704


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, constants and laws."""
    transformers = import_transformers()

    def make() -> Any:
        return transformers.MixtralForCausalLM(transformers.MixtralConfig(**TINY))

    check_model("mixtral@1", make, TINY)
