"""PyTorch's catalogue: `torch.nn.init`, and what its layers have by default."""

from __future__ import annotations

import initkit as ik
from tests.catalogue.entry import COMPLEX, EVERY, FLOATS, Entry

_SCALED = (
    (ik.KaimingUniform, {"a": 0.5, "mode": "fan_out", "nonlinearity": "elu"}),
    (ik.KaimingNormal, {"a": 0.5, "mode": "fan_avg", "nonlinearity": "silu"}),
    (ik.XavierUniform, {"gain": 2.0}),
    (ik.XavierNormal, {"gain": 2.0}),
)
_GROUPED = {"layout": "OI...", "groups": 2, "transposed": True}
_DEPTHWISE = {"layout": "...IO", "depthwise": True}
_AXES = {"input_axes": [0], "output_axes": [-1], "batch_axes": []}
_EVEN = ((8, 3), (4, 2, 3), (6, 2, 4, 5))
_TABLES = ((2, 0), (4, 5), (7, 6))
_SQUARE = (600, 600)

ENTRIES = (
    *(
        Entry(
            cls,
            {**arguments, **reading},
            _EVEN,
            FLOATS + COMPLEX,
            large=(132, 67),
            label=f"{cls.__name__}-{label}",
        )
        for cls, arguments in _SCALED
        for label, reading in (("groups", _GROUPED), ("depthwise", _DEPTHWISE), ("axes", _AXES))
    ),
    Entry(
        ik.Dirac,
        {"gain": 2.0, "shift": [1, -2], "centre": "lower", "layout": "torch", "groups": 2},
        ((0, 3, 3), (8, 3), (4, 2, 3), (6, 2, 4, 5)),
        tuple(name for name in EVERY if name != "bool"),
        seeded=False,
        large=None,
    ),
    Entry(
        ik.Sparse,
        {"sparsity": 0.3, "std": 0.25, "axis": 1},
        ((7, 6), (4, 9), (0, 3), (3, 0), (5, 300)),
        FLOATS + COMPLEX,
        large=(131, 267),
        moments_shape=_SQUARE,
    ),
    Entry(
        ik.Sparse,
        {"sparsity": 0.5},
        ((0, 3), (7, 6)),
        ("float32", "bfloat16"),
        label="Sparse-tall",
        large=(40_000, 3),
        moments_shape=_SQUARE,
    ),
    Entry(ik.TorchLinear, {"weight_shape": [3, 40], "layout": "IO"}, ((5,), (0, 3), (7, 6))),
    Entry(ik.TorchConv, {"weight_shape": [3, 5, 7, 7], "layout": "...IO"}, ((5,), (0, 3), (7, 6))),
    Entry(ik.TorchRNN, {"hidden_size": 12}),
    Entry(ik.TorchEmbedding, {"padding_idx": -2}, _TABLES, FLOATS + COMPLEX, moments_shape=_SQUARE),
    Entry(
        ik.TorchMHA,
        {"fused": False, "layout": "IO"},
        ((2, 0), (5,), (4, 3), (6, 9)),
        large=(131, 66),
        moments_shape=_SQUARE,
    ),
)
