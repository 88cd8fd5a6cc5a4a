"""State-space and recurrent models, and biases with a meaning."""

from __future__ import annotations

import initkit as ik
from tests.catalogue.entry import COMPLEX, FLOATS, SHAPES, Entry

_SQUARE = ((1, 1), (5, 5), (0, 0), (3, 6, 6))
_WITH_AN_AXIS = tuple(shape for shape in SHAPES if shape)
_GATES = ((8,), (0, 4), (3, 12), (3, 2, 8))
_MIDDLE = (131, 68)

ENTRIES = (
    Entry(ik.HippoLegS, {"part": "B"}, ((5,), (7, 1), (0, 1), (2, 6, 1)), FLOATS + COMPLEX, seeded=False),
    Entry(ik.HippoLegS, {}, _SQUARE, FLOATS + COMPLEX, seeded=False, label="HippoLegS-A"),
    Entry(ik.S4D, {"variant": "inv"}, _WITH_AN_AXIS, COMPLEX, seeded=False),
    Entry(ik.S4D, {}, _WITH_AN_AXIS, COMPLEX, seeded=False, label="S4D-lin"),
    Entry(ik.S4D, {"variant": "real"}, _WITH_AN_AXIS, FLOATS + COMPLEX, seeded=False, label="S4D-real"),
    Entry(ik.MambaALog, {}, _WITH_AN_AXIS, seeded=False),
    Entry(ik.Mamba2ALog, {"low": 0.5, "high": 8.0}, large=_MIDDLE),
    Entry(ik.MambaDtBias, {"dt_min": 0.0005, "dt_max": 2.0, "dt_floor": 0.002}, large=_MIDDLE),
    Entry(ik.LRURing, {"r_min": 0.3, "r_max": 0.95, "max_phase": 3.0}, large=_MIDDLE),
    Entry(
        ik.LRURing,
        {"part": "theta_log", "max_phase": 0.5},
        large=_MIDDLE,
        agreement=0.02,
        label="LRURing-angle",
    ),
    Entry(ik.LRURing, {"part": "gamma_log", "r_max": 0.99}, large=_MIDDLE, label="LRURing-norm"),
    Entry(
        ik.LRURing,
        {"part": "lambda", "r_min": 0.4, "r_max": 0.99},
        dtypes=COMPLEX,
        large=_MIDDLE,
        label="LRURing-lambda",
    ),
    Entry(ik.ForgetBias, {"value": -0.7, "gates": "ifco"}, _GATES, seeded=False),
    Entry(ik.ChronoBias, {"max_time": 784, "gates": "iofc"}, _GATES, large=_MIDDLE),
    Entry(ik.PriorProbability, {"probability": 0.2}, seeded=False),
    # Not float64, whose test compares numbers.
    Entry(ik.NaN, {}, dtypes=tuple(name for name in FLOATS if name != "float64") + COMPLEX, seeded=False),
    Entry(ik.RandomFourier, {"lengthscale": 0.25}),
    Entry(ik.RandomFourier, {"part": "bias"}, label="RandomFourier-bias"),
)
