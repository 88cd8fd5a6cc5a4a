"""Objects to configs and back: plain dicts, JSON and YAML, with the keys that Keras uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from initkit.documents import read_json, read_yaml, write_json, write_yaml
from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentError, ArgumentTypeError, ConfigError, InitkitError, UnknownNameError
from initkit.registry import BUILT_IN, registry
from initkit.seed import SeedGenerator

# A config is read by people and kept in recipes; an array beyond this belongs in a file of its own.
_MOST_ARRAY_ELEMENTS = 1_000_000
_DEEPEST = 64

# Modules whose class names mean the built-in class of that name.
_OWN_MODULES = (None, BUILT_IN, "keras.initializers", "keras.src.initializers", "keras.random", "builtins")


def encode(value: object) -> Any:
    """Make a constructor argument JSON types.

    Args:
        value: None, a bool, number, string, list, tuple, dict with string keys, NumPy scalar or array,
            complex number, `SeedGenerator` or initializer.

    Returns:
        JSON types, from which `decode` makes an equal value (tuples come back as lists).

    Raises:
        ArgumentTypeError: A value of another type, or a key that is no string.
        ArgumentError: An array of more than a million elements.

    Example:
        >>> encode([1, np.float32(0.5), 1j])
        [1, 0.5, {'class_name': '__complex__', 'config': {'real': 0.0, 'imag': 1.0}}]
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode_array(np.asarray(value)) if np.ndim(value) else encode(_python_scalar(value))
    if isinstance(value, complex):
        return _tagged("__complex__", {"real": value.real, "imag": value.imag})
    if isinstance(value, (list, tuple)):
        return [encode(entry) for entry in value]
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise ArgumentTypeError(f"A config's keys must be strings. Received: {bad[0]!r}. Write them as text.")
        return {key: encode(entry) for key, entry in value.items()}
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize(value)
    message = f"A config cannot hold a {type(value).__name__}. Received: {value!r}. Allowed: None, bool, numbers,"
    message += " strings, lists, dicts, arrays, SeedGenerator and initializers."
    raise ArgumentTypeError(f"{message} Give your class a get_config that says it in these types.")


def decode(value: Any, depth: int = 0) -> Any:
    """Make the value that `encode` described.

    Args:
        value: JSON types.
        depth: How deep in a config the value stands; for bounding.

    Returns:
        The value; objects for dicts that have a `class_name`.

    Raises:
        ConfigError: Too deep, or a described object cannot be made.
        UnknownNameError: No class has the name.
    """
    if depth > _DEEPEST:
        raise ConfigError(f"A config may be {_DEEPEST} levels deep. This one goes deeper; flatten it.")
    if isinstance(value, list):
        return [decode(entry, depth + 1) for entry in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: decode(entry, depth + 1) for key, entry in value.items()}
    name, config = value["class_name"], value.get("config") or {}
    if not isinstance(name, str) or not isinstance(config, dict):
        message = "A described object needs a string as class_name and a dict as config."
        raise ConfigError(f"{message} Received: class_name={name!r}, config={config!r}.")
    if name == "__complex__":
        return complex(_number(config, "real"), _number(config, "imag"))
    if name in ("__numpy__", "__tensor__"):
        return _decode_array(config)
    return _revive(name, value.get("registered_name"), value.get("module"), config)


def _revive(name: str, registered_name: Any, module: Any, config: dict[str, Any]) -> Any:
    if isinstance(registered_name, str) and ">" in registered_name:
        name = registered_name
    elif module not in _OWN_MODULES:
        # A foreign class must not become a built-in one because the names happen to be equal.
        name = f"{module}>{name}"
    cls: Any = SeedGenerator if name == "SeedGenerator" else registry.find(name)
    return cls.from_config(config)


def _python_scalar(value: Any) -> Any:
    scalar = np.asarray(value)
    if scalar.dtype.kind in "biufc":
        return scalar.item()
    return float(scalar.astype(np.float32)) if scalar.dtype.kind == "V" else scalar.item()


def _encode_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    dtype = resolve_dtype(array.dtype)
    if array.size > _MOST_ARRAY_ELEMENTS:
        message = f"A config may hold an array of {_MOST_ARRAY_ELEMENTS} elements. Received: {array.size}"
        raise ArgumentError(f"{message}, shape {array.shape}. Keep the array in a file.")
    plain = array.astype(dtype.draw) if dtype.kind == "float" else array
    if dtype.kind == "complex":
        plain = array.view(dtype.draw).reshape(*array.shape, 2)
    return _tagged("__numpy__", {"value": plain.tolist(), "dtype": dtype.name, "shape": list(array.shape)})


def _decode_array(config: dict[str, Any]) -> np.ndarray[Any, Any]:
    try:
        dtype = resolve_dtype(config.get("dtype", "float32"))
        plain = np.asarray(config["value"], dtype.draw if dtype.kind in ("float", "complex") else dtype.numpy)
        shape = config.get("shape", plain.shape)
        array = np.ascontiguousarray(plain).view(dtype.numpy) if dtype.kind == "complex" else plain
        return array.reshape(shape).astype(dtype.numpy)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        message = f"An array's config needs `value`, a nested list of numbers, and `dtype` ({error})."
        raise ConfigError(message) from None


def _number(config: dict[str, Any], key: str) -> float:
    value = config.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"A complex number's {key!r} must be a number. Received: {value!r}.")
    return float(value)


def _tagged(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def serialize(obj: Any) -> Any:
    """Describe an initializer or a `SeedGenerator` by a dict of JSON types.

    Args:
        obj: The object; None and strings are returned as they are, as in Keras.

    Returns:
        `{"module", "class_name", "config", "registered_name"}`, every constructor argument included.

    Raises:
        ArgumentTypeError: The object has no `get_config`.
        ArgumentError: Its class was never registered, so that no name would find it again.

    Example:
        >>> import initkit as ik
        >>> ik.serialize(ik.RandomNormal(stddev=0.02, seed=7))["config"]
        {'mean': 0.0, 'stddev': 0.02, 'seed': 7}
    """
    if obj is None or isinstance(obj, str):
        return obj
    if isinstance(obj, type) or not hasattr(obj, "get_config"):
        message = f"Only objects with get_config can be serialized. Received: {obj!r} of type"
        raise ArgumentTypeError(f"{message} {type(obj).__name__}. Derive a class from initkit.Initializer.")
    if isinstance(obj, SeedGenerator):
        return _described("SeedGenerator", obj.get_config(), BUILT_IN, None)
    full_name = registry.full_name(type(obj))
    if full_name is None:
        message = f"The class {type(obj).__qualname__} is not registered, so no config could find it again."
        raise ArgumentError(f"{message} Put @initkit.register('yourpackage') above it.")
    package, name = full_name.split(">")
    registered_name = None if package == BUILT_IN else full_name
    return _described(name, obj.get_config(), package, registered_name)


def _described(name: str, config: dict[str, Any], module: str, registered_name: str | None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered_name}


def deserialize(config: Any) -> Any:
    """Make the object that a config describes; imports nothing and runs no code of the config's.

    Args:
        config: A name such as `"he_normal"`; a dict as `serialize` makes it, or as Keras 3 does; a dict
            of one name and its arguments, `{"random_normal": {"stddev": 0.02}}`; or None.

    Returns:
        The object; None for None.

    Raises:
        ConfigError: The config is malformed, or has keys that the class does not take.
        UnknownNameError: No class has that name; the nearest names are suggested.
        ArgumentError: An argument has a value that the class refuses.

    Example:
        >>> import initkit as ik
        >>> ik.deserialize({"class_name": "HeNormal", "config": {"seed": 7}})
        HeNormal(seed=7, input_axes=None, output_axes=None)
        >>> ik.deserialize({"random_normal": {"stddev": 0.02}})
        RandomNormal(mean=0.0, stddev=0.02, seed=None)
    """
    if config is None:
        return None
    if isinstance(config, str):
        return decode({"class_name": config})
    if not isinstance(config, Mapping):
        message = f"A config must be a name or a dict. Received: {config!r} of type {type(config).__name__}."
        raise ConfigError(f'{message} Write, for example, {{"class_name": "HeNormal", "config": {{}}}}.')
    plain = dict(config)
    if "class_name" not in plain:
        if len(plain) != 1 or not isinstance(next(iter(plain)), str):
            message = f"A config needs `class_name`, or one name with its arguments. Received keys: {list(plain)}."
            raise ConfigError(f'{message} Write, for example, {{"random_normal": {{"stddev": 0.02}}}}.')
        name, arguments = next(iter(plain.items()))
        plain = {"class_name": name, "config": {} if arguments is None else arguments}
    if unknown := sorted(set(plain) - _DESCRIPTION_KEYS, key=str):
        message = f"Unknown keys beside `class_name`: {', '.join(map(repr, unknown))}."
        raise ConfigError(f"{message} Arguments belong inside `config`.")
    return decode(plain)


_DESCRIPTION_KEYS = {"module", "class_name", "config", "registered_name", "shared_object_id", "build_config"}


def get(identifier: Any) -> Any:
    """Make an initializer out of whatever stands for one.

    Args:
        identifier: None; a name; a config dict; an initializer class; an initializer, or any other
            callable that takes `(shape, dtype)`; or an array, whose values then are the initial ones.

    Returns:
        None for None; a new object for a name, a dict, a class or an array; a callable as it is.

    Raises:
        UnknownNameError: No initializer has that name; the nearest names are suggested.
        ConfigError: A dict cannot be read.
        ArgumentTypeError: The identifier stands for no initializer.

    Example:
        >>> import initkit as ik
        >>> ik.get("glorot_uniform")
        GlorotUniform(seed=None, input_axes=None, output_axes=None)
        >>> ik.get(np.eye(2))((2, 2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, Mapping)):
        found = deserialize(identifier)
        if callable(found):
            return found
    elif isinstance(identifier, type) and callable(getattr(identifier, "from_config", None)):
        return identifier()
    elif callable(identifier) and not isinstance(identifier, type):
        return identifier
    elif hasattr(identifier, "__array__"):
        return registry.find("Constant")(np.asarray(identifier))
    message = f"Could not interpret initializer identifier: {identifier!r} of type {type(identifier).__name__}."
    message += " Allowed: None, a name, a config dict, an initializer or its class, a callable, an array."
    raise ArgumentTypeError(f"{message} Write, for example, 'he_normal'.")


def to_json(obj: Any) -> str:
    """Write an initializer or a `SeedGenerator` as JSON text.

    Args:
        obj: The object.

    Returns:
        The text of `serialize(obj)`.

    Raises:
        ArgumentTypeError: The object has no `get_config`.
        ArgumentError: Its class was never registered.

    Example:
        >>> import initkit as ik
        >>> ik.from_json(ik.to_json(ik.HeNormal(seed=7))) == ik.HeNormal(seed=7)
        True
    """
    return write_json(serialize(obj))


def from_json(text: str) -> Any:
    """Read what `to_json` wrote; size and depth are bounded, and no code is run.

    Args:
        text: JSON text of a config, or of a name.

    Returns:
        The object.

    Raises:
        ConfigError: The text is no JSON, or no config; the message names the line.
        UnknownNameError: No class has that name.

    Example:
        >>> from_json('"zeros"')
        Zeros()
    """
    return _from_document(read_json(text).data)


def to_yaml(obj: Any) -> str:
    """Write an initializer or a `SeedGenerator` as YAML text.

    Args:
        obj: The object.

    Returns:
        The text of `serialize(obj)`.

    Raises:
        ArgumentTypeError: The object has no `get_config`.
        ArgumentError: Its class was never registered.

    Example:
        >>> import initkit as ik
        >>> ik.from_yaml(ik.to_yaml(ik.HeNormal(seed=7))) == ik.HeNormal(seed=7)
        True
    """
    return write_yaml(serialize(obj))


def from_yaml(text: str) -> Any:
    """Read what `to_yaml` wrote; size and depth are bounded, and no code is run.

    Args:
        text: YAML text of a config, or of a name.

    Returns:
        The object.

    Raises:
        ConfigError: The text is no YAML, or no config; the message names the line.
        UnknownNameError: No class has that name.

    Example:
        >>> from_yaml("random_normal: {stddev: 0.02}")
        RandomNormal(mean=0.0, stddev=0.02, seed=None)
    """
    return _from_document(read_yaml(text).data)


def _from_document(data: Any) -> Any:
    if not isinstance(data, (str, dict)):
        message = f"The text must hold a config or a name. Received: {data!r}."
        raise ConfigError(f"{message} Write, for example, he_normal.")
    return deserialize(data)
