"""Orthogonal against the Haar law, its promises about slices and precisions, and what it must refuse."""

import json
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import initkit as ik
from initkit.dtypes import resolve_dtype

Array = np.ndarray[Any, Any]

SHAPES: list[tuple[int, ...]] = [
    *[(1, 1), (1, 7), (7, 1), (2, 2), (33, 33), (300, 200), (200, 300)],
    *[(3, 3, 4, 24), (2, 2, 2, 40), (3, 5, 15)],
]
FLOATS = ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
COMPLEX = ["complex64", "complex128"]
# What rounding may do to the entries of Q, and with them to those of QᴴQ.
ROUNDING = dict.fromkeys(["float32", "complex64"], 2e-6) | dict.fromkeys(["float64", "complex128"], 4e-15)
ROUNDING |= {"float16": 2e-3, "bfloat16": 2e-2, "float8_e4m3fn": 0.2, "float8_e5m2": 0.4}


def double(array: Array) -> Array:
    """The same numbers in double precision."""
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def as_columns(array: Array) -> Array:
    """The tensor as a matrix in double precision, transposed if its rows are what is orthonormal."""
    matrix = double(array).reshape(-1, array.shape[-1])
    return matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T


def unitarity_error(array: Array, gain: float = 1.0) -> float:
    """The largest entry of `QᴴQ/gain² - I`."""
    q = as_columns(array)
    return float(np.abs(q.conj().T @ q / gain**2 - np.eye(q.shape[1])).max())


def samples(shape: tuple[int, ...], number: int, dtype: str = "float64") -> Array:
    """Independent matrices, in double precision, from the children of one seed."""
    generator = ik.SeedGenerator(20)
    return np.stack([double(ik.Orthogonal(seed=generator)(shape, dtype)) for _ in range(number)])


def smallest_p_value(columns: Array, law: Any) -> float:
    """The least Kolmogorov-Smirnov p-value over the columns, corrected for how many there are."""
    return min(float(stats.kstest(column, law).pvalue) for column in columns.T) * int(columns.shape[1])


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX])
@pytest.mark.parametrize("shape", SHAPES)
def test_columns_or_rows_are_orthonormal(shape: tuple[int, ...], dtype: str) -> None:
    """Every shape and dtype comes out as asked for, orthonormal up to the dtype's rounding."""
    for gain in (1.0, -2.5):
        made = ik.Orthogonal(gain, seed=7)(shape, dtype)
        assert made.shape == shape
        assert made.dtype.name == dtype
        assert unitarity_error(made, gain) < ROUNDING[dtype]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3), (2, 3, 0)])
def test_shapes_without_elements(shape: tuple[int, ...]) -> None:
    """A length of 0 gives an empty array, lazily too, and finite moments."""
    init = ik.Orthogonal(seed=7)
    assert init(shape).shape == shape
    assert init.lazy(shape)[:, ::-1].shape == shape
    assert np.isfinite(init.moments(shape)).all()


@pytest.mark.parametrize("shape", [(2, 2), (5, 5), (6, 2), (2, 6), (4, 1)])
def test_entries_have_the_marginal_law(shape: tuple[int, int]) -> None:
    """Each entry, moved to [0, 1], follows Beta((m-1)/2, (m-1)/2), m the longer side."""
    m = max(shape)
    law = stats.beta((m - 1) / 2, (m - 1) / 2).cdf
    entries = (samples(shape, 3000).reshape(3000, -1) + 1) / 2
    assert smallest_p_value(entries, law) > 1e-3


def test_two_by_two_angle_is_uniform_and_independent_of_the_determinant() -> None:
    """The first column's angle is uniform on the whole circle, for either determinant, each half the time."""
    made = samples((2, 2), 8000)
    angles = np.arctan2(made[:, 1, 0], made[:, 0, 0])
    determinants = np.linalg.det(made)
    np.testing.assert_allclose(np.abs(determinants), 1, atol=1e-12)
    counts = np.array(
        [np.histogram(angles[determinants * sign > 0], 16, (-np.pi, np.pi))[0] for sign in (1, -1)]
    )
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_determinant_is_one_or_minus_one_half_each(size: int) -> None:
    """Reflections are as frequent as rotations."""
    determinants = np.linalg.det(samples((size, size), 2000))
    np.testing.assert_allclose(np.abs(determinants), 1, atol=1e-12)
    assert stats.binomtest(int((determinants > 0).sum()), 2000).pvalue > 1e-3


def test_traces_have_haar_moments() -> None:
    """For 8x8, the traces of Q and Q² have the first moments of Haar's law: 0, 1, 0, 3 and 1, 3."""
    made = samples((8, 8), 6000)
    first = np.trace(made, axis1=1, axis2=2)
    second = np.trace(made @ made, axis1=1, axis2=2)
    for values, mean in (
        *[(first, 0), (first**2, 1), (first**3, 0), (first**4, 3)],
        *[(second, 1), (second**2, 3)],
    ):
        assert abs(values.mean() - mean) < 4 * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (5, 2), (2, 5)])
def test_unitary_entries_have_the_marginal_law(shape: tuple[int, int]) -> None:
    """Complex: |u|² follows Beta(1, m-1), and the phase is uniform, for every entry."""
    entries = samples(shape, 3000, "complex128").reshape(3000, -1)
    assert smallest_p_value(np.abs(entries) ** 2, stats.beta(1, max(shape) - 1).cdf) > 1e-3
    assert smallest_p_value(np.angle(entries), stats.uniform(-np.pi, 2 * np.pi).cdf) > 1e-3


def test_unitary_determinant_and_trace() -> None:
    """Complex: the determinant's phase is uniform, and E|tr Uᵏ|² = k as for Haar's law."""
    made = samples((5, 5), 4000, "complex128")
    phases = np.angle(np.linalg.det(made))
    assert stats.kstest(phases, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    power = np.eye(5)
    for k in (1, 2, 3):
        power = power @ made
        squares = np.abs(np.trace(power, axis1=1, axis2=2)) ** 2
        assert abs(squares.mean() - k) < 4 * squares.std() / np.sqrt(len(squares))


def test_one_by_one_complex_is_a_uniform_phase() -> None:
    """The smallest unitary matrix lies on the unit circle, evenly."""
    values = samples((1, 1), 2000, "complex64").ravel()
    np.testing.assert_allclose(np.abs(values), 1, atol=1e-6)
    assert stats.kstest(np.angle(values), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(30, 20), (20, 20)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_first_column_is_the_normalized_draw(shape: tuple[int, int], dtype: str) -> None:
    """The first column is the first row of the draw of shape (n, m), as RandomNormal gives it, normalized."""
    draw = ik.RandomNormal(0.0, 1.0, seed=7)(shape[::-1], dtype)
    made = ik.Orthogonal(seed=7)(shape, dtype)
    np.testing.assert_allclose(made[:, 0], draw[0] / np.linalg.norm(draw[0]), atol=1e-14)


@pytest.mark.parametrize("shape", [(9, 4), (250, 130)])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_wide_is_the_transpose_of_tall(shape: tuple[int, int], dtype: str) -> None:
    """A wide tensor is the tall one's transpose; complex ones are not conjugated."""
    init = ik.Orthogonal(seed=7)
    assert np.abs(init(shape[::-1], dtype).T - init(shape, dtype)).max() < 2e-6


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 2, 50), (7, 0, 1)])
def test_leading_axes_are_rows(shape: tuple[int, ...]) -> None:
    """A tensor of more axes is the matrix of its last axis, row by row."""
    init = ik.Orthogonal(seed=7)
    matrix = init((math.prod(shape[:-1]), shape[-1]))
    assert (init(shape) == matrix.reshape(shape)).all()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_slices_equal_the_whole(data: st.DataObject) -> None:
    """Any slice of any shape, made alone, agrees with the whole to the documented tolerance."""
    leading = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    shape = (*leading, data.draw(st.integers(1, 120)))
    dtype = data.draw(st.sampled_from(["float32", "float64", "complex64", "float16"]))
    index = tuple(
        data.draw(st.one_of(st.integers(-length, length - 1), st.slices(length))) for length in shape
    )
    init = ik.Orthogonal(gain=1.5, seed=data.draw(st.integers(0, 50)))
    part, expected = init.lazy(shape, dtype)[index], init(shape, dtype)[index]
    assert np.shape(part) == np.shape(expected)
    error = np.abs(double(np.asarray(part)) - double(np.asarray(expected))).max(initial=0)
    assert error < 1.5 * ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
@pytest.mark.parametrize("column_axis", [0, 1, -1])
def test_slices_whose_columns_are_in_disorder(column_axis: int, dtype: str) -> None:
    """Reversed leading axes of a wide tensor ask for the columns of Q in no even order."""
    init = ik.Orthogonal(seed=7, column_axis=column_axis)
    for shape in ((2, 3, 9), (9, 2, 3), (2, 9, 3), (3, 2, 2, 20)):
        whole = init(shape, dtype)
        for index in ((slice(None), slice(1, None, -1)), (slice(None, None, -1), ..., slice(0, 2)), (0, 1)):
            difference = np.abs(double(init.lazy(shape, dtype)[index]) - double(whole[index])).max()
            assert difference < (2.0**-7 if dtype == "bfloat16" else 2e-6)


@pytest.mark.parametrize("shape", [(420, 420), (500, 260), (260, 500)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_slices_across_blocks_equal_the_whole(shape: tuple[int, int], dtype: str) -> None:
    """Slices that need several blocks of reflectors agree with the whole too."""
    init = ik.Orthogonal(seed=7)
    whole, lazy = init(shape, dtype), init.lazy(shape, dtype)
    for index in (
        np.s_[:],
        np.s_[:, 199::3],
        np.s_[::-7],
        np.s_[255:, -2:],
        np.s_[-1],
        np.s_[3, 250],
        np.s_[240:0:-1, 5:3:-1],
    ):
        assert np.abs(lazy[index] - whole[index]).max() < ROUNDING[dtype]


@pytest.mark.parametrize("shape", [(300, 100), (100, 300), (4, 70, 60), (60, 4, 70)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_large_matrices_are_made_in_parts(
    shape: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made some columns or rows at a time, with few reflectors at once, agrees with the whole."""
    lazies = [ik.Orthogonal(1.5, 7, column_axis).lazy(shape, dtype) for column_axis in (-1, 0)]
    indices = (np.s_[:], np.s_[::-3], np.s_[..., 50::-1], np.s_[1:31:2])
    wholes = [[double(lazy[index]) for index in indices] for lazy in lazies]
    monkeypatch.setattr("initkit.initializers.orthogonal._WORK_BYTES", 1 << 13)
    monkeypatch.setattr("initkit.initializers.reflectors._BLOCK_BYTES", 1 << 13)
    for lazy, expected in zip(lazies, wholes, strict=True):
        for index, whole in zip(indices, expected, strict=True):
            assert np.abs(double(lazy[index]) - whole).max() < (2.0**-7 if dtype == "bfloat16" else 3e-6)


@pytest.mark.parametrize(("shape", "index"), [((4000, 500), np.s_[:]), ((4000, 500), np.s_[:400])])
def test_memory_of_large_matrices_is_bounded(
    shape: tuple[int, ...], index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the bfloat16 values there are some of the columns or rows in float32, and some reflectors."""
    lazy = ik.Orthogonal(seed=7).lazy(shape, "bfloat16")
    part = 1 << 18
    monkeypatch.setattr("initkit.initializers.orthogonal._WORK_BYTES", part)
    monkeypatch.setattr("initkit.initializers.reflectors._BLOCK_BYTES", part)
    tracemalloc.start()
    try:
        values = lazy[index]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < values.nbytes + 6 * part + 2**20
    assert values.nbytes > 1.3 * part


def test_columns_of_a_giant_are_cheap() -> None:
    """A few columns of a matrix of four gigabytes are made without the rest, and are orthonormal."""
    lazy = ik.Orthogonal(seed=7).lazy((100_000, 10_000))
    columns = double(lazy[:, 1:4])
    assert np.abs(columns.T @ columns - np.eye(3)).max() < 2e-6
    rows = double(ik.Orthogonal(seed=7).lazy((10_000, 100_000))[1:4])
    assert np.abs(rows - columns.T).max() < 2e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_one_seed_is_one_matrix_in_every_precision(shape: tuple[int, ...]) -> None:
    """Float32 and float64 agree to 2e-6; lower precisions are the float32 values rounded once."""
    init = ik.Orthogonal(gain=-0.75, seed=7)
    single = init(shape)
    assert np.abs(single - init(shape, "float64")).max() < 2e-6
    for name in FLOATS[2:]:
        made = init(shape, name)
        assert made.tobytes() == single.astype(resolve_dtype(name).numpy).tobytes()
    assert np.abs(init(shape, "complex64") - init(shape, "complex128")).max() < 2e-6


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 5, 4), (2, 3, 4, 5), (140, 2, 130)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_any_axis_can_be_that_of_the_columns(shape: tuple[int, ...], dtype: str) -> None:
    """The values are those of the shape with that axis at the end, moved back; also slice by slice."""
    for axis in range(-len(shape), len(shape)):
        init = ik.Orthogonal(1.5, seed=7, column_axis=axis)
        last = (*np.delete(shape, axis).tolist(), shape[axis])
        expected = np.moveaxis(ik.Orthogonal(1.5, seed=7)(last, dtype), -1, axis)
        made = init(shape, dtype)
        assert made.flags.c_contiguous
        np.testing.assert_allclose(made, expected, atol=1.5 * ROUNDING[dtype])
        assert unitarity_error(np.moveaxis(made, axis, -1), 1.5) < ROUNDING[dtype]
        part = init.lazy(shape, dtype)[1:, ..., ::-2]
        np.testing.assert_allclose(part, made[1:, ..., ::-2], atol=1.5 * ROUNDING[dtype])
        assert init.moments(shape) == ik.Orthogonal(1.5).moments(last)


def test_columns_of_pytorchs_kernels_are_cheap() -> None:
    """With the columns' axis first, a few of them are made without the rest, too."""
    lazy = ik.Orthogonal(seed=7, column_axis=0).lazy((10_000, 4000, 5, 5))
    columns = double(lazy[1:4]).reshape(3, -1)
    assert np.abs(columns @ columns.T - np.eye(3)).max() < 2e-6


@pytest.mark.parametrize("axis", [2, -3])
def test_axes_that_do_not_exist_are_refused(axis: int) -> None:
    """The columns' axis is one of the shape's."""
    with pytest.raises(ik.ShapeError, match=rf"no axis {axis}. Received: column_axis=.*-2 to 1"):
        ik.Orthogonal(column_axis=axis)((3, 4))


def test_gain_is_a_factor() -> None:
    """A gain multiplies the matrix of gain 1, to the bit where the product is exact; 0 gives zeros."""
    one = ik.Orthogonal(seed=7)((30, 20))
    assert (ik.Orthogonal(4.0, seed=7)((30, 20)) == 4 * one).all()
    assert (ik.Orthogonal(-1, seed=7)((30, 20)) == -one).all()
    assert (ik.Orthogonal(0.0, seed=7)((30, 20)) == 0).all()
    assert unitarity_error(ik.Orthogonal(1e300, seed=7)((30, 20), "float64") / 1e300) < 4e-15


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (3, 3, 2, 8)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_moments_are_those_of_the_values(shape: tuple[int, ...], dtype: str) -> None:
    """The mean is 0, and the mean square is exactly gain² over the longer side."""
    init = ik.Orthogonal(3.0, seed=7)
    values, moments = double(init(shape, dtype)), init.moments(shape)
    longer = max(math.prod(shape[:-1]), shape[-1])
    assert moments.mean == 0
    assert moments.std == pytest.approx(3 / math.sqrt(longer))
    assert (np.abs(values) ** 2).mean() == pytest.approx(moments.std**2, rel=1e-5)
    assert abs(values.mean()) < 4 * moments.std / np.sqrt(values.size)


@pytest.mark.parametrize("shape", [(50, 30), (4, 5, 30), (2, 3, 60)])
def test_filling_in_place_gives_the_bits_of_a_call(shape: tuple[int, ...]) -> None:
    """Any layout of memory is filled with the values that a call gives."""
    init = ik.Orthogonal(seed=7)
    expected = init(shape)
    bytes_of_it = np.empty(expected.nbytes + 1, np.uint8)
    for target in (
        np.empty_like(expected),
        np.empty_like(expected, order="F"),
        np.empty((*shape, 2), np.float32)[..., 0],
        bytes_of_it[1:].view(np.float32).reshape(shape),
    ):
        assert init.fill(target) is target
        assert (target == expected).all()


def test_rows_need_little_memory() -> None:
    """Two rows of a matrix of 48 MB are made in half of that, the draw's own pieces of memory included."""
    lazy = ik.Orthogonal(seed=7).lazy((3000, 2000), "float64")
    tracemalloc.start()
    lazy[5:7]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < lazy.nbytes // 2


@pytest.mark.parametrize("shape", [(1 << 20, 2), (2, 1 << 20), (1 << 10, 1 << 10, 2)], ids=str)
def test_millions_of_rows_are_not_listed(shape: tuple[int, ...]) -> None:
    """Beside a long matrix there are its draws, and no numbers of its rows, of the whole or of a part."""
    lazy = ik.Orthogonal(seed=7).lazy(shape)
    for cut, copies in ((np.s_[:], 2), (np.s_[::-1], 3), (np.s_[..., :1], 3)):
        tracemalloc.start()
        try:
            lazy[cut]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < copies * lazy.nbytes + 2 * 2**20


def test_seeds_and_draws_give_different_matrices() -> None:
    """A generator's next draw and another seed give other matrices, the same seed the same one."""
    generator = ik.SeedGenerator(7)
    init = ik.Orthogonal(seed=generator)
    first, second = init((8, 8)), init((8, 8))
    assert (first == ik.Orthogonal(seed=7)((8, 8))).all()
    assert np.abs(first - second).max() > 0.1
    assert np.abs(first - ik.Orthogonal(seed=8)((8, 8))).max() > 0.1


def test_config_is_keras_own_and_one_more() -> None:
    """Names, defaults and keys are Keras' own, beside the columns' axis, and configs come back equal."""
    assert ik.Orthogonal().get_config() == {"gain": 1.0, "seed": None, "column_axis": -1}
    assert ik.Orthogonal.from_config({"gain": 1.0, "seed": None}) == ik.Orthogonal()
    assert ik.get("orthogonal") == ik.get("OrthogonalInitializer") == ik.get("Orthogonal") == ik.Orthogonal()
    init = ik.Orthogonal(gain=np.float64(0.5), seed=7)
    assert json.loads(ik.to_json(init))["config"] == {"gain": 0.5, "seed": 7, "column_axis": -1}
    assert ik.from_yaml(ik.to_yaml(init)) == init == eval(repr(init), {"Orthogonal": ik.Orthogonal})


@pytest.mark.parametrize("shape", [(), (5,), 5])
def test_shapes_that_are_no_matrix_are_refused(shape: Any) -> None:
    """Fewer than two axes are an error that begins as Keras' and says how a shape is read."""
    for use in (ik.Orthogonal(seed=7), ik.Orthogonal(seed=7).lazy):
        with pytest.raises(
            ik.ShapeError, match=r"^The tensor to initialize must be at least two-dim.*columns"
        ):
            use(shape)


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_integers_are_refused(dtype: str) -> None:
    """Integer and bool matrices have no orthonormal columns in general."""
    with pytest.raises(ik.DTypeError, match="Orthogonal cannot make"):
        ik.Orthogonal(seed=7)((4, 4), dtype)


@pytest.mark.parametrize(
    ("gain", "error"),
    [
        (float("nan"), ik.ArgumentError),
        (float("inf"), ik.ArgumentError),
        ("relu", ik.ArgumentTypeError),
        (None, ik.ArgumentTypeError),
        (True, ik.ArgumentTypeError),
        (1j, ik.ArgumentTypeError),
    ],
)
def test_wrong_gains_are_refused(gain: Any, error: type[Exception]) -> None:
    """The gain is a finite real number."""
    with pytest.raises(error, match="gain"):
        ik.Orthogonal(gain)


def test_gain_beyond_the_dtype_is_refused() -> None:
    """A gain that the dtype cannot hold is an error, not a matrix of infinities."""
    with pytest.raises(ik.ArgumentError, match="`gain` is beyond the range of dtype 'float16'"):
        ik.Orthogonal(gain=1e5, seed=7)((4, 4), "float16")
