"""Initializers on the CuPy backend, by way of the tests' stand-in: the whole catalogue has NumPy's bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.backends.cupy_backend import CupyBackend
from initkit.dtypes import resolve_dtype
from initkit.initializers import normalized
from tests.backends.cupy_stand_in import AnyStream, Cuda, DeviceArray, empty, library, stand_in
from tests.catalogue import ENTRIES, Entry
from tests.tiny_values import TINY_VALUES

EXACT = [entry for entry in ENTRIES if entry.exact]
TOLERANT = [entry for entry in ENTRIES if not entry.exact]


@pytest.fixture(name="cuda", scope="module")
def _cuda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cuda]:
    with stand_in(tmp_path_factory.mktemp("cuda")) as cuda:
        yield cuda


def generator(device: int | None = None) -> ik.SeedGenerator:
    """The generator of all draws here; one of each has to be new."""
    return ik.SeedGenerator(7, backend="cupy", device=device)


def host(array: Any) -> np.ndarray[Any, Any]:
    """The values in this process' memory."""
    return array.get() if isinstance(array, DeviceArray) else array


# What CuPy rounds once, as IEEE has it, or not at all: each is a kernel of its own, so nothing is fused.
CORRECT = {
    *("absolute", "add", "divide", "multiply", "negative", "rint", "sqrt", "subtract"),
    *("equal", "greater", "greater_equal", "isfinite", "less", "maximum", "minimum", "where"),
    *("bitwise_and", "bitwise_or", "invert", "left_shift", "right_shift"),
}


@pytest.mark.parametrize("entry", EXACT, ids=str)
def test_catalogue(entry: Entry, cuda: Cuda) -> None:
    """Every exact initializer, in every shape and dtype, gives the same bits; if it draws, on the device."""
    cuda.operations.clear()
    for shape in entry.shapes:
        for dtype in entry.dtypes:
            values = entry.make(generator())(shape, dtype)
            wanted = entry.make(ik.SeedGenerator(7))(shape, dtype)
            assert isinstance(values, DeviceArray) == entry.seeded
            assert (values.shape, values.dtype) == (wanted.shape, wanted.dtype)
            assert host(values).tobytes() == wanted.tobytes(), (shape, dtype)
    # In complex numbers, products are sums of products, which CuPy's compiler may fuse; a choice is none.
    assert {name for name, _ in cuda.operations} <= CORRECT
    assert {name for name, is_complex in cuda.operations if is_complex} <= {"where"}


@pytest.mark.parametrize("entry", [entry for entry in EXACT if entry.seeded], ids=str)
def test_catalogue_on_another_device(entry: Entry, cuda: Cuda) -> None:
    """Everything that an initializer computes with is on its generator's device, also for a slice."""
    shape = entry.shapes[-1]
    values = entry.make(generator(device=1))(shape, entry.dtype)
    assert values.device.id == 1
    assert cuda.current == [0]
    wanted = entry.make(ik.SeedGenerator(7))(shape, entry.dtype)
    assert host(values).tobytes() == wanted.tobytes()
    part = entry.make(generator(device=1)).lazy(shape, entry.dtype)[..., ::2]
    assert part.device.id == 1
    assert host(part).tobytes() == wanted[..., ::2].tobytes()


@pytest.mark.parametrize("entry", [entry for entry in EXACT if entry.seeded], ids=str)
def test_slices_of_the_catalogue(entry: Entry, cuda: Cuda) -> None:
    """Every dtype can be made in slices, whatever CuPy can compute with: rows and columns, with steps."""
    for shape, dtype in ((shape, dtype) for shape in entry.shapes for dtype in entry.dtypes):
        wanted = entry.make(ik.SeedGenerator(7))(shape, dtype)
        every: tuple[Any, ...] = (np.s_[::-2], np.s_[..., 1::2]) if shape else (...,)
        for index in every:
            part = entry.make(generator()).lazy(shape, dtype)[index]
            assert host(part).tobytes() == wanted[index].tobytes(), (shape, dtype, index)


@pytest.mark.parametrize("entry", TOLERANT, ids=str)
def test_tolerant_catalogue(entry: Entry, cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrix products are made on the device, whole, and agree to the tolerance stated, and a rounding."""
    # A program that has CuPy use TF32.
    monkeypatch.setattr(cuda, "compute_type", 7)
    for shape in entry.shapes:
        for dtype in entry.dtypes:
            init = entry.make(generator(device=1))
            values, wanted = init(shape, dtype), entry.make(ik.SeedGenerator(7))(shape, dtype)
            assert values.device.id == 1
            assert (values.shape, values.dtype) == (wanted.shape, wanted.dtype)
            wide = np.complex128 if wanted.dtype.kind == "c" else np.float64
            row = resolve_dtype(dtype)
            rounding = {1: 0.25, 2: 2.0**-7}.get(row.numpy.itemsize, 0.0)
            near = init.tolerance(row) + rounding * abs(wanted.astype(wide))
            assert (abs(host(values).astype(wide) - wanted.astype(wide)) <= near).all()


@pytest.mark.parametrize("panel", [1 << 16, 1 << 25])
@pytest.mark.parametrize("shape", [(300, 260), (200, 333)])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "bfloat16"])
def test_orthogonal_in_panels(
    shape: tuple[int, int], dtype: str, panel: int, cuda: Cuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several blocks of reflectors, applied to panels of columns or at once, give NumPy's matrix."""
    monkeypatch.setattr("initkit.initializers.reflectors._DEVICE_PANEL_BYTES", panel)
    init, near = ik.Orthogonal(seed=generator()), ik.Orthogonal().tolerance(resolve_dtype(dtype))
    values, wanted = host(init(shape, dtype)), ik.Orthogonal(seed=7)(shape, dtype)
    wide = np.complex128 if dtype == "complex64" else np.float64
    bounds = near + (2.0**-7 if dtype == "bfloat16" else 0.0) * abs(wanted.astype(wide))
    assert (abs(values.astype(wide) - wanted.astype(wide)) <= bounds).all()
    for index in (np.s_[7:90:2, ::-1], np.s_[:, 190:199], np.s_[5], np.s_[::3, 100:]):
        part = host(ik.Orthogonal(seed=generator()).lazy(shape, dtype)[index])
        assert (abs(part.astype(wide) - wanted[index].astype(wide)) <= bounds[index]).all()


@pytest.mark.parametrize(
    ("index", "pieces", "more"),
    [
        (np.s_[...], CupyBackend.piece_elements, set()),
        (np.s_[..., ::2], CupyBackend.piece_elements, set()),
        # The lengths of vectors that are not drawn whole: a slice has less than half of each; too long ones.
        (np.s_[..., :1], CupyBackend.piece_elements, {"NormalizedRows"}),
        (np.s_[...], 64, {"NormalizedRows"}),
    ],
    ids=["whole", "half", "slice", "long"],
)
def test_who_waits_for_the_device(
    index: Any, pieces: int, more: set[str], cuda: Cuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These alone read something back, or have CuPy count something: docs/gpu.md names them."""
    monkeypatch.setattr(CupyBackend, "piece_elements", pieces)
    normalized._LENGTHS.forget()
    waiting = set()
    for entry in ENTRIES:
        for shape in entry.shapes:
            initializer = entry.make(generator())
            cuda.waits.clear()
            with ik.seed_scope(generator()):
                initializer.lazy(shape, entry.dtype)[index if shape else ...]
            waiting |= {type(initializer).__name__} if cuda.waits else set()
    assert waiting == {"Map", "Sparse", "Identity", "Dirac", "OrthogonalConvolution"} | more


@pytest.mark.parametrize(("initializer", "dtype"), TINY_VALUES)
def test_subnormal_values_and_signs_of_zeros(initializer: ik.Initializer, dtype: str, cuda: Cuda) -> None:
    """Values too small for a normal float32 number, and zeros, have NumPy's bits."""
    wanted = initializer((40, 9), dtype)
    for make in (lambda row: empty((40, 9), row), lambda row: empty((9, 40), row).T):
        target = make(resolve_dtype(dtype).numpy)
        initializer.fill(target)
        assert host(target).tobytes() == wanted.tobytes()


def test_a_small_tensor_is_one_launch(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of a plain law is one launch on the current stream, and memory of the tensor's size alone."""
    cuda.launches.clear()
    made = []

    def counted(shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        made.append(shape)
        return DeviceArray(shape, dtype)

    monkeypatch.setattr(library(), "empty", counted)
    with AnyStream(5):
        ik.HeNormal(seed=generator())((64, 64), "bfloat16")
    assert [(device, stream) for device, stream, _ in cuda.launches] == [(0, 5)]
    assert made == [(64, 64)]


@pytest.mark.parametrize("device", [None, 1])
def test_lazy(device: int | None, cuda: Cuda) -> None:
    """Slices are made on the device, alone, and the whole becomes a NumPy array when one is asked for."""
    lazy = ik.TruncatedNormal(seed=generator(device)).lazy((70, 30), "float16")
    whole = ik.TruncatedNormal(seed=7)((70, 30), "float16")
    part = lazy[3:60:7, ::-2]
    assert part.device.id == (device or 0)
    assert host(part).tobytes() == whole[3:60:7, ::-2].tobytes()
    assert np.asarray(lazy).tobytes() == whole.tobytes()


VIEWS: dict[str, Any] = {
    "whole": lambda base: base,
    "rows": lambda base: base[2:9],
    "permuted": lambda base: base.transpose(1, 0, 2),
    "mixed": lambda base: base[::-2, 1:-1, ::5],
    "vector": lambda base: base[3, :, 5],
    "scalar": lambda base: base[3, 4, 5:6].reshape(()),
    "empty": lambda base: base[:0],
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e5m2", "complex64"])
@pytest.mark.parametrize("seed", ["integer", "numpy", "cupy"])
def test_fill(view: str, dtype: str, seed: str, cuda: Cuda) -> None:
    """An array of any layout is filled where it is, whatever the seed's backend, and nothing around it is."""
    given: Any = {"integer": 7, "numpy": ik.SeedGenerator(7), "cupy": generator()}[seed]
    row = resolve_dtype(dtype)
    base, mirror = empty((12, 10, 14), row.numpy), np.empty((12, 10, 14), row.numpy)
    mirror.view(np.uint8)[...] = 0xCD
    target = VIEWS[view](base)
    with library().cuda.Device(1):
        assert ik.RandomNormal(mean=0.5, seed=given).fill(target) is target
    VIEWS[view](mirror)[...] = ik.RandomNormal(mean=0.5, seed=7)(target.shape, dtype)
    assert host(base).tobytes() == mirror.tobytes()


CONSTANTS = [ik.Ones(), ik.Constant(np.arange(9).reshape(3, 3)), ik.Identity(), ik.Dirac()]


@pytest.mark.parametrize("initializer", CONSTANTS, ids=lambda init: type(init).__name__)
def test_fill_with_what_draws_nothing(initializer: ik.Initializer, cuda: Cuda) -> None:
    """Initializers without a seed fill arrays of a device as well."""
    shape = (2, 2, 3) if isinstance(initializer, ik.Dirac) else (3, 3)
    for dtype in ("float32", "float8_e4m3fn"):
        target = empty(shape, resolve_dtype(dtype).numpy)
        initializer.fill(target)
        assert host(target).tobytes() == initializer(shape, dtype).tobytes()


class Tent(ik.Initializer):
    """A class that only defines `__call__`."""

    def __init__(self, seed: Any = None) -> None:
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return 1.0 - abs(ik.RandomUniform(-1.0, 1.0, seed=self.seed)(shape, dtype))


def test_classes_of_ones_own(cuda: Cuda) -> None:
    """What a user's class computes in NumPy fills a device's array; what it computes there stays there."""
    wanted = Tent(seed=7)((5, 4))
    target = DeviceArray((4, 5), np.float32)
    Tent(seed=7).fill(target.T)
    assert host(target).T.tobytes() == wanted.tobytes()
    assert host(Tent(seed=generator())((5, 4))).tobytes() == wanted.tobytes()
    for array in (DeviceArray((5, 4), np.float32), np.empty((5, 4), np.float32)):
        assert host(Tent(seed=generator()).fill(array)).tobytes() == wanted.tobytes()
    assert host(Tent(seed=generator()).lazy((5, 4))[2]).tobytes() == wanted[2].tobytes()


def test_nothing_waits_for_the_device(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls, slices and fills of what draws read nothing back."""
    monkeypatch.setattr(DeviceArray, "get", lambda self: pytest.fail("the device was waited for"))
    target = DeviceArray((9, 8), np.float32)
    for init in (ik.RandomNormal, ik.RandomUniform, ik.TruncatedNormal, ik.HeNormal, ik.GlorotUniform):
        init(seed=generator())((9, 8))
        init(seed=generator()).lazy((9, 8))[::2]
        init(seed=7).fill(target[:, ::2])
