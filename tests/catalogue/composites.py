"""Initializers made of others."""

from __future__ import annotations

import initkit as ik
from tests.catalogue.entry import COMPLEX, FLOATS, Entry

_CUT_IN_THREE = ((6,), (3, 0), (3, 6), (3, 2, 4, 6))
_MATRICES = ((7, 6), (1, 1), (0, 3), (4, 9))
_MIDDLE = (131, 96)

ENTRIES = (
    Entry(
        ik.Blocks,
        {"initializers": ik.HeNormal(), "sizes": [1, 2], "axis": 0},
        ((6,), (3, 0), (6, 5), (3, 2, 4, 5)),
        large=_MIDDLE[::-1],
    ),
    Entry(
        ik.Blocks,
        {"initializers": [ik.RandomNormal(), ik.Zeros(), ik.RandomUniform()], "names": ["q", "k", "v"]},
        _CUT_IN_THREE,
        large=_MIDDLE,
        label="Blocks-list",
    ),
    Entry(
        ik.Stack,
        {"initializers": ik.GlorotUniform(), "axis": 1},
        ((7, 6), (2, 3, 4), (3, 2, 4, 5)),
        large=(67, 5, 31),
    ),
    Entry(
        ik.Stack,
        {"initializers": [ik.HeUniform(), ik.LecunNormal()], "names": ["left", "right"]},
        ((2, 5), (2, 0, 3), (2, 4, 3)),
        large=(2, 131, 67),
        moments_shape=(2, 300, 400),
        label="Stack-list",
    ),
    Entry(
        ik.Scale,
        {"initializer": ik.RandomNormal(0.5, 0.25), "factor": -0.3},
        dtypes=FLOATS + COMPLEX,
    ),
    Entry(ik.Transpose, {"initializer": ik.HeNormal(), "axes": [1, 0]}, _MATRICES, moments_shape=(300, 400)),
    Entry(
        ik.Map,
        {"initializer": ik.RandomUniform(-1.0, 16.0), "function": "log", "low": 1.0, "high": 12.0},
        large=(131, 67),
        agreement=1e-6,
        has_moments=False,
    ),
    Entry(
        ik.Overwrite,
        {"initializer": ik.RandomNormal(), "where": "..., ::2", "value": ik.RandomUniform(0.5, 1.0)},
        ((5,), (0, 3), (7, 6), (3, 2, 4, 5)),
    ),
    Entry(
        ik.Overwrite,
        {"initializer": ik.TruncatedNormal(), "where": "-1", "value": -1.5},
        ((5,), (7, 6), (3, 2, 4, 5)),
        label="Overwrite-number",
    ),
)
