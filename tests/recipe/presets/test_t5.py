"""T5: Mesh TensorFlow's scheme, and Hugging Face's models."""

from __future__ import annotations

from typing import Any

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal

TINY = {
    "vocab_size": 67,
    "d_model": 32,
    "d_kv": 6,
    "d_ff": 48,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
}


def law(name: str, shape: tuple[int, ...]) -> Law:
    """That of T5 small: 512 wide, 8 heads of 64, 2048 inside."""
    if "layer_norm" in name:
        return constant(1)
    if name == "shared.weight":
        return normal(1)
    variances = {
        "q": 1 / (512 * 64),
        "k": 1 / 512,
        "v": 1 / 512,
        "o": 1 / (8 * 64),
        "wi": 1 / 512,
        "wo": 1 / 2048,
    }
    variances["relative_attention_bias"] = 1 / 512
    return normal(variances[name.split(".")[-2]] ** 0.5)


def test_scheme() -> None:
    """T5 small has the published number of parameters, by Mesh TensorFlow's scheme."""
    plan = check_scheme("t5@1", law)
    assert plan.parameters == 60_506_624
    assert {tie.target for tie in plan.ties} == {"shared.weight"}


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, ties, constants and laws, for any factor."""
    transformers = import_transformers()

    def make() -> Any:
        config = transformers.T5Config(**TINY, initializer_factor=0.5)
        return transformers.T5ForConditionalGeneration(config)

    check_model("t5@1", make, {**TINY, "initializer_factor": 0.5})
