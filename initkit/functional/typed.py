"""The makers of WeightInitializers.jl whose names say the dtype: `zeros16` to `randnC64`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentError
from initkit.functional.generators import drawing_from
from initkit.functional.partial import Partial, read_call
from initkit.initializer import Initializer
from initkit.initializers import Ones, RandomNormal, RandomUniform, Zeros

# ComplexF16 is missing, since NumPy has no such dtype.
_DTYPES = {"16": "float16", "32": "float32", "64": "float64", "C32": "complex64", "C64": "complex128"}

# What it is an array of, the formula, and the values.
_LAWS = {
    "zeros": ("zeros", "`w = 0`", "Every value is 0"),
    "ones": ("ones", "`w = 1`", "Every value is 1"),
    "rand": (
        "independent uniform values",
        "`w ~ U[0, 1)`",
        "Its values are those of `RandomUniform(0.0, 1.0)`",
    ),
    "randn": (
        "independent standard normal values",
        "`w ~ N(0, 1)`",
        "Its values are those of `RandomNormal(0.0, 1.0)`",
    ),
}
_COMPLEX_LAWS = {
    "rand": (
        "independent complex values, uniform on the unit square",
        "`w = a + ib`, `a, b ~ U[0, 1)`, as Julia's own `rand` has it",
        "Its parts are the pairs that `RandomUniform(0.0, 1.0)` makes of the shape `(lengths…, 2)`",
    ),
    "randn": (
        "independent standard complex normal values",
        "`w = (a + ib)/√2`, `a, b ~ N(0, 1)`, so that `E|w|² = 1`, as Julia's own `randn` has it;\n"
        "    WeightInitializers' has 2",
        "Its values are those of `RandomNormal(0.0, 1.0)`",
    ),
}
_ROUNDED_UP = ",\n        float32 values rounded once, so 1 itself can come, once in 4096 values"

_DOCSTRING = """Make an array of {what}, as {dtype}.

    Formula: {formula}.

    Args:
        *arguments: `[generator], lengths…`: a `SeedGenerator` or none, which is the default generator, see
            `initkit.functional`; then the lengths, as integers or as one tuple of them.

    Returns:
        An array of dtype {dtype} and that shape on the generator's backend.
        {values}.
        Without lengths: a `Partial`, which waits for them.

    Raises:
        ArgumentError: A dtype is given; the name has it already.
        ArgumentTypeError: An argument is neither generator nor length.
        ShapeError: A length is negative.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> generator = ik.SeedGenerator(7)
        >>> init.{name}(generator, 2, 5).dtype, init.{name}(2, 5).shape, init.{name}()(2, 5).shape
        (dtype('{dtype}'), (2, 5), (2, 5))

    Reference:
        WeightInitializers.jl, `{name}`.
    """


def _typed_maker(law: str, suffix: str, initializer: Initializer) -> Callable[..., Any]:
    """A maker of one dtype, with a name and a documentation of its own."""
    name, row = law + suffix, resolve_dtype(_DTYPES[suffix])
    on_square = law == "rand" and row.kind == "complex"

    def maker(*arguments: Any, dtype: None = None) -> Any:
        call = read_call(name, arguments, dtype)
        if call.dtype is not None:
            message = f"{name} has its dtype in its name. Received: dtype {call.dtype.name!r}. Allowed: a"
            message += f" SeedGenerator or none, then lengths. Leave it out, or take another of {law}16,"
            message += f" {law}32, {law}64, {law}C32, {law}C64."
            raise ArgumentError(message)
        if call.shape is None:
            return Partial(maker, call.generator)
        with drawing_from(call.generator):
            if not on_square:
                return initializer(call.shape, row)
            pairs = initializer((*call.shape, 2), row.draw)
        # Flat first: of an array without elements NumPy cannot tell how long its last axis will be.
        return pairs.reshape(-1).view(row.numpy).reshape(call.shape)

    what, formula, values = (_COMPLEX_LAWS if row.kind == "complex" else {}).get(law, _LAWS[law])
    maker.__name__ = maker.__qualname__ = name
    maker.__doc__ = _DOCSTRING.format(
        name=name,
        what=what,
        dtype=row.name,
        formula=formula,
        values=values + _ROUNDED_UP * (name == "rand16"),
    )
    return maker


_ZEROS, _ONES = Zeros(), Ones()
_UNIFORM, _NORMAL = RandomUniform(0.0, 1.0), RandomNormal(0.0, 1.0)

zeros16 = _typed_maker("zeros", "16", _ZEROS)
zeros32 = _typed_maker("zeros", "32", _ZEROS)
zeros64 = _typed_maker("zeros", "64", _ZEROS)
zerosC32 = _typed_maker("zeros", "C32", _ZEROS)
zerosC64 = _typed_maker("zeros", "C64", _ZEROS)
ones16 = _typed_maker("ones", "16", _ONES)
ones32 = _typed_maker("ones", "32", _ONES)
ones64 = _typed_maker("ones", "64", _ONES)
onesC32 = _typed_maker("ones", "C32", _ONES)
onesC64 = _typed_maker("ones", "C64", _ONES)
rand16 = _typed_maker("rand", "16", _UNIFORM)
rand32 = _typed_maker("rand", "32", _UNIFORM)
rand64 = _typed_maker("rand", "64", _UNIFORM)
randC32 = _typed_maker("rand", "C32", _UNIFORM)
randC64 = _typed_maker("rand", "C64", _UNIFORM)
randn16 = _typed_maker("randn", "16", _NORMAL)
randn32 = _typed_maker("randn", "32", _NORMAL)
randn64 = _typed_maker("randn", "64", _NORMAL)
randnC32 = _typed_maker("randn", "C32", _NORMAL)
randnC64 = _typed_maker("randn", "C64", _NORMAL)
