"""The CUDA entry points on the host: compiled by a C++ compiler behind cuda_shim.h, run in plain memory."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from initkit.dtypes import DTYPES
from initkit.kernels import cuda
from tests.kernels.builds import run

SHIM = Path(__file__).with_name("cuda_shim.h")
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-fno-strict-aliasing", "-w")
# Only with these checks does a host tell what a GPU would refuse.
SANITIZED = ("-fsanitize=alignment", "-fsanitize-recover=alignment")

FLOATS = tuple(row for row in DTYPES.values() if row.kind == "float")
NARROW = tuple(row for row in FLOATS if row.draw.itemsize == 4)
# The precisions that are stored to each dtype.
STORED = ((32, DTYPES["float64"]), *((bits, row) for bits in (32, 64) for row in NARROW))
# What a program defines for itself, beside what its headers define for all.
OWN_MACROS = (
    *(
        "IK_LAW",
        "IK_PAIRED",
        "IK_DRAW",
        "IK_OUTPUT",
        "IK_BYTES",
        "IK_TWO",
        "IK_SOURCE",
        "IK_NAN",
        "IK_REAL",
    ),
    *("IK_GROUP", "IK_REGISTERS"),
)
ENTRIES = {
    "fill": (("ik_fill_runs", ("ik_job", "ik_map")), ("ik_fill_elements", ("ik_job", "ik_map"))),
    "store": (("ik_store", ("ik_layout",)),),
    "adjust": (("ik_scale", ("ik_elements",)), ("ik_shift", ("ik_elements",))),
}


def compiler() -> str | None:
    """A C++ compiler, if there is one."""
    return next(filter(shutil.which, ("g++", "clang++", "c++")), None)


def all_sources() -> dict[str, list[str]]:
    """Every program there is: the fills by their law, the stores, and what adjusts arrays."""
    fills = {f"fill{law}": [cuda.fill_source(law, row) for row in FLOATS] for law in range(5)}
    stores = [cuda.store_source(bits, row) for bits, row in STORED]
    return fills | {"store": stores, "adjust": [cuda.adjust_source(bits) for bits in (32, 64)]}


def in_namespaces(sources: Sequence[str], entry: str, launchers: str = "") -> str:
    """Several programs in one, each in a namespace of its own.

    Args:
        sources: The programs.
        entry: How an entry point is declared.
        launchers: What every namespace gets beside.
    """
    parts = [f"#define IK_ENTRY {entry}\n", cuda.with_includes("fill.h")]
    for number, source in enumerate(sources):
        parts.append(f"namespace program{number} {{\n{source}\n{launchers}}}\n")
        parts.extend(f"#undef {name}\n" for name in OWN_MACROS)
    return "".join(parts)


def host_source(sources: Sequence[str], kind: str) -> str:
    """Several programs for the host, and one function that launches them."""
    table = ", ".join(f"program{number}::launch" for number in range(len(sources)))
    text = in_namespaces(sources, "static void", _launcher(kind))
    return f'#include "{SHIM}"\n{text}{_EXPORT.replace("TABLE", table)}'


_EXPORT = """
static int (*const programs[])(int, const unsigned *, const void *const *) = {TABLE};
extern "C" int shim_launch(int program, int entry, const unsigned *geometry, const void *const *arguments) {
    return programs[program](entry, geometry, arguments);
}
"""


def _launcher(kind: str) -> str:
    cases = ""
    for number, (entry, types) in enumerate(ENTRIES[kind]):
        names = [f"argument{k}" for k in range(len(types))]
        # CUDA would read whatever is behind an argument that is too short.
        sizes = "".join(f" || geometry[{7 + k}] != sizeof({struct})" for k, struct in enumerate(types))
        cases += f"    if (entry == {number}) {{\n"
        cases += f"        if (geometry[6] != {len(types)}{sizes}) return 2;\n"
        for k, (name, struct) in enumerate(zip(names, types, strict=True)):
            cases += f"        {struct} {name};\n        memcpy(&{name}, arguments[{k}], sizeof {name});\n"
        cases += f"        return shim_run(geometry, [&] {{ {entry}({', '.join(names)}); }});\n    }}\n"
    head = "static int launch(int entry, const unsigned *geometry, const void *const *arguments) {\n"
    return f"{head}{cases}    return -1;\n}}\n"


class Programs(ABC):
    """Every program, in a form that the host can run."""

    @abstractmethod
    def __contains__(self, source: object) -> bool:
        """Whether that text is one of the programs."""

    def launch(self, source: str, launch: cuda.Launch, first: int = 0, blocks: int | None = None) -> int:
        """Run the threads of a launch one after the other.

        Args:
            source: The program.
            launch: The launch.
            first: The first block along x that is run.
            blocks: How many of them; None for all.

        Returns:
            How many stores were of 16 bytes.
        """
        count = launch.grid[0] - first if blocks is None else blocks
        library, misaligned = self._run(source, launch, (*launch.grid, *launch.block, first, count))
        assert not misaligned, f"{launch.entry} stores to a misaligned address"
        return int(library.shim_wide_stores())

    @abstractmethod
    def _run(self, source: str, launch: cuda.Launch, geometry: tuple[int, ...]) -> tuple[Any, int]:
        """Run it; the library that did, and whether an address was misaligned."""


def loaded(path: Path) -> Any:
    """A library with one of the shims in it."""
    library = ctypes.CDLL(str(path))
    library.shim_wide_stores.restype = ctypes.c_uint64
    return library


def wrong_lengths(launch: cuda.Launch) -> str:
    """What to say of arguments that an entry point does not take."""
    return f"{launch.entry} takes no arguments of {tuple(map(len, launch.arguments))} bytes"


class HostPrograms(Programs):
    """The programs as a host's compiler reads them."""

    def __init__(self) -> None:
        # Goes away with this object, which keeps the libraries open.
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        program = compiler()
        assert program is not None
        sanitized = SANITIZED if "g++" in program else ()
        groups = all_sources()

        def build(name: str) -> Any:
            path = folder / f"{name}.cpp"
            kind = name if name in ENTRIES else "fill"
            path.write_text(host_source(groups[name], kind), encoding="utf-8")
            run((program, *FLAGS, *sanitized, path, "-o", path.with_suffix(".so")))
            return loaded(path.with_suffix(".so"))

        with ThreadPoolExecutor(2) as pool:
            libraries = dict(zip(groups, pool.map(build, groups), strict=True))
        self._found = {
            source: (libraries[name], number)
            for name, sources in groups.items()
            for number, source in enumerate(sources)
        }

    def __contains__(self, source: object) -> bool:
        return source in self._found

    def _run(self, source: str, launch: cuda.Launch, geometry: tuple[int, ...]) -> tuple[Any, int]:
        library, number = self._found[source]
        # The first entry point of a program of any kind has the same number, and so the second.
        entry = next(
            [name for name, _ in kind].index(launch.entry)
            for kind in ENTRIES.values()
            if launch.entry in dict(kind)
        )
        lengths = tuple(map(len, launch.arguments))
        told = np.array((*geometry, len(lengths), *lengths, 0, 0), np.uint32)
        buffers = [ctypes.create_string_buffer(data, len(data)) for data in launch.arguments]
        pointers = (ctypes.c_void_p * len(buffers))(*map(ctypes.addressof, buffers))
        status = library.shim_launch(number, entry, ctypes.c_void_p(told.ctypes.data), pointers)
        assert status != 2, wrong_lengths(launch)
        return library, status


@cache
def host_programs() -> HostPrograms:
    """The programs, compiled once for all tests of this process."""
    return HostPrograms()
