"""Recipes written to files: their text, or one that a person could have written, right where it lies."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from initkit.documents import PlainData, read_yaml
from initkit.errors import ConfigError, file_access_error
from initkit.recipe.writing.authoring import recipe_yaml
from initkit.recipe.writing.folding import fold_names

if TYPE_CHECKING:
    from initkit.recipe.planning.plan import Plan
    from initkit.recipe.text.specs import ParsedRecipe

_ESCAPED = re.compile(r"\\([{}\\])")
# Characters that a path, or a longer text that has it inside, goes on with.
_OF_PATHS = r"[\w./~\\-]"

_Move: TypeAlias = Callable[[str], str]


def moved_text(recipe: ParsedRecipe, folder: Path) -> str:
    """A recipe's text for another folder, where it means the same.

    Args:
        recipe: The recipe, nothing of which is overridden.
        folder: Where it will lie.

    Returns:
        The very text, where no path in it depends on the folder. Otherwise the text with other paths; if
        these cannot be exchanged in it one by one, a new text of the same data, without comments.

    Example:
        >>> from initkit.recipe.text.parse import parse_recipe
        >>> text = "{initkit: 1, seed: 7, extends: base.yaml} # mine"
        >>> moved_text(parse_recipe(text, "recipes/r.yaml"), Path("recipes/large"))
        '{initkit: 1, seed: 7, extends: ../base.yaml} # mine'
    """
    move = _mover(Path(recipe.file).parent, folder)
    data = recipe.place.document.data
    assert isinstance(data, dict)
    wanted = _moved(data, move)
    if wanted == data:
        return recipe.text
    paths = "|".join(map(re.escape, _paths(data)))
    pattern = rf"(?<!{_OF_PATHS})(?:{paths})(?!{_OF_PATHS})"
    text = re.sub(pattern, lambda found: move(found[0]), recipe.text)
    with suppress(ConfigError):
        if read_yaml(text).data == wanted:
            return text
    return recipe_yaml(wanted)


def readable_text(plan: Plan, folder: Path) -> str:
    """A plan as a recipe that a person could have written, and that says everything by itself.

    Names are joined by braces where shapes and dtypes are equal; so tensors may stand in another order than
    in the plan, which no value depends on. Paths of copies are relative to the folder.

    Args:
        plan: The plan of a recipe that does not stand alone.
        folder: Where the text will lie.

    Returns:
        YAML text.

    Example:
        >>> from initkit.recipe import Recipe
        >>> text = '{initkit: 1, seed: 7, tensors: {"h.{0..3}.w": [2, 2]}, rules: [{match: "*", init: ones}]}'
        >>> print(readable_text(Recipe.from_text(text).override(seed=8).plan(), Path()), end="")
        initkit: 1
        seed: 8
        dtype: float32
        tensors:
          "h.{0..3}.w": [2, 2]
        rules:
          - {match: "*", init: ones}
    """
    # Programs get the same in JSON, one tensor after the other.
    data: dict[str, Any] = json.loads(plan.text)
    if not data.get("variables"):
        data.pop("variables", None)
    named = ((_ESCAPED.sub(r"\1", name), json.dumps(entry)) for name, entry in data["tensors"].items())
    data["tensors"] = {name: json.loads(entry) for name, entry in fold_names(named)}
    return recipe_yaml(_moved(data, _mover(Path(plan.recipe.file).parent, folder)))


def _mover(old: Path, new: Path) -> _Move:
    """What makes paths relative to one folder those that are relative to another."""
    old, new = Path(os.path.realpath(old)), Path(os.path.realpath(new))

    def move(path: str) -> str:
        if old == new or path.startswith("~") or Path(path).is_absolute():
            return path
        try:
            return Path(os.path.relpath(old / path, new)).as_posix()
        except ValueError:
            # On another drive.
            return (old / path).as_posix()

    return move


def _moved(data: dict[str, PlainData], move: _Move) -> dict[str, PlainData]:
    """A recipe's data, with every path in it changed."""
    moved = dict(data)
    base, sources, rules = data.get("extends"), data.get("from"), data.get("rules")
    if isinstance(base, dict) or (isinstance(base, str) and "@" not in base):
        moved["extends"] = _moved_file(base, move)
    if sources is not None:
        several = [_moved_file(source, move) for source in sources] if isinstance(sources, list) else None
        moved["from"] = _moved_file(sources, move) if several is None else several
    if isinstance(rules, list):
        moved["rules"] = [
            {**rule, "copy": _moved_file(rule["copy"], move)}
            if isinstance(rule, dict) and "copy" in rule
            else rule
            for rule in rules
        ]
    return moved


def _moved_file(entry: PlainData, move: _Move) -> PlainData:
    """A path, or a mapping with one."""
    if isinstance(entry, str):
        return move(entry)
    if isinstance(entry, dict) and isinstance(entry.get("file"), str):
        return {**entry, "file": move(str(entry["file"]))}
    return entry


def _paths(data: dict[str, PlainData]) -> Iterator[str]:
    """Every path in a recipe's data."""
    found: list[str] = []

    def note(path: str) -> str:
        found.append(path)
        return path

    _moved(data, note)
    yield from found


def save_text(text: str, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a text to a file in one step: it is there whole, or not at all.

    Args:
        text: The text; stored as UTF-8, its line ends as they are.
        path: The file; written through if it is a symbolic link.
        overwrite: Whether a file of that name may be replaced.

    Returns:
        The path.

    Raises:
        FileTakenError: The file exists, and `overwrite` is false.
        FileAccessError: It cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_text("initkit: 1", f"{folder}/r.yaml").read_text()
        'initkit: 1'
    """
    target = Path(os.path.realpath(path))
    if not overwrite and os.path.lexists(path):
        raise _taken(path)
    hidden = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with hidden.open("xb") as file:
                file.write(text.encode("utf-8"))
            if overwrite:
                hidden.replace(target)
            else:
                _give_name(hidden, target)
        finally:
            with suppress(FileNotFoundError):
                hidden.unlink()
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        message = f"cannot be written ({error.strerror or error}); choose another place"
        raise file_access_error(error.errno, message, str(path)) from error
    return Path(path)


def _give_name(hidden: Path, target: Path) -> None:
    """Give a file a name that nothing has, not even since it was looked for."""
    try:
        os.link(hidden, target)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links; between the look and the renaming there is a moment then.
        if target.exists():
            raise FileExistsError from None
        hidden.replace(target)


def _taken(path: str | os.PathLike[str]) -> OSError:
    message = "the file exists; choose another name, or say overwrite=True to replace it"
    return file_access_error(errno.EEXIST, message, str(path))
