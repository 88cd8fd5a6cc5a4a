"""Numbers and arrays as JSON types, and back."""

from __future__ import annotations

import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from initkit.dtypes import DTYPES
from initkit.encoding import decode_array, decode_complex, encode_array, encode_complex, python_scalar
from initkit.errors import ArgumentError, ArgumentTypeError, ConfigError, DTypeError


def _patterns(name: str) -> np.ndarray[Any, Any]:
    """Values of a dtype that are hard to keep: extremes, infinities, NaN, minus zero."""
    row = DTYPES[name]
    if row.kind == "bool":
        return np.array([True, False])
    if row.kind == "integer":
        return np.array([np.iinfo(row.numpy).min, 0, 1, row.largest], row.numpy)
    part = row.draw if row.kind == "complex" else row.numpy
    special = [0.0, -0.0, 1 / 3, -row.largest, row.largest, math.nan]
    if name != "float8_e4m3fn":
        special += [math.inf, -math.inf]
    reals = np.array(special).astype(row.draw).astype(part)
    if row.kind == "float":
        return reals
    pairs = np.stack(np.meshgrid(reals, reals), axis=-1)
    return np.ascontiguousarray(pairs).view(row.numpy).reshape(-1)


@pytest.mark.parametrize("name", DTYPES)
def test_arrays_round_trip_to_the_bit(name: str) -> None:
    """Every dtype's hardest values go through JSON text and come back with the same bytes."""
    array = _patterns(name)
    for shaped in (array, array[::-1], array[:, None], array[:1].reshape(()), array[:0].reshape(0, 3)):
        described = json.loads(json.dumps(encode_array(shaped)))
        assert described["class_name"] == "__numpy__"
        again = decode_array(described["config"])
        assert again.dtype == shaped.dtype
        assert again.shape == shaped.shape
        assert again.tobytes() == shaped.tobytes()


def test_arrays_in_any_layout() -> None:
    """Fortran order and strides change nothing: a config holds values."""
    array = np.asfortranarray(np.arange(6).reshape(2, 3) * (1 + 2j))
    assert np.array_equal(decode_array(encode_array(array)["config"]), array)
    assert np.array_equal(decode_array(encode_array(array[:, ::2])["config"]), array[:, ::2])


def test_arrays_of_keras() -> None:
    """Keras writes no shape, and leaves it to the nested list; float32 is what no dtype means."""
    array = decode_array({"value": [[1, 2.5], [3, 4]], "dtype": "float16"})
    assert array.dtype == np.float16
    assert array.tolist() == [[1, 2.5], [3, 4]]
    assert decode_array({"value": [1]}).dtype == np.float32


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"dtype": "float32"},
        {"value": [[1], [2, 3]], "dtype": "float32"},
        {"value": ["a"], "dtype": "float32"},
        {"value": [1.5], "dtype": "int8"},
        {"value": [300], "dtype": "int8"},
        {"value": [-1], "dtype": "uint8"},
        {"value": [2], "dtype": "bool"},
        {"value": [1], "dtype": "float33"},
        {"value": [1], "dtype": ["float32"]},
        {"value": [1, 2], "dtype": "float32", "shape": [3]},
        {"value": [1, 2], "dtype": "float32", "shape": "ab"},
        {"value": [1.0], "dtype": "complex64"},
        {"value": 1.0, "dtype": "complex64"},
        {"value": [[1, 2, 3]], "dtype": "complex64"},
        {"value": None, "dtype": "int8"},
        {"value": {"a": 1}, "dtype": "float32"},
    ],
    ids=repr,
)
def test_malformed_arrays(config: Any) -> None:
    """What describes no array is a ConfigError that says why."""
    with pytest.raises(ConfigError, match=r"does not describe an array \(.+\). Received: keys .*Allowed: "):
        decode_array(config)


def test_large_arrays_are_refused() -> None:
    """An array that would make a config unreadable is refused with its size."""
    assert encode_array(np.zeros(1_000_000, np.int8))
    with pytest.raises(ArgumentError, match=r"Received: 1000001 elements.*Allowed: up to 1000000. Keep"):
        encode_array(np.zeros(1_000_001, np.int8))


def test_arrays_of_other_things_are_refused() -> None:
    """Text, dates and objects have no place in an array of a config."""
    with pytest.raises(DTypeError, match="Unknown dtype"):
        encode_array(np.array(["a"]))


@pytest.mark.parametrize(
    "value", [0j, 1 - 2j, complex("nan+infj"), complex(-0.0, 0.0), complex("inf-nanj")], ids=repr
)
def test_complex_round_trips(value: complex) -> None:
    """Both parts of a complex number are kept, signs, infinities and NaN included."""
    described = json.loads(json.dumps(encode_complex(value)))
    assert described["class_name"] == "__complex__"
    assert repr(decode_complex(described["config"])) == repr(value)


def test_complex_with_a_part_left_out() -> None:
    """A part that is left out is 0."""
    assert decode_complex({"imag": 2}) == 2j


@pytest.mark.parametrize("wrong", ["1", None, True, [1], 1j], ids=repr)
def test_malformed_complex(wrong: Any) -> None:
    """A part that is no number is refused by its name."""
    with pytest.raises(ConfigError, match=r"complex number's 'real' must be a number. Received: "):
        decode_complex({"real": wrong})


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.complex64(1j), 1j),
        (np.str_("a"), "a"),
        (ml_dtypes.bfloat16(1.5), 1.5),
        (ml_dtypes.float8_e4m3fn(0.25), 0.25),
    ],
    ids=repr,
)
def test_scalars(scalar: Any, expected: object) -> None:
    """A NumPy scalar becomes Python's own type, of equal value."""
    assert python_scalar(scalar) == expected
    assert type(python_scalar(scalar)) is type(expected)


@pytest.mark.parametrize("scalar", [np.datetime64("2020-01-01"), np.bytes_(b"a"), np.void(b"a")], ids=repr)
def test_other_scalars(scalar: Any) -> None:
    """Dates, bytes and records are refused."""
    with pytest.raises(ArgumentTypeError, match=r"cannot hold this. Received: .*Allowed: NumPy's"):
        python_scalar(scalar)
