"""Builds of the kernels by other compilers, with other flags, for other processors, and what they compute."""

from __future__ import annotations

import ctypes
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from tests.kernels.draws import COUNT, FILL, MOST_PARAMETERS, SELECT, Job, padded
from tests.kernels.subset_jobs import COUNTING, NUMBERS, UNTOUCHED, memory_elements

HERE = Path(__file__).parent
KERNELS = HERE.parents[1] / "initkit" / "kernels"
MARGIN = 128
AARCH64 = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")


def found(*programs: str) -> bool:
    """Whether all of these can be run here."""
    return all(map(shutil.which, programs))


def run(command: Sequence[str | Path], stdin: bytes = b"") -> bytes:
    """Output of a command that has to succeed."""
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, (
        f"{command}: {done.returncode}\n{done.stderr.decode(errors='replace')[-4000:]}"
    )
    return done.stdout


@cache
def cmake_commands(compiler: str, *definitions: str) -> tuple[tuple[str, ...], ...]:
    """How CMakeLists.txt has that compiler compile each file: flags only, the file last."""
    with tempfile.TemporaryDirectory() as folder:
        cmake = (sys.executable, "-m", "cmake", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *definitions)
        run((*cmake, f"-DCMAKE_C_COMPILER={compiler}", "-S", KERNELS, "-B", folder))
        listed = json.loads((Path(folder) / "compile_commands.json").read_text(encoding="utf-8"))
    commands = (shlex.split(entry["command"]) for entry in listed)
    return tuple((*command[: command.index("-o")], command[-1]) for command in commands)


@dataclass(frozen=True, slots=True)
class Build:
    """What one compiler made of the kernels.

    Attributes:
        path: The library or the program.
        instruction_sets: Those that it was built for.
    """

    path: Path
    instruction_sets: tuple[str, ...]


def compile_kernels(
    folder: Path,
    compiler: str,
    *,
    level: str = "-O3",
    extra: Sequence[str] = (),
    only: str = "",
    link: Sequence[str] = ("-shared",),
    definitions: Sequence[str] = (),
) -> Build:
    """Compile the kernels with the flags of CMakeLists.txt, but for the level, and with further ones.

    Args:
        folder: Where the files go.
        compiler: The compiler's name.
        level: In place of `-O3`.
        extra: Flags that come after all others.
        only: One instruction set beside the baseline, if not all.
        link: How to link: a library, or with other flags a program around driver.c.
        definitions: What CMake has to know, beside the compiler.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, tuple[list[str], Path]] = {}
    for command in cmake_commands(compiler, *definitions):
        flags = [level if flag.startswith("-O") else flag for flag in command[:-1]]
        isa = next((flag.removeprefix("-DIK_ISA=") for flag in flags if flag.startswith("-DIK_ISA=")), None)
        sources[isa or "dispatch"] = flags, Path(command[-1]) if isa is None else HERE / "probe.c"
    isas = [isa for isa in sources if isa in ("baseline", only or isa) and isa != "dispatch"]
    defined = "-DIK_HAVE_", "-DIK_SOURCE_DIGEST", "-D_initkit"
    plain = [flag for flag in sources["dispatch"][0] if not flag.startswith(defined)]
    plain += [f"-DIK_HAVE_{isa.upper()}" for isa in isas]
    sources["dispatch"] = [*plain, '-DIK_SOURCE_DIGEST="none"'], sources["dispatch"][1]
    sources["driver"] = plain, HERE / "driver.c"
    names = [*isas, "dispatch", *(() if "-shared" in link else ("driver",))]
    objects = [folder / f"{name}.o" for name in names]
    with ThreadPoolExecutor(2) as pool:
        commands = [
            (*sources[name][0], *extra, f"-I{KERNELS}", "-o", target, "-c", sources[name][1])
            for name, target in zip(names, objects, strict=True)
        ]
        list(pool.map(run, commands))
    path = folder / "kernels"
    run((compiler, *extra, *objects, "-o", path, *link, "-lm"))
    return Build(path, tuple(sorted(isas)))


def in_library(build: Build, instruction_set: str) -> Callable[[Job], bytes]:
    """What does one job with an instruction set of a library; this processor must have that."""
    library = ctypes.CDLL(str(build.path))
    library.ik_fill.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p]
    library.ik_select.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_char_p]
    library.ik_count.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
    library.ik_count.restype = None
    probe: Any = getattr(library, f"probe_{instruction_set}")
    probe.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_uint64,
        ctypes.c_void_p,
    ]
    assert library.ik_use(instruction_set.encode())

    def do(job: Job) -> bytes:
        # Surrounded by what must not be touched.
        memory = np.full(len(job.expected) + 2 * MARGIN, UNTOUCHED, np.uint8)
        start = MARGIN + job.misaligned
        out = memory[start : start + len(job.expected)]
        if job.part == FILL:
            assert library.ik_fill(job.payload, job.first, job.count, out.ctypes.data) == 0
        elif job.part == SELECT:
            uniforms, missing = _copies(job.payload[NUMBERS.size :], job.count)
            assert library.ik_select(uniforms, missing, out.ctypes.data + job.first, job.payload) == 0
            out[len(out) - job.count :] = np.frombuffer(missing, np.uint8)
        elif job.part == COUNT:
            room = (ctypes.c_int64 * memory_elements(job))()
            library.ik_count(job.payload, job.payload[COUNTING.size :], out.ctypes.data, room)
        else:
            numbers = (ctypes.c_double * MOST_PARAMETERS)(*job.parameters)
            probe(job.part, job.code, numbers, job.payload, job.count, out.ctypes.data)
        outside = np.concatenate((memory[:start], memory[start + len(out) :]))
        assert (outside == UNTOUCHED).all(), f"{job.name} writes beyond its output"
        return out.tobytes()

    return do


def _copies(values: bytes, last: int) -> tuple[Any, Any]:
    """All but so many bytes, and those, in memory of their own."""
    cut = len(values) - last
    return ctypes.create_string_buffer(values[:cut], cut), ctypes.create_string_buffer(values[cut:], last)


def possible_here(build: Build) -> list[str]:
    """The instruction sets of a library that this processor has."""
    library = ctypes.CDLL(str(build.path))
    return [name for name in build.instruction_sets if library.ik_use(name.encode())]


def by_program(command: Sequence[str | Path], jobs: Iterable[Job]) -> list[bytes]:
    """What a program around driver.c makes of all these jobs."""
    listed = list(jobs)
    tasks = [
        pack(
            "=4i4Q",
            job.part,
            job.code,
            job.misaligned,
            0,
            job.first,
            job.count,
            len(job.payload),
            len(job.expected),
        )
        + pack(f"={MOST_PARAMETERS}d", *padded(job.parameters))
        + job.payload
        for job in listed
    ]
    output = run(command, b"".join(tasks))
    ends = np.cumsum([len(job.expected) for job in listed]).tolist()
    assert len(output) == ends[-1]
    return [output[end - len(job.expected) : end] for job, end in zip(listed, ends, strict=True)]


def wrong(jobs: Sequence[Job], results: Iterable[bytes]) -> list[str]:
    """The names of jobs whose results are not to the bit what the twin has."""
    return [job.name for job, result in zip(jobs, results, strict=True) if result != job.expected]
