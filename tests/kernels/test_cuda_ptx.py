"""What NVRTC makes of the CUDA kernels: no operation in it may round otherwise than IEEE 754 has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import product

import pytest

from initkit.dtypes import DTYPES
from initkit.kernels import cuda
from initkit.kernels.parameters import NORMAL, TRUNCATED_FAR
from initkit.region import AffineMap
from tests.kernels.cuda_host import FLOATS, STORED
from tests.kernels.draws import LAWS
from tests.kernels.ptx import ARCHITECTURES, RUN_HERE, compiled, compiled_parts, entry_points, needs_nvrtc

pytestmark = needs_nvrtc

_INSTRUCTION = re.compile(r"^\s+(?:@!?%p\d+\s+)?([a-z][a-z0-9]*(?:\.[a-z0-9_:]+)*)\s", re.MULTILINE)
# Arithmetic that rounds; comparisons, selects, negations and moves do not.
_ROUNDING = re.compile(
    r"(add|sub|mul|div|sqrt|rcp|rsqrt|fma|mad|ex2|lg2|sin|cos|tanh)\.(.*\.)?f(16|32|64)(x2)?"
)
_CORRECT = re.compile(r"(add|sub|mul|div|rcp|sqrt)\.rn\.f(32|64)")
_CONVERSION = re.compile(r"cvt\.(?P<how>.*\.)?(?P<to>[a-z0-9]+)\.(?P<from>[a-z0-9]+)")
# Integers to floats, float64 to float32 and two float32 to narrower ones round; float32 to float64 is exact.
_CORRECT_CONVERSION = re.compile(
    r"cvt\.rn\.f(32|64)\.[su](16|32|64)|cvt\.rn\.f32\.f64|cvt\.rn\.b?f16x2\.f32|cvt\.f64\.f32"
)


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


def everything(architecture: int) -> str:
    """The PTX of all programs together."""
    return "".join(compiled_parts(architecture))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_rounds_as_it_should(architecture: int) -> None:
    """Every law, dtype and entry point compiles for it to correctly rounded operations alone."""
    ptx = everything(architecture)
    assert ptx.count(".entry") == 2 * 5 * 6 + (2 * 5 + 1) + 2 * 2
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


def launches() -> Iterator[tuple[str, cuda.Launch]]:
    """A launch of every entry point of every program."""
    for law, row in product(LAWS.values(), FLOATS):
        request = law.request(row.draw)
        for affine in (AffineMap(0, (64,), (1,)), AffineMap(0, (64,), (2,))):
            launch = cuda.fill_launch(512, row, affine, (1, 2, 3, 4), request, 4)
            yield cuda.fill_source(request.transform, row), launch
    for bits, row in STORED:
        yield cuda.store_source(bits, row), cuda.store_launch(512, (8,), 512, (8,), (3,), 4)
    for bits, entry in product((32, 64), ("ik_scale", "ik_shift")):
        yield cuda.adjust_source(bits), cuda.adjust_launch(entry, 512, (8,), (3,), 0.5, 4)


def test_arguments_are_as_long_as_cuda_has_their_structs() -> None:
    """What is packed for a launch has the number of bytes that NVRTC has laid out for each parameter."""
    lengths = {(entry.source, entry.name): entry.parameters for entry in entry_points(ARCHITECTURES[-1])}
    packed = {(source, each.entry): tuple(map(len, each.arguments)) for source, each in launches()}
    assert packed == lengths


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_runs_on_the_host_is_what_any_architecture_gets(architecture: int) -> None:
    """test_cuda.py runs the PTX of some architectures: those between them have the same."""

    def text(number: int) -> str:
        return re.sub(r"\.target sm_\d+", "", everything(number))

    run = max(number for number in RUN_HERE if number <= architecture)
    assert text(architecture) == text(run)


def test_programs_alone_are_what_they_are_together() -> None:
    """A program, as it is handed to NVRTC, has the entry points that launches name, and rounds as well."""
    for law, name in ((NORMAL, "float32"), (TRUNCATED_FAR, "float8_e4m3fn")):
        ptx = compiled(cuda.fill_source(law, DTYPES[name]), ARCHITECTURES[-1])
        assert re.findall(r"\.entry (\w+)\(", ptx) == ["ik_fill_runs", "ik_fill_elements"]
        assert not inexact(ptx)
    ptx = compiled(cuda.store_source(64, DTYPES["bfloat16"]), ARCHITECTURES[-1])
    assert re.findall(r"\.entry (\w+)\(", ptx) == ["ik_store"]
    ptx = compiled(cuda.adjust_source(32), ARCHITECTURES[-1])
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
    # CUDA 12.0 has not even that: it takes no option twice.
    with suppress(pytest.fail.Exception):
        assert inexact(compiled(source, ARCHITECTURES[0], options=(*cuda.OPTIONS, "-ftz=true")))
