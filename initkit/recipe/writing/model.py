"""What a PyTorch model says of its tensors: the layers that hold them, and which are buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# The tag of a tensor that is part of a model's state and is not trained, such as a running mean.
BUFFER = "buffer"


class Said(NamedTuple):
    """What a model says of one of its tensors.

    Attributes:
        layers: The class names of the layers that hold it, from the model's own to that of the layer whose
            parameter or buffer it is. Containers such as `ModuleList` are among them.
        tags: `("buffer",)` for a buffer; nothing for a parameter.
    """

    layers: tuple[str, ...]
    tags: tuple[str, ...]


def is_model(given: object) -> bool:
    """Whether something is a model of PyTorch's, by what it can do: PyTorch is not imported for it."""
    methods = hasattr(given, "named_modules") and hasattr(given, "state_dict")
    return methods and not isinstance(given, type)


def said_by(model: Any) -> Mapping[str, Said]:
    """What a model says of each of its tensors.

    Args:
        model: A `torch.nn.Module`; one on the meta device will do.

    Returns:
        It by the names of the state dict.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        >>> said = said_by(model)
        >>> said["0.weight"]
        Said(layers=('Sequential', 'Linear'), tags=())
        >>> said["1.running_mean"]
        Said(layers=('Sequential', 'BatchNorm1d'), tags=('buffer',))
    """
    # A layer that stands in two places has its tensors under the names of both.
    types = {path: type(layer).__name__ for path, layer in model.named_modules(remove_duplicate=False)}
    buffers = {name for name, _ in model.named_buffers(remove_duplicate=False)}
    said = {}
    for name in model.state_dict(keep_vars=True):
        path, _, _ = name.rpartition(".")
        parts = path.split(".") if path else []
        around = [".".join(parts[:depth]) for depth in range(len(parts) + 1)]
        layers = tuple(types[place] for place in around if place in types)
        said[name] = Said(layers, (BUFFER,) if name in buffers else ())
    return said
