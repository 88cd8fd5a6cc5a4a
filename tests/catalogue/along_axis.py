"""Values that lie along an axis by their index."""

from __future__ import annotations

import initkit as ik
from tests.catalogue.entry import FLOATS, INTEGERS, SHAPES, Entry

_WITH_AN_AXIS = tuple(shape for shape in SHAPES if shape)

ENTRIES = (
    Entry(
        ik.Ramp,
        {"start": -2.5, "stop": 1.5, "power": 0.7, "endpoint": False, "axis": 0},
        _WITH_AN_AXIS,
        seeded=False,
    ),
    Entry(ik.Ramp, {}, _WITH_AN_AXIS, seeded=False, label="Ramp-default"),
    Entry(
        ik.Ramp,
        # Every length of these shapes is a divisor of 60.
        {"start": 0, "stop": 60, "endpoint": False},
        _WITH_AN_AXIS,
        (*FLOATS, *INTEGERS),
        seeded=False,
        label="Ramp-integers",
        moments_shape=(6, 5, 400, 30),
    ),
    Entry(
        ik.Cycle,
        {"values": [3, 0, 120, 7]},
        _WITH_AN_AXIS,
        (*FLOATS, *INTEGERS),
        seeded=False,
        label="Cycle-integers",
    ),
    Entry(ik.Cycle, {"values": [0.25, -1.5, 3.0], "axis": 0}, _WITH_AN_AXIS, seeded=False),
)
