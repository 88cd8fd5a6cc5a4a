"""The base classes: what every initializer can do, and what a region-wise one adds."""

from __future__ import annotations

import inspect
import json
import secrets
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from initkit.dtypes import DType, Kind, require_kind, resolve_dtype
from initkit.errors import (
    ConfigError,
    DTypeError,
    ShapeError,
    did_you_mean,
    nearest_names,
)
from initkit.lazy import LazyArray
from initkit.region import Region, as_shape
from initkit.seed import Draw, SeedGenerator, as_seed, constant_draw, current_scope, seeded_draw
from initkit.serialization import decode, encode
from initkit.targets import as_fillable

# A target that is not contiguous is filled through a buffer of this many elements.
_BUFFER_ELEMENTS = 1 << 20


class Moments(NamedTuple):
    """The expected mean and standard deviation of the values of a tensor."""

    mean: float
    std: float


class Initializer:
    """The base class of everything that makes first values: `initializer(shape, dtype) -> array`.

    A class of your own defines `__init__`, which keeps every argument in an attribute of the same name,
    and `__call__`. Configs, YAML, equality, copies, `lazy`, `fill` and recipes then work.

    Example:
        >>> import initkit as ik
        >>> class Tent(ik.Initializer):
        ...     def __init__(self, width=1.0, seed=None):
        ...         self.width = width
        ...         self.seed = seed
        ...     def __call__(self, shape, dtype=None):
        ...         u = ik.RandomUniform(-1.0, 1.0, seed=self.seed)(shape, dtype)
        ...         return self.width * (1 - abs(u))
        >>> tent = Tent(width=2.0, seed=7)
        >>> tent, tent == Tent.from_config(tent.get_config())
        (Tent(width=2.0, seed=7), True)
        >>> tent.lazy((1000, 1000))[2, :3].shape
        (3,)
    """

    # Whether any region can be made without the rest of the tensor.
    makes_regions: ClassVar[bool] = False

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Make the array.

        Args:
            shape: The shape, a sequence of non-negative integers.
            dtype: A NumPy dtype or a name; None for float32.

        Returns:
            An array of exactly that shape and dtype.
        """
        message = f"{type(self).__name__} defines no __call__(self, shape, dtype=None)."
        raise NotImplementedError(f"{message} Define it; it returns an array of that shape and dtype.")

    def lazy(self, shape: Any, dtype: Any = None) -> LazyArray:
        """The array that a call would make, without making it: values come when it is indexed.

        The draw is taken now, so that every slice belongs to one tensor.

        Args:
            shape: The shape of the whole tensor.
            dtype: A NumPy dtype or a name; None for float32.

        Returns:
            A `LazyArray`. A slice costs in proportion to its size where `makes_regions` is true; other
            initializers make the whole array at the first index and keep it.

        Raises:
            ShapeError: The shape does not fit.
            DTypeError: The dtype is unknown, or cannot be made.

        Example:
            >>> import initkit as ik
            >>> big = ik.HeNormal(seed=7).lazy((1_000_000, 16384), "bfloat16")
            >>> big[512:1024, ::2].shape
            (512, 8192)
        """
        lengths, row = as_shape(shape), resolve_dtype(dtype)
        self.check(lengths, row)
        return LazyArray(self, lengths, row, self.take_draw())

    def fill(self, array: Any) -> Any:
        """Write the values into an array that exists, without a second one of its size.

        Args:
            array: A NumPy array or a torch tensor on the CPU, of any layout, writable.

        Returns:
            The same array, with the values that a call with its shape and dtype gives.

        Raises:
            ArgumentTypeError: It is no array that can be written to in place.
            ShapeError: Its shape does not fit.
            DTypeError: Its dtype cannot be made.

        Example:
            >>> import initkit as ik
            >>> ik.Ones().fill(np.empty(3, np.float32)).tolist()
            [1.0, 1.0, 1.0]
        """
        target = as_fillable(array)
        row = resolve_dtype(target.dtype)
        self.check(target.shape, row)
        self.fill_regions(target, row, self.take_draw())
        return array

    def fill_regions(self, target: Any, dtype: DType, draw: Draw) -> None:
        """Fill a whole array, through a buffer where it is not contiguous."""
        region = Region.whole(target.shape)
        if not self.makes_regions or target.flags.c_contiguous:
            self.fill_region(target, region, draw)
            return
        for box in region.boxes(_BUFFER_ELEMENTS):
            part = region.part(box)
            buffer = draw.backend.empty(part.counts, dtype)
            self.fill_region(buffer, part, draw)
            target[box] = buffer

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values of one region of the tensor into `out`, an array of the region's counts.

        The base class makes the whole array by calling the initializer, and keeps the region.
        """
        whole = self.checked_call(region.shape, resolve_dtype(out.dtype))
        out[...] = whole[region.index()]

    def checked_call(self, shape: tuple[int, ...], dtype: DType) -> np.ndarray[Any, Any]:
        """Call the initializer, and refuse a result of another shape or kind of value."""
        result = np.asarray(self(shape, dtype=dtype.name))
        if result.shape != shape:
            message = f"{self!r} returned an array of shape {result.shape} when called with shape {shape}."
            raise ShapeError(f"{message} Its __call__ must return exactly the shape it is asked for.")
        if result.dtype != dtype.numpy and not np.can_cast(result.dtype, dtype.numpy, "same_kind"):
            message = f"{self!r} returned {result.dtype} values when called with dtype {dtype.name!r}."
            raise DTypeError(f"{message} Its __call__ must return the dtype it is asked for.")
        return result.astype(dtype.numpy, copy=False)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape or a dtype that this initializer cannot make; the base class takes all."""

    def take_draw(self) -> Draw:
        """The identity of the next array's values; the base class draws nothing itself."""
        return constant_draw()

    def moments(self, shape: Any) -> Moments | None:
        """The expected mean and standard deviation of a tensor of that shape.

        Args:
            shape: The shape of the whole tensor.

        Returns:
            Both, exact for the documented law; None where the class does not say.
        """
        return None

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
            HeNormal(seed=7, input_axes=None, output_axes=None)
        """
        names = _argument_names(cls)
        if unknown := sorted(set(config) - set(names), key=str):
            message = f"Unknown arguments for {cls.__name__}: {', '.join(map(repr, unknown))}."
            message += f" Known arguments: {', '.join(names) or 'none'}."
            raise ConfigError(message + did_you_mean(nearest_names(str(unknown[0]), names)))
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
            HeNormal(seed=8, input_axes=None, output_axes=None)
        """
        return type(self).from_config({**self.get_config(), **changes})

    def _arguments(self) -> dict[str, Any]:
        arguments = {}
        for name in _argument_names(type(self)):
            try:
                arguments[name] = getattr(self, name)
            except AttributeError:
                message = f"{type(self).__name__}.__init__ takes {name!r} but keeps it in no attribute of that"
                raise ConfigError(f"{message} name, so no config can hold it. Write self.{name} = {name}.") from None
        return arguments

    def __eq__(self, other: object) -> bool:
        """Whether the classes are the same and the configs equal."""
        if type(self) is not type(other):
            return NotImplemented
        return self.get_config() == other.get_config()  # type: ignore[attr-defined]  # same type as self

    def __hash__(self) -> int:
        """Hash the class and the config, except for the position of a generator, which moves."""
        frozen = {
            name: repr(hash(value)) if isinstance(value, SeedGenerator) else encode(value)
            for name, value in self._arguments().items()
        }
        return hash((type(self), json.dumps(frozen, sort_keys=True)))

    def __repr__(self) -> str:
        """An expression that makes an equal object."""
        arguments = ", ".join(f"{name}={_shown(value)}" for name, value in self._arguments().items())
        return f"{type(self).__name__}({arguments})"


class RegionInitializer(Initializer):
    """The base class of initializers that can make any region of a tensor on its own.

    A subclass defines `fill_region`; calls, lazy arrays and in-place filling follow from it.
    """

    makes_regions: ClassVar[bool] = True
    kinds: ClassVar[tuple[Kind, ...]] = ("float",)
    kinds_remedy: ClassVar[str] = ""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Make the array.

        Args:
            shape: The shape, a sequence of non-negative integers.
            dtype: A NumPy dtype or a name; None for float32.

        Returns:
            An array of exactly that shape and dtype, on the backend of the seed's generator.

        Raises:
            ArgumentTypeError: The shape is no sequence of integers.
            ShapeError: The shape does not fit the initializer.
            DTypeError: The dtype is unknown, or the initializer cannot make it.
        """
        lengths, row = as_shape(shape), resolve_dtype(dtype)
        self.check(lengths, row)
        draw = self.take_draw()
        out = draw.backend.empty(lengths, row)
        self.fill_region(out, Region.whole(lengths), draw)
        return out

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a dtype of a kind that this initializer cannot make."""
        if dtype.kind not in self.kinds:
            require_kind(dtype, self.kinds, type(self).__name__, self.kinds_remedy)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values of one region of the tensor into `out`, a C-contiguous array of its counts."""
        raise NotImplementedError


class RandomInitializer(RegionInitializer):
    """The base class of region-wise initializers that draw, and so have a seed.

    Attributes:
        seed: What was given: None, an integer or a `SeedGenerator`.
    """

    # Set by the first call of an unseeded initializer, so that later calls repeat its values.
    _entropy: int | None = None
    _warned: bool = False

    def __init__(self, seed: int | SeedGenerator | None = None) -> None:
        """Check the seed, and keep it as it was given."""
        if seed is not None and not isinstance(seed, SeedGenerator):
            seed = as_seed(seed)
        self.seed = seed

    @property
    def drawn_seed(self) -> int | SeedGenerator | None:
        """The seed behind the values: the given one, or the entropy that an unseeded call took.

        None before the first call of an unseeded initializer.
        """
        return self._entropy if self.seed is None else self.seed

    def take_draw(self) -> Draw:
        """The identity of the next array's values.

        An integer seed means the same draw every time; a generator is advanced; without a seed, the
        scope's generator is, or entropy from the operating system is taken once and kept.
        """
        if isinstance(self.seed, SeedGenerator):
            return self.seed.next_draw()
        if self.seed is not None:
            return seeded_draw(self.seed)
        if scope := current_scope():
            return scope.next_draw()
        if self._entropy is None:
            # One dict operation, so that two threads cannot keep two different seeds.
            return seeded_draw(self.__dict__.setdefault("_entropy", secrets.randbits(64)))
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{type(self).__name__} has no seed and was called more than once, which gives the same "
                "values every time. For new values at every call write seed=initkit.SeedGenerator(); to "
                f"keep these, write seed={self._entropy}.",
                UserWarning,
                stacklevel=3,
            )
        return seeded_draw(self._entropy)


@cache
def _argument_names(cls: type) -> tuple[str, ...]:
    if cls.__init__ is object.__init__:
        return ()
    names = []
    for name, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            message = f"{cls.__name__}.__init__ takes {parameter}, which no config can name."
            raise ConfigError(f"{message} Give every argument a name, or define get_config and from_config.")
        names.append(name)
    return tuple(names)


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        # NumPy abbreviates long arrays in its own repr, which then no longer evaluates.
        return f"np.array({value.tolist()!r}, {value.dtype.name!r})"
    return repr(value)
