"""The first use in a process and on a machine: what is compiled, where it is kept, and what is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import initkit as ik
from tests.gpu.device import gpu_generator

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).parents[2]

SCRIPT = """
import cupy, initkit as ik
from time import perf_counter
generator = ik.SeedGenerator(7, backend="cupy")
start = perf_counter()
values = ik.RandomNormal(seed=generator)((64, 64))
cupy.cuda.Device().synchronize()
print(perf_counter() - start)
print(cupy.asnumpy(values).tobytes() == ik.RandomNormal(seed=7)((64, 64)).tobytes())
"""


def first_draw(cache: Path) -> tuple[float, str]:
    """Seconds of a new process' first draw with that folder as CuPy's cache, and whether it was right."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, "CUPY_CACHE_DIR": str(cache), "CUPY_CACHE_IN_MEMORY": "0"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seconds, right = done.stdout.split()[-2:]
    return float(seconds), right


def test_kernels_are_compiled_once(tmp_path: Path) -> None:
    """The first process compiles into CuPy's cache; the second finds all there and adds nothing."""
    cold, right = first_draw(tmp_path)
    assert right == "True"
    kept = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert kept, "nothing was kept in CuPy's cache"
    warm, right = first_draw(tmp_path)
    assert right == "True"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == kept
    print(f"first draw of a process: {cold:.3f} s with an empty cache, {warm:.3f} s with a filled one")


def test_show_config_tells_of_the_gpu() -> None:
    """The CuPy backend is said to be available, with its version."""
    assert ik.show_config("dict")["backends"]["cupy"].startswith("available")


def test_generators_say_where_they_draw() -> None:
    """A generator's config and repr keep the backend, and what reads them draws there."""
    generator = gpu_generator()
    assert ik.SeedGenerator.from_config(generator.get_config()) == generator
    assert "cupy" in repr(generator)
