"""Objects whose configuration is their constructor's arguments, read back from attributes of their names."""

from __future__ import annotations

import copy
import inspect
from abc import ABCMeta
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Self

import numpy as np

from initkit.errors import ArgumentTypeError, ConfigError, did_you_mean, nearest_names
from initkit.serialization import decode, encode

# Arrays up to this size are shown whole, so that a repr evaluates; larger ones by a digest.
_MOST_SHOWN_ELEMENTS = 1000

# Equal to no default.
_REQUIRED = object()


class _TeachingConstructor(ABCMeta):
    """Makes objects as `type` does, and explains arguments that the constructor does not take."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an object."""
        try:
            return super().__call__(*args, **kwargs)
        except TypeError:
            _refuse_arguments(cls, args, kwargs)
            raise

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of the constructor, and not of the method above."""
        constructor: Any = inspect.getattr_static(cls, "__init__")
        if constructor is object.__init__:
            return inspect.Signature()
        return inspect.Signature(list(inspect.signature(constructor).parameters.values())[1:])


def _refuse_arguments(cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that do not fit a constructor; any other error is none of this function's business."""
    signature = inspect.signature(cls)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        known = list(signature.parameters)
        unknown = [name for name in kwargs if name not in known]
        wrong = f"has no argument {unknown[0]!r}" if unknown else f"cannot be made so: {error}"
        given = [*map("{!r:.50}".format, args), *(f"{name}={value!r:.50}" for name, value in kwargs.items())]
        message = f"{cls.__name__} {wrong}. Received: {', '.join(given) or 'nothing'}. Allowed:"
        message += f" {', '.join(known) or 'no arguments'}."
        remedy = " Correct it, or leave it out." if unknown else " Give what is required, once."
        hint = did_you_mean(nearest_names(unknown[0], known)) if unknown else ""
        raise ArgumentTypeError(message + remedy + hint) from None


class Configurable(metaclass=_TeachingConstructor):
    """The base class of what is described by its constructor's arguments alone.

    From the constructor's signature come the config, clones, equality, hash and repr.

    Example:
        >>> class Ramp(Configurable):
        ...     def __init__(self, start=0.0, stop=1.0):
        ...         self.start, self.stop = start, stop
        >>> Ramp(stop=2.0), Ramp(stop=2.0) == Ramp(0.0, 2.0)
        (Ramp(stop=2.0), True)
    """

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument by its name, defaults included, in JSON types.

        Returns:
            A dict from which `from_config` makes an equal object.

        Raises:
            ConfigError: An argument was not kept in an attribute of its name.
            ArgumentTypeError: An argument's value is of a type that no config can hold.

        Example:
            >>> import initkit as ik
            >>> ik.Identity(gain=3.0).get_config()
            {'gain': 3.0}
        """
        return {name: encode(value) for name, value in self._arguments().items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the object that `get_config` described.

        Args:
            config: Constructor arguments by name. Those left out keep their defaults.

        Returns:
            A new object.

        Raises:
            ConfigError: A key is no argument of the constructor.
            ArgumentError: An argument has a value that the class refuses.

        Example:
            >>> import initkit as ik
            >>> ik.HeNormal.from_config({"seed": 7})
            HeNormal(seed=7)
        """
        if not isinstance(config, Mapping):
            message = f"The config of {cls.__name__} must be a dict. Received: {config!r:.100} of type"
            message += (
                f" {type(config).__name__}. Allowed: arguments by name. Write, for example, {{'seed': 7}}."
            )
            raise ConfigError(message)
        _check_argument_names(cls, config)
        if missing := [
            name
            for name, default in _arguments_of(cls).items()
            if default is _REQUIRED and name not in config
        ]:
            allowed = (
                f"{name} (required)" if default is _REQUIRED else name
                for name, default in _arguments_of(cls).items()
            )
            message = f"The config of {cls.__name__} lacks arguments. Received: {_listed(config)}. Allowed:"
            message += f" {', '.join(allowed)}. Add {_listed(missing)}."
            raise ConfigError(message)
        return cls(**{name: decode(value) for name, value in config.items()})

    def clone(self, **changes: Any) -> Self:
        """A new object of the same config, with some arguments changed.

        Args:
            **changes: Constructor arguments that shall differ, for example `seed=8`.

        Returns:
            A new object. A clone that keeps an integer seed gives the same values, a clone of an
            unseeded initializer gives others, and a clone that keeps a SeedGenerator has a generator of
            its own at the same position; say `seed=generator.child(name)` for values of its own.

        Raises:
            ConfigError: A name is no argument of the constructor.

        Example:
            >>> import initkit as ik
            >>> ik.HeNormal(seed=7).clone(seed=8)
            HeNormal(seed=8)
        """
        if _has_own_config(type(self)):
            return type(self).from_config({**self.get_config(), **changes})
        _check_argument_names(type(self), changes)
        kept = {name: value for name, value in self._arguments().items() if name not in changes}
        return type(self)(**{name: _cloned(value) for name, value in kept.items()}, **changes)

    def _arguments(self) -> dict[str, Any]:
        """The constructor's arguments, read back from the attributes of their names."""
        arguments = {}
        for name in _arguments_of(type(self)):
            try:
                arguments[name] = getattr(self, name)
            except AttributeError:
                message = (
                    f"{type(self).__name__}.__init__ does not keep an argument, so no config can hold it."
                )
                message += f" Received: {name!r}. Allowed: arguments kept in attributes of their names. Write"
                message += f" self.{name} = {name}."
                raise ConfigError(message) from None
        return arguments

    def _state(self) -> dict[str, Any] | None:
        """What tells this object from others of its class; None where the class does not say."""
        if _has_own_config(type(self)):
            return self.get_config()
        try:
            return self._arguments()
        except ConfigError:
            return None

    def __eq__(self, other: object) -> bool:
        """Whether the classes are the same and the configs equal, NaN being equal to NaN."""
        if not isinstance(other, Configurable) or type(self) is not type(other):
            return NotImplemented
        state = self._state()
        return self is other if state is None else _frozen(state) == _frozen(other._state())

    def __hash__(self) -> int:
        """Hash the class and the config, except for the position of a generator, which moves."""
        # A config of the user's own may say a generator's position in any way, so it cannot be hashed.
        state = None if _has_own_config(type(self)) else self._state()
        return hash((type(self), _frozen(state)))

    def __repr__(self) -> str:
        """An expression that makes an equal object; arrays of more than 1000 elements are abbreviated.

        Arguments that have their defaults are left out.
        """
        state = self._state()
        if state is None:
            return object.__repr__(self)
        defaults = {} if _has_own_config(type(self)) else _arguments_of(type(self))
        told = [
            f"{name}={_shown(value)}"
            for name, value in state.items()
            if name not in defaults or _frozen(value) != _frozen(defaults[name])
        ]
        return f"{type(self).__name__}({', '.join(told)})"


def _has_own_config(cls: type[Configurable]) -> bool:
    """Whether a class of the user's own says itself what its config is."""
    return cls.get_config is not Configurable.get_config


def _read_arguments(cls: type) -> dict[str, Any]:
    """The names of a constructor's arguments and their defaults, `_REQUIRED` where they have none."""
    constructor: Any = inspect.getattr_static(cls, "__init__")
    if constructor is object.__init__:
        return {}
    arguments = {}
    for name, parameter in list(inspect.signature(constructor).parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            message = (
                f"{cls.__name__}.__init__ has an argument that no config can name. Received: {parameter}."
            )
            message += " Allowed: arguments with names. Name each, or define get_config and from_config."
            raise ConfigError(message)
        arguments[name] = _REQUIRED if parameter.default is parameter.empty else parameter.default
    return arguments


# Typed by hand: mypy takes the hash that instances have for the hash of their class.
_arguments_of: Callable[[type], dict[str, Any]] = lru_cache(maxsize=1024)(_read_arguments)


def argument_names(cls: type) -> tuple[str, ...]:
    """The names of a constructor's arguments.

    Args:
        cls: A class whose configs are made from its constructor's signature.

    Returns:
        The names, in order.

    Raises:
        ConfigError: An argument is one that no config can name.

    Example:
        >>> import initkit as ik
        >>> argument_names(ik.RandomUniform)
        ('minval', 'maxval', 'seed')
    """
    return tuple(_arguments_of(cls))


def _check_argument_names(cls: type[Configurable], given: Mapping[str, Any]) -> None:
    known = _arguments_of(cls)
    if unknown := sorted(set(given) - set(known), key=str):
        message = f"Unknown arguments for {cls.__name__}. Received: {_listed(unknown)}. Allowed:"
        message += f" {_listed(known)}. Remove the others, or correct their spelling."
        raise ConfigError(message + did_you_mean(nearest_names(str(unknown[0]), known)))


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _cloned(value: Any) -> Any:
    """A copy of a constructor's argument; of objects with configs inside it, clones."""
    if isinstance(value, Configurable):
        return value.clone()
    if type(value) in (list, tuple):
        return type(value)(map(_cloned, value))
    if type(value) is dict:
        return {key: _cloned(entry) for key, entry in value.items()}
    return copy.deepcopy(value)


def _frozen(value: Any) -> object:
    """A hashable stand-in for a constructor's argument, equal for arguments that configs hold as equal."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (float, complex)) and value != value:
        return ("nan", repr(value))
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.shape, value.tobytes())
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(entry)) for key, entry in value.items())
    return value


def _shown(value: Any) -> str:
    """An expression that makes an argument, also where Python's own repr is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (float, complex)) and not np.isfinite(value):
        return f"{type(value).__name__}({str(value).strip('()')!r})"
    if isinstance(value, np.ndarray):
        return _shown_array(value)
    if isinstance(value, (list, tuple)):
        entries = ", ".join(map(_shown, value))
        return f"[{entries}]" if isinstance(value, list) else f"({entries}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_shown(entry)}" for key, entry in value.items()) + "}"
    return repr(value)


def _shown_array(array: np.ndarray[Any, Any]) -> str:
    if not array.size:
        return f"np.empty({array.shape}, {array.dtype.name!r})"
    if array.size <= _MOST_SHOWN_ELEMENTS:
        return f"np.array({_shown(array.tolist())}, {array.dtype.name!r})"
    # Dask and logs tell arrays apart by their repr, so what is left out has to count.
    digest = blake2b(array.tobytes(), digest_size=8).hexdigest()
    return f"<array of shape {array.shape}, dtype {array.dtype.name!r}, BLAKE2b {digest}>"
