"""Values that a rule takes over from a safetensors file."""

from __future__ import annotations

import os
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from initkit.dtypes import DType, resolve_dtype, rounded
from initkit.errors import DTypeError, FileFormatError, file_access_error
from initkit.initializer import BUFFER_ELEMENTS
from initkit.io import FileReader, Layout, StoredTensor, read_header
from initkit.io.positional import as_bytes
from initkit.recipe.language.place import Place
from initkit.recipe.planning.sources import open_checkpoint, path_of
from initkit.region import Region
from initkit.targets import as_target, note_written


class StoredArray:
    """A tensor in a safetensors file, whose values are read when they are needed.

    Args:
        path: The file.
        stored: What its header says of the tensor.
        dtype: The dtype that its values are wanted in.

    Attributes:
        path: The file.
        name: The tensor's name in it.
        shape: Its shape.
    """

    def __init__(self, path: Path, stored: StoredTensor, dtype: DType) -> None:
        self.path = path
        self.name = stored.name
        self.shape = stored.shape
        self._tensor = stored
        self._stored = resolve_dtype(stored.dtype_name)
        self._row = dtype

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the values."""
        return self._row.numpy

    def __getitem__(self, index: Any) -> Any:
        """The values at an index, as a new array; indices are those of `LazyArray`."""
        region, shape = Region.from_index(self.shape, index)
        values = np.empty(region.counts, self._row.numpy)
        self.fill(values, region)
        values = values.reshape(shape)
        parts = index if isinstance(index, tuple) else (index,)
        return values if shape or any(part is Ellipsis for part in parts) else values[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The whole tensor."""
        whole: np.ndarray[Any, Any] = self[...]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def fill(self, out: np.ndarray[Any, Any], region: Region) -> None:
        """Write the values of a region into an array of its counts, rounded once if the dtypes differ.

        Args:
            out: A C-contiguous array.
            region: A region of the tensor.

        Raises:
            FileAccessError: The file cannot be read any more.
            FileFormatError: It is not what it was when the recipe was planned.
        """
        if not region.size:
            return
        try:
            with FileReader(self.path, self._layout_now()) as reader:
                if self._stored is self._row:
                    self._read(reader, out, region)
                    return
                values = np.empty(region.counts, self._stored.numpy)
                self._read(reader, values, region)
                out[...] = rounded(values, self._row)
        except OSError as error:
            raise file_access_error(
                error.errno, error.strerror or str(error), os.fspath(self.path)
            ) from error

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the values' bytes in the wanted dtype, in hexadecimal; all are read for it."""
        digest = sha256()
        whole = Region.whole(self.shape)
        for box in whole.boxes(BUFFER_ELEMENTS):
            part = whole.part(box)
            values = np.empty(part.counts, self._row.numpy)
            self.fill(values, part)
            digest.update(as_bytes(values))
        return digest.hexdigest()

    def write_to(self, array: Any) -> None:
        """Write all values into an array that exists, in the array's own dtype.

        Args:
            array: What `Initializer.fill` takes, of this shape.
        """
        target, backend = as_target(array)
        row = resolve_dtype(target.dtype)
        wanted = StoredArray(self.path, self._tensor, row)
        whole = Region.whole(self.shape)
        for box in whole.boxes(BUFFER_ELEMENTS):
            part = whole.part(box)
            values = np.empty(part.counts, row.numpy)
            wanted.fill(values, part)
            backend.put(target, box, values)
        note_written(array)

    def _layout_now(self) -> Layout:
        """The file's header, which is read again if the file is another one by its time or size."""
        status = self.path.stat()
        layout = _layout(self.path, status.st_mtime_ns, status.st_size)
        stored = layout.tensors.get(self.name)
        if stored is None or stored.shape != self.shape or stored.dtype_name != self._stored.name:
            message = f"{self.path} has changed: tensor {self.name!r} is not there any more as it was."
            msg = f"{message} Plan the recipe again."
            raise FileFormatError(msg)
        return layout

    def _read(self, reader: FileReader, out: np.ndarray[Any, Any], region: Region) -> None:
        """Read run after run: of the region's last axes, those that lie together in the file."""
        together = _contiguous_axes(region)
        outer = len(region.counts) - together
        strides = [int(np.prod(self.shape[axis + 1 :], dtype=object)) for axis in range(len(self.shape))]
        runs = out.reshape(*region.counts[:outer], -1)
        for position in product(*(range(count) for count in region.counts[:outer])):
            at = [*position, *[0] * together]
            index = (
                start + step * number
                for start, step, number in zip(region.starts, region.steps, at, strict=True)
            )
            first = sum(number * stride for number, stride in zip(index, strides, strict=True))
            reader.read_into(runs[position], self.name, first * self._stored.numpy.itemsize)


def _contiguous_axes(region: Region) -> int:
    """How many of the last axes make one run of the file: whole ones, and one range of steps of 1 before."""
    axes = 0
    for length, step, count in zip(
        reversed(region.shape), reversed(region.steps), reversed(region.counts), strict=True
    ):
        if step != 1 and count > 1:
            break
        axes += 1
        if count != length:
            break
    return axes


@lru_cache(maxsize=64)
def _layout(path: Path, modified: int, size: int) -> Layout:
    return read_header(path)


class Checkpoints:
    """The files that the rules of one recipe copy from; each header is read once."""

    def __init__(self) -> None:
        self._layouts: dict[Path, dict[str, tuple[Path, StoredTensor]]] = {}

    def find(
        self, file: str, name: str, shape: tuple[int, ...], dtype: DType, place: Place, who: str
    ) -> StoredArray:
        """The tensor that a rule copies.

        Args:
            file: The path as the recipe has it, of a safetensors file or a sharded checkpoint.
            name: The tensor's name there.
            shape: The shape that it must have.
            dtype: The dtype that it gets.
            place: Where the recipe says so.
            who: The tensor here, for messages.

        Returns:
            The array.

        Raises:
            RecipeError: The file cannot be read, or has no such tensor, or one of another shape or kind.
        """
        path = path_of(file, place)
        tensors = self._tensors(path, place, who)
        if name not in tensors:
            msg = f"{who} is copied from {name!r} in {path}, which has no such tensor. Correct it."
            raise place.error(msg)
        holder, stored = tensors[name]
        if stored.shape != shape:
            wrong = (
                f"{who} of shape {shape} is copied from {name!r} in {path}, which has shape {stored.shape}."
            )
            raise place.error(wrong, "Only tensors of equal shapes can be copied.")
        try:
            kind = resolve_dtype(stored.dtype_name).kind
        except DTypeError as error:
            msg = f"{who} cannot be copied: {error}"
            raise place.error(msg) from error
        if kind != dtype.kind:
            wrong = f"{who} of dtype {dtype.name} is copied from {name!r}, which is {stored.dtype_name}."
            raise place.error(wrong, f"Allowed: {dtype.kind} dtypes. Give the tensor such a dtype.")
        return StoredArray(holder, stored, dtype)

    def _tensors(self, path: Path, place: Place, who: str) -> dict[str, tuple[Path, StoredTensor]]:
        if path not in self._layouts:
            try:
                with open_checkpoint(path) as checkpoint:
                    found = {
                        name: (checkpoint.file_of(name), stored)
                        for name, stored in checkpoint.tensors.items()
                    }
                self._layouts[path] = found
            except OSError as error:
                reason = file_access_error(error.errno, error.strerror or str(error), os.fspath(path))
                msg = f"{who} cannot be copied: {reason}"
                raise place.error(msg) from error
            except FileFormatError as error:
                msg = f"{who} cannot be copied: {error}"
                raise place.error(msg) from error
        return self._layouts[path]
