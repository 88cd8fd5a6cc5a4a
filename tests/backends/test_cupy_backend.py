"""The CuPy backend on the tests' stand-in: what it launches, where, on which stream, and what comes out."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from initkit.backends import Backend, get_backend
from initkit.backends.cupy_backend import CupyBackend
from initkit.draws import draw_key
from initkit.dtypes import DTYPES, resolve_dtype, rounded
from initkit.errors import ShapeError
from initkit.region import Region
from tests.backends.cupy_stand_in import AnyStream, Cuda, DeviceArray, library, stand_in

KEY = draw_key(7)
FLOATS = [row.name for row in DTYPES.values() if row.kind == "float"]
LAWS: dict[str, tuple[float, ...]] = {
    "uniform": (-1.0, 3.0),
    "normal": (1.0, 0.5),
    "truncated_normal": (1.0, 0.5, -1.0, 3.0),
}


@pytest.fixture(name="cuda", scope="module")
def _cuda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cuda]:
    with stand_in(tmp_path_factory.mktemp("cuda")) as cuda:
        yield cuda


@pytest.fixture(name="backend")
def _backend(cuda: Cuda) -> Backend:
    cuda.launches.clear()
    return get_backend("cupy")


def test_it_is_one_object(backend: Backend) -> None:
    """However often it is asked for, it is one backend per device, also after a pickle."""
    assert get_backend("cupy") is backend
    assert pickle.loads(pickle.dumps(backend)) is backend
    assert pickle.loads(pickle.dumps(get_backend("cupy", 1))) is get_backend("cupy", 1)
    assert (backend.name, backend.device, backend.xp) == ("cupy", None, library())
    assert backend.piece_elements > get_backend("numpy").piece_elements


@pytest.mark.parametrize("name", DTYPES)
def test_empty(name: str, backend: Backend) -> None:
    """A new array has the shape and dtype asked for, ml_dtypes' included, in rows."""
    array = backend.empty((2, 3), DTYPES[name])
    assert isinstance(array, DeviceArray)
    assert array.shape == (2, 3)
    assert array.dtype == DTYPES[name].numpy
    assert array.flags.c_contiguous


def test_empty_beyond_its_numbers(backend: Backend) -> None:
    """What the library cannot number is a ShapeError that points to lazy arrays."""
    # The second has as many bytes as CuPy, which counts them modulo 2**64, takes for 16.
    for length in (2**62 - 1, 2**61 + 2):
        with pytest.raises(ShapeError, match=rf"CuPy cannot make .*Received: shape \({length},\), dtype"):
            backend.empty((length,), DTYPES["float64"])
    with pytest.raises(ShapeError, match=r"CuPy cannot make .*Received: shape \(1, 1, 1"):
        backend.empty((1,) * 65, DTYPES["float64"])


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("index", [np.s_[:], np.s_[3:9], np.s_[:, 5:29], np.s_[4:1:-1, 1::3], np.s_[2:2]])
def test_laws_are_numpys_in_one_launch(law: str, name: str, index: Any, backend: Backend, cuda: Cuda) -> None:
    """Every law over every kind of region has NumPy's bits, and takes one launch; none if it is empty."""
    region, _ = Region.from_index((13, 40), index)
    out = backend.empty(region.counts, DTYPES[name])
    getattr(backend, law)(out, region, KEY, *LAWS[law])
    wanted = get_backend("numpy").empty(region.counts, DTYPES[name])
    getattr(get_backend("numpy"), law)(wanted, region, KEY, *LAWS[law])
    assert out.get().tobytes() == wanted.tobytes()
    assert len(cuda.launches) == bool(region.size)


def test_launch_parameters(backend: Backend, cuda: Cuda) -> None:
    """A large run takes the device's share of blocks of 256 threads, with the output's own address."""
    out = backend.empty((1 << 10, 1 << 9), DTYPES["bfloat16"])
    backend.uniform(out, Region.whole(out.shape), KEY, 0.0, 1.0)
    [(device, stream, launch)] = cuda.launches
    assert (device, stream) == (0, 0)
    assert launch.entry == "ik_fill_runs"
    # The stand-in has 4 multiprocessors, of 32 blocks each.
    assert (launch.grid, launch.block) == ((128, 1), (256, 1))
    address, index, count = np.frombuffer(launch.arguments[0], np.uint64, 3).tolist()
    assert (address, index, count) == (out.data.ptr, 0, 1 << 19)
    words = np.frombuffer(launch.arguments[0], np.uint32, 22, 24).tolist()
    # As Random123 has them: each key grows by a constant from round to round.
    assert words[:10] == [(KEY[0] + number * 0x9E3779B9) % 2**32 for number in range(10)]
    assert words[10:20] == [(KEY[1] + number * 0xBB67AE85) % 2**32 for number in range(10)]
    assert tuple(words[20:]) == KEY[2:]


def test_devices_and_streams(backend: Backend, cuda: Cuda) -> None:
    """A backend of a device works there, whatever is current; one without works where the caller is."""
    row, region = DTYPES["float32"], Region.whole((7,))
    there = get_backend("cupy", 1)
    out = there.empty((7,), row)
    assert out.device.id == 1
    there.normal(out, region, KEY, 0.0, 1.0)
    there.store(out[:3], [1.5, 2.5, 3.5])
    with library().cuda.Device(1), AnyStream(77):
        mine = backend.empty((7,), row)
        backend.normal(mine, region, KEY, 0.0, 1.0)
    bound = CupyBackend(1, 99)
    bound.normal(out, region, KEY, 0.0, 1.0)
    CupyBackend(None, 55).normal(backend.empty((7,), row), region, KEY, 0.0, 1.0)
    assert mine.device.id == 1
    assert out.get().tobytes() == mine.get().tobytes()
    assert [(device, stream) for device, stream, _ in cuda.launches] == [
        *((1, 0), (1, 0), (1, 77)),
        *((1, 99), (0, 55)),
    ]
    assert (cuda.current, cuda.streams) == ([0], [0])


@pytest.mark.parametrize("number", [1, 2, 3, 6, 7])
def test_products_are_whole(number: int, cuda: Cuda) -> None:
    """Products of float32 are not made of narrower floats, whatever CuPy is set to, which comes back."""
    cuda.compute_type = number
    for backend in (get_backend("cupy"), get_backend("cupy", 1), CupyBackend(1, 99)):
        with backend.on_device(), backend.on_device():
            assert cuda.compute_type == (number if number < 3 else 1)
        assert cuda.compute_type == number
    cuda.compute_type = 1


def test_products_are_whole_in_every_thread(cuda: Cuda) -> None:
    """One of two threads that leaves first does not cut the products of the other."""
    cuda.compute_type = 7
    first, second = get_backend("cupy").on_device(), ExitStack()
    with second:
        with first:
            second.enter_context(get_backend("cupy").on_device())
        assert cuda.compute_type == 1
    assert cuda.compute_type == 7
    cuda.compute_type = 1


VALUES: dict[str, Any] = {
    "float64": np.array([[1 / 3, -2.5e-40, 1e6], [1e300, -0.0, np.nan]]),
    "float32": np.array([[1 / 3, -2.5e-40, 1e6], [3e38, -0.0, np.inf]], np.float32),
    "float16": np.array([[1 / 3, 6e-8, 1e4], [0.1, -0.0, np.inf]], np.float16),
    "int64": np.array([[16777217, -3, 2**62 + 2**38 + 1], [0, 1, 2]]),
    "bool": np.array([[True, False, True], [False, False, True]]),
    "a row": np.array([0.1, 0.2, 0.3]),
    "a number": 0.1,
}


# Arrays that hold one of shape (2, 3), and how that is seen in them.
LAYOUTS: list[tuple[tuple[int, int], Callable[[Any], Any]]] = [
    ((2, 3), lambda array: array),
    ((3, 2), lambda array: array.T[::-1]),
    ((2, 6), lambda array: array[:, ::2]),
]


@pytest.mark.parametrize("name", [row.name for row in DTYPES.values() if row.kind in ("float", "complex")])
@pytest.mark.parametrize("values", VALUES)
def test_stores_round_as_numpy_does(name: str, values: str, backend: Backend, cuda: Cuda) -> None:
    """Values of every kind are rounded once, by way of float32 where that is wider, into any layout."""
    row = DTYPES[name]
    for shape, view in LAYOUTS:
        wanted, out = np.zeros(shape, row.numpy), backend.empty(shape, row)
        backend.store(out, np.zeros(shape))
        get_backend("numpy").store(view(wanted), VALUES[values])
        backend.store(view(out), VALUES[values])
        assert out.get().tobytes() == wanted.tobytes()
    # One launch for each store, of what CuPy's own casts would round or widen otherwise.
    one = 2 if row.draw.itemsize == 4 else int(values == "float32")
    assert len(cuda.launches) == one * len(LAYOUTS)


@pytest.mark.parametrize("name", [row.name for row in DTYPES.values() if row.kind in ("integer", "bool")])
def test_stores_of_integers(name: str, backend: Backend, cuda: Cuda) -> None:
    """Integers and booleans are left to the library's own casts."""
    out = backend.empty((2, 3), DTYPES[name])
    backend.store(out[:, ::-1], np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
    assert out.get().astype(int).tolist() == [[1, 1, 0], [0, 0, 1]]
    assert not cuda.launches


@pytest.mark.parametrize("name", ["complex64", "complex128"])
def test_stores_of_complex_values(name: str, backend: Backend) -> None:
    """Both parts are rounded; real values and integers have no imaginary part."""
    values = np.array([1 / 3 + 1e-40j, -0.0 - 7j, 1e300 + 0.1j])
    out = backend.empty((2, 3), DTYPES[name])
    single = values[[0, 1, 1]].astype(np.complex64)
    for given in (values, single, single.real, values.real, np.arange(3)):
        backend.store(out, given)
        with np.errstate(over="ignore"):
            wanted = np.broadcast_to(rounded(given, DTYPES[name]), (2, 3))
        assert out.get().tobytes() == wanted.tobytes()


def test_stores_of_nothing(backend: Backend, cuda: Cuda) -> None:
    """An empty array takes no launch."""
    backend.store(backend.empty((0, 3), DTYPES["float32"]), np.zeros((0, 3)))
    assert not cuda.launches


@pytest.mark.parametrize("factor", [0.7, -1e-39, 0.0, 2.0**-149])
@pytest.mark.parametrize("name", ["float32", "float64", "complex64", "complex128"])
def test_products_are_numpys(name: str, factor: float, backend: Backend, cuda: Cuda) -> None:
    """Arrays of any layout are multiplied, with NumPy's bits, subnormal ones too."""
    wide = np.random.default_rng(5).normal(0.0, 1e-5, (2, 2, 3)) * [[[1.0]], [[1e-33]]]
    wide[:, 0, 0] = 0.0, -0.0
    values = (wide[0] + 1j * wide[1] if name.startswith("c") else wide[1]).astype(name)
    for shape, view in LAYOUTS:
        array, wanted = backend.empty(shape, DTYPES[name]), values.copy()
        backend.put(view(array), ..., values)
        backend.scale(view(array), factor)
        get_backend("numpy").scale(wanted, factor)
        assert view(array).get().tobytes() == wanted.tobytes()
    backend.scale(backend.empty((0, 3), DTYPES[name]), factor)
    # Real and imaginary parts are one array where they lie in one piece, as in the first layout.
    assert len(cuda.launches) == (2 * len(LAYOUTS) - 1 if name.startswith("c") else len(LAYOUTS))


@pytest.mark.parametrize("offset", [0.7, -1e-39, 2.0**-149])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_sums_are_numpys(name: str, offset: float, backend: Backend, cuda: Cuda) -> None:
    """Real arrays of any layout are shifted in one launch, with NumPy's bits, subnormal ones included."""
    values = np.random.default_rng(5).normal(0.0, 1e-39, (2, 3)).astype(name)
    for shape, view in LAYOUTS:
        array, wanted = backend.empty(shape, DTYPES[name]), values.copy()
        backend.put(view(array), ..., values)
        backend.shift(view(array), offset)
        get_backend("numpy").shift(wanted, offset)
        assert view(array).get().tobytes() == wanted.tobytes()
    assert len(cuda.launches) == len(LAYOUTS)


SINGLE_BITS: dict[str, list[Any]] = {
    "float32": [-0.0, 1e-45, -3e-39, np.nan],
    "float16": [-0.0, 6e-8],
    "float64": [-0.0, 5e-324],
    "complex64": [complex(-0.0, -0.0), complex(0.0, -0.0), complex(-1e-45, -0.0)],
    "complex128": [complex(-0.0, -0.0), complex(0.0, -0.0), complex(1.0, -0.0)],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in SINGLE_BITS for value in SINGLE_BITS[name]]
)
def test_put_keeps_every_bit(name: str, value: Any, backend: Backend) -> None:
    """Negative zeros and subnormal values are what they are, as numbers and as arrays of either library."""
    wanted = np.full((2, 3), value, name)
    for given in (value, wanted):
        for shape, view in LAYOUTS:
            out, copy = backend.empty(shape, DTYPES[name]), backend.empty((2, 3), DTYPES[name])
            backend.put(view(out), ..., given)
            backend.put(copy, np.s_[:, :], view(out))
            assert copy.get().tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name", DTYPES)
def test_put(name: str, backend: Backend) -> None:
    """Values of every dtype are assigned bit by bit: from the device, from NumPy, and numbers."""
    values = np.arange(6).reshape(2, 3).astype(DTYPES[name].numpy)
    out, mine = backend.empty((3, 2), DTYPES[name]), backend.empty((2, 3), DTYPES[name])
    backend.put(mine, ..., values)
    backend.put(out.T, np.s_[:, ::-1], mine)
    wanted = np.ascontiguousarray(values[:, ::-1].T)
    assert backend.to_numpy(out).tobytes() == wanted.tobytes()
    backend.put(out, (backend.xp.asarray([0, 2]), backend.xp.asarray([1, 0])), 1)
    wanted[[0, 2], [1, 0]] = 1
    assert backend.to_numpy(out).tobytes() == wanted.tobytes()
    assert resolve_dtype(out.dtype) is DTYPES[name]
