"""Initializers as Dask arrays; Dask is imported when a function of this module is called."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from initkit.errors import ArgumentError, ArgumentTypeError, BackendError
from initkit.initializer import Initializer
from initkit.lazy import LazyArray
from initkit.serialization import get

__all__ = ["from_initializer"]


def from_initializer(initializer: Any, shape: Any, chunks: Any = "auto", dtype: Any = None) -> Any:
    """Make a Dask array of the values that an initializer gives, each chunk drawn on its own.

    Formula: `from_initializer(initializer, shape, chunks, dtype)[index].compute() = initializer(shape,
    dtype)[index]`, to the bit, whatever the chunks, the scheduler and the machines; `Orthogonal`'s values,
    which are matrix products, agree to the tolerance that it states.

    A chunk depends on no other and on no file, so nothing is sent between workers and a lost chunk is drawn
    again. A slice of the Dask array draws that part of each chunk alone. The draw is taken now, so that all
    chunks belong to one tensor.

    Dask's distributed scheduler cannot send arrays of float8_e5m2 between processes, whoever made them, since
    NumPy does not know the name `<f1` that it gives them. Have the workers use them up, or view them as
    uint8.

    Args:
        initializer: An initializer, or whatever `initkit.get` makes one of: a name, a config, a class.
        shape: The shape of the whole tensor, which fans are counted from.
        chunks: As `dask.array.from_array` takes them: a length or a tuple of lengths for every axis, a
            number of bytes as text, -1 for whole axes, `"auto"` for chunks of Dask's configured size.
        dtype: A NumPy dtype or a name; None for float32.

    Returns:
        A `dask.array.Array` of that shape and dtype. Its chunks are arrays of the backend of the seed's
        generator: NumPy's, or CuPy's for `SeedGenerator(7, backend="cupy")`. Equal configs, shapes, dtypes,
        draws and chunks have equal keys, in every process.

    Raises:
        BackendError: Dask is not installed.
        ArgumentTypeError: It is no initializer of initkit; or one that can only make a whole tensor, because
            it defines `__call__` alone, or is made of one that does.
        ArgumentError: Dask cannot cut the shape into such chunks.
        ShapeError: The shape does not fit the initializer.
        DTypeError: The dtype is unknown, or cannot be made.
        UnknownNameError: No initializer has that name.

    Example:
        >>> import initkit as ik
        >>> init = ik.HeNormal(seed=7)
        >>> weight = ik.dask.from_initializer(init, (1_000_000, 16_384), "128 MiB", "bfloat16")
        >>> weight.npartitions, weight[512:1024, ::4096].shape
        (246, (512, 4))
        >>> part = weight[512:1024, ::4096].compute(scheduler="synchronous")
        >>> bool((part == init.lazy(weight.shape, "bfloat16")[512:1024, ::4096]).all())
        True

    Reference:
        Dask, `dask.array.from_array`.
    """
    array = _imported_dask_array()
    found = _sliceable(initializer)
    lazy = found.lazy(shape, dtype)
    try:
        lengths = array.core.normalize_chunks(chunks, lazy.shape, dtype=lazy.dtype)
    except (ValueError, TypeError, NotImplementedError, ArithmeticError) as error:
        # Of chunks of no elements, Dask only says that it has divided by zero.
        reason = "chunks have to have elements" if isinstance(error, ZeroDivisionError) else str(error)
        message = f"Dask cannot cut the tensor so: {reason.rstrip('.')}. Received: chunks={chunks!r:.100}"
        message += f" for shape {lazy.shape}. Allowed: what dask.array.from_array takes. Write 'auto', -1, or"
        message += " a length for every axis."
        raise ArgumentError(message) from error
    # Inline: a chunk's task holds the description of the tensor, and waits for no task that would hold it.
    return array.from_array(
        lazy, lengths, name=_name(found, lazy, lengths), inline_array=True, meta=_empty(lazy)
    )


def _sliceable(identifier: Any) -> Initializer:
    """The initializer that is meant, if its chunks are slices of one tensor."""
    found = get(identifier)
    if not isinstance(found, Initializer):
        message = f"Only initkit's initializers can be drawn in chunks. Received: {identifier!r:.100} of type"
        message += f" {type(identifier).__name__}. Allowed: an initializer, its name or its config. Derive"
        message += " your class from initkit.Initializer."
        raise ArgumentTypeError(message)
    if not found.makes_regions:
        # Every worker would make the whole tensor for each of its chunks, and nobody knows whether the same.
        message = f"This initializer makes whole tensors alone. Received: {found!r:.200}. Allowed: those"
        message += " whose makes_regions is true. Give the class a fill_region; or make the tensor once, and"
        message += " hand it over with dask.array.from_array(initializer(shape, dtype), chunks)."
        raise ArgumentTypeError(message)
    return found


def _name(initializer: Initializer, lazy: LazyArray, lengths: Any) -> str:
    """What Dask calls the array: equal for equal values in equal chunks, and for no others."""
    from dask.base import tokenize

    cls = type(initializer)
    return f"{cls.__name__}-{tokenize(cls.__module__, cls.__qualname__, lazy, lengths)}"


def _empty(lazy: LazyArray) -> Any:
    """An array without elements, of the class that the chunks will have."""
    return lazy[(slice(0, 0),) * lazy.ndim] if lazy.ndim else lazy[...]


def _imported_dask_array() -> Any:
    """`dask.array`, or an error that says what to install."""
    try:
        if find_spec("dask") is None:
            msg = "it is not installed"
            raise ImportError(msg)
        import dask.array
    except (ImportError, ValueError) as error:
        reason = str(error).rstrip(".") or f"importing it raises {type(error).__name__}"
        message = f"Dask cannot be used: {reason}. Received: a call that makes a Dask array. Allowed: Dask"
        message += " with its arrays. Install it with `pip install 'dask[array,distributed]'`."
        raise BackendError(message) from error
    return dask.array
