"""Overwritten parts, against NumPy's assignment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import initkit as ik
from tests.test_region import shapes_with_indices


@given(shapes_with_indices(), st.data())
@settings(max_examples=150)
def test_is_an_assignment(case: tuple[tuple[int, ...], Any], data: st.DataObject) -> None:
    """Whatever basic index is overwritten, the whole and its slices are those of NumPy's assignment."""
    shape, index = case
    expected = ik.RandomNormal(seed=7)(shape)
    part = ik.RandomUniform(seed=8)(expected[index].shape)
    expected[index] = part
    init = ik.Overwrite(ik.RandomNormal(seed=7), index, ik.RandomUniform(seed=8))
    assert init(shape).tobytes() == expected.tobytes()
    ends = st.none() | st.integers(-9, 9)
    cut = st.builds(slice, ends, ends, st.none() | st.integers(-3, 3).filter(bool))
    slices = tuple(data.draw(cut) for _ in shape)
    assert init.lazy(shape)[slices].tobytes() == np.ascontiguousarray(expected[slices]).tobytes()


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (0, "0"),
        (slice(2, None), "2:"),
        ((slice(None), slice(0, 4, 2)), ":, 0:4:2"),
        ((..., -1), "..., -1"),
        (np.int64(3), "3"),
        (" 1:2 ,3", "1:2, 3"),
    ],
)
def test_one_spelling(where: Any, text: str) -> None:
    """Indices and texts are kept in one spelling, so that equal ones make equal objects."""
    init = ik.Overwrite("zeros", where, 1)
    assert init.where == text
    assert init == ik.Overwrite("zeros", text, 1)
    assert ik.from_yaml(ik.to_yaml(init)) == init


def test_padding_row() -> None:
    """An embedding's padding row is zero, all others as they were, and the moments know."""
    embedding = ik.Overwrite(ik.RandomNormal(stddev=1.0, seed=7), where="0")
    values = embedding((50, 8))
    assert not values[0].any()
    assert values[1:].tobytes() == ik.RandomNormal(stddev=1.0, seed=7)((50, 8))[1:].tobytes()
    moments = embedding.moments((50, 8))
    assert moments is not None
    assert moments.std == pytest.approx(np.sqrt(49 / 50))


def test_seeded_parts_differ() -> None:
    """The part draws from a child, so that it does not repeat the tensor's values."""
    init = ik.Overwrite("random_normal", "0", "random_normal").seeded(ik.SeedGenerator(7))
    whole = ik.RandomNormal(seed=7)((2, 6))
    part = ik.RandomNormal(seed=ik.SeedGenerator(7).child("value"))((6,))
    values = init((2, 6))
    assert values[1].tobytes() == whole[1].tobytes()
    assert values[0].tobytes() == part.tobytes()


WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: ik.Overwrite("zeros", "a"), ik.ArgumentError, "`where` is no index. Received: where='a'"),
    (lambda: ik.Overwrite("zeros", ""), ik.ArgumentError, "`where` is no index"),
    (lambda: ik.Overwrite("zeros", "..., ..."), ik.ArgumentError, "`where` is no index"),
    (lambda: ik.Overwrite("zeros", "1:2:3:4"), ik.ArgumentError, "`where` is no index"),
    (lambda: ik.Overwrite("zeros", [0, 1]), ik.ArgumentTypeError, "`where` must be a basic index"),
    (lambda: ik.Overwrite("zeros", True), ik.ArgumentTypeError, "`where` must be a basic index"),
    (lambda: ik.Overwrite("zeros", "0", None), ik.ArgumentTypeError, "`value` must be an initializer"),
    (lambda: ik.Overwrite("zeros", "5")((3,)), ik.RegionIndexError, "out of bounds for axis 0"),
    (lambda: ik.Overwrite("zeros", "0, 0")((3,)), ik.RegionIndexError, "too many parts"),
    (lambda: ik.Overwrite("zeros", "::0")((3,)), ik.RegionIndexError, "malformed"),
    (lambda: ik.Overwrite("zeros", "0", 300)((3,), "uint8"), ik.ArgumentError, "does not fit dtype"),
    (lambda: ik.Overwrite("he_normal", "0")((3,), "int8"), ik.DTypeError, "HeNormal cannot make"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(make: Any, error: type[Exception], message: str) -> None:
    """What cannot be overwritten is refused, and the message says why."""
    with pytest.raises(error, match=message):
        make()


def test_moments_are_known_only_where_those_of_the_rest_are() -> None:
    """What is left of values that depend on their place has moments of its own."""
    assert ik.Overwrite(ik.Ramp(), "0:2", value=0.0).moments((4,)) is None
    assert ik.Overwrite(ik.Constant([1.0, 2.0, 3.0, 4.0]), "0:2").moments((4,)) is None
    assert ik.Overwrite(ik.Scale(ik.RandomNormal(stddev=0.5), 4.0), "0:2").moments((4,)) == (0.0, 2**0.5)
    assert ik.Overwrite(ik.Ramp(), ":", value=3.0).moments((4,)) == (3.0, 0.0)
