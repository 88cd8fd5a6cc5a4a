"""Filling torch's tensors: autograd knows of it, and takes no part in it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from initkit import functional as init
from initkit.errors import ArgumentTypeError

torch: Any = import_module("torch")


def test_parameters_are_filled_without_a_gradient() -> None:
    """A leaf that requires a gradient is filled; it remains a leaf, and trains."""
    layer = torch.nn.Linear(6, 4)
    assert init.kaiming_normal_(layer.weight, seed=7) is layer.weight
    assert layer.weight.is_leaf
    assert layer.weight.requires_grad
    assert layer.weight.grad is None
    layer(torch.ones(2, 6)).sum().backward()
    assert torch.equal(layer.weight.grad, torch.full((4, 6), 2.0))
    np.testing.assert_array_equal(
        layer.weight.detach().numpy(), init.kaiming_normal_(np.empty((4, 6), np.float32), seed=7)
    )


def test_views_are_filled() -> None:
    """A view of a tensor is filled where the tensor is, and nothing else of it."""
    tensor = torch.zeros(5, 5)
    assert init.ones_(tensor[1:].T).shape == (5, 4)
    assert tensor.sum(dim=1).tolist() == [0, 5, 5, 5, 5]
    init.ones_(tensor.data)
    assert tensor.sum() == 25


def test_autograd_sees_the_change() -> None:
    """A backward pass through a tensor that was filled since raises, as after torch's own functions."""
    for fill in (init.normal_, torch.nn.init.normal_):
        weight = torch.nn.Parameter(torch.ones(3))
        loss = (weight * weight).sum()
        version = weight._version
        fill(weight)
        assert weight._version == version + 1
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_inference_tensors_are_filled() -> None:
    """A tensor without versions is filled, too."""
    with torch.inference_mode():
        tensor = init.ones_(torch.zeros(3))
    assert tensor.tolist() == [1.0, 1.0, 1.0]


def test_what_is_refused_is_not_marked() -> None:
    """A tensor that could not be filled has not changed, and has its version."""
    tensor = torch.zeros(3, dtype=torch.int32)
    with pytest.raises(ArgumentTypeError):
        init.normal_(tensor)
    assert tensor._version == 0
