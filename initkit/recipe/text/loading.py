"""Texts of recipes: from files, and from those that are shipped as presets."""

from __future__ import annotations

import errno
from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from initkit.documents import Limits
from initkit.errors import RecipeError, did_you_mean, file_access_error, nearest_names
from initkit.recipe.presets import preset_names, preset_text
from initkit.recipe.text.parse import parse_recipe
from initkit.recipe.text.specs import ParsedRecipe

# A character takes up to four bytes of UTF-8.
_MOST_BYTES = 4 * Limits().text


def load_recipe(path: str | PathLike[str]) -> ParsedRecipe:
    """Read a recipe from a file.

    Args:
        path: A file of YAML text in UTF-8.

    Returns:
        The recipe, checked for form.

    Raises:
        RecipeError: The file is no recipe; the message says on which line.
        FileAccessError: The file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return read_recipe(file, fspath(path))
    except OSError as error:
        message = error.strerror or str(error)
        if error.errno == errno.ENOENT:
            hint = did_you_mean(nearest_names(Path(path).name, preset_names()))
            message = "there is no such file, and no preset of that name."
            message += hint or " `initkit presets` lists them."
        raise file_access_error(error.errno, message, fspath(path)) from error


def read_recipe(stream: BinaryIO, file: str) -> ParsedRecipe:
    """Read a recipe from a file that is open.

    Args:
        stream: The bytes of YAML text in UTF-8.
        file: The file's name, for messages; paths in the recipe are relative to its folder.

    Returns:
        The recipe, checked for form.

    Raises:
        RecipeError: The text is no recipe; the message says on which line.
    """
    data = stream.read(_MOST_BYTES + 1)
    if data[8:9] == b"{" and b"\0" in data[:8]:
        message = (
            "the file is a safetensors file, and no recipe. Give the recipe's YAML file; what a built file"
        )
        msg = f"{message} holds, `initkit verify` tells."
        raise RecipeError(msg, file=file)
    if len(data) > _MOST_BYTES:
        message = f"the file is too large for a recipe. Allowed: {_MOST_BYTES:,} bytes. Give the recipe's"
        msg = f"{message} YAML file, and not the model."
        raise RecipeError(msg, file=file)
    try:
        # A built file holds the text, and has the same bytes whichever system has written it.
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 text: {error.reason} at byte {error.start}. Save it as UTF-8."
        raise RecipeError(message, file=file) from None
    return parse_recipe(text, file)


@lru_cache(maxsize=16)
def load_preset(name: str) -> ParsedRecipe:
    """Read a preset.

    Args:
        name: Its name and version, as `"gpt2@1"`.

    Returns:
        The recipe, checked for form.

    Raises:
        UnknownNameError: There is no such preset.

    Example:
        >>> load_preset("gpt2@1").preset.version
        1
    """
    return parse_recipe(preset_text(name), name)
