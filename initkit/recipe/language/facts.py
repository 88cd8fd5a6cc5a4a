"""What expressions in a rule may ask about the tensor that they are worked out for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import prod
from typing import Any

from initkit.errors import ArgumentError
from initkit.fans import fans
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.expression import TENSOR_NAMES

_LENGTH = re.compile(r"shape\[(-?[0-9]+)\]")


def is_fact(name: str) -> bool:
    """Whether a name in an expression asks about the tensor.

    Args:
        name: The name, as `"shape[0]"`.

    Returns:
        Whether it does.

    Example:
        >>> is_fact("fan_in"), is_fact("shape[-1]"), is_fact("n_layer")
        (True, True, False)
    """
    return name in TENSOR_NAMES or _LENGTH.fullmatch(name) is not None


def tensor_facts(
    names: Collection[str],
    shape: tuple[int, ...],
    reading: Mapping[str, Any] | None = None,
    shape_of_fans: tuple[int, ...] | None = None,
) -> dict[str, Number]:
    """The values of the names that ask about a tensor.

    Args:
        names: Names in an expression; others are left alone.
        shape: The shape of the tensor.
        reading: How fans are read from it: arguments of `initkit.fans`; None for `(..., in, out)`.
        shape_of_fans: What fans are read from instead; None (default) for the shape.

    Returns:
        The value of each.

    Raises:
        ArgumentError: The shape has no such axis, or no fans.

    Example:
        >>> sorted(tensor_facts({"fan_in", "shape[-1]", "d"}, (3, 3, 16, 32)).items())
        [('fan_in', 144), ('shape[-1]', 32)]
    """
    facts: dict[str, Number] = {}
    for name in names:
        if name in ("fan_in", "fan_out"):
            read = fans(shape if shape_of_fans is None else shape_of_fans, **(reading or {}))
            facts[name] = read.fan_in if name == "fan_in" else read.fan_out
        elif name == "ndim":
            facts[name] = len(shape)
        elif name == "size":
            facts[name] = prod(shape)
        elif name == "shape":
            message = "`shape` is no number. Received: shape alone. Allowed: shape[0], shape[-1] and so on."
            raise ArgumentError(message)
        elif (found := _LENGTH.fullmatch(name)) is not None:
            facts[name] = _length(shape, int(found[1]))
    return facts


def _length(shape: tuple[int, ...], axis: int) -> int:
    if not -len(shape) <= axis < len(shape):
        message = f"The tensor has no such axis. Received: shape[{axis}] of shape {shape}."
        message += f" Allowed: {-len(shape)} to {len(shape) - 1}." if shape else " Allowed: none."
        message += " Narrow the rule's pattern, or say `where: {ndim: ...}`."
        raise ArgumentError(message)
    return shape[axis]
