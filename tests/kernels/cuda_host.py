"""The CUDA entry points on the host: compiled by a C++ compiler behind cuda_shim.h, run in plain memory."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
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


class HostPrograms:
    """Every program, compiled for the host."""

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
            library = ctypes.CDLL(str(path.with_suffix(".so")))
            library.shim_wide_stores.restype = ctypes.c_uint64
            return library

        with ThreadPoolExecutor(2) as pool:
            libraries = dict(zip(groups, pool.map(build, groups), strict=True))
        self._found = {
            source: (libraries[name], number)
            for name, sources in groups.items()
            for number, source in enumerate(sources)
        }

    def __contains__(self, source: object) -> bool:
        """Whether that text is one of the programs."""
        return source in self._found

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
        library, number = self._found[source]
        # The first entry point of a program of any kind has the same number, and so the second.
        entry = next(
            [name for name, _ in kind].index(launch.entry)
            for kind in ENTRIES.values()
            if launch.entry in dict(kind)
        )
        count = launch.grid[0] - first if blocks is None else blocks
        lengths = tuple(map(len, launch.arguments))
        geometry = np.array(
            (*launch.grid, *launch.block, first, count, len(lengths), *lengths, 0, 0), np.uint32
        )
        buffers = [ctypes.create_string_buffer(data, len(data)) for data in launch.arguments]
        pointers = (ctypes.c_void_p * len(buffers))(*map(ctypes.addressof, buffers))
        status = library.shim_launch(number, entry, ctypes.c_void_p(geometry.ctypes.data), pointers)
        assert status != 2, f"{launch.entry} takes no arguments of {lengths} bytes"
        assert status == 0, f"{launch.entry} stores to a misaligned address"
        return int(library.shim_wide_stores())


@cache
def host_programs() -> HostPrograms:
    """The programs, compiled once for all tests of this process."""
    return HostPrograms()
