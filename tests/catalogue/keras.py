"""Keras' catalogue."""

from __future__ import annotations

import numpy as np

import initkit as ik
from tests.catalogue.entry import COMPLEX, EVERY, FLOATS, MATRICES, Entry

_AXES = {"input_axes": [0], "output_axes": [-1]}
_WITH_AXES = ((5,), (0, 3), (7, 6), (3, 2, 4, 5))
_LAYOUT = {"layout": "torch", "groups": 2, "transposed": True}
_KERNELS = ((4, 1, 3), (2, 1, 0), (6, 5, 3, 2))
_BATCHED = ((2, 0, 3), (3, 2, 4, 5))
_NAMED = (
    ik.GlorotNormal,
    ik.GlorotUniform,
    ik.HeNormal,
    ik.HeUniform,
    ik.LecunNormal,
    ik.LecunUniform,
)
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
    Entry(
        ik.VarianceScaling,
        {"scale": 1.5, "mode": "fan_avg", "distribution": "untruncated_normal", **_LAYOUT},
        _KERNELS,
        FLOATS + COMPLEX,
        label="VarianceScaling-layout",
        large=(518, 131),
    ),
    *(Entry(cls, _AXES, _WITH_AXES) for cls in _NAMED),
    *(Entry(cls, _LAYOUT, _KERNELS, COMPLEX, label=f"{cls.__name__}-layout", large=None) for cls in _NAMED),
    *(
        Entry(
            cls,
            {**_AXES, "batch_axes": [1]},
            _BATCHED,
            ("float32",),
            label=f"{cls.__name__}-batch",
            large=None,
        )
        for cls in (*_NAMED, ik.VarianceScaling)
    ),
    *(
        Entry(
            cls,
            {"depthwise": True},
            ((3, 3, 4, 2),),
            ("float32",),
            label=f"{cls.__name__}-depthwise",
            large=None,
        )
        for cls in (*_NAMED, ik.VarianceScaling)
    ),
    Entry(
        ik.Orthogonal,
        {"gain": 2.0},
        (*MATRICES, (3, 2, 4, 5)),
        FLOATS + COMPLEX,
        exact=False,
    ),
)
