"""What the workers of a cluster do for a build. Nothing here needs Dask: tasks are plain functions.

Every task can be run any number of times, by several workers at once: it writes the same bytes to the same
place.
"""

from __future__ import annotations

import errno
import os
import pickle
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from initkit.draws import STREAM_VERSION
from initkit.errors import BackendError, InitkitError, file_access_error
from initkit.io.positional import PositionalFile, as_bytes
from initkit.io.resumable_file import force_to_disk, hidden_paths
from initkit.recipe.building.drawing import check_memory
from initkit.recipe.building.scratch import scratch
from initkit.recipe.building.units import Unit
from initkit.recipe.building.work import Work
from initkit.recipe.cluster.remote import open_url, write_object
from initkit.version import __version__

# A worker has as many tasks at a time as it has cores, so each is drawn by one thread: the kernels do not
# divide less than this. The bytes are still in the core's cache when they are written.
PIECE_BYTES = 512 << 10

_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Job:
    """What workers have to know of a build; every process gets it once.

    Attributes:
        work: The `Work`, pickled: the recipe's text.
        fingerprint: That of the `Work`.
        version: The version of initkit that has planned it.
        stream: The stream's version.
        target: The file or folder, as an absolute path; or a URL.
        options: What fsspec is to be told about the URL; None for a path.
        token: A file beside the target that every worker has to see, and what is in it.
    """

    work: bytes
    fingerprint: str
    version: str
    stream: int
    target: str
    options: dict[str, Any] | None
    token: tuple[str, str]


class Stretch(NamedTuple):
    """A task that writes a part of a file on the shared folder."""

    unit: Unit

    @property
    def nbytes(self) -> int:
        """How many bytes of values are written."""
        return self.unit.nbytes

    def run(self, job: Job) -> None:
        """Write them."""
        work = opened(job)
        path = work.path_of(self.unit.file, job.target)
        partial, _ = hidden_paths(Path(os.path.realpath(path)))
        try:
            raw = partial.open("r+b", buffering=0)
        except FileNotFoundError as error:
            raise _not_shared(str(partial)) from error
        with raw:
            file = PositionalFile(raw)
            self._refuse_strange(file, work)
            for position, data in drawn(work, self.unit, partial.parent):
                file.write(as_bytes(data), position)
            # A worker's machine may be lost once it has said that it is done.
            force_to_disk(raw.fileno())

    def _refuse_strange(self, file: PositionalFile, work: Work) -> None:
        """Refuse a file of another build, which has taken this one's place."""
        layout = work.files[self.unit.file].layout
        size = os.fstat(file.raw.fileno()).st_size
        found = bytearray(min(len(layout.prefix), size))
        file.read_into(memoryview(found), 0)
        if size != layout.size or found != layout.prefix:
            message = "another build has begun to write it meanwhile; run only one at a time"
            raise file_access_error(errno.ESTALE, message, str(file.raw.name))


class WholeFile(NamedTuple):
    """A task that writes a whole file to a URL, where it appears when it is complete."""

    number: int
    nbytes: int

    def run(self, job: Job) -> None:
        """Write it."""
        work = opened(job)
        system, path = open_url(job.target, job.options or {})
        planned = work.files[self.number]
        name = f"{path}/{planned.name}" if work.is_folder else path
        write_object(system, name, self._parts(work))

    def _parts(self, work: Work) -> Iterator[memoryview]:
        planned = work.files[self.number]
        yield memoryview(planned.layout.prefix)
        for unit in work.units(PIECE_BYTES, [self.number]):
            for _, data in drawn(work, unit):
                yield as_bytes(data)


Task: TypeAlias = Stretch | WholeFile


def drawn(work: Work, unit: Unit, folder: Path | None = None) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """The bytes of a unit, in pieces that are to be used before the next one is asked for.

    Args:
        work: The build.
        unit: The unit.
        folder: Where the memory of a very large one may be a file; None (default) for the worker's own place
            for temporary files.

    Yields:
        The position of a piece in its file, and its bytes.
    """
    memory = np.empty(PIECE_BYTES + _ALIGNMENT, np.uint8)
    memory = memory[-memory.ctypes.data % _ALIGNMENT :][:PIECE_BYTES]
    for piece in work.pieces(unit, PIECE_BYTES):
        out = memory[: piece.nbytes] if piece.nbytes <= PIECE_BYTES else scratch(piece.nbytes, folder)
        work.draw(piece, out)
        yield piece.start, out


def run_task(job: Job, task: Task) -> None:
    """Run a task on a worker.

    Args:
        job: The build.
        task: The task.

    Raises:
        BackendError: This worker has another version of initkit, or plans the recipe differently.
        FileAccessError: This worker does not see the target, or cannot write to it.
    """
    task.run(job)


def hand_over(job: Job) -> Job:
    """Have a job among the cluster's results, which are kept once per worker and made again when lost."""
    return job


def check_worker(job: Job) -> str:
    """Find out whether a worker can do its part.

    Args:
        job: The build; its recipe is not planned yet.

    Returns:
        The name of the worker's machine.

    Raises:
        BackendError: This worker has another version of initkit.
        FileAccessError: This worker does not see the target.
    """
    _refuse_version(job)
    _refuse_unshared(job)
    return platform.node()


_planning = Lock()
_opened: dict[tuple[str, tuple[str, str]], Work] = {}
_MOST_OPENED = 2


def opened(job: Job) -> Work:
    """The work of a job, planned and checked once per process.

    Args:
        job: The build.

    Returns:
        The work.

    Raises:
        BackendError: This worker has another version of initkit, or plans the recipe differently.
        FileAccessError: This worker does not see the target.
    """
    # Several threads begin at once, and planning may take seconds.
    with _planning:
        key = (job.fingerprint, job.token)
        if key not in _opened:
            work = _planned(job)
            while len(_opened) >= _MOST_OPENED:
                del _opened[next(iter(_opened))]
            _opened[key] = work
        return _opened[key]


def _planned(job: Job) -> Work:
    _refuse_version(job)
    _refuse_unshared(job)
    try:
        work: Work = pickle.loads(job.work)
    except (InitkitError, OSError, ImportError) as error:
        # As an error of its own: another attempt would meet it again, and which worker it was is half of it.
        message = f"A worker ({platform.node()}) cannot plan the recipe: {error}. Received: the text that the"
        message += " client has planned. Allowed: workers that read it as the client does. Let the files that"
        message += " it names, and the modules of classes of your own, be the same for all."
        raise BackendError(message) from error
    if work.fingerprint != job.fingerprint:
        message = f"A worker ({platform.node()}) reads the recipe differently. Received: build"
        message += f" {work.fingerprint[:12]}. Allowed: {job.fingerprint[:12]}, as the client has it. Install"
        message += " the same initkit everywhere, and let files that the recipe names be the same for all."
        raise BackendError(message)
    check_memory([tensor for file in work.files for tensor in file.tensors])
    return work


def _refuse_version(job: Job) -> None:
    if (job.version, job.stream) != (__version__, STREAM_VERSION):
        message = f"A worker ({platform.node()}) has another initkit. Received: version {__version__}, stream"
        message += f" {STREAM_VERSION}. Allowed: version {job.version}, stream {job.stream}, as the client"
        message += " has. Install the same version everywhere."
        raise BackendError(message)


def _refuse_unshared(job: Job) -> None:
    """Refuse a target that is not the client's, though it may have the same name."""
    name, text = job.token
    found = None
    if job.options is None:
        try:
            found = Path(name).read_text(encoding="ascii")
        except OSError as error:
            raise _not_shared(name) from error
    else:
        system, _ = open_url(job.target, job.options)
        try:
            found = system.cat_file(name).decode("ascii", "replace")
        except OSError as error:
            raise _not_shared(name) from error
    if found != text:
        raise _not_shared(name)


def _not_shared(name: str) -> OSError:
    message = f"a worker ({platform.node()}) does not see what the client writes there; give a folder, or a"
    message += " URL of an object store, that is the same one for the client and for all workers"
    return file_access_error(errno.ENOENT, message, name)
