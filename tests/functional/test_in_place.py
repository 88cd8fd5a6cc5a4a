"""torch's functions for laws and matrices: torch's values or laws, in place, in torch's layouts; refusals."""

from __future__ import annotations

import inspect
import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit import functional as init
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError

torch: Any = import_module("torch")

# Every function that torch has and that is not deprecated.
NAMES = tuple(name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_"))
ARGUMENTS: dict[str, tuple[Any, ...]] = {"constant_": (0.5,), "sparse_": (0.25,)}
DRAWING = tuple(name for name in NAMES if "seed" in inspect.signature(getattr(init, name)).parameters)


def _shape(name: str) -> tuple[int, ...]:
    """A shape that the function takes."""
    return (8, 6, 3) if name == "dirac_" else (8, 6)


def _call(name: str, x: Any, **keywords: Any) -> Any:
    return getattr(init, name)(x, *ARGUMENTS.get(name, ()), **keywords)


def test_names_are_torchs() -> None:
    """Every function of torch's is there, its deprecated names are not."""
    ours = {name for name in init.__all__ if name.endswith("_")}
    assert ours == set(NAMES)
    assert len(ours) == 14


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_torchs(name: str) -> None:
    """Arguments have torch's order, names and defaults; only the tensor's name and the seed differ."""
    theirs = list(inspect.signature(getattr(torch.nn.init, name)).parameters.values())
    ours = list(inspect.signature(getattr(init, name)).parameters.values())
    drawing = theirs[-1].name == "generator"
    assert [(p.name, p.default) for p in theirs[1 : len(theirs) - drawing]] == [
        (p.name, p.default) for p in ours[1 : len(ours) - drawing]
    ]
    assert drawing == (ours[-1].name == "seed")
    if drawing:
        assert ours[-1].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_fills_in_place(name: str, library: str) -> None:
    """The same object comes back, filled whole; every layout and library has the same values."""
    shape = _shape(name)
    seed = {"seed": 7} if name in DRAWING else {}
    expected = _call(name, np.full(shape, np.nan, np.float32), **seed)
    wide = np.full((*shape, 2), np.nan, np.float32)
    order = list(range(len(shape)))[::-1]
    backwards = np.full(shape[::-1], np.nan, np.float32).transpose(order)
    for plain in (wide[..., 0], backwards):
        x: Any = plain if library == "numpy" else torch.from_numpy(plain)
        assert not (x.flags.c_contiguous if library == "numpy" else x.is_contiguous())
        assert _call(name, x, **seed) is x
        np.testing.assert_allclose(plain, expected, rtol=0, atol=5e-6 if name == "orthogonal_" else 0)
    assert np.isnan(wide[..., 1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_empty_tensors_are_left_alone(name: str) -> None:
    """Nothing happens to a tensor without elements, where torch divides by zero at times."""
    for shape in ((0, 4, 3), (4, 0, 3)) if name == "dirac_" else ((0, 4), (4, 0), (0, 0)):
        tensor = torch.empty(shape)
        assert _call(name, tensor) is tensor


@pytest.mark.parametrize("name", ["ones_", "zeros_", "constant_", "normal_", "uniform_", "trunc_normal_"])
def test_shapes_are_free(name: str) -> None:
    """Functions that read nothing from the shape fill a number and a vector, too."""
    for shape in ((), (5,)):
        assert np.isfinite(_call(name, np.full(shape, np.nan))).all()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("uniform_", ()),
        ("uniform_", (-3.0, 0.5)),
        ("normal_", ()),
        ("normal_", (1.0, 0.3)),
        ("trunc_normal_", ()),
        ("trunc_normal_", (0.5, 2.0, -1.0, 0.75)),
        ("trunc_normal_", (0.0, 1.0, 1.0, 2.0)),
        ("trunc_normal_", (0.0, 0.02)),
        ("orthogonal_", (2.0,)),
        ("sparse_", (0.3, 0.5)),
    ],
)
def test_laws_are_torchs(name: str, arguments: tuple[Any, ...]) -> None:
    """A sample of ours and one of torch's are of one law, as far as 16384 values can tell."""
    ours = getattr(init, name)(np.empty((128, 128), np.float32), *arguments, seed=7).ravel()
    generator = torch.Generator().manual_seed(1)
    theirs = (
        getattr(torch.nn.init, name)(torch.empty(128, 128), *arguments, generator=generator).numpy().ravel()
    )
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-4
    assert ours.min() == pytest.approx(theirs.min(), abs=1.2 * float(theirs.std()))


def test_truncation_is_absolute() -> None:
    """Bounds are values: with a small deviation the defaults cut nothing off, and a far tail is exact."""
    small = init.trunc_normal_(np.empty(100_000), std=0.02, seed=7)
    assert small.std() == pytest.approx(0.02, rel=0.01)
    assert abs(small).max() > 0.06
    far = init.trunc_normal_(np.empty(100_000), 0.0, 1.0, 8.0, math.inf, seed=7)
    assert far.min() >= 8.0
    assert far.mean() == pytest.approx(stats.truncnorm(8, math.inf).mean(), rel=1e-3)
    assert set(init.trunc_normal_(np.empty(10), 0.0, 1.0, 1.5, 1.5).tolist()) == {1.5}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64", "bool", "complex64"])
def test_fixed_values_are_torchs(dtype: str) -> None:
    """What draws nothing has torch's values in every dtype."""
    row = getattr(torch, dtype)
    for shape in ((3, 5), (5, 3), (4, 4)):
        ours, theirs = torch.empty(shape, dtype=row), torch.empty(shape, dtype=row)
        for name in ("eye_", "ones_", "zeros_"):
            assert torch.equal(getattr(init, name)(ours), getattr(torch.nn.init, name)(theirs))
        assert torch.equal(init.constant_(ours, 1), torch.nn.init.constant_(theirs, 1))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, 2, 3), (6, 4, 4, 5), (12, 3, 2, 3, 1)])
def test_dirac_is_torchs(shape: tuple[int, ...], groups: int) -> None:
    """Kernels of even and odd lengths, with more and with fewer inputs than outputs of a group."""
    assert torch.equal(
        init.dirac_(torch.empty(shape), groups), torch.nn.init.dirac_(torch.empty(shape), groups)
    )


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (4, 3, 2, 5), (40, 3, 2, 5), (6, 6)])
def test_orthogonal_is_torchs_way_round(shape: tuple[int, ...]) -> None:
    """Rows are the first axis: whichever of rows and columns are fewer are orthonormal, as torch has them."""
    for function in (init.orthogonal_, torch.nn.init.orthogonal_):
        w = function(torch.empty(shape, dtype=torch.float64), 3.0).reshape(shape[0], -1).numpy()
        product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(product, 9.0 * np.eye(min(w.shape)), rtol=0, atol=1e-12)


def test_sparse_is_torchs() -> None:
    """Every column has torch's number of zeros, at places of its own, and the seed decides on all of it."""
    for sparsity in (0.0, 0.031, 0.5, 1.0):
        ours = init.sparse_(np.empty((100, 30)), sparsity, seed=7)
        theirs = torch.nn.init.sparse_(torch.empty(100, 30), sparsity).numpy()
        assert (ours == 0).sum(axis=0).tolist() == (theirs == 0).sum(axis=0).tolist()
        assert ours.tobytes() == init.sparse_(np.empty((100, 30)), sparsity, seed=7).tobytes()
    assert len({column.tobytes() for column in (init.sparse_(np.empty((100, 30)), 0.5, seed=7) == 0).T}) > 20


@pytest.mark.parametrize("name", DRAWING)
def test_seeds(name: str) -> None:
    """An integer repeats itself, a generator starts there and advances; those of other libraries do not."""
    generator = ik.SeedGenerator(7)
    fixed, first, second = (
        _call(name, np.empty((8, 6)), seed=seed).tobytes() for seed in (7, generator, generator)
    )
    assert fixed == first != second
    assert fixed == _call(name, np.empty((8, 6)), seed=np.int64(7)).tobytes()
    with pytest.raises(ArgumentTypeError, match=r"SeedGenerator\(generator\.initial_seed\(\)\)"):
        _call(name, np.empty((8, 6)), seed=torch.Generator())
    with pytest.raises(ArgumentTypeError, match="integers from 0 up"):
        _call(name, np.empty((8, 6)), seed=0.5)
    with pytest.raises(ArgumentError, match="negative"):
        _call(name, np.empty((8, 6)), seed=-1)


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "message"),
    [
        ("uniform_", (3,), (1.0, 0.0), r"`a` cannot be above `b`. Received: a=1.0, b=0.0"),
        ("uniform_", (3,), (0.0, math.inf), r"`b` is out of range"),
        ("normal_", (3,), (0.0, -1.0), r"`std` is out of range"),
        ("normal_", (3,), (math.nan,), r"`mean` is out of range"),
        ("trunc_normal_", (3,), (0.0, 1.0, 2.0, 1.0), r"`a` cannot be above `b`"),
        ("trunc_normal_", (3,), (0.0, 1.0, math.nan), r"`a` is out of range"),
        ("trunc_normal_", (3,), (0.0, -1.0), r"`std` is out of range"),
        ("eye_", (3,), (), r"2D"),
        ("eye_", (3, 3, 3), (), r"2D"),
        ("dirac_", (3, 3), (), r"three to five axes"),
        ("dirac_", (3, 3, 3, 3, 3, 3), (), r"three to five axes"),
        ("dirac_", (4, 3, 3), (3,), r"divided into groups"),
        ("dirac_", (4, 3, 3), (0,), r"`groups` is out of range"),
        ("orthogonal_", (3,), (), r"two-dimensional"),
        ("sparse_", (3,), (0.5,), r"Received"),
        ("sparse_", (3, 3), (1.5,), r"`sparsity`"),
        ("sparse_", (3, 3), (-0.1,), r"`sparsity`"),
    ],
)
def test_refusals(name: str, shape: tuple[int, ...], arguments: tuple[Any, ...], message: str) -> None:
    """What torch refuses, or takes in silence, is a ValueError that names the argument, and fills nothing."""
    array = np.full(shape, 5.0)
    with pytest.raises(ArgumentError, match=message) as caught:
        getattr(init, name)(array, *arguments)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ShapeError) == (
        len(arguments) == 0 or "divided" in message or (shape == (3,) and name == "sparse_")
    )
    assert (array == 5.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_refuses_what_it_cannot_fill(name: str) -> None:
    """A list and a tensor without memory are no targets."""
    for target in ([[1.0]], None, torch.empty(_shape(name), device="meta")):
        with pytest.raises((ArgumentTypeError, ShapeError)):
            _call(name, target)


@pytest.mark.parametrize("name", DRAWING)
def test_integers_cannot_be_drawn(name: str) -> None:
    """An array of integers is refused."""
    with pytest.raises(ArgumentTypeError, match="integer"):
        _call(name, np.empty((8, 6), np.int32))
