"""Every example runs as a reader would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_runs(script: Path) -> None:
    """The script ends well, warns of nothing and prints something."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.strip()


def test_mlp_learns() -> None:
    """Initializers found by their names start a network that tells the spirals apart."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "mlp_numpy.py")], capture_output=True, encoding="utf-8", check=True
    )
    shares = {line.split()[0]: float(line.split()[1].rstrip("%")) for line in done.stdout.splitlines()}
    assert len(shares) == 3
    assert min(shares.values()) > 95.0
