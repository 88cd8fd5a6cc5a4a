"""The tests of this folder on the stand-in for CuPy: golden values come out of what NVRTC compiles."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.cuda_host import compiler

ROOT = Path(__file__).parents[2]

# Where a process is started, it finds no stand-in; and a device that is busy is not to be had without one.
NEEDS_A_DEVICE = ("tf32", "compiled_once", "torch_sees")


@pytest.mark.skipif(compiler() is None, reason="needs a C compiler")
@pytest.mark.parametrize(
    ("names", "passing"),
    [(("test_golden.py",), 480), (("test_fill.py", "test_orthogonal.py", "test_first_use.py"), 140)],
    ids=["golden", "others"],
)
def test_what_make_gpu_runs(names: tuple[str, ...], passing: int) -> None:
    """Golden values, slices, fills and matrix products of the GPU's own tests pass without one."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.gpu.stand_in", "-m", "gpu", "-q", "--tb=short"]
    chosen = " and ".join(f"not {name}" for name in NEEDS_A_DEVICE)
    done = subprocess.run(
        [*command, "-k", chosen, *(str(Path(__file__).with_name(name)) for name in names)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= passing
