"""Mamba-2: its authors' scheme, and Hugging Face's models."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, mapped, normal, uniform

TINY = {
    "vocab_size": 67,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "state_size": 8,
    "expand": 3,
    "conv_kernel": 3,
    "head_dim": 8,
    "num_heads": 12,
    "n_groups": 2,
    "time_step_min": 0.002,
    "time_step_max": 0.2,
}


def steps(least: float, greatest: float) -> Law:
    """What softplus takes to log-uniform steps."""
    return mapped(
        log(least),
        log(greatest),
        lambda step: np.log(np.expm1(np.exp(step))),
        lambda bias: np.log(np.logaddexp(0, bias)),
    )


def law(name: str, shape: tuple[int, ...]) -> Law:
    """The authors', for 24 layers 768 wide, 1536 inside, with convolutions of 4 and heads of 64."""
    if name.endswith("A_log"):
        return mapped(1, 16, np.log, np.exp)
    if name.endswith(("D", "norm.weight", "norm_f.weight")):
        return constant(1)
    if name.endswith("embeddings.weight"):
        return normal(0.02)
    if name.endswith("dt_bias"):
        return steps(0.001, 0.1)
    bound = 1 / sqrt({"in_proj": 768, "conv1d": 4, "out_proj": 1536 * 24}[name.split(".")[-2]])
    return uniform(-bound, bound)


def law_of_transformers(name: str, shape: tuple[int, ...]) -> Law | None:
    """What Hugging Face does otherwise."""
    if name.endswith("A_log"):
        return constant(np.log(np.arange(1, 13)))
    if name.endswith("conv1d.bias"):
        return constant(0)
    return normal(0.1) if name.endswith(("embeddings.weight", "in_proj.weight")) else None


def test_scheme() -> None:
    """Mamba-2 130M has its number of parameters, by its authors' scheme."""
    plan = check_scheme("mamba2@1", law)
    # Per layer 3352·768 + 1792·5 + 3·24 + 1536 + 768·1536 + 768, and 50288·768 and 768 more.
    assert plan.parameters == 24 * 3_765_320 + 38_621_952
    assert [tie.target for tie in plan.ties] == ["backbone.embeddings.weight"]


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, steps, convolutions and scaling by depth."""
    transformers = import_transformers()

    def make() -> Any:
        config = transformers.Mamba2Config(**TINY, rescale_prenorm_residual=True, tie_word_embeddings=True)
        return transformers.Mamba2ForCausalLM(config)

    check_model("mamba2@1", make, TINY, other=law_of_transformers)
