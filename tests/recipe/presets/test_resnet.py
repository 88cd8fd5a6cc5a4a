"""ResNets: torchvision's scheme, and torchvision's and timm's models."""

from __future__ import annotations

from functools import partial
from math import prod, sqrt
from typing import Any

import numpy as np
import pytest
import torch

from tests.recipe.presets.scheme import Law, check_model, check_scheme, constant, normal, preset, uniform
from tests.vision_libraries import timm, torchvision

TINY = {"n1": 2, "n2": 2, "n3": 2, "n4": 2, "num_classes": 11}


def law(name: str, shape: tuple[int, ...], last_gamma: float = 1.0) -> Law:
    """He's law by the outputs, a classifier as torch makes it from 2048 inputs, and batch norms."""
    bound = 1 / sqrt(2048)
    if name.startswith("fc"):
        return uniform(-bound, bound)
    if len(shape) == 4:
        return normal(sqrt(2 / (shape[0] * prod(shape[2:]))))
    if name.endswith("bn3.weight"):
        return constant(last_gamma)
    return constant(name.endswith(("weight", "running_var")))


def test_scheme() -> None:
    """ResNet-50 has the published number of parameters; what else it has counts for batch norms."""
    plan = check_scheme("resnet@1", law)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    trained = [tensor.size for tensor in plan.tensors if not tensor.name.endswith(statistics)]
    assert sum(trained) == 25_557_032


def test_counts_of_batches_are_integers() -> None:
    """What torch counts in int64 is int64, and nothing else is."""
    recipe = preset("resnet@1", TINY)
    for tensor in recipe.plan().tensors:
        assert (tensor.dtype.name == "int64") == tensor.name.endswith("num_batches_tracked")
    assert np.array_equal(recipe["bn1.num_batches_tracked"][()], np.int64(0))


def test_scheme_that_begins_with_the_identity() -> None:
    """With a last gamma of 0, that of every block is 0, and nothing else changes."""
    check_scheme("resnet@1", partial(law, last_gamma=0.0), {**TINY, "last_gamma": 0})


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ({"width_per_group": 16}, {"width_per_group": 16}),
        (
            {"groups": 4, "width_per_group": 8, "zero_init_residual": True},
            {"groups": 4, "width_per_group": 8, "last_gamma": 0},
        ),
    ],
)
def test_torchvision(arguments: dict[str, Any], variables: dict[str, int]) -> None:
    """The model of torchvision has the same tensors and laws, with groups or with zero gammas, too."""
    resnet = torchvision.models.resnet
    make = partial(resnet.ResNet, resnet.Bottleneck, [2, 2, 2, 2], num_classes=11, **arguments)
    check_model("resnet@1", make, {**TINY, **variables}, seeds=2)


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("resnet101", {"n3": 23}),
        ("resnet152", {"n2": 8, "n3": 36}),
        ("resnext50_32x4d", {"groups": 32, "width_per_group": 4}),
        ("wide_resnet50_2", {"width_per_group": 128}),
    ],
)
def test_sizes_that_the_preset_names(model: str, variables: dict[str, int]) -> None:
    """Relatives of ResNet-50 have the shapes that the preset's own text says."""
    with torch.device("meta"):
        state = getattr(torchvision.models, model)().state_dict()
    planned = {tensor.name: tensor.shape for tensor in preset("resnet@1", variables).plan().tensors}
    assert planned == {name: tuple(tensor.shape) for name, tensor in state.items()}


def test_timm() -> None:
    """The model of timm has the same tensors and laws, and begins with the identity."""
    resnet = timm.models.resnet
    make = partial(resnet.ResNet, resnet.Bottleneck, [2, 2, 2, 2], num_classes=11, base_width=16)
    check_model("resnet@1", make, {**TINY, "width_per_group": 16, "last_gamma": 0}, seeds=2)
