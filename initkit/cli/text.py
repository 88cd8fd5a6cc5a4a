"""Numbers, sizes and initializers as a person reads them."""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from initkit.initializer import Initializer
from initkit.recipe import PlannedTensor
from initkit.registry import registry

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_LONGEST_ARGUMENT = 40


def show_number(value: float | None) -> str:
    """A number in four significant digits; a dash for None.

    Example:
        >>> show_number(0.02 / math.sqrt(24)), show_number(None)
        ('0.004082', '-')
    """
    return "-" if value is None else f"{value:.4g}"


def show_size(nbytes: float) -> str:
    """A number of bytes in powers of 1000, in three significant digits.

    Example:
        >>> show_size(497_759_232), show_size(12)
        ('498 MB', '12 B')
    """
    for unit in _UNITS[:-1]:
        if nbytes < 999.5:
            return f"{nbytes:.3g} {unit}"
        nbytes /= 1000
    return f"{nbytes:.3g} {_UNITS[-1]}"


def show_shape(shape: tuple[int, ...]) -> str:
    """A shape as lengths with crosses between them.

    Example:
        >>> show_shape((768, 2304)), show_shape(())
        ('768 x 2304', 'scalar')
    """
    return " x ".join(map(str, shape)) or "scalar"


def show_initializer(initializer: Initializer) -> str:
    """An initializer's name, and those of its arguments that are not the default, without the seed.

    Example:
        >>> import initkit as ik
        >>> show_initializer(ik.RandomNormal(stddev=0.02, seed=7))
        'random_normal(stddev=0.02)'
    """
    name = registry.short_name(type(initializer))
    arguments = []
    for argument, default in _defaults(type(initializer)).items():
        value = getattr(initializer, argument, default)
        if not _equal(value, default):
            arguments.append(f"{argument}={_show_argument(value)}")
    return f"{name}({', '.join(arguments)})" if arguments else name


def show_shared_initializer(tensors: Sequence[PlannedTensor]) -> str:
    """What fills tensors of one rule: with numbers where these are the same, as the recipe says it where not.

    Example:
        >>> import initkit as ik
        >>> tensors = ik.Recipe.preset("gpt2@1", seed=7).plan().tensors
        >>> show_shared_initializer([tensor for tensor in tensors if tensor.rule.number == 4])
        'random_normal(stddev=0.00408248)'
    """
    # Many tensors share what makes their values.
    templates = {id(tensor.made): tensor.template for tensor in tensors}.values()
    shown = {show_initializer(template) for template in templates if template is not None}
    return shown.pop() if len(shown) == 1 else tensors[0].rule.action


@lru_cache(maxsize=256)
def _defaults(cls: type) -> dict[str, Any]:
    """The constructor's arguments but the seed, and their defaults."""
    parameters = inspect.signature(cls).parameters
    return {name: parameter.default for name, parameter in parameters.items() if name != "seed"}


def _equal(value: Any, default: Any) -> bool:
    return bool(np.array_equal(value, default)) if isinstance(value, np.ndarray) else bool(value == default)


def _show_argument(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<array {show_shape(value.shape)}>"
    if isinstance(value, Initializer):
        return show_initializer(value)
    if isinstance(value, list) and any(isinstance(entry, Initializer) for entry in value):
        return f"[{', '.join(map(_show_argument, value))}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value)
    return text if len(text) <= _LONGEST_ARGUMENT else f"{text[: _LONGEST_ARGUMENT - 2]}.."


def print_json(data: object) -> None:
    """Print JSON, indented; numbers that JSON does not have become null."""
    print(json.dumps(_finite(data), indent=2, ensure_ascii=False))


def _finite(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, (list, tuple)) else data


def terminal_width() -> int | None:
    """The columns of the terminal that is printed to; None for a pipe or a file, which take any width."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
