"""One entry per built-in initializer: arguments that are no defaults, and where it can be called.

Tests over the whole catalogue are parametrized by these entries; `test_catalogue.py` fails when a class
has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import initkit as ik
from initkit.dtypes import DTYPES
from initkit.registry import BUILT_IN, registry

FLOATS = tuple(row.name for row in DTYPES.values() if row.kind == "float")
COMPLEX = tuple(row.name for row in DTYPES.values() if row.kind == "complex")
EVERY = tuple(DTYPES)

SHAPES = ((), (5,), (0, 3), (7, 6), (3, 2, 4, 5))
MATRICES = ((1, 1), (7, 6), (4, 9), (0, 3))


@dataclass(frozen=True)
class Entry:
    """A class, with all that tests over the catalogue need to know about it.

    Attributes:
        cls: The class.
        arguments: Constructor arguments, none of them the default; the seed apart.
        shapes: Shapes that it can be called with.
        dtypes: The dtypes that it can make.
        seeded: Whether it draws, and so takes a seed.
        exact: Whether every backend must give the same bits.
        label: What tests call the entry.
    """

    cls: type[ik.Initializer]
    arguments: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[tuple[int, ...], ...] = SHAPES
    dtypes: tuple[str, ...] = FLOATS
    seeded: bool = True
    exact: bool = True
    label: str = ""

    def make(self, seed: Any = 7, **changes: Any) -> Any:
        """An object with the entry's arguments, and a seed if it takes one."""
        seeded = {"seed": seed} if self.seeded else {}
        return self.cls(**{**self.arguments, **seeded, **changes})

    def __str__(self) -> str:
        """The name in test ids."""
        return self.label or self.cls.__name__


_AXES = {"input_axes": [0], "output_axes": [-1]}
_WITH_AXES = ((5,), (0, 3), (7, 6), (3, 2, 4, 5))
_TABLE = np.arange(12, dtype=np.float32).reshape(3, 4) - 3

ENTRIES = (
    Entry(ik.Zeros, dtypes=EVERY, seeded=False),
    Entry(ik.Ones, dtypes=EVERY, seeded=False),
    Entry(ik.Constant, {"value": 1}, dtypes=EVERY, seeded=False),
    Entry(ik.Constant, {"value": -0.3}, dtypes=FLOATS + COMPLEX, seeded=False, label="Constant-fraction"),
    Entry(ik.Constant, {"value": 0.5 - 2j}, dtypes=COMPLEX, seeded=False, label="Constant-complex"),
    Entry(
        ik.Constant,
        {"value": _TABLE},
        shapes=((3, 4),),
        dtypes=tuple(name for name in EVERY if name != "bool" and not name.startswith("uint")),
        seeded=False,
        label="Constant-array",
    ),
    Entry(ik.Identity, {"gain": 2.0}, MATRICES, tuple(n for n in EVERY if n != "bool"), seeded=False),
    Entry(
        ik.STFT,
        {"side": "imag", "window": "hamming", "scaling": None, "periodic": True},
        ((8, 1, 5), (7, 1, 4), (1, 1, 3), (16, 1, 9)),
        FLOATS,
        seeded=False,
    ),
    Entry(ik.RandomNormal, {"mean": 0.5, "stddev": 0.25}, dtypes=FLOATS + COMPLEX),
    Entry(ik.RandomUniform, {"minval": -0.5, "maxval": 2.0}),
    Entry(ik.TruncatedNormal, {"mean": -0.5, "stddev": 0.25}),
    Entry(
        ik.VarianceScaling,
        {"scale": 3.0, "mode": "fan_geo_avg", "distribution": "untruncated_normal", **_AXES},
        _WITH_AXES,
        FLOATS + COMPLEX,
    ),
    Entry(
        ik.VarianceScaling,
        {"scale": 0.5, "mode": "fan_out", "distribution": "uniform", **_AXES},
        _WITH_AXES,
        label="VarianceScaling-uniform",
    ),
    *(
        Entry(cls, _AXES, _WITH_AXES)
        for cls in (
            ik.GlorotNormal,
            ik.GlorotUniform,
            ik.HeNormal,
            ik.HeUniform,
            ik.LecunNormal,
            ik.LecunUniform,
        )
    ),
    Entry(
        ik.Orthogonal,
        {"gain": 2.0},
        (*MATRICES, (3, 2, 4, 5)),
        FLOATS + COMPLEX,
        exact=False,
    ),
)


def built_in_classes() -> set[type]:
    """Every class that the registry has from the library itself."""
    return {cls for name, cls in registry.classes().items() if name.startswith(f"{BUILT_IN}>")}
