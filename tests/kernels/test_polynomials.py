"""The coefficients in C are those in Python."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from initkit.kernels import constants

ROOT = Path(__file__).parents[2]
WRITER = ROOT / "docs" / "derivations" / "write_polynomials.py"


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The program that writes polynomials.h, imported as a module."""
    spec = importlib.util.spec_from_file_location("write_polynomials", WRITER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_header_is_as_written(writer: ModuleType) -> None:
    """polynomials.h is what its writer makes of constants.py, to the letter."""
    assert (ROOT / "initkit" / "kernels" / "polynomials.h").read_text(encoding="utf-8") == writer.header()


def test_every_block_of_coefficients_is_written(writer: ModuleType) -> None:
    """No polynomial of constants.py is left out, and none has a name that constants.py does not know."""
    blocks = {
        name for name, value in vars(constants).items() if isinstance(value, tuple) and name[0] in "LSCTM"
    }
    assert {block for _, block, _ in writer.POLYNOMIALS} | {"LOG32"} == blocks


@pytest.mark.parametrize("single", [True, False])
def test_literals_are_exact(writer: ModuleType, single: bool) -> None:
    """A literal reads back as exactly the coefficient in its precision."""
    for block in (getattr(constants, name) for _, name, _ in writer.POLYNOMIALS):
        for value in block:
            text = writer.literal(value, single)
            assert text.endswith("f") == single
            exact = np.float32(value) if single else np.float64(value)
            assert type(exact)(text.removesuffix("f")) == exact
