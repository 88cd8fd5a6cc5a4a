"""initkit's initializers as Keras 3 objects; Keras is imported when a function of this module is called."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Self

from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentTypeError, BackendError, ConfigError
from initkit.initializer import Initializer, RandomInitializer
from initkit.region import as_shape
from initkit.registry import BUILT_IN, registry
from initkit.seed import SeedGenerator
from initkit.serialization import deserialize, get, serialize

__all__ = ["register", "wrap"]

# What Keras' EinsumDense writes into the config of an initializer that it makes again for its own axes.
_REWIRED = ("seed", "input_axes", "output_axes")
_OTHER_READING: dict[str, Any] = {
    "batch_axes": None,
    "layout": None,
    "groups": 1,
    "transposed": False,
    "depthwise": False,
}


def wrap(initializer: Any) -> Any:
    """Make an initializer an object of Keras' own class, for layers that look at the class.

    Formula: `wrap(initializer)(shape, dtype) = initializer(shape, dtype)`, value for value; a dtype of None
    is `keras.config.floatx()`. An initializer that scales by fans becomes a
    `keras.initializers.VarianceScaling`, so that `EinsumDense`, and with it `MultiHeadAttention` and
    `GroupQueryAttention`, give it the axes of their equations instead of a convolution's; any other becomes
    a `keras.initializers.Initializer`.

    Keras calls an initializer more than once for some weights, and some layers copy it. So what the seed is
    makes a difference:

    - Without a seed, every call has values of its own, here as in copies. Inside `with
      initkit.seed_scope(42):` they are the same in every run, so this is the way to a reproducible model.
    - A `SeedGenerator` is shared with the copies that attention layers and `BatchNormalization` make, which
      draw one after the other: query, key and value kernels differ. What is made from a saved config, as
      `clone_model` and `Bidirectional` do, shares no generator with anything: both directions begin equal.
    - An integer means the same values at every call, in copies too.

    A generator's position in the config is that of the first draw. Building a model therefore does not
    change its config, a saved model is loaded with an equal one, and a model made from the config of
    another begins with the values that the other began with.

    Args:
        initializer: An initializer, or whatever `initkit.get` makes one of: a name, a config, a class. One
            that is wrapped already is returned as it is.

    Returns:
        An object whose class derives from Keras'. It returns NumPy arrays, which every Keras backend takes.
        Its attribute `initializer` is the one wrapped. Its config can be saved if the class of that one is
        registered with `initkit.register`, as those of initkit are; `register` lets another process load it.

    Raises:
        BackendError: Keras, or the backend that it is set to, is not installed.
        ArgumentTypeError: It is no initializer of initkit, but another callable, say.
        UnknownNameError: No initializer has that name.

    Example:
        >>> import os
        >>> backend = os.environ.setdefault("KERAS_BACKEND", "numpy")
        >>> import keras
        >>> import initkit as ik
        >>> from initkit.interop.keras import wrap
        >>> initializer = wrap(ik.HeNormal(seed=ik.SeedGenerator(7)))
        >>> heads = keras.layers.MultiHeadAttention(4, 16, kernel_initializer=initializer)
        >>> heads.build((None, 10, 64), (None, 10, 64))
        >>> layers = heads.query_dense, heads.key_dense
        >>> query, key = (keras.ops.convert_to_numpy(layer.kernel.value) for layer in layers)
        >>> bool((query == ik.HeNormal(7, input_axes=[0], output_axes=[1, 2])((64, 4, 16))).all())
        True
        >>> bool((query == key).any())
        False

    Reference:
        Keras 3, `keras.layers.EinsumDense.build`, `keras.layers.MultiHeadAttention`.
    """
    plain, by_fans = _adapters()
    found = get(initializer)
    if isinstance(found, _Adapter):
        return found
    if not isinstance(found, Initializer):
        message = f"Only initkit's initializers can be wrapped. Received: {initializer!r:.100} of type"
        message += f" {type(initializer).__name__}. Allowed: an initializer, its name or its config. Derive"
        message += " your class from initkit.Initializer; Keras takes other callables as they are."
        raise ArgumentTypeError(message)
    scales_by_fans = hasattr(found, "input_axes") and hasattr(found, "output_axes")
    return (by_fans if scales_by_fans else plain)(found)


def register() -> None:
    """Tell Keras the names of initkit's classes, so that it can load what holds them.

    Every class in initkit's registry gets its full name: `"initkit>HeNormal"`, or `"mylab>Tent"` for one
    registered with `initkit.register("mylab")`. Keras then takes these names as strings, loads models that
    hold initkit's initializers, wrapped or not, and clones them; `"he_normal"` still means Keras' own.
    Call it once before loading, and again after registering further classes.

    Raises:
        BackendError: Keras, or the backend that it is set to, is not installed.

    Example:
        >>> import os
        >>> backend = os.environ.setdefault("KERAS_BACKEND", "numpy")
        >>> import keras
        >>> from initkit.interop.keras import register
        >>> register()
        >>> keras.layers.Dense(3, kernel_initializer="initkit>HeNormal").kernel_initializer
        HeNormal()
    """
    keras = _imported_keras()
    _adapters()
    for full_name, cls in registry.classes().items():
        package, name = full_name.split(">")
        keras.saving.register_keras_serializable(package, name)(cls)


class _Stream:
    """The generator that a wrapped initializer shares with its copies; and where it was at first."""

    def __init__(self, generator: SeedGenerator) -> None:
        self.generator = generator
        self._first: SeedGenerator | None = None

    def begin(self) -> None:
        """Note the position, if nothing has been drawn yet."""
        if self._first is None:
            self._first = copy.copy(self.generator)

    @property
    def origin(self) -> SeedGenerator:
        """The generator at the position of the first draw, or at its present one before any."""
        return self.generator if self._first is None else self._first


class _LinkedConfig(dict[str, Any]):
    """A config that also knows the stream of the object it describes, until it is written to a file."""

    def __init__(self, config: Mapping[str, Any], stream: _Stream) -> None:
        super().__init__(config)
        self.stream = stream


class _Adapter:
    """What wrapped initializers do; the classes that users meet derive from this and from one of Keras'."""

    def __init__(self, initializer: Any, stream: _Stream | None = None) -> None:
        self.initializer = initializer
        if stream is None and isinstance(self.seed, SeedGenerator):
            stream = _Stream(self.seed)
        self._stream = stream

    @property
    def seed(self) -> Any:
        """The seed of the wrapped initializer; None if it has none."""
        return getattr(self.initializer, "seed", None)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The wrapped initializer's values, a NumPy array of exactly that shape and dtype."""
        row = resolve_dtype(_imported_keras().config.floatx() if dtype is None else dtype)
        if self._stream is not None:
            self._stream.begin()
        initializer = self.initializer
        if isinstance(initializer, RandomInitializer) and initializer.seed is None:
            # A fresh one: it would repeat itself, also where two layers share it.
            initializer = initializer.clone()
        return initializer.checked_call(as_shape(shape), row)

    def get_config(self) -> dict[str, Any]:
        """The wrapped initializer's description, with its generator as it was at the first draw."""
        description = serialize(self.initializer)
        if self._stream is None or "seed" not in description["config"]:
            return {"initializer": description}
        description["config"]["seed"] = serialize(self._stream.origin)
        return {"initializer": _LinkedConfig(description, self._stream)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object described; it shares the generator of the object that gave this very config."""
        description = config.get("initializer")
        if not isinstance(description, Mapping) or not isinstance(description.get("config"), Mapping):
            message = f"The config of a wrapped initializer describes none. Received: {dict(config)!r:.100}."
            message += " Allowed: what its get_config gave. Make the object with initkit.interop.keras.wrap."
            raise ConfigError(message)
        stream: _Stream | None = getattr(description, "stream", None)
        changes: dict[str, Any] = {} if stream is None else {"seed": stream.generator}
        arguments = description["config"]
        changes |= {name: config[name] for name in _REWIRED if name in config and name in arguments}
        if changes.get("input_axes") is not None:
            # The layer knows its equation, so another reading of the shape has to go.
            changes |= {name: default for name, default in _OTHER_READING.items() if name in arguments}
        initializer = deserialize({**description, "config": {**arguments, **changes}})
        shares = stream is not None and initializer.seed is stream.generator
        return cls(initializer, stream if shares else None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what is wrapped: the class is made anew in another process."""
        return wrap, (self.initializer,), {"_stream": self._stream}

    def __eq__(self, other: object) -> bool:
        """Whether both wrap equal initializers, which had the same generator at the first draw."""
        if not isinstance(other, _Adapter):
            return NotImplemented
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        """Hash what is wrapped."""
        return hash(self.initializer)

    def __repr__(self) -> str:
        """An expression that makes such an object."""
        return f"wrap({self.initializer!r})"


class _FanAdapter(_Adapter):
    """A wrapped initializer that scales by fans, with the attributes by which `EinsumDense` rewires it."""

    @property
    def input_axes(self) -> Any:
        """The axes that make the fan-in, or None."""
        return self.initializer.input_axes

    @property
    def output_axes(self) -> Any:
        """The axes that make the fan-out, or None."""
        return self.initializer.output_axes


@cache
def _adapters() -> tuple[Any, Any]:
    """The two classes under their names in Keras: for any initializer, and for those that scale by fans."""
    keras = _imported_keras()
    register_in_package = keras.saving.register_keras_serializable(BUILT_IN)
    bases = ((_Adapter, keras.initializers.Initializer), (_FanAdapter, keras.initializers.VarianceScaling))
    plain, by_fans = (
        register_in_package(type(f"Wrapped{base.__name__}", (adapter, base), {"__module__": __name__}))
        for adapter, base in bases
    )
    return plain, by_fans


def _imported_keras() -> Any:
    """Keras, or an error that says what to install."""
    if find_spec("keras") is None:
        message = "Keras is not installed, so nothing can be made for it. Received: a call that needs Keras."
        message += " Allowed: Keras 3. Install it with `pip install keras`, and a backend of it."
        raise BackendError(message)
    try:
        import keras
    except ImportError as error:
        chosen = os.environ.get("KERAS_BACKEND")
        message = f"Keras could not be imported: {error}. Received: KERAS_BACKEND={chosen!r}. Allowed: a"
        message += " backend that is installed. Install the one that is missing, or set KERAS_BACKEND to"
        message += " another, such as 'torch' or 'jax', before Keras is imported."
        raise BackendError(message) from error
    return keras
