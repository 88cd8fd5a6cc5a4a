"""What stands where a build would go, for the errors that keep it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from initkit.errors import FileAccessError, FileFormatError, file_access_error
from initkit.io import Layout, read_header
from initkit.recipe.building.files import RECIPE_FILE_KEY, RECIPE_KEY

NOT_COMPARED = "its header is that of this build, and its values were not compared"
OTHER_VALUES = "its values are not those of this recipe (`initkit verify` tells which)"


def tell_standing(path: Path, layout: Layout) -> str:
    """Say what a file is that stands under the name of a build's, by its header alone.

    Args:
        path: The file.
        layout: What the build would write there.

    Returns:
        A clause for a message.

    Example:
        >>> import tempfile
        >>> from initkit.io import plan_layout
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     tell_standing(Path(file.name), plan_layout([]))
        'it is no whole safetensors file'
    """
    try:
        with path.open("rb") as file:
            if file.read(len(layout.prefix)) == layout.prefix:
                size = os.fstat(file.fileno()).st_size
                cut = f"its header is that of this build, and it has {size:,} bytes of {layout.size:,}"
                return NOT_COMPARED if size == layout.size else cut
        metadata = read_header(path).metadata
    except FileFormatError:
        return "it is no whole safetensors file"
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"
    if RECIPE_KEY in metadata or RECIPE_FILE_KEY in metadata:
        return "it is of another recipe or other options"
    return "it has no recipe of initkit's in it"


def taken_error(path: Path, found: str, *, name: str = "", is_folder: bool) -> FileAccessError:
    """The error for what is there, and may not be replaced.

    Args:
        path: The file, or the folder of files.
        found: What it is, as a clause.
        name: The file in the folder; empty for all of them.
        is_folder: Whether it is a folder of files.

    Returns:
        The error, to be raised.
    """
    what = f"{name or 'the model'} is there already" if is_folder else "the file exists"
    place = "folder" if is_folder else "name"
    message = f"{what}: {found}; choose another {place}, or say --force (overwrite=True)"
    return file_access_error(errno.EEXIST, message, str(path))
