"""Tests with the marker `gpu` are skipped where there is none, and the reason says why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gpu.device import why_no_gpu


@pytest.fixture(scope="session", name="cupy")
def _cupy() -> Any:
    """CuPy, on a machine where it has a device."""
    if reason := why_no_gpu():
        pytest.skip(reason)
    import cupy

    return cupy


@pytest.fixture(scope="session", name="spin")
def _spin(cupy: Any) -> Any:
    """A function that keeps the current stream busy for about half a second, and returns at once."""
    kernel = cupy.RawKernel(
        'extern "C" __global__ void spin(long long cycles) {'
        " const long long start = clock64(); while (clock64() - start < cycles); }",
        "spin",
    )
    kernel((1,), (1,), (1,))
    kilohertz = cupy.cuda.Device().attributes.get("ClockRate", 2_000_000)
    return lambda: kernel((1,), (1,), (kilohertz * 500,))


@pytest.fixture(autouse=True)
def _needs_gpu(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu") and (reason := why_no_gpu()):
        pytest.skip(reason)
