"""Pieces: indices, draws and their extremes, and bounded memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.backends.numpy_backend import NumpyBackend
from initkit.draws import Draw, seeded_draw
from initkit.dtypes import DTYPES
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.region import Region


class Extreme(NumpyBackend):
    """A backend whose uniform values are all the same one."""

    def __init__(self, value: float) -> None:
        self.value = value

    def uniform(self, out: Any, region: Any, key: Any, low: float, high: float) -> None:
        out[...] = self.value


def _piece(backend: NumpyBackend, precision: str, shape: tuple[int, ...] = (3,)) -> Piece:
    return Piece(Region.whole(shape), Draw((1, 2, 3, 4), backend), DTYPES[precision])


@pytest.mark.parametrize(("precision", "step"), [("float32", 2.0**-24), ("float64", 2.0**-53)])
def test_uniform_values_are_inside(precision: str, step: float) -> None:
    """The least draw is half a step above 0 and the greatest below 1, so that logarithms are finite."""
    least = _piece(Extreme(0.0), precision).uniform()
    greatest = _piece(Extreme(1.0 - step), precision).uniform()
    assert (least == step / 2).all()
    assert (greatest == min(1.0 - step / 2, 1.0 - 2.0**-53)).all()
    assert (greatest < 1).all()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_draws_are_those_of_the_laws(precision: str) -> None:
    """Without a name a draw is the tensor's own, with one that of the child of the name."""
    piece = Piece(Region.whole((4, 5)), seeded_draw(7), DTYPES[precision])
    half_step = 2.0 ** (-25 if precision == "float32" else -54)
    own = ik.RandomUniform(0, 1, seed=7)((4, 5), precision).astype(np.float64)
    np.testing.assert_allclose(piece.uniform(), own + half_step, rtol=1e-15)
    child = ik.RandomNormal(stddev=1, seed=ik.SeedGenerator(7).child("angle"))((4, 5, 2), precision)
    assert np.array_equal(piece.normal("angle", components=2), child)


def test_indices_are_global() -> None:
    """Indices are those of the whole tensor, whatever slice the piece is of."""
    region, _ = Region.from_index((10, 9, 8), (slice(8, 1, -3), slice(2, None, 2), slice(5)))
    piece = Piece(region, seeded_draw(7), DTYPES["float32"])
    grid = np.indices((10, 9, 8))[(slice(None), *region.index())]
    for axis in (0, 1, 2, -1):
        assert np.array_equal(np.broadcast_to(piece.index(axis), region.counts), grid[axis])
    assert piece.shape == (10, 9, 8)


def test_memory_is_bounded() -> None:
    """A large tensor takes a few pieces beside itself."""
    out = np.empty((1 << 10, 1 << 10))
    tracemalloc.start()
    fill_pieces(out, Region.whole(out.shape), seeded_draw(7), lambda piece: piece.uniform() + piece.index(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize(
    "make",
    [
        lambda: ik.Map(ik.RandomUniform(1.0, 2.0, seed=7), "log"),
        lambda: ik.Overwrite(ik.RandomNormal(seed=7), "::2, ::3", ik.RandomUniform(seed=8)),
        lambda: ik.Blocks(ik.HeNormal(seed=7), [1, 1], axis=1),
        lambda: ik.Scale(ik.HeNormal(seed=7), 0.5),
        lambda: ik.Transpose(ik.HeNormal(seed=7)),
    ],
    ids=["map", "overwrite", "blocks", "scale", "transpose"],
)
def test_composites_have_bounded_memory(make: Any) -> None:
    """Initializers made of others take no second tensor: the output and 16 MB."""
    init, shape = make(), (6 << 10, 1 << 10)
    init(shape, "bfloat16")
    tracemalloc.start()
    init(shape, "float32")
    init(shape, "bfloat16")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * (6 << 20) + (16 << 20)
