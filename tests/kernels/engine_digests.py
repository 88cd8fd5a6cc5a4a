"""Draws large and small through the engine of this process, and a digest of each.

Run as a program, it prints them as JSON: environment variables choose the engine once for a process.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from hashlib import sha256

import numpy as np

from initkit.dtypes import resolve_dtype
from initkit.kernels import fill_normal, fill_truncated_normal, fill_uniform
from initkit.kernels.loader import engine, thread_count
from initkit.kernels.threads import PIECE
from initkit.kernels.transforms import Array
from initkit.region import AffineMap, Region

KEY = (0xF00DF00D, 0x12345678, 0xCAFEBABE, 0x87654321)
Fill = Callable[[Array, AffineMap, tuple[int, int, int, int]], None]

LAWS: dict[str, Fill] = {
    "uniform": partial(fill_uniform, low=-0.5, high=2.0),
    "normal": partial(fill_normal, mean=0.25, std=0.02),
    "central": partial(fill_truncated_normal, mean=0.0, std=0.05, lower=-2.0, upper=2.0),
    "truncated": partial(fill_truncated_normal, mean=1.0, std=3.0, lower=-0.25, upper=math.inf),
    "far": partial(fill_truncated_normal, mean=0.0, std=1e-3, lower=-math.inf, upper=-5.0),
}
SMALL = {
    "whole": Region.whole((33, 65)),
    "columns": Region((500, 300), (7, 290), (3, -2), (150, 19)),
    "block": Region((1 << 20, 1 << 20), (999_999, 1_000_001), (1, 1), (5, 70)),
}
DTYPES = ("float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
# Two pieces and a bit, so that three threads have something to do, and sixteen have not.
LARGE = {
    "uniform": ("float32", Region.whole((8 * PIECE + 5,))),  # written around the caches
    "normal": ("bfloat16", Region.whole((3, PIECE - 1))),
    "central": ("float32", Region((3, 2 * PIECE), (0, 1), (1, 2), (3, PIECE - 1))),
    "truncated": ("float64", Region.whole((2 * PIECE + 3,))),
    "far": ("float16", Region.whole((2, PIECE + 9))),
}


def digests() -> dict[str, str]:
    """The SHA-256 of each draw's bytes, by its name."""
    found = {}
    for law, fill in LAWS.items():
        cases = {f"{name}, {dtype}": (dtype, region) for name, region in SMALL.items() for dtype in DTYPES}
        cases["large"] = LARGE[law]
        for name, (dtype, region) in cases.items():
            out = np.empty(region.counts, resolve_dtype(dtype).numpy)
            fill(out, region.affine(), KEY)
            found[f"{law}, {name}"] = sha256(out.tobytes()).hexdigest()
    return found


if __name__ == "__main__":
    print(json.dumps({"engine": engine().instruction_set, "threads": thread_count(), "digests": digests()}))
