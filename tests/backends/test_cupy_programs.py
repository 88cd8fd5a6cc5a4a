"""Programs on CuPy's devices: for which device they are compiled, how often, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from initkit.backends import get_backend
from initkit.backends.cupy_backend import programs
from initkit.backends.cupy_programs import Programs, cache_folder
from initkit.draws import draw_key
from initkit.dtypes import DTYPES
from initkit.errors import BackendError
from initkit.kernels import cuda as cuda_kernels
from initkit.kernels.parameters import NORMAL
from initkit.region import Region
from tests.backends.cupy_stand_in import Cuda, real_cupy, stand_in
from tests.backends.cupy_stand_in.programs import Module
from tests.kernels.ptx import needs_nvrtc


def draw(device: int | None = None, name: str = "float32", shape: tuple[int, ...] = (5, 3)) -> Any:
    """A normal draw on a device."""
    backend = get_backend("cupy", device)
    out = backend.empty(shape, DTYPES[name])
    backend.normal(out, Region.whole(shape), draw_key(7), 0.0, 1.0)
    return out.get()


def test_a_program_is_compiled_once(tmp_path: Path) -> None:
    """Two draws of one law and dtype need one program; another dtype needs another."""
    with stand_in(tmp_path) as cuda:
        first = draw()
        assert (draw() == first).all()
        assert cuda.compiled == [(*cuda_kernels.OPTIONS, "-arch=sm_90")]
        draw(name="bfloat16")
        assert len(cuda.compiled) == programs().loaded == 2


def test_every_device_loads_its_own(tmp_path: Path) -> None:
    """A second device of the same kind loads what the first has compiled."""
    with stand_in(tmp_path) as cuda:
        assert (draw(0) == draw(1)).all()
        assert len(cuda.compiled) == 1
        assert programs().loaded == 2
        assert [device for device, _, _ in cuda.launches] == [0, 1]


def test_programs_are_kept_on_disk(tmp_path: Path) -> None:
    """The next process finds them, unless the file was altered; another architecture has its own."""
    folder = tmp_path / "not yet there"
    with stand_in(folder):
        first = draw()
    [kept] = folder.iterdir()
    assert kept.name.startswith("initkit-")
    assert kept.suffix == ".cubin"
    whole = kept.read_bytes()
    with stand_in(folder) as cuda:
        assert (draw() == first).all()
        assert not cuda.compiled
    for broken in (b"", whole[:20], whole[:-1], whole[:40] + b"?" + whole[41:]):
        kept.write_bytes(broken)
        with stand_in(folder) as cuda:
            assert (draw() == first).all()
            assert len(cuda.compiled) == 1
        assert kept.read_bytes() == whole
    with stand_in(folder, Cuda(capability="80")) as cuda:
        draw()
        assert len(cuda.compiled) == 1
    assert len(list(folder.iterdir())) == 2


def test_nothing_is_kept_where_it_shall_not_or_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CuPy's own variable keeps programs in memory; a folder that cannot be written to is no error."""
    monkeypatch.setenv("CUPY_CACHE_IN_MEMORY", "1")
    with stand_in(tmp_path):
        draw()
    assert not list(tmp_path.iterdir())
    monkeypatch.delenv("CUPY_CACHE_IN_MEMORY")
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with stand_in(tmp_path / "file"):
        draw()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a program cannot be put in its place, no part of it stays, and the draw is made all the same."""
    refusals: list[Path] = []

    def replace(self: Path, target: Path) -> Path:
        refusals.append(self)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", replace)
    with stand_in(tmp_path):
        draw()
    assert len(refusals) == 1
    assert not list(tmp_path.iterdir())


def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container, a user may have no home folder: programs are compiled, and not kept."""

    def expanduser(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", expanduser)
    with stand_in(tmp_path) as cuda:
        monkeypatch.delenv("CUPY_CACHE_DIR")
        assert cache_folder() is None
        draw()
        assert len(cuda.compiled) == 1


def test_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are kept beside CuPy's own."""
    monkeypatch.setenv("CUPY_CACHE_DIR", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("CUPY_CACHE_DIR")
    assert cache_folder() == Path.home() / ".cupy" / "kernel_cache"


def test_devices_newer_than_nvrtc(tmp_path: Path) -> None:
    """For such a device the driver gets PTX of the newest architecture that NVRTC knows."""
    with stand_in(tmp_path, Cuda(capability="121")) as cuda:
        draw()
        assert cuda.compiled[0][-1] == "-arch=compute_90"


def test_devices_older_than_nvrtc(tmp_path: Path) -> None:
    """For such a device nothing can be compiled, and the message says what to do."""
    with (
        stand_in(tmp_path, Cuda(capability="61")),
        pytest.raises(
            BackendError,
            match=r"no longer compiles for this device. Received: device 0, .* 6.1. Allowed: 7.0 or newer.",
        ),
    ):
        draw()


def test_programs_that_the_driver_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver older than NVRTC is told of, and nothing is remembered of the attempt."""

    def load(self: Any, binary: bytes) -> None:
        raise RuntimeError("CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled")

    with stand_in(tmp_path):
        with monkeypatch.context() as patch:
            patch.setattr(Module, "load", load)
            with pytest.raises(BackendError, match=r"what NVRTC 12.9 compiled \(CUDA_ERR.*Update the"):
                draw()
        assert draw().shape == (5, 3)


def test_programs_that_nvrtc_refuses(tmp_path: Path) -> None:
    """The compiler's own words are in the message."""
    with stand_in(tmp_path):
        get_backend("cupy")
        launch = cuda_kernels.Launch("nothing", (1, 1), (1, 1), ())
        with pytest.raises(BackendError, match=r"could not compile .*NVRTC_ERR.*Received: .*own words"):
            programs().run("not a program", launch)


@needs_nvrtc
@pytest.mark.parametrize(("architecture", "begin"), [("sm_90", b"\x7fELF"), ("compute_80", b"//\n// Gen")])
def test_nvrtc_compiles(architecture: str, begin: bytes) -> None:
    """The installed NVRTC makes a binary for a known architecture, and a text for the driver to translate."""
    source = cuda_kernels.fill_source(NORMAL, DTYPES["float16"])
    compiled = Programs(real_cupy())._compile(source, (*cuda_kernels.OPTIONS, f"-arch={architecture}"))
    assert compiled.startswith(begin)


@needs_nvrtc
def test_nvrtc_refuses() -> None:
    """What the installed NVRTC says of a wrong program is passed on."""
    with pytest.raises(BackendError, match=r"could not compile .*identifier \"nonsense\" is undefined"):
        Programs(real_cupy())._compile("nonsense x;", cuda_kernels.OPTIONS)
