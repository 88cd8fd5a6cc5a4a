"""Kernels that preserve norms: by FFT, by a convolution written out, and by the algorithm of the paper."""

from __future__ import annotations

import tracemalloc
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.dtypes import resolve_dtype
from initkit.initializers import orthogonal_convolution

Array = np.ndarray[Any, Any]
BOTH = [ik.DeltaOrthogonal, ik.OrthogonalConvolution]
SHAPES = [(1, 2, 2), (4, 3, 5), (3, 3, 6, 9), (2, 5, 4, 4), (2, 3, 2, 3, 4), (2, 1, 7)]
ROUNDING = {"float64": 1e-13, "complex128": 1e-13, "float32": 1e-5}


def norm_error(kernel: Array) -> float:
    """How far `T·Tᴴ` is from the identity at any frequency, `T` being the kernel's Fourier transform."""
    axes = tuple(range(kernel.ndim - 2))
    wide = kernel.astype(np.complex128)
    transfer = np.fft.fftn(wide, [length + 4 for length in kernel.shape[:-2]], axes)
    gram = transfer @ transfer.conj().swapaxes(-1, -2)
    return float(np.abs(gram - np.eye(kernel.shape[-2])).max())


def circular(image: Array, kernel: Array) -> Array:
    """A convolution with circular padding and strides of 1, as deep learning has it, written out."""
    space = tuple(range(image.ndim - 1))
    moved = [
        np.roll(image, [-step for step in place], space) @ kernel[place]
        for place in product(*map(range, kernel.shape[:-2]))
    ]
    return np.asarray(sum(moved))


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ROUNDING)
def test_norms_are_preserved(cls: Any, shape: tuple[int, ...], dtype: str) -> None:
    """Every input, at every frequency, keeps its norm times the gain."""
    for gain, seed in ((1.0, 7), (-2.0, 8)):
        made = cls(gain, seed)(shape, dtype)
        assert norm_error(made / gain) < ROUNDING[dtype]


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("shape", [(4, 3, 5), (3, 3, 6, 9), (2, 3, 2, 3, 4)])
def test_a_convolution_multiplies_the_norm_by_the_gain(cls: Any, shape: tuple[int, ...]) -> None:
    """Shown on a random image, with the convolution itself."""
    image = np.random.default_rng(0).normal(size=(*(6 for _ in shape[:-2]), shape[-2]))
    made = circular(image, cls(1.5, seed=7)(shape, "float64"))
    assert np.linalg.norm(made) == pytest.approx(1.5 * np.linalg.norm(image), rel=1e-12)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(
    ("layout", "order"), [("torch", (3, 2, 0, 1)), ("mlx", (3, 0, 1, 2)), ("IHWO", (2, 0, 1, 3))]
)
def test_layouts_move_axes_alone(cls: Any, layout: str, order: tuple[int, ...]) -> None:
    """The values of another layout are those of the default with the axes moved, slices included."""
    whole = cls(2.0, 7)((3, 4, 5, 6)).transpose(order)
    init = cls(2.0, 7, layout)
    np.testing.assert_allclose(init(whole.shape), whole, atol=4e-6)
    np.testing.assert_allclose(init.lazy(whole.shape)[::-2, 1:, 1, ::2], whole[::-2, 1:, 1, ::2], atol=4e-6)
    assert init.moments(whole.shape) == cls(2.0).moments((3, 4, 5, 6))


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_moments_are_those_of_the_values(cls: Any, dtype: str) -> None:
    """The mean square is exactly gain² over outputs and positions; the mean is near 0."""
    init, shape = cls(3.0, 7), (3, 2, 30, 40)
    values = init(shape, dtype)
    mean, std = init.moments(shape)
    assert std == pytest.approx(3 / np.sqrt(6 * 40))
    assert (np.abs(values) ** 2).mean() == pytest.approx(std**2)
    assert mean == 0
    assert abs(values.mean()) < 4 * std / np.sqrt(values.size)


@pytest.mark.parametrize("lengths", [(1,), (2,), (3, 3), (4, 5), (2, 3, 4), (0, 3)])
def test_delta_is_a_matrix_at_jaxs_centre(lengths: tuple[int, ...]) -> None:
    """The taps beside the one at (k - 1)//2 are 0, and this one is Orthogonal's matrix; empty kernels are."""
    shape = (*lengths, 4, 6)
    made = ik.DeltaOrthogonal(1.5, seed=7)(shape)
    assert made.shape == shape
    if 0 not in shape:
        centre = tuple((length - 1) // 2 for length in lengths)
        expected = np.zeros(shape, np.float32)
        expected[centre] = ik.Orthogonal(1.5, seed=7)((4, 6))
        assert (made == expected).all()


def test_deltas_centre_is_that_of_jax() -> None:
    """JAX's kernel has its values in the same places, and the same norms."""
    jax = import_module("jax")
    for shape in ((2, 3, 4), (3, 4, 2, 5)):
        theirs = np.asarray(jax.nn.initializers.delta_orthogonal()(jax.random.key(0), shape))
        ours = ik.DeltaOrthogonal(seed=7)(shape)
        assert ((theirs != 0) == (ours != 0)).all()
        assert norm_error(theirs) < 1e-5


def test_deltas_slices_cost_the_matrix_at_most() -> None:
    """A slice away from the centre of a kernel of many gigabytes is made of zeros, one at it of its rows."""
    lazy = ik.DeltaOrthogonal(seed=7).lazy((7, 7, 10_000, 50_000))
    assert not lazy[2:4, 5, :4, :7].any()
    rows = lazy[3, 3, 2:5].astype(np.float64)
    assert np.abs(rows @ rows.T - np.eye(3)).max() < 2e-6


def test_deltas_matrix_has_haars_marginal_law() -> None:
    """Each entry at the centre, moved to [0, 1], follows Beta((m-1)/2, (m-1)/2), m the outputs."""
    generator = ik.SeedGenerator(20)
    made = [ik.DeltaOrthogonal(seed=generator)((3, 2, 5), "float64")[1].ravel() for _ in range(2000)]
    entries = (np.stack(made) + 1) / 2
    law = stats.beta(2, 2).cdf
    assert min(stats.kstest(column, law).pvalue for column in entries.T) * 10 > 1e-3


def projections(shape: tuple[int, ...], seed: int) -> dict[tuple[int, int], Array]:
    """The projections of a kernel, drawn by themselves as the docstring says: by round and axis."""
    outputs, drawn = shape[-1], {}
    for turn in range(max(shape[:-2]) - 1):
        for axis, length in enumerate(shape[:-2]):
            if turn < length - 1:
                child = ik.SeedGenerator(seed).child(f"{turn}.{axis}")
                coins = ik.RandomUniform(0.0, 1.0, seed=child.child("rank"))((outputs,), "float64")
                basis = ik.Orthogonal(seed=ik.SeedGenerator(seed).child(f"{turn}.{axis}"))(
                    (outputs, outputs), "float64"
                )[:, : int((coins < 0.5).sum())]
                drawn[turn, axis] = basis @ basis.T
    return drawn


@pytest.mark.parametrize("shape", [(2, 2, 4, 4), (3, 3, 3, 5), (4, 4, 2, 3)])
def test_the_kernel_is_that_of_the_papers_algorithm(shape: tuple[int, ...]) -> None:
    """In two dimensions: blocks of 2x2 from pairs of projections, convolved, as in TensorFlow 1."""
    drawn, size, identity = projections(shape, 7), shape[0], np.eye(shape[-1])
    first = ik.Orthogonal(seed=7)(shape[-2:], "float64")
    kernel = {(0, 0): first}
    for turn in range(size - 1):
        one, two = drawn[turn, 0], drawn[turn, 1]
        block = {
            (i, j): (one if i == 0 else identity - one) @ (two if j == 0 else identity - two)
            for i, j in product((0, 1), repeat=2)
        }
        wider: dict[tuple[int, int], Array] = {}
        for (place, left), (step, right) in product(kernel.items(), block.items()):
            at = place[0] + step[0], place[1] + step[1]
            wider[at] = wider.get(at, 0) + left @ right
        kernel = wider
    expected = np.array([[kernel[i, j] for j in range(size)] for i in range(size)])
    np.testing.assert_allclose(ik.OrthogonalConvolution(seed=7)(shape, "float64"), expected, atol=1e-14)


def test_memory_is_that_of_some_channels_at_a_time(monkeypatch: Any) -> None:
    """Beside the output there are a matrix, half a matrix for each projection, and some MB of kernels."""
    init, shape = ik.OrthogonalConvolution(seed=7), (5, 5, 200, 200)
    tracemalloc.start()
    try:
        made = init(shape)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    matrix = 200 * 200 * 8
    assert peak < made.nbytes + 6 * matrix + 12 * 2**20
    monkeypatch.setattr(orthogonal_convolution, "_KERNEL_BYTES", 2**40)
    assert np.abs(made - init(shape)).max() <= init.tolerance(resolve_dtype("float32"))


@pytest.mark.parametrize("layout", [None, "OI...", "I...O"])
def test_channels_may_be_made_one_by_one(layout: str | None, monkeypatch: Any) -> None:
    """Parts of the channels, in any order and layout, agree with what is made at once."""
    shape = (3, 2, 6, 7) if layout is None else (7, 6, 3, 2) if layout[0] == "O" else (6, 3, 2, 7)
    lazy = ik.OrthogonalConvolution(2.0, 7, layout).lazy(shape, "complex128")
    at_once = lazy[...]
    monkeypatch.setattr(orthogonal_convolution, "_KERNEL_BYTES", 1)
    for cut in (np.s_[:], np.s_[::-1, ::2, -1], np.s_[1:, :, ::-2, 1::3]):
        assert np.abs(lazy[cut] - at_once[cut]).max() < 4e-14


def test_kernels_have_values_at_all_positions() -> None:
    """Each position of the kernel has its share, unlike that of delta-orthogonal ones."""
    shares = np.mean(
        [(ik.OrthogonalConvolution(seed=seed)((3, 16, 16)) ** 2).sum((1, 2)) / 16 for seed in range(200)],
        axis=0,
    )
    # The share of position s is binomial, of two fair coins: one for each of the two projections.
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25], atol=0.03)


def test_ranks_are_binomial() -> None:
    """The rank of the projection, the norm of a kernel's first position, counts the heads of fair coins."""
    made = [ik.OrthogonalConvolution(seed=seed)((2, 6, 6), "float64") for seed in range(2000)]
    ranks = np.rint([(kernel[0] ** 2).sum() for kernel in made]).astype(int)
    expected = stats.binom(6, 0.5).pmf(range(7)) * len(ranks)
    assert stats.chisquare(np.bincount(ranks, minlength=7), expected).pvalue > 1e-3


def test_one_seed_is_one_kernel_in_every_precision() -> None:
    """Float32 is float64 rounded, float16 is float32 rounded; complex ones agree, too."""
    init = ik.OrthogonalConvolution(seed=7)
    exact = init((3, 3, 4, 8), "float64")
    assert (init((3, 3, 4, 8)) == exact.astype(np.float32)).all()
    assert (init((3, 3, 4, 8), "float16") == exact.astype(np.float32).astype(np.float16)).all()
    assert np.abs(init((3, 4, 8), "complex64") - init((3, 4, 8), "complex128")).max() < 2e-7


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(
    ("arguments", "shape", "error", "message"),
    [
        ({"gain": "1"}, None, ik.ArgumentTypeError, "`gain` must be a real number"),
        ({"gain": np.nan}, None, ik.ArgumentError, "`gain` is out of range"),
        ({"layout": "HWIOO"}, None, ik.ArgumentError, "one output axis"),
        ({}, (3, 4), ik.ShapeError, "Use Orthogonal for matrices"),
        ({}, (3, 4, 3), ik.ShapeError, "fewer output channels than input channels"),
        ({"layout": "WIO"}, (3, 3, 4, 4), ik.ShapeError, "does not fit the shape"),
        ({"gain": 1e6}, (3, 3, 4), ik.ArgumentError, "`gain` is beyond the range"),
    ],
)
def test_what_cannot_be_is_refused(
    cls: Any, arguments: dict[str, Any], shape: Any, error: type[Exception], message: str
) -> None:
    """Arguments are checked when they are given, shapes and dtypes before anything is drawn."""
    with pytest.raises(error, match=message):
        cls(**arguments).lazy(shape, "float16")
    with pytest.raises(ik.DTypeError, match=f"{cls.__name__} cannot make integer"):
        cls()((3, 4, 4), "int8")
