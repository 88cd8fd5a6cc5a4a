"""What NVRTC has made of the CUDA programs, on the host: their PTX, as C, run in plain memory.

cuda_host.py runs what a host's compiler reads in the sources; this is what NVRTC reads in them.
"""

from __future__ import annotations

import ctypes
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from initkit.kernels import cuda
from tests.kernels.builds import run
from tests.kernels.cuda_host import Programs, compiler, host_programs, loaded, wrong_lengths
from tests.kernels.ptx import ARCHITECTURES, entry_points
from tests.kernels.ptx_in_c import in_c

SHIM = Path(__file__).with_name("ptx_shim.h")
FLAGS = ("-x", "c", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing", "-w")

_EXPORT = """
static void (*const threads[])(const u64 *) = {%s};
int shim_launch(int entry, const u32 *geometry, const u64 *parameters) {
    return run_threads(geometry, threads[entry], parameters);
}
"""


class PtxPrograms(Programs):
    """The programs as NVRTC has compiled them.

    Args:
        architecture: The compute capability, in tenths, that NVRTC compiles for.
    """

    def __init__(self, architecture: int) -> None:
        entries = entry_points(architecture)
        functions = [in_c(entry, f"entry{number}") for number, entry in enumerate(entries)]
        table = ", ".join(f"entry{number}" for number in range(len(entries)))
        # Goes away with this object, which keeps the library open.
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "ptx.c"
        path.write_text("\n".join((f'#include "{SHIM}"', *functions, _EXPORT % table)), encoding="utf-8")
        program = compiler()
        assert program is not None
        run((program, *FLAGS, path, "-o", path.with_suffix(".so"), "-lm"))
        self._library = loaded(path.with_suffix(".so"))
        self._found = {(entry.source, entry.name): number for number, entry in enumerate(entries)}
        self._parameters = [entry.parameters for entry in entries]

    def __contains__(self, source: object) -> bool:
        return any(source == program for program, _ in self._found)

    def _run(self, source: str, launch: cuda.Launch, geometry: tuple[int, ...]) -> tuple[Any, int]:
        number = self._found[source, launch.entry]
        assert tuple(map(len, launch.arguments)) == self._parameters[number], wrong_lengths(launch)
        told = np.array(geometry, np.uint32)
        buffers = [np.frombuffer(data, np.uint64) for data in launch.arguments]
        addresses = np.array([buffer.ctypes.data for buffer in buffers], np.uint64)
        status = self._library.shim_launch(
            number, ctypes.c_void_p(told.ctypes.data), ctypes.c_void_p(addresses.ctypes.data)
        )
        return self._library, status


@cache
def ptx_programs(architecture: int) -> PtxPrograms:
    """The programs for that architecture, compiled once for all tests of this process."""
    return PtxPrograms(architecture)


def device_programs() -> Programs:
    """What stands for a device's programs: NVRTC's, or where there is no NVRTC, a host compiler's."""
    return ptx_programs(ARCHITECTURES[-1]) if ARCHITECTURES else host_programs()
