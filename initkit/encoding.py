"""Numbers and arrays in configs: what JSON has no types for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentError, ArgumentTypeError, ConfigError

# A config is read by people and kept in recipes; an array beyond this belongs in a file of its own.
_MOST_ARRAY_ELEMENTS = 1_000_000


def encode_complex(value: complex) -> dict[str, Any]:
    """Describe a complex number.

    Args:
        value: The number.

    Returns:
        A dict of JSON types, from which `decode_complex` takes the `config`.

    Example:
        >>> encode_complex(1j)
        {'class_name': '__complex__', 'config': {'real': 0.0, 'imag': 1.0}}
    """
    return {"class_name": "__complex__", "config": {"real": value.real, "imag": value.imag}}


def decode_complex(config: Mapping[str, Any]) -> complex:
    """Make the complex number that `encode_complex` described.

    Args:
        config: The real and the imaginary part; one that is left out is 0.

    Returns:
        The number.

    Raises:
        ConfigError: A part is no number.

    Example:
        >>> decode_complex({"imag": 1.0})
        1j
    """
    return complex(_number(config, "real"), _number(config, "imag"))


def python_scalar(scalar: np.generic[Any]) -> object:
    """Make a NumPy scalar a Python number, boolean or string.

    Args:
        scalar: The scalar; ml_dtypes' count.

    Returns:
        An equal Python object.

    Raises:
        ArgumentTypeError: It is a date, a record or bytes.

    Example:
        >>> python_scalar(np.float32(0.5))
        0.5
    """
    value = scalar.item()
    if isinstance(value, (bool, int, float, complex, str)):
        return value
    message = (
        f"A config cannot hold this. Received: {scalar!r:.100} of dtype {scalar.dtype}. Allowed: NumPy's"
    )
    message += " booleans, numbers and strings. Convert it first."
    raise ArgumentTypeError(message)


def encode_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Describe an array, as Keras does.

    Args:
        array: An array of a dtype of the table.

    Returns:
        A dict of JSON types, from which `decode_array` takes the `config`: `value`, a nested list with a
        pair for every complex number; `dtype`; `shape`.

    Raises:
        DTypeError: The dtype is not in the table.
        ArgumentError: It has more than a million elements.

    Example:
        >>> encode_array(np.ones(2, np.float16))["config"]
        {'value': [1.0, 1.0], 'dtype': 'float16', 'shape': [2]}
    """
    dtype = resolve_dtype(array.dtype)
    if array.size > _MOST_ARRAY_ELEMENTS:
        message = f"An array is too large for a config. Received: {array.size} elements, shape {array.shape}."
        message += f" Allowed: up to {_MOST_ARRAY_ELEMENTS}. Keep the array in a file."
        raise ArgumentError(message)
    plain = np.stack([array.real, array.imag], axis=-1) if dtype.kind == "complex" else array
    config = {"value": plain.tolist(), "dtype": dtype.name, "shape": list(array.shape)}
    return {"class_name": "__numpy__", "config": config}


def decode_array(config: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Make the array that `encode_array` or Keras described.

    Args:
        config: `value`, `dtype` (left out: float32) and `shape` (left out: that of the nested list).

    Returns:
        The array.

    Raises:
        ConfigError: The values are none of that dtype, or do not fit the shape.

    Example:
        >>> decode_array({"value": [1, 2], "dtype": "int8"})
        array([1, 2], dtype=int8)
    """
    try:
        dtype = resolve_dtype(config.get("dtype"))
        plain = np.asarray(config["value"], dtype.draw if dtype.kind in ("float", "complex") else dtype.numpy)
        if dtype.kind in ("integer", "bool") and plain.tolist() != config["value"]:
            # NumPy itself would cut 1.5 to 1.
            message = f"not every value is of dtype {dtype.name}"
            raise ValueError(message)
        if dtype.kind == "complex" and plain.size:
            plain = np.ascontiguousarray(plain).view(dtype.numpy).reshape(plain.shape[:-1])
        return plain.reshape(config.get("shape", plain.shape)).astype(dtype.numpy)
    except (LookupError, ValueError, TypeError, OverflowError) as error:
        message = (
            f"A config does not describe an array ({error}). Received: keys {list(config)}. Allowed: `value`,"
        )
        message += " a nested list of numbers; `dtype`; `shape`. Take what initkit.serialize gave."
        raise ConfigError(message) from None


def _number(config: Mapping[str, Any], key: str) -> float:
    value = config.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = (
            f"A complex number's {key!r} must be a number. Received: {value!r:.100}. Allowed: an integer or"
        )
        message += " a float. Write, for example, 0.0."
        raise ConfigError(message)
    return float(value)
