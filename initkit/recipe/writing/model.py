"""The tensors of a PyTorch model, and the layers that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_model(given: object) -> bool:
    """Whether something is a model of PyTorch's, by what it can do: PyTorch is not imported for it."""
    return hasattr(given, "named_modules") and hasattr(given, "state_dict")


def layers_of(model: Any) -> Mapping[str, tuple[str, ...]]:
    """The types of the layers that hold each tensor of a model.

    Args:
        model: A `torch.nn.Module`; one on the meta device will do.

    Returns:
        By the names of its state dict: class names, from the model's own to that of the layer whose
        parameter or buffer it is. Containers such as `ModuleList` are among them.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LayerNorm(2))
        >>> layers_of(model)["1.weight"]
        ('Sequential', 'LayerNorm')
    """
    # A layer that stands in two places has its tensors under the names of both.
    types = {path: type(layer).__name__ for path, layer in model.named_modules(remove_duplicate=False)}
    layers = {}
    for name in model.state_dict(keep_vars=True):
        path, _, _ = name.rpartition(".")
        parts = path.split(".") if path else []
        around = [".".join(parts[:depth]) for depth in range(len(parts) + 1)]
        layers[name] = tuple(types[place] for place in around if place in types)
    return layers
