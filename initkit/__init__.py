"""Initializers for model weights: the same bits on every device, thread count, slice and precision."""

from typing import TYPE_CHECKING, Any

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
from initkit.fans import Fans, compute_fans
from initkit.initializer import Initializer, Moments
from initkit.initializers import (
    STFT,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from initkit.lazy import LazyArray
from initkit.registry import register
from initkit.seed import SeedGenerator, seed_scope
from initkit.serialization import deserialize, from_json, from_yaml, get, serialize, to_json, to_yaml
from initkit.version import __version__

if TYPE_CHECKING:
    from initkit.recipe import Recipe

__all__ = [
    "STFT",
    "ArgumentError",
    "ArgumentTypeError",
    "BackendError",
    "ConfigError",
    "Constant",
    "DTypeError",
    "Fans",
    "FileAccessError",
    "FileFormatError",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "InitkitError",
    "LazyArray",
    "LecunNormal",
    "LecunUniform",
    "Moments",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "Recipe",
    "RecipeError",
    "RegionIndexError",
    "SeedError",
    "SeedGenerator",
    "ShapeError",
    "TruncatedNormal",
    "UnknownNameError",
    "VarianceScaling",
    "Zeros",
    "__version__",
    "compute_fans",
    "deserialize",
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


def __getattr__(name: str) -> Any:
    """Import recipes when they are asked for: most programs draw tensors and read no recipe."""
    if name == "Recipe":
        from initkit.recipe import Recipe

        return Recipe
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Every public name, those imported later included."""
    return sorted({*globals(), *__all__})
