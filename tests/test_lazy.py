"""Lazy arrays: NumPy's indexing to the letter, the cost of a slice, copies and threads."""

from __future__ import annotations

import copy
import math
import pickle
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import initkit as ik
from initkit.errors import ArgumentTypeError, RegionIndexError
from initkit.lazy import first_values
from tests.catalogue import ENTRIES, Entry
from tests.test_region import shapes_with_indices


class Slow(ik.Initializer):
    """A class of a call alone, which gives other values every time and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        self.calls += 1
        return np.full(shape, self.calls, dtype)


@given(shapes_with_indices())
def test_indexing_is_numpys(case: tuple[tuple[int, ...], Any]) -> None:
    """Every basic index gives the type, shape, dtype and bytes that NumPy gives of the whole array."""
    shape, index = case
    init = ik.RandomNormal(seed=7)
    expected, got = init(shape)[index], init.lazy(shape)[index]
    assert type(got) is type(expected)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("shape", "index", "scalar"),
    [
        ((), (), True),
        ((), ..., False),
        ((), (...,), False),
        ((3,), 1, True),
        ((3,), (1,), True),
        ((3,), np.int8(-1), True),
        ((3,), (1, ...), False),
        ((3,), (..., 1), False),
        ((3,), (), False),
        ((3, 2), (1, 0), True),
        ((3, 2), (1, ..., 0), False),
        ((3, 2), 1, False),
    ],
    ids=repr,
)
def test_scalars_and_arrays_without_axes(shape: tuple[int, ...], index: Any, scalar: bool) -> None:
    """Integers alone give a scalar; an Ellipsis beside them gives an array of no axes, as NumPy has it."""
    whole = ik.RandomNormal(seed=7)(shape, "bfloat16")
    got = ik.RandomNormal(seed=7).lazy(shape, "bfloat16")[index]
    assert isinstance(got, np.generic) is scalar
    assert type(got) is type(whole[index])
    assert np.array_equal(got, whole[index])


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_attributes(entry: Entry) -> None:
    """Shape, dtype and sizes are those of the array that a call makes."""
    for shape in entry.shapes:
        for dtype in entry.dtypes:
            whole, lazy = entry.make()(shape, dtype), entry.make().lazy(shape, dtype)
            for name in ("shape", "dtype", "ndim", "size", "nbytes"):
                assert getattr(lazy, name) == getattr(whole, name)


@given(st.lists(st.integers(0, 2**30), max_size=2).map(tuple))
def test_sizes_have_no_bound(shape: tuple[int, ...]) -> None:
    """Sizes are exact integers, whatever would fit into memory."""
    lazy = ik.RandomNormal(seed=7).lazy(shape, "float64")
    assert lazy.size == math.prod(shape)
    assert lazy.nbytes == 8 * math.prod(shape)


@pytest.mark.parametrize(
    "shape", [(), (0,), (3, 0), (2,), (7,), (2, 2, 3), (100_000, 1), (1, 100_000)], ids=str
)
def test_first_values(shape: tuple[int, ...]) -> None:
    """They are those of the whole in row-major order, as many as there are."""
    lazy = ik.RandomNormal(seed=7).lazy(shape)
    assert np.array_equal(first_values(lazy, 6), np.asarray(lazy).ravel()[:6])


def test_len_and_iteration() -> None:
    """Length and iteration go along the first axis, and an array without axes has neither."""
    lazy = ik.RandomNormal(seed=7).lazy((4, 3))
    assert len(lazy) == 4
    assert np.array_equal(np.stack(list(lazy)), lazy[:])
    scalar = ik.RandomNormal(seed=7).lazy(())
    for use in (len, iter, list):
        with pytest.raises(ArgumentTypeError, match=r"has no length. Received: shape \(\).*lazy\[\(\)\]"):
            use(scalar)


def test_numpy_reads_it() -> None:
    """NumPy makes an array of it, of another dtype too, always a new one."""
    init = ik.RandomNormal(seed=7)
    lazy = init.lazy((4, 3))
    assert np.asarray(lazy).tobytes() == init((4, 3)).tobytes()
    assert np.array(lazy, np.float64).tobytes() == init((4, 3)).astype(np.float64).tobytes()
    assert np.add(lazy, 1).shape == (4, 3)
    assert np.asarray(lazy) is not np.asarray(lazy)
    assert np.asarray(lazy).flags.writeable
    with pytest.raises(
        ArgumentTypeError, match=r"no memory to share. Received: copy=False.*Leave `copy` out"
    ):
        np.asarray(lazy, copy=False)


@pytest.mark.parametrize("index", [None, [0], np.array([True, False]), "a", 1.0, (..., ...), 9], ids=repr)
def test_other_indices(index: Any) -> None:
    """What is not basic indexing is an IndexError."""
    with pytest.raises(RegionIndexError):
        ik.RandomNormal(seed=7).lazy((2, 2))[index]


def test_a_slice_costs_its_own_size() -> None:
    """A small slice of a tensor far larger than memory takes memory for itself alone."""
    lazy = ik.HeNormal(seed=7).lazy((2_000_000_000, 4096), "bfloat16")
    tracemalloc.start()
    part = lazy[1_999_999_000:, ::1024]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.shape == (1000, 4)
    assert peak < 2_000_000


def test_no_values_before_an_index() -> None:
    """Making a lazy array calls nothing; its first index makes all values, and keeps them."""
    slow = Slow()
    lazy = slow.lazy((3, 2))
    assert slow.calls == 0
    assert lazy[0].tolist() == [1, 1]
    assert lazy[1].tolist() == [1, 1]
    assert np.asarray(lazy).sum() == 6
    assert slow.calls == 1


def test_threads_share_the_values() -> None:
    """Threads that index at once see one tensor, made once."""

    class Sluggish(Slow):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            time.sleep(0.02)
            return super().__call__(shape, dtype)

    sluggish = Sluggish()
    lazy = sluggish.lazy((4, 2))
    with ThreadPoolExecutor(4) as pool:
        assert {row.tobytes() for row in pool.map(lazy.__getitem__, range(4))} == {lazy[0].tobytes()}
    assert sluggish.calls == 1


def test_an_index_inside_a_call() -> None:
    """A class may index another lazy array while it makes its own values."""

    class Outer(ik.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return Slow().lazy(shape, dtype)[:]

    assert Outer().lazy((2,))[:].tolist() == [1, 1]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda lazy: pickle.loads(pickle.dumps(lazy))])
@pytest.mark.parametrize(
    "init", [ik.RandomNormal(), ik.HeNormal(seed=ik.SeedGenerator(7)), ik.Zeros()], ids=repr
)
def test_copies_are_the_same_tensor(init: ik.Initializer, again: Any) -> None:
    """A copy, also in another process, has the draw of the original, even without a seed."""
    lazy = init.clone().lazy((5, 4), "bfloat16")
    other = again(lazy)
    assert other.shape == lazy.shape
    assert other.dtype == lazy.dtype
    assert other[1:, ::2].tobytes() == lazy[1:, ::2].tobytes()
    assert repr(other) == repr(lazy)
    assert other.__dask_tokenize__() == lazy.__dask_tokenize__()


def test_dask_tokens_tell_tensors_apart() -> None:
    """Dask takes equal tokens for equal values: other draws, shapes, dtypes and classes have other tokens."""
    generator = ik.SeedGenerator(7)
    init, big = ik.RandomNormal(seed=generator), np.zeros(2000)
    lazies = [init.lazy((4,)), init.lazy((4,)), init.lazy((5,)), init.lazy((4,), "float64")]
    lazies += [ik.RandomNormal(1.0, seed=7).lazy((4,)), ik.RandomUniform(seed=7).lazy((4,))]
    lazies += [ik.Constant(big).lazy((2000,)), ik.Constant(big + 1).lazy((2000,))]
    lazies += [Slow().lazy((4,)), Slow().lazy((4,))]
    assert len({lazy.__dask_tokenize__() for lazy in lazies}) == len(lazies)
    assert ik.RandomNormal(seed=7).lazy((4,)).__dask_tokenize__()[-1] == lazies[0].__dask_tokenize__()[-1]


def test_fill_writes_into_a_buffer() -> None:
    """A region of the tensor is written into memory that is there already."""
    lazy = ik.RandomNormal(seed=7).lazy((6, 4))
    region, _ = ik.region.Region.from_index((6, 4), np.s_[1:5:2])
    out = np.empty((2, 4), np.float32)
    lazy.fill(out, region)
    assert out.tobytes() == lazy[1:5:2].tobytes()
    slow, filled = Slow().lazy((6, 4)), np.empty((2, 4), np.float32)
    slow.fill(filled, region)
    assert filled.tolist() == [[1] * 4] * 2


def test_repr() -> None:
    """The repr says where the values come from, and which tensor it is."""
    assert repr(ik.Ones().lazy((2, 3), "int8")) == "LazyArray(Ones(), shape=(2, 3), dtype='int8')"
