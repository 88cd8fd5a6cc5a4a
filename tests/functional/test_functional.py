"""The functional layer as a whole: how it is imported, what it exports, how it is documented."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import initkit as ik
from initkit import functional as init

FUNCTIONS = [name for name in init.__all__ if name not in ("Partial", "calculate_gain")]


def test_is_imported_when_asked_for() -> None:
    """`import initkit` leaves it alone; as an attribute, a name and a module it is there, without torch."""
    script = (
        "import sys, initkit as ik; assert 'initkit.functional' not in sys.modules;"
        "assert ik.functional.ones32(2).tolist() == [1, 1]; from initkit import functional;"
        "import initkit.functional as module; assert functional is module is ik.functional;"
        "print(*{'torch', 'cupy', 'jax', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == ""


def test_exports() -> None:
    """Fourteen of torch's, eight and twenty of Julia's, all of them functions; gains as in the package."""
    assert len(FUNCTIONS) == len(set(FUNCTIONS)) == 14 + 8 + 20
    assert all(inspect.isfunction(getattr(init, name)) for name in FUNCTIONS)
    assert init.calculate_gain is ik.calculate_gain
    assert sum(not name.endswith("_") for name in FUNCTIONS) == 28


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented(name: str) -> None:
    """Every function says its formula, what it takes, returns and raises, with an example that calls it."""
    docstring = inspect.getdoc(getattr(init, name)) or ""
    assert docstring.partition("\n\n")[0].endswith(".")
    assert "\nFormula: " in docstring
    for section in ("Args", "Returns", "Raises", "Example"):
        assert f"\n{section}:\n" in docstring
    assert f"init.{name}(" in docstring
    arguments = docstring.partition("\nArgs:\n")[2].partition("\nReturns:\n")[0]
    typed = name[-1].isdigit()
    for parameter in inspect.signature(getattr(init, name)).parameters:
        assert f"    {parameter}: " in arguments or f"    *{parameter}: " in arguments or typed
