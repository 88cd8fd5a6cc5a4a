"""Units of work: complete, in order, with the values of the whole, however they are cut."""

from __future__ import annotations

import pickle
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import initkit as ik
from initkit.recipe.building.units import Unit, cut_units, draw_unit, drawn_whole, split_unit, tensors_in
from initkit.recipe.planning.planned import PlannedTensor
from tests.recipe.texts import plan_of, tensors_and_rules

Array: TypeAlias = np.ndarray[Any, Any]

TENSORS = """
scalar: {shape: [], dtype: float64}
z: {shape: [4], dtype: complex64}
a: [5, 7, 3]
none: [0, 4]
s.{0..9}: [2, 2]
square: [8, 8]
mine: [6]
b: {shape: [101], dtype: bfloat16}
flags: {shape: [13], dtype: bool}
"""
RULES = (
    "{match: flags, init: ones}",
    "{match: square, init: orthogonal}",
    "{match: mine, init: tests_of_units>Nested}",
    "{match: '*', init: random_normal}",
)


@ik.register("tests_of_units")
class Nested(ik.Initializer):
    """A class of a user's own that draws with initializers that have no seed."""

    def __call__(self, shape: object, dtype: object = None) -> object:
        return ik.RandomNormal()(shape, dtype) + ik.RandomNormal()(shape, dtype)


PLAN = plan_of(tensors_and_rules(TENSORS, *RULES))
BYTES = sum(tensor.nbytes for tensor in PLAN.tensors)
# What calls make; of the class without a seed the first drawing.
WHOLE = {}
for _tensor in PLAN.tensors:
    with _tensor.drawing() as _values:
        WHOLE[_tensor.name] = np.asarray(_values)


def _drawn(units: list[Unit], origin: int = 0) -> dict[str, Array]:
    """All values by name, put together from the units; fails on a gap, an overlap or a disorder."""
    end = origin
    parts: dict[str, list[Array]] = {tensor.name: [] for tensor in PLAN.tensors}
    for unit in units:
        assert unit.start == end
        assert unit.nbytes > 0
        end += unit.nbytes
        out = np.empty(unit.nbytes, np.uint8)
        draw_unit(PLAN.tensors, unit, out)
        for tensor, start, values in tensors_in(PLAN.tensors, unit, out):
            assert start == sum(part.size for part in parts[tensor.name])
            assert values.flags.aligned
            parts[tensor.name].append(values)
    assert end == origin + BYTES
    return {
        tensor.name: np.concatenate(parts[tensor.name] or [np.empty(0, tensor.dtype.numpy)]).reshape(
            tensor.shape
        )
        for tensor in PLAN.tensors
    }


def _assert_whole(found: dict[str, Array]) -> None:
    for name, expected in WHOLE.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def _assert_no_larger(units: list[Unit], nbytes: int) -> None:
    """Only a tensor that has to be drawn whole, or a single element, makes a unit larger than asked."""
    for unit in units:
        tensor = PLAN.tensors[unit.first]
        alone = unit.last - unit.first == 1 and drawn_whole(tensor)
        assert unit.nbytes <= max(nbytes, tensor.dtype.numpy.itemsize) or alone


@given(st.integers(1, 2000), st.integers(0, 100))
def test_units_of_any_size_make_the_same_tensors(unit_bytes: int, origin: int) -> None:
    """However small the units, together they are the arrays that the initializers' calls return."""
    units = list(cut_units(PLAN.tensors, unit_bytes, file=3, origin=origin))
    _assert_whole(_drawn(units, origin))
    assert {unit.file for unit in units} == {3}
    _assert_no_larger(units, unit_bytes)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_units_are_cut_again(unit_bytes: int, piece_bytes: int) -> None:
    """Units cut into smaller ones make the same bytes, from the same positions."""
    units = list(cut_units(PLAN.tensors, unit_bytes))
    pieces = [piece for unit in units for piece in split_unit(PLAN.tensors, unit, piece_bytes)]
    _assert_no_larger(pieces, piece_bytes)
    _assert_whole(_drawn(pieces))


def test_whole_tensors_are_those_that_cannot_be_parted() -> None:
    """Matrix products, and classes that only define a call, are drawn whole; nothing else is."""
    assert [tensor.name for tensor in PLAN.tensors if drawn_whole(tensor)] == ["square", "mine"]


def test_runs_of_tiny_tensors_end_somewhere() -> None:
    """Many tiny tensors are several units, since each costs time of its own."""
    plan = plan_of(tensors_and_rules("'w.{0..9999}': [1]", "{match: '*', init: ones}"))
    units = list(cut_units(plan.tensors, 1 << 30))
    assert [unit.last - unit.first for unit in units] == [4096, 4096, 1808]


def test_a_tensor_larger_than_any_machine_is_cut_at_once() -> None:
    """Cutting costs nothing for each element, and a unit from the far end is drawn alone."""
    text = "w: {shape: [2000000, 1000, 500], dtype: bfloat16}"
    tensors = plan_of(tensors_and_rules(text, "{match: w, init: he_normal}")).tensors
    whole = Unit(0, 0, 1, ((0, 2_000_000), (0, 1000), (0, 500)), 0, 2 * 10**12)
    (*_, unit) = split_unit(tensors, whole, 10**9)
    (*_, last) = split_unit(tensors, unit, 1 << 16)
    out = np.empty(last.nbytes, np.uint8)
    draw_unit(tensors, last, out)
    with tensors[0].drawing() as values:
        expected = values[-1, -1, -3:]
    assert last.start + last.nbytes == 2 * 10**12
    np.testing.assert_array_equal(out.view(expected.dtype)[-3:], expected)


def test_units_travel() -> None:
    """A unit is plain numbers that any process can be sent."""
    for unit in cut_units(PLAN.tensors, 100):
        assert pickle.loads(pickle.dumps(unit)) == unit


@pytest.mark.parametrize("position", range(3))
def test_first_index_of_a_part(position: int) -> None:
    """The position that is told of a part is its first value's row-major index in the whole."""
    tensors: tuple[PlannedTensor, ...] = tuple(tensor for tensor in PLAN.tensors if tensor.name == "a")
    unit = Unit(0, 0, 1, ((2, 1), (4, 1), (position, 1)), 0, 4)
    ((_, start, _),) = tensors_in(tensors, unit, np.empty(4, np.uint8))
    assert start == np.ravel_multi_index((2, 4, position), (5, 7, 3))
