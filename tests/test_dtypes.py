"""The table of dtypes: every spelling, every refusal, and how values are rounded."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from initkit.dtypes import DTYPES, FLOAT32, DType, require_kind, resolve_dtype, rounded
from initkit.errors import DTypeError

LOW_PRECISIONS = ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]


@pytest.mark.parametrize("name", DTYPES)
def test_every_spelling_is_one_row(name: str) -> None:
    """Name, NumPy dtype, scalar type and the row itself all mean the one row."""
    row = DTYPES[name]
    assert row.numpy.name == row.name == name
    for spelling in (name, row.numpy, row.numpy.type, row):
        assert resolve_dtype(spelling) is row


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        (None, "float32"),
        (float, "float64"),
        (complex, "complex128"),
        (bool, "bool"),
        (np.bool_, "bool"),
        ("f4", "float32"),
        ("<f8", "float64"),
        ("half", "float16"),
        ("double", "float64"),
        (np.dtype("i2"), "int16"),
        (np.longlong, "int64"),
        (np.ulonglong, "uint64"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (ml_dtypes.float8_e5m2, "float8_e5m2"),
    ],
    ids=repr,
)
@pytest.mark.skipif(np.little_endian is False, reason="the spellings above are those of this byte order")
def test_other_spellings(spelling: object, name: str) -> None:
    """NumPy's other names, Python's types and None have NumPy's meaning, and None is float32."""
    assert resolve_dtype(spelling).name == name


@pytest.mark.parametrize(
    "wrong",
    [
        "float33",
        "",
        "S4",
        "U3",
        "O",
        object,
        str,
        "M8[s]",
        "m8",
        ">f4" if np.little_endian else "<f4",
        [("x", "f4")],
        ("f4", (2,)),
        {"names": ["x"], "formats": ["f4"]},
        np.longdouble if np.dtype(np.longdouble).itemsize > 8 else "float128",
        ml_dtypes.int4,
        ml_dtypes.float8_e4m3b11fnuz,
        1,
        0.5,
        True,
        np.zeros(3),
        [],
        print,
    ],
    ids=repr,
)
def test_unknown_dtype(wrong: object) -> None:
    """What is not in the table is refused with the list of what is."""
    with pytest.raises(DTypeError, match=r"Unknown dtype. Received: .*Allowed: float32, float64.*or None"):
        resolve_dtype(wrong)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("floot32", "float32"),
        ("bfloat_16", "bfloat16"),
        ("Int8", "int8"),
        ("fp16", "float16"),
        ("FP32", "float32"),
        ("f64", "float64"),
        ("bf16", "bfloat16"),
        ("BF16", "bfloat16"),
        ("bfloat", "bfloat16"),
        ("torch.half", "float16"),
        ("torch.float", "float32"),
        ("fp8", "float8_e4m3fn' or 'float8_e5m2"),
        ("F8_E5M2", "float8_e5m2"),
        ("float8_e4m3", "float8_e4m3fn"),
        ("c64", "complex64"),
        ("u32", "uint32"),
        ("i64", "int64"),
        (" float32", "float32"),
    ],
)
def test_unknown_dtype_suggests(wrong: str, near: str) -> None:
    """A slip of the finger, or a name from elsewhere, is met with the dtype that was meant first of all."""
    with pytest.raises(DTypeError, match=f"Did you mean '{near}'"):
        resolve_dtype(wrong)


def test_unknown_dtype_of_another_library_suggests() -> None:
    """Another library's dtype of the same name is met with that name."""

    class Foreign:
        def __repr__(self) -> str:
            return "torch.bfloat16"

    with pytest.raises(DTypeError, match="Did you mean 'bfloat16'"):
        resolve_dtype(Foreign())


@pytest.mark.parametrize("row", DTYPES.values(), ids=repr)
def test_rows_are_single_objects(row: DType) -> None:
    """Copies and pickles are the row itself, so that rows can be compared by identity."""
    assert copy.copy(row) is row
    assert copy.deepcopy(row) is row
    assert pickle.loads(pickle.dumps(row)) is row
    assert repr(row) == f"DType({row.name!r})"


def test_largest() -> None:
    """The largest values are those of the formats' definitions: significand bits and largest exponent."""
    floats = {
        "float16": (11, 15),
        "bfloat16": (8, 127),
        "float32": (24, 127),
        "complex64": (24, 127),
        "float64": (53, 1023),
        "complex128": (53, 1023),
        "float8_e5m2": (3, 15),
    }
    expected: dict[str, float] = {
        name: (2 - 2.0 ** (1 - bits)) * 2.0**exponent for name, (bits, exponent) in floats.items()
    }
    # The pattern that would be 480 is NaN, so that no pattern is lost to infinities.
    expected["float8_e4m3fn"] = 448
    expected |= {f"int{bits}": 2 ** (bits - 1) - 1 for bits in (8, 16, 32, 64)}
    expected |= {f"uint{bits}": 2**bits - 1 for bits in (8, 16, 32, 64)}
    expected["bool"] = 1
    assert {row.name: row.largest for row in DTYPES.values()} == expected


def test_kernel_codes_are_those_of_the_floats() -> None:
    """The kernels count the float dtypes from 0; no other dtype has a number."""
    codes = {row.name: row.kernel_code for row in DTYPES.values() if row.kernel_code >= 0}
    assert codes == {
        "float32": 0,
        "float64": 1,
        "float16": 2,
        "bfloat16": 3,
        "float8_e4m3fn": 4,
        "float8_e5m2": 5,
    }
    assert all(row.kind == "float" for row in DTYPES.values() if row.kernel_code >= 0)


def test_draw_precision() -> None:
    """Only float64 and complex128 are drawn in float64; integers have no draws, and count as float64."""
    in_float32 = {row.name for row in DTYPES.values() if row.draw == np.float32}
    assert in_float32 == {"float32", "complex64", *LOW_PRECISIONS}


def _nearest_even(value: float, dtype: Any) -> float:
    """The nearest of all values of a dtype of one or two bytes, by exact arithmetic."""
    width = np.dtype(dtype).itemsize
    patterns = np.arange(2 ** (8 * width), dtype=f"u{width}").view(dtype)
    finite = patterns[np.isfinite(patterns.astype(np.float32))]
    exact = Fraction(value)
    distances = [(abs(Fraction(float(entry)) - exact), int(entry.view(f"u{width}")) & 1) for entry in finite]
    return float(finite[distances.index(min(distances))])


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_rounded_is_to_nearest_even(name: str) -> None:
    """Every float8 rounding is the nearest value by exact arithmetic, ties to the even pattern."""
    row = DTYPES[name]
    rng = np.random.default_rng(1)
    values = rng.standard_normal(300).astype(np.float32)
    patterns = np.sort(np.arange(1, 100, dtype=np.uint8).view(row.numpy).astype(np.float32))
    ties = (patterns[1:] + patterns[:-1]) / 2
    for value in (*values, *ties[np.isfinite(ties)]):
        got = rounded(np.array([value]), row)
        assert got.astype(np.float64)[0] == _nearest_even(float(value), row.numpy), value


@pytest.mark.parametrize("name", LOW_PRECISIONS)
def test_rounded_goes_through_float32(name: str) -> None:
    """A float64 just above a tie is the tie in float32, and that is what is rounded once more."""
    row = DTYPES[name]
    one = np.array([1.0]).astype(row.numpy)
    following = float((one.view(f"u{row.numpy.itemsize}") + 1).view(row.numpy).astype(np.float64)[0])
    above_tie = (1.0 + following) / 2 + 1e-12
    assert rounded(np.array([above_tie]), row).astype(np.float64)[0] == 1.0


def test_rounded_keeps_what_fits() -> None:
    """An array that has the dtype is not copied, and one of another is not changed."""
    values = np.ones(3, np.float32)
    assert rounded(values, FLOAT32) is values
    assert rounded(values, DTYPES["complex128"]).tolist() == [1, 1, 1]
    assert rounded(np.array([2**53 + 1]), DTYPES["int64"])[0] == 2**53 + 1


def test_rounded_overflows_quietly() -> None:
    """Values beyond the range become infinite without a warning: refusing them is the caller's part."""
    assert rounded(np.array([1e300, -1e6]), DTYPES["float16"]).tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize(
    ("name", "allowed", "remedy"),
    [("int8", ("float",), ""), ("complex64", ("float",), "Take two."), ("bool", ("float", "complex"), "")],
)
def test_require_kind_refuses(name: str, allowed: Any, remedy: str) -> None:
    """A dtype of another kind is refused with the dtypes that are possible and what to do."""
    with pytest.raises(
        DTypeError, match=rf"Foo cannot make .* Received: dtype '{name}'. Allowed dtypes: float32"
    ) as caught:
        require_kind(DTYPES[name], allowed, "Foo", remedy)
    assert str(caught.value).endswith(remedy or "if need be.")
    assert ("complex64" in str(caught.value).split("Allowed")[1]) == ("complex" in allowed)


def test_require_kind_passes() -> None:
    """A dtype of an allowed kind passes in silence."""
    require_kind(DTYPES["bfloat16"], ("float",), "Foo")
