"""The compiled kernels of every instruction set, compiler, level and processor have the bits of the twin."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from initkit.kernels import twin
from tests.kernels import builds, draws, engine_digests, subset_jobs
from tests.kernels.builds import Build, by_program, compile_kernels, found, in_library, possible_here, wrong
from tests.kernels.draws import FILL, WORDS, Job

ROOT = Path(__file__).parents[2]
MACHINE = platform.machine().lower()
X86 = MACHINE in ("x86_64", "amd64")
# Fastest first. What a processor says that it has, for those that not every one has.
ENGINES = (
    ("avx512", "avx2", "baseline") if X86 else ("neon",) * (MACHINE in ("aarch64", "arm64")) + ("baseline",)
)
NEEDED = {"avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"}, "avx2": {"avx2"}}

needs_gcc = pytest.mark.skipif(not found("gcc"), reason="needs gcc")
needs_x86 = pytest.mark.skipif(not X86, reason="needs a processor that runs x86-64")
needs_aarch64 = pytest.mark.skipif(
    not found("aarch64-linux-gnu-gcc", "qemu-aarch64"), reason="needs aarch64-linux-gnu-gcc and qemu-aarch64"
)
COMPILERS = [
    pytest.param(
        name, marks=pytest.mark.skipif(os.name != "posix" or not found(name), reason=f"needs {name}")
    )
    for name in ("gcc", "clang")
]


def lacks(*instructions: str) -> str:
    """Why this machine cannot run these instructions; empty if it can, as far as the system tells."""
    cpus = Path("/proc/cpuinfo")
    if instructions and not cpus.exists():
        return "this system does not say what its processor has"
    missing = set(instructions) - set(cpus.read_text(encoding="utf-8").split()) if instructions else set()
    return f"this processor has no {', '.join(sorted(missing))}" if missing else ""


def possible() -> tuple[str, ...]:
    """The instruction sets of this machine, fastest first."""
    return tuple(name for name in ENGINES if not lacks(*NEEDED.get(name, ())))


# ---- The installed library, as users run it ----------------------------------------------------------------


def report(**variables: str) -> tuple[str, int, dict[str, str]]:
    """Engine, threads and digests of a new process with these environment variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INITKIT_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.engine_digests"],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told["engine"], told["threads"], told["digests"]


@cache
def digests_of_twin() -> dict[str, str]:
    """What every engine has to give."""
    name, _, digests = report(INITKIT_SIMD="numpy")
    assert name == "numpy"
    return digests


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("instruction_set", ENGINES)
def test_every_engine_gives_the_bits_of_the_twin(instruction_set: str, threads: int) -> None:
    """Each instruction set, forced, gives the same bits with any number of threads."""
    if reason := lacks(*NEEDED.get(instruction_set, ())):
        pytest.skip(reason)
    told = report(INITKIT_SIMD=instruction_set, INITKIT_NUM_THREADS=str(threads))
    assert told == (instruction_set, threads, digests_of_twin())


def test_nothing_forced_gives_the_bits_of_the_twin() -> None:
    """Without variables the fastest engine that this machine has is used, and gives the same bits."""
    name, _, digests = report()
    assert name == possible()[0]
    assert digests == digests_of_twin()


def test_this_process_gives_the_bits_of_the_twin() -> None:
    """The engine that all other tests run on is one of those."""
    assert engine_digests.digests() == digests_of_twin()


# ---- Other compilers, levels and flags ---------------------------------------------------------------------


def all_jobs() -> list[Job]:
    """Everything that a build has to do to the bit."""
    fills = *draws.fill_jobs(), *draws.law_jobs(), *draws.rounding_jobs(), *draws.words_jobs()
    return [*fills, *subset_jobs.all_jobs()]


def mistakes(build: Build, stride: int = 1) -> dict[str, list[str]]:
    """For each instruction set that can run here, the first few jobs that it does wrong, of each so many."""
    jobs = all_jobs()[::stride]
    found_wrong = {name: wrong(jobs, map(in_library(build, name), jobs)) for name in possible_here(build)}
    return {name: names[:3] for name, names in found_wrong.items()}


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O3"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_any_compiler_at_any_level(compiler: str, level: str, tmp_path: Path) -> None:
    """What gcc and clang make of the kernels at any level gives the bits of the twin."""
    build = compile_kernels(tmp_path, compiler, level=level)
    # Unoptimised code takes its time, and is the same for every region.
    assert mistakes(build, 7 if level == "-O0" else 1) == {name: [] for name in possible()}


@needs_x86
@pytest.mark.skipif(bool(lacks("avx2", "fma")), reason="needs a processor with fused multiply-add")
@pytest.mark.parametrize("compiler", COMPILERS)
def test_fused_multiply_add_at_hand_changes_nothing(compiler: str, tmp_path: Path) -> None:
    """Where the processor has a fused multiply-add and the compiler may use it, the bits stay the same."""
    build = compile_kernels(tmp_path, compiler, extra=("-mavx2", "-mfma"), only="avx2")
    assert mistakes(build) == {"avx2": [], "baseline": []}


@needs_x86
@needs_gcc
@pytest.mark.skipif(bool(lacks("avx2", "fma")), reason="needs a processor with fused multiply-add")
def test_contraction_would_show(tmp_path: Path) -> None:
    """Were multiplies and adds fused after all, every law that rounds twice would differ in some draw."""
    fused = ("-mavx2", "-mfma", "-ffp-contract=fast")
    build = compile_kernels(tmp_path, "gcc", level="-O2", extra=fused, only="avx2")
    for name in possible_here(build):
        do = in_library(build, name)
        differ = {job.name.split(" at ")[0] for job in draws.law_jobs() if do(job) != job.expected}
        # These round once at most, so there is nothing to fuse.
        assert set(draws.LAWS) - differ == {
            "uniform of the unit interval",
            "uniform of a point",
            "normal without deviation",
        }


# ---- Programs: another processor, sanitizers ---------------------------------------------------------------


@pytest.fixture(scope="module")
def aarch64(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A program for AArch64 that does jobs."""
    compiler = "aarch64-linux-gnu-gcc"
    folder = tmp_path_factory.mktemp("aarch64")
    return compile_kernels(folder, compiler, link=("-static",), definitions=builds.AARCH64)


@needs_aarch64
@pytest.mark.parametrize("instruction_set", ["neon", "baseline"])
def test_aarch64(aarch64: Build, instruction_set: str) -> None:
    """Compiled for AArch64 and emulated, the kernels give the bits of the twin on this machine."""
    assert instruction_set in aarch64.instruction_sets
    jobs = all_jobs()
    assert not wrong(jobs, by_program(("qemu-aarch64", aarch64.path, instruction_set), jobs))[:3]


def subnormal_jobs(part: int) -> list[Job]:
    """Jobs among whose values are subnormal ones."""
    jobs = [*draws.fill_jobs(), *draws.law_jobs()]
    return [
        job for job in jobs if job.part == part and job.name.startswith(("uniform of sub", "normal of sub"))
    ]


@needs_aarch64
def test_aarch64_in_a_thread_that_flushes_subnormals(aarch64: Build) -> None:
    """Fills keep subnormal values where the caller flushes them, as a law on its own shows that it does."""
    command = ("qemu-aarch64", aarch64.path, "neon", "flush")
    fills, laws = subnormal_jobs(FILL), subnormal_jobs(draws.LAW32)
    assert not wrong(fills, by_program(command, fills))[:3]
    assert len(wrong(laws, by_program(command, laws))) == len(laws) > 0


@needs_x86
@needs_gcc
def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """No access outside of memory and nothing undefined, at any address, with subnormals flushed or not."""
    flags = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    # Baseline alone first: it says whether this gcc has its sanitizers' libraries.
    trial = tmp_path / "trial.c"
    trial.write_text("int main(void) { return 0; }", encoding="utf-8")
    if subprocess.run(
        ["gcc", *flags, trial, "-o", tmp_path / "trial"], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs the libraries of gcc's sanitizers")
    build = compile_kernels(tmp_path, "gcc", level="-O1", extra=flags, link=flags)
    fills = *draws.fill_jobs(), *draws.law_jobs(), *draws.words_jobs()
    jobs = [*fills, *subset_jobs.all_jobs()]
    for name in possible():
        assert not wrong(jobs, by_program((build.path, name), jobs))[:3]
    flushed = [*subnormal_jobs(FILL), *subset_jobs.counting_jobs()]
    assert not wrong(flushed, by_program((build.path, "baseline", "flush"), flushed))[:3]


# ---- Philox ------------------------------------------------------------------------------------------------


def known_answers() -> list[tuple[list[int], list[int], list[int]]]:
    """Counter, key and output of each line of known_answers.txt."""
    text = (Path(__file__).parent / "known_answers.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    numbers = [[int(word, 16) for word in line] for line in lines if line]
    return [(line[:4], line[4:6], line[6:]) for line in numbers]


def test_known_answers_of_the_twin() -> None:
    """The twin has the words that the authors of Philox publish."""
    assert len(known_answers()) == 3
    for counter, key, output in known_answers():
        c0, c1, c2, c3 = (np.full(3, word, np.uint32) for word in counter)
        words = twin.philox4x32_10(c0, c1, c2, c3, key[0], key[1])
        assert [np.unique(word).tolist() for word in words] == [[word] for word in output]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_known_answers_of_the_kernels(compiler: str, tmp_path: Path) -> None:
    """So has every instruction set of the compiled kernels, in every lane."""
    build = compile_kernels(tmp_path, compiler, level="-O1")
    for counter, key, output in known_answers():
        block = np.full(32, counter[0] | counter[1] << 32, np.uint64).tobytes()
        identity = draws.padded(tuple(map(float, (*key, *counter[2:]))))
        expected = np.tile(np.array(output, np.uint32), 32).tobytes()
        job = Job("known answer", WORDS, 0, 0, 32, block, identity, expected)
        results = {name: in_library(build, name)(job) for name in possible_here(build)}
        assert results == dict.fromkeys(possible(), expected)
