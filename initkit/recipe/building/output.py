"""Where a build goes: one file, or a folder of files that several processes may fill together."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from initkit.errors import FileAccessError, file_access_error
from initkit.io import ResumableFile
from initkit.io.journal import Journal
from initkit.io.resumable_file import force_folder, force_to_disk, hidden_paths, progress_of
from initkit.recipe.building.files import INDEX_NAME
from initkit.recipe.building.work import Work

MARKER_NAME = ".initkit-build"
TOKEN_NAME = ".initkit-cluster-"


class FileOutput:
    """The one file of a build.

    Args:
        work: The build.
        path: The file.
    """

    def __init__(self, work: Work, path: Path) -> None:
        self._work = work
        self._path = path
        self._file: ResumableFile | None = None

    def begin(self, *, overwrite: bool, restart: bool) -> bool:
        """Refuse what cannot be written, before anything is drawn.

        Args:
            overwrite: Whether what stands under the name may be replaced.
            restart: Whether an unfinished build may be discarded.

        Returns:
            False: a single file is never done before it has been looked at.

        Raises:
            FileTakenError: Something stands under the name, and `overwrite` is false.
        """
        if not overwrite and os.path.lexists(self._path):
            finished = progress_of(self._path, self._work.files[0].layout).finished
            if restart or not finished:
                message = "the file exists; choose another name, or say --force (overwrite=True)"
                raise file_access_error(errno.EEXIST, message, str(self._path))
        return False

    def open(self, number: int, *, restart: bool) -> ResumableFile:
        """Open the file."""
        self._file = ResumableFile(self._path, self._work.files[number].layout)
        return self._file.open(restart=restart)

    def end(self, *, force: bool) -> bool:
        """Remove what was kept for going on; the build is complete."""
        assert self._file is not None
        self._file.forget()
        return True

    def close(self) -> None:
        """Let others go on with the file."""
        if self._file is not None:
            self._file.close()

    def abandon(self) -> None:
        """Nothing more to remove where nothing was written."""


class FolderOutput:
    """The folder of a build's files, which several processes may fill at once, each with files of its own.

    A hidden file, `.initkit-build`, says which build is unfinished there. The index is written last, by
    whoever finds that all files are whole; then the hidden files are removed.

    Args:
        work: The build.
        path: The folder.
        shared: Whether other processes write the other files.
    """

    def __init__(self, work: Work, path: Path, *, shared: bool = False) -> None:
        self._work = work
        self._path = path
        self._shared = shared
        self._made = False
        self._files: list[ResumableFile] = []

    def begin(self, *, overwrite: bool, restart: bool) -> bool:
        """Make the folder, and refuse what cannot be written, before anything is drawn.

        Args:
            overwrite: Whether files under the names of the build may be replaced.
            restart: Whether an unfinished build of something else may be discarded.

        Returns:
            Whether the whole build is there already: another process, or an earlier one, has finished it.

        Raises:
            FileTakenError: Files are there, and `overwrite` is false; or an unfinished build of another
                recipe or other options is there, and `restart` is false.
            FileAccessError: The folder cannot be made or written to.
        """
        self._make_folder()
        marker = self._open_marker()
        try:
            if marker.identity is None:
                if self._shared and not overwrite and not restart and self._is_complete():
                    marker.remove()
                    return True
                self._refuse_taken(marker, overwrite)
            elif marker.identity != self._work.fingerprint:
                if not restart:
                    message = (
                        "an unfinished build of another recipe, or of other options, is kept in the folder;"
                    )
                    message += " finish it with the command that began it, or discard it with --restart"
                    message += " (restart=True)"
                    raise file_access_error(errno.EEXIST, message, str(self._path))
                self._discard_hidden()
            elif self._is_complete() and not restart:
                self._remove_hidden(marker)
                return True
            else:
                return False
            # Only whole builds have one.
            (self._path / INDEX_NAME).unlink(missing_ok=True)
            marker.begin(self._work.fingerprint)
            return False
        finally:
            marker.close()

    def _make_folder(self) -> None:
        parent = Path(os.path.realpath(self._path)).parent
        if not parent.is_dir():
            raise file_access_error(errno.ENOENT, "there is no such folder; make it first", str(parent))
        if self._path.exists() and not self._path.is_dir():
            message = "is a file; several files need a folder: choose another name"
            raise file_access_error(errno.ENOTDIR, message, str(self._path))
        try:
            self._path.mkdir()
            self._made = True
        except FileExistsError:
            pass
        except OSError as error:
            message = f"the folder cannot be made ({error.strerror}); choose another"
            raise file_access_error(error.errno, message, str(self._path)) from error

    def _open_marker(self) -> Journal:
        marker = Journal(self._path / MARKER_NAME)
        try:
            # Nobody has it for long.
            marker.open(wait=True)
        except OSError as error:
            message = f"no file can be made in this folder ({error.strerror}); choose another"
            raise file_access_error(error.errno, message, str(self._path)) from error
        return marker

    def _refuse_taken(self, marker: Journal, overwrite: bool) -> None:
        taken = [file.name for file in self._work.files if os.path.lexists(self._path / file.name)]
        taken += [INDEX_NAME] * os.path.lexists(self._path / INDEX_NAME)
        if taken and not overwrite:
            marker.remove()
            message = f"{taken[0]} is there already; choose another folder, or say --force (overwrite=True)"
            raise file_access_error(errno.EEXIST, message, str(self._path))

    def open(self, number: int, *, restart: bool) -> ResumableFile:
        """Open one of the files."""
        file = ResumableFile(self._work.path_of(number, self._path), self._work.files[number].layout)
        for before in self._files:
            # What has been forced to the disk needs nobody who waits for that.
            if not before.forcing:
                before.close()
        self._files.append(file)
        return file.open(restart=restart)

    def end(self, *, force: bool) -> bool:
        """Write the index if all files are whole, and remove what was kept for going on.

        Args:
            force: Whether to wait until the index is on the disk.

        Returns:
            Whether the build is complete; False while other processes have files to write.
        """
        if self._shared:
            # Another machine will want to rely on them.
            for file in self._files:
                file.wait_until_forced()
        marker = self._open_marker()
        try:
            if marker.identity is None and self._is_complete():
                # Another process was the last one, and has removed it.
                marker.remove()
                return True
            if not all(
                progress_of(self._path / file.name, file.layout, anywhere=True).finished
                for file in self._work.files
            ):
                return False
            self._write_index(force)
            self._remove_hidden(marker)
            return True
        finally:
            marker.close()
            self.close()

    def close(self) -> None:
        """Let others go on with the files."""
        for file in self._files:
            file.close()

    def _write_index(self, force: bool) -> None:
        index = self._work.index()
        if index is None:
            return
        name, data = index
        partial, _ = hidden_paths(self._path / name)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            if force:
                force_to_disk(file.fileno())
        partial.replace(self._path / name)
        if force:
            force_folder(self._path)

    def _is_complete(self) -> bool:
        """Whether the index is there, which is written last, and fits."""
        index = self._work.index()
        with suppress(OSError):
            return index is not None and (self._path / index[0]).read_bytes() == index[1]
        return False

    def _remove_hidden(self, marker: Journal) -> None:
        """Remove the journals, and the marker last: while it is there, removing is gone on with."""
        for file in self._files:
            file.forget()
        for planned in self._work.files:
            for path in hidden_paths(self._path / planned.name):
                path.unlink(missing_ok=True)
        # What a cluster's client that was killed has left, by which workers saw that the folder is shared.
        for path in self._path.glob(f"{TOKEN_NAME}*"):
            path.unlink(missing_ok=True)
        marker.remove()

    def _discard_hidden(self) -> None:
        """Remove what is left of a build with other files."""
        for path in self._path.glob(".model*.safetensors*.journal"):
            journal = Journal(path)
            if not journal.open():
                message = "another process is writing it now; wait until it is done, or choose another folder"
                raise file_access_error(errno.EEXIST, message, str(path))
            path.with_suffix(".partial").unlink(missing_ok=True)
            journal.remove()
        for path in self._path.glob(".model*.safetensors*.partial"):
            path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove the marker and the folder, if no file of the build has been begun.

        Other processes may be about to begin theirs, and rely on the marker.
        """
        if self._shared or any(self._path.glob(".model*.journal")):
            return
        with suppress(FileAccessError, OSError):
            self._open_marker().remove()
        if self._made:
            with suppress(OSError):
                self._path.rmdir()
