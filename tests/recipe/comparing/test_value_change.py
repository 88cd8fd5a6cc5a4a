"""Numbers that say by how much values differ."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from initkit.recipe.comparing.value_change import Account, ValueChange

FLOATS = st.floats(width=32, allow_infinity=False)


@given(
    arrays.arrays(np.float32, (7, 3), elements=FLOATS),
    arrays.arrays(np.float32, (7, 3), elements=FLOATS),
    st.integers(1, 5),
)
def test_numbers_are_those_of_numpy(old: Any, new: Any, rows: int) -> None:
    """Count, largest difference and norms over pieces are those of the arrays at once."""
    account = Account(old.size, 0.0)
    for first in range(0, 7, rows):
        account.add(old[first : first + rows].ravel(), new[first : first + rows].ravel())
    found = account.change()
    wide = old.astype(np.float64), new.astype(np.float64)
    assert found.changed == np.count_nonzero(old.view(np.uint32) != new.view(np.uint32))
    differs = old.view(np.uint32) != new.view(np.uint32)
    largest = np.max(np.abs(wide[1] - wide[0])[differs], initial=0.0)
    np.testing.assert_equal(found.largest, float(largest))
    for norm, values in zip((found.old_norm, found.new_norm), wide, strict=True):
        np.testing.assert_allclose(norm, np.linalg.norm(values), rtol=1e-12)
    np.testing.assert_allclose(found.distance, np.linalg.norm((wide[1] - wide[0])[differs]), rtol=1e-12)


def test_equal_bits_of_another_dtype_are_another_value() -> None:
    """Bytes are compared as bytes only where they mean the same."""
    old, new = np.array([1.0], np.float16), np.array([1.0], np.float16).view(ml_dtypes.bfloat16)
    assert not Account(1, 0.0).equal(old, new)
    assert Account(1, 0.0).equal(old, np.array([1.0], ml_dtypes.bfloat16))


def test_the_norm_of_nothing_cannot_grow() -> None:
    """Relative to zero there is no growth."""
    change = ValueChange(1, 2, 1.0, 1.0, 0.0, 1.0)
    assert change.norm_change is None
    assert str(change) == "values: 1 of 2 differ, by up to 1; norm 0 -> 1"
