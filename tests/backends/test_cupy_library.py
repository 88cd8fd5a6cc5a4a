"""Whether CuPy can be used: every reason against it has a message of its own, and devices are checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.backends import check_backend, get_backend
from initkit.backends.cupy_backend import CupyBackend, _lent, _patterns
from initkit.backends.cupy_library import cupy_library, device_number
from initkit.draws import draw_key
from initkit.dtypes import DTYPES
from initkit.errors import BackendError
from initkit.region import Region
from tests.backends.cupy_stand_in import Cuda, library, real_cupy, stand_in
from tests.backends.cupy_stand_in.programs import refuse_geometry

needs_cupy = pytest.mark.skipif(real_cupy() is None, reason="needs CuPy, of the extra `test`")


@pytest.mark.parametrize(
    ("cuda", "message"),
    [
        (
            Cuda(version="12.3.0"),
            r"CuPy 12.3.0 is too old. Received: .*Upgrade it to 13.4 or newer with",
        ),
        (Cuda(version="13.3.0rc1"), r"CuPy 13.3.0rc1 is too old"),
        (Cuda(version="14.0.0"), r"CuPy 14.0.0 has no float8 arrays. Received: .*Upgrade it with"),
        (
            Cuda(devices=None),
            r"no driver or no device \(cudaErrorInsuff.*Install NVIDIA's driver",
        ),
        (Cuda(devices=0), r"CUDA finds no device. Received: .*CUDA_VISIBLE_DEVICES"),
        (
            Cuda(nvrtc=False),
            r"no NVRTC, CUDA's run-time compiler \(CuPy failed.*pip install .*\[ctk\]",
        ),
    ],
    ids=["old", "older candidate", "without float8", "no driver", "no device", "no NVRTC"],
)
def test_what_is_missing(cuda: Cuda, message: str, tmp_path: Path) -> None:
    """The message says what is missing, that NumPy gives the same bits, and what to do."""
    with stand_in(tmp_path, cuda):
        for refused in (
            cupy_library,
            lambda: ik.SeedGenerator(7, backend="cupy"),
            lambda: get_backend("cupy"),
        ):
            with pytest.raises(BackendError, match=message) as caught:
                refused()
            assert "Allowed: 'numpy', which gives the same bits." in str(caught.value)
        assert "cannot be used here" in ik.show_config("dict")["backends"]["cupy"]


@pytest.mark.parametrize("version", ["13.4.0", "13.6.1", "14.0.1", "14.2.0", "15.1.0b1"])
def test_versions_that_will_do(version: str, tmp_path: Path) -> None:
    """From the oldest on, every version is taken."""
    with stand_in(tmp_path, Cuda(version=version)):
        assert cupy_library() is library()


@pytest.mark.parametrize("version", ["13.6.0", "14.2.0"])
def test_streams_and_dtypes_of_either_major(version: str, tmp_path: Path) -> None:
    """Streams of others, of which CuPy 14 has a new kind, and float8, which it only has as views."""
    with stand_in(tmp_path, Cuda(version=version)) as cuda:
        backend = CupyBackend(1, 99)
        for name in DTYPES:
            assert backend.empty((2, 3), DTYPES[name]).dtype == DTYPES[name].numpy
        out = backend.empty((7,), DTYPES["float8_e5m2"])
        backend.normal(out, Region.whole((7,)), draw_key(7), 0.0, 1.0)
        assert [(device, stream) for device, stream, _ in cuda.launches] == [(1, 99)]
        assert (cuda.current, cuda.streams) == ([0], [0])


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CuPy the message says what to install."""
    monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: None)
    cupy_library.cache_clear()
    with pytest.raises(BackendError, match=r"CuPy is not installed. Received: .*cupy-cuda13x\[ctk\]'`"):
        check_backend("cupy")


def test_import_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CuPy that cannot be imported is said to be broken, with the first line of its own, long message."""
    monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "cupy", None)
    cupy_library.cache_clear()
    with pytest.raises(BackendError, match=r"importing CuPy fails \(import of cupy.*Uninstall every package"):
        check_backend("cupy")


def test_what_was_missing_can_be_installed(tmp_path: Path) -> None:
    """A refusal is not remembered."""
    cuda = Cuda(nvrtc=False)
    with stand_in(tmp_path, cuda):
        with pytest.raises(BackendError):
            check_backend("cupy")
        cuda.nvrtc = True
        check_backend("cupy")


@pytest.mark.parametrize(("device", "number"), [(None, None), (0, 0), (1, 1), ("cuda:0", 0), ("cuda:1", 1)])
def test_devices(device: Any, number: int | None, tmp_path: Path) -> None:
    """A device is a number or a name; one device is one backend, however it is written."""
    with stand_in(tmp_path):
        assert device_number(device) == number
        check_backend("cupy", device)
        assert get_backend("cupy", device) is get_backend("cupy", number)
        assert get_backend("cupy", device).device == number


@pytest.mark.parametrize("device", [2, -1, True, 1.0, "1", "cuda", "cuda:2", "cuda:01", "gpu:0", "cpu", (0,)])
def test_unknown_devices(device: Any, tmp_path: Path) -> None:
    """Another device is refused with those that there are."""
    with (
        stand_in(tmp_path),
        pytest.raises(
            BackendError, match=r"no such device. Received: device=.*Allowed: None .*, 0 to 1, or .*'cuda:0'"
        ),
    ):
        check_backend("cupy", device)


def test_show_config_tells_of_it(tmp_path: Path) -> None:
    """The versions and the devices are told; nothing is compiled for it, and no device becomes current."""
    with stand_in(tmp_path) as cuda:
        told = ik.show_config("dict")["backends"]["cupy"]
        assert told.startswith("available, cupy 14.2.0, NVRTC 12.9, devices 0: Stand-in (sm_90), 1: Stand-in")
        assert not cuda.compiled
        assert not cuda.made_current


def test_show_config_of_a_broken_device(tmp_path: Path) -> None:
    """A device that no longer answers is told of, and the rest of the report stands."""

    def lost(number: int) -> Any:
        raise RuntimeError("cudaErrorECCUncorrectable: uncorrectable ECC error encountered")

    with stand_in(tmp_path):
        library().cuda.runtime.getDeviceProperties = lost
        told = ik.show_config("dict")["backends"]["cupy"]
        assert "CUDA cannot tell of device 0 (cudaErrorECC" in told
        assert "See whether `nvidia-smi`" in told


@needs_cupy
def test_real_cupy_without_a_device() -> None:
    """Where no device is visible, the installed CuPy is refused with what CUDA says."""
    script = "import initkit as ik; print(ik.show_config('dict')['backends']['cupy'])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CUDA finds no driver or no device (cudaError" in done.stdout


@needs_cupy
def test_stand_in_has_nothing_that_cupy_lacks(tmp_path: Path) -> None:
    """Every name under `cupy.cuda` that the tests' stand-in has is one of CuPy's."""
    real = real_cupy()
    with stand_in(tmp_path):
        for name in vars(library().cuda):
            assert hasattr(real.cuda, name), name
        # CuPy 13 has the old one alone, CuPy 14 warns of it.
        major = int(real.__version__.partition(".")[0])
        assert hasattr(real.cuda.Stream, "from_external") == (major >= 14)
        for group in ("runtime", "nvrtc"):
            for name in vars(getattr(library().cuda, group)):
                assert hasattr(getattr(real.cuda, group), name), name
    numbers = real._core._routines_linalg
    assert (numbers.COMPUTE_TYPE_DEFAULT, numbers.COMPUTE_TYPE_PEDANTIC) == (1, 2)
    assert (numbers.COMPUTE_TYPE_FP16, numbers.COMPUTE_TYPE_BF16, numbers.COMPUTE_TYPE_TF32) == (3, 6, 7)
    assert real._core.get_compute_type(np.float32) == 1
    assert all(hasattr(real, name) for name in ("ascontiguousarray", "matmul", "einsum", "triu", "copysign"))
    assert {"load", "get_function"} <= set(dir(real.cuda.Module))


@pytest.mark.parametrize(
    ("grid", "block", "size", "message"),
    [
        ((2**31, 1), (256, 1), 8, "along x"),
        ((1, 65536), (256, 1), 8, "along y"),
        ((1, 1), (256, 2), 8, "threads"),
        ((0, 1), (256, 1), 8, "nothing"),
        ((1, 1), (256, 0), 8, "nothing"),
        ((1, 1), (256, 1), 4089, "arguments"),
    ],
)
def test_stand_in_refuses_what_cuda_does(
    grid: tuple[int, int], block: tuple[int, int], size: int, message: str
) -> None:
    """A launch at CUDA's limits is let through, and none beyond them."""
    refuse_geometry((2**31 - 1, 65535), (128, 2), (bytes(8), bytes(4088)))
    with pytest.raises(AssertionError, match=message):
        refuse_geometry(grid, block, (bytes(8), bytes(size)))


@needs_cupy
def test_cupy_takes_streams_of_others() -> None:
    """The installed CuPy makes a stream of its own of another library's number, and warns of nothing."""
    assert _lent(real_cupy(), 77).ptr == 77


@needs_cupy
@pytest.mark.parametrize("name", DTYPES)
def test_cupy_makes_arrays_of_every_dtype(name: str) -> None:
    """No dtype of the table is refused by the installed CuPy, which may only find no memory for it."""
    backend = object.__new__(CupyBackend)
    backend.device = backend.stream = None
    backend.xp = real_cupy()
    try:
        found = backend.empty((2, 3), DTYPES[name]).dtype
    except RuntimeError as error:
        found = str(error)
    assert found == DTYPES[name].numpy or "cudaError" in found


@needs_cupy
@pytest.mark.parametrize("name", DTYPES)
def test_cupy_arrays_have_every_dtype(name: str) -> None:
    """CuPy's arrays can have each dtype of the table, be sliced, and be seen as integers of the same size."""
    cupy, host = real_cupy(), np.zeros(256, np.uint8)
    dtype = DTYPES[name].numpy
    memory = cupy.cuda.UnownedMemory(host.ctypes.data, host.nbytes, host, 0)
    pointer = cupy.cuda.MemoryPointer(memory, 0)
    array = cupy.ndarray((2, 4), dtype, pointer, (4 * dtype.itemsize, dtype.itemsize))
    assert array.dtype == dtype
    assert array.data.ptr == host.ctypes.data
    assert array.flags.c_contiguous
    part = array[::-1, 1:3]
    assert part.strides == (-4 * dtype.itemsize, dtype.itemsize)
    assert part.data.ptr == host.ctypes.data + 5 * dtype.itemsize
    # As the backend sees the bits of any array: views of the same memory, of which complex values have two.
    patterns, width = _patterns(part), dtype.itemsize // (2 if dtype.kind == "c" else 1)
    assert [(each.dtype, each.shape, each.strides) for each in patterns] == [
        (np.dtype(f"u{width}"), (2, 2), part.strides)
    ] * (dtype.itemsize // width)
    assert [each.data.ptr - part.data.ptr for each in patterns] == [0, width][: len(patterns)]
    assert array.device.id == 0
    # What stays as it is in the views that initializers and targets take.
    for view in (array.T, array[:0], array[1, 2:3].reshape(()), cupy.moveaxis(array, 0, 1), array[..., None]):
        assert view.dtype == dtype
        assert [each.shape for each in _patterns(view)] == [view.shape] * len(patterns)
    assert all(each.view(dtype).dtype == dtype for each in patterns if dtype.isbuiltin != 1)
