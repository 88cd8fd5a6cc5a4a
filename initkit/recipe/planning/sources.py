"""Tensors that other files name: safetensors files by their headers, sharded checkpoints, lists of shapes."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from initkit.documents import Document, Limits, PlainData, read_json, read_yaml
from initkit.errors import ConfigError, FileFormatError, RecipeError, file_access_error
from initkit.io import DTYPE_NAMES, Checkpoint
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.place import Place
from initkit.recipe.planning.selection import NameSelection
from initkit.recipe.text.reading import as_texts, shown
from initkit.recipe.text.specs import SourceSpec

# As many tensors as a recipe may have, each with some axes.
_LIMITS = Limits(text=1 << 28, depth=8, nodes=16_000_000)
_CODES = {code: name for name, code in DTYPE_NAMES.items()}


class FoundTensor(NamedTuple):
    """A tensor that a file names.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its dtype's name, or None where the file does not say.
        layers: The types of the layers that hold it, where the file says so.
        tags: Words about it, where the file has any.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None
    layers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def find_tensors(source: SourceSpec, who: str, variables: Mapping[str, Number]) -> Iterator[FoundTensor]:
    """Read the names, shapes and dtypes in a source, and nothing else of it.

    Args:
        source: An entry of `from`.
        who: The entry, for messages.
        variables: The values of variables, for the ends of ranges in its patterns.

    Yields:
        The tensors that it selects, under their names here, in the order of the file.

    Raises:
        RecipeError: The file cannot be read, or is none that names tensors; a pattern matches nothing.
    """
    selection = NameSelection(source.selection, source.place, who, variables)
    for found in _read(path_of(source.file, source.place), source.place, who):
        name = selection.new_name(found.name)
        if name is not None:
            yield FoundTensor(name, found.shape, source.dtype or found.dtype, found.layers, found.tags)
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


def open_checkpoint(path: Path) -> Checkpoint:
    """The tensors of a checkpoint, all files of which are there.

    Args:
        path: A safetensors file, the index of a sharded checkpoint, or a folder with either.

    Returns:
        The checkpoint, to be closed.

    Raises:
        FileFormatError: The index is none, or names files elsewhere; the folder has no checkpoint.
        FileAccessError: Something cannot be read, or a file of the index is missing.
    """
    checkpoint = Checkpoint(path)
    if checkpoint.absent:
        checkpoint.close()
        missing = checkpoint.absent[0]
        raise file_access_error(errno.ENOENT, f"{path} names this file, and it is not there", str(missing))
    return checkpoint


def _read(path: Path, place: Place, who: str) -> Iterator[FoundTensor]:
    """Everything that a file names."""
    try:
        if path.is_dir() or path.suffix == ".safetensors":
            yield from _stored(path)
        elif path.suffix in (".json", ".yaml", ".yml"):
            document = _document(path)
            yield from _stored(path) if _is_index(document.data) else _listed(document)
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
    with open_checkpoint(path) as checkpoint:
        for stored in checkpoint.tensors.values():
            yield FoundTensor(stored.name, stored.shape, stored.dtype_name)


def _document(path: Path) -> Document:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 text: {error.reason} at byte {error.start}. Save it as UTF-8."
        raise FileFormatError(message) from None
    read = read_json if path.suffix == ".json" else read_yaml
    return read(text, file=str(path), limits=_LIMITS)


def _is_index(data: PlainData) -> bool:
    """Whether data are an index of a sharded checkpoint, and not a list of shapes."""
    return isinstance(data, dict) and isinstance(data.get("weight_map"), dict)


def _listed(document: Document) -> Iterator[FoundTensor]:
    """The tensors of a mapping of names to shapes, or to shapes and dtypes."""
    if not isinstance(document.data, dict):
        raise document.error_at((), f"the file must map names to shapes. Received: {shown(document.data)}.")
    for name, entry in document.data.items():
        facts = entry if isinstance(entry, dict) else {"shape": entry}
        dtype, shape = facts.get("dtype"), facts.get("shape")
        lengths = [length for length in shape if type(length) is int] if isinstance(shape, list) else None
        if not isinstance(shape, list) or lengths != shape or min(lengths, default=0) < 0:
            wrong = (
                f"tensor {name!r} has no shape. Received: {shown(shape)}. Allowed: a list of integers from 0"
            )
            raise document.error_at((name,), f"{wrong} up, or {{shape: [...], dtype: ...}}. Correct it.")
        if dtype is not None and not isinstance(dtype, str):
            wrong = f"tensor {name!r} has no dtype that can be read. Received: {shown(dtype)}."
            raise document.error_at((name,), f"{wrong} Allowed: a name, such as float32. Correct it.")
        layers, tags = (_words(document, name, facts, key) for key in ("layers", "tags"))
        yield FoundTensor(name, tuple(lengths), _CODES.get(dtype, dtype) if dtype else None, layers, tags)


def _words(document: Document, name: str, facts: Mapping[str, PlainData], key: str) -> tuple[str, ...]:
    """A list of words, or one alone, that a file may say of a tensor."""
    if key not in facts:
        return ()
    return as_texts(
        facts[key], Place(document, (name, key)), f"`{key}` of tensor {name!r}", "[Block, Linear]"
    )
