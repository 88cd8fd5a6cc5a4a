"""What can be said of an initializer and a tensor: formula, numbers, fans, moments, bounds, parts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import inf, prod, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from initkit.documents import PlainData, write_inline
from initkit.dtypes import DType
from initkit.fans import Fans
from initkit.initializer import Initializer
from initkit.initializers import (
    ICNR,
    Blocks,
    Constant,
    Identity,
    LoRA,
    Ones,
    Overwrite,
    RandomUniform,
    Stack,
    TorchConv,
    TorchLinear,
    TorchMHA,
    TorchRNN,
    Transpose,
    TruncatedNormal,
    Zeros,
)
from initkit.initializers.composite import Modifier
from initkit.initializers.random import TRUNCATED_STD
from initkit.initializers.scale import Rescaled
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.recipe.writing.authoring import law_data
from initkit.region import Region
from initkit.serialization import encode

Shape: TypeAlias = tuple[int, ...]

_LONGEST_VALUE = 60
_MOST_LABELS = 8

# How far the values of a law that fans scale lie from 0, in their standard deviations.
_REACH = {"uniform": sqrt(3.0), "truncated_normal": 2 / TRUNCATED_STD}
# Other subclasses draw another law.
_DRAWN_AS_SAID = (ScaledByFan.fill_region, LoRA.fill_region)


class Bounds(NamedTuple):
    """Between which values all values lie, both included, but for roundings."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Law:
    """What an initializer makes of a tensor.

    Attributes:
        text: The initializer as a recipe has it, with the arguments that are no defaults.
        summary: Its first sentence of documentation.
        formula: Its formula, as `formula_of` gives it, or None. Of a table by one of the arguments, the line
            of that argument's value.
        arguments: Values of arguments that are given or that the formula names; of long ones a short text.
        shape: The tensor's shape.
        fans: The fans, and how they are read from the shape; None where they play no part.
        mean: The expected mean, or None where that is not known.
        std: The expected standard deviation, or None.
        bounds: Between which values all lie; None where there are no bounds, or none are known.
        parts: What the tensor is made of, if it is made by several initializers, or one inside another.
    """

    text: str
    summary: str
    formula: str | None
    arguments: tuple[tuple[str, PlainData], ...]
    shape: Shape
    fans: Fans | None
    mean: float | None
    std: float | None
    bounds: Bounds | None
    parts: tuple[tuple[str, Law], ...]


def law_of(initializer: Initializer, shape: Shape, dtype: DType) -> Law:
    """Say what an initializer makes of a tensor, without drawing anything.

    Args:
        initializer: Of a registered class.
        shape: A shape that it takes.
        dtype: A dtype that it takes.

    Returns:
        All that its class and its arguments say.

    Example:
        >>> import initkit as ik
        >>> from initkit.dtypes import resolve_dtype
        >>> law = law_of(ik.Scale("glorot_normal", 0.5), (2, 4), resolve_dtype("float32"))
        >>> law.text, law.arguments
        ('{scale: {initializer: glorot_normal, factor: 0.5}}', (('factor', 0.5),))
        >>> str(law.parts[0][1].fans)
        'fan_in=2, fan_out=4, receptive field 1, read as I=2 O=4'
    """
    moments = initializer.moments(shape, dtype)
    mean, std = moments or (None, None)
    formula = formula_of(type(initializer))
    if formula is not None:
        formula = "\n".join(_lines_for(initializer, formula.split("\n")))
    return Law(
        text=write_inline(law_data(initializer)),
        summary=(inspect.getdoc(type(initializer)) or "").partition("\n")[0],
        formula=formula,
        arguments=tuple(_arguments(initializer, formula or "")),
        shape=shape,
        fans=initializer.fans_of(shape) if isinstance(initializer, ScaledByFan) else None,
        mean=mean,
        std=std,
        bounds=bounds_of(initializer, shape, dtype),
        parts=tuple((label, law_of(part, inner, dtype)) for label, inner, part in _parts(initializer, shape)),
    )


def formula_of(cls: type) -> str | None:
    """What a class' docstring says under `Formula:`.

    Args:
        cls: A class.

    Returns:
        The paragraph on one line; then the lines of a table or of a list that follows it. None if there is
        no formula.

    Example:
        >>> import initkit as ik
        >>> formula_of(ik.Zeros)
        'w = 0.'
    """
    paragraphs = iter((inspect.getdoc(cls) or "").split("\n\n"))
    for paragraph in paragraphs:
        if paragraph.startswith("Formula:"):
            lines = [" ".join(paragraph.removeprefix("Formula:").split())]
            following = next(paragraphs, "")
            if following.startswith(("|", "- ")):
                lines += [line for line in following.split("\n") if not line.startswith("|---")]
            return "\n".join(lines).replace("`", "")
    return None


def _lines_for(initializer: Initializer, lines: list[str]) -> Iterator[str]:
    """The lines of a formula without those of a table that are for other values of an argument."""
    table = [line for line in lines if line.startswith("|")]
    argument = table[0].split("|")[1].strip() if table else ""
    value = f'"{getattr(initializer, argument, None)}"'
    chosen = [line for line in table if line.split("|")[1].strip() == value]
    for line in lines:
        if not chosen or line not in table or line in (table[0], *chosen):
            yield line


def _arguments(initializer: Initializer, formula: str) -> Iterator[tuple[str, PlainData]]:
    """What is given, and what the formula speaks of; initializers inside are parts, and no arguments."""
    parameters = inspect.signature(type(initializer)).parameters
    # A class of a user's that has a config of its own need not keep its arguments.
    for name in parameters:
        value = getattr(initializer, name, None)
        entries = value if isinstance(value, list) else [value]
        if name == "seed" or value is None or any(isinstance(entry, Initializer) for entry in entries):
            continue
        default = parameters[name].default
        if repr(_short(value)) != repr(_short(default)) or re.search(rf"\b{name}\b", formula):
            yield name, _short(value)


def _short(value: Any) -> PlainData:
    """A value as plain data; of arrays and of long ones a text."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {list(value.shape)}"
    if value is inspect.Parameter.empty or isinstance(value, type):
        return ""
    data: PlainData = encode(value)
    text = write_inline(data)
    return data if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def shown_value(value: PlainData) -> str:
    """A value of an argument as text.

    Args:
        value: As `Law.arguments` has it.

    Returns:
        Floats with six digits; anything else on one line.

    Example:
        >>> shown_value(1 / 3), shown_value([1, 2]), shown_value("fan_in")
        ('0.333333', '[1, 2]', 'fan_in')
    """
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else write_inline(value)


def _parts(initializer: Initializer, shape: Shape) -> Iterator[tuple[str, Shape, Initializer]]:
    """What a tensor is made of: a label, a shape and an initializer each; equal neighbours are one."""
    if isinstance(initializer, (Blocks, Stack)):
        kind = "block" if isinstance(initializer, Blocks) else "slice"
        pieces = _pieces(initializer, shape)
        for _, group in groupby(pieces, lambda piece: (piece.law, piece.shape)):
            alike = list(group)
            labels = [piece.label for piece in alike]
            listed = ", ".join(labels) if len(labels) <= _MOST_LABELS else f"{labels[0]} to {labels[-1]}"
            several = f"{len(alike)} {kind}s" if len(alike) > 1 else kind
            yield f"{several} along axis {initializer.axis}: {listed}", alike[0].shape, alike[0].initializer
    elif isinstance(initializer, Overwrite):
        yield "initializer", shape, initializer.initializer
        if isinstance(initializer.value, Initializer):
            _, kept = Region.from_index(shape, initializer._index)
            yield f"value at [{initializer.where}]", kept, initializer.value
    elif isinstance(initializer, (Transpose, ICNR)):
        yield "initializer", initializer._inner(shape), initializer.initializer
    elif isinstance(initializer, Modifier):
        yield "initializer", shape, initializer.initializer


class _Piece(NamedTuple):
    """One block, or one slice."""

    label: str
    law: str
    shape: Shape
    initializer: Initializer


def _pieces(initializer: Blocks | Stack, shape: Shape) -> list[_Piece]:
    """Every block or slice."""
    if isinstance(initializer, Blocks):
        shapes = initializer._shapes(shape)
    else:
        shapes = [initializer._inner(shape)] * shape[initializer.axis]
    labels = initializer.names or [str(number) for number in range(len(shapes))]
    members = initializer.initializers
    each: list[Initializer] = members if isinstance(members, list) else [members] * len(shapes)
    # One initializer may make hundreds of slices.
    texts = {id(member): write_inline(law_data(member)) for member in each}
    return [
        _Piece(label, texts[id(member)], inner, member)
        for label, inner, member in zip(labels, shapes, each, strict=True)
    ]


def bounds_of(initializer: Initializer, shape: Shape, dtype: DType) -> Bounds | None:
    """Between which values all values of a law lie.

    Args:
        initializer: The initializer.
        shape: A shape that it takes.
        dtype: A dtype that it takes.

    Returns:
        The least and the greatest value of the law, infinite where it has an end on one side only; values
        can leave them by a rounding. None for laws without an end, for complex dtypes, and for classes of
        which it is not known.

    Example:
        >>> import initkit as ik
        >>> from initkit.dtypes import resolve_dtype
        >>> bounds_of(ik.TruncatedNormal(stddev=0.5), (2,), resolve_dtype("float32"))
        Bounds(low=-1.0, high=1.0)
    """
    if dtype.kind == "complex" or 0 in shape:
        return None
    if isinstance(initializer, (Blocks, Stack)):
        return _hull(
            bounds_of(piece.initializer, piece.shape, dtype) for piece in _pieces(initializer, shape)
        )
    if isinstance(initializer, Rescaled):
        inner = bounds_of(initializer.initializer, shape, dtype)
        ends = [] if inner is None else [initializer.factor_for(shape) * end for end in inner]
        return Bounds(min(ends), max(ends)) if ends else None
    if isinstance(initializer, (Transpose, ICNR)):
        return bounds_of(initializer.initializer, initializer._inner(shape), dtype)
    return _own_bounds(initializer, shape)


def _hull(parts: Iterable[Bounds | None]) -> Bounds | None:
    """The bounds of several laws together, if all have some."""
    known = list(parts)
    bounds = [part for part in known if part is not None]
    if len(bounds) < len(known):
        return None
    return Bounds(min(part.low for part in bounds), max(part.high for part in bounds))


def _own_bounds(initializer: Initializer, shape: Shape) -> Bounds | None:
    """The bounds of a law that is made of no others."""
    if isinstance(initializer, RandomUniform):
        return Bounds(initializer.minval, initializer.maxval)
    if isinstance(initializer, (Zeros, Ones)):
        return Bounds(*[float(isinstance(initializer, Ones))] * 2)
    if isinstance(initializer, Constant):
        values = np.asarray(initializer.value)
        return None if values.dtype.kind == "c" else Bounds(float(values.min()), float(values.max()))
    if isinstance(initializer, Identity):
        ends = [initializer.gain] if prod(shape) == 1 else [0.0, initializer.gain]
        return Bounds(min(ends), max(ends))
    if isinstance(initializer, TruncatedNormal):
        law = initializer._law(is_complex=False)
        # Without deviation there is but the mean, and infinity times zero is no number.
        ends = [law.mean + law.std * end if law.std else law.mean for end in (law.lower, law.upper)]
        return None if ends == [-inf, inf] else Bounds(*ends)
    if isinstance(initializer, ScaledByFan) and type(initializer).fill_region in _DRAWN_AS_SAID:
        stddev = initializer.stddev(shape)
        reach = _REACH.get(initializer.distribution, inf if stddev else 0.0)
        return None if reach == inf else Bounds(0.0 - reach * stddev, reach * stddev)
    if isinstance(initializer, (TorchLinear, TorchConv, TorchRNN, TorchMHA)):
        bound = initializer.bound(shape)
        return Bounds(-bound, bound)
    return None
