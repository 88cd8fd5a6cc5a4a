"""LoRA: adapters that change nothing at first, with the laws of the paper's code and of peft."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import initkit as ik


@pytest.mark.parametrize("method", ["kaiming_uniform", "gaussian", "embedding"])
@pytest.mark.parametrize("layout", ["torch", "keras"])
def test_an_adapter_changes_nothing_at_first(method: str, layout: str) -> None:
    """One factor is zeros, the other is not: the product is 0, and gradients reach the factor of zeros."""
    shapes = ((8, 64), (32, 8)) if layout == "torch" else ((64, 8), (8, 32))
    a = ik.LoRA("A", method, layout=layout, seed=7)(shapes[0])
    b = ik.LoRA("B", method, layout=layout, seed=7)(shapes[1])
    assert a.any() != b.any()
    assert a.any() == (method != "embedding")
    assert not (b @ a if layout == "torch" else a @ b).any()
    zeros = b if a.any() else a
    # Of one sign: -0.0 is another bit pattern, and nobody asked for it.
    assert not np.signbit(zeros).any()


@pytest.mark.parametrize("shape", [(8, 64), (4, 16, 3, 3)])
def test_uniform_law_is_the_codes(shape: tuple[int, ...]) -> None:
    """A's law is that of PyTorch's kaiming_uniform_ with a = √5, for matrices and kernels."""
    values = ik.LoRA(layout="torch", seed=7)((shape[0] * 100, *shape[1:]), "float64").ravel()
    empty = torch.empty((shape[0] * 100, *shape[1:]), dtype=torch.float64)
    theirs = torch.nn.init.kaiming_uniform_(empty, math.sqrt(5), generator=torch.Generator().manual_seed(7))
    assert stats.ks_2samp(values, theirs.ravel().numpy()).pvalue > 1e-4
    limit = 1 / math.sqrt(math.prod(shape[1:]))
    assert 0.999 * limit < np.abs(values).max() <= limit
    moments = ik.LoRA(layout="torch").moments(shape)
    assert moments == pytest.approx((0.0, limit / math.sqrt(3)))


def test_ranks() -> None:
    """The Gaussian law's deviation is one over the rank: the outputs of A, by its layout, or as given."""

    def std(shape: tuple[int, ...], **arguments: Any) -> float:
        return ik.LoRA("A", "gaussian", **arguments).moments(shape).std

    assert std((64, 8)) == std((8, 64), layout="torch") == std((8, 64, 3, 3), layout="torch") == 1 / 8
    assert std((4, 64, 8), layout="BIO") == std((64, 4, 2), layout="IOO") == 1 / 8
    assert std((8, 16, 3, 3), layout="torch", groups=4) == 1 / 8
    assert std((8, 64), input_axes=[1], output_axes=[0]) == 1 / 8
    assert std((64, 16), rank=8) == 1 / 8
    assert std((64, 0)) == 1.0
    values = ik.LoRA("A", "gaussian", seed=7)((4096, 8)).ravel()
    assert stats.kstest(values, stats.norm(0, 1 / 8).cdf).pvalue > 1e-4


def test_embeddings() -> None:
    """The adapter of a table of embeddings begins with A = 0 and a standard normal B."""
    values = ik.LoRA("B", "embedding", layout="torch", seed=7)((512, 64)).ravel()
    assert stats.kstest(values, stats.norm.cdf).pvalue > 1e-4
    assert ik.LoRA("B", "embedding").moments((512, 64)) == (0.0, 1.0)
    assert ik.LoRA("A", "embedding").moments((512, 64)) == (0.0, 0.0)


def test_complex_values() -> None:
    """Complex factors have the same total variance, or are zeros."""
    values = ik.LoRA("A", seed=7)((64, 512), "complex64")
    assert np.mean(np.abs(values) ** 2) == pytest.approx(1 / (3 * 64), rel=0.03)
    values = ik.LoRA("A", "gaussian", seed=7)((4096, 8), "complex64")
    assert np.mean(np.abs(values) ** 2) == pytest.approx(1 / 64, rel=0.03)
    assert not ik.LoRA("B", seed=7)((8, 4), "complex64").any()


# Wrong types are wrong to the type checker, too.
untyped: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: untyped.LoRA("C"),
        ik.ArgumentError,
        "`part` has no such value. Received: part='C'. Allowed: 'A', 'B'",
    ),
    (lambda: untyped.LoRA("A", "normal"), ik.ArgumentError, "'kaiming_uniform', 'gaussian', 'embedding'"),
    (lambda: untyped.LoRA(rank=0), ik.ArgumentError, "`rank` is out of range"),
    (lambda: untyped.LoRA(rank="8"), ik.ArgumentTypeError, "`rank` must be an integer"),
    (lambda: untyped.LoRA("B", seed=7)((3, 3), "int8"), ik.DTypeError, "LoRA cannot make integer"),
    (lambda: untyped.LoRA("B", layout="OIHW")((3, 3)), ik.ShapeError, "does not fit the shape"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(call: Any, error: type[Exception], message: str) -> None:
    """Parts, methods and ranks that no adapter has are refused."""
    with pytest.raises(error, match=message):
        call()
