"""One entry per built-in initializer: arguments that are no defaults, and where it can be called.

Tests over the whole catalogue are parametrized by these entries, a module per family; `test_catalogue.py`
fails when a class has none.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from initkit.registry import BUILT_IN, registry
from tests.catalogue.entry import COMPLEX, EVERY, FLOATS, MATRICES, SHAPES, Entry

__all__ = ["COMPLEX", "ENTRIES", "EVERY", "FLOATS", "MATRICES", "SHAPES", "Entry", "built_in_classes"]

_FAMILIES = sorted({module.name for module in iter_modules(__path__)} - {"entry"})

ENTRIES: tuple[Entry, ...] = tuple(
    entry for family in _FAMILIES for entry in import_module(f"{__name__}.{family}").ENTRIES
)


def built_in_classes() -> set[type]:
    """Every class that the registry has from the library itself."""
    return {cls for name, cls in registry.classes().items() if name.startswith(f"{BUILT_IN}>")}
