"""How Sphinx builds these pages; `make docs` puts them under docs/_build/html."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from initkit.version import __version__

project = "initkit"
author = "The initkit authors"
copyright = "The initkit authors"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute named in a class docstring may be a documented property too
# Examples in docstrings are run by the tests; here those of the pages are, written as {doctest} blocks.
doctest_test_doctest_blocks = ""
doctest_global_setup = "import initkit as ik\nimport numpy as np"

html_theme = "furo"
html_title = f"initkit {__version__}"


def tables_for_sphinx(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Turn the tables of a docstring, which terminals show as they are, into those that Sphinx knows."""
    converted: list[str] = []
    for is_table, block in groupby(lines, key=lambda line: line.startswith("|")):
        if not is_table:
            converted += block
            continue
        head, _, *rows = (line.strip("| ").split(" | ") for line in block)
        converted += [".. list-table::", "   :header-rows: 1", ""]
        for row in (head, *rows):
            converted += [f"   {' ' if number else '*'} - {cell}" for number, cell in enumerate(row)]
        converted.append("")
    lines[:] = converted


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", tables_for_sphinx, priority=400)
