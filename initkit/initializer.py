"""The base classes: what every initializer can do, and what a region-wise one adds."""

from __future__ import annotations

import secrets
import sys
import warnings
from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np

from initkit.configurable import Configurable, argument_names
from initkit.draws import Draw, seeded_draw
from initkit.dtypes import DType, Kind, require_kind, resolve_dtype, rounded
from initkit.errors import ArgumentTypeError, DTypeError, ShapeError
from initkit.kernels import filling_in_place
from initkit.lazy import LazyArray
from initkit.region import Region, as_shape
from initkit.seed import SeedGenerator, as_seed, constant_draw, current_scope
from initkit.targets import as_target, note_written, on_host

ArrayT = TypeVar("ArrayT")

_PACKAGE = __name__.partition(".")[0]

# A target that is not contiguous is filled through a buffer of this many elements.
BUFFER_ELEMENTS = 1 << 20


class Moments(NamedTuple):
    """The expected mean and standard deviation of the values of a tensor."""

    mean: float
    std: float


class Initializer(Configurable):
    """The base class of everything that makes first values: `initializer(shape, dtype) -> array`.

    A class of your own defines `__init__`, which keeps every argument in an attribute of the same name,
    and `__call__`. Configs, equality, copies, `lazy` and `fill` then work; with `initkit.register` above it,
    so do names, YAML and recipes.

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
    makes_regions: bool = False
    # Whether all elements follow one law, so that those of any part have the moments of the whole.
    one_law: bool = False

    @abstractmethod
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Make the array.

        Args:
            shape: The shape, a sequence of non-negative integers.
            dtype: A NumPy dtype or a name; None for float32.

        Returns:
            An array of exactly that shape and dtype.
        """

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

    def fill(self, array: ArrayT) -> ArrayT:
        """Write the values into an array that exists, without a second one of its size.

        Args:
            array: A writable NumPy array, a CuPy array, a torch tensor on the CPU or a CUDA device, or any
                other array in CUDA's memory with `__cuda_array_interface__` or DLPack; of any layout.

        Returns:
            The same array, with the values that a call with its shape and dtype gives.

        Raises:
            ArgumentTypeError: It is no array that can be written to in place.
            ShapeError: Its shape does not fit.
            DTypeError: Its dtype cannot be made.
            BackendError: It lives on a CUDA device, and CuPy cannot be used here.

        Example:
            >>> import initkit as ik
            >>> ik.Ones().fill(np.empty(3, np.float32)).tolist()
            [1.0, 1.0, 1.0]
        """
        target, backend = as_target(array)
        self.check(target.shape, resolve_dtype(target.dtype))
        # Where the memory is decides what draws; the values are the same.
        draw = self.take_draw().on(backend)
        with filling_in_place(), backend.on_device():
            self.fill_part(target, Region.whole(target.shape), draw)
        note_written(array)
        return array

    def fill_part(self, target: Any, region: Region, draw: Draw) -> None:
        """Write the values of one region into an array of the region's counts, of any layout.

        Where the kernels could not write to it, values go through a buffer; in pieces, unless those would
        not be equal to the bit.
        """
        if not self.makes_regions or (target.flags.c_contiguous and getattr(target.flags, "aligned", True)):
            self.fill_region(target, region, draw)
            return
        dtype = resolve_dtype(target.dtype)
        limit = BUFFER_ELEMENTS if self.tolerance(dtype) == 0 else max(region.size, 1)
        for box in region.boxes(limit):
            part = region.part(box)
            buffer = draw.backend.empty(part.counts, dtype)
            self.fill_region(buffer, part, draw)
            draw.backend.put(target, box, buffer)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values of one region of the tensor into `out`, an array of the region's counts.

        The base class makes the whole array by calling the initializer, and keeps the region.
        """
        whole = self.checked_call(region.shape, resolve_dtype(out.dtype))
        draw.backend.put(out, ..., whole[region.index()])

    def checked_call(self, shape: tuple[int, ...], dtype: DType) -> np.ndarray[Any, Any]:
        """Call the initializer, and refuse a result of another shape or kind of value.

        Args:
            shape: A checked shape.
            dtype: The row asked for.

        Returns:
            A NumPy array of exactly that shape and dtype; another precision of the same kind is rounded.

        Raises:
            ArgumentTypeError: The result is no array.
            ShapeError: It has another shape.
            DTypeError: It has values that the dtype cannot hold.
        """
        returned = self(shape, dtype=dtype.name)
        try:
            result = np.asarray(on_host(returned))
            kind = resolve_dtype(result.dtype).kind
        except (TypeError, ValueError, RuntimeError):
            message = f"{self!r:.200} returned no array of numbers. Received: {returned!r:.100} of type"
            message += f" {type(returned).__name__}. Allowed: NumPy arrays, and what np.asarray makes one of."
            message += " Return an array from __call__."
            raise ArgumentTypeError(message) from None
        if result.shape != shape:
            message = (
                f"{self!r:.200} returned an array of another shape. Received: {result.shape} when called with"
            )
            message += f" {shape}. Allowed: exactly the shape asked for. Correct its __call__."
            raise ShapeError(message)
        if _KIND_ORDER.index(kind) > _KIND_ORDER.index(dtype.kind) or (
            dtype.kind == "integer" and (result != result.astype(dtype.numpy)).any()
        ):
            message = (
                f"{self!r:.200} returned values that are no {dtype.name}. Received: {result.dtype} values"
            )
            message += f" when called with dtype={dtype.name!r}. Allowed: values that this dtype can hold."
            message += " Correct its __call__."
            raise DTypeError(message)
        return rounded(result, dtype)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:  # most classes take all
        """Refuse a shape or a dtype that this initializer cannot make; the base class takes all."""

    def take_draw(self) -> Draw:
        """The identity of the next array's values; the base class draws nothing itself."""
        return constant_draw()

    def seeded(self, seed: int | SeedGenerator) -> Self:
        """This initializer, or a clone of it that draws from a seed wherever it has none.

        Args:
            seed: A non-negative integer, or a `SeedGenerator`. An initializer that is made of several others
                gives each of them a child of the generator, which an integer is the seed of.

        Returns:
            An initializer of the same class, which needs no `seed_scope` to be reproducible.

        Raises:
            ArgumentTypeError: The seed is neither.
            SeedError: It is negative.

        Example:
            >>> import initkit as ik
            >>> ik.HeNormal().seeded(7), ik.HeNormal(seed=3).seeded(7)
            (HeNormal(seed=7), HeNormal(seed=3))
            >>> ik.Blocks(["he_normal", "zeros"]).seeded(7)
            Blocks(initializers=[HeNormal(seed=SeedGenerator(7).child('0')), Zeros()])
        """
        unseeded = getattr(self, "seed", seed) is None and "seed" in argument_names(type(self))
        return self.clone(seed=seed) if unseeded else self

    def tolerance(self, dtype: DType) -> float:
        """How far a value may lie from that of another machine, or of the same element in a slice.

        Args:
            dtype: The row asked for.

        Returns:
            0.0 for values that are equal to the bit, as those of most classes are.
        """
        return 0.0

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """The expected mean and standard deviation of a tensor of that shape.

        Args:
            shape: The shape of the whole tensor.
            dtype: A NumPy dtype or a name; None for float32. Of some laws the complex ones have another
                deviation than the real ones.

        Returns:
            Both, exact for the documented law; None where the class does not say.
        """
        return None


class RegionInitializer(Initializer):
    """The base class of initializers that can make any region of a tensor on its own.

    A subclass defines `fill_region`; calls, lazy arrays and in-place filling follow from it.
    """

    makes_regions: bool = True
    # The kinds of dtype that can be made, and what to do instead of asking for a complex one.
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
        with draw.backend.on_device():
            out = draw.backend.empty(lengths, row)
            self.fill_region(out, Region.whole(lengths), draw)
        return out

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a dtype of a kind that this initializer cannot make."""
        if dtype.kind not in self.kinds:
            remedy = self.kinds_remedy if dtype.kind == "complex" else ""
            require_kind(dtype, self.kinds, type(self).__name__, remedy)

    @abstractmethod
    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values of one region of the tensor into `out`, a C-contiguous array of its counts."""


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
        if (scope := current_scope()) is not None:
            return scope.next_draw()
        if self._entropy is None:
            # One dict operation, so that two threads cannot keep two different seeds.
            return seeded_draw(self.__dict__.setdefault("_entropy", secrets.randbits(64)))
        if not self._warned:
            # Past __setattr__, which frozen dataclasses forbid.
            self.__dict__["_warned"] = True
            message = f"{type(self).__name__} has no seed and was called more than once, which gives the same"
            message += (
                " values every time. For new values at every call write seed=initkit.SeedGenerator(); to"
            )
            message += f" keep these, write seed={self._entropy}."
            warnings.warn(message, UserWarning, stacklevel=_frames_of_this_package() + 1)
        return seeded_draw(self._entropy)


def _frames_of_this_package() -> int:
    """How many calls of this package are on the stack, this function's apart: the next one is the user's."""
    frame, number = sys._getframe(1), 0
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame, number = frame.f_back, number + 1
    return number


# A kind of value can become every later one.
_KIND_ORDER: tuple[Kind, ...] = ("bool", "integer", "float", "complex")
