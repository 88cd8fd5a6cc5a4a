"""ConvNeXt: its scheme, and timm's models."""

from __future__ import annotations

from functools import partial

from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal
from tests.vision_libraries import timm

TINY = {"n1": 1, "n2": 2, "n3": 1, "n4": 2, "d1": 16, "d3": 24, "num_classes": 11}


def law(name: str, shape: tuple[int, ...]) -> Law:
    """0.02 everywhere, and gammas of 1e-6."""
    if name.endswith("gamma"):
        return constant(1e-6)
    if name.endswith("bias"):
        return constant(0)
    if len(shape) == 1:
        return constant(1)
    return normal(0.02)


def test_scheme() -> None:
    """ConvNeXt-T has the published number of parameters, by its paper's code."""
    assert check_scheme("convnext@1", law).parameters == 28_589_128


def test_timm() -> None:
    """The model of timm has the same tensors and laws, with other scales of the head and of the branches."""
    make = partial(
        timm.models.convnext.ConvNeXt,
        depths=(1, 2, 1, 2),
        dims=(16, 32, 24, 128),
        num_classes=11,
        kernel_sizes=5,
        patch_size=3,
        ls_init_value=0.1,
        head_init_scale=0.25,
    )
    variables = {"kernel_size": 5, "patch_size": 3, "ls_init_value": 0.1, "head_init_scale": 0.25}
    check_model("convnext@1", make, {**TINY, **variables})
