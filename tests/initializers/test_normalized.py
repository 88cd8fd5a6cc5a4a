"""Vectors of one length: their length, their law, and the order in which squares are added up."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.backends.numpy_backend import NumpyBackend
from initkit.initializers import normalized
from initkit.recipe.building.units import cut_units, draw_unit

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> None:
    """Every test finds the lengths of its vectors itself."""
    normalized._LENGTHS.forget()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((9,), 0), ((5, 300), 1), ((300, 5), 0), ((4, 7, 6), -2), ((3, 1), 1)]
)
def test_vectors_have_the_gains_length(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    """The norm along the axis is the gain, whatever its sign."""
    made = ik.NormalizedRows(axis, -2.5, seed=7)(shape, dtype)
    assert made.shape == shape
    norms = np.linalg.norm(made.astype(np.complex128), axis=axis)
    np.testing.assert_allclose(norms, 2.5, rtol=1e-6 if dtype in ("float32", "complex64") else 1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 1000])
def test_values_are_the_normal_draw_over_its_folded_norm(length: int, dtype: str) -> None:
    """To the bit: draws of the dtype's precision, their squares folded in float64, divided, rounded once."""
    drawn = ik.RandomNormal(0.0, 1.0, seed=7)((3, length), dtype).astype(np.float64)
    for number, vector in enumerate(drawn):
        squares = [value * value for value in vector.tolist()]
        while len(squares) > 1:
            half = len(squares) // 2
            kept = squares[: len(squares) - half]
            for place in range(half):
                kept[place] += squares[len(squares) - half + place]
            squares = kept
        expected = (3.0 * (vector / math.sqrt(squares[0]))).astype(dtype)
        assert (ik.NormalizedRows(gain=3.0, seed=7)((3, length), dtype)[number] == expected).all()


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128", "bfloat16"])
@pytest.mark.parametrize("length", [1, 64, 65, 1000, 4097])
def test_long_vectors_have_the_same_bits(length: int, dtype: str, monkeypatch: Any) -> None:
    """Vectors made in pieces are those made at once, whole and in part, along any axis."""
    cases = [
        ((3, length), -1, np.s_[:]),
        ((length, 3), 0, np.s_[::-1, 1]),
        ((2, length, 2), 1, np.s_[1, ::3]),
    ]
    inits = [ik.NormalizedRows(axis, 2.0, seed=7).lazy(shape, dtype) for shape, axis, _ in cases]
    at_once = [np.asarray(lazy[cut]) for lazy, (_, _, cut) in zip(inits, cases, strict=True)]
    normalized._LENGTHS.forget()
    monkeypatch.setattr(normalized, "_LONG", 0)
    monkeypatch.setattr(NumpyBackend, "piece_elements", 31)
    for lazy, (_, _, cut), expected in zip(inits, cases, at_once, strict=True):
        assert np.array_equal(np.asarray(lazy[cut]), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "bfloat16"])
@pytest.mark.parametrize(
    ("shape", "axis", "rows"),
    [((3000, 40), 0, 7), ((50, 4, 300), 0, 1), ((2, 1000, 600), 1, 1), ((5000,), 0, 9)],
)
def test_pieces_are_those_of_vectors_made_at_once(
    shape: tuple[int, ...], axis: int, rows: int, dtype: str, monkeypatch: Any
) -> None:
    """Pieces that meet every vector, forwards and backwards and in steps, have the bits of whole vectors."""
    init = ik.NormalizedRows(axis, 2.0, seed=7)
    lazy = init.lazy(shape, dtype)
    monkeypatch.setattr(normalized.NormalizedRows, "_is_at_once", lambda *_: True)
    whole = init(shape, dtype)
    monkeypatch.undo()
    assert np.array_equal(init(shape, dtype), whole)
    for first in (0, rows, shape[0] - rows):
        for cut in (np.s_[first : first + rows], np.s_[first : first + rows, ..., ::-3], np.s_[::-37]):
            cut = cut if len(shape) > 1 else np.s_[first : first + rows]
            assert np.array_equal(np.asarray(lazy[cut]), whole[cut])


@pytest.mark.parametrize(("shape", "axis"), [((4000, 60), 0), ((4, 4000, 60), 1), ((400, 3, 200), 0)])
def test_all_pieces_together_draw_every_value_twice(
    shape: tuple[int, ...], axis: int, monkeypatch: Any
) -> None:
    """Once for the lengths of the vectors and once for the piece, however many pieces there are."""
    drawn, normal = 0, NumpyBackend.normal

    def counted(backend: NumpyBackend, out: Array, *arguments: Any) -> None:
        nonlocal drawn
        drawn += out.size
        normal(backend, out, *arguments)

    monkeypatch.setattr(NumpyBackend, "normal", counted)
    tensors = f"{{w: {list(shape)}}}"
    rules = f"[{{match: w, init: {{normalized_rows: {{axis: {axis}}}}}}}]"
    plan = ik.Recipe.from_text(f"{{initkit: 1, seed: 7, tensors: {tensors}, rules: {rules}}}").plan()
    for unit in cut_units(plan.tensors, 1 << 14):
        draw_unit(plan.tensors, unit, np.empty(unit.nbytes, np.uint8))
    assert drawn == 2 * math.prod(shape)


def test_lengths_are_kept_for_one_tensor_alone() -> None:
    """Another seed, shape, axis, precision or kind has other lengths; the gain is none of theirs."""
    shapes, dtypes = [(100, 30), (100, 60), (200, 30)], ["float32", "float64", "complex64", "complex128"]
    for gain in (1.0, 3.0):
        for seed in (7, 8):
            for shape in shapes:
                for dtype in dtypes:
                    init = ik.NormalizedRows(0, gain, seed=seed)
                    part = np.asarray(init.lazy(shape, dtype)[5:10])
                    assert np.array_equal(part, init(shape, dtype)[5:10])
    square = (100, 100)
    first, last = (ik.NormalizedRows(axis, seed=7) for axis in (0, 1))
    parts = [np.s_[:10, 3:4], np.s_[:10, 3:5], np.s_[:10, 3:7:2], np.s_[:10, 3:2:-1], np.s_[:10, 3:1:-1]]
    for init, cut in ((first, np.s_[:10]), (last, np.s_[:, :10]), *((first, part) for part in parts)):
        assert np.array_equal(np.asarray(init.lazy(square)[cut]), init(square)[cut])


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_memory_does_not_grow_with_the_vectors(dtype: str) -> None:
    """One huge vector takes 16 MB beside its own memory at most, as does a part of it."""
    lazy = ik.NormalizedRows(seed=7).lazy((1, 1 << 22), dtype)
    for cut in (np.s_[:], np.s_[:, ::1000]):
        tracemalloc.start()
        try:
            made = lazy[cut]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < made.nbytes + 16 * 2**20


@pytest.mark.parametrize("length", [2, 3, 8, 50])
def test_entries_have_the_spheres_marginal_law(length: int) -> None:
    """Each entry's square follows Beta(1/2, (n - 1)/2), and each sign is a fair coin."""
    made = ik.NormalizedRows(seed=7)((4000, length), "float64")
    law = stats.beta(0.5, (length - 1) / 2).cdf
    columns = made.T[:8]
    assert min(stats.kstest(column**2, law).pvalue for column in columns) * len(columns) > 1e-3
    assert (
        min(stats.binomtest(int((column > 0).sum()), 4000).pvalue for column in columns) * len(columns) > 1e-3
    )


@pytest.mark.parametrize("length", [1, 2, 5])
def test_complex_entries_have_the_spheres_marginal_law(length: int) -> None:
    """|w|² follows Beta(1, n - 1), and the phase is uniform."""
    made = ik.NormalizedRows(seed=7)((3000, length), "complex128")
    for column in made.T:
        assert stats.kstest(np.angle(column), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
        if length > 1:
            assert stats.kstest(np.abs(column) ** 2, stats.beta(1, length - 1).cdf).pvalue > 1e-3


def test_directions_are_uniform() -> None:
    """In the plane the angle is uniform; projections on any direction follow the law of an entry."""
    plane = ik.NormalizedRows(seed=7)((5000, 2), "float64")
    angles = np.arctan2(plane[:, 1], plane[:, 0])
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    made = ik.NormalizedRows(seed=8)((5000, 6), "float64")
    direction = np.ones(6) / math.sqrt(6)
    assert stats.kstest((made @ direction) ** 2, stats.beta(0.5, 2.5).cdf).pvalue > 1e-3


def test_moments_are_those_of_the_values() -> None:
    """The mean square is gain² over the length, exactly."""
    for dtype in ("float64", "complex128"):
        values = ik.NormalizedRows(0, 3.0, seed=7)((25, 400), dtype)
        assert ik.NormalizedRows(0, 3.0).moments((25, 400)) == pytest.approx((0.0, 0.6))
        assert (np.abs(values) ** 2).mean() == pytest.approx(0.36)
        assert abs(values.mean()) < 4 * 0.6 / 100


def test_a_slice_costs_its_vectors() -> None:
    """Some entries of some vectors of a giant need these vectors alone, and have the whole's bits."""
    lazy = ik.NormalizedRows(seed=7).lazy((10**9, 4096))
    part = lazy[123_456_789, ::-2]
    again = lazy[123_456_780:123_456_790]
    assert (part == again[9, ::-2]).all()
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "shape", "error", "message"),
    [
        ({"axis": 0.5}, None, ik.ArgumentTypeError, "`axis` must be an integer"),
        ({"gain": math.nan}, None, ik.ArgumentError, "`gain` is out of range"),
        ({"axis": 2}, (3, 4), ik.ShapeError, "has no axis 2"),
        ({}, (), ik.ShapeError, "the shape has no axes"),
        ({"gain": 1e6}, (3, 4), ik.ArgumentError, "`gain` is beyond the range"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: dict[str, Any], shape: Any, error: type[Exception], message: str
) -> None:
    """Arguments are checked when they are given, shapes and dtypes before anything is drawn."""
    with pytest.raises(error, match=message):
        ik.NormalizedRows(**arguments).lazy(shape, "float16")
    with pytest.raises(ik.DTypeError, match="NormalizedRows cannot make integer"):
        ik.NormalizedRows()((4, 4), "int8")
