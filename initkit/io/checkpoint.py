"""Reading the tensors of a checkpoint: a safetensors file, or several with an index."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from initkit.documents import Limits, read_json
from initkit.errors import ConfigError, FileFormatError, file_access_error
from initkit.io.file_reader import FileReader
from initkit.io.positional import Bytes
from initkit.io.safetensors import Layout, StoredTensor, read_header

_INDEX_SUFFIX = ".safetensors.index.json"
_PART_NAME = re.compile(r"(.*)-\d{5,}-of-\d{5,}\.safetensors")
# An index has a line per tensor.
_INDEX_LIMITS = Limits(text=1 << 30, depth=8, nodes=10_000_000)


class Checkpoint:
    """The tensors of a file, of a folder, or of the files that an index lists, as a context manager.

    A file of an index that is not there is as if its tensors were not.

    Args:
        path: A safetensors file, an index, or a folder that has one of the two.

    Attributes:
        path: What was given.
        layouts: What stands where, by the path of every file that is there.
        tensors: The tensors by name.
        part: If this is one of several files: the names that belong there by the index, or, where there is no
            index, those that it has. None for a whole checkpoint.
        absent: The files of the index that are not there.

    Raises:
        FileFormatError: A file is no whole safetensors file, or the index no index.
        FileAccessError: There is nothing to read, or it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.layouts: dict[Path, Layout] = {}
        self.tensors: dict[str, StoredTensor] = {}
        self.part: frozenset[str] | None = None
        self.absent: list[Path] = []
        self._places: dict[str, Path] = {}
        self._numbers: dict[Path, int] = {}
        self._open = threading.local()
        self._readers: list[FileReader] = []
        self._lock = threading.Lock()
        try:
            self._find()
        except OSError as error:
            reason = error.strerror or str(error)
            raise file_access_error(error.errno, reason, error.filename or os.fspath(path)) from error

    def _find(self) -> None:
        entry = _entry(self.path)
        if not entry.name.endswith(".json"):
            self._add(entry)
            if name := _PART_NAME.fullmatch(entry.name):
                index = entry.with_name(name[1] + _INDEX_SUFFIX)
                weight_map = _read_index(index) if index.exists() else dict.fromkeys(self.tensors, entry.name)
                self.part = frozenset(tensor for tensor, file in weight_map.items() if file == entry.name)
            return
        weight_map = _read_index(entry)
        for file in dict.fromkeys(weight_map.values()):
            if (path := entry.with_name(file)).exists():
                self._add(path)
            else:
                self.absent.append(path)
        if not self.layouts:
            message = (
                f"None of the files that {entry} lists is there. Received: {len(weight_map):,} tensors in"
            )
            message += f" {len(set(weight_map.values())):,} files. Put them into the folder of the index."
            raise FileFormatError(message)

    def _add(self, path: Path) -> None:
        layout = self.layouts[path] = read_header(path)
        self._numbers[path] = len(self._numbers)
        for name, stored in layout.tensors.items():
            if name in self._places:
                message = (
                    f"Tensor {name!r} is in two files, {self._places[name].name} and {path.name}. Remove"
                )
                message += " one of the two from its file."
                raise FileFormatError(message)
            self.tensors[name] = stored
            self._places[name] = path

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts beside the tensors; of several files those of the first that has the key."""
        joined: dict[str, str] = {}
        for layout in self.layouts.values():
            for key, text in layout.metadata.items():
                joined.setdefault(key, text)
        return joined

    def position(self, name: str) -> tuple[int, int]:
        """Where a tensor stands: the number of its file, and its first byte there."""
        return self._numbers[self._places[name]], self.tensors[name].start

    def read_into(self, buffer: Bytes, name: str, offset: int = 0) -> None:
        """Fill a buffer with bytes of one tensor. May be called from several threads at once.

        Args:
            buffer: A contiguous, writable array of any dtype, or a bytearray; all of it is filled.
            name: The tensor.
            offset: Where to begin, in bytes from the tensor's first.

        Raises:
            ArgumentError: If there is no such tensor, or it does not reach that far.
            FileFormatError: If a file has been cut off since it was opened.
        """
        self._reader(self._places[name]).read_into(buffer, name, offset)

    def file_of(self, name: str) -> Path:
        """The file that a tensor is in."""
        return self._places[name]

    def is_run(self, first: str, last: str, nbytes: int) -> bool:
        """Whether several tensors stand one after the other in a file, without others between them.

        Args:
            first: The first tensor.
            last: The last one, which does not stand before it.
            nbytes: How many bytes they have together.
        """
        start, end = self.tensors[first].start, self.tensors[last]
        return self._places[first] == self._places[last] and end.start + end.nbytes - start == nbytes

    def read_run(self, buffer: Bytes, first: str, offset: int) -> None:
        """Fill a buffer with bytes of tensors that stand one after the other: those of a run.

        Args:
            buffer: As for `read_into`.
            first: The first tensor.
            offset: Where to begin, in bytes from that tensor's first.

        Raises:
            FileFormatError: If a file has been cut off since it was opened.
        """
        self._reader(self._places[first]).read_at(buffer, self.tensors[first].start + offset)

    def _reader(self, path: Path) -> FileReader:
        """This thread's own, for the file that it reads now: there can be more files than may be open."""
        current: FileReader | None = getattr(self._open, "reader", None)
        if current is None or self._open.path != path:
            if current is not None:
                current.close()
            self._open.path = path
            self._open.reader = current = FileReader(path, self.layouts[path])
            with self._lock:
                self._readers.append(current)
        return current

    def close(self) -> None:
        """Close the files; reading is over."""
        for reader in self._readers:
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _entry(path: Path) -> Path:
    """The file or the index that a path means."""
    if not path.is_dir():
        return path
    indices, files = sorted(path.glob(f"*{_INDEX_SUFFIX}")), sorted(path.glob("*.safetensors"))
    parts = [file for file in files if _PART_NAME.fullmatch(file.name)]
    if not indices and (parts or (not files and any(path.glob(".*.safetensors.partial")))):
        count = f"{len(files):,} whole {'file' if len(files) == 1 else 'files'}"
        message = f"{path} is an unfinished build, or an incomplete download: its index is missing. Received:"
        message += f" {count} and no *{_INDEX_SUFFIX}. Allowed: folders with an index, or one file. Run the"
        message += " build or the download again to finish it, or name one of its files."
        raise FileFormatError(message)
    for found in (indices, files):
        if len(found) == 1:
            return found[0]
        if found:
            message = f"{path} has several. Received: {', '.join(entry.name for entry in found)[:200]}."
            message += " Allowed: folders with one index, or one file. Name the one that is meant."
            raise FileFormatError(message)
    message = f"{path} has neither an index, *{_INDEX_SUFFIX}, nor a safetensors file. Received: a folder"
    message += f" of {len(list(path.iterdir())):,} other entries. Name a folder or a file that has tensors."
    raise FileFormatError(message)


def _is_plain(name: str) -> bool:
    """Whether a name is that of a safetensors file in the same folder, and not a path to elsewhere."""
    return Path(name).name == name and Path(name).suffix == ".safetensors"


def _read_index(path: Path) -> dict[str, str]:
    """From the name of every tensor to that of its file."""
    try:
        data = read_json(path.read_text(encoding="utf-8"), limits=_INDEX_LIMITS).data
    except (ConfigError, UnicodeError) as error:
        message = f"{path} is no index of a checkpoint: {getattr(error, 'reason', error)}"
        raise FileFormatError(message) from error
    weight_map = data.get("weight_map") if isinstance(data, dict) else None
    if isinstance(weight_map, dict):
        # Nothing but the files beside it: what it lists was written by somebody else.
        names = {name: file for name, file in weight_map.items() if isinstance(file, str)}
        if len(names) == len(weight_map) and all(map(_is_plain, set(names.values()))):
            return names
    message = (
        f"{path} is no index of a checkpoint. Received: JSON without a `weight_map` from tensors to names"
    )
    message += " of files beside it. Name an index, a folder or a safetensors file."
    raise FileFormatError(message)
