"""Dask arrays of initializers: the bits of the whole in every chunk, on every scheduler."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.lazy import LazyArray
from tests.backends.cupy_stand_in import DeviceArray, stand_in
from tests.catalogue import ENTRIES, Entry

da = import_module("dask.array")

SHAPE = (60, 41)
SCHEDULERS = ("threads", "synchronous")


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.exact], ids=str)
def test_chunks_are_slices(entry: Entry) -> None:
    """Every exact initializer of the catalogue gives the bits of a call, cut in three along each axis."""
    shape = entry.shapes[-1]
    chunks = tuple(max(length // 3, 1) for length in shape)
    array = ik.dask.from_initializer(entry.make(7), shape, chunks, entry.dtype)
    values, whole = array.compute(scheduler="synchronous"), entry.make(7)(shape, entry.dtype)
    assert (values.shape, values.dtype) == (whole.shape, whole.dtype)
    assert values.tobytes() == whole.tobytes()


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float8_e4m3fn", "complex64"])
@pytest.mark.parametrize("chunks", ["auto", "1 kiB", (7, 13), -1, {0: 9, 1: -1}], ids=str)
def test_dtypes_and_chunks(dtype: str, chunks: Any, scheduler: str) -> None:
    """Whatever the dtype and the way of saying chunks, values, shape and dtype are those of a call."""
    init = ik.TruncatedNormal(seed=7)
    array = ik.dask.from_initializer(init, SHAPE, chunks, dtype)
    assert (array.shape, array.dtype) == (SHAPE, np.dtype(dtype))
    assert array.compute(scheduler=scheduler).tobytes() == init(SHAPE, dtype).tobytes()


@pytest.mark.parametrize("shape", [(), (0,), (0, 5), (3,), 7], ids=str)
def test_small_shapes(shape: Any) -> None:
    """Tensors without axes or elements are arrays, too."""
    init = ik.RandomNormal(seed=7)
    values = ik.dask.from_initializer(init, shape).compute(scheduler="synchronous")
    assert isinstance(values, np.ndarray)
    assert (values.shape, values.tobytes()) == (init(shape).shape, init(shape).tobytes())


INDICES: tuple[Any, ...] = (
    (slice(5, 50, 7), slice(None, None, 3)),
    (slice(None, None, -1), slice(30, 2, -4)),
    (-3, slice(None)),
    (slice(None), 40),
    (7, -1),
    (None, slice(3, 9), None, 5),
    (Ellipsis, slice(0, 0)),
    ([5, 59, 5, 0],),
    (slice(4, 30), [3, 1, 40]),
    (np.arange(60) % 7 == 2,),
)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing(index: Any) -> None:
    """An indexed Dask array, also twice, is the array indexed so."""
    init = ik.RandomUniform(seed=7)
    part = ik.dask.from_initializer(init, SHAPE, (7, 13))[index]
    whole = init(SHAPE)[index]
    np.testing.assert_array_equal(part.compute(scheduler="synchronous"), whole)
    if whole.ndim:
        np.testing.assert_array_equal(part[::2].compute(scheduler="synchronous"), whole[::2])


def test_a_slice_draws_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a giant, no more is drawn than the slice that is asked for; nothing is drawn before."""
    drawn = []
    take = LazyArray.__getitem__

    def watched(lazy: LazyArray, index: Any) -> Any:
        values = take(lazy, index)
        drawn.append(values.size)
        return values

    monkeypatch.setattr(LazyArray, "__getitem__", watched)
    init = ik.HeNormal(seed=7)
    array = ik.dask.from_initializer(init, (1_000_000, 16384), dtype="bfloat16")
    part = array[512_000:512_010, ::4096]
    assert sum(drawn) == 0
    assert part.compute(scheduler="synchronous").tobytes() == (
        init.lazy(array.shape, "bfloat16")[512_000:512_010, ::4096].tobytes()
    )
    # Once in Dask's chunks, once by the slice of the truth.
    assert sum(drawn) == 2 * part.size


def test_matrix_products_agree_to_their_tolerance() -> None:
    """Chunks of an orthogonal matrix are those of the whole, as near as the class says."""
    init = ik.Orthogonal(seed=7)
    values = ik.dask.from_initializer(init, (64, 48), (20, 20)).compute(scheduler="threads")
    np.testing.assert_allclose(values, init((64, 48)), atol=init.tolerance(_row("float32")), rtol=0)


def _row(name: str) -> Any:
    from initkit.dtypes import resolve_dtype

    return resolve_dtype(name)


def test_names_and_configs() -> None:
    """What `initkit.get` understands is taken, as everywhere."""
    config = {"class_name": "HeNormal", "config": {"seed": 7}}
    expected = ik.HeNormal(seed=7)((8, 4)).tobytes()
    assert ik.dask.from_initializer(config, (8, 4)).compute(scheduler="synchronous").tobytes() == expected
    ones = ik.dask.from_initializer("ones", 3, dtype="int8").compute(scheduler="synchronous")
    assert ones.tolist() == [1, 1, 1]


def test_keys_tell_values_apart() -> None:
    """Equal arrays have equal keys; another seed, draw, argument, shape, dtype or chunk makes other ones."""

    def name(init: Any = None, shape: Any = (8, 6), chunks: Any = 4, dtype: Any = None) -> str:
        found: str = ik.dask.from_initializer(init or ik.RandomNormal(seed=7), shape, chunks, dtype).name
        return found

    generator = ik.SeedGenerator(7)
    others = [
        name(),
        name(ik.RandomNormal(seed=8)),
        name(ik.RandomNormal(0.5, seed=7)),
        name(ik.RandomUniform(seed=7)),
        name(shape=(8, 8)),
        name(chunks=3),
        name(dtype="float16"),
        name(ik.RandomNormal(seed=generator)),
        name(ik.RandomNormal(seed=generator)),
        name(ik.RandomNormal(seed=generator.child("w"))),
        name(ik.RandomNormal()),
        name(ik.RandomNormal()),
        name(ik.Constant(np.arange(48.0).reshape(8, 6))),
        name(ik.Constant(np.arange(1.0, 49.0).reshape(8, 6))),
    ]
    assert len(set(others)) == len(others)
    assert name() == others[0]
    assert name(chunks=((4, 4), (4, 2)), dtype="float32") == others[0]
    assert name(ik.RandomNormal(seed=ik.SeedGenerator(7))) == others[7]
    script = "import initkit as ik; print(ik.dask.from_initializer(ik.RandomNormal(seed=7), (8, 6), 4).name)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == others[0]


def test_two_draws_of_a_generator() -> None:
    """Each array keeps the draw that it took when it was made, whatever the generator gives later."""
    init = ik.RandomNormal(seed=ik.SeedGenerator(7))
    arrays = [ik.dask.from_initializer(init, (9,), 4) for _ in range(2)]
    both = da.stack(arrays).compute(scheduler="threads")
    same = ik.RandomNormal(seed=ik.SeedGenerator(7))
    np.testing.assert_array_equal(both, [same(9), same(9)])


class _Whole(ik.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.ones(shape, dtype)


@pytest.mark.parametrize("init", [_Whole(), ik.Scale(_Whole(), 2.0)], ids=str)
def test_whole_tensors_are_refused(init: ik.Initializer) -> None:
    """A class that only makes whole tensors would make one for every chunk, perhaps another one."""
    with pytest.raises(ik.ArgumentTypeError, match="makes whole tensors alone"):
        ik.dask.from_initializer(init, (4, 4))


def test_wrong_calls() -> None:
    """What cannot be made is refused when it is asked for, not when a chunk is drawn."""
    init = ik.RandomNormal(seed=7)
    with pytest.raises(ik.ArgumentError, match=r"Received: chunks=\(3, 3, 3\) for shape \(4, 4\)"):
        ik.dask.from_initializer(init, (4, 4), (3, 3, 3))
    with pytest.raises(ik.ArgumentError, match="chunks='many'"):
        ik.dask.from_initializer(init, (4, 4), "many")
    with pytest.raises(ik.DTypeError, match="RandomNormal"):
        ik.dask.from_initializer(init, (4, 4), dtype="int32")
    with pytest.raises(ik.ShapeError):
        ik.dask.from_initializer(ik.Identity(), (4, 4, 4))
    with pytest.raises(ik.UnknownNameError, match="he_normal"):
        ik.dask.from_initializer("he_nromal", (4, 4))
    with pytest.raises(ik.ArgumentTypeError, match="Received"):
        ik.dask.from_initializer(lambda shape, dtype=None: np.ones(shape), (4, 4))


def test_dask_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Dask, the error says what to install; and only the call needs it."""
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ik.BackendError, match=r"pip install 'dask\[array,distributed\]'"):
        ik.dask.from_initializer("zeros", 3)
    script = "import sys, initkit as ik; ik.dask.from_initializer; sys.exit('dask' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("device", [None, 1])
def test_cupy_chunks(tmp_path: Path, device: int | None) -> None:
    """A generator on CuPy makes chunks of CuPy's class on its device, and Dask is told so beforehand."""
    expected = ik.RandomNormal(seed=7)((6, 5), "float16")
    with stand_in(tmp_path) as cuda:
        init = ik.RandomNormal(seed=ik.SeedGenerator(7, backend="cupy", device=device))
        array = ik.dask.from_initializer(init, (6, 5), (3, 5), "float16")
        assert isinstance(array._meta, DeviceArray)
        assert (array._meta.shape, array._meta.dtype) == ((0, 0), np.float16)
        assert cuda.current == [0]
        for row, block in enumerate(array.to_delayed().ravel()):
            values = block.compute(scheduler="synchronous")
            assert isinstance(values, DeviceArray)
            assert values.device.id == (device or 0)
            assert values.get().tobytes() == expected[3 * row : 3 * row + 3].tobytes()


@pytest.fixture(name="client", scope="module")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    distributed = import_module("distributed")
    folder = str(tmp_path_factory.mktemp("workers"))
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            local_directory=folder,
            host="127.0.0.1",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


# Not float8_e5m2: distributed cannot send arrays of it, whoever made them.
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn"])
def test_distributed(client: Any, dtype: str) -> None:
    """Worker processes draw the bits of this one, and hand them back in every dtype."""
    init = ik.HeNormal(seed=ik.SeedGenerator(7).child("w"))
    array = ik.dask.from_initializer(init, SHAPE, (7, 13), dtype)
    whole = ik.HeNormal(seed=ik.SeedGenerator(7).child("w"))(SHAPE, dtype)
    assert client.compute(array).result(timeout=60).tobytes() == whole.tobytes()
    assert (array[3:50:2].astype("float32").sum().compute()) == pytest.approx(
        whole[3:50:2].astype("float32").sum(), rel=1e-5
    )


def test_distributed_tasks_stand_alone(client: Any) -> None:
    """No chunk waits for another task, so a lost one is drawn again from its own description."""
    array = ik.dask.from_initializer(ik.RandomNormal(seed=7), (40, 10), (10, 10)).persist()
    graph = dict(array.__dask_graph__())
    assert len(graph) == 4
    assert array.compute().tobytes() == ik.RandomNormal(seed=7)((40, 10)).tobytes()


def test_chunks_without_elements() -> None:
    """Dask divides by a length of 0; the error says what is wrong instead."""
    with pytest.raises(ik.ArgumentError, match=r"chunks have to have elements.*chunks=0 "):
        ik.dask.from_initializer("ones", (3, 4), chunks=0)


def test_dask_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the cause, with whatever text the import's own has."""
    monkeypatch.setattr("initkit.interop.dask.find_spec", lambda name: None)
    with pytest.raises(ik.BackendError, match=r"Dask cannot be used: it is not installed\."):
        ik.dask.from_initializer("ones", 3)

    def fail(name: str) -> None:
        raise ImportError

    monkeypatch.setattr("initkit.interop.dask.find_spec", fail)
    with pytest.raises(ik.BackendError, match=r"Dask cannot be used: importing it raises ImportError\."):
        ik.dask.from_initializer("ones", 3)
