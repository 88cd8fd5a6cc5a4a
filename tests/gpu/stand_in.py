"""A plugin of pytest: the tests of this folder on the stand-in for CuPy, where there is no GPU.

`python -m pytest -p tests.gpu.stand_in -m gpu tests/gpu` then finds two devices. What only a device can show,
such as who waits for whom, fails there.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

_OPEN = ExitStack()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Put the stand-in where `import cupy` finds it."""
    # Not at the top, for `make gpu` imports this file in search of doctests, and has no use for the stand-in.
    from tests.backends.cupy_stand_in import stand_in

    folder = _OPEN.enter_context(tempfile.TemporaryDirectory())
    _OPEN.enter_context(stand_in(Path(folder)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take it away."""
    _OPEN.close()
