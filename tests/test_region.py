"""Shapes and regions, against NumPy's own indexing of an array of indices."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from initkit.errors import ArgumentTypeError, RegionIndexError, ShapeError
from initkit.region import AffineMap, Region, as_shape

shapes = st.lists(st.integers(0, 7), max_size=4).map(tuple)


def _slices(length: int) -> st.SearchStrategy[Any]:
    end = st.none() | st.integers(-length - 3, length + 3)
    step = st.none() | st.integers(-4, 4).filter(bool)
    cut = st.builds(slice, end, end, step)
    return cut | st.integers(-length, length - 1) if length else cut


@st.composite
def shapes_with_indices(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape, and a basic index that NumPy accepts for it."""
    shape = draw(shapes)
    parts = [draw(_slices(length)) for length in shape]
    if draw(st.booleans()):
        first = draw(st.integers(0, len(parts)))
        last = draw(st.integers(first, len(parts)))
        parts[first:last] = [...]
    elif draw(st.booleans()):
        del parts[draw(st.integers(0, len(parts))) :]
    if len(parts) == 1 and draw(st.booleans()):
        return shape, parts[0]
    return shape, tuple(parts)


def _indices(affine: AffineMap) -> list[int]:
    """The global indices that an affine map visits, one after the other, from its definition."""
    return [
        affine.offset + sum(k * stride for k, stride in zip(position, affine.strides, strict=True))
        for position in np.ndindex(*affine.counts)
    ]


@given(shapes_with_indices())
def test_from_index_is_numpy(case: tuple[tuple[int, ...], Any]) -> None:
    """A region visits the elements that NumPy's basic indexing takes, in its order, with its shape."""
    shape, index = case
    whole = np.arange(math.prod(shape)).reshape(shape)
    region, kept = Region.from_index(shape, index)
    expected = whole[index]
    assert kept == expected.shape
    assert region.size == expected.size
    assert _indices(region.affine()) == expected.ravel().tolist()
    assert np.array_equal(whole[region.index()].reshape(kept), expected)


@pytest.mark.parametrize(
    "index",
    [np.s_[-9::-1], np.s_[:-9], np.s_[9:], np.s_[2:2], np.s_[1:3:-1], np.s_[-9:-7], np.s_[9:7]],
    ids=repr,
)
def test_empty_slices(index: Any) -> None:
    """A slice that takes nothing takes nothing, wherever it begins."""
    region, kept = Region.from_index((5, 2), index)
    whole = np.zeros((5, 2))
    assert kept == whole[index].shape == (0, 2)
    assert whole[region.index()].shape == (0, 2)
    assert math.prod(region.affine().counts) == 0


@given(shapes_with_indices(), st.integers(1, 30))
@example(((6, 4), np.s_[1:6:2, ::-1]), 3)
def test_boxes_cover_a_region_once(case: tuple[tuple[int, ...], Any], limit: int) -> None:
    """Boxes of a region are no larger than the limit, and their parts are the region, element by element."""
    region, _ = Region.from_index(*case)
    seen = np.full(region.counts, -1)
    for box in region.boxes(limit):
        part = region.part(box)
        assert 0 < part.size <= limit
        assert (seen[box] == -1).all()
        seen[box] = np.reshape(_indices(part.affine()), part.counts)
    assert seen.ravel().tolist() == _indices(region.affine())


@given(shapes_with_indices(), st.integers(1, 3))
def test_components_follow_their_element(case: tuple[tuple[int, ...], Any], number: int) -> None:
    """Component c of element i has the index `i·number + c`."""
    region, _ = Region.from_index(*case)
    expected = [index * number + c for index in _indices(region.affine()) for c in range(number)]
    assert _indices(region.with_components(number).affine()) == expected


@given(shapes)
def test_whole_has_one_axis(shape: tuple[int, ...]) -> None:
    """However many axes an array has, the kernels see the whole of it as one."""
    region = Region.whole(shape)
    assert region.affine() == AffineMap(0, (math.prod(shape),), (1,))
    assert Region.whole(shape) is region


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (np.s_[2:4], AffineMap(40, (40,), (1,))),
        (np.s_[:, 1], AffineMap(5, (6, 5), (20, 1))),
        (np.s_[::-1, ::-1, ::-1], AffineMap(119, (120,), (-1,))),
        (np.s_[::2, :, :], AffineMap(0, (3, 20), (40, 1))),
        # Five is odd: steps of 2 do not meet the next row, so the last axis stays apart.
        (np.s_[:, :, ::2], AffineMap(0, (24, 3), (5, 2))),
        (np.s_[1, 2, 3], AffineMap(33, (1,), (1,))),
    ],
    ids=repr,
)
def test_affine_merges_axes(index: Any, expected: AffineMap) -> None:
    """Axes that follow one another without a gap are one, and single positions none."""
    region, _ = Region.from_index((6, 4, 5), index)
    assert region.affine() == expected


@pytest.mark.parametrize(
    "index",
    [
        3,
        -4,
        (0, 2),
        (0, 0, 0),
        (..., ...),
        True,
        np.True_,
        None,
        [0],
        np.array([0]),
        1.0,
        "a",
        slice(0, 1, 0),
        slice("a"),
        slice(0.5),
        (np.array([True, False, True]),),
        (slice(None), None),
        {},
        np.zeros(()),
    ],
    ids=repr,
)
def test_other_indices_are_refused(index: Any) -> None:
    """All that is not basic indexing within bounds is an IndexError that says what is possible."""
    with pytest.raises(RegionIndexError, match=r"Received: .*Allowed: "):
        Region.from_index((3, 2), index)
    assert issubclass(RegionIndexError, IndexError)


def test_empty_axis_has_no_position() -> None:
    """An index into an empty axis is out of bounds, and the message does not offer positions 0 to -1."""
    with pytest.raises(RegionIndexError, match="none, since the axis is empty"):
        Region.from_index((0,), 0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), ()),
        ([], ()),
        (3, (3,)),
        (np.int32(3), (3,)),
        (np.array(3), (3,)),
        ([2, 3], (2, 3)),
        ((np.int64(2), np.uint8(3)), (2, 3)),
        (np.array([2, 3]), (2, 3)),
        (range(2, 4), (2, 3)),
        ((0, 5), (0, 5)),
        ((2**61,), (2**61,)),
        ((2**62, 0), (2**62, 0)),
        (iter([2, 3]), (2, 3)),
    ],
    ids=repr,
)
def test_shapes(given: object, expected: tuple[int, ...]) -> None:
    """Every sequence of integers, and one integer, becomes a tuple of Python's integers."""
    result = as_shape(given)
    assert result == expected
    assert type(result) is tuple
    assert all(type(length) is int for length in result)


def test_torch_size_is_a_shape() -> None:
    """A subclass of tuple becomes a plain tuple."""

    class Size(tuple[int, ...]):
        pass

    assert type(as_shape(Size((2, 3)))) is tuple


class _Pretender:
    """Something that looks like a sequence and is none."""

    def __iter__(self) -> Iterator[int]:
        raise TypeError


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "3",
        b"3",
        2.0,
        (2.0,),
        (2, None),
        ("2",),
        [[2]],
        {2: 3},
        {2},
        True,
        (True,),
        (np.True_, 2),
        1j,
        np.array([2.0]),
        np.array([[2]]),
        slice(3),
        _Pretender(),
    ],
    ids=repr,
)
def test_no_shapes(wrong: object) -> None:
    """What is no sequence of integers is a TypeError that shows how a shape is written."""
    with pytest.raises(ArgumentTypeError, match=r"A shape must be .*Received: .*Allowed: .*\(512, 256\)"):
        as_shape(wrong)


@pytest.mark.parametrize("wrong", [-1, (2, -1), [np.int8(-3)], (0, -1)], ids=repr)
def test_negative_lengths(wrong: object) -> None:
    """A negative length is refused, wherever it stands."""
    with pytest.raises(ShapeError, match=r"cannot be negative. Received: shape \(.*Allowed: 0 or more"):
        as_shape(wrong)


@pytest.mark.parametrize("wrong", [2**62, (2**31, 2**31), (2**40, 2**40)])
def test_too_many_elements(wrong: object) -> None:
    """More elements than a draw can number are refused, and their number is shown."""
    with pytest.raises(ShapeError, match=r"too many elements. Received: \d+. Allowed: up to 2\*\*62"):
        as_shape(wrong)


def test_regions_are_pickled() -> None:
    """A region goes to another process and back."""
    region, _ = Region.from_index((6, 4), np.s_[1:5:2, ::-1])
    again = pickle.loads(pickle.dumps(region))
    assert again.index() == region.index()
    assert again.affine() == region.affine()


def test_repr_shows_the_cut() -> None:
    """A region shows the shape it is cut from, and start, count and step of every axis."""
    region, _ = Region.from_index((6, 4), np.s_[1:5:2, ::-1])
    assert repr(region) == "Region((6, 4), [1:+2:2, 3:+4:-1])"


@pytest.mark.parametrize(
    "shape", [(1,) * 65, (1,) * 100_000, (0,) * 65, (2**62,), (2**63, 0), (2**20000,)], ids=range(6)
)
def test_unbounded_shapes_are_refused_at_once(shape: tuple[int, ...]) -> None:
    """Neither many axes nor huge lengths are multiplied out, or written in full in the message."""
    with pytest.raises(ShapeError, match=r"too (many|large).* Allowed: up to (64|2)"):
        as_shape(shape)


@given(shapes_with_indices(), st.data())
def test_within_a_block(case: tuple[tuple[int, ...], Any], data: st.DataObject) -> None:
    """The part of a region in a block along an axis is what NumPy cuts from that block."""
    shape, index = case
    assume(shape)
    region, _ = Region.from_index(shape, index)
    axis = data.draw(st.integers(0, len(shape) - 1))
    first = data.draw(st.integers(0, shape[axis]))
    length = data.draw(st.integers(0, shape[axis] - first))
    whole = np.arange(math.prod(shape)).reshape(shape)
    where, part = region.within(axis, first, length)
    cut = (slice(None),) * axis
    block = whole[(*cut, slice(first, first + length))]
    expected = whole[region.index()]
    assert part.shape == block.shape
    assert np.array_equal(block[part.index()], expected[(*cut, where)])
    inside = np.isin(expected, block)
    assert inside.sum() == part.size


@given(shapes_with_indices(), st.data())
def test_other_axes(case: tuple[tuple[int, ...], Any], data: st.DataObject) -> None:
    """A region of a transposed array, and of one without an axis."""
    shape, index = case
    region, _ = Region.from_index(shape, index)
    whole = np.arange(math.prod(shape)).reshape(shape)
    axes = data.draw(st.permutations(range(len(shape))))
    expected = whole[region.index()].transpose(axes)
    assert np.array_equal(whole.transpose(axes)[region.permuted(axes).index()], expected)
    assume(shape and 0 not in shape)
    axis = data.draw(st.integers(0, len(shape) - 1))
    first: Any = whole.take(0, axis)
    assert first[region.without_axis(axis).index()].shape == tuple(np.delete(region.counts, axis))


@given(st.integers(1, 30), st.data())
def test_common_part(length: int, data: st.DataObject) -> None:
    """What two slices of an axis have in common is found in both, in the order of the first."""
    one, other = (Region.from_index((length,), data.draw(_slices(length)))[0] for _ in range(2))
    whole = np.arange(length)
    first, second = whole[one.index()], whole[other.index()]
    where, position, step, count = one.common(other, 0)
    expected = first[np.isin(first, second)]
    assert np.array_equal(first[where], expected)
    assert [second[position + step * k] for k in range(count)] == expected.tolist()
