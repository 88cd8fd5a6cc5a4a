"""How much memory a fill takes beside its output, in the compiled kernels and in the NumPy twin."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from initkit.kernels import twin
from initkit.kernels.loader import engine
from initkit.kernels.parameters import (
    NormalParameters,
    Parameters,
    TruncatedNormalParameters,
    UniformParameters,
)
from initkit.region import AffineMap

ROOT = Path(__file__).parents[2]
MEGABYTE = 1 << 20
INF = math.inf
LAWS: dict[str, Parameters] = {
    "uniform": UniformParameters(-1.0, 1.0),
    "normal": NormalParameters(0.0, 1.0),
    "central": TruncatedNormalParameters(0.0, 1.0, -2.0, 2.0, -2.0, 2.0),
    "truncated": TruncatedNormalParameters(0.0, 1.0, -INF, 1.0, -INF, 1.0),
    "far": TruncatedNormalParameters(0.0, 1.0, 5.0, INF, 5.0, INF),
}

needs_library = pytest.mark.skipif(
    engine().fill is None, reason=f"needs the compiled kernels: {engine().reason}"
)
needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="needs /proc to tell the memory of a process"
)

MEASURED = """
import json, sys
import numpy as np
import initkit.kernels as kernels
from initkit.dtypes import resolve_dtype
from initkit.region import Region

def most():
    text = open("/proc/self/status", encoding="utf-8").read()
    return int(text.partition("VmHWM:")[2].split()[0]) << 10

out = np.empty(64 << 20, np.uint8).view(resolve_dtype(sys.argv[1]).numpy)
step = int(sys.argv[2])
region = Region((out.size * step,), (0,), (step,), (out.size,))
before = most()
getattr(kernels, sys.argv[3])(out, region.affine(), (1, 2, 3, 4), *map(float, sys.argv[4:]))
print(json.dumps([most() - before, out.nbytes]))
"""


def most_memory(*arguments: str, **variables: str) -> tuple[int, int]:
    """By how many bytes the memory of a new process grows in a fill, and how many its output has."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    grown, size = json.loads(done.stdout)
    return grown, size


@needs_linux
@needs_library
@pytest.mark.parametrize(
    "arguments",
    [
        ("float32", "1", "fill_normal", "0", "1"),
        ("bfloat16", "3", "fill_truncated_normal", "0", "1", "-2", "2"),
        ("float64", "1", "fill_truncated_normal", "0", "1", "5", "inf"),
    ],
    ids=" ".join,
)
def test_memory_of_the_library(arguments: tuple[str, ...]) -> None:
    """Beside its output of 64 MB, a call on many threads takes at most 16 MB, the first one included."""
    grown, size = most_memory(*arguments, INITKIT_NUM_THREADS="16")
    # The output's own pages are taken in the call, so less would mean that nothing was measured.
    assert size <= grown + MEGABYTE
    assert grown <= size + 16 * MEGABYTE


@needs_linux
def test_memory_of_the_twin_in_a_process() -> None:
    """The same of a process that runs on the twin."""
    arguments = ("float32", "1", "fill_uniform", "0", "1")
    grown, size = most_memory(*arguments, INITKIT_SIMD="numpy")
    assert grown <= size + 16 * MEGABYTE


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("step", [1, 5])
def test_memory_of_the_twin(law: str, step: int) -> None:
    """Beside its output, a fill by the twin takes at most 16 MB, the same for outputs of any size."""
    request = LAWS[law].request(np.dtype("float64"))
    peaks = []
    for count in (1 << 17, 1 << 19):
        out, affine = np.empty(count), AffineMap(0, (count,), (step,))
        tracemalloc.start()
        try:
            twin.fill(out, (1, 2, 3, 4), affine, 0, request)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert max(peaks) <= 16 * MEGABYTE
    assert max(peaks) <= 1.1 * min(peaks)
