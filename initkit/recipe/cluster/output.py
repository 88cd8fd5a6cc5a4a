"""Where a build on a cluster goes: files on a folder that all share, or objects at a URL."""

from __future__ import annotations

import errno
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from initkit.errors import FileAccessError, file_access_error
from initkit.io import ResumableFile
from initkit.recipe.building.drawing import ProgressCallback
from initkit.recipe.building.files import INDEX_NAME, is_model_name
from initkit.recipe.building.output import TOKEN_NAME, FileOutput, FolderOutput
from initkit.recipe.building.work import Work
from initkit.recipe.cluster.dispatch import Dispatch
from initkit.recipe.cluster.remote import is_whole, open_url
from initkit.recipe.cluster.tasks import Stretch, Task, WholeFile

# Each takes two of a process' file descriptors, of which many systems give it a thousand.
_MOST_OPEN = 200


class ClusterOutput(ABC):
    """What both have in common: how much is done, and what is said when a build ends early.

    Args:
        work: The build.
        progress: Called with the bytes of values that have been written, and those of all tensors.

    Attributes:
        place: The target as workers are told it.
        options: What they tell fsspec; None for a path.
        kept: How many bytes of values an earlier build had written already.
    """

    place: str
    options: dict[str, Any] | None = None

    def __init__(self, work: Work, progress: ProgressCallback | None) -> None:
        self._work = work
        self._progress = progress
        self._total = work.nbytes
        self._done = 0
        self.kept = 0

    @abstractmethod
    def begun(self) -> AbstractContextManager[tuple[str, str]]:
        """Begin; inside, there is a token that workers have to see: its path, and what is in it."""

    @abstractmethod
    def run(self, dispatch: Dispatch) -> None:
        """Have everything written that is missing, and give it its names; the index last."""

    @abstractmethod
    def name_of(self, number: int) -> str | Path:
        """The path of a file."""

    def _tell(self, nbytes: int) -> None:
        self._done += nbytes
        if nbytes and self._progress is not None:
            self._progress(self._done, self._total)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what has been kept when something goes wrong."""
        try:
            yield
        except BaseException as error:
            said = ""
            if self._done:
                said = f"{self._done:,} of {self._total:,} bytes have been written and are kept: run the same"
                said += " again to go on"
            if isinstance(error, OSError) and not isinstance(error, FileAccessError):
                message = f"{error.strerror or error}; {said or 'nothing has been written'}"
                raise file_access_error(error.errno or 0, message, error.filename or self.place) from error
            if said:
                error.add_note(f"{said}.")
            raise


class SharedOutput(ClusterOutput):
    """Files on a folder that the client and all workers share; workers write stretches of them.

    Args:
        work: The build.
        progress: Called with the bytes of values that have been written, and those of all tensors.
        path: The file, or the folder of files.
        overwrite: Whether files of these names may be replaced.
        restart: Whether to discard what an interrupted build has left.
        unit_bytes: The most bytes of a task.
    """

    def __init__(
        self,
        work: Work,
        progress: ProgressCallback | None,
        path: Path,
        *,
        overwrite: bool,
        restart: bool,
        unit_bytes: int,
    ) -> None:
        super().__init__(work, progress)
        self.place = str(path)
        self._path = path
        self._overwrite, self._restart, self._unit_bytes = overwrite, restart, unit_bytes
        self._complete = False
        self._output = FolderOutput(work, path) if work.is_folder else FileOutput(work, path)
        # Those that are being written, and how many of their tasks have not been done.
        self._open: dict[int, ResumableFile] = {}
        self._missing: dict[int, int] = {}

    def name_of(self, number: int) -> Path:
        """The path of a file."""
        return self._work.path_of(number, self._path)

    @contextmanager
    def begun(self) -> Iterator[tuple[str, str]]:
        """Begin; inside, there is a token that workers have to see.

        Yields:
            Its path, and what is in it.
        """
        self._complete = self._output.begin(overwrite=self._overwrite, restart=self._restart)
        if self._complete:
            self.kept = self._done = self._total
        folder = self._path if self._work.is_folder else self._path.parent
        token, text = folder / f"{TOKEN_NAME}{secrets.token_hex(8)}", secrets.token_hex(16)
        try:
            with self._explained():
                try:
                    token.write_text(text, encoding="ascii")
                    yield str(token), text
                finally:
                    with suppress(OSError):
                        token.unlink()
        except BaseException:
            self._keep()
            raise

    def run(self, dispatch: Dispatch) -> None:
        """Have everything written that is missing, and give it its names."""
        if not self._complete:
            dispatch.run(self._tasks(), self._note)
            self._output.end(force=False)

    def _tasks(self) -> Iterator[Task | None]:
        for number in range(len(self._work.files)):
            while len(self._open) >= _MOST_OPEN:
                yield None
            file = self._open[number] = self._opened(number)
            self.kept += file.done_bytes
            self._tell(file.done_bytes)
            # One more than there are, so that it is not finished before all of them are known.
            self._missing[number] = 1
            if not file.finished:
                for unit in self._work.units(self._unit_bytes, [number]):
                    if (unit.start, unit.start + unit.nbytes) not in file.done:
                        self._missing[number] += 1
                        yield Stretch(unit)
            self._finish_one(number)

    def _opened(self, number: int) -> ResumableFile:
        if isinstance(self._output, FileOutput):
            return self._output.open(number, restart=self._restart)
        # A folder's output closes the file before, whose last tasks are still being done here.
        file = ResumableFile(self._work.path_of(number, self._path), self._work.files[number].layout)
        return file.open(restart=self._restart)

    def _note(self, task: Task) -> None:
        assert isinstance(task, Stretch)
        unit = task.unit
        # The worker has forced it before it reported.
        self._open[unit.file].note(unit.start, unit.start + unit.nbytes, forced=True)
        self._tell(unit.nbytes)
        self._finish_one(unit.file)

    def _finish_one(self, number: int) -> None:
        """Count one task of a file less, and give the file its name after the last one."""
        self._missing[number] -= 1
        if self._missing[number] == 0:
            file = self._open.pop(number)
            # Workers have forced their bytes to the disk, so this waits for the header alone.
            file.finish(force=True)
            if self._work.is_folder:
                file.close()

    def _keep(self) -> None:
        """Leave what is worth going on from, or nothing."""
        for file in self._open.values():
            if self._done:
                file.close()
            else:
                file.discard()
        if not self._done:
            self._output.abandon()


class ObjectOutput(ClusterOutput):
    """Files at a URL; workers write whole ones, which appear when they are complete.

    Args:
        work: The build.
        progress: Called with the bytes of values that have been written, and those of all tensors.
        url: The file, or the folder of files.
        options: What fsspec is told beside the URL.
        overwrite: Whether files of these names may be replaced.
        restart: Whether to write complete files again.
    """

    def __init__(
        self,
        work: Work,
        progress: ProgressCallback | None,
        url: str,
        options: dict[str, Any],
        *,
        overwrite: bool,
        restart: bool,
    ) -> None:
        super().__init__(work, progress)
        self.place, self.options = url, options
        self._overwrite, self._restart = overwrite, restart
        self._system, self._path = open_url(url, options)
        self._numbers: list[int] = []
        self._others: list[str] = []

    def name_of(self, number: int) -> str:
        """The path of a file, as the file system knows it."""
        return f"{self._path}/{self._work.files[number].name}" if self._work.is_folder else self._path

    @contextmanager
    def begun(self) -> Iterator[tuple[str, str]]:
        """Begin; inside, there is a token that workers have to see.

        Yields:
            Its path, and what is in it.
        """
        with self._explained():
            self._find_missing()
            folder = self._path if self._work.is_folder else self._path.rpartition("/")[0]
            with suppress(NotImplementedError):
                self._system.makedirs(folder, exist_ok=True)
            token, text = f"{folder}/{TOKEN_NAME}{secrets.token_hex(8)}", secrets.token_hex(16)
            self._system.pipe_file(token, text.encode())
            try:
                yield token, text
            finally:
                with suppress(OSError):
                    self._system.rm_file(token)

    def _find_missing(self) -> None:
        """Find out which files have to be written, and refuse to replace what is something else."""
        index = f"{self._path}/{INDEX_NAME}"
        # What it has listed before may have changed.
        self._system.invalidate_cache()
        finished = self._system.exists(index) if self._work.index() is not None else False
        for number, file in enumerate(self._work.files):
            name = self.name_of(number)
            taken = self._system.exists(name)
            unfinished = len(self._work.files) > 1 and not finished
            whole = taken and unfinished and not self._restart and is_whole(self._system, name, file.layout)
            if taken and not whole and not self._overwrite:
                message = "is there already; choose another name, or allow it to be overwritten"
                raise file_access_error(errno.EEXIST, message, name)
            if whole:
                self.kept += file.layout.size - file.origin
            else:
                self._numbers.append(number)
        self._others = self._other_files()
        if self._others and not self._overwrite:
            message = "is of another build, and would be loaded in place of this one; choose another folder,"
            message += " or allow it to be removed with --force (overwrite=True)"
            raise file_access_error(errno.EEXIST, message, self._others[0])
        if finished or index in self._others:
            # Only whole builds have one.
            self._system.rm_file(index)
            self._others = [name for name in self._others if name != index]

    def _other_files(self) -> list[str]:
        """What would be taken for the model and is not of this build, as `other_files` finds in a folder."""
        if not self._work.is_folder:
            return []
        try:
            found = self._system.ls(self._path, detail=False)
        except FileNotFoundError:
            return []
        names = (str(path).rstrip("/").rpartition("/")[2] for path in found)
        return sorted(
            f"{self._path}/{name}" for name in names if is_model_name(name) and name not in self._work.names
        )

    def run(self, dispatch: Dispatch) -> None:
        """Have everything written that is missing; the index last."""
        self._tell(self.kept)
        files = self._work.files
        # The largest first, so that nobody is at one when all others are done.
        self._numbers.sort(key=lambda number: -files[number].layout.size)
        sizes = {number: files[number].layout.size - files[number].origin for number in self._numbers}
        tasks: Iterator[Task | None] = (WholeFile(number, size) for number, size in sizes.items())
        dispatch.run(tasks, lambda task: self._tell(task.nbytes))
        for name in self._others:
            self._system.rm_file(name)
        if (index := self._work.index()) is not None:
            self._system.pipe_file(f"{self._path}/{index[0]}", index[1])
