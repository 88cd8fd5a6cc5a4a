"""RWKV-4: its author's scheme, and Hugging Face's models."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np

from tests.recipe.presets.libraries import import_transformers
from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, moments, preset, uniform

LAYERS, HIDDEN, ATTENTION, INTERMEDIATE, WORDS = 3, 32, 40, 70, 67
TINY = {
    "vocab_size": WORDS,
    "hidden_size": HIDDEN,
    "attention_hidden_size": ATTENTION,
    "intermediate_size": INTERMEDIATE,
    "num_hidden_layers": LAYERS,
}


def orthogonal(shape: tuple[int, ...], scale: float = 1.0) -> Law:
    """A matrix whose shorter side is orthonormal times √(outputs/inputs), if these are more."""
    outputs, inputs = shape
    return moments(0, scale * max(1, sqrt(outputs / inputs)) / sqrt(max(outputs, inputs)))


def over_time(name: str, layer: int) -> Law:
    """How channels mix, decay and begin, by the author's code."""
    depth, height = layer / (LAYERS - 1), 1 - layer / LAYERS
    mix = np.arange(HIDDEN) / HIDDEN
    if name.endswith("time_decay"):
        return constant(-5 + 8 * (np.arange(ATTENTION) / (ATTENTION - 1)) ** (0.7 + 1.3 * depth))
    if name.endswith("time_first"):
        return constant(log(0.3) + 0.5 * ((np.arange(ATTENTION) + 1) % 3 - 1))
    if name.endswith("time_mix_value"):
        return constant(mix**height + 0.3 * depth)
    if name.endswith("attention.time_mix_receptance"):
        return constant(mix ** (0.5 * height))
    return constant(mix**height)


def law(name: str, shape: tuple[int, ...]) -> Law:
    """The author's, for the tiny model."""
    if "time_" in name:
        return over_time(name, int(name.split(".")[2]))
    if "ln" in name:
        return constant(1 if name.endswith("weight") else 0)
    if name == "rwkv.embeddings.weight":
        return uniform(-1e-4, 1e-4)
    if name.endswith(("attention.value.weight", "feed_forward.key.weight")):
        return orthogonal(shape)
    return orthogonal(shape, 0.5) if name == "head.weight" else constant(0)


def law_of_transformers(name: str, shape: tuple[int, ...]) -> Law | None:
    """What Hugging Face does otherwise."""
    if name.endswith("time_first"):
        return constant(1)
    if name == "rwkv.embeddings.weight":
        return moments(0, 1e-4)
    return orthogonal(shape) if "blocks" in name and len(shape) == 2 else None


def test_scheme() -> None:
    """Every tensor follows the author's code, and RWKV-4 169M has the published number of parameters."""
    check_scheme("rwkv@1", law, TINY)
    assert preset("rwkv@1").plan().parameters == 169_342_464


def test_orthogonal_matrices() -> None:
    """Columns have the length of the gain, and no two are alike."""
    recipe = preset("rwkv@1", TINY)
    head = np.asarray(recipe["head.weight"][:], np.float64)
    np.testing.assert_allclose(head.T @ head, 0.25 * WORDS / HIDDEN * np.eye(HIDDEN), atol=1e-6)
    key = np.asarray(recipe["rwkv.blocks.1.feed_forward.key.weight"][:], np.float64)
    np.testing.assert_allclose(key.T @ key, INTERMEDIATE / HIDDEN * np.eye(HIDDEN), atol=1e-6)


def test_transformers() -> None:
    """Hugging Face's model has the same tensors, decays, mixing and head."""
    transformers = import_transformers()

    def make() -> Any:
        return transformers.RwkvForCausalLM(transformers.RwkvConfig(**TINY, context_length=16))

    check_model("rwkv@1", make, TINY, other=law_of_transformers)
