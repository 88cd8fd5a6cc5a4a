"""What a GPU executes of the CUDA programs: NVRTC's machine code, and what its loops cost."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from heapq import heappop, heappush
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import NamedTuple

import pytest

from initkit.kernels import cuda
from tests.kernels.builds import run
from tests.kernels.ptx import nvrtc

_LABEL = re.compile(r"(\.L_x_\d+):")
_INSTRUCTION = re.compile(r"\s+/\*[0-9a-f]{4,}\*/\s+\{?\s*(@!?U?P\w+ )?\s*([A-Z][\w.]*)\s*([^;]*);")


def _disassembler() -> Path | None:
    """NVIDIA's nvdisasm, where its package is installed."""
    try:
        found = files("nvidia-cuda-nvdisasm")
    except PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in found or () if file.name == "nvdisasm"), None)


nvdisasm = _disassembler()
needs_nvdisasm = pytest.mark.skipif(
    nvrtc is None or nvdisasm is None,
    reason="needs NVRTC and nvdisasm, which come with the extra `test` on Linux",
)


class Instruction(NamedTuple):
    """An instruction.

    Attributes:
        predicate: What it is executed under; empty if always.
        name: With its modifiers, as `STG.E.128`.
        operands: As they are written.
    """

    predicate: str
    name: str
    operands: str

    @property
    def kind(self) -> str:
        """The name without modifiers."""
        return self.name.partition(".")[0]


class MachineCode(NamedTuple):
    """An entry point.

    Attributes:
        instructions: In their order.
        labels: To which of them each label points.
    """

    instructions: list[Instruction]
    labels: dict[str, int]

    def next_ones(self, place: int) -> Iterator[int]:
        """What may be executed after an instruction, except for calls and returns."""
        instruction = self.instructions[place]
        if instruction.kind == "BRA":
            label = re.search(r"\.L_x_\d+", instruction.operands)
            assert label is not None
            yield self.labels[label[0]]
        leaves = instruction.kind in ("BRA", "CALL", "EXIT", "RET")
        if (not leaves or instruction.predicate) and place + 1 < len(self.instructions):
            yield place + 1


@cache
def _disassembled(source: str, architecture: int) -> str:
    program = nvrtc.createProgram(source, "initkit.cu", (), ())
    try:
        nvrtc.compileProgram(program, (*cuda.OPTIONS, f"-arch=sm_{architecture}"))
        # CuPy leaves off the last byte, which is zero.
        binary = nvrtc.getCUBIN(program) + b"\0"
    finally:
        nvrtc.destroyProgram(program)
    assert nvdisasm is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.cubin"
        path.write_bytes(binary)
        return run((nvdisasm, "-c", path)).decode()


def machine_code(source: str, architecture: int, entry: str) -> MachineCode:
    """The machine code of an entry point of a program, with all that it calls."""
    text = _disassembled(source, architecture)
    section = re.search(rf"^\.text\.{entry}:\n(.*?)(?=^//----|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    instructions: list[Instruction] = []
    labels = {}
    for line in section[1].splitlines():
        if found := _LABEL.match(line):
            labels[found[1]] = len(instructions)
        elif found := _INSTRUCTION.match(line):
            instructions.append(Instruction(found[1] or "", found[2], found[3].strip()))
    return MachineCode(instructions, labels)


def loop_through(code: MachineCode, place: int) -> list[Instruction]:
    """The shortest way from an instruction back to it: a round in which nothing special happens."""
    reached: dict[int, int] = {}
    waiting = [(1, following, place) for following in code.next_ones(place)]
    while waiting:
        length, here, before = heappop(waiting)
        if here in reached:
            continue
        reached[here] = before
        if here == place:
            break
        for following in code.next_ones(here):
            heappush(waiting, (length + 1, following, here))
    way = [place]
    while reached[way[-1]] != place:
        way.append(reached[way[-1]])
    return [code.instructions[step] for step in reversed(way)]


def fill_loop(source: str, architecture: int) -> Counter[str]:
    """How many instructions of each kind `ik_fill_runs` executes for a group that it stores at once."""
    code = machine_code(source, architecture, "ik_fill_runs")
    stores = [
        place
        for place, instruction in enumerate(code.instructions)
        if instruction.kind == "STG" and ".128" in instruction.name
    ]
    shortest = min((loop_through(code, place) for place in stores), key=len)
    return Counter(instruction.kind for instruction in shortest)
