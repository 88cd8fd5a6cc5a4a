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

PAGE = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text(encoding="utf-8")
LAWS = {
    "uniform": UNIFORM,
    "normal": NORMAL,
    "truncated, one distance": TRUNCATED_CENTRAL,
    "truncated, any bounds": TRUNCATED,
}
ARITHMETIC = ("FADD", "FMUL", "FFMA", "DADD", "DMUL", "DFMA")
PRODUCTS = ("IMAD",)
LOGIC = (
    *("LOP3", "PLOP3", "IADD3", "VIADD", "ISETP", "SHF", "LEA", "SEL", "IMNMX", "VIMNMX", "PRMT", "MOV"),
    *("FSEL", "FSETP", "FMNMX", "I2FP", "F2FP"),
)
# A law and a dtype; then all instructions, and those of three kinds, for two architectures.
_COST = re.compile(r"^\| (\D+), (\w+) " + 8 * r"\| (\d+\.\d) " + r"\|$", re.MULTILINE)
COSTS = _COST.findall(PAGE)
# A law and a dtype; then what binds, and the share of the bandwidth, for two devices.
_BOUND = re.compile(r"^\| (\D+), (\w+) " + 2 * r"\| (memory|\D+, \d+ %) " + r"\|$", re.MULTILINE)
BOUNDS = _BOUND.findall(PAGE)


def test_the_tables_are_found() -> None:
    """Both have a row for each law and dtype."""
    assert len(COSTS) == 10
    assert [row[:2] for row in BOUNDS] == [row[:2] for row in COSTS]


@pytest.mark.parametrize("row", COSTS, ids=lambda row: f"{row[0]} {row[1]}")
def test_elements_cost_what_the_documentation_says(row: tuple[str, ...]) -> None:
    """The loop that fills memory executes as many instructions of each kind per element as the table has."""
    law, name, *numbers = row
    dtype = DTYPES[name]
    group = max(16 // dtype.numpy.itemsize, 4)
    for architecture, said in ((90, numbers[:4]), (80, numbers[4:])):
        counted = fill_loop(cuda.fill_source(LAWS[law], dtype), architecture)
        kinds = [sum(counted[kind] for kind in some) for some in (ARITHMETIC, PRODUCTS, LOGIC)]
        costs = [count / group for count in (counted.total(), *kinds)]
        assert costs == pytest.approx(list(map(float, said)), abs=0.1)


# Multiprocessors times hertz; bytes per second; how many 128ths of a clock cycle one takes to add or to
# multiply in float32, and in float64; and whether integer products take turns with these.
H200 = 132 * 1.98e9, 4.8e12, 1, 2, False
A100 = 108 * 1.41e9, 2.04e12, 2, 4, True


@pytest.mark.parametrize("row", range(len(COSTS)), ids=lambda row: " ".join(COSTS[row][:2]))
def test_bounds_follow_from_the_costs(row: int) -> None:
    """What binds is what takes longest, by the vendor's figures; the share is memory's time over its own."""
    _, name, *numbers = COSTS[row]
    costs, size = list(map(float, numbers)), DTYPES[name].numpy.itemsize
    for device, (every, sums, products, logic), said in zip(
        (H200, A100), (costs[:4], costs[4:]), BOUNDS[row][2:], strict=True
    ):
        clock, bandwidth, single, double, shared = device
        times = {
            "issue": every,
            "sums and products": double * sums if size == 8 else single * (sums + shared * products),
            "integer and logic": 2 * logic,
            "memory": 128 * clock / bandwidth * size,
        }
        binding = max(times, key=times.__getitem__)
        what, _, share = said.partition(", ")
        assert what == binding
        if share:
            assert float(share.split()[0]) == pytest.approx(100 * times["memory"] / times[binding], abs=1)


@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
@pytest.mark.parametrize("law", range(5))
def test_nothing_goes_through_local_memory(law: int, row: DType) -> None:
    """Registers of compute capability 9.0 suffice for every program, in its loops and in its calls."""
    source = cuda.fill_source(law, row)
    for entry in ("ik_fill_runs", "ik_fill_elements"):
        kinds = {instruction.kind for instruction in machine_code(source, 90, entry).instructions}
        assert {"STG", "EXIT"} <= kinds
        assert not kinds & {"LDL", "STL"}
