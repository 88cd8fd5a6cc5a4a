"""DepthScaled: the factors against their formulas, and the residual streams that they keep bounded."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import FLOAT32
from initkit.initializers.depth import RULES

DEPTHS = (1, 2, 6, 7, 18, 100, 1000)


def _power(base: int, numerator: int, denominator: int) -> Any:
    with mpmath.workprec(200):
        return mpmath.mpf(base) ** (mpmath.mpf(numerator) / denominator)


def _cases() -> list[tuple[dict[str, Any], Any]]:
    cases: list[tuple[dict[str, Any], Any]] = []
    for n in DEPTHS:
        cases += [
            ({"rule": "gpt2", "depth": n}, _power(2 * n, -1, 2)),
            ({"rule": "llama", "layer": n - 1}, _power(2 * n, -1, 2)),
            ({"rule": "deepnorm", "depth": n}, _power(8 * n, -1, 4)),
            ({"rule": "deepnorm_decoder", "decoder_depth": n}, _power(12 * n, -1, 4)),
            ({"rule": "t_fixup_encoder", "depth": n}, mpmath.mpf("0.67") * _power(n, -1, 4)),
            ({"rule": "t_fixup_decoder", "decoder_depth": n}, _power(9 * n, -1, 4)),
            ({"rule": "depth_mup", "depth": n}, _power(n, -1, 2)),
            ({"rule": "complete_p", "depth": n}, _power(n, -1, 1)),
        ]
        for m in (2, 3, 5):
            cases.append(({"rule": "fixup", "depth": n, "branch_layers": m}, _power(n, -1, 2 * m - 2)))
        for m in (1, 6, 18):
            expected = mpmath.mpf("0.87") * _power(n**4 * m, -1, 16)
            cases.append(({"rule": "deepnorm_encoder", "depth": n, "decoder_depth": m}, expected))
    return cases


def test_factors() -> None:
    """Every factor is its formula's, to the rounding of a few operations."""
    cases = _cases()
    assert {arguments["rule"] for arguments, _ in cases} == set(RULES)
    for arguments, expected in cases:
        assert ik.DepthScaled("ones", **arguments).factor == pytest.approx(float(expected), rel=2e-15)


def test_values_are_scaled_draws() -> None:
    """The values are the initializer's own times the factor."""
    scaled = ik.DepthScaled(ik.HeNormal(seed=7), "complete_p", depth=8)((64, 32))
    assert scaled.tobytes() == (ik.HeNormal(seed=7)((64, 32)) / np.float32(8)).tobytes()
    assert ik.DepthScaled(ik.Orthogonal(seed=7), depth=8).tolerance(FLOAT32) > 0


def _stream(rule: dict[str, Any], blocks: int, branches: int, normalized: bool = True) -> float:
    """The variance of a residual stream of `x + W·norm(x)`, which begins at 1, behind all blocks."""
    width, batch = 128, 32
    x = ik.RandomNormal(0.0, 1.0, seed=1)((batch, width), "float64")
    for number in range(blocks * branches):
        own = {"layer": number // branches} if "layer" in rule else {}
        inner = ik.LecunNormal(seed=ik.SeedGenerator(2).child(str(number)))
        weight = ik.DepthScaled(inner, **{**rule, **own})((width, width), "float64")
        x = x + (x / x.std(axis=1, keepdims=True) if normalized else x) @ weight
    return float(x.var())


@pytest.mark.parametrize("blocks", [4, 32])
def test_residual_streams(blocks: int) -> None:
    """At any depth, the branches together add what the rule allows, and no rule adds as much as the depth."""
    assert _stream({"rule": "gpt2", "depth": blocks}, blocks, 2) == pytest.approx(2.0, rel=0.1)
    assert _stream({"rule": "depth_mup", "depth": blocks}, blocks, 1) == pytest.approx(2.0, rel=0.1)
    assert _stream({"rule": "complete_p", "depth": blocks}, blocks, 1) == pytest.approx(
        1 + 1 / blocks, rel=0.1
    )
    harmonic = sum(1 / number for number in range(1, blocks + 1))
    assert _stream({"rule": "llama", "layer": 0}, blocks, 2) == pytest.approx(1 + harmonic, rel=0.1)
    # Without normalization the variance is (1 + 1/2L)^2L, still below e.
    plain = _stream({"rule": "gpt2", "depth": blocks}, blocks, 2, normalized=False)
    assert plain == pytest.approx((1 + 0.5 / blocks) ** (2 * blocks), rel=0.15)


@pytest.mark.parametrize("depth", [2, 18, 1000])
def test_deepnorm_bounds_the_update(depth: int) -> None:
    """With its α, DeepNorm's β makes the sum over all sublayers of 2β²/α², the bound of an update, 1."""
    alpha = (2 * depth) ** 0.25
    beta = ik.DepthScaled("glorot_normal", "deepnorm", depth=depth).factor
    assert 2 * depth * 2 * beta**2 / alpha**2 == pytest.approx(1.0)
    # A decoder has three sublayers per block, and α = (3M)^(1/4).
    beta = ik.DepthScaled("glorot_normal", "deepnorm_decoder", decoder_depth=depth).factor
    assert 3 * depth * 2 * beta**2 / math.sqrt(3 * depth) == pytest.approx(1.0)


@pytest.mark.parametrize("branch_layers", [2, 3, 4])
def test_fixup_bounds_the_update(branch_layers: int) -> None:
    """A step changes a branch by its learning rate times the squared factors of all but its last layer.

    `L` branches of `m` layers, the last of them 0, so change the network as much as one does without factors.
    """
    for branches in (1, 10, 300):
        last_gradient = ik.DepthScaled(
            "he_normal", "fixup", depth=branches, branch_layers=branch_layers
        ).factor ** (branch_layers - 1)
        assert branches * last_gradient**2 == pytest.approx(1.0)


@pytest.mark.parametrize("depth", [2, 6, 50])
def test_t_fixup_bounds_the_update(depth: int) -> None:
    """Values, output and MLP of 3 sublayers per block, scaled alike, change a decoder by 9·M·f⁴ = 1."""
    factor = ik.DepthScaled("glorot_uniform", "t_fixup_decoder", decoder_depth=depth).factor
    assert 9 * depth * factor**4 == pytest.approx(1.0)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"rule": "gpt3", "depth": 2}, ik.ArgumentError, r"'gpt2', 'llama', .*Did you mean 'gpt2'\?"),
    ({"rule": 2, "depth": 2}, ik.ArgumentTypeError, "`rule` must be text"),
    ({}, ik.ArgumentError, "'gpt2' lacks an argument. Received: depth=None. Allowed: `depth`"),
    ({"rule": "fixup", "depth": 3}, ik.ArgumentError, "Add branch_layers"),
    ({"depth": 3, "layer": 0}, ik.ArgumentError, "'gpt2' does not read `layer`. Received: layer=0"),
    ({"depth": 0}, ik.ArgumentError, "from 1 to"),
    ({"depth": 2.0}, ik.ArgumentTypeError, "`depth` must be an integer"),
    ({"rule": "llama", "layer": -1}, ik.ArgumentError, "from 0 to"),
    ({"rule": "fixup", "depth": 3, "branch_layers": 1}, ik.ArgumentError, "from 2 to"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """A rule takes its own numbers, all of them and no others."""
    with pytest.raises(error, match=message):
        ik.DepthScaled("he_normal", **arguments)


def test_wrong_calls() -> None:
    """No integers can be scaled, and nothing but initializers."""
    with pytest.raises(ik.DTypeError, match="DepthScaled cannot make integer values"):
        ik.DepthScaled("ones", depth=2)((3,), "int8")
    with pytest.raises(ik.ArgumentTypeError, match="`initializer` must be an initializer"):
        ik.DepthScaled(None, depth=2)
