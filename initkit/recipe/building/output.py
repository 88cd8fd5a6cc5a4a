"""Where a build goes: one file, or a folder of files that several processes may fill together."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from initkit.errors import FileAccessError, file_access_error
from initkit.io import ResumableFile
from initkit.io.journal import Journal, read_journal
from initkit.io.resumable_file import (
    begins_with,
    force_folder,
    force_to_disk,
    hidden_paths,
    identity_in,
    progress_of,
)
from initkit.io.target import check_target
from initkit.recipe.building.files import INDEX_NAME, other_files
from initkit.recipe.building.standing import NOT_COMPARED, taken_error, tell_standing
from initkit.recipe.building.work import Work

MARKER_NAME = ".initkit-build"
TOKEN_NAME = ".initkit-cluster-"


def check_place(work: Work, path: Path) -> None:
    """Refuse a path where neither the file nor the folder of a build can be, and change nothing.

    Args:
        work: The build.
        path: The file, or the folder of files.

    Raises:
        FileAccessError: There is no folder for it, or something else stands there.
    """
    target = Path(os.path.realpath(path))
    if not work.is_folder:
        check_target(target, 0)
        return
    if not target.parent.is_dir():
        message = "there is no such folder; make it first"
        raise file_access_error(errno.ENOENT, message, str(target.parent))
    if path.exists() and not path.is_dir():
        message = "is a file; several files need a folder: choose another name"
        raise file_access_error(errno.ENOTDIR, message, str(path))


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
            FileAccessError: The path cannot become a file.
        """
        check_place(self._work, self._path)
        if not overwrite and os.path.lexists(self._path):
            # Named by an interrupted build: what a power failure may have damaged since is made again.
            finished = progress_of(self._path, self._work.files[0].layout, anywhere=True).finished
            if restart or not finished:
                found = "an unfinished build, which would replace it, is kept beside it"
                if not self._has_hidden():
                    found = tell_standing(self._path, self._work.files[0].layout)
                raise taken_error(self._path, found, is_folder=False)
        return False

    def stands(self) -> bool:
        """Whether the whole file is there, by its header and size, and nobody is about to replace it."""
        return begins_with(self._path, self._work.files[0].layout) and not self._has_hidden()

    def _has_hidden(self) -> bool:
        return any(map(Path.exists, hidden_paths(Path(os.path.realpath(self._path)))))

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
    whoever finds that all files are whole; then the hidden files are removed. What is there of another model,
    under names that loaders would take for this one, is removed just before the index is written: until then
    the folder is the old model or none, and from then on the new one.

    Args:
        work: The build.
        path: The folder.
        shared: Whether other processes write the other files.
        idle: Whether they write all of them.
    """

    def __init__(self, work: Work, path: Path, *, shared: bool = False, idle: bool = False) -> None:
        self._work = work
        self._path = path
        self._shared = shared
        self._idle = idle
        self._overwrite = False
        self._made = False
        self._files: list[ResumableFile] = []

    def begin(self, *, overwrite: bool, restart: bool) -> bool:
        """Make the folder, and refuse what cannot be written, before anything is drawn.

        Args:
            overwrite: Whether files under the names of the build may be replaced, and other files of a model
                removed.
            restart: Whether an unfinished build of something else may be discarded.

        Returns:
            Whether the whole build is there already: another process, or an earlier one, has finished it.

        Raises:
            FileTakenError: Files are there, and `overwrite` is false; or an unfinished build of another
                recipe or other options is there, and `restart` is false.
            FileAccessError: The folder cannot be made or written to.
        """
        self._overwrite = overwrite
        self._make_folder()
        marker = self._open_marker()
        try:
            if marker.identity is None:
                again = restart or (overwrite and not self._idle)
                if self._shared and not again and self._is_complete():
                    marker.remove()
                    return True
                try:
                    self._refuse_taken()
                except FileAccessError:
                    marker.remove()
                    raise
            elif marker.identity != self._work.fingerprint:
                if not restart:
                    message = (
                        "an unfinished build of another recipe, or of other options, is kept in the folder;"
                    )
                    message += " finish it with the command that began it, or discard it with --restart"
                    message += " (restart=True)"
                    raise file_access_error(errno.EEXIST, message, str(self._path))
                self._refuse_taken(self.left())
                self._refuse_busy()
                (self._path / INDEX_NAME).unlink(missing_ok=True)
                self._discard()
            # A file that needs no index can be an older one of the same header, which is to be replaced.
            elif self._work.index() is not None and self._is_complete() and not restart:
                self._remove_hidden(marker)
                return True
            else:
                self._refuse_others()
                return False
            # Only whole builds have one.
            (self._path / INDEX_NAME).unlink(missing_ok=True)
            marker.begin(self._work.fingerprint)
            return False
        finally:
            marker.close()

    def stands(self) -> bool:
        """Whether all files are there, by their headers and sizes, and nothing else of a model or a build."""
        hidden = self._journals() or (self._path / MARKER_NAME).exists()
        return not hidden and self._is_complete()

    def _make_folder(self) -> None:
        check_place(self._work, self._path)
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

    def _refuse_taken(self, left: frozenset[str] = frozenset()) -> None:
        """Refuse to replace or to remove what no interrupted build has left."""
        taken = [name for name in self._work.names if os.path.lexists(self._path / name)]
        taken += [path.name for path in other_files(self._path, self._work.names)]
        taken = sorted(set(taken) - left)
        if taken and not self._overwrite:
            name, found = self._told(taken)
            raise taken_error(self._path, found, name=name, is_folder=True)

    def _told(self, taken: list[str]) -> tuple[str, str]:
        """One of some files that are there, the first that is not of this build, and what it is."""
        layouts = {file.name: file.layout for file in self._work.files}
        for name in taken:
            if name not in self._work.names:
                return name, "by its name it is of another build"
            if name in layouts and not begins_with(self._path / name, layouts[name]):
                return name, tell_standing(self._path / name, layouts[name])
        missing = sorted(name for name in self._work.names if not (self._path / name).exists())
        return taken[0], f"of this build, {missing[0]} is missing" if missing else NOT_COMPARED

    def _refuse_others(self) -> list[Path]:
        """The files of another model, which may be removed only where that was said."""
        others = other_files(self._path, self._work.names)
        if others and not self._overwrite:
            message = f"{others[0].name}, which is of another build, would be loaded in place of this one;"
            message += " move it away, or say --force (overwrite=True)"
            raise file_access_error(errno.EEXIST, message, str(self._path))
        return others

    def left(self) -> frozenset[str]:
        """The files that an interrupted build had finished: what its journals say is what is in them."""
        names = [path.name[1:].removesuffix(".journal") for path in self._journals()]
        found = {name: read_journal(hidden_paths(self._path / name)[1])[0] for name in names}
        return frozenset(name for name in names if found[name] == identity_in(self._path / name) is not None)

    def _journals(self) -> list[Path]:
        return sorted(self._path.glob(".model*.safetensors*.journal"))

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

        Raises:
            FileTakenError: A file of another model has come meanwhile, and may not be removed.
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
            self._remove_others(force)
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

    def _remove_others(self, force: bool) -> None:
        """Remove what would be loaded in place of this build, which has no index yet."""
        others = self._refuse_others()
        for path in others:
            path.unlink(missing_ok=True)
        if others and force:
            force_folder(self._path)

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
        """Whether the index is there, which is written last, and all that it lists is of this build."""
        index = self._work.index()
        with suppress(OSError):
            # Of another seed it is the same, and the files are not.
            return (
                (index is None or (self._path / index[0]).read_bytes() == index[1])
                and all(begins_with(self._path / file.name, file.layout) for file in self._work.files)
                and not other_files(self._path, self._work.names)
            )
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

    def _discard(self) -> None:
        """Remove what is left of a build with other files."""
        left = self.left()
        for path in self._journals():
            journal = self._locked(path)
            path.with_suffix(".partial").unlink(missing_ok=True)
            if (name := path.name[1:].removesuffix(".journal")) in left:
                (self._path / name).unlink(missing_ok=True)
            journal.remove()
        for path in self._path.glob(".model*.safetensors*.partial"):
            path.unlink(missing_ok=True)

    def _refuse_busy(self) -> None:
        """Refuse, before anything is removed, what another process is writing."""
        for path in self._journals():
            self._locked(path).close()

    def _locked(self, path: Path) -> Journal:
        journal = Journal(path)
        if not journal.open():
            message = "another process is writing it now; wait until it is done, or choose another folder"
            raise file_access_error(errno.EEXIST, message, str(path))
        return journal

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
