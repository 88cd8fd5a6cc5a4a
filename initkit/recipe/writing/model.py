"""What a PyTorch model says of its tensors: the layers that hold them, and which are buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# The tag of a tensor that is part of a model's state and is not trained, such as a running mean.
BUFFER = "buffer"
# Where PyTorch keeps what computes a layer's tensors, and how it calls the classes of such layers.
_COMPUTED, _PARAMETRIZED = "parametrizations", "Parametrized"


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


def said_by(model: Any, names: Iterable[str]) -> Mapping[str, Said]:
    """What a model says of its tensors.

    Args:
        model: A `torch.nn.Module`; one on the meta device will do.
        names: The names of the tensors, as its state dict has them.

    Returns:
        It by these names.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        >>> said = said_by(model, model.state_dict())
        >>> said["0.weight"]
        Said(layers=('Sequential', 'Linear'), tags=())
        >>> said["1.running_mean"]
        Said(layers=('Sequential', 'BatchNorm1d'), tags=('buffer',))
    """
    # A layer that stands in two places has its tensors under the names of both.
    types = {path: _type_of(layer) for path, layer in model.named_modules(remove_duplicate=False)}
    buffers = {name for name, _ in model.named_buffers(remove_duplicate=False)}
    said = {}
    for name in names:
        # What computes a weight stands below the layer that has the weight.
        path = name.rpartition(".")[0].partition(_COMPUTED)[0].removesuffix(".")
        parts = path.split(".") if path else []
        around = [".".join(parts[:depth]) for depth in range(len(parts) + 1)]
        layers = tuple(types[place] for place in around if place in types)
        said[name] = Said(layers, (BUFFER,) if name in buffers else ())
    return said


def tensors_of(model: Any) -> dict[str, Any]:
    """The state dict of a model, without what is no tensor in it, such as the extra state of some layers.

    Args:
        model: A `torch.nn.Module`.

    Returns:
        The tensors by name.

    Example:
        >>> import torch
        >>> [*tensors_of(torch.nn.Linear(2, 2))]
        ['weight', 'bias']
    """
    state = model.state_dict()
    return {
        name: value for name, value in state.items() if hasattr(value, "shape") and hasattr(value, "dtype")
    }


def _type_of(layer: Any) -> str:
    """The name of a layer's class; of one that PyTorch has derived to compute its weights, the class' own."""
    cls = type(layer)
    computed = hasattr(layer, _COMPUTED) and cls.__name__.startswith(_PARAMETRIZED)
    return (cls.__bases__[0] if computed else cls).__name__
