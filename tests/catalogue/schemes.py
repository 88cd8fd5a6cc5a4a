"""Schemes that scale with width and depth, and kernels that enlarge images."""

from __future__ import annotations

from typing import Any

import initkit as ik
from tests.catalogue.entry import COMPLEX, FLOATS, Entry

_LARGE = (131, 67)
_AXES = {"input_axes": [0], "output_axes": [-1], "batch_axes": []}
_WITH_AXES = ((5,), (0, 3), (7, 6), (3, 2, 4, 5))
# A transposed convolution of two channels as PyTorch stores it, each with kernels of its own.
_CHANNELS = {"layout": "torch", "groups": 2, "transposed": True, "depthwise": True}
_WITH_CHANNELS = ((2, 5), (2, 0), (2, 3, 4), (2, 3, 2, 5))


def _both_ways(cls: type[ik.Initializer], **arguments: Any) -> tuple[Entry, Entry]:
    """A class whose fans are read by axes, and by a layout."""
    return (
        Entry(cls, {**arguments, **_AXES}, _WITH_AXES, FLOATS + COMPLEX, large=_LARGE),
        Entry(
            cls,
            {**arguments, **_CHANNELS},
            _WITH_CHANNELS,
            FLOATS + COMPLEX,
            label=f"{cls.__name__}-layout",
            large=(2, 131, 67),
            moments_shape=(2, 300, 400),
        ),
    )


ENTRIES = (
    *_both_ways(ik.Siren, first=True, omega=1.5),
    Entry(ik.Siren, {"omega": 1.5}, dtypes=FLOATS + COMPLEX, large=None, label="Siren-hidden"),
    *_both_ways(ik.SpectralScaling, gain=0.5),
    *_both_ways(ik.SmallInit, dim=40),
    *_both_ways(ik.WangInit, layers=3, dim=40),
    *_both_ways(ik.LoRA, part="B", method="embedding", rank=3),
    Entry(
        ik.LoRA, {"method": "gaussian", "rank": 3}, dtypes=FLOATS + COMPLEX, large=None, label="LoRA-gaussian"
    ),
    Entry(ik.LoRA, dtypes=FLOATS + COMPLEX, large=None, label="LoRA-uniform"),
    Entry(
        ik.DepthScaled,
        {"initializer": ik.RandomNormal(0.5, 0.25), "rule": "fixup", "depth": 7, "branch_layers": 4},
        dtypes=FLOATS + COMPLEX,
        large=_LARGE,
    ),
    Entry(
        ik.DepthScaled,
        {"initializer": ik.TruncatedNormal(), "rule": "llama", "layer": 3},
        large=None,
        label="DepthScaled-llama",
    ),
    Entry(
        ik.DepthScaled,
        {
            "initializer": ik.GlorotUniform(),
            "rule": "deepnorm_encoder",
            "depth": 6,
            "decoder_depth": 5,
        },
        large=None,
        label="DepthScaled-deepnorm",
    ),
    Entry(
        ik.MuP,
        {
            "initializer": ik.HeNormal(layout="torch"),
            "base_shape": [2, 3],
            "layout": "torch",
            "readout": True,
            "delta_shape": [4, 6],
        },
        ((7, 6), (1, 1), (0, 3), (4, 9)),
        large=_LARGE,
        moments_shape=(300, 400),
    ),
    Entry(ik.LayerScale, {"depth": 24}, dtypes=FLOATS + COMPLEX, seeded=False),
    Entry(
        ik.Bilinear,
        {"channels": "all", "layout": "torch"},
        ((3, 2, 5), (2, 3, 4, 3), (0, 3, 4), (2, 1, 2, 3, 4)),
        FLOATS + COMPLEX,
        seeded=False,
        large=None,
    ),
    Entry(
        ik.Bilinear,
        {"channels": "diagonal"},
        ((5, 3, 3), (4, 7, 2, 2), (3, 0, 0), (3, 4, 3, 1)),
        FLOATS + COMPLEX,
        seeded=False,
        large=None,
        label="Bilinear-diagonal",
    ),
    Entry(
        ik.ICNR,
        {"initializer": ik.HeNormal(), "factor": 3, "order": "tiled", "layout": "torch"},
        ((9, 4), (18, 0, 3), (27, 2, 3, 2)),
        large=(36, 131, 3),
        moments_shape=(90, 1000, 30),
    ),
    Entry(
        ik.ICNR,
        {"initializer": ik.RandomUniform()},
        ((4,), (0, 8), (7, 12), (3, 2, 4, 8)),
        large=None,
        moments_shape=(60, 1000, 40),
        label="ICNR-interleaved",
    ),
)
