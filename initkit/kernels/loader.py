"""Finding the compiled kernels, and the instruction set to run them with.

Without a usable library everything runs on the NumPy twin: the same values, slower. Which of the two is
used, and why, is kept for `initkit.show_config()`.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from initkit.errors import BackendError

SIMD_VARIABLE = "INITKIT_SIMD"
THREADS_VARIABLE = "INITKIT_NUM_THREADS"

# Fastest first: the first one that this processor and this build have is used.
INSTRUCTION_SETS = ("avx512", "avx2", "neon", "baseline")
TWIN = "numpy"

_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_MOST_THREADS = 256
_DEFAULT_FLOAT_MODE = 2**64 - 1
# As in docs/kernels.md.
_BUILD = (
    "cmake -S initkit/kernels -B build/kernels && cmake --build build/kernels"
    " && cmake --install build/kernels --prefix ."
)


@dataclass(frozen=True, slots=True)
class Engine:
    """What fills memory: the library with an instruction set, or the NumPy twin.

    Attributes:
        fill: The library's entry point; None for the twin.
        float_mode: Sets the calling thread's floating-point mode, returns the one before; None for the twin.
        instruction_set: `"avx512"`, `"avx2"`, `"neon"`, `"baseline"`, or `"numpy"` for the twin.
        library: Where the library lies; None when there is none.
        reason: Why the twin is used, or why this instruction set; one sentence.
        select: The library's entry point that clears the members of subsets; None for the twin.
        count: The library's entry point that counts them; None for the twin.
    """

    fill: Any
    float_mode: Any
    instruction_set: str
    library: Path | None
    reason: str
    select: Any = None
    count: Any = None


@cache
def engine() -> Engine:
    """The engine of this process, chosen at the first draw.

    Returns:
        The engine that `INITKIT_SIMD` names, or the fastest that works here.

    Raises:
        BackendError: `INITKIT_SIMD` names none, or one that this processor or this build has not.
    """
    wanted = os.environ.get(SIMD_VARIABLE, "").strip().lower()
    if wanted and wanted not in (*INSTRUCTION_SETS, TWIN):
        message = f"{SIMD_VARIABLE} names no engine. Received: {wanted!r}. Allowed:"
        message += f" {', '.join((*INSTRUCTION_SETS, TWIN))}. Unset it for the fastest."
        raise BackendError(message)
    if wanted == TWIN:
        return _twin(f"{SIMD_VARIABLE} asks for it.")
    path = Path(__file__).parent / f"_initkit{_SUFFIX}"
    library, reason = _open(path)
    if library is None:
        if wanted:
            message = f"{SIMD_VARIABLE} asks for compiled kernels, and none can be used. Received:"
            message += f" {wanted!r}. Allowed: {TWIN}. {reason} Unset {SIMD_VARIABLE} to run on NumPy."
            raise BackendError(message)
        return _twin(reason)
    for name in (wanted,) if wanted else INSTRUCTION_SETS:
        if library.ik_use(name.encode()):
            because = f"{SIMD_VARIABLE} asks for it." if wanted else "The fastest that this processor has."
            entries = library.ik_select, library.ik_count
            return Engine(library.ik_fill, library.ik_float_mode, name, path, because, *entries)
    here = [name for name in INSTRUCTION_SETS if library.ik_use(name.encode())]
    message = f"{SIMD_VARIABLE} asks for instructions that this processor or this build has not."
    message += f" Received: {wanted!r}. Allowed: {', '.join((*here, TWIN))}. Unset it for the fastest."
    raise BackendError(message)


def _twin(reason: str) -> Engine:
    return Engine(None, None, TWIN, None, reason)


@contextmanager
def default_float_mode() -> Iterator[None]:
    """Keep subnormal numbers in this thread, even if another library has it flush them to zero.

    The kernels do so themselves; this is for what Python computes for them. The twin has no means to do it.
    """
    float_mode = engine().float_mode
    if float_mode is None:
        yield
        return
    before = float_mode(_DEFAULT_FLOAT_MODE)
    try:
        yield
    finally:
        float_mode(before)


def _open(path: Path) -> tuple[Any, str]:
    """The library, or None and the reason, which says what to do."""
    if not path.exists():
        return None, _none_built(path)
    try:
        library = ctypes.CDLL(str(path))
        library.ik_source_digest.restype = ctypes.c_char_p
        # First of all, for an older library may lack the rest.
        expected = _source_digest(path.parent)
        if expected is not None and library.ik_source_digest().decode() != expected:
            reason = f"The compiled kernels at {path} are older than their sources."
            return None, f"{reason} Build them again, from the root of the source tree: `{_BUILD}`."
        library.ik_use.argtypes = [ctypes.c_char_p]
        library.ik_fill.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p]
        library.ik_select.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_char_p]
        library.ik_count.argtypes = [ctypes.c_char_p, *[ctypes.c_void_p] * 3]
        library.ik_count.restype = None
        library.ik_float_mode.argtypes, library.ik_float_mode.restype = [ctypes.c_uint64], ctypes.c_uint64
    except (OSError, AttributeError) as error:
        reason = f"The compiled kernels at {path} cannot be loaded: {error}."
        return None, f"{reason} Reinstall initkit where a C compiler works."
    return library, ""


def _none_built(path: Path) -> str:
    """Why there is no library, and what to do."""
    root = path.parent.parent.parent
    if (root / "pyproject.toml").is_file():
        # Python looks first where it is started, and finds the sources before what pip has installed.
        reason = f"initkit was imported from a source tree, {root}, in which no kernels were built. Python"
        reason += (
            " started in any other folder uses an installed initkit; `pip install -e .` builds the kernels"
        )
        return f"{reason} of the source tree, where a C compiler works."
    reason = f"There are no compiled kernels at {path}: none were built here."
    return f"{reason} Reinstall initkit where a C compiler works."


def _source_digest(folder: Path) -> str | None:
    """The digest that CMakeLists.txt compiles in; None where the sources are not beside the library."""
    sources = sorted(folder.glob("*.c"))
    if not sources:
        return None
    names = sorted([*sources, *folder.glob("*.h"), folder / "CMakeLists.txt"], key=lambda path: path.name)
    each = "".join(sha256(path.read_bytes()).hexdigest() for path in names)
    return sha256(each.encode()).hexdigest()


def thread_count() -> int:
    """How many threads a large fill uses.

    Returns:
        `INITKIT_NUM_THREADS`, or the number of processors that this process may run on.

    Raises:
        BackendError: The variable is not an integer from 1 to 256.
    """
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if not text:
        # Containers and batch systems pin processes; the machine's own count would oversubscribe them.
        affinity = getattr(os, "sched_getaffinity", None)
        count = len(affinity(0)) if affinity else os.cpu_count() or 1
        return min(count, _MOST_THREADS)
    if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= _MOST_THREADS:
        message = f"{THREADS_VARIABLE} is no number of threads. Received: {text!r:.100}. Allowed: integers"
        message += f" from 1 to {_MOST_THREADS}. Unset it to use every processor."
        raise BackendError(message)
    return int(text)
