"""The makers whose names say the dtype: twenty names, their dtypes, laws and bits."""

from __future__ import annotations

import inspect
import math
import pickle
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit import functional as init
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.functional import typed
from tests import stream_reference as reference

DTYPES = {"16": "float16", "32": "float32", "64": "float64", "C32": "complex64", "C64": "complex128"}
MAKERS = {
    f"{law}{suffix}": (law, dtype)
    for law in ("zeros", "ones", "rand", "randn")
    for suffix, dtype in DTYPES.items()
}


def _generator() -> ik.SeedGenerator:
    return ik.SeedGenerator(7)


def test_names_are_theirs() -> None:
    """There are exactly the twenty, and each is a documented function of its name."""
    assert {
        name for name in init.__all__ if name.startswith(("zeros", "ones", "rand")) and name[-1] != "_"
    } == set(MAKERS)
    for name in MAKERS:
        maker = getattr(init, name)
        assert (maker.__name__, maker.__qualname__, maker.__module__) == (name, name, typed.__name__)
        assert f">>> init.{name}(" in (inspect.getdoc(maker) or "")
        assert pickle.loads(pickle.dumps(maker)) is maker


@pytest.mark.parametrize("name", MAKERS)
def test_call_forms(name: str) -> None:
    """With and without a generator, lengths apart, as one or later: the dtype is that of the name."""
    maker = getattr(init, name)
    expected = maker(_generator(), 2, 5)
    assert expected.shape == (2, 5)
    assert expected.dtype == MAKERS[name][1]
    forms: list[Any] = [
        lambda: maker(_generator(), (2, 5)),
        lambda: maker(_generator())(2, 5),
        lambda: maker()(_generator(), 2, 5),
        lambda: maker()()(_generator(), (2, 5)),
    ]
    for form in forms:
        assert form().dtype == expected.dtype
        assert form().tobytes() == expected.tobytes()
    assert maker(2, 5).dtype == expected.dtype
    assert maker(()).shape == ()
    assert maker(0, 3).shape == (0, 3)
    assert repr(maker(_generator())) == f"{name}(SeedGenerator(7))"


@pytest.mark.parametrize("name", MAKERS)
def test_no_dtype_is_taken(name: str) -> None:
    """The name has the dtype: another one, and the same one, are refused in every place."""
    maker = getattr(init, name)
    dtype = MAKERS[name][1]
    calls: list[Any] = [
        lambda: maker(np.dtype(dtype), 2, 5),
        lambda: maker(_generator(), dtype, 2, 5),
        lambda: maker(2, 5, dtype=dtype),
        lambda: maker(dtype="int8"),
        lambda: maker()("float32", 2, 5),
        lambda: maker()(2, 5, dtype="float32"),
    ]
    for call in calls:
        with pytest.raises(ArgumentError, match=rf"{name} has its dtype in its name. Received: dtype '"):
            call()
    with pytest.raises(ArgumentTypeError, match=rf"{name}\(generator, 2, 5\)"):
        maker(2.5)


@pytest.mark.parametrize("suffix", DTYPES)
def test_constants(suffix: str) -> None:
    """Zeros and ones are zeros and ones, and draw nothing."""
    generator = _generator()
    assert not getattr(init, f"zeros{suffix}")(generator, 3, 4).any()
    assert (getattr(init, f"ones{suffix}")(generator, 3, 4) == 1).all()
    assert generator.draws == 0


@pytest.mark.parametrize(("suffix", "dtype"), DTYPES.items())
def test_bits_are_the_streams(suffix: str, dtype: str) -> None:
    """Values are those of the class; those of complex rand are pairs of the draw with one more axis of 2."""
    normal = getattr(init, f"randn{suffix}")(_generator(), 30, 4)
    assert normal.tobytes() == ik.RandomNormal(0.0, 1.0, seed=7)((30, 4), dtype).tobytes()
    uniform = getattr(init, f"rand{suffix}")(_generator(), 30, 4)
    if suffix.startswith("C"):
        part = uniform.real.dtype
        pairs = ik.RandomUniform(0.0, 1.0, seed=7)((30, 4, 2), part)
        assert uniform.tobytes() == pairs.tobytes()
        identity = reference.draw_identity(7)
        words = [reference.uniform(identity, index, wide=part == np.float64) for index in range(240)]
        assert uniform.view(part).ravel().tolist() == words
    else:
        assert uniform.tobytes() == ik.RandomUniform(0.0, 1.0, seed=7)((30, 4), dtype).tobytes()


@pytest.mark.parametrize("suffix", DTYPES)
def test_uniform_law(suffix: str) -> None:
    """Each part is uniform on [0, 1), as in Julia, and the parts of one value are independent."""
    values = getattr(init, f"rand{suffix}")(_generator(), 40_000)
    parts = [values.real, values.imag] if suffix.startswith("C") else [values]
    for part in parts:
        assert part.min() >= 0
        assert part.max() < 1 or (suffix == "16" and part.max() == 1)
        # The steps of float16 are wide enough for the test to see them.
        assert stats.kstest(part.astype(np.float64), "uniform").pvalue > 1e-4
    if len(parts) == 2:
        assert abs(np.corrcoef(*parts)[0, 1]) < 5 / math.sqrt(values.size)


@pytest.mark.parametrize("suffix", DTYPES)
def test_normal_law(suffix: str) -> None:
    """Real values have variance 1; complex ones in total, as Julia's own `randn`, where theirs have 2."""
    values: Any = getattr(init, f"randn{suffix}")(_generator(), 40_000)
    assert (abs(values.astype(np.complex128)) ** 2).mean() == pytest.approx(1.0, rel=0.03)
    parts = [values.real, values.imag] if suffix.startswith("C") else [values]
    for part in parts:
        assert stats.kstest(part.astype(np.float64), stats.norm(0, len(parts) ** -0.5).cdf).pvalue > 1e-4
    if len(parts) == 2:
        assert abs(np.corrcoef(*parts)[0, 1]) < 5 / math.sqrt(values.size)
