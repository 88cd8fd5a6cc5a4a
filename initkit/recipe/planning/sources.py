"""Tensors that other files name: safetensors files by their headers, sharded checkpoints, lists of shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from initkit.documents import Document, Limits, PlainData, read_json, read_yaml
from initkit.errors import ConfigError, FileFormatError, RecipeError, file_access_error
from initkit.io import DTYPE_NAMES, read_header
from initkit.recipe.planning.selection import NameSelection
from initkit.recipe.text.place import Place
from initkit.recipe.text.reading import shown
from initkit.recipe.text.specs import SourceSpec

# As many tensors as a recipe may have, each with some axes.
_LIMITS = Limits(text=1 << 28, depth=8, nodes=16_000_000)
_CODES = {code: name for name, code in DTYPE_NAMES.items()}
_INDEX_SUFFIX = ".safetensors.index.json"


class FoundTensor(NamedTuple):
    """A tensor that a file names.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its dtype's name, or None where the file does not say.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None


def find_tensors(source: SourceSpec, who: str) -> Iterator[FoundTensor]:
    """Read the names, shapes and dtypes in a source, and nothing else of it.

    Args:
        source: An entry of `from`.
        who: The entry, for messages.

    Yields:
        The tensors that it selects, under their names here, in the order of the file.

    Raises:
        RecipeError: The file cannot be read, or is none that names tensors; a pattern matches nothing.
    """
    selection = NameSelection(source.selection, source.place, who)
    for found in _read(path_of(source.file, source.place), source.place, who):
        name = selection.new_name(found.name)
        if name is not None:
            yield FoundTensor(name, found.shape, source.dtype or found.dtype)
    selection.check_used()


def path_of(file: str, place: Place) -> Path:
    """A path in a recipe, which is relative to the folder that the recipe is in.

    Args:
        file: The path as it was written.
        place: Where it stands.

    Returns:
        The path from the working directory.
    """
    return Path(place.file).parent / Path(file).expanduser()


def checkpoint_files(path: Path) -> list[Path]:
    """The safetensors files of a checkpoint.

    Args:
        path: A file, the index of a sharded checkpoint, or a folder with either.

    Returns:
        The files, in the order in which the index first names them.

    Raises:
        FileFormatError: The index is none, or names files elsewhere; the folder has no checkpoint.
        OSError: Something cannot be read.
    """
    if path.is_dir():
        indexes = sorted(path.glob(f"*{_INDEX_SUFFIX}"))
        files = indexes or sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            message = f"{path} is no folder of one checkpoint. Received: {len(files)} of its files."
            message += f" Allowed: one *{_INDEX_SUFFIX}, or one *.safetensors. Name the file itself."
            raise FileFormatError(message)
        path = files[0]
    if path.suffix != ".json":
        return [path]
    names = _weight_map(_document(path).data)
    if names is None:
        message = f"{path} is no index of a sharded checkpoint: it has no `weight_map` of texts."
        msg = f"{message} Write or download it again."
        raise FileFormatError(msg)
    for name in names:
        if Path(name).name != name or name in ("", ".", ".."):
            message = f"{path} names a file in another folder. Received: {name!r:.80}."
            msg = f"{message} Allowed: files beside it. Correct the index."
            raise FileFormatError(msg)
    return [path.parent / name for name in dict.fromkeys(names)]


def _read(path: Path, place: Place, who: str) -> Iterator[FoundTensor]:
    """Everything that a file names."""
    try:
        if path.is_dir() or path.suffix == ".safetensors":
            yield from _stored(path)
        elif path.suffix in (".json", ".yaml", ".yml"):
            document = _document(path)
            yield from _stored(path) if _weight_map(document.data) else _listed(document)
        else:
            wrong = f"{who} is a file of no known kind. Received: {path.name!r}."
            allowed = (
                "Allowed: .safetensors, an index .json, a .json or .yaml of shapes, a folder of a checkpoint."
            )
            raise place.error(wrong, allowed, "Rename it, or convert it.")
    except OSError as error:
        reason = file_access_error(error.errno, error.strerror or str(error), str(path))
        msg = f"{who} cannot be read: {reason}"
        raise place.error(msg) from error
    except (FileFormatError, ConfigError) as error:
        if isinstance(error, RecipeError):
            raise
        msg = f"{who} cannot be read: {error}"
        raise place.error(msg) from error


def _stored(path: Path) -> Iterator[FoundTensor]:
    """The tensors in the headers of a checkpoint."""
    for file in checkpoint_files(path):
        for stored in read_header(file).tensors.values():
            yield FoundTensor(stored.name, stored.shape, stored.dtype_name)


def _document(path: Path) -> Document:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 text: {error.reason} at byte {error.start}. Save it as UTF-8."
        raise FileFormatError(message) from None
    read = read_json if path.suffix == ".json" else read_yaml
    return read(text, file=str(path), limits=_LIMITS)


def _weight_map(data: PlainData) -> list[str] | None:
    """The files that an index of a sharded checkpoint names; None where the data are no index."""
    weights = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(weights, dict) or not weights:
        return None
    names = [name for name in weights.values() if isinstance(name, str)]
    return names if len(names) == len(weights) else None


def _listed(document: Document) -> Iterator[FoundTensor]:
    """The tensors of a mapping of names to shapes, or to shapes and dtypes."""
    if not isinstance(document.data, dict):
        raise document.error_at((), f"the file must map names to shapes. Received: {shown(document.data)}.")
    for name, entry in document.data.items():
        dtype = entry.get("dtype") if isinstance(entry, dict) else None
        shape = entry.get("shape") if isinstance(entry, dict) else entry
        lengths = [length for length in shape if type(length) is int] if isinstance(shape, list) else None
        if not isinstance(shape, list) or lengths != shape or min(lengths, default=0) < 0:
            wrong = (
                f"tensor {name!r} has no shape. Received: {shown(shape)}. Allowed: a list of integers from 0"
            )
            raise document.error_at((name,), f"{wrong} up, or {{shape: [...], dtype: ...}}. Correct it.")
        if dtype is not None and not isinstance(dtype, str):
            wrong = f"tensor {name!r} has no dtype that can be read. Received: {shown(dtype)}."
            raise document.error_at((name,), f"{wrong} Allowed: a name, such as float32. Correct it.")
        yield FoundTensor(name, tuple(lengths), _CODES.get(dtype, dtype) if dtype else None)
