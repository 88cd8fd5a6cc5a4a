"""What several tests of commands begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.small_recipe import write_recipe


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    """The small recipe in a file."""
    return write_recipe(tmp_path)
