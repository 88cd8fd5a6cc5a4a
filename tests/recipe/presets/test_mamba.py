"""Mamba: its authors' scheme, and Hugging Face's models."""

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
    "time_step_rank": 5,
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
    """The authors', for 24 layers 768 wide, 1536 inside, with convolutions of 4."""
    if name.endswith("A_log"):
        return constant(np.log(np.arange(1, 17)))
    if name.endswith(("D", "norm.weight", "norm_f.weight")):
        return constant(1)
    if name.endswith("embeddings.weight"):
        return normal(0.02)
    if name.endswith("dt_proj.bias"):
        return steps(0.001, 0.1)
    squares = {"in_proj": 768, "conv1d": 4, "x_proj": 1536, "dt_proj": 48, "out_proj": 1536 * 24}
    bound = 1 / sqrt(squares[name.split(".")[-2]])
    return uniform(-bound, bound)


def law_of_transformers(name: str, shape: tuple[int, ...]) -> Law | None:
    """What Hugging Face does otherwise."""
    if name.endswith("conv1d.bias"):
        return constant(0)
    return normal(0.1) if name.endswith(("embeddings.weight", "in_proj.weight", "x_proj.weight")) else None


def test_scheme() -> None:
    """Mamba 130M has the published number of parameters, by its authors' scheme."""
    plan = check_scheme("mamba@1", law)
    assert plan.parameters == 129_135_360
    assert [tie.target for tie in plan.ties] == ["backbone.embeddings.weight"]


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, decay rates, steps, convolutions and scaling by depth."""
    transformers = import_transformers()

    def make() -> Any:
        config = transformers.MambaConfig(**TINY, rescale_prenorm_residual=True, tie_word_embeddings=True)
        return transformers.MambaForCausalLM(config)

    check_model("mamba@1", make, TINY, other=law_of_transformers)
