"""Arguments that are counts, flags or names: what is taken, what is refused, and what the message says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializers.discrete_arguments import choice_argument, count_argument, flag_argument


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_counts_become_integers(value: Any) -> None:
    """Integers of NumPy are Python's, so that configs can hold them."""
    assert type(count_argument(value, "depth")) is int
    assert count_argument(value, "depth") == 3


@pytest.mark.parametrize("value", [True, np.True_, 3.0, "3", None, [3], np.array([3])])
def test_no_counts(value: Any) -> None:
    """What is no integer is refused, a bool and a float of whole value among it."""
    with pytest.raises(ArgumentTypeError, match=r"`depth` must be an integer. Received: depth="):
        count_argument(value, "depth")


@pytest.mark.parametrize(
    ("value", "low"), [(0, 1), (-1, 0), (1, 2), (2**53 + 1, 1), (1 << 20000, 1)], ids=range(5)
)
def test_counts_out_of_range(value: int, low: int) -> None:
    """Counts that are too small, or that float64 has not, are refused."""
    with pytest.raises(ArgumentError, match=f"Allowed: integers from {low} to"):
        count_argument(value, "depth", low)


def test_ends_of_the_range() -> None:
    """The least and the greatest count are allowed."""
    assert (count_argument(0, "layer", 0), count_argument(2**53, "depth")) == (0, 2**53)


def test_flags() -> None:
    """Bools of NumPy are Python's; 0 and 1 are none."""
    assert flag_argument(np.True_, "first") is True
    assert flag_argument(False, "first") is False
    for value in (0, 1, None, "True"):
        with pytest.raises(ArgumentTypeError, match="`first` must be True or False"):
            flag_argument(value, "first")


def test_choices() -> None:
    """A name of the list is taken, another is refused with the nearest."""
    assert choice_argument(np.str_("tiled"), "order", ("interleaved", "tiled")) == "tiled"
    assert type(choice_argument(np.str_("tiled"), "order", ("interleaved", "tiled"))) is str
    with pytest.raises(ArgumentError, match=r"'interleaved', 'tiled'\..* Did you mean 'tiled'\?"):
        choice_argument("tile", "order", ("interleaved", "tiled"))
    with pytest.raises(ArgumentTypeError, match="`order` must be text"):
        choice_argument(1, "order", ("interleaved", "tiled"))
