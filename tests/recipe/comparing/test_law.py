"""What is said of an initializer: bounds that values keep to and reach, formulas, parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentError
from initkit.recipe.comparing.law import Bounds, bounds_of, formula_of, law_of
from tests.catalogue import ENTRIES, Entry

FLOAT32 = resolve_dtype("float32")

BOUNDED = [
    entry for entry in ENTRIES if entry.large is not None and "float32" in entry.dtypes and entry.exact
]


def _shapes(entry: Entry) -> Iterator[tuple[int, ...]]:
    """Shapes with as many values as make sense."""
    assert entry.large is not None
    yield tuple(min(length, 300) for length in entry.large)
    yield entry.large
    yield from entry.shapes


def _fits(initializer: ik.Initializer, shape: tuple[int, ...]) -> bool:
    try:
        initializer.check(shape, FLOAT32)
    except ArgumentError:
        return False
    return True


@pytest.mark.parametrize("entry", BOUNDED, ids=str)
def test_bounds_are_those_of_the_values(entry: Entry) -> None:
    """No value is outside by more than a rounding, and many values come close to both ends."""
    initializer = entry.make(seed=7)
    shape = next(shape for shape in _shapes(entry) if _fits(initializer, shape))
    bounds = bounds_of(initializer, shape, FLOAT32)
    if bounds is None:
        return
    values = initializer(shape).astype(np.float64)
    least, greatest = float(values.min()), float(values.max())
    rounding = 1e-6 * max(abs(least), abs(greatest))
    assert bounds.low - rounding <= least
    assert greatest <= bounds.high + rounding
    if np.isfinite(bounds).all():
        assert greatest - least >= 0.97 * (bounds.high - bounds.low)


def test_bounds_of_special_laws() -> None:
    """One-sided and absolute bounds, laws without deviation, complex ones, none, and of parts together."""
    for initializer, bounds in (
        (ik.TruncatedNormal(1.0, 2.0, lower=-1.0, upper=float("inf")), Bounds(-1.0, float("inf"))),
        (ik.TruncatedNormal(1.0, 2.0, lower=-1.0, upper=3.0, bounds="absolute"), Bounds(-1.0, 3.0)),
        (ik.TruncatedNormal(1.0, 0.0, lower=-float("inf"), upper=float("inf")), Bounds(1.0, 1.0)),
        (ik.TruncatedNormal(1.0, 2.0, lower=-float("inf"), upper=float("inf")), None),
        (ik.RandomNormal(), None),
        (ik.Scale(ik.RandomUniform(-1.0, 2.0), -2.0), Bounds(-4.0, 2.0)),
        (ik.Scale(ik.RandomNormal(), -2.0), None),
        (ik.Stack([ik.Ones(), ik.Zeros()]), Bounds(0.0, 1.0)),
        (ik.Stack([ik.Ones(), ik.RandomNormal()]), None),
        (ik.Transpose(ik.Constant(3.0)), Bounds(3.0, 3.0)),
        (ik.Identity(-2.0), Bounds(-2.0, 0.0)),
        (ik.Constant(1j), None),
        (ik.LoRA("B", "gaussian"), Bounds(0.0, 0.0)),
        (ik.LoRA("A", "gaussian"), None),
    ):
        assert bounds_of(initializer, (2, 2), FLOAT32) == bounds, initializer
    assert bounds_of(ik.Identity(2.0), (1, 1), FLOAT32) == Bounds(2.0, 2.0)
    assert bounds_of(ik.RandomUniform(), (2,), resolve_dtype("complex64")) is None
    assert bounds_of(ik.Ones(), (0, 2), FLOAT32) is None


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_every_law_can_be_told(entry: Entry) -> None:
    """There is something to say of every class, at every shape: its moments among it."""
    initializer = entry.make(seed=7)
    for shape in entry.shapes:
        dtype = resolve_dtype(entry.dtype)
        law = law_of(initializer, shape, dtype)
        assert law.summary.endswith(".")
        assert law.formula
        assert "seed" not in law.text
        moments = initializer.moments(shape, dtype)
        assert repr((law.mean, law.std)) == repr(tuple(moments or (None, None)))


def test_arguments_are_those_that_matter() -> None:
    """What is given, and what the formula names; defaults that it does not name are left out."""
    law = law_of(ik.VarianceScaling(2.0, mode="fan_out", layout="torch"), (4, 8), FLOAT32)
    assert dict(law.arguments) == {"scale": 2.0, "mode": "fan_out", "layout": "torch"}
    assert law.fans is not None
    assert (law.fans.fan_in, law.fans.fan_out) == (8, 4)
    assert str(law.fans) == "fan_in=8, fan_out=4, receptive field 1, read as O=4 I=8"
    assert law.text == "{variance_scaling: {scale: 2.0, mode: fan_out, layout: torch}}"


def test_tables_are_cut_to_the_line_that_holds() -> None:
    """Of a formula that is a table by an argument, the head and the line of its value are left."""
    assert (formula_of(ik.DepthScaled) or "").count("\n|") > 5
    law = law_of(ik.DepthScaled("zeros", rule="depth_mup", depth=4), (2,), FLOAT32)
    assert law.formula is not None
    assert [line.split(" | ")[:2] for line in law.formula.split("\n")[1:]] == [
        ["| rule", "factor"],
        ['| "depth_mup"', "1/√L"],
    ]


def test_classes_of_ones_own() -> None:
    """A class without formula and moments, and with a config of its own, is told by its name."""

    @ik.register("tests.law")
    class Marquee(ik.Initializer):
        def __init__(self, width: float = 1.0) -> None:
            self.half = width / 2

        def get_config(self) -> dict[str, Any]:
            return {"width": 2 * self.half}

        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.full(shape, self.half, dtype)

    law = law_of(Marquee(3.0), (2,), FLOAT32)
    assert law.text == "{tests.law>Marquee: {width: 3.0}}"
    assert (law.formula, law.mean, law.std, law.bounds, law.parts) == (None, None, None, None, ())


def test_parts_of_a_fused_tensor() -> None:
    """Neighbours of equal law and shape are one part; each has its own shape, fans and moments."""
    fused = ik.Blocks(["glorot_uniform", "glorot_uniform", "zeros"], [2, 2, 1], names=["q", "k", "v"])
    law = law_of(fused, (4, 10), FLOAT32)
    assert [(label, part.text, part.shape) for label, part in law.parts] == [
        ("2 blocks along axis -1: q, k", "glorot_uniform", (4, 4)),
        ("block along axis -1: v", "zeros", (4, 2)),
    ]
    assert str(law.parts[0][1].fans) == "fan_in=4, fan_out=4, receptive field 1, read as I=4 O=4"
    ((label, part),) = law_of(ik.Stack("he_normal"), (64, 4, 2), FLOAT32).parts
    assert (label, part.shape) == ("64 slices along axis 0: 0 to 63", (4, 2))
    parts = law_of(ik.Overwrite("he_normal", "0", ik.Ones()), (3, 2), FLOAT32).parts
    assert [(label, part.shape) for label, part in parts] == [("initializer", (3, 2)), ("value at [0]", (2,))]
    ((_, part),) = law_of(ik.Transpose("he_normal"), (3, 2), FLOAT32).parts
    assert part.shape == (2, 3)
