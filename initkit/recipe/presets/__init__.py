"""Recipes of known models, shipped with initkit, each under a name and a version: `gpt2@1`.

A version never changes once it is published; what would change a value is a new version.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from initkit.errors import UnknownNameError, did_you_mean, nearest_names


def preset_names() -> tuple[str, ...]:
    """The names of all presets with their versions, in alphabetical order.

    Returns:
        Names such as `"gpt2@1"`.

    Example:
        >>> "gpt2@1" in preset_names()
        True
    """
    entries = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in entries if name.endswith(".yaml")))


@lru_cache
def preset_text(name: str) -> str:
    """The YAML text of a preset.

    Args:
        name: Its name and version, as `"gpt2@1"`.

    Returns:
        The text.

    Raises:
        UnknownNameError: If there is no such preset.

    Example:
        >>> preset_text("gpt2@1").splitlines()[0][:1]
        '#'
    """
    known = preset_names()
    if name not in known:
        nearest = nearest_names(name, known)
        message = f"There is no preset {name!r}. Allowed: {', '.join(known)}.{did_you_mean(nearest)}"
        message += " Write its name and its version, as in gpt2@1."
        raise UnknownNameError(message, name, nearest)
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
