"""Writing a safetensors file that a later process can go on with, whatever becomes of this one."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from types import TracebackType
from typing import NamedTuple, Self

from initkit.errors import FileFormatError, file_access_error
from initkit.io.journal import Journal, read_journal
from initkit.io.positional import Bytes, PositionalFile, as_bytes
from initkit.io.safetensors import Layout
from initkit.io.stretches import Stretches
from initkit.io.target import check_target, create, replace

# What a failure of the machine may cost is what has been written since the last time that all of it was
# forced to the disk: seconds of work. Forcing goes on beside writing, and nobody waits for it.
_FORCE_BYTES = 4 << 30
_FORCE_SECONDS = 20.0

_LONGEST_NAME = 200


class ResumableFile:
    """A safetensors file that is being written, as a context manager.

    The bytes go to a hidden file in the same folder, `.NAME.partial`, and `.NAME.journal` says which of them
    have been written. A killed writer leaves both; the next one of the same content goes on from there.
    `finish` gives the file its name in one step. Only one writer at a time can have the file open: the
    journal is locked.

    What a process has written is safe from its own death. It is safe from the machine's once it has been
    forced to the disk, which a thread does beside writing, every few gigabytes or seconds. What has not been
    by then is written again.

    Args:
        path: The file; written through if it is a symbolic link.
        layout: What stands where in it.

    Attributes:
        path: The file.
        layout: What stands where in it.
        finished: Whether the whole file stands under its name already.

    Example:
        >>> import tempfile
        >>> from initkit.io import TensorEntry, plan_layout, read_header
        >>> layout = plan_layout([TensorEntry("w", "uint8", (4,))])
        >>> start = layout.tensors["w"].start
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ResumableFile(f"{folder}/x.safetensors", layout) as file:
        ...         file.write(b"ab", start)
        ...         file.note(start, start + 2)
        ...     with ResumableFile(f"{folder}/x.safetensors", layout) as file:
        ...         (start, start + 2) in file.done
        ...         file.write(b"cd", start + 2)
        ...         file.note(start + 2, start + 4)
        ...         file.finish()
        ...         file.forget()
        ...     read_header(f"{folder}/x.safetensors") == layout
        True
        True
    """

    def __init__(self, path: str | os.PathLike[str], layout: Layout) -> None:
        self.path = Path(path)
        self.layout = layout
        self.finished = False
        self._target = Path(os.path.realpath(path))
        self._partial, journal = hidden_paths(self._target)
        self._journal = Journal(journal)
        self._file: PositionalFile | None = None
        self._lock = Lock()
        self._forcing: Thread | None = None
        self._failure: OSError | None = None
        self._unforced, self._forced_at = 0, monotonic()

    @property
    def done(self) -> Stretches:
        """Which bytes of the file have been written and need not be written again."""
        return self._journal.done

    @property
    def is_there(self) -> bool:
        """Whether the unfinished file is where it was begun still, and not gone with its disk or folder."""
        return self._partial.exists()

    @property
    def done_bytes(self) -> int:
        """How many bytes of values have been written."""
        return self.layout.size - len(self.layout.prefix) if self.finished else self.done.nbytes

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, *, restart: bool = False) -> Self:
        """Lock the file, and find out what has been written.

        Args:
            restart: Whether to discard what there is of it.

        Raises:
            FileTakenError: Another process is writing it, or there is an unfinished file of other content.
            FileAccessError: The path cannot become a file of this size; see `check_target`.
        """
        # Whether there is room is known only once it is known what there is.
        check_target(self._target, 0)
        self._open_journal()
        if self._journal.identity not in (None, self._identity) and not restart:
            self.close()
            message = "an unfinished file of another recipe, or of other options, is kept beside it; finish"
            message += " that with the command that began it, or discard it with --restart (restart=True)"
            raise file_access_error(errno.EEXIST, message, str(self.path))
        try:
            self.finished = not restart and self._is_finished()
            if not self.finished:
                self._open_partial(restart)
        except BaseException:
            if self.done.nbytes:
                self.close()
            else:
                self.discard()
            raise
        return self

    def _open_journal(self) -> None:
        try:
            mine = self._journal.open()
        except OSError as error:
            message = f"no file can be made in this folder ({error.strerror}); choose another"
            raise file_access_error(error.errno, message, str(self._target.parent)) from error
        if not mine:
            message = "another process is writing it now; wait until it is done, or choose another name"
            raise file_access_error(errno.EEXIST, message, str(self.path))

    @property
    def _identity(self) -> str:
        """What tells this file from one of another recipe: its header does."""
        return _identity(self.layout)

    def _is_finished(self) -> bool:
        known = self._journal.identity == self._identity and _whole(self.layout) in self.done
        return known and not self._partial.exists() and begins_with(self._target, self.layout)

    def _open_partial(self, restart: bool) -> None:
        known = not restart and self._journal.identity == self._identity
        kept = known and begins_with(self._partial, self.layout)
        if not kept:
            self._partial.unlink(missing_ok=True)
            check_target(self._target, self.layout.size)
            self._journal.begin(self._identity)
            self._file = PositionalFile(create(self._partial))
            self._file.raw.truncate(self.layout.size)
            self._file.write(memoryview(self.layout.prefix), 0)
            return
        check_target(self._target, max(self.layout.size - self.done.nbytes, 0))
        self._file = PositionalFile(self._partial.open("r+b", buffering=0))

    def write(self, data: Bytes, position: int) -> None:
        """Write bytes at a position of the file. May be called from several threads at once.

        Args:
            data: A contiguous array of any dtype, or bytes; little-endian, as the file will have them.
            position: Where the first of them goes.

        Raises:
            OSError: If the system refuses, as on a full disk.
        """
        assert self._file is not None
        self._file.write(as_bytes(data), position)

    def note(self, start: int, stop: int, *, forced: bool = False) -> None:
        """Say that all bytes from `start` up to `stop` have been written. May be called from several threads.

        Args:
            start: The first byte.
            stop: The byte after the last.
            forced: Whether whoever has written them has forced them to the disk.

        Raises:
            OSError: If the system refuses, or could not bring earlier bytes to the disk.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._journal.note(start, stop, forced=forced)
            if forced:
                return
            self._unforced += stop - start
            if self._unforced >= _FORCE_BYTES or monotonic() - self._forced_at >= _FORCE_SECONDS:
                self._force_beside()

    def _force_beside(self) -> None:
        """Begin to force what has been written to the disk, in a thread that nobody waits for."""
        # Elsewhere an open descriptor would keep the file from getting its name.
        if os.name != "posix" or self._file is None or self.forcing:
            return
        self._unforced, self._forced_at = 0, monotonic()
        stretches = list(self.done)
        file = os.dup(self._file.raw.fileno())
        self._forcing = Thread(target=self._force, args=(file, stretches), daemon=True, name="initkit-force")
        self._forcing.start()

    def _force(self, file: int, stretches: list[tuple[int, int]]) -> None:
        try:
            force_to_disk(file)
            with self._lock:
                if self._journal.is_open:
                    for start, stop in stretches:
                        self._journal.note(start, stop, forced=True)
        except OSError as error:
            self._failure = error
        finally:
            os.close(file)

    @property
    def forcing(self) -> bool:
        """Whether bytes are being forced to the disk just now."""
        return self._forcing is not None and self._forcing.is_alive()

    def wait_until_forced(self) -> None:
        """Wait for the thread that forces bytes to the disk, if there is one."""
        if self._forcing is not None:
            self._forcing.join()

    def finish(self, *, force: bool = False, beside: bool = False) -> None:
        """Give the file its name. The journal stays, as the proof that it is whole, until `forget`.

        Args:
            force: Whether to wait until the file is safe from a power failure, which can take longer than
                making it.
            beside: Whether to make it so beside other work, since a later process has to rely on it. This
                process cannot end before that is done.

        Raises:
            FileFormatError: If bytes have not been written.
            FileAccessError: If the system refuses.
        """
        if self.finished:
            return
        assert self._file is not None
        whole = _whole(self.layout)
        if whole not in self.done:
            message = f"{self.path} was not made: {self.done.nbytes:,} bytes of"
            message += f" {whole[1] - whole[0]:,} were written. Write all bytes of all tensors."
            raise FileFormatError(message)
        if force:
            force_to_disk(self._file.raw.fileno())
            with self._lock:
                self._journal.note(*whole, forced=True)
        elif beside:
            with self._lock:
                self._force_beside()
        self._file.raw.close()
        self._file = None
        replace(self._partial, self._target)
        if force:
            force_folder(self._target.parent)
        self.finished = True

    def forget(self) -> None:
        """Remove the journal: the file is whole, or shall not be gone on with."""
        with self._lock:
            self._journal.remove()

    def discard(self) -> None:
        """Remove everything that there is of an unfinished file."""
        self._close_file()
        self._partial.unlink(missing_ok=True)
        self.forget()

    def close(self) -> None:
        """Let others go on with the file."""
        self._close_file()
        with self._lock:
            self._journal.close()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.raw.close()


class Progress(NamedTuple):
    """How far a file has come.

    Attributes:
        finished: Whether it stands under its name.
        nbytes: How many bytes of its values have been written; 0 where nothing is known of it.
        foreign: Whether what is kept is an unfinished file of other content.
    """

    finished: bool
    nbytes: int
    foreign: bool


def progress_of(path: str | os.PathLike[str], layout: Layout, *, anywhere: bool = False) -> Progress:
    """Find out how far a file has come, and change nothing.

    Args:
        path: The file.
        layout: What stands where in it.
        anywhere: Whether to count what other machines, or this one before it was started anew, have written
            without forcing it to the disk.

    Returns:
        What a `ResumableFile` would find, while nobody writes it.
    """
    target = Path(os.path.realpath(path))
    partial, journal = hidden_paths(target)
    identity, done, _ = read_journal(journal, anywhere=anywhere)
    if identity != _identity(layout):
        return Progress(False, 0, identity is not None)
    if begins_with(partial, layout):
        return Progress(False, done.nbytes, False)
    finished = _whole(layout) in done and not partial.exists() and begins_with(target, layout)
    return Progress(finished, done.nbytes if finished else 0, False)


def _identity(layout: Layout) -> str:
    return sha256(layout.prefix).hexdigest()


def _whole(layout: Layout) -> tuple[int, int]:
    """The first byte of the values, and the byte after their last."""
    return len(layout.prefix), layout.size


def identity_in(path: Path) -> str | None:
    """What tells a file from one of another recipe, by the header that it has.

    Args:
        path: A safetensors file.

    Returns:
        What the journal of this file begins with; None where there is no such file.
    """
    try:
        with path.open("rb") as file:
            first = file.read(8)
            length = int.from_bytes(first, "little")
            if len(first) < 8 or length > os.fstat(file.fileno()).st_size - 8:
                return None
            return sha256(first + file.read(length)).hexdigest()
    except OSError:
        return None


def hidden_paths(target: Path) -> tuple[Path, Path]:
    """Where an unfinished file and its journal are kept.

    Args:
        target: The file's path.

    Returns:
        Both paths, in the same folder; the same ones for every process.
    """
    name = target.name
    if len(name.encode()) > _LONGEST_NAME:
        # File systems bound the length of names.
        name = f"{name[:40]}.{sha256(name.encode()).hexdigest()[:8]}"
    return target.with_name(f".{name}.partial"), target.with_name(f".{name}.journal")


def begins_with(path: Path, layout: Layout) -> bool:
    """Whether a file of the right size and header is there."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size == layout.size and (
                file.read(len(layout.prefix)) == layout.prefix
            )
    except OSError:
        return False


def force_to_disk(file: int) -> None:
    """Wait until all that has been written to an open file is on the disk."""
    # Without the times of the file, which nobody needs back.
    getattr(os, "fdatasync", os.fsync)(file)


def force_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system has a way to say so."""
    if os.name == "posix":
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
