"""Vision transformers: timm's two schemes, and timm's models."""

from __future__ import annotations

from functools import partial
from math import log, prod, sqrt
from typing import Any

import pytest

from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal, truncated, uniform
from tests.vision_libraries import timm

TINY = {"depth": 2, "embed_dim": 32, "img_size": 32, "patch_size": 8, "num_classes": 11}


def in_both(name: str) -> Law | None:
    """What the two schemes have in common."""
    if name == "cls_token":
        return normal(1e-6)
    if name == "pos_embed":
        return normal(0.02)
    if "norm" in name:
        return constant(name.endswith("weight"))
    return None


def timm_law(name: str, shape: tuple[int, ...]) -> Law:
    """Linear layers 0.02, and a patch embedding as torch makes it, of 3·16² inputs."""
    bound = 1 / sqrt(3 * 16**2)
    if name.startswith("patch_embed"):
        return uniform(-bound, bound)
    return in_both(name) or (constant(0) if name.endswith("bias") else normal(0.02))


def jax_law(name: str, shape: tuple[int, ...], head_bias: float = 0.0) -> Law:
    """Xavier's law, biases of MLPs of 1e-6, LeCun's law for patches, and a constant head."""
    if name.startswith("head"):
        return constant(head_bias if name == "head.bias" else 0)
    if name.startswith("patch_embed"):
        # The divisor is the deviation of a standard normal law between ±2.
        std = 1 / sqrt(prod(shape[1:])) / 0.87962566103423978
        return constant(0) if name.endswith("bias") else truncated(std, 2)
    if name.endswith("bias") and ".mlp." in name:
        return normal(1e-6)
    if common := in_both(name):
        return common
    if name.endswith("bias"):
        return constant(0)
    bound = sqrt(6 / sum(shape))
    return uniform(-bound, bound)


@pytest.mark.parametrize(("name", "law"), [("vit_timm@1", timm_law), ("vit_jax@1", jax_law)])
def test_scheme(name: str, law: Any) -> None:
    """ViT-B/16 has the published number of parameters, by either scheme."""
    assert check_scheme(name, law).parameters == 86_567_656


def test_scheme_with_a_bias_of_the_head() -> None:
    """The scheme 'jax_nlhb' is the other one with minus the logarithm of the number of classes."""
    law = partial(jax_law, head_bias=-log(11))
    check_scheme("vit_jax@1", law, {**TINY, "head_bias": "-log(num_classes)"})


@pytest.mark.parametrize(
    ("name", "weight_init", "variables"),
    [
        ("vit_timm@1", "", {}),
        ("vit_jax@1", "jax", {}),
        ("vit_jax@1", "jax_nlhb", {"head_bias": "-log(num_classes)"}),
    ],
)
def test_timm(name: str, weight_init: str, variables: dict[str, str]) -> None:
    """The model of timm has the same tensors, and the same laws."""
    make = partial(
        timm.models.vision_transformer.VisionTransformer,
        img_size=32,
        patch_size=8,
        embed_dim=32,
        depth=2,
        num_heads=2,
        num_classes=11,
        weight_init=weight_init,
    )
    check_model(name, make, {**TINY, **variables})
