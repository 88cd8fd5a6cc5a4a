"""Tables of positions."""

from __future__ import annotations

import initkit as ik
from tests.catalogue.entry import Entry

_TABLES = ((5, 8), (1, 2), (0, 4), (3, 0), (2, 7, 6))
_GRIDS = ((6, 8), (6, 4), (6, 0), (2, 6, 12))

ENTRIES = (
    Entry(ik.SinusoidalPositions, {}, _TABLES, seeded=False, label="SinusoidalPositions-default"),
    Entry(
        ik.SinusoidalPositions,
        {"grid": [2, 3], "base": 100.0, "interleaved": True, "endpoint": True},
        _GRIDS,
        seeded=False,
    ),
)
