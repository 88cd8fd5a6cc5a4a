"""From a plan to safetensors files, streamed in bounded memory; interrupted builds are gone on with."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileAccessError,
    FileTakenError,
    file_access_error,
)
from initkit.io import ResumableFile
from initkit.io.resumable_file import progress_of
from initkit.io.target import free_bytes
from initkit.recipe.building.drawing import Array, ProgressCallback, check_memory, draw_units
from initkit.recipe.building.output import FileOutput, FolderOutput
from initkit.recipe.building.same_bytes import hold_build
from initkit.recipe.building.standing import OTHER_VALUES, taken_error
from initkit.recipe.building.units import Unit
from initkit.recipe.building.work import PIECE_BYTES, Work, parse_size
from initkit.recipe.planning.plan import Plan

# What is drawn again sooner than somebody wonders about hidden files.
LEAST_KEPT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build wrote.

    Attributes:
        path: The file, or the folder of files.
        plan: What is in it.
        files: The files that this call was to write.
        nbytes: The size of these files.
        kept: How many bytes of values an earlier build had written already.
        drawn: How many bytes of values were drawn and written by this call.
        complete: Whether the whole build is there; False while other processes have files to write.
        seconds: How long drawing and writing took.
    """

    path: Path | str
    plan: Plan
    files: tuple[Path | str, ...]
    nbytes: int
    kept: int
    drawn: int
    complete: bool
    seconds: float


def build(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    max_shard_size: int | str | None = None,
    shard: tuple[int, int] | None = None,
    restart: bool = False,
    sync: bool = False,
    progress: ProgressCallback | None = None,
    comparing: ProgressCallback | None = None,
    piece_bytes: int = PIECE_BYTES,
) -> BuildReport:
    """Draw all tensors of a plan into a safetensors file, or into several.

    Values are drawn and written in pieces, at the same time. A file appears under its name when it is whole.
    What has been written when a build is interrupted, killed or fails is kept in hidden files beside it, and
    the same call goes on from there; less than 64 MiB are not kept where the process can still remove them.
    Where the whole build is there already, its values are compared, and nothing is written.

    Args:
        plan: The plan.
        path: The file; with `max_shard_size` the folder of files, which is made if its parent exists.
        overwrite: Whether files of these names may be replaced; and, of a folder, other files that would be
            taken for the model (`model.safetensors`, `model-*-of-*.safetensors` and their index) removed.
            They are, when the build is complete.
        max_shard_size: The most bytes of values in a file, as an integer or as text such as `"5GB"`. The
            files are named as Hugging Face's libraries name them, and an index lists their tensors; a tensor
            that is too large by itself has a file of its own.
        shard: `(k, n)`: write the share of the `k`-th of `n` processes, from 1, alone. Together they write
            what one process would, and the last one writes the index.
        restart: Whether to discard what an interrupted build has left, of this recipe or of another.
        sync: Whether to wait until the files are safe from a power failure. Without, files that have been
            finished within the last seconds may be damaged by one, as files of most programs.
        progress: Called with the bytes drawn, and those of all tensors, after every piece.
        comparing: Called in place of it where the whole build is there, and is compared; None for `progress`.
        piece_bytes: The size of a piece. It changes no value.

    Returns:
        What was written.

    Raises:
        FileTakenError: A file exists that is not what would be written, and `overwrite` is false; another
            process is writing it; or an unfinished build of another recipe or other options is there, and
            `restart` is false.
        FileAccessError: A file cannot be written; the message says what has been kept.
        ArgumentError: A file would be too large for the format; a size or a share has no meaning; or a tensor
            that only a call of a class can draw does not fit in memory.
    """
    started = perf_counter()
    work = Work(plan, None if max_shard_size is None else parse_size(max_shard_size))
    numbers = own_files(work, shard)
    check_memory([tensor for number in numbers for tensor in work.files[number].tensors])
    target = Path(path)
    output: FileOutput | FolderOutput = FileOutput(work, target)
    if work.is_folder:
        output = FolderOutput(work, target, shared=shard is not None, idle=not numbers)
    try:
        complete = output.begin(overwrite=overwrite, restart=restart)
    except FileTakenError:
        # A build that was killed when it was complete leaves what one that has ended leaves.
        if restart or not output.stands():
            raise
        if not hold_build(work, numbers, target, comparing or progress):
            raise taken_error(target, OTHER_VALUES, is_folder=work.is_folder) from None
        complete = True
    total = work.values_bytes(numbers)
    kept = total if complete else 0
    if not complete:
        writing = _Writing(work, output, numbers, progress, piece_bytes, target.parent)
        with writing.explained(target):
            _check_room(work, numbers, target, restart)
            for number in numbers:
                # A later process relies on what is whole only if that has reached the disk.
                beside = shard is not None or number != numbers[-1]
                writing.write(number, restart=restart, force=sync, beside=beside)
            complete = output.end(force=sync)
        kept = writing.kept
    files = tuple(work.path_of(number, target) for number in numbers)
    nbytes = sum(work.files[number].layout.size for number in numbers)
    # With pieces of another size, some of what was there is drawn again.
    drawn = max(total - kept, 0)
    return BuildReport(target, plan, files, nbytes, kept, drawn, complete, perf_counter() - started)


def own_files(work: Work, shard: tuple[int, int] | None) -> list[int]:
    """The numbers of the files that one process writes.

    Args:
        work: The build.
        shard: Which of how many processes; None for one that writes all.

    Returns:
        The numbers, in ascending order.

    Raises:
        ArgumentError: There is no such share, or only one file.
    """
    if shard is None:
        return list(range(len(work.files)))
    if [type(one) for one in shard] != [int, int]:
        message = f"A share is two integers. Received: {shard!r:.80}. Allowed: which of how many, from 1."
        message += " Write, for example, (1, 4)."
        raise ArgumentTypeError(message)
    number, count = shard
    if not 1 <= number <= count:
        message = f"A share must be one of those that there are. Received: {number} of {count}. Allowed:"
        message += " 1 of n to n of n. The first of four processes writes (1, 4)."
        raise ArgumentError(message)
    if not work.is_folder:
        message = f"One file cannot be shared among processes. Received: share {number} of {count} of one"
        message += " file. Allowed: shares of a build of several files. Say how large a file may be, as with"
        message += " max_shard_size='5GB' (--max-shard-size 5GB)."
        raise ArgumentError(message)
    return work.share(number, count)


def _check_room(work: Work, numbers: list[int], target: Path, restart: bool) -> None:
    """Refuse, before the first of several files is written, what the disk has no room for."""
    missing = 0
    for number in numbers:
        layout = work.files[number].layout
        found = progress_of(work.path_of(number, target), layout)
        missing += layout.size - (0 if restart else found.nbytes)
    folder = target if work.is_folder else target.parent
    if folder.is_dir() and (free := free_bytes(folder)) < missing:
        message = (
            f"the disk has {free:,} bytes free, and {missing:,} are needed; free some, or choose another"
        )
        raise file_access_error(errno.ENOSPC, message, str(folder))


class _Writing:
    """The files of this process, one after the other."""

    def __init__(
        self,
        work: Work,
        output: FileOutput | FolderOutput,
        numbers: list[int],
        progress: ProgressCallback | None,
        piece_bytes: int,
        folder: Path,
    ) -> None:
        self._work = work
        self._output = output
        self._progress = progress
        self._piece_bytes = piece_bytes
        self._folder = folder
        self._total = work.values_bytes(numbers)
        self._done = 0
        self._finished = 0
        self._file: ResumableFile | None = None
        self._named: list[Path] = []
        self.kept = 0

    def write(self, number: int, *, restart: bool, force: bool, beside: bool) -> None:
        """Write what is missing of one file, and give it its name."""
        self._file = None
        file = self._file = self._output.open(number, restart=restart)
        self.kept += file.done_bytes
        self._tell(file.done_bytes)
        if not file.finished:
            # Others add to what the file has while it is asked.
            kept = file.done.copy()

            def write(unit: Unit, values: Array) -> None:
                file.write(values, unit.start)
                # Here and not in the caller's thread, which an interrupt or a slow callback may keep from it.
                file.note(unit.start, unit.start + unit.nbytes)

            def tell(unit: Unit) -> None:
                self._tell(unit.nbytes)

            missing = (
                unit
                for unit in self._work.units(self._piece_bytes, [number])
                if (unit.start, unit.start + unit.nbytes) not in kept
            )
            draw_units(
                missing,
                self._work.draw,
                write,
                done=tell,
                piece_bytes=self._piece_bytes,
                folder=self._folder,
                # What is missing of this file, and of those after it.
                reserved=self._total - self._finished - file.done_bytes,
            )
            file.finish(force=force, beside=beside)
        self._finished += file.done_bytes
        self._done = self._finished
        self._named.append(file.path)

    def _tell(self, nbytes: int) -> None:
        self._done += nbytes
        if nbytes and self._progress is not None:
            # With pieces of another size, some of what was there is drawn again.
            self._progress(min(self._done, self._total), self._total)

    @contextmanager
    def explained(self, target: Path) -> Iterator[None]:
        """Keep what is worth it when something goes wrong, and say so."""
        try:
            yield
        except BaseException as error:
            said = self._keep()
            if isinstance(error, OSError) and not isinstance(error, FileAccessError):
                message = f"{error.strerror or error}; {said or 'nothing of it is kept'}"
                raise file_access_error(error.errno, message, error.filename or str(target)) from error
            if said:
                error.add_note(f"{said[0].upper()}{said[1:]}.")
            raise

    def _is_there(self) -> bool:
        """Whether what has been written has its names still, and not been taken away with its folder."""
        file = self._file
        return all(map(Path.exists, self._named)) and (file is None or file.finished or file.is_there)

    def _keep(self) -> str:
        """Keep what has been written of an unfinished build, or remove it, and say which."""
        file, done = self._file, self._finished
        if file is not None and not file.finished:
            if done or file.done_bytes >= LEAST_KEPT_BYTES:
                done += file.done_bytes
            else:
                # Where the disk has gone, the error that told so is the one to be seen.
                with suppress(OSError):
                    file.discard()
        self._output.close()
        if done and not self._is_there():
            return ""
        if not done:
            with suppress(OSError):
                self._output.abandon()
            return ""
        return (
            f"{done:,} of {self._total:,} bytes have been written and are kept: run the same again to go on"
        )
