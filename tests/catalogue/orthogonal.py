"""Orthogonal's kin, and weights with the structure of the identity."""

from __future__ import annotations

from typing import Any

import initkit as ik
from tests.catalogue.entry import COMPLEX, FLOATS, MATRICES, Entry

_KERNELS = ((3, 4, 5), (2, 3, 0, 3), (1, 1, 1), (3, 2, 4, 5))
_TORCH_KERNELS = ((5, 4, 3), (3, 0, 2, 3), (5, 4, 3, 2))


class _Paired(Entry):
    """An entry whose pair goes with the tensor's name, as the layer does in a recipe.

    Two tensors of one pair have the same values whatever their names are, which is what a pair is for.
    """

    def make(self, seed: Any = 7, **changes: Any) -> Any:
        path = seed.path if isinstance(seed, ik.SeedGenerator) else ()
        return super().make(seed, **{"pair": sum(map(ord, "".join(path))), **changes})


ENTRIES = (
    Entry(
        ik.Orthogonal,
        {"gain": -1.5, "column_axis": 1},
        (*MATRICES, (3, 2, 4, 5)),
        FLOATS + COMPLEX,
        exact=False,
        label="Orthogonal-columns",
        moments_shape=(30, 50, 40),
    ),
    Entry(
        ik.BlockOrthogonal,
        {"gates": 3, "gain": 2.0, "axis": 0},
        ((3, 1), (6, 7), (0, 3), (9, 2, 5)),
        FLOATS + COMPLEX,
        exact=False,
        moments_shape=(300, 200),
    ),
    Entry(
        ik.DeltaOrthogonal,
        {"gain": 2.0, "layout": "torch"},
        _TORCH_KERNELS,
        FLOATS + COMPLEX,
        exact=False,
        moments_shape=(90, 70, 3, 3),
    ),
    Entry(
        ik.OrthogonalConvolution,
        {"gain": -2.0, "layout": "...IO"},
        _KERNELS,
        FLOATS + COMPLEX,
        exact=False,
        moments_shape=(3, 3, 70, 90),
    ),
    _Paired(
        ik.Mimetic,
        {"part": "key", "heads": 2, "alpha": 0.5, "beta": 0.25, "pair": 3, "layout": "torch"},
        ((2, 1), (0, 3), (6, 7)),
        exact=False,
        moments_shape=(40, 50),
        has_moments=False,
    ),
    _Paired(
        ik.Mimetic,
        {"part": "projection", "heads": 3, "alpha": 0.3, "beta": -0.9, "pair": 0, "layout": "IO"},
        ((1, 1), (0, 3), (6, 7)),
        exact=False,
        label="Mimetic-projection",
        moments_shape=(40, 50),
        has_moments=False,
    ),
    Entry(
        ik.NormalizedRows,
        {"axis": 1, "gain": -3.0},
        ((3, 1), (7, 6), (0, 3), (3, 0), (3, 2, 4, 5)),
        FLOATS + COMPLEX,
        large=(131, 67),
    ),
    Entry(
        ik.ZerO,
        {"orthonormal": True, "layout": "torch"},
        ((1, 1), (7, 6), (9, 4), (0, 3), (5, 3, 2, 3)),
        seeded=False,
    ),
    Entry(
        ik.IDInit,
        {"mode": "zero", "scale": 0.75, "layout": "torch"},
        ((1, 1), (7, 6), (4, 9), (0, 3), (5, 3, 2, 3)),
        seeded=False,
    ),
)
