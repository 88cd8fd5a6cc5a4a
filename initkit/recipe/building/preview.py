"""What a build would write, and what there is of it already."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from initkit.io.journal import read_journal
from initkit.io.resumable_file import hidden_paths, progress_of
from initkit.io.target import free_bytes
from initkit.recipe.building.build import own_files
from initkit.recipe.building.files import other_files
from initkit.recipe.building.output import MARKER_NAME, FileOutput, FolderOutput, check_place
from initkit.recipe.building.standing import NOT_COMPARED, tell_standing
from initkit.recipe.building.work import Work, parse_size
from initkit.recipe.planning.plan import Plan

Status: TypeAlias = Literal["new", "resumed", "finished", "exists", "other", "foreign"]


@dataclass(frozen=True, slots=True)
class FilePreview:
    """What a build would do with one file.

    Attributes:
        path: The file.
        nbytes: Its size.
        kept: How many bytes of its values an interrupted build has written.
        status: `"new"`; `"resumed"`; `"finished"` by an interrupted build; `"exists"`, and has the
            header of this build; `"other"`: what exists cannot be the same, by its header; or `"foreign"`: an
            unfinished file of another recipe or other options is there.
    """

    path: Path
    nbytes: int
    kept: int
    status: Status


@dataclass(frozen=True, slots=True)
class BuildPreview:
    """What a build would write.

    Attributes:
        files: The files.
        free: How many bytes the disk has free.
        missing: How many bytes would be written.
        others: What is there of another model, and would be removed; `build` needs `overwrite` for that.
        foreign: Whether an unfinished build of another recipe or other options is there, in the folder or as
            one of the files; `build` needs `restart` to discard it.
        taken: Whether something stands under the names of the build that cannot be the same build, whole;
            `build` needs `overwrite` to replace it.
    """

    files: tuple[FilePreview, ...]
    free: int
    missing: int
    others: tuple[Path, ...]
    foreign: bool
    taken: bool


def preview(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    max_shard_size: int | str | None = None,
    shard: tuple[int, int] | None = None,
) -> BuildPreview:
    """Find out what `build` would write, and write nothing.

    Args:
        plan: The plan.
        path: The file, or the folder of files.
        max_shard_size: As for `build`.
        shard: As for `build`.

    Returns:
        The files, what there is of them, and whether the disk has room.

    Raises:
        ArgumentError: As `build` raises.
        FileAccessError: There is no folder for it, or something else stands there.
    """
    size = None if max_shard_size is None else parse_size(max_shard_size)
    work = Work(plan, size, read_copied=False)
    numbers = own_files(work, shard)
    check_place(work, Path(path))
    folder = Path(os.path.realpath(path))
    kept = read_journal(folder / MARKER_NAME)[0] if work.is_folder else None
    if kept is not None or any(_is_there(work.path_of(number, path)) for number in numbers):
        # What is there is known by its header, which has the SHA-256 of what is copied.
        work = Work(plan, size)
    files = []
    for number in numbers:
        file, layout = work.path_of(number, path), work.files[number].layout
        found = progress_of(file, layout)
        status: Status = "new"
        if found.foreign:
            status = "foreign"
        elif found.finished:
            status = "finished"
        elif found.nbytes:
            status = "resumed"
        elif os.path.lexists(file):
            status = "exists" if tell_standing(file, layout) == NOT_COMPARED else "other"
        files.append(FilePreview(file, layout.size, found.nbytes, status))
    foreign = kept not in (None, work.fingerprint)
    # With what is unfinished goes what is finished of it.
    left = FolderOutput(work, folder).left() if foreign else ()
    others = other_files(Path(path), {*work.names, *left}) if work.is_folder else []
    taken = kept != work.fingerprint and _is_taken(work, Path(path), left)
    foreign = foreign or any(file.status == "foreign" for file in files)
    if not folder.is_dir():
        folder = folder.parent
    missing = sum(file.nbytes - file.kept for file in files if file.status != "finished")
    return BuildPreview(tuple(files), free_bytes(folder), missing, tuple(others), foreign, taken)


def _is_there(path: Path) -> bool:
    _, journal = hidden_paths(Path(os.path.realpath(path)))
    return os.path.lexists(path) or journal.exists()


def _is_taken(work: Work, path: Path, left: Collection[str]) -> bool:
    """Whether a build would refuse what stands under its names, but for what an unfinished one has left."""
    if work.is_folder:
        standing = any(os.path.lexists(path / name) for name in work.names.difference(left))
        return standing and not FolderOutput(work, path).stands()
    if not os.path.lexists(path) or FileOutput(work, path).stands():
        return False
    return not progress_of(path, work.files[0].layout, anywhere=True).finished
