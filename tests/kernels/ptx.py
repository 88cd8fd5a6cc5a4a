"""What NVRTC makes of the CUDA programs: their PTX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import pytest

from initkit.kernels import cuda
from tests.kernels.cuda_host import all_sources, in_namespaces

_DECLARED = "__global__ void __launch_bounds__(256)"
_ENTRY = re.compile(r"\.entry (\w+)\(([^)]*)\)[^{]*\{(.*?)^\}", re.MULTILINE | re.DOTALL)


def _bindings() -> Any:
    """CuPy's bindings of NVRTC; None without CuPy, or where CuPy finds no NVRTC."""
    try:
        from cupy.cuda import nvrtc

        nvrtc.getSupportedArchs()
    except Exception:  # a CuPy that does not find its parts raises anything
        return None
    return nvrtc


nvrtc = _bindings()
needs_nvrtc = pytest.mark.skipif(
    nvrtc is None, reason="needs NVRTC, which comes with the extra `test` on Linux"
)

# Volta to Blackwell, as far as this NVRTC knows them: CUDA 13 has dropped what is older than Turing.
ARCHITECTURES = sorted({70, 75, 80, 86, 89, 90, 100, 120} & set(nvrtc.getSupportedArchs() if nvrtc else ()))
# Those whose PTX is run on the host: what lies between one of them and the next has the one's.
RUN_HERE = tuple(number for number in ARCHITECTURES if number in (*ARCHITECTURES[:1], 80, 100))


class EntryPoint(NamedTuple):
    """An entry point of a program.

    Attributes:
        source: The program.
        name: As launches name it.
        mangled: As it is named in PTX.
        parameters: The bytes of each parameter.
        body: Its instructions.
    """

    source: str
    name: str
    mangled: str
    parameters: tuple[int, ...]
    body: str


def compiled(source: str, architecture: int, *, options: tuple[str, ...] = cuda.OPTIONS) -> str:
    """The PTX of a program."""
    program = nvrtc.createProgram(source, "initkit.cu", (), ())
    try:
        nvrtc.compileProgram(program, (*options, f"-arch=compute_{architecture}"))
        ptx = nvrtc.getPTX(program)
        return ptx.decode() if isinstance(ptx, bytes) else ptx
    except RuntimeError:
        pytest.fail(nvrtc.getProgramLog(program))
    finally:
        nvrtc.destroyProgram(program)


# All programs, in two parts of about the same length.
_PARTS = tuple(
    [source for name in names for source in all_sources()[name]]
    for names in (("fill0", "fill1", "fill2", "store", "adjust"), ("fill3", "fill4"))
)


@cache
def compiled_parts(architecture: int) -> tuple[str, ...]:
    """The PTX of all programs, in parts."""

    def compile_part(part: Sequence[str]) -> str:
        return compiled(in_namespaces(part, _DECLARED), architecture)

    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(compile_part, _PARTS))


def entry_points(architecture: int) -> list[EntryPoint]:
    """Every entry point of every program."""
    found = []
    for part, ptx in zip(_PARTS, compiled_parts(architecture), strict=True):
        for mangled, parameters, body in _ENTRY.findall(ptx):
            number, name = _demangled(mangled)
            sizes = re.findall(r"\.param \.align 8 \.b8 \w+\[(\d+)\]", parameters)
            found.append(EntryPoint(part[number], name, mangled, tuple(map(int, sizes)), body))
    return found


def _demangled(name: str) -> tuple[int, str]:
    """The number of the namespace, and the function: each part of a name comes behind its length."""
    length = re.match(r"_ZN(\d+)program", name)
    assert length is not None
    end = length.end() + int(length[1]) - len("program")
    function = re.match(r"\d+(ik_[a-z_]+)E", name[end:])
    assert function is not None
    return int(name[length.end() : end]), function[1]
