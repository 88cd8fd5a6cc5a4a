"""Complex laws, quaternions, and the truncated normal law's bounds."""

from __future__ import annotations

from math import inf

import initkit as ik
from tests.catalogue.entry import COMPLEX, FLOATS, Entry

_REAL_TOO = ("float32", "float64", *COMPLEX)
_AXES = {"input_axes": [0], "output_axes": [-1]}
_SHAPES = ((5,), (0, 3), (7, 6), (3, 2, 4, 5))
_LARGE = (131, 67)

ENTRIES = (
    Entry(
        ik.RandomUniform,
        {"minval": -1.5, "maxval": 1.0},
        dtypes=_REAL_TOO,
        label="RandomUniform-disk",
        large=_LARGE,
    ),
    Entry(
        ik.TruncatedNormal,
        {"mean": -0.5, "stddev": 0.25, "lower": -1.0, "upper": 0.25, "bounds": "absolute", "corrected": True},
        label="TruncatedNormal-absolute",
    ),
    Entry(
        ik.TruncatedNormal,
        {"mean": 0.5, "stddev": 2.0, "lower": 1.0, "upper": inf},
        label="TruncatedNormal-one-sided",
    ),
    Entry(
        ik.TruncatedNormal,
        {"mean": 0.5, "stddev": 0.25, "lower": -1.5, "upper": 1.5},
        dtypes=_REAL_TOO,
        label="TruncatedNormal-disk",
        large=_LARGE,
    ),
    Entry(
        ik.VarianceScaling,
        {"scale": 3.0, "mode": "fan_out", "distribution": "uniform", **_AXES},
        _SHAPES,
        COMPLEX,
        label="VarianceScaling-disk",
        large=_LARGE,
    ),
    Entry(ik.HeNormal, _AXES, _SHAPES, COMPLEX, label="HeNormal-disk", large=_LARGE),
    Entry(
        ik.Trabelsi,
        {"criterion": "he", **_AXES, "batch_axes": []},
        _SHAPES,
        COMPLEX,
        large=_LARGE,
    ),
    Entry(
        ik.Trabelsi,
        {"layout": "OIH", "groups": 2, "transposed": True},
        ((2, 2, 0), (6, 4, 3)),
        COMPLEX,
        label="Trabelsi-layout",
        large=None,
        moments_shape=(60, 40, 30),
    ),
    Entry(
        ik.Trabelsi,
        {"layout": "HIO", "depthwise": True},
        ((3, 4, 2),),
        COMPLEX,
        label="Trabelsi-depthwise",
        large=None,
        moments_shape=(9, 100, 60),
    ),
    Entry(
        ik.Quaternion,
        {"criterion": "he", "component_axis": -1, **_AXES, "batch_axes": []},
        ((5, 4), (0, 3, 4), (7, 6, 4), (3, 2, 4, 4)),
        FLOATS,
        large=(67, 31, 4),
        moments_shape=(5, 100, 120, 4),
    ),
    Entry(
        ik.Quaternion,
        {"layout": "OIH", "groups": 2, "transposed": True},
        ((4, 2, 2, 0), (4, 6, 4, 3)),
        FLOATS,
        label="Quaternion-layout",
        large=None,
        moments_shape=(4, 60, 40, 30),
    ),
    Entry(
        ik.Quaternion,
        {"layout": "HIO", "depthwise": True},
        ((4, 3, 4, 2),),
        label="Quaternion-depthwise",
        large=None,
        moments_shape=(4, 9, 100, 60),
    ),
)
