"""What tests over the whole catalogue need to know about a class."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import initkit as ik
from initkit.dtypes import DTYPES

FLOATS = tuple(row.name for row in DTYPES.values() if row.kind == "float")
COMPLEX = tuple(row.name for row in DTYPES.values() if row.kind == "complex")
INTEGERS = tuple(row.name for row in DTYPES.values() if row.kind == "integer")
EVERY = tuple(DTYPES)

SHAPES = ((), (5,), (0, 3), (7, 6), (3, 2, 4, 5))
MATRICES = ((1, 1), (7, 6), (4, 9), (0, 3))


@dataclass(frozen=True)
class Entry:
    """A class, with all that tests over the catalogue need to know about it.

    Attributes:
        cls: The class.
        arguments: Constructor arguments that are no defaults; a class' entries together leave no argument at
            its default. Initializers among them have no seed of their own.
        shapes: Shapes that it can be called with; one of them has two axes or more.
        dtypes: The dtypes that it can make.
        seeded: Whether it draws.
        exact: Whether every backend must give the same bits.
        label: What tests call the entry.
        large: A shape of several pieces and threads, with an odd tail, for the golden digests of what draws;
            None where only the other shapes fit.
        moments_shape: A shape of very many elements, for comparing moments.
        agreement: By how much a float64 value may differ from its float32 value beyond what a uniform or
            normal law of the same deviation would, relative to the larger of the value and the deviation.
        has_moments: Whether mean and deviation have a closed form.
    """

    cls: type[ik.Initializer]
    arguments: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[tuple[int, ...], ...] = SHAPES
    dtypes: tuple[str, ...] = FLOATS
    seeded: bool = True
    exact: bool = True
    label: str = ""
    large: tuple[int, ...] | None = (1031, 517)
    moments_shape: tuple[int, ...] = (6, 5, 100, 120)
    agreement: float = 0.0
    has_moments: bool = True

    def make(self, seed: Any = 7, **changes: Any) -> Any:
        """An object with the entry's arguments, and a seed for whatever takes one."""
        arguments = {name: _seeded(value, _own(seed, name)) for name, value in self.arguments.items()}
        if "seed" in signature(self.cls).parameters:
            arguments["seed"] = seed
        return self.cls(**{**arguments, **changes})

    @property
    def dtype(self) -> str:
        """Float32 if it can be made, else the first dtype."""
        return "float32" if "float32" in self.dtypes else self.dtypes[0]

    def __str__(self) -> str:
        """The name in test ids."""
        return self.label or self.cls.__name__


def _own(seed: Any, name: str) -> Any:
    """A generator for one argument: a config cannot say that two initializers share one."""
    return seed.child(name) if isinstance(seed, ik.SeedGenerator) and name == "value" else seed


def _seeded(value: Any, seed: Any) -> Any:
    """An argument, with a seed in the initializers that it holds; in those of a list, each another one."""
    if isinstance(value, list):
        return [
            _seeded(entry, seed.child(str(k)) if isinstance(seed, ik.SeedGenerator) else seed + k)
            for k, entry in enumerate(value)
        ]
    if not isinstance(value, ik.Initializer):
        return value
    changes = {name: _seeded(entry, seed) for name, entry in value._arguments().items() if name != "seed"}
    if "seed" in signature(type(value)).parameters:
        changes["seed"] = seed
    return type(value)(**changes)
