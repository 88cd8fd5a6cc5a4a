"""Initializers for model weights: the same bits on every device, thread count, slice and precision."""

from typing import TYPE_CHECKING, Any

from initkit import initializers
from initkit.diagnostics import show_config
from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    BackendError,
    ConfigError,
    DTypeError,
    FileAccessError,
    FileFormatError,
    InitkitError,
    RecipeError,
    RegionIndexError,
    SeedError,
    ShapeError,
    UnknownNameError,
)
from initkit.fans import Fans, fans
from initkit.gains import calculate_gain
from initkit.initializer import Initializer, Moments
from initkit.initializers import *  # noqa: F403  # its own list of names says what these are
from initkit.lazy import LazyArray
from initkit.registry import register
from initkit.seed import SeedGenerator, seed_scope
from initkit.serialization import deserialize, from_json, from_yaml, get, serialize, to_json, to_yaml
from initkit.version import __version__

if TYPE_CHECKING:
    from initkit import functional as functional
    from initkit import recipe as recipe
    from initkit.interop import dask as dask
    from initkit.recipe import Recipe

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "BackendError",
    "ConfigError",
    "DTypeError",
    "Fans",
    "FileAccessError",
    "FileFormatError",
    "Initializer",
    "InitkitError",
    "LazyArray",
    "Moments",
    "Recipe",
    "RecipeError",
    "RegionIndexError",
    "SeedError",
    "SeedGenerator",
    "ShapeError",
    "UnknownNameError",
    "__version__",
    "calculate_gain",
    "deserialize",
    "fans",
    "from_json",
    "from_yaml",
    "get",
    "register",
    "seed_scope",
    "serialize",
    "show_config",
    "to_json",
    "to_yaml",
]
__all__ += initializers.__all__

_IMPORTED_LATER = {
    "dask": "initkit.interop.dask",
    "functional": "initkit.functional",
    "recipe": "initkit.recipe",
}


def __getattr__(name: str) -> Any:
    """Import recipes, bridges and the functional layer when they are asked for: most programs use none."""
    if name in _IMPORTED_LATER:
        from importlib import import_module

        return import_module(_IMPORTED_LATER[name])
    if name == "Recipe":
        from initkit.recipe import Recipe

        return Recipe
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Every public name, those imported later included."""
    return sorted({*globals(), *__all__})
