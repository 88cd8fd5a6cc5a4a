"""NVRTC's machine code: what an element costs, and that nothing goes through local memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from initkit.dtypes import DTYPES, DType
from initkit.kernels import cuda
from initkit.kernels.parameters import NORMAL, TRUNCATED, TRUNCATED_CENTRAL, UNIFORM
from tests.kernels.cuda_host import FLOATS
from tests.kernels.sass import fill_loop, machine_code, needs_nvdisasm

pytestmark = needs_nvdisasm

PAGE = Path(__file__).parents[2] / "docs" / "gpu.md"
LAWS = {
    "uniform": UNIFORM,
    "normal": NORMAL,
    "truncated, one distance": TRUNCATED_CENTRAL,
    "truncated, any bounds": TRUNCATED,
}
ARITHMETIC = ("FADD", "FMUL", "FFMA", "DADD", "DMUL", "DFMA")
# A row of the table: a law and a dtype, then instructions and among them arithmetic, for two architectures.
_ROW = re.compile(r"^\| (\D+), (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
ROWS = _ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_table_is_found() -> None:
    """The documentation has as many rows as it is known to have."""
    assert len(ROWS) == 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_elements_cost_what_the_documentation_says(row: tuple[str, ...]) -> None:
    """The loop that fills memory executes as many instructions per element as the table has, to a half."""
    law, name, *numbers = row
    dtype = DTYPES[name]
    group = max(16 // dtype.numpy.itemsize, 4)
    for architecture, said in ((90, numbers[:2]), (80, numbers[2:])):
        counted = fill_loop(cuda.fill_source(LAWS[law], dtype), architecture)
        arithmetic = sum(counted[kind] for kind in ARITHMETIC)
        assert [counted.total() / group, arithmetic / group] == pytest.approx(list(map(int, said)), abs=0.5)


@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
@pytest.mark.parametrize("law", range(5))
def test_nothing_goes_through_local_memory(law: int, row: DType) -> None:
    """Registers suffice for every program, in its loops and in its calls."""
    source = cuda.fill_source(law, row)
    for entry in ("ik_fill_runs", "ik_fill_elements"):
        kinds = {instruction.kind for instruction in machine_code(source, 90, entry).instructions}
        assert {"STG", "EXIT"} <= kinds
        assert not kinds & {"LDL", "STL"}
