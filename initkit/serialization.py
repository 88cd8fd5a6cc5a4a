"""Objects to configs and back: plain dicts, JSON and YAML, with the keys that Keras uses."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isabstract
from typing import Any

import numpy as np

from initkit.documents import read_json, read_yaml, write_json, write_yaml
from initkit.encoding import decode_array, decode_complex, encode_array, encode_complex, python_scalar
from initkit.errors import ArgumentError, ArgumentTypeError, ConfigError
from initkit.registry import BUILT_IN, registry
from initkit.seed import SeedGenerator

_DEEPEST = 64

_GENERATOR_NAME = f"{BUILT_IN}>SeedGenerator"
_DESCRIPTION_KEYS = ("module", "class_name", "config", "registered_name", "shared_object_id", "build_config")


def encode(value: object) -> Any:
    """Make a constructor argument JSON types.

    Args:
        value: None, a bool, number, string, list, tuple, dict with string keys, NumPy scalar or array,
            complex number, `SeedGenerator` or initializer.

    Returns:
        JSON types, from which `decode` makes an equal value (tuples come back as lists).

    Raises:
        ArgumentTypeError: A value of another type, or a key that is no string.
        ArgumentError: An array of more than a million elements, or an initializer of a class that was never
            registered.

    Example:
        >>> encode([1, np.float32(0.5), 1j])
        [1, 0.5, {'class_name': '__complex__', 'config': {'real': 0.0, 'imag': 1.0}}]
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.generic):
        return encode(python_scalar(value))
    # Subclasses of the JSON types (enumerations, say) become the plain types that writers expect.
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain.__str__(value) if plain is str else plain(value)
    if isinstance(value, np.ndarray):
        return encode_array(value)
    if isinstance(value, complex):
        return encode_complex(value)
    if isinstance(value, (list, tuple)):
        return [encode(entry) for entry in value]
    if isinstance(value, Mapping):
        return {_checked_key(key): encode(entry) for key, entry in value.items()}
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize(value)
    message = (
        f"A config cannot hold this. Received: {value!r:.100} of type {type(value).__name__}. Allowed: None,"
    )
    message += (
        " bool, numbers, strings, lists, dicts, arrays, SeedGenerators and initializers. Give your class a"
    )
    message += " get_config that says it in these types."
    raise ArgumentTypeError(message)


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        message = (
            f"A config's keys must be strings. Received: {key!r:.100} of type {type(key).__name__}. Allowed:"
        )
        message += " text. Write the key as text."
        raise ArgumentTypeError(message)
    return key


def decode(value: Any, depth: int = 0) -> Any:
    """Make the value that `encode` described.

    Args:
        value: JSON types.
        depth: How deep in a config the value stands; for bounding.

    Returns:
        The value; objects for dicts that have a `class_name`. What is no JSON type is left as it is.

    Raises:
        ConfigError: Too deep, or a described object cannot be made.
        UnknownNameError: No class has the name.

    Example:
        >>> decode({"class_name": "__complex__", "config": {"real": 0.0, "imag": 1.0}})
        1j
    """
    if depth == 0:
        _check_depth(value)
    if isinstance(value, list):
        return [decode(entry, depth + 1) for entry in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" in value:
        return _revive(value)
    return {key: decode(entry, depth + 1) for key, entry in value.items()}


def _check_depth(value: object) -> None:
    """Refuse what would exhaust the stack, objects inside objects included."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for entry in level
            if isinstance(entry, (list, tuple, Mapping))
            for inner in (entry.values() if isinstance(entry, Mapping) else entry)
        ]
        if not level:
            return
    message = (
        f"A config is nested too deeply. Received: more than {_DEEPEST} levels. Allowed: up to {_DEEPEST}."
    )
    message += " Flatten it."
    raise ConfigError(message)


def _revive(description: Mapping[str, Any]) -> Any:
    """Make the object that a dict with a `class_name` describes."""
    name, config = description["class_name"], description.get("config")
    config = {} if config is None else config
    if not isinstance(name, str) or not isinstance(config, Mapping):
        message = f"A config does not describe an object. Received: class_name={name!r:.100},"
        message += f" config={config!r:.100}. Allowed: a string and a dict. Take what initkit.serialize gave."
        raise ConfigError(message)
    if unknown := sorted(set(description) - set(_DESCRIPTION_KEYS), key=str):
        message = f"Unknown keys beside `class_name`. Received: {', '.join(map(repr, unknown))}. Allowed:"
        message += f" {', '.join(_DESCRIPTION_KEYS)}. Put arguments inside `config`."
        raise ConfigError(message)
    if name == "__complex__":
        return decode_complex(config)
    if name in ("__numpy__", "__tensor__"):
        return decode_array(config)
    full_name = _named_class(name, description.get("registered_name"), description.get("module"))
    is_generator = full_name in ("SeedGenerator", _GENERATOR_NAME)
    cls: Any = SeedGenerator if is_generator else registry.find(full_name)
    return cls.from_config(config)


def _named_class(name: str, registered_name: object, module: object) -> str:
    """The name to look up: a foreign class must not become a built-in one because their names are equal."""
    if isinstance(registered_name, str) and ">" in registered_name:
        return registered_name
    # Keras has moved its modules more than once; its class names are what stayed.
    if str(module).partition(".")[0] in (BUILT_IN, "keras", "tf_keras"):
        return name
    # A class that Keras does not know has its bare name as registered name, and no module if in __main__.
    return name if module is None and registered_name is None else f"{module or '__main__'}>{name}"


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
        message = f"Only objects with get_config can be serialized. Received: {obj!r:.100} of type"
        message += f" {type(obj).__name__}. Allowed: initializers and SeedGenerators. Derive a class from"
        message += " initkit.Initializer."
        raise ArgumentTypeError(message)
    if isinstance(obj, SeedGenerator):
        return _described(_GENERATOR_NAME, obj.get_config())
    full_name = registry.full_name(type(obj))
    if full_name is None:
        message = "A class is not registered, so no config could find it again. Received:"
        message += (
            f" {type(obj).__module__}.{type(obj).__qualname__}. Allowed: built-in and registered classes."
        )
        message += " Put @initkit.register('yourpackage') above the class."
        raise ArgumentError(message)
    # A get_config of the user's own may hold arrays or generators as they are.
    return _described(full_name, encode(obj.get_config()))


def _described(full_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The keys that Keras writes; by the registered name, Keras itself finds our class and not its own."""
    package, name = full_name.split(">")
    return {"module": package, "class_name": name, "config": config, "registered_name": full_name}


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
        HeNormal(seed=7)
        >>> ik.deserialize({"random_normal": {"stddev": 0.02}})
        RandomNormal(stddev=0.02)
    """
    if config is None:
        return None
    if isinstance(config, str):
        return decode({"class_name": config})
    if not isinstance(config, Mapping):
        message = (
            f"This is no config. Received: {config!r:.100} of type {type(config).__name__}. Allowed: a name,"
        )
        message += ' or a dict. Write, for example, {"class_name": "HeNormal", "config": {"seed": 7}}.'
        raise ConfigError(message)
    if "class_name" in config:
        return decode(config)
    if len(config) != 1:
        message = (
            f"A config does not say which class it is of. Received: keys {list(config)!r:.200}. Allowed:"
        )
        message += " `class_name` with its `config`, or one name alone. Write, for example,"
        message += ' {"random_normal": {"stddev": 0.02}}.'
        raise ConfigError(message)
    name, arguments = next(iter(config.items()))
    return decode({"class_name": name, "config": arguments})


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
        GlorotUniform()
        >>> ik.get(np.eye(2))((2, 2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, Mapping)):
        found = deserialize(identifier)
        if callable(found):
            return found
    elif isinstance(identifier, type):
        if callable(getattr(identifier, "from_config", None)) and not isabstract(identifier):
            return identifier()
    elif callable(identifier):
        return identifier
    elif hasattr(identifier, "__array__"):
        return registry.find("Constant")(np.asarray(identifier))
    message = "Could not interpret initializer identifier: it stands for no initializer. Received:"
    message += (
        f" {identifier!r:.100} of type {type(identifier).__name__}. Allowed: None, a name, a config dict, an"
    )
    message += " initializer or its class, another callable, an array. Write, for example, 'he_normal'."
    raise ArgumentTypeError(message)


def to_json(obj: Any) -> str:
    """Write an initializer or a `SeedGenerator` as JSON text.

    Args:
        obj: The object.

    Returns:
        The text of `serialize(obj)`. Infinities are `1e999` and `-1e999`, so that it is valid JSON (RFC 8259)
        unless a value is NaN: JSON has none, and `NaN` is written as Python and Keras do.

    Raises:
        ArgumentTypeError: The object has no `get_config`.
        ArgumentError: Its class was never registered.

    Example:
        >>> import initkit as ik
        >>> ik.from_json(ik.to_json(ik.HeNormal(seed=7))) == ik.HeNormal(seed=7)
        True
        >>> '"value": -1e999' in ik.to_json(ik.Constant(float("-inf")))
        True
    """
    return write_json(serialize(obj))


def from_json(text: str) -> Any:
    """Read what `to_json` wrote; size and depth are bounded, and no code is run.

    Args:
        text: JSON text of a config, or of a name. Infinities may be `1e999`, or `Infinity` as in Keras'.

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
        RandomNormal(stddev=0.02)
    """
    return _from_document(read_yaml(text).data)


def _from_document(data: Any) -> Any:
    if not isinstance(data, (str, dict)):
        message = (
            f"The text is no config. Received: {data!r:.100}. Allowed: a name or a dict. Write, for example,"
        )
        message += " he_normal."
        raise ConfigError(message)
    return deserialize(data)
