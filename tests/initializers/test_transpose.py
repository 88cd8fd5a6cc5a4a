"""Transposed tensors, against NumPy's transpose."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import initkit as ik


@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_is_numpys(axes: tuple[int, ...]) -> None:
    """Any order of axes gives NumPy's transpose of the inner tensor, and its slices."""
    inner = ik.RandomNormal(seed=7)((4, 5, 6))
    expected = inner.transpose(axes)
    turned = ik.Transpose(ik.RandomNormal(seed=7), axes)
    assert turned(expected.shape).tobytes() == expected.tobytes()
    index = (slice(None, None, -1), slice(1, None, 2), 2)
    assert turned.lazy(expected.shape)[index].tobytes() == expected[index].tobytes()
    negative = ik.Transpose(ik.RandomNormal(seed=7), [axis - 3 for axis in axes])
    assert negative(expected.shape).tobytes() == expected.tobytes()


def test_reversed_by_default() -> None:
    """Without axes, their order is reversed; no axes stay none."""
    inner = ik.RandomNormal(seed=7)((4, 5, 6))
    assert ik.Transpose(ik.RandomNormal(seed=7))((6, 5, 4)).tobytes() == inner.T.tobytes()
    assert ik.Transpose("ones")(()) == 1


def test_fans_are_the_inner_ones() -> None:
    """A PyTorch matrix of a Keras draw has the scale of the Keras shape."""
    turned = ik.Transpose(ik.HeNormal(seed=7))
    assert turned.moments((256, 512)) == ik.HeNormal().moments((512, 256))
    assert turned((256, 512)).std() == pytest.approx(np.sqrt(2 / 512), rel=0.02)


# Wrong on purpose, so the type checker must not look.
call: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: call.Transpose("zeros", [0, 0]), ik.ArgumentError, r"twice. Received: axes=\[0, 0\]"),
    (lambda: call.Transpose("zeros", ["a"]), ik.ArgumentTypeError, "`axes` must name axes"),
    (
        lambda: call.Transpose("zeros", [1, 0])((2,)),
        ik.ShapeError,
        "shape of 1 axes .*each of 0 to 0 once",
    ),
    (lambda: call.Transpose("zeros", [0, -2])((2, 3)), ik.ShapeError, "shape of 2 axes"),
    (lambda: call.Transpose("zeros", [0])(()), ik.ShapeError, "shape of 0 axes.*Allowed: none"),
    (lambda: call.Transpose("identity")((2, 3, 4)), ik.ShapeError, "2D matrices"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(make: Any, error: type[Exception], message: str) -> None:
    """An order that does not fit is refused."""
    with pytest.raises(error, match=message):
        make()
