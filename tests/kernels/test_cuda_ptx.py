"""What NVRTC makes of the CUDA kernels: no operation in it may round otherwise than IEEE 754 has it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest

from initkit.dtypes import DTYPES
from initkit.kernels import cuda
from initkit.kernels.parameters import NORMAL, TRUNCATED_FAR
from tests.kernels.cuda_host import all_sources, in_namespaces

cupy: Any = pytest.importorskip("cupy", reason="needs NVRTC, which comes with the extra `test` on Linux")
nvrtc = cupy.cuda.nvrtc

# Volta to Blackwell, as far as this NVRTC knows them: CUDA 13 has dropped what is older than Turing.
ARCHITECTURES = sorted({70, 75, 80, 86, 89, 90, 100} & set(nvrtc.getSupportedArchs()))

_INSTRUCTION = re.compile(r"^\s+(?:@!?%p\d+\s+)?([a-z][a-z0-9]*(?:\.[a-z0-9_:]+)*)\s", re.MULTILINE)
# Arithmetic that rounds; comparisons, selects, negations and moves do not.
_ROUNDING = re.compile(
    r"(add|sub|mul|div|sqrt|rcp|rsqrt|fma|mad|ex2|lg2|sin|cos|tanh)\.(.*\.)?f(16|32|64)(x2)?"
)
_CORRECT = re.compile(r"(add|sub|mul|div|rcp|sqrt)\.rn\.f(32|64)")
_CONVERSION = re.compile(r"cvt\.(?P<how>.*\.)?(?P<to>[a-z0-9]+)\.(?P<from>[a-z0-9]+)")
# Integers to floats and float64 to float32 round; float32 to float64 is exact.
_CORRECT_CONVERSION = re.compile(r"cvt\.rn\.f(32|64)\.[su](16|32|64)|cvt\.rn\.f32\.f64|cvt\.f64\.f32")


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


def instructions(ptx: str) -> set[str]:
    """The kinds of instructions that occur."""
    return set(_INSTRUCTION.findall(ptx))


def inexact(ptx: str) -> set[str]:
    """Instructions that fuse, flush, approximate, or round in any way but to nearest even."""
    found = instructions(ptx)
    wrong = {name for name in found if re.search(r"fma|mad\.(rn|rz)|\.ftz|\.approx|\.full|\.sat", name)}
    wrong |= {name for name in found if _ROUNDING.fullmatch(name) and not _CORRECT.fullmatch(name)}
    for name in found:
        conversion = _CONVERSION.fullmatch(name)
        if conversion and "f" in conversion["to"][0] + conversion["from"][0]:
            wrong |= {name} if not _CORRECT_CONVERSION.fullmatch(name) else set()
    return wrong


@cache
def everything(architecture: int) -> str:
    """The PTX of all programs together, compiled two at a time."""
    groups = all_sources()
    halves = [
        in_namespaces(
            [source for name in names for source in groups[name]], "__global__ void __launch_bounds__(256)"
        )
        for names in (("fill0", "fill1", "fill2", "store", "adjust1", "adjust2"), ("fill3", "fill4"))
    ]
    with ThreadPoolExecutor(2) as pool:
        return "".join(pool.map(lambda source: compiled(source, architecture), halves))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_rounds_as_it_should(architecture: int) -> None:
    """Every law, dtype and entry point compiles for it to correctly rounded operations alone."""
    ptx = everything(architecture)
    assert ptx.count(".entry") == 2 * 5 * 6 + (2 * 5 + 1) + 2 * (2 + 1)
    assert not inexact(ptx)
    used = instructions(ptx)
    # What is looked for is there to be found.
    assert {"add.rn.f32", "mul.rn.f32", "div.rn.f32", "sqrt.rn.f32"} <= used
    assert {"add.rn.f64", "mul.rn.f64", "div.rn.f64", "sqrt.rn.f64"} <= used
    assert "cvt.rn.f32.f64" in used


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_stores_are_wide_and_registers_suffice(architecture: int) -> None:
    """Groups are stored 16 bytes at once, to global memory, and nothing is kept in local memory."""
    ptx = everything(architecture)
    assert ".local" not in ptx
    assert not {name for name in instructions(ptx) if re.match(r"(st|ld)\.[^gp]", name)}
    for entry in re.split(r"\.entry", ptx)[1:]:
        if "ik_fill_runs" in entry.partition("(")[0]:
            assert re.search(r"st\.global(\.wb)?\.v4\.[a-z]32", entry)


def test_programs_alone_are_what_they_are_together() -> None:
    """A program, as it is handed to NVRTC, has the entry points that launches name, and rounds as well."""
    for law, name in ((NORMAL, "float32"), (TRUNCATED_FAR, "float8_e4m3fn")):
        ptx = compiled(cuda.fill_source(law, DTYPES[name]), ARCHITECTURES[-1])
        assert re.findall(r"\.entry (\w+)\(", ptx) == ["ik_fill_runs", "ik_fill_elements"]
        assert not inexact(ptx)
    ptx = compiled(cuda.store_source(64, DTYPES["bfloat16"]), ARCHITECTURES[-1])
    assert re.findall(r"\.entry (\w+)\(", ptx) == ["ik_store"]
    ptx = compiled(cuda.adjust_source(32, 1), ARCHITECTURES[-1])
    assert re.findall(r"\.entry (\w+)\(", ptx) == ["ik_scale", "ik_shift"]
    assert not inexact(ptx)
    assert {"mul.rn.f32", "add.rn.f32"} <= instructions(ptx)


@pytest.mark.parametrize("option", cuda.OPTIONS[:3])
def test_every_option_is_needed(option: str) -> None:
    """With the opposite of any of these the same test finds what must not be."""
    # Not so of --prec-sqrt: the square roots are intrinsics that always round correctly.
    name, _, value = option.partition("=")
    opposite = f"{name}={'true' if value == 'false' else 'false'}"
    options = tuple(opposite if each == option else each for each in cuda.OPTIONS)
    source = cuda.fill_source(TRUNCATED_FAR, DTYPES["float32"])
    assert inexact(compiled(source, ARCHITECTURES[0], options=options))
    assert not inexact(compiled(source, ARCHITECTURES[0]))


def test_cupys_own_option_would_flush() -> None:
    """Why programs are not left to CuPy's RawModule: it puts -ftz=true last, and the last one counts."""
    source = cuda.store_source(64, DTYPES["float32"])
    assert inexact(compiled(source, ARCHITECTURES[0], options=(*cuda.OPTIONS, "-ftz=true")))
