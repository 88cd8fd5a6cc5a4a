"""Builds the C library in the source tree with whatever is here: CMake, or a C compiler alone.

    python -m tests.gpu.build_library

Nothing is installed and nothing fetched. Where there is no compiler either, the values of the GPU are
compared with those of the NumPy twin, and the last line says so.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from initkit.kernels.loader import _source_digest

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "initkit" / "kernels"

# As in CMakeLists.txt, which also asks whether the compiler takes them.
FLAGS = [
    "-std=c11",
    "-O3",
    "-fno-fast-math",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-fPIC",
    "-fvisibility=hidden",
]
INSTRUCTION_SETS = {
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
    "avx2": ["-mavx2"],
    "neon": [],
    "baseline": [],
}
# What a compiler must define for an instruction set, on top of taking its flags.
CONDITIONS = {"neon": "defined(__aarch64__)", "avx2": "defined(__AVX2__)", "avx512": "defined(__AVX512F__)"}


def run(*command: str | Path, quiet: bool = False) -> bool:
    """Whether a command succeeds; its output is shown where it does not."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if done.returncode and not quiet:
        print(shlex.join(map(str, command)), done.stdout, done.stderr, sep="\n")
    return done.returncode == 0


def by_cmake(cmake: Sequence[str], folder: Path) -> bool:
    """Build as docs/kernels.md says."""
    return (
        run(*cmake, "-S", KERNELS, "-B", folder, f"-DCMAKE_C_COMPILER={compiler()}")
        and run(*cmake, "--build", folder)
        and run(*cmake, "--install", folder, "--prefix", ROOT)
    )


def by_compiler(cc: Sequence[str], folder: Path) -> Path | None:
    """Compile fill.c for every instruction set that the compiler knows, and dispatch.c beside them.

    Args:
        cc: The compiler, and options that it always gets.
        folder: Where everything goes.

    Returns:
        The library; None where it could not be built.
    """
    objects: list[Path] = []
    known: list[str] = []
    for name, flags in INSTRUCTION_SETS.items():
        probe = folder / "probe.c"
        probe.write_text(f"#if !({CONDITIONS.get(name, '1')})\n#error\n#endif\nint ik_probe;\n")
        if not run(*cc, *FLAGS, *flags, "-c", probe, "-o", folder / "probe.o", quiet=True):
            continue
        target = folder / f"fill_{name}.o"
        if not run(*cc, *FLAGS, *flags, f"-DIK_ISA={name}", "-c", KERNELS / "fill.c", "-o", target):
            return None
        known.append(f"-DIK_HAVE_{name.upper()}")
        objects.append(target)
    digest = f'-DIK_SOURCE_DIGEST="{_source_digest(KERNELS)}"'
    library = folder / f"_initkit{'.dylib' if sys.platform == 'darwin' else '.so'}"
    inputs: list[str | Path] = ["-shared", KERNELS / "dispatch.c", *objects, "-lm"]
    return library if run(*cc, *FLAGS, *known, digest, *inputs, "-o", library) else None


def put_in_place(library: Path) -> None:
    """Have the library beside the Python files that load it; another process may have the old one loaded."""
    staged = KERNELS / f"{library.name}.new"
    shutil.copy(library, staged)
    staged.replace(KERNELS / library.name)


def compiler() -> str:
    """The C compiler: $CC, or the first that is found; empty where there is none."""
    candidates = (os.environ.get("CC"), "cc", "gcc", "clang")
    return next((name for name in candidates if name and shutil.which(shlex.split(name)[0])), "")


def main() -> None:
    """Build, and say with what; or say why not."""
    cmake: list[str] = []
    if shutil.which("cmake"):
        cmake = ["cmake"]
    elif find_spec("cmake"):
        cmake = [sys.executable, "-m", "cmake"]
    with TemporaryDirectory() as folder:
        if not compiler():
            print("No C compiler here.")
        elif cmake and by_cmake(cmake, Path(folder)):
            print("Built the C library with CMake.")
            return
        elif library := by_compiler(shlex.split(compiler()), Path(folder)):
            put_in_place(library)
            print(f"Built the C library with {compiler()}.")
            return
    print("The C library was not built: values are compared with those of the NumPy twin.")


if __name__ == "__main__":
    main()
