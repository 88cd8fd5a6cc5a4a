"""Pieces of tensors: complete, in order, with the values of the whole, and gone when something fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import initkit as ik
from initkit.recipe.drawing import Piece, draw_pieces
from tests.recipe.texts import plan_of, tensors_and_rules

Array: TypeAlias = np.ndarray[Any, Any]

TENSORS = """
a: [5, 7, 3]
empty: [0, 4]
b: {shape: [101], dtype: bfloat16}
scalar: {shape: [], dtype: float64}
flags: {shape: [13], dtype: bool}
square: [8, 8]
"""
RULES = (
    "{match: flags, init: ones}",
    "{match: square, init: orthogonal}",
    "{match: '*', init: random_normal}",
)
PLAN = plan_of(tensors_and_rules(TENSORS, *RULES))


def _gathered(piece_bytes: int, progress: Callable[[int, int], None] | None = None) -> dict[str, Array]:
    """All values by name, put together from the pieces; fails on a gap, an overlap or a disorder."""
    values: dict[str, list[Array]] = {tensor.name: [] for tensor in PLAN.tensors}
    done: dict[str, int] = dict.fromkeys(values, 0)
    names = []

    def consume(piece: Piece) -> None:
        name = piece.tensor.name
        names.append(name)
        assert piece.start == done[name]
        assert piece.values.flags.aligned
        done[name] += piece.values.size
        values[name].append(piece.values.copy())

    draw_pieces(PLAN.tensors, consume, progress=progress, piece_bytes=piece_bytes)
    assert names == sorted(names, key=list(values).index)
    return {
        tensor.name: np.concatenate(values[tensor.name] or [np.empty(0, tensor.dtype.numpy)]).reshape(
            tensor.shape
        )
        for tensor in PLAN.tensors
    }


@given(st.integers(1, 2000))
def test_pieces_of_any_size_make_the_same_tensors(piece_bytes: int) -> None:
    """However small the pieces, together they are the arrays that the initializers' calls return."""
    for tensor in PLAN.tensors:
        found = _gathered(piece_bytes)[tensor.name]
        expected = tensor.initializer.clone()(tensor.shape, tensor.dtype.name)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_progress_counts_every_byte() -> None:
    """Progress rises to the bytes of all tensors, which it knows from the start."""
    calls: list[tuple[int, int]] = []
    _gathered(64, lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert done[-1] == PLAN.nbytes
    assert {call[1] for call in calls} == {PLAN.nbytes}


def test_one_piece_is_consumed_at_a_time() -> None:
    """A consumer need not protect itself from itself, and it is not the caller's thread that it runs in."""
    alone = threading.Lock()

    def consume(piece: Piece) -> None:
        assert alone.acquire(blocking=False)
        assert threading.current_thread() is not threading.main_thread()
        time.sleep(0.002)
        alone.release()

    draw_pieces(PLAN.tensors, consume, piece_bytes=64)


def test_nothing_to_draw() -> None:
    """No tensors make no pieces."""
    draw_pieces((), lambda piece: pytest.fail("a piece of nothing"))


def test_an_error_of_the_consumer_ends_drawing() -> None:
    """What the consumer raises comes out in the caller's thread, and no further piece is consumed."""
    seen: list[int] = []

    def consume(piece: Piece) -> None:
        seen.append(piece.start)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        draw_pieces(PLAN.tensors, consume, piece_bytes=64)
    # Pieces that were handed over before the error was noticed are not many.
    assert len(seen) <= 3


def test_no_thread_is_left_after_an_interrupt() -> None:
    """An exception while drawing, such as Ctrl-C, leaves when the consumer has finished what it had begun."""
    busy = threading.Event()

    def consume(piece: Piece) -> None:
        busy.set()
        busy.wait(0.01)
        busy.clear()

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_pieces(PLAN.tensors, consume, progress=interrupt, piece_bytes=64)
    assert not busy.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("initkit-pieces")]


@ik.register("tests_of_drawing")
class Nested(ik.Initializer):
    """A class of a user's own that draws with initializers that have no seed."""

    def __call__(self, shape: object, dtype: object = None) -> object:
        return ik.RandomNormal()(shape, dtype) + ik.RandomNormal()(shape, dtype)


def test_unseeded_draws_inside_a_class_grow_from_the_name() -> None:
    """A class without a seed that draws unseeded gives every tensor values of its own, always the same."""
    plan = plan_of(tensors_and_rules("a: [50]\nb: [50]", "{match: '*', init: tests_of_drawing>Nested}"))
    values: list[dict[str, list[Array]]] = []
    for piece_bytes in (40, 4000):
        values.append({"a": [], "b": []})
        found = values[-1]

        def keep(piece: Piece, found: dict[str, list[Array]] = found) -> None:
            found[piece.tensor.name].append(piece.values.copy())

        draw_pieces(
            plan.tensors,
            keep,
            piece_bytes=piece_bytes,
        )
    first, second = ({name: np.concatenate(parts) for name, parts in found.items()} for found in values)
    np.testing.assert_array_equal(first["a"], second["a"])
    np.testing.assert_array_equal(first["b"], second["b"])
    assert not np.any(first["a"] == first["b"])
    assert first["a"].std() > 0.05
