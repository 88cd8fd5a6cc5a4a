"""Whether a file holds what its own recipe says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np

from initkit.draws import STREAM_VERSION
from initkit.dtypes import DType
from initkit.errors import FileFormatError, file_access_error
from initkit.io import FileReader, StoredTensor
from initkit.recipe.build import RECIPE_KEY, STREAM_KEY
from initkit.recipe.drawing import PIECE_BYTES, Piece, ProgressCallback, draw_pieces
from initkit.recipe.parse import parse_recipe
from initkit.recipe.plan import Plan, PlannedTensor, make_plan

Array: TypeAlias = np.ndarray[Any, Any]
Status: TypeAlias = Literal["ok", "changed", "dtype", "shape", "missing", "unexpected"]


@dataclass(frozen=True, slots=True)
class TensorCheck:
    """What became of one tensor.

    Attributes:
        name: The tensor.
        status: `"ok"`; `"changed"` values; another `"dtype"` or `"shape"`; `"missing"` from the file; or
            `"unexpected"`, as the recipe does not have it.
        expected: Dtype and shape by the recipe, or None.
        found: Dtype and shape in the file, or None.
        changed: How many values differ.
        first: The index of the first value that differs, or None.
        difference: The largest absolute difference, or None; NaN where a value is no number.
    """

    name: str
    status: Status
    expected: str | None
    found: str | None
    changed: int = 0
    first: tuple[int, ...] | None = None
    difference: float | None = None

    def describe(self) -> str:
        """What is to be said about it, in a few words.

        Example:
            >>> TensorCheck("w", "changed", "float32 (8,)", "float32 (8,)", 2, (3,), 0.5).describe()
            '2 values differ, first at [3], by up to 0.5'
        """
        if self.status == "changed":
            values = "1 value differs" if self.changed == 1 else f"{self.changed:,} values differ"
            return f"{values}, first at {list(self.first or ())}, by up to {self.difference:.3g}"
        if self.status in ("dtype", "shape"):
            return f"{self.found} instead of {self.expected}"
        return self.found or self.expected or ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of every tensor of a file and of its recipe.

    Attributes:
        path: The file.
        plan: What the recipe in the file says.
        tensors: One check per tensor: those of the recipe in its order, then those that it does not have.
        nbytes: How many bytes of values were compared.
    """

    path: Path
    plan: Plan
    tensors: tuple[TensorCheck, ...]
    nbytes: int

    @property
    def ok(self) -> bool:
        """Whether the file holds exactly what its recipe says."""
        return all(check.status == "ok" for check in self.tensors)


def verify(path: str | os.PathLike[str], *, progress: ProgressCallback | None = None) -> Verification:
    """Draw the tensors of a file once more from the recipe inside it, and compare.

    Values are compared bit by bit; those of `Orthogonal`, which depend on the machine, within the tolerance
    that it promises.

    Args:
        path: A safetensors file that `Recipe.build` made.
        progress: Called with the bytes compared, and those of all tensors, after every piece.

    Returns:
        What became of every tensor.

    Raises:
        FileFormatError: The file is no safetensors file, has no recipe in it, or was drawn by another stream.
        RecipeError: The recipe in it names classes that are not registered here, or has no meaning otherwise.
        FileAccessError: The file cannot be read.

    Example:
        >>> import tempfile
        >>> from initkit.recipe import Recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: he_normal}]}"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = Recipe.from_text(text).build(Path(folder) / "model.safetensors")
        ...     verify(report.path).ok
        True
    """
    with _open(path) as reader:
        plan = _read_plan(reader, path)
        comparison = _Comparison(reader)
        same_form = [tensor for tensor in plan.tensors if _form_status(tensor, reader) == "ok"]
        draw_pieces(same_form, comparison.compare, progress=progress, piece_bytes=PIECE_BYTES)
        checks = [_check(tensor, reader, comparison) for tensor in plan.tensors]
        expected = {tensor.name for tensor in plan.tensors}
        for name, stored in reader.layout.tensors.items():
            if name not in expected:
                checks.append(TensorCheck(name, "unexpected", None, _form(stored.dtype_name, stored.shape)))
    return Verification(Path(path), plan, tuple(checks), sum(tensor.nbytes for tensor in same_form))


def _open(path: str | os.PathLike[str]) -> FileReader:
    try:
        return FileReader(path)
    except OSError as error:
        raise file_access_error(error.errno, error.strerror or str(error), os.fspath(path)) from error


def _read_plan(reader: FileReader, path: str | os.PathLike[str]) -> Plan:
    metadata = reader.layout.metadata
    if RECIPE_KEY not in metadata:
        message = (
            f"{os.fspath(path)} has no recipe in it. Received: metadata {', '.join(metadata) or 'none'}."
        )
        message += f" Allowed: files with {RECIPE_KEY!r}. Build it with `initkit build`."
        raise FileFormatError(message)
    stream = metadata.get(STREAM_KEY)
    if stream != str(STREAM_VERSION):
        message = f"{os.fspath(path)} was drawn by another stream. Received: {stream!r}. Allowed:"
        message += f" {STREAM_VERSION}. Use the version of initkit that made it."
        raise FileFormatError(message)
    return make_plan(parse_recipe(metadata[RECIPE_KEY], f"{os.fspath(path)} (recipe)"))


def _form(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {shape}"


def _form_status(tensor: PlannedTensor, reader: FileReader) -> Status:
    """Whether a tensor is in the file at all, and of the right form."""
    stored = reader.layout.tensors.get(tensor.name)
    if stored is None:
        return "missing"
    if stored.dtype_name != tensor.dtype.name:
        return "dtype"
    return "ok" if stored.shape == tensor.shape else "shape"


def _check(tensor: PlannedTensor, reader: FileReader, comparison: _Comparison) -> TensorCheck:
    stored: StoredTensor | None = reader.layout.tensors.get(tensor.name)
    expected = _form(tensor.dtype.name, tensor.shape)
    found = None if stored is None else _form(stored.dtype_name, stored.shape)
    change = comparison.changes.get(tensor.name)
    if change is None:
        return TensorCheck(tensor.name, _form_status(tensor, reader), expected, found)
    first = tuple(int(at) for at in np.unravel_index(change.first, tensor.shape))
    return TensorCheck(tensor.name, "changed", expected, found, change.count, first, change.difference)


@dataclass(slots=True)
class _Change:
    """The values of one tensor that differ."""

    first: int
    count: int = 0
    difference: float = 0.0


class _Comparison:
    """Compares pieces with the bytes of a file, and keeps what differs."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self._memory = np.empty(PIECE_BYTES, np.uint8)
        self.changes: dict[str, _Change] = {}

    def compare(self, piece: Piece) -> None:
        """Compare one piece."""
        drawn = piece.values
        if drawn.nbytes > self._memory.nbytes:
            self._memory = np.empty(drawn.nbytes, np.uint8)
        stored = self._memory[: drawn.nbytes].view(drawn.dtype)
        self._reader.read_into(stored, piece.tensor.name, piece.start * drawn.itemsize)
        if np.array_equal(_as_words(drawn), _as_words(stored)):
            return
        bits = np.dtype(f"u{drawn.itemsize}")
        differs = drawn.view(bits) != stored.view(bits)
        wide = np.complex128 if drawn.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            distances = np.abs(stored[differs].astype(wide) - drawn[differs].astype(wide))
        positions = np.flatnonzero(differs)
        if piece.tensor.tolerance:
            beyond = ~(distances <= _allowed(piece.tensor, drawn[differs]))
            positions, distances = positions[beyond], distances[beyond]
        if positions.size:
            change = self.changes.setdefault(piece.tensor.name, _Change(piece.start + int(positions[0])))
            change.count += positions.size
            # max, and not Python's: NaN must not be lost.
            change.difference = float(np.max([change.difference, distances.max()]))


def _as_words(values: Array) -> Array:
    """The same bytes as few large integers, which are faster to compare."""
    return values.view(np.uint8) if values.nbytes % 8 else values.view(np.uint64)


def _allowed(tensor: PlannedTensor, values: Array) -> Array | float:
    """How far stored values may be from drawn ones; roundings of a narrower dtype can fall the other way."""
    dtype: DType = tensor.dtype
    if dtype.numpy.itemsize >= dtype.draw.itemsize:
        return tensor.tolerance
    form = ml_dtypes.finfo(dtype.numpy)  # type: ignore[no-untyped-call]  # the package types it so
    step = np.abs(values.astype(np.float64)) * float(form.eps)
    return tensor.tolerance + np.maximum(step, float(form.smallest_subnormal))
