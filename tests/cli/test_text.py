"""Numbers, sizes and initializers as a person reads them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import initkit as ik
from initkit.cli.text import print_json, show_initializer, show_number, show_shape, show_size
from initkit.registry import registry


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (497_774_352, "498 MB"),
        (1.5e9, "1.5 GB"),
        (2e12, "2 TB"),
        (3.14e18, "3.14e+03 PB"),
    ],
)
def test_sizes_have_three_digits(nbytes: float, text: str) -> None:
    """Sizes are in powers of 1000 with three significant digits, in the next unit where they round to it."""
    assert show_size(nbytes) == text


def test_numbers_have_four_digits() -> None:
    """Numbers are rounded to four significant digits; what is not known is a dash."""
    assert [show_number(value) for value in (0.02 / math.sqrt(24), 0.0, -1e-9, 123456.0, None)] == [
        "0.004082",
        "0",
        "-1e-09",
        "1.235e+05",
        "-",
    ]


def test_shapes() -> None:
    """A shape is its lengths with crosses; one without axes is a scalar."""
    assert [show_shape(shape) for shape in ((768, 2304), (3,), ())] == ["768 x 2304", "3", "scalar"]


@pytest.mark.parametrize(
    ("initializer", "text"),
    [
        (ik.Zeros(), "zeros"),
        (ik.RandomNormal(), "random_normal"),
        (ik.RandomNormal(1, 0.02 / math.sqrt(24), seed=3), "random_normal(mean=1, stddev=0.00408248)"),
        (ik.VarianceScaling(mode="fan_out"), "variance_scaling(mode='fan_out')"),
        (ik.Constant(np.zeros((3, 4))), "constant(value=<array 3 x 4>)"),
        (ik.HeNormal(input_axes=[0], output_axes=[1]), "he_normal(input_axes=[0], output_axes=[1])"),
    ],
)
def test_initializers_show_what_is_not_the_default(initializer: ik.Initializer, text: str) -> None:
    """An initializer is its name in recipes, and those arguments that are not the default; no seed."""
    assert show_initializer(initializer) == text


@ik.register("tests_of_text")
class Wordy(ik.Initializer):
    """An initializer with a long argument."""

    def __init__(self, note: str = "") -> None:
        self.note = note

    def __call__(self, shape: object, dtype: object = None) -> object:
        return ik.Zeros()(shape, dtype)


def test_long_arguments_are_cut() -> None:
    """An argument of any length leaves room for the others."""
    assert show_initializer(Wordy("x" * 100)) == f"tests_of_text>Wordy(note='{'x' * 37}..)"
    assert registry.short_name(ik.STFT) == "stft"


def test_json_has_no_numbers_that_json_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    """NaN and the infinities become null, at any depth."""
    print_json({"a": [math.nan, (math.inf, {"b": -math.inf})], "c": 1.5, "π": True})
    assert json.loads(capsys.readouterr().out) == {"a": [None, [None, {"b": None}]], "c": 1.5, "π": True}
